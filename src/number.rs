//! Telephone numbers and service provider codes (RFC 8226 §9), as the log and its apps compare them.

use std::fmt;
use std::str::FromStr;

/// The most digits that an E.164 number has, country code included (ITU-T E.164 §6.2.1).
pub const MAX_DIGITS: usize = 15;

/// The fewest digits that a number has here.
///
/// E.164 sets no minimum. Three digits or fewer are a calling code or a short code such as 911, which names nobody; a
/// three-digit calling code and one more digit is the shortest that can.
pub const MIN_DIGITS: usize = 4;

/// A telephone number: E.164 digits with country code, first digit 1-9, without `+`.
///
/// Numbers are people's and hidden: `Debug` and `Display` show no digit. Ordered by bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number {
    digits: [u8; MAX_DIGITS],
    len: u8,
}

/// Why a text is no number. Says nothing about the text itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Fewer than [`MIN_DIGITS`] or more than [`MAX_DIGITS`] characters.
    #[error("a telephone number has 4 to 15 digits, country code included")]
    Length,
    /// A character that is no digit, such as `+`, `#`, `*` or a space.
    #[error("a telephone number is written in digits alone, without +, #, * or spaces")]
    NotADigit,
    /// The first digit is 0, as in a national format.
    #[error("a telephone number begins with its country code, so its first digit is not 0")]
    LeadingZero,
}

impl Number {
    /// Parses E.164 digits with country code.
    ///
    /// # Errors
    ///
    /// [`NumberError`] says which rule the text breaks, and nothing of the text.
    pub fn new(text: &str) -> Result<Self, NumberError> {
        let bytes = text.as_bytes();
        if !bytes.iter().all(u8::is_ascii_digit) {
            return Err(NumberError::NotADigit);
        }
        if !(MIN_DIGITS..=MAX_DIGITS).contains(&bytes.len()) {
            return Err(NumberError::Length);
        }
        if bytes[0] == b'0' {
            return Err(NumberError::LeadingZero);
        }
        let mut digits = [0; MAX_DIGITS];
        digits[..bytes.len()].copy_from_slice(bytes);
        Ok(Self { digits, len: bytes.len() as u8 })
    }

    /// The digits. Whoever calls this answers for where they go: not into a log line, an error or a public byte.
    pub fn digits(&self) -> &str {
        std::str::from_utf8(&self.digits[..usize::from(self.len)]).expect("digits are ASCII")
    }

    /// The country calling code, where the frozen table has one ([`crate::calling_code`]).
    pub fn calling_code(&self) -> Option<u16> {
        crate::calling_code::calling_code(self.digits())
    }
}

impl FromStr for Number {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        Self::new(text)
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Number(hidden)")
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden number)")
    }
}

/// A service provider code: `[A-Za-z0-9]{1,6}`, kept as it was written. It names a company and is public.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceProviderCode {
    code: [u8; 6],
    len: u8,
}

/// A text is no service provider code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a service provider code is one to six letters and digits")]
pub struct ServiceProviderCodeError;

impl ServiceProviderCode {
    /// Parses one to six ASCII letters and digits.
    ///
    /// # Errors
    ///
    /// [`ServiceProviderCodeError`] when the text is anything else.
    pub fn new(text: &str) -> Result<Self, ServiceProviderCodeError> {
        let bytes = text.as_bytes();
        if !(1..=6).contains(&bytes.len()) || !bytes.iter().all(u8::is_ascii_alphanumeric) {
            return Err(ServiceProviderCodeError);
        }
        let mut code = [0; 6];
        code[..bytes.len()].copy_from_slice(bytes);
        Ok(Self { code, len: bytes.len() as u8 })
    }

    /// The code as it was written.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.code[..usize::from(self.len)]).expect("codes are ASCII")
    }

    /// The code in capitals: two codes are the same when these are. 98 real certificates have small letters.
    pub fn canonical(&self) -> Self {
        Self { code: self.code.map(|byte| byte.to_ascii_uppercase()), len: self.len }
    }
}

impl FromStr for ServiceProviderCode {
    type Err = ServiceProviderCodeError;

    fn from_str(text: &str) -> Result<Self, ServiceProviderCodeError> {
        Self::new(text)
    }
}

impl fmt::Debug for ServiceProviderCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceProviderCode({self})")
    }
}

impl fmt::Display for ServiceProviderCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_and_are_not() {
        assert_eq!(Number::new("17035550123").unwrap().digits(), "17035550123");
        assert!(Number::new("1703").is_ok());
        assert!(Number::new("123456789012345").is_ok());
        for (text, error) in [
            ("", NumberError::Length),
            ("911", NumberError::Length),
            ("1234567890123456", NumberError::Length),
            ("+17035550123", NumberError::NotADigit),
            ("1703555012#", NumberError::NotADigit),
            ("*67", NumberError::NotADigit),
            ("1703 555", NumberError::NotADigit),
            ("１７０３５５５", NumberError::NotADigit),
            ("07035550123", NumberError::LeadingZero),
        ] {
            assert_eq!(Number::new(text), Err(error), "{text}");
        }
    }

    #[test]
    fn no_digit_is_shown() {
        let number = Number::new("17035550123").unwrap();
        let shown = format!("{number} {number:?} {:#?}", Some(number));
        assert!(!shown.contains(|c: char| c.is_ascii_digit()), "{shown}");
    }

    #[test]
    fn ordered_by_bytes() {
        let mut numbers = ["2703", "17035550123", "1703", "170355501"].map(|text| Number::new(text).unwrap());
        numbers.sort();
        assert_eq!(
            numbers.map(|number| number.digits().to_owned()),
            ["1703", "170355501", "17035550123", "2703"]
        );
    }

    #[test]
    fn codes() {
        let code = ServiceProviderCode::new("706j").unwrap();
        assert_eq!((code.to_string(), code.canonical().to_string()), ("706j".into(), "706J".into()));
        for text in ["", "1234567", "70-6", "706 ", "ä1"] {
            assert_eq!(ServiceProviderCode::new(text), Err(ServiceProviderCodeError), "{text}");
        }
    }
}
