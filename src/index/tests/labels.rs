use crate::certificate::Certificate;
use crate::entry::{Entry, Leaf, Parameters, SignedEntry};
use crate::index::{labels_of, labels_of_bytes};
use crate::label::Label;
use crate::number::ServiceProviderCode;
use crate::precertificate::certificate_tbs;
use crate::synthetic::{Authority, Extension, Profile, TN_AUTH_LIST, TnEntry, Validity, der};

const VALIDITY: Validity = Validity { not_before: 1_700_000_000, not_after: 1_800_000_000 };

fn open(signed: SignedEntry) -> Vec<Label> {
    labels_of(&Leaf { timestamp: 5, entry: Entry::Open(signed), index: 9 })
}

/// The labels of a certificate, which are those of its TBSCertificate as a precertificate.
fn of(profile: Profile) -> Vec<Label> {
    let issued = Authority::root("Root", 1, VALIDITY).issue(&profile);
    let certificate = Certificate::from_der(issued.certificate()).unwrap();
    let labels = open(SignedEntry::X509(certificate.der().to_vec()));
    let tbs = certificate_tbs(&certificate);
    assert_eq!(open(SignedEntry::Precert { issuer_key_hash: [1; 32], tbs }), labels);
    labels
}

fn carrier() -> Profile {
    Profile::carrier("706J", VALIDITY, 1)
}

fn spc(code: &str) -> Label {
    Label::of_service_provider_code(&ServiceProviderCode::new(code).unwrap())
}

fn list_of(entries: &[TnEntry]) -> Vec<Label> {
    of(carrier().entries(entries))
}

#[test]
fn carriers_and_blocks_carry_their_labels() {
    assert_eq!(of(carrier()), [spc("706J")]);
    let mut two = [spc("706J"), spc("A1")];
    two.sort();
    assert_eq!(list_of(&[TnEntry::spc("A1"), TnEntry::spc("706j"), TnEntry::spc("706J")]), two);
    let block = |text: &str| Label::of_block(&text.parse().unwrap());
    let blocks = of(Profile::ranges(&[("17035550100", 100), ("12025550110", 10)], VALIDITY, 1));
    assert_eq!(blocks, [block("1202555011x"), block("170355501xx")]);
}

#[test]
fn what_names_nothing_that_can_be_read_carries_none() {
    assert!(of(Profile::authority("CA", None, VALIDITY, 1)).is_empty());
    assert!(of(Profile::numbers(&["17035550123"], VALIDITY, 1)).is_empty(), "a number is no open label");
    assert!(list_of(&[TnEntry::spc("706J"), TnEntry::range("17035550100", 100)]).is_empty(), "mixed kinds");
    assert!(list_of(&[TnEntry::spc("7-6J")]).is_empty());
    let unreadable = Extension::new(TN_AUTH_LIST, der::printable_string("706J"));
    assert!(of(carrier().extension(unreadable)).is_empty());
    let parameters = Parameters { origin: "o".into(), sct_key: vec![], label_key: [0; 32] };
    let leaf = Leaf { timestamp: 0, entry: Entry::Parameters(parameters), index: 0 };
    assert!(labels_of(&leaf).is_empty());
}

/// Whatever the bytes are, there is an answer, and every truncation has none.
#[test]
fn what_cannot_be_decoded_carries_none() {
    let issued = Authority::root("Root", 1, VALIDITY).issue(&carrier());
    let der = issued.certificate();
    for length in 0..der.len() {
        assert!(open(SignedEntry::X509(der[..length].to_vec())).is_empty());
    }
    assert!(open(SignedEntry::X509([der, &[0]].concat())).is_empty(), "a trailing byte");
    for byte in 0..der.len() {
        for bit in 0..8 {
            let mut flipped = der.to_vec();
            flipped[byte] ^= 1 << bit;
            assert!(open(SignedEntry::X509(flipped)).len() <= 1);
        }
    }
    assert!(labels_of_bytes(b"no leaf").is_empty());
    let entry = Entry::Open(SignedEntry::X509(der.to_vec()));
    let leaf = Leaf { timestamp: 5, entry, index: 9 }.encode().unwrap();
    assert_eq!(labels_of_bytes(&leaf), [spc("706J")]);
}

/// A log that lets in what it must refuse cannot hide it from who looks.
#[test]
fn a_certificate_that_admission_refuses_is_still_found() {
    let profile = carrier().extension(Extension::alternative_uri("sip:17035550123@example.com"));
    assert_eq!(of(profile), [spc("706J")]);
    let mut der = Authority::root("Root", 1, VALIDITY).issue(&carrier()).certificate().to_vec();
    let last = der.len() - 1;
    der[last] ^= 1;
    assert_eq!(open(SignedEntry::X509(der)), [spc("706J")], "its signature does not matter");
}
