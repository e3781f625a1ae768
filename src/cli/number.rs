//! Telephone numbers as people write them.

use tnlog::number::{Number, NumberError};

/// Why what was given is no number. Says nothing about its digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GivenError {
    /// Not in E.164 form.
    #[error(transparent)]
    Number(#[from] NumberError),
    /// A character that is none of a number.
    #[error(
        "a telephone number is written in digits, with + before and spaces, -, ., ( and ) between if you like"
    )]
    Character,
    /// No country code.
    #[error(
        "the country code is missing, or is none that is assigned: write + and the country code before the number"
    )]
    NoCountry,
    /// Ten digits that are a North American number without its 1, or one of another country without its plus sign.
    #[error(
        "the country code seems to be missing: write +1 before a North American number. Where it is there already, write + before it"
    )]
    National,
}

/// Reads a number with its country code: `+1 703 555 0123`, `1 (703) 555-0123`, `17035550123`.
///
/// # Errors
/// [`GivenError`].
pub fn parse(text: &str) -> Result<Number, GivenError> {
    let digits = plain(text);
    let (digits, international) = match digits.strip_prefix('+') {
        Some(digits) => (digits, true),
        None => (&digits[..], false),
    };
    let number = Number::new(digits).map_err(|error| match error {
        NumberError::NotADigit => GivenError::Character,
        error => error.into(),
    })?;
    if number.calling_code().is_none() {
        return Err(GivenError::NoCountry);
    }
    if !international && is_north_american(digits.as_bytes()) {
        return Err(GivenError::National);
    }
    Ok(number)
}

/// The text without what people write between digits.
pub fn plain(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')).collect()
}

/// Ten digits whose area code and exchange begin with 2 to 9, as those of the North American Numbering Plan do.
fn is_north_american(digits: &[u8]) -> bool {
    digits.len() == 10 && digits[0] >= b'2' && digits[3] >= b'2'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_people_write_them() {
        for text in ["+1 703 555 0123", "1 (703) 555-0123", "17035550123", "+1.703.555.0123"] {
            assert_eq!(parse(text).unwrap().digits(), "17035550123", "{text}");
        }
        assert_eq!(parse("+47 22 34 56 78").unwrap().digits(), "4722345678");
    }

    #[test]
    fn what_lacks_its_country_is_refused_and_not_repeated() {
        for (text, error) in [
            ("703 555 0123", GivenError::National),
            ("+999 555 0123", GivenError::NoCountry),
            ("0703 555 0123", GivenError::Number(NumberError::LeadingZero)),
            ("+1 703 555 o123", GivenError::Character),
            ("1+7035550123", GivenError::Character),
            ("++17035550123", GivenError::Character),
            ("", GivenError::Number(NumberError::Length)),
        ] {
            let found = parse(text).unwrap_err();
            assert_eq!(found, error, "{text}");
        }
    }
}
