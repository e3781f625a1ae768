//! merkle.json and tiles.json, by the recursive definitions of RFC 6962 §2.1, which the library does not use.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tnlog::tls::Write;

use crate::case::{File, bad, from, good, hex, hexes, unhex};

type Node = [u8; 32];
const RFC: &str =
    "certificate-transparency, merkletree/merkle_tree_test.cc (the reference tests of RFC 6962)";

pub fn leaf_hash(leaf: &[u8]) -> Node {
    Sha256::new_with_prefix([0]).chain_update(leaf).finalize().into()
}

fn node_hash(left: &Node, right: &Node) -> Node {
    Sha256::new_with_prefix([1]).chain_update(left).chain_update(right).finalize().into()
}

fn split(n: usize) -> usize {
    n.next_power_of_two() / 2
}

/// MTH of RFC 6962 §2.1, over leaf hashes.
pub fn root(leaves: &[Node]) -> Node {
    match leaves {
        [] => Sha256::digest([]).into(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

/// PATH of RFC 6962 §2.1.1.
pub fn inclusion_path(index: usize, leaves: &[Node]) -> Vec<Node> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut path, sibling) = if index < k {
        (inclusion_path(index, left), right)
    } else {
        (inclusion_path(index - k, right), left)
    };
    path.push(root(sibling));
    path
}

/// PROOF of RFC 6962 §2.1.2.
fn consistency_path(old: usize, leaves: &[Node], complete: bool) -> Vec<Node> {
    if old == leaves.len() {
        return if complete { Vec::new() } else { vec![root(leaves)] };
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut path, sibling) = if old <= k {
        (consistency_path(old, left, complete), right)
    } else {
        (consistency_path(old - k, right, false), left)
    };
    path.push(root(sibling));
    path
}

fn reference_leaves() -> Vec<Vec<u8>> {
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
        .map(unhex)
        .to_vec()
}

pub fn merkle() -> File {
    let leaves = reference_leaves();
    let hashes: Vec<Node> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
    let mut cases = vec![
        good(
            "leaf-hash-empty",
            "hash of the empty leaf",
            json!({"kind": "leaf-hash", "leaf": "", "hash": hex(&hashes[0])}),
        ),
        good(
            "leaf-hash-00",
            "hash of a leaf",
            json!({"kind": "leaf-hash", "leaf": "00", "hash": hex(&hashes[1])}),
        ),
    ];
    for size in 0..=8 {
        let fields =
            json!({"kind": "root", "leaves": hexes(&leaves[..size]), "root": hex(&root(&hashes[..size]))});
        cases.push(from(RFC, good(&format!("root-{size}"), "root of a tree", fields)));
    }
    let many: Vec<Node> = (0u32..130).map(|i| leaf_hash(&i.to_be_bytes())).collect();
    for (index, size) in
        [(0, 1), (0, 2), (1, 2), (2, 3), (5, 7), (6, 7), (0, 8), (7, 8), (64, 65), (100, 130), (129, 130)]
    {
        let fields = inclusion(index, &many[..size]);
        cases.push(good(&format!("inclusion-{index}-of-{size}"), "leaf i is uint32 i", fields));
    }
    cases.extend(bad_inclusions(&many[..7]));
    for (old, new) in
        [(0, 0), (0, 5), (1, 1), (1, 2), (3, 7), (4, 7), (6, 7), (7, 7), (64, 130), (65, 130), (129, 130)]
    {
        let fields = consistency(old, &many[..new]);
        cases.push(good(&format!("consistency-{old}-to-{new}"), "leaf i is uint32 i", fields));
    }
    cases.extend(bad_consistencies(&many[..7]));
    File::new("merkle", "Leaf hashes, roots, inclusion and consistency proofs (formats.md §2).", cases)
}

fn inclusion(index: usize, leaves: &[Node]) -> Value {
    let proof = inclusion_path(index, leaves);
    json!({"kind": "inclusion", "index": index, "size": leaves.len(), "leaf_hash": hex(&leaves[index]),
        "root": hex(&root(leaves)), "proof": hexes(&proof)})
}

fn consistency(old: usize, leaves: &[Node]) -> Value {
    let proof = if old == 0 { Vec::new() } else { consistency_path(old, leaves, true) };
    json!({"kind": "consistency", "old_size": old, "old_root": hex(&root(&leaves[..old])), "new_size": leaves.len(),
        "new_root": hex(&root(leaves)), "proof": hexes(&proof)})
}

fn with(mut fields: Value, name: &str, value: impl Into<Value>) -> Value {
    fields[name] = value.into();
    fields
}

fn flip(fields: &Value, pointer: &str) -> Value {
    let mut fields = fields.clone();
    let target = fields.pointer_mut(pointer).expect("a field");
    let mut bytes = unhex(target.as_str().expect("hex"));
    bytes[0] ^= 1;
    *target = hex(&bytes).into();
    fields
}

fn longer(fields: &Value) -> Value {
    let mut fields = fields.clone();
    let hash = fields["proof"][0].clone();
    fields["proof"].as_array_mut().expect("a proof").push(hash);
    fields
}

fn shorter(fields: &Value) -> Value {
    let mut fields = fields.clone();
    fields["proof"].as_array_mut().expect("a proof").pop();
    fields
}

fn bad_inclusions(leaves: &[Node]) -> Vec<Value> {
    let proof = inclusion(5, leaves);
    let no = |name: &str, comment: &str, fields| bad(name, "inclusion", comment, fields);
    vec![
        no("inclusion-other-index", "the proof is of leaf 5", with(proof.clone(), "index", 4)),
        no("inclusion-other-size", "the proof is in a tree of 7", with(proof.clone(), "size", 6)),
        no("inclusion-index-is-size", "no such leaf", with(proof.clone(), "index", 7)),
        no(
            "inclusion-empty-tree",
            "nothing is in it",
            with(with(proof.clone(), "size", 0), "proof", json!([])),
        ),
        no("inclusion-other-leaf", "one bit of the leaf hash", flip(&proof, "/leaf_hash")),
        no("inclusion-other-root", "one bit of the root", flip(&proof, "/root")),
        no("inclusion-other-hash", "one bit of the proof", flip(&proof, "/proof/1")),
        no("inclusion-too-long", "one hash more", longer(&proof)),
        no("inclusion-too-short", "one hash less", shorter(&proof)),
        no("inclusion-none", "no hash", with(proof.clone(), "proof", json!([]))),
    ]
}

fn bad_consistencies(leaves: &[Node]) -> Vec<Value> {
    let proof = consistency(3, leaves);
    let no = |name: &str, comment: &str, fields| bad(name, "consistency", comment, fields);
    let swapped = {
        let mut fields = consistency(7, leaves);
        fields["old_size"] = 8.into();
        fields
    };
    vec![
        no("consistency-other-old-root", "one bit of the old root", flip(&proof, "/old_root")),
        no("consistency-other-new-root", "one bit of the new root", flip(&proof, "/new_root")),
        no("consistency-other-hash", "one bit of the proof", flip(&proof, "/proof/0")),
        no("consistency-too-long", "one hash more", longer(&proof)),
        no("consistency-too-short", "one hash less", shorter(&proof)),
        no("consistency-none", "no hash", with(proof.clone(), "proof", json!([]))),
        no("consistency-other-old-size", "the proof is from 3", with(proof.clone(), "old_size", 2)),
        no("consistency-other-new-size", "the proof is to 7", with(proof.clone(), "new_size", 4)),
        no("consistency-backwards", "old size above new size", swapped),
        no(
            "consistency-equal-with-proof",
            "equal sizes have an empty proof",
            with(consistency(7, leaves), "proof", json!([hex(&leaves[0])])),
        ),
        no(
            "consistency-equal-other-root",
            "equal sizes, two roots",
            flip(&consistency(7, leaves), "/new_root"),
        ),
        no(
            "consistency-from-zero-with-proof",
            "from size 0 the proof is empty",
            with(consistency(0, leaves), "proof", json!([hex(&leaves[0])])),
        ),
        no(
            "consistency-from-zero-other-root",
            "the empty tree has one root",
            flip(&consistency(0, leaves), "/old_root"),
        ),
    ]
}

pub fn tiles() -> File {
    let mut cases = Vec::new();
    for (path, kind, index, width) in [
        ("tile/0/000", "0", 0u64, 256),
        ("tile/0/005", "0", 5, 256),
        ("tile/1/x001/x234/067", "1", 1_234_067, 256),
        ("tile/0/x001/000.p/1", "0", 1000, 1),
        ("tile/63/000.p/255", "63", 0, 255),
        ("tile/entries/000.p/44", "entries", 0, 44),
        ("tile/entries/x001/x000/999", "entries", 1_000_999, 256),
        ("tile/chains/x123/456", "chains", 123_456, 256),
    ] {
        let name = format!("path-{}", cases.len());
        cases.push(good(
            &name,
            "a path",
            json!({"kind": "path", "path": path, "of": kind, "index": index, "width": width}),
        ));
    }
    for (i, (path, comment)) in [
        ("tile/0/5", "fewer than three digits"),
        ("tile/0/0005", "four digits"),
        ("tile/0/1000", "four digits, no group"),
        ("tile/0/x000/001", "a leading group of zeros"),
        ("tile/0/001/002", "a group without x"),
        ("tile/0/x001", "the last group has an x"),
        ("tile/00/001", "a level with a leading zero"),
        ("tile/64/001", "a level above 63"),
        ("tile/0/001.p/0", "a width of 0"),
        ("tile/0/001.p/256", "a full tile has no width"),
        ("tile/0/001.p/07", "a width with a leading zero"),
        ("tile/names/001", "another kind"),
        ("/tile/0/001", "a slash before it"),
        ("tile/0/001/", "a slash behind it"),
        ("tile/0/+01", "a sign"),
    ]
    .into_iter()
    .enumerate()
    {
        cases.push(bad(
            &format!("bad-path-{i}"),
            "tile-path",
            comment,
            json!({"kind": "path", "path": path}),
        ));
    }
    cases.extend(tile_contents());
    cases.extend(bundles());
    cases.extend(side_items());
    File::new("tiles", "Paths and contents of tiles, entry bundles and side bundles (formats.md §3).", cases)
}

fn tile_contents() -> Vec<Value> {
    let leaves: Vec<Node> = (0u32..300).map(|i| leaf_hash(&i.to_be_bytes())).collect();
    let below = root(&leaves[..256]);
    let tile =
        |path: &str, bytes: Vec<u8>| json!({"kind": "tile", "size": 300, "path": path, "bytes": hex(&bytes)});
    let partial = tile("tile/0/001.p/44", leaves[256..].concat());
    vec![
        good("tile-full", "300 leaves, leaf i is uint32 i", tile("tile/0/000", leaves[..256].concat())),
        good("tile-partial", "the rest of the leaves", partial.clone()),
        good("tile-level-1", "the root of the first 256 leaves", tile("tile/1/000.p/1", below.to_vec())),
        bad(
            "tile-short",
            "tile-length",
            "a byte less",
            with(partial.clone(), "bytes", hex(&leaves[256..].concat()[1..])),
        ),
        bad("tile-long", "tile-length", "a hash more", with(partial, "bytes", hex(&leaves[255..].concat()))),
    ]
}

fn bundles() -> Vec<Value> {
    let items = [&b"one"[..], b"", b"three"];
    let bundle = |items: &[&[u8]]| {
        let mut bytes = Vec::new();
        items.iter().for_each(|item| bytes.put_opaque(item, 2));
        bytes
    };
    let fields = |width: usize, bytes: &[u8]| json!({"kind": "bundle", "width": width, "bytes": hex(bytes)});
    let three = bundle(&items);
    let found = with(fields(3, &three), "items", hexes(&items));
    let two = with(fields(2, &bundle(&[b"\x01\x02", b"\x03"])), "items", json!(["0102", "03"]));
    vec![
        good("bundle-two", "two entries", two),
        good("bundle-three", "an entry may be empty", found),
        bad("bundle-fewer", "bundle", "three entries where two are expected", fields(2, &three)),
        bad("bundle-more", "bundle", "three entries where four are expected", fields(4, &three)),
        bad("bundle-cut", "bundle", "the last byte is missing", fields(3, &three[..three.len() - 1])),
        bad("bundle-trailing", "bundle", "a byte follows", fields(3, &[&three[..], &[0]].concat())),
    ]
}

/// An item of a side bundle.
pub fn side_item(pre_certificate: &[u8], chain: &[Node]) -> Vec<u8> {
    let mut item = Vec::new();
    item.put_opaque(pre_certificate, 3);
    item.put_opaque(&chain.concat(), 2);
    item
}

fn side_items() -> Vec<Value> {
    let chain = [[0xaa; 32], [0xbb; 32]];
    let fields = |pre: &[u8], chain: &[Node]| json!({"kind": "side-item", "bytes": hex(&side_item(pre, chain)), "pre_certificate": hex(pre), "chain": hexes(chain)});
    let odd = |bytes: &[u8]| json!({"kind": "side-item", "bytes": hex(bytes)});
    let item = side_item(&[1, 2, 3], &chain);
    vec![
        good("side-item-precert", "type 1, with a precertificate of three bytes", fields(&[1, 2, 3], &chain)),
        good("side-item-x509", "type 0", fields(&[], &chain)),
        good("side-item-number", "parameters and numbers have none", fields(&[], &[])),
        bad("side-item-cut", "side-item", "the last byte is missing", odd(&item[..item.len() - 1])),
        bad("side-item-trailing", "side-item", "a byte follows", odd(&[&item[..], &[0]].concat())),
        bad(
            "side-item-fingerprint",
            "side-item",
            "a fingerprint of 31 bytes",
            odd(&[&[0, 0, 0, 0, 31][..], &[0xaa; 31]].concat()),
        ),
        bad("side-item-empty", "side-item", "no bytes at all", odd(&[])),
    ]
}
