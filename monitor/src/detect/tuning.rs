//! What an operator of a monitor can set.

use std::collections::HashMap;

use super::id::Operator;

/// How an issuer makes sure that a number is the asker's, as far as the operator of the monitor knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// By a text message or a call to the number: who reroutes it passes.
    Message,
    /// By something that the telephone network does not give: a SIM, a document, an account with the carrier.
    Stronger,
}

/// The habits of issuers that are known.
pub type Habits = HashMap<Operator, Verification>;

/// Limits and times of the detectors; [`Default`] has the ones that `docs/monitoring.md` explains.
#[derive(Clone, Debug, PartialEq)]
pub struct Tuning {
    /// An earlier credential is well inside its life until this share of it is over, in percent.
    pub well_inside_percent: u8,
    /// A registration within this time after a credential was logged counts as its consequence, in seconds.
    pub follows_within: i64,
    /// What a key does later than this after its successor was logged shows that it is still in use, in
    /// seconds.
    pub still_in_use_after: i64,
    /// The longest validity of a certificate that is no CA, in seconds.
    pub longest_validity: i64,
    /// A certificate is backdated if its validity began longer ago than this when it was logged, in seconds.
    pub backdated_after: i64,
    /// A wave is reported when chance would make one as large with at most this probability, as a natural
    /// logarithm.
    pub wave_log_probability: f64,
    /// The fewest suspected reroutes in a wave.
    pub wave_least: u32,
    /// How long an issuer or country is learned before it can have a wave, in hours.
    pub wave_learning_hours: u32,
    /// How issuers verify.
    pub habits: Habits,
}

impl Default for Tuning {
    fn default() -> Self {
        Tuning {
            well_inside_percent: 60,
            follows_within: 86_400,
            still_in_use_after: 86_400,
            longest_validity: 398 * 86_400,
            backdated_after: 48 * 3600,
            wave_log_probability: 1e-9_f64.ln(),
            wave_least: 8,
            wave_learning_hours: 7 * 24,
            habits: Habits::new(),
        }
    }
}
