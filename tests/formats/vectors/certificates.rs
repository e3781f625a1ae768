//! classify.json, precertificate.json, chain.json.

use std::sync::Arc;

use serde_json::{Value, json};
#[cfg(feature = "server")]
use tnlog::admission::check_chain;
use tnlog::admission::{Kind, Trust, admit};
use tnlog::anchors::{Anchor, Anchors};
use tnlog::certificate::Certificate;
use tnlog::classify::Class;
use tnlog::precertificate::certificate_tbs;
use tnlog::rule::{Refusal, Rule};
use tnlog::signature::Ecdsa;

use super::file::{bytes, each, hex, list, text};
use super::names::named;

fn parse(der: &Value) -> Arc<Certificate> {
    Arc::new(Certificate::from_der(bytes(der)).unwrap())
}

#[test]
fn classify() {
    each("classify", |case, _| {
        let certificate = parse(&case["certificate"]);
        let class = certificate.class().map_err(|rule| rule.slug())?;
        let (name, names) = match class {
            Class::Names(scope) => named(scope),
            Class::UnlimitedCa => ("unlimited-ca", vec![]),
            Class::Unreadable => ("unreadable", vec![]),
        };
        let entry_type = if class.is_hidden() { 0x5401 } else { 0 };
        Ok(json!({"class": name, "names": names, "entry_type": entry_type}))
    });
}

#[test]
fn precertificate() {
    each("precertificate", |case, _| {
        let mut facts = json!({"tbs_certificate": hex(&certificate_tbs(&parse(&case["certificate"])))});
        if case["precertificate_chain"].is_array() {
            let chain = list(&case["precertificate_chain"], parse);
            let root = Anchor { certificate: chain.last().unwrap().clone(), calling_codes: None };
            let anchors = Anchors::new([root]);
            let trust = Trust { anchors: &anchors, verifier: &Ecdsa, verified: None };
            let admitted = admit(&chain, Kind::Precertificate, &trust).unwrap();
            assert_eq!(hex(admitted.tbs().unwrap()), facts["tbs_certificate"]);
            facts["issuer_key_hash"] = hex(admitted.issuer_key_hash()).into();
        }
        Ok(facts)
    });
}

/// The certificates of a chain that cases name; the word and the place of the first that is none.
pub fn chain(names: &Value, file: &Value) -> Result<Vec<Arc<Certificate>>, Refusal> {
    let ders = list(names, |name| bytes(&file["certificates"][text(name)]));
    let parse = |(certificate, der): (usize, Vec<u8>)| {
        Certificate::from_der(der)
            .map(Arc::new)
            .map_err(|error| Refusal { rule: Rule::from(error), certificate })
    };
    ders.into_iter().enumerate().map(parse).collect()
}

/// A log also takes RSA, which the core alone cannot verify.
#[cfg(feature = "server")]
#[test]
fn chains() {
    use tnlog::client::signatures::Ring as LogVerifier;
    each("chain", |case, file| {
        let anchor = |root: &Value| Anchor {
            certificate: parse(&file["certificates"][text(&root["certificate"])]),
            calling_codes: root["calling_codes"]
                .as_array()
                .map(|codes| codes.iter().map(|code| code.as_u64().unwrap() as u16).collect()),
        };
        let anchors = Anchors::new(list(&case["roots"], anchor));
        let app = Trust { anchors: &anchors, verifier: &Ecdsa, verified: None };
        let log = Trust { verifier: &LogVerifier, ..app };
        let checked = chain(&case["chain"], file).and_then(|chain| match text(&case["as"]) {
            "app" => check_chain(&chain, case["now"].as_i64().unwrap(), &app),
            "final" => admit(&chain, Kind::Final, &log),
            "precertificate" => admit(&chain, Kind::Precertificate, &log),
            other => panic!("{other}"),
        });
        match checked {
            Ok(_) => Ok(json!({})),
            Err(refusal) => {
                assert_eq!(refusal.certificate as u64, case["certificate"], "{}", case["name"]);
                Err(refusal.rule.slug())
            }
        }
    });
}
