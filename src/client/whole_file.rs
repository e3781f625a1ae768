//! Files that are there whole or not at all, also after a crash at any instant.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The permissions of a file for its owner alone.
pub const PRIVATE: u32 = 0o600;

/// The permissions of a file that others may read.
pub const READABLE: u32 = 0o644;

/// Writes a new file with these permissions, durably. False when there is one already, which stays as it is.
///
/// # Errors
/// When that fails; there is then no such file.
pub fn create(path: &Path, bytes: &[u8], permissions: u32) -> io::Result<bool> {
    if path.exists() {
        return Ok(false);
    }
    let new = beside(path, &format!(".{}.new", std::process::id()));
    let written = write(&new, bytes, permissions).and_then(|()| match fs::hard_link(&new, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        linked => linked.map(|()| true),
    });
    let removed = fs::remove_file(&new);
    let is_new = written?;
    removed.and_then(|()| sync_folder(path))?;
    Ok(is_new)
}

/// Writes or replaces a file, with these permissions, durably: at every instant the old or the new one is there. Two that replace
/// one file at the same time must exclude each other.
///
/// # Errors
/// When that fails; the old one is then still there, except that the new one may have taken its place without being durable.
pub fn replace(path: &Path, bytes: &[u8], permissions: u32) -> io::Result<()> {
    let new = beside(path, ".new");
    write(&new, bytes, permissions)?;
    fs::rename(&new, path)?;
    sync_folder(path)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or(OsStr::new("")).to_owned();
    name.push(ending);
    path.with_file_name(name)
}

fn write(path: &Path, bytes: &[u8], permissions: u32) -> io::Result<()> {
    // What a crash left there may have other permissions.
    if let Err(error) = fs::remove_file(path)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(permissions).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn permissions(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_new_file_is_never_an_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        assert!(create(&path, b"first", PRIVATE).unwrap());
        assert!(!create(&path, b"second", READABLE).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(permissions(&path), PRIVATE);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_is_replaced_also_by_one_with_other_permissions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        replace(&path, b"first", READABLE).unwrap();
        replace(&path, b"second", PRIVATE).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(permissions(&path), PRIVATE);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_crash_left_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        for left in [format!("a.{}.new", std::process::id()), "a.new".to_owned()] {
            fs::write(folder.path().join(left), b"hal").unwrap();
        }
        assert!(create(&path, b"whole", PRIVATE).unwrap());
        assert_eq!((permissions(&path), fs::read(&path).unwrap()), (PRIVATE, b"whole".to_vec()));
        replace(&path, b"new", PRIVATE).unwrap();
        assert_eq!((permissions(&path), fs::read(&path).unwrap()), (PRIVATE, b"new".to_vec()));
    }

    #[test]
    fn a_file_that_cannot_be_written_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none").join("a");
        assert!(create(&path, b"x", PRIVATE).is_err());
        assert!(replace(&path, b"x", PRIVATE).is_err());
        assert!(!path.exists());
    }
}
