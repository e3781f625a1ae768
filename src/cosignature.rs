//! C2SP `tlog-cosignature`, the Ed25519 type `cosignature/v1` (0x04): a witness states that, as of a time, a
//! checkpoint is the largest and consistent one that it saw of a log.
//!
//! Times are seconds since 1970 and always an argument.

use thiserror::Error;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::note::{KeyError, KeyType, Note, NoteSignature, SignError, Signer, VerifierKey};

/// The largest time that the specification allows.
pub const MAX_TIME: u64 = i64::MAX as u64;

/// Why a checkpoint was not cosigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CosignError {
    /// The text of the note is no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The key does not cosign, or the note has no room.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// A time after 2^63 - 1.
    #[error("a cosignature has no time after 2^63 - 1 seconds")]
    Time,
}

/// The signature line of a cosignature of the checkpoint in a note's text.
///
/// # Errors
/// When the text is no checkpoint, the key is not of type [`KeyType::Cosignature`], or the time is too large.
pub fn cosign(signer: &Signer, text: &str, time: u64) -> Result<NoteSignature, CosignError> {
    Checkpoint::parse(text)?;
    if signer.verifier_key().key_type() != KeyType::Cosignature {
        return Err(CosignError::Sign(KeyError::Type(0x01).into()));
    }
    if time > MAX_TIME {
        return Err(CosignError::Time);
    }
    let signature = signer.sign_bytes(message(text, time).as_bytes());
    Ok(signer.signature([time.to_be_bytes().as_slice(), &signature].concat()))
}

/// Cosigns the checkpoint in a note, and adds the signature to it.
///
/// # Errors
/// As [`cosign`], and when the note has no room.
pub fn cosign_note(signer: &Signer, note: &mut Note, time: u64) -> Result<(), CosignError> {
    let signature = cosign(signer, note.text(), time)?;
    Ok(note.add(signature).map_err(SignError::from)?)
}

/// Checks a cosignature and returns its time: `body` is the time, 8 bytes big-endian, and 64 bytes of Ed25519.
/// `None` when it does not verify, or the key is not of type [`KeyType::Cosignature`].
pub fn check(key: &VerifierKey, text: &str, body: &[u8]) -> Option<u64> {
    let (time, signature) = body.split_first_chunk()?;
    let time = u64::from_be_bytes(*time);
    let verifies = key.key_type() == KeyType::Cosignature
        && time <= MAX_TIME
        && key.verify_bytes(message(text, time).as_bytes(), signature);
    verifies.then_some(time)
}

/// The time that the body of a cosignature states, verified or not.
pub fn time(body: &[u8]) -> Option<u64> {
    body.first_chunk().map(|time| u64::from_be_bytes(*time))
}

/// The text that is signed: a header, the time, and the text of the checkpoint with its extension lines.
fn message(text: &str, time: u64) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

#[cfg(test)]
mod tests;
