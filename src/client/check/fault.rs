//! What can be wrong with a log, and where.

use std::fmt;

use crate::bundle::BundleError;
use crate::certificate::CertificateError;
use crate::checkpoint::TreeHeadError;
use crate::client::read::ReadError;
use crate::client::source::SourceError;
use crate::entry::LeafError;
use crate::receipt::ParametersError;
use crate::registration::RegistrationFault;
use crate::rule::Rule;
use crate::statement::StatementRefusal;
use crate::tls::Malformed;

/// The first thing that is wrong with a log: a log that is checked has none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Fault {
    /// The path of what is wrong, such as `tile/entries/x001/234`.
    pub place: String,
    /// The index of the leaf, where it is about one.
    pub index: Option<u64>,
    /// What is wrong.
    pub kind: FaultKind,
}

impl Fault {
    pub(super) fn at(place: impl ToString, kind: impl Into<FaultKind>) -> Self {
        Fault { place: place.to_string(), index: None, kind: kind.into() }
    }

    pub(super) fn of_leaf(place: impl ToString, index: u64, kind: impl Into<FaultKind>) -> Self {
        Fault { place: place.to_string(), index: Some(index), kind: kind.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            Some(index) => write!(f, "{}, leaf {index}: {}", self.place, self.kind),
            None => write!(f, "{}: {}", self.place, self.kind),
        }
    }
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// A file that the checkpoint promises is not there.
    #[error("it is missing")]
    Missing,
    /// A file is longer than any good one.
    #[error("it is longer than {0} bytes, which no good one is")]
    TooLong(usize),
    /// An entry bundle or side bundle has another frame.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A leaf is not encoded as leaves are.
    #[error(transparent)]
    Leaf(#[from] LeafError),
    /// A leaf says that it stands elsewhere.
    #[error("the leaf says that its index is {0}")]
    Index(u64),
    /// A leaf is older than the one before it.
    #[error("the leaf has the time {found}, and the one before it {before}, which is later")]
    Time {
        /// The time of the leaf before, in milliseconds of Unix time.
        before: u64,
        /// The time of the leaf.
        found: u64,
    },
    /// Leaf 0 is no `parameters_entry`.
    #[error("leaf 0 is not the parameters of the log")]
    NoParameters,
    /// A `parameters_entry` elsewhere.
    #[error("it is a parameters leaf, which only leaf 0 is")]
    ParametersAgain,
    /// The parameters are those of another log.
    #[error("the parameters are of another log than the checkpoint")]
    Origin,
    /// The parameters hold no keys.
    #[error(transparent)]
    Parameters(#[from] ParametersError),
    /// What should be a certificate is none.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A certificate is logged that admission refuses.
    #[error("a certificate that may not be logged in the open: {0}")]
    Rule(#[from] Rule),
    /// A certificate that names single numbers is in the open. The fault does not say which numbers, and neither should
    /// whoever reports it.
    #[error("the certificate names single numbers and is logged in the open, where it must never be")]
    NumbersInTheOpen,
    /// A precertificate as `x509_entry`, or what stands beside a `precert_entry` is no precertificate.
    #[error(
        "the entry type does not fit: one of precertificate and certificate stands where the other belongs"
    )]
    EntryType,
    /// The item beside the leaf is malformed.
    #[error("the item of the side bundle is malformed: {0}")]
    ChainItem(#[from] Malformed),
    /// There is a chain beside a leaf that has none, or none beside one that needs it.
    #[error("the item of the side bundle does not belong to a leaf of this type")]
    ChainKind,
    /// The precertificate beside a `precert_entry` does not become its TBSCertificate.
    #[error("the precertificate in the side bundle does not give the leaf")]
    Precertificate,
    /// The chain beside the leaf is not that of the certificate.
    #[error("certificate {0} of the chain in the side bundle is not the issuer of the one before it")]
    ChainOrder(usize),
    /// The key of the issuer is not the one in the `precert_entry`.
    #[error("the issuer in the side bundle has another key than the leaf's issuer key hash says")]
    IssuerKey,
    /// A file under `issuer/` does not have the hash that is its name.
    #[error("its SHA-256 is not its name")]
    IssuerHash,
    /// A key statement does not hold, or was said before.
    #[error("a key statement that no log may take: {0}")]
    Statement(#[from] StatementRefusal),
    /// A registration or withdrawal breaks a rule that everybody can check.
    #[error("a registration that no log may take: {0}")]
    Registration(#[from] RegistrationFault),
    /// What a key statement or registration names was read again, and is not what the log signed.
    #[error("it does not belong to the tree that the log signed")]
    OtherTree,
    /// A hash tile holds other hashes than those that follow from the leaves.
    #[error("it does not hold the hashes of what is below it")]
    Hashes,
    /// The leaves that were checked before are no longer there.
    #[error("it does not begin with the leaves that were checked before")]
    Changed,
    /// The checkpoint is smaller than what was checked before.
    #[error("the checkpoint has {shown} leaves, and {seen} were checked before")]
    Shrunk {
        /// Leaves that were checked.
        seen: u64,
        /// Leaves of the checkpoint.
        shown: u64,
    },
    /// The leaves make another tree than was signed.
    #[error("the root that the log signed is not that of its leaves")]
    Root,
    /// The RFC 6962 tree head is missing or does not verify.
    #[error(transparent)]
    TreeHead(#[from] TreeHeadError),
    /// The tree head is older than the newest leaf.
    #[error("the tree head has the time {head}, which is before that of the newest leaf, {leaf}")]
    TreeHeadTime {
        /// Milliseconds of Unix time.
        head: u64,
        /// Milliseconds of Unix time.
        leaf: u64,
    },
}

/// Why a log was not checked to its end.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// **It is wrong.**
    #[error(transparent)]
    Fault(Box<Fault>),
    /// It could not be read, which says nothing about it.
    #[error("the log could not be read to its end: {0}")]
    Read(ReadError),
}

impl From<Fault> for CheckError {
    fn from(fault: Fault) -> Self {
        CheckError::Fault(Box::new(fault))
    }
}

impl From<SourceError> for CheckError {
    /// What is not there, or too long, is the log's fault; a connection that breaks is not.
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Missing(path) => Fault::at(path, FaultKind::Missing).into(),
            SourceError::TooLong { path, limit } => Fault::at(path, FaultKind::TooLong(limit)).into(),
            SourceError::Bundle { path, error } => Fault::at(path, error).into(),
            error => CheckError::Read(error.into()),
        }
    }
}

impl From<ReadError> for CheckError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Source(error) => error.into(),
            ReadError::Bundle { path, error } => Fault::at(path, error).into(),
            ReadError::Damaged(path) => Fault::at(path, FaultKind::OtherTree).into(),
            error => CheckError::Read(error),
        }
    }
}
