//! C2SP `tlog-policy`: which logs and which witnesses a checkpoint must be signed by.

use thiserror::Error;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::cosignature;
use crate::index::Generation;
use crate::note::{Note, NoteError, VerifierKey, VerifyError};

mod build;
mod freshness;

pub use build::{MAX_ITEMS, MAX_POLICY, ParseError, PolicyBuilder, RuleError, Threshold};
pub use freshness::FreshnessError;

/// Why a checkpoint does not satisfy a policy.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PolicyError {
    /// Not a note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Not a checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A signature of a key of the policy does not verify, or there is none.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// No log of the policy signed it.
    #[error("the checkpoint of {origin} is not signed by a log of the policy")]
    Log {
        /// The origin of the checkpoint.
        origin: String,
    },
    /// Too few witnesses, or the wrong ones, cosigned it.
    #[error(
        "{cosigned} witnesses of the policy cosigned the checkpoint, which does not meet the quorum {quorum}; missing: {}",
        missing.join(", ")
    )]
    Quorum {
        /// The name of the quorum.
        quorum: String,
        /// How many witnesses cosigned.
        cosigned: usize,
        /// The others, by their names in the policy.
        missing: Vec<String>,
    },
}

/// A log of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyLog {
    /// Its key, whose name is its origin.
    pub key: VerifierKey,
    /// Where to reach it.
    pub url: Option<String>,
}

/// A witness of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Its name within the policy.
    pub name: String,
    /// Its key.
    pub key: VerifierKey,
    /// Where to reach it.
    pub url: Option<String>,
}

/// A checkpoint that satisfies a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// The log that signed it.
    pub log: PolicyLog,
    /// Every witness of the policy that cosigned it, in the order of the policy, by name, with the time of its
    /// newest cosignature in seconds since 1970.
    pub cosigned: Vec<(String, u64)>,
}

/// What counts for a group or the quorum: an index into the witnesses or the groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Member {
    Witness(usize),
    Group(usize),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    threshold: usize,
    members: Vec<Member>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Quorum {
    None,
    Of { name: String, member: Member },
}

/// A trust policy: any of its logs signs, and its quorum cosigns. `FromStr` reads the C2SP file; code makes one
/// with a [`PolicyBuilder`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<PolicyLog>,
    witnesses: Vec<Witness>,
    groups: Vec<Group>,
    quorum: Quorum,
}

impl Policy {
    /// The logs.
    pub fn logs(&self) -> &[PolicyLog] {
        &self.logs
    }

    /// The keys of the log and of its newest index log, in a policy that names one log.
    pub fn log_and_index_log(&self) -> Option<(VerifierKey, VerifierKey)> {
        let split = |key: &VerifierKey| {
            let (origin, generation) = Generation::split(key.name())?;
            Some((origin.to_owned(), generation))
        };
        let mut logs = self.logs.iter().map(|log| &log.key).filter(|key| split(key).is_none());
        let key = logs.next()?;
        let of_log = |index: &&VerifierKey| split(index).is_some_and(|(origin, _)| origin == key.name());
        let indexes = self.logs.iter().map(|log| &log.key).filter(of_log);
        let index = indexes.max_by_key(|index| split(index).map(|(_, generation)| generation))?;
        logs.next().is_none().then(|| (key.clone(), index.clone()))
    }

    /// The witnesses, whether the quorum needs them or not.
    pub fn witnesses(&self) -> &[Witness] {
        &self.witnesses
    }

    /// Whether a checkpoint cosigned by these witnesses, named by their names in the policy, meets the quorum.
    pub fn quorum_met<'a>(&self, cosigned: impl IntoIterator<Item = &'a str>) -> bool {
        let names: Vec<_> = cosigned.into_iter().collect();
        self.meets_quorum(
            &self.witnesses.iter().map(|w| names.contains(&w.name.as_str())).collect::<Vec<_>>(),
        )
    }

    /// Checks a note: it holds a checkpoint, signed by a log of the policy whose name is the origin, and cosigned
    /// so that the quorum is met. Costs at most one Ed25519 verification for each of its 64 signatures or fewer.
    ///
    /// # Errors
    /// When it does not; also when any signature of a key of the policy does not verify.
    pub fn check(&self, note: &[u8]) -> Result<Checked, PolicyError> {
        self.check_note(&Note::parse(note)?)
    }

    /// The same for a note that is parsed already.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn check_note(&self, note: &Note) -> Result<Checked, PolicyError> {
        let checkpoint = Checkpoint::parse(note.text())?;
        let keys = self.logs.iter().map(|log| &log.key).chain(self.witnesses.iter().map(|w| &w.key));
        let verified = note.verify(keys)?;
        let signed_by = |log: &&PolicyLog| {
            log.key.name() == checkpoint.origin && verified.iter().any(|signature| *signature.key == log.key)
        };
        let Some(log) = self.logs.iter().find(signed_by).cloned() else {
            return Err(PolicyError::Log { origin: checkpoint.origin });
        };
        let mut times = vec![None; self.witnesses.len()];
        for signature in &verified {
            if let Some(witness) = self.witnesses.iter().position(|w| w.key == *signature.key) {
                let time = cosignature::time(signature.signature.body());
                times[witness] = times[witness].max(time);
            }
        }
        let names = self.witnesses.iter().map(|witness| &witness.name);
        let cosigned: Vec<_> =
            names.zip(&times).filter_map(|(name, time)| Some((name.clone(), (*time)?))).collect();
        if !self.meets_quorum(&times.iter().map(Option::is_some).collect::<Vec<_>>()) {
            let lacking = self.witnesses.iter().zip(&times).filter(|(_, time)| time.is_none());
            let missing = lacking.map(|(witness, _)| witness.name.clone()).collect();
            let quorum = self.quorum_name().into();
            return Err(PolicyError::Quorum { quorum, cosigned: cosigned.len(), missing });
        }
        Ok(Checked { checkpoint, log, cosigned })
    }

    /// The name of the quorum: a witness, a group, or `none`.
    pub fn quorum_name(&self) -> &str {
        match &self.quorum {
            Quorum::None => "none",
            Quorum::Of { name, .. } => name,
        }
    }

    /// Groups name only earlier groups, so one pass in their order decides all of them.
    fn meets_quorum(&self, witnesses: &[bool]) -> bool {
        let mut groups = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            let met = group.members.iter().filter(|member| is_met(**member, witnesses, &groups)).count();
            groups.push(met >= group.threshold);
        }
        match self.quorum {
            Quorum::None => true,
            Quorum::Of { member, .. } => is_met(member, witnesses, &groups),
        }
    }
}

fn is_met(member: Member, witnesses: &[bool], groups: &[bool]) -> bool {
    match member {
        Member::Witness(index) => witnesses[index],
        Member::Group(index) => groups[index],
    }
}

#[cfg(test)]
mod tests;
