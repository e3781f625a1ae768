//! The country calling codes of ITU-T Recommendation E.164, as a frozen prefix table.
//!
//! A number entry shows the calling codes of its numbers, so that a wave of reroutes in one country can be seen, and
//! everybody who recomputes a leaf must arrive at the same codes. The table is therefore part of format v1 and frozen:
//! a code that ITU assigns later stays `None` here until a later format.
//!
//! Source of the facts: "List of ITU-T Recommendation E.164 assigned country codes" (annex to the ITU Operational
//! Bulletin No. 1114, 15 December 2016). Codes that are spare or reserved are not in the table, nor are 388, 888 and
//! 991, which were assigned once and are no more.

/// The assigned codes of three digits, one row of ten per hundred and ten, as the digits that follow.
const THREE_DIGITS: &[(u16, &[u8])] = &[
    (210, b"12368"),
    (220, b"0123456789"),
    (230, b"0123456789"),
    (240, b"0123456789"),
    (250, b"012345678"),
    (260, b"0123456789"),
    (290, b"01789"),
    (350, b"0123456789"),
    (370, b"0123456789"),
    (380, b"01235679"),
    (420, b"013"),
    (500, b"0123456789"),
    (590, b"0123456789"),
    (670, b"023456789"),
    (680, b"012356789"),
    (690, b"012"),
    (800, b"08"),
    (850, b"02356"),
    (870, b"08"),
    (880, b"01236"),
    (960, b"012345678"),
    (970, b"012345679"),
    (990, b"234568"),
];

/// The assigned codes of two digits.
const TWO_DIGITS: &[u8] = &[
    20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56, 57, 58,
    60, 61, 62, 63, 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98,
];

/// The calling code with which `digits` begin, or `None` where no assigned code is their beginning.
///
/// `digits` are E.164 digits without `+`; they may be the prefix of a block, and one that is shorter than its calling
/// code has none. Three comparisons at most; no allocation.
pub fn calling_code(digits: &str) -> Option<u16> {
    let mut value = 0u16;
    for digit in digits.bytes().take(3) {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value * 10 + u16::from(digit - b'0');
        if is_assigned(value) {
            return Some(value);
        }
    }
    None
}

/// Whether `code` is in the frozen table.
pub fn is_assigned(code: u16) -> bool {
    match code {
        1 | 7 => true,
        10..=99 => u8::try_from(code).is_ok_and(|code| TWO_DIGITS.binary_search(&code).is_ok()),
        100..=999 => {
            let last = b'0' + (code % 10) as u8;
            let row = THREE_DIGITS.binary_search_by_key(&(code - code % 10), |row| row.0);
            row.is_ok_and(|row| THREE_DIGITS[row].1.contains(&last))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Vec<String> {
        (0..=u16::MAX).filter(|code| is_assigned(*code)).map(|code| code.to_string()).collect()
    }

    #[test]
    fn no_code_begins_another() {
        let table = table();
        for code in &table {
            for other in &table {
                assert!(code == other || !other.starts_with(code.as_str()), "{code} begins {other}");
            }
        }
    }

    /// The count of the frozen table: a change of one code fails here.
    #[test]
    fn the_table_is_frozen() {
        let table = table();
        assert_eq!(table.iter().filter(|code| code.len() == 1).count(), 2);
        assert_eq!(table.iter().filter(|code| code.len() == 2).count(), 44);
        let three: usize = THREE_DIGITS.iter().map(|row| row.1.len()).sum();
        assert_eq!(table.iter().filter(|code| code.len() == 3).count(), three);
        assert_eq!(table.iter().map(|code| code.parse::<u64>().unwrap()).sum::<u64>(), 89_437);
    }

    #[test]
    fn every_code_is_found_whatever_follows() {
        for code in table() {
            assert_eq!(calling_code(&format!("{code}5550123")), Some(code.parse().unwrap()));
            assert_eq!(calling_code(&code), Some(code.parse().unwrap()));
        }
    }

    #[test]
    fn known_numbers() {
        for (digits, code) in [
            ("17035550123", Some(1)),
            ("442079460000", Some(44)),
            ("4930123456", Some(49)),
            ("35312345678", Some(353)),
            ("77012345678", Some(7)),
            ("6834002", Some(683)),
            ("7035550123", Some(7)),
            ("99912345", None),
            ("2101234567", None),
            ("35", None),
            ("", None),
            ("+1703", None),
        ] {
            assert_eq!(calling_code(digits), code, "{digits}");
        }
    }
}
