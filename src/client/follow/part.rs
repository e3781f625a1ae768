//! What was recorded of a part of the log, put together.

use bytes::Bytes;

use super::Object;
use super::finding::FollowError;
use super::recorder::Recorded;
use crate::bundle;
use crate::client::check::Position;
use crate::client::read::ReadError;
use crate::client::source::SourceError;
use crate::tile::{FULL_WIDTH, Kind, TilePath};

/// The bundles of leaves in a range, with the widths that they have when there are `end` leaves. None of an empty one: an idle log
/// signs the same tree again.
fn bundles(start: u64, end: u64, kind: Kind) -> impl Iterator<Item = TilePath> {
    let full = u64::from(FULL_WIDTH);
    let first = start / full;
    let behind = if start < end { end.div_ceil(full) } else { first };
    (first..behind).map(move |index| {
        let width = (end - index * full).min(full) as u16;
        TilePath { kind, index, width }
    })
}

fn missing(path: TilePath) -> FollowError {
    FollowError::Read(ReadError::Source(SourceError::Missing(path.to_string())))
}

/// The leaves of a range.
pub(super) async fn leaves(recorded: &Recorded, start: u64, end: u64) -> Result<Vec<Bytes>, FollowError> {
    let mut leaves = Vec::new();
    for path in bundles(start, end, Kind::Entries) {
        let bytes = recorded.tile(path).await.ok_or_else(|| missing(path))?;
        let all = bundle::entries(&bytes, path.width).map_err(|error| ReadError::Bundle { path, error })?;
        let first = path.index * u64::from(FULL_WIDTH);
        let known = start.saturating_sub(first) as usize;
        leaves.extend(all.skip(known).map(|leaf| bytes.slice_ref(leaf)));
    }
    Ok(leaves)
}

/// What the log serves of the leaves from `start` on up to the position: CA certificates, bundles, full tiles, and for the
/// last part of a checkpoint the partial tiles.
pub(super) async fn objects(
    recorded: &Recorded,
    position: &Position,
    start: u64,
    is_last: bool,
) -> Result<Vec<Object>, FollowError> {
    let end = position.edge.size();
    let mut objects: Vec<Object> =
        recorded.issuers().map(|(path, bytes)| (path.clone(), bytes.clone())).collect();
    let level_0 = [Kind::Hashes(0), Kind::Entries, Kind::Chains].map(|kind| bundles(start, end, kind));
    let above = (1..8).flat_map(|level| {
        let full = |size: u64| size.checked_shr(8 * (u32::from(level) + 1)).unwrap_or(0);
        (full(start)..full(end)).map(move |index| TilePath {
            kind: Kind::Hashes(level),
            index,
            width: FULL_WIDTH,
        })
    });
    for path in level_0.into_iter().flatten().chain(above) {
        objects.push((path.to_string(), recorded.tile(path).await.ok_or_else(|| missing(path))?));
    }
    if is_last {
        let partial = position.edge.partial_tiles().into_iter();
        objects.extend(partial.map(|(path, bytes)| (path.to_string(), bytes.into())));
    }
    Ok(objects)
}
