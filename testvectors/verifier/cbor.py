"""Deterministic CBOR of section 1 (RFC 8949 section 4.2.1): no tags, no floats, nothing indefinite."""

from encoding import Malformed

DEEPEST = 16


def decode(data):
    """The one value that `data` is; Malformed for any other spelling and for trailing bytes."""
    value, end = _value(data, 0, 0)
    if end != len(data):
        raise Malformed("trailing bytes after CBOR")
    return value


def _head(data, position):
    """(major type, argument, position behind the head); the argument in its shortest form."""
    if position >= len(data):
        raise Malformed("CBOR ends early")
    major, info = data[position] >> 5, data[position] & 31
    position += 1
    if info < 24:
        return major, info, position
    if info > 27:
        raise Malformed("reserved or indefinite CBOR length")
    size = 1 << (info - 24)
    if position + size > len(data):
        raise Malformed("CBOR ends early")
    argument = int.from_bytes(data[position : position + size], "big")
    smallest = 24 if size == 1 else 1 << (4 * size)
    if major == 7 or argument < smallest:
        raise Malformed("CBOR integer not in shortest form")
    return major, argument, position + size


def _value(data, position, depth):
    """The value at `position` and the position behind it."""
    if depth > DEEPEST:
        raise Malformed("CBOR nested too deep")
    major, argument, position = _head(data, position)
    if major == 0:
        return argument, position
    if major == 1:
        return -1 - argument, position
    if major in (2, 3):
        return _string(data, position, argument, major)
    if major == 4:
        return _array(data, position, argument, depth)
    if major == 5:
        return _map(data, position, argument, depth)
    if major == 7 and argument in (20, 21):
        return argument == 21, position
    raise Malformed("CBOR tag or simple value")


def _string(data, position, length, major):
    """A byte string, or a text string in UTF-8."""
    end = position + length
    if end > len(data):
        raise Malformed("CBOR ends early")
    content = data[position:end]
    if major == 2:
        return content, end
    try:
        return content.decode("utf-8"), end
    except UnicodeDecodeError as error:
        raise Malformed("CBOR text is not UTF-8") from error


def _array(data, position, count, depth):
    """An array; a count larger than the input ends early by itself."""
    items = []
    for _ in range(count):
        item, position = _value(data, position, depth + 1)
        items.append(item)
    return items, position


def _map(data, position, count, depth):
    """A map with unsigned keys, strictly ascending."""
    result, last = {}, -1
    for _ in range(count):
        key, position = _value(data, position, depth + 1)
        if type(key) is not int or key <= last:
            raise Malformed("CBOR map key")
        last = key
        result[key], position = _value(data, position, depth + 1)
    return result, position


def _encode_head(major, argument):
    """A head in its shortest form."""
    if argument < 24:
        return bytes([major << 5 | argument])
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << (8 * size):
            return bytes([major << 5 | info]) + argument.to_bytes(size, "big")
    raise Malformed("CBOR argument too large")


def encode(value):
    """Deterministic CBOR of integers, booleans, bytes, text, lists and maps."""
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return _encode_head(0, value) if value >= 0 else _encode_head(1, -1 - value)
    if isinstance(value, bytes):
        return _encode_head(2, len(value)) + value
    if isinstance(value, str):
        return _encode_head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return _encode_head(4, len(value)) + b"".join(encode(item) for item in value)
    pairs = sorted((encode(key), encode(item)) for key, item in value.items())
    return _encode_head(5, len(pairs)) + b"".join(key + item for key, item in pairs)


def is_bytes(value, size=None):
    """Whether a decoded value is a byte string (of this size)."""
    return isinstance(value, bytes) and (size is None or len(value) == size)


def is_uint(value, bits):
    """Whether a decoded value is an unsigned integer of at most so many bits."""
    return type(value) is int and 0 <= value < 1 << bits


def is_int64(value):
    """Whether a decoded value is a signed integer of 64 bits."""
    return type(value) is int and -(2**63) <= value < 2**63
