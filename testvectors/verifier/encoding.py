"""Notation of section 1: big-endian integers, opaque fields, canonical base64 and decimal."""

import base64
import binascii
import re


class Malformed(Exception):
    """Bytes or text that do not have the required shape; the caller chooses the word of the refusal."""


class Reader:
    """Reads a TLS-style structure (RFC 8446 section 3) from bytes."""

    def __init__(self, data):
        self.data = data
        self.position = 0

    def take(self, count):
        """The next `count` bytes."""
        end = self.position + count
        if end > len(self.data):
            raise Malformed("bytes missing")
        part = self.data[self.position : end]
        self.position = end
        return part

    def uint(self, size):
        """An unsigned big-endian integer of `size` bytes."""
        return int.from_bytes(self.take(size), "big")

    def opaque(self, length_size):
        """A length of `length_size` bytes and then so many bytes."""
        return self.take(self.uint(length_size))

    def at_end(self):
        """Whether every byte was read."""
        return self.position == len(self.data)

    def finish(self):
        """Refuse trailing bytes."""
        if not self.at_end():
            raise Malformed("trailing bytes")


def uint(value, size):
    """`value` as unsigned big-endian integer of `size` bytes."""
    return value.to_bytes(size, "big")


def opaque(data, length_size):
    """Length, then the bytes."""
    return uint(len(data), length_size) + data


def decode_base64(text):
    """Canonical base64 with padding (section 1); any other spelling is malformed."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError) as error:
        raise Malformed("base64") from error
    if base64.b64encode(data).decode("ascii") != text:
        raise Malformed("base64 is not canonical")
    return data


def decode_decimal(text):
    """A decimal number without sign and leading zero (section 1)."""
    if not re.fullmatch(r"0|[1-9][0-9]{0,30}", text):
        raise Malformed("decimal")
    return int(text)
