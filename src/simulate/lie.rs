//! Logs that lie: what each misbehaviour looks like to who reads the log over C2SP `tlog-tiles`.
//!
//! The real log never lies. A lie is a doctored copy of its folder, signed with its keys (which the simulation has), or a
//! changed answer; a [`Front`](super::Front) shows it in the place of the truth.

mod doctor;
mod leaf;
mod twin;

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::label::LabelKey;
use crate::server::config::Folder;
use crate::server::keys::{Keys, KeysError};
use crate::server::read::{LogReader, ReadError, StoredEntry};
use crate::server::sequencer::SequencerError;
use crate::tile::{FULL_WIDTH, TilePath};

macro_rules! lies {
    ($($(#[doc = $doc:literal])+ $variant:ident => $name:literal, $says:literal;)+) => {
        /// A misbehaviour of a log.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Lie {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Lie {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Its name, which is that of the detector that is to find it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What a perfect observer would say.
            pub const fn says(self) -> &'static str {
                match self { $(Self::$variant => $says,)+ }
            }
        }
    };
}

lies! {
    /// Another last leaf in a tree of the same size.
    Fork => "fork", "two signed trees of one size differ in their last leaf";
    /// A signed tree of half the size.
    Rollback => "rollback", "the signed tree is smaller than one that was shown before";
    /// One bit of the checkpoint's signature is wrong.
    BadSignature => "bad-signature", "the checkpoint is not signed by the log's key";
    /// Leaf 0 shows another label key.
    BadParameters => "bad-parameters", "leaf 0 shows other parameters than before, or than the log uses";
    /// A leaf says that it stands somewhere else.
    BadLeaf => "bad-leaf", "the newest leaf carries another index than its own";
    /// A key statement whose signature does not verify.
    BadStatement => "bad-statement", "the newest leaf is a key statement that the key never signed";
    /// A registration of a leaf that is no credential.
    OrphanRegistration => "orphan-registration", "the newest leaf registers under a leaf that is no credential";
    /// A head of the index log with another root than the index has.
    BadIndexHead => "bad-index-head", "the newest head of the index log is not that of the leaves";
    /// Labels are evaluated under another key than leaf 0 shows.
    BadLabel => "bad-label", "labels are evaluated under another key than that of leaf 0";
    /// The bundle of the newest leaf is not served.
    MissingTile => "missing-tile", "a tile that the signed tree needs is not served";
    /// The checkpoint of now, for ever.
    Stale => "stale", "the same checkpoint is shown for ever";
    /// A credential with the certificate id of another one.
    RepeatedId => "repeated-id", "the newest leaf repeats the certificate id of another credential";
}

impl std::str::FromStr for Lie {
    type Err = UnknownLie;

    fn from_str(text: &str) -> Result<Self, UnknownLie> {
        Lie::ALL.iter().copied().find(|lie| lie.name() == text).ok_or(UnknownLie)
    }
}

/// There is no such lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such misbehaviour")]
pub struct UnknownLie;

/// Why a lie cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum LieError {
    /// A file cannot be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The keys of the log cannot be read.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The copy cannot be signed.
    #[error(transparent)]
    Sequencer(#[from] SequencerError),
    /// The log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The log has nothing to make the lie of.
    #[error("the log has no {0} to make this lie of; let a longer world happen")]
    Nothing(&'static str),
}

/// What is shown in the place of the truth.
pub(super) struct Told {
    lie: Lie,
    /// The leaf that is wrong, where one is.
    leaf: Option<u64>,
    pub(super) entries: Option<View>,
    pub(super) index: Option<View>,
    pub(super) missing: Option<TilePath>,
    pub(super) label_key: Option<LabelKey>,
}

/// A log as it is shown: a checkpoint, and the tiles below it.
#[derive(Clone)]
pub(super) struct View {
    pub(super) note: String,
    pub(super) size: u64,
    pub(super) reader: LogReader,
}

impl View {
    /// Every entry with its index. Reads bundle by bundle.
    fn entries(&self) -> impl Iterator<Item = Result<(u64, StoredEntry), ReadError>> {
        let bundles = (0..self.size).step_by(usize::from(FULL_WIDTH));
        bundles.flat_map(|first| match self.reader.entries(first, self.size - 1, self.size) {
            Ok(stored) => (first..).zip(stored).map(Ok).collect::<Vec<_>>(),
            Err(error) => vec![Err(error)],
        })
    }
}

/// The truth about a lie, in `lies.jsonl`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct TrueLie {
    /// Its name, and that of its detector.
    pub kind: &'static str,
    /// The leaf that is wrong, where one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaf: Option<u64>,
    /// What a perfect observer would say.
    pub says: &'static str,
}

impl Told {
    /// Prepares a lie about the log in `folder`, to which nothing is being written; `to` is an empty folder for what is doctored.
    pub(super) fn prepare(lie: Lie, folder: &Folder, origin: &str, to: &Path) -> Result<Self, LieError> {
        let keys = Arc::new(Keys::read(&folder.keys(), origin)?);
        doctor::Doctor { folder: folder.clone(), keys, to: Folder::new(to) }.prepare(lie)
    }

    /// The truth about it.
    pub(super) fn truth(&self) -> TrueLie {
        TrueLie { kind: self.lie.name(), leaf: self.leaf, says: self.lie.says() }
    }

    fn new(lie: Lie) -> Self {
        Told { lie, leaf: None, entries: None, index: None, missing: None, label_key: None }
    }
}
