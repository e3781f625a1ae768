//! Offline proofs of inclusion in the format of C2SP `tlog-proof`.

use base64ct::{Base64, Encoding};
use std::fmt;

use crate::checkpoint::Checkpoint;
use crate::merkle::{Hash, ProofError, check_inclusion};
use crate::note::{MAX_NOTE, Note, NoteError};

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// The longest extra data: the receipt of a certificate with 512 numbers has 17 KiB.
pub const MAX_EXTRA: usize = 64 * 1024;
/// The longest proof: its note, its extra data in base64, and 63 hashes.
pub const MAX_PROOF: usize = MAX_NOTE + 2 * MAX_EXTRA;
/// A tree of 2^63 leaves has inclusion proofs of 63 hashes.
const MAX_HASHES: usize = 63;

/// What bytes can fail to be a proof for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofFormatError {
    /// See [`MAX_PROOF`] and [`MAX_EXTRA`].
    #[error("the proof is longer than any can be")]
    TooLong,
    /// It is not UTF-8 or does not begin with the line of the format.
    #[error("the proof does not begin with the line `{HEADER}`")]
    Header,
    /// A line is not what the format has there, counted from 1.
    #[error("line {0} of the proof is not in the format of C2SP tlog-proof")]
    Line(usize),
    /// The checkpoint is no signed note.
    #[error("the checkpoint in the proof: {0}")]
    Note(#[from] NoteError),
}

/// A proof that some leaf stands at an index of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    /// What the application needs to recompute the leaf. Nothing vouches for it but the proof itself.
    pub extra: Option<Vec<u8>>,
    /// The index of the leaf.
    pub index: u64,
    /// The inclusion proof, from the leaf's sibling up.
    pub hashes: Vec<Hash>,
    /// The checkpoint that it leads to, with all its signatures.
    pub checkpoint: Note,
}

impl TlogProof {
    /// Reads a proof.
    ///
    /// # Errors
    /// [`ProofFormatError`]; there is one way to write each proof, and other ways are refused.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofFormatError> {
        if bytes.len() > MAX_PROOF {
            return Err(ProofFormatError::TooLong);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| ProofFormatError::Header)?;
        let (head, note) = text.split_once("\n\n").ok_or(ProofFormatError::Header)?;
        let mut lines = head.split('\n').enumerate().peekable();
        if lines.next().is_none_or(|(_, line)| line != HEADER) {
            return Err(ProofFormatError::Header);
        }
        let extra = match lines.next_if(|(_, line)| line.starts_with("extra ")) {
            Some((i, line)) => Some(parse_extra(line).ok_or(ProofFormatError::Line(i + 1))?),
            None => None,
        };
        let (i, line) = lines.next().ok_or(ProofFormatError::Line(2))?;
        let index = parse_index(line).ok_or(ProofFormatError::Line(i + 1))?;
        let mut hashes = Vec::new();
        for (i, line) in lines {
            let hash = parse_hash(line).filter(|_| hashes.len() < MAX_HASHES);
            hashes.push(hash.ok_or(ProofFormatError::Line(i + 1))?);
        }
        Ok(TlogProof { extra, index, hashes, checkpoint: Note::parse(note.as_bytes())? })
    }

    /// Whether `leaf` stands at the index of the tree that `checkpoint` names. The caller has verified the checkpoint.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn check(&self, checkpoint: &Checkpoint, leaf: &[u8]) -> Result<(), ProofError> {
        let leaf = Hash::of_leaf(leaf);
        check_inclusion(&self.hashes, checkpoint.size, self.index, &leaf, &checkpoint.root)
    }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", Base64::encode_string(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{}", Base64::encode_string(&hash.0)))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

fn parse_extra(line: &str) -> Option<Vec<u8>> {
    let extra = Base64::decode_vec(line.strip_prefix("extra ")?).ok()?;
    (!extra.is_empty() && extra.len() <= MAX_EXTRA).then_some(extra)
}

fn parse_index(line: &str) -> Option<u64> {
    let digits = line.strip_prefix("index ")?;
    let index: u64 = digits.parse().ok()?;
    (index.to_string() == digits).then_some(index)
}

fn parse_hash(line: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    (Base64::decode(line, &mut hash).ok()?.len() == 32).then_some(Hash(hash))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::{KeyType, Signer};

    fn proof(extra: Option<Vec<u8>>) -> TlogProof {
        let signer = Signer::new("example.com/log", KeyType::Ed25519, &[1; 32]).unwrap();
        let hashes = vec![Hash([1; 32]), Hash([2; 32])];
        let checkpoint = Checkpoint::new("example.com/log", 4, Hash([3; 32])).sign(&signer).unwrap();
        TlogProof { extra, index: 2, hashes, checkpoint }
    }

    #[test]
    fn reads_back() {
        for extra in [None, Some(vec![1, 2, 3])] {
            let text = proof(extra.clone()).to_string();
            assert_eq!(TlogProof::parse(text.as_bytes()), Ok(proof(extra)));
        }
    }

    #[test]
    fn there_is_one_way_to_write_a_proof() {
        let good = proof(Some(vec![1, 2, 3])).to_string();
        for (why, from, to) in [
            ("another header", "proof@v1", "proof@v2"),
            ("a carriage return", "index 2\n", "index 2\r\n"),
            ("a leading zero", "index 2", "index 02"),
            ("a sign", "index 2", "index +2"),
            ("extra after the index", "extra AQID\nindex 2\n", "index 2\nextra AQID\n"),
            ("extra that is empty", "extra AQID", "extra "),
            ("extra without padding", "extra AQID", "extra AQI"),
            ("a short hash", "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=", "AQEBAQE="),
            ("no empty line", "\n\n", "\n"),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good, "{why}");
            assert!(TlogProof::parse(bad.as_bytes()).is_err(), "{why}");
        }
    }

    #[test]
    fn no_truncation_and_no_changed_byte_panics_or_is_taken_for_the_same() {
        let good = proof(Some(vec![1, 2, 3])).to_string().into_bytes();
        for i in 0..good.len() {
            assert!(TlogProof::parse(&good[..i]).is_err(), "cut after {i} bytes");
            let mut bad = good.clone();
            bad[i] ^= 1;
            assert_ne!(TlogProof::parse(&bad).ok(), Some(proof(Some(vec![1, 2, 3]))), "changed at {i}");
        }
    }

    #[test]
    fn more_hashes_than_any_tree_has_are_refused() {
        let mut proof = proof(None);
        proof.hashes = vec![Hash([0; 32]); MAX_HASHES + 1];
        assert!(TlogProof::parse(proof.to_string().as_bytes()).is_err());
    }
}
