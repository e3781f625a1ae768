//! Deterministic CBOR (RFC 8949 §4.2.1) in closed schemas: maps with the integer keys 1, 2, 3, ... and nothing else.
//!
//! The decoder of the library accepts other encodings of the same value. [`decode`] writes the value again and compares,
//! which refuses trailing bytes, long forms, indefinite lengths and repeated keys at once.

use minicbor::{Decoder, Encoder};

pub(crate) type EncodeError = minicbor::encode::Error<std::convert::Infallible>;
pub(crate) type DecodeError = minicbor::decode::Error;

/// Writes CBOR into a vector, which cannot fail.
pub(crate) fn encode(write: impl FnOnce(&mut Encoder<&mut Vec<u8>>) -> Result<(), EncodeError>) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut Encoder::new(&mut bytes)).expect("a vector takes every write");
    bytes
}

/// The value that `read` finds, if `bytes` are exactly what `write` makes of it.
pub(crate) fn decode<T>(
    bytes: &[u8],
    write: impl FnOnce(&T) -> Vec<u8>,
    read: impl FnOnce(&mut Decoder<'_>) -> Result<T, DecodeError>,
) -> Option<T> {
    let value = read(&mut Decoder::new(bytes)).ok()?;
    (write(&value) == bytes).then_some(value)
}

/// The head of a map; the number of its pairs.
pub(crate) fn map_length(d: &mut Decoder<'_>) -> Result<u64, DecodeError> {
    d.map()?.ok_or_else(|| DecodeError::message("a map of indefinite length"))
}

/// The head of a map of exactly `length` pairs.
pub(crate) fn map(d: &mut Decoder<'_>, length: u64) -> Result<(), DecodeError> {
    if map_length(d)? == length { Ok(()) } else { Err(DecodeError::message("another number of keys")) }
}

/// The key `expected`; the decoder then stands before its value.
pub(crate) fn key<'d, 'b>(d: &'d mut Decoder<'b>, expected: u8) -> Result<&'d mut Decoder<'b>, DecodeError> {
    if d.u8()? == expected { Ok(d) } else { Err(DecodeError::message("another key")) }
}

/// A byte string of exactly `N` bytes.
pub(crate) fn array<const N: usize>(d: &mut Decoder<'_>) -> Result<[u8; N], DecodeError> {
    d.bytes()?.try_into().map_err(|_| DecodeError::message("another length"))
}

/// An array of at most `limit` items.
pub(crate) fn list<T>(
    d: &mut Decoder<'_>,
    limit: usize,
    mut item: impl FnMut(&mut Decoder<'_>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    match d.array()? {
        Some(length) if length <= limit as u64 => (0..length).map(|_| item(d)).collect(),
        _ => Err(DecodeError::message("too many items, or of indefinite length")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(value: &Vec<u16>) -> Vec<u8> {
        encode(|e| {
            e.map(1)?.u8(1)?.array(value.len() as u64)?;
            for item in value {
                e.u16(*item)?;
            }
            Ok(())
        })
    }

    fn read(bytes: &[u8]) -> Option<Vec<u16>> {
        decode(bytes, write, |d| {
            map(d, 1)?;
            list(key(d, 1)?, 3, |d| d.u16())
        })
    }

    #[test]
    fn accepts_one_encoding_of_a_value() {
        assert_eq!(write(&vec![1, 500]), [0xa1, 1, 0x82, 1, 0x19, 1, 0xf4]);
        assert_eq!(read(&[0xa1, 1, 0x82, 1, 0x19, 1, 0xf4]), Some(vec![1, 500]));
        assert_eq!(read(&[0xa1, 1, 0x80]), Some(vec![]));
    }

    #[test]
    fn refuses_every_other() {
        for (why, bytes) in [
            ("trailing byte", &[0xa1, 1, 0x80, 0][..]),
            ("long form of a number", &[0xa1, 1, 0x81, 0x18, 1]),
            ("long form of a length", &[0xa1, 1, 0x98, 0]),
            ("indefinite array", &[0xa1, 1, 0x9f, 0xff]),
            ("indefinite map", &[0xbf, 1, 0x80, 0xff]),
            ("unknown key", &[0xa1, 2, 0x80]),
            ("more keys", &[0xa2, 1, 0x80, 2, 0]),
            ("more items than the limit", &[0xa1, 1, 0x84, 1, 2, 3, 4]),
            ("a length that no input has", &[0xa1, 1, 0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            ("nothing", &[]),
        ] {
            assert_eq!(read(bytes), None, "{why}");
        }
    }
}
