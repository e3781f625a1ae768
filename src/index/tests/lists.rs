use super::model::{PLACES, SHAPES, index, label};
use crate::index::{Index, IndexError, Known, ListCommitment, ListError, ListPage, MemoryStore};
use crate::merkle::Hash;
use crate::tls::Malformed;

const SIZE: u64 = 1000;

fn items(count: u64) -> Vec<u64> {
    (0..count).map(|n| 3 * n + 1).collect()
}

fn with_list(count: u64, shape: usize) -> Index<MemoryStore> {
    let updates: Vec<_> = items(count).iter().map(|item| (label(1, &PLACES[0]), *item)).collect();
    index(&updates, SHAPES[shape])
}

fn known(count: u64) -> Known {
    let items = items(count);
    Known { list: ListCommitment::of(&items), last: items.last().copied() }
}

#[test]
fn every_page_of_every_list_continues_what_is_known() {
    for (count, shape) in (0..=40).flat_map(|count| [(count, 0), (count, 1), (count, 2), (count, 3)]) {
        let index = with_list(count, shape);
        let list = index.newest().list(&label(1, &PLACES[0])).unwrap();
        assert_eq!(list, known(count).list);
        for first in 0..=count {
            for most in [1, 2, 7, 100] {
                let page = index.newest().page(&label(1, &PLACES[0]), first, most).unwrap();
                assert_eq!(ListPage::decode(&page.encode()).as_ref(), Ok(&page));
                let end = count.min(first + most as u64);
                assert_eq!(page.items, items(count)[first as usize..end as usize]);
                assert_eq!(page.check(&known(first), &list, SIZE), Ok(known(end)), "{first} of {count}");
            }
        }
        let beyond = index.newest().page(&label(1, &PLACES[0]), count + 1, 1);
        assert!(
            matches!(beyond, Err(IndexError::BeyondEnd { first, count: c }) if (first, c) == (count + 1, count))
        );
    }
}

#[test]
fn a_list_grown_item_by_item_is_the_list_written_at_once() {
    for shape in SHAPES {
        let mut index = Index::open(MemoryStore::default(), Hash([9; 32]), shape).unwrap();
        for (item, size) in items(70).into_iter().zip(1..) {
            index.advance(vec![(label(1, &PLACES[0]), item)], item + 1).unwrap();
            let view = index.newest();
            assert_eq!(view.list(&label(1, &PLACES[0])).unwrap(), known(size).list);
        }
        let page = index.newest().page(&label(1, &PLACES[0]), 0, 100).unwrap();
        assert_eq!(page.items, items(70));
    }
}

/// Fails when one of the comparisons in `ListPage::check` is removed: of the known list (flips before the items), of the
/// new list (flips of items and behind them).
#[test]
fn every_flipped_bit_of_a_page_is_refused() {
    for (count, first, most) in [(1, 0, 1), (7, 0, 7), (13, 5, 3), (13, 5, 8), (40, 31, 4), (8, 8, 1)] {
        let index = with_list(count, 1);
        let list = known(count).list;
        let bytes = index.newest().page(&label(1, &PLACES[0]), first, most).unwrap().encode();
        for bit in 0..8 * bytes.len() {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let checked =
                ListPage::decode(&flipped).and_then(|page| page.check(&known(first), &list, u64::MAX));
            assert!(checked.is_err(), "bit {bit} of the page of {count} from {first}");
        }
        for length in 0..bytes.len() {
            assert!(ListPage::decode(&bytes[..length]).is_err());
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(ListPage::decode(&longer), Err(ListError::Frame(Malformed::Trailing(1))));
    }
}

/// Fails when the length of `before` is not compared in `Subtrees::new`, or `after` not by `check_consistency`.
#[test]
fn hashes_too_many_or_too_few_are_refused() {
    let index = with_list(13, 1);
    let page = index.newest().page(&label(1, &PLACES[0]), 5, 3).unwrap();
    let list = known(13).list;
    let check = |change: &dyn Fn(&mut ListPage)| {
        let mut page = page.clone();
        change(&mut page);
        page.check(&known(5), &list, SIZE)
    };
    assert!(check(&|_| ()).is_ok());
    assert_eq!(check(&|page| page.before.push(Hash([1; 32]))), Err(ListError::NotProved));
    assert_eq!(check(&|page| page.before.truncate(page.before.len() - 1)), Err(ListError::NotProved));
    assert_eq!(check(&|page| page.after.push(Hash([1; 32]))), Err(ListError::NotProved));
    assert_eq!(check(&|page| page.after.truncate(page.after.len() - 1)), Err(ListError::NotProved));
    assert_eq!(check(&|page| page.before = vec![Hash([1; 32]); 65]), Err(ListError::Length));
    assert_eq!(check(&|page| page.first = 4), Err(ListError::Place(4, 5)));
}

/// Fails when `ListPage::check` takes a page of nothing for the beginning of any list.
#[test]
fn a_page_of_nothing_does_not_begin_a_list() {
    let nothing = ListPage::default();
    assert_eq!(nothing.check(&Known::NOTHING, &known(3).list, SIZE), Err(ListError::NotProved));
    assert_eq!(nothing.check(&Known::NOTHING, &ListCommitment::NONE, SIZE), Ok(Known::NOTHING));
}
