"""Key statements of section 17."""

import hashlib

import cbor
import certificate as certificates
import ecdsa
import leaf as leaves
import merkle
from encoding import Malformed
from refusal import Refused, require

HASHES = {ecdsa.P256.oid: "sha256", ecdsa.P384.oid: "sha384"}


def read(data):
    """The submitted map, in its one encoding, else `malformed-statement`."""
    try:
        value = cbor.decode(data)
    except Malformed as error:
        raise Refused("malformed-statement") from error
    right = isinstance(value, dict) and list(value) == list(range(1, 8))
    require(right and cbor.is_bytes(value[1], 32) and leaves.is_said(value), "malformed-statement")
    return value


def signed_bytes(log_id, said):
    """What the old key signs; `said` has the keys 2 to 7."""
    return b"tnlog key statement v1\x00" + log_id + said[6] + said[4] + bytes([said[2]])


def signature_holds(spki, message, signature):
    """ECDSA of P-256 with SHA-256, of P-384 with SHA-384; no other key signs, nor one that is no point."""
    key = certificates.ec_key(spki)
    if key is None:
        return False
    curve, point = key
    return ecdsa.verify(curve, point, HASHES[curve.oid], message, signature)


def check(log_id, said, found):
    """The rules from `statement-credential-not-logged` on; `found` is bytes of leaves by index.

    Answers the labels that both leaves carry.
    """
    require(said[3] in found and said[5] in found, "statement-credential-not-logged")
    old, new = (_number_leaf(found[said[key]], said[key], said[key + 1]) for key in (3, 5))
    require(said[3] < said[5], "statement-not-about-a-later-credential")
    require(not is_pair(old.entry, new.entry), "statement-about-the-same-credential")
    common = sorted(set(old.entry[1]) & set(new.entry[1]))
    require(common, "statement-shares-no-number")
    spki = old.entry[6]
    require(certificates.has_ec_shape(spki), "statement-unsupported-key")
    require(signature_holds(spki, signed_bytes(log_id, said), said[7]), "statement-bad-signature")
    return common


def _number_leaf(data, index, hash_of_leaf):
    """The number_entry with this index and leaf hash."""
    leaf = leaves.read(data)
    require(leaf.entry_type == leaves.NUMBER, "statement-about-no-number")
    right = leaf.index == index and merkle.leaf_hash(data) == hash_of_leaf
    require(right, "statement-of-another-leaf")
    return leaf


def identity(entry):
    """The keys 1 to 7 of a number_entry, as one value that can be compared."""
    return hashlib.sha256(cbor.encode([entry[key] for key in range(1, 8)])).digest()


def is_pair(first, second):
    """Whether two number_entries are those of a precertificate and its certificate."""
    return identity(first) == identity(second) and first[8] != second[8]


def submit(log_id, data, found):
    """What the log with these leaves logs of a submission: a key-statement-entry."""
    value = read(data)
    require(value[1] == log_id, "statement-of-another-log")
    return {1: check(log_id, value, found)} | {key: value[key] for key in range(2, 8)}
