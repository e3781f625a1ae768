"""Notes (section 4.1): C2SP signed-note."""

import hashlib
import unicodedata
from dataclasses import dataclass

import ed25519
from encoding import Malformed, Reader, decode_base64, uint
from refusal import Refused, require

ED25519, COSIGNATURE, TREE_HEAD = 0x01, 0x04, 0x05
LONGEST, MOST_SIGNATURES, MOST_LINES, LONGEST_NAME = 524_288, 64, 256, 255
WHITE_SPACE = frozenset(
    [0x20, 0x85, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000, *range(9, 14), *range(0x2000, 0x200B)]
)


@dataclass(frozen=True)
class Signature:
    """A signature line."""

    name: str
    key_id: bytes
    body: bytes


@dataclass(frozen=True)
class Note:
    """The text, with its last line feed, and the signature lines."""

    text: str
    signatures: tuple


@dataclass(frozen=True)
class Key:
    """A verifier key of type 0x01 or 0x04."""

    name: str
    key_id: bytes
    type: int
    public: bytes


def is_name(name):
    """Not empty, at most 255 bytes, without white space, control characters and `+`."""
    if not 1 <= len(name.encode("utf-8")) <= LONGEST_NAME:
        return False
    return not any(c == "+" or ord(c) in WHITE_SPACE or unicodedata.category(c) == "Cc" for c in name)


def key_id(name, key_type, material):
    """First 4 bytes of SHA-256(name || "\\n" || type || key material)."""
    return hashlib.sha256(name.encode("utf-8") + b"\n" + bytes([key_type]) + material).digest()[:4]


def parse_key(text):
    """A verifier key `<name>+<key id>+base64(type || public key)`, else `key`."""
    parts = text.split("+", 2)
    require(len(parts) == 3 and is_name(parts[0]), "key")
    name, identifier, encoded = parts
    try:
        data = decode_base64(encoded)
    except Malformed as error:
        raise Refused("key") from error
    require(len(data) == 33 and data[0] in (ED25519, COSIGNATURE), "key")
    require(key_id(name, data[0], data[1:]).hex() == identifier, "key")
    require(ed25519.decode_key(data[1:]) is not None, "key")
    return Key(name, bytes.fromhex(identifier), data[0], data[1:])


def parse(data):
    """A note from its bytes, else `note-format`."""
    require(len(data) <= LONGEST, "note-format")
    require(all(octet >= 0x20 or octet == 0x0A for octet in data), "note-format")
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused("note-format") from error
    position = whole.rfind("\n\n")
    require(position >= 0 and whole.endswith("\n"), "note-format")
    text, lines = whole[: position + 1], whole[position + 2 : -1].split("\n")
    require(position + 2 < len(whole), "note-format")
    require(len(lines) <= MOST_SIGNATURES and text.count("\n") <= MOST_LINES, "note-format")
    return Note(text, tuple(_signature(line) for line in lines))


def _signature(line):
    """A signature line without its line feed."""
    parts = line.split(" ")
    require(len(parts) == 3 and parts[0] == "\u2014" and is_name(parts[1]), "note-format")
    try:
        data = decode_base64(parts[2])
    except Malformed as error:
        raise Refused("note-format") from error
    require(len(data) > 4, "note-format")
    return Signature(parts[1], data[:4], data[4:])


def check_signature(key, text, body):
    """The time of a cosignature, None of another signature; `note-signature` when it does not verify."""
    message, time = text.encode("utf-8"), None
    if key.type == COSIGNATURE:
        require(len(body) == 72, "note-signature")
        time, body = int.from_bytes(body[:8], "big"), body[8:]
        require(time < 2**63, "note-signature")
        message = f"cosignature/v1\ntime {time}\n".encode("ascii") + message
    require(ed25519.verify(key.public, message, body), "note-signature")
    return time


def verify(note, keys):
    """The keys that signed, with their newest times.

    `note-signature` for a bad line of a known key, `note-unsigned` without a line of a known key.
    """
    signers = {}
    for signature in note.signatures:
        known = [key for key in keys if (key.name, key.key_id) == (signature.name, signature.key_id)]
        if known:
            key, time = _first_that_verifies(known, note.text, signature.body)
            signers[key] = time if signers.get(key) is None else max(time, signers[key])
    require(signers, "note-unsigned")
    return signers


def _first_that_verifies(known, text, body):
    """(key, time): several keys can have one name and one key id."""
    for key in known:
        try:
            return key, check_signature(key, text, body)
        except Refused:
            continue
    raise Refused("note-signature")


def read_tree_head_body(body):
    """(timestamp, algorithm, DER signature) of the body of type 0x05; Malformed for another length."""
    reader = Reader(body)
    fields = reader.uint(8), reader.take(2), reader.opaque(2)
    reader.finish()
    return fields


def tree_head_message(timestamp, size, root):
    """The TreeHeadSignature of section 4.3."""
    return b"\x00\x01" + uint(timestamp, 8) + uint(size, 8) + root
