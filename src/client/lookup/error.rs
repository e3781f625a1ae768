//! Why a look-up gives nothing out, and whose fault that is.

use crate::client::http::HttpError;
use crate::client::read::ReadError;
use crate::index::{HeadError, ListError, NotProved, PrefixError, QueryError};
use crate::policy::PolicyError;

/// Why a look-up gave nothing that can be believed.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// The log could not be asked, or refused.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A checkpoint, a tile or leaf 0.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// More or fewer labels and prefixes than one question may have.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// A prefix is none.
    #[error("a prefix of blocks is 1 to 15 digits")]
    Prefix(#[from] PrefixError),
    /// The answer is not that of `lookup`.
    #[error("the answer is not that of a look-up")]
    Malformed,
    /// A checkpoint of another log than was asked.
    #[error("the checkpoint is of the log {shown}, and {wanted} was asked")]
    OtherLog {
        /// The origin that was asked for.
        wanted: String,
        /// That of the checkpoint.
        shown: String,
    },
    /// Another index log of the log than the one whose key is pinned.
    #[error(
        "the answer is of the index log {shown}, and the key that is pinned is of {pinned}. A log that goes on with another index log \
         says that the old one is over, because a head of it was wrong: run `tnlog audit` with the old key, which finds it; ask \
         the log's operator what happened; then pin the index_key that {shown} has in its place"
    )]
    OtherIndexLog {
        /// The origin of the pinned key.
        pinned: String,
        /// That of the answer, which nobody vouches for.
        shown: String,
    },
    /// The leaf of the index log is none.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// The head is not in the index log.
    #[error("the head of the index is not in the index log")]
    NotInIndexLog,
    /// The head is not the last of the index log that is shown.
    #[error("the head of the index is an old one: the index log that is shown goes on after it")]
    OldHead,
    /// The index is of another log, or of another history of it.
    #[error(
        "THE INDEX IS NOT OF THIS LOG: its head does not fit the log's checkpoint. Keep both; they prove it"
    )]
    Inconsistent,
    /// The index is behind.
    #[error(
        "the index covers {covered} entries and {needed} are known: what was logged since could be hidden. Ask again; if it stays so, the log withholds"
    )]
    Stalled {
        /// Entries that the head covers.
        covered: u64,
        /// Entries that it must cover.
        needed: u64,
    },
    /// The proof.
    #[error(transparent)]
    Proof(#[from] NotProved),
    /// A page of a list.
    #[error(transparent)]
    Page(#[from] ListError),
    /// A page of a list that was not asked for.
    #[error("the answer has a page of a list that was not asked for")]
    Uninvited,
    /// A page is missing.
    #[error("the answer leaves out items of a list")]
    LeftOut,
    /// Lists grew faster than they could be read.
    #[error("the log grows faster than the lists could be read; ask again, or for less")]
    Growing,
    /// More leaves than are fetched at once.
    #[error(
        "{entries} entries are listed, and at most {most} are fetched at once; look up the labels or prefixes apart"
    )]
    TooMany {
        /// Entries that are listed and not there yet.
        entries: usize,
        /// The most that are fetched.
        most: usize,
    },
    /// A leaf that is listed under a label does not carry it.
    #[error(
        "THE INDEX IS WRONG: entry {0} is listed under a label that it does not carry. The head of the index proves it"
    )]
    NotCarried(u64),
    /// An entry that is not in the log as it was shown.
    #[error("entry {0} is not in the log as it was shown")]
    NotInLog(u64),
}

impl LookupError {
    /// Whether what was shown is wrong, so that who answers is not to be believed; otherwise asking again, later or
    /// elsewhere, may do better.
    pub fn is_distrust(&self) -> bool {
        match self {
            LookupError::Http(_)
            | LookupError::Query(_)
            | LookupError::Prefix(_)
            | LookupError::Stalled { .. }
            | LookupError::TooMany { .. }
            | LookupError::Growing => false,
            LookupError::Read(error) => !matches!(
                error,
                ReadError::Source(_)
                    | ReadError::Older { .. }
                    | ReadError::Policy(PolicyError::Quorum { .. })
                    | ReadError::Range(_)
                    | ReadError::NoCheckpoint
            ),
            _ => true,
        }
    }

    /// Whether there is no such endpoint where it was asked.
    pub(super) fn is_missing(&self) -> bool {
        match self {
            LookupError::Http(HttpError::Status { status, .. }) => *status == 404,
            LookupError::Http(error) => error.problem().is_some_and(|problem| problem.status == 404),
            _ => false,
        }
    }
}
