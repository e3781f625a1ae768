//! C2SP `signed-note`: a text, an empty line, and signature lines `— <key name> base64(key id || signature)`.
//!
//! Keys are Ed25519, as plain note signatures (type 0x01) and as witness cosignatures (type 0x04); signatures of
//! other keys are carried and ignored. A signature of a known key that does not verify condemns the whole note. A
//! key may sign more than once, as the specification does not forbid it: each of its signatures must verify.

use core::fmt;
use core::str::FromStr;

use base64ct::{Base64, Encoding};
use thiserror::Error;

mod key;

pub(crate) use key::key_id;
pub use key::{KeyError, KeyType, SignError, Signer, VerifierKey};

/// The most signatures of one note. The specification asks for 16 at least; a log with a large set of witnesses
/// has some 40.
pub const MAX_SIGNATURES: usize = 64;

/// The longest note, in bytes: [`MAX_SIGNATURES`] signatures of 5 kB, as post-quantum ones can be, in base64.
pub const MAX_NOTE: usize = 512 * 1024;

/// The most lines of a text. A checkpoint has three.
pub const MAX_TEXT_LINES: usize = 256;

/// The longest key name, in bytes: as long as a domain name can be.
pub const MAX_NAME: usize = 255;

const DASH: &str = "— ";

/// Why bytes are not a note, or a note cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NoteError {
    /// Above one of the limits of this module.
    #[error("the note is too large: {what} are {found}, at most {limit} are accepted")]
    TooLarge {
        /// What is counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Not UTF-8, or with control characters other than newline.
    #[error("the note is not UTF-8 text without control characters")]
    NotText,
    /// The text does not end in a newline.
    #[error("the text of the note does not end in a newline")]
    NoNewline,
    /// No empty line with signature lines after it.
    #[error("the note has no signatures after an empty line")]
    Unsigned,
    /// A signature line is malformed.
    #[error("the signature line {0} of the note is malformed")]
    SignatureLine(usize),
    /// A key name is empty, too long, or has spaces or a plus sign.
    #[error("a key name has 1 to 255 bytes, no spaces and no plus sign")]
    KeyName,
}

/// Why a note is not to be believed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// No signature is by a known key.
    #[error("the note is not signed by any known key")]
    Unverified,
    /// A signature claims to be by a known key and is not.
    #[error("the signature of {name} on the note does not verify")]
    Invalid {
        /// The name of the key.
        name: String,
    },
}

/// A text and its signatures. `Display` is the exact text of the note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One signature line. `Display` is the line without its newline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    name: String,
    key_id: u32,
    body: Vec<u8>,
}

/// A signature that was verified, with the key that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified<'a> {
    /// The key.
    pub key: &'a VerifierKey,
    /// The signature.
    pub signature: &'a NoteSignature,
}

impl Note {
    /// A note without signatures yet.
    ///
    /// # Errors
    /// When the text does not end in a newline, has control characters, or is too long.
    pub fn new(text: impl Into<String>) -> Result<Note, NoteError> {
        let text = text.into();
        check_text(&text)?;
        if !text.ends_with('\n') {
            return Err(NoteError::NoNewline);
        }
        limit("lines", text.bytes().filter(|&byte| byte == b'\n').count(), MAX_TEXT_LINES)?;
        Ok(Note { text, signatures: Vec::new() })
    }

    /// Reads a note. It is not verified by that.
    ///
    /// # Errors
    /// When it is malformed in any line, or above a limit of this module.
    pub fn parse(bytes: &[u8]) -> Result<Note, NoteError> {
        limit("bytes", bytes.len(), MAX_NOTE)?;
        let whole = core::str::from_utf8(bytes).map_err(|_| NoteError::NotText)?;
        let text_end = whole.rfind("\n\n").ok_or(NoteError::Unsigned)? + 1;
        let lines = whole[text_end + 1..].strip_suffix('\n').ok_or(NoteError::Unsigned)?;
        limit("signatures", lines.split('\n').count(), MAX_SIGNATURES)?;
        let mut note = Note::new(&whole[..text_end])?;
        for (i, line) in lines.split('\n').enumerate() {
            let signature = line.parse().map_err(|_| NoteError::SignatureLine(i + 1))?;
            note.signatures.push(signature);
        }
        Ok(note)
    }

    /// The text, with its final newline: the bytes that are signed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, in their order, verified or not.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Adds a signature line at the end.
    ///
    /// # Errors
    /// When there are [`MAX_SIGNATURES`] already.
    pub fn add(&mut self, signature: NoteSignature) -> Result<(), NoteError> {
        limit("signatures", self.signatures.len() + 1, MAX_SIGNATURES)?;
        self.signatures.push(signature);
        Ok(())
    }

    /// Verifies the signatures of the given keys and returns them, in the order of the note. Signatures of other
    /// keys are ignored. Costs one Ed25519 verification for each signature that names one of the keys.
    ///
    /// # Errors
    /// When one of those does not verify, or there is none.
    pub fn verify<'a>(
        &'a self,
        keys: impl IntoIterator<Item = &'a VerifierKey>,
    ) -> Result<Vec<Verified<'a>>, VerifyError> {
        let keys: Vec<_> = keys.into_iter().collect();
        let mut verified = Vec::new();
        for signature in &self.signatures {
            let mut known = keys.iter().filter(|key| key.made(signature)).peekable();
            if known.peek().is_none() {
                continue;
            }
            match known.find(|key| key.verify(&self.text, &signature.body)) {
                Some(key) => verified.push(Verified { key, signature }),
                None => return Err(VerifyError::Invalid { name: signature.name.clone() }),
            }
        }
        if verified.is_empty() { Err(VerifyError::Unverified) } else { Ok(verified) }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

impl NoteSignature {
    /// A signature line.
    ///
    /// # Errors
    /// When the name cannot be a key name, or the body is empty.
    pub fn new(name: impl Into<String>, key_id: u32, body: Vec<u8>) -> Result<NoteSignature, NoteError> {
        let name = name.into();
        if !is_name(&name) {
            return Err(NoteError::KeyName);
        }
        if body.is_empty() { Err(NoteError::Unsigned) } else { Ok(NoteSignature { name, key_id, body }) }
    }

    /// The name of the key.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id of the key.
    pub fn key_id(&self) -> u32 {
        self.key_id
    }

    /// What follows the key id: for type 0x01 the signature alone, for 0x04 and 0x05 a timestamp before it.
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

impl FromStr for NoteSignature {
    type Err = NoteError;

    fn from_str(line: &str) -> Result<NoteSignature, NoteError> {
        let malformed = NoteError::SignatureLine(1);
        limit("bytes", line.len(), MAX_NOTE)?;
        let (name, base64) = line.strip_prefix(DASH).and_then(|l| l.split_once(' ')).ok_or(malformed)?;
        let bytes = Base64::decode_vec(base64).map_err(|_| malformed)?;
        let (key_id, body) = bytes.split_first_chunk().ok_or(malformed)?;
        NoteSignature::new(name, u32::from_be_bytes(*key_id), body.to_vec())
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.key_id.to_be_bytes(), self.body.as_slice()].concat();
        write!(f, "{DASH}{} {}", self.name, Base64::encode_string(&bytes))
    }
}

fn is_name(name: &str) -> bool {
    let wrong = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    !name.is_empty() && name.len() <= MAX_NAME && !name.contains(wrong)
}

fn check_text(text: &str) -> Result<(), NoteError> {
    limit("bytes", text.len(), MAX_NOTE)?;
    if text.bytes().any(|byte| byte < b' ' && byte != b'\n') { Err(NoteError::NotText) } else { Ok(()) }
}

fn limit(what: &'static str, found: usize, limit: usize) -> Result<(), NoteError> {
    if found > limit { Err(NoteError::TooLarge { what, found, limit }) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
