//! What a simulation leaves beside its log.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize;

use super::drive::Placed;
use super::mint::Mint;
use super::script::Script;
use super::{attacks, entries, watches};

/// What a world was, in `world.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WorldFacts {
    /// What everything followed from, with `world.toml`.
    pub seed: u64,
    /// Its first second, in Unix time.
    pub start: u64,
    /// Its end.
    pub end: u64,
    /// Events, each a leaf.
    pub events: u64,
    /// Attacks.
    pub attacks: u64,
    /// The C2SP verifier key of the log's checkpoints.
    pub key: String,
    /// That of its index log.
    pub index_key: String,
}

/// Writes `world.json`, `truth.jsonl` (attacks), `entries.jsonl` (every leaf) and `watches.toml` into a folder.
///
/// # Errors
/// When that fails.
pub fn write_truth(
    folder: &Path,
    script: &Script,
    mint: &Mint,
    placed: &[Placed],
    facts: &WorldFacts,
) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("world.json"), format!("{}\n", serde_json::to_string_pretty(facts)?))?;
    write_lines(&folder.join("truth.jsonl"), &attacks(script, placed))?;
    write_lines(&folder.join("entries.jsonl"), &entries(script, placed))?;
    fs::write(folder.join("watches.toml"), watches(script, mint))
}

fn write_lines<T: Serialize>(path: &Path, lines: &[T]) -> io::Result<()> {
    let mut file = BufWriter::new(fs::File::create(path)?);
    for line in lines {
        serde_json::to_writer(&mut file, line)?;
        file.write_all(b"\n")?;
    }
    file.flush()
}
