//! Reads bundles ahead and checks each on whatever thread is free; gives them out in order.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::bundle::{Bundle, Facts};
use super::claims::check_claim;
use super::earlier::EarlierLeaves;
use super::fault::CheckError;
use super::issuers::{IssuerCache, Issuers};
use crate::checkpoint::Checkpoint;
use crate::client::source::{Source, fetch_tile};
use crate::tile::{FULL_WIDTH, Kind, TilePath};

/// Bundles that are fetched and checked at the same time.
const AHEAD: usize = 8;

/// A bundle that is right by itself, and the hash tile that is served for it.
pub(super) struct Checked {
    pub(super) path: TilePath,
    pub(super) facts: Facts,
    pub(super) tile: Bytes,
}

pub(super) struct Pipeline<S> {
    log: Arc<Log<S>>,
    next: u64,
    size: u64,
    running: VecDeque<JoinHandle<Result<Checked, CheckError>>>,
}

/// What the checks of all bundles share.
struct Log<S> {
    source: Arc<S>,
    issuers: IssuerCache<S>,
    earlier: EarlierLeaves<S>,
}

impl<S: Source> Pipeline<S> {
    /// All bundles with leaves from `seen` up to `size`, which the checkpoint covers.
    pub(super) fn new(source: &Arc<S>, seen: u64, size: u64, checkpoint: &Checkpoint) -> Self {
        let next = if seen < size { seen / u64::from(FULL_WIDTH) } else { size.div_ceil(FULL_WIDTH.into()) };
        let log = Log {
            source: source.clone(),
            issuers: IssuerCache::new(source.clone()),
            earlier: EarlierLeaves::new(source.clone(), checkpoint.clone()),
        };
        Pipeline { log: Arc::new(log), next, size, running: VecDeque::new() }
    }

    pub(super) async fn next(&mut self) -> Option<Result<Checked, CheckError>> {
        while self.running.len() < AHEAD
            && let Some(path) = self.advance()
        {
            self.running.push_back(tokio::spawn(check_bundle(self.log.clone(), path)));
        }
        let first = self.running.pop_front()?;
        Some(first.await.expect("checking a bundle does not panic"))
    }

    fn advance(&mut self) -> Option<TilePath> {
        let left = self.size.checked_sub(self.next * u64::from(FULL_WIDTH)).filter(|left| *left > 0)?;
        let path =
            TilePath { kind: Kind::Entries, index: self.next, width: left.min(FULL_WIDTH.into()) as u16 };
        self.next += 1;
        Some(path)
    }
}

impl<S> Drop for Pipeline<S> {
    fn drop(&mut self) {
        self.running.iter().for_each(JoinHandle::abort);
    }
}

async fn check_bundle<S: Source>(log: Arc<Log<S>>, path: TilePath) -> Result<Checked, CheckError> {
    let Log { source, issuers: cache, earlier } = &*log;
    let of = |kind| TilePath { kind, ..path };
    let (entries, chains, tile) = tokio::join!(
        fetch_tile(&**source, path),
        fetch_tile(&**source, of(Kind::Chains)),
        fetch_tile(&**source, of(Kind::Hashes(0))),
    );
    let bundle = Bundle { path, entries: entries?, chains: chains? };
    let items = bundle.items()?;
    let mut issuers = Issuers::new();
    for fingerprint in items.iter().flat_map(|item| &item.chain) {
        if !issuers.contains_key(fingerprint) {
            issuers.insert(*fingerprint, cache.get(fingerprint).await?);
        }
    }
    let facts = bundle.check(&items, &issuers)?;
    if facts.leaves.iter().any(|checked| !checked.is_open()) {
        earlier.remember(path.index, bundle.leaves()?.into());
    }
    for checked in facts.leaves.iter().filter(|checked| !checked.is_open()) {
        check_claim(path, &checked.leaf, earlier).await?;
    }
    Ok(Checked { path, facts, tile: tile? })
}
