//! Cases of index.json: pages of lists, and heads of the index log.

use serde_json::{Value, json};

use crate::case::{bad, good, hex, repeat};
use crate::index::{Entry, LIST, Node, list_root, root};
use crate::tree::{leaf_hash, root as list_tree};

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

pub fn pages() -> Vec<Value> {
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

/// Pages of many items or hashes, and of none; and what is judged first.
pub fn bounds() -> Vec<Value> {
    let leaves: Vec<Node> = LIST.iter().map(|item| leaf_hash(&item.to_be_bytes())).collect();
    let (first_two, rest) = (list_tree(&leaves[..2]), [list_tree(&leaves[2..4]), leaves[4]]);
    let items = |items: &[u64]| items.iter().flat_map(|item| item.to_be_bytes()).collect::<Vec<u8>>();
    let many = |count: usize| {
        let length = 8 * count;
        let mut fields = page_fields(0, &[]);
        let head = [&[0; 8][..], &(length as u32).to_be_bytes()[1..]].concat();
        fields["page"] = repeat(&[(&hex(&head), 1), ("00", length), ("00000000", 1)]);
        fields
    };
    let hashes = |before: usize, after: usize| page_of(2, &[], &vec![[0; 32]; before], &vec![[0; 32]; after]);
    let half = [&2u64.to_be_bytes()[..], &[0, 0, 0], &[0, 31], &[0; 31], &[0, 0]].concat();
    let of = |count: usize, root: &Node, mut fields: Value| {
        (fields["count"], fields["list_root"]) = (count.into(), hex(root).into());
        fields
    };
    let known_as = |root: &Node, mut fields: Value| {
        fields["known_root"] = hex(root).into();
        fields
    };
    let in_log = |size: u64, mut fields: Value| {
        fields["size"] = size.into();
        fields
    };
    let (whole, all) = (page(0, 5, &[], &[]), page(5, 5, &[list_tree(&leaves[..4]), leaves[4]], &[]));
    let (format, place, order, proof) = ("page-format", "page-place", "page-order", "page-proof");
    let no = |name: &str, error: &str, comment: &str, fields: Value| bad(name, error, comment, fields);
    let empty = of(0, &list_tree(&[]), read(0, 0, &page(0, 0, &[], &[])));
    vec![
        no("page-65536", order, "65,536 items, all 0", many(65_536)),
        no("page-65537", format, "one more: that is judged before their order", many(65_537)),
        no("page-64-before", proof, "64 hashes before", page_fields(2, &hashes(64, 0))),
        no("page-65-before", format, "65 hashes before", page_fields(2, &hashes(65, 0))),
        no(
            "page-64-after",
            proof,
            "64 hashes after",
            page_fields(2, &page_of(2, &[], &[first_two], &[[0; 32]; 64])),
        ),
        no("page-65-after", format, "65 hashes after", page_fields(2, &hashes(0, 65))),
        no(
            "page-65-elsewhere",
            format,
            "the form is judged before the place",
            page_fields(4, &hashes(65, 0)),
        ),
        no("page-half-hash", format, "part of a hash", page_fields(2, &half)),
        no("page-half-hash-elsewhere", format, "the same", page_fields(4, &half)),
        good("page-none", "nothing is read from 2 on", read(2, 2, &page(2, 2, &[first_two], &rest))),
        no(
            "page-none-unproved",
            proof,
            "and no hashes after",
            page_fields(2, &page(2, 2, &[first_two], &[])),
        ),
        good("page-of-nothing", "an empty list", empty),
        no(
            "page-of-nothing-root",
            proof,
            "an empty list with another root",
            of(0, &first_two, page_fields(0, &page(0, 0, &[], &[]))),
        ),
        no(
            "page-place-order",
            place,
            "the place is judged before the order",
            page_fields(2, &page_of(1, &items(&[3, 3]), &[], &[])),
        ),
        no(
            "page-order-proof",
            order,
            "the order before the hashes",
            page_fields(2, &page_of(2, &items(&[3, 3]), &[], &[])),
        ),
        no("page-largest", order, "an index of 2^64 - 1", page_fields(4, &page_of(4, &[0xff; 8], &[], &[]))),
        no("page-small-log", order, "11 is not in a log of 11", in_log(11, page_fields(0, &whole))),
        no("page-empty-log", order, "nothing is in a log of 0", in_log(0, page_fields(0, &whole))),
        no("page-known-small-log", order, "nor is the last known one", in_log(11, page_fields(5, &all))),
        no(
            "page-behind-list",
            proof,
            "an item more than the list has",
            in_log(13, page_fields(0, &page_of(0, &items(&[2, 3, 5, 7, 11, 12]), &[], &[]))),
        ),
        no(
            "page-more-after",
            proof,
            "a hash behind the last item",
            page_fields(0, &page(0, 5, &[], &leaves[..1])),
        ),
        no(
            "page-other-known",
            proof,
            "items of the list, whose beginning is not what is known",
            known_as(&list_root(&[2, 4]), page_fields(2, &page(2, 4, &[first_two], &[leaves[4]]))),
        ),
        no(
            "page-spare-before",
            proof,
            "a hash behind the one that is needed",
            page_fields(2, &page(2, 4, &[first_two, leaves[0]], &[leaves[4]])),
        ),
        no("page-fewer-before", proof, "a hash is missing", page_fields(2, &page(2, 4, &[], &[leaves[4]]))),
        no(
            "page-shrunk",
            proof,
            "a list that is shorter than what is known",
            of(2, &first_two, page_fields(5, &all)),
        ),
    ]
}

pub fn heads(entries: &[Entry]) -> Vec<Value> {
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
        no("head-root", "head-size", "a size with the root of nothing", &head(1, 13, &nothing, &all, 4)),
        good("head-largest", "a size of 2^63, which is left out here", {
            let mut largest = is(&head(1, 1 << 63, &some, &all, 4), 0, &some, &all, 4);
            largest.as_object_mut().expect("fields").remove("size");
            largest
        }),
        no("head-nothing", "head-format", "no bytes", &[]),
        no("head-version-2", "head-version", "version 2", &head(2, 13, &some, &all, 4)),
        no("head-version-alone", "head-version", "version 2 and nothing else", &[2]),
        no(
            "head-version-longer",
            "head-version",
            "version 2 of 82 bytes",
            &[&head(2, 13, &some, &all, 4)[..], &[0]].concat(),
        ),
        no(
            "head-version-size",
            "head-version",
            "and a size above 2^63",
            &head(2, (1 << 63) + 1, &some, &all, 4),
        ),
        no(
            "head-longer-size",
            "head-format",
            "82 bytes and a size above 2^63",
            &[&head(1, (1 << 63) + 1, &some, &all, 4)[..], &[0]].concat(),
        ),
    ]
}
