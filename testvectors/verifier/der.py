"""A strict DER reader (X.690)."""

from dataclasses import dataclass

from encoding import Malformed

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
IA5_STRING, UTC_TIME, GENERALIZED_TIME, SEQUENCE, SET = 0x16, 0x17, 0x18, 0x30, 0x31


@dataclass(frozen=True)
class Element:
    """One tag, length and value; `tag` is the first identifier octet."""

    tag: int
    content: bytes
    raw: bytes

    @property
    def constructed(self):
        """Whether the value is made of further elements."""
        return bool(self.tag & 0x20)


def _identifier(data, position):
    """The position behind the identifier octets; high tag numbers must be minimal."""
    first, position = data[position], position + 1
    if first & 0x1F != 0x1F:
        return position
    start, number = position, 0
    while True:
        if position >= len(data):
            raise Malformed("DER ends early")
        octet, position = data[position], position + 1
        if position - 1 == start and octet == 0x80:
            raise Malformed("DER tag not minimal")
        number = number << 7 | octet & 0x7F
        if not octet & 0x80:
            break
    if number < 31:
        raise Malformed("DER tag not minimal")
    return position


def _length(data, position):
    """(length, position behind it); minimal and definite."""
    if position >= len(data):
        raise Malformed("DER ends early")
    first, position = data[position], position + 1
    if first < 0x80:
        return first, position
    size = first & 0x7F
    octets = data[position : position + size]
    if size == 0 or size > 8 or len(octets) != size:
        raise Malformed("DER length")
    length = int.from_bytes(octets, "big")
    if octets[0] == 0 or length < 0x80:
        raise Malformed("DER length not minimal")
    return length, position + size


def read(data, position=0):
    """(element, position behind it)."""
    if position >= len(data):
        raise Malformed("DER ends early")
    length, start = _length(data, _identifier(data, position))
    end = start + length
    if end > len(data):
        raise Malformed("DER ends early")
    return Element(data[position], data[start:end], data[position:end]), end


def single(data):
    """The one element that the bytes are."""
    element, end = read(data)
    if end != len(data):
        raise Malformed("trailing bytes after DER")
    return element


def elements(data):
    """The elements that the bytes are, one after another."""
    result, position = [], 0
    while position < len(data):
        element, position = read(data, position)
        result.append(element)
    return result


def children(element, tag):
    """The elements in a constructed element that has this tag."""
    return elements(expect(element, tag).content)


def sequence(element):
    """The elements of a SEQUENCE."""
    return children(element, SEQUENCE)


def expect(element, tag):
    """The element, if it has this tag."""
    if element.tag != tag:
        raise Malformed(f"DER tag {element.tag:#x} instead of {tag:#x}")
    return element


def integer_octets(element):
    """The content octets of a minimal INTEGER."""
    content = expect(element, INTEGER).content
    if not content or (len(content) > 1 and (content[0], content[1] >> 7) in ((0, 0), (0xFF, 1))):
        raise Malformed("DER INTEGER not minimal")
    return content


def integer(element):
    """The value of an INTEGER."""
    return int.from_bytes(integer_octets(element), "big", signed=True)


def boolean(element):
    """The value of a BOOLEAN."""
    content = expect(element, BOOLEAN).content
    if content not in (b"\x00", b"\xff"):
        raise Malformed("DER BOOLEAN")
    return content == b"\xff"


def check_bits(content):
    """The count of unused bits is 0 to 7, and 0 when there are no octets."""
    if not content or content[0] > 7 or (content[0] and len(content) == 1):
        raise Malformed("DER BIT STRING")


def bit_string(element):
    """(count of unused bits, octets) of a BIT STRING; the unused bits are zero."""
    content = expect(element, BIT_STRING).content
    check_bits(content)
    unused = content[0]
    if unused and content[-1] & ((1 << unused) - 1):
        raise Malformed("DER BIT STRING has bits set that are unused")
    return unused, content[1:]


def oid(element):
    """The dotted text of an OBJECT IDENTIFIER."""
    return oid_text(expect(element, OID).content)


def oid_text(content):
    """The dotted text; 3 to 39 octets, the first at most 119, the other arcs minimal and of at most four."""
    if not 3 <= len(content) <= 39 or content[0] > 119 or content[-1] & 0x80:
        raise Malformed("DER OBJECT IDENTIFIER")
    arcs, value, size = [content[0] // 40, content[0] % 40], 0, 0
    for octet in content[1:]:
        if octet == 0x80 and size == 0:
            raise Malformed("DER OBJECT IDENTIFIER not minimal")
        value, size = value << 7 | octet & 0x7F, size + 1
        if size > 4:
            raise Malformed("DER OBJECT IDENTIFIER with a long arc")
        if not octet & 0x80:
            arcs.append(value)
            value = size = 0
    return ".".join(map(str, arcs))


def length_octets(length):
    """A minimal length."""
    if length < 0x80:
        return bytes([length])
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets


def write(tag, content):
    """An element with a one-octet tag."""
    return bytes([tag]) + length_octets(len(content)) + content


UNIVERSAL = frozenset([1, 2, 3, 4, 5, 6, 9, 10, 12, 18, 19, 20, 21, 22, 23, 24, 26, 30, SEQUENCE, SET])


def check_tag(element):
    """The tags of section 11: these universal ones, and numbers up to 30 of the other classes."""
    if element.tag & 0x1F == 0x1F or (element.tag >> 6 == 0 and element.tag not in UNIVERSAL):
        raise Malformed("tag")
