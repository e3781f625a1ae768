"""Section 20: which credentials of a number stand, and what became of its registrations."""

import hashlib
from dataclasses import dataclass, field

import leaf as leaves
import registration as registrations
import statement as statements
from refusal import Refused, require

MOST_STEPS = 9
APPROVE = 0


@dataclass
class Credential:
    """A credential of the number; `ca` is the one that it stands below."""

    entry: dict
    index: int
    leaves: list = field(default_factory=list)
    stood: int | None = None
    ca: "Credential | None" = None
    disputed: bool = False
    repeated_id: bool = False

    def has_expired(self, now):
        """Whether it has expired at this second."""
        return now > self.entry[5]

    def steps_below(self, other):
        """How many steps it stands below another one, None where it does not; 0 below itself."""
        above, steps = self, 0
        while above is not None and above is not other:
            above, steps = above.ca, steps + 1
        return None if above is None else steps


class Standing:
    """Goes through the leaves that carry one label."""

    def __init__(self, log_id, label, data):
        self.log_id, self.label = log_id, label
        self.credentials, self.by_leaf, self.leader = [], {}, None
        self.found, self.raw, self.said = {}, {}, set()
        self.registrations, self.ends, self.open = [], {}, set()
        self.faulty_statements = []
        last = None
        for item in data:
            leaf = leaves.read(item)
            self._check_place(leaf, last)
            KINDS[leaf.entry_type](self, leaf)
            self.found[leaf.index], self.raw[leaf.index], last = leaf, item, leaf

    def _check_place(self, leaf, last):
        """It carries the label, by rising index, and the time does not go down."""
        labels = leaf.entry[1] if leaf.entry_type in KINDS else []
        require(self.label in (labels if isinstance(labels, list) else [labels]), "number-list")
        rises = last is None or (leaf.index > last.index and leaf.timestamp >= last.timestamp)
        require(rises, "number-list")

    def _standing(self, now):
        """The standing credentials that have not expired."""
        return [one for one in self.credentials if one.stood is not None and not one.has_expired(now)]

    def _take_number(self, leaf):
        """A number_entry: the other half of a credential, or a new one."""
        mine = statements.identity(leaf.entry)
        same = [one for one in self.credentials if statements.identity(one.entry) == mine]
        for credential in same[:1]:
            kinds = [self.found[index].entry[8] for index in credential.leaves]
            if leaf.entry[8] not in kinds:
                credential.leaves.append(leaf.index)
                self.by_leaf[leaf.index] = credential
                return
        credential = Credential(leaf.entry, leaf.index, [leaf.index])
        self.by_leaf[leaf.index] = credential
        for other in self.credentials:
            if other.entry[3] == leaf.entry[3]:
                other.repeated_id = credential.repeated_id = True
        self._judge(credential, leaf.timestamp // 1000, leaf.index)
        self.credentials.append(credential)

    def _judge(self, credential, now, index):
        """The rules 1 to 4 for a credential that is new."""
        if credential.has_expired(now):
            return
        if not self._standing(now):
            credential.stood, self.leader = index, credential
            return
        ca = self._ca_of(credential)
        if ca is None or ca.has_expired(now) or self.leader.has_expired(now):
            return
        steps = ca.steps_below(self.leader)
        if steps is not None and steps < MOST_STEPS:
            credential.stood, credential.ca = index, ca

    def _ca_of(self, credential):
        """The standing CA credential whose key hash is the issuer's; of several, the latest to stand."""
        wanted = credential.entry[2]
        cas = [
            one
            for one in self.credentials
            if one.stood is not None and one.entry[7] and hashlib.sha256(one.entry[6]).digest() == wanted
        ]
        return max(cas, key=lambda one: one.stood, default=None)

    def _take_statement(self, leaf):
        """A key_statement_entry."""
        said, now = leaf.entry, leaf.timestamp // 1000
        what = said[2], said[4], said[6]
        if what in self.said or not self._holds(said):
            self.faulty_statements.append(leaf.index)
            return
        self.said.add(what)
        key, new = self.found[said[3]].entry[6], self.by_leaf[said[5]]
        if key not in [one.entry[6] for one in self._standing(now)]:
            return
        if said[2] != APPROVE:
            new.disputed = True
            return
        leader = self.leader
        expired = leader.has_expired(now) or new.has_expired(now)
        if key == leader.entry[6] and not expired and new.index > leader.index:
            new.stood = leaf.index if new.stood is None else new.stood
            self.leader = new

    def _holds(self, said):
        """Whether a statement holds, as a reader checks it."""
        try:
            return statements.check(self.log_id, said, self.raw) == said[1]
        except Refused:
            return False

    def _take_registration(self, leaf):
        """A registration_entry."""
        entry = leaf.entry
        self.registrations.append(leaf)
        if not registrations.readers_rules_hold(leaf, self.found, self.open):
            self.ends[leaf.index] = "faulty"
            return
        is_withdrawal = entry[5] == registrations.WITHDRAW
        if 7 in entry:
            self.ends[entry[7]] = "withdrawn" if is_withdrawal else "replaced"
            self.open.discard(entry[7])
        if is_withdrawal:
            self.ends[leaf.index] = "withdrawal"
        else:
            self.open.add(leaf.index)

    def verdict(self, index, now):
        """The answer to an app about a leaf, at a second."""
        credential = self.by_leaf.get(index)
        if credential is None:
            return "not found"
        if credential.has_expired(now):
            return "expired"
        if credential.stood is None:
            return "does not stand"
        if credential.steps_below(self.leader) is None:
            return "superseded"
        return "disputed" if credential.disputed else "newest"

    def states(self, now):
        """What became of each registration_entry, at a second."""
        return [self._state(leaf, now) for leaf in self.registrations]

    def _state(self, leaf, now):
        """The first that applies."""
        entry = leaf.entry
        if leaf.index in self.ends:
            return self.ends[leaf.index]
        if now > entry[4] or now > self.found[entry[2]].entry[5]:
            return "expired"
        return "not yet valid" if now < entry[3] else "current"


KINDS = {
    leaves.NUMBER: Standing._take_number,
    leaves.KEY_STATEMENT: Standing._take_statement,
    leaves.REGISTRATION: Standing._take_registration,
}
