//! When a request is repeated: exponential back-off with jitter, and `Retry-After` (RFC 9110 §10.2.3). Pure: time and
//! randomness are arguments.

use std::time::Duration;

/// How long and how often a request that is safe to repeat is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How often at most, the first time included.
    pub attempts: u32,
    /// No repetition begins later than this after the first attempt.
    pub total: Duration,
    /// The longest wait before the first repetition; it doubles with each.
    pub first: Duration,
    /// The longest single wait, also when `Retry-After` asks for more.
    pub longest: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            attempts: 8,
            total: Duration::from_secs(60),
            first: Duration::from_millis(250),
            longest: Duration::from_secs(20),
        }
    }
}

impl Patience {
    /// One attempt and no other.
    pub const NONE: Patience =
        Patience { attempts: 1, total: Duration::ZERO, first: Duration::ZERO, longest: Duration::ZERO };

    /// For what the log makes wait for, such as a receipt that needs the witnesses: two minutes.
    pub const FOR_WITNESSES: Patience = Patience {
        attempts: 120,
        total: Duration::from_secs(120),
        first: Duration::from_millis(250),
        longest: Duration::from_secs(10),
    };

    /// The same, but no repetition begins later than `total` after the first attempt.
    #[must_use]
    pub fn at_most(self, total: Duration) -> Self {
        Patience { total: self.total.min(total), ..self }
    }

    /// The wait after the attempt `attempt`, counted from 1; none when it was the last. `asked` is what the server asked
    /// for, `random` a uniform random number, `elapsed` the time since the first attempt began.
    pub fn wait(
        &self,
        attempt: u32,
        asked: Option<Duration>,
        elapsed: Duration,
        random: u32,
    ) -> Option<Duration> {
        if attempt >= self.attempts {
            return None;
        }
        let doubled = self.first.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(self.longest);
        let jitter = doubled.mul_f64(0.5 * f64::from(random) / f64::from(u32::MAX));
        let wait = match asked {
            None => doubled / 2 + jitter,
            Some(asked) => asked.min(self.longest) + jitter.min(asked / 2),
        };
        (elapsed + wait <= self.total).then_some(wait)
    }
}

/// What a `Retry-After` asks for at `now`, in seconds of Unix time: seconds, or an HTTP date; none when it is neither.
pub fn retry_after(value: &str, now: u64) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.len() <= 9 && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return value.parse().ok().map(Duration::from_secs);
    }
    Some(Duration::from_secs(http_date(value)?.saturating_sub(now)))
}

/// The seconds of Unix time of an IMF-fixdate, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7): the one form that may be
/// sent.
fn http_date(value: &str) -> Option<u64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, date) = value.split_once(", ")?;
    let mut fields = date.split(' ');
    let day = fields.next()?.parse().ok()?;
    let month = fields.next()?;
    let month = MONTHS.iter().position(|name| *name == month)? as u8 + 1;
    let year = fields.next()?.parse().ok()?;
    let mut time = fields.next()?.splitn(3, ':').map(|part| part.parse().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    if fields.next()? != "GMT" || fields.next().is_some() {
        return None;
    }
    Some(der::DateTime::new(year, month, day, hour, minute, second).ok()?.unix_duration().as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        attempts: 5,
        total: Duration::from_secs(100),
        first: Duration::from_secs(1),
        longest: Duration::from_secs(8),
    };

    #[test]
    fn waits_double_and_lie_between_half_and_whole() {
        for (attempt, whole) in [(1, 1), (2, 2), (3, 4), (4, 8)] {
            let wait = |random| PATIENCE.wait(attempt, None, Duration::ZERO, random).unwrap();
            assert_eq!(wait(0), Duration::from_secs(whole) / 2);
            assert_eq!(wait(u32::MAX), Duration::from_secs(whole));
        }
    }

    #[test]
    fn attempts_and_time_end() {
        assert_eq!(PATIENCE.wait(5, None, Duration::ZERO, 0), None);
        assert_eq!(PATIENCE.wait(1, None, Duration::from_secs(100), 0), None);
        assert_eq!(Patience::NONE.wait(1, None, Duration::ZERO, 0), None);
    }

    #[test]
    fn what_the_server_asks_for_is_obeyed_and_capped() {
        let asked = |seconds| PATIENCE.wait(1, Some(Duration::from_secs(seconds)), Duration::ZERO, 0);
        assert_eq!(asked(3), Some(Duration::from_secs(3)));
        assert_eq!(asked(1_000_000), Some(Duration::from_secs(8)));
    }

    #[test]
    fn seconds_and_dates() {
        assert_eq!(retry_after("120", 0), Some(Duration::from_secs(120)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_770), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_800), Some(Duration::ZERO));
        for bad in [
            "",
            "-1",
            "+1",
            "1.5",
            "99999999999",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 31 Feb 1994 08:49:37 GMT",
        ] {
            assert_eq!(retry_after(bad, 0), None, "{bad}");
        }
    }
}
