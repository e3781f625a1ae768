//! C2SP `tlog-policy`: which logs and which witnesses a checkpoint must be signed by.

use core::fmt;
use core::str::FromStr;
use std::collections::BTreeMap;

use thiserror::Error;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::cosignature;
use crate::note::{KeyError, KeyType, Note, NoteError, VerifierKey, VerifyError};

/// The longest policy file, in bytes: 64 logs, witnesses and groups with long names and URLs are half of it.
pub const MAX_POLICY: usize = 128 * 1024;

/// The most logs, the most witnesses and the most groups of a policy. The specification asks for 32 at least.
pub const MAX_ITEMS: usize = 64;

/// What cannot be in a policy.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RuleError {
    /// A key that is malformed.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A log with a key that cosigns, or a witness with one that does not.
    #[error("a log has a key of type 0x01, and a witness one of type 0x04")]
    KeyType,
    /// The same public key twice among the logs, or among the witnesses.
    #[error("this public key is in the policy already")]
    DuplicateKey,
    /// A name that is defined already, or is `none`.
    #[error("the name {0} is defined already")]
    DuplicateName(String),
    /// A name that no earlier line defines.
    #[error("the name {0} is not defined before it is used")]
    UnknownName(String),
    /// A name that is a member of two groups.
    #[error("{0} is a member of a group already")]
    MemberTwice(String),
    /// A threshold that is not from 1 to the number of members.
    #[error("the threshold is not a number from 1 to the number of members")]
    Threshold,
    /// More items than [`MAX_ITEMS`].
    #[error("the policy has more than 64 logs, witnesses or groups")]
    TooMany,
    /// A second quorum.
    #[error("the quorum is defined twice")]
    SecondQuorum,
    /// A line that is none of log, witness, group, quorum with the right number of items.
    #[error("the line is none of: log, witness, group, quorum")]
    Line,
    /// Octets that a policy file cannot have, or that are not UTF-8 outside of a comment.
    #[error("the line has control characters or is not UTF-8")]
    Characters,
}

/// Why a file is not a policy.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParseError {
    /// A line is wrong.
    #[error("line {line} of the policy: {error}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong.
        error: RuleError,
    },
    /// No quorum line.
    #[error("the policy has no quorum line; `quorum none` asks for no witnesses")]
    NoQuorum,
    /// Longer than [`MAX_POLICY`].
    #[error("the policy is longer than 128 KiB")]
    TooLong,
}

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
        "{cosigned} witnesses of the policy cosigned the checkpoint, which does not meet the quorum {quorum}"
    )]
    Quorum {
        /// The name of the quorum.
        quorum: String,
        /// How many witnesses cosigned.
        cosigned: usize,
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
    /// Reads a policy file. Non-ASCII names and URLs must be UTF-8, as the specification recommends; comments need
    /// not be.
    ///
    /// # Errors
    /// The first line that is wrong, and why.
    pub fn parse(file: &[u8]) -> Result<Policy, ParseError> {
        if file.len() > MAX_POLICY {
            return Err(ParseError::TooLong);
        }
        let mut builder = PolicyBuilder::default();
        let lines = file.strip_suffix(b"\n").unwrap_or(file).split(|&byte| byte == b'\n');
        for (i, line) in lines.enumerate() {
            builder.line(line).map_err(|error| ParseError::Line { line: i + 1, error })?;
        }
        builder.build().ok_or(ParseError::NoQuorum)
    }

    /// The logs.
    pub fn logs(&self) -> &[PolicyLog] {
        &self.logs
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
            return Err(PolicyError::Quorum { quorum: self.quorum_name().into(), cosigned: cosigned.len() });
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

impl FromStr for Policy {
    type Err = ParseError;

    fn from_str(file: &str) -> Result<Policy, ParseError> {
        Policy::parse(file.as_bytes())
    }
}

/// How many members of a group must have cosigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threshold {
    /// One.
    Any,
    /// Every one.
    All,
    /// So many.
    AtLeast(usize),
}

/// Makes a [`Policy`], in the order of a policy file: what a group or the quorum names is defined before it.
#[derive(Clone, Debug, Default)]
pub struct PolicyBuilder {
    logs: Vec<PolicyLog>,
    witnesses: Vec<Witness>,
    groups: Vec<Group>,
    names: BTreeMap<String, Member>,
    grouped: Vec<String>,
    quorum: Option<Quorum>,
}

impl PolicyBuilder {
    /// Adds a log.
    ///
    /// # Errors
    /// When its key is there already or is of another type, or there are too many.
    pub fn log(&mut self, key: VerifierKey, url: Option<&str>) -> Result<&mut Self, RuleError> {
        if key.key_type() != KeyType::Ed25519 {
            return Err(RuleError::KeyType);
        }
        if self.logs.iter().any(|log| log.key.public_key() == key.public_key()) {
            return Err(RuleError::DuplicateKey);
        }
        room(self.logs.len())?;
        self.logs.push(PolicyLog { key, url: url.map(String::from) });
        Ok(self)
    }

    /// Adds a witness.
    ///
    /// # Errors
    /// When its name or key is there already, the key is of another type, or there are too many.
    pub fn witness(
        &mut self,
        name: &str,
        key: VerifierKey,
        url: Option<&str>,
    ) -> Result<&mut Self, RuleError> {
        if key.key_type() != KeyType::Cosignature {
            return Err(RuleError::KeyType);
        }
        if self.witnesses.iter().any(|witness| witness.key.public_key() == key.public_key()) {
            return Err(RuleError::DuplicateKey);
        }
        room(self.witnesses.len())?;
        self.define(name, Member::Witness(self.witnesses.len()))?;
        self.witnesses.push(Witness { name: name.into(), key, url: url.map(String::from) });
        Ok(self)
    }

    /// Adds a group of witnesses and earlier groups.
    ///
    /// # Errors
    /// When its name is there already, a member is not defined or is in a group already, the threshold cannot be
    /// met or is zero, or there are too many.
    pub fn group<'a>(
        &mut self,
        name: &str,
        threshold: Threshold,
        members: impl IntoIterator<Item = &'a str>,
    ) -> Result<&mut Self, RuleError> {
        room(self.groups.len())?;
        let mut group = Group { threshold: 0, members: Vec::new() };
        for member in members {
            group.members.push(self.lookup(member)?);
            if self.grouped.iter().any(|grouped| grouped == member) {
                return Err(RuleError::MemberTwice(member.into()));
            }
            self.grouped.push(member.into());
        }
        group.threshold = match threshold {
            Threshold::Any => 1,
            Threshold::All => group.members.len(),
            Threshold::AtLeast(count) => count,
        };
        if group.threshold == 0 || group.threshold > group.members.len() {
            return Err(RuleError::Threshold);
        }
        self.define(name, Member::Group(self.groups.len()))?;
        self.groups.push(group);
        Ok(self)
    }

    /// Sets the quorum: a witness, a group, or `none`.
    ///
    /// # Errors
    /// When the name is not defined, or there is a quorum already.
    pub fn quorum(&mut self, name: &str) -> Result<&mut Self, RuleError> {
        if self.quorum.is_some() {
            return Err(RuleError::SecondQuorum);
        }
        self.quorum = Some(match name {
            "none" => Quorum::None,
            _ => Quorum::Of { name: name.into(), member: self.lookup(name)? },
        });
        Ok(self)
    }

    /// The policy; `None` without a quorum.
    pub fn build(self) -> Option<Policy> {
        let PolicyBuilder { logs, witnesses, groups, quorum, .. } = self;
        Some(Policy { logs, witnesses, groups, quorum: quorum? })
    }

    fn line(&mut self, line: &[u8]) -> Result<(), RuleError> {
        if line.iter().any(|&byte| (byte < b' ' && byte != b'\t') || byte == 0x7f) {
            return Err(RuleError::Characters);
        }
        let start = line.iter().position(|&byte| byte != b' ' && byte != b'\t').unwrap_or(line.len());
        if line[start..].is_empty() || line[start] == b'#' {
            return Ok(());
        }
        let text = core::str::from_utf8(line).map_err(|_| RuleError::Characters)?;
        let items: Vec<_> = text.split([' ', '\t']).filter(|item| !item.is_empty()).collect();
        match items.as_slice() {
            ["log", key] => self.log(key.parse()?, None)?,
            ["log", key, url] => self.log(key.parse()?, Some(url))?,
            ["witness", name, key] => self.witness(name, key.parse()?, None)?,
            ["witness", name, key, url] => self.witness(name, key.parse()?, Some(url))?,
            ["group", name, threshold, members @ ..] => {
                self.group(name, threshold.parse()?, members.iter().copied())?
            }
            ["quorum", name] => self.quorum(name)?,
            _ => return Err(RuleError::Line),
        };
        Ok(())
    }

    fn define(&mut self, name: &str, member: Member) -> Result<(), RuleError> {
        if name == "none" || self.names.contains_key(name) {
            return Err(RuleError::DuplicateName(name.into()));
        }
        self.names.insert(name.into(), member);
        Ok(())
    }

    fn lookup(&self, name: &str) -> Result<Member, RuleError> {
        self.names.get(name).copied().ok_or_else(|| RuleError::UnknownName(name.into()))
    }
}

impl FromStr for Threshold {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Threshold, RuleError> {
        match text {
            "any" => Ok(Threshold::Any),
            "all" => Ok(Threshold::All),
            number => {
                let count: usize = number.parse().map_err(|_| RuleError::Threshold)?;
                let threshold = Threshold::AtLeast(count);
                if threshold.to_string() == number { Ok(threshold) } else { Err(RuleError::Threshold) }
            }
        }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Threshold::Any => f.write_str("any"),
            Threshold::All => f.write_str("all"),
            Threshold::AtLeast(count) => write!(f, "{count}"),
        }
    }
}

fn room(items: usize) -> Result<(), RuleError> {
    if items < MAX_ITEMS { Ok(()) } else { Err(RuleError::TooMany) }
}

#[cfg(test)]
mod tests;
