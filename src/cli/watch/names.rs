//! The names of issuers, by the hashes of their keys.

use std::collections::BTreeMap;

use tnlog::certificate::{Certificate, MAX_CERTIFICATE_LEN};
use tnlog::chain_item::issuer_path;
use tnlog::client::api::{Issuer, Issuers};
use tnlog::client::http::{Client, HttpError};

use crate::output::{hex, printable};

/// The longest list of issuers that is read.
const MAX_ISSUERS: usize = 16 << 20;

/// What was found out already. An issuer without a name is asked for once.
#[derive(Default)]
pub struct IssuerNames {
    list: Option<Vec<Issuer>>,
    names: BTreeMap<[u8; 32], Option<String>>,
}

impl IssuerNames {
    /// The subject of the CA with this key, where it was found.
    pub fn name(&self, key_hash: &[u8; 32]) -> Option<&str> {
        self.names.get(key_hash)?.as_deref()
    }

    /// Looks for the names of these issuers: in the certificates that the log serves, each of which must have the key. A
    /// place that serves no list, or an older one, knows fewer.
    ///
    /// # Errors
    /// [`HttpError`].
    pub async fn learn(
        &mut self,
        client: &Client,
        key_hashes: impl IntoIterator<Item = [u8; 32]>,
    ) -> Result<(), HttpError> {
        for key_hash in key_hashes {
            if !self.names.contains_key(&key_hash) {
                let name = self.find(client, &key_hash).await?;
                self.names.insert(key_hash, name);
            }
        }
        Ok(())
    }

    async fn find(&mut self, client: &Client, key_hash: &[u8; 32]) -> Result<Option<String>, HttpError> {
        if self.list.is_none() {
            let bytes = client.get("tn/v1/issuers", MAX_ISSUERS).await?;
            let list = bytes.and_then(|bytes| serde_json::from_slice::<Issuers>(&bytes).ok());
            self.list = Some(list.map(|list| list.issuers).unwrap_or_default());
        }
        let wanted = hex(key_hash);
        let issuers = self.list.iter().flatten().filter(|issuer| issuer.issuer_key_hash == wanted);
        let fingerprint = issuers.flat_map(|issuer| &issuer.certificates).find_map(|text| unhex(text));
        let Some(fingerprint) = fingerprint else { return Ok(None) };
        let der = client.get(&issuer_path(&fingerprint), MAX_CERTIFICATE_LEN).await?;
        let certificate = der.and_then(|der| Certificate::from_der(der.to_vec()).ok());
        let genuine = certificate.filter(|certificate| certificate.spki_sha256() == key_hash);
        Ok(genuine.map(|certificate| printable(&certificate.subject_text())))
    }
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.iter().map(byte).collect::<Option<Vec<_>>>()?.try_into().ok()
}
