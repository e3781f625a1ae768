"""A case of a file of test vectors, which remembers what of it was looked at."""

COMMON = {"name", "comment", "source", "kind", "error"}


class Mismatch(Exception):
    """A case that was accepted, with another result than the vector's."""


class Case:
    """The fields of a case; remembers which of them were looked at."""

    def __init__(self, fields, shared):
        self.fields, self.shared, self.seen = fields, shared, set(COMMON)

    def get(self, name, default=None):
        """A field that may be missing."""
        self.seen.add(name)
        return self.fields.get(name, default)

    def __getitem__(self, name):
        self.seen.add(name)
        return self.fields[name]

    def hex(self, name):
        """A field of bytes."""
        return bytes.fromhex(self[name])

    def hexes(self, name):
        """A field that is a list of bytes."""
        return [bytes.fromhex(item) for item in self[name]]

    def certificate(self, identifier):
        """A certificate that the whole file shares."""
        return bytes.fromhex(self.shared["certificates"][identifier])

    def expect(self, name, value):
        """The result for a field is as the vector says."""
        if self[name] != value:
            raise Mismatch(f"{name}: {value!r} instead of {self[name]!r}")

    @property
    def is_good(self):
        """Whether the case is to be accepted."""
        return "error" not in self.fields

    def finish(self):
        """Every field of a good case was looked at."""
        unseen = set(self.fields) - self.seen
        if self.is_good and unseen:
            raise Mismatch(f"fields nothing looked at: {sorted(unseen)}")
