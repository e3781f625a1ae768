//! The monitor of transparency logs of telephone number certificates.
//!
//! It is another program than the log, of another operator: it shares the verification core and the client
//! with it, and nothing of the server. [`detect`] is pure, so that what it found can be found again from the
//! same entries. Around it: [`run`] follows logs, [`state`] remembers, [`alert`] tells,
//! and [`http`] cosigns and answers look-ups.

pub mod alert;
pub mod catalogue;
pub mod config;
pub mod detect;
mod entries;
pub mod findings;
pub mod folder;
mod follow;
pub mod http;
mod inbox;
mod issuers;
mod keeper;
pub mod misbehaviour;
pub mod notice;
mod page;
pub mod progress;
mod pulse;
mod quorum;
pub mod run;
pub mod score;
mod served;
pub mod state;
pub mod watching;
