"""Receipts (section 13) and the parameters proof (section 14): C2SP tlog-proof."""

from dataclasses import dataclass

import cbor
import certificate as certificates
import chain as chains
import der
import labels
import leaf as leaves
import merkle
import note as notes
import policy as policies
import voprf
from blocks import block_covers_number, calling_code, check_number, check_spc
from encoding import Malformed, Reader, decode_base64, decode_decimal
from refusal import Refused, require

LONGEST, LONGEST_EXTRA, MOST_HASHES = 655_360, 65_536, 63
MAGIC = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True)
class Proof:
    """A tlog-proof."""

    extra: bytes | None
    index: int
    hashes: list
    note: bytes


@dataclass(frozen=True)
class Extra:
    """The extra of a receipt; the last four are None for a certificate without numbers."""

    entry_type: int
    timestamp: int
    opening: bytes | None = None
    certificate_id: bytes | None = None
    elements: list | None = None
    proof: bytes | None = None

    @property
    def of_numbers(self):
        """Whether keys 3 to 6 are there."""
        return self.opening is not None


@dataclass(frozen=True)
class Verified:
    """What a verified receipt shows."""

    origin: str
    index: int
    timestamp: int
    leaf: bytes
    cosigned: dict
    extra: bytes


def read_proof(data):
    """A tlog-proof, else `proof-format`."""
    require(len(data) <= LONGEST, "proof-format")
    try:
        return _proof(data.decode("utf-8"))
    except (Malformed, UnicodeDecodeError) as error:
        raise Refused("proof-format") from error


def _proof(text):
    """The lines up to the first empty one, and the note behind it."""
    head, separator, note = text.partition("\n\n")
    lines = head.split("\n")
    if not separator or lines.pop(0) != MAGIC:
        raise Malformed("tlog-proof")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = decode_base64(lines.pop(0)[6:])
        if not 1 <= len(extra) <= LONGEST_EXTRA:
            raise Malformed("length of extra")
    if not lines or not lines[0].startswith("index "):
        raise Malformed("index")
    index = decode_decimal(lines.pop(0)[6:])
    hashes = [decode_base64(line) for line in lines]
    if index >= 2**64 or len(hashes) > MOST_HASHES or any(len(item) != 32 for item in hashes):
        raise Malformed("index or hashes")
    return Proof(extra, index, hashes, note.encode("utf-8"))


def read_extra(data):
    """The extra of a receipt, else `receipt-extra`."""
    require(data is not None, "receipt-extra")
    try:
        value = cbor.decode(data)
    except Malformed as error:
        raise Refused("receipt-extra") from error
    known = isinstance(value, dict) and list(value) in ([1, 2], [1, 2, 3, 4, 5, 6])
    require(known and cbor.is_uint(value[1], 1) and cbor.is_uint(value[2], 64), "receipt-extra")
    if len(value) == 6:
        sizes = {3: 32, 4: 16, 6: 64}
        require(all(cbor.is_bytes(value[key], size) for key, size in sizes.items()), "receipt-extra")
        elements = value[5]
        require(isinstance(elements, list) and len(elements) <= 512, "receipt-extra")
        require(all(cbor.is_bytes(element, 32) for element in elements), "receipt-extra")
    return Extra(*(value[key] for key in value))


def check_note(data):
    """The checkpoint note is part of the proof: what is no note is `proof-format`."""
    try:
        notes.parse(data)
    except Refused as error:
        raise Refused("proof-format") from error


def verify(data, peer, claim, now, policy, parameters, roots):
    """Section 13. `claim` is {"number": ...} or {"spc": ...}; `parameters` are verified maps by origin."""
    proof = read_proof(data)
    check_note(proof.note)
    extra = read_extra(proof.extra)
    chain = chains.verify(peer, roots, now=now)
    require(covers(chain.classes[0], claim), "not-covered")
    checkpoint, cosigned = policies.meet(policy, proof.note)
    require(checkpoint.origin in parameters, "unknown-log")
    names = chain.classes[0]
    identity = _identity(chain, extra)
    require(extra.of_numbers == (names.name == "numbers"), "kind")
    hidden = _labels(names, extra, parameters[checkpoint.origin]) if extra.of_numbers else []
    leaf = build_leaf(chain, extra, proof.index, identity, hidden)
    try:
        path = (proof.index, checkpoint.size, proof.hashes, checkpoint.root)
        merkle.check_inclusion(merkle.leaf_hash(leaf), *path)
    except Refused as error:
        raise Refused("not-included") from error
    return Verified(checkpoint.origin, proof.index, extra.timestamp, leaf, cosigned, proof.extra)


def covers(names, claim):
    """Step 3. A claim that is no number or code (section 8) is not covered."""
    try:
        if "spc" in claim:
            capitals = check_spc(claim["spc"]).upper()
            return names.name == "spcs" and capitals in [code.upper() for code in names.names]
        number = check_number(claim["number"])
    except Refused:
        return False
    if names.name == "numbers":
        return number in names.names
    return names.name == "blocks" and any(block_covers_number(block, number) for block in names.names)


def _identity(chain, extra):
    """Step 6."""
    certificate = chain.certificates[0]
    if extra.entry_type == 0:
        return certificates.certificate_identity(certificate.raw)
    sct_list = certificate.extension(certificates.SCT_LIST)
    require(sct_list is not None and sct_list_decodes(sct_list.value), "kind")
    tbs = certificates.final_tbs(certificate)
    return certificates.precertificate_identity(issuer_key_hash(chain), tbs)


def issuer_key_hash(chain):
    """The key hash of the next certificate; of a root alone, which is its own issuer, its own."""
    return chain.certificates[min(1, len(chain.certificates) - 1)].key_hash


def sct_list_decodes(value):
    """An OCTET STRING with a list of SCTs that is not empty (RFC 6962 section 3.3)."""
    try:
        outer = Reader(der.expect(der.single(value), der.OCTET_STRING).content)
        inner = Reader(outer.opaque(2))
        outer.finish()
        scts = []
        while not inner.at_end():
            scts.append(inner.opaque(2))
    except Malformed:
        return False
    return bool(scts) and all(scts)


def _labels(names, extra, parameters):
    """Step 8: the labels, sorted."""
    try:
        return sorted(set(labels.number_labels(parameters[3], names.names, extra.elements, extra.proof)))
    except Refused as error:
        raise Refused("labels") from error


def build_leaf(chain, extra, index, identity, hidden):
    """Step 9: the leaf that the log must have."""
    certificate = chain.certificates[0]
    require(index < 2**40, "leaf")
    if extra.of_numbers:
        entry_type, entry = leaves.NUMBER, _number_entry(chain, extra, identity, hidden)
    elif extra.entry_type == 0:
        entry_type, entry = leaves.X509, certificate.raw
    else:
        tbs = certificates.final_tbs(certificate)
        entry_type, entry = leaves.PRECERTIFICATE, (issuer_key_hash(chain), tbs)
    leaf = leaves.write(leaves.Leaf(extra.timestamp, entry_type, entry, index))
    require(len(leaf) <= leaves.LONGEST, "leaf")
    return leaf


def _number_entry(chain, extra, identity, hidden):
    """The number-entry of section 5.2."""
    certificate = chain.certificates[0]
    codes = {calling_code(number) for number in chain.classes[0].names} - {None}
    return {
        1: hidden,
        2: issuer_key_hash(chain),
        3: extra.certificate_id,
        4: certificate.not_before,
        5: certificate.not_after,
        6: certificate.spki,
        7: certificate.is_ca,
        8: extra.entry_type == 1,
        9: sorted(codes),
        10: certificates.commitment(extra.opening, identity),
    }


def verify_parameters(data, policy):
    """Section 14: the parameters map of leaf 0."""
    proof = read_proof(data)
    check_note(proof.note)
    checkpoint, _ = policies.meet(policy, proof.note)
    try:
        leaf = leaves.read(proof.extra or b"")
    except Refused as error:
        raise Refused("parameters-leaf") from error
    is_parameters = leaf.entry_type == leaves.PARAMETERS and leaf.entry[1] == checkpoint.origin
    require(is_parameters, "parameters-leaf")
    require(proof.index == 0 and leaf.index == 0, "not-included")
    try:
        hash_of_leaf = merkle.leaf_hash(proof.extra)
        merkle.check_inclusion(hash_of_leaf, 0, checkpoint.size, proof.hashes, checkpoint.root)
    except Refused as error:
        raise Refused("not-included") from error
    check_parameter_keys(leaf.entry)
    return leaf.entry


def check_parameter_keys(parameters):
    """Step 5 of section 14: `label-key`, `sct-key`."""
    voprf.decode_element(parameters[3], "label-key")
    certificates.sct_key(parameters[2])
