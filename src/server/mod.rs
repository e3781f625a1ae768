//! The log: admission, the sequencer and its stores, the HTTP API.

pub mod budget;
pub mod clock;
pub mod config;
pub mod dedup;
pub mod evidence;
pub mod http;
pub mod index;
pub mod issuers;
pub mod kept;
pub mod keys;
pub mod log;
pub mod metrics;
pub mod open;
mod pair;
pub mod pem_folder;
pub mod plan;
pub mod pool;
pub mod problem;
pub mod read;
pub mod readable;
pub mod roots;
pub mod rounds;
pub mod run;
pub mod sequencer;
pub mod services;
pub mod signatures;
pub mod signer;
pub mod slots;
pub mod staging;
pub mod witness;

pub use crate::client::store;
