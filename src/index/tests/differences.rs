use super::model::{PLACES, SHAPES, index, labels, model, prefixes, subset};
use crate::index::{Answer, Index, ListCommitment, MemoryStore, NotProved, Prefix, Query};
use crate::label::Label;
use crate::merkle::Hash;

const BEFORE: u64 = 1000;
const MOST: usize = 1000;

/// An index of `old`, and then of the labels of `new` as well; the root before.
fn grown(space: &[Label], old: usize, new: usize, shape: usize) -> (Index<MemoryStore>, Hash) {
    let mut index = index(&subset(space, old), SHAPES[shape]);
    let root = index.newest().root();
    let more = subset(space, new).into_iter().map(|(label, index)| (label, BEFORE + index)).collect();
    let change = index.plan(more, 2 * BEFORE).unwrap();
    index.stage(change).unwrap();
    (index, root)
}

/// Every two subsets of two bits and many of three: the difference leads from the old answer to the new one, of one prefix
/// and of two. Fails when `Check::same` takes a hash that is not known (`it knew nothing`), or `Check::node` takes again
/// what is known.
#[test]
fn the_difference_of_every_two_states_gives_the_whole_answer() {
    for (places, shape) in [(&PLACES[0][2..], 0), (&PLACES[1][1..], 1), (&PLACES[2][1..], 2)] {
        let space = labels(places);
        let prefixes = prefixes(&space, places);
        let all = 1 << space.len();
        for (old, new) in (0..all).flat_map(|old| (old % 5..all).step_by(5).map(move |new| (old, new))) {
            let (index, root) = grown(&space, old, new, shape);
            for (i, prefix) in prefixes.iter().enumerate().step_by(1 + new % 2) {
                let query = Query::new(&[*prefix, prefixes[(i + old) % prefixes.len()]]).unwrap();
                let (before, after) = (index.settled(), index.newest());
                let known = query.check(&before.prove(&query, MOST).unwrap(), &root).unwrap();
                let whole = after.prove(&query, MOST).unwrap();
                let answer = query.check(&whole, &after.root()).unwrap();
                let difference = after.prove_difference(&query, BEFORE, MOST).unwrap();
                let read = query.check_difference(&known, &difference, &after.root());
                assert_eq!(read.as_ref(), Ok(&answer), "from {old} to {new}");
                assert!(difference.len() <= whole.len());
                if difference != whole {
                    let unknowing = query.check(&difference, &after.root());
                    assert_eq!(unknowing, Err(NotProved), "it knew nothing");
                    let told = query.check_difference(&known, &whole, &after.root());
                    assert_eq!(told, Err(NotProved), "what is known is told again");
                }
            }
        }
    }
}

/// Fails without the comparison with the root at the end of `Query::check_difference`.
#[test]
fn every_flipped_bit_of_a_difference_is_refused() {
    let space = labels(&PLACES[1]);
    let query = Query::new(&[Prefix::from(&space[0]).cut(1), Prefix::from(&space[9])]).unwrap();
    for (old, new) in [(0xffff, 0x0001), (0x0f0f, 0x00ff), (0x1234, 0), (0, 0x1234)] {
        let (index, root) = grown(&space, old, new, 1);
        let known = query.check(&index.settled().prove(&query, MOST).unwrap(), &root).unwrap();
        let view = index.newest();
        let difference = view.prove_difference(&query, BEFORE, MOST).unwrap();
        assert!(query.check_difference(&known, &difference, &view.root()).is_ok());
        for bit in 0..8 * difference.len() {
            let mut flipped = difference.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let read = query.check_difference(&known, &flipped, &view.root());
            assert_eq!(read, Err(NotProved), "bit {bit}");
        }
    }
}

/// What a client thinks it knows and does not is not taken for what is there: the root would be another one.
#[test]
fn a_wrong_memory_gives_no_wrong_answer() {
    let space = labels(&PLACES[0]);
    let (index, root) = grown(&space, 0x00ff, 0x0001, 1);
    let (query, view) = (Query::new(&[Prefix::EMPTY]).unwrap(), index.newest());
    let known = query.check(&index.settled().prove(&query, MOST).unwrap(), &root).unwrap();
    let difference = view.prove_difference(&query, BEFORE, MOST).unwrap();
    let right = query.check_difference(&known, &difference, &view.root()).unwrap();
    assert_eq!(right.labels().len(), model(&subset(&space, 0x00ff)).len());
    let part = Query::new(&[Prefix::from(&space[0]).cut(2)]).unwrap();
    for wrong in [Answer::default(), part.check(&index.settled().prove(&part, MOST).unwrap(), &root).unwrap()]
    {
        let read = query.check_difference(&wrong, &difference, &view.root());
        assert!(read.is_err() || read == Ok(right.clone()));
    }
    assert_eq!(right.list(&space[15]), ListCommitment::NONE);
}

#[test]
fn an_unchanged_subtree_is_one_hash() {
    let space = labels(&PLACES[0]);
    let (index, _) = grown(&space, 0xffff, 0, 1);
    let query = Query::new(&[Prefix::EMPTY]).unwrap();
    let difference = index.newest().prove_difference(&query, BEFORE, 0).unwrap();
    assert_eq!(difference, [&[3][..], &index.newest().root().0].concat());
}
