//! The truth about a world, as `tnlog simulate` has written it beside its log.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// What a world was.
#[derive(Clone, Debug, Deserialize)]
pub struct Facts {
    /// The key of the log's checkpoints.
    pub key: String,
    /// That of its index log.
    pub index_key: String,
}

/// A leaf of the log.
#[derive(Clone, Debug, Deserialize)]
pub struct TrueEntry {
    /// Its index.
    pub index: u64,
    /// Why it is there.
    pub kind: String,
    /// The attack that it belongs to.
    #[serde(default)]
    pub attack: Option<u32>,
}

/// An attack.
#[derive(Clone, Debug, Deserialize)]
pub struct TrueAttack {
    /// What the entries call it.
    pub id: u32,
    /// What kind.
    pub kind: String,
    /// Who may find it by a victim.
    pub detectors: Vec<String>,
    /// Who may find it by all victims together.
    pub together: Vec<String>,
    /// Whom it hits, in the order of time.
    pub victims: Vec<TrueVictim>,
}

/// A victim.
#[derive(Clone, Debug, Deserialize)]
pub struct TrueVictim {
    /// When the attacker's credential was logged, in milliseconds of Unix time.
    pub time: u64,
    /// The leaves of the attacker's credential.
    pub entries: Vec<u64>,
    /// Whether the victim watches.
    pub watched: bool,
}

/// A lie that was told.
#[derive(Clone, Debug, Deserialize)]
pub struct TrueLie {
    /// Its name.
    pub kind: String,
    /// The leaf that is wrong, where one is.
    #[serde(default)]
    pub leaf: Option<u64>,
}

/// All of it.
#[derive(Clone, Debug)]
pub struct Truth {
    /// What the world was.
    pub facts: Facts,
    /// Every entry but the first, by its index.
    pub entries: HashMap<u64, TrueEntry>,
    /// Every attack.
    pub attacks: Vec<TrueAttack>,
    /// Every lie.
    pub lies: Vec<TrueLie>,
}

impl Truth {
    /// Reads the folder `truth` of a world.
    ///
    /// # Errors
    /// Says which file cannot be read.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        let facts = text(&folder.join("world.json"))?;
        let lies = folder.join("lies.jsonl");
        let entries: Vec<TrueEntry> = lines(&folder.join("entries.jsonl"))?;
        Ok(Truth {
            facts: serde_json::from_str(&facts).context("world.json")?,
            entries: entries.into_iter().map(|entry| (entry.index, entry)).collect(),
            attacks: lines(&folder.join("truth.jsonl"))?,
            lies: if lies.exists() { lines(&lies)? } else { Vec::new() },
        })
    }

    /// The attack that an entry belongs to.
    pub fn attack_of(&self, index: u64) -> Option<u32> {
        self.entries.get(&index)?.attack
    }
}

fn text(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path)
        .with_context(|| format!("{}: `tnlog simulate` writes it when a world is over", path.display()))
}

fn lines<T: DeserializeOwned>(path: &Path) -> anyhow::Result<Vec<T>> {
    let parse = |line: &str| serde_json::from_str(line).with_context(|| path.display().to_string());
    text(path)?.lines().map(parse).collect()
}
