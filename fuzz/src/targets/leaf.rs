//! Leaves, SCTs, key statements and registrations.

use tnlog::entry::{Entry, KeyStatementEntry, Leaf, NumberEntry, Parameters, RegistrationEntry};
use tnlog::index::{labels_of, labels_of_bytes};
use tnlog::receipt::KnownLog;
use tnlog::registration::{Registration, SignedRegistration};
use tnlog::sct::{Extensions, Sct, SctKey};
use tnlog::statement::KeyStatement;

/// Leaves of every kind, and SCTs, are read to the same bytes.
pub fn leaf(data: &[u8]) {
    if let Ok(leaf) = Leaf::decode(data) {
        assert_eq!(leaf.encode().as_deref(), Ok(data));
        assert!(labels_of(&leaf).is_sorted_by(|a, b| a < b));
        assert_eq!(labels_of(&leaf), labels_of_bytes(data));
        if let Entry::Parameters(parameters) = &leaf.entry {
            let _ = KnownLog::new(parameters.clone());
        }
    }
    let same = |bytes: Vec<u8>| assert_eq!(bytes, data);
    let _ = NumberEntry::decode(data).map(|entry| same(entry.encode()));
    let _ = RegistrationEntry::decode(data).map(|entry| same(entry.encode()));
    let _ = KeyStatementEntry::decode(data).map(|entry| same(entry.encode()));
    let _ = Parameters::decode(data).map(|entry| same(entry.encode()));
    if let Ok(sct) = Sct::decode(data) {
        assert_eq!(sct.encode().as_deref(), Ok(data));
        assert_eq!(Sct::decode_digitally_signed(&sct.digitally_signed()), Ok(sct.signature));
    }
    if let Ok(extensions) = Extensions::decode(data) {
        assert_eq!(extensions.encode().as_deref(), Ok(data));
    }
    let _ = SctKey::from_spki(data);
}

/// Key statements and registrations have one encoding, and show nothing of themselves.
pub fn statement(data: &[u8]) {
    if let Ok(statement) = KeyStatement::decode(data) {
        assert_eq!(statement.encode(), data);
        let _ = (statement.signed_bytes(), statement.dedup_key());
    }
    let _ = Registration::decode(data).map(|registration| well_written(&registration, data));
    if let Ok(signed) = SignedRegistration::decode(data) {
        assert_eq!(signed.encode(), data);
        well_written(&signed.statement, &signed.statement.encode());
    }
}

fn well_written(registration: &Registration, bytes: &[u8]) {
    assert_eq!(registration.encode(), bytes);
    let digits = registration.number.digits();
    let said = registration.check_form().map_or_else(|refusal| refusal.to_string(), |()| String::new());
    assert!(digits.len() < 9 || !format!("{registration:?}{said}").contains(digits));
}
