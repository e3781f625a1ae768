//! The functions that are fuzzed (`fuzz/`), over the seeds and over the corpus that was kept.

#![cfg(feature = "server")]

mod seeds;
#[path = "../../fuzz/src/targets/mod.rs"]
mod targets;

use std::fs;
use std::path::{Path, PathBuf};

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 14] = [
    ("admission", targets::admission),
    ("certificate", targets::certificate),
    ("endpoints", targets::endpoints),
    ("files", targets::files),
    ("index", targets::index),
    ("json", targets::json),
    ("label", targets::label),
    ("leaf", targets::leaf),
    ("names", targets::names),
    ("note", targets::note),
    ("policy", targets::policy),
    ("proof", targets::proof),
    ("statement", targets::statement),
    ("stored", targets::stored),
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name)
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let files = fs::read_dir(folder(name)).unwrap_or_else(|error| panic!("fuzz/corpus/{name}: {error}"));
    files.map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
}

#[test]
fn what_was_kept_holds() {
    for (name, target) in TARGETS {
        let corpus = corpus(name);
        assert!(corpus.len() > 10, "{name}: {} files", corpus.len());
        corpus.iter().for_each(|data| target(data));
    }
}

#[test]
fn seeds_hold() {
    for (name, target) in TARGETS {
        let seeds = seeds::of(name);
        assert!(seeds.len() > 5, "{name}: {} seeds", seeds.len());
        seeds.iter().for_each(|data| target(data));
    }
}

/// Writes the seeds where the fuzzer finds them. See docs/security.md.
#[test]
#[ignore = "writes files"]
fn write_seeds() {
    for (name, _) in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/made/seeds").join(name);
        fs::create_dir_all(&folder).unwrap();
        for (number, seed) in seeds::of(name).iter().enumerate() {
            fs::write(folder.join(number.to_string()), seed).unwrap();
        }
    }
}

/// A target that is not run here would not be kept true.
#[test]
fn none_is_forgotten() {
    let targets = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets")).unwrap();
    for target in targets {
        let name = target.unwrap().file_name().into_string().unwrap();
        let name = name.trim_end_matches(".rs");
        assert!(name == "monitor" || TARGETS.iter().any(|(known, _)| *known == name), "{name}");
    }
}
