//! Where the index keeps what does not fit in memory: a map from short keys to short values.

use std::collections::BTreeMap;
use std::convert::Infallible;

use super::prefix::Prefix;
use crate::label::Label;

/// Writes that happen together or not at all, in the order of keys; a key without a value is removed.
pub type Batch = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// A map on disk or in memory. It is not trusted: what it gives is compared with the hashes that the index holds.
pub trait IndexStore {
    /// Why it failed.
    type Error: std::error::Error + 'static;

    /// The value of a key.
    ///
    /// # Errors
    /// When it cannot be read.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Self::Error>;

    /// Calls `each` with every key that begins with `prefix`, in order, and its value, until it returns `false`.
    ///
    /// # Errors
    /// When they cannot be read.
    fn scan(&self, prefix: &[u8], each: &mut dyn FnMut(&[u8], &[u8]) -> bool) -> Result<(), Self::Error>;

    /// Writes all of `batch` or nothing, also when the power fails meanwhile; what a later batch wrote is never there
    /// without all earlier ones.
    ///
    /// # Errors
    /// When it may not be written; it may also be, wholly.
    fn write(&mut self, batch: &Batch) -> Result<(), Self::Error>;
}

/// A store in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(BTreeMap<Vec<u8>, Vec<u8>>);

impl MemoryStore {
    /// How many keys there are, and how many bytes of keys and values.
    pub fn size(&self) -> (usize, usize) {
        (self.0.len(), self.0.iter().map(|(key, value)| key.len() + value.len()).sum())
    }
}

impl IndexStore for MemoryStore {
    type Error = Infallible;

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.0.get(key).cloned())
    }

    fn scan(&self, prefix: &[u8], each: &mut dyn FnMut(&[u8], &[u8]) -> bool) -> Result<(), Infallible> {
        let below = self.0.range(prefix.to_vec()..).take_while(|(key, _)| key.starts_with(prefix));
        for (key, value) in below {
            if !each(key, value) {
                break;
            }
        }
        Ok(())
    }

    fn write(&mut self, batch: &Batch) -> Result<(), Infallible> {
        for (key, value) in batch {
            match value {
                Some(value) => self.0.insert(key.clone(), value.clone()),
                None => self.0.remove(key),
            };
        }
        Ok(())
    }
}

/// The key of the state.
pub(super) const STATE: &[u8] = b"s";
/// What the keys of buckets begin with.
pub(super) const BUCKETS: &[u8] = b"b";

/// The key of the bucket at a position. Positions do not cover each other, so keys are in the order of labels.
pub(super) fn bucket_key(position: &Prefix) -> Vec<u8> {
    [BUCKETS, position.padded(), &position.length().to_be_bytes()].concat()
}

/// The position of the bucket with this key.
pub(super) fn bucket_position(key: &[u8]) -> Option<Prefix> {
    let (bits, length) = key.strip_prefix(BUCKETS)?.split_first_chunk::<32>()?;
    let length = u16::from_be_bytes(length.try_into().ok()?);
    Prefix::new(bits.get(..usize::from(length).div_ceil(8))?, length).ok()
}

/// The key of a tile of a long list.
pub(super) fn tile_key(label: &Label, level: u8, number: u64) -> Vec<u8> {
    [b"t", &label.as_bytes()[..], &[level], &number.to_be_bytes()].concat()
}
