//! Files with secrets: private keys, and what signs alerts. Only their owner can read them, and they are there whole or not at all.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::whole_file;

/// The longest secret that is read, in bytes.
pub const MAX_SECRET: u64 = 64 << 10;

/// Why a secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// Reading or writing failed.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What failed.
        #[source]
        error: io::Error,
    },
    /// Others than its owner can read the file.
    #[error(
        "{} can be read by others than its owner (mode {mode:04o}): chmod 600 it, and think about who has read it",
        path.display()
    )]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

impl SecretFileError {
    /// Whether there is no such file.
    pub fn is_missing(&self) -> bool {
        matches!(self, SecretFileError::Io { error, .. } if error.kind() == io::ErrorKind::NotFound)
    }
}

/// Reads a secret of at most [`MAX_SECRET`] bytes. The bytes are wiped when they are dropped.
///
/// # Errors
/// [`SecretFileError`]: also when group or others may read, write or run the file, before a byte of it is read.
pub fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, SecretFileError> {
    let io = |error| SecretFileError::Io { path: path.to_owned(), error };
    let file = File::open(path).map_err(io)?;
    let facts = file.metadata().map_err(io)?;
    let mode = facts.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(SecretFileError::Permissions { path: path.to_owned(), mode });
    }
    // Room for all of it at once: a vector that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(facts.len().min(MAX_SECRET) as usize + 1));
    file.take(MAX_SECRET + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > MAX_SECRET {
        return Err(io(io::Error::new(io::ErrorKind::InvalidData, "it is too long for a secret")));
    }
    Ok(bytes)
}

/// Writes a new file that only its owner can read, durably, whole or not at all. False when there is one already, which stays
/// as it is.
///
/// # Errors
/// [`SecretFileError::Io`].
pub fn write_new(path: &Path, secret: &[u8]) -> Result<bool, SecretFileError> {
    let io = |error| SecretFileError::Io { path: path.to_owned(), error };
    whole_file::create(path, secret, whole_file::PRIVATE).map_err(io)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn a_secret_is_its_owners_alone_and_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        assert!(read(&path).unwrap_err().is_missing());
        assert!(write_new(&path, b"first").unwrap());
        assert!(!write_new(&path, b"second").unwrap());
        assert_eq!((mode(&path), &**read(&path).unwrap()), (0o600, &b"first"[..]));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "something else is left");
    }

    #[test]
    fn what_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        write_new(&path, b"secret").unwrap();
        for open in [0o640, 0o604, 0o620, 0o601, 0o666] {
            fs::set_permissions(&path, fs::Permissions::from_mode(open)).unwrap();
            let error = read(&path).unwrap_err();
            assert!(matches!(error, SecretFileError::Permissions { mode, .. } if mode == open), "{error}");
            assert!(!error.to_string().contains("secret file"));
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        assert!(read(&path).is_ok());
    }
}
