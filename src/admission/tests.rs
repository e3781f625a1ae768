use super::*;
use crate::signature::Ecdsa;
use crate::synthetic::{Authority, Extension, Issued, Malformation, Name, Profile, TnEntry, Validity};

const VALIDITY: Validity = Validity { not_before: 1_700_000_000, not_after: 1_800_000_000 };
const NOW: i64 = 1_750_000_000;
const NUMBER: &str = "17035550123";

fn root() -> Authority {
    Authority::root("Root", 1, VALIDITY)
}

fn anchors_for(calling_codes: Option<Vec<u16>>) -> Anchors {
    let certificate = Arc::new(Certificate::from_der(root().certificate()).unwrap());
    Anchors::new([Anchor { certificate, calling_codes }])
}

fn parse(chain: &[Vec<u8>]) -> Result<Vec<Arc<Certificate>>, Refusal> {
    let parse = |(index, der): (usize, &Vec<u8>)| match Certificate::from_der(der.clone()) {
        Ok(certificate) => Ok(Arc::new(certificate)),
        Err(error) => Err(Refusal { rule: Rule::Certificate(error), certificate: index }),
    };
    chain.iter().enumerate().map(parse).collect()
}

fn submit(chain: &[Vec<u8>], kind: Kind) -> Result<Admitted, Refusal> {
    let anchors = anchors_for(None);
    admit(&parse(chain)?, kind, &Trust { anchors: &anchors, verifier: &Ecdsa, verified: None })
}

fn submit_final(issued: &Issued) -> Result<Admitted, Refusal> {
    submit(&issued.chain(), Kind::Final)
}

fn outcome(result: Result<Admitted, Refusal>) -> String {
    match result {
        Ok(_) => "admitted".into(),
        Err(refusal) => format!("{} at {}", refusal.rule.slug(), refusal.certificate),
    }
}

fn carrier() -> Profile {
    Profile::carrier("706J", VALIDITY, 1)
}

/// One line for each malformation: the rule that catches it and where. Those admitted are odd and stay visible.
#[test]
fn every_malformation() {
    let issuing = root().subordinate("Issuing CA", None, 2);
    let mut table = String::new();
    for malformation in Malformation::ALL {
        let kind = if malformation.is_precertificate() { Kind::Precertificate } else { Kind::Final };
        let result = outcome(submit(&issuing.issue_malformed(*malformation, 7), kind));
        table += &format!("{}: {result}\n", malformation.name());
    }
    assert_eq!(table, include_str!("malformations.txt"));
}

#[test]
fn a_chain_with_and_without_its_root() {
    let issued = root().subordinate("Issuing CA", Some(0), 2).issue(&carrier());
    let whole = submit_final(&issued).unwrap();
    let without = submit(&issued.chain()[..2], Kind::Final).unwrap();
    assert_eq!(whole.chain(), without.chain());
    assert_eq!(whole.chain().len(), 3);
    assert_eq!(whole.issuer().der(), issued.chain()[1]);
    assert_eq!((whole.entry_type(), whole.tbs()), (0, None));
    let der = issued.certificate();
    let length = [0, (der.len() >> 8) as u8, der.len() as u8];
    assert_eq!(whole.signed_entry(), [&length, der].concat());
    assert_eq!(whole.public_issuers().count(), 2);
    assert!(!whole.class().is_hidden());
    assert_eq!(whole.requires_logged().count(), 0);
    assert!(whole.calling_codes().is_empty());
}

#[test]
fn a_root_by_itself() {
    let admitted = submit(root().chain(), Kind::Final).unwrap();
    assert_eq!(*admitted.class(), Class::UnlimitedCa);
    assert_eq!(admitted.issuer_key_hash(), admitted.certificate().spki_sha256());
    assert_eq!(admitted.public_issuers().count(), 1);
}

#[test]
fn shape_of_the_chain() {
    let chain = root().subordinate("Issuing CA", None, 2).issue(&carrier()).chain();
    assert_eq!(outcome(submit(&[], Kind::Final)), "empty-chain at 0");
    let twice = [chain.clone(), vec![chain[1].clone()]].concat();
    assert_eq!(outcome(submit(&twice, Kind::Final)), "duplicate-in-chain at 3");
    let mut issuing = root();
    for depth in 0..9 {
        issuing = issuing.subordinate(&format!("CA {depth}"), None, depth);
    }
    let long = issuing.issue(&carrier());
    assert_eq!(outcome(submit_final(&long)), "chain-too-long at 10");
    assert_eq!(outcome(submit(&long.chain()[..10], Kind::Final)), "admitted");
    let refusal = submit(&[chain[1].clone(), chain[1].clone()], Kind::Final).unwrap_err();
    assert_eq!(refusal.to_string(), "certificate 1 of the chain (its issuer): it is in the chain twice");
}

#[test]
fn a_root_that_shares_only_the_name() {
    let other = Authority::root("Root", 99, VALIDITY);
    assert_eq!(outcome(submit_final(&other.issue(&carrier()))), "unknown-root at 1");
    assert_eq!(outcome(submit(&other.issue(&carrier()).chain()[..1], Kind::Final)), "bad-signature at 0");
}

#[test]
fn of_several_roots_with_one_name_the_one_that_signed() {
    let roots = [7, 8, 9].map(|seed| Authority::root("Root", seed, VALIDITY));
    let anchor = |root: &Authority| Anchor {
        certificate: Arc::new(Certificate::from_der(root.certificate()).unwrap()),
        calling_codes: None,
    };
    let anchors = Anchors::new(roots.iter().map(anchor));
    let trust = Trust { anchors: &anchors, verifier: &Ecdsa, verified: None };
    for root in &roots {
        let chain = parse(&root.issue(&carrier()).chain()).unwrap();
        let admitted = admit(&chain[..1], Kind::Final, &trust).unwrap();
        assert_eq!(admitted.issuer().der(), root.certificate());
    }
}

#[test]
fn precertificate_and_certificate_share_a_tbs() {
    let issuing = root().subordinate("Issuing CA", Some(0), 2);
    let signer = issuing.precertificate_signer("Signer", 3);
    for by in [&issuing, &signer] {
        let precertificate = by.issue_precertificate(&carrier());
        let admitted = submit(&precertificate.issued().chain(), Kind::Precertificate).unwrap();
        let issued = issuing.finalize(&precertificate, &[vec![1, 2, 3], vec![4]]).unwrap();
        let certificate = Certificate::from_der(issued.certificate()).unwrap();
        assert_eq!(admitted.tbs().unwrap(), crate::precertificate::certificate_tbs(&certificate));
        assert_eq!(crate::precertificate::embedded_scts(&certificate).unwrap(), [&[1, 2, 3][..], &[4]]);
        assert_eq!(admitted.issuer().der(), issuing.certificate());
        let entry = admitted.signed_entry();
        assert_eq!(entry[..32], *admitted.issuer_key_hash());
        assert_eq!(&entry[35..], admitted.tbs().unwrap());
        assert_eq!(admitted.entry_type(), 1);
        assert_eq!(outcome(submit_final(&issued)), "admitted");
        assert_eq!(outcome(submit_final(precertificate.issued())), "precertificate-to-add-chain at 0");
        assert_eq!(
            outcome(submit(&issued.chain(), Kind::Precertificate)),
            "certificate-to-add-pre-chain at 0"
        );
    }
}

/// Fails when the search for precertificate signing certificates is removed from `check_kind`.
#[test]
fn a_precertificate_signer_issues_nothing_else() {
    let issuing = root().subordinate("Issuing CA", None, 2);
    let signer = issuing.precertificate_signer("Signer", 3);
    assert_eq!(outcome(submit_final(&signer.issue(&carrier()))), "precertificate-signer at 1");
    let below = signer.subordinate("CA below", None, 4).issue_precertificate(&carrier());
    assert_eq!(outcome(submit(&below.issued().chain(), Kind::Precertificate)), "precertificate-signer at 2");
}

/// Fails when `signer` does not ask for the signer's own issuer, whose certificates the precertificate stands for.
#[test]
fn a_precertificate_signer_is_no_root() {
    let signer = root().precertificate_signer("Signer", 3);
    let precertificate = signer.issue_precertificate(&carrier());
    let certificate = Arc::new(Certificate::from_der(signer.certificate()).unwrap());
    let anchors = Anchors::new([Anchor { certificate, calling_codes: None }]);
    let trust = Trust { anchors: &anchors, verifier: &Ecdsa, verified: None };
    let chain = parse(&precertificate.issued().chain()[..2]).unwrap();
    assert_eq!(outcome(admit(&chain, Kind::Precertificate, &trust)), "unknown-root at 1");
}

#[test]
fn a_precertificate_issues_nothing() {
    let poisoned = Profile::authority("Poisoned CA", None, VALIDITY, 5).extension(Extension::poison());
    let issued = root().issue(&poisoned).into_authority().issue(&carrier());
    assert_eq!(outcome(submit_final(&issued)), "poisoned-issuer at 1");
}

fn numbers(numbers: &[&str]) -> Profile {
    Profile::numbers(numbers, VALIDITY, 6)
}

/// Fails when `check_encompassing` is removed, or when a CA that names nothing does not pass on what binds it.
#[test]
fn encompassing() {
    let range = |start: &str| [TnEntry::range(start, 100)];
    let ranges = root().delegate("Delegate", &range("17035550100"), 3);
    let single = root().delegate("Delegate", &[TnEntry::one(NUMBER)], 3);
    let provider = root().delegate("Delegate", &[TnEntry::spc("706j")], 3);
    let passed_on = ranges.subordinate("CA that names nothing", None, 4);
    let below_provider = provider.delegate("Below", &range("17035550100"), 5);
    let list = |entries: &[TnEntry]| carrier().entries(entries);
    for (authority, profile, expected) in [
        (&ranges, numbers(&[NUMBER]), "admitted"),
        (&ranges, numbers(&[NUMBER, "17035550200"]), "not-encompassed at 0"),
        (&ranges, list(&[TnEntry::range("17035550150", 50)]), "admitted"),
        (&ranges, list(&[TnEntry::range("17035550150", 51)]), "not-encompassed at 0"),
        (&ranges, carrier(), "not-encompassed at 0"),
        (&passed_on, numbers(&[NUMBER]), "admitted"),
        (&passed_on, numbers(&["17035550200"]), "not-encompassed at 0"),
        (&single, numbers(&[NUMBER]), "admitted"),
        (&single, numbers(&["17035550124"]), "not-encompassed at 0"),
        (&single, carrier(), "open-below-numbers at 0"),
        (&single, list(&range("17035550100")), "open-below-numbers at 0"),
        (&single, Profile::authority("CA", None, VALIDITY, 7), "open-below-numbers at 0"),
        (&provider, carrier(), "admitted"),
        (&provider, Profile::carrier("A1", VALIDITY, 1), "not-encompassed at 0"),
        (&provider, numbers(&[NUMBER]), "admitted"),
        (&below_provider, numbers(&["17035550200"]), "not-encompassed at 0"),
    ] {
        assert_eq!(outcome(submit_final(&authority.issue(&profile))), expected);
    }
}

#[test]
fn unreadable_lists_below_and_above() {
    let unreadable = || Extension::new(crate::synthetic::TN_AUTH_LIST, b"\x30\x03\x13\x01A".to_vec());
    let leaf = carrier().extension(unreadable());
    let ranges = root().delegate("Delegate", &[TnEntry::range("17035550100", 100)], 3);
    assert_eq!(outcome(submit_final(&ranges.issue(&leaf))), "not-encompassed at 0");
    let admitted = submit_final(&root().issue(&leaf)).unwrap();
    assert_eq!(*admitted.class(), Class::Unreadable);
    let profile = Profile::authority("CA", None, VALIDITY, 4).extension(unreadable());
    let issuer = root().issue(&profile).into_authority();
    assert_eq!(outcome(submit_final(&issuer.issue(&carrier()))), "unreadable-issuer at 1");
}

/// An issuer is served to everybody, so the rules of the open door hold for it too.
#[test]
fn a_number_in_the_subject_of_an_issuer() {
    let profile = Profile::authority("CA", None, VALIDITY, 4).subject(Name::new("CA", "+17035550123"));
    let issuer = root().issue(&profile).into_authority();
    assert_eq!(outcome(submit_final(&issuer.issue(&carrier()))), "number-in-subject at 1");
    assert_eq!(outcome(submit_final(&issuer.issue(&numbers(&[NUMBER])))), "number-in-subject at 1");
}

#[test]
fn a_delegate_of_single_numbers_must_be_logged_and_stays_hidden() {
    let delegate = root().delegate("Delegate", &[TnEntry::one(NUMBER)], 3);
    let second = delegate.delegate("Second", &[TnEntry::one(NUMBER)], 4);
    let admitted = submit_final(&second.issue(&numbers(&[NUMBER]))).unwrap();
    let required =
        admitted.requires_logged().map(|(ca, issuer)| vec![ca.der().to_vec(), issuer.der().to_vec()]);
    let chain = second.chain();
    assert_eq!(required.collect::<Vec<_>>(), [chain[..2].to_vec(), chain[1..].to_vec()]);
    let public: Vec<_> = admitted.public_issuers().map(|issuer| issuer.der().to_vec()).collect();
    assert_eq!(public, [root().certificate()]);
    let signer = delegate.precertificate_signer("Signer", 5);
    let precertificate = signer.issue_precertificate(&numbers(&[NUMBER]));
    let admitted = submit(&precertificate.issued().chain(), Kind::Precertificate).unwrap();
    assert_eq!(admitted.public_issuers().count(), 1, "the signer's issuer name would tell of the delegate");
    assert_eq!(admitted.calling_codes(), [1]);
}

/// Fails when `Debug` is derived: the bytes of the TBSCertificate hold the number.
#[test]
fn debug_shows_no_content() {
    let precertificate = root().issue_precertificate(&numbers(&[NUMBER]));
    let admitted = submit(&precertificate.issued().chain(), Kind::Precertificate).unwrap();
    let (lengths, shown) = (admitted.chain().iter().map(|c| c.der().len()), format!("{admitted:?}"));
    let chain: Vec<_> = lengths.map(|len| format!("Certificate({len} bytes)")).collect();
    assert_eq!(shown, format!("Admitted {{ kind: Precertificate, chain: [{}], .. }}", chain.join(", ")));
}

#[test]
fn calling_codes_of_the_root() {
    let anchors = anchors_for(Some(vec![1, 44]));
    let trust = Trust { anchors: &anchors, verifier: &Ecdsa, verified: None };
    for (profile, expected) in [
        (numbers(&[NUMBER, "442079460000"]), "admitted"),
        (numbers(&["7035550123"]), "calling-code at 0"),
        (numbers(&["99912345"]), "calling-code at 0"),
        (carrier().entries(&[TnEntry::range("4930123400", 100)]), "calling-code at 0"),
        (carrier(), "admitted"),
    ] {
        let chain = parse(&root().issue(&profile).chain()).unwrap();
        assert_eq!(outcome(admit(&chain, Kind::Final, &trust)), expected);
    }
}

/// Believes or not whatever it is asked, and counts how often.
struct Counting(std::sync::atomic::AtomicUsize, Result<(), SignatureError>);

impl VerifySignature for Counting {
    fn verify(
        &self,
        _: crate::signature::PublicKeyInfo<'_>,
        _: SignatureAlgorithm,
        _: &[u8],
        _: &[u8],
    ) -> Result<(), SignatureError> {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.1
    }
}

#[test]
fn each_issuer_is_verified_once() {
    let issuing = root().subordinate("Issuing CA", None, 2).subordinate("Second", None, 3);
    let anchors = anchors_for(None);
    let verifier = Counting(0.into(), Ok(()));
    let verified = VerifiedIssuers::new(10);
    let trust = Trust { anchors: &anchors, verifier: &verifier, verified: Some(&verified) };
    for (seed, calls) in [(1, 3), (2, 4), (3, 5)] {
        let chain = parse(&issuing.issue(&Profile::carrier("706J", VALIDITY, seed)).chain()).unwrap();
        assert_eq!(outcome(admit(&chain, Kind::Final, &trust)), "admitted");
        assert_eq!(verifier.0.load(std::sync::atomic::Ordering::Relaxed), calls);
    }
    assert_eq!(verified.len(), 2);
}

/// Fails when `verify_pair` remembers before it has verified, or when the memory does not forget when full.
#[test]
fn the_memory_holds_only_what_verified_and_is_bounded() {
    let anchors = anchors_for(None);
    let verifier = Counting(0.into(), Err(SignatureError::Invalid));
    let verified = VerifiedIssuers::new(2);
    let trust = Trust { anchors: &anchors, verifier: &verifier, verified: Some(&verified) };
    let chain = parse(&root().subordinate("Issuing CA", None, 2).issue(&carrier()).chain()).unwrap();
    assert_eq!(outcome(admit(&chain, Kind::Final, &trust)), "bad-signature at 1");
    assert!(verified.is_empty());
    let trust = Trust { verifier: &Ecdsa, ..trust };
    for seed in 0..5 {
        let chain = parse(&root().subordinate("Issuing CA", None, seed).issue(&carrier()).chain()).unwrap();
        assert_eq!(outcome(admit(&chain, Kind::Final, &trust)), "admitted");
        assert!((1..=2).contains(&verified.len()));
    }
}

/// An RSA key of so many bits, in an issuer that a believing verifier takes.
#[test]
fn rsa_keys_of_2048_to_4096_bits() {
    use crate::synthetic::der;
    const RSA: const_oid::ObjectIdentifier = const_oid::db::rfc5912::RSA_ENCRYPTION;
    let anchors = anchors_for(None);
    let believes = Counting(0.into(), Ok(()));
    for (bits, expected) in [
        (2047u32, "unsupported-rsa-length at 1"),
        (2048, "admitted"),
        (4096, "admitted"),
        (4097, "unsupported-rsa-length at 1"),
    ] {
        let mut modulus = vec![0xff; bits.div_ceil(8) as usize];
        modulus[0] = 0xff >> (modulus.len() as u32 * 8 - bits);
        if modulus[0] & 0x80 != 0 {
            modulus.insert(0, 0);
        }
        let key = der::sequence(&[der::integer_octets(&modulus), der::integer(65_537)]);
        let algorithm = der::sequence(&[der::oid(RSA), der::null()]);
        let profile = Profile::authority("RSA CA", None, VALIDITY, 4);
        let mut draft = root().draft(&profile);
        draft.spki = der::sequence(&[algorithm, der::bit_string(0, &key)]);
        let mut chain = root().issue(&profile).into_authority().issue(&carrier()).chain();
        chain[1] = draft.sign(root().key());
        let trust = Trust { anchors: &anchors, verifier: &believes, verified: None };
        let parsed = parse(&chain).unwrap();
        assert_eq!(outcome(admit(&parsed, Kind::Final, &trust)), expected, "{bits}");
        let pure = Trust { verifier: &Ecdsa, ..trust };
        if expected == "admitted" {
            assert_eq!(outcome(admit(&parsed, Kind::Final, &pure)), "unsupported-signature at 0");
            assert_eq!(outcome(check_chain(&parsed, NOW, &trust)), "not-ecdsa at 1");
        }
    }
}

/// Each line of the table fails when its check is removed from `check_chain`.
#[test]
fn what_an_app_asks_besides() {
    let critical = Extension::critical(const_oid::ObjectIdentifier::new_unwrap("1.2.3.4"), vec![5, 0]);
    let anchors = anchors_for(None);
    let trust = Trust { anchors: &anchors, verifier: &Ecdsa, verified: None };
    let short = Validity { not_before: 1_740_000_000, not_after: 1_760_000_000 };
    for (profile, now, expected) in [
        (numbers(&[NUMBER]), NOW, "admitted"),
        (Profile::numbers(&[NUMBER], short, 1), 1_739_999_999, "not-yet-valid at 0"),
        (Profile::numbers(&[NUMBER], short, 1), 1_740_000_000, "admitted"),
        (Profile::numbers(&[NUMBER], short, 1), 1_760_000_000, "admitted"),
        (Profile::numbers(&[NUMBER], short, 1), 1_760_000_001, "expired at 0"),
        (numbers(&[NUMBER]).extension(critical), NOW, "critical-extension at 0"),
    ] {
        let chain = parse(&root().issue(&profile).chain()).unwrap();
        assert_eq!(outcome(admit(&chain, Kind::Final, &trust)), "admitted");
        assert_eq!(outcome(check_chain(&chain, now, &trust)), expected);
    }
    let old = Profile::authority("Old CA", None, short, 9);
    let long = Profile::carrier("706J", Validity { not_before: 1_700_000_000, not_after: 1_790_000_000 }, 1);
    let chain = parse(&root().issue(&old).into_authority().issue(&long).chain()).unwrap();
    assert_eq!(outcome(check_chain(&chain, 1_770_000_000, &trust)), "expired at 1");
    assert_eq!(outcome(check_chain(&chain, 1_850_000_000, &trust)), "expired at 0");
}

/// What the pure verifier takes: both curves with both hashes, and nothing changed.
#[test]
fn p384_chains() {
    use crate::synthetic::KeyPair;
    let profile = Profile::authority("P-384 CA", None, VALIDITY, 4).key(KeyPair::p384(4));
    let issued = root().issue(&profile).into_authority().issue(&carrier());
    let admitted = submit_final(&issued).unwrap();
    assert_eq!(admitted.certificate().signature_algorithm(), SignatureAlgorithm::EcdsaSha384);
    let mut chain = issued.chain();
    *chain[0].last_mut().unwrap() ^= 1;
    assert_eq!(outcome(submit(&chain, Kind::Final)), "bad-signature at 0");
}
