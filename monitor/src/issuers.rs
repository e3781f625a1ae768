//! Who has which issuer key: CA certificates that came with the log's entries, and those that it serves for the keys that
//! certificates of numbers name.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tnlog::certificate::{Certificate, MAX_CERTIFICATE_LEN};
use tnlog::chain_item::issuer_path;
use tnlog::client::api;
use tnlog::client::copy::LogCopy;
use tnlog::client::http::{Client, HttpError};
use tnlog::merkle::Hash;

use crate::config::from_hex;
use crate::detect::{Issuer, Operator};

const PATH: &str = "tn/v1/issuers";
const MAX_LIST: usize = 16 << 20;
/// CA certificates that are kept in memory.
const MAX_CERTIFICATES: usize = 4096;

/// What is known of issuers of one log.
pub struct Issuers {
    copy: LogCopy,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// By issuer key hash. None: the log serves no certificate for it.
    by_key: HashMap<[u8; 32], Option<Issuer>>,
    /// The organizations that CA certificates name.
    names: HashMap<Operator, String>,
    certificates: HashMap<[u8; 32], Arc<Certificate>>,
    /// Key hashes that the log is to be asked for.
    wanted: BTreeSet<[u8; 32]>,
}

impl Known {
    fn learn_name(&mut self, certificate: &Certificate) {
        if let Some(name) = certificate.organization() {
            self.names.entry(Operator::of(certificate)).or_insert(name);
        }
    }
}

impl Issuers {
    /// Those in a copy of the log.
    pub fn open(copy: LogCopy) -> io::Result<Self> {
        let issuers = Issuers { copy, known: Mutex::default() };
        for name in issuers.copy.store().list("issuer")? {
            let found = issuers.copy.store().get(&name)?;
            found
                .and_then(|der| Certificate::from_der(der).ok())
                .iter()
                .for_each(|found| issuers.learn(found));
        }
        Ok(issuers)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a CA certificate that was verified to be one of the log.
    pub fn learn(&self, certificate: &Certificate) {
        let issuer = Issuer::of(certificate);
        let mut known = self.known();
        known.learn_name(certificate);
        known.by_key.insert(issuer.key_hash, Some(issuer));
    }

    /// The organization that runs a CA, as its certificate says.
    pub fn name(&self, operator: Operator) -> Option<String> {
        self.known().names.get(&operator).cloned()
    }

    /// Who has this key, as far as that is known already.
    pub fn known_of_key(&self, hash: [u8; 32]) -> Issuer {
        self.known().by_key.get(&hash).copied().flatten().unwrap_or(Issuer::unknown(hash))
    }

    /// The CA certificate with this SHA-256.
    pub fn certificate(&self, fingerprint: &[u8; 32]) -> Option<Arc<Certificate>> {
        if let Some(known) = self.known().certificates.get(fingerprint) {
            return Some(known.clone());
        }
        let found = Arc::new(self.copy.issuer(fingerprint).ok().flatten()?);
        let mut known = self.known();
        if known.certificates.len() >= MAX_CERTIFICATES {
            known.certificates.clear();
        }
        known.certificates.insert(*fingerprint, found.clone());
        Some(found)
    }

    /// Who has this key. None when the log has not been asked yet, which it then is to be.
    pub fn of_key(&self, hash: [u8; 32]) -> Option<Issuer> {
        let mut known = self.known();
        match known.by_key.get(&hash) {
            Some(Some(issuer)) => Some(*issuer),
            Some(None) => Some(Issuer::unknown(hash)),
            None => {
                known.wanted.insert(hash);
                None
            }
        }
    }

    /// Whether the log is to be asked.
    pub fn wants(&self) -> bool {
        !self.known().wanted.is_empty()
    }

    /// Asks the log who has the keys that are wanted. What it serves no certificate for stays unknown until the next start.
    pub async fn ask(&self, client: &Client) -> Result<(), HttpError> {
        let wanted = self.known().wanted.clone();
        let list: api::Issuers = client.get_json(PATH, MAX_LIST).await?;
        for hash in wanted {
            let text = Hash(hash).to_string();
            let served = list.issuers.iter().find(|issuer| issuer.issuer_key_hash == text);
            let fingerprint = served.and_then(|issuer| from_hex(issuer.certificates.first()?));
            let found = match fingerprint {
                Some(fingerprint) => self.fetch(client, &fingerprint).await?,
                None => None,
            };
            let mut known = self.known();
            found.iter().for_each(|found| known.learn_name(found));
            let issuer = found.map(|found| Issuer::of(&found)).filter(|issuer| issuer.key_hash == hash);
            known.by_key.insert(hash, issuer);
            known.wanted.remove(&hash);
        }
        Ok(())
    }

    /// Fetches and keeps one, if it is what its name says.
    async fn fetch(&self, client: &Client, fingerprint: &[u8; 32]) -> Result<Option<Certificate>, HttpError> {
        let path = issuer_path(fingerprint);
        let Some(der) = client.get(&path, MAX_CERTIFICATE_LEN).await? else { return Ok(None) };
        let found = Certificate::from_der(der.to_vec()).ok();
        let Some(found) = found.filter(|found| found.fingerprint() == fingerprint) else { return Ok(None) };
        if let Err(error) = self.copy.keep(&[(path, Bytes::from(found.der().to_vec()))]) {
            tracing::warn!("a CA certificate could not be kept: {error}");
        }
        Ok(Some(found))
    }
}
