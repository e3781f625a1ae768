//! A folder of PEM files that says whom the log accepts, read again when it changes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use crate::client::whole_file;

/// Why such a folder is not usable.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Reading or writing failed.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What failed.
        #[source]
        error: io::Error,
    },
    /// A file is not what belongs there.
    #[error("{}: {why}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: &'static str,
    },
}

/// Adds a file that is named after the first half of `hash`, durably; gives its path.
///
/// # Errors
/// [`FolderError::Io`].
pub fn add(folder: &Path, hash: &[u8; 32], text: &str) -> Result<PathBuf, FolderError> {
    let hex: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let path = folder.join(format!("{hex}.pem"));
    let write = || {
        fs::create_dir_all(folder)?;
        whole_file::replace(&path, text.as_bytes(), whole_file::READABLE)
    };
    write().map_err(|error| FolderError::Io { path: path.clone(), error })?;
    Ok(path)
}

/// Reads every `.pem` file of the folder, in the order of their names; none when there is no folder.
///
/// # Errors
/// [`FolderError`].
pub fn read<T>(
    folder: &Path,
    parse: impl Fn(&str) -> Result<T, &'static str>,
) -> Result<Vec<(PathBuf, T)>, FolderError> {
    let mut items = Vec::new();
    for (path, _) in files(folder)? {
        let text =
            fs::read_to_string(&path).map_err(|error| FolderError::Io { path: path.clone(), error })?;
        let item = parse(&text).map_err(|why| FolderError::Malformed { path: path.clone(), why })?;
        items.push((path, item));
    }
    Ok(items)
}

/// Files and when they were changed: what tells that the folder must be read again.
type Listing = Vec<(PathBuf, Option<SystemTime>)>;

fn files(folder: &Path) -> Result<Listing, FolderError> {
    let list = || {
        let mut files = Listing::new();
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(files),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let path = entry.path();
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if !hidden && path.extension().is_some_and(|extension| extension == "pem") {
                files.push((path, entry.metadata()?.modified().ok()));
            }
        }
        files.sort();
        Ok(files)
    };
    list().map_err(|error| FolderError::Io { path: folder.to_owned(), error })
}

/// What a folder says, as a running log knows it.
pub struct PemFolder<T> {
    folder: PathBuf,
    current: RwLock<(Listing, Arc<T>)>,
}

impl<T: Default> PemFolder<T> {
    /// A folder that was not read yet.
    pub fn new(folder: &Path) -> Self {
        PemFolder { folder: folder.to_owned(), current: RwLock::default() }
    }

    /// What it says.
    pub fn current(&self) -> Arc<T> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// Reads the folder again if it changed; says whether it did.
    ///
    /// # Errors
    /// [`FolderError`]; what it says then stays what it was.
    pub fn refresh(&self, read: impl FnOnce(&Path) -> Result<T, FolderError>) -> Result<bool, FolderError> {
        let listing = files(&self.folder)?;
        if self.current.read().unwrap_or_else(PoisonError::into_inner).0 == listing {
            return Ok(false);
        }
        let read = Arc::new(read(&self.folder)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = (listing, read);
        Ok(true)
    }
}
