//! Whether the log goes on without the quorum of its policy. That the newest checkpoint is not cosigned yet is nothing: a busy log is
//! always a moment ahead of its witnesses. That the one with a quorum stays the same meanwhile is.

use std::time::{Duration, Instant};

/// Since when the newest checkpoint with a quorum has been the same, while the log was ahead of it.
pub struct Behind {
    /// Its size; none before the first look.
    size: Option<u64>,
    since: Instant,
}

/// What a look says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quorum {
    /// It is met, or has been met for more.
    Met,
    /// It is not, and not for long.
    Waits,
    /// It has not been for too long.
    Missing,
}

impl Behind {
    /// Before the first look.
    pub fn new(now: Instant) -> Self {
        Behind { size: None, since: now }
    }

    /// After a step: the size of the newest checkpoint with a quorum, and whether the log is ahead of it.
    pub fn look(&mut self, size: u64, is_ahead: bool, now: Instant, patience: Duration) -> Quorum {
        let has_moved = self.size.replace(size).is_some_and(|before| before != size);
        if !is_ahead || has_moved {
            self.since = now;
            return Quorum::Met;
        }
        if now.duration_since(self.since) < patience { Quorum::Waits } else { Quorum::Missing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails without `has_moved`: a log whose witnesses are always a moment behind would be reported.
    #[test]
    fn only_what_stays_behind_is_missing() {
        let (begin, patience) = (Instant::now(), Duration::from_secs(60));
        let mut behind = Behind::new(begin);
        let mut look = |seconds, size, is_ahead| {
            behind.look(size, is_ahead, begin + Duration::from_secs(seconds), patience)
        };
        assert_eq!(look(1, 5, true), Quorum::Waits, "of what was before nothing is known");
        assert_eq!(look(2, 6, true), Quorum::Met);
        assert_eq!(look(61, 6, true), Quorum::Waits);
        assert_eq!(look(62, 6, true), Quorum::Missing);
        assert_eq!(look(63, 7, true), Quorum::Met);
        for seconds in 64..200 {
            assert_eq!(look(seconds, seconds, true), Quorum::Met);
        }
        assert_eq!(look(1000, 199, false), Quorum::Met, "an idle log");
        assert_eq!(look(1001, 199, true), Quorum::Waits);
    }
}
