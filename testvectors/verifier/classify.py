"""Classification of section 11."""

import re
from dataclasses import dataclass, field

import der
import tnauthlist
from encoding import Malformed
from refusal import require

AUTHORITY_INFO_ACCESS = "1.3.6.1.5.5.7.1.1"
TN_AUTH_LIST = "1.3.6.1.5.5.7.1.26"
SUBJECT_ALTERNATIVE_NAME = "2.5.29.17"
CLAIM_CONSTRAINTS, ENHANCED_CLAIM_CONSTRAINTS = "1.3.6.1.5.5.7.1.27", "1.3.6.1.5.5.7.1.33"
STIR_TN_LIST = bytes.fromhex("2b0601050507300e")
NUMBER_ATTRIBUTES = (bytes.fromhex("550414"), bytes.fromhex("550417"), bytes.fromhex("550419"))
DEEPEST = 16

TEL = re.compile(rb"(?<![0-9a-z])tel:")
PLUS = re.compile(rb"(?:\+|%2b)[ \-.()/]*(?:[0-9][ \-.()/]*){7}")
WORD = re.compile(rb"(?<![0-9a-z])[0-9]{7,15}(?![0-9a-z])")
SEVEN_DIGITS = re.compile(rb"[0-9]{7}")


@dataclass(frozen=True)
class Class:
    """The class of a certificate and what it names: codes, blocks (prefix, free) or numbers."""

    name: str
    names: list = field(default_factory=list)

    @property
    def names_something(self):
        """Whether it becomes the binding of section 12."""
        return self.name in ("spcs", "blocks", "numbers")


def _by_rules(certificate):
    """The table of classes, in its order."""
    access = certificate.extension(AUTHORITY_INFO_ACCESS)
    require(access is None or STIR_TN_LIST not in access.value, "tnauthlist-by-reference")
    extension = certificate.extension(TN_AUTH_LIST)
    if extension is None:
        require(certificate.is_ca, "no-tnauthlist")
        return Class("unlimited-ca")
    try:
        entries = tnauthlist.read(extension.value)
    except Malformed:
        digits = sum(0x30 <= octet <= 0x39 for octet in extension.value)
        require(digits < 7, "unreadable-tnauthlist-with-digits")
        return Class("unreadable")
    return Class(*tnauthlist.names(entries))


def _text(value):
    """*text*: a tel: URI, or a plus sign and seven digits."""
    return TEL.search(value) is not None or PLUS.search(value) is not None


def _words(value):
    """*words*: as text, or a run of letters and digits that is 7 to 15 digits."""
    return _text(value) or WORD.search(value) is not None


def _bytes(value):
    """*bytes*: as text, or seven digits in a row."""
    return _text(value) or SEVEN_DIGITS.search(value) is not None


def _address_text(value):
    """The part of *address* that looks at text."""
    local, at, _ = value.partition(b"@")
    return _text(value) or (at and _words(local)) or b"e164.arpa" in value


def _fold(value):
    """Zero bytes removed, letters made small."""
    return value.replace(b"\x00", b"").lower()


def _walk(value, look, attributes, depth=0):
    """Whether a primitive value in the DER `value` holds a number; Malformed from where on it is no DER."""
    position = 0
    while position < len(value):
        if depth > DEEPEST:
            raise Malformed("nested too deep")
        element, position = der.read(value, position)
        der.check_tag(element)
        if element.constructed:
            if _walk(element.content, look, attributes, depth + 1):
                return True
        elif attributes and element.tag == der.OID and element.content in NUMBER_ATTRIBUTES:
            return True
        elif look(_fold(element.content)):
            return True
    return False


def holds_number(value, look, attributes=False):
    """Whether a place holds a number; what is no DER, and held none before, is looked at as a whole."""
    try:
        return _walk(value, look, attributes)
    except Malformed:
        return _bytes(_fold(value))


def check_open_numbers(certificate):
    """The rules of "Numbers in the open"."""
    require(not holds_number(certificate.subject, _text, True), "number-in-subject")
    places = (
        (SUBJECT_ALTERNATIVE_NAME, _address_text, True, "number-in-subject-alternative-name"),
        (CLAIM_CONSTRAINTS, _words, False, "number-in-claim-constraints"),
        (ENHANCED_CLAIM_CONSTRAINTS, _words, False, "number-in-claim-constraints"),
    )
    for oid, look, attributes, word in places:
        extension = certificate.extension(oid)
        if extension is not None:
            require(not holds_number(extension.value, look, attributes), word)


def classify(certificate):
    """The class of a certificate, or its refusal."""
    result = _by_rules(certificate)
    if result.name != "numbers":
        check_open_numbers(certificate)
    return result


def entry_type(class_name, precertificate):
    """The entry type of the leaf."""
    return 0x5401 if class_name == "numbers" else int(precertificate)
