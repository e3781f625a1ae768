//! What is submitted: made and signed before the clock starts.

use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};

use crate::certificate::Certificate;
use crate::entry::SignedEntry;
use crate::precertificate::precertificate_tbs;
use crate::synthetic::{Authority, Draws, Extension, KeyPair, Profile, Validity, fictional_number};

/// Keys that the subjects of all certificates share: making one costs as much as a signature, and no log looks.
const SUBJECT_KEYS: u64 = 64;
/// How long certificates and their issuers are valid.
const DAYS: u32 = 365;
/// The length of an uncompressed point of P-256, with which its SubjectPublicKeyInfo ends.
const POINT: usize = 65;

/// What the certificates name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// A service provider code each.
    Carriers,
    /// A single number each.
    Numbers,
}

/// What to make.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// What the certificates name.
    pub names: Names,
    /// Whether precertificates are submitted.
    pub precertificates: bool,
    /// Names, keys, serial numbers and the order of submissions follow from it.
    pub seed: u64,
    /// From when on they are valid, in Unix seconds.
    pub not_before: u64,
    /// How many submissions.
    pub count: usize,
    /// The share of them that repeats an earlier one, 0 to 1.
    pub duplicates: f64,
    /// The share of them whose signature is wrong, 0 to 1.
    pub bad: f64,
}

/// What a submission is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// A certificate for the first time.
    New,
    /// A certificate that was submitted before, and gets the same SCT.
    Again,
    /// A certificate whose signature does not verify, and that gets none.
    Bad,
}

/// One submission.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Which certificate.
    pub certificate: u32,
    /// Why.
    pub turn: Turn,
}

/// Submissions that are ready to be sent.
pub struct Workload {
    steps: Vec<Step>,
    /// Base64 of each certificate.
    certificates: Vec<Box<str>>,
    issuer: Certificate,
    issuer_text: String,
    root: Certificate,
    precertificates: bool,
}

impl Recipe {
    /// Issues everything, on all processors; `made` counts along. Costs about 40 us for each certificate.
    pub fn prepare(&self, made: &AtomicU64) -> Workload {
        let validity = Validity::days(self.not_before, DAYS);
        let root = Authority::root(&format!("Load Root {:016x}", self.seed), self.seed, validity);
        let issuer = root.subordinate("Load Issuing CA", Some(0), self.seed);
        let steps = self.steps();
        let firsts: Vec<Step> = steps.iter().filter(|step| step.turn != Turn::Again).copied().collect();
        let keys: Vec<KeyPair> = (0..SUBJECT_KEYS).map(KeyPair::p256).collect();
        let mill =
            Mill { recipe: self, issuer: &issuer, validity, keys: &keys, signer: signer(issuer.key()) };
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let certificates = std::thread::scope(|scope| {
            let chunks = firsts.chunks(firsts.len().div_ceil(threads).max(1));
            let work = |chunk: &[Step]| chunk.iter().map(|step| mill.make(*step, made)).collect::<Vec<_>>();
            let threads: Vec<_> = chunks.map(|chunk| scope.spawn(move || work(chunk))).collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("issuing never panics")).collect()
        });
        let parsed = |authority: &Authority| {
            Certificate::from_der(authority.certificate()).expect("a synthetic CA is well-formed")
        };
        Workload {
            steps,
            certificates,
            issuer: parsed(&issuer),
            issuer_text: STANDARD.encode(issuer.certificate()),
            root: parsed(&root),
            precertificates: self.precertificates,
        }
    }

    /// Which certificate comes when. The first is always new.
    fn steps(&self) -> Vec<Step> {
        let mut draws = Draws::new(self.seed);
        let (mut made, mut good) = (0u32, Vec::new());
        let mut step = |_| {
            let draw = draws.fraction();
            if draw < self.duplicates && !good.is_empty() {
                return Step { certificate: good[draws.below(good.len())], turn: Turn::Again };
            }
            let turn = if draw >= 1.0 - self.bad { Turn::Bad } else { Turn::New };
            let certificate = made;
            made += 1;
            if turn == Turn::New {
                good.push(certificate);
            }
            Step { certificate, turn }
        };
        (0..self.count).map(&mut step).collect()
    }
}

/// Makes certificates, with `ring` in place of the slower signer of the synthetic CA.
struct Mill<'a> {
    recipe: &'a Recipe,
    issuer: &'a Authority,
    validity: Validity,
    keys: &'a [KeyPair],
    signer: (EcdsaKeyPair, SystemRandom),
}

/// The signer of `ring` for a key of P-256, several times as fast as the key's own.
pub(crate) fn signer(key: &KeyPair) -> (EcdsaKeyPair, SystemRandom) {
    let random = SystemRandom::new();
    let point = &key.spki()[key.spki().len() - POINT..];
    let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
    let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, &key.secret_scalar(), point, &random);
    (pair.expect("a synthetic key is a key of P-256"), random)
}

impl Mill<'_> {
    fn make(&self, step: Step, made: &AtomicU64) -> Box<str> {
        let number = u64::from(step.certificate);
        let seed = self.recipe.seed.wrapping_add(number);
        let profile = match self.recipe.names {
            Names::Carriers => Profile::carrier(&format!("{:04X}", number % 0x10000), self.validity, seed),
            Names::Numbers => Profile::numbers(&[&fictional_number(step.certificate)], self.validity, seed),
        };
        let profile = profile.key(self.keys[(number % SUBJECT_KEYS) as usize].clone());
        let poisoned = self.recipe.precertificates.then(Extension::poison);
        let profile = poisoned.into_iter().fold(profile, Profile::extension);
        let draft = self.issuer.draft(&profile);
        let (signer, random) = &self.signer;
        let mut signed = draft.tbs();
        if step.turn == Turn::Bad {
            signed.push(0);
        }
        let signature = signer.sign(random, &signed).expect("the operating system gives randomness");
        made.fetch_add(1, Ordering::Relaxed);
        STANDARD.encode(draft.with_signature(signature.as_ref())).into()
    }
}

impl Workload {
    /// The submissions, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The root that the log must accept.
    pub fn root(&self) -> &Certificate {
        &self.root
    }

    /// Whether precertificates are submitted.
    pub fn precertificates(&self) -> bool {
        self.precertificates
    }

    /// The body of an `add-chain` or `add-pre-chain`: the certificate and its issuing CA, without the root.
    pub fn body(&self, step: Step) -> Vec<u8> {
        let certificate = &self.certificates[step.certificate as usize];
        [br#"{"chain":[""#, certificate.as_bytes(), br#"",""#, self.issuer_text.as_bytes(), br#""]}"#]
            .concat()
    }

    /// The body of an `add-chains`.
    pub fn batch(&self, steps: &[Step]) -> Vec<u8> {
        let mut body = br#"{"chains":["#.to_vec();
        for (position, step) in steps.iter().enumerate() {
            let chain = self.body(*step);
            body.extend_from_slice(if position == 0 { b"" } else { b"," });
            body.extend_from_slice(&chain[..chain.len() - 1]);
            body.extend_from_slice(if self.precertificates { br#","precertificate":true}"# } else { b"}" });
        }
        body.extend_from_slice(b"]}");
        body
    }

    /// What the SCT of a certificate signs.
    pub fn identity(&self, certificate: u32) -> SignedEntry {
        let der = STANDARD.decode(&*self.certificates[certificate as usize]).expect("it was encoded here");
        if !self.precertificates {
            return SignedEntry::X509(der);
        }
        let precertificate = Certificate::from_der(der).expect("what was issued here is well-formed");
        let tbs = precertificate_tbs(&precertificate, None);
        SignedEntry::Precert { issuer_key_hash: *self.issuer.spki_sha256(), tbs }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::{Kind, Trust, admit};
    use crate::anchors::{Anchor, Anchors};
    use crate::client::api::{AddChain, AddChains};
    use crate::rule::Rule;
    use crate::signature::Ecdsa;
    use std::sync::Arc;

    fn recipe(names: Names, precertificates: bool) -> Recipe {
        let not_before = 1_700_000_000;
        Recipe { names, precertificates, seed: 7, not_before, count: 60, duplicates: 0.3, bad: 0.2 }
    }

    fn decode(chain: &[String]) -> Vec<Arc<Certificate>> {
        let certificate = |text: &String| Certificate::from_der(STANDARD.decode(text).unwrap()).unwrap();
        chain.iter().map(|text| Arc::new(certificate(text))).collect()
    }

    /// Good ones are admitted and bad ones refused for their signature, in each form, alone and in a batch.
    #[test]
    fn good_ones_are_good_and_bad_ones_bad() {
        for (names, precertificates) in
            [(Names::Carriers, false), (Names::Carriers, true), (Names::Numbers, false)]
        {
            let workload = recipe(names, precertificates).prepare(&AtomicU64::new(0));
            let root = Arc::new(workload.root().clone());
            let anchors = Anchors::new([Anchor { certificate: root, calling_codes: None }]);
            let trust = Trust { anchors: &anchors, verifier: &Ecdsa, verified: None };
            let kind = if precertificates { Kind::Precertificate } else { Kind::Final };
            let batch: AddChains = serde_json::from_slice(&workload.batch(workload.steps())).unwrap();
            for (step, batched) in workload.steps().iter().zip(&batch.chains) {
                let alone: AddChain = serde_json::from_slice(&workload.body(*step)).unwrap();
                assert_eq!((&alone.chain, precertificates), (&batched.chain, batched.precertificate));
                match admit(&decode(&alone.chain), kind, &trust) {
                    Ok(admitted) => {
                        assert_ne!(step.turn, Turn::Bad);
                        let submission = crate::submission::Submission::of(&admitted);
                        assert!(*submission.identity() == workload.identity(step.certificate));
                    }
                    Err(refusal) => assert_eq!((step.turn, refusal.rule), (Turn::Bad, Rule::BadSignature)),
                }
            }
        }
    }

    #[test]
    fn turns_come_in_their_shares_and_repeat_what_came_before() {
        let steps = Recipe { count: 10_000, ..recipe(Names::Carriers, false) }.steps();
        let count = |turn| steps.iter().filter(|step| step.turn == turn).count();
        assert!((2700..3300).contains(&count(Turn::Again)) && (1700..2300).contains(&count(Turn::Bad)));
        let mut seen = std::collections::HashSet::new();
        for step in steps {
            match step.turn {
                Turn::New => assert!(seen.insert(step.certificate)),
                Turn::Again => assert!(seen.contains(&step.certificate)),
                Turn::Bad => assert!(!seen.contains(&step.certificate)),
            }
        }
    }
}
