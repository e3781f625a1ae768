//! Making a policy: in code, and out of a C2SP policy file.

use core::fmt;
use core::str::FromStr;
use std::collections::BTreeMap;

use thiserror::Error;

use super::{Group, Member, Policy, PolicyLog, Quorum, Witness};
use crate::note::{KeyError, KeyType, VerifierKey};

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
    #[error("a log has a key of type 0x01, and a witness one of type 0x04: were the two exchanged?")]
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
