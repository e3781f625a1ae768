//! Bit prefixes of labels: the positions of the index tree, and what is asked of it.

use std::fmt;

use crate::label::Label;

/// The bits of a label.
pub const LABEL_BITS: u16 = 256;

/// The first bits of labels, 0 to 256 of them, the most significant bit of the first byte first. `Debug` shows their
/// number alone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    bits: [u8; 32],
    length: u16,
}

/// Bytes are no prefix: longer than a label, or with bits set beyond the length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a prefix has at most 256 bits, and none set beyond its length")]
pub struct PrefixError;

impl Prefix {
    /// The prefix of every label.
    pub const EMPTY: Prefix = Prefix { bits: [0; 32], length: 0 };

    /// The first `length` bits of `bytes`, which are exactly as many as hold them; the unused bits are 0.
    ///
    /// # Errors
    /// [`PrefixError`].
    pub fn new(bytes: &[u8], length: u16) -> Result<Self, PrefixError> {
        if length > LABEL_BITS || bytes.len() != usize::from(length).div_ceil(8) {
            return Err(PrefixError);
        }
        let mut bits = [0; 32];
        bits[..bytes.len()].copy_from_slice(bytes);
        let prefix = Prefix { bits, length };
        if prefix.cut(length) == prefix { Ok(prefix) } else { Err(PrefixError) }
    }

    /// The prefix of the labels of all blocks whose digits begin with `digits`.
    ///
    /// # Errors
    /// [`PrefixError`] when these are not 1 to 15 digits.
    pub fn of_blocks_below(digits: &str) -> Result<Self, PrefixError> {
        Self::of_nibbles(digits, &[])
    }

    /// The prefix of the labels of the blocks whose prefix is exactly `digits`, whatever their count of free digits.
    ///
    /// # Errors
    /// [`PrefixError`] when these are not 1 to 15 digits.
    pub fn of_blocks_at(digits: &str) -> Result<Self, PrefixError> {
        Self::of_nibbles(digits, &[0xf])
    }

    fn of_nibbles(digits: &str, end: &[u8]) -> Result<Self, PrefixError> {
        if !(1..=15).contains(&digits.len()) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(PrefixError);
        }
        let mut prefix = Prefix { bits: [0; 32], length: 8 };
        prefix.bits[0] = 0x80;
        for nibble in digits.bytes().map(|digit| digit - b'0').chain(end.iter().copied()) {
            let shift = if prefix.length.is_multiple_of(8) { 4 } else { 0 };
            prefix.bits[usize::from(prefix.length / 8)] |= nibble << shift;
            prefix.length += 4;
        }
        Ok(prefix)
    }

    /// How many bits there are.
    pub fn length(&self) -> u16 {
        self.length
    }

    /// The bits, in as many bytes as hold them; unused bits are 0.
    pub fn bytes(&self) -> &[u8] {
        &self.bits[..usize::from(self.length).div_ceil(8)]
    }

    /// The bits, padded with 0 to 32 bytes.
    pub fn padded(&self) -> &[u8; 32] {
        &self.bits
    }

    /// Whether every label with the prefix `other` has this one.
    pub fn covers(&self, other: &Prefix) -> bool {
        self.length <= other.length && other.common(self) >= self.length
    }

    /// Whether some label has both prefixes.
    pub fn meets(&self, other: &Prefix) -> bool {
        self.common(other) >= self.length.min(other.length)
    }

    /// How many bits from the first on are the same in both.
    pub fn common(&self, other: &Prefix) -> u16 {
        let most = self.length.min(other.length);
        let differing = self.bits.iter().zip(&other.bits).enumerate().find(|(_, (a, b))| a != b);
        differing.map_or(most, |(i, (a, b))| most.min(8 * i as u16 + (a ^ b).leading_zeros() as u16))
    }

    /// The bit with this number, from 0; 0 beyond the length.
    ///
    /// # Panics
    /// From 256 on.
    pub fn bit(&self, number: u16) -> bool {
        self.bits[usize::from(number / 8)] >> (7 - number % 8) & 1 == 1
    }

    /// The first `length` bits of this prefix.
    pub fn cut(&self, length: u16) -> Prefix {
        let mut cut = Prefix { bits: [0; 32], length: length.min(self.length) };
        let whole = usize::from(cut.length / 8);
        cut.bits[..whole].copy_from_slice(&self.bits[..whole]);
        if !cut.length.is_multiple_of(8) {
            cut.bits[whole] = self.bits[whole] & !(0xff >> (cut.length % 8));
        }
        cut
    }

    /// This prefix with one bit more.
    ///
    /// # Panics
    /// When it is a whole label.
    pub fn child(&self, bit: bool) -> Prefix {
        let mut child = Prefix { bits: self.bits, length: self.length + 1 };
        child.bits[usize::from(self.length / 8)] |= u8::from(bit) << (7 - self.length % 8);
        child
    }
}

impl From<&Label> for Prefix {
    fn from(label: &Label) -> Self {
        Prefix { bits: *label.as_bytes(), length: LABEL_BITS }
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prefix({} bits)", self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::Block;

    #[test]
    fn only_one_spelling_is_taken() {
        assert_eq!(Prefix::new(&[0b1010_0000], 3).map(|p| p.length()), Ok(3));
        assert_eq!(Prefix::new(&[0b1011_0000], 3), Err(PrefixError), "a bit beyond the length");
        assert_eq!(Prefix::new(&[0xa0, 0], 3), Err(PrefixError), "a byte too many");
        assert_eq!(Prefix::new(&[], 3), Err(PrefixError), "a byte too few");
        assert_eq!(Prefix::new(&[0; 33], 257), Err(PrefixError), "longer than a label");
        assert_eq!(Prefix::new(&[], 0), Ok(Prefix::EMPTY));
    }

    /// Against the definition, bit by bit, for every two prefixes of at most five bits.
    #[test]
    fn relations_are_those_of_bit_strings() {
        let all: Vec<(Prefix, String)> = (0..=5u16)
            .flat_map(|length| (0..1u16 << length).map(move |value| (length, value)))
            .map(|(length, value)| {
                let text =
                    if length == 0 { String::new() } else { format!("{value:0w$b}", w = length.into()) };
                let prefix = text.bytes().fold(Prefix::EMPTY, |prefix, bit| prefix.child(bit == b'1'));
                (prefix, text)
            })
            .collect();
        for (a, text) in &all {
            for (b, other) in &all {
                let common = text.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
                assert_eq!(a.common(b), common as u16, "{text} {other}");
                assert_eq!(a.covers(b), other.starts_with(text.as_str()), "{text} {other}");
                assert_eq!(a.meets(b), a.covers(b) || b.covers(a), "{text} {other}");
            }
            for length in 0..=a.length() {
                assert!(a.cut(length).covers(a) && a.cut(length).length() == length);
            }
        }
    }

    #[test]
    fn blocks_below_and_at_digits() {
        let label = |block: &str| Prefix::from(&Label::of_block(&block.parse::<Block>().unwrap()));
        let (below, at) = (Prefix::of_blocks_below("1703").unwrap(), Prefix::of_blocks_at("1703").unwrap());
        for (block, is_below, is_at) in
            [("1703xxxxxxx", true, true), ("1703555xxxx", true, false), ("1704xxxxxxx", false, false)]
        {
            assert_eq!((below.covers(&label(block)), at.covers(&label(block))), (is_below, is_at), "{block}");
        }
        assert_eq!(Prefix::of_blocks_below("17a"), Err(PrefixError));
        assert_eq!(Prefix::of_blocks_at(""), Err(PrefixError));
    }
}
