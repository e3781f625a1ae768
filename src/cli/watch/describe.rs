//! What an entry says, for people: who issued it, which key, how long.

use std::collections::HashMap;

use der::Decode;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tnlog::certificate::{Certificate, MAX_CERTIFICATE_LEN};
use tnlog::chain_item::issuer_path;
use tnlog::client::api::{Issuer, Issuers};
use tnlog::client::http::{Client, HttpError};
use tnlog::entry::{Entry, Leaf, NumberEntry, SignedEntry};
use x509_cert::TbsCertificate;

use crate::output::{hex, now, printable, time, time_of_millis};

/// The longest list of issuers that is read.
const MAX_ISSUERS: usize = 16 << 20;

/// The names of issuers by the hash of their key, each asked for once.
#[derive(Default)]
pub struct IssuerNames {
    list: Option<Vec<Issuer>>,
    names: HashMap<[u8; 32], Option<String>>,
}

impl IssuerNames {
    /// The subject of a CA certificate with this key, if the log serves one.
    async fn name(&mut self, client: &Client, key_hash: &[u8; 32]) -> Result<Option<String>, HttpError> {
        if let Some(name) = self.names.get(key_hash) {
            return Ok(name.clone());
        }
        if self.list.is_none() {
            self.list = Some(client.get_json::<Issuers>("tn/v1/issuers", MAX_ISSUERS).await?.issuers);
        }
        let issuers = self.list.iter().flatten();
        let fingerprints = issuers.filter(|issuer| issuer.issuer_key_hash == hex(key_hash));
        let fingerprint = fingerprints.flat_map(|issuer| &issuer.certificates).find_map(|text| unhex(text));
        let name = match fingerprint {
            Some(fingerprint) => {
                let der = client.get(&issuer_path(&fingerprint), MAX_CERTIFICATE_LEN).await?;
                let certificate = der.and_then(|der| Certificate::from_der(der.to_vec()).ok());
                let genuine = certificate.filter(|certificate| certificate.spki_sha256() == key_hash);
                genuine.map(|certificate| printable(&certificate.subject_text()))
            }
            None => None,
        };
        self.names.insert(*key_hash, name.clone());
        Ok(name)
    }
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.iter().map(byte).collect::<Option<Vec<_>>>()?.try_into().ok()
}

/// A credential as its entry shows it.
#[derive(Default)]
pub struct Credential {
    pub logged: String,
    pub kind: &'static str,
    pub issuer: Option<String>,
    pub issuer_key_hash: Option<String>,
    pub key_hash: Option<String>,
    pub validity: Option<(i64, i64)>,
}

impl Credential {
    /// What a leaf shows; little, when it cannot be read.
    pub async fn of(
        leaf: Option<&Leaf>,
        client: &Client,
        names: &mut IssuerNames,
    ) -> Result<Self, HttpError> {
        let Some(leaf) = leaf else {
            return Ok(Credential { kind: "unreadable", ..Credential::default() });
        };
        let mut credential = match &leaf.entry {
            Entry::Number(number) => Credential::of_number(number),
            Entry::Open(SignedEntry::X509(der)) => {
                let certificate = Certificate::from_der(&der[..]).ok();
                let tbs = certificate.as_ref().map(Certificate::tbs);
                Credential { kind: "certificate", ..Credential::of_tbs(tbs.unwrap_or_default()) }
            }
            Entry::Open(SignedEntry::Precert { issuer_key_hash, tbs }) => {
                let issuer_key_hash = Some(hex(issuer_key_hash));
                Credential { kind: "precertificate", issuer_key_hash, ..Credential::of_tbs(tbs) }
            }
            Entry::Registration(_) => Credential { kind: "registration", ..Credential::default() },
            Entry::KeyStatement(_) => Credential { kind: "key statement", ..Credential::default() },
            Entry::Parameters(_) => Credential { kind: "parameters", ..Credential::default() },
        };
        credential.logged = time_of_millis(leaf.timestamp);
        if let Entry::Number(NumberEntry { issuer_key_hash, .. }) = &leaf.entry {
            credential.issuer = names.name(client, issuer_key_hash).await?;
        }
        Ok(credential)
    }

    fn of_number(number: &NumberEntry) -> Self {
        let kind = match (number.is_ca, number.is_precertificate) {
            (false, false) => "certificate",
            (false, true) => "precertificate",
            (true, false) => "certificate that may delegate",
            (true, true) => "precertificate that may delegate",
        };
        Credential {
            kind,
            issuer_key_hash: Some(hex(&number.issuer_key_hash)),
            key_hash: Some(hex(&Sha256::digest(&number.subject_key))),
            validity: Some((number.not_before, number.not_after)),
            ..Credential::default()
        }
    }

    fn of_tbs(tbs: &[u8]) -> Self {
        let Ok(tbs) = TbsCertificate::from_der(tbs) else { return Credential::default() };
        let key = der::Encode::to_der(&tbs.subject_public_key_info).ok();
        let seconds = |time: &x509_cert::time::Time| time.to_unix_duration().as_secs() as i64;
        Credential {
            issuer: Some(printable(&tbs.issuer.to_string())),
            key_hash: key.map(|key| hex(&Sha256::digest(&key))),
            validity: Some((seconds(&tbs.validity.not_before), seconds(&tbs.validity.not_after))),
            ..Credential::default()
        }
    }

    /// Whether it is one: registrations and key statements carry the label too, and no key of their own.
    pub fn is_credential(&self) -> bool {
        !matches!(self.kind, "registration" | "key statement")
    }

    /// For people.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let issuer =
            self.issuer.clone().or_else(|| Some(format!("the key {}", self.issuer_key_hash.as_ref()?)));
        lines.push(format!("{} by {}", self.kind, issuer.as_deref().unwrap_or("nobody knows whom")));
        if let Some(key) = &self.key_hash {
            lines.push(format!("key {key}"));
        }
        if let Some((from, until)) = self.validity {
            let state = match now() {
                now if now < from => "not valid yet",
                now if now > until => "expired",
                _ => "valid",
            };
            lines.push(format!("{state}: {} to {}", time(from), time(until)));
        }
        lines
    }

    /// For programs.
    pub fn merged_into(&self, mut entry: Value) -> Value {
        let facts = json!({
            "logged": self.logged, "kind": self.kind, "issuer": self.issuer, "issuer_key_hash": self.issuer_key_hash,
            "key_hash": self.key_hash, "not_before": self.validity.map(|v| time(v.0)), "not_after": self.validity.map(|v| time(v.1)),
        });
        if let (Some(entry), Value::Object(facts)) = (entry.as_object_mut(), facts) {
            entry.extend(facts);
        }
        entry
    }
}
