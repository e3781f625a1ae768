//! What a follower finds wrong with a log, with the signed originals, and why it cannot go on.

use super::memory::MemoryError;
use crate::client::check::{Fault, FaultKind};
use crate::client::index_check::IndexFault;
use crate::client::index_store::DiskStoreError;
use crate::client::read::{Misbehaviour, ReadError};
use crate::index::{IndexError, IndexHead, Step};
use crate::merkle::Hash;
use crate::note::Note;

/// Why a step of a follower did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// **Something is wrong with the log.**
    #[error(transparent)]
    Found(#[from] Finding),
    /// It could not be read, or shows less than before; trying again later may help.
    #[error(transparent)]
    Read(ReadError),
    /// The place shows another log than is followed.
    #[error("the place serves the log {shown}, and {wanted} is followed")]
    OtherLog {
        /// The origin that is followed.
        wanted: String,
        /// The one that is shown.
        shown: String,
    },
    /// The position could not be read or saved.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// Who takes what was verified failed.
    #[error("what was verified could not be kept: {0}")]
    Sink(#[source] std::io::Error),
    /// The number index on disk failed.
    #[error(transparent)]
    Index(#[from] IndexError<fjall::Error>),
    /// Its database could not be opened.
    #[error(transparent)]
    Store(#[from] DiskStoreError),
}

impl From<ReadError> for FollowError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Misbehaviour(misbehaviour) => {
                let Misbehaviour::Fork { seen, shown } = *misbehaviour;
                Finding::Fork { seen: Box::new(seen), shown: Box::new(shown) }.into()
            }
            ReadError::Older { notes, .. } => {
                let [seen, shown] = *notes;
                Finding::Rollback { seen: Box::new(seen), shown: Box::new(shown) }.into()
            }
            error => FollowError::Read(error),
        }
    }
}

/// What is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// It signed two trees of which neither continues the other. The same of its index log: the origin says which.
    #[error(
        "THE LOG HAS FORKED: it signed two trees, and one does not continue the other. Keep both checkpoints; they prove it"
    )]
    Fork {
        /// The signed checkpoint that was seen first.
        seen: Box<Note>,
        /// The one that contradicts it.
        shown: Box<Note>,
    },
    /// It shows a smaller tree than one that it signed before. A place that lags behind does that for a while; a log that was set
    /// back goes on to fork.
    #[error("the log shows an older tree than one that it signed before; if it stays so, it was set back")]
    Rollback {
        /// The signed checkpoint that was seen first.
        seen: Box<Note>,
        /// The smaller one that is shown.
        shown: Box<Note>,
    },
    /// A head of its index log does not follow from its leaves.
    #[error("HEAD {} OF THE INDEX LOG IS FALSE: {}. The signed head proves it, with the log's leaves", .0.index, .0.fault)]
    FalseHead(Box<FalseHead>),
    /// What it serves below a checkpoint is not what a log may sign, or is damaged where it is served.
    #[error("{fault}")]
    Fault {
        /// The first thing that is wrong.
        fault: Box<Fault>,
        /// The signed checkpoint below which it is.
        checkpoint: Box<Note>,
    },
}

/// A head that the log signed, and what shows that it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FalseHead {
    /// Its index in the index log.
    pub index: u64,
    /// What is wrong with it.
    pub fault: IndexFault,
    /// The entry of the index log, as it was signed.
    pub leaf: Vec<u8>,
    /// The inclusion proof of it in `index_checkpoint`.
    pub inclusion: Vec<Hash>,
    /// The head before it, which is right, and its inclusion proof there.
    pub before: Option<(IndexHead, Vec<Hash>)>,
    /// What leads from there to the head that would be right; none when that is too much, and for other faults.
    pub step: Option<Step>,
    /// The signed checkpoint of the index log.
    pub index_checkpoint: Note,
    /// The signed checkpoint of the entry log, whose leaves were indexed.
    pub checkpoint: Note,
}

impl Finding {
    /// Whether it is proved for ever: trying again cannot help. A fault may also be damage of the place that serves the log,
    /// and a rollback its age.
    pub fn is_final(&self) -> bool {
        matches!(self, Finding::Fork { .. } | Finding::FalseHead(_))
    }

    /// What it is, in a word that stays the same.
    pub fn kind(&self) -> &'static str {
        match self {
            Finding::Fork { .. } => "fork",
            Finding::Rollback { .. } => "rollback",
            Finding::FalseHead(_) => "bad-index-head",
            Finding::Fault { fault, .. } => kind_of(&fault.kind),
        }
    }
}

fn kind_of(kind: &FaultKind) -> &'static str {
    match kind {
        FaultKind::Missing => "missing-tile",
        FaultKind::NoParameters
        | FaultKind::ParametersAgain
        | FaultKind::Origin
        | FaultKind::Parameters(_) => "bad-parameters",
        FaultKind::Statement(_) => "bad-statement",
        FaultKind::Registration(_) => "orphan-registration",
        FaultKind::TreeHead(_) | FaultKind::TreeHeadTime { .. } => "bad-signature",
        FaultKind::TooLong(_)
        | FaultKind::Bundle(_)
        | FaultKind::IssuerHash
        | FaultKind::OtherTree
        | FaultKind::Hashes
        | FaultKind::Changed
        | FaultKind::Shrunk { .. }
        | FaultKind::Root => "bad-tree",
        _ => "bad-leaf",
    }
}
