//! Numbers that look random and follow from a seed, on every machine.

use sha2::{Digest, Sha256};

const YEAR: f64 = 365.25 * 86_400.0;

/// A stream of draws. Costs one SHA-256 for each; no secret.
pub struct Draws {
    seed: u64,
    drawn: u64,
}

impl Draws {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Draws { seed, drawn: 0 }
    }

    /// A stream of its own for the `n`th thing of a kind, so that what is drawn for one changes nothing of another.
    pub fn of(seed: u64, kind: &str, n: u64) -> Self {
        Draws::new(first_word(&[&seed.to_be_bytes(), &n.to_be_bytes(), kind.as_bytes()].concat()))
    }

    /// All 64-bit numbers, equally likely.
    pub fn word(&mut self) -> u64 {
        let drawn = first_word(&[self.seed.to_be_bytes(), self.drawn.to_be_bytes()].concat());
        self.drawn += 1;
        drawn
    }

    /// From 0 to below 1.
    pub fn fraction(&mut self) -> f64 {
        (self.word() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.word() % bound as u64) as usize
    }

    /// True in this share of cases.
    pub fn chance(&mut self, share: f64) -> bool {
        self.fraction() < share
    }

    /// Between two figures.
    pub fn between(&mut self, [least, most]: [f64; 2]) -> f64 {
        least + self.fraction() * (most - least)
    }

    /// One of several; none of none.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        if all.is_empty() { None } else { Some(&all[self.below(all.len())]) }
    }

    /// A place, each as likely as its weight; the last one where all weights are 0.
    pub fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut left = self.fraction() * weights.iter().sum::<f64>();
        let found = weights.iter().position(|weight| {
            left -= weight;
            left < 0.0
        });
        found.unwrap_or(weights.len().saturating_sub(1))
    }

    /// Seconds until something that happens so often a year happens next; `u64::MAX` for what never does.
    pub fn wait(&mut self, per_year: f64) -> u64 {
        // 0 is not among 1 - fraction, so the logarithm is finite; a cast to an integer saturates.
        (-(1.0 - self.fraction()).ln() / per_year * YEAR) as u64
    }
}

fn first_word(bytes: &[u8]) -> u64 {
    u64::from_be_bytes(*Sha256::digest(bytes).first_chunk().expect("SHA-256 has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_from_the_seed_and_come_in_their_shares() {
        let same: Vec<u64> = (0..2).map(|_| Draws::of(1, "a", 2).word()).collect();
        assert_eq!(same[0], same[1]);
        assert_ne!(Draws::of(1, "a", 2).word(), Draws::of(1, "b", 2).word());
        let mut draws = Draws::new(7);
        let yes = (0..10_000).filter(|_| draws.chance(0.3)).count();
        assert!((2_800..3_200).contains(&yes), "{yes}");
        let second = (0..10_000).filter(|_| draws.weighted(&[1.0, 3.0]) == 1).count();
        assert!((7_300..7_700).contains(&second), "{second}");
        let mean = (0..10_000).map(|_| draws.wait(12.0) as f64).sum::<f64>() / 10_000.0;
        assert!((0.95..1.05).contains(&(mean / (YEAR / 12.0))), "{mean}");
        assert_eq!(draws.wait(0.0), u64::MAX);
    }
}
