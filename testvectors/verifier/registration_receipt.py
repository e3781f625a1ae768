"""Receipts of registrations (section 19)."""

import hashlib
from dataclasses import dataclass

import cbor
import certificate as certificates
import labels
import leaf as leaves
import merkle
import policy as policies
import receipt as receipts
import registration as registrations
from encoding import Malformed
from refusal import Refused, require


@dataclass(frozen=True)
class Peer:
    """What certificate and receipt of the peer showed: `numbers` are those that it names singly."""

    spki: bytes
    numbers: list
    origin: str
    index: int


@dataclass(frozen=True)
class Verified:
    """What a verified receipt of a registration shows."""

    registration: dict
    index: int
    timestamp: int
    leaf: bytes


def read_extra(data):
    """(extra, submission) of a registration-extra, else `receipt-extra`."""
    require(data is not None, "receipt-extra")
    try:
        value = cbor.decode(data)
        known = isinstance(value, dict) and list(value) in (list(range(1, 9)), list(range(1, 10)))
        if not known or not _has_types(value):
            raise Malformed("registration-extra")
        fields = registrations.read_map(value[3])
    except Malformed as error:
        raise Refused("receipt-extra") from error
    return value, registrations.Submission(fields, value[3], value[4], value[5])


def _has_types(value):
    """Types and sizes of a registration-extra."""
    sizes = {6: 32, 7: 32, 8: 64}
    return (
        value[1] == leaves.REGISTRATION
        and all(cbor.is_uint(value[key], 64) for key in (2, 9) if key in value)
        and cbor.is_bytes(value[3])
        and all(leaves.is_signature(value[key]) for key in (4, 5))
        and all(cbor.is_bytes(value[key], size) for key, size in sizes.items())
    )


def verify(data, peer, asked, now, policy, parameters, services):
    """Section 19. `asked` is (number, service); `services` are the SPKIs of each trusted RS by name."""
    proof = receipts.read_proof(data)
    receipts.check_note(proof.note)
    extra, submission = read_extra(proof.extra)
    fields = submission.fields
    registrations.check_content(fields)
    _check_asked(fields, asked, now)
    checkpoint, _ = policies.meet(policy, proof.note)
    require(checkpoint.origin in parameters, "unknown-log")
    log = parameters[checkpoint.origin]
    require(fields[1] == hashlib.sha256(log[2]).digest(), "registration-of-another-log")
    is_peer = checkpoint.origin == peer.origin and fields[2] in peer.numbers and fields[6] == peer.index
    require(is_peer, "other-credential")
    require(fields[5] in services, "registration-unknown-resolution-service")
    registrations.check_signatures(submission, peer.spki, services[fields[5]])
    leaf = _leaf(submission, extra, proof.index, log[3])
    try:
        path = (proof.index, checkpoint.size, proof.hashes, checkpoint.root)
        merkle.check_inclusion(merkle.leaf_hash(leaf), *path)
    except Refused as error:
        raise Refused("not-included") from error
    return Verified(fields, proof.index, extra[2], leaf)


def _check_asked(fields, asked, now):
    """Steps 3 to 5: it registers this number at this service, now (in seconds)."""
    require(fields[11] == registrations.REGISTER, "withdrawal")
    require(fields[2] == asked[0], "other-number")
    require(fields[3] == asked[1], "other-service")
    require(fields[8] <= now, "not-yet-valid")
    require(now <= fields[9], "registration-ended")


def _leaf(submission, extra, index, label_key):
    """The leaf that the log must have: `labels`, `leaf`."""
    fields = submission.fields
    try:
        label = labels.number_labels(label_key, [fields[2]], [extra[7]], extra[8])[0]
    except Refused as error:
        raise Refused("labels") from error
    commitment = certificates.commitment(extra[6], submission.identity)
    entry = registrations.entry(fields, label, commitment, extra.get(9))
    require(index < 2**40, "leaf")
    return leaves.write(leaves.Leaf(extra[2], leaves.REGISTRATION, entry, index))
