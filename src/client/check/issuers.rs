//! The CA certificates beside a log, each fetched and verified once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::fault::{CheckError, Fault, FaultKind};
use crate::certificate::{Certificate, MAX_CERTIFICATE_LEN};
use crate::chain_item::issuer_path;
use crate::client::source::{Source, fetch_existing};

/// Issuers that are remembered; a log with more has them fetched again. The public STIR/SHAKEN certificates have 60.
const MAX_REMEMBERED: usize = 4096;

/// Issuers by the SHA-256 of their certificates.
pub(super) type Issuers = HashMap<[u8; 32], Arc<Certificate>>;

pub(super) struct IssuerCache<S> {
    source: Arc<S>,
    known: Mutex<Issuers>,
}

impl<S: Source> IssuerCache<S> {
    pub(super) fn new(source: Arc<S>) -> Self {
        IssuerCache { source, known: Mutex::default() }
    }

    pub(super) async fn get(&self, fingerprint: &[u8; 32]) -> Result<Arc<Certificate>, CheckError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(fingerprint).cloned();
        if let Some(issuer) = known {
            return Ok(issuer);
        }
        let issuer = Arc::new(self.fetch(fingerprint).await?);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_REMEMBERED {
            known.clear();
        }
        known.insert(*fingerprint, issuer.clone());
        Ok(issuer)
    }

    async fn fetch(&self, fingerprint: &[u8; 32]) -> Result<Certificate, CheckError> {
        let path = issuer_path(fingerprint);
        let der = fetch_existing(&*self.source, &path, MAX_CERTIFICATE_LEN).await?;
        if Sha256::digest(&der)[..] != fingerprint[..] {
            return Err(Fault::at(path, FaultKind::IssuerHash).into());
        }
        Ok(Certificate::from_der(der).map_err(|error| Fault::at(path, error))?)
    }
}
