//! The log: admission, the sequencer and its stores, the HTTP API.

pub mod budget;
pub mod config;
pub mod dedup;
pub mod evidence;
pub mod keys;
pub mod plan;
pub mod pool;
pub mod read;
pub mod roots;
pub mod sequencer;
pub mod signatures;
pub mod signer;
pub mod staging;
pub mod store;
