//! Everything that is answered with problem details (RFC 9457), made in one place.
//!
//! A problem says what is wrong and what to do. It shows nothing that the client sent: what was sent may hold a number.

use std::time::Duration;

use super::dedup::DedupError;
use super::read::ReadError;
use super::slots::SlotsError;
use crate::client::api;
use crate::registration::RegistrationRefusal;
use crate::rule::{Refusal, Rule};
use crate::statement::StatementRefusal;

/// The beginning of every problem type.
pub const PREFIX: &str = "urn:tnlog:problem:";

/// Why a request is not answered as it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The body is longer than the limit, in bytes.
    #[error(
        "the body is longer than the {0} bytes that this endpoint takes; send fewer certificates at once"
    )]
    BodyTooLong(usize),
    /// The body is compressed.
    #[error("the body has a content encoding, and bodies are taken as they are; send it without")]
    Encoded,
    /// The body did not come.
    #[error("the body could not be read to its end")]
    BodyCut,
    /// The body is not the JSON of this endpoint.
    #[error("the body is not the JSON that this endpoint takes: line {line}, column {column}: {what}")]
    Json {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong there.
        what: &'static str,
    },
    /// A string of the body is not base64.
    #[error("{0} is not standard base64 with padding")]
    Base64(Place),
    /// More or fewer items than the endpoint takes.
    #[error("{0} items, and this endpoint takes 1 to {1}")]
    Count(usize, usize),
    /// A parameter of the query is missing or wrong.
    #[error("the parameter {name} is missing or wrong: {what}")]
    Parameter {
        /// Its name.
        name: &'static str,
        /// What it must be.
        what: &'static str,
    },
    /// Indexes or sizes beyond the tree.
    #[error("the parameters are beyond the log's newest tree of {size} leaves, or contradict each other")]
    Range {
        /// Leaves of the tree.
        size: u64,
    },
    /// No leaf has the hash.
    #[error("no leaf of that tree has this hash")]
    UnknownHash,
    /// Nothing is there.
    #[error("there is nothing here")]
    NotFound,
    /// GET where POST is taken, or the other way round.
    #[error("this endpoint is not asked with this method; see docs/formats.md for which it takes")]
    Method,
    /// The chain breaks a rule.
    #[error("{0}")]
    Refused(Refusal),
    /// A delegate CA that names numbers issued it, and is not in the log.
    #[error(
        "certificate {0} of the chain is a delegate CA that names single numbers and is not in this log yet: submit it first"
    )]
    DelegateNotLogged(usize),
    /// The certificate or registration is not in the log.
    #[error("this {0} is not in the log: submit it, then ask again")]
    NotLogged(&'static str),
    /// The key statement breaks a rule.
    #[error("{0}")]
    Statement(#[from] StatementRefusal),
    /// The registration breaks a rule.
    #[error("{0}")]
    Registration(#[from] RegistrationRefusal),
    /// Another registration of the same slot is on its way.
    #[error(
        "another registration of the same number, key, Resolution Service and service is being logged; try again in a second"
    )]
    SlotBusy,
    /// The client's, or the key's, budget of statements or registrations is spent.
    #[error("the budget of {holder} is spent; try again in {} s", whole_seconds(*retry))]
    SubmissionBudget {
        /// The client or the key.
        holder: &'static str,
        /// When there is some again.
        retry: Duration,
    },
    /// A label element is malformed.
    #[error("{0}")]
    Label(#[from] crate::label::LabelError),
    /// The issuer's or root's label budget is spent.
    #[error("the budget of labels of this certificate's {holder} is spent; try again in {} s, or ask the log's operator for more", whole_seconds(*retry))]
    LabelBudget {
        /// Issuer or root.
        holder: &'static str,
        /// When there is some again.
        retry: Duration,
    },
    /// The client's, or everybody's, budget of evaluations is spent.
    #[error("the budget of label evaluations of {holder} is spent; try again in {} s", whole_seconds(*retry))]
    EvaluationBudget {
        /// The client or all clients.
        holder: &'static str,
        /// When there is some again.
        retry: Duration,
    },
    /// Too much waits.
    #[error("the log has more submissions than it can take now; try again in {} s: a submission that was taken is answered the same", whole_seconds(*retry))]
    Busy {
        /// When to try again.
        retry: Duration,
    },
    /// The round did not end in time.
    #[error(
        "the log did not make the submission durable in time; submit it again: the answer will be the same"
    )]
    TimedOut,
    /// The witnesses have not cosigned a checkpoint that covers it.
    #[error(
        "not enough witnesses have cosigned a checkpoint that covers this yet; ask again in {} s: it is in the log, and nothing need be submitted again",
        retry.as_secs()
    )]
    NotCosigned {
        /// When to try again.
        retry: Duration,
    },
    /// The log takes nothing.
    #[error("this log is read-only: it serves what it holds and takes nothing new; submit to another log")]
    ReadOnly,
    /// A mirror takes nothing.
    #[error(
        "this is a mirror, which takes nothing and answers nothing that needs the log's keys; ask the log, {0}"
    )]
    Mirror(String),
    /// A mirror that has no whole copy yet.
    #[error(
        "this mirror does not have a whole verified copy of the log yet; try again later, or ask the log"
    )]
    CatchingUp,
    /// A label of another length.
    #[error("label {0} has not the 32 bytes of a label")]
    LabelLength(usize),
    /// Too much below a prefix.
    #[error("more than {0} labels are below these prefixes; ask for longer ones")]
    TooManyLabels(usize),
    /// A page that begins beyond the end of the list.
    #[error("the list of the label has {0} items, and its page was to begin behind them")]
    BeyondList(u64),
    /// The number index is behind what was asked for, or not built yet.
    #[error("the number index is behind the log, or is being built again; try again in a second")]
    IndexLags,
    /// The index log signed a head that was wrong.
    #[error(
        "the index log of this log is over: a head of it does not follow from the log's leaves. Look numbers up elsewhere"
    )]
    IndexOver,
    /// Rounds fail.
    #[error("the log cannot append now: its last round failed and is tried again; the messages say why")]
    Unhealthy,
    /// The log itself is broken.
    #[error("the log cannot answer now; its operator finds the cause in its messages")]
    Internal,
}

/// Seconds, rounded up: who comes after them does not come too early.
pub fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// Where in a body something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A certificate of a chain, counted from the submitted one.
    Certificate(usize),
    /// A blinded element.
    Element(usize),
    /// A label that is looked up.
    Label(usize),
    /// A key statement.
    Statement,
    /// A registration.
    Registration,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Certificate(n) => write!(f, "certificate {n} of the chain"),
            Place::Element(n) => write!(f, "blinded element {n}"),
            Place::Label(n) => write!(f, "label {n}"),
            Place::Statement => f.write_str("the key statement"),
            Place::Registration => f.write_str("the registration"),
        }
    }
}

impl Problem {
    /// The last part of the type: stable, for programs and for counting.
    pub fn slug(&self) -> &'static str {
        match self {
            Problem::BodyTooLong(_) => "body-too-long",
            Problem::Encoded => "encoded-body",
            Problem::BodyCut => "body-cut",
            Problem::Json { .. } => "malformed-json",
            Problem::Base64(_) => "malformed-base64",
            Problem::Count(..) => "wrong-count",
            Problem::Parameter { .. } => "wrong-parameter",
            Problem::Range { .. } => "out-of-range",
            Problem::UnknownHash => "unknown-hash",
            Problem::NotFound => "not-found",
            Problem::Method => "method-not-allowed",
            Problem::Refused(refusal) => refusal.rule.slug(),
            Problem::DelegateNotLogged(_) => "delegate-not-logged",
            Problem::NotLogged(_) => "not-logged",
            Problem::Statement(refusal) => refusal.slug(),
            Problem::Registration(refusal) => refusal.slug(),
            Problem::SlotBusy => "slot-busy",
            Problem::SubmissionBudget { .. } => "submission-budget",
            Problem::Label(_) => "malformed-element",
            Problem::LabelBudget { .. } => "label-budget",
            Problem::EvaluationBudget { .. } => "evaluation-budget",
            Problem::Busy { .. } => "busy",
            Problem::TimedOut => "timed-out",
            Problem::NotCosigned { .. } => "not-cosigned",
            Problem::ReadOnly => "read-only",
            Problem::Mirror(_) => "mirror",
            Problem::CatchingUp => "catching-up",
            Problem::LabelLength(_) => "wrong-label-length",
            Problem::TooManyLabels(_) => "too-many-labels",
            Problem::BeyondList(_) => "beyond-list",
            Problem::IndexLags => "index-lags",
            Problem::IndexOver => "index-over",
            Problem::Unhealthy => "unhealthy",
            Problem::Internal => "internal",
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Problem::BodyTooLong(_) => 413,
            Problem::Encoded => 415,
            Problem::Method => 405,
            Problem::UnknownHash | Problem::NotFound | Problem::NotLogged(_) => 404,
            Problem::LabelBudget { .. }
            | Problem::EvaluationBudget { .. }
            | Problem::SubmissionBudget { .. } => 429,
            Problem::Busy { .. }
            | Problem::SlotBusy
            | Problem::TimedOut
            | Problem::Unhealthy
            | Problem::CatchingUp
            | Problem::IndexLags
            | Problem::NotCosigned { .. } => 503,
            Problem::IndexOver => 410,
            Problem::ReadOnly | Problem::Mirror(_) => 403,
            Problem::Internal => 500,
            _ => 400,
        }
    }

    /// After which time the same request may succeed.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Problem::LabelBudget { retry, .. }
            | Problem::EvaluationBudget { retry, .. }
            | Problem::SubmissionBudget { retry, .. }
            | Problem::NotCosigned { retry }
            | Problem::Busy { retry } => Some(*retry),
            Problem::TimedOut | Problem::IndexLags | Problem::CatchingUp | Problem::SlotBusy => {
                Some(Duration::from_secs(1))
            }
            _ => None,
        }
    }

    /// The problem details.
    pub fn details(&self) -> api::Problem {
        let slug = self.slug();
        let mut title = slug.replace('-', " ");
        title[..1].make_ascii_uppercase();
        let certificate = match self {
            Problem::Refused(Refusal { rule: Rule::EmptyChain | Rule::ChainTooLong, .. }) => None,
            Problem::Refused(refusal) => Some(refusal.certificate),
            Problem::Base64(Place::Certificate(n)) | Problem::DelegateNotLogged(n) => Some(*n),
            _ => None,
        };
        api::Problem {
            kind: format!("{PREFIX}{slug}"),
            status: self.status(),
            title,
            detail: self.to_string(),
            certificate,
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Problem::Refused(refusal)
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Range(range) => Problem::Range { size: range.size },
            error => {
                tracing::error!(%error, "the log could not be read");
                Problem::Internal
            }
        }
    }
}

impl From<SlotsError> for Problem {
    fn from(error: SlotsError) -> Self {
        tracing::error!(%error, "the database of registrations failed");
        Problem::Internal
    }
}

impl From<DedupError> for Problem {
    fn from(error: DedupError) -> Self {
        tracing::error!(%error, "the derived database failed");
        Problem::Internal
    }
}
