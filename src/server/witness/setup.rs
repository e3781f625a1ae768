//! Which witnesses are asked: read from a C2SP policy file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use super::ask::Address;
use crate::client::http::{HttpError, parse_base, transport};
use crate::note::MAX_SIGNATURES;
use crate::policy::{ParseError, Policy};
use crate::server::read::ReadError;

/// The most witnesses: a note with the cosignatures of all, and the two signatures of the log, is still a note.
const MAX_WITNESSES: usize = MAX_SIGNATURES - 2;

/// Why a log with these witnesses does not start.
#[derive(Debug, thiserror::Error)]
pub enum WitnessesError {
    /// The file cannot be read.
    #[error("the witnesses in {} cannot be read: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What failed.
        #[source]
        error: io::Error,
    },
    /// The file is no policy.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// The policy asks for nothing.
    #[error(
        "the quorum of the witnesses is none: name a witness or a group, or take their line out of the configuration"
    )]
    NoQuorum,
    /// The quorum needs witnesses that cannot be asked.
    #[error("the witnesses that have a URL cannot meet the quorum: add the URLs, or change the quorum")]
    Unreachable,
    /// More than fit a note.
    #[error("{0} witnesses have a URL, and at most 62 can cosign one checkpoint")]
    TooMany(usize),
    /// A URL that is none.
    #[error("the witness {0} has a URL that is not http or https without query, user or fragment")]
    Url(String),
    /// HTTP cannot be spoken.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The served folder cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The log was set back.
    #[error(
        "the served folder holds a cosigned checkpoint of {cosigned} entries, and this log has {published}: the log was set \
         back. Put back the newest lock, and no older copy of anything else"
    )]
    SetBack {
        /// Entries of the cosigned checkpoint.
        cosigned: u64,
        /// Entries of the log.
        published: u64,
    },
    /// The log is not the one that was cosigned.
    #[error(
        "the served folder holds a cosigned checkpoint of {0} entries with which this log does not begin: they are of two \
         histories. Publish both checkpoints, and end this log"
    )]
    OtherTree(u64),
}

/// The witnesses of a log, and the quorum of them that its receipts need; or the verifiers of its index log, and the quorum that
/// its look-ups need.
pub struct Witnesses {
    policy: Policy,
    addresses: Vec<Arc<Address>>,
}

impl Witnesses {
    /// Those of a policy that have a URL. Its logs are not looked at.
    ///
    /// # Errors
    /// When the quorum is none or cannot be met by them, or a URL is none.
    pub fn new(policy: Policy) -> Result<Self, WitnessesError> {
        if policy.quorum_met([]) {
            return Err(WitnessesError::NoQuorum);
        }
        let mut addresses = Vec::new();
        for witness in policy.witnesses() {
            let Some(url) = &witness.url else { continue };
            let wrong = || WitnessesError::Url(witness.name.clone());
            let base = parse_base(url).ok_or_else(wrong)?;
            addresses.push(Arc::new(Address {
                name: witness.name.clone(),
                key: witness.key.clone(),
                url: base.join("add-checkpoint").map_err(|_| wrong())?,
                http: transport(&base)?,
            }));
        }
        if addresses.len() > MAX_WITNESSES {
            return Err(WitnessesError::TooMany(addresses.len()));
        }
        let witnesses = Witnesses { policy, addresses };
        if witnesses.is_met(0..witnesses.addresses.len()) {
            Ok(witnesses)
        } else {
            Err(WitnessesError::Unreachable)
        }
    }

    /// Those of a policy file.
    ///
    /// # Errors
    /// As [`new`](Self::new), and when the file cannot be read or is no policy.
    pub fn read(path: &Path) -> Result<Self, WitnessesError> {
        let file = fs::read(path).map_err(|error| WitnessesError::Io { path: path.to_owned(), error })?;
        Witnesses::new(Policy::parse(&file)?)
    }

    pub(super) fn addresses(&self) -> &[Arc<Address>] {
        &self.addresses
    }

    /// Whether these of the addresses meet the quorum.
    pub(in crate::server) fn is_met(&self, addresses: impl IntoIterator<Item = usize>) -> bool {
        let addresses: BTreeSet<usize> = addresses.into_iter().collect();
        self.policy.quorum_met(addresses.into_iter().map(|number| self.addresses[number].name.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::{KeyType, Signer};

    fn witnesses(file: &str) -> Result<Witnesses, WitnessesError> {
        let key = |seed| {
            let signer = Signer::new(format!("w{seed}"), KeyType::Cosignature, &[seed; 32]).unwrap();
            signer.verifier_key().to_string()
        };
        let file = file.replace("<1>", &key(1)).replace("<2>", &key(2));
        Witnesses::new(file.parse().unwrap())
    }

    #[test]
    fn a_quorum_that_asks_for_nothing_or_cannot_be_met_is_refused() {
        let url = "http://127.0.0.1:1/";
        assert!(witnesses(&format!("witness a <1> {url}\nwitness b <2>\nquorum a\n")).is_ok());
        let none = witnesses(&format!("witness a <1> {url}\nquorum none\n"));
        assert!(matches!(none, Err(WitnessesError::NoQuorum)));
        let missing = witnesses(&format!("witness a <1> {url}\nwitness b <2>\ngroup g all a b\nquorum g\n"));
        assert!(matches!(missing, Err(WitnessesError::Unreachable)));
        for wrong in ["ftp://a/", "http://user@a/", "http://a/?q", "nonsense"] {
            let refused = witnesses(&format!("witness a <1> {wrong}\nquorum a\n"));
            assert!(matches!(refused, Err(WitnessesError::Url(name)) if name == "a"), "{wrong}");
        }
    }

    #[test]
    fn the_submission_prefix_may_end_in_a_slash_or_not() {
        for prefix in ["https://example.com/witness", "https://example.com/witness/"] {
            let witnesses = witnesses(&format!("witness a <1> {prefix}\nquorum a\n")).unwrap();
            assert_eq!(witnesses.addresses()[0].url.as_str(), "https://example.com/witness/add-checkpoint");
        }
    }
}
