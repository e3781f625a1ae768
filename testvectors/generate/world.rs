//! The keys, times and certificates that the vectors share, and a log small enough to be computed by the definitions.

use std::sync::Arc;

use rand_core::{CryptoRng, RngCore};
use sha2::{Digest, Sha256};
use tnlog::admission::{Admitted, Kind, Trust, admit};
use tnlog::anchors::{Anchor, Anchors};
use tnlog::certificate::Certificate;
use tnlog::checkpoint::{Checkpoint, TreeHead, tree_head_message};
use tnlog::commitment::OpeningSecret;
use tnlog::cosignature::cosign_note;
use tnlog::entry::{Entry, Leaf, Parameters};
use tnlog::label::LabelKey;
use tnlog::merkle::Hash;
use tnlog::note::{KeyType, Note, Signer};
use tnlog::proof::TlogProof;
use tnlog::sct::{Extensions, Sct, log_id};
use tnlog::signature::Ecdsa;
use tnlog::submission::{Hidden, Submission};
use tnlog::synthetic::{Authority, KeyPair, Validity};

use crate::tree;

/// Seconds: 14 November 2023.
pub const START: u64 = 1_700_000_000;
/// Within the validity of everything that is valid.
pub const NOW: i64 = 1_700_100_000;
pub const ORIGIN: &str = "log.example.com/tn";

/// Random bytes that are always the same: SHA-256 of a seed and a counter.
pub struct Seeded(u64, u64);

impl Seeded {
    pub fn new(seed: u64) -> Self {
        Seeded(seed, 0)
    }
}

impl RngCore for Seeded {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        for chunk in dest.chunks_mut(32) {
            let block = Sha256::digest([self.0.to_be_bytes(), self.1.to_be_bytes()].concat());
            chunk.copy_from_slice(&block[..chunk.len()]);
            self.1 += 1;
        }
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(dest);
        Ok(())
    }
}

impl CryptoRng for Seeded {}

pub fn validity() -> Validity {
    Validity::days(START, 365)
}

pub fn root() -> Authority {
    Authority::root("Example Root", 1, validity())
}

pub fn issuing() -> Authority {
    root().subordinate("Example Issuing CA", Some(0), 1)
}

pub fn certificate(der: &[u8]) -> Arc<Certificate> {
    Arc::new(Certificate::from_der(der).expect("a certificate"))
}

pub fn anchors(roots: &[&[u8]]) -> Anchors {
    Anchors::new(roots.iter().map(|der| Anchor { certificate: certificate(der), calling_codes: None }))
}

/// The chain as a log admits it below the root of the vectors.
pub fn admitted(chain: &[Vec<u8>], kind: Kind) -> Admitted {
    let anchors = anchors(&[chain.last().expect("a chain")]);
    let chain: Vec<_> = chain.iter().map(|der| certificate(der)).collect();
    admit(&chain, kind, &Trust { anchors: &anchors, verifier: &Ecdsa, verified: None }).expect("a good chain")
}

pub fn signer(name: &str, seed: u8) -> Signer {
    Signer::new(name, KeyType::Ed25519, &[seed; 32]).expect("a name")
}

pub fn witness(number: u8) -> Signer {
    let name = format!("witness.example.org/w{number}");
    Signer::new(name, KeyType::Cosignature, &[100 + number; 32]).expect("a name")
}

pub fn sct_key() -> KeyPair {
    KeyPair::p256(77)
}

pub fn label_key() -> LabelKey {
    LabelKey::from_seed(&[3; 32])
}

pub fn secret() -> OpeningSecret {
    OpeningSecret::new([7; 32])
}

/// An SCT by the SCT key of the vectors.
pub fn sign_sct(submission: &Submission<'_>, timestamp: u64, extensions: Extensions) -> Sct {
    let data = Sct::signed_data(submission.identity(), timestamp, &extensions).expect("a small index");
    let key = sct_key();
    Sct { log_id: log_id(key.spki()), timestamp, extensions, signature: key.sign(&data) }
}

/// A log, as the list of its leaves.
pub struct Log {
    pub signer: Signer,
    pub leaves: Vec<Vec<u8>>,
}

impl Log {
    pub fn new(signer: Signer) -> Self {
        let mut log = Log { signer, leaves: Vec::new() };
        log.add(Entry::Parameters(log.parameters()));
        log
    }

    pub fn parameters(&self) -> Parameters {
        Parameters {
            origin: self.signer.verifier_key().name().to_owned(),
            sct_key: sct_key().spki().to_vec(),
            label_key: label_key().public().to_bytes(),
        }
    }

    /// The time of the leaf that comes next.
    pub fn next_time(&self) -> u64 {
        Log::time(self.leaves.len() as u64)
    }

    pub fn time(index: u64) -> u64 {
        1000 * START + 1000 * index
    }

    pub fn add(&mut self, entry: Entry) -> u64 {
        let index = self.leaves.len() as u64;
        let leaf = Leaf { timestamp: self.next_time(), entry, index };
        self.leaves.push(leaf.encode().expect("a small leaf"));
        index
    }

    fn hashes(&self) -> Vec<[u8; 32]> {
        self.leaves.iter().map(|leaf| tree::leaf_hash(leaf)).collect()
    }

    pub fn checkpoint(&self) -> Checkpoint {
        let root = Hash(tree::root(&self.hashes()));
        Checkpoint::new(self.signer.verifier_key().name(), self.leaves.len() as u64, root)
    }

    /// The checkpoint with tree head and cosignatures, as the log serves it.
    pub fn note(&self, witnesses: &[u8]) -> Note {
        let checkpoint = self.checkpoint();
        let mut note = checkpoint.sign(&self.signer).expect("a checkpoint");
        let (size, root, timestamp) = (checkpoint.size, checkpoint.root, 1000 * (START + 60));
        let signature = sct_key().sign(&tree_head_message(timestamp, size, &root));
        let head = TreeHead { size, root, timestamp, signature };
        note.add(head.note_signature(&checkpoint.origin, &log_id(sct_key().spki())).expect("a name"))
            .expect("room");
        for number in witnesses {
            cosign_note(&witness(*number), &mut note, START + 60 + u64::from(*number)).expect("a checkpoint");
        }
        note
    }

    pub fn proof(&self, index: u64, extra: Option<Vec<u8>>, witnesses: &[u8]) -> TlogProof {
        let hashes = tree::inclusion_path(index as usize, &self.hashes()).into_iter().map(Hash).collect();
        TlogProof { extra, index, hashes, checkpoint: self.note(witnesses) }
    }
}

/// What the log keeps of a submission that names numbers.
pub fn hidden(admitted: &Admitted, submission: &Submission<'_>) -> Hidden {
    let numbers = admitted.class().numbers();
    Hidden {
        labels: numbers.iter().map(|number| label_key().label(number)).collect(),
        certificate_id: secret().certificate_id(admitted.issuer_key_hash(), admitted.certificate().serial()),
        opening: secret().opening(submission.identity()),
    }
}

/// The policy of the vectors: one log, and two of three witnesses.
pub fn policy(log: &Signer) -> String {
    let mut policy = format!("log {}\n", log.verifier_key());
    for number in 1..=3 {
        policy += &format!("witness w{number} {}\n", witness(number).verifier_key());
    }
    policy + "group all-witnesses 2 w1 w2 w3\nquorum all-witnesses\n"
}
