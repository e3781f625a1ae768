//! Blocks: a prefix and a count of free digits, `1703555xxxx`. Ranges of numbers become the smallest set of them.
//!
//! A block names ten numbers and more, or is the odd edge of a range that does; blocks are carriers' and public.

use std::fmt;
use std::str::FromStr;

use crate::number::{MAX_DIGITS, MIN_DIGITS, Number};

/// The most blocks that one certificate may name.
pub const MAX_BLOCKS: usize = 512;

/// The fewest numbers that a range may have; fewer are named singly.
pub const MIN_RANGE: u64 = 10;

/// An aligned block of numbers: the digits that they begin with, and how many digits follow, which may be none.
///
/// Ordered by the bytes of the prefix, then by the count of free digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Block {
    prefix: [u8; MAX_DIGITS],
    prefix_len: u8,
    free: u8,
}

/// A text is no block, or digits make none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a block is one or more digits, the first not 0, and then free digits written x, 4 to 15 in all")]
pub struct BlockError;

impl Block {
    /// A block of the numbers that begin with `prefix` and have `free` digits more.
    ///
    /// # Errors
    ///
    /// [`BlockError`] unless the prefix is digits, the first not 0, and there are 4 to 15 digits in all.
    pub fn new(prefix: &str, free: u8) -> Result<Self, BlockError> {
        let bytes = prefix.as_bytes();
        let digits = bytes.len() <= MAX_DIGITS && bytes.iter().all(u8::is_ascii_digit);
        let total = bytes.len() + usize::from(free);
        if !digits
            || matches!(bytes.first(), None | Some(b'0'))
            || !(MIN_DIGITS..=MAX_DIGITS).contains(&total)
        {
            return Err(BlockError);
        }
        let mut padded = [0; MAX_DIGITS];
        padded[..bytes.len()].copy_from_slice(bytes);
        Ok(Self { prefix: padded, prefix_len: bytes.len() as u8, free })
    }

    /// The digits that all numbers of the block begin with.
    pub fn prefix(&self) -> &str {
        std::str::from_utf8(&self.prefix[..usize::from(self.prefix_len)]).expect("digits are ASCII")
    }

    /// How many digits follow the prefix.
    pub fn free(&self) -> u8 {
        self.free
    }

    /// Whether the number is in the block.
    pub fn covers(&self, number: &Number) -> bool {
        let digits = number.digits();
        digits.len() == self.prefix().len() + usize::from(self.free) && digits.starts_with(self.prefix())
    }

    /// Whether every number of `other` is in this block.
    pub fn covers_block(&self, other: &Self) -> bool {
        self.prefix_len + self.free == other.prefix_len + other.free
            && other.prefix().starts_with(self.prefix())
    }

    /// The country calling code, where the prefix is long enough to have one ([`crate::calling_code`]).
    pub fn calling_code(&self) -> Option<u16> {
        crate::calling_code::calling_code(self.prefix())
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.prefix())?;
        (0..self.free).try_for_each(|_| f.write_str("x"))
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Block({self})")
    }
}

impl FromStr for Block {
    type Err = BlockError;

    fn from_str(text: &str) -> Result<Self, BlockError> {
        let prefix = text.trim_end_matches('x');
        let free = u8::try_from(text.len() - prefix.len()).map_err(|_| BlockError)?;
        Self::new(prefix, free)
    }
}

/// A range as a certificate writes it: a first number and how many there are. It may still be a person's: `Debug`
/// shows no digit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Range {
    digits: u8,
    first: u64,
    last: u64,
}

/// Why a range is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// Fewer than [`MIN_RANGE`] numbers.
    #[error("a range has ten numbers or more; name fewer singly, in a certificate of single numbers")]
    UnderTen,
    /// The last number has more digits than the first.
    #[error("the first and the last number of a range are equally long")]
    LengthsDiffer,
    /// The ranges of a list need more than [`MAX_BLOCKS`] aligned blocks.
    #[error("the ranges of a certificate make at most 512 aligned blocks; issue several certificates")]
    TooManyBlocks,
}

impl Range {
    /// `count` numbers from `first` on.
    ///
    /// # Errors
    ///
    /// [`RangeError::UnderTen`] and [`RangeError::LengthsDiffer`].
    pub fn new(first: &Number, count: u64) -> Result<Self, RangeError> {
        if count < MIN_RANGE {
            return Err(RangeError::UnderTen);
        }
        let digits = first.digits().len() as u8;
        let first = first.digits().parse::<u64>().expect("at most 15 digits");
        let last = first.checked_add(count - 1).ok_or(RangeError::LengthsDiffer)?;
        if last >= 10u64.pow(u32::from(digits)) {
            return Err(RangeError::LengthsDiffer);
        }
        Ok(Self { digits, first, last })
    }
}

impl fmt::Debug for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Range(hidden)")
    }
}

/// The smallest set of aligned blocks that covers the union of the ranges, in order; equal unions give equal sets.
///
/// Costs a sort of the ranges and one step per block; stops at the first block past [`MAX_BLOCKS`].
///
/// # Errors
///
/// [`RangeError::TooManyBlocks`].
pub fn blocks_covering(mut ranges: Vec<Range>) -> Result<Vec<Block>, RangeError> {
    ranges.sort_unstable();
    let mut blocks = Vec::new();
    let mut ranges = ranges.into_iter().peekable();
    while let Some(mut union) = ranges.next() {
        while let Some(next) =
            ranges.next_if(|next| next.digits == union.digits && next.first <= union.last + 1)
        {
            union.last = union.last.max(next.last);
        }
        append_blocks(&union, &mut blocks)?;
    }
    blocks.sort_unstable();
    Ok(blocks)
}

fn append_blocks(range: &Range, blocks: &mut Vec<Block>) -> Result<(), RangeError> {
    let mut at = range.first;
    while at <= range.last {
        if blocks.len() == MAX_BLOCKS {
            return Err(RangeError::TooManyBlocks);
        }
        let (mut free, mut size) = (0, 1);
        while free + 1 < range.digits && at.is_multiple_of(size * 10) && at + size * 10 - 1 <= range.last {
            free += 1;
            size *= 10;
        }
        let block =
            Block::new(&(at / size).to_string(), free).expect("a range begins and ends with a number");
        blocks.push(block);
        at += size;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: &str, count: u64) -> Range {
        Range::new(&Number::new(first).unwrap(), count).unwrap()
    }

    fn cover(ranges: &[(&str, u64)]) -> Vec<String> {
        let ranges = ranges.iter().map(|(first, count)| range(first, *count)).collect();
        blocks_covering(ranges).unwrap().iter().map(Block::to_string).collect()
    }

    #[test]
    fn text_and_coverage() {
        let block: Block = "1703555xxxx".parse().unwrap();
        assert_eq!((block.prefix(), block.free(), block.to_string()), ("1703555", 4, "1703555xxxx".into()));
        assert!(block.covers(&Number::new("17035550123").unwrap()));
        assert!(!block.covers(&Number::new("1703555012").unwrap()));
        assert!(!block.covers(&Number::new("17035560123").unwrap()));
        assert!(block.covers_block(&"17035551xxx".parse().unwrap()));
        assert!(!block.covers_block(&"170355xxxxx".parse().unwrap()));
        assert!(!block.covers_block(&"17035551xx".parse().unwrap()));
        for text in ["", "xxxx", "0703xxxx", "17x3", "1703y", "1xx", "1xxxxxxxxxxxxxxx", "1703X"] {
            assert_eq!(text.parse::<Block>(), Err(BlockError), "{text}");
        }
        assert_eq!(("1".to_owned() + &"x".repeat(300)).parse::<Block>(), Err(BlockError));
    }

    #[test]
    fn ranges_become_the_smallest_set() {
        assert_eq!(cover(&[("17035550000", 10_000)]), ["1703555xxxx"]);
        assert_eq!(cover(&[("17035550000", 5_000), ("17035554000", 6_000)]), ["1703555xxxx"]);
        assert_eq!(cover(&[("17035550008", 12)]), ["17035550008", "17035550009", "1703555001x"]);
        assert_eq!(
            cover(&[("1000", 9000)]),
            ["1xxx", "2xxx", "3xxx", "4xxx", "5xxx", "6xxx", "7xxx", "8xxx", "9xxx"]
        );
        assert_eq!(cover(&[("10000", 10_000), ("1000", 1000)]), ["1xxx", "1xxxx"]);
    }

    /// Against the definition: exactly the numbers of the union, and no ten sibling blocks left unmerged.
    #[test]
    fn every_range_of_four_digits_is_covered_exactly() {
        for (first, count) in
            (1000..1400u64).step_by(7).flat_map(|first| [(first, 10), (first, 123), (first, 2345)])
        {
            let text = first.to_string();
            let blocks = blocks_covering(vec![range(&text, count)]).unwrap();
            let mut covered = 0;
            for number in 1000..10_000u64 {
                let hits =
                    blocks.iter().filter(|b| b.covers(&Number::new(&number.to_string()).unwrap())).count();
                assert_eq!(hits, usize::from((first..first + count).contains(&number)));
                covered += hits as u64;
            }
            assert_eq!(covered, count);
            for block in blocks.iter().filter(|block| block.prefix().len() > 1) {
                let parent = &block.prefix()[..block.prefix().len() - 1];
                let siblings =
                    blocks.iter().filter(|b| b.free() == block.free() && b.prefix().starts_with(parent));
                assert!(siblings.count() < 10);
            }
        }
    }

    #[test]
    fn refused_ranges() {
        let number = |text| Number::new(text).unwrap();
        assert_eq!(Range::new(&number("17035550000"), 9), Err(RangeError::UnderTen));
        assert_eq!(Range::new(&number("99999999990"), 11), Err(RangeError::LengthsDiffer));
        assert_eq!(Range::new(&number("17035550000"), u64::MAX), Err(RangeError::LengthsDiffer));
        assert!(Range::new(&number("99999999990"), 10).is_ok());
        let odd = |i: u64| range(&(17_035_550_001 + 1000 * i).to_string(), 18);
        assert_eq!(blocks_covering((0..20).map(odd).collect()).unwrap().len(), 20 * 18);
    }

    #[test]
    fn at_most_512_blocks() {
        let apart = |i: u64| range(&(17_030_000_000 + 1000 * i).to_string(), 10);
        assert_eq!(blocks_covering((0..512).map(apart).collect()).unwrap().len(), 512);
        assert_eq!(blocks_covering((0..513).map(apart).collect()), Err(RangeError::TooManyBlocks));
    }
}
