//! How recent "complete" is: judged by the cosignatures of so many witnesses that the others could not make the quorum.
//!
//! A log could show an app one witness and the holder of a number another, each with a tree of its own: a quorum in a
//! checkpoint says that *some* are honest, not that no other tree of the same time has a quorum too. So a time counts only
//! when the witnesses that cosigned at it or later are so many that all others, together with any `bad` of these, could not
//! make the quorum of an app. Of k in n that takes n - k + 1 + `bad`.
//!
//! For groups within groups the rule is the same, and exact: since no name is a member of two groups, a policy is a tree,
//! and the fewest witnesses that would have to join the others until the quorum is met are the sum of the `threshold`
//! smallest such numbers of each group. That costs one pass over the policy for each distinct time.

use thiserror::Error;

use super::{Member, Policy, Quorum};

/// Why it cannot be known how recent a checkpoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FreshnessError {
    /// The policy asks for no witnesses.
    #[error("the policy has the quorum none, under which nobody but the log says how recent its tree is")]
    NoQuorum,
    /// Witnesses that may be bad are enough for a quorum.
    #[error(
        "{bad} witnesses that may be bad can meet the quorum of this policy by themselves, since {smallest} are \
         enough: it cannot be known how recent a tree is. Ask for a larger quorum"
    )]
    Policy {
        /// How many may be bad.
        bad: usize,
        /// How many witnesses make the smallest quorum.
        smallest: usize,
    },
    /// Too few witnesses cosigned.
    #[error(
        "{cosigned} of the policy's witnesses cosigned, and the others could meet its quorum with another tree: it cannot \
         be known how recent this one is until more cosign"
    )]
    TooFew {
        /// How many cosigned.
        cosigned: usize,
    },
}

impl Policy {
    /// The time, in seconds of Unix time, as of which a checkpoint is the whole of its log for everybody who demands this
    /// policy's quorum: the newest one that cannot be a forgery while at most `bad` witnesses are bad. `cosigned` is
    /// [`Checked::cosigned`](super::Checked::cosigned), the names of witnesses and the times that they state.
    ///
    /// # Errors
    /// [`FreshnessError`]: the policy does not allow it to be known, or the cosignatures are too few.
    pub fn complete_as_of(&self, cosigned: &[(String, u64)], bad: usize) -> Result<u64, FreshnessError> {
        self.check_freshness(bad)?;
        let time = |name: &str| cosigned.iter().filter(|(of, _)| of == name).map(|(_, time)| *time).max();
        let times: Vec<Option<u64>> = self.witnesses.iter().map(|witness| time(&witness.name)).collect();
        let mut candidates: Vec<u64> = times.iter().flatten().copied().collect();
        let cosigned = candidates.len();
        candidates.sort_unstable_by(|a, b| b.cmp(a));
        candidates.dedup();
        let suffices = |since: &u64| {
            let fresh: Vec<bool> = times.iter().map(|time| *time >= Some(*since)).collect();
            self.missing(&fresh) > bad
        };
        candidates.into_iter().find(suffices).ok_or(FreshnessError::TooFew { cosigned })
    }

    /// Whether it can be known under this policy, whatever is cosigned.
    ///
    /// # Errors
    /// [`FreshnessError::NoQuorum`], [`FreshnessError::Policy`].
    pub fn check_freshness(&self, bad: usize) -> Result<(), FreshnessError> {
        if self.quorum == Quorum::None {
            return Err(FreshnessError::NoQuorum);
        }
        let smallest = self.missing(&vec![true; self.witnesses.len()]);
        if smallest <= bad { Err(FreshnessError::Policy { bad, smallest }) } else { Ok(()) }
    }

    /// How many of the `fresh` witnesses would have to join all others until the quorum is met.
    fn missing(&self, fresh: &[bool]) -> usize {
        let mut groups = Vec::with_capacity(self.groups.len());
        let of = |member: &Member, groups: &[usize]| match *member {
            Member::Witness(index) => usize::from(fresh[index]),
            Member::Group(index) => groups[index],
        };
        for group in &self.groups {
            let mut members: Vec<usize> = group.members.iter().map(|member| of(member, &groups)).collect();
            members.sort_unstable();
            groups.push(members[..group.threshold].iter().sum());
        }
        match &self.quorum {
            Quorum::None => 0,
            Quorum::Of { member, .. } => of(member, &groups),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::{KeyType, Signer};

    fn policy(witnesses: usize, rest: &str) -> Policy {
        let line = |n: usize| {
            let key = Signer::new(format!("w{n}"), KeyType::Cosignature, &[n as u8 + 1; 32]).unwrap();
            format!("witness w{n} {}\n", key.verifier_key())
        };
        let file: String = (0..witnesses).map(line).collect();
        (file + rest).parse().unwrap()
    }

    fn of(witnesses: usize, threshold: usize) -> Policy {
        let names: Vec<_> = (0..witnesses).map(|n| format!("w{n}")).collect();
        policy(witnesses, &format!("group all {threshold} {}\nquorum all\n", names.join(" ")))
    }

    fn cosigned(times: &[u64]) -> Vec<(String, u64)> {
        (0..).zip(times).filter(|(_, time)| **time > 0).map(|(n, time)| (format!("w{n}"), *time)).collect()
    }

    #[test]
    fn of_k_in_n_it_takes_as_many_as_the_design_says() {
        for n in 1..=9usize {
            for k in 1..=n {
                for bad in 0..=n {
                    let policy = of(n, k);
                    let needed = n - k + 1 + bad;
                    let times: Vec<u64> = (0..n as u64).map(|witness| 1000 - witness).collect();
                    let found = policy.complete_as_of(&cosigned(&times), bad);
                    if k <= bad {
                        assert_eq!(found, Err(FreshnessError::Policy { bad, smallest: k }), "{k}/{n}, {bad}");
                    } else {
                        // Times go down by one from witness to witness: the last one that is needed tells.
                        assert_eq!(found, Ok(1001 - needed as u64), "{k}/{n}, {bad}");
                        let fewer = policy.complete_as_of(&cosigned(&times[..needed - 1]), bad);
                        assert_eq!(fewer, Err(FreshnessError::TooFew { cosigned: needed - 1 }));
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_known_and_what_is_not() {
        let nested = "group x 2 w0 w1 w2\ngroup y any w3 w4 w5\ngroup both all x y\nquorum both\n";
        let either = "group x 2 w0 w1 w2\ngroup y all w3 w4 w5\ngroup one any x y\nquorum one\n";
        let (too_few, none) = (|cosigned| Err(FreshnessError::TooFew { cosigned }), FreshnessError::NoQuorum);
        let weak = |bad, smallest| Err(FreshnessError::Policy { bad, smallest });
        type Case<'a> = (&'a str, &'a [u64], usize, Result<u64, FreshnessError>);
        let cases: [Case<'_>; 17] = [
            ("quorum none\n", &[5, 5, 5, 5, 5, 5], 0, Err(none)),
            ("quorum w0\n", &[5], 0, Ok(5)),
            ("quorum w0\n", &[0, 5], 0, too_few(1)),
            ("quorum w0\n", &[5, 5, 5], 1, weak(1, 1)),
            // Two of x block every quorum of both, and so do all of y.
            (nested, &[9, 8, 7, 0, 0, 0], 0, Ok(8)),
            (nested, &[9, 0, 0, 9, 8, 0], 0, too_few(3)),
            (nested, &[9, 0, 0, 9, 8, 7], 0, Ok(7)),
            // With one bad, all of x, or all of y and two of x: a bad one of either is then not enough.
            (nested, &[9, 8, 7, 0, 0, 0], 1, Ok(7)),
            (nested, &[9, 8, 0, 0, 0, 0], 1, too_few(2)),
            (nested, &[9, 8, 0, 7, 6, 5], 1, Ok(5)),
            (nested, &[9, 8, 7, 6, 5, 4], 2, Ok(4)),
            (nested, &[9, 8, 7, 6, 5, 4], 3, weak(3, 3)),
            // Either is enough: both must be blocked.
            (either, &[9, 8, 7, 0, 0, 0], 0, too_few(3)),
            (either, &[9, 8, 0, 6, 0, 0], 0, Ok(6)),
            (either, &[9, 8, 7, 6, 5, 0], 1, Ok(5)),
            (either, &[9, 8, 7, 6, 5, 4], 2, weak(2, 2)),
            // Who is of no group counts nothing.
            ("group x all w0 w1\nquorum x\n", &[0, 0, 9, 9, 9, 9], 0, too_few(4)),
        ];
        for (number, (rest, times, bad, expected)) in cases.into_iter().enumerate() {
            assert_eq!(policy(6, rest).complete_as_of(&cosigned(times), bad), expected, "case {number}");
        }
    }

    /// Against the definition: for every set of fresh witnesses and every set of bad ones among them.
    #[test]
    fn nested_groups_are_judged_as_by_trying_every_set() {
        for rest in [
            "group x 2 w0 w1 w2\ngroup y any w3 w4\ngroup z 2 x y w5 w6\nquorum z\n",
            "group x all w0 w1\ngroup y 2 x w2 w3\ngroup z any y w4\ngroup q all z w5 w6\nquorum q\n",
            "group x 3 w0 w1 w2 w3 w4\nquorum x\n",
        ] {
            let policy = policy(7, rest);
            for fresh in 0..128u32 {
                let times: Vec<u64> = (0..7).map(|bit| u64::from(fresh >> bit & 1)).collect();
                for bad in 0..4u32 {
                    let holds = (0..128u32)
                        .filter(|set| set & !fresh == 0 && set.count_ones() <= bad)
                        .all(|set| !met(&policy, !fresh & 127 | set));
                    let found = policy.complete_as_of(&cosigned(&times), bad as usize);
                    assert_eq!(found.is_ok(), holds, "{rest}{fresh:07b}, {bad} bad: {found:?}");
                }
            }
        }
    }

    fn met(policy: &Policy, witnesses: u32) -> bool {
        policy.meets_quorum(&(0..7).map(|bit| witnesses >> bit & 1 == 1).collect::<Vec<_>>())
    }

    /// Fails when the newest time is taken, or the time of an app's quorum.
    #[test]
    fn one_witness_shown_to_one_and_another_to_another_is_not_fresh() {
        let one_of_three = of(3, 1);
        assert_eq!(
            one_of_three.complete_as_of(&cosigned(&[1000, 10, 0]), 0),
            Err(FreshnessError::TooFew { cosigned: 2 })
        );
        assert_eq!(one_of_three.complete_as_of(&cosigned(&[1000, 10, 20]), 0), Ok(10));
    }
}
