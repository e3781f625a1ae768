//! What everybody can check of a logged registration, without knowing what it says.

use super::{MAX_VALIDITY, unix_seconds};
use crate::entry::{Action, NumberEntry, RegistrationEntry};

/// How long after admission a registration may be sequenced, in seconds: admission judges by its own clock, a reader by
/// the time of the leaf.
const SEQUENCING: i64 = 600;

/// What is wrong with a logged registration: a log that admits by the rules never writes such a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationFault {
    /// There is no `number_entry` with this label before it at the index that it names.
    #[error("the registration names a leaf that is no earlier credential of its number")]
    NoCredential,
    /// The credential was not valid when it was logged.
    #[error("the registration was logged when its credential was not valid")]
    NotLive,
    /// The validity is too long, ends too late, or had ended.
    #[error("the validity of the registration was not one that a log takes when it was logged")]
    Validity,
    /// What it replaces is no registration before it, of another key, or was replaced already.
    #[error("the registration replaces a leaf that is no current registration of the same key and number")]
    Replaces,
}

/// Checks a registration that was logged at `timestamp` (milliseconds) against the credential that it names.
///
/// # Errors
/// [`RegistrationFault`].
pub fn check_registration_leaf(
    entry: &RegistrationEntry,
    timestamp: u64,
    credential: &NumberEntry,
) -> Result<(), RegistrationFault> {
    let logged = unix_seconds(timestamp);
    if credential.labels.binary_search(&entry.label).is_err() {
        return Err(RegistrationFault::NoCredential);
    }
    if logged < credential.not_before || logged.saturating_sub(SEQUENCING) > credential.not_after {
        return Err(RegistrationFault::NotLive);
    }
    let too_long = entry.not_after.checked_sub(entry.not_before).is_none_or(|length| length > MAX_VALIDITY);
    let too_late = entry.not_after > logged.saturating_add(MAX_VALIDITY);
    let had_ended = entry.not_after < logged.saturating_sub(SEQUENCING);
    if too_long || too_late || had_ended { Err(RegistrationFault::Validity) } else { Ok(()) }
}

/// Checks what a registration replaces: an earlier one that registered, of the same label and the same key. The caller
/// gives both with the credentials that they name, and checks that nothing else has replaced the earlier one.
///
/// # Errors
/// [`RegistrationFault::Replaces`].
pub fn check_replacement(
    later: (&RegistrationEntry, &NumberEntry),
    earlier: (&RegistrationEntry, &NumberEntry),
) -> Result<(), RegistrationFault> {
    let registered = earlier.0.action == Action::Register && earlier.0.label == later.0.label;
    let same_key = earlier.1.subject_key == later.1.subject_key;
    if registered && same_key { Ok(()) } else { Err(RegistrationFault::Replaces) }
}
