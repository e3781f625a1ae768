"""Checkpoints (section 4.2) and RFC 6962 tree heads (section 4.3)."""

import hashlib
from dataclasses import dataclass

import certificate
import ecdsa
import merkle
import note as notes
from encoding import Malformed, decode_base64, decode_decimal
from refusal import Refused, require

MOST_EXTENSIONS = 16


@dataclass(frozen=True)
class Checkpoint:
    """What the text of a checkpoint says."""

    origin: str
    size: int
    root: bytes
    extensions: tuple


def parse_text(text):
    """The text of a note as checkpoint, else `checkpoint-format`."""
    lines = text.split("\n")
    require(lines.pop() == "" and len(lines) >= 3 and all(lines), "checkpoint-format")
    require(len(lines) <= 3 + MOST_EXTENSIONS, "checkpoint-format")
    try:
        size, root = decode_decimal(lines[1]), decode_base64(lines[2])
    except Malformed as error:
        raise Refused("checkpoint-format") from error
    require(size <= merkle.LARGEST_SIZE and len(root) == 32, "checkpoint-format")
    require(size > 0 or root == merkle.EMPTY_ROOT, "checkpoint-format")
    return Checkpoint(lines[0], size, root, tuple(lines[3:]))


def verify_tree_head(note, checkpoint, sct_key_spki):
    """The time of the tree head: `sct-key`, `tree-head-missing`, `tree-head-format`, `tree-head-signature`."""
    key = certificate.sct_key(sct_key_spki)
    require(not checkpoint.extensions, "tree-head-format")
    log_id = hashlib.sha256(sct_key_spki).digest()
    wanted = (checkpoint.origin, notes.key_id(checkpoint.origin, notes.TREE_HEAD, log_id))
    bodies = [line.body for line in note.signatures if (line.name, line.key_id) == wanted]
    require(bodies, "tree-head-missing")
    require(len(bodies) == 1, "tree-head-format")
    try:
        timestamp, algorithm, signature = notes.read_tree_head_body(bodies[0])
    except Malformed as error:
        raise Refused("tree-head-format") from error
    require(algorithm == b"\x04\x03" and len(signature) <= 72, "tree-head-format")
    message = notes.tree_head_message(timestamp, checkpoint.size, checkpoint.root)
    require(ecdsa.verify(*key, "sha256", message, signature), "tree-head-signature")
    return timestamp
