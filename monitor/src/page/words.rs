//! Figures, times and names as people read them.

use serde::{Serialize, Serializer};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// Longer names are cut.
const NAME: usize = 80;

/// A whole number, behind however many references a template puts before it.
pub trait Figure {
    /// Its value.
    fn figure(&self) -> u64;
}

impl Figure for u64 {
    fn figure(&self) -> u64 {
        *self
    }
}

impl<T: Figure + ?Sized> Figure for &T {
    fn figure(&self) -> u64 {
        (*self).figure()
    }
}

/// `1,234,567`.
pub fn number(value: impl Figure) -> String {
    let digits = value.figure().to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 finding`, `2 findings`, `2 entries`.
pub fn counted(count: impl Figure, one: &str) -> String {
    match (count.figure(), one.strip_suffix('y').filter(|stem| !stem.ends_with('a'))) {
        (1, _) => format!("1 {one}"),
        (count, Some(stem)) => format!("{} {stem}ies", number(count)),
        (count, None) if one.ends_with('h') => format!("{} {one}es", number(count)),
        (count, None) => format!("{} {one}s", number(count)),
    }
}

/// What somebody else has named, without what controls a terminal or a page, and not without end.
pub fn name(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !c.is_control()).take(NAME).collect();
    if clean.len() < text.len() { format!("{clean}…") } else { clean }
}

/// With a dot for each digit of what may be a telephone number: seven digits or more in a row, with what stands between them.
pub fn without_numbers(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_digit() || "+-() ./".contains(c);
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find(|c: char| c.is_ascii_digit()) {
        let run = &rest[begin..];
        let end = run.find(|c| !is_part(c)).unwrap_or(run.len());
        let is_number = run[..end].bytes().filter(u8::is_ascii_digit).count() >= 7;
        clean.push_str(&rest[..begin]);
        clean.extend(run[..end].chars().map(|c| if is_number && c.is_ascii_digit() { '•' } else { c }));
        rest = &run[end..];
    }
    clean + rest
}

/// The beginning of a hash.
pub fn short(hash: &str) -> String {
    let begin: String = hash.chars().take(12).collect();
    if begin.len() < hash.len() { format!("{begin}…") } else { begin }
}

/// The first letter a capital.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// `3 days`, of seconds.
pub fn duration(seconds: impl Figure) -> String {
    let seconds = seconds.figure();
    let (count, unit) = match seconds {
        0..MINUTE => (seconds, "second"),
        MINUTE..HOUR => (seconds / MINUTE, "minute"),
        HOUR..DAY => (seconds / HOUR, "hour"),
        _ => (seconds / DAY, "day"),
    };
    counted(count, unit)
}

/// A time, with the time from which it is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct When {
    milliseconds: u64,
    now: u64,
}

impl Serialize for When {
    /// Milliseconds of Unix time.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.milliseconds)
    }
}

impl When {
    /// Both in milliseconds of Unix time.
    pub fn new(milliseconds: u64, now: u64) -> Self {
        When { milliseconds, now }
    }

    /// Seconds of Unix time, seen from milliseconds.
    pub fn at(seconds: i64, now: u64) -> Self {
        When::new(u64::try_from(seconds).unwrap_or(0).saturating_mul(1000), now)
    }

    /// Milliseconds of Unix time.
    pub fn milliseconds(&self) -> u64 {
        self.milliseconds
    }

    /// Seconds of Unix time.
    pub fn seconds(&self) -> i64 {
        i64::try_from(self.milliseconds / 1000).expect("a thousandth of 64 bits fits")
    }

    /// `2 hours ago`, `in 3 days`.
    pub fn ago(&self) -> String {
        let difference = self.milliseconds.abs_diff(self.now) / 1000;
        match (difference, self.milliseconds <= self.now) {
            (0, _) => "now".into(),
            (_, true) => format!("{} ago", duration(difference)),
            (_, false) => format!("in {}", duration(difference)),
        }
    }

    /// `24 Nov 2026, 13:38 UTC`.
    pub fn absolute(&self) -> String {
        let Moment { year, month, day, seconds } = moment(self.milliseconds);
        let (hour, minute) = (seconds / HOUR, seconds % HOUR / MINUTE);
        format!("{day} {} {year}, {hour:02}:{minute:02} UTC", MONTHS[month - 1])
    }

    /// `24 Nov 2026`.
    pub fn date(&self) -> String {
        let Moment { year, month, day, .. } = moment(self.milliseconds);
        format!("{day} {} {year}", MONTHS[month - 1])
    }

    /// `2026-11-24T13:38:54Z`.
    pub fn iso(&self) -> String {
        let Moment { year, month, day, seconds } = moment(self.milliseconds);
        let (hour, minute, second) = (seconds / HOUR, seconds % HOUR / MINUTE, seconds % MINUTE);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }

    /// In HTML, relative and absolute.
    pub fn html(&self) -> String {
        format!(
            "<time datetime=\"{}\"><span class=\"ago\">{}</span> <span class=\"at\">{}</span></time>",
            self.iso(),
            self.ago(),
            self.absolute()
        )
    }
}

struct Moment {
    year: u64,
    /// From 1.
    month: usize,
    day: u64,
    /// Of the day.
    seconds: u64,
}

/// The calendar of a time since 1970, which repeats after 400 years of 146,097 days; its years begin in March.
fn moment(milliseconds: u64) -> Moment {
    let seconds = milliseconds / 1000;
    let days = seconds / DAY + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let calendar = if month < 10 { month + 3 } else { month - 9 };
    let year = 400 * era + year_of_era + u64::from(calendar <= 2);
    Moment { year, month: calendar as usize, day, seconds: seconds % DAY }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_and_times_read_well() {
        assert_eq!([number(0_u64), number(999_u64), number(1_000_000_u64)], ["0", "999", "1,000,000"]);
        assert_eq!(
            [counted(1, "log"), counted(2, "log"), counted(2, "hash")],
            ["1 log", "2 logs", "2 hashes"]
        );
        assert_eq!([counted(2, "entry"), counted(2, "day")], ["2 entries", "2 days"]);
        let at = |milliseconds| When::new(milliseconds, 1_795_527_534_000);
        assert_eq!(at(1_795_527_534_000).iso(), "2026-11-24T13:38:54Z");
        assert_eq!(at(951_827_696_000).absolute(), "29 Feb 2000, 12:34 UTC");
        assert_eq!(at(0).date(), "1 Jan 1970");
        assert_eq!(at(1_795_527_474_000).ago(), "1 minute ago");
        assert_eq!(at(1_795_786_734_000).ago(), "in 3 days");
        assert_eq!(name("a\u{7}b"), "ab…");
        assert_eq!(
            without_numbers("of +1 703 555-0123 in 2026, 398 days"),
            "of +• ••• •••-•••• in 2026, 398 days"
        );
    }
}
