//! `tlog_tiles`, a reader by other people, follows a log that holds every entry type from the first leaf to the last.

#![cfg(feature = "server")]

use std::collections::BTreeMap;

use crate::common;
use crate::common::{TestLog, add_chain, chain};
use serde_json::json;
use tlog_tiles::{Checkpoint, Hash, HashReader, Tile, TileHashReader, TileReader};
use tnlog::entry::Leaf;
use tnlog::note::Note;

/// Reads tiles over HTTP.
struct Served<'a>(&'a TestLog);

impl TileReader for Served<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        // Theirs name the height as well, as the Go checksum database does.
        let fetch = |tile: &Tile| {
            let response = self.0.get(&format!("/{}", tile.path().replacen("tile/8/", "tile/", 1)));
            assert_eq!(response.status, 200, "{}", tile.path());
            response.body
        };
        Ok(tiles.iter().map(fetch).collect())
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

fn checkpoint(log: &TestLog) -> Checkpoint {
    let note = Note::parse(&log.get("/checkpoint").body).unwrap();
    Checkpoint::from_bytes(note.text().as_bytes()).unwrap()
}

/// The entries of the tree, out of entry bundles: each a length of two bytes, and so many bytes.
fn entries(log: &TestLog, size: u64) -> Vec<Vec<u8>> {
    let mut entries = Vec::new();
    for bundle in 0..size.div_ceil(256) {
        let width = (size - bundle * 256).min(256);
        let partial = if width < 256 { format!(".p/{width}") } else { String::new() };
        let bytes = log.get(&format!("/tile/entries/{bundle:03}{partial}")).body;
        let mut rest = bytes.as_slice();
        for _ in 0..width {
            let (length, after) = rest.split_at(2);
            let (entry, after) = after.split_at(usize::from(u16::from_be_bytes(length.try_into().unwrap())));
            entries.push(entry.to_vec());
            rest = after;
        }
        assert!(rest.is_empty(), "bytes after the last entry of bundle {bundle}");
    }
    entries
}

fn add(log: &TestLog, names: impl Iterator<Item = String>) {
    let submission = |name: String| {
        let (chain, precertificate) = chain(&name);
        let mut value = add_chain(&chain);
        value["precertificate"] = json!(precertificate);
        value
    };
    let body = json!({ "chains": names.map(submission).collect::<Vec<_>>() });
    let results = log.post("/tn/v1/add-chains", &body).success();
    for result in results["results"].as_array().unwrap() {
        assert!(result["timestamp"].is_u64(), "{result}");
    }
}

#[test]
fn tlog_tiles_follows_a_log_of_every_entry_type() {
    let log = TestLog::start("");
    let mut checkpoints = vec![checkpoint(&log)];
    let kinds = ["carrier", "precert", "number", "number-precert", "range", "ca", "numbers"];
    for (from, to) in [(1, 2), (2, 3), (3, 36), (36, 37), (37, 75)] {
        add(&log, (from..to).flat_map(|n| kinds.map(|kind| format!("{kind}-{n}"))));
        if from == 1 {
            add(&log, ["delegate", "root"].iter().map(ToString::to_string));
            add(&log, std::iter::once("below-delegate".to_owned()));
        }
        checkpoints.push(checkpoint(&log));
    }
    let last = checkpoints.last().unwrap();
    assert_eq!((last.origin(), last.size()), (common::ORIGIN, 1 + 74 * 7 + 3));

    let served = Served(&log);
    let reader = TileHashReader::new(last.size(), *last.hash(), &served);
    assert_eq!(tlog_tiles::tree_hash(last.size(), &reader).unwrap(), *last.hash());
    let entries = entries(&log, last.size());
    assert_eq!(entries.len() as u64, last.size());
    let mut types: BTreeMap<String, usize> = BTreeMap::new();
    for (index, entry) in (0..).zip(&entries) {
        let hash = tlog_tiles::record_hash(entry);
        let stored = reader.read_hashes(&[tlog_tiles::stored_hash_index(0, index)]).unwrap();
        assert_eq!(stored, [hash], "leaf {index}");
        let proof = tlog_tiles::prove_record(last.size(), index, &reader).unwrap();
        tlog_tiles::check_record(&proof, last.size(), *last.hash(), index, hash).unwrap();
        *types.entry(format!("{:?}", Leaf::decode(entry).unwrap().entry.entry_type())).or_default() += 1;
    }
    // 74 carriers, ranges and CAs and a root; 74 numbers, precertificates of numbers and lists of numbers, a delegate and
    // what it issued.
    let expected = [("Number", 3 * 74 + 2), ("Parameters", 1), ("Precert", 74), ("X509", 3 * 74 + 1)];
    assert_eq!(types, expected.map(|(name, count)| (name.to_owned(), count)).into());

    for old in &checkpoints {
        if old.size() < last.size() {
            let proof = tlog_tiles::prove_tree(last.size(), old.size(), &reader).unwrap();
            tlog_tiles::check_tree(&proof, last.size(), *last.hash(), old.size(), *old.hash()).unwrap();
        }
    }
}

/// What the reader above checks against is the root: a tile that was changed is not believed.
#[test]
fn tlog_tiles_refuses_a_changed_tree() {
    let log = TestLog::start("");
    add(&log, (1..4).map(|n| format!("carrier-{n}")));
    let last = checkpoint(&log);
    let served = Served(&log);
    let mut hash = last.hash().0;
    hash[0] ^= 1;
    let reader = TileHashReader::new(last.size(), Hash(hash), &served);
    assert!(reader.read_hashes(&[tlog_tiles::stored_hash_index(0, 0)]).is_err());
}
