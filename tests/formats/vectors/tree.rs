//! merkle.json, tiles.json.

use serde_json::{Value, json};
use tnlog::bundle;
use tnlog::chain_item::ChainItem;
use tnlog::merkle::{Hash, check_consistency, check_inclusion};
use tnlog::tile::{Kind, TilePath, TreeEdge};

use super::file::{array, bytes, each, hex, list, number, text};

fn hash(value: &Value) -> Hash {
    Hash(array(value))
}

#[test]
fn merkle() {
    each("merkle", |case, _| match text(&case["kind"]) {
        "leaf-hash" => Ok(json!({"hash": hex(&Hash::of_leaf(&bytes(&case["leaf"])).0)})),
        "root" => {
            let leaves = list(&case["leaves"], |leaf| Hash::of_leaf(&bytes(leaf)));
            let mut edge = TreeEdge::new();
            edge.append(&leaves);
            Ok(json!({"root": hex(&edge.root().0)}))
        }
        "inclusion" => {
            let (index, size) = (number(&case["index"]), number(&case["size"]));
            let (leaf, root) = (hash(&case["leaf_hash"]), hash(&case["root"]));
            check_inclusion(&list(&case["proof"], hash), size, index, &leaf, &root)
                .map_err(|_| "inclusion")?;
            Ok(json!({}))
        }
        "consistency" => {
            let (old, new) = (number(&case["old_size"]), number(&case["new_size"]));
            let (old_root, new_root) = (hash(&case["old_root"]), hash(&case["new_root"]));
            let proof = list(&case["proof"], hash);
            check_consistency(&proof, old, &old_root, new, &new_root).map_err(|_| "consistency")?;
            Ok(json!({}))
        }
        other => panic!("{other}"),
    });
}

#[test]
fn tiles() {
    let leaves: Vec<_> = (0u32..300).map(|i| Hash::of_leaf(&i.to_be_bytes())).collect();
    let tiles = TreeEdge::new().append(&leaves);
    each("tiles", |case, _| match text(&case["kind"]) {
        "path" => {
            let path: TilePath = text(&case["path"]).parse().map_err(|_| "tile-path")?;
            let of = match path.kind {
                Kind::Hashes(level) => level.to_string(),
                Kind::Entries => "entries".into(),
                Kind::Chains => "chains".into(),
            };
            Ok(json!({"path": path.to_string(), "of": of, "index": path.index, "width": path.width}))
        }
        "tile" => {
            let path: TilePath = text(&case["path"]).parse().unwrap();
            let set = tnlog::tile::TileSet::new(300, [(path, bytes(&case["bytes"]))]);
            set.map_err(|_| "tile-length")?;
            let made = tiles.iter().find(|(made, _)| *made == path).unwrap();
            Ok(json!({"bytes": hex(&made.1)}))
        }
        "bundle" => {
            let (all, width) = (bytes(&case["bytes"]), number(&case["width"]) as u16);
            let items = bundle::entries(&all, width).map_err(|_| "bundle")?;
            Ok(json!({"items": items.map(hex).collect::<Vec<_>>()}))
        }
        "side-item" => side_item(&bytes(&case["bytes"])).ok_or("side-item"),
        other => panic!("{other}"),
    });
}

fn side_item(item: &[u8]) -> Option<Value> {
    let ChainItem { pre_certificate, chain } = ChainItem::decode(item).ok()?;
    let chain: Vec<_> = chain.iter().map(|fingerprint| hex(fingerprint)).collect();
    Some(json!({"pre_certificate": hex(&pre_certificate), "chain": chain}))
}
