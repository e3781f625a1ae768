//! A log: what it answers over its sockets, what it keeps on its disk, and what it never shows.

#[path = "../common/mod.rs"]
mod common;

mod corpus_server;
mod hostile;
mod http;
mod index_log;
mod kill;
mod load;
mod page;
mod privacy;
mod readers;
mod receipt_size;
mod refuses;
mod registrations;
mod simulate;
mod slots;
mod statements;
mod submission;
