"""Leaves of section 5 and the extensions of section 7.1."""

from dataclasses import dataclass

import cbor
from encoding import Malformed, Reader, opaque, uint
from refusal import Refused, require

X509, PRECERTIFICATE, PARAMETERS, NUMBER = 0, 1, 0x5400, 0x5401
LONGEST = 65_535
MOST_LABELS = 512


@dataclass(frozen=True)
class Leaf:
    """A leaf: `entry` is the certificate, (issuer key hash, tbs_certificate), or the CBOR map."""

    timestamp: int
    entry_type: int
    entry: object
    index: int


def leaf_index(index):
    """The extension leaf_index."""
    return b"\x00\x00\x05" + uint(index, 5)


def read(data):
    """A leaf: `leaf-length`, `leaf-frame`, and what its fields are refused for."""
    require(len(data) <= LONGEST, "leaf-length")
    try:
        return _fields(Reader(data))
    except Malformed as error:
        raise Refused("leaf-frame") from error


def _fields(reader):
    """MerkleTreeLeaf: `leaf-version`, `leaf-type`, `leaf-cbor`, `leaf-extensions`; Malformed frame."""
    require(reader.take(2) == b"\x00\x00", "leaf-version")
    timestamp, entry_type = reader.uint(8), reader.uint(2)
    require(entry_type in (X509, PRECERTIFICATE, PARAMETERS, NUMBER), "leaf-type")
    key_hash = reader.take(32) if entry_type == PRECERTIFICATE else None
    content, extensions = reader.opaque(3), reader.opaque(2)
    reader.finish()
    entry = content
    if entry_type in (X509, PRECERTIFICATE) and not content:
        raise Malformed("empty certificate")
    if entry_type == PRECERTIFICATE:
        entry = (key_hash, content)
    elif entry_type in (PARAMETERS, NUMBER):
        entry = read_parameters(content) if entry_type == PARAMETERS else read_number_entry(content)
    require(len(extensions) == 8 and extensions[:3] == b"\x00\x00\x05", "leaf-extensions")
    return Leaf(timestamp, entry_type, entry, int.from_bytes(extensions[3:], "big"))


def _map(data, keys):
    """The CBOR map with exactly these keys, else `leaf-cbor`."""
    try:
        value = cbor.decode(data)
    except Malformed as error:
        raise Refused("leaf-cbor") from error
    require(isinstance(value, dict) and list(value) == keys, "leaf-cbor")
    return value


def read_parameters(data):
    """A parameters-entry (section 5.1)."""
    value = _map(data, [1, 2, 3])
    right = isinstance(value[1], str) and cbor.is_bytes(value[2]) and cbor.is_bytes(value[3], 32)
    require(right, "leaf-cbor")
    return value


def _ascending(items):
    """Ascending, none twice."""
    return all(a < b for a, b in zip(items, items[1:]))


def read_number_entry(data):
    """A number-entry (section 5.2)."""
    value = _map(data, list(range(1, 11)))
    sizes = {2: 32, 3: 16, 10: 32}
    require(all(cbor.is_bytes(value[key], size) for key, size in sizes.items()), "leaf-cbor")
    require(cbor.is_int64(value[4]) and cbor.is_int64(value[5]), "leaf-cbor")
    require(cbor.is_bytes(value[6]), "leaf-cbor")
    require(isinstance(value[7], bool) and isinstance(value[8], bool), "leaf-cbor")
    _check_labels(value[1])
    codes = value[9]
    require(isinstance(codes, list) and len(codes) <= 512, "leaf-cbor")
    require(all(cbor.is_uint(code, 16) for code in codes) and _ascending(codes), "leaf-cbor")
    return value


def _check_labels(labels):
    """1 to 512 labels of 32 bytes, bytewise ascending, none twice, first bit 0."""
    require(isinstance(labels, list) and 1 <= len(labels) <= MOST_LABELS, "leaf-cbor")
    require(all(cbor.is_bytes(label, 32) and label[0] < 0x80 for label in labels), "leaf-cbor")
    require(_ascending(labels), "leaf-cbor")


def write(leaf):
    """The bytes of a leaf."""
    if leaf.entry_type == X509:
        entry = opaque(leaf.entry, 3)
    elif leaf.entry_type == PRECERTIFICATE:
        entry = leaf.entry[0] + opaque(leaf.entry[1], 3)
    else:
        entry = opaque(cbor.encode(leaf.entry), 3)
    head = b"\x00\x00" + uint(leaf.timestamp, 8) + uint(leaf.entry_type, 2)
    return head + entry + opaque(leaf_index(leaf.index), 2)
