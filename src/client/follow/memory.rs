//! What a follower remembers from one life to the next: one small file, replaced whole.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::checkpoint::Checkpoint;
use crate::client::whole_file;
use crate::note::Note;

/// The file's name.
const FILE: &str = "position.json";

/// What is remembered. Notes are verbatim: two of them that contradict each other are evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Memory {
    /// The newest checkpoint of the entry log whose signatures were verified.
    pub(super) seen: Option<String>,
    /// How many leaves of it are checked and handed out.
    pub(super) checked: u64,
    /// The newest checkpoint of which every leaf is.
    pub(super) complete: Option<String>,
    /// The newest checkpoint of the index log whose signatures were verified.
    pub(super) index_seen: Option<String>,
    /// The newest one of which every head was recomputed.
    pub(super) index_complete: Option<String>,
    /// Its last head, in hexadecimal.
    pub(super) head: Option<String>,
    /// The hash of leaf 0, in hexadecimal.
    pub(super) log: Option<String>,
}

impl Memory {
    /// Forgets the index log that was followed, when it is another one than this: one that is over, which this one succeeds.
    pub(super) fn follow_index_log(&mut self, origin: &str) {
        let is_other = |note: &String| checkpoint_of(note).is_none_or(|seen| seen.origin != origin);
        if self.index_seen.as_ref().is_some_and(is_other) {
            (self.index_seen, self.index_complete, self.head) = (None, None, None);
        }
    }
}

/// The checkpoint of a note that was verified when it was saved.
pub(super) fn checkpoint_of(note: &str) -> Option<Checkpoint> {
    Checkpoint::parse(Note::parse(note.as_bytes()).ok()?.text()).ok()
}

/// Why the memory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// Reading or writing failed.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What failed.
        #[source]
        error: io::Error,
    },
    /// The file is not what was written.
    #[error(
        "{} is damaged. What it remembers tells a fork from an old copy: restore it from a backup, or delete the folder and \
         follow the log from its beginning",
        .0.display()
    )]
    Damaged(PathBuf),
    /// It is of another log.
    #[error("{} is of the log {found}, and {wanted} is followed: take a folder of its own", path.display())]
    OtherLog {
        /// The file.
        path: PathBuf,
        /// The log that it is of.
        found: String,
        /// The log that is followed.
        wanted: String,
    },
}

/// Where it is kept.
#[derive(Clone, Debug)]
pub(super) struct Place(PathBuf);

impl Place {
    /// In this folder, which is made where it is missing.
    pub(super) fn new(folder: &Path) -> Result<Self, MemoryError> {
        let io = |error| MemoryError::Io { path: folder.to_owned(), error };
        fs::create_dir_all(folder).map_err(io)?;
        Ok(Place(folder.to_owned()))
    }

    pub(super) fn path(&self) -> PathBuf {
        self.0.join(FILE)
    }

    /// What was saved last; nothing when nothing was.
    pub(super) fn load(&self) -> Result<Memory, MemoryError> {
        let path = self.path();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Memory::default()),
            Err(error) => return Err(MemoryError::Io { path, error }),
        };
        let parsed = text.split_once('\n').filter(|(sum, json)| *sum == checksum(json));
        let memory = parsed.and_then(|(_, json)| serde_json::from_str(json).ok());
        memory.ok_or(MemoryError::Damaged(path))
    }

    /// Saves it, durably. At every instant the file holds this or what was there before.
    pub(super) fn save(&self, memory: &Memory) -> Result<(), MemoryError> {
        let json = serde_json::to_string_pretty(memory).expect("strings and numbers are JSON");
        let text = format!("{}\n{json}", checksum(&json));
        whole_file::replace(&self.path(), text.as_bytes(), whole_file::READABLE)
            .map_err(|error| MemoryError::Io { path: self.path(), error })
    }
}

fn checksum(json: &str) -> String {
    hex(&Sha256::digest(json))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok();
    if digits.1.is_empty() { digits.0.iter().map(byte).collect() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_is_loaded_and_what_is_damaged_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::new(&folder.path().join("new")).unwrap();
        assert_eq!(place.load().unwrap(), Memory::default());
        let memory = Memory { checked: 5, head: Some(hex(&[0, 255])), ..Memory::default() };
        place.save(&memory).unwrap();
        assert_eq!(place.load().unwrap(), memory);
        assert_eq!(from_hex(&memory.head.unwrap()), Some(vec![0, 255]));
        let good = fs::read(place.path()).unwrap();
        for position in 0..good.len() {
            let mut bad = good.clone();
            bad[position] ^= 1;
            fs::write(place.path(), bad).unwrap();
            assert!(place.load().is_err(), "byte {position} was changed");
        }
        for end in 0..good.len() {
            fs::write(place.path(), &good[..end]).unwrap();
            assert!(place.load().is_err(), "cut after {end} bytes");
        }
    }
}
