//! Budgets: how much of something a client, or a CA, may have in a time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The most holders that are remembered; beyond it those with a full budget are forgotten, and if none is, the newcomer waits.
const MAX_HOLDERS: usize = 100_000;

/// A budget for each holder: `amount` in each `period`, refilled evenly, and at most `amount` at once.
pub struct Budget<K> {
    amount: f64,
    period: Duration,
    holders: Mutex<HashMap<K, Holder>>,
}

#[derive(Clone, Copy)]
struct Holder {
    left: f64,
    at: Instant,
}

impl<K: Hash + Eq> Budget<K> {
    /// A budget of `amount` in each `period`.
    pub fn new(amount: u32, period: Duration) -> Self {
        Budget { amount: amount.into(), period, holders: Mutex::default() }
    }

    /// Takes `cost` from a holder's budget.
    ///
    /// # Errors
    /// How long it takes until there is as much again; nothing was taken then.
    pub fn spend(&self, holder: K, cost: usize, now: Instant) -> Result<(), Duration> {
        let mut holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
        if holders.len() >= MAX_HOLDERS && !holders.contains_key(&holder) {
            holders.retain(|_, known| self.refilled(known, now) < self.amount);
            if holders.len() >= MAX_HOLDERS {
                return Err(self.period);
            }
        }
        let known = holders.entry(holder).or_insert(Holder { left: self.amount, at: now });
        let left = self.refilled(known, now);
        let cost = cost as f64;
        if cost > left {
            let missing = (cost.min(self.amount) - left) / self.amount.max(1.0);
            return Err(self.period.mul_f64(missing.max(0.0)).max(Duration::from_secs(1)));
        }
        *known = Holder { left: left - cost, at: now };
        Ok(())
    }

    /// Gives back what was not used after all.
    pub fn refund(&self, holder: &K, cost: usize) {
        let mut holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = holders.get_mut(holder) {
            known.left = (known.left + cost as f64).min(self.amount);
        }
    }

    fn refilled(&self, holder: &Holder, now: Instant) -> f64 {
        let share = now.saturating_duration_since(holder.at).as_secs_f64() / self.period.as_secs_f64();
        (holder.left + share * self.amount).min(self.amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_spent_and_refilled_for_each_holder() {
        let budget = Budget::new(10, Duration::from_secs(100));
        let start = Instant::now();
        assert_eq!(budget.spend("a", 10, start), Ok(()));
        assert_eq!(budget.spend("a", 1, start), Err(Duration::from_secs(10)));
        assert_eq!(budget.spend("b", 10, start), Ok(()));
        assert_eq!(budget.spend("a", 1, start + Duration::from_secs(11)), Ok(()));
        assert!(budget.spend("a", 1, start + Duration::from_secs(11)).is_err());
        budget.refund(&"a", 1);
        assert_eq!(budget.spend("a", 1, start + Duration::from_secs(11)), Ok(()));
    }

    #[test]
    fn more_than_the_whole_budget_is_never_given() {
        let budget = Budget::new(10, Duration::from_secs(100));
        let start = Instant::now();
        assert!(budget.spend("a", 11, start).is_err());
        assert_eq!(budget.spend("a", 10, start), Ok(()));
        assert!(budget.spend("a", 11, start + Duration::from_secs(1_000_000)).is_err());
    }

    #[test]
    fn the_holders_that_are_remembered_are_bounded() {
        let budget = Budget::new(10, Duration::from_secs(100));
        let start = Instant::now();
        for holder in 0..MAX_HOLDERS {
            budget.spend(holder, 1, start).unwrap();
        }
        assert!(budget.spend(MAX_HOLDERS, 1, start).is_err());
        assert!(budget.spend(MAX_HOLDERS, 1, start + Duration::from_secs(100)).is_ok());
    }
}
