//! What is remembered between entries: small records under small keys, in whatever keeps ordered bytes.
//!
//! A [`Store`] only reads. What a run of entries changes gathers in a [`Memory`] above it and is taken out at
//! the end as one set of changes, to be stored together with the position in the log: all of it or nothing.
//! Records are replaced and never deleted, and each is bounded ([`MAX_RECORD`]), whatever entries an attacker
//! has logged.
//!
//! A key is a letter and what it is about:
//!
//! | key | record | bytes |
//! |---|---|---|
//! | `n` label | the credentials of a number that matter yet | 33 + 150 to 2,300 |
//! | `s` label | whose a service provider code was | 33 + 30 to 200 |
//! | `b` length, digits | who holds a block | 3 to 17, 66 to 520 |
//! | `i` certificate id | which certificates have had it | 17 + 27 to 102 |
//! | `k` key id | for what a key was used | 17 + 10 to 66 |
//! | `t` operator | its totals ([`super::totals`]) | 9 + 25 |
//! | `o` operator, `c` code | how often what happens ([`super::tally`]) | 9 or 3, 44 to 4,900 |
//! | `h` of whom | how many credentials there were in this hour | 10 or 4, 41 |
//! | `m` of whom | the last suspected reroutes | 10 or 4, up to 3,100 |
//! | `w` watch | what a watch has learned | 17 + up to 2,700 |
//! | `d` day, whose | what was counted that day ([`super::days`]) | 6 to 14, 13 |

use std::collections::BTreeMap;
use std::ops::Bound;

use tnlog::tls::{Malformed, Reader};

/// No record is longer, in bytes.
pub const MAX_RECORD: usize = 8192;

/// What is remembered cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// The store does not answer.
    #[error("the monitor's memory cannot be read: {0}")]
    Store(#[from] std::io::Error),
    /// A record is not what this version writes.
    #[error(
        "the monitor's memory holds a damaged record of {0}; delete the memory, and it is built again from the log"
    )]
    Damaged(&'static str),
}

/// Where records are kept. Keys are at most 40 bytes long, values at most [`MAX_RECORD`].
pub trait Store {
    /// The value of a key.
    ///
    /// # Errors
    /// [`MemoryError::Store`].
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, MemoryError>;

    /// The first `limit` pairs whose keys begin with `prefix`, in the order of their keys.
    ///
    /// # Errors
    /// [`MemoryError::Store`].
    fn scan(&self, prefix: &[u8], limit: usize) -> Result<Vec<Pair>, MemoryError>;
}

/// A key and its value.
pub type Pair = (Vec<u8>, Vec<u8>);

/// A store of its own: for tests, and for a log that is followed once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InMemory(BTreeMap<Vec<u8>, Vec<u8>>);

impl InMemory {
    /// Takes over what a run of entries changed.
    pub fn apply(&mut self, changes: BTreeMap<Vec<u8>, Vec<u8>>) {
        self.0.extend(changes);
    }

    /// How many records there are, and how many bytes of keys and values.
    pub fn size(&self) -> (usize, usize) {
        (self.0.len(), self.0.iter().map(|(key, value)| key.len() + value.len()).sum())
    }
}

impl Store for InMemory {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, MemoryError> {
        Ok(self.0.get(key).cloned())
    }

    fn scan(&self, prefix: &[u8], limit: usize) -> Result<Vec<Pair>, MemoryError> {
        Ok(below(&self.0, prefix).take(limit).map(|(key, value)| (key.clone(), value.clone())).collect())
    }
}

fn below<'a>(
    map: &'a BTreeMap<Vec<u8>, Vec<u8>>,
    prefix: &'a [u8],
) -> impl Iterator<Item = (&'a Vec<u8>, &'a Vec<u8>)> {
    let from = (Bound::Included(prefix), Bound::Unbounded);
    map.range::<[u8], _>(from).take_while(move |(key, _)| key.starts_with(prefix))
}

/// A store, and what has changed since.
pub struct Memory<'a> {
    store: &'a dyn Store,
    changes: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl<'a> Memory<'a> {
    /// Nothing changed yet.
    pub fn new(store: &'a dyn Store) -> Self {
        Memory { store, changes: BTreeMap::new() }
    }

    /// All that has changed, to be stored at once.
    pub fn into_changes(self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        self.changes
    }

    /// How many records have changed: a run of entries should end before these are too many.
    pub fn changed(&self) -> usize {
        self.changes.len()
    }

    pub(super) fn load<T: Record>(&self, key: &[u8]) -> Result<Option<T>, MemoryError> {
        match self.changes.get(key) {
            Some(value) => read(value).map(Some),
            None => self.store.get(key)?.map(|value| read(&value)).transpose(),
        }
    }

    pub(super) fn save<T: Record>(&mut self, key: Vec<u8>, record: &T) {
        let mut value = vec![T::VERSION];
        record.write(&mut value);
        debug_assert!(value.len() <= MAX_RECORD, "{} bytes of {}", value.len(), T::NAME);
        self.changes.insert(key, value);
    }

    /// The first `limit` records whose keys begin with `prefix`, in the order of their keys.
    pub(super) fn scan<T: Record>(&self, prefix: &[u8], limit: usize) -> Result<Vec<T>, MemoryError> {
        let stored = self.store.scan(prefix, limit)?;
        let mut found: BTreeMap<&[u8], &[u8]> =
            stored.iter().map(|(key, value)| (&key[..], &value[..])).collect();
        found.extend(below(&self.changes, prefix).take(limit).map(|(key, value)| (&key[..], &value[..])));
        found.into_values().take(limit).map(read).collect()
    }
}

/// What is kept under a key.
pub(super) trait Record: Sized {
    /// What it is, for an error.
    const NAME: &'static str;
    /// The first byte of its value.
    const VERSION: u8 = 1;

    fn write(&self, bytes: &mut Vec<u8>);

    /// Reads what `write` wrote.
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed>;
}

fn read<T: Record>(value: &[u8]) -> Result<T, MemoryError> {
    let record = || {
        let mut reader = Reader::new(value);
        let [version] = reader.array().ok()?;
        let record = (version == T::VERSION).then(|| T::read(&mut reader).ok())??;
        reader.finish().ok().map(|()| record)
    };
    record().ok_or(MemoryError::Damaged(T::NAME))
}

/// A key: a letter, and what it is about.
pub(super) fn key(letter: u8, parts: &[&[u8]]) -> Vec<u8> {
    std::iter::once(letter).chain(parts.iter().flat_map(|part| part.iter().copied())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tnlog::tls::Write;

    struct Count(u64);

    impl Record for Count {
        const NAME: &'static str = "a count";

        fn write(&self, bytes: &mut Vec<u8>) {
            bytes.put_uint(self.0, 8);
        }

        fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
            Ok(Count(reader.uint(8)?))
        }
    }

    fn counts(memory: &Memory<'_>, prefix: &[u8], limit: usize) -> Vec<u64> {
        memory.scan::<Count>(prefix, limit).unwrap().iter().map(|count| count.0).collect()
    }

    #[test]
    fn changes_cover_what_is_stored_and_come_out_at_once() {
        let mut store = InMemory::default();
        let mut memory = Memory::new(&store);
        for (key, count) in [("xa", 1), ("xb", 2), ("y", 3)] {
            memory.save(key.into(), &Count(count));
        }
        let changes = memory.into_changes();
        store.apply(changes);
        let mut memory = Memory::new(&store);
        memory.save("xb".into(), &Count(20));
        memory.save("xab".into(), &Count(10));
        assert_eq!(counts(&memory, b"x", 9), [1, 10, 20]);
        assert_eq!(counts(&memory, b"x", 2), [1, 10]);
        assert_eq!(memory.load::<Count>(b"y").unwrap().unwrap().0, 3);
        assert_eq!(memory.changed(), 2);
    }

    #[test]
    fn damaged_records_are_refused() {
        for value in [vec![], vec![1, 0], vec![2, 0, 0, 0, 0, 0, 0, 0, 0], vec![1; 10]] {
            let mut store = InMemory::default();
            store.apply(BTreeMap::from([(b"x".to_vec(), value)]));
            assert!(matches!(Memory::new(&store).load::<Count>(b"x"), Err(MemoryError::Damaged("a count"))));
        }
    }
}
