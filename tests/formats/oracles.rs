//! Our tree, tiles and checkpoints against those of other implementations: `rs_merkle`, `ct-merkle`, `tlog_tiles`.

use std::collections::BTreeMap;

use ct_merkle::digest::typenum::U32;
use ct_merkle::digest::{FixedOutput, HashMarker, Output, OutputSizeUser, Update};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use sha2::Digest;
use tnlog::checkpoint::Checkpoint;
use tnlog::merkle::{
    Hash, check_consistency, check_inclusion, prove_consistency, prove_inclusion, tree_root,
};
use tnlog::note::{KeyType, Signer};
use tnlog::tile::{Kind, TilePath, TileSet, TreeEdge};

const SIZES: u64 = 100;

fn leaf(index: u64) -> [u8; 8] {
    index.to_be_bytes()
}

/// All tiles of a tree, made by appending, with those of its earlier sizes thrown away.
fn tiles(size: u64) -> BTreeMap<TilePath, Vec<u8>> {
    let hashes: Vec<_> = (0..size).map(|index| Hash::of_leaf(&leaf(index))).collect();
    TreeEdge::new().append(&hashes).into_iter().collect()
}

fn flat(proof: &[Hash]) -> Vec<u8> {
    proof.iter().flat_map(|hash| hash.0).collect()
}

/// SHA-256 for `ct-merkle`, which speaks a newer generation of the hash traits.
#[derive(Default)]
struct Sha256(sha2::Sha256);

impl HashMarker for Sha256 {}

impl OutputSizeUser for Sha256 {
    type OutputSize = U32;
}

impl Update for Sha256 {
    fn update(&mut self, data: &[u8]) {
        Digest::update(&mut self.0, data);
    }
}

impl FixedOutput for Sha256 {
    fn finalize_into(self, out: &mut Output<Self>) {
        out.copy_from_slice(&self.0.finalize());
    }
}

#[test]
fn ct_merkle_makes_the_same_roots_and_proofs_and_takes_ours() {
    let mut oracle = MemoryBackedTree::<Sha256, [u8; 8]>::new();
    let mut roots = vec![Hash::EMPTY_ROOT];
    for size in 1..=SIZES {
        oracle.push(leaf(size - 1));
        let set = TileSet::new(size, tiles(size)).unwrap();
        let root = tree_root(&set, size).unwrap();
        assert_eq!(root.0.as_slice(), oracle.root().as_bytes().as_slice());
        roots.push(root);
        for index in 0..size {
            let proof = prove_inclusion(&set, index, size).unwrap();
            let theirs = oracle.prove_inclusion(index as usize);
            assert_eq!(flat(&proof), theirs.as_bytes(), "leaf {index} of {size}");
            oracle.root().verify_inclusion(&leaf(index), index, &theirs).unwrap();
            let leaf_hash = Hash::of_leaf(&leaf(index));
            assert_eq!(check_inclusion(&proof, size, index, &leaf_hash, &root), Ok(()));
        }
        for old in 1..size {
            let proof = prove_consistency(&set, old, size).unwrap();
            let theirs = oracle.prove_consistency((size - old) as usize);
            assert_eq!(flat(&proof), theirs.as_bytes(), "{old} to {size}");
            assert_eq!(check_consistency(&proof, old, &roots[old as usize], size, &root), Ok(()));
        }
    }
}

/// `rs_merkle` hashes nodes without a prefix by default; this gives it those of RFC 6962.
#[derive(Clone)]
struct Rfc6962;

impl rs_merkle::Hasher for Rfc6962 {
    type Hash = [u8; 32];

    fn hash(data: &[u8]) -> [u8; 32] {
        Hash::of_leaf(data).0
    }

    fn concat_and_hash(left: &[u8; 32], right: Option<&[u8; 32]>) -> [u8; 32] {
        right.map_or(*left, |right| Hash::of_node(&Hash(*left), &Hash(*right)).0)
    }
}

#[test]
fn rs_merkle_has_the_same_roots_and_takes_our_inclusion_proofs() {
    let mut oracle = rs_merkle::MerkleTree::<Rfc6962>::new();
    for size in 1..=SIZES {
        oracle.insert(Hash::of_leaf(&leaf(size - 1)).0).commit();
        let set = TileSet::new(size, tiles(size)).unwrap();
        let root = tree_root(&set, size).unwrap();
        assert_eq!(Some(root.0), oracle.root());
        for index in 0..size as usize {
            let proof = prove_inclusion(&set, index as u64, size).unwrap();
            let theirs = rs_merkle::MerkleProof::<Rfc6962>::new(proof.iter().map(|hash| hash.0).collect());
            let leaf_hash = Hash::of_leaf(&leaf(index as u64)).0;
            assert!(theirs.verify(root.0, &[index], &[leaf_hash], size as usize), "leaf {index} of {size}");
        }
    }
}

/// Serves our tiles to `tlog_tiles`, which authenticates them against the root.
struct Served(BTreeMap<TilePath, Vec<u8>>);

impl tlog_tiles::TileReader for Served {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        let read = |tile: &tlog_tiles::Tile| {
            let kind = Kind::Hashes(tile.level());
            self.0[&TilePath { kind, index: tile.level_index(), width: tile.width() as u16 }].clone()
        };
        Ok(tiles.iter().map(read).collect())
    }

    fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
}

#[test]
fn tlog_tiles_reads_our_tiles_and_makes_the_same_proofs() {
    for size in [1, 2, 255, 256, 257, 511, 512, 1000, 65_535, 65_536, 65_537, 70_000] {
        let tiles = tiles(size);
        let set = TileSet::new(size, tiles.clone()).unwrap();
        let root = tree_root(&set, size).unwrap();
        let served = Served(tiles);
        let reader = tlog_tiles::TileHashReader::new(size, tlog_tiles::Hash(root.0), &served);
        assert_eq!(tlog_tiles::tree_hash(size, &reader).unwrap().0, root.0);
        for index in [0, 1, size / 3, size / 2, size.saturating_sub(2), size - 1] {
            if index >= size {
                continue;
            }
            let theirs = tlog_tiles::prove_record(size, index, &reader).unwrap();
            let ours = prove_inclusion(&set, index, size).unwrap();
            assert_eq!(ours, theirs.iter().map(|hash| Hash(hash.0)).collect::<Vec<_>>(), "{index} of {size}");
            if index > 0 {
                let theirs = tlog_tiles::prove_tree(size, index, &reader).unwrap();
                let ours = prove_consistency(&set, index, size).unwrap();
                let theirs: Vec<_> = theirs.iter().map(|hash| Hash(hash.0)).collect();
                assert_eq!(ours, theirs, "{index} to {size}");
            }
        }
    }
}

#[test]
fn tlog_tiles_names_hash_tiles_the_same() {
    for (level, index, width) in [(0, 0, 256), (0, 1_234_067, 112), (1, 999, 1), (7, 1000, 255), (2, 5, 256)]
    {
        let ours = TilePath { kind: Kind::Hashes(level), index, width }.to_string();
        let theirs = tlog_tiles::Tile::new(8, level, index, width.into(), false).path();
        // Theirs names the height as well, as the Go checksum database does.
        assert_eq!(ours, theirs.replacen("tile/8/", "tile/", 1));
    }
}

#[test]
fn tlog_tiles_reads_our_checkpoints() {
    let signer = Signer::new("log.example", KeyType::Ed25519, &[1; 32]).unwrap();
    let checkpoint = Checkpoint::new("log.example", 70_000, Hash([9; 32]));
    let note = checkpoint.sign(&signer).unwrap();
    let theirs = tlog_tiles::Checkpoint::from_bytes(note.text().as_bytes()).unwrap();
    assert_eq!((theirs.origin(), theirs.size(), theirs.hash().0), ("log.example", 70_000, [9; 32]));
    assert_eq!(theirs.to_bytes(), note.text().as_bytes());
}
