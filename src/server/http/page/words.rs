//! Times and counts, for people.

use std::time::Duration;

/// A time: the date, and how long ago.
pub struct When {
    pub date: String,
    pub ago: String,
}

impl When {
    /// Of seconds of Unix time, seen at `now`.
    pub fn new(time: u64, now: u64) -> Self {
        When { date: date(i64::try_from(time).unwrap_or(i64::MAX)), ago: ago(now.saturating_sub(time)) }
    }
}

/// Seconds of Unix time as `2026-01-31 12:00:00 UTC`.
pub fn date(seconds: i64) -> String {
    let since = u64::try_from(seconds).ok().map(Duration::from_secs);
    let date = since.and_then(|since| der::DateTime::from_unix_duration(since).ok());
    date.map_or_else(
        || format!("{seconds} seconds of Unix time"),
        |date| date.to_string().replace('T', " ").replace('Z', " UTC"),
    )
}

/// Milliseconds of Unix time, to the second.
pub fn date_of_millis(millis: u64) -> String {
    date(i64::try_from(millis / 1000).unwrap_or(i64::MAX))
}

fn ago(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..=1 => return "just now".to_owned(),
        2..=119 => (seconds, "seconds"),
        120..=7_199 => (seconds / 60, "minutes"),
        7_200..=172_799 => (seconds / 3600, "hours"),
        _ => (seconds / 86_400, "days"),
    };
    format!("{count} {unit} ago")
}

/// A count with commas between thousands.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Bytes in lowercase hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_counts_as_people_say_them() {
        for (seconds, said) in [
            (1, "just now"),
            (2, "2 seconds ago"),
            (119, "119 seconds ago"),
            (120, "2 minutes ago"),
            (7_200, "2 hours ago"),
            (172_800, "2 days ago"),
        ] {
            assert_eq!(ago(seconds), said);
        }
        assert_eq!(When::new(10, 5).ago, "just now", "a clock that is behind");
        assert_eq!(date(1_767_225_600), "2026-01-01 00:00:00 UTC");
        assert_eq!(date(-1), "-1 seconds of Unix time");
        for (count, said) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(count), said);
        }
    }
}
