//! C2SP `tlog-witness`: the request `add-checkpoint`, and what a witness answers to it.
//!
//! A witness remembers of each log the checkpoint that it cosigned last ([`Cosigned`]), and cosigns only what continues it.
//! [`decide`] is that decision, without clock, key and disk: who calls it makes the new memory durable, and only then
//! answers, both while nobody else decides about the same log.

use core::fmt::Write;

use base64ct::{Base64, Encoding};
use thiserror::Error;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::merkle::{Hash, MAX_SIZE, check_consistency};
use crate::note::{MAX_NOTE, Note, NoteError, VerifierKey};

/// The most lines of a consistency proof.
pub const MAX_PROOF: usize = 63;

/// The longest request, in bytes: the longest note, 63 lines of 45 bytes, the line of the old size, an empty line.
pub const MAX_REQUEST: usize = MAX_NOTE + MAX_PROOF * 45 + 64;

/// The content type of a 409: its body is the size that the witness remembers.
pub const SIZE_TYPE: &str = "text/x.tlog.size";

/// Why bytes are no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// Longer than [`MAX_REQUEST`].
    #[error("the request has {0} bytes, and none has more than {MAX_REQUEST}")]
    TooLong(usize),
    /// Not UTF-8, or no empty line before the checkpoint.
    #[error("the request is not an old size, a proof, an empty line and a checkpoint")]
    Frame,
    /// The first line is not `old ` and a canonical decimal number of at most 2^63.
    #[error("the first line of the request is not `old` and a tree size")]
    Old,
    /// More than [`MAX_PROOF`] lines.
    #[error("the consistency proof has {0} lines, and at most {MAX_PROOF} are allowed")]
    ProofTooLong(usize),
    /// A line of the proof, counted from 1, is not the base64 encoding of 32 bytes.
    #[error("line {0} of the consistency proof is not a hash in base64")]
    ProofLine(usize),
    /// What follows the empty line is no note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text of the note is no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

/// A request to cosign a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    old: u64,
    proof: Vec<Hash>,
    note: Note,
    checkpoint: Checkpoint,
}

impl AddCheckpoint {
    /// A request: the size that the witness is thought to remember, the consistency proof from there to the checkpoint (empty
    /// when the size is 0, or that of the checkpoint), the signed checkpoint.
    ///
    /// # Errors
    /// When the text of the note is no checkpoint, or the proof is too long.
    pub fn new(old: u64, proof: Vec<Hash>, note: Note) -> Result<Self, RequestError> {
        if proof.len() > MAX_PROOF {
            return Err(RequestError::ProofTooLong(proof.len()));
        }
        let checkpoint = Checkpoint::parse(note.text())?;
        Ok(AddCheckpoint { old, proof, note, checkpoint })
    }

    /// Reads the body of a request. Nothing is verified by that.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        if body.len() > MAX_REQUEST {
            return Err(RequestError::TooLong(body.len()));
        }
        let body = core::str::from_utf8(body).map_err(|_| RequestError::Frame)?;
        let (head, note) = body.split_once("\n\n").ok_or(RequestError::Frame)?;
        let (first, proof) = head.split_once('\n').map_or((head, None), |(first, rest)| (first, Some(rest)));
        let old = first.strip_prefix("old ").and_then(canonical_size).ok_or(RequestError::Old)?;
        let lines = proof.into_iter().flat_map(|proof| proof.split('\n'));
        let hash = |(line, text)| parse_hash(text).ok_or(RequestError::ProofLine(line));
        let proof = (1..).zip(lines).map(hash).collect::<Result<_, _>>()?;
        AddCheckpoint::new(old, proof, Note::parse(note.as_bytes())?)
    }

    /// The body of the request: `old <size>`, a line for each hash of the proof, an empty line, the note.
    pub fn encode(&self) -> String {
        let mut body = format!("old {}\n", self.old);
        self.proof.iter().for_each(|hash| {
            body.push_str(&Base64::encode_string(&hash.0));
            body.push('\n');
        });
        write!(body, "\n{}", self.note).expect("a string takes every write");
        body
    }

    /// The size that the witness is thought to remember.
    pub fn old(&self) -> u64 {
        self.old
    }

    /// The signed checkpoint.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// What it says, verified or not: by its origin a witness finds the log.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }
}

/// What a witness remembers of a log: size and root of the checkpoint that it cosigned last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cosigned {
    /// Leaves of the tree.
    pub size: u64,
    /// Its root.
    pub root: Hash,
}

impl Cosigned {
    /// Before it has cosigned anything.
    pub const NOTHING: Cosigned = Cosigned { size: 0, root: Hash::EMPTY_ROOT };
}

/// Why a witness does not cosign. `Display` is a sentence for the body of the answer, unless that is a [`size`](Self::size).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// 400: it is no request.
    #[error(transparent)]
    Malformed(#[from] RequestError),
    /// 400: the old size is larger than the checkpoint.
    #[error("the old size {old} is larger than the checkpoint, which has {size} leaves")]
    OldSize {
        /// The old size.
        old: u64,
        /// The size of the checkpoint.
        size: u64,
    },
    /// 403: no signature of the key that the witness knows the log by, or one that does not verify.
    #[error("the checkpoint is not signed by the key that is known of this log")]
    UnknownSignature,
    /// 404: the witness does not know the log.
    #[error("no log of this origin is known here")]
    UnknownLog,
    /// 409: it remembers another size, or of the same size another root.
    #[error("the checkpoint cosigned last has {size} leaves, or another root")]
    Conflict {
        /// The size that it remembers.
        size: u64,
    },
    /// 422: the proof does not lead from what it remembers to the checkpoint.
    #[error("the consistency proof does not lead from the checkpoint cosigned last to this one")]
    Proof,
}

impl Refusal {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Refusal::Malformed(_) | Refusal::OldSize { .. } => 400,
            Refusal::UnknownSignature => 403,
            Refusal::UnknownLog => 404,
            Refusal::Conflict { .. } => 409,
            Refusal::Proof => 422,
        }
    }

    /// The size that is the body of a 409, with [`SIZE_TYPE`] as content type; see [`encode_size`].
    pub fn size(&self) -> Option<u64> {
        match self {
            Refusal::Conflict { size } => Some(*size),
            _ => None,
        }
    }
}

/// Whether a witness cosigns what it is asked to: the checkpoint that it is to remember from then on. `key` is that of the
/// log with the origin of the request, `last` what the witness remembers of it. Costs at most 64 Ed25519 verifications.
///
/// # Errors
/// [`Refusal`], all but [`Refusal::Malformed`] and [`Refusal::UnknownLog`].
pub fn decide(request: &AddCheckpoint, key: &VerifierKey, last: &Cosigned) -> Result<Cosigned, Refusal> {
    Checkpoint::open(&request.note, key).map_err(|_| Refusal::UnknownSignature)?;
    let Checkpoint { size, root, .. } = &request.checkpoint;
    if request.old > *size {
        return Err(Refusal::OldSize { old: request.old, size: *size });
    }
    if request.old != last.size || (last.size == *size && last.root != *root) {
        return Err(Refusal::Conflict { size: last.size });
    }
    let consistent = match request.old {
        0 => request.proof.is_empty(),
        old => check_consistency(&request.proof, old, &last.root, *size, root).is_ok(),
    };
    if consistent { Ok(Cosigned { size: *size, root: *root }) } else { Err(Refusal::Proof) }
}

/// The body of a 409: `<decimal>\n`.
pub fn encode_size(size: u64) -> String {
    format!("{size}\n")
}

/// Reads what [`encode_size`] writes; none for anything else.
pub fn parse_size(body: &[u8]) -> Option<u64> {
    canonical_size(core::str::from_utf8(body).ok()?.strip_suffix('\n')?)
}

/// A tree size in the one way to write it.
fn canonical_size(text: &str) -> Option<u64> {
    let size: u64 = text.parse().ok()?;
    (size <= MAX_SIZE && size.to_string() == text).then_some(size)
}

fn parse_hash(line: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    let decoded = Base64::decode(line, &mut hash).ok()?.len();
    (decoded == 32).then_some(Hash(hash))
}

#[cfg(test)]
mod tests;
