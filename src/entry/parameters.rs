//! `parameters_entry`, leaf 0.

use super::LeafError;
use crate::cbor::{self, array, key, map};

/// Leaf 0 of every log, and only leaf 0: the keys that its other leaves are read with. Because it is a leaf, nobody
/// can be shown other keys than everybody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// The origin of the log's checkpoints.
    pub origin: String,
    /// DER of the SubjectPublicKeyInfo that SCTs and RFC 6962 tree heads are signed with (ECDSA P-256).
    pub sct_key: Vec<u8>,
    /// The public key of the log's VOPRF: a ristretto255 element.
    pub label_key: [u8; 32],
}

impl Parameters {
    /// Deterministic CBOR: `{1: origin, 2: sct_key, 3: label_key}`.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(|e| {
            e.map(3)?;
            e.u8(1)?.str(&self.origin)?;
            e.u8(2)?.bytes(&self.sct_key)?;
            e.u8(3)?.bytes(&self.label_key)?;
            Ok(())
        })
    }

    /// Reads what [`encode`](Parameters::encode) writes.
    ///
    /// # Errors
    /// [`LeafError::Cbor`].
    pub fn decode(bytes: &[u8]) -> Result<Self, LeafError> {
        cbor::decode(bytes, Parameters::encode, |d| {
            map(d, 3)?;
            Ok(Parameters {
                origin: key(d, 1)?.str()?.to_owned(),
                sct_key: key(d, 2)?.bytes()?.to_vec(),
                label_key: array(key(d, 3)?)?,
            })
        })
        .ok_or(LeafError::Cbor("parameters_entry"))
    }
}
