//! A store that fails, loses what it was told last, or gives back something else.

use std::cell::RefCell;
use std::rc::Rc;

use super::model::{LOG, PLACES, SHAPES, Updates, labels, model, root, subset};
use crate::index::{Batch, Index, IndexError, IndexStore, MemoryStore, Prefix, Query, Shape};
use crate::merkle::Hash;

/// What a disk does with the next write.
#[derive(Clone, Copy)]
struct Fault {
    is_applied: bool,
    is_reported: bool,
}

#[derive(Clone, Default)]
struct Disk {
    content: Rc<RefCell<MemoryStore>>,
    /// The write with this number fails so.
    fault: Option<(usize, Fault)>,
    writes: usize,
}

#[derive(Debug, thiserror::Error)]
#[error("the disk failed")]
struct Broken;

impl IndexStore for Disk {
    type Error = Broken;

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Broken> {
        self.content.borrow().get(key).map_err(|_| Broken)
    }

    fn scan(&self, prefix: &[u8], each: &mut dyn FnMut(&[u8], &[u8]) -> bool) -> Result<(), Broken> {
        self.content.borrow().scan(prefix, each).map_err(|_| Broken)
    }

    fn write(&mut self, batch: &Batch) -> Result<(), Broken> {
        let fault = self.fault.filter(|(number, _)| *number == self.writes).map(|(_, fault)| fault);
        self.writes += 1;
        if fault.is_none_or(|fault| fault.is_applied) {
            self.content.borrow_mut().write(batch).map_err(|_| Broken)?;
        }
        if fault.is_some_and(|fault| fault.is_reported) { Err(Broken) } else { Ok(()) }
    }
}

fn updates() -> Updates {
    let mut updates = subset(&labels(&PLACES[1]), 0xffff);
    updates.sort_by_key(|(_, index)| *index);
    updates
}

/// The root at each size, by the definition.
fn root_at(size: u64) -> Hash {
    let updates: Vec<_> = updates().into_iter().filter(|(_, index)| *index < size).collect();
    root(&model(&updates))
}

fn catch_up<S: IndexStore>(index: &mut Index<S>, step: u64) -> Result<(), IndexError<S::Error>> {
    while index.newest().size() < 300 {
        let start = index.newest().size();
        let end = (start + step).min(300);
        let batch = updates().into_iter().filter(|(_, index)| (start..end).contains(index)).collect();
        index.advance(batch, end)?;
    }
    Ok(())
}

/// At every write: applied or lost, reported or not, then the power fails. What is found is a state that there was, and
/// catching up from it leads to the root. Fails when the size is written apart from the buckets.
#[test]
fn a_crash_at_any_write_leaves_an_older_state() {
    for shape in SHAPES {
        for (number, is_applied) in (0..30).flat_map(|number| [(number, true), (number, false)]) {
            let fault = Fault { is_applied, is_reported: true };
            let disk = Disk { fault: Some((number, fault)), ..Disk::default() };
            let content = disk.content.clone();
            let mut index = Index::open(disk, LOG, shape).unwrap();
            assert!(matches!(catch_up(&mut index, 10), Err(IndexError::Store(Broken))));
            drop(index);

            let disk = Disk { content, ..Disk::default() };
            let mut index = Index::open(disk, LOG, shape).unwrap();
            let size = 10 * (number as u64 + u64::from(is_applied));
            assert_eq!((index.newest().size(), index.newest().root()), (size, root_at(size)));
            catch_up(&mut index, 7).unwrap();
            assert_eq!(index.newest().root(), root_at(300));
        }
    }
}

/// The process lives on after a failed write, and tries again.
#[test]
fn a_write_that_failed_is_tried_again() {
    for is_applied in [true, false] {
        let fault = Fault { is_applied, is_reported: true };
        let mut index =
            Index::open(Disk { fault: Some((3, fault)), ..Disk::default() }, LOG, SHAPES[0]).unwrap();
        assert!(catch_up(&mut index, 50).is_err());
        assert_eq!((index.newest().size(), index.settled().size(), index.staged()), (200, 150, 1));
        index.settle(200).unwrap();
        catch_up(&mut index, 50).unwrap();
        assert_eq!(index.newest().root(), root_at(300));
    }
}

/// Whatever value is lost or has a bit flipped, the index says so or answers as before: opening compares the root, looking
/// up the buckets. Fails when `bucket::decode` does not compare the hash, or `Index::open` the root.
#[test]
fn a_damaged_store_never_gives_another_answer() {
    let mut good = Index::open(Disk::default(), LOG, SHAPES[1]).unwrap();
    catch_up(&mut good, 40).unwrap();
    let (root, content) = (good.newest().root(), good.store.content.borrow().clone());
    let query = Query::new(&[Prefix::EMPTY]).unwrap();
    let mut values = Vec::new();
    content
        .scan(b"", &mut |key, value| {
            values.push((key.to_vec(), value.to_vec()));
            true
        })
        .unwrap();
    let mut refused = 0;
    for (key, value) in &values {
        let flipped = (0..value.len()).map(|byte| {
            let mut value = value.clone();
            value[byte] ^= 0x10;
            Some(value)
        });
        for damage in flipped.chain([None]) {
            let mut content = content.clone();
            content.write(&Batch::from([(key.clone(), damage)])).unwrap();
            let index = match Index::open(content, LOG, SHAPES[1]) {
                Ok(index) => index,
                Err(_) => {
                    refused += 1;
                    continue;
                }
            };
            match index.newest().prove(&query, 100) {
                Ok(proof) => {
                    assert!(query.check(&proof, &root).is_ok());
                    assert_eq!((index.newest().size(), index.newest().labels()), (300, 16));
                }
                Err(error) => {
                    assert!(matches!(error, IndexError::Damaged));
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > values.len());
}

#[test]
fn the_index_of_another_log_or_shape_is_refused() {
    let mut index = Index::open(MemoryStore::default(), LOG, Shape::STANDARD).unwrap();
    index.advance(updates(), 300).unwrap();
    assert!(matches!(
        Index::open(index.store.clone(), Hash([8; 32]), Shape::STANDARD),
        Err(IndexError::Foreign)
    ));
    assert!(matches!(Index::open(index.store.clone(), LOG, SHAPES[0]), Err(IndexError::Foreign)));
    let again = Index::open(index.store, LOG, Shape::STANDARD).unwrap();
    assert_eq!((again.newest().root(), again.newest().labels()), (root_at(300), 16));
}
