//! index.json.

use serde_json::{Value, json};
use tnlog::index::{
    Answer, HeadError, IndexHead, Known, ListCommitment, ListError, ListPage, Prefix, Query, labels_of_bytes,
};
use tnlog::label::Label;
use tnlog::merkle::Hash;

use super::file::{Outcome, array, bytes, each, hex, list, number, text};

#[test]
fn index() {
    each("index", |case, _| match text(&case["kind"]) {
        "labels" => Ok(labels(&bytes(&case["leaf"]))),
        "proof" => proof(case),
        "page" => page(case),
        "head" => head(&bytes(&case["head"])),
        other => panic!("{other}"),
    });
}

fn labels(leaf: &[u8]) -> Value {
    let labels: Vec<_> = labels_of_bytes(leaf).iter().map(|label| hex(label.as_bytes())).collect();
    json!({"labels": labels})
}

fn proof(case: &Value) -> Outcome {
    let prefix = |q: &Value| Prefix::new(&bytes(&q["prefix"]), number(&q["bits"]) as u16).unwrap();
    let query = Query::new(&list(&case["query"], prefix)).unwrap();
    let root = Hash(array(&case["root"]));
    let entry = |e: &Value| {
        let list = ListCommitment { count: number(&e["count"]), root: Hash(array(&e["list_root"])) };
        (Label::new(array(&e["label"])), list)
    };
    let known = case.get("known").map(|known| Answer::new(list(known, entry))).unwrap_or_default();
    let answer = query.check_difference(&known, &bytes(&case["proof"]), &root).map_err(|_| "index-proof")?;
    let found = answer.labels().iter().map(|(label, list)| {
        json!({"label": hex(label.as_bytes()), "count": list.count, "list_root": hex(&list.root.0)})
    });
    Ok(json!({"found": found.collect::<Vec<_>>()}))
}

fn page(case: &Value) -> Outcome {
    let known =
        ListCommitment { count: number(&case["known_count"]), root: Hash(array(&case["known_root"])) };
    let known = Known { list: known, last: case["known_last"].as_u64() };
    let list = ListCommitment { count: number(&case["count"]), root: Hash(array(&case["list_root"])) };
    let word = |error| match error {
        ListError::Frame(_) | ListError::Length => "page-format",
        ListError::Place(..) => "page-place",
        ListError::Order => "page-order",
        ListError::NotProved => "page-proof",
    };
    let page = ListPage::decode(&bytes(&case["page"])).map_err(word)?;
    let read = page.check(&known, &list, number(&case["size"])).map_err(word)?;
    Ok(json!({"items": page.items, "read_count": read.list.count, "read_root": hex(&read.list.root.0)}))
}

fn head(bytes: &[u8]) -> Outcome {
    let head = IndexHead::decode(bytes).map_err(|error| match error {
        HeadError::Frame(_) => "head-format",
        HeadError::Version(_) => "head-version",
        HeadError::Size => "head-size",
    })?;
    assert_eq!(head.encode(), bytes);
    let (root, index_root) = (hex(&head.root.0), hex(&head.index_root.0));
    let mut facts = json!({"root": root, "index_root": index_root, "labels": head.labels});
    if head.size < 1 << 53 {
        facts["size"] = head.size.into();
    }
    Ok(facts)
}
