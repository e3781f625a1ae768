//! What an entry records, fact by fact.

use base64ct::{Base64, Encoding};
use serde::Serialize;
use tnlog::admission::Kind;
use tnlog::certificate::Certificate;
use tnlog::classify::Class;
use tnlog::entry::{Entry, Leaf};
use tnlog::merkle::Hash;
use tnlog::tnauthlist::Scope;

use super::ShownLog;
use super::entry::{address, issuer_name, issuer_of};
use super::words::{self, When};
use crate::detect::OpenCertificate;

/// Names that are shown of one certificate.
const MAX_NAMES: usize = 20;

/// A fact of an entry.
#[derive(Serialize)]
pub struct Fact {
    pub name: &'static str,
    pub value: String,
    #[serde(skip)]
    pub is_code: bool,
    #[serde(skip)]
    pub href: Option<String>,
}

/// All of them.
pub fn facts(log: &ShownLog, leaf: &Leaf, open: Option<&OpenCertificate>, now: u64) -> Vec<Fact> {
    let fact = |name, value: String| Fact { name, value, is_code: false, href: None };
    let code = |name, value: String| Fact { name, value, is_code: true, href: None };
    let entry = |name, index: u64| Fact {
        name,
        value: words::number(index),
        is_code: false,
        href: Some(address(&log.name, index)),
    };
    let date = |name, at: i64| fact(name, When::at(at, now).absolute());
    match &leaf.entry {
        Entry::Parameters(parameters) => vec![
            code("Origin", words::name(&parameters.origin)),
            code("SCT key", Base64::encode_string(&parameters.sct_key)),
            code("Label key", Base64::encode_string(&parameters.label_key)),
        ],
        Entry::Number(number) => {
            let countries: Vec<String> = number.calling_codes.iter().map(|code| format!("+{code}")).collect();
            let hash = Hash(number.issuer_key_hash).to_string();
            let who = issuer_of(log, leaf, open).unwrap_or_default();
            let findings = format!("/findings?q={hash}&state=all");
            vec![
                fact("Numbers", format!("{}, hidden", words::number(number.labels.len() as u64))),
                fact("Countries", countries.join(", ")),
                Fact { name: "Issuer", value: who, is_code: false, href: Some(findings) },
                code("Issuer key hash", hash),
                date("Valid from", number.not_before),
                date("Valid until", number.not_after),
                fact("May issue", if number.is_ca { "yes, it is a CA" } else { "no" }.into()),
                code("Certificate id", number.certificate_id.0.iter().map(|b| format!("{b:02x}")).collect()),
                code("Subject key", Base64::encode_string(&number.subject_key)),
            ]
        }
        Entry::Registration(registration) => {
            let mut facts = vec![
                fact("Action", registration.action.name().into()),
                entry("Certificate", registration.credential),
                date("Valid from", registration.not_before),
                date("Valid until", registration.not_after),
            ];
            facts.extend(registration.replaces.map(|index| entry("Replaces", index)));
            facts
        }
        Entry::KeyStatement(statement) => vec![
            fact("Verb", statement.verb.name().into()),
            entry("The earlier certificate, whose key says so", statement.old.index),
            entry("The later certificate", statement.new.index),
            fact("Numbers", words::number(statement.labels.len() as u64)),
            code("Signature", Base64::encode_string(&statement.signature)),
        ],
        Entry::Open(_) => open.map_or(Vec::new(), |open| of_certificate(log, open, now)),
    }
}

fn of_certificate(log: &ShownLog, open: &OpenCertificate, now: u64) -> Vec<Fact> {
    let fact = |name, value: String| Fact { name, value, is_code: false, href: None };
    let code = |name, value: String| Fact { name, value, is_code: true, href: None };
    let certificate = &open.certificate;
    let text = |certificate: &Certificate| words::name(&words::without_numbers(&certificate.subject_text()));
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let hash = Hash(open.issuer.key_hash).to_string();
    let findings = Some(format!("/findings?q={hash}&state=all"));
    let mut facts = Vec::new();
    facts.extend(names(open).map(|(kind, names)| fact(kind, names)));
    facts.push(fact("Subject", text(certificate)));
    let issuer = issuer_name(log, &open.issuer);
    facts.push(Fact { name: "Issuer", value: issuer, is_code: false, href: findings });
    facts.push(code("Issuer key hash", hash));
    for (place, ca) in open.chain.iter().enumerate() {
        facts.push(fact(if place == 0 { "Issued by" } else { "And above it" }, text(ca)));
    }
    facts.push(fact("Valid from", When::at(certificate.not_before(), now).absolute()));
    facts.push(fact("Valid until", When::at(certificate.not_after(), now).absolute()));
    facts.push(fact("May issue", if certificate.is_ca() { "yes, it is a CA" } else { "no" }.into()));
    let kind = match open.kind {
        Kind::Precertificate => "precertificate",
        Kind::Final => "final certificate",
    };
    facts.push(fact("Submitted as", kind.into()));
    facts.push(code("Serial number", hex(certificate.serial())));
    facts.push(code("SHA-256", hex(certificate.fingerprint())));
    facts.push(code("Key, SHA-256", hex(certificate.spki_sha256())));
    facts
}

/// What kind of things it names, and which.
pub fn names(open: &OpenCertificate) -> Option<(&'static str, String)> {
    let listed = |names: Vec<String>| {
        let shown = names.iter().take(MAX_NAMES).cloned().collect::<Vec<_>>().join(", ");
        let more = names.len().saturating_sub(MAX_NAMES);
        if more > 0 { format!("{shown} and {}", words::counted(more as u64, "other")) } else { shown }
    };
    match open.certificate.class().ok().and_then(Class::scope)? {
        Scope::Spcs(codes) => {
            Some(("Carrier", listed(codes.iter().map(|code| code.as_str().to_owned()).collect())))
        }
        Scope::Blocks(blocks) => {
            Some(("Blocks", listed(blocks.iter().map(|block| format!("+{block}")).collect())))
        }
        Scope::Numbers(_) => None,
    }
}
