//! Keys of notes: their names, ids and encodings.

use core::fmt;
use core::str::FromStr;

use base64ct::{Base64, Encoding};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::{Note, NoteError, NoteSignature, is_name};
use crate::cosignature;

/// Why a text is not a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Not of the form `name+id+base64`, with a `PRIVATE+KEY+` before it for a private key.
    #[error("the key is malformed; expected <name>+<8 hex digits>+<base64>")]
    Malformed,
    /// The key id is not that of this name and key.
    #[error("the key id does not match the name and the key")]
    Id,
    /// A type of key that this software does not use here.
    #[error("the key type {0:#04x} is not supported here")]
    Type(u8),
    /// Not the encoding of a point of the curve (RFC 8032 §5.1.3), or of one of small order.
    #[error("the key is not a usable Ed25519 public key")]
    Point,
}

/// Why a note was not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SignError {
    /// The key does not sign such notes.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The note has no room, or its text is none.
    #[error(transparent)]
    Note(#[from] NoteError),
}

/// What a key signs, by its signature type byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyType {
    /// 0x01: the text of a note.
    Ed25519,
    /// 0x04: the text of a checkpoint, and the time.
    Cosignature,
}

impl KeyType {
    fn byte(self) -> u8 {
        match self {
            KeyType::Ed25519 => 0x01,
            KeyType::Cosignature => 0x04,
        }
    }
}

/// A public key with its name. `Display` and `FromStr` are the vkey `<name>+<key id>+base64(type || key)`.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    key_id: u32,
    key_type: KeyType,
    key: VerifyingKey,
}

impl VerifierKey {
    /// A key with its name.
    ///
    /// # Errors
    /// When the name cannot be a key name, or the 32 bytes are not a usable Ed25519 public key. The library also decodes
    /// y of p and more, which RFC 8032 does not: two spellings of one key, and verifiers that disagree.
    pub fn new(name: impl Into<String>, key_type: KeyType, key: &[u8; 32]) -> Result<VerifierKey, KeyError> {
        let name = name.into();
        if !is_name(&name) {
            return Err(KeyError::Malformed);
        }
        let point = VerifyingKey::from_bytes(key).map_err(|_| KeyError::Point)?;
        let is_canonical = point.to_edwards().compress().as_bytes() == key;
        if point.is_weak() || !is_canonical {
            return Err(KeyError::Point);
        }
        let key_id = key_id(&name, key_type.byte(), key);
        Ok(VerifierKey { name, key_id, key_type, key: point })
    }

    /// The name; of a log's key, the origin of its checkpoints.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of SHA-256(name || "\n" || type || key).
    pub fn key_id(&self) -> u32 {
        self.key_id
    }

    /// What the key signs.
    pub fn key_type(&self) -> KeyType {
        self.key_type
    }

    /// The 32 bytes of the public key.
    pub fn public_key(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Whether a signature says that it is by this key: same name, same id.
    pub fn made(&self, signature: &NoteSignature) -> bool {
        self.key_id == signature.key_id && self.name == signature.name
    }

    /// Whether `body` is this key's signature of the text of a note.
    pub fn verify(&self, text: &str, body: &[u8]) -> bool {
        match self.key_type {
            KeyType::Ed25519 => self.verify_bytes(text.as_bytes(), body),
            KeyType::Cosignature => cosignature::check(self, text, body).is_some(),
        }
    }

    pub(crate) fn verify_bytes(&self, message: &[u8], signature: &[u8]) -> bool {
        let signature = ed25519_dalek::Signature::from_slice(signature);
        signature.is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&[self.key_type.byte()], self.key.as_bytes().as_slice()].concat();
        write!(f, "{}+{:08x}+{}", self.name, self.key_id, Base64::encode_string(&bytes))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(vkey: &str) -> Result<VerifierKey, KeyError> {
        let (name, key_type, key) = split_key(vkey)?;
        let parsed = VerifierKey::new(name, key_type, &key)?;
        if parsed.to_string() == vkey { Ok(parsed) } else { Err(KeyError::Id) }
    }
}

/// A private key with its name. `Debug` shows the public part only; the key is wiped when dropped.
#[derive(Clone)]
pub struct Signer {
    key: SigningKey,
    public: VerifierKey,
}

impl Signer {
    /// A signer out of the 32-byte Ed25519 seed, which the caller takes from a good source of randomness.
    ///
    /// # Errors
    /// When the name cannot be a key name.
    pub fn new(name: impl Into<String>, key_type: KeyType, seed: &[u8; 32]) -> Result<Signer, KeyError> {
        let key = SigningKey::from_bytes(seed);
        let public = VerifierKey::new(name, key_type, key.verifying_key().as_bytes())?;
        Ok(Signer { key, public })
    }

    /// Reads `PRIVATE+KEY+<name>+<key id>+base64(type || seed)`, the encoding of Go's `sumdb/note`.
    ///
    /// # Errors
    /// When it is malformed, of another type, or the id does not match.
    pub fn parse(private_key: &str) -> Result<Signer, KeyError> {
        let rest = private_key.strip_prefix("PRIVATE+KEY+").ok_or(KeyError::Malformed)?;
        let (name, key_type, seed) = split_key(rest)?;
        let signer = Signer::new(name, key_type, &seed)?;
        if *signer.to_private_key() == private_key { Ok(signer) } else { Err(KeyError::Id) }
    }

    /// The text that [`parse`](Self::parse) reads.
    pub fn to_private_key(&self) -> Zeroizing<String> {
        let seed = Zeroizing::new(self.key.to_bytes());
        let bytes = Zeroizing::new([&[self.public.key_type.byte()], seed.as_slice()].concat());
        let base64 = Zeroizing::new(Base64::encode_string(&bytes));
        let (name, id) = (self.public.name(), self.public.key_id());
        Zeroizing::new(format!("PRIVATE+KEY+{name}+{id:08x}+{}", *base64))
    }

    /// The public key.
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.public
    }

    pub(crate) fn sign_bytes(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }

    pub(crate) fn signature(&self, body: Vec<u8>) -> NoteSignature {
        NoteSignature { name: self.public.name.clone(), key_id: self.public.key_id, body }
    }

    /// Signs the text of a note and adds the signature to it.
    ///
    /// # Errors
    /// When the key is not of type Ed25519, or the note has as many signatures as it can have.
    pub fn sign(&self, note: &mut Note) -> Result<(), SignError> {
        if self.public.key_type != KeyType::Ed25519 {
            return Err(KeyError::Type(self.public.key_type.byte()).into());
        }
        note.add(self.signature(self.sign_bytes(note.text.as_bytes()).to_vec()))?;
        Ok(())
    }
}

/// Compiles as long as the key wipes itself.
impl ZeroizeOnDrop for Signer where SigningKey: ZeroizeOnDrop {}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.public)
    }
}

/// The key id of any signature type: the first four bytes of SHA-256(name || "\n" || type || key).
pub(crate) fn key_id(name: &str, signature_type: u8, key: &[u8]) -> u32 {
    let digest = Sha256::new().chain_update(name).chain_update([b'\n', signature_type]).chain_update(key);
    let [a, b, c, d, ..] = <[u8; 32]>::from(digest.finalize());
    u32::from_be_bytes([a, b, c, d])
}

fn split_key(text: &str) -> Result<(&str, KeyType, Zeroizing<[u8; 32]>), KeyError> {
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(_), Some(base64)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(KeyError::Malformed);
    };
    let mut buffer = Zeroizing::new([0; 33]);
    let decoded = Base64::decode(base64, &mut *buffer);
    let (&type_byte, key) = decoded.ok().and_then(|bytes| bytes.split_first()).ok_or(KeyError::Malformed)?;
    let key_type = match type_byte {
        0x01 => KeyType::Ed25519,
        0x04 => KeyType::Cosignature,
        other => return Err(KeyError::Type(other)),
    };
    let mut seed = Zeroizing::new([0; 32]);
    seed.copy_from_slice(key.first_chunk::<32>().filter(|_| key.len() == 32).ok_or(KeyError::Malformed)?);
    Ok((name, key_type, seed))
}
