//! index.json, by the definitions of docs/formats.md §21, which the library does not use.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tnlog::label::Label;
use tnlog::number::ServiceProviderCode;

use crate::case::{File, bad, good, hex};
use crate::tree::{leaf_hash, root as list_tree};

type Node = [u8; 32];
type Bits = Vec<bool>;

const LIST: [u64; 5] = [2, 3, 5, 7, 11];

/// A label with its list.
type Entry = (Node, Vec<u64>);

fn bits(bytes: &[u8]) -> Bits {
    bytes.iter().flat_map(|byte| (0..8).map(move |i| byte >> (7 - i) & 1 == 1)).collect()
}

fn bytes(bits: &[bool]) -> Vec<u8> {
    let byte =
        |chunk: &[bool]| chunk.iter().enumerate().fold(0, |byte, (i, bit)| byte | u8::from(*bit) << (7 - i));
    bits.chunks(8).map(byte).collect()
}

fn list_root(items: &[u64]) -> Node {
    list_tree(&items.iter().map(|item| leaf_hash(&item.to_be_bytes())).collect::<Vec<_>>())
}

fn label_content((label, items): &Entry) -> Vec<u8> {
    [&label[..], &(items.len() as u64).to_be_bytes(), &list_root(items)].concat()
}

/// The shared prefix of labels, those on its left and those on its right.
fn parted(entries: &[Entry]) -> (Bits, Vec<Entry>, Vec<Entry>) {
    let all: Vec<Bits> = entries.iter().map(|(label, _)| bits(label)).collect();
    let length = (0..256).find(|i| all.iter().any(|label| label[*i] != all[0][*i])).expect("labels differ");
    let (right, left) = entries.iter().cloned().partition(|(label, _)| bits(label)[length]);
    (all[0][..length].to_vec(), left, right)
}

fn root(entries: &[Entry]) -> Node {
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
fn difference(entries: &[Entry], query: &[Bits], known: &[Node]) -> Vec<u8> {
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

fn proof(entries: &[Entry], query: &[Bits]) -> Vec<u8> {
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

fn known(old: &[Entry], query: &[Bits]) -> Vec<Node> {
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

fn prefixes(query: &[Bits]) -> Value {
    query.iter().map(|bits| json!({"bits": bits.len(), "prefix": hex(&bytes(bits))})).collect()
}

fn found(entries: &[Entry], query: &[Bits]) -> Value {
    let asked = entries.iter().filter(|(label, _)| query.iter().any(|q| bits(label).starts_with(q)));
    let fields = |(label, items): &Entry| json!({"label": hex(label), "count": items.len(), "list_root": hex(&list_root(items))});
    asked.map(fields).collect()
}

fn asked(entries: &[Entry], query: &[Bits]) -> Value {
    json!({"kind": "proof", "query": prefixes(query), "root": hex(&root(entries)),
        "proof": hex(&proof(entries, query)), "found": found(entries, query)})
}

fn nibbles(digits: &str) -> Bits {
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
    cases.extend(pages());
    cases.extend(heads(&entries));
    File::new("index", "The number index: proofs, pages of lists, heads (formats.md §21).", cases)
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
        no("unknown-type", "a type that is not defined", one, changed(2), root_of_all),
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

/// The page of the items from `first` to `end` of [`LIST`].
fn page(first: usize, end: usize, before: &[Node], after: &[Node]) -> Vec<u8> {
    let items: Vec<u8> = LIST[first..end].iter().flat_map(|item| item.to_be_bytes()).collect();
    page_of(first as u64, &items, before, after)
}

fn page_of(first: u64, items: &[u8], before: &[Node], after: &[Node]) -> Vec<u8> {
    let mut page = first.to_be_bytes().to_vec();
    page.extend(&(items.len() as u32).to_be_bytes()[1..]);
    page.extend(items);
    for hashes in [before, after] {
        page.extend((32 * hashes.len() as u16).to_be_bytes());
        page.extend(hashes.concat());
    }
    page
}

fn page_fields(known: usize, page: &[u8]) -> Value {
    let last = known.checked_sub(1).map(|last| LIST[last]);
    json!({"kind": "page", "known_count": known, "known_root": hex(&list_root(&LIST[..known])), "known_last": last,
        "count": LIST.len(), "list_root": hex(&list_root(&LIST)), "size": 12, "page": hex(page)})
}

fn read(known: usize, end: usize, page: &[u8]) -> Value {
    let mut fields = page_fields(known, page);
    fields["items"] = LIST[known..end].into();
    fields["read_count"] = end.into();
    fields["read_root"] = hex(&list_root(&LIST[..end])).into();
    fields
}

fn pages() -> Vec<Value> {
    let leaves: Vec<Node> = LIST.iter().map(|item| leaf_hash(&item.to_be_bytes())).collect();
    let (first_two, first_four) = (list_tree(&leaves[..2]), list_tree(&leaves[..4]));
    let whole = page(0, 5, &[], &[]);
    let middle = page(2, 4, &[first_two], &[leaves[4]]);
    let items = |items: &[u64]| items.iter().flat_map(|item| item.to_be_bytes()).collect::<Vec<u8>>();
    let no = |name: &str, error: &str, comment: &str, known, page: &[u8]| {
        bad(name, error, comment, page_fields(known, page))
    };
    vec![
        good("page-whole", "the whole list", read(0, 5, &whole)),
        good("page-middle", "items 2 and 3", read(2, 4, &middle)),
        good("page-end", "the last item", read(4, 5, &page(4, 5, &[first_four], &[]))),
        good("page-nothing-new", "all is known", read(5, 5, &page(5, 5, &[first_four, leaves[4]], &[]))),
        good(
            "page-first-three",
            "items 0 to 2",
            read(0, 3, &page(0, 3, &[], &[leaves[2], leaves[3], first_two, leaves[4]])),
        ),
        no("page-elsewhere", "page-place", "it begins at 2, where 4 are known", 4, &middle),
        no("page-omits", "page-proof", "5 is left out", 0, &page_of(0, &items(&[2, 3, 7, 11]), &[], &[])),
        no(
            "page-invents",
            "page-proof",
            "6 is put in place of 7",
            0,
            &page_of(0, &items(&[2, 3, 5, 6, 11]), &[], &[]),
        ),
        no("page-reorders", "page-order", "3 before 2", 0, &page_of(0, &items(&[3, 2, 5, 7, 11]), &[], &[])),
        no("page-repeats", "page-order", "3 twice", 0, &page_of(0, &items(&[2, 3, 3, 5, 7, 11]), &[], &[])),
        no(
            "page-repeats-known",
            "page-order",
            "3 is the last known one",
            2,
            &page_of(2, &items(&[3, 5]), &[first_two], &[leaves[4]]),
        ),
        no(
            "page-beyond-log",
            "page-order",
            "12 is not in a log of 12",
            4,
            &page_of(4, &items(&[12]), &[first_four], &[]),
        ),
        no(
            "page-other-before",
            "page-proof",
            "not what is known",
            2,
            &page(2, 4, &[leaves[0]], &[leaves[4]]),
        ),
        no(
            "page-more-before",
            "page-proof",
            "two hashes for one bit",
            2,
            &page(2, 4, &[leaves[0], leaves[1]], &[leaves[4]]),
        ),
        no("page-no-after", "page-proof", "it ends before the list", 2, &page(2, 4, &[first_two], &[])),
        no("page-empty", "page-proof", "nothing of a list that is not empty", 0, &page(0, 0, &[], &[])),
        no("page-cut", "page-format", "one byte less", 0, &whole[..whole.len() - 1]),
        no("page-longer", "page-format", "one byte more", 0, &[&whole[..], &[0]].concat()),
        no("page-odd", "page-format", "part of an item", 0, &page_of(0, &[0; 9], &[], &[])),
    ]
}

fn heads(entries: &[Entry]) -> Vec<Value> {
    let head = |version: u8, size: u64, root: &Node, index: &Node, labels: u64| {
        [&[version][..], &size.to_be_bytes(), root, index, &labels.to_be_bytes()].concat()
    };
    let (nothing, no_label, all) = (list_tree(&[]), root(&[]), root(entries));
    let some = list_tree(&[[7; 32]]);
    let fields = |bytes: &[u8]| json!({"kind": "head", "head": hex(bytes)});
    let is = |bytes: &[u8], size: u64, root: &Node, index: &Node, labels: u64| {
        let mut fields = fields(bytes);
        (fields["size"], fields["labels"]) = (size.into(), labels.into());
        (fields["root"], fields["index_root"]) = (hex(root).into(), hex(index).into());
        fields
    };
    let (good_head, empty) = (head(1, 13, &some, &all, 4), head(1, 0, &nothing, &no_label, 0));
    let unlabelled = head(1, 1, &some, &no_label, 0);
    let no = |name: &str, error: &str, comment: &str, bytes: &[u8]| bad(name, error, comment, fields(bytes));
    vec![
        good("head", "of the index above", is(&good_head, 13, &some, &all, 4)),
        good("head-empty", "of the empty log", is(&empty, 0, &nothing, &no_label, 0)),
        good("head-no-labels", "of a log of its parameters", is(&unlabelled, 1, &some, &no_label, 0)),
        no("head-cut", "head-format", "80 bytes", &good_head[..80]),
        no("head-longer", "head-format", "82 bytes", &[&good_head[..], &[0]].concat()),
        no("head-version", "head-version", "version 0", &head(0, 13, &some, &all, 4)),
        no("head-large", "head-size", "above 2^63", &head(1, (1 << 63) + 1, &some, &all, 4)),
        no("head-empty-log", "head-size", "labels in an empty log", &head(1, 0, &nothing, &all, 4)),
        no("head-zero-size", "head-size", "size 0 with another root", &head(1, 0, &some, &no_label, 0)),
        no("head-no-label", "head-size", "0 labels with another root", &head(1, 13, &some, &all, 0)),
        no("head-label", "head-size", "labels with the root of none", &head(1, 13, &some, &no_label, 4)),
    ]
}
