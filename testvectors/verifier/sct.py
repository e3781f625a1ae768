"""Signed certificate timestamps of section 7."""

import hashlib
from dataclasses import dataclass

import certificate
import ecdsa
from encoding import Malformed, Reader, opaque, uint
from refusal import Refused, require


@dataclass(frozen=True)
class Sct:
    """The fields of an SCT; `opening` only for a number_entry."""

    log_id: bytes
    timestamp: int
    extensions: bytes
    index: int
    opening: bytes | None
    signature: bytes


def read(data):
    """An SCT, else `sct-format`, `sct-version`, `sct-algorithm`, `sct-extensions`."""
    reader = Reader(data)
    try:
        version = reader.uint(1)
        require(version == 0, "sct-version")
        log_id, timestamp, extensions = reader.take(32), reader.uint(8), reader.opaque(2)
        algorithm, signature = reader.take(2), reader.opaque(2)
        reader.finish()
    except Malformed as error:
        raise Refused("sct-format") from error
    require(algorithm == b"\x04\x03", "sct-algorithm")
    index, opening = _extensions(extensions)
    return Sct(log_id, timestamp, extensions, index, opening, signature)


def _extensions(data):
    """(leaf_index, opening or None) of section 7.1."""
    require(len(data) in (8, 43) and data[:3] == b"\x00\x00\x05", "sct-extensions")
    require(len(data) == 8 or data[8:11] == b"\x54\x00\x20", "sct-extensions")
    return int.from_bytes(data[3:8], "big"), data[11:] or None


def signed_data(timestamp, identity, extensions):
    """What the log signs."""
    return b"\x00\x00" + uint(timestamp, 8) + identity + opaque(extensions, 2)


def verify(data, sct_key_spki, identity):
    """The SCT, verified with the log's key: first `sct-key`; then also `sct-log`, `sct-signature`."""
    key = certificate.sct_key(sct_key_spki)
    sct = read(data)
    require(sct.log_id == hashlib.sha256(sct_key_spki).digest(), "sct-log")
    message = signed_data(sct.timestamp, identity, sct.extensions)
    require(ecdsa.verify(*key, "sha256", message, sct.signature), "sct-signature")
    return sct
