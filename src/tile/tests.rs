use super::*;
use crate::merkle::{check_consistency, check_inclusion, prove_consistency, prove_inclusion, tree_root};

/// Four hashes in a tile, so that a tree of 100 leaves has four levels of tiles.
const LOW: Tiling = Tiling::of_height(2);

fn leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|i| Hash::of_leaf(&(i as u32).to_be_bytes())).collect()
}

/// The tiles of a tree as `tlog-tiles` defines them, without any edge, to judge the edge.
fn naive_tiles(tiling: Tiling, leaves: &[Hash]) -> BTreeMap<TilePath, Vec<u8>> {
    let width = usize::from(tiling.full_width());
    let mut tiles = BTreeMap::new();
    let mut row = leaves.to_vec();
    let mut level = 0;
    while !row.is_empty() {
        for (index, chunk) in row.chunks(width).enumerate() {
            let path = TilePath { kind: Kind::Hashes(level), index: index as u64, width: chunk.len() as u16 };
            tiles.insert(path, chunk.iter().flat_map(|hash| hash.0).collect());
        }
        row = row.chunks_exact(width).map(naive_root).collect();
        level += 1;
    }
    tiles
}

fn naive_root(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => Hash::EMPTY_ROOT,
        [hash] => *hash,
        _ => {
            let (left, right) = hashes.split_at(hashes.len().next_power_of_two() / 2);
            Hash::of_node(&naive_root(left), &naive_root(right))
        }
    }
}

fn path(text: &str) -> TilePath {
    text.parse().unwrap()
}

#[test]
fn paths_are_those_of_the_specification() {
    let tile = TilePath { kind: Kind::Hashes(0), index: 1_234_067, width: 256 };
    assert_eq!(tile.to_string(), "tile/0/x001/x234/067");
    assert_eq!(TilePath { width: 112, ..tile }.to_string(), "tile/0/x001/x234/067.p/112");
    assert_eq!(TilePath { kind: Kind::Entries, ..tile }.to_string(), "tile/entries/x001/x234/067");
    assert_eq!(TilePath { kind: Kind::Chains, index: 0, width: 1 }.to_string(), "tile/chains/000.p/1");
    assert_eq!(path("tile/0/x001/x234/067.p/112").full(), tile);
}

#[test]
fn every_path_reads_back() {
    let kinds = [Kind::Hashes(0), Kind::Hashes(9), Kind::Hashes(63), Kind::Entries, Kind::Chains];
    for kind in kinds {
        for index in [0, 1, 999, 1000, 999_999, 1_000_000, 1 << 55, u64::MAX] {
            for width in [1, 9, 10, 255, 256] {
                let tile = TilePath { kind, index, width };
                assert_eq!(path(&tile.to_string()), tile);
                assert!(tile.to_string().len() <= MAX_PATH);
            }
        }
    }
}

#[test]
fn no_other_spelling_of_a_path_is_read() {
    let wrong = [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x000",
        "tile/0/x000/000",
        "tile/0/x000/001",
        "tile/0/001/000",
        "tile/0/x001/x000",
        "tile/0/x001/000/",
        "tile/0/x001//000",
        "tile/0/X001/000",
        "tile/0/+00",
        "tile/0/-01",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/257",
        "tile/0/000.p/65536",
        "tile/0/000.p/",
        "tile/0/000.p",
        "tile/0/000.p/1/",
        "tile/0/000.p/1.p/1",
        "tile/00/000",
        "tile/+1/000",
        "tile/64/000",
        "tile/256/000",
        "tile/data/000",
        "tile/Entries/000",
        "/tile/0/000",
        "tile/0/000 ",
        "tile/0/\u{661}00",
        "tile/entries/entries/000",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/x999/x999/x999/x999/999",
    ];
    for text in wrong {
        assert_eq!(text.parse::<TilePath>(), Err(PathError), "{text}");
    }
}

#[test]
fn a_path_with_a_byte_changed_is_refused_or_is_another_path() {
    let good = "tile/0/x001/x234/067.p/112";
    for position in 0..good.len() {
        for byte in 0..128u8 {
            let mut bytes = good.as_bytes().to_vec();
            bytes[position] = byte;
            let text = String::from_utf8(bytes).unwrap();
            if let Ok(tile) = text.parse::<TilePath>() {
                assert_eq!(tile.to_string(), text);
            }
        }
        assert!(
            good[..position].parse::<TilePath>().is_err()
                || good[..position].ends_with("067.p/11")
                || good[..position].ends_with("067.p/1")
                || good[..position].ends_with("067")
        );
    }
}

#[test]
fn the_tree_of_70_000_leaves_has_the_partial_tiles_of_the_specification() {
    let expected = ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"];
    assert_eq!(TreeEdge::tiles_to_load(70_000), expected.map(path));
    assert_eq!(TreeEdge::tiles_to_load(256), ["tile/1/000.p/1"].map(path));
    assert_eq!(TreeEdge::tiles_to_load(0), []);
    let largest = TilePath { kind: Kind::Hashes(7), index: 0, width: 128 };
    assert_eq!(TreeEdge::tiles_to_load(MAX_SIZE), [largest]);
}

#[test]
fn every_split_of_every_size_gives_the_tiles_of_the_whole() {
    let all = leaves(100);
    for size in 0..=all.len() {
        let expected = naive_tiles(LOW, &all[..size]);
        for first in 0..=size {
            let mut edge = TreeEdge::with_tiling(LOW);
            let before = edge.append(&all[..first]);
            let after = edge.append(&all[first..size]);
            assert_eq!(edge.size(), size as u64);
            assert_eq!(edge.root(), naive_root(&all[..size]));
            let mut written: BTreeMap<_, _> = before.into_iter().collect();
            let names: Vec<_> = after.iter().map(|(tile, _)| *tile).collect();
            assert!(names.is_sorted() && names.windows(2).all(|pair| pair[0] != pair[1]));
            written.extend(after.iter().cloned());
            for (tile, bytes) in &expected {
                assert_eq!(written.get(tile), Some(bytes), "{tile} of {size} after {first}");
            }
            for (tile, bytes) in after {
                assert_eq!(expected.get(&tile), Some(&bytes), "{tile} of {size} after {first}");
            }
        }
    }
}

#[test]
fn leaves_added_in_threes_give_the_tiles_of_the_whole() {
    for (tiling, count) in [(LOW, 300), (Tiling::of_height(1), 70), (Tiling::of_height(3), 300)] {
        let all = leaves(count);
        let mut edge = TreeEdge::with_tiling(tiling);
        for (i, three) in all.chunks(3).enumerate() {
            let so_far = &all[..(3 * i + three.len())];
            let expected = naive_tiles(tiling, so_far);
            for (tile, bytes) in edge.append(three) {
                assert_eq!(expected.get(&tile), Some(&bytes));
            }
            assert_eq!(edge.root(), naive_root(so_far));
        }
    }
}

#[test]
fn full_tiles_have_256_hashes() {
    let all = leaves(70_000);
    let mut edge = TreeEdge::new();
    let written = edge.append(&all);
    assert_eq!(written.into_iter().collect::<BTreeMap<_, _>>(), naive_tiles(Tiling::C2SP, &all));
    assert_eq!(edge.root(), naive_root(&all));
    assert!(edge.append(&[]).is_empty());
}

#[test]
fn an_edge_that_is_loaded_is_the_edge_that_was_stored() {
    let all = leaves(100);
    let mut edge = TreeEdge::with_tiling(LOW);
    for size in 0..=all.len() {
        let tiles = naive_tiles(LOW, &all[..size]);
        let bytes: Vec<_> = LOW.partial_tiles(size as u64).iter().map(|tile| tiles[tile].clone()).collect();
        assert_eq!(TreeEdge::load_with_tiling(LOW, size as u64, &bytes).unwrap(), edge, "size {size}");
        if let Some(leaf) = all.get(size) {
            edge.append(&[*leaf]);
        }
    }
}

#[test]
fn an_edge_is_not_loaded_from_the_wrong_tiles() {
    let tile = path("tile/0/000.p/3");
    let length = TileError::Length { tile, bytes: 64 };
    assert_eq!(TreeEdge::load(3, &[vec![0; 64]]), Err(length));
    assert_eq!(TreeEdge::load(3, &[] as &[Vec<u8>]), Err(TileError::Missing(tile)));
    assert_eq!(TreeEdge::load(3, &[vec![0; 96], vec![0; 32]]), Err(TileError::TooMany(1)));
    assert!(TreeEdge::load(MAX_SIZE + 1, &[] as &[Vec<u8>]).is_err());
    assert_eq!(TreeEdge::load(0, &[] as &[Vec<u8>]), Ok(TreeEdge::new()));
}

#[test]
fn proofs_come_out_of_the_tiles_of_every_size() {
    let all = leaves(100);
    for size in 1..=all.len() {
        let tiles = naive_tiles(LOW, &all[..size]);
        let size = size as u64;
        let set = TileSet::with_tiling(LOW, size, tiles).unwrap();
        let root = naive_root(&all[..size as usize]);
        assert_eq!(tree_root(&set, size).unwrap(), root);
        for index in 0..size {
            let proof = prove_inclusion(&set, index, size).unwrap();
            assert_eq!(check_inclusion(&proof, size, index, &all[index as usize], &root), Ok(()));
            let old_root = naive_root(&all[..index as usize]);
            let proof = prove_consistency(&set, index, size).unwrap();
            assert_eq!(check_consistency(&proof, index, &old_root, size, &root), Ok(()));
        }
    }
}

#[test]
fn the_tiles_of_a_plan_are_enough_for_it() {
    let all = leaves(100);
    for size in 1..=all.len() {
        let tiles = naive_tiles(LOW, &all[..size]);
        for index in 0..size as u64 {
            let plan = crate::merkle::plan_inclusion(index, size as u64).unwrap();
            let needed = LOW.tiles_of(plan.nodes(), size as u64).unwrap();
            let some = needed.iter().map(|tile| (*tile, tiles[tile].clone()));
            let set = TileSet::with_tiling(LOW, size as u64, some).unwrap();
            let proof = plan.assemble::<TileError>(&set.read(plan.nodes()).unwrap()).unwrap();
            let root = naive_root(&all[..size]);
            assert_eq!(check_inclusion(&proof, size as u64, index, &all[index as usize], &root), Ok(()));
        }
    }
}

#[test]
fn a_node_beyond_the_tree_has_no_tile() {
    for node in [NodeId { level: 0, index: 5 }, NodeId { level: 2, index: 1 }, NodeId { level: 64, index: 0 }]
    {
        assert!(LOW.tile_of(node, 5).is_err(), "{node:?}");
    }
    assert!(LOW.tile_of(NodeId { level: 0, index: 0 }, MAX_SIZE + 1).is_err());
    let last = NodeId { level: 63, index: 0 };
    assert_eq!(Tiling::C2SP.tile_of(last, MAX_SIZE).unwrap().to_string(), "tile/7/000.p/128");
}

#[test]
fn a_tile_gives_no_hash_that_it_does_not_hold() {
    let tile = path("tile/0/000.p/3");
    let bytes = vec![0; 96];
    let hashed = HashedTile::with_tiling(LOW, tile, &bytes).unwrap();
    let here = |level, index| {
        let node = NodeId { level, index };
        assert_eq!(LOW.hash_in(node, tile, &bytes), hashed.hash(node));
        hashed.hash(node)
    };
    assert!(here(0, 2).is_ok() && here(1, 0).is_ok());
    for (level, index) in [(0, 3), (1, 1), (2, 0), (0, 4), (0, u64::MAX), (1, u64::MAX), (255, 0)] {
        assert_eq!(here(level, index), Err(TileError::Elsewhere(tile)), "{level} {index}");
    }
    assert!(LOW.hash_in(NodeId { level: 0, index: 0 }, tile, &bytes[1..]).is_err());
    let entries = TilePath { kind: Kind::Entries, ..tile };
    assert!(LOW.hash_in(NodeId { level: 0, index: 0 }, entries, &bytes).is_err());
}

#[test]
fn a_hashed_tile_gives_the_hashes_of_its_bytes() {
    let all = leaves(100);
    for size in 1..=all.len() as u64 {
        let tiles = naive_tiles(LOW, &all[..size as usize]);
        for (level, complete) in (0..7).map(|level| (level, size >> level)) {
            for node in (0..complete).map(|index| NodeId { level, index }) {
                let tile = LOW.tile_of(node, size).unwrap();
                let hashed = HashedTile::with_tiling(LOW, tile, &tiles[&tile]).unwrap();
                let start = (node.index as usize) << level;
                assert_eq!(hashed.hash(node), Ok(naive_root(&all[start..start + (1 << level)])));
                assert_eq!(hashed.hash(node), LOW.hash_in(node, tile, &tiles[&tile]));
            }
        }
    }
    assert!(HashedTile::new(path("tile/0/000.p/3"), &[0; 95]).is_err());
}

#[test]
fn a_leaf_is_in_the_bundle_of_its_256() {
    let bundle = |leaf, size| TilePath::of_leaf(Kind::Entries, leaf, size).map(|path| path.to_string());
    assert_eq!(bundle(255, 257).unwrap(), "tile/entries/000");
    assert_eq!(bundle(256, 257).unwrap(), "tile/entries/001.p/1");
    assert_eq!(bundle(256, 70_000).unwrap(), "tile/entries/001");
    assert_eq!(bundle(257, 257), Err(RangeError { first: 257, size: 257 }));
}
