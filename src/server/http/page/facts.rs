//! What an entry says, in names and values. All of it stands in the leaf and beside it, where everybody can read it.

use der::Decode;

use super::words::{date, date_of_millis, hex};
use crate::certificate::Certificate;
use crate::chain_item::{ChainItem, issuer_path};
use crate::classify::Class;
use crate::entry::{
    Action, Entry, KeyStatementEntry, Leaf, NumberEntry, Parameters, RegistrationEntry, SignedEntry, Verb,
};
use crate::label::Label;
use crate::printable::printable;
use crate::sct::log_id;
use crate::server::read::StoredEntry;
use crate::server::readable::Readable;
use crate::tnauthlist::Scope;

/// Something that the entry says.
pub struct Fact {
    pub name: &'static str,
    pub values: Vec<Value>,
    pub is_code: bool,
}

/// One of the things that it says, and where more is said of it.
pub struct Value {
    pub text: String,
    pub link: Option<String>,
}

impl Fact {
    fn new(name: &'static str, text: impl Into<String>) -> Self {
        Fact { name, values: vec![Value { text: text.into(), link: None }], is_code: false }
    }

    fn code(name: &'static str, text: impl Into<String>) -> Self {
        Fact { is_code: true, ..Fact::new(name, text) }
    }

    fn several(name: &'static str, texts: impl IntoIterator<Item = String>) -> Self {
        let values = texts.into_iter().map(|text| Value { text, link: None }).collect();
        Fact { name, values, is_code: true }
    }

    fn linked(name: &'static str, text: String, link: String) -> Self {
        Fact { name, values: vec![Value { text, link: Some(link) }], is_code: false }
    }

    fn entry(name: &'static str, index: u64) -> Self {
        Fact::linked(name, format!("entry {index}"), format!("entry?of={index}"))
    }
}

/// What kind of entry it is, in a sentence, and what it says.
pub fn facts(log: &dyn Readable, stored: &StoredEntry) -> (&'static str, Vec<Fact>) {
    let Ok(leaf) = Leaf::decode(&stored.leaf) else {
        return ("A leaf that does not decode.", vec![Fact::new("Bytes", stored.leaf.len().to_string())]);
    };
    let (what, facts) = match &leaf.entry {
        Entry::Open(signed) => open(signed, &stored.chain),
        Entry::Parameters(entry) => parameters(entry),
        Entry::Number(entry) => number(log, entry),
        Entry::Registration(entry) => registration(entry),
        Entry::KeyStatement(entry) => statement(entry),
    };
    let mut all = vec![Fact::new("Logged", date_of_millis(leaf.timestamp))];
    all.extend(facts);
    (what, all)
}

/// What names carriers or ranges, or nothing.
fn open(signed: &SignedEntry, chain: &[u8]) -> (&'static str, Vec<Fact>) {
    let beside = ChainItem::decode(chain).unwrap_or_default();
    let (what, der) = match signed {
        SignedEntry::X509(der) => ("A certificate, in the open.", der),
        SignedEntry::Precert { .. } => (
            "A precertificate, in the open: its certificate is to be issued, or was.",
            &beside.pre_certificate,
        ),
    };
    let mut facts = match Certificate::from_der(&der[..]) {
        Ok(certificate) => certificate_facts(&certificate),
        Err(_) => vec![Fact::new("Certificate", "does not decode")],
    };
    if let Some(issuer) = beside.chain.first() {
        let link = Fact::linked("Certificate of the issuer", hex(issuer), issuer_path(issuer));
        facts.push(Fact { is_code: true, ..link });
    }
    (what, facts)
}

fn certificate_facts(certificate: &Certificate) -> Vec<Fact> {
    let mut facts = names(certificate);
    facts.extend([
        Fact::new("Subject", printable(&certificate.subject_text())),
        Fact::new("Issuer", name(certificate.issuer())),
        Fact::new("Valid from", date(certificate.not_before())),
        Fact::new("Valid until", date(certificate.not_after())),
        Fact::new("May issue certificates", if certificate.is_ca() { "yes" } else { "no" }),
        Fact::new("Key", certificate.public_key().algorithm.name()),
        Fact::code("SHA-256 of the key", hex(certificate.spki_sha256())),
        Fact::code("Serial number", hex(certificate.serial())),
        Fact::code("SHA-256", hex(certificate.fingerprint())),
    ]);
    facts
}

/// For whom it speaks.
fn names(certificate: &Certificate) -> Vec<Fact> {
    match certificate.class() {
        Ok(Class::Names(Scope::Spcs(codes))) => {
            vec![Fact::several("Service provider codes", codes.iter().map(ToString::to_string))]
        }
        Ok(Class::Names(Scope::Blocks(blocks))) => {
            vec![Fact::several("Blocks of numbers", blocks.iter().map(ToString::to_string))]
        }
        Ok(Class::UnlimitedCa) => vec![Fact::new("Names", "nothing: it may issue for anything")],
        Ok(Class::Unreadable) => vec![Fact::new("Names", "its TNAuthList does not decode")],
        Ok(Class::Names(Scope::Numbers(_))) | Err(_) => {
            vec![Fact::new("Names", "what does not belong in the open")]
        }
    }
}

fn name(der: &[u8]) -> String {
    let name = x509_cert::name::Name::from_der(der);
    name.map_or_else(|_| "does not decode".to_owned(), |name| printable(&name.to_string()))
}

fn parameters(entry: &Parameters) -> (&'static str, Vec<Fact>) {
    let facts = vec![
        Fact::new("Log", printable(&entry.origin)),
        Fact::code("SCT key", hex(&entry.sct_key)),
        Fact::code("Log ID", hex(&log_id(&entry.sct_key))),
        Fact::code("Label key", hex(&entry.label_key)),
    ];
    ("The parameters of the log: the keys that everybody is shown.", facts)
}

fn number(log: &dyn Readable, entry: &NumberEntry) -> (&'static str, Vec<Fact>) {
    let codes = entry.calling_codes.iter().map(|code| format!("+{code}")).collect::<Vec<_>>().join(" ");
    let kind = match (entry.is_precertificate, entry.is_ca) {
        (true, _) => "precertificate",
        (false, true) => "certificate that may issue others",
        (false, false) => "certificate",
    };
    let mut facts = vec![
        Fact::new("Of a", kind),
        labels(&entry.labels),
        Fact::new("Countries", codes),
        issuer(log, &entry.issuer_key_hash),
        Fact::new("Valid from", date(entry.not_before)),
        Fact::new("Valid until", date(entry.not_after)),
        Fact::code("SHA-256 of the key", key_hash(&entry.subject_key)),
        Fact::code("Certificate ID", hex(&entry.certificate_id.0)),
        Fact::code("Commitment", hex(&entry.commitment.0)),
    ];
    facts.retain(|fact| fact.values.iter().any(|value| !value.text.is_empty()));
    ("A credential for telephone numbers. Which numbers, only who knows them can check.", facts)
}

fn key_hash(spki: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    hex(&Sha256::digest(spki))
}

fn labels(labels: &[Label]) -> Fact {
    let name = if labels.len() == 1 { "Label" } else { "Labels" };
    Fact::several(name, labels.iter().map(|label| hex(label.as_bytes())))
}

/// By name where its certificate is served.
fn issuer(log: &dyn Readable, key_hash: &[u8; 32]) -> Fact {
    let hash = hex(key_hash);
    let known = log.issuers().issuers;
    let fingerprint =
        known.iter().find(|of| of.issuer_key_hash == hash).and_then(|of| of.certificates.first());
    let path = fingerprint.map(|fingerprint| format!("issuer/{fingerprint}"));
    let der = path.as_ref().and_then(|path| log.reader().object(path).ok()?);
    match (path, der.and_then(|der| Certificate::from_der(der).ok())) {
        (Some(path), Some(issuer)) => Fact::linked("Issuer", printable(&issuer.subject_text()), path),
        _ => Fact::code("SHA-256 of the issuer's key", hash),
    }
}

fn registration(entry: &RegistrationEntry) -> (&'static str, Vec<Fact>) {
    let what = match entry.action {
        Action::Register => "A registration: a number is reachable at a service, which is hidden.",
        Action::Withdraw => "A withdrawal of a registration.",
    };
    let mut facts = vec![
        labels(&[entry.label]),
        Fact::entry("Credential", entry.credential),
        Fact::new("Valid from", date(entry.not_before)),
        Fact::new("Valid until", date(entry.not_after)),
    ];
    facts.extend(entry.replaces.map(|index| Fact::entry("Replaces", index)));
    facts.push(Fact::code("Commitment", hex(&entry.commitment.0)));
    (what, facts)
}

fn statement(entry: &KeyStatementEntry) -> (&'static str, Vec<Fact>) {
    let what = match entry.verb {
        Verb::Approve => "A key statement: the key of an earlier credential approves a later one.",
        Verb::Dispute => "A key statement: the key of an earlier credential disputes a later one.",
    };
    let facts = vec![
        Fact::entry("Earlier credential", entry.old.index),
        Fact::entry("Later credential", entry.new.index),
        labels(&entry.labels),
        Fact::code("Signature", hex(&entry.signature)),
    ];
    (what, facts)
}
