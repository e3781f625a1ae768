use super::model::{Dice, LOG, Model, PLACES, SHAPES, index, label, labels, model, prefixes, root, subset};
use crate::index::{Answer, Index, IndexError, ListCommitment, MemoryStore, NotProved, Prefix, Query, Shape};
use crate::label::Label;

const MOST: usize = 1000;

fn expected(model: &Model, query: &Query) -> Vec<(Label, ListCommitment)> {
    let asked = model.iter().filter(|(label, _)| query.asks_for(label));
    asked.map(|(label, items)| (*label, ListCommitment::of(items))).collect()
}

fn proved(index: &Index<MemoryStore>, query: &Query) -> Answer {
    let proof = index.newest().prove(query, MOST).unwrap();
    query.check(&proof, &index.newest().root()).unwrap()
}

/// Every subset of a space of four bits, in each of which every shape of tree occurs; every label's presence or absence.
#[test]
fn every_subset_has_the_root_of_the_definition_and_proves_every_label() {
    for (places, shape) in PLACES.iter().zip(SHAPES) {
        let labels = labels(places);
        let queries: Vec<_> = labels.iter().map(|label| Query::labels(&[*label]).unwrap()).collect();
        for chosen in (0..1 << 16).step_by(if places[3] == 3 { 1 } else { 13 }) {
            let updates = subset(&labels, chosen);
            let (index, model) = (index(&updates, shape), model(&updates));
            assert_eq!(index.newest().root(), root(&model), "subset {chosen}");
            assert_eq!(index.newest().labels(), model.len() as u64);
            for (label, query) in labels.iter().zip(&queries) {
                let items = model.get(label).map_or(&[][..], Vec::as_slice);
                assert_eq!(proved(&index, query).list(label), ListCommitment::of(items), "subset {chosen}");
            }
        }
    }
}

/// Every subset of three bits, each prefix that cuts it, and each pair of prefixes.
#[test]
fn every_subtree_and_every_pair_is_proved_whole() {
    for (places, shape) in PLACES.iter().zip(SHAPES) {
        let labels = labels(&places[1..]);
        let prefixes = prefixes(&labels, &places[1..]);
        for chosen in 0..1 << 8 {
            let updates = subset(&labels, chosen);
            let (index, model) = (index(&updates, shape), model(&updates));
            for (i, first) in prefixes.iter().enumerate() {
                for second in prefixes[i..].iter().step_by(1 + chosen % 3) {
                    let query = Query::new(&[*second, *first]).unwrap();
                    assert_eq!(proved(&index, &query).labels(), expected(&model, &query), "subset {chosen}");
                }
            }
        }
    }
}

/// Fails when the comparison with the root at the end of `Query::check_difference` is removed.
#[test]
fn every_flipped_bit_of_every_proof_is_refused() {
    for (places, shape) in PLACES.iter().zip(SHAPES) {
        let labels = labels(&places[1..]);
        let mut prefixes = prefixes(&labels, &places[1..]);
        prefixes.retain(|prefix| prefix.length() == 256 || prefix.length() % 3 == 0);
        for chosen in (0..1 << 8).step_by(11) {
            let index = index(&subset(&labels, chosen), shape);
            for prefix in &prefixes {
                let query = Query::new(&[*prefix]).unwrap();
                let proof = index.newest().prove(&query, MOST).unwrap();
                for bit in 0..8 * proof.len() {
                    let mut flipped = proof.clone();
                    flipped[bit / 8] ^= 1 << (bit % 8);
                    assert_eq!(query.check(&flipped, &index.newest().root()), Err(NotProved), "bit {bit}");
                }
            }
        }
    }
}

/// Fails when `finish` is left out of `Check::whole`.
#[test]
fn every_truncated_and_every_longer_proof_is_refused() {
    let labels = labels(&PLACES[1]);
    for chosen in [0, 1, 0b11, 0x8001, 0x1234, 0xffff] {
        let index = index(&subset(&labels, chosen), SHAPES[1]);
        let root = index.newest().root();
        for prefix in prefixes(&labels, &PLACES[1]) {
            let query = Query::new(&[prefix]).unwrap();
            let proof = index.newest().prove(&query, MOST).unwrap();
            for length in 0..proof.len() {
                assert_eq!(query.check(&proof[..length], &root), Err(NotProved));
            }
            for more in [&[0][..], &[1], &[7; 32], &proof] {
                assert_eq!(query.check(&[&proof[..], more].concat(), &root), Err(NotProved));
            }
        }
    }
}

/// A proof of one query is none of another one, unless it is the same proof: nothing superfluous is taken, nothing needed
/// is missing. Fails when `Check::child` takes a node where a hash belongs.
#[test]
fn the_proof_of_another_query_is_refused() {
    for (places, shape) in PLACES.iter().zip(SHAPES) {
        let labels = labels(&places[1..]);
        let prefixes = prefixes(&labels, &places[1..]);
        let queries: Vec<_> = prefixes.iter().map(|prefix| Query::new(&[*prefix]).unwrap()).collect();
        for chosen in (0..1 << 8).step_by(5) {
            let updates = subset(&labels, chosen);
            let (index, model) = (index(&updates, shape), model(&updates));
            let root = index.newest().root();
            let proofs: Vec<_> =
                queries.iter().map(|query| index.newest().prove(query, MOST).unwrap()).collect();
            for (query, own) in queries.iter().zip(&proofs) {
                for other in &proofs {
                    match query.check(other, &root) {
                        Ok(answer) => {
                            assert_eq!((other, answer.labels()), (own, &expected(&model, query)[..]))
                        }
                        Err(NotProved) => assert_ne!(other, own),
                    }
                }
            }
        }
    }
}

/// The root depends on the map alone: any cut into batches, any order within them, any shape, and reopening between.
#[test]
fn batches_split_in_every_way_give_the_same_root() {
    let space = labels(&PLACES[1]);
    let updates: Vec<(Label, u64)> =
        [3, 9, 3, 12, 0, 9, 3, 15, 8].iter().zip(0..).map(|(value, index)| (space[*value], index)).collect();
    let expected = root(&model(&updates));
    for cuts in 0..1u32 << (updates.len() - 1) {
        let shape = SHAPES[cuts as usize % SHAPES.len()];
        let mut index = Index::open(MemoryStore::default(), LOG, shape).unwrap();
        let mut batch = Vec::new();
        for (update, end) in updates.iter().zip(1..) {
            batch.insert(batch.len() / 2, *update);
            if cuts >> (end - 1) & 1 == 1 || end == updates.len() {
                index.advance(std::mem::take(&mut batch), end as u64).unwrap();
                assert_eq!(index.newest().root(), root(&model(&updates[..end])));
                index = Index::open(index.store, LOG, shape).unwrap();
            }
        }
        assert_eq!((index.newest().root(), index.newest().size()), (expected, 9), "cuts {cuts:b}");
    }
}

/// Thousands of labels, hidden ones anywhere and open ones close together, in batches of any size.
#[test]
fn many_labels_in_random_batches_agree_with_the_model() {
    let mut dice = Dice(7);
    for shape in SHAPES {
        let mut all = Vec::new();
        let mut index = Index::open(MemoryStore::default(), LOG, shape).unwrap();
        while all.len() < 3000 {
            let before = index.newest().size();
            let size = before + 1 + dice.roll(400);
            let batch: Vec<_> = (before..size).map(|index| (random_label(&mut dice), index)).collect();
            all.extend_from_slice(&batch);
            index.advance(batch, size).unwrap();
        }
        let model = model(&all);
        assert_eq!(index.newest().root(), root(&model));
        assert_eq!(index.newest().labels(), model.len() as u64);
        for _ in 0..200 {
            let asked: Vec<_> = (0..1 + dice.roll(16)).map(|_| random_label(&mut dice)).collect();
            let query = Query::labels(&asked).unwrap();
            assert_eq!(proved(&index, &query).labels(), expected(&model, &query));
        }
        let blocks = Query::new(&[Prefix::new(&[0x80], 1).unwrap()]).unwrap();
        assert_eq!(proved(&index, &blocks).labels(), expected(&model, &blocks));
    }
}

fn random_label(dice: &mut Dice) -> Label {
    match dice.roll(3) {
        0 => Label::of_block(&format!("1703{:03}xxxx", dice.roll(300)).parse().unwrap()),
        1 => label(dice.roll(16) as usize, &PLACES[1]),
        _ => {
            let mut bytes = [0; 32];
            bytes.iter_mut().for_each(|byte| *byte = dice.roll(256) as u8);
            bytes[0] &= 0x7f;
            Label::new(bytes)
        }
    }
}

#[test]
fn states_before_and_after_can_be_proved_in_until_settled() {
    let space = labels(&PLACES[0]);
    let mut index = index(&subset(&space, 0x0f0f), SHAPES[1]);
    let query = Query::new(&[Prefix::EMPTY]).unwrap();
    let mut states = vec![(1000, index.newest().root(), proved(&index, &query))];
    for size in [2000, 3000, 4000] {
        let updates = space.iter().step_by((size / 1000) as usize).map(|label| (*label, size - 1)).collect();
        let change = index.plan(updates, size).unwrap();
        let planned = (change.root(), change.labels());
        index.stage(change).unwrap();
        assert_eq!((index.newest().root(), index.newest().labels()), planned);
        states.push((size, planned.0, proved(&index, &query)));
    }
    for settled in 0..states.len() {
        index.settle(states[settled].0).unwrap();
        assert!(settled == 0 || index.at(states[settled - 1].0).is_none());
        for (size, root, answer) in &states[settled..] {
            let view = index.at(*size).unwrap();
            let proof = view.prove(&query, MOST).unwrap();
            assert_eq!((view.root(), query.check(&proof, root).as_ref()), (*root, Ok(answer)));
        }
    }
}

#[test]
fn updates_that_do_not_continue_are_refused() {
    let label = label(1, &PLACES[0]);
    let mut index = index(&[(label, 5)], Shape::STANDARD);
    for (updates, size) in
        [(vec![(label, 999)], 1001), (vec![(label, 1001)], 1001), (vec![], 999), (vec![], u64::MAX)]
    {
        assert!(matches!(index.plan(updates, size), Err(IndexError::Order { size: 1000 })));
    }
    let (a, b) = (index.plan(vec![], 1001).unwrap(), index.plan(vec![(label, 1000)], 1001).unwrap());
    index.stage(a).unwrap();
    assert!(matches!(index.stage(b), Err(IndexError::Order { size: 1001 })));
}

#[test]
fn too_many_labels_are_an_error_and_no_short_answer() {
    let space = labels(&PLACES[0]);
    let index = index(&subset(&space, 0xffff), SHAPES[1]);
    let query = Query::new(&[Prefix::EMPTY]).unwrap();
    assert!(matches!(index.newest().prove(&query, 15), Err(IndexError::TooMany(15))));
    assert!(index.newest().prove(&query, 16).is_ok());
    assert!(Query::new(&[]).is_err() && Query::labels(&[space[0]; 17]).is_err());
}
