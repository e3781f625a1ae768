//! A load generator for RFC 6962 logs: certificates of a throw-away CA, submitted as fast as it goes or at a rate, and a
//! check afterwards that every SCT was kept; readers beside the writers, if wanted.
//!
//! It is meant to share a machine with the log that it measures, so it does as little as it can while the clock runs:
//! certificates are issued before, signatures of SCTs are not verified, and everything else is looked at afterwards.

mod check;
mod connection;
mod drive;
mod fetch;
mod readers;
mod report;
mod snapshot;
mod workload;

pub use check::{Checked, Start, check};
pub use connection::{Connection, ConnectionError, Target, TargetError};
pub use drive::{Drive, Driven, Logged, Progress, drive};
pub use fetch::CheckError;
pub use readers::{ReadReport, Readers, Reading, Reads};
pub use report::{Latency, Report};
pub(crate) use workload::signer;
pub use workload::{Names, Recipe, Step, Turn, Workload};
