//! The TLS presentation language (RFC 8446 §3), as much of it as RFC 6962 uses: big-endian integers and
//! length-prefixed byte strings.
//!
//! Reading never allocates: a [`Reader`] hands out slices of its input. What an attacker can ask for is therefore
//! bounded by what he sent.

/// The input ended too early, or a length points beyond it, or bytes are left over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Fewer bytes than the structure needs.
    #[error("the structure ends after {0} bytes, in the middle of a field")]
    Truncated(usize),
    /// More bytes than the structure has.
    #[error("{0} bytes follow the end of the structure")]
    Trailing(usize),
    /// No bytes in a field that has one at least.
    #[error("a field of the structure is empty that may not be")]
    Empty,
}

/// Reads fields from the front of a slice.
#[derive(Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    length: usize,
}

impl<'a> Reader<'a> {
    /// A reader of the whole of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes, length: bytes.len() }
    }

    /// The next `n` bytes.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] when fewer are left.
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(n).ok_or(Malformed::Truncated(self.length))?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next `N` bytes, as an array.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] when fewer are left.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(Malformed::Truncated(self.length))?;
        self.rest = rest;
        Ok(*taken)
    }

    /// A big-endian unsigned integer of `width` bytes, at most 8.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] when fewer are left.
    pub fn uint(&mut self, width: usize) -> Result<u64, Malformed> {
        debug_assert!(width <= 8);
        Ok(self.take(width)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    /// `opaque<0..2^(8*width)-1>`: a length of `width` bytes, then that many bytes.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] when the length points beyond the input.
    pub fn opaque(&mut self, width: usize) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(self.uint(width)?).map_err(|_| Malformed::Truncated(self.length))?;
        self.take(length)
    }

    /// Whether everything was read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`Malformed::Trailing`] when bytes are left.
    pub fn finish(self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed::Trailing(self.rest.len())) }
    }
}

/// Appends fields to a vector.
pub trait Write {
    /// The low `width` bytes of `value`, big-endian.
    fn put_uint(&mut self, value: u64, width: usize);

    /// `opaque<0..2^(8*width)-1>`.
    ///
    /// # Panics
    /// When `bytes` is longer than its length field can say. Callers bound it before.
    fn put_opaque(&mut self, bytes: &[u8], width: usize);
}

impl Write for Vec<u8> {
    fn put_uint(&mut self, value: u64, width: usize) {
        self.extend_from_slice(&value.to_be_bytes()[8 - width..]);
    }

    fn put_opaque(&mut self, bytes: &[u8], width: usize) {
        assert!(
            (bytes.len() as u64) < 1 << (8 * width),
            "a field of {} bytes is over its limit",
            bytes.len()
        );
        self.put_uint(bytes.len() as u64, width);
        self.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_wrote() {
        let mut bytes = Vec::new();
        bytes.put_uint(0x01_0203_0405, 5);
        bytes.put_opaque(b"abc", 3);
        assert_eq!(bytes, [1, 2, 3, 4, 5, 0, 0, 3, b'a', b'b', b'c']);
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.uint(5), Ok(0x01_0203_0405));
        assert_eq!(reader.opaque(3), Ok(&b"abc"[..]));
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn refuses_lengths_beyond_the_input_and_leftovers() {
        assert_eq!(Reader::new(&[0, 0, 4, 1, 2, 3]).opaque(3), Err(Malformed::Truncated(6)));
        assert_eq!(Reader::new(&[0xff; 8]).opaque(8), Err(Malformed::Truncated(8)));
        let mut reader = Reader::new(&[1, 2, 3]);
        assert_eq!(reader.array(), Ok([1, 2]));
        assert_eq!(reader.finish(), Err(Malformed::Trailing(1)));
    }
}
