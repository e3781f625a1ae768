//! Who takes part: two CAs, people with telephones, a carrier, a Resolution Service; and what they say with their keys.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use sha2::{Digest, Sha256};
use tnlog::certificate::Certificate;
use tnlog::client::submit::Chain;
use tnlog::entry::{Action, Leaf, LeafReference, Verb};
use tnlog::number::Number;
use tnlog::registration::{Registration, SignedRegistration};
use tnlog::statement::KeyStatement;
use tnlog::synthetic::{Authority, Issued, KeyPair, Name, Profile, Validity};

/// Of the numbers that belong to nobody.
pub const ALICE: &str = "17035550123";
pub const BOB: &str = "17035550145";
/// The service at which Alice is reachable, and the Resolution Service that says so.
pub const SERVICE: &str = "messages.example";
pub const RESOLUTION_SERVICE: &str = "rs.example";
/// What the careless CA calls itself.
pub const QUICK: &str = "Quick Credentials";
pub const CAREFUL: &str = "Careful Credentials";
const DAY: i64 = 86_400;

/// Seconds of Unix time.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

/// The keys follow from `seed`, so another day has other certificates.
pub struct People {
    pub careful: Authority,
    /// Believes whoever receives a text message.
    pub quick: Authority,
    pub resolution_service: KeyPair,
    pub alice: Issued,
    pub bob: Issued,
    pub carrier: Issued,
    pub range: Issued,
    validity: Validity,
    seed: u64,
}

impl People {
    /// Everybody, with certificates from today on.
    pub fn new() -> Self {
        let seed = now();
        let validity = Validity::days(seed - 3600, 90);
        let root = |name: &str, seed| {
            let subject = Name::new(name, &format!("{name} Root"));
            Authority::self_signed(Profile::authority(name, None, validity, seed).subject(subject))
        };
        let (careful, quick) = (root(CAREFUL, seed), root(QUICK, seed + 1));
        People {
            resolution_service: KeyPair::p256(seed + 2),
            alice: careful.issue(&Profile::numbers(&[ALICE], validity, seed + 3)),
            bob: careful.issue(&Profile::numbers(&[BOB], validity, seed + 4)),
            carrier: careful.issue(&Profile::carrier("867J", validity, seed + 5)),
            range: careful.issue(&Profile::ranges(&[("17035560000", 10_000)], validity, seed + 6)),
            careful,
            quick,
            validity,
            seed,
        }
    }

    /// Another certificate for Alice's number, by whom and for whose key.
    pub fn another_for_alice(&self, by: &Authority, key: u64) -> Issued {
        by.issue(&Profile::numbers(&[ALICE], self.validity, self.seed + key))
    }

    /// Alice, reachable at the service, for the log of this id that holds her credential at the index `credential`.
    pub fn registration(&self, log_id: [u8; 32], credential: u64) -> anyhow::Result<SignedRegistration> {
        // Some seconds ago: a log refuses what its own clock calls the future.
        let made = now() - 5;
        let statement = Registration {
            log_id,
            number: Number::new(ALICE)?,
            service: SERVICE.into(),
            contact: format!("sip:alice@{SERVICE}"),
            resolution_service: RESOLUTION_SERVICE.into(),
            credential,
            key_hash: Sha256::digest(self.alice.key().spki()).into(),
            not_before: made as i64,
            not_after: made as i64 + 30 * DAY,
            sequence: 1000 * made,
            action: Action::Register,
        };
        Ok(SignedRegistration {
            credential_signature: self.alice.key().sign(&statement.signed_by_credential()),
            service_signature: self.resolution_service.sign(&statement.signed_by_service()),
            statement,
        })
    }
}

/// What the key of an earlier credential says of a later one.
pub fn statement(
    log_id: [u8; 32],
    verb: Verb,
    key: &KeyPair,
    (old, new): (&Leaf, &Leaf),
) -> anyhow::Result<KeyStatement> {
    let reference =
        |leaf: &Leaf| Ok::<_, anyhow::Error>(LeafReference { index: leaf.index, hash: leaf.hash()? });
    let (old, new) = (reference(old)?, reference(new)?);
    let unsigned = KeyStatement { log_id, verb, old, new, signature: Vec::new() };
    let signature = key.sign(&unsigned.signed_bytes());
    Ok(KeyStatement { signature, ..unsigned })
}

/// As it is submitted, and as an app gets it from its peer.
pub fn chain(issued: &Issued) -> anyhow::Result<Chain> {
    let certificates = issued.chain().into_iter().map(|der| Ok(Arc::new(Certificate::from_der(der)?)));
    Chain::new(certificates.collect::<anyhow::Result<_>>()?).context("an issued chain is not empty")
}

/// The certificate of a root.
pub fn root(authority: &Authority) -> anyhow::Result<Arc<Certificate>> {
    Ok(Arc::new(Certificate::from_der(authority.certificate().to_vec())?))
}

/// SHA-256 of a public key, in hexadecimal, as configurations name it.
pub fn key_hash(key: &KeyPair) -> String {
    Sha256::digest(key.spki()).iter().map(|byte| format!("{byte:02x}")).collect()
}
