//! The log: admission, the sequencer and its stores, the HTTP API.

pub mod plan;
pub mod sequencer;
pub mod signer;
pub mod staging;
pub mod store;
