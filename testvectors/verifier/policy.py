"""Policies (section 4.4): C2SP tlog-policy."""

import re
from dataclasses import dataclass, field

import checkpoint as checkpoints
import note as notes
from encoding import Malformed, decode_decimal
from refusal import Refused, require

LONGEST, MOST = 131_072, 64


@dataclass
class Policy:
    """Logs and witnesses by name, groups as (k, members), and the name of the quorum."""

    logs: list = field(default_factory=list)
    witnesses: dict = field(default_factory=dict)
    groups: dict = field(default_factory=dict)
    quorum: str | None = None
    members: set = field(default_factory=set)


def parse(text):
    """A policy, else `policy-format`."""
    require(len(text.encode("utf-8")) <= LONGEST, "policy-format")
    require(not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text), "policy-format")
    policy = Policy()
    for line in text.split("\n"):
        items = [item for item in re.split(r"[ \t]+", line) if item]
        if items and not items[0].startswith("#"):
            _line(policy, items)
    require(policy.quorum is not None, "policy-format")
    return policy


def _line(policy, items):
    """One line that is neither empty nor a comment."""
    readers = {"log": _log, "witness": _witness, "group": _group, "quorum": _quorum}
    reader = readers.get(items[0])
    require(reader is not None, "policy-format")
    reader(policy, items[1:])


def _key(text, key_type):
    """A verifier key of the type."""
    try:
        key = notes.parse_key(text)
    except Refused as error:
        raise Refused("policy-format") from error
    require(key.type == key_type, "policy-format")
    return key


def _log(policy, items):
    """log <vkey> [url]"""
    require(1 <= len(items) <= 2 and len(policy.logs) < MOST, "policy-format")
    key = _key(items[0], notes.ED25519)
    require(all(key.public != other.public for other in policy.logs), "policy-format")
    policy.logs.append(key)


def _define(policy, name):
    """A name is defined once, and is not `none`."""
    used = name in policy.witnesses or name in policy.groups
    require(not used and name != "none", "policy-format")


def _witness(policy, items):
    """witness <name> <vkey> [url]"""
    require(2 <= len(items) <= 3 and len(policy.witnesses) < MOST, "policy-format")
    _define(policy, items[0])
    key = _key(items[1], notes.COSIGNATURE)
    require(all(key.public != other.public for other in policy.witnesses.values()), "policy-format")
    policy.witnesses[items[0]] = key


def _group(policy, items):
    """group <name> <any | all | k> <member>..."""
    require(len(items) >= 3 and len(policy.groups) < MOST, "policy-format")
    name, threshold, *members = items
    _define(policy, name)
    for member in members:
        require(member in policy.witnesses or member in policy.groups, "policy-format")
        require(member not in policy.members, "policy-format")
        policy.members.add(member)
    policy.groups[name] = (_threshold(threshold, len(members)), members)


def _threshold(text, count):
    """How many members have to count."""
    if text in ("any", "all"):
        return 1 if text == "any" else count
    try:
        k = decode_decimal(text)
    except Malformed as error:
        raise Refused("policy-format") from error
    require(1 <= k <= count, "policy-format")
    return k


def _quorum(policy, items):
    """quorum <name | none>"""
    require(len(items) == 1 and policy.quorum is None, "policy-format")
    name = items[0]
    require(name in policy.witnesses or name in policy.groups or name == "none", "policy-format")
    policy.quorum = name


def counts(policy, name, signers):
    """Whether a witness cosigned, or enough members of a group count."""
    if name in policy.witnesses:
        return policy.witnesses[name] in signers
    k, members = policy.groups[name]
    return sum(counts(policy, member, signers) for member in members) >= k


def meet(policy, data):
    """(checkpoint, time by witness name) of a note that meets the policy, or the first refusal."""
    note = notes.parse(data)
    checkpoint = checkpoints.parse_text(note.text)
    try:
        signers = notes.verify(note, policy.logs + list(policy.witnesses.values()))
    except Refused as error:
        raise Refused("checkpoint-log" if error.word == "note-unsigned" else error.word) from error
    signed = any(key.type == notes.ED25519 and key.name == checkpoint.origin for key in signers)
    require(signed, "checkpoint-log")
    require(policy.quorum == "none" or counts(policy, policy.quorum, signers), "quorum")
    cosigned = {name: signers[key] for name, key in policy.witnesses.items() if key in signers}
    return checkpoint, cosigned
