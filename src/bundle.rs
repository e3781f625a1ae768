//! Entry bundles of C2SP `tlog-tiles`: each entry behind its length, a big-endian `u16`.

use thiserror::Error;

use crate::tile::FULL_WIDTH;

/// The longest entry, in bytes.
pub const MAX_ENTRY: usize = u16::MAX as usize;

/// The longest bundle, in bytes: 256 entries of [`MAX_ENTRY`]. Who fetches one need never read further.
pub const MAX_BUNDLE: usize = FULL_WIDTH as usize * (2 + MAX_ENTRY);

/// Bytes that are not a bundle of so many entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BundleError {
    /// An entry does not fit its length prefix.
    #[error("an entry of {0} bytes is longer than 65,535")]
    EntryTooLong(usize),
    /// The bundle ends inside an entry.
    #[error("the bundle ends inside its entry {0}")]
    Truncated(u16),
    /// Bytes follow the last entry.
    #[error("{0} bytes follow the last entry of the bundle")]
    TrailingBytes(usize),
}

/// Adds an entry to the bytes of a bundle.
///
/// # Errors
/// When the entry is longer than [`MAX_ENTRY`]; the bundle is then unchanged.
pub fn append(bundle: &mut Vec<u8>, entry: &[u8]) -> Result<(), BundleError> {
    let length = u16::try_from(entry.len()).map_err(|_| BundleError::EntryTooLong(entry.len()))?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Ok(())
}

/// The entries of a bundle of exactly `width` entries, without copying them. Costs `width` steps, whatever the
/// bytes; the whole frame is checked before the first entry is given out.
///
/// # Errors
/// When the bytes are fewer or more than so many entries.
pub fn entries(bundle: &[u8], width: u16) -> Result<Entries<'_>, BundleError> {
    let mut rest = bundle;
    for index in 0..width {
        rest = split_entry(rest).ok_or(BundleError::Truncated(index))?.1;
    }
    if rest.is_empty() { Ok(Entries { rest: bundle }) } else { Err(BundleError::TrailingBytes(rest.len())) }
}

/// An iterator over the entries of a bundle; made by [`entries`].
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Entries<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (entry, rest) = split_entry(self.rest)?;
        self.rest = rest;
        Some(entry)
    }
}

fn split_entry(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u16::from_be_bytes(*length).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(entries: &[&[u8]]) -> Vec<u8> {
        let mut bundle = Vec::new();
        entries.iter().for_each(|entry| append(&mut bundle, entry).unwrap());
        bundle
    }

    #[test]
    fn entries_come_back_in_order_and_empty_ones_count() {
        let all: [&[u8]; 4] = [b"", b"a", &[7; 300], b""];
        let bundle = bundle(&all);
        assert_eq!(bundle[..5], [0, 0, 0, 1, b'a']);
        assert_eq!(entries(&bundle, 4).unwrap().collect::<Vec<_>>(), all);
    }

    #[test]
    fn another_width_is_refused() {
        let bundle = bundle(&[b"one", b"two"]);
        assert_eq!(entries(&bundle, 1).unwrap_err(), BundleError::TrailingBytes(5));
        assert_eq!(entries(&bundle, 3).unwrap_err(), BundleError::Truncated(2));
    }

    #[test]
    fn every_truncation_is_refused() {
        let bundle = bundle(&[b"one", b"", b"three"]);
        for length in 0..bundle.len() {
            assert!(entries(&bundle[..length], 3).is_err(), "{length} bytes were taken");
        }
    }

    #[test]
    fn an_entry_that_is_too_long_leaves_the_bundle_alone() {
        let mut bytes = bundle(&[b"one"]);
        assert_eq!(append(&mut bytes, &[0; MAX_ENTRY + 1]), Err(BundleError::EntryTooLong(65_536)));
        assert_eq!(bytes, bundle(&[b"one"]));
        append(&mut bytes, &[0; MAX_ENTRY]).unwrap();
        assert_eq!(entries(&bytes, 2).unwrap().last().unwrap().len(), MAX_ENTRY);
    }

    #[test]
    fn a_byte_changed_never_panics_and_never_loses_bytes() {
        let good = bundle(&[b"one", b"two", b"three"]);
        for position in 0..good.len() {
            for flip in 1..=255 {
                let mut bad = good.clone();
                bad[position] ^= flip;
                if let Ok(found) = entries(&bad, 3) {
                    assert_eq!(found.map(|entry| entry.len() + 2).sum::<usize>(), bad.len());
                }
            }
        }
    }
}
