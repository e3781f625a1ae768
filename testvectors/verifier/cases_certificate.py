"""Cases of certificates, of what they name, of chains and of receipts (sections 6 and 8 to 16)."""

import cbor
import certificate as certificates
import chain as chains
import classify
import edwards
import index_labels
import labels
import policy as policies
import receipt as receipts
import ristretto
import tnauthlist
import voprf
from blocks import (
    block_covers_number,
    blocks_of_ranges,
    calling_code,
    check_number,
    check_range,
    check_spc,
    parse_block,
    write_block,
)
from case import Mismatch
from encoding import Malformed
from refusal import Refused


def precertificate(case):
    """Section 6: the TBSCertificate that precertificate and certificate share."""
    case.expect("tbs_certificate", certificates.final_tbs(certificates.parse(case.hex("certificate"))).hex())
    if case.get("precertificate_chain") is None:
        return
    submitted, issuer, *above = [certificates.parse(item) for item in case.hexes("precertificate_chain")]
    case.expect("tbs_certificate", certificates.precertificate_tbs(submitted, issuer).hex())
    final_issuer = above[0] if issuer.is_precertificate_signer else issuer
    case.expect("issuer_key_hash", final_issuer.key_hash.hex())
    of_final = index_labels.of_certificate(case.hex("certificate"))
    if index_labels.of_tbs(case.hex("tbs_certificate")) != of_final:
        raise Mismatch("the index finds other labels in the precertificate")


def blocks_cover(case):
    """Section 8: the blocks of ranges."""
    ranges = case["ranges"]
    for first, count in ranges:
        check_range(first, count)
    case.expect("blocks", [write_block(block) for block in blocks_of_ranges(ranges)])


def blocks_covers(case):
    """Section 8: whether a block covers a number."""
    case.expect("covers", block_covers_number(parse_block(case["block"]), check_number(case["number"])))


def numbers_number(case):
    """Sections 8 and 16: a number and its calling code."""
    case.expect("calling_code", calling_code(check_number(case["digits"])))


def numbers_spc(case):
    """Section 8: a service provider code."""
    case.expect("canonical", check_spc(case["code"]).upper())


def labels_block(case):
    """Section 9: the label of a block."""
    case.expect("label", labels.block_label(parse_block(case["block"])).hex())


def labels_spc(case):
    """Section 9: the label of a service provider code."""
    case.expect("label", labels.spc_label(check_spc(case["code"])).hex())


def labels_number(case):
    """Section 9: labels of numbers, from the evaluation of the log."""
    numbers, elements = case["numbers"], case.hexes("elements")
    found = labels.number_labels(case.hex("label_key"), numbers, elements, case.hex("proof"))
    case.expect("labels", [label.hex() for label in found])
    secret = voprf.derive_secret_key(case.hex("label_key_seed"), labels.LABEL_KEY_INFO)
    case.expect("label_key", voprf.public_key(secret).hex())
    hashed = [voprf.hash_to_element(labels.number_input(number)) for number in numbers]
    evaluated = [ristretto.encode(edwards.multiply(secret, point)) for point in hashed]
    case.expect("elements", [element.hex() for element in evaluated])


def little_endian(data):
    """A scalar."""
    return int.from_bytes(data, "little")


def labels_rfc9497(case):
    """RFC 9497 appendix A.1.2: every step of the protocol."""
    secret = voprf.derive_secret_key(case.hex("seed"), case.hex("key_info"))
    key = voprf.public_key(secret)
    case.expect("secret_key", voprf.encode_scalar(secret).hex())
    case.expect("public_key", key.hex())
    inputs, blinds = case.hexes("inputs"), [little_endian(blind) for blind in case.hexes("blinds")]
    pairs = list(zip(inputs, blinds))
    blinded = [edwards.multiply(blind, voprf.hash_to_element(message)) for message, blind in pairs]
    evaluated = [edwards.multiply(secret, point) for point in blinded]
    case.expect("blinded", [ristretto.encode(point).hex() for point in blinded])
    case.expect("elements", [ristretto.encode(point).hex() for point in evaluated])
    random_scalar = little_endian(case.hex("proof_random_scalar"))
    case.expect("proof", voprf.generate_proof(secret, blinded, evaluated, random_scalar).hex())
    voprf.verify_proof(key, ristretto.decode(key), blinded, evaluated, case.hex("proof"))
    inverses = [pow(blind, -1, edwards.L) for blind in blinds]
    plain = [ristretto.encode(edwards.multiply(i, point)) for i, point in zip(inverses, evaluated)]
    case.expect("outputs", [voprf.finalize(*pair).hex() for pair in zip(inputs, plain)])


def names_as_json(name, names):
    """Blocks as written, codes and numbers as they are."""
    return [write_block(block) for block in names] if name == "blocks" else names


def read_list(data):
    """A TNAuthList, with the word `unreadable` of section 10."""
    try:
        return tnauthlist.read(data)
    except Malformed as error:
        raise Refused("unreadable") from error


def tnauthlist_scope(case):
    """Section 10: what a TNAuthList names."""
    name, names = tnauthlist.names(read_list(case.hex("der")))
    case.expect("class", name)
    case.expect("names", names_as_json(name, names))


def tnauthlist_encompasses(case):
    """Section 12: whether one TNAuthList encompasses another."""
    parent, child = (
        classify.Class(*tnauthlist.names(read_list(case.hex(name)))) for name in ("parent", "child")
    )
    case.expect("encompasses", chains.encompasses(parent, child))


def classify_case(case):
    """Section 11: the class of a certificate."""
    found = classify.classify(certificates.parse(case.hex("certificate")))
    case.expect("class", found.name)
    case.expect("names", names_as_json(found.name, found.names))
    case.expect("entry_type", classify.entry_type(found.name, False))
    label_of = {"spcs": labels.spc_label, "blocks": labels.block_label}.get(found.name)
    named = sorted(label_of(name) for name in found.names) if label_of else []
    if index_labels.of_certificate(case.hex("certificate")) != named:
        raise Mismatch("the labels that the index finds are not those of the class")


def chain(case):
    """Section 12: a chain, submitted to a log or shown to an app."""
    if case["as"] not in ("final", "precertificate", "app"):
        raise Mismatch(f"as: {case['as']}")
    roots = [
        chains.Root(certificates.parse(case.certificate(root["certificate"])), root["calling_codes"])
        for root in case["roots"]
    ]
    now = case["now"] if case["as"] == "app" else None
    data = [case.certificate(item) for item in case["chain"]]
    chains.verify(data, roots, case["as"] == "precertificate", now)


def receipt(case):
    """Section 13: what an app decides about a peer."""
    parameters = {value[1]: value for value in map(cbor.decode, case.hexes("parameters"))}
    roots = [chains.Root(certificates.parse(case.certificate(item))) for item in case["roots"]]
    peer = [case.certificate(item) for item in case["chain"]]
    app = policies.parse(case["policy"]), parameters, roots
    found = receipts.verify(case["receipt"].encode("utf-8"), peer, case["claim"], case["now"], *app)
    case.expect("origin", found.origin)
    case.expect("index", found.index)
    case.expect("timestamp", found.timestamp)
    case.expect("leaf", found.leaf.hex())
    case.expect("cosigned", list(found.cosigned))
    case.expect("extra", found.extra.hex())


def parameters(case):
    """Section 14: the proof of the parameters."""
    found = receipts.verify_parameters(case["proof"].encode("utf-8"), policies.parse(case["policy"]))
    case.expect("origin", found[1])
    case.expect("sct_key", found[2].hex())
    case.expect("label_key", found[3].hex())


HANDLERS = {
    "blocks": {"cover": blocks_cover, "covers": blocks_covers},
    "chain": {None: chain},
    "classify": {None: classify_case},
    "labels": {
        "block": labels_block,
        "number": labels_number,
        "rfc9497": labels_rfc9497,
        "spc": labels_spc,
    },
    "numbers": {"number": numbers_number, "spc": numbers_spc},
    "parameters": {None: parameters},
    "precertificate": {None: precertificate},
    "receipt": {None: receipt},
    "tnauthlist": {"scope": tnauthlist_scope, "encompasses": tnauthlist_encompasses},
}
