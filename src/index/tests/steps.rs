use super::model::{LOG, SHAPES};
use crate::entry::sample::{leaf, number};
use crate::index::{
    EMPTY, Index, IndexHead, IndexStore, MemoryStore, NotProved, Shape, Step, View, labels_of_bytes,
};
use crate::merkle::{Hash, root_of};
use crate::synthetic::{Draws, KeyPair};

/// The hashes of the complete subtrees of some leaves, by their definition.
fn subtrees(leaves: &[Vec<u8>]) -> Vec<Hash> {
    if leaves.is_empty() {
        return Vec::new();
    }
    let (first, rest) = leaves.split_at(1 << leaves.len().ilog2());
    let mut level: Vec<Hash> = first.iter().map(|leaf| Hash::of_leaf(leaf)).collect();
    while level.len() > 1 {
        level = level.chunks(2).map(|pair| Hash::of_node(&pair[0], &pair[1])).collect();
    }
    [level, subtrees(rest)].concat()
}

fn head<S: IndexStore>(view: &View<'_, S>, leaves: &[Vec<u8>]) -> IndexHead {
    let root = root_of(&subtrees(leaves));
    IndexHead { size: view.size(), root, index_root: view.root(), labels: view.labels() }
}

/// Steps of an index that grows, each with the heads before and after it. Many leaves carry labels that others carry.
fn steps(shape: Shape, most: u64) -> Vec<(IndexHead, Step, IndexHead)> {
    let mut draws = Draws::new(most);
    let mut index = Index::open(MemoryStore::default(), LOG, shape).unwrap();
    let (key, mut leaves, mut steps) = (KeyPair::p256(1), Vec::<Vec<u8>>::new(), Vec::new());
    for _ in 0..12 {
        let first = leaves.len() as u64;
        let before = head(&index.newest(), &leaves);
        for at in first..first + 1 + draws.word() % most {
            let mut labels: Vec<u8> = (0..draws.below(4)).map(|_| draws.below(64) as u8).collect();
            labels.sort_unstable();
            labels.dedup();
            let bytes = match labels.is_empty() {
                true => b"no leaf, which carries no label".to_vec(),
                false => leaf(at, 0, number(&key, &labels, at as u8)).encode().unwrap(),
            };
            leaves.push(bytes);
        }
        let (old, new) = leaves.split_at(first as usize);
        let labels = |(at, leaf): (u64, &Vec<u8>)| labels_of_bytes(leaf).into_iter().map(move |l| (l, at));
        let updates = (first..).zip(new).flat_map(labels).collect();
        let step = Step::new(&index.newest(), subtrees(old), new.to_vec()).unwrap().unwrap();
        let change = index.plan(updates, leaves.len() as u64).unwrap();
        index.stage(change).unwrap();
        steps.push((before, step, head(&index.newest(), &leaves)));
    }
    steps
}

/// Whatever the shape, for steps of one leaf and of many: the head that follows is the one that the engine makes, so that no honest
/// index log can be accused.
#[test]
fn what_follows_is_what_the_engine_makes() {
    for shape in SHAPES {
        for most in [1, 3, 60] {
            for (before, step, after) in steps(shape, most) {
                assert_eq!(step.follows(&before), Ok(after), "{step:?}");
            }
        }
    }
}

/// Fails without any of the comparisons in `Step::follows`: a step that is not of this head would make up another one after it, and an
/// honest index log would be accused.
#[test]
fn what_is_not_of_the_head_before_leads_nowhere() {
    let changed = |head: &IndexHead| {
        let other = Hash([7; 32]);
        [IndexHead { root: other, ..*head }, IndexHead { index_root: other, ..*head }]
    };
    for (before, step, after) in steps(Shape::STANDARD, 30) {
        for head in changed(&before) {
            assert_eq!(step.follows(&head), Err(NotProved));
        }
        let refused = |step: Step, what: &str| assert_eq!(step.follows(&before), Err(NotProved), "{what}");
        for at in 0..step.before.len() {
            let mut step = step.clone();
            step.before[at].0[0] ^= 1;
            refused(step, "a subtree of the log");
        }
        for at in 0..step.proofs.len() {
            for byte in (0..step.proofs[at].len()).step_by(7) {
                let mut step = step.clone();
                step.proofs[at][byte] ^= 1;
                refused(step, "a proof");
            }
            let mut step = step.clone();
            step.proofs.remove(at);
            refused(step, "a proof less");
        }
        for at in 0..step.lists.len() {
            for hash in 0..step.lists[at].len() {
                let mut step = step.clone();
                step.lists[at][hash].0[31] ^= 1;
                refused(step, "a list");
            }
            let mut other = step.clone();
            other.lists[at].push(Hash([1; 32]));
            refused(other, "a hash more");
            let mut other = step.clone();
            other.lists.remove(at);
            refused(other, "a list less");
        }
        let mut more = step.clone();
        more.proofs.push(vec![0]);
        refused(more, "a proof more");
        // Other leaves lead elsewhere, to a head of another log: whoever compares sees the root.
        let mut less = step;
        less.leaves.pop();
        less.leaves.push(b"another".to_vec());
        assert!(less.follows(&before).is_ok_and(|head| head.root != after.root) || !less.lists.is_empty());
    }
}

/// Fails without the limits in `Step::follows`: a file of evidence could hold millions of leaves, each of which
/// costs its reader more than the file.
#[test]
fn a_step_larger_than_any_leads_nowhere() {
    let nothing = IndexHead { size: 0, root: Hash::EMPTY_ROOT, index_root: EMPTY, labels: 0 };
    let step = |leaves| Step { before: Vec::new(), leaves, proofs: Vec::new(), lists: Vec::new() };
    assert!(step(vec![vec![7]; 1000]).follows(&nothing).is_ok());
    assert_eq!(step(vec![Vec::new()]).follows(&nothing), Err(NotProved), "an empty leaf costs nothing");
    assert_eq!(step(vec![vec![7; 1 << 20]; 9]).follows(&nothing), Err(NotProved), "9 MiB");
}
