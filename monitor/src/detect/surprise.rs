//! How improbable a count is, when the past is all that is known of the rate.
//!
//! Events that come by chance, at a rate that nobody knows, were counted `past` times over some exposure
//! (hours, or credentials issued). With a flat prior the rate is Gamma distributed with shape `past` + 1, and
//! the count over a further exposure is negative binomial: so a short past makes wide limits, and nothing
//! needs to be guessed. If that exposure is the share *q* of both, the probability of *x* events or more is
//! at most (Chernoff)
//!
//! ```text
//! exp(-(x + r) D(x / (x + r), q)),   r = past + 1,   D(f, q) = f ln(f / q) + (1 - f) ln((1 - f) / (1 - q))
//! ```
//!
//! for x / (x + r) > q. That is an upper bound and no approximation, so a limit on it is a limit on the rate
//! of false alarms, as far as the model holds.

/// The natural logarithm of an upper bound of the probability of `count` events or more, where `past` were
/// counted before and the
/// exposure of the count is the `share` (0 to 1) of both exposures.
pub(super) fn log_probability(count: u64, past: u64, share: f64) -> f64 {
    let (x, r) = (count as f64, past as f64 + 1.0);
    let seen = x / (x + r);
    if seen <= share {
        return 0.0;
    }
    if share <= 0.0 {
        return f64::NEG_INFINITY;
    }
    let divergence = seen * (seen / share).ln() + (1.0 - seen) * ((1.0 - seen) / (1.0 - share)).ln();
    -(x + r) * divergence
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exact probability, term by term.
    fn exact(count: u64, past: u64, share: f64) -> f64 {
        let r = past as f64 + 1.0;
        let (mut term, mut below) = ((1.0 - share).powf(r), 0.0);
        for k in 0..count {
            below += term;
            term *= (k as f64 + r) / (k as f64 + 1.0) * share;
        }
        1.0 - below
    }

    /// Never below the exact probability, and not ten times above where it decides.
    #[test]
    fn bounds_the_exact_probability_from_above() {
        for past in [0, 1, 5, 40, 300] {
            for share in [0.001, 0.01, 0.1, 0.4] {
                for count in 1..60 {
                    let (bound, exact) =
                        (log_probability(count, past, share).exp(), exact(count, past, share));
                    if exact > 1e-11 {
                        assert!(bound >= exact * 0.999, "{count} after {past} at {share}: {bound} < {exact}");
                        assert!(bound <= exact * 60.0, "{count} after {past} at {share}: {bound} >> {exact}");
                    }
                }
            }
        }
    }

    #[test]
    fn nothing_surprises_where_nothing_is_known() {
        assert_eq!(log_probability(1000, 0, 1.0), 0.0);
        assert!(log_probability(20, 0, 0.9) > -3.0);
        assert!(log_probability(1, 0, 0.0) < -100.0);
    }
}
