//! Whether the log still signs. An idle log signs its tree head again with every heartbeat, so the time in it never falls far behind.
//! That of a log which is frozen, or shows one old checkpoint for ever, does: no witness is needed to see that.
//!
//! What passes between two looks is measured by the monotonic clock, and from one life to the next by the system's. Of neither more is
//! believed at once than half the patience, so that a clock that jumps, or a log that was away, accuses nobody. That the system's
//! clock agrees with the tree head excuses a log; that it does not is nothing. A log whose clock was ahead once signs little later
//! times until its clock is there: a day of that is excused too. A tree head that is older than another one is no progress.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// How often what is known is stored, in milliseconds.
const STORED_EVERY: u64 = 60_000;

/// How far ahead of what has passed a log is believed to be, in milliseconds.
const MOST_AHEAD: i64 = 24 * 60 * 60 * 1000;

/// How far the tree heads of a log are behind, as far as is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pulse {
    /// The time of the latest one, in milliseconds; 0 before the first look.
    head: u64,
    /// Milliseconds that have passed and that the time of the tree heads has not; negative where that is ahead.
    behind: i64,
    /// When was looked last, by the system's clock.
    looked: u64,
    #[serde(skip)]
    at: Option<Instant>,
    #[serde(skip)]
    stored: u64,
}

/// A tree head, and when it was looked at.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Its time, in milliseconds of Unix time.
    pub head: u64,
    /// By the monotonic clock.
    pub at: Instant,
    /// By the system's, in milliseconds of Unix time.
    pub clock: u64,
}

/// How far behind is too far.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// How often a log signs at least.
    pub heartbeat: Duration,
    /// How much longer is waited.
    pub patience: Duration,
}

impl Pulse {
    /// After a look: how far behind the log is, where that is too far.
    pub fn look(&mut self, look: Look, rate: Rate) -> Option<Duration> {
        let most = milliseconds(rate.patience) / 2;
        let passed = match self.at.replace(look.at) {
            Some(before) => milliseconds(look.at.saturating_duration_since(before)),
            None if self.head == 0 => 0,
            None => look.clock.saturating_sub(self.looked),
        };
        let advanced = if self.head == 0 { 0 } else { look.head.saturating_sub(self.head) };
        let limit = milliseconds(rate.heartbeat.saturating_add(rate.patience));
        let age = look.clock.checked_sub(look.head).filter(|age| *age <= limit);
        let behind = self.behind.saturating_add(signed(passed.min(most))).saturating_sub(signed(advanced));
        self.behind = behind.max(-MOST_AHEAD).min(age.map_or(i64::MAX, signed));
        (self.head, self.looked) = (self.head.max(look.head), look.clock);
        u64::try_from(self.behind).ok().filter(|behind| *behind > limit).map(Duration::from_millis)
    }

    /// Whether what is known is worth storing again.
    pub fn is_due(&mut self) -> bool {
        let is_due = self.looked.abs_diff(self.stored) >= STORED_EVERY;
        if is_due {
            self.stored = self.looked;
        }
        is_due
    }
}

fn signed(milliseconds: u64) -> i64 {
    i64::try_from(milliseconds).unwrap_or(i64::MAX)
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;
    const HOUR: u64 = 60 * MINUTE;
    const RATE: Rate = Rate { heartbeat: Duration::from_millis(HOUR), patience: Duration::from_millis(HOUR) };
    /// Some time, long after the beginning.
    const NOW: u64 = 1_700_000_000_000;

    /// Looks once a minute, for so many minutes, at the tree heads that `head` gives for the time that has passed; by a clock that
    /// `wrong` sets. The first minute in which the log is too far behind.
    fn minutes(count: u64, head: impl Fn(u64) -> u64, wrong: impl Fn(u64) -> u64) -> Option<u64> {
        let (mut pulse, begin) = (Pulse::default(), Instant::now());
        (0..count).find(|minute| {
            let passed = minute * MINUTE;
            let at = begin + Duration::from_millis(passed);
            pulse.look(Look { head: NOW + head(passed), at, clock: NOW + wrong(passed) }, RATE).is_some()
        })
    }

    /// The newest heartbeat.
    fn idle(passed: u64) -> u64 {
        passed / HOUR * HOUR
    }

    /// Also when its time goes on by a millisecond with each look, which a log that wants to look alive could sign.
    #[test]
    fn a_frozen_log_is_found_after_a_heartbeat_and_the_patience() {
        assert_eq!(minutes(500, |_| 0, |passed| passed), Some(121));
        assert_eq!(minutes(500, |passed| passed / MINUTE, |passed| passed), Some(121));
        let frozen_later = |passed: u64| idle(passed.min(10 * HOUR));
        assert_eq!(minutes(1000, frozen_later, |passed| passed), Some(10 * 60 + 121));
        // The clock is a year behind, or ahead.
        let year = 365 * 24 * HOUR;
        assert_eq!(minutes(1000, |_| year, |passed| passed), Some(121));
        assert_eq!(minutes(1000, |_| 0, |passed| year + passed), Some(121));
    }

    /// Fails when every tree head counts as progress that is later than the one before it.
    #[test]
    fn two_old_tree_heads_in_turn_are_no_life() {
        let in_turn = |passed: u64| if (passed / (30 * MINUTE)).is_multiple_of(2) { 0 } else { HOUR };
        assert_eq!(minutes(500, in_turn, |passed| passed), Some(181));
    }

    /// Its tree heads are then a millisecond apart until its clock is there. Fails without credit for what is ahead.
    #[test]
    fn a_log_whose_clock_was_a_day_ahead_once_is_excused() {
        let day = 24 * HOUR;
        let ahead =
            |passed: u64| if passed < 5 * HOUR { idle(passed) } else { idle(passed).max(5 * HOUR + day) };
        assert_eq!(minutes(5000, ahead, |passed| passed), None);
        let frozen = |passed: u64| if passed < 5 * HOUR { idle(passed) } else { 5 * HOUR + 100 * day };
        assert!(minutes(5000, frozen, |passed| passed).is_some(), "no more than a day");
    }

    /// Fails when the system's clock accuses, and when drift adds up.
    #[test]
    fn an_idle_log_is_not_called_stale_whatever_the_clock_says() {
        let day = 24 * HOUR;
        let jumps = |passed: u64| match passed / (7 * HOUR) % 3 {
            0 => passed,
            1 => passed + day,
            _ => passed.saturating_sub(day),
        };
        assert_eq!(minutes(10_000, idle, |passed| passed), None);
        assert_eq!(minutes(10_000, idle, jumps), None);
        // The log's clock is slow by one part in a hundred: 100 minutes in a week, half a year of a bad clock.
        assert_eq!(
            minutes(10_000, |passed| idle(passed - passed / 100), |passed| passed - passed / 100),
            None
        );
        assert_eq!(minutes(10_000, |passed| passed, |passed| passed + day), None, "a busy one");
    }

    /// Each life looks once. Fails when all that the system's clock says is believed.
    #[test]
    fn from_one_life_to_the_next_a_jump_accuses_nobody_and_a_frozen_log_is_found() {
        let lives = |clocks: &[u64], head: &dyn Fn(usize) -> u64| {
            let mut stored = Pulse::default();
            clocks.iter().enumerate().position(|(life, clock)| {
                let at = Instant::now();
                let found = stored.look(Look { head: NOW + head(life), at, clock: NOW + clock }, RATE);
                stored = serde_json::from_slice(&serde_json::to_vec(&stored).unwrap()).unwrap();
                found.is_some()
            })
        };
        let hours: Vec<u64> = (0..20).map(|hour| hour * HOUR).collect();
        assert_eq!(lives(&hours, &|_| 0), Some(5), "an hour after the clock no longer excuses it, by halves");
        assert_eq!(lives(&hours, &|life| life as u64 * HOUR), None);
        // A jump of a year, while the log was about to sign again.
        let year = 365 * 24 * HOUR;
        assert_eq!(lives(&[0, 50 * MINUTE, year, year + 5 * MINUTE], &|_| 0), None);
    }

    /// A log that could not be read for a day has not signed meanwhile, and does so next.
    #[test]
    fn a_log_that_was_away_is_not_stale() {
        let (mut pulse, begin) = (Pulse::default(), Instant::now());
        let mut look = |head, passed: u64| {
            let at = begin + Duration::from_millis(passed);
            // The clock is wrong, and excuses nobody.
            pulse.look(Look { head: NOW + head, at, clock: passed }, RATE)
        };
        assert_eq!(look(0, 0), None);
        assert_eq!(look(0, 24 * HOUR), None);
        assert_eq!(look(24 * HOUR, 24 * HOUR + MINUTE), None);
    }

    #[test]
    fn what_is_known_is_stored_once_a_minute() {
        let (mut pulse, begin) = (Pulse::default(), Instant::now());
        let mut due = |clock| {
            let _ = pulse.look(Look { head: NOW, at: begin, clock: NOW + clock }, RATE);
            pulse.is_due()
        };
        assert_eq!([0, 1, MINUTE - 1, MINUTE, MINUTE + 1].map(&mut due), [true, false, false, true, false]);
    }
}
