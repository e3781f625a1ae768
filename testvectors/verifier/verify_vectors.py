"""Runs every file of test vectors: `python3 verify_vectors.py [folder]`.

A failure is also: a file or a kind of case that is not known here, and a field of a good case that nothing
looked at.
"""

import json
import sys
from pathlib import Path

import cbor
import certificate as certificates
import chain as chains
import checkpoint as checkpoints
import classify
import edwards
import index_head
import index_labels
import index_list
import index_tree
import labels
import leaf as leaves
import merkle
import note as notes
import policy as policies
import receipt as receipts
import registration as registrations
import ristretto
import sct as scts
import standing as standings
import statement as statements
import tiles
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
from encoding import Malformed
from refusal import Refused, require

COMMON = {"name", "comment", "source", "kind", "error"}


class Mismatch(Exception):
    """A case that was accepted, with another result than the vector's."""


class Case:
    """The fields of a case; remembers which of them were looked at."""

    def __init__(self, fields, shared):
        self.fields, self.shared, self.seen = fields, shared, set(COMMON)

    def get(self, name, default=None):
        """A field that may be missing."""
        self.seen.add(name)
        return self.fields.get(name, default)

    def __getitem__(self, name):
        self.seen.add(name)
        return self.fields[name]

    def hex(self, name):
        """A field of bytes."""
        return bytes.fromhex(self[name])

    def hexes(self, name):
        """A field that is a list of bytes."""
        return [bytes.fromhex(item) for item in self[name]]

    def certificate(self, identifier):
        """A certificate that the whole file shares."""
        return bytes.fromhex(self.shared["certificates"][identifier])

    def expect(self, name, value):
        """The result for a field is as the vector says."""
        if self[name] != value:
            raise Mismatch(f"{name}: {value!r} instead of {self[name]!r}")

    @property
    def is_good(self):
        """Whether the case is to be accepted."""
        return "error" not in self.fields

    def finish(self):
        """Every field of a good case was looked at."""
        unseen = set(self.fields) - self.seen
        if self.is_good and unseen:
            raise Mismatch(f"fields nothing looked at: {sorted(unseen)}")


def merkle_leaf_hash(case):
    """Section 2: leaf hash."""
    case.expect("hash", merkle.leaf_hash(case.hex("leaf")).hex())


def merkle_root(case):
    """Section 2: root."""
    hashes = [merkle.leaf_hash(leaf) for leaf in case.hexes("leaves")]
    case.expect("root", merkle.root_of_hashes(hashes).hex())


def merkle_inclusion(case):
    """Section 2: inclusion proof."""
    where = case["index"], case["size"]
    merkle.check_inclusion(case.hex("leaf_hash"), *where, case.hexes("proof"), case.hex("root"))


def merkle_consistency(case):
    """Section 2: consistency proof."""
    old, new = (case["old_size"], case.hex("old_root")), (case["new_size"], case.hex("new_root"))
    merkle.check_consistency(*old, *new, case.hexes("proof"))


def tiles_path(case):
    """Section 3: path of a tile or bundle."""
    level, number, width = tiles.parse_tile_path(case["path"])
    case.expect("of", str(level))
    case.expect("index", number)
    case.expect("width", width)


def tiles_tile(case):
    """Section 3: a tile of a tree of which leaf i is uint32 i."""
    level, number, width = tiles.parse_tile_path(case["path"])
    size, data = case["size"], case.hex("bytes")
    hashes = tiles.check_tile(data, width)
    span = 256**level
    for i, found in enumerate(hashes, 256 * number):
        require((i + 1) * span <= size, "tile-length")
        part = [merkle.leaf_hash(j.to_bytes(4, "big")) for j in range(i * span, (i + 1) * span)]
        if merkle.root_of_hashes(part) != found:
            raise Mismatch(f"hash {i}")


def tiles_bundle(case):
    """Section 3: items of a bundle."""
    items = tiles.read_bundle(case.hex("bytes"), case["width"])
    case.expect("items", [item.hex() for item in items])
    case.expect("bytes", tiles.write_bundle(items).hex())


def tiles_side_item(case):
    """Section 3: an item of a side bundle."""
    precertificate, chain = tiles.read_side_item(case.hex("bytes"))
    case.expect("pre_certificate", precertificate.hex())
    case.expect("chain", [fingerprint.hex() for fingerprint in chain])
    case.expect("bytes", tiles.write_side_item(precertificate, chain).hex())


def note_verify(case):
    """Section 4.1: a note and a set of keys."""
    keys = [notes.parse_key(text) for text in case["keys"]]
    signers = notes.verify(notes.parse(case["note"].encode("utf-8")), keys)
    case.expect("verified", [key.name for key in signers])


def note_key(case):
    """Section 4.1: a verifier key."""
    key = notes.parse_key(case["vkey"])
    case.expect("of", key.name)
    case.expect("type", key.type)
    case.expect("key_id", key.key_id.hex())
    case.expect("public_key", key.public.hex())


def checkpoint_text(case):
    """Section 4.2: the text of a checkpoint."""
    found = checkpoints.parse_text(case["text"])
    case.expect("origin", found.origin)
    case.expect("size", found.size)
    case.expect("root", found.root.hex())
    case.expect("extensions", list(found.extensions))


def checkpoint_tree_head(case):
    """Section 4.3: the RFC 6962 tree head of a checkpoint."""
    note = notes.parse(case["note"].encode("utf-8"))
    checkpoint = checkpoints.parse_text(note.text)
    timestamp = checkpoints.verify_tree_head(note, checkpoint, case.hex("sct_key"))
    if case.get("timestamp") is not None:
        case.expect("timestamp", timestamp)
    if case.get("message") is not None:
        message = notes.tree_head_message(timestamp, checkpoint.size, checkpoint.root)
        case.expect("message", message.hex())


def policy(case):
    """Section 4.4: a note that meets a policy."""
    found, cosigned = policies.meet(policies.parse(case["policy"]), case["note"].encode("utf-8"))
    case.expect("origin", found.origin)
    case.expect("cosigned", [{"name": name, "time": time} for name, time in cosigned.items()])


ENTRY_FIELDS = {
    leaves.PARAMETERS: "origin sct_key label_key",
    leaves.NUMBER: "labels issuer_key_hash certificate_id not_before not_after subject_key is_ca"
    " is_precertificate calling_codes commitment",
    leaves.REGISTRATION: "label credential not_before not_after action commitment replaces",
    leaves.KEY_STATEMENT: "labels verb old_index old_hash new_index new_hash signature",
}
ENTRY_WORDS = {"action": ("register", "withdraw"), "verb": ("approve", "dispute")}


def entry_as_json(leaf):
    """The entry of a leaf as the vectors write it."""
    if leaf.entry_type == leaves.X509:
        return {"certificate": leaf.entry.hex()}
    if leaf.entry_type == leaves.PRECERTIFICATE:
        return {"issuer_key_hash": leaf.entry[0].hex(), "tbs_certificate": leaf.entry[1].hex()}
    names = ENTRY_FIELDS[leaf.entry_type].split()
    entry = {name: as_json(leaf.entry.get(key)) for key, name in enumerate(names, 1)}
    return entry | {name: ENTRY_WORDS[name][entry[name]] for name in ENTRY_WORDS if name in entry}


def as_json(value):
    """Bytes in hex, also within lists."""
    if isinstance(value, list):
        return [as_json(item) for item in value]
    return value.hex() if isinstance(value, bytes) else value


def leaf_leaf(case):
    """Section 5: a leaf."""
    leaf = leaves.read(case.hex("leaf"))
    case.expect("timestamp", leaf.timestamp)
    case.expect("entry_type", leaf.entry_type)
    case.expect("index", leaf.index)
    case.expect("entry", entry_as_json(leaf))
    case.expect("leaf", leaves.write(leaf).hex())


def leaf_commitment(case):
    """Section 6: opening, commitment, certificate id."""
    secret, identity = case.hex("opening_secret"), case.hex("identity")
    opening = certificates.opening(secret, identity)
    case.expect("opening", opening.hex())
    case.expect("commitment", certificates.commitment(opening, identity).hex())
    key_hash, serial = case.hex("issuer_key_hash"), case.hex("serial")
    case.expect("certificate_id", certificates.certificate_id(secret, key_hash, serial).hex())


def precertificate(case):
    """Section 6: the TBSCertificate that precertificate and certificate share."""
    case.expect("tbs_certificate", certificates.final_tbs(certificates.parse(case.hex("certificate"))).hex())
    if case.get("precertificate_chain") is None:
        return
    submitted, issuer, *above = [certificates.parse(item) for item in case.hexes("precertificate_chain")]
    case.expect("tbs_certificate", certificates.precertificate_tbs(submitted, issuer).hex())
    final_issuer = above[0] if issuer.is_precertificate_signer else issuer
    case.expect("issuer_key_hash", final_issuer.key_hash.hex())


def sct(case):
    """Section 7: an SCT."""
    identity = case.hex("identity")
    found = scts.verify(case.hex("sct"), case.hex("sct_key"), identity)
    case.expect("timestamp", found.timestamp)
    case.expect("index", found.index)
    case.expect("opening", found.opening and found.opening.hex())
    case.expect("signed_data", scts.signed_data(found.timestamp, identity, found.extensions).hex())


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


def key_statement(case):
    """Section 17: what a log with two leaves makes of a submission."""
    log_id, pair = case.hex("log_id"), [case.hex("old"), case.hex("new")]
    found = {leaves.read(data).index: data for data in pair}
    entry = statements.submit(log_id, case.hex("statement"), found)
    case.expect("entry", cbor.encode(entry).hex())
    case.expect("signed_bytes", statements.signed_bytes(log_id, entry).hex())


def registration(case):
    """Section 18: what a log with one leaf makes of a submission."""
    credential, service, last = leaves.read(case.hex("credential")), case["resolution_service"], case["last"]
    services = {service["name"]: [bytes.fromhex(service["key"])]}
    log = registrations.Log(case.hex("log_id"), case.hex("label"), {credential.index: credential}, services)
    if last is not None:
        last = registrations.Last(**last | {"action": ENTRY_WORDS["action"].index(last["action"])})
    found = registrations.submit(log, case.hex("submission"), last, case["now"])
    opening = certificates.opening(case.hex("opening_secret"), found.identity)
    case.expect("identity", found.identity.hex())
    case.expect("opening", opening.hex())
    case.expect("entry", cbor.encode(registrations.entry_of(found, log.label, opening, last)).hex())


def standing(case):
    """Section 20: the credentials and the registrations of a number."""
    found = standings.Standing(case.hex("log_id"), case.hex("label"), case.hexes("leaves"))
    now = case["now"] // 1000
    credentials = [
        {"leaves": one.leaves, "repeated_id": one.repeated_id, "verdict": found.verdict(one.index, now)}
        for one in found.credentials
    ]
    case.expect("credentials", credentials)
    case.expect("registrations", found.states(now))


def index_entries(items):
    """Entries of the index, as the vectors write them."""
    return [
        index_tree.Entry(bytes.fromhex(item["label"]), item["count"], bytes.fromhex(item["list_root"]))
        for item in items
    ]


def index_proof(case):
    """Section 21.3: a proof, with an old answer or without."""
    query = [index_tree.bits(bytes.fromhex(item["prefix"]), item["bits"]) for item in case["query"]]
    root = case.hex("root")
    found = index_tree.verify(case.hex("proof"), query, root, index_entries(case.get("known", [])))
    if found != index_entries(case["found"]):
        raise Mismatch(f"found: {found}")
    if "" in query and index_tree.root_of(found) != root:
        raise Mismatch("the root of all labels")


def index_page(case):
    """Section 21.4: a page of a list."""
    known = index_list.Known(case["known_count"], case.hex("known_root"), case["known_last"])
    whole = case["count"], case.hex("list_root")
    items, read = index_list.verify(case.hex("page"), known, whole, case["size"])
    case.expect("items", items)
    case.expect("read_count", read.count)
    case.expect("read_root", read.root.hex())
    if known.count == 0:
        case.expect("read_root", index_list.list_root(items).hex())


def index_head_case(case):
    """Section 21.5: a head of the index log."""
    found = index_head.read(case.hex("head"))
    case.expect("size", found.size)
    case.expect("root", found.root.hex())
    case.expect("index_root", found.index_root.hex())
    case.expect("labels", found.labels)


HANDLERS = {
    "blocks": {"cover": blocks_cover, "covers": blocks_covers},
    "chain": {None: chain},
    "checkpoint": {"text": checkpoint_text, "tree-head": checkpoint_tree_head},
    "classify": {None: classify_case},
    "index": {"proof": index_proof, "page": index_page, "head": index_head_case},
    "labels": {
        "block": labels_block,
        "number": labels_number,
        "rfc9497": labels_rfc9497,
        "spc": labels_spc,
    },
    "leaf": {"leaf": leaf_leaf, "commitment": leaf_commitment},
    "merkle": {
        "leaf-hash": merkle_leaf_hash,
        "root": merkle_root,
        "inclusion": merkle_inclusion,
        "consistency": merkle_consistency,
    },
    "note": {"verify": note_verify, "key": note_key},
    "numbers": {"number": numbers_number, "spc": numbers_spc},
    "parameters": {None: parameters},
    "policy": {None: policy},
    "precertificate": {None: precertificate},
    "receipt": {None: receipt},
    "sct": {None: sct},
    "statement": {"key-statement": key_statement, "registration": registration, "standing": standing},
    "tiles": {"path": tiles_path, "tile": tiles_tile, "bundle": tiles_bundle, "side-item": tiles_side_item},
    "tnauthlist": {"scope": tnauthlist_scope, "encompasses": tnauthlist_encompasses},
}


def run_case(handlers, fields, shared):
    """None when the case passes, otherwise what is wrong."""
    case = Case(fields, shared)
    handler = handlers.get(fields.get("kind"))
    if handler is None:
        return f"unknown kind {fields.get('kind')!r}"
    try:
        handler(case)
        case.finish()
    except Refused as refusal:
        return check_refusal(fields, refusal)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None if case.is_good else f"accepted, but expected {fields['error']}"


def check_refusal(fields, refusal):
    """None when the refusal, and the certificate that it tells, are those of the vector."""
    told = fields.get("certificate")
    expected = fields.get("error"), told if isinstance(told, int) else None
    if (refusal.word, refusal.certificate) == expected:
        return None
    return f"refused {refusal}, but expected {expected[0] or 'a good case'} (certificate {expected[1]})"


def written_out(members):
    """A `{"repeat": [[text, times]...]}` as the text that it is."""
    if set(members) != {"repeat"}:
        return members
    return "".join(text * times for text, times in members["repeat"])


def run_file(path):
    """(passed, failed) of a file; prints a line for each failure and one for the file."""
    handlers = HANDLERS.get(path.stem)
    passed = failed = 0
    if handlers is None:
        print(f"  {path.name}: unknown file")
        failed = 1
    else:
        shared = json.loads(path.read_text(encoding="utf-8"), object_hook=written_out)
        names = set()
        if not shared["cases"] or set(shared) - {"cases", "certificates", "comment", "source"}:
            print(f"  {path.stem}: no cases, or an unknown member")
            failed += 1
        for fields in shared["cases"]:
            wrong = run_case(handlers, fields, shared)
            if fields["name"] in names:
                wrong = "a second case of this name"
            names.add(fields["name"])
            passed, failed = (passed + 1, failed) if wrong is None else (passed, failed + 1)
            if wrong is not None:
                print(f"  {path.stem}/{fields['name']}: {wrong}")
    print(f"{path.stem}: {passed} passed, {failed} failed", flush=True)
    return passed, failed


def main(arguments):
    """Runs the files of the folder; 1 when anything failed or a file is missing."""
    folder = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    passed = failed = 0
    paths = sorted(folder.glob("*.json"))
    for path in paths:
        counts = run_file(path)
        passed, failed = passed + counts[0], failed + counts[1]
    for missing in sorted(set(HANDLERS) - {path.stem for path in paths}):
        print(f"{missing}: no such file")
        failed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
