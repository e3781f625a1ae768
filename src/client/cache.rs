//! Tiles that were fetched once: they never change, so nobody fetches one twice.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::source::{Source, SourceError};

/// Bytes of tiles that are kept; when they are more, all are dropped.
const MAX_KEPT: usize = 32 << 20;

/// A source whose tiles and bundles are kept in memory. Clones share them.
#[derive(Clone, Debug)]
pub struct Cached<S> {
    source: S,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    bytes: usize,
    tiles: HashMap<String, Bytes>,
}

impl<S> Cached<S> {
    /// Keeps nothing yet.
    pub fn new(source: S) -> Self {
        Cached { source, kept: Arc::default() }
    }

    /// Drops what is kept, as when something of it turned out to be damaged.
    pub fn forget(&self) {
        *self.kept() = Kept::default();
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, path: &str, bytes: &Bytes) {
        let mut kept = self.kept();
        if kept.bytes + bytes.len() > MAX_KEPT {
            *kept = Kept::default();
        }
        kept.bytes += bytes.len();
        kept.tiles.insert(path.to_owned(), bytes.clone());
    }
}

impl<S: Source> Source for Cached<S> {
    async fn fetch(&self, path: &str, limit: usize) -> Result<Option<Bytes>, SourceError> {
        if !path.split('/').any(|part| part == "tile") {
            return self.source.fetch(path, limit).await;
        }
        let kept = self.kept().tiles.get(path).cloned();
        if let Some(bytes) = kept.filter(|bytes| bytes.len() <= limit) {
            return Ok(Some(bytes));
        }
        let fetched = self.source.fetch(path, limit).await?;
        if let Some(bytes) = &fetched {
            self.keep(path, bytes);
        }
        Ok(fetched)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::source::{Below, Folder};

    #[tokio::test]
    async fn a_tile_is_fetched_once_and_a_checkpoint_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let cached = Cached::new(Folder::new(folder.path()));
        let below = Below::new(cached.clone(), "index");
        write("index/tile/0/000", "old");
        write("checkpoint", "old");
        let fetch = async |path: &str| cached.fetch(path, 10).await.unwrap();
        assert_eq!(below.fetch("tile/0/000", 10).await.unwrap().unwrap(), "old");
        assert_eq!(fetch("checkpoint").await.unwrap(), "old");
        assert_eq!(fetch("tile/0/001").await, None);
        ["index/tile/0/000", "tile/0/001", "checkpoint"].iter().for_each(|name| write(name, "new"));
        assert_eq!(fetch("index/tile/0/000").await.unwrap(), "old");
        assert_eq!(fetch("checkpoint").await.unwrap(), "new");
        assert_eq!(fetch("tile/0/001").await.unwrap(), "new");
        assert!(cached.fetch("index/tile/0/000", 2).await.is_err());
        cached.forget();
        assert_eq!(fetch("index/tile/0/000").await.unwrap(), "new");
    }
}
