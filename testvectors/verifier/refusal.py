"""The one exception of the verifier: an input that formats.md says MUST be refused."""


class Refused(Exception):
    """Carries the word that formats.md gives in `code type`, and for chains which certificate it is."""

    def __init__(self, word, certificate=None):
        super().__init__(word if certificate is None else f"{word} (certificate {certificate})")
        self.word = word
        self.certificate = certificate


def require(condition, word, certificate=None):
    """Refuse with `word` unless the condition holds."""
    if not condition:
        raise Refused(word, certificate)
