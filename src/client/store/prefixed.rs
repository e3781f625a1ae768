//! A part of a store: all names below one folder.

use std::io;
use std::sync::Arc;

use super::ObjectStore;

/// The objects of another store whose names begin with a folder, under the rest of their names.
pub struct PrefixedStore {
    store: Arc<dyn ObjectStore>,
    prefix: String,
}

impl PrefixedStore {
    /// The objects of `store` in `folder`.
    pub fn new(store: Arc<dyn ObjectStore>, folder: &str) -> Self {
        PrefixedStore { store, prefix: format!("{folder}/") }
    }

    fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn stripped(&self, names: Vec<String>) -> Vec<String> {
        names.iter().filter_map(|name| name.strip_prefix(&self.prefix)).map(str::to_owned).collect()
    }
}

impl ObjectStore for PrefixedStore {
    fn put(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.store.put(&self.name(name), bytes)
    }

    fn sync(&self, names: &[&str]) -> io::Result<()> {
        let names: Vec<String> = names.iter().map(|name| self.name(name)).collect();
        self.store.sync(&names.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn get(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        self.store.get(&self.name(name))
    }

    fn delete(&self, name: &str) -> io::Result<()> {
        self.store.delete(&self.name(name))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        Ok(self.stripped(self.store.list(&self.name(folder))?))
    }

    fn folders(&self, folder: &str) -> io::Result<Vec<String>> {
        Ok(self.stripped(self.store.folders(&self.name(folder))?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::DiskStore;
    use super::*;

    #[test]
    fn names_are_those_below_the_folder_and_nothing_else_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let whole = Arc::new(DiskStore::open(folder.path()).unwrap());
        let part = PrefixedStore::new(whole.clone(), "index");
        whole.put("checkpoint", b"outside").unwrap();
        part.put("tile/0/000.p/1", b"one").unwrap();
        part.sync(&["tile/0/000.p/1"]).unwrap();
        assert_eq!(part.get("checkpoint").unwrap(), None);
        assert_eq!(whole.get("index/tile/0/000.p/1").unwrap().as_deref(), Some(&b"one"[..]));
        assert_eq!(part.list("tile/0/000.p").unwrap(), ["tile/0/000.p/1"]);
        assert_eq!(part.folders("tile").unwrap(), ["tile/0"]);
        part.delete("tile/0/000.p/1").unwrap();
        assert_eq!(whole.get("index/tile/0/000.p/1").unwrap(), None);
    }
}
