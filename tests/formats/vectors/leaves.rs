//! leaf.json, sct.json.

use serde_json::{Value, json};
use tnlog::commitment::OpeningSecret;
use tnlog::entry::{Entry, Leaf, LeafError, SignedEntry};
use tnlog::sct::{Sct, SctError, SctKey};
use tnlog::tls::Reader;

use super::file::{array, bytes, each, hex, text};

/// Reads an identity (formats.md §6).
fn identity(bytes: &[u8]) -> SignedEntry {
    let mut reader = Reader::new(bytes);
    let entry = match reader.uint(2).unwrap() {
        0 => SignedEntry::X509(reader.opaque(3).unwrap().to_vec()),
        _ => SignedEntry::Precert {
            issuer_key_hash: reader.array().unwrap(),
            tbs: reader.opaque(3).unwrap().to_vec(),
        },
    };
    reader.finish().unwrap();
    entry
}

fn leaf_word(error: LeafError) -> &'static str {
    match error {
        LeafError::TooLong(_) => "leaf-length",
        LeafError::Frame(_) => "leaf-frame",
        LeafError::Version(..) => "leaf-version",
        LeafError::UnknownType(_) => "leaf-type",
        LeafError::Cbor(_) => "leaf-cbor",
        LeafError::Extensions(_) => "leaf-extensions",
    }
}

#[test]
fn leaf() {
    each("leaf", |case, _| match text(&case["kind"]) {
        "leaf" => {
            let bytes = bytes(&case["leaf"]);
            let leaf = Leaf::decode(&bytes).map_err(leaf_word)?;
            assert_eq!(leaf.encode().unwrap(), bytes);
            let entry_type = leaf.entry.entry_type() as u16;
            Ok(
                json!({"timestamp": leaf.timestamp, "index": leaf.index, "entry_type": entry_type, "entry": entry(&leaf.entry)}),
            )
        }
        "commitment" => {
            let (secret, identity) =
                (OpeningSecret::new(array(&case["opening_secret"])), identity(&bytes(&case["identity"])));
            let opening = secret.opening(&identity);
            let id = secret.certificate_id(&array(&case["issuer_key_hash"]), &bytes(&case["serial"]));
            Ok(
                json!({"opening": hex(opening.expose()), "commitment": hex(&opening.commit(&identity).0), "certificate_id": hex(&id.0)}),
            )
        }
        other => panic!("{other}"),
    });
}

fn entry(entry: &Entry) -> Value {
    match entry {
        Entry::Open(SignedEntry::X509(der)) => json!({"certificate": hex(der)}),
        Entry::Open(SignedEntry::Precert { issuer_key_hash, tbs }) => {
            json!({"issuer_key_hash": hex(issuer_key_hash), "tbs_certificate": hex(tbs)})
        }
        Entry::Parameters(all) => {
            json!({"origin": all.origin, "sct_key": hex(&all.sct_key), "label_key": hex(&all.label_key)})
        }
        Entry::Number(number) => json!({
            "labels": number.labels.iter().map(|label| hex(label.as_bytes())).collect::<Vec<_>>(),
            "issuer_key_hash": hex(&number.issuer_key_hash),
            "certificate_id": hex(&number.certificate_id.0),
            "not_before": number.not_before,
            "not_after": number.not_after,
            "subject_key": hex(&number.subject_key),
            "is_ca": number.is_ca,
            "is_precertificate": number.is_precertificate,
            "calling_codes": number.calling_codes,
            "commitment": hex(&number.commitment.0),
        }),
        Entry::Registration(registration) => json!({
            "label": hex(registration.label.as_bytes()),
            "credential": registration.credential,
            "not_before": registration.not_before,
            "not_after": registration.not_after,
            "action": registration.action.name(),
            "commitment": hex(&registration.commitment.0),
            "replaces": registration.replaces,
        }),
        Entry::KeyStatement(statement) => json!({
            "labels": statement.labels.iter().map(|label| hex(label.as_bytes())).collect::<Vec<_>>(),
            "verb": statement.verb.name(),
            "old_index": statement.old.index,
            "old_hash": hex(&statement.old.hash.0),
            "new_index": statement.new.index,
            "new_hash": hex(&statement.new.hash.0),
            "signature": hex(&statement.signature),
        }),
    }
}

#[test]
fn sct() {
    each("sct", |case, _| {
        let word = |error| match error {
            SctError::Malformed(_) => "sct-format",
            SctError::Version(_) => "sct-version",
            SctError::Algorithm => "sct-algorithm",
            SctError::Extensions(_) => "sct-extensions",
            SctError::Log => "sct-log",
            SctError::Signature => "sct-signature",
        };
        let key = SctKey::from_spki(&bytes(&case["sct_key"])).ok_or("sct-key")?;
        let identity = identity(&bytes(&case["identity"]));
        let sct = Sct::decode(&bytes(&case["sct"])).map_err(word)?;
        sct.verify(&identity, &key).map_err(word)?;
        let opening = sct.extensions.opening.as_ref().map(|opening| hex(opening.expose()));
        let data = Sct::signed_data(&identity, sct.timestamp, &sct.extensions).unwrap();
        Ok(
            json!({"timestamp": sct.timestamp, "index": sct.extensions.leaf_index, "opening": opening, "signed_data": hex(&data)}),
        )
    });
}
