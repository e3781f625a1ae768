//! Why a registration is not taken.

use std::fmt;

/// A text of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The service.
    Service,
    /// The contact URI.
    Contact,
    /// The name of the Resolution Service.
    ResolutionService,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Field::Service => "service",
            Field::Contact => "contact URI",
            Field::ResolutionService => "name of the Resolution Service",
        })
    }
}

/// Why a registration is not taken. `Display` says what is wrong, and shows nothing that the statement holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationRefusal {
    /// Over [`MAX_SUBMISSION`](super::MAX_SUBMISSION).
    #[error("the registration has more than 2,048 bytes")]
    SubmissionTooLong,
    /// Not the CBOR of a registration, or a number that is none.
    #[error("the bytes are not a registration in its one encoding")]
    Malformed,
    /// A text is longer than it may be.
    #[error("the {0} of the registration is longer than {1} bytes")]
    TooLong(Field, usize),
    /// A text is empty or has other characters; a contact is no URI.
    #[error(
        "the {0} of the registration is empty, no URI where one belongs, or not printable ASCII without space"
    )]
    Text(Field),
    /// The validity ends before it begins, or is too long.
    #[error("the validity of the registration ends before it begins, or is longer than 30 days")]
    Validity,
    /// Signed for another log.
    #[error("the registration is for another log; it must be signed for this one")]
    OtherLog,
    /// The validity ends more than 30 days after the sequence.
    #[error("the registration ends more than 30 days after its sequence, the time at which it was made")]
    TooFar,
    /// It has ended.
    #[error("the registration has ended already")]
    Ended,
    /// A sequence in the future.
    #[error("the sequence of the registration is in the future; set the clock")]
    InTheFuture,
    /// No leaf at the index, or one of another entry type.
    #[error("the log has no credential of a number at the index that the registration names")]
    NotLogged,
    /// The credential is not valid now.
    #[error("the credential that the registration names is not valid now")]
    NotLive,
    /// The credential does not name the number.
    #[error("the credential that the registration names is not of this number")]
    OtherNumber,
    /// The credential has another key than the one that the statement names.
    #[error("the credential that the registration names has another key")]
    OtherKey,
    /// The key of the credential is not ECDSA on P-256 or P-384.
    #[error("the key of the credential cannot sign registrations; P-256 and P-384 can")]
    UnsupportedKey,
    /// The signature by the credential is wrong.
    #[error("the registration is not signed by the key of the credential")]
    BadCredentialSignature,
    /// A Resolution Service that is not accepted.
    #[error("the Resolution Service of the registration is none that is accepted here")]
    UnknownService,
    /// The signature by the Resolution Service is wrong.
    #[error("the registration is not signed by its Resolution Service")]
    BadServiceSignature,
    /// The sequence is not above that of the last registration of the slot.
    #[error(
        "the sequence of the registration is not above that of the last one; it was sent before, or is older"
    )]
    SequenceNotAbove,
    /// Nothing is registered.
    #[error("there is no registration to withdraw")]
    NothingToWithdraw,
}

impl RegistrationRefusal {
    /// The name of the rule, stable, for the `type` of problem details and for counting.
    pub fn slug(&self) -> &'static str {
        match self {
            RegistrationRefusal::SubmissionTooLong | RegistrationRefusal::TooLong(..) => {
                "registration-too-long"
            }
            RegistrationRefusal::Malformed => "malformed-registration",
            RegistrationRefusal::Text(_) => "registration-bad-text",
            RegistrationRefusal::Validity => "registration-bad-validity",
            RegistrationRefusal::OtherLog => "registration-of-another-log",
            RegistrationRefusal::TooFar => "registration-ends-too-late",
            RegistrationRefusal::Ended => "registration-ended",
            RegistrationRefusal::InTheFuture => "registration-in-the-future",
            RegistrationRefusal::NotLogged => "registration-credential-not-logged",
            RegistrationRefusal::NotLive => "registration-credential-not-valid",
            RegistrationRefusal::OtherNumber => "registration-of-another-number",
            RegistrationRefusal::OtherKey => "registration-of-another-key",
            RegistrationRefusal::UnsupportedKey => "registration-unsupported-key",
            RegistrationRefusal::BadCredentialSignature => "registration-bad-credential-signature",
            RegistrationRefusal::UnknownService => "registration-unknown-resolution-service",
            RegistrationRefusal::BadServiceSignature => "registration-bad-service-signature",
            RegistrationRefusal::SequenceNotAbove => "registration-sequence-not-above",
            RegistrationRefusal::NothingToWithdraw => "registration-nothing-to-withdraw",
        }
    }
}
