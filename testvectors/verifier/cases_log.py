"""Cases of the tree, tiles, notes, policies, leaves and SCTs (sections 2 to 7)."""

import certificate as certificates
import checkpoint as checkpoints
import index_labels
import leaf as leaves
import merkle
import note as notes
import policy as policies
import sct as scts
import tiles
from case import Mismatch
from refusal import require


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
    entry = case["entry"]
    said = entry.get("labels", [entry["label"]] if "label" in entry else [])
    if [label.hex() for label in index_labels.of_leaf(case.hex("leaf"))] != said:
        raise Mismatch("the index finds other labels")


def leaf_commitment(case):
    """Section 6: opening, commitment, certificate id."""
    secret, identity = case.hex("opening_secret"), case.hex("identity")
    opening = certificates.opening(secret, identity)
    case.expect("opening", opening.hex())
    case.expect("commitment", certificates.commitment(opening, identity).hex())
    key_hash, serial = case.hex("issuer_key_hash"), case.hex("serial")
    case.expect("certificate_id", certificates.certificate_id(secret, key_hash, serial).hex())


def sct(case):
    """Section 7: an SCT."""
    identity = case.hex("identity")
    found = scts.verify(case.hex("sct"), case.hex("sct_key"), identity)
    case.expect("timestamp", found.timestamp)
    case.expect("index", found.index)
    case.expect("opening", found.opening and found.opening.hex())
    case.expect("signed_data", scts.signed_data(found.timestamp, identity, found.extensions).hex())


HANDLERS = {
    "checkpoint": {"text": checkpoint_text, "tree-head": checkpoint_tree_head},
    "leaf": {"leaf": leaf_leaf, "commitment": leaf_commitment},
    "merkle": {
        "leaf-hash": merkle_leaf_hash,
        "root": merkle_root,
        "inclusion": merkle_inclusion,
        "consistency": merkle_consistency,
    },
    "note": {"verify": note_verify, "key": note_key},
    "policy": {None: policy},
    "sct": {None: sct},
    "tiles": {"path": tiles_path, "tile": tiles_tile, "bundle": tiles_bundle, "side-item": tiles_side_item},
}
