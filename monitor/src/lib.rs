//! The monitor of transparency logs of telephone number certificates.
//!
//! It is another program than the log, of another operator: it shares the verification core and the client with it, and nothing of
//! the server. [`detect`] is pure, so that what it found can be found again from the same entries.

pub mod detect;
