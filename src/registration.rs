//! Registrations: "this number is reachable at this service, under this key", said by the key of the number's
//! credential and by a Resolution Service (RS), and logged without showing where.
//!
//! Both sign the same bytes of the statement ([`Registration::encode`]), each behind a domain of its own, so that neither
//! signature can stand for the other:
//!
//! ```text
//! "tnlog registration by credential v1\0" || statement
//! "tnlog registration by resolution service v1\0" || statement
//! ```
//!
//! The identity of a registration is the statement without the signatures, of which there are many for one statement:
//! opening and commitment are made of it, and who submits it again gets the same answer.
//!
//! **Slot and sequence.** A registration replaces the last one in its slot: same credential key, RS, service and number.
//! Within a slot sequences rise, so nothing old can be replayed over something newer, nor a registration over its
//! withdrawal. The number is part of the slot, or a key with two numbers would replace one by the other. A sequence in the
//! future would shut the slot until then, and is refused. A validity ends at most 30 days after the sequence, which is when the
//! statement was made: what nobody renews goes away, also when the phone that could withdraw it is lost, and a log need not
//! remember a slot for longer, since everything older than its last registration has then ended.
//!
//! What an attacker can do: with the key alone nothing, with an RS alone nothing. With both he registers, in the number's
//! list, where its holder sees that there is one and for which credential, and not at which service. An RS can hold
//! a signed statement back, until its validity ends. A statement names log, leaf and key, so none fits another log or
//! credential.

mod public;
mod refusal;
mod services;
#[cfg(test)]
mod tests;

pub use public::{RegistrationFault, check_registration_leaf, check_replacement};
pub use refusal::{Field, RegistrationRefusal};
pub use services::{ResolutionServiceError, ResolutionServices};

use std::fmt;

use sha2::{Digest, Sha256};

use crate::cbor::{self, array, key, map};
use crate::commitment::{Opening, OpeningSecret};
use crate::entry::{Action, Entry, EntryType, Leaf, NumberEntry, RegistrationEntry, read_signature};
use crate::label::Label;
use crate::number::Number;
use crate::signature::{SignatureError, VerifySignature, verify_statement};
use crate::tls::Write;

const BY_CREDENTIAL: &[u8] = b"tnlog registration by credential v1\0";
const BY_SERVICE: &[u8] = b"tnlog registration by resolution service v1\0";
const SLOT: &[u8] = b"tnlog registration slot v1\0";

/// The longest name of a service, in bytes.
pub const MAX_SERVICE: usize = 255;
/// The longest contact URI, in bytes.
pub const MAX_CONTACT: usize = 1024;
/// The longest name of a Resolution Service, in bytes.
pub const MAX_RESOLUTION_SERVICE: usize = 253;
/// The longest submission: the statement with its two signatures.
pub const MAX_SUBMISSION: usize = 2048;
/// The longest validity, and the furthest end of one from its sequence, in seconds: 30 days.
pub const MAX_VALIDITY: i64 = 30 * 86_400;

/// What is registered or withdrawn. `Debug` shows none of it: all but log id and times is a person's.
#[derive(Clone, PartialEq, Eq)]
pub struct Registration {
    /// The log that holds the credential.
    pub log_id: [u8; 32],
    /// The number.
    pub number: Number,
    /// The service at which it is reachable: 1 to [`MAX_SERVICE`] printable ASCII characters without space.
    pub service: String,
    /// Where, as a URI of at most [`MAX_CONTACT`] bytes.
    pub contact: String,
    /// The name of the Resolution Service: 1 to [`MAX_RESOLUTION_SERVICE`] printable ASCII characters without space.
    pub resolution_service: String,
    /// The index of the leaf of the number's credential.
    pub credential: u64,
    /// SHA-256 of the SubjectPublicKeyInfo of that credential.
    pub key_hash: [u8; 32],
    /// First second of the validity, in Unix time.
    pub not_before: i64,
    /// Last second of the validity, in Unix time; of a withdrawal, the last at which it may be submitted.
    pub not_after: i64,
    /// Rises within a slot: milliseconds of Unix time at which it was made.
    pub sequence: u64,
    /// Register or withdraw.
    pub action: Action,
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registration({}, ..)", self.action.name())
    }
}

impl Registration {
    /// The statement: deterministic CBOR, keys 1 to 11 in the order of the fields.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(|e| {
            e.map(11)?;
            e.u8(1)?.bytes(&self.log_id)?.u8(2)?.str(self.number.digits())?;
            e.u8(3)?.str(&self.service)?.u8(4)?.str(&self.contact)?;
            e.u8(5)?.str(&self.resolution_service)?;
            e.u8(6)?.u64(self.credential)?.u8(7)?.bytes(&self.key_hash)?;
            e.u8(8)?.i64(self.not_before)?.u8(9)?.i64(self.not_after)?;
            e.u8(10)?.u64(self.sequence)?.u8(11)?.u8(self.action as u8)?;
            Ok(())
        })
    }

    /// Reads what [`encode`](Registration::encode) writes; texts that are too long or not as they should be are read,
    /// and refused by name in [`check_form`](Registration::check_form).
    ///
    /// # Errors
    /// [`RegistrationRefusal::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, RegistrationRefusal> {
        let decoded = cbor::decode(bytes, Registration::encode, |d| {
            map(d, 11)?;
            Ok(Registration {
                log_id: array(key(d, 1)?)?,
                number: Number::new(key(d, 2)?.str()?).map_err(minicbor::decode::Error::custom)?,
                service: key(d, 3)?.str()?.to_owned(),
                contact: key(d, 4)?.str()?.to_owned(),
                resolution_service: key(d, 5)?.str()?.to_owned(),
                credential: key(d, 6)?.u64()?,
                key_hash: array(key(d, 7)?)?,
                not_before: key(d, 8)?.i64()?,
                not_after: key(d, 9)?.i64()?,
                sequence: key(d, 10)?.u64()?,
                action: Action::read(key(d, 11)?)?,
            })
        });
        decoded.ok_or(RegistrationRefusal::Malformed)
    }

    /// Lengths and characters of the texts, and the length of the validity.
    ///
    /// # Errors
    /// [`RegistrationRefusal::TooLong`], [`RegistrationRefusal::Text`], [`RegistrationRefusal::Validity`].
    pub fn check_form(&self) -> Result<(), RegistrationRefusal> {
        check_text(Field::Service, &self.service, MAX_SERVICE)?;
        check_text(Field::Contact, &self.contact, MAX_CONTACT)?;
        check_text(Field::ResolutionService, &self.resolution_service, MAX_RESOLUTION_SERVICE)?;
        if !has_scheme(&self.contact) {
            return Err(RegistrationRefusal::Text(Field::Contact));
        }
        match self.not_after.checked_sub(self.not_before) {
            Some(0..=MAX_VALIDITY) => Ok(()),
            _ => Err(RegistrationRefusal::Validity),
        }
    }

    /// What the key of the credential signs.
    pub fn signed_by_credential(&self) -> Vec<u8> {
        [BY_CREDENTIAL, &self.encode()].concat()
    }

    /// What the Resolution Service signs.
    pub fn signed_by_service(&self) -> Vec<u8> {
        [BY_SERVICE, &self.encode()].concat()
    }

    /// The identity: `uint16 0x5402 || opaque statement<0..2^24-1>`, in the form of those of certificates.
    pub fn identity(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.put_uint(EntryType::Registration as u64, 2);
        bytes.put_opaque(&self.encode(), 3);
        bytes
    }

    /// The opening that the log's secret gives.
    pub fn opening(&self, secret: &OpeningSecret) -> Opening {
        secret.opening_of(&self.identity())
    }

    /// The key under which a log remembers the last registration of this slot. It tells nothing to who does not have the log's
    /// opening secret.
    pub fn slot(&self, label: &Label, secret: &OpeningSecret) -> [u8; 32] {
        let mut bytes = SLOT.to_vec();
        bytes.extend_from_slice(label.as_bytes());
        bytes.extend_from_slice(&self.key_hash);
        bytes.put_opaque(self.resolution_service.as_bytes(), 3);
        bytes.put_opaque(self.service.as_bytes(), 3);
        secret.slot_of(&bytes)
    }

    /// The leaf's entry. The same function makes it for the log and for who verifies a receipt.
    pub fn entry(&self, label: Label, opening: &Opening, replaces: Option<u64>) -> RegistrationEntry {
        RegistrationEntry {
            label,
            credential: self.credential,
            not_before: self.not_before,
            not_after: self.not_after,
            action: self.action,
            commitment: opening.commit_to(&self.identity()),
            replaces,
        }
    }
}

/// A registration as it is submitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRegistration {
    /// The statement.
    pub statement: Registration,
    /// DER of the ECDSA signature by the key of the credential.
    pub credential_signature: Vec<u8>,
    /// DER of the ECDSA signature by a key of the Resolution Service.
    pub service_signature: Vec<u8>,
}

impl SignedRegistration {
    /// Deterministic CBOR: `{1: statement in a byte string, 2: signature by the credential, 3: signature by the RS}`.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(|e| {
            e.map(3)?.u8(1)?.bytes(&self.statement.encode())?;
            e.u8(2)?.bytes(&self.credential_signature)?.u8(3)?.bytes(&self.service_signature)?;
            Ok(())
        })
    }

    /// Reads what [`encode`](SignedRegistration::encode) writes.
    ///
    /// # Errors
    /// [`RegistrationRefusal::SubmissionTooLong`], [`RegistrationRefusal::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, RegistrationRefusal> {
        if bytes.len() > MAX_SUBMISSION {
            return Err(RegistrationRefusal::SubmissionTooLong);
        }
        let decoded = cbor::decode(bytes, SignedRegistration::encode, |d| {
            map(d, 3)?;
            let statement =
                Registration::decode(key(d, 1)?.bytes()?).map_err(minicbor::decode::Error::custom)?;
            let credential_signature = read_signature(key(d, 2)?)?;
            Ok(SignedRegistration {
                statement,
                credential_signature,
                service_signature: read_signature(key(d, 3)?)?,
            })
        });
        decoded.ok_or(RegistrationRefusal::Malformed)
    }

    /// Checks both signatures: by the key in the SubjectPublicKeyInfo `credential_key`, which must be the one that the
    /// statement names, and by a key of the statement's RS. At most nine verifications.
    ///
    /// # Errors
    /// [`RegistrationRefusal`] says which.
    pub fn check_signatures(
        &self,
        credential_key: &[u8],
        services: &ResolutionServices,
        verifier: &dyn VerifySignature,
    ) -> Result<(), RegistrationRefusal> {
        let statement = &self.statement;
        let keys = services.keys(&statement.resolution_service).ok_or(RegistrationRefusal::UnknownService)?;
        if <[u8; 32]>::from(Sha256::digest(credential_key)) != statement.key_hash {
            return Err(RegistrationRefusal::OtherKey);
        }
        let message = statement.signed_by_credential();
        match verify_statement(verifier, credential_key, &message, &self.credential_signature) {
            Ok(()) => {}
            Err(SignatureError::Unsupported) => return Err(RegistrationRefusal::UnsupportedKey),
            Err(SignatureError::Invalid) => return Err(RegistrationRefusal::BadCredentialSignature),
        }
        let message = statement.signed_by_service();
        let signed =
            |key: &Vec<u8>| verify_statement(verifier, key, &message, &self.service_signature).is_ok();
        if keys.iter().any(signed) { Ok(()) } else { Err(RegistrationRefusal::BadServiceSignature) }
    }
}

/// The last registration of a slot, as the log remembers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Last {
    /// Its sequence.
    pub sequence: u64,
    /// Its leaf.
    pub index: u64,
    /// Whether it registered or withdrew.
    pub action: Action,
}

/// What a registration is checked against.
#[derive(Clone, Copy)]
pub struct RegistrationContext<'a> {
    /// The id of this log.
    pub log_id: &'a [u8; 32],
    /// The leaf at the index that the statement names, where the log has one.
    pub credential: Option<&'a Leaf>,
    /// Milliseconds of Unix time.
    pub now: u64,
    /// The accepted Resolution Services.
    pub services: &'a ResolutionServices,
    /// What verifies signatures.
    pub verifier: &'a dyn VerifySignature,
}

/// A registration that the key of a live credential and an accepted Resolution Service have signed. What is still to be
/// checked takes the label of its number.
pub struct Vouched<'a> {
    statement: &'a Registration,
    credential: &'a NumberEntry,
    now: u64,
}

/// Checks everything of a registration that does not take the label of its number. The log first looks whether it holds the
/// commitment already, and then gives the same answer as before.
///
/// The label comes after the signatures: else anybody could ask, without a key, whether a leaf is that of a number.
///
/// # Errors
/// Any [`RegistrationRefusal`] but those of decoding and of [`Vouched::admit`].
pub fn check_registration<'a>(
    submitted: &'a SignedRegistration,
    context: &RegistrationContext<'a>,
) -> Result<Vouched<'a>, RegistrationRefusal> {
    let statement = &submitted.statement;
    statement.check_form()?;
    if statement.log_id != *context.log_id {
        return Err(RegistrationRefusal::OtherLog);
    }
    check_times(statement, context.now)?;
    let credential = live_credential(statement, context)?;
    submitted.check_signatures(&credential.subject_key, context.services, context.verifier)?;
    Ok(Vouched { statement, credential, now: context.now })
}

impl Vouched<'_> {
    /// Checks the registration against the label of its number and the last one of its slot, and gives the leaf of the
    /// registration that it replaces or withdraws. What is then logged is [`Registration::entry`] with the opening of the
    /// log's secret.
    ///
    /// # Errors
    /// [`RegistrationRefusal::OtherNumber`], [`RegistrationRefusal::SequenceNotAbove`],
    /// [`RegistrationRefusal::NothingToWithdraw`].
    pub fn admit(&self, label: &Label, last: Option<Last>) -> Result<Option<u64>, RegistrationRefusal> {
        if self.credential.labels.binary_search(label).is_err() {
            return Err(RegistrationRefusal::OtherNumber);
        }
        replaced(self.statement, last.filter(|last| !is_forgotten(last.sequence, self.now)))
    }
}

/// Whether the last registration of a slot counts for nothing any more: everything with a sequence up to this one has ended.
/// A log may then forget it.
pub fn is_forgotten(sequence: u64, now: u64) -> bool {
    latest_end(sequence) < unix_seconds(now)
}

/// The last second at which a registration of this sequence can end.
pub fn latest_end(sequence: u64) -> i64 {
    unix_seconds(sequence).saturating_add(MAX_VALIDITY)
}

fn check_times(statement: &Registration, now: u64) -> Result<(), RegistrationRefusal> {
    if statement.not_after < unix_seconds(now) {
        Err(RegistrationRefusal::Ended)
    } else if statement.sequence > now {
        Err(RegistrationRefusal::InTheFuture)
    } else if statement.not_after > latest_end(statement.sequence) {
        Err(RegistrationRefusal::TooFar)
    } else {
        Ok(())
    }
}

fn live_credential<'a>(
    statement: &Registration,
    context: &RegistrationContext<'a>,
) -> Result<&'a NumberEntry, RegistrationRefusal> {
    let leaf = context.credential.filter(|leaf| leaf.index == statement.credential);
    let Some(Leaf { entry: Entry::Number(number), .. }) = leaf else {
        return Err(RegistrationRefusal::NotLogged);
    };
    let now = unix_seconds(context.now);
    let live = number.not_before <= now && now <= number.not_after;
    if live { Ok(number) } else { Err(RegistrationRefusal::NotLive) }
}

fn replaced(statement: &Registration, last: Option<Last>) -> Result<Option<u64>, RegistrationRefusal> {
    if last.is_some_and(|last| statement.sequence <= last.sequence) {
        return Err(RegistrationRefusal::SequenceNotAbove);
    }
    let registered = last.filter(|last| last.action == Action::Register).map(|last| last.index);
    match (statement.action, registered) {
        (Action::Withdraw, None) => Err(RegistrationRefusal::NothingToWithdraw),
        _ => Ok(registered),
    }
}

/// Milliseconds of Unix time as seconds.
pub(crate) fn unix_seconds(milliseconds: u64) -> i64 {
    i64::try_from(milliseconds / 1000).expect("2^64 / 1000 is below 2^63")
}

fn check_text(field: Field, text: &str, limit: usize) -> Result<(), RegistrationRefusal> {
    if text.len() > limit {
        Err(RegistrationRefusal::TooLong(field, limit))
    } else if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Err(RegistrationRefusal::Text(field))
    } else {
        Ok(())
    }
}

/// RFC 3986 §3.1: a letter, then letters, digits, `+`, `-`, `.`, up to a colon; and something behind it.
fn has_scheme(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once(':') else { return false };
    let rest_of_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let letter_first = scheme.starts_with(|first: char| first.is_ascii_alphabetic());
    letter_first && scheme.bytes().all(rest_of_scheme) && !rest.is_empty()
}
