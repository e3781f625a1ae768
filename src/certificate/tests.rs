use super::*;
use crate::synthetic::der as made;
use crate::synthetic::{Authority, Extension as Made, Profile, Validity};

const VALIDITY: Validity = Validity { not_before: 1_700_000_000, not_after: 1_800_000_000 };

fn carrier() -> Vec<u8> {
    let root = Authority::root("Root", 1, VALIDITY);
    root.issue(&Profile::carrier("706J", VALIDITY, 1)).certificate().to_vec()
}

#[test]
fn parts_are_slices_of_the_certificate() {
    let root = Authority::root("Root", 1, VALIDITY);
    let (parent, der) = (Certificate::from_der(root.certificate()).unwrap(), carrier());
    let certificate = Certificate::from_der(der.clone()).unwrap();
    assert_eq!(certificate.der(), der);
    assert_eq!(certificate.issuer(), parent.subject());
    assert_eq!((certificate.not_before(), certificate.not_after()), (1_700_000_000, 1_800_000_000));
    assert_eq!(certificate.extension(&TN_AUTH_LIST).unwrap().value, b"\x30\x08\xa0\x06\x16\x04706J");
    assert!(!certificate.is_ca() && parent.is_ca() && parent.may_sign_certificates());
    assert!(!certificate.may_sign_certificates());
    assert_eq!(certificate.public_key().algorithm, KeyAlgorithm::P256);
    let parsed = x509_cert::Certificate::from_der(&der).unwrap();
    assert_eq!(certificate.tbs(), parsed.tbs_certificate.to_der().unwrap());
    assert_eq!(certificate.spki(), parsed.tbs_certificate.subject_public_key_info.to_der().unwrap());
    assert_eq!(certificate.serial(), parsed.tbs_certificate.serial_number.as_bytes());
    assert_eq!(certificate.signature(), parsed.signature.raw_bytes());
    assert_eq!(certificate.extensions().count(), parsed.tbs_certificate.extensions.unwrap().len());
}

#[test]
fn debug_shows_no_content() {
    let certificate = Certificate::from_der(carrier()).unwrap();
    assert_eq!(format!("{certificate:?}"), format!("Certificate({} bytes)", certificate.der().len()));
}

/// Every cut is refused, and no changed byte panics, in a certificate or in what is asked of it.
#[test]
fn cut_and_changed() {
    let der = carrier();
    for at in 0..der.len() {
        assert!(Certificate::from_der(&der[..at]).is_err());
        for bit in [0x01, 0x20, 0x80, 0xff] {
            let mut changed = der.clone();
            changed[at] ^= bit;
            if let Ok(certificate) = Certificate::from_der(changed) {
                let _ = certificate.class();
                assert_ne!(certificate.der(), der);
            }
        }
    }
}

/// Fails when the comparison with the bytes encoded again is removed: x509-cert reads a version that is written
/// though it is the default.
#[test]
fn another_encoding_is_refused() {
    let root = Authority::root("Root", 1, VALIDITY);
    let mut draft = root.draft(&Profile::carrier("706J", VALIDITY, 1));
    let der = draft.sign(root.key());
    draft.version = made::explicit(0, &made::integer(0));
    assert_eq!(Certificate::from_der(draft.sign(root.key())), Err(CertificateError::NotDer));
    assert!(Certificate::from_der(der.clone()).is_ok());
    let long_length = [&[0x30, 0x83, 0x00], &der[2..]].concat();
    assert_eq!(Certificate::from_der(long_length), Err(CertificateError::Malformed));
    assert_eq!(Certificate::from_der([der, vec![0]].concat()), Err(CertificateError::Malformed));
}

/// Fails when the search for an identifier that comes twice is removed from `Usage::of`.
#[test]
fn an_extension_twice_is_refused() {
    let root = Authority::root("Root", 1, VALIDITY);
    let mut draft = root.draft(&Profile::carrier("706J", VALIDITY, 1));
    draft.extensions.push(draft.extensions[0].clone());
    assert_eq!(Certificate::from_der(draft.sign(root.key())), Err(CertificateError::DuplicateExtension));
}

#[test]
fn extensions_that_do_not_decode_are_refused() {
    let root = Authority::root("Root", 1, VALIDITY);
    for (oid, name) in [
        (BASIC_CONSTRAINTS, "basicConstraints"),
        (KEY_USAGE, "keyUsage"),
        (EXTENDED_KEY_USAGE, "extendedKeyUsage"),
    ] {
        let profile = Profile::carrier("706J", VALIDITY, 1).extension(Made::new(oid, vec![4, 0]));
        let error = Certificate::from_der(root.issue(&profile).certificate()).unwrap_err();
        assert_eq!(error, CertificateError::Extension(name));
    }
}

/// Each is taken by the library and fails when its line is removed from `check_shape`, `purposes` or `signs_certificates`.
#[test]
fn what_the_library_takes_and_rfc_5280_does_not() {
    let root = Authority::root("Root", 1, VALIDITY);
    let signed = |change: &dyn Fn(&mut crate::synthetic::Draft)| {
        let mut draft = root.draft(&Profile::carrier("706J", VALIDITY, 1));
        change(&mut draft);
        Certificate::from_der(draft.sign(root.key())).map(|_| ())
    };
    let padded = made::tlv(6, &[0x55, 0x80, 0x04, 0x03]);
    let attribute = made::set(&[made::sequence(&[padded.clone(), made::utf8_string("x")])]);
    assert_eq!(
        signed(&|draft| draft.subject = made::sequence(std::slice::from_ref(&attribute))),
        Err(CertificateError::Shape)
    );
    assert_eq!(
        signed(&|draft| draft.subject = made::sequence(&[made::set(&[])])),
        Err(CertificateError::Shape)
    );
    assert_eq!(signed(&|draft| draft.subject = made::sequence(&[])), Ok(()));
    let extended =
        |value: Vec<u8>| signed(&|draft| draft.extensions.push(Made::new(EXTENDED_KEY_USAGE, value.clone())));
    for value in [made::sequence(&[]), made::sequence(&[padded])] {
        assert_eq!(extended(value), Err(CertificateError::Extension("extendedKeyUsage")));
    }
    let usage = |value: Vec<u8>| {
        signed(&|draft| {
            draft.extensions.retain(|extension| extension.oid != KEY_USAGE);
            draft.extensions.push(Made::new(KEY_USAGE, value.clone()));
        })
    };
    assert_eq!(usage(made::bit_string(3, &[0xfc])), Err(CertificateError::Extension("keyUsage")));
    assert_eq!(usage(made::bit_string(8, &[0])), Err(CertificateError::Extension("keyUsage")));
    assert_eq!(usage(made::bit_string(2, &[0xfc])), Ok(()));
}

#[test]
fn too_long_is_refused_before_anything_is_read() {
    assert_eq!(Certificate::from_der(vec![0; MAX_CERTIFICATE_LEN + 1]), Err(CertificateError::TooLong));
}

#[test]
fn pem_bundles() {
    use crate::pem::PemError;
    let root = Authority::root("Root", 1, VALIDITY);
    let both = [carrier(), root.certificate().to_vec()].map(|der| Certificate::from_der(der).unwrap());
    let text = format!("Subject: x\n{}\nissuer:\n{}trailing", both[0].to_pem(), both[1].to_pem());
    assert_eq!(Certificate::from_pem_bundle(&text).unwrap(), both);
    assert_eq!(Certificate::from_pem_bundle(text.replace('\n', "\r\n")).unwrap(), both);
    let latin1 = [b"O=Caf\xe9\n", text.as_bytes()].concat();
    assert_eq!(Certificate::from_pem_bundle(latin1).unwrap(), both);
    assert_eq!(Certificate::from_pem_bundle("nothing").unwrap(), []);
    let cut = &text[..text.len() - 60];
    assert_eq!(Certificate::from_pem_bundle(cut), Err(PemError::NoEnd(1)));
    let changed = both[0].to_pem() + &both[1].to_pem().replacen("MI", "!!", 1);
    assert_eq!(Certificate::from_pem_bundle(&changed), Err(PemError::Base64(1)));
    let short = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
    let error = PemError::Certificate { index: 0, error: CertificateError::Malformed };
    assert_eq!(Certificate::from_pem_bundle(short), Err(error));
}
