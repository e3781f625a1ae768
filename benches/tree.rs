//! Leaf hashes into tiles, and proofs out of the tiles of ten million leaves.

use std::collections::HashMap;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tnlog::merkle::{Hash, HashReader, NodeId, check_inclusion, prove_consistency, prove_inclusion};
use tnlog::tile::{HashedTile, Kind, TileError, TilePath, Tiling, TreeEdge};

const LEAVES: u64 = 10_000_000;

/// Tiles in memory, found by a hash map, as a server's cache has them: the few that all proofs share with their
/// inner hashes (those above the leaves, and the last), the many full tiles of leaves as they are stored.
struct Memory {
    leaves: HashMap<TilePath, Vec<u8>>,
    shared: HashMap<TilePath, HashedTile>,
}

impl Memory {
    fn new(tiles: HashMap<TilePath, Vec<u8>>) -> Memory {
        let (leaves, shared): (HashMap<_, _>, HashMap<_, _>) =
            tiles.into_iter().partition(|(tile, _)| tile.kind == Kind::Hashes(0) && !tile.is_partial());
        let hashed = |(tile, bytes): (TilePath, Vec<u8>)| {
            (tile, HashedTile::new(tile, &bytes).expect("the tile has its width"))
        };
        Memory { leaves, shared: shared.into_iter().map(hashed).collect() }
    }
}

/// The same with stored bytes alone.
struct Cold(HashMap<TilePath, Vec<u8>>);

impl HashReader for Memory {
    type Error = TileError;

    fn read(&self, nodes: &[NodeId]) -> Result<Vec<Hash>, TileError> {
        let hash = |&node| {
            let tile = Tiling::C2SP.tile_of(node, LEAVES)?;
            match self.shared.get(&tile) {
                Some(hashed) => hashed.hash(node),
                None => Tiling::C2SP.hash_in(node, tile, &self.leaves[&tile]),
            }
        };
        nodes.iter().map(hash).collect()
    }
}

impl HashReader for Cold {
    type Error = TileError;

    fn read(&self, nodes: &[NodeId]) -> Result<Vec<Hash>, TileError> {
        let hash = |&node| {
            let tile = Tiling::C2SP.tile_of(node, LEAVES)?;
            Tiling::C2SP.hash_in(node, tile, self.0.get(&tile).ok_or(TileError::Missing(tile))?)
        };
        nodes.iter().map(hash).collect()
    }
}

fn leaves(range: std::ops::Range<u64>) -> Vec<Hash> {
    range.map(|index| Hash::of_leaf(&index.to_be_bytes())).collect()
}

fn appending(c: &mut Criterion) {
    let mut group = c.benchmark_group("leaf hashes into tiles");
    for count in [1_000, 100_000] {
        let hashes = leaves(0..count);
        let mut edge = TreeEdge::new();
        edge.append(&leaves(0..70_000));
        group.throughput(Throughput::Elements(count));
        group.bench_function(format!("{count} at a time"), |b| {
            b.iter(|| black_box(&mut edge).append(black_box(&hashes)));
        });
    }
    group.finish();
}

fn leaf_hashing(c: &mut Criterion) {
    let leaf = [7; 600];
    let mut group = c.benchmark_group("leaf hash");
    group.throughput(Throughput::Elements(1));
    group.bench_function("600 bytes", |b| b.iter(|| Hash::of_leaf(black_box(&leaf))));
    group.bench_function("node", |b| {
        b.iter(|| Hash::of_node(black_box(&Hash::EMPTY_ROOT), black_box(&Hash::EMPTY_ROOT)));
    });
    group.finish();
}

fn proving(c: &mut Criterion) {
    let mut edge = TreeEdge::new();
    let mut tiles = HashMap::new();
    for start in (0..LEAVES).step_by(1_000_000) {
        tiles.extend(edge.append(&leaves(start..start + 1_000_000)));
    }
    let (memory, cold, root) = (Memory::new(tiles.clone()), Cold(tiles), edge.root());
    let mut group = c.benchmark_group("ten million leaves");
    let mut index = 0;
    group.bench_function("inclusion proof from tiles", |b| {
        b.iter(|| {
            index = (index + 7_654_321) % LEAVES;
            prove_inclusion(&memory, index, LEAVES).expect("the leaf is in the tree")
        });
    });
    group.bench_function("inclusion proof from stored bytes alone", |b| {
        b.iter(|| {
            index = (index + 7_654_321) % LEAVES;
            prove_inclusion(&cold, index, LEAVES).expect("the leaf is in the tree")
        });
    });
    group.bench_function("consistency proof from tiles", |b| {
        b.iter(|| {
            index = (index + 7_654_321) % LEAVES;
            prove_consistency(&memory, index, LEAVES).expect("the tree had this size")
        });
    });
    let proof = prove_inclusion(&memory, 1_234_567, LEAVES).expect("the leaf is in the tree");
    let leaf = Hash::of_leaf(&1_234_567u64.to_be_bytes());
    group.bench_function("checking an inclusion proof", |b| {
        b.iter(|| check_inclusion(black_box(&proof), LEAVES, 1_234_567, &leaf, &root));
    });
    group.finish();
}

criterion_group!(benches, appending, leaf_hashing, proving);
criterion_main!(benches);
