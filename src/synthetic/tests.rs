use super::*;
use ::der::{Decode, Encode, EncodePem};
use const_oid::AssociatedOid;
use p256::ecdsa::signature::{Signer, Verifier};
use p256::pkcs8::DecodePublicKey;
use std::collections::HashSet;
use x509_cert::Certificate;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, SubjectKeyIdentifier};

const VALIDITY: Validity = Validity { not_before: 1_700_000_000, not_after: 1_900_000_000 };

fn root() -> Authority {
    Authority::root("Test Root", 1, VALIDITY)
}

fn issuer() -> Authority {
    root().subordinate("Test Issuing CA", None, 1)
}

fn parse(bytes: &[u8]) -> Certificate {
    Certificate::from_der(bytes).unwrap()
}

fn signed_by(child: &Certificate, parent: &Certificate) -> bool {
    let tbs = child.tbs_certificate.to_der().unwrap();
    let spki = parent.tbs_certificate.subject_public_key_info.to_der().unwrap();
    let signature = child.signature.raw_bytes();
    if let Ok(key) = p256::ecdsa::VerifyingKey::from_public_key_der(&spki) {
        p256::ecdsa::DerSignature::from_bytes(signature).is_ok_and(|read| key.verify(&tbs, &read).is_ok())
    } else if let Ok(key) = p384::ecdsa::VerifyingKey::from_public_key_der(&spki) {
        p384::ecdsa::DerSignature::from_bytes(signature).is_ok_and(|read| key.verify(&tbs, &read).is_ok())
    } else {
        false
    }
}

fn fault_between(child: &Certificate, parent: &Certificate) -> Option<&'static str> {
    let (below, above) = (&child.tbs_certificate, &parent.tbs_certificate);
    let issuer_key =
        below.get::<AuthorityKeyIdentifier>().unwrap().and_then(|(_, found)| found.key_identifier);
    let subject_key = above.get::<SubjectKeyIdentifier>().unwrap().map(|(_, found)| found.0);
    if below.issuer != above.subject {
        Some("issuer is not the next subject")
    } else if !signed_by(child, parent) {
        Some("signature does not verify")
    } else if issuer_key != subject_key {
        Some("authority key identifier is not the next subject key identifier")
    } else {
        None
    }
}

/// What keeps the chain from being read again as written and verified up to its self-signed end; not what its
/// certificates may do.
fn chain_fault(chain: &[Vec<u8>]) -> Option<&'static str> {
    let parsed: Result<Vec<_>, _> = chain.iter().map(|bytes| Certificate::from_der(bytes)).collect();
    let Ok(parsed) = parsed else { return Some("does not parse") };
    if parsed.iter().zip(chain).any(|(certificate, bytes)| certificate.to_der().ok().as_ref() != Some(bytes))
    {
        return Some("re-encodes to other bytes");
    }
    let last = parsed.last().unwrap();
    parsed
        .iter()
        .zip(parsed[1..].iter().chain([last]))
        .find_map(|(child, parent)| fault_between(child, parent))
}

fn assert_chain(chain: &[Vec<u8>]) {
    assert_eq!(chain_fault(chain), None);
}

#[test]
fn chains_parse_reencode_and_verify() {
    let issuer = issuer();
    let delegate = issuer.delegate("Delegate", &[TnEntry::range("17035550100", 100)], 1);
    let large =
        Authority::self_signed(Profile::authority("Large Root", Some(3), VALIDITY, 1).key(KeyPair::p384(1)));
    for chain in [
        issuer.issue(&Profile::carrier("706J", VALIDITY, 1)).chain(),
        issuer.issue(&Profile::ranges(&[("17035550100", 10)], VALIDITY, 1)).chain(),
        delegate.issue(&Profile::numbers(&["17035550100", "12025550101"], VALIDITY, 1)).chain(),
        large.subordinate("Small", Some(0), 1).issue(&Profile::carrier("706J", VALIDITY, 1)).chain(),
        issuer.precertificate_signer("Signer", 1).chain().to_vec(),
    ] {
        assert_chain(&chain);
    }
}

#[test]
fn carriers_are_as_large_as_real_ones() {
    let length = issuer().issue(&Profile::carrier("706J", VALIDITY, 1)).certificate().len();
    assert!((700..=760).contains(&length), "{length} bytes; the median of the real ones is 729");
}

#[test]
fn same_seed_same_bytes() {
    let issue = |seed| issuer().issue(&Profile::carrier("706J", VALIDITY, seed)).chain();
    assert_eq!(issue(1), issue(1));
    assert_ne!(issue(1), issue(2));
    for malformation in Malformation::ALL {
        let issue = |seed| issuer().issue_malformed(*malformation, seed);
        assert!(issue(1) == issue(1), "{malformation:?}");
        assert!(issue(1) != issue(2), "{malformation:?}");
    }
}

#[test]
fn a_renewal_keeps_its_key_and_changes_its_serial() {
    let first = issuer().issue(&Profile::carrier("706J", VALIDITY, 1));
    let second = issuer().issue(&Profile::carrier("706J", VALIDITY, 2).key(first.key().clone()));
    let (first, second) =
        (parse(first.certificate()).tbs_certificate, parse(second.certificate()).tbs_certificate);
    assert_eq!(first.subject_public_key_info, second.subject_public_key_info);
    assert_ne!(first.serial_number, second.serial_number);
}

#[test]
fn what_is_signed_elsewhere_is_the_same_certificate() {
    let issuer = issuer();
    let profile = Profile::carrier("706J", VALIDITY, 1);
    let draft = issuer.draft(&profile);
    let key = p256::ecdsa::SigningKey::from_slice(&issuer.key().secret_scalar()).unwrap();
    let signature: p256::ecdsa::DerSignature = key.sign(&draft.tbs());
    assert!(draft.with_signature(signature.as_bytes()) == issuer.issue(&profile).certificate());
}

#[test]
fn serials_are_those_that_were_asked_for() {
    let issued = issuer().issue(&Profile::carrier("706J", VALIDITY, 1).serial(&[1, 2, 3]));
    assert_eq!(parse(issued.certificate()).tbs_certificate.serial_number.as_bytes(), [1, 2, 3]);
}

#[test]
fn a_later_extension_takes_the_place_of_the_first() {
    let profile = Profile::carrier("706J", VALIDITY, 1).entries(&[TnEntry::spc("707J")]);
    let extensions = parse(issuer().issue(&profile).certificate()).tbs_certificate.extensions.unwrap();
    let lists: Vec<_> = extensions.iter().filter(|extension| extension.extn_id == TN_AUTH_LIST).collect();
    assert_eq!(lists.len(), 1);
    assert_eq!(lists[0].extn_value.as_bytes(), Extension::tn_auth_list(&[TnEntry::spc("707J")]).value);
}

fn without(bytes: &[u8], oid: const_oid::ObjectIdentifier) -> Vec<u8> {
    let mut tbs = parse(bytes).tbs_certificate;
    let extensions = tbs.extensions.as_mut().unwrap();
    let before = extensions.len();
    extensions.retain(|extension| extension.extn_id != oid);
    assert_eq!(extensions.len() + 1, before);
    tbs.to_der().unwrap()
}

#[test]
fn precertificate_and_certificate_share_their_tbs() {
    let issuer = issuer();
    let precertificate = issuer.issue_precertificate(&Profile::carrier("706J", VALIDITY, 1));
    let certificate = issuer.finalize(&precertificate, &[vec![0; 119], vec![1; 119]]).unwrap();
    assert_chain(&precertificate.issued().chain());
    assert_chain(&certificate.chain());
    assert!(
        without(precertificate.issued().certificate(), POISON)
            == without(certificate.certificate(), SCT_LIST)
    );
    assert!(precertificate.issued().key().spki() == certificate.key().spki());
}

#[test]
fn a_precertificate_signer_leaves_the_final_certificate_to_its_issuer() {
    let issuer = issuer();
    let signer = issuer.precertificate_signer("Signer", 1);
    let precertificate = signer.issue_precertificate(&Profile::carrier("706J", VALIDITY, 1));
    let certificate = issuer.finalize(&precertificate, &[]).unwrap();
    assert_chain(&precertificate.issued().chain());
    assert_chain(&certificate.chain());
    assert_eq!(certificate.chain().len() + 1, precertificate.issued().chain().len());
}

#[test]
fn the_sct_list_is_two_lengths_deep() {
    let list = Extension::sct_list(&[vec![0xaa, 0xbb], vec![0xcc]]).unwrap();
    assert_eq!(list.value, [0x04, 9, 0, 7, 0, 2, 0xaa, 0xbb, 0, 1, 0xcc]);
    assert!(Extension::sct_list(&[vec![0; 65_534]]).is_none());
    assert!(Extension::sct_list(&[vec![0; 40_000], vec![0; 40_000]]).is_none());
}

#[test]
fn every_malformation_differs_from_what_it_damages() {
    let issuer = issuer();
    let good = issuer.issue(&recipe::base(VALIDITY, 1)).chain();
    assert_chain(&good);
    let mut seen = HashSet::new();
    let mut names = HashSet::new();
    for malformation in Malformation::ALL {
        let chain = issuer.issue_malformed(*malformation, 1);
        let is_good = chain == good;
        assert_eq!(is_good, *malformation == Malformation::PoisonMissing, "{malformation:?}");
        assert!(seen.insert(chain), "{malformation:?} is the same as another");
        assert!(names.insert(malformation.name()), "{malformation:?} has the name of another");
    }
}

/// Damage to what a certificate says must not also break its chain, or a verifier would refuse it for another reason
/// than the one that is tested.
#[test]
fn only_damage_to_encodings_and_chains_breaks_them() {
    use Malformation as M;
    let broken = [
        M::TruncatedDer,
        M::TrailingBytes,
        M::LongLength,
        M::IndefiniteLength,
        M::HugeSerial,
        M::ImpossibleTime,
        M::WrongSignature,
        M::UnsupportedIssuerCurve,
        M::WrongIssuerName,
        M::ChainOutOfOrder,
        M::StrangerInChain,
    ];
    for malformation in M::ALL {
        let fault = chain_fault(&issuer().issue_malformed(*malformation, 1));
        assert_eq!(fault.is_some(), broken.contains(malformation), "{malformation:?}: {fault:?}");
    }
}

#[test]
fn fictional_numbers_are_eleven_digits_and_distinct() {
    let numbers: HashSet<_> = (0..100_000).map(fictional_number).collect();
    assert_eq!(numbers.len(), 100_000);
    assert!(numbers.iter().all(|number| number.len() == 11 && number.starts_with('1')));
    assert_eq!(fictional_number(123), "12015550123");
}

#[test]
fn the_extensions_have_the_identifiers_of_their_standards() {
    assert_eq!(AuthorityKeyIdentifier::OID, "2.5.29.35".parse().unwrap());
    let tbs = parse(issuer().issue(&Profile::carrier("706J", VALIDITY, 1)).certificate()).tbs_certificate;
    let oids: Vec<_> =
        tbs.extensions.unwrap().iter().map(|extension| extension.extn_id.to_string()).collect();
    assert_eq!(
        oids,
        [
            "2.5.29.19",
            "2.5.29.15",
            "2.5.29.14",
            "2.5.29.32",
            "2.5.29.31",
            "1.3.6.1.5.5.7.1.1",
            "2.5.29.35",
            "1.3.6.1.5.5.7.1.26"
        ]
    );
}

fn openssl_verify(chain: &[Vec<u8>]) -> std::io::Result<std::process::Output> {
    let folder = tempfile::tempdir()?;
    let paths: Vec<_> = (0..chain.len()).map(|index| folder.path().join(format!("{index}.pem"))).collect();
    for (path, bytes) in paths.iter().zip(chain) {
        std::fs::write(path, parse(bytes).to_pem(::der::pem::LineEnding::LF).unwrap())?;
    }
    let (root, rest) = paths.split_last().unwrap();
    let mut command = std::process::Command::new("openssl");
    command.args(["verify", "-x509_strict", "-attime", "1800000000", "-CAfile"]).arg(root);
    for intermediate in &rest[1..] {
        command.arg("-untrusted").arg(intermediate);
    }
    command.arg(&rest[0]).output()
}

#[test]
fn openssl_accepts_good_chains_and_no_wrong_signature() {
    if std::process::Command::new("openssl").arg("version").output().is_err() {
        assert!(
            std::env::var_os("TNLOG_NO_SKIP").is_none(),
            "openssl is not installed, and skipping is forbidden"
        );
        println!("skipped: openssl is not installed");
        return;
    }
    let issuer = issuer();
    let large =
        Authority::self_signed(Profile::authority("Large Root", Some(3), VALIDITY, 1).key(KeyPair::p384(1)));
    let precertificate = issuer.issue_precertificate(&Profile::carrier("706J", VALIDITY, 1));
    for chain in [
        issuer.issue(&Profile::carrier("706J", VALIDITY, 1)).chain(),
        issuer.issue(&Profile::numbers(&["17035550100"], VALIDITY, 1)).chain(),
        large.subordinate("Small", Some(0), 1).issue(&Profile::carrier("706J", VALIDITY, 1)).chain(),
        issuer.finalize(&precertificate, &[]).unwrap().chain(),
    ] {
        let output = openssl_verify(&chain).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let damaged = openssl_verify(&issuer.issue_malformed(Malformation::WrongSignature, 1)).unwrap();
    assert!(!damaged.status.success());
}

/// The sample TNAuthorizationList of pyasn1-alt-modules.
#[test]
fn tn_auth_lists_are_those_of_another_implementation() {
    let entries = [TnEntry::spc("bogus"), TnEntry::range("5715551212", 788), TnEntry::one("7035551212")];
    let expected = b"\x30\x2b\xa0\x07\x16\x05bogus\xa1\x12\x30\x10\x16\x0a5715551212\x02\x02\x03\x14\
        \xa2\x0c\x16\x0a7035551212";
    assert_eq!(Extension::tn_auth_list(&entries).value, expected);
}

/// The malformed lists of real certificates have these bytes, with other codes.
#[test]
fn unreadable_tn_auth_lists_are_like_real_ones() {
    let chain = issuer().issue_malformed(Malformation::UnreadableTnAuthList, 1);
    let extensions = parse(&chain[0]).tbs_certificate.extensions.unwrap();
    let list = extensions.iter().find(|extension| extension.extn_id == TN_AUTH_LIST).unwrap();
    assert_eq!(list.extn_value.as_bytes(), b"\x30\x06\x13\x04706J");
}
