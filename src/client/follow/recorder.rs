//! A source that remembers what was read through it: what was checked is then what is kept, byte for byte.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::client::source::{Source, SourceError, fetch_tile};
use crate::tile::{FULL_WIDTH, Kind, TilePath};

/// What the paths of CA certificates begin with.
const ISSUER: &str = "issuer/";
/// The most CA certificates that are remembered from one part to the next; a log with more has them fetched again.
const MAX_ISSUERS: usize = 4096;

/// Reads from another source, and remembers the bundles of a part of the log, the tiles that it reads, and CA certificates.
pub(super) struct Recorder<S> {
    source: Arc<S>,
    bundles: Range<u64>,
    read: Mutex<Recorded>,
    /// CA certificates that earlier parts named: verified, and not fetched again.
    issuers: Issuers,
}

/// CA certificates by their path.
pub(super) type Issuers = Arc<BTreeMap<String, Bytes>>;

/// What was read, by path. It is a source itself.
#[derive(Clone, Default)]
pub(super) struct Recorded(BTreeMap<String, Bytes>);

impl<S: Source> Recorder<S> {
    /// Remembers what is read of the leaves of a range.
    pub(super) fn new(source: &Arc<S>, leaves: &Range<u64>, issuers: Issuers) -> Self {
        let full = u64::from(FULL_WIDTH);
        let bundles = leaves.start / full..leaves.end.div_ceil(full);
        Recorder { source: source.clone(), bundles, read: Mutex::default(), issuers }
    }

    /// What was read.
    pub(super) fn recorded(&self) -> Recorded {
        self.read().clone()
    }

    fn read(&self) -> MutexGuard<'_, Recorded> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a path is of this part. Earlier leaves that a leaf names are read too, and were kept before.
    fn is_ours(&self, path: &str) -> bool {
        match path.parse::<TilePath>() {
            Ok(TilePath { kind: Kind::Hashes(1..), .. }) => true,
            Ok(TilePath { index, .. }) => self.bundles.contains(&index),
            Err(_) => path.starts_with(ISSUER),
        }
    }
}

impl<S: Source> Source for Recorder<S> {
    async fn fetch(&self, path: &str, limit: usize) -> Result<Option<Bytes>, SourceError> {
        if let Some(known) = self.issuers.get(path) {
            return Ok(Some(known.clone()));
        }
        let found = self.source.fetch(path, limit).await?;
        if let Some(bytes) = found.as_ref().filter(|_| self.is_ours(path)) {
            self.read().0.insert(path.to_owned(), bytes.clone());
        }
        Ok(found)
    }
}

impl Source for Recorded {
    async fn fetch(&self, path: &str, _: usize) -> Result<Option<Bytes>, SourceError> {
        Ok(self.0.get(path).cloned())
    }
}

impl Recorded {
    /// A tile or bundle at this width, if it was read.
    pub(super) async fn tile(&self, path: TilePath) -> Option<Bytes> {
        fetch_tile(self, path).await.ok()
    }

    /// The CA certificates that were read.
    pub(super) fn issuers(&self) -> impl Iterator<Item = (&String, &Bytes)> {
        self.0.range(ISSUER.to_owned()..).take_while(|(path, _)| path.starts_with(ISSUER))
    }

    /// The known ones with those that were read, which were verified meanwhile.
    pub(super) fn with_known(&self, known: &Issuers) -> Issuers {
        if self.issuers().next().is_none() {
            return known.clone();
        }
        let new = self.issuers().map(|(path, der)| (path.clone(), der.clone()));
        let kept = if known.len() >= MAX_ISSUERS { BTreeMap::new() } else { (**known).clone() };
        Arc::new(kept.into_iter().chain(new).collect())
    }
}
