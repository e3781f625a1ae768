//! Cases of index.json: trees and proofs of other shapes.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::case::{bad, good, hex, repeat};
use crate::index::{
    Bits, Entry, Node, asked, bits, difference, found, known, label_content, list_root, prefixes, proof, root,
};

const WHOLE: &[Bits] = &[Vec::new()];

/// The label that begins and ends with these bytes and is zero between.
fn entry(first: u8, last: u8) -> Entry {
    let mut label = [0; 32];
    (label[0], label[31]) = (first, last);
    (label, vec![u64::from(first), 256 + u64::from(last)])
}

fn label_node(entry: &Entry) -> Vec<u8> {
    [vec![1], label_content(entry)].concat()
}

/// The hash of an inner node over any two others.
fn inner(length: u8, first: u8, left: Node, right: Node) -> Node {
    let mut prefix = [0; 32];
    prefix[0] = first;
    let node =
        Sha256::new_with_prefix([4, length]).chain_update(prefix).chain_update(left).chain_update(right);
    node.finalize().into()
}

fn alone(entry: &Entry) -> Node {
    root(std::slice::from_ref(entry))
}

fn refused(name: &str, comment: &str, query: &[Bits], proof: &[u8], root: Node) -> Value {
    bad(name, "index-proof", comment, fields(query, proof, root))
}

fn fields(query: &[Bits], proof: &[u8], root: Node) -> Value {
    json!({"kind": "proof", "query": prefixes(query), "root": hex(&root), "proof": hex(proof)})
}

pub fn shapes() -> Vec<Value> {
    [queries(), places(), counts(), known_nodes()].concat()
}

/// Prefixes of any length.
fn queries() -> Vec<Value> {
    let entries = [entry(0x10, 0), entry(0x18, 0), entry(0x90, 0), entry(0x90, 1), entry(0xf0, 0)];
    let first_bits = |label: &Entry, count: usize| bits(&label.0)[..count].to_vec();
    let one = |name: &str, comment: &str, at: usize, count: usize| {
        good(name, comment, asked(&entries, &[first_bits(&entries[at], count)]))
    };
    let mut not_there = first_bits(&entries[2], 256);
    not_there[100] = true;
    let many: Vec<Bits> = (0..16).map(|i| bits(&[16 * i])[..4].to_vec()).collect();
    vec![
        one("bit-1", "a prefix of one bit", 2, 1),
        one("bits-3", "three bits, which end within the prefix of an inner node", 0, 3),
        one("bits-4", "four bits, which are all of it", 0, 4),
        one("bits-5", "five bits, which are its right side", 1, 5),
        one("bits-9", "nine bits", 2, 9),
        one("bits-255", "all but the last bit, in which two labels differ", 2, 255),
        one("bits-256", "one of the two", 3, 256),
        good(
            "bits-beside",
            "a label that leaves an inner node within its prefix",
            asked(&entries, &[not_there]),
        ),
        good("sixteen", "16 prefixes, which cover everything", asked(&entries, &many)),
    ]
}

/// Nodes that are not in their place, and what is no node.
fn places() -> Vec<Value> {
    let low = [entry(0x10, 0), entry(0x18, 0)];
    let (pair, high) = ([entry(0x90, 0), entry(0x98, 0)], entry(0xf0, 0));
    let honest = proof(&low, WHOLE);
    let hashes = [alone(&low[0]), alone(&low[1])];
    let beyond = [&honest[..2], &[honest[2] | 1], &honest[3..]].concat();
    let on_the_left = [vec![2, 0], proof(&pair, WHOLE), label_node(&high)].concat();
    let root_on_the_left = inner(0, 0, root(&pair), alone(&high));
    let again = [vec![2, 1, 0x80], proof(&pair, WHOLE), proof(&pair, WHOLE)].concat();
    let shorter =
        [vec![2, 4, 0x10], vec![2, 4, 0x10], label_node(&low[0]), label_node(&low[1]), label_node(&low[1])];
    let shorter = shorter.concat();
    let root_shorter = inner(4, 0x10, root(&low), hashes[1]);
    let typed = |kind: u8| [&[kind], &honest[1..]].concat();
    let too_long = {
        let mut fields = fields(WHOLE, &[], root(&low));
        fields["proof"] = repeat(&[(&hex(&honest), 1), ("00", 16_777_217 - honest.len())]);
        bad("proof-too-long", "index-proof", "16,777,217 bytes", fields)
    };
    vec![
        good("pair", "two labels that share four bits", asked(&low, WHOLE)),
        refused("type-4", "a type that is not defined", WHOLE, &typed(4), root(&low)),
        refused("type-255", "another one", WHOLE, &typed(255), root(&low)),
        refused("bits-beyond", "a bit beyond the length of a prefix", WHOLE, &beyond, root(&low)),
        refused(
            "bits-beyond-root",
            "the same: the root is made of it",
            WHOLE,
            &beyond,
            inner(4, 0x11, hashes[0], hashes[1]),
        ),
        refused(
            "nothing-below",
            "type 0 below the root: the root is made of it",
            WHOLE,
            &[vec![2, 0, 0], label_node(&high)].concat(),
            inner(0, 0, root(&[]), alone(&high)),
        ),
        refused(
            "misplaced-inner",
            "an inner node whose prefix begins with 1 on the left: the root is made of it",
            WHOLE,
            &on_the_left,
            root_on_the_left,
        ),
        refused(
            "same-on-both-sides",
            "one node on both sides: the root is made of it",
            WHOLE,
            &again,
            inner(1, 0x80, root(&pair), root(&pair)),
        ),
        refused(
            "inner-in-itself",
            "an inner node with the same prefix as the one above: the root is made of it",
            WHOLE,
            &shorter,
            root_shorter,
        ),
        refused("label-cut", "a label whose list root is cut", WHOLE, &label_node(&high)[..50], alone(&high)),
        too_long,
    ]
}

fn counts() -> Vec<Value> {
    let (label, items) = entry(0x10, 0);
    let of_count = |count: u64| -> (Vec<u8>, Node) {
        let content = [&label[..], &count.to_be_bytes(), &list_root(&items)].concat();
        let root = Sha256::new_with_prefix([3]).chain_update(&content).finalize().into();
        ([vec![1], content].concat(), root)
    };
    let (proof, root) = of_count((1 << 63) + 1);
    let (largest, largest_root) = of_count(u64::MAX);
    let (most, most_root) = of_count(1 << 63);
    let absent = [bits(&entry(0x10, 1).0)];
    let mut beside_most = fields(&absent, &most, most_root);
    beside_most["found"] = json!([]);
    vec![
        good("count-2-63", "a label of 2^63 leaves, beside one that is in no list", beside_most),
        refused("count-above-2-63", "2^63 + 1 leaves: the root is made of it", WHOLE, &proof, root),
        refused("count-2-64", "2^64 - 1 leaves", WHOLE, &largest, largest_root),
    ]
}

/// Who knows an older answer.
fn known_nodes() -> Vec<Value> {
    let pair = [entry(0x90, 0), entry(0x98, 0)];
    let high = entry(0xf0, 0);
    let all = [pair.to_vec(), vec![high.clone()]].concat();
    let with_known = |mut fields: Value, old: &[Entry], query: &[Bits]| {
        fields["known"] = found(old, query);
        fields
    };
    let taken = |name: &str, comment: &str, query: &[Bits], old: &[Entry], nodes: &[Node]| {
        let mut fields = fields(query, &difference(&all, query, nodes), root(&all));
        fields["found"] = found(&all, query);
        good(name, comment, with_known(fields, old, query))
    };
    let no = |name: &str, comment: &str, query: &[Bits], proof: &[u8], root: Node| {
        bad(name, "index-proof", comment, with_known(fields(query, proof, root), &pair, query))
    };
    let same = |root: Node| [&[3][..], &root].concat();
    let misplaced = [vec![2, 0], same(root(&pair)), label_node(&high)].concat();
    let misplaced_label = [vec![2, 0], same(root(&pair[..1])), label_node(&high)].concat();
    let told = proof(&all, WHOLE);
    let apart: Vec<Bits> = vec![bits(&[0x90]), bits(&[0x98])];
    let joined = [vec![2, 1, 0x80], same(root(&pair)), alone(&high).to_vec()].concat();
    let half =
        [vec![2, 1, 0x80, 2, 4, 0x90], label_node(&pair[0]), same(root(&pair[1..])), label_node(&high)];
    vec![
        taken(
            "known-inner",
            "two labels of three are known, and the node above them",
            WHOLE,
            &pair,
            &known(&pair, WHOLE),
        ),
        taken("known-all", "all is known: the root alone", WHOLE, &all, &known(&all, WHOLE)),
        taken(
            "known-apart",
            "two labels known by a prefix each: not the node above",
            &apart,
            &pair,
            &known(&pair, &apart),
        ),
        no("known-joined", "and that node, which nobody knows", &apart, &joined, root(&all)),
        no("known-inner-told", "what is below a known inner node is told", WHOLE, &told, root(&all)),
        no(
            "known-label-told",
            "one label of the two is told, and the other is not",
            WHOLE,
            &half.concat(),
            root(&all),
        ),
        no(
            "known-misplaced",
            "a known node that begins with 1 on the left: the root is made of it",
            WHOLE,
            &misplaced,
            inner(0, 0, root(&pair), alone(&high)),
        ),
        no(
            "known-label-misplaced",
            "the same with a known label",
            WHOLE,
            &misplaced_label,
            inner(0, 0, root(&pair[..1]), alone(&high)),
        ),
        no("known-cut", "a hash that is cut", WHOLE, &same(root(&pair))[..32], root(&pair)),
    ]
}
