//! What is stored: bundles, side bundles, tiles and their paths, staged rounds, evidence, the state of a watch.

use tnlog::bundle;
use tnlog::chain_item::ChainItem;
use tnlog::client::lookup::State;
use tnlog::index::{Generation, IndexHead, ListPage};
use tnlog::merkle::{Hash, NodeId};
use tnlog::server::evidence;
use tnlog::server::staging::Staging;
use tnlog::tile::{HashedTile, Kind, TilePath};

use sha2::{Digest, Sha256};

/// Each is read to the same bytes. Where a hash guards the bytes, it is added, so that what is behind it is reached.
pub fn stored(data: &[u8]) {
    let (width, rest) = data.split_first().map_or((0, data), |(width, rest)| (u16::from(*width) + 1, rest));
    if let Ok(entries) = bundle::entries(rest, width) {
        let mut again = Vec::new();
        entries.for_each(|entry| bundle::append(&mut again, entry).expect("an entry of a bundle fits"));
        assert_eq!(again, rest);
    }
    let tile = TilePath { kind: Kind::Hashes(0), index: 0, width };
    assert_eq!(HashedTile::new(tile, rest).is_ok(), rest.len() == 32 * usize::from(width));
    if let Ok(tile) = HashedTile::new(tile, rest)
        && width > 0
    {
        assert_eq!(tile.hash(NodeId { level: 0, index: 0 }).map(|hash| hash.0[..] == rest[..32]), Ok(true));
    }
    if let Ok(item) = ChainItem::decode(data) {
        assert_eq!(item.encode(), data);
    }
    if let Ok(head) = IndexHead::decode(data) {
        assert_eq!(head.encode(), data);
    }
    if let Ok(page) = ListPage::decode(data) {
        assert_eq!(page.encode(), data);
    }
    let kept =
        evidence::read(data).map(|entries| entries.iter().map(|(_, items)| items.len()).sum::<usize>());
    assert!(kept.is_ok_and(|items| items <= data.len()) || kept.is_err());
    let guarded = [data, &Sha256::digest(data)[..]].concat();
    if let Ok(staging) = Staging::decode(&guarded) {
        assert_eq!(staging.encode(), guarded);
    }
    if let Ok(state) = State::decode(&guarded, &[0; 32]) {
        assert_eq!(state.encode(), guarded);
    }
    paths(data);
}

fn paths(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(path) = text.parse::<TilePath>() {
        assert_eq!(path.to_string(), text);
        assert!(!text.contains("..") && !text.contains("//") && !text.starts_with('/'));
    }
    if let Some(generation) = Generation::of_path(text) {
        assert_eq!(generation.path(), text);
    }
    if let Some((log, generation)) = Generation::split(text) {
        assert_eq!(generation.origin(log), text);
    }
    let _ = Hash::of_leaf(data);
}
