//! Registering at a log, and believing nothing that it answers before it is verified.

use base64ct::{Base64, Encoding};

use super::api::{AddRegistration, AddRegistrationResponse};
use super::http::{Client, HttpError};
use super::receipts::Logged;
use super::retry::Patience;
use crate::policy::Policy;
use crate::proof::MAX_PROOF;
use crate::receipt::{KnownLog, ReceiptError, Untrusted};
use crate::registration::{RegistrationRefusal, SignedRegistration};
use crate::registration_receipt::{RegistrationReceipt, UntrustedRegistration};

/// Two numbers and an opening in JSON.
const MAX_ANSWER: usize = 16 * 1024;

/// Why there is no registration that can be believed.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The log could not be reached, or refused.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// What should be a receipt is none.
    #[error("the log answered with what is no receipt of a registration: {0}")]
    Receipt(#[from] ReceiptError),
    /// The receipt does not show what it should.
    #[error("the log answered with a wrong receipt: {0}")]
    Untrusted(#[from] UntrustedRegistration),
    /// The receipt is of something else than was submitted and answered.
    #[error("the log answered with the receipt of another registration")]
    Other,
}

/// Registers or withdraws, and fetches the receipt, waiting for the witnesses as long as patience has it. Gives the receipt when
/// it shows this very submission in the log, where the log said that it stands.
///
/// # Errors
/// [`RegisterError`].
pub async fn register(
    client: &Client,
    submitted: &SignedRegistration,
    log: &KnownLog,
    policy: &Policy,
) -> Result<(RegistrationReceipt, Logged), RegisterError> {
    let body = AddRegistration { registration: Base64::encode_string(&submitted.encode()) };
    let answer: AddRegistrationResponse =
        client.post_json("tn/v1/add-registration", &body, MAX_ANSWER).await?;
    let patient = client.clone().with_patience(Patience::FOR_WITNESSES);
    let bytes = patient.post("tn/v1/registration-receipt", &body, MAX_PROOF).await?;
    let receipt = RegistrationReceipt::parse(&bytes)?;
    let logged = check_registered(&receipt, submitted, log, policy)?;
    let opening = Base64::encode_string(receipt.extra.opening.expose());
    let same = answer.leaf_index == logged.index
        && answer.timestamp == logged.timestamp
        && answer.replaces == receipt.extra.replaces
        && answer.opening == opening;
    if same { Ok((receipt, logged)) } else { Err(RegisterError::Other) }
}

/// Whether the receipt shows this submission, register or withdraw, in the log under a checkpoint that meets the policy. Its
/// signatures are **not judged**: the log did, and an app does
/// ([`Verifier::verify_registration`](crate::receipt::Verifier::verify_registration)).
///
/// # Errors
/// [`RegisterError::Other`], [`RegisterError::Untrusted`].
pub fn check_registered(
    receipt: &RegistrationReceipt,
    submitted: &SignedRegistration,
    log: &KnownLog,
    policy: &Policy,
) -> Result<Logged, RegisterError> {
    if receipt.extra.submitted != *submitted {
        return Err(RegisterError::Other);
    }
    let untrusted = |error: Untrusted| UntrustedRegistration::from(error);
    let checked = policy.check_note(&receipt.proof.checkpoint).map_err(|error| untrusted(error.into()))?;
    if checked.checkpoint.origin != log.parameters.origin {
        return Err(untrusted(Untrusted::UnknownLog(checked.checkpoint.origin)).into());
    }
    if submitted.statement.log_id != *log.sct_key.log_id() {
        return Err(UntrustedRegistration::from(RegistrationRefusal::OtherLog).into());
    }
    let leaf = receipt.leaf(&log.label_key)?;
    let included = receipt.proof.check(&checked.checkpoint, &leaf);
    included.map_err(|_| untrusted(Untrusted::NotIncluded))?;
    let (index, timestamp) = (receipt.proof.index, receipt.extra.timestamp);
    Ok(Logged { index, timestamp, cosigned: checked.cosigned })
}
