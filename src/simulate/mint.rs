//! What is submitted for an event: certificates, key statements, registrations, with the keys of this world.

use ring::rand::SystemRandom;
use ring::signature::EcdsaKeyPair;
use sha2::{Digest, Sha256};

use super::book::{Credential, Form, Registering, Subject};
use super::script::Script;
use crate::certificate::Certificate;
use crate::entry::{LeafReference, Verb};
use crate::load::signer;
use crate::number::Number;
use crate::registration::{Registration, SignedRegistration};
use crate::statement::KeyStatement;
use crate::synthetic::{Authority, Draws, Extension, KeyPair, Name, Profile, Validity};

/// CAs were there long before a world, and are there long after it.
const YEARS_BEFORE: u64 = 5;
const AUTHORITY_DAYS: u32 = 365 * 30;
const YEAR: u64 = 365 * 86_400;

/// The keys of a world. Nothing of it is secret: all follows from the seed.
pub struct Mint {
    seed: u64,
    authorities: Vec<Issuer>,
    resolution_services: Vec<KeyPair>,
}

struct Issuer {
    root: Authority,
    issuing: Authority,
    signer: (EcdsaKeyPair, SystemRandom),
}

impl Mint {
    /// The keys of a script's world.
    pub fn new(script: &Script) -> Self {
        let seed = script.seed;
        let validity = Validity::days(script.time.start.saturating_sub(YEARS_BEFORE * YEAR), AUTHORITY_DAYS);
        let issuer = |(place, ca): (usize, &super::world::Issuer)| {
            let word = Draws::of(seed, "authority", place as u64).word();
            let named = |role: &str, path_length| {
                let profile = Profile::authority("", path_length, validity, word);
                profile.subject(Name::new(&ca.name, &format!("{} {role}", ca.name)))
            };
            let root = Authority::self_signed(named("Root", None));
            let issuing = root.issue(&named("Issuing CA", Some(0))).into_authority();
            let signer = signer(issuing.key());
            Issuer { root, issuing, signer }
        };
        let services = 0..script.world.registrations.resolution_services.len() as u64;
        Mint {
            seed,
            authorities: script.world.authorities.iter().enumerate().map(issuer).collect(),
            resolution_services: services
                .map(|place| KeyPair::p256(Draws::of(seed, "resolution service", place).word()))
                .collect(),
        }
    }

    /// The roots that the log must accept, in the order of the world's CAs.
    pub fn roots(&self) -> impl Iterator<Item = Certificate> {
        let root = |issuer: &Issuer| Certificate::from_der(issuer.root.certificate().to_vec());
        self.authorities.iter().map(move |issuer| root(issuer).expect("a synthetic root is well-formed"))
    }

    /// The SHA-256 of the SubjectPublicKeyInfo of a CA's issuing key.
    pub fn issuer_key_hash(&self, authority: usize) -> [u8; 32] {
        Sha256::digest(self.authorities[authority].issuing.key().spki()).into()
    }

    /// The SubjectPublicKeyInfo of each Resolution Service, in the order of the world's.
    pub fn resolution_services(&self) -> impl Iterator<Item = &[u8]> {
        self.resolution_services.iter().map(KeyPair::spki)
    }

    /// The key pair that a credential names by its figure. Costs one multiplication of the base point.
    pub fn key(&self, key: u64) -> KeyPair {
        KeyPair::p256(Draws::of(self.seed, "key", key).word())
    }

    /// The SHA-256 of the SubjectPublicKeyInfo of such a key.
    pub fn key_hash(&self, key: u64) -> [u8; 32] {
        Sha256::digest(self.key(key).spki()).into()
    }

    /// A certificate or its precertificate, and its issuer, each DER. `id` is the credential's place in the book.
    pub fn chain(&self, script: &Script, id: u32, form: Form) -> [Vec<u8>; 2] {
        let credential = &script.book.credentials[id as usize];
        let profile = self.profile(script, id, credential);
        let poison = (form == Form::Precertificate).then(Extension::poison);
        let profile = poison.into_iter().fold(profile, Profile::extension);
        let Issuer { issuing, signer: (signer, random), .. } = &self.authorities[credential.authority];
        let draft = issuing.draft(&profile);
        let signature = signer.sign(random, &draft.tbs()).expect("the operating system gives randomness");
        [draft.with_signature(signature.as_ref()), issuing.certificate().to_vec()]
    }

    fn profile(&self, script: &Script, id: u32, credential: &Credential) -> Profile {
        let Credential { not_before, not_after, .. } = *credential;
        let validity = Validity { not_before, not_after };
        let seed = Draws::of(self.seed, "serial", id.into()).word();
        let profile = match &credential.subject {
            Subject::Line(line) => {
                Profile::numbers(&[script.cast.lines[*line as usize].number.digits()], validity, seed)
            }
            Subject::Block { prefix, free, organization } => {
                let first = format!("{prefix}{}", "0".repeat(*free as usize));
                Profile::ranges(&[(&first, 10u64.pow(*free))], validity, seed)
                    .subject(Name::new(organization, "Numbers"))
            }
            Subject::Carrier { code, organization } => Profile::carrier(code, validity, seed)
                .subject(Name::new(organization, &format!("SHAKEN {code}"))),
        };
        profile.key(self.key(credential.key))
    }

    /// A key statement by the key of a credential.
    pub fn statement(
        &self,
        log_id: &[u8; 32],
        verb: Verb,
        by: (&Credential, LeafReference),
        about: LeafReference,
    ) -> KeyStatement {
        let (credential, old) = by;
        let unsigned = KeyStatement { log_id: *log_id, verb, old, new: about, signature: Vec::new() };
        let signature = self.key(credential.key).sign(&unsigned.signed_bytes());
        KeyStatement { signature, ..unsigned }
    }

    /// A registration under the credential at the index `leaf`.
    pub fn registration(
        &self,
        script: &Script,
        log_id: &[u8; 32],
        said: &Registering,
        leaf: u64,
    ) -> SignedRegistration {
        let credential = &script.book.credentials[said.credential as usize];
        let rates = &script.world.registrations;
        let key = self.key(credential.key);
        let statement = Registration {
            log_id: *log_id,
            number: number_of(script, credential),
            service: rates.services[said.service].clone(),
            contact: format!("https://{}/{:016x}", rates.services[said.service], credential.key),
            resolution_service: rates.resolution_services[said.resolution_service].clone(),
            credential: leaf,
            key_hash: Sha256::digest(key.spki()).into(),
            not_before: said.made as i64,
            not_after: said.not_after as i64,
            sequence: said.made * 1000,
            action: said.action,
        };
        let service = &self.resolution_services[said.resolution_service];
        SignedRegistration {
            credential_signature: key.sign(&statement.signed_by_credential()),
            service_signature: service.sign(&statement.signed_by_service()),
            statement,
        }
    }
}

fn number_of(script: &Script, credential: &Credential) -> Number {
    match &credential.subject {
        Subject::Line(line) => script.cast.lines[*line as usize].number,
        _ => unreachable!("numbers alone are registered"),
    }
}
