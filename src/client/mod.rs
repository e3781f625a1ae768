//! Talking to a log: fetching and verifying it, submitting to it.

pub mod api;
