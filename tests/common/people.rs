//! Who makes key statements and registrations: phones with credentials, and Resolution Services.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tnlog::entry::{Action, Leaf, LeafReference, Verb};
use tnlog::number::Number;
use tnlog::registration::{Registration, SignedRegistration};
use tnlog::sct::Extensions;
use tnlog::server::config::Folder;
use tnlog::server::services::{self, ServiceKey};
use tnlog::statement::{KeyStatement, signed_bytes};
use tnlog::synthetic::{KeyPair, Profile, fictional_number};

use super::{Response, TestLog, VALIDITY, add_chain, base64, from_base64, get, issuing, post};

pub const RS: &str = "resolution.example.com";
pub const SERVICE: &str = "messages.example.com";
pub const CONTACT: &str = "sip:alice.example@messages.example.com";

/// The key of [`RS`].
pub fn rs_key() -> KeyPair {
    KeyPair::p384(90)
}

/// Accepts [`RS`].
pub fn accept_rs(folder: &Folder) -> PathBuf {
    accept(folder, RS, &rs_key())
}

pub fn accept(folder: &Folder, name: &str, key: &KeyPair) -> PathBuf {
    services::add(&folder.services(), &ServiceKey::new(name, key.spki().to_vec()).unwrap()).unwrap()
}

/// A log that accepts [`RS`].
pub fn accepting(more: &str) -> TestLog {
    let mut log = TestLog::start(more);
    accept_rs(&log.folder);
    log.restart();
    log
}

pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

pub fn log_id(address: SocketAddr) -> [u8; 32] {
    from_base64(&get(address, "/tn/v1/log").success()["log_id"]).try_into().unwrap()
}

/// The leaf at an index.
pub fn leaf(address: SocketAddr, index: u64) -> Leaf {
    let path = format!("/ct/v1/get-entries?start={index}&end={index}");
    Leaf::decode(&from_base64(&get(address, &path).success()["entries"][0]["leaf_input"])).unwrap()
}

/// A key with a logged credential of numbers.
#[derive(Clone)]
pub struct Phone {
    pub key: KeyPair,
    pub number: Number,
    pub chain: Vec<Vec<u8>>,
    /// The index of its leaf.
    pub index: u64,
    log_id: [u8; 32],
}

impl Phone {
    /// Has a certificate for the `n`th fictional number logged, with the key of this seed.
    pub fn new(address: SocketAddr, n: u32, seed: u64) -> Self {
        Phone::of(address, &[n], KeyPair::p256(seed), seed)
    }

    /// The same for several numbers; it registers the first.
    pub fn of(address: SocketAddr, numbers: &[u32], key: KeyPair, seed: u64) -> Self {
        let numbers: Vec<String> = numbers.iter().map(|n| fictional_number(*n)).collect();
        let names: Vec<&str> = numbers.iter().map(String::as_str).collect();
        let chain = issuing().issue(&Profile::numbers(&names, VALIDITY, seed).key(key.clone())).chain();
        let sct = post(address, "/ct/v1/add-chain", &add_chain(&chain)).success();
        let index = Extensions::decode(&from_base64(&sct["extensions"])).unwrap().leaf_index;
        Phone { key, number: Number::new(&numbers[0]).unwrap(), chain, index, log_id: log_id(address) }
    }

    /// A registration made now, for three weeks.
    pub fn statement(&self, action: Action) -> Registration {
        let sequence = now();
        let not_before = (sequence / 1000) as i64;
        Registration {
            log_id: self.log_id,
            number: self.number,
            service: SERVICE.into(),
            contact: CONTACT.into(),
            resolution_service: RS.into(),
            credential: self.index,
            key_hash: Sha256::digest(self.key.spki()).into(),
            not_before,
            not_after: not_before + 21 * 86_400,
            sequence,
            action,
        }
    }

    pub fn sign(&self, statement: Registration) -> SignedRegistration {
        SignedRegistration {
            credential_signature: self.key.sign(&statement.signed_by_credential()),
            service_signature: rs_key().sign(&statement.signed_by_service()),
            statement,
        }
    }

    /// A registration made now, signed by both.
    pub fn register(&self) -> SignedRegistration {
        self.sign(self.statement(Action::Register))
    }

    /// The same with something changed before it is signed.
    pub fn changed(&self, change: impl FnOnce(&mut Registration)) -> SignedRegistration {
        let mut statement = self.statement(Action::Register);
        change(&mut statement);
        self.sign(statement)
    }

    pub fn reference(&self, address: SocketAddr) -> LeafReference {
        LeafReference { index: self.index, hash: leaf(address, self.index).hash().unwrap() }
    }

    /// What the key says of a later credential.
    pub fn say(&self, verb: Verb, address: SocketAddr, other: &Phone) -> KeyStatement {
        self.say_about(verb, self.reference(address), other.reference(address))
    }

    pub fn say_about(&self, verb: Verb, old: LeafReference, new: LeafReference) -> KeyStatement {
        let signature = self.key.sign(&signed_bytes(&self.log_id, verb, &old, &new));
        KeyStatement { log_id: self.log_id, verb, old, new, signature }
    }
}

pub fn statement_body(statement: &KeyStatement) -> Value {
    json!({ "statement": base64(&statement.encode()) })
}

pub fn registration_body(submitted: &SignedRegistration) -> Value {
    json!({ "registration": base64(&submitted.encode()) })
}

pub fn add_statement(address: SocketAddr, statement: &KeyStatement) -> Response {
    post(address, "/tn/v1/add-key-statement", &statement_body(statement))
}

pub fn add_registration(address: SocketAddr, submitted: &SignedRegistration) -> Response {
    post(address, "/tn/v1/add-registration", &registration_body(submitted))
}

/// The answer of who is told only that the slot is taken, asked again until it is free.
pub fn add_registration_patiently(address: SocketAddr, submitted: &SignedRegistration) -> Response {
    loop {
        let response = add_registration(address, submitted);
        if !is_refused(&response, 503, "slot-busy") {
            return response;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// Whether it is this problem, in the form of one.
pub fn is_refused(response: &Response, status: u16, slug: &str) -> bool {
    response.status == status
        && response.header("content-type") == Some("application/problem+json")
        && response.json()["type"] == json!(format!("urn:tnlog:problem:{slug}"))
}

#[track_caller]
pub fn assert_refused(response: &Response, status: u16, slug: &str) {
    assert!(
        is_refused(response, status, slug),
        "not {status} {slug}: {} {}",
        response.status,
        response.text()
    );
}
