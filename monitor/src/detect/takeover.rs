//! `registration-takeover`: a registration of a number moves to a key that was not approved. From then on
//! whoever calls the number reaches the holder of that key.

use super::entry::Observed;
use super::finding::{Detector, Finding, Origin, Sentence, Severity};
use super::id::KeyId;
use super::number::{Case, Credential, NumberState};

/// Whether the number is registered at `now` under another key, that stands.
pub(super) fn moves(state: &NumberState, key: &KeyId, now: i64) -> bool {
    let others = state.registered.iter().filter(|registered| registered.key != *key);
    others
        .filter(|registered| now <= registered.until)
        .any(|registered| state.is_trusted(&registered.key, now))
}

/// What has not been said yet of a registration that moved: as bad as the credential that it moved to is by
/// now, and never less than low.
pub(super) fn found(
    credential: &Credential,
    case: &Case,
    of_credential: Severity,
    entry: &Observed<'_>,
) -> Option<Finding> {
    let severity = of_credential.max(Severity::Low);
    if !case.took_over || case.said_of_takeover.is_some_and(|rank| severity as u8 <= rank) {
        return None;
    }
    let what = match case.contested {
        Some(_) => {
            "A number is registered under a key that was not approved, while its earlier key registers it too."
        }
        None => "The registration of a number moved to a key that its earlier key has not approved.",
    };
    let sentence = Sentence::new(
        what,
        "whoever calls the number and reaches another one, and to its holder",
        "do not trust who answers before the holder has said, by another way, that the new key is his; tell the Resolution \
         Service, and the issuer",
    );
    let origin = Origin { detector: Detector::RegistrationTakeover, scope: &[], entries: &[credential.leaf] };
    Some(Finding::new(entry, &origin, severity, sentence).with([case.leading, entry.index]))
}
