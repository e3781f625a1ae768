//! index.json, by the definitions of docs/formats.md §21, which the library does not use.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tnlog::label::Label;
use tnlog::number::ServiceProviderCode;

use crate::case::{File, bad, good, hex};
use crate::tree::{leaf_hash, root as list_tree};
use crate::{index_labels, index_pages, index_shapes};

pub type Node = [u8; 32];
pub type Bits = Vec<bool>;

pub const LIST: [u64; 5] = [2, 3, 5, 7, 11];

/// A label with its list.
pub type Entry = (Node, Vec<u64>);

pub fn bits(bytes: &[u8]) -> Bits {
    bytes.iter().flat_map(|byte| (0..8).map(move |i| byte >> (7 - i) & 1 == 1)).collect()
}

fn bytes(bits: &[bool]) -> Vec<u8> {
    let byte =
        |chunk: &[bool]| chunk.iter().enumerate().fold(0, |byte, (i, bit)| byte | u8::from(*bit) << (7 - i));
    bits.chunks(8).map(byte).collect()
}

pub fn list_root(items: &[u64]) -> Node {
    list_tree(&items.iter().map(|item| leaf_hash(&item.to_be_bytes())).collect::<Vec<_>>())
}

pub fn label_content((label, items): &Entry) -> Vec<u8> {
    [&label[..], &(items.len() as u64).to_be_bytes(), &list_root(items)].concat()
}

/// The shared prefix of labels, those on its left and those on its right.
fn parted(entries: &[Entry]) -> (Bits, Vec<Entry>, Vec<Entry>) {
    let all: Vec<Bits> = entries.iter().map(|(label, _)| bits(label)).collect();
    let length = (0..256).find(|i| all.iter().any(|label| label[*i] != all[0][*i])).expect("labels differ");
    let (right, left) = entries.iter().cloned().partition(|(label, _)| bits(label)[length]);
    (all[0][..length].to_vec(), left, right)
}

pub fn root(entries: &[Entry]) -> Node {
    match entries {
        [] => Sha256::digest([2]).into(),
        [entry] => Sha256::new_with_prefix([3]).chain_update(label_content(entry)).finalize().into(),
        _ => {
            let (prefix, left, right) = parted(entries);
            let mut padded = bytes(&prefix);
            padded.resize(32, 0);
            let inner = Sha256::new_with_prefix([4, prefix.len() as u8]).chain_update(padded);
            inner.chain_update(root(&left)).chain_update(root(&right)).finalize().into()
        }
    }
}

/// The proof of a query, whose asker knows the nodes `known`.
pub fn difference(entries: &[Entry], query: &[Bits], known: &[Node]) -> Vec<u8> {
    match entries {
        [] => vec![0],
        _ if known.contains(&root(entries)) => [&[3][..], &root(entries)].concat(),
        [entry] => [vec![1], label_content(entry)].concat(),
        _ => {
            let (prefix, left, right) = parted(entries);
            let mut proof = [vec![2, prefix.len() as u8], bytes(&prefix)].concat();
            for (bit, side) in [(false, left), (true, right)] {
                let position = [&prefix[..], &[bit]].concat();
                let asked = query.iter().any(|q| q.starts_with(&position) || position.starts_with(q));
                proof.extend(if asked { difference(&side, query, known) } else { root(&side).to_vec() });
            }
            proof
        }
    }
}

pub fn proof(entries: &[Entry], query: &[Bits]) -> Vec<u8> {
    difference(entries, query, &[])
}

/// The node of `entries` and all below it.
fn nodes(entries: &[Entry]) -> Vec<Node> {
    let below = match entries {
        [] => return vec![],
        [_] => vec![],
        _ => {
            let (_, left, right) = parted(entries);
            [nodes(&left), nodes(&right)].concat()
        }
    };
    [vec![root(entries)], below].concat()
}

pub fn known(old: &[Entry], query: &[Bits]) -> Vec<Node> {
    let below = |q: &Bits| -> Vec<Entry> {
        old.iter().filter(|(label, _)| bits(label).starts_with(q)).cloned().collect()
    };
    query.iter().flat_map(|q| nodes(&below(q))).collect()
}

fn spc(code: &str) -> Node {
    *Label::of_service_provider_code(&ServiceProviderCode::new(code).expect("a code")).as_bytes()
}

fn block(block: &str) -> Node {
    *Label::of_block(&block.parse().expect("a block")).as_bytes()
}

fn entries() -> Vec<Entry> {
    let mut entries = vec![
        (spc("706J"), LIST.to_vec()),
        (block("1703555xxxx"), vec![4]),
        (block("17035550xxx"), vec![6, 12]),
        (block("1202555xxxx"), vec![8]),
    ];
    entries.sort();
    entries
}

pub fn prefixes(query: &[Bits]) -> Value {
    query.iter().map(|bits| json!({"bits": bits.len(), "prefix": hex(&bytes(bits))})).collect()
}

pub fn found(entries: &[Entry], query: &[Bits]) -> Value {
    let asked = entries.iter().filter(|(label, _)| query.iter().any(|q| bits(label).starts_with(q)));
    let fields = |(label, items): &Entry| json!({"label": hex(label), "count": items.len(), "list_root": hex(&list_root(items))});
    asked.map(fields).collect()
}

pub fn asked(entries: &[Entry], query: &[Bits]) -> Value {
    json!({"kind": "proof", "query": prefixes(query), "root": hex(&root(entries)),
        "proof": hex(&proof(entries, query)), "found": found(entries, query)})
}

pub fn nibbles(digits: &str) -> Bits {
    let nibble = |digit: u8| (0..4).map(move |i| (digit - b'0') >> (3 - i) & 1 == 1);
    [bits(&[0x80]), digits.bytes().flat_map(nibble).collect()].concat()
}

pub fn index() -> File {
    let entries = entries();
    let one = [bits(&spc("706J"))];
    let absent = [bits(&spc("A1"))];
    let mut cases = vec![
        good("one-label", "a label that is there", asked(&entries, &one)),
        good("absent", "a label that is not there", asked(&entries, &absent)),
        good(
            "absent-block",
            "a search that ends at an inner node",
            asked(&entries, &[bits(&block("1704xxxxxxx"))]),
        ),
        good("absent-in-empty", "no label at all", asked(&[], &one)),
        good("alone", "the only label", asked(&entries[..1], &one)),
        good("absent-beside-one", "another label is the only one", asked(&entries[..1], &absent)),
        good("two-labels", "in any order", asked(&entries, &[bits(&block("1202555xxxx")), one[0].clone()])),
        good("subtree", "all blocks below 1703", asked(&entries, &[nibbles("1703")])),
        good("subtree-empty", "all blocks below 44", asked(&entries, &[nibbles("44")])),
        good("everything", "the empty prefix", asked(&entries, &[vec![]])),
        good(
            "twice",
            "a prefix below another adds nothing",
            asked(&entries, &[nibbles("17"), nibbles("1703")]),
        ),
    ];
    cases.extend(bad_proofs(&entries, &one, &absent));
    cases.extend(differences(&entries));
    cases.extend(index_shapes::shapes());
    cases.extend(index_pages::pages());
    cases.extend(index_pages::bounds());
    cases.extend(index_pages::heads(&entries));
    cases.extend(index_labels::labels());
    let comment = "The number index: labels of leaves, proofs, pages of lists, heads (formats.md §21).";
    File::new("index", comment, cases)
}

fn bad_proofs(entries: &[Entry], one: &[Bits], absent: &[Bits]) -> Vec<Value> {
    let no = |name: &str, comment: &str, query: &[Bits], proof: Vec<u8>, root: Node| {
        let fields =
            json!({"kind": "proof", "query": prefixes(query), "root": hex(&root), "proof": hex(&proof)});
        bad(name, "index-proof", comment, fields)
    };
    let (honest, root_of_all) = (proof(entries, one), root(entries));
    let changed = |at: usize| {
        let mut proof = honest.clone();
        proof[at] ^= 1;
        proof
    };
    let labels: Vec<Node> = entries.iter().map(|entry| root(std::slice::from_ref(entry))).collect();
    let swapped: Node = Sha256::new_with_prefix([4, 0])
        .chain_update([0; 32])
        .chain_update(root(&entries[1..]))
        .chain_update(labels[0])
        .finalize()
        .into();
    let elsewhere = [vec![2, 0], proof(&entries[1..2], one), labels[0].to_vec()].concat();
    let root_elsewhere: Node = Sha256::new_with_prefix([4, 0])
        .chain_update([0; 32])
        .chain_update(labels[1])
        .chain_update(labels[0])
        .finalize()
        .into();
    vec![
        no(
            "other-label",
            "the proof of another label",
            absent,
            proof(entries, &[bits(&entries[1].0)]),
            root_of_all,
        ),
        no(
            "hash-for-node",
            "a hash where the label would be",
            one,
            [vec![2, 0], labels[0].to_vec(), root(&entries[1..]).to_vec()].concat(),
            root_of_all,
        ),
        no("node-for-hash", "more than was asked for", one, proof(entries, &[vec![]]), root_of_all),
        no("other-root", "another index", one, honest.clone(), swapped),
        no(
            "misplaced-label",
            "a label that begins with 1 on the left: the root is made of it",
            one,
            elsewhere,
            root_elsewhere,
        ),
        no("cut", "one byte less", one, honest[..honest.len() - 1].to_vec(), root_of_all),
        no("longer", "one byte more", one, [&honest[..], &[0]].concat(), root_of_all),
        no("no-bytes", "nothing", one, vec![], root_of_all),
        no("says-empty", "the proof of the empty index", one, vec![0], root_of_all),
        no("empty-below", "type 0 below the root", one, changed(2), root_of_all),
        no("other-count", "one bit of a count", one, changed(3 + 32 + 7), root_of_all),
        no(
            "zero-count",
            "an empty list: the root is made of it",
            one,
            [&[1][..], &one_label(), &[0; 8], &list_root(&[])].concat(),
            Sha256::new_with_prefix([3])
                .chain_update(one_label())
                .chain_update([0; 8])
                .chain_update(list_root(&[]))
                .finalize()
                .into(),
        ),
    ]
}

/// From the index without the newer block of 1202 and the second entry of another.
fn differences(entries: &[Entry]) -> Vec<Value> {
    let mut old = entries.to_vec();
    old.retain(|(label, _)| *label != block("1202555xxxx"));
    old.iter_mut()
        .filter(|(label, _)| *label == block("17035550xxx"))
        .for_each(|(_, items)| items.truncate(1));
    let fields = |query: &[Bits], proof: Vec<u8>| {
        json!({"kind": "proof", "query": prefixes(query), "root": hex(&root(entries)), "proof": hex(&proof),
            "known": found(&old, query)})
    };
    let changed = |query: &[Bits]| {
        let mut fields = fields(query, difference(entries, query, &known(&old, query)));
        fields["found"] = found(entries, query);
        fields
    };
    let all = [vec![]];
    let (blocks, code) = ([bits(&[0x80])], [bits(&spc("706J"))]);
    let told_again = proof(entries, &blocks);
    let unknown = difference(entries, &blocks, &nodes(entries));
    let elsewhere = difference(entries, &code, &known(&old, &all));
    let mut knows_nothing = fields(&code, elsewhere);
    knows_nothing["known"] = json!([]);
    vec![
        good("difference", "blocks that changed; what did not is a hash", changed(&blocks)),
        good("difference-all", "everything", changed(&all)),
        good("difference-none", "a list that is as it was", changed(&code)),
        bad("difference-told-again", "index-proof", "a known label is told", fields(&blocks, told_again)),
        bad("difference-unknown", "index-proof", "a hash that is not known", fields(&blocks, unknown)),
        bad("difference-without", "index-proof", "a hash, to who knows nothing", knows_nothing),
    ]
}

fn one_label() -> Node {
    spc("706J")
}
