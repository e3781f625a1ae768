use std::sync::Arc;

use rand_core::OsRng;

use super::*;
use crate::admission::{Kind, Trust, admit};
use crate::anchors::{Anchor, Anchors};
use crate::certificate::Certificate;
use crate::checkpoint::Checkpoint;
use crate::commitment::OpeningSecret;
use crate::entry::Parameters;
use crate::entry::sample::{DAY, START, key_hash};
use crate::label::{Label, LabelKey};
use crate::merkle::Hash;
use crate::note::{KeyType, Note, Signer};
use crate::policy::Policy;
use crate::receipt::{Claim, Extra, KnownLog, Receipt, Secrets};
use crate::sct::log_id;
use crate::submission::{Hidden, Submission};
use crate::synthetic::{Authority, Issued, KeyPair, Profile, Validity};

const ORIGIN: &str = "log.example.com/tn";
const NUMBER: &str = "17035550123";
const SERVICE: &str = "messages.example.com";
const RS: &str = "rs.example.com";
const NOW: i64 = START + 2 * DAY;

fn number(digits: &str) -> Number {
    Number::new(digits).unwrap()
}

/// A log of two leaves: a credential of two numbers, and its registration for one.
struct Scene {
    signer: Signer,
    label_key: LabelKey,
    issued: Issued,
    root: Arc<Certificate>,
    rs: KeyPair,
    services: ResolutionServices,
    statement: Registration,
}

fn sct_key() -> KeyPair {
    KeyPair::p256(77)
}

impl Scene {
    fn new() -> Self {
        let validity = Validity::days(START as u64, 100);
        let root = Authority::root("Example Root", 1, validity);
        let issued = root.issue(&Profile::numbers(&[NUMBER, "17035550124"], validity, 3));
        let rs = KeyPair::p256(5);
        let mut services = ResolutionServices::default();
        services.add(RS, rs.spki()).unwrap();
        let statement = Registration {
            log_id: log_id(sct_key().spki()),
            number: number(NUMBER),
            service: SERVICE.into(),
            contact: "sip:alice@messages.example.com".into(),
            resolution_service: RS.into(),
            credential: 0,
            key_hash: key_hash(issued.key()),
            not_before: START + DAY,
            not_after: START + 10 * DAY,
            sequence: 1000 * (START + DAY) as u64,
            action: Action::Register,
        };
        Scene {
            signer: Signer::new(ORIGIN, KeyType::Ed25519, &[1; 32]).unwrap(),
            label_key: LabelKey::from_seed(&[3; 32]),
            root: Arc::new(Certificate::from_der(root.certificate()).unwrap()),
            issued,
            rs,
            services,
            statement,
        }
    }

    fn chain(&self) -> Vec<Arc<Certificate>> {
        let parse = |der: Vec<u8>| Arc::new(Certificate::from_der(der).unwrap());
        self.issued.chain().into_iter().map(parse).collect()
    }

    fn anchors(&self) -> Anchors {
        Anchors::new([Anchor { certificate: self.root.clone(), calling_codes: None }])
    }

    fn verifier(&self) -> Verifier {
        let policy: Policy = format!("log {}\nquorum none\n", self.signer.verifier_key()).parse().unwrap();
        let parameters = Parameters {
            origin: ORIGIN.into(),
            sct_key: sct_key().spki().to_vec(),
            label_key: self.label_key.public().to_bytes(),
        };
        Verifier::new(policy, vec![KnownLog::new(parameters).unwrap()], self.anchors())
    }

    fn extra(&self) -> RegistrationExtra {
        let statement = self.statement.clone();
        RegistrationExtra {
            timestamp: 1000 * (START + DAY) as u64,
            submitted: SignedRegistration {
                credential_signature: self.issued.key().sign(&statement.signed_by_credential()),
                service_signature: self.rs.sign(&statement.signed_by_service()),
                statement,
            },
            opening: self.statement.opening(&OpeningSecret::new([7; 32])),
            evaluation: self.label_key.prove(&[self.statement.number], &mut OsRng),
            replaces: None,
        }
    }

    fn label(&self) -> Label {
        self.label_key.label(&self.statement.number)
    }

    /// The leaf that an honest log writes for these facts.
    fn leaf(&self, extra: &RegistrationExtra) -> Vec<u8> {
        let entry = extra.submitted.statement.entry(self.label(), &extra.opening, extra.replaces);
        Leaf { timestamp: extra.timestamp, entry: Entry::Registration(entry), index: 1 }.encode().unwrap()
    }

    /// The credential's leaf, and what its receipt tells of it.
    fn credential(&self) -> (Vec<u8>, Extra) {
        let anchors = self.anchors();
        let trust = Trust { anchors: &anchors, verifier: &Ecdsa, verified: None };
        let admitted = admit(&self.chain(), Kind::Final, &trust).unwrap();
        let submission = Submission::of(&admitted);
        let secret = OpeningSecret::new([7; 32]);
        let numbers = admitted.class().numbers();
        let hidden = Hidden {
            labels: numbers.iter().map(|number| self.label_key.label(number)).collect(),
            certificate_id: secret
                .certificate_id(admitted.issuer_key_hash(), admitted.certificate().serial()),
            opening: secret.opening(submission.identity()),
        };
        let timestamp = 1000 * START as u64;
        let leaf = Leaf { timestamp, entry: submission.number_entry(&hidden).unwrap(), index: 0 };
        let Hidden { opening, certificate_id, .. } = hidden;
        let evaluation = self.label_key.prove(numbers, &mut OsRng);
        let secrets = Some(Secrets { opening, certificate_id, evaluation });
        (leaf.encode().unwrap(), Extra { precertificate: false, timestamp, secrets })
    }

    fn note(&self, leaf: &[u8]) -> Note {
        let root = Hash::of_node(&Hash::of_leaf(&self.credential().0), &Hash::of_leaf(leaf));
        Checkpoint::new(ORIGIN, 2, root).sign(&self.signer).unwrap()
    }

    fn receipt(&self, extra: &RegistrationExtra, leaf: &[u8]) -> RegistrationReceipt {
        let hashes = vec![Hash::of_leaf(&self.credential().0)];
        let proof = TlogProof { extra: Some(extra.encode()), index: 1, hashes, checkpoint: self.note(leaf) };
        RegistrationReceipt::parse(proof.to_string().as_bytes()).unwrap()
    }

    fn good(&self) -> RegistrationReceipt {
        let extra = self.extra();
        let leaf = self.leaf(&extra);
        self.receipt(&extra, &leaf)
    }

    fn peer(&self) -> Verified {
        let (leaf, extra) = self.credential();
        let registration = self.leaf(&self.extra());
        assert_ne!(leaf, registration);
        let proof = TlogProof {
            extra: Some(extra.encode()),
            index: 0,
            hashes: vec![Hash::of_leaf(&registration)],
            checkpoint: self.note(&registration),
        };
        let receipt = Receipt::parse(proof.to_string().as_bytes()).unwrap();
        self.verifier().verify(&self.chain(), &Claim::Number(number(NUMBER)), &receipt, NOW).unwrap()
    }

    fn ask(&self, receipt: &RegistrationReceipt) -> Result<VerifiedRegistration, UntrustedRegistration> {
        self.ask_about(&number(NUMBER), &self.services, receipt)
    }

    fn ask_about(
        &self,
        number: &Number,
        services: &ResolutionServices,
        receipt: &RegistrationReceipt,
    ) -> Result<VerifiedRegistration, UntrustedRegistration> {
        let asked = Reachable { number, service: SERVICE, services, now: NOW };
        self.verifier().verify_registration(&self.peer(), receipt, &asked)
    }

    /// The outcome for a registration that is logged and signed as changed.
    fn changed(&self, change: impl FnOnce(&mut Registration)) -> UntrustedRegistration {
        let mut scene = Scene::new();
        change(&mut scene.statement);
        let receipt = scene.good();
        self.ask(&receipt).unwrap_err()
    }
}

#[test]
fn a_good_receipt_verifies_and_reads_back() {
    let scene = Scene::new();
    let receipt = scene.good();
    let verified = scene.ask(&receipt).unwrap();
    assert_eq!((verified.index, verified.timestamp), (1, receipt.extra.timestamp));
    assert_eq!(verified.statement, scene.statement);
    let again = RegistrationReceipt::parse(receipt.to_string().as_bytes());
    assert_eq!(again.as_ref(), Ok(&receipt));
    let replacing = RegistrationExtra { replaces: Some(9), ..scene.extra() };
    assert_eq!(RegistrationExtra::decode(&replacing.encode()), Some(replacing.clone()));
    assert!(scene.ask(&scene.receipt(&replacing, &scene.leaf(&replacing))).is_ok());
}

/// Each line fails without the check that its refusal names. What is logged is honest, and not what the app asks about.
#[test]
fn what_an_app_refuses() {
    use RegistrationRefusal as R;
    use UntrustedRegistration as U;
    let scene = Scene::new();
    assert_eq!(scene.changed(|s| s.action = Action::Withdraw), U::Withdrawal);
    assert_eq!(scene.changed(|s| s.service = "other.example.com".into()), U::OtherService);
    assert_eq!(scene.changed(|s| s.number = number("17035550124")), U::OtherNumber);
    assert_eq!(scene.changed(|s| s.credential = 1), U::OtherCredential);
    assert_eq!(scene.changed(|s| s.not_before = NOW + 1), U::NotYetValid);
    assert_eq!(scene.changed(|s| s.not_after = NOW - 1), U::Ended);
    assert_eq!(scene.changed(|s| s.not_after = s.not_before + 31 * DAY), U::Statement(R::Validity));
    assert_eq!(scene.changed(|s| s.log_id = [0; 32]), U::Statement(R::OtherLog));
    assert_eq!(scene.changed(|s| s.key_hash = [0; 32]), U::Statement(R::OtherKey));
    assert_eq!(scene.changed(|s| s.resolution_service.push('x')), U::Statement(R::UnknownService));
}

#[test]
fn an_app_trusts_its_own_resolution_services() {
    let scene = Scene::new();
    let mut others = ResolutionServices::default();
    others.add(RS, KeyPair::p256(6).spki()).unwrap();
    let outcome = scene.ask_about(&number(NUMBER), &others, &scene.good()).unwrap_err();
    assert_eq!(outcome, RegistrationRefusal::BadServiceSignature.into());
}

/// The app wants to reach one number of two, and is shown the registration of the other with all proofs. Fails without the
/// comparison with the number that was asked about.
#[test]
fn the_other_number_of_the_same_certificate_is_another() {
    let mut scene = Scene::new();
    scene.statement.number = number("17035550124");
    let receipt = scene.good();
    assert_eq!(scene.ask(&receipt).unwrap_err(), UntrustedRegistration::OtherNumber);
    let other = number("17035550124");
    assert!(scene.ask_about(&other, &scene.services, &receipt).is_ok());
    let stranger = number("12025550100");
    scene.statement.number = stranger;
    let receipt = scene.good();
    let outcome = scene.ask_about(&stranger, &scene.services, &receipt).unwrap_err();
    assert_eq!(outcome, UntrustedRegistration::OtherCredential);
}

/// Fails without the check of both signatures, of the label, or of inclusion.
#[test]
fn what_is_forged_is_refused() {
    let scene = Scene::new();
    let good = scene.extra();
    let leaf = scene.leaf(&good);
    let refused = |change: &dyn Fn(&mut RegistrationExtra)| {
        let mut extra = good.clone();
        change(&mut extra);
        scene.ask(&scene.receipt(&extra, &leaf)).unwrap_err()
    };
    let by_stranger = KeyPair::p256(8).sign(&scene.statement.signed_by_credential());
    let outcome = refused(&|extra| extra.submitted.credential_signature = by_stranger.clone());
    assert_eq!(outcome, RegistrationRefusal::BadCredentialSignature.into());
    let outcome = refused(&|extra| extra.submitted.service_signature = by_stranger.clone());
    assert_eq!(outcome, RegistrationRefusal::BadServiceSignature.into());
    let of_other = scene.label_key.prove(&[number("17035550124")], &mut OsRng);
    let outcome = refused(&|extra| extra.evaluation = of_other.clone());
    assert_eq!(outcome, Untrusted::Labels(LabelError::Proof).into());
    let not_included = UntrustedRegistration::from(Untrusted::NotIncluded);
    assert_eq!(refused(&|extra| extra.opening = Opening::new([0; 32])), not_included);
    assert_eq!(refused(&|extra| extra.timestamp += 1), not_included);
    assert_eq!(refused(&|extra| extra.replaces = Some(0)), not_included);
}

#[test]
fn every_flipped_bit_of_the_extra_data_is_refused() {
    let scene = Scene::new();
    let good = scene.extra();
    let leaf = scene.leaf(&good);
    let bytes = good.encode();
    let (verifier, peer, number) = (scene.verifier(), scene.peer(), number(NUMBER));
    let asked = Reachable { number: &number, service: SERVICE, services: &scene.services, now: NOW };
    let proof = scene.receipt(&good, &leaf).proof;
    for bit in 0..8 * bytes.len() {
        let mut bad = bytes.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let Some(extra) = RegistrationExtra::decode(&bad) else { continue };
        let receipt = RegistrationReceipt { proof: proof.clone(), extra };
        assert!(verifier.verify_registration(&peer, &receipt, &asked).is_err(), "bit {bit}");
    }
    for length in 0..bytes.len() {
        assert_eq!(RegistrationExtra::decode(&bytes[..length]), None, "{length}");
    }
}

#[test]
fn the_receipt_of_a_certificate_is_none_of_a_registration() {
    let scene = Scene::new();
    let (_, certificate) = scene.credential();
    assert_eq!(RegistrationExtra::decode(&certificate.encode()), None);
    assert_eq!(Extra::decode(&scene.extra().encode()), None);
}
