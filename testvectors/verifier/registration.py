"""Registrations of section 18: what a log takes, and what a reader of leaves checks."""

import hashlib
import re
from dataclasses import dataclass

import cbor
import certificate as certificates
import leaf as leaves
from blocks import is_number
from encoding import Malformed, opaque, uint
from refusal import Refused, require
from statement import signature_holds

LONGEST = 2_048
LONGEST_TEXTS = {3: 255, 4: 1_024, 5: 253}
LONGEST_VALIDITY = 2_592_000
LEEWAY = 600
REGISTER, WITHDRAW = 0, 1
TEXT = re.compile(r"[\x21-\x7e]+")
CONTACT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]+")
BY_CREDENTIAL = b"tnlog registration by credential v1\x00"
BY_SERVICE = b"tnlog registration by resolution service v1\x00"


@dataclass(frozen=True)
class Submission:
    """A registration (its map and its bytes) and both signatures."""

    fields: dict
    raw: bytes
    by_credential: bytes
    by_service: bytes

    @property
    def identity(self):
        """The identity of a registration."""
        return uint(leaves.REGISTRATION, 2) + opaque(self.raw, 3)


@dataclass(frozen=True)
class Last:
    """The last registration of a slot."""

    action: int
    index: int
    sequence: int


@dataclass(frozen=True)
class Log:
    """What a log judges by: `services` are the SPKIs of each accepted RS by name."""

    log_id: bytes
    label: bytes
    found: dict
    services: dict


def read(data):
    """A submission: `registration-too-long`, `malformed-registration`."""
    require(len(data) <= LONGEST, "registration-too-long")
    try:
        outer = _map(data, 3)
        if not (cbor.is_bytes(outer[1]) and leaves.is_signature(outer[2]) and leaves.is_signature(outer[3])):
            raise Malformed("submission")
        return Submission(read_map(outer[1]), outer[1], outer[2], outer[3])
    except Malformed as error:
        raise Refused("malformed-registration") from error


def read_map(data):
    """A registration: its keys, types and number, else Malformed."""
    fields = _map(data, 11)
    if not _has_types(fields) or not is_number(fields[2]):
        raise Malformed("registration")
    return fields


def _map(data, count):
    """A CBOR map of the keys 1 to `count`."""
    value = cbor.decode(data)
    if not isinstance(value, dict) or list(value) != list(range(1, count + 1)):
        raise Malformed("keys")
    return value


def _has_types(fields):
    """The types of a registration."""
    return (
        all(cbor.is_bytes(fields[key], 32) for key in (1, 7))
        and all(isinstance(fields[key], str) for key in (2, 3, 4, 5))
        and all(cbor.is_uint(fields[key], 64) for key in (6, 10))
        and all(cbor.is_int64(fields[key]) for key in (8, 9))
        and cbor.is_uint(fields[11], 1)
    )


def check_content(fields):
    """Texts and length of the validity."""
    for key, longest in LONGEST_TEXTS.items():
        require(len(fields[key].encode("utf-8")) <= longest, "registration-too-long")
        require(TEXT.fullmatch(fields[key]) is not None, "registration-bad-text")
    require(CONTACT.fullmatch(fields[4]) is not None, "registration-bad-text")
    require(0 <= fields[9] - fields[8] <= LONGEST_VALIDITY, "registration-bad-validity")


def submit(log, data, last, now):
    """The submission that the log takes; `now` is in milliseconds. The log does not hold its identity."""
    submission = read(data)
    fields, seconds = submission.fields, now // 1000
    check_content(fields)
    require(fields[1] == log.log_id, "registration-of-another-log")
    require(fields[9] >= seconds, "registration-ended")
    require(fields[10] <= now, "registration-in-the-future")
    require(fields[9] <= latest_end(fields[10]), "registration-ends-too-late")
    credential = log.found.get(fields[6])
    is_logged = credential is not None and credential.entry_type == leaves.NUMBER
    require(is_logged, "registration-credential-not-logged")
    number = credential.entry
    require(number[4] <= seconds <= number[5], "registration-credential-not-valid")
    require(fields[5] in log.services, "registration-unknown-resolution-service")
    check_signatures(submission, number[6], log.services[fields[5]])
    require(log.label in number[1], "registration-of-another-number")
    require(last is None or fields[10] > last.sequence, "registration-sequence-not-above")
    can_withdraw = last is not None and last.action == REGISTER
    require(fields[11] == REGISTER or can_withdraw, "registration-nothing-to-withdraw")
    return submission


def latest_end(sequence):
    """The last second at which a registration of this sequence can end."""
    return sequence // 1000 + LONGEST_VALIDITY


def remembered(last, now):
    """The last registration of a slot, none when it no longer counts at `now` (in milliseconds)."""
    return last if last is not None and latest_end(last.sequence) >= now // 1000 else None


def check_signatures(submission, spki, service_keys):
    """The key is that of the registration, and both signatures hold."""
    require(hashlib.sha256(spki).digest() == submission.fields[7], "registration-of-another-key")
    require(certificates.has_ec_shape(spki), "registration-unsupported-key")
    holds = signature_holds(spki, BY_CREDENTIAL + submission.raw, submission.by_credential)
    require(holds, "registration-bad-credential-signature")
    message, signature = BY_SERVICE + submission.raw, submission.by_service
    holds = any(signature_holds(key, message, signature) for key in service_keys)
    require(holds, "registration-bad-service-signature")


def entry_of(submission, label, opening, last):
    """The registration-entry that is logged (section 5.3)."""
    replaced = last.index if last is not None and last.action == REGISTER else None
    commitment = certificates.commitment(opening, submission.identity)
    return entry(submission.fields, label, commitment, replaced)


def entry(fields, label, commitment, replaced):
    """A registration-entry, of a registration that replaces or withdraws the one at an index or none."""
    said = {1: label, 2: fields[6], 3: fields[8], 4: fields[9], 5: fields[11], 6: commitment}
    return said if replaced is None else said | {7: replaced}


def readers_rules_hold(leaf, earlier, open_ones):
    """Whether the rules for who knows only the leaves hold.

    `earlier` has the leaves before it that carry the label, by index; `open_ones` the indexes of those that
    registered and that nothing has replaced or withdrawn yet.
    """
    said, now = leaf.entry, leaf.timestamp // 1000
    credential = earlier.get(said[2])
    if credential is None or credential.entry_type != leaves.NUMBER:
        return False
    if not credential.entry[4] <= now <= credential.entry[5] + LEEWAY:
        return False
    if said[4] - said[3] > LONGEST_VALIDITY or not now - LEEWAY <= said[4] <= now + LONGEST_VALIDITY:
        return False
    if 7 not in said:
        return True
    if said[7] not in open_ones:
        return False
    before = earlier[earlier[said[7]].entry[2]]
    return before.entry[6] == credential.entry[6]
