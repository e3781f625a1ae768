//! The pool: submissions that wait for the next round, and who waits for each.
//!
//! A key is *reserved* before anybody looks whether the log holds it already, so that a submission that comes twice at the
//! same instant is one entry with one answer. Bounded in entries and bytes: what does not fit is turned away.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::dedup::DedupKey;
use super::evidence::Evidence;
use super::plan::Object;
use super::slots::Held;
use crate::chain_item::ChainItem;
use crate::entry::Entry;

/// An admitted submission that is new to the log.
pub struct Pending {
    /// Its key.
    pub key: DedupKey,
    /// What its leaf will record.
    pub entry: Entry,
    /// What will stand beside the leaf in the side bundle.
    pub chain: Vec<u8>,
    /// Issuers to be stored with it.
    pub objects: Vec<Object>,
    /// What is kept privately.
    pub evidence: Option<Evidence>,
    /// The slot of a registration, which is let go of with this.
    pub slot: Option<Held>,
}

impl Pending {
    /// An entry with nothing beside it.
    pub fn new(key: DedupKey, entry: Entry) -> Self {
        let chain = ChainItem::default().encode();
        Pending { key, entry, chain, objects: Vec::new(), evidence: None, slot: None }
    }

    fn bytes(&self) -> usize {
        let objects: usize = self.objects.iter().map(|object| object.bytes.len()).sum();
        let evidence = self.evidence.as_ref().map_or(0, Evidence::len);
        // The entry is at most as long as what was submitted, which is in chain or evidence or bounded by a certificate.
        self.chain.len() + objects + evidence + self.entry.approximate_len()
    }
}

/// What became of a submission.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It is in the log: the bytes of its leaf.
    Logged(std::sync::Arc<Vec<u8>>),
    /// It was not taken; the log said why to who came first.
    Dropped,
}

/// What a reservation found.
pub enum Reservation {
    /// Somebody else is at it; wait for the outcome.
    Joined(oneshot::Receiver<Outcome>),
    /// It is this caller's: he completes it or drops it.
    Held(Hold),
}

/// A held reservation. Dropping it, without [`Pool::push`] or [`Pool::resolve`], lets go of the key.
pub struct Hold {
    key: DedupKey,
    pool: std::sync::Arc<Pool>,
    done: bool,
}

/// The pool is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Submissions on their way into the log.
pub struct Pool {
    state: Mutex<State>,
    arrived: Condvar,
    max_entries: usize,
    max_bytes: usize,
}

#[derive(Default)]
struct State {
    waiting: Vec<Pending>,
    bytes: usize,
    in_flight: HashMap<DedupKey, Vec<oneshot::Sender<Outcome>>>,
    closed: bool,
}

impl Pool {
    /// An empty pool.
    pub fn new(max_entries: usize, max_bytes: usize) -> Self {
        Pool { state: Mutex::default(), arrived: Condvar::new(), max_entries, max_bytes }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many submissions wait.
    pub fn len(&self) -> usize {
        self.state().waiting.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes a key for this caller, or joins who has it.
    ///
    /// # Errors
    /// [`Full`], also once the pool is closed.
    pub fn reserve(self: &std::sync::Arc<Self>, key: DedupKey) -> Result<Reservation, Full> {
        let mut state = self.state();
        if let Some(waiters) = state.in_flight.get_mut(&key) {
            let (sender, receiver) = oneshot::channel();
            // Who has gone is forgotten, or a log whose rounds fail would collect everybody who ever asked.
            waiters.retain(|waiter: &oneshot::Sender<Outcome>| !waiter.is_closed());
            waiters.push(sender);
            return Ok(Reservation::Joined(receiver));
        }
        if state.closed || state.in_flight.len() >= self.max_entries || state.bytes >= self.max_bytes {
            return Err(Full);
        }
        state.in_flight.insert(key, Vec::new());
        Ok(Reservation::Held(Hold { key, pool: self.clone(), done: false }))
    }

    /// Puts a held submission into the next round.
    ///
    /// # Panics
    /// When the submission has another key than the reservation.
    pub fn push(&self, mut hold: Hold, pending: Pending) -> oneshot::Receiver<Outcome> {
        assert!(hold.key == pending.key, "a submission takes the place that was reserved for it");
        hold.done = true;
        let (sender, receiver) = oneshot::channel();
        let mut state = self.state();
        state.bytes += pending.bytes();
        state.in_flight.entry(pending.key).or_default().push(sender);
        state.waiting.push(pending);
        drop(state);
        self.arrived.notify_one();
        receiver
    }

    /// Ends a held reservation for something that the log holds already, and tells who joined.
    pub fn resolve(&self, mut hold: Hold, outcome: &Outcome) {
        hold.done = true;
        self.answer(&hold.key, outcome);
    }

    /// Waits until something waits or the time is over, or the pool is closed; then takes up to `limit` of it.
    pub fn take(&self, limit: usize, deadline: Instant) -> Vec<Pending> {
        let mut state = self.state();
        while state.waiting.is_empty() && !state.closed {
            let left = deadline.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                break;
            }
            state = self.arrived.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let count = state.waiting.len().min(limit);
        let taken: Vec<Pending> = state.waiting.drain(..count).collect();
        state.bytes -= taken.iter().map(Pending::bytes).sum::<usize>();
        taken
    }

    /// Tells everybody who waits for a key, and lets go of it.
    pub fn answer(&self, key: &DedupKey, outcome: &Outcome) {
        let waiters = self.state().in_flight.remove(key).unwrap_or_default();
        for waiter in waiters {
            let _ = waiter.send(outcome.clone());
        }
    }

    /// Takes nothing any more; what is in it still goes into a round.
    pub fn close(&self) {
        self.state().closed = true;
        self.arrived.notify_all();
    }

    /// Whether it is closed.
    pub fn is_closed(&self) -> bool {
        self.state().closed
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if !self.done {
            self.pool.answer(&self.key, &Outcome::Dropped);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::SignedEntry;
    use std::sync::Arc;

    fn pending(key: u8) -> Pending {
        let entry = Entry::Open(SignedEntry::X509(vec![key; 100]));
        Pending { chain: vec![0; 100], ..Pending::new([key; 16], entry) }
    }

    fn held(pool: &Arc<Pool>, key: u8) -> Hold {
        match pool.reserve([key; 16]) {
            Ok(Reservation::Held(hold)) => hold,
            _ => panic!("the key {key} is taken"),
        }
    }

    #[test]
    fn who_comes_second_waits_for_the_first() {
        let pool = Arc::new(Pool::new(10, 10_000));
        let first = pool.push(held(&pool, 1), pending(1));
        let Ok(Reservation::Joined(second)) = pool.reserve([1; 16]) else { panic!("not joined") };
        assert_eq!(pool.take(10, Instant::now()).len(), 1);
        let Ok(Reservation::Joined(third)) = pool.reserve([1; 16]) else {
            panic!("not joined while sequenced")
        };
        pool.answer(&[1; 16], &Outcome::Logged(Arc::new(vec![7])));
        for receiver in [first, second, third] {
            assert!(matches!(receiver.blocking_recv(), Ok(Outcome::Logged(leaf)) if *leaf == [7]));
        }
        held(&pool, 1);
    }

    #[test]
    fn a_dropped_reservation_lets_go() {
        let pool = Arc::new(Pool::new(10, 10_000));
        let hold = held(&pool, 1);
        let Ok(Reservation::Joined(joined)) = pool.reserve([1; 16]) else { panic!("not joined") };
        drop(hold);
        assert!(matches!(joined.blocking_recv(), Ok(Outcome::Dropped)));
        held(&pool, 1);
    }

    #[test]
    fn it_is_bounded_in_entries_and_bytes() {
        let pool = Arc::new(Pool::new(2, 10_000));
        let _first = held(&pool, 1);
        pool.push(held(&pool, 2), pending(2));
        assert!(pool.reserve([3; 16]).is_err());
        let pool = Arc::new(Pool::new(1000, 300));
        pool.push(held(&pool, 1), pending(1));
        pool.push(held(&pool, 2), pending(2));
        assert!(pool.reserve([3; 16]).is_err());
        pool.take(1, Instant::now());
        held(&pool, 3);
    }

    #[test]
    fn a_closed_pool_gives_out_what_it_has_and_takes_nothing() {
        let pool = Arc::new(Pool::new(10, 10_000));
        pool.push(held(&pool, 1), pending(1));
        pool.close();
        assert!(pool.reserve([2; 16]).is_err());
        assert_eq!(pool.take(10, Instant::now() + Duration::from_secs(60)).len(), 1);
        assert_eq!(pool.take(10, Instant::now() + Duration::from_secs(60)).len(), 0);
    }
}
