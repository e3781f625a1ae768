//! What reads a log: checker, follower, look-ups, receipts, watch; also of a log that lies.

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/mirrors.rs"]
mod mirrors;
#[path = "../common/story.rs"]
mod story;
#[path = "../support/mod.rs"]
mod support;

mod attacks;
mod check;
mod claims;
mod follow;
mod http_client;
mod index_quorum;
mod lookup;
mod standing;
mod statement_client;
mod watch;
mod watch_again;
mod watch_mirrors;
mod witnesses;
