//! The log's secrets on disk: one file each, readable by the log's user alone.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use p256::ecdsa::SigningKey;
use p256::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey, LineEnding};
use rand_core::{OsRng, RngCore};
use zeroize::Zeroizing;

use super::signatures::SctSigner;
use super::signer::CheckpointSigner;
use crate::client::secret_file::{self, SecretFileError};
use crate::commitment::OpeningSecret;
use crate::entry::Parameters;
use crate::index::Generation;
use crate::label::LabelKey;
use crate::note::{KeyType, Signer};
use crate::sct::SctKey;

const CHECKPOINT: &str = "checkpoint.key";
const SCT: &str = "sct.key";
const LABEL: &str = "label.key";
const OPENING: &str = "opening.key";
/// The file of the key that a mirror cosigns with, in its folder of keys.
pub const VERIFIER: &str = "verifier.key";

/// The secrets of a log, read and checked. Their memory is wiped when they are dropped.
pub struct Keys {
    /// Signs checkpoints; its name is the origin.
    pub checkpoint: Signer,
    /// Signs SCTs.
    pub sct: SctSigner,
    /// Signs tree heads: the same key as `sct`.
    pub tree_head: SigningKey,
    /// SubjectPublicKeyInfo of the SCT key.
    pub sct_spki: Vec<u8>,
    /// Labels numbers.
    pub label: LabelKey,
    /// Makes openings and certificate ids.
    pub opening: OpeningSecret,
}

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// Making the folder failed.
    #[error("{}: {error}", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// What failed.
        #[source]
        error: io::Error,
    },
    /// Reading or writing a file failed, or others than its owner can read it.
    #[error(transparent)]
    File(#[from] SecretFileError),
    /// The log exists and a key of it is gone.
    #[error(
        "{} is missing, and this log cannot go on without it: restore it from a backup. A new key would make another log",
        .0.display()
    )]
    Missing(PathBuf),
    /// The file holds no such key.
    #[error("{} does not hold the key that belongs there: restore it from a backup", .0.display())]
    Malformed(PathBuf),
    /// The checkpoint key is of another origin than the configuration.
    #[error("{} is the key of the origin {key}, and the configuration says {configured}", path.display())]
    Origin {
        /// The file.
        path: PathBuf,
        /// The name of the key.
        key: String,
        /// The origin of the configuration.
        configured: String,
    },
}

impl Keys {
    /// Makes the keys of a new log in `folder`, with mode 0700, the files with 0600. Keys that are there already stay.
    ///
    /// # Errors
    /// [`KeysError::Io`].
    pub fn create(folder: &Path, origin: &str) -> Result<(), KeysError> {
        let io = |error| KeysError::Io { path: folder.to_owned(), error };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io)?;
        write_new(&folder.join(CHECKPOINT), || new_signer(origin))?;
        write_new(&folder.join(SCT), || {
            SigningKey::random(&mut OsRng).to_pkcs8_pem(LineEnding::LF).expect("a P-256 key encodes")
        })?;
        write_new(&folder.join(LABEL), || Zeroizing::new(format!("{}\n", *to_hex(&random()))))?;
        write_new(&folder.join(OPENING), || Zeroizing::new(format!("{}\n", *to_hex(&random()))))?;
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)
    }

    /// Reads the keys of a log.
    ///
    /// # Errors
    /// [`KeysError`].
    pub fn read(folder: &Path, origin: &str) -> Result<Self, KeysError> {
        let checkpoint = read_signer(folder, CHECKPOINT, origin)?;
        let tree_head = parse(folder, SCT, |text| SigningKey::from_pkcs8_pem(text).ok())?;
        let pkcs8 = tree_head.to_pkcs8_der().expect("a P-256 key encodes");
        let sct = SctSigner::from_pkcs8(pkcs8.as_bytes()).expect("ring reads the key that p256 wrote");
        let spki = tree_head.verifying_key().to_public_key_der().expect("a P-256 key encodes");
        let seed = parse(folder, LABEL, |text| from_hex(text.trim_end()))?;
        let opening = parse(folder, OPENING, |text| from_hex(text.trim_end()))?;
        Ok(Keys {
            checkpoint,
            sct,
            sct_spki: spki.as_bytes().to_vec(),
            tree_head,
            label: LabelKey::from_seed(&seed),
            opening: OpeningSecret::new(*opening),
        })
    }

    /// The public keys, as leaf 0 shows them.
    pub fn parameters(&self) -> Parameters {
        Parameters {
            origin: self.checkpoint.verifier_key().name().to_owned(),
            sct_key: self.sct_spki.clone(),
            label_key: self.label.public().to_bytes(),
        }
    }

    /// What signs the trees of the entry log.
    pub fn checkpoint_signer(&self) -> CheckpointSigner {
        let public = SctKey::from_spki(&self.sct_spki).expect("the SCT key is a P-256 key");
        CheckpointSigner::with_tree_heads(self.checkpoint.clone(), self.tree_head.clone(), public)
    }
}

/// Where the key of an index log is.
pub fn index_key_path(folder: &Path, generation: Generation) -> PathBuf {
    folder.join(format!("{}.key", generation.file_stem()))
}

/// Makes the key of an index log of the log `origin` that has signed nothing yet. A key that is there already stays.
///
/// # Errors
/// [`KeysError::Io`].
pub fn create_index_key(folder: &Path, origin: &str, generation: Generation) -> Result<(), KeysError> {
    write_new(&index_key_path(folder, generation), || new_signer(&generation.origin(origin)))?;
    let sync = File::open(folder).and_then(|folder| folder.sync_all());
    sync.map_err(|error| KeysError::Io { path: folder.to_owned(), error })
}

/// Reads the key of an index log of the log `origin`.
///
/// # Errors
/// [`KeysError`].
pub fn read_index_key(folder: &Path, origin: &str, generation: Generation) -> Result<Signer, KeysError> {
    read_signer(folder, &format!("{}.key", generation.file_stem()), &generation.origin(origin))
}

/// Makes the key that a mirror cosigns index logs with, and the folder for it. A key that is there already stays.
///
/// # Errors
/// [`KeysError::Io`].
pub fn create_verifier_key(folder: &Path, name: &str) -> Result<(), KeysError> {
    let io = |error| KeysError::Io { path: folder.to_owned(), error };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io)?;
    write_new(&folder.join(VERIFIER), || new_key(name, KeyType::Cosignature))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)
}

/// Reads the key that a mirror cosigns with.
///
/// # Errors
/// [`KeysError`].
pub fn read_verifier_key(folder: &Path, name: &str) -> Result<Signer, KeysError> {
    let signer = read_signer(folder, VERIFIER, name)?;
    let cosigns = signer.verifier_key().key_type() == KeyType::Cosignature;
    if cosigns { Ok(signer) } else { Err(KeysError::Malformed(folder.join(VERIFIER))) }
}

fn new_signer(origin: &str) -> Zeroizing<String> {
    new_key(origin, KeyType::Ed25519)
}

fn new_key(name: &str, key_type: KeyType) -> Zeroizing<String> {
    let signer = Signer::new(name, key_type, &random()).expect("an origin is a key name");
    Zeroizing::new(format!("{}\n", *signer.to_private_key()))
}

fn read_signer(folder: &Path, file: &str, origin: &str) -> Result<Signer, KeysError> {
    let signer = parse(folder, file, |text| Signer::parse(text.trim_end()).ok())?;
    let name = signer.verifier_key().name();
    if name == origin {
        return Ok(signer);
    }
    let (path, key, configured) = (folder.join(file), name.to_owned(), origin.to_owned());
    Err(KeysError::Origin { path, key, configured })
}

fn random() -> Zeroizing<[u8; 32]> {
    let mut bytes = Zeroizing::new([0; 32]);
    OsRng.fill_bytes(&mut *bytes);
    bytes
}

fn to_hex(bytes: &[u8; 32]) -> Zeroizing<String> {
    Zeroizing::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn from_hex(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut bytes = Zeroizing::new([0; 32]);
    let digits = text.as_bytes().as_chunks::<2>().0;
    if text.len() != 64 || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// Writes a new file; an existing one stays as it is.
fn write_new(path: &Path, content: impl FnOnce() -> Zeroizing<String>) -> Result<(), KeysError> {
    if !path.exists() {
        secret_file::write_new(path, content().as_bytes())?;
    }
    Ok(())
}

fn parse<T>(folder: &Path, name: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<T, KeysError> {
    let path = folder.join(name);
    let bytes = match secret_file::read(&path) {
        Err(error) if error.is_missing() => return Err(KeysError::Missing(path)),
        read => read?,
    };
    std::str::from_utf8(&bytes).ok().and_then(read).ok_or(KeysError::Malformed(path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        (folder, path)
    }

    #[test]
    fn keys_are_made_once_and_read_again() {
        let (_folder, path) = folder();
        Keys::create(&path, "example.com/log").unwrap();
        let first = Keys::read(&path, "example.com/log").unwrap().parameters();
        Keys::create(&path, "example.com/log").unwrap();
        assert_eq!(Keys::read(&path, "example.com/log").unwrap().parameters(), first);
        for name in [CHECKPOINT, SCT, LABEL, OPENING] {
            assert_eq!(fs::metadata(path.join(name)).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn what_is_missing_open_to_others_damaged_or_of_another_log_is_refused() {
        let (_folder, path) = folder();
        for name in [CHECKPOINT, SCT, LABEL, OPENING] {
            let file = path.join(name);
            Keys::create(&path, "example.com/log").unwrap();
            let read = || Keys::read(&path, "example.com/log").err();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
            let open = |error| match error {
                Some(KeysError::File(SecretFileError::Permissions { path, mode: 0o640 })) => path == file,
                _ => false,
            };
            assert!(open(read()));
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
            fs::write(&file, "zz").unwrap();
            assert!(matches!(read(), Some(KeysError::Malformed(p)) if p == file));
            fs::remove_file(&file).unwrap();
            assert!(matches!(read(), Some(KeysError::Missing(p)) if p == file));
        }
        Keys::create(&path, "example.com/log").unwrap();
        assert!(matches!(Keys::read(&path, "example.com/other").err(), Some(KeysError::Origin { .. })));
    }
}
