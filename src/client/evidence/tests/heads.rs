//! False heads are proved, and honest ones are not.

use super::*;
use crate::entry::sample::{leaf, number};
use crate::index::{EMPTY, Index, IndexHead, MemoryStore, Shape, Step, labels_of_bytes};
use crate::merkle::{HashReader, prove_inclusion, root_nodes};
use crate::synthetic::KeyPair;

/// After how many leaves there is a head.
const SIZES: [usize; 4] = [3, 4, 20, 33];

/// A log with an index log, as an honest one is, and what leads from each head to the next.
struct World {
    leaves: Vec<Vec<u8>>,
    heads: Vec<IndexHead>,
    steps: Vec<Step>,
}

fn index_signer() -> Signer {
    Signer::new("log.example/index", KeyType::Ed25519, &[3; 32]).unwrap()
}

fn keys() -> [VerifierKey; 2] {
    [signer(), index_signer()].map(|signer| signer.verifier_key().clone())
}

fn hashes(leaves: &[Vec<u8>]) -> Vec<Hash> {
    leaves.iter().map(|leaf| Hash::of_leaf(leaf)).collect()
}

fn tiles(leaves: &[Hash]) -> TileSet<Vec<u8>> {
    TileSet::new(leaves.len() as u64, TreeEdge::new().append(leaves)).unwrap()
}

impl World {
    fn new() -> Self {
        let key = KeyPair::p256(1);
        let credential = |at: u64| {
            let mut labels = [at as u8 % 5, 5 + at as u8 % 7, 12 + at as u8];
            labels.sort_unstable();
            leaf(at, 0, number(&key, &labels, at as u8)).encode().unwrap()
        };
        let leaves: Vec<Vec<u8>> = (0..33).map(credential).collect();
        let all = tiles(&hashes(&leaves));
        let mut index = Index::open(MemoryStore::default(), Hash([9; 32]), Shape::STANDARD).unwrap();
        let (mut heads, mut steps, mut from) = (Vec::new(), Vec::new(), 0);
        for size in SIZES {
            let before = all.read(&root_nodes(from as u64)).unwrap();
            steps.push(Step::new(&index.newest(), before, leaves[from..size].to_vec()).unwrap().unwrap());
            let labels = |at: usize| labels_of_bytes(&leaves[at]).into_iter().map(move |l| (l, at as u64));
            index.advance((from..size).flat_map(labels).collect(), size as u64).unwrap();
            let (view, root) = (index.newest(), root(&hashes(&leaves[..size])));
            let index_root = view.root();
            heads.push(IndexHead { size: size as u64, root, index_root, labels: view.labels() });
            from = size;
        }
        World { leaves, heads, steps }
    }

    /// Signed as it is, with what a head is said to contradict.
    fn evidence(&self, at: usize, against: Against) -> Evidence {
        let heads: Vec<Vec<u8>> = self.heads.iter().map(IndexHead::encode).collect();
        let signed = Checkpoint::new("log.example/index", heads.len() as u64, root(&hashes(&heads)));
        let notes = [&signed.sign(&index_signer()).unwrap(), &note(&hashes(&self.leaves))];
        let evidence =
            Evidence::new("bad-index-head", &notes, Some(Proof::Head { head: self.placed(at), against }));
        Evidence::parse(&evidence.encode()).unwrap()
    }

    fn placed(&self, at: usize) -> Placed {
        let heads: Vec<Vec<u8>> = self.heads.iter().map(IndexHead::encode).collect();
        let count = heads.len() as u64;
        let proof = prove_inclusion(&tiles(&hashes(&heads)), at as u64, count).unwrap();
        Placed::new(at as u64, &heads[at], &proof)
    }

    /// That the head does not follow from the one before.
    fn step(&self, at: usize) -> Against {
        let before = at.checked_sub(1).map(|before| self.placed(before));
        Against::Step { before, step: Written::from(&self.steps[at]) }
    }

    /// That the log begins with another tree than the honest head says.
    fn tree(&self, at: usize) -> Against {
        let whole = hashes(&self.leaves);
        let proof = prove_consistency(&tiles(&whole), SIZES[at] as u64, whole.len() as u64).unwrap();
        Against::tree(&root(&whole[..SIZES[at]]), &proof)
    }

    /// All that an honest log could be accused of.
    fn accusations(&self, at: usize) -> Vec<Against> {
        let earlier = (0..SIZES.len()).map(|other| Against::Earlier(self.placed(other)));
        let from_nothing = Against::Step { before: None, step: Written::from(&self.steps[at]) };
        let from_others = (0..SIZES.len()).map(|other| Against::Step {
            before: Some(self.placed(other)),
            step: Written::from(&self.steps[at]),
        });
        let other_trees = (0..SIZES.len()).map(|other| self.tree(other));
        earlier.chain([from_nothing]).chain(from_others).chain(other_trees).collect()
    }
}

/// Whatever of an honest log is shown against a head, nothing is proved. Fails without the comparison of the indexes in `judge` of
/// `Against::Earlier`, of the size and root that a step leads to, and of the roots of a tree.
#[test]
fn an_honest_head_is_never_proved_false() {
    let world = World::new();
    for at in 0..SIZES.len() {
        for (n, against) in world.accusations(at).into_iter().enumerate() {
            assert_eq!(world.evidence(at, against).verify(&keys()), Err(Unproved::Proof), "{at}, {n}");
        }
        let wrong = world.placed(at);
        let evidence = world.evidence(at, world.step(at));
        let proof = Some(Proof::Entry { wrong, others: Vec::new() });
        let evidence = Evidence { proof, ..evidence };
        assert_eq!(evidence.verify(&keys()), Ok(Proved::Signed));
    }
}

type Change = fn(&mut IndexHead);

/// Each of its kind, at every place, also at the first head: its evidence convinces who has both keys, and nobody else.
#[test]
fn every_false_head_is_proved() {
    let root: Change = |head| head.index_root = Hash([7; 32]);
    let nothing: Change = |head| (head.index_root, head.labels) = (EMPTY, 0);
    let labels: Change = |head| head.labels += 1;
    let log: Change = |head| head.root = Hash([7; 32]);
    for at in 0..SIZES.len() {
        for (change, is_of_log) in [(root, false), (nothing, false), (labels, false), (log, true)] {
            let mut world = World::new();
            change(&mut world.heads[at]);
            let against = if is_of_log { world.tree(at) } else { world.step(at) };
            let evidence = world.evidence(at, against);
            let [key, index_key] = keys();
            assert_eq!(evidence.verify(&[key.clone(), index_key.clone()]), Ok(Proved::BadHead), "{at}");
            assert_eq!(evidence.verify(&[key]), Err(Unproved::NotSigned(1)));
            assert_eq!(evidence.verify(&[index_key]), Err(Unproved::NotSigned(2)));
            assert_eq!(evidence.shows_entries(), !is_of_log);
        }
    }
    let mut world = World::new();
    world.heads.swap(1, 2);
    let evidence = world.evidence(2, Against::Earlier(world.placed(1)));
    assert_eq!(evidence.verify(&keys()), Ok(Proved::BadHead));
    world.heads[2] = world.heads[1];
    let evidence = world.evidence(2, Against::Earlier(world.placed(1)));
    assert_eq!(evidence.verify(&keys()), Ok(Proved::BadHead), "twice the same size");
}

/// A head of one log is no evidence against another.
#[test]
fn the_log_is_that_of_the_index_log() {
    let mut world = World::new();
    world.heads[2].root = Hash([7; 32]);
    let mut evidence = world.evidence(2, world.tree(2));
    let other = Signer::new("other.example", KeyType::Ed25519, &[1; 32]).unwrap();
    let whole = hashes(&world.leaves);
    let checkpoint = Checkpoint::new("other.example", whole.len() as u64, root(&whole));
    evidence.checkpoints[1] = checkpoint.sign(&other).unwrap().to_string();
    let keys = [keys(), [other.verifier_key().clone(), signer().verifier_key().clone()]].concat();
    assert_eq!(evidence.verify(&keys), Err(Unproved::Proof));
}

/// White space apart. What it is called counts, too.
#[test]
fn every_byte_of_evidence_counts() {
    let mut world = World::new();
    world.heads[1].index_root = Hash([7; 32]);
    world.heads[2].root = Hash([7; 32]);
    for evidence in [world.evidence(1, world.step(1)), world.evidence(2, world.tree(2))] {
        let bytes = evidence.encode();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let read = Evidence::parse(&changed);
            let is_same = read.as_ref() == Ok(&evidence);
            let proves = read.and_then(|read| read.verify(&keys()));
            assert!(is_same || proves != Ok(Proved::BadHead), "byte {at}");
        }
    }
}
