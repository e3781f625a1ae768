//! What is fuzzed: a function for each family of decoders, which panics when a property does not hold. The tests of tnlog run the
//! same functions over the committed corpus.

pub mod monitor;
pub mod targets;
