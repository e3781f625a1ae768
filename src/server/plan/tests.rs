use std::collections::BTreeMap;

use super::*;

type Files = BTreeMap<String, Vec<u8>>;

fn entry(index: u64) -> NewEntry {
    let text = format!("{index}:");
    NewEntry {
        leaf: text.repeat(index as usize % 5).into_bytes(),
        chain: text.repeat(1 + index as usize % 3).into_bytes(),
    }
}

fn entries(range: std::ops::Range<u64>) -> Round {
    Round { entries: range.map(entry).collect(), objects: Vec::new() }
}

fn hashes(size: u64) -> Vec<Hash> {
    (0..size).map(|index| Hash::of_leaf(&entry(index).leaf)).collect()
}

/// RFC 6962 §2.1, word for word.
fn root(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => Hash::EMPTY_ROOT,
        [only] => *only,
        _ => {
            let (left, right) = hashes.split_at(hashes.len().next_power_of_two() / 2);
            Hash::of_node(&root(left), &root(right))
        }
    }
}

/// The tiles and bundles of a log, full ones and the partial one of each kind, without any use of what was before.
fn naive_files(size: u64) -> Files {
    let mut files = Files::new();
    let mut level_hashes = hashes(size);
    let mut level = 0;
    while !level_hashes.is_empty() {
        for (index, tile) in level_hashes.chunks(256).enumerate() {
            let bytes = tile.iter().flat_map(|hash| hash.0).collect();
            files.insert(name(&level.to_string(), index, tile.len()), bytes);
        }
        level_hashes = level_hashes.chunks_exact(256).map(root).collect();
        level += 1;
    }
    let all: Vec<NewEntry> = (0..size).map(entry).collect();
    for (index, entries) in all.chunks(256).enumerate() {
        let bundle = |item: fn(&NewEntry) -> &Vec<u8>| {
            let framed = |entry| [&(item(entry).len() as u16).to_be_bytes()[..], item(entry)].concat();
            entries.iter().flat_map(framed).collect()
        };
        files.insert(name("entries", index, entries.len()), bundle(|entry| &entry.leaf));
        files.insert(name("chains", index, entries.len()), bundle(|entry| &entry.chain));
    }
    files
}

fn name(kind: &str, index: usize, width: usize) -> String {
    if width == 256 { format!("tile/{kind}/{index:03}") } else { format!("tile/{kind}/{index:03}.p/{width}") }
}

fn put(files: &mut Files, objects: Vec<Object>) {
    for object in objects {
        assert_eq!(object.place, Place::Public);
        let before = files.insert(object.name.clone(), object.bytes.clone());
        assert!(before.is_none_or(|before| before == object.bytes), "{} changed", object.name);
    }
}

/// The edge and all files of a log of rounds that end at these sizes.
fn log(ends: &[u64]) -> (Edge, Files) {
    let (mut edge, mut files) = (Edge::default(), Files::new());
    for end in ends {
        let size = edge.tree.size();
        let plan = plan(&edge, &root(&hashes(size)), entries(size..*end)).unwrap();
        assert_eq!(plan.edge.tree.size(), *end);
        put(&mut files, plan.objects);
        edge = plan.edge;
    }
    (edge, files)
}

fn assert_is_naive_log(ends: &[u64]) {
    let size = *ends.last().unwrap();
    let (edge, files) = log(ends);
    assert_eq!(edge.tree.root(), root(&hashes(size)), "the root after rounds to {ends:?}");
    for (name, bytes) in naive_files(size) {
        assert_eq!(files.get(&name), Some(&bytes), "{name} after rounds to {ends:?}");
    }
}

#[test]
fn every_two_rounds_make_the_naive_log() {
    for end in 0..=40 {
        (0..=end).for_each(|middle| assert_is_naive_log(&[middle, end]));
    }
    for middle in [1, 254, 255, 256, 257, 300] {
        [511, 512, 513, 520].iter().for_each(|end| assert_is_naive_log(&[middle, *end]));
    }
}

#[test]
fn every_three_rounds_around_the_end_of_a_tile_make_the_naive_log() {
    for first in 253..=259 {
        for second in first..=260 {
            (second..=261).for_each(|end| assert_is_naive_log(&[first, second, end]));
        }
    }
}

#[test]
fn rounds_of_one_make_the_naive_log_and_store_only_what_changes() {
    let ends: Vec<u64> = (1..=600).collect();
    assert_is_naive_log(&ends);
    let (edge, _) = log(&ends);
    let plan = plan(&edge, &root(&hashes(600)), entries(600..601)).unwrap();
    let names: Vec<&str> = plan.objects.iter().map(|object| object.name.as_str()).collect();
    assert_eq!(names, ["tile/0/002.p/89", "tile/entries/002.p/89", "tile/chains/002.p/89"]);
}

#[test]
fn an_empty_round_changes_nothing() {
    let (edge, _) = log(&[300]);
    let plan = plan(&edge, &root(&hashes(300)), Round::default()).unwrap();
    assert!(plan.objects.is_empty());
    assert_eq!(plan.edge, edge);
}

/// Fails without `signed_is_edge` in `check_continues`.
#[test]
fn another_signed_root_is_refused() {
    let (edge, _) = log(&[100, 300]);
    for signed in [Hash([0; 32]), root(&hashes(299)), root(&hashes(301)), Hash::EMPTY_ROOT] {
        for round in [entries(300..310), Round::default()] {
            assert!(matches!(plan(&edge, &signed, round), Err(PlanError::Forked(300))));
        }
    }
}

/// An edge that one changed bit of memory made wrong. Fails without `signed_is_edge` in `check_continues`.
#[test]
fn a_wrong_edge_is_refused() {
    let (edge, _) = log(&[300]);
    let tiles: Vec<Vec<u8>> = edge.tree.partial_tiles().into_iter().map(|(_, bytes)| bytes).collect();
    for tile in 0..tiles.len() {
        for position in (0..tiles[tile].len()).step_by(5) {
            let mut bad = tiles.clone();
            bad[tile][position] ^= 1;
            let bad = Edge { tree: TreeEdge::load(300, &bad).unwrap(), ..edge.clone() };
            let result = plan(&bad, &edge.tree.root(), entries(300..700));
            assert!(matches!(result, Err(PlanError::Forked(300))), "byte {position} of tile {tile}");
        }
    }
}

/// Fails without `check_bundles`: the tree would be right, and what is served would not be its entries.
#[test]
fn a_wrong_partial_bundle_is_refused() {
    let (edge, _) = log(&[300]);
    let signed = edge.tree.root();
    for position in 0..edge.entries.len() {
        let mut bad = edge.clone();
        bad.entries[position] ^= 1;
        assert!(plan(&bad, &signed, entries(300..301)).is_err(), "byte {position} changed");
    }
    for short in [Edge { entries: Vec::new(), ..edge.clone() }, Edge { chains: Vec::new(), ..edge.clone() }] {
        assert!(plan(&short, &signed, entries(300..301)).is_err());
    }
    let full = Edge { entries: vec![0, 0], ..log(&[256]).0 };
    assert!(plan(&full, &root(&hashes(256)), entries(256..257)).is_err());
}

/// Fails without `continues` in `check_continues`.
#[test]
fn tiles_that_do_not_hold_the_signed_tree_are_refused() {
    let (edge, _) = log(&[300]);
    let signed = edge.tree.root();
    let new: Vec<Hash> = hashes(700).split_off(300);
    let tiles = edge.tree.clone().append(&new);
    check_continues(&edge, &signed, &tiles).unwrap();
    for changed in [0, tiles.len() - 1] {
        let mut bad = tiles.clone();
        bad[changed].1[0] ^= 1;
        assert!(check_continues(&edge, &signed, &bad).is_err(), "{} changed", bad[changed].0);
    }
}

#[test]
fn an_entry_that_does_not_fit_a_bundle_is_refused() {
    let long = || vec![0; bundle::MAX_ENTRY + 1];
    let leaf = NewEntry { leaf: long(), chain: Vec::new() };
    let chain = NewEntry { leaf: Vec::new(), chain: long() };
    for entry in [leaf, chain] {
        let round = Round { entries: vec![entry], objects: Vec::new() };
        let result = plan(&Edge::default(), &Hash::EMPTY_ROOT, round);
        assert!(matches!(result, Err(PlanError::Bundle(BundleError::EntryTooLong(65_536)))));
    }
}

/// Fails without the first check of `plan`: such objects would be dropped without a word.
#[test]
fn objects_without_entries_are_refused() {
    let object = Object { place: Place::Public, name: "issuer/1".into(), bytes: vec![1] };
    let round = Round { entries: Vec::new(), objects: vec![object] };
    assert!(matches!(plan(&Edge::default(), &Hash::EMPTY_ROOT, round), Err(PlanError::Detached(1))));
}
