//! A writer of DER (X.690 §10) that does as it is told.
//!
//! It encodes what it is given and checks nothing, because malformed certificates must come out of it as easily as
//! good ones. Every function returns one complete encoded value; nothing here reads.

use ::der::DateTime;
use const_oid::ObjectIdentifier;
use std::time::Duration;

/// 9999-12-31T23:59:59Z in Unix seconds, the last time that RFC 5280 §4.1.2.5 can say.
const LAST_TIME: u64 = 253_402_300_799;
/// 2050-01-01T00:00:00Z in Unix seconds: from here on a time is a GeneralizedTime.
const FIRST_GENERALIZED_TIME: u64 = 2_524_608_000;

/// Tag, shortest definite length, content.
pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    let mut out = Vec::with_capacity(content.len() + 6);
    out.push(tag);
    if content.len() >= 0x80 {
        out.push(0x80 | u8::try_from(significant.len()).expect("a usize has at most 8 bytes"));
        out.extend_from_slice(significant);
    } else {
        out.push(significant.first().copied().unwrap_or(0));
    }
    out.extend_from_slice(content);
    out
}

/// SEQUENCE of already encoded parts.
pub fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

/// SET of already encoded parts, in the order given (DER would sort them; a SET of one needs no sorting).
pub fn set(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x31, &parts.concat())
}

/// Context-specific, constructed tag around an encoded value: `[number] EXPLICIT`.
pub fn explicit(number: u8, value: &[u8]) -> Vec<u8> {
    tlv(0xa0 | number, value)
}

/// Context-specific, primitive tag around content octets: `[number] IMPLICIT` of a string.
pub fn implicit(number: u8, content: &[u8]) -> Vec<u8> {
    tlv(0x80 | number, content)
}

/// OBJECT IDENTIFIER.
pub fn oid(oid: ObjectIdentifier) -> Vec<u8> {
    tlv(0x06, oid.as_bytes())
}

/// INTEGER in the fewest octets, negative ones in two's complement.
pub fn integer(value: i128) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let redundant = |pair: &&[u8]| matches!((pair[0], pair[1] >> 7), (0x00, 0) | (0xff, 1));
    tlv(0x02, &bytes[bytes.windows(2).take_while(redundant).count()..])
}

/// INTEGER with exactly these content octets, whatever they mean.
pub fn integer_octets(content: &[u8]) -> Vec<u8> {
    tlv(0x02, content)
}

/// BOOLEAN.
pub fn boolean(value: bool) -> Vec<u8> {
    tlv(0x01, &[if value { 0xff } else { 0x00 }])
}

/// NULL.
pub fn null() -> Vec<u8> {
    tlv(0x05, &[])
}

/// OCTET STRING.
pub fn octet_string(content: &[u8]) -> Vec<u8> {
    tlv(0x04, content)
}

/// BIT STRING whose last octet has `unused` unused bits.
pub fn bit_string(unused: u8, content: &[u8]) -> Vec<u8> {
    tlv(0x03, &[&[unused], content].concat())
}

/// IA5String.
pub fn ia5_string(text: &str) -> Vec<u8> {
    tlv(0x16, text.as_bytes())
}

/// UTF8String.
pub fn utf8_string(text: &str) -> Vec<u8> {
    tlv(0x0c, text.as_bytes())
}

/// PrintableString.
pub fn printable_string(text: &str) -> Vec<u8> {
    tlv(0x13, text.as_bytes())
}

/// A certificate's time: UTCTime until 2049 and GeneralizedTime from 2050 (RFC 5280 §4.1.2.5), from Unix seconds.
/// What lies after the year 9999 becomes its last second, which the RFC reads as "does not end".
pub fn time(unix_seconds: u64) -> Vec<u8> {
    let at = DateTime::from_unix_duration(Duration::from_secs(unix_seconds.min(LAST_TIME)))
        .expect("DateTime holds every second until the year 9999");
    let (year, month, day) = (at.year(), at.month(), at.day());
    let (hour, minute, second) = (at.hour(), at.minutes(), at.seconds());
    let rest = format!("{month:02}{day:02}{hour:02}{minute:02}{second:02}Z");
    if unix_seconds < FIRST_GENERALIZED_TIME {
        tlv(0x17, format!("{:02}{rest}", year % 100).as_bytes())
    } else {
        tlv(0x18, format!("{year:04}{rest}").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::der::Encode;

    #[test]
    fn lengths_are_the_shortest_possible() {
        assert_eq!(tlv(0x04, &[]), [0x04, 0x00]);
        assert_eq!(tlv(0x04, &[7; 127])[..2], [0x04, 0x7f]);
        assert_eq!(tlv(0x04, &[7; 128])[..3], [0x04, 0x81, 0x80]);
        assert_eq!(tlv(0x04, &[7; 256])[..4], [0x04, 0x82, 0x01, 0x00]);
        assert_eq!(tlv(0x04, &[7; 65_536])[..5], [0x04, 0x83, 0x01, 0x00, 0x00]);
    }

    #[test]
    fn integers_are_those_of_the_der_crate() {
        for value in [0, 1, -1, 127, 128, -128, -129, 255, 256, 32_767, 32_768, i64::MAX, i64::MIN] {
            assert_eq!(integer(value.into()), value.to_der().unwrap(), "{value}");
        }
        assert_eq!(integer(i128::MAX).len(), 18);
    }

    #[test]
    fn times_change_their_type_in_2050() {
        assert_eq!(time(0), tlv(0x17, b"700101000000Z"));
        assert_eq!(time(FIRST_GENERALIZED_TIME - 1), tlv(0x17, b"491231235959Z"));
        assert_eq!(time(FIRST_GENERALIZED_TIME), tlv(0x18, b"20500101000000Z"));
        assert_eq!(time(u64::MAX), tlv(0x18, b"99991231235959Z"));
    }
}
