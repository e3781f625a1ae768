//! What should not have been issued: pure functions of what is remembered and of the next entry.
//!
//! [`Detectors::observe`] takes the entries of one log in order, each once, and gives the findings. It has no
//! clock, no disk and no randomness: time is that of the leaves, and what is remembered lies in a [`Memory`]
//! over a [`Store`]. The same entries over the same memory give the same findings with the same ids, whatever
//! the batches in which they come, so who starts again after a crash repeats nothing that cannot be told to
//! be a repetition.
//!
//! What comes in must have been verified: leaf hashes, encodings, signatures of statements, and side bundles
//! against their leaves. Each log has a memory of its own.
//!
//! `docs/monitoring.md` says what each detector means, how often it is wrong and what to do.

mod carrier;
mod conflict;
mod days;
mod detectors;
mod entry;
mod exposure;
mod finding;
mod id;
mod memory;
mod number;
mod organization;
mod profile;
mod repeat;
mod reroute;
mod standing;
mod surprise;
mod takeover;
mod tally;
#[cfg(test)]
mod tests;
mod totals;
mod tuning;
mod watch;
mod wave;

pub use days::{Day, Of, day_of, on_day};
pub use detectors::Detectors;
pub use entry::{Beside, Content, Observed, OpenCertificate};
pub use finding::{Detector, Finding, FindingId, Sentence, Severity, State};
pub use id::{Issuer, KeyId, Operator};
pub use memory::{InMemory, MAX_RECORD, Memory, MemoryError, Pair, Store};
pub use tuning::{Habits, Tuning, Verification};
pub use watch::{Watch, WatchId, Watched, Watches};
