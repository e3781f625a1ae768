"""Leaves of section 5 and the extensions of section 7.1."""

from dataclasses import dataclass

import cbor
from encoding import Malformed, Reader, opaque, uint
from refusal import Refused, require

X509, PRECERTIFICATE = 0, 1
PARAMETERS, NUMBER, REGISTRATION, KEY_STATEMENT = 0x5400, 0x5401, 0x5402, 0x5403
LONGEST_SIGNATURE = 104
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
    require(entry_type in (X509, PRECERTIFICATE) or entry_type in CBOR_READERS, "leaf-type")
    key_hash = reader.take(32) if entry_type == PRECERTIFICATE else None
    content, extensions = reader.opaque(3), reader.opaque(2)
    reader.finish()
    entry = content
    if entry_type in (X509, PRECERTIFICATE) and not content:
        raise Malformed("empty certificate")
    if entry_type == PRECERTIFICATE:
        entry = (key_hash, content)
    elif entry_type in CBOR_READERS:
        entry = CBOR_READERS[entry_type](content)
    require(len(extensions) == 8 and extensions[:3] == b"\x00\x00\x05", "leaf-extensions")
    return Leaf(timestamp, entry_type, entry, int.from_bytes(extensions[3:], "big"))


def _map(data, keys, optional=()):
    """The CBOR map with exactly these keys (and the optional ones, behind them or not), else `leaf-cbor`."""
    try:
        value = cbor.decode(data)
    except Malformed as error:
        raise Refused("leaf-cbor") from error
    require(isinstance(value, dict) and list(value) in (keys, keys + list(optional)), "leaf-cbor")
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


def read_registration_entry(data):
    """A registration-entry (section 5.3)."""
    value = _map(data, list(range(1, 7)), [7])
    require(cbor.is_bytes(value[1], 32) and value[1][0] < 0x80, "leaf-cbor")
    require(cbor.is_uint(value[2], 64) and cbor.is_bytes(value[6], 32), "leaf-cbor")
    require(cbor.is_int64(value[3]) and cbor.is_int64(value[4]) and value[3] <= value[4], "leaf-cbor")
    require(cbor.is_uint(value[5], 1), "leaf-cbor")
    require(cbor.is_uint(value[7], 64) if 7 in value else value[5] == 0, "leaf-cbor")
    return value


def read_key_statement_entry(data):
    """A key-statement-entry (section 5.4); that its labels are all common ones is for section 17."""
    value = _map(data, list(range(1, 8)))
    _check_labels(value[1])
    require(is_said(value), "leaf-cbor")
    require(value[3] < value[5], "leaf-cbor")
    return value


def is_said(value):
    """Types and sizes of the keys 2 to 7 of a key statement."""
    return (
        cbor.is_uint(value[2], 1)
        and all(cbor.is_uint(value[key], 64) for key in (3, 5))
        and all(cbor.is_bytes(value[key], 32) for key in (4, 6))
        and is_signature(value[7])
    )


def is_signature(value):
    """Whether a decoded value has the size of a signature."""
    return cbor.is_bytes(value) and 1 <= len(value) <= LONGEST_SIGNATURE


CBOR_READERS = {
    PARAMETERS: read_parameters,
    NUMBER: read_number_entry,
    REGISTRATION: read_registration_entry,
    KEY_STATEMENT: read_key_statement_entry,
}


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
