//! C2SP `tlog-checkpoint`, the signed root of a log, and the RFC 6962 tree head as a signature of it.

use core::fmt;

use base64ct::{Base64, Encoding};
use p256::ecdsa::signature::Verifier;
use thiserror::Error;

use crate::merkle::{Hash, MAX_SIZE};
use crate::note::{
    KeyType, Note, NoteError, NoteSignature, SignError, Signer, VerifierKey, VerifyError, key_id,
};

/// The most extension lines of a checkpoint. The specification advises against any.
pub const MAX_EXTENSIONS: usize = 16;

/// The longest DER encoding of an ECDSA P-256 signature: two integers of at most 33 bytes.
const MAX_ECDSA: usize = 72;

/// Why a text is not a checkpoint, or a checkpoint cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CheckpointError {
    /// Fewer than three lines, an empty line, or no newline at the end.
    #[error("a checkpoint is at least three lines, none of them empty, each with a newline")]
    Lines,
    /// The second line is not a canonical decimal number of at most 2^63.
    #[error("the second line of the checkpoint is not a tree size")]
    Size,
    /// The third line is not the base64 encoding of 32 bytes.
    #[error("the third line of the checkpoint is not a root hash")]
    Root,
    /// More extension lines than [`MAX_EXTENSIONS`], or some where none are allowed.
    #[error("the checkpoint has {0} extension lines, which is too many")]
    Extensions(usize),
    /// The tree is empty and the root is not that of an empty tree.
    #[error("the checkpoint of an empty tree has the root of another")]
    EmptyRoot,
}

/// Why a checkpoint is not to be believed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// The signatures do not verify.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The text is no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// It is signed by the key of another log.
    #[error("the checkpoint is of the log {origin} and signed by {key}")]
    Origin {
        /// The origin in the checkpoint.
        origin: String,
        /// The name of the key.
        key: String,
    },
    /// A key that cosigns was given for a log.
    #[error("a key of type cosignature cannot be the key of a log")]
    KeyType,
}

/// Size and root of a log's tree. `Display` is the text of the note: origin, size, root, extension lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The name of the log.
    pub origin: String,
    /// How many leaves its tree has.
    pub size: u64,
    /// The root of its tree.
    pub root: Hash,
    /// Further lines, opaque; best none.
    pub extensions: Vec<String>,
}

impl Checkpoint {
    /// A checkpoint without extension lines.
    pub fn new(origin: impl Into<String>, size: u64, root: Hash) -> Checkpoint {
        Checkpoint { origin: origin.into(), size, root, extensions: Vec::new() }
    }

    /// Reads the text of a note, of which only one spelling is accepted.
    ///
    /// # Errors
    /// Which line is wrong.
    pub fn parse(text: &str) -> Result<Checkpoint, CheckpointError> {
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(CheckpointError::Lines);
        };
        let extensions = lines.clone().count();
        if extensions > MAX_EXTENSIONS {
            return Err(CheckpointError::Extensions(extensions));
        }
        if origin.is_empty() || lines.clone().any(str::is_empty) {
            return Err(CheckpointError::Lines);
        }
        let size = parse_size(size).ok_or(CheckpointError::Size)?;
        let root = parse_root(root).ok_or(CheckpointError::Root)?;
        if size == 0 && root != Hash::EMPTY_ROOT {
            return Err(CheckpointError::EmptyRoot);
        }
        Ok(Checkpoint { origin: origin.into(), size, root, extensions: lines.map(String::from).collect() })
    }

    /// The note of this checkpoint, signed by the log.
    ///
    /// # Errors
    /// When the fields cannot be written so that they read back the same, or the key is not the log's: of type
    /// Ed25519, with the origin as its name.
    pub fn sign(&self, signer: &Signer) -> Result<Note, CheckpointSignError> {
        let text = self.to_string();
        if Checkpoint::parse(&text)? != *self {
            return Err(CheckpointError::Lines.into());
        }
        if signer.verifier_key().name() != self.origin {
            return Err(CheckpointSignError::Name);
        }
        let mut note = Note::new(text).map_err(SignError::from)?;
        signer.sign(&mut note)?;
        Ok(note)
    }

    /// The checkpoint in a note that is signed by this key of the log. Other signatures are not looked at.
    ///
    /// # Errors
    /// When the signature does not verify or is missing, the text is no checkpoint, or its origin is not the key's
    /// name.
    pub fn open(note: &Note, key: &VerifierKey) -> Result<Checkpoint, OpenError> {
        if key.key_type() != KeyType::Ed25519 {
            return Err(OpenError::KeyType);
        }
        note.verify([key])?;
        let checkpoint = Checkpoint::parse(note.text())?;
        if checkpoint.origin != key.name() {
            return Err(OpenError::Origin { origin: checkpoint.origin, key: key.name().into() });
        }
        Ok(checkpoint)
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, Base64::encode_string(&self.root.0))?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// Why a checkpoint was not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CheckpointSignError {
    /// It cannot be written.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// It cannot be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The name of the key is not the origin.
    #[error("a log signs with a key that has its origin as name")]
    Name,
}

fn parse_size(line: &str) -> Option<u64> {
    let size: u64 = line.parse().ok()?;
    (size <= MAX_SIZE && size.to_string() == line).then_some(size)
}

fn parse_root(line: &str) -> Option<Hash> {
    let mut root = [0; 32];
    let decoded = Base64::decode(line, &mut root).ok()?.len();
    (decoded == 32).then_some(Hash(root))
}

/// A signed tree head of RFC 6962 §3.5, which C2SP `static-ct-api` carries as a note signature of type 0x05.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeHead {
    /// How many leaves the tree has.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// The time, in milliseconds since 1970.
    pub timestamp: u64,
    /// The ECDSA P-256 signature with SHA-256, in DER, of [`tree_head_message`].
    pub signature: Vec<u8>,
}

/// Why a tree head is not to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TreeHeadError {
    /// The checkpoint has no signature of this log id.
    #[error("the checkpoint has no RFC 6962 signature of this log")]
    Missing,
    /// The signature is not encoded as RFC 6962 and `static-ct-api` say.
    #[error("the RFC 6962 signature of the checkpoint is malformed")]
    Malformed,
    /// The signature does not verify.
    #[error("the RFC 6962 signature does not verify")]
    Invalid,
    /// The text of the note is no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

/// The bytes that a tree head signs, `TreeHeadSignature` of RFC 6962 §3.5: version 0, signature type 1
/// (`tree_hash`), time in milliseconds, size, root.
pub fn tree_head_message(timestamp: u64, size: u64, root: &Hash) -> [u8; 50] {
    let mut message = [0; 50];
    message[1] = 1;
    message[2..10].copy_from_slice(&timestamp.to_be_bytes());
    message[10..18].copy_from_slice(&size.to_be_bytes());
    message[18..].copy_from_slice(&root.0);
    message
}

impl TreeHead {
    /// The signature line for the checkpoint of this size and root: 8 bytes of time, hash 4 (SHA-256), signature 3
    /// (ECDSA), a `u16` length, DER.
    ///
    /// # Errors
    /// When the origin cannot be a key name, or the signature is longer than any of P-256.
    pub fn note_signature(&self, origin: &str, log_id: &[u8; 32]) -> Result<NoteSignature, NoteError> {
        let length = self.signature.len();
        if length > MAX_ECDSA {
            return Err(NoteError::TooLarge { what: "signature bytes", found: length, limit: MAX_ECDSA });
        }
        let header = [4, 3, 0, length as u8];
        let body = [self.timestamp.to_be_bytes().as_slice(), &header, &self.signature].concat();
        NoteSignature::new(origin, key_id(origin, 0x05, log_id), body)
    }

    /// The tree head that a checkpoint carries for this log id (SHA-256 of the SCT key). It is not verified by that.
    ///
    /// # Errors
    /// When the text is no checkpoint or has extension lines, or there is not one well-formed signature of this id.
    pub fn extract(note: &Note, log_id: &[u8; 32]) -> Result<TreeHead, TreeHeadError> {
        let checkpoint = Checkpoint::parse(note.text())?;
        if !checkpoint.extensions.is_empty() {
            return Err(CheckpointError::Extensions(checkpoint.extensions.len()).into());
        }
        let id = key_id(&checkpoint.origin, 0x05, log_id);
        let mut ours =
            note.signatures().iter().filter(|line| line.key_id() == id && line.name() == checkpoint.origin);
        let body = ours.next().ok_or(TreeHeadError::Missing)?.body();
        if ours.next().is_some() {
            return Err(TreeHeadError::Malformed);
        }
        let (timestamp, signed) = body.split_first_chunk().ok_or(TreeHeadError::Malformed)?;
        let ([4, 3, high, low], signature) = signed.split_first_chunk().ok_or(TreeHeadError::Malformed)?
        else {
            return Err(TreeHeadError::Malformed);
        };
        if signature.len() != usize::from(u16::from_be_bytes([*high, *low])) || signature.len() > MAX_ECDSA {
            return Err(TreeHeadError::Malformed);
        }
        Ok(TreeHead {
            size: checkpoint.size,
            root: checkpoint.root,
            timestamp: u64::from_be_bytes(*timestamp),
            signature: signature.to_vec(),
        })
    }

    /// Verifies the signature with the log's SCT key. Costs one P-256 verification.
    ///
    /// # Errors
    /// When it does not verify.
    pub fn verify(&self, key: &p256::ecdsa::VerifyingKey) -> Result<(), TreeHeadError> {
        let signature =
            p256::ecdsa::Signature::from_der(&self.signature).map_err(|_| TreeHeadError::Invalid)?;
        let message = tree_head_message(self.timestamp, self.size, &self.root);
        key.verify(&message, &signature).map_err(|_| TreeHeadError::Invalid)
    }
}

#[cfg(test)]
mod tests;
