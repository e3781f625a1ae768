//! Index logs that are over: what is written down of their end, how they are served on, and how a successor is started.
//!
//! The end is one private object, beside what the index log has staged: while it is there, nothing is signed in that index
//! log any more. A successor begins with its key. Only the operator makes one ([`start_successor`]): if the log did so
//! itself, one that computes wrongly would use up one after the other.

use std::io;

use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize};

use crate::checkpoint::Checkpoint;
use crate::client::store::{DiskStore, ObjectStore, PrefixedStore};
use crate::index::{Generation, IndexHead};
use crate::note::{Note, VerifierKey};
use crate::server::config::Folder;
use crate::server::keys::{KeysError, create_index_key, index_key_path, read_index_key};
use crate::server::read::LogReader;
use crate::server::sequencer::{CHECKPOINT, Stores};

/// Where the end of an index log is written, in its part of the private store.
pub const OVER: &str = "over";

/// The end of an index log: what it signed that does not follow from the leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Over {
    /// Its origin.
    pub index_log: String,
    /// The index of the wrong entry in it.
    pub head: u64,
    /// That entry, in base64.
    pub signed: String,
    /// The `IndexHead` that was computed instead, in base64; none where the entry names no beginning of the log.
    pub computed: Option<String>,
}

impl Over {
    /// The end by the entry `head`, instead of which `computed` would have been right.
    pub fn new(index_log: &str, head: u64, signed: &[u8], computed: Option<&IndexHead>) -> Self {
        Over {
            index_log: index_log.to_owned(),
            head,
            signed: Base64::encode_string(signed),
            computed: computed.map(|computed| Base64::encode_string(&computed.encode())),
        }
    }

    /// Writes it durably into the private store of the index log.
    ///
    /// # Errors
    /// The store's.
    pub fn write(&self, private: &dyn ObjectStore) -> io::Result<()> {
        private.put(OVER, &serde_json::to_vec_pretty(self).map_err(io::Error::other)?)?;
        private.sync(&[OVER])
    }
}

/// Whether the end of an index log is written in its private store. One that cannot be read is an end as well.
pub(super) fn is_over(private: &dyn ObjectStore) -> io::Result<bool> {
    Ok(private.get(OVER)?.is_some())
}

/// Why no successor can be started.
#[derive(Debug, thiserror::Error)]
pub enum SuccessorError {
    /// The index log is not over.
    #[error(
        "the index log {0} is not over: the log has found no wrong head in it, and while it has none, it needs no successor"
    )]
    NotOver(String),
    /// There were too many.
    #[error("an index log has at most 999 successors")]
    TooMany,
    /// The folder cannot be read.
    #[error("the private store cannot be read: {0}")]
    Io(#[from] io::Error),
    /// The key cannot be made.
    #[error(transparent)]
    Keys(#[from] KeysError),
}

/// The index log that signs: the last one that has a key, or a lock that asks for one.
pub fn current(folder: &Folder) -> Generation {
    let begun = |generation: &Generation| {
        index_key_path(&folder.keys(), *generation).exists() || folder.index_lock(*generation).exists()
    };
    let successors = std::iter::successors(Some(Generation::FIRST), |generation| generation.next());
    successors.skip(1).take_while(begun).last().unwrap_or(Generation::FIRST)
}

/// Makes the key of the successor of an index log that is over, of the log `origin`. The log signs with it from its next
/// start on. The old index log stays as it is: its checkpoint and tiles are the evidence.
///
/// # Errors
/// [`SuccessorError`].
pub fn start_successor(folder: &Folder, origin: &str) -> Result<VerifierKey, SuccessorError> {
    let current = current(folder);
    let private =
        PrefixedStore::new(std::sync::Arc::new(DiskStore::open_private(&folder.private())?), &current.path());
    if !is_over(&private)? {
        return Err(SuccessorError::NotOver(current.origin(origin)));
    }
    let next = current.next().ok_or(SuccessorError::TooMany)?;
    create_index_key(&folder.keys(), origin, next)?;
    Ok(read_index_key(&folder.keys(), origin, next)?.verifier_key().clone())
}

/// An index log as it is served.
#[derive(Clone)]
pub struct Served {
    /// Reads its tiles.
    pub reader: LogReader,
    /// Its checkpoint.
    pub checkpoint: String,
    /// Entries of that.
    pub size: u64,
}

/// One that is over, as its served folder has it; none when that is damaged or gone.
pub(super) fn ended(stores: &Stores, generation: Generation) -> io::Result<Option<Served>> {
    let public = PrefixedStore::new(stores.public.clone(), &generation.path());
    let Some(checkpoint) = public.get(CHECKPOINT)? else { return Ok(None) };
    let note = Note::parse(&checkpoint).ok();
    let size = note.and_then(|note| Checkpoint::parse(note.text()).ok()).map(|checkpoint| checkpoint.size);
    let text = String::from_utf8(checkpoint).ok();
    let reader = LogReader::new(std::sync::Arc::new(public));
    Ok(text.zip(size).map(|(checkpoint, size)| Served { reader, checkpoint, size }))
}
