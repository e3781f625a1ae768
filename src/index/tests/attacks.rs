//! What a server that lies about a label can try, each attack under the name that it has among the attacks of the design.
//! Each says which line, when removed, lets it through.

use super::model::{PLACES, SHAPES, index, label, labels, model, root, subset};
use crate::index::query::{INNER, LABEL};
use crate::index::{Known, ListCommitment, ListError, ListPage, NotProved, Prefix, Query, node};
use crate::label::Label;
use crate::merkle::Hash;

const SIZE: u64 = 1000;

/// A list of five leaves, and the honest page of it.
fn honest() -> (ListCommitment, ListPage) {
    let updates: Vec<_> = [2, 3, 5, 7, 11].map(|index| (label(1, &PLACES[0]), index)).to_vec();
    let index = index(&updates, SHAPES[1]);
    let list = index.newest().list(&label(1, &PLACES[0])).unwrap();
    (list, index.newest().page(&label(1, &PLACES[0]), 0, 10).unwrap())
}

fn with_items(items: &[u64]) -> Result<Known, ListError> {
    let (list, page) = honest();
    ListPage { items: items.to_vec(), ..page }.check(&Known::NOTHING, &list, SIZE)
}

/// Let through without `check_consistency` in `ListPage::check`, which compares with the list in the index.
#[test]
fn a_server_omits_entries_of_a_label() {
    assert!(with_items(&[2, 3, 5, 7, 11]).is_ok());
    assert_eq!(with_items(&[2, 3, 7, 11]), Err(ListError::NotProved));
    assert_eq!(with_items(&[2, 3, 5, 7]), Err(ListError::NotProved));
    assert_eq!(with_items(&[]), Err(ListError::NotProved));
}

/// An honest page that ends early is taken, and is known not to be all. Let through as complete if `check` returned the
/// commitment of the index in place of what was read.
#[test]
fn a_server_omits_the_last_entries_of_a_label() {
    let updates: Vec<_> = [2, 3, 5, 7, 11].map(|index| (label(1, &PLACES[0]), index)).to_vec();
    let index = index(&updates, SHAPES[1]);
    let page = index.newest().page(&label(1, &PLACES[0]), 0, 3).unwrap();
    let known = page.check(&Known::NOTHING, &honest().0, SIZE).unwrap();
    assert_eq!((known.list.count, known.last), (3, Some(5)));
    assert_ne!(known.list, honest().0);
}

/// Let through without `check_consistency` in `ListPage::check`, also where the log itself commits to a list out of order:
/// without `is_sorted_by` there.
#[test]
fn a_server_reorders_entries_of_a_label() {
    assert_eq!(with_items(&[3, 2, 5, 7, 11]), Err(ListError::Order));
    let items = vec![3, 2, 5];
    let page = ListPage { items: items.clone(), ..ListPage::default() };
    assert_eq!(page.check(&Known::NOTHING, &ListCommitment::of(&items), SIZE), Err(ListError::Order));
}

/// Within a page: let through without `is_sorted_by` in `ListPage::check`. Across two pages: without `follows`.
#[test]
fn a_server_repeats_entries_of_a_label() {
    let twice = vec![2, 2, 3];
    let page = ListPage { items: twice.clone(), ..ListPage::default() };
    assert_eq!(page.check(&Known::NOTHING, &ListCommitment::of(&twice), SIZE), Err(ListError::Order));

    let list = ListCommitment::of(&[2, 3, 3]);
    let known = Known { list: ListCommitment::of(&[2, 3]), last: Some(3) };
    let before = vec![known.list.root];
    let page = ListPage { first: 2, items: vec![3], before, after: vec![] };
    assert_eq!(page.check(&known, &list, SIZE), Err(ListError::Order));
}

/// Of the log: let through without `within` in `ListPage::check`. Of a leaf that carries another label: not proved here,
/// unless the index says so; then the leaf shows it (`labels_of`).
#[test]
fn a_server_invents_entries_of_a_label() {
    assert_eq!(with_items(&[2, 3, 5, 7, 11, 13]), Err(ListError::NotProved));
    let beyond = vec![2, SIZE];
    let page = ListPage { items: beyond.clone(), ..ListPage::default() };
    assert_eq!(page.check(&Known::NOTHING, &ListCommitment::of(&beyond), SIZE), Err(ListError::Order));
}

/// A list that was shown, and is later said to have begun otherwise. Let through when `ListPage::check` does not compare
/// the subtrees before the page with the known list.
#[test]
fn a_server_changes_what_it_showed() {
    let known = Known { list: ListCommitment::of(&[2, 4]), last: Some(4) };
    let other = ListCommitment::of(&[2, 3]);
    let page = ListPage { first: 2, items: vec![5], before: vec![other.root], after: vec![] };
    let list = ListCommitment::of(&[2, 3, 5]);
    assert_eq!(page.check(&known, &list, SIZE), Err(ListError::NotProved));
}

/// The list of one label as that of another, in a proof that is right otherwise. Let through without the comparison with
/// the root at the end of `Query::check_difference`.
#[test]
fn a_server_swaps_labels() {
    let space = labels(&PLACES[0]);
    let index = index(&subset(&space, 0xffff), SHAPES[1]);
    for (asked, shown) in [(3, 5), (5, 3), (0, 14)].map(|(a, b)| (space[a], space[b])) {
        let query = Query::labels(&[asked]).unwrap();
        let list = index.newest().list(&shown).unwrap();
        let mut proof = index.newest().prove(&query, 10).unwrap();
        let own = leaf(&asked, &index.newest().list(&asked).unwrap());
        let place = proof.windows(own.len()).position(|window| window == own).unwrap();
        for swapped in [leaf(&asked, &list), leaf(&shown, &list)] {
            proof[place..place + own.len()].copy_from_slice(&swapped);
            assert_eq!(query.check(&proof, &index.newest().root()), Err(NotProved));
        }
    }
}

/// The log builds a tree in which two labels stand in each other's place, so that a search for either finds the other and
/// thinks it absent. Let through without `position.covers` in `Check::label`.
#[test]
fn a_log_puts_a_label_where_nobody_looks() {
    let [a, b] = [label(0, &PLACES[0]), label(8, &PLACES[0])];
    let list = ListCommitment::of(&[1]);
    let (hash_a, hash_b) = (node::of_label(&a, &list), node::of_label(&b, &list));
    let forged = node::of_inner(&Prefix::EMPTY, &hash_b, &hash_a);
    let proof = [&[INNER, 0][..], &leaf(&b, &list), &hash_a.0].concat();
    assert_eq!(Query::labels(&[a]).unwrap().check(&proof, &forged), Err(NotProved));

    let honest = node::of_inner(&Prefix::EMPTY, &hash_a, &hash_b);
    let proof = [&[INNER, 0][..], &leaf(&a, &list), &hash_b.0].concat();
    assert_eq!(Query::labels(&[a]).unwrap().check(&proof, &honest).unwrap().list(&a), list);
}

/// An inner node whose prefix does not continue that of the node above, so that a search ends there. Let through without
/// `position.covers` in `Check::inner`.
#[test]
fn a_log_puts_a_subtree_where_nobody_looks() {
    let [a, b, c] = [0, 1, 8].map(|value| label(value, &PLACES[0]));
    let list = ListCommitment::of(&[1]);
    let leaves = [a, b, c].map(|label| node::of_label(&label, &list));
    let below = Prefix::from(&a).cut(3);
    let pair = node::of_inner(&below, &leaves[0], &leaves[1]);
    let forged = node::of_inner(&Prefix::EMPTY, &leaves[2], &pair);
    let query = Query::labels(&[c]).unwrap();
    let inner = [INNER, 3, below.bytes()[0]];
    let proof = [&[INNER, 0][..], &leaves[2].0, &inner, &leaves[0].0, &leaves[1].0].concat();
    assert_eq!(query.check(&proof, &forged), Err(NotProved));
}

/// Absence "proved" by cutting the search short: a hash in place of the node where the label would be. Let through when
/// `Check::child` takes a hash where something was asked for.
#[test]
fn a_server_hides_a_label_behind_a_hash() {
    let space = labels(&PLACES[0]);
    let updates = subset(&space, 0b1_0000_0001);
    let (index, map) = (index(&updates, SHAPES[1]), model(&updates));
    let list = |label: &Label| ListCommitment::of(&map[label]);
    let hash = |label: &Label| node::of_label(label, &list(label));
    let hidden = [&[INNER, 0][..], &hash(&space[0]).0, &hash(&space[8]).0].concat();
    assert_eq!(index.newest().root(), root(&map));
    assert_eq!(Query::labels(&[space[0]]).unwrap().check(&hidden, &index.newest().root()), Err(NotProved));
}

/// "There is nothing", said of an index that is not empty, and of a part of it.
/// Let through when `Query::check_difference` takes the empty tree without its root, or `Check::node` takes it below the root.
#[test]
fn a_server_says_that_there_is_nothing() {
    let space = labels(&PLACES[0]);
    let (query, index) = (Query::labels(&[space[1]]).unwrap(), index(&subset(&space, 0xffff), SHAPES[1]));
    assert_eq!(query.check(&[0], &index.newest().root()), Err(NotProved));
    let right = Hash([5; 32]);
    let forged = node::of_inner(&Prefix::EMPTY, &node::EMPTY, &right);
    let proof = [&[INNER, 0, 0][..], &right.0].concat();
    assert_eq!(query.check(&proof, &forged), Err(NotProved));
}

/// A label with an empty list, which is neither there nor absent. Let through without the range of `count` in
/// `Check::label`.
#[test]
fn a_log_commits_to_an_empty_list() {
    let label = label(1, &PLACES[0]);
    let forged = node::of_label(&label, &ListCommitment::NONE);
    let query = Query::labels(&[label]).unwrap();
    assert_eq!(query.check(&leaf(&label, &ListCommitment::NONE), &forged), Err(NotProved));
}

/// Prefixes of 255 bits are the deepest; a chain of inner nodes cannot go on for ever, nor a proof be read that is too long.
#[test]
fn a_server_sends_a_proof_without_end() {
    let query = Query::new(&[Prefix::EMPTY]).unwrap();
    let endless = [INNER, 0].repeat(1 << 20);
    assert_eq!(query.check(&endless, &Hash([0; 32])), Err(NotProved));
    let long = vec![0; crate::index::MAX_PROOF + 1];
    assert_eq!(query.check(&long, &node::EMPTY), Err(NotProved));
}

fn leaf(label: &Label, list: &ListCommitment) -> Vec<u8> {
    [&[LABEL][..], label.as_bytes(), &list.count.to_be_bytes(), &list.root.0].concat()
}
