//! The copy of a log that was verified, in a folder that any static web server could serve: of a mirror, and of a monitor.

use std::io;
use std::sync::Arc;

use super::follow::Object;
use super::store::ObjectStore;
use crate::bundle;
use crate::certificate::Certificate;
use crate::chain_item::issuer_path;
use crate::index::Generation;
use crate::tile::{FULL_WIDTH, Kind, TilePath};

/// Keeps what a follower hands out.
#[derive(Clone)]
pub struct LogCopy {
    store: Arc<dyn ObjectStore>,
}

impl LogCopy {
    /// In this store.
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        LogCopy { store }
    }

    /// Where it is.
    pub fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// Stores objects, durably.
    ///
    /// # Errors
    /// Those of the store.
    pub fn keep(&self, objects: &[Object]) -> io::Result<()> {
        for (name, bytes) in objects {
            self.store.put(name, bytes)?;
        }
        let names: Vec<&str> = objects.iter().map(|(name, _)| name.as_str()).collect();
        self.store.sync(&names)?;
        names.into_iter().try_for_each(|name| self.drop_partial(name))
    }

    /// A full tile takes the place of the partial ones, which are cut from it when they are asked for.
    fn drop_partial(&self, name: &str) -> io::Result<()> {
        let path = Generation::FIRST.path() + "/";
        let tile = name.strip_prefix(&path).unwrap_or(name).parse::<TilePath>();
        if tile.is_ok_and(|tile| !tile.is_partial()) {
            for partial in self.store.list(&format!("{name}.p"))? {
                self.store.delete(&partial)?;
            }
        }
        Ok(())
    }

    /// The entries of a bundle, [`Kind::Entries`] or [`Kind::Chains`], as many as are kept; none when there is no such bundle.
    ///
    /// # Errors
    /// Those of the store, and when the bundle is damaged.
    pub fn bundle(&self, kind: Kind, index: u64) -> io::Result<Vec<Vec<u8>>> {
        let Some((width, bytes)) = self.widest(kind, index)? else { return Ok(Vec::new()) };
        let entries = bundle::entries(&bytes, width).map_err(io::Error::other)?;
        Ok(entries.map(<[u8]>::to_vec).collect())
    }

    /// One leaf, or the item beside it; none when it is not kept. Reads the bundle that it is in.
    ///
    /// # Errors
    /// As [`bundle`](Self::bundle).
    pub fn item(&self, kind: Kind, index: u64) -> io::Result<Option<Vec<u8>>> {
        let full = u64::from(FULL_WIDTH);
        let Some((width, bytes)) = self.widest(kind, index / full)? else { return Ok(None) };
        let mut entries = bundle::entries(&bytes, width).map_err(io::Error::other)?;
        Ok(entries.nth((index % full) as usize).map(<[u8]>::to_vec))
    }

    /// The bytes of a bundle that is full, or else of the widest partial one.
    fn widest(&self, kind: Kind, index: u64) -> io::Result<Option<(u16, Vec<u8>)>> {
        let full = TilePath { kind, index, width: FULL_WIDTH };
        if let Some(bytes) = self.store.get(&full.to_string())? {
            return Ok(Some((FULL_WIDTH, bytes)));
        }
        let partial = self.store.list(&format!("{full}.p"))?;
        let widths = partial.iter().filter_map(|name| name.parse::<TilePath>().ok());
        let Some(widest) = widths.max_by_key(|path| path.width) else { return Ok(None) };
        Ok(self.store.get(&widest.to_string())?.map(|bytes| (widest.width, bytes)))
    }

    /// The CA certificate with this SHA-256, if it is kept.
    ///
    /// # Errors
    /// Those of the store.
    pub fn issuer(&self, fingerprint: &[u8; 32]) -> io::Result<Option<Certificate>> {
        let found = self.store.get(&issuer_path(fingerprint))?;
        Ok(found.and_then(|der| Certificate::from_der(der).ok()))
    }
}
