//! The CA certificates that ever issued an entry and name no single numbers: served, so that "who issued this?" has an answer.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use sha2::{Digest, Sha256};

use super::plan::{Object, Place};
use crate::certificate::Certificate;
use crate::chain_item::issuer_path;
use crate::client::api;
use crate::client::store::ObjectStore;

const FOLDER: &str = "issuer";

/// From issuer key hash to the hashes of the certificates that carry the key.
type ByKey = BTreeMap<[u8; 32], BTreeSet<[u8; 32]>>;

/// The issuers that are stored.
#[derive(Default)]
pub struct Issuers {
    known: RwLock<ByKey>,
}

impl Issuers {
    /// Reads what the public store holds. What is damaged there is not known, and stored again when it comes again.
    ///
    /// # Errors
    /// When the store fails.
    pub fn open(public: &dyn ObjectStore) -> io::Result<Self> {
        let issuers = Issuers::default();
        for name in public.list(FOLDER)? {
            let der = public.get(&name)?.unwrap_or_default();
            let intact = name == issuer_path(&Sha256::digest(&der).into());
            if let Some(certificate) = Certificate::from_der(der).ok().filter(|_| intact) {
                issuers.insert(&certificate);
            }
        }
        Ok(issuers)
    }

    /// The objects for those that are not stored yet. They count as stored once [`insert`](Self::insert) is told.
    pub fn objects<'a>(&self, certificates: impl Iterator<Item = &'a Arc<Certificate>>) -> Vec<Object> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let is_known = |certificate: &Certificate| {
            let carriers = known.get(certificate.spki_sha256());
            carriers.is_some_and(|hashes| hashes.contains(certificate.fingerprint()))
        };
        let new = certificates.filter(|certificate| !is_known(certificate));
        let object = |certificate: &Arc<Certificate>| Object {
            place: Place::Public,
            name: issuer_path(certificate.fingerprint()),
            bytes: certificate.der().to_vec(),
        };
        new.map(object).collect()
    }

    /// Remembers a certificate that is stored.
    pub fn insert(&self, certificate: &Certificate) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.entry(*certificate.spki_sha256()).or_default().insert(*certificate.fingerprint());
    }

    /// Remembers the issuers among the objects of a round that was published.
    pub fn insert_objects(&self, objects: &[Object]) {
        let stored = objects.iter().filter(|object| object.name.starts_with(FOLDER));
        stored
            .filter_map(|object| Certificate::from_der(object.bytes.clone()).ok())
            .for_each(|c| self.insert(&c));
    }

    /// The list as `GET /tn/v1/issuers` shows it.
    pub fn list(&self) -> api::Issuers {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let issuer = |(key, certificates): (&[u8; 32], &BTreeSet<[u8; 32]>)| api::Issuer {
            issuer_key_hash: hex(key),
            certificates: certificates.iter().map(hex).collect(),
        };
        api::Issuers { issuers: known.iter().map(issuer).collect() }
    }
}

fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
