//! Does a text that would become public hold a telephone number? Against accidents, not against a CA that hides one.

use der::asn1::AnyRef;
use der::{Decode, Reader, SliceReader, Tag, Tagged};

/// Digits from which on a text is taken for a number.
const DIGITS: usize = 7;

/// How deep nested DER is followed; deeper is treated as if it were not DER.
const MAX_DEPTH: u8 = 16;

/// `tel:`, or `+` (also percent-encoded) and seven digits or more, however spaced.
pub(crate) fn in_text(text: &[u8]) -> bool {
    let text = ascii(text);
    (0..text.len()).any(|at| {
        let rest = &text[at..];
        match rest[0] {
            b't' => rest.starts_with(b"tel:") && !text[..at].last().is_some_and(u8::is_ascii_alphanumeric),
            b'+' => spaced_digits(&rest[1..]) >= DIGITS,
            b'%' => rest.starts_with(b"%2b") && spaced_digits(&rest[3..]) >= DIGITS,
            _ => false,
        }
    })
}

/// [`in_text`], or a word of seven to fifteen digits and nothing else.
pub(crate) fn in_words(text: &[u8]) -> bool {
    let is_number = |word: &[u8]| (DIGITS..=15).contains(&word.len()) && word.iter().all(u8::is_ascii_digit);
    in_text(text) || ascii(text).split(|byte| !byte.is_ascii_alphanumeric()).any(is_number)
}

/// [`in_text`], or before an `@` a word as in [`in_words`], or a name of ENUM (RFC 6116).
pub(crate) fn in_address(text: &[u8]) -> bool {
    let lower = ascii(text);
    let user = lower.iter().position(|byte| *byte == b'@').map_or(&[][..], |at| &lower[..at]);
    in_text(text) || in_words(user) || lower.windows(9).any(|window| window == b"e164.arpa")
}

/// [`in_text`], or any seven digits in a row: for bytes that cannot be read.
pub(crate) fn in_bytes(bytes: &[u8]) -> bool {
    in_text(bytes) || ascii(bytes).split(|byte| !byte.is_ascii_digit()).any(|run| run.len() >= DIGITS)
}

/// Whether `found` holds for any primitive value in the DER; `None` when it is no DER or nested too deep.
pub(crate) fn any_primitive(der: &[u8], found: &dyn Fn(Tag, &[u8]) -> bool) -> Option<bool> {
    any_at_depth(der, MAX_DEPTH, found)
}

fn any_at_depth(der: &[u8], depth: u8, found: &dyn Fn(Tag, &[u8]) -> bool) -> Option<bool> {
    let mut reader = SliceReader::new(der).ok()?;
    while !reader.is_finished() {
        let any = AnyRef::decode(&mut reader).ok()?;
        let hit = match any.tag().is_constructed() {
            true if any.value().is_empty() => false,
            true => any_at_depth(any.value(), depth.checked_sub(1)?, found)?,
            false => found(any.tag(), any.value()),
        };
        if hit {
            return Some(true);
        }
    }
    Some(false)
}

/// In small letters, and without the zero bytes of BMPString and UniversalString.
fn ascii(text: &[u8]) -> Vec<u8> {
    text.iter().filter(|byte| **byte != 0).map(u8::to_ascii_lowercase).collect()
}

fn spaced_digits(text: &[u8]) -> usize {
    let spaced = text.iter().take_while(|byte| byte.is_ascii_digit() || b" -.()/".contains(byte));
    spaced.filter(|byte| byte.is_ascii_digit()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_texts() {
        for text in
            ["+17035550123", "x +1 (703) 555-0123", "TEL:911", "a;tel:x", "sip:%2B17035550123@h", "+1234567"]
        {
            assert!(in_text(text.as_bytes()), "{text}");
        }
        for text in ["+123456", "Grand Hotel: rooms", "17035550123", "C++ 12345", ""] {
            assert!(!in_text(text.as_bytes()), "{text}");
        }
        assert!(in_text(b"\0+\x001\x007\x000\x003\x005\x005\x005"));
    }

    #[test]
    fn numbers_in_words_and_addresses() {
        assert!(in_words(br#"{"tn":"12155551212"}"#));
        assert!(!in_words(b"0f12345678-1234") && !in_words(b"1234567890123456"));
        assert!(in_address(b"sip:17035550123@example.com") && in_address(b"3.2.1.5.5.5.e164.arpa"));
        assert!(!in_address(b"12345678.example.com") && !in_address(b"sip:alice@12345678.com"));
        let nest = |depth: usize| {
            (0..depth).fold(vec![4, 1, b'x'], |inner, _| [&[0x30, inner.len() as u8], &inner[..]].concat())
        };
        assert_eq!(any_primitive(&nest(16), &|_, value| value == b"x"), Some(true));
        assert_eq!(any_primitive(&nest(17), &|_, value| value == b"x"), None);
        assert_eq!(any_primitive(&[0x30, 2, 4], &|_, _| true), None);
        assert!(in_bytes(b"a1234567b") && !in_bytes(b"123456 123456"));
    }
}
