//! Talking to a log: fetching and verifying it, submitting to it.
//!
//! [`http`] and [`source`] bring bytes and believe nothing. [`read`] is a view of a log that is verified as far as it is
//! looked at; [`check`] recomputes a whole log. [`submit`] brings chains to a log and verifies what it answers, with
//! [`issuers`] to complete the chains.

pub mod answer;
pub mod api;
pub mod cache;
pub mod check;
pub mod copy;
pub mod cosigner;
pub mod evaluate;
pub mod evidence;
pub mod follow;
pub mod http;
pub mod index_check;
pub mod index_store;
pub mod issuers;
pub mod lookup;
pub mod read;
pub mod receipts;
pub mod registrations;
pub mod retry;
pub mod secret_file;
pub mod signatures;
pub mod source;
pub mod statements;
pub mod store;
pub mod submit;
pub mod traffic;
pub mod whole_file;
