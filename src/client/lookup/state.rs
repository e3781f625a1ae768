//! What `tnlog watch --state` keeps from run to run.
//!
//! ```text
//! "tnlog watch state 1\n" || CBOR || SHA-256 of everything before
//!
//! {1: SHA-256 of what is trusted, 2: [log]}
//! log:  {1: origin, 2: checkpoint, 3: checkpoint of the index log, 4: [kept]}
//! kept: {1: [label], 2: [below], 3: [at], 4: entries that it covers, 5: [[label, [index]]], 6: [leaf]}
//! ```
//!
//! Deterministic CBOR. Logs rise by origin, what is kept by its question, labels by their bytes. The hash finds damage; whoever can
//! write the file is believed about what was seen before, and can hide it, so it is to be the user's alone. It holds labels and
//! digits of numbers: as secret as these.

use std::collections::BTreeMap;

use minicbor::{Decoder, Encoder};
use sha2::{Digest, Sha256};

use super::{Kept, Memory, Question};
use crate::cbor::{self, DecodeError, EncodeError, array, key, list, map};
use crate::entry::{Leaf, MAX_LEAF};
use crate::index::MAX_PREFIXES;
use crate::label::Label;
use crate::note::MAX_NOTE;

const NAME: &[u8] = b"tnlog watch state ";
const VERSION: &[u8] = b"1\n";
const DIGEST: usize = 32;
/// The most logs, questions of one log, labels of one answer and entries of one label.
const MAX_LOGS: usize = 1024;
const MAX_KEPT: usize = 4096;
const MAX_LABELS: usize = 1 << 20;
const MAX_ITEMS: usize = 1 << 24;

/// The newest checkpoints of a log and of its index log that were verified, as signed notes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Of the entry log.
    pub entries: Vec<u8>,
    /// Of the index log.
    pub heads: Vec<u8>,
}

/// What is kept of one log.
#[derive(Clone, Default)]
pub struct LogState {
    /// None before the first answer.
    pub position: Option<Position>,
    /// By question.
    pub kept: BTreeMap<Question, Kept>,
}

/// Everything that is kept.
#[derive(Clone, Default)]
pub struct State {
    /// SHA-256 of what is trusted.
    pub trust: [u8; 32],
    /// By origin.
    pub logs: BTreeMap<String, LogState>,
}

/// Why a state cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// Another kind of file, or cut short.
    #[error("this is no state of `tnlog watch`: give another file, which is made when it is missing")]
    OtherFile,
    /// A newer tnlog wrote it.
    #[error("the state is of another version of tnlog: use that one, or delete the file and begin again")]
    Version,
    /// Changed bytes.
    #[error("the state is damaged: put back a copy, or delete the file and begin again")]
    Damaged,
    /// Made under another policy.
    #[error(
        "the state was made under another policy, or other verifiers: give a file for each, or delete it and begin again"
    )]
    OtherTrust,
}

impl State {
    /// The bytes of the file.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = [NAME, VERSION, &self.encode_content()].concat();
        let digest = Sha256::digest(&bytes);
        bytes.extend_from_slice(&digest);
        bytes
    }

    /// Reads what [`encode`](State::encode) writes, if it was made under the same trust.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn decode(bytes: &[u8], trust: &[u8; 32]) -> Result<Self, StateError> {
        let rest = bytes.strip_prefix(NAME).ok_or(StateError::OtherFile)?;
        let (content, digest) = rest.split_last_chunk::<DIGEST>().ok_or(StateError::OtherFile)?;
        let content = content.strip_prefix(VERSION).ok_or(StateError::Version)?;
        if Sha256::digest(&bytes[..bytes.len() - DIGEST])[..] != digest[..] {
            return Err(StateError::Damaged);
        }
        let state = cbor::decode(content, State::encode_content, read).ok_or(StateError::Damaged)?;
        if state.trust == *trust { Ok(state) } else { Err(StateError::OtherTrust) }
    }

    fn encode_content(&self) -> Vec<u8> {
        let logs: Vec<_> =
            self.logs.iter().filter_map(|(o, log)| Some((o, log.position.as_ref()?, log))).collect();
        cbor::encode(|e| {
            e.map(2)?.u8(1)?.bytes(&self.trust)?.u8(2)?.array(logs.len() as u64)?;
            for (origin, position, log) in &logs {
                e.map(4)?.u8(1)?.str(origin)?;
                e.u8(2)?.bytes(&position.entries)?.u8(3)?.bytes(&position.heads)?;
                e.u8(4)?.array(log.kept.len() as u64)?;
                log.kept.iter().try_for_each(|(question, kept)| write_kept(e, question, kept))?;
            }
            Ok(())
        })
    }
}

fn write_kept(e: &mut Encoder<&mut Vec<u8>>, question: &Question, kept: &Kept) -> Result<(), EncodeError> {
    e.map(6)?.u8(1)?.array(question.labels.len() as u64)?;
    question.labels.iter().try_for_each(|label| e.bytes(label.as_bytes()).map(drop))?;
    for (key, digits) in [(2, &question.below), (3, &question.at)] {
        e.u8(key)?.array(digits.len() as u64)?;
        digits.iter().try_for_each(|digits| e.str(digits).map(drop))?;
    }
    e.u8(4)?.u64(kept.covers())?.u8(5)?.array(kept.items().len() as u64)?;
    for (label, items) in kept.items() {
        e.array(2)?.bytes(label.as_bytes())?.array(items.len() as u64)?;
        items.iter().try_for_each(|item| e.u64(*item).map(drop))?;
    }
    e.u8(6)?.array(kept.leaves.len() as u64)?;
    for leaf in kept.leaves.values() {
        e.bytes(&leaf.encode().expect("a leaf that was read can be written"))?;
    }
    Ok(())
}

fn read(d: &mut Decoder<'_>) -> Result<State, DecodeError> {
    map(d, 2)?;
    let trust = array(key(d, 1)?)?;
    let logs = list(key(d, 2)?, MAX_LOGS, |d| {
        map(d, 4)?;
        let origin = key(d, 1)?.str()?.to_owned();
        let position = Position { entries: note(key(d, 2)?)?, heads: note(key(d, 3)?)? };
        let kept = list(key(d, 4)?, MAX_KEPT, read_kept)?.into_iter().collect();
        Ok((origin, LogState { position: Some(position), kept }))
    })?;
    Ok(State { trust, logs: logs.into_iter().collect() })
}

fn read_kept(d: &mut Decoder<'_>) -> Result<(Question, Kept), DecodeError> {
    map(d, 6)?;
    let labels = list(key(d, 1)?, MAX_PREFIXES, label)?;
    let digits = |d: &mut Decoder<'_>| Ok(d.str()?.to_owned());
    let (below, at) = (list(key(d, 2)?, MAX_PREFIXES, digits)?, list(key(d, 3)?, MAX_PREFIXES, digits)?);
    let size = key(d, 4)?.u64()?;
    let items = list(key(d, 5)?, MAX_LABELS, |d| match d.array()? {
        Some(2) => Ok((label(d)?, list(d, MAX_ITEMS, |d| d.u64())?)),
        _ => Err(DecodeError::message("no pair")),
    })?;
    let memory = Memory::new(size, items.into_iter().collect());
    let memory = memory.ok_or_else(|| DecodeError::message("no lists"))?;
    let leaves = list(key(d, 6)?, MAX_ITEMS, leaf)?;
    let leaves = leaves.into_iter().map(|leaf| (leaf.index, leaf)).collect();
    Ok((Question { labels, below, at }, Kept { memory, leaves }))
}

fn label(d: &mut Decoder<'_>) -> Result<Label, DecodeError> {
    Ok(Label::new(array(d)?))
}

fn leaf(d: &mut Decoder<'_>) -> Result<Leaf, DecodeError> {
    let bytes = d.bytes()?;
    if bytes.len() > MAX_LEAF {
        return Err(DecodeError::message("longer than a leaf"));
    }
    Leaf::decode(bytes).map_err(DecodeError::custom)
}

fn note(d: &mut Decoder<'_>) -> Result<Vec<u8>, DecodeError> {
    let bytes = d.bytes()?;
    if bytes.len() <= MAX_NOTE { Ok(bytes.to_vec()) } else { Err(DecodeError::message("longer than a note")) }
}

#[cfg(test)]
mod tests;
