//! The issuers of single numbers. Their chains are hidden, so that no bundle names them: the log alone can say who they are.

use std::io;

use sha2::{Digest, Sha256};

use super::Mirror;
use crate::certificate::{Certificate, MAX_CERTIFICATE_LEN};
use crate::chain_item::issuer_path;
use crate::client::api::{self, Issuer};
use crate::client::http::{Client, HttpError};
use crate::client::store::ObjectStore;

/// The longest list that is read, in bytes.
const MAX_LIST: usize = 4 << 20;
/// The most certificates that are asked for, and kept, on the word of the log, which could make up any number of them.
const MAX_KEPT: usize = 10_000;

/// Why they were not copied.
#[derive(Debug, thiserror::Error)]
pub enum IssuersError {
    /// The log does not answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The copy cannot be written.
    #[error("the issuers cannot be stored: {0}")]
    Io(#[from] io::Error),
}

/// Fetches the CA certificates that the log lists and the mirror does not know. Each must have the key for which it is listed, and name no
/// single numbers. Others are left out.
///
/// # Errors
/// [`IssuersError`]; what was stored before stays.
pub async fn copy(client: &Client, store: &dyn ObjectStore, mirror: &Mirror) -> Result<(), IssuersError> {
    let Some(bytes) = client.get("tn/v1/issuers", MAX_LIST).await? else { return Ok(()) };
    let Ok(listed) = serde_json::from_slice::<api::Issuers>(&bytes) else { return Ok(()) };
    let known = mirror.issuers.list().issuers;
    let mut room = MAX_KEPT.saturating_sub(known.iter().map(|issuer| issuer.certificates.len()).sum());
    let is_known = |key_hash: &String, fingerprint: &String| {
        let mut of_key = known.iter().filter(|issuer| issuer.issuer_key_hash == *key_hash);
        of_key.any(|issuer| issuer.certificates.contains(fingerprint))
    };
    for Issuer { issuer_key_hash, certificates } in &listed.issuers {
        for fingerprint in certificates.iter().filter(|of| !is_known(issuer_key_hash, of)).take(room) {
            room -= 1;
            if let Some(issuer) = fetch(client, issuer_key_hash, fingerprint).await? {
                let name = issuer_path(issuer.fingerprint());
                store.put(&name, issuer.der())?;
                store.sync(&[&name])?;
                mirror.issuers.insert(&issuer);
            }
        }
    }
    Ok(())
}

async fn fetch(client: &Client, key_hash: &str, fingerprint: &str) -> Result<Option<Certificate>, HttpError> {
    if fingerprint.len() != 64 || !fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(None);
    }
    let Some(der) = client.get(&format!("issuer/{fingerprint}"), MAX_CERTIFICATE_LEN).await? else {
        return Ok(None);
    };
    let hex = |hash: &[u8]| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    if hex(&Sha256::digest(&der)) != fingerprint {
        return Ok(None);
    }
    let is_open = |issuer: &Certificate| issuer.class().is_ok_and(|class| class.numbers().is_empty());
    let issuer = Certificate::from_der(der.to_vec()).ok();
    Ok(issuer.filter(|issuer| issuer.is_ca() && is_open(issuer) && hex(issuer.spki_sha256()) == key_hash))
}
