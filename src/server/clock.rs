//! What time it is for a log: the operating system's, or for a simulation the time that it sets.
//!
//! No configuration chooses it: a log whose clock is set by hand is one that a program started with
//! [`start_at`](super::run::start_at).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The clock of a log. Clones show the same time.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<AtomicU64>>);

impl Clock {
    /// The operating system's.
    pub fn system() -> Self {
        Clock(None)
    }

    /// One that stands at `milliseconds` of Unix time until its hand is moved.
    pub fn by_hand(milliseconds: u64) -> (Self, Hand) {
        let time = Arc::new(AtomicU64::new(milliseconds));
        (Clock(Some(time.clone())), Hand(time))
    }

    /// Milliseconds of Unix time.
    pub fn now_milliseconds(&self) -> u64 {
        match &self.0 {
            Some(time) => time.load(Ordering::Relaxed),
            None => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64),
        }
    }
}

/// Moves a clock.
#[derive(Debug)]
pub struct Hand(Arc<AtomicU64>);

impl Hand {
    /// Sets the clock forward to `milliseconds` of Unix time; it never goes back.
    pub fn move_to(&self, milliseconds: u64) {
        self.0.fetch_max(milliseconds, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_stands_until_its_hand_is_moved_and_never_goes_back() {
        let (clock, hand) = Clock::by_hand(5);
        let other = clock.clone();
        assert_eq!(clock.now_milliseconds(), 5);
        hand.move_to(9);
        hand.move_to(7);
        assert_eq!((clock.now_milliseconds(), other.now_milliseconds()), (9, 9));
        assert!(Clock::system().now_milliseconds() > 1_700_000_000_000);
    }
}
