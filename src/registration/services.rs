//! Which Resolution Services are accepted.

use std::collections::BTreeMap;

use super::{Field, MAX_RESOLUTION_SERVICE, check_text};
use crate::signature::PublicKeyInfo;

/// The most keys of one Resolution Service.
const MAX_KEYS: usize = 8;

/// The Resolution Services that a log accepts, or an app trusts: names, each with its keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolutionServices(BTreeMap<String, Vec<Vec<u8>>>);

/// A Resolution Service cannot be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolutionServiceError {
    /// The name is empty, too long, or has other characters.
    #[error("the name of a Resolution Service is 1 to 253 printable ASCII characters without space")]
    Name,
    /// Not the SubjectPublicKeyInfo of an ECDSA key.
    #[error("the key of a Resolution Service is the DER of a SubjectPublicKeyInfo on P-256 or P-384")]
    Key,
    /// More than eight keys.
    #[error("a Resolution Service has at most 8 keys")]
    TooManyKeys,
}

impl ResolutionServices {
    /// Adds a key, the DER of a SubjectPublicKeyInfo, to the service of this name.
    ///
    /// # Errors
    /// [`ResolutionServiceError`].
    pub fn add(&mut self, name: &str, spki: &[u8]) -> Result<(), ResolutionServiceError> {
        if check_text(Field::ResolutionService, name, MAX_RESOLUTION_SERVICE).is_err() {
            return Err(ResolutionServiceError::Name);
        }
        let key = PublicKeyInfo::from_spki(spki).and_then(|key| key.statement_algorithm());
        key.ok_or(ResolutionServiceError::Key)?;
        let keys = self.0.entry(name.to_owned()).or_default();
        if keys.len() >= MAX_KEYS {
            return Err(ResolutionServiceError::TooManyKeys);
        }
        keys.push(spki.to_vec());
        Ok(())
    }

    pub(super) fn keys(&self, name: &str) -> Option<&[Vec<u8>]> {
        self.0.get(name).map(Vec::as_slice)
    }
}
