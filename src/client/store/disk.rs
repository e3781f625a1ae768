//! Objects as files of a folder, which any static web server can serve.

use std::collections::BTreeSet;
use std::fs::{self, File, FileType};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ObjectStore;

/// How many files are synced at the same time, and how many one after the other where there are no more.
const SYNCS: usize = 8;

/// A folder of files.
///
/// [`put`](ObjectStore::put) writes a temporary file and renames it, so that a reader sees a whole object or none.
/// [`sync`](ObjectStore::sync) costs one fsync for each object and one for each folder that they are in; the first time
/// below a folder, which may be new, also one for what that folder is in; eight at the same time where there are more. Folders directly in the root stay when they
/// are empty, and are known to be durable once the store is open: what lies in them is synced with two fsyncs.
///
/// After a loss of power an object that was put and not synced may be absent, empty or cut on ext4 and XFS alike: the
/// rename can reach the disk before the bytes do.
pub struct DiskStore {
    root: PathBuf,
    temporary: AtomicU64,
    /// Folders whose own name is durable. Of all others that is not known: an earlier process may have made them.
    durable: Mutex<BTreeSet<PathBuf>>,
}

impl DiskStore {
    /// The store in `root`, which is made when it is not there.
    ///
    /// # Errors
    /// When the folder cannot be made or written.
    pub fn open(root: &Path) -> io::Result<Self> {
        make_durable_folder(root)?;
        let mut durable = BTreeSet::new();
        for entry in fs::read_dir(root)? {
            durable.insert(entry?.path());
        }
        File::open(root)?.sync_all()?;
        let (temporary, durable) = (AtomicU64::new(0), Mutex::new(durable));
        Ok(DiskStore { root: root.to_owned(), temporary, durable })
    }

    /// The same, in a folder that others than its owner cannot enter.
    ///
    /// # Errors
    /// As [`open`](DiskStore::open).
    pub fn open_private(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        fs::set_permissions(root, fs::Permissions::from_mode(0o700))?;
        DiskStore::open(root)
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The path of an object. No name may lead out of the folder, or to a file that is being written.
    fn path(&self, name: &str) -> io::Result<PathBuf> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let good =
            |element: &str| !element.is_empty() && !element.starts_with('.') && element.bytes().all(plain);
        if name.split('/').all(good) {
            Ok(self.root.join(name))
        } else {
            Err(io::Error::new(ErrorKind::InvalidInput, "this is no name of an object"))
        }
    }

    fn durable(&self) -> std::sync::MutexGuard<'_, BTreeSet<PathBuf>> {
        self.durable.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn entries(&self, folder: &str, wanted: impl Fn(FileType) -> bool) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.path(folder)?) {
            Ok(entries) => entries,
            Err(error) if absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.') && wanted(entry.file_type()?) {
                names.push(format!("{folder}/{name}"));
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// The folders of a set, and those above them, whose names may not be durable.
    fn doubtful<'a>(&self, folders: &'a BTreeSet<PathBuf>) -> BTreeSet<&'a Path> {
        let durable = self.durable();
        let below = |folder: &'a PathBuf| folder.ancestors().take_while(|folder| *folder != self.root);
        folders.iter().flat_map(below).filter(|folder| !durable.contains(*folder)).collect()
    }
}

impl ObjectStore for DiskStore {
    fn put(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(name)?;
        let folder = path.parent().expect("an object lies below the root");
        let number = self.temporary.fetch_add(1, Ordering::Relaxed);
        let temporary = folder.join(format!(".{number}.tmp"));
        let write = || fs::write(&temporary, bytes).and_then(|()| fs::rename(&temporary, &path));
        let missing = |error: &io::Error| error.kind() == ErrorKind::NotFound;
        let result = match write() {
            Err(error) if missing(&error) => fs::create_dir_all(folder).and_then(|()| write()),
            other => other,
        };
        if result.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        result
    }

    fn sync(&self, names: &[&str]) -> io::Result<()> {
        let paths = names.iter().map(|name| self.path(name)).collect::<io::Result<BTreeSet<_>>>()?;
        let parent = |path: &PathBuf| path.parent().expect("an object lies below the root").to_owned();
        let folders: BTreeSet<_> = paths.iter().map(parent).collect();
        let doubtful = self.doubtful(&folders);
        let parents = doubtful.iter().filter_map(|folder| folder.parent());
        let folders_and_parents: BTreeSet<&Path> =
            folders.iter().map(PathBuf::as_path).chain(parents).collect();
        let all: Vec<&Path> = paths.iter().map(PathBuf::as_path).chain(folders_and_parents).collect();
        sync_all(&all)?;
        self.durable().extend(doubtful.into_iter().map(Path::to_owned));
        Ok(())
    }

    fn get(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.path(name)?) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn delete(&self, name: &str) -> io::Result<()> {
        let path = self.path(name)?;
        match fs::remove_file(&path) {
            Err(error) if !absent(&error) => return Err(error),
            _ => {}
        }
        let folder = path.parent().expect("an object lies below the root");
        if folder != self.root && folder.parent() != Some(&*self.root) {
            self.durable().remove(folder);
            // Removes it when it is empty, and only then.
            let _ = fs::remove_dir(folder);
        }
        Ok(())
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.entries(folder, |kind| kind.is_file())
    }

    fn folders(&self, folder: &str) -> io::Result<Vec<String>> {
        self.entries(folder, |kind| kind.is_dir())
    }
}

/// Makes a folder and those above it, durably.
fn make_durable_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_durable_folder(parent)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    File::open(parent)?.sync_all()
}

/// Syncs files and folders, several at once: a disk that is asked so makes them durable in the time of a few.
fn sync_all(paths: &[&Path]) -> io::Result<()> {
    let sync = |paths: &[&Path]| paths.iter().try_for_each(|path| File::open(path)?.sync_all());
    if paths.len() <= SYNCS {
        return sync(paths);
    }
    std::thread::scope(|scope| {
        let parts = paths.chunks(paths.len().div_ceil(SYNCS));
        let threads: Vec<_> = parts.map(|part| scope.spawn(move || sync(part))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("syncing does not panic"))
    })
}

/// A folder where a file is asked for, or a file where a folder is, is no object either.
fn absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, DiskStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = DiskStore::open(&folder.path().join("objects")).unwrap();
        (folder, store)
    }

    #[test]
    fn an_object_is_put_listed_and_deleted() {
        let (_folder, store) = store();
        store.put("tile/0/000.p/1", b"one").unwrap();
        store.put("tile/0/000.p/2", b"two").unwrap();
        store.put("tile/0/000.p/2", b"two").unwrap();
        store.sync(&["tile/0/000.p/1", "tile/0/000.p/2"]).unwrap();
        assert_eq!(store.get("tile/0/000.p/1").unwrap().as_deref(), Some(&b"one"[..]));
        assert_eq!(store.list("tile/0/000.p").unwrap(), ["tile/0/000.p/1", "tile/0/000.p/2"]);
        assert_eq!(store.list("nothing").unwrap(), [""; 0]);
        store.delete("tile/0/000.p/1").unwrap();
        store.delete("tile/0/000.p/1").unwrap();
        store.delete("tile/0/000.p/2").unwrap();
        assert_eq!(store.get("tile/0/000.p/1").unwrap(), None);
        assert_eq!(store.get("tile/0").unwrap(), None, "a folder is no object");
        assert!(!store.root().join("tile/0/000.p").exists(), "an empty folder is removed");
    }

    /// Fails when `delete` also removes the folders directly below the root: a round that makes the folder of staging
    /// again has to sync the folder above it too.
    #[test]
    fn the_folder_of_staging_stays() {
        let (_folder, store) = store();
        store.put("staging/1", b"one").unwrap();
        store.delete("staging/1").unwrap();
        assert!(store.root().join("staging").is_dir());
    }

    #[test]
    fn no_name_leads_out_of_the_folder_or_to_a_temporary_file() {
        let (_folder, store) = store();
        for name in
            ["", "/", "../x", "a/../x", "a//b", "/etc/passwd", ".1.tmp", "a/.1.tmp", "a\0b", "a b", "ä"]
        {
            assert!(store.put(name, b"").is_err(), "{name:?} was put");
            assert!(store.get(name).is_err(), "{name:?} was got");
            assert!(store.list(name).is_err(), "{name:?} was listed");
        }
    }

    /// Fails when a folder that is there is taken for durable: the process that made it may have been killed before it was.
    #[test]
    fn a_folder_of_an_earlier_process_is_not_believed() {
        let (_folder, store) = store();
        store.put("tile/0/x001/000", b"tile").unwrap();
        store.put("staging/1", b"round").unwrap();
        let store = DiskStore::open(store.root()).unwrap();
        let doubtful = |name: &str| {
            let folders = BTreeSet::from([store.path(name).unwrap().parent().unwrap().to_owned()]);
            store.doubtful(&folders).len()
        };
        assert_eq!(doubtful("tile/0/x001/000"), 2, "all but the folder in the root, which opening synced");
        assert_eq!(doubtful("staging/1"), 0);
        store.sync(&["tile/0/x001/000"]).unwrap();
        assert_eq!(doubtful("tile/0/x001/000"), 0);
        store.delete("staging/1").unwrap();
        assert!(store.root().join("staging").exists(), "a folder in the root stays");
        store.delete("tile/0/x001/000").unwrap();
        assert_eq!(doubtful("tile/0/x001/000"), 1, "a folder that was removed is made again");
    }

    #[test]
    fn what_is_not_there_cannot_be_made_durable() {
        let (_folder, store) = store();
        assert!(store.sync(&["tile/0/000"]).is_err());
    }
}
