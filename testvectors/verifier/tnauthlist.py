"""TNAuthList of section 10 (RFC 8226 section 9)."""

import der
from blocks import MOST_NAMES, blocks_of_ranges, check_number, check_range, check_spc, spc_set
from encoding import Malformed
from refusal import require

SPC, RANGE, ONE = 0xA0, 0xA1, 0xA2


def _ia5(element):
    """An IA5String of bytes up to 0x7f."""
    content = der.expect(element, der.IA5_STRING).content
    if any(octet > 0x7F for octet in content):
        raise Malformed("byte above 0x7f in IA5String")
    return content.decode("ascii")


def _explicit(element):
    """The one element in an explicit tag."""
    return der.single(element.content)


def _entry(element):
    """(kind, value) of a TNEntry."""
    if element.tag in (SPC, ONE):
        return element.tag, _ia5(_explicit(element))
    if element.tag != RANGE:
        raise Malformed("tag of TNEntry")
    fields = der.sequence(_explicit(element))
    if len(fields) != 2:
        raise Malformed("fields of a range")
    return RANGE, (_ia5(fields[0]), der.integer(fields[1]))


def read(value):
    """The entries of a readable TNAuthList; Malformed when it is unreadable."""
    entries = [_entry(element) for element in der.sequence(der.single(value))]
    if not entries:
        raise Malformed("no entry")
    return entries


def names(entries):
    """(class, names) of a readable list, or the rule that refuses it."""
    kinds = {kind for kind, _ in entries}
    require(len(kinds) == 1, "mixed-kinds")
    values = [value for _, value in entries]
    if kinds == {SPC}:
        codes = spc_set([check_spc(value) for value in values])
        require(len(codes) <= MOST_NAMES, "too-many-entries")
        return "spcs", codes
    if kinds == {RANGE}:
        for first, count in values:
            check_range(first, count)
        return "blocks", blocks_of_ranges(values)
    numbers = sorted({check_number(value) for value in values})
    require(len(numbers) <= MOST_NAMES, "too-many-entries")
    return "numbers", numbers
