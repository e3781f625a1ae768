//! Formats: vectors, the real corpus, other implementations, and whatever bytes come.

mod corpus_parse;
mod fuzz;
mod oracles;
mod secrets;
mod vectors;
