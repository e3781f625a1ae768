//! A small log in a folder, written by the real engine, with entries of every type.

#![allow(dead_code, reason = "each test uses its part")]

pub mod server;
pub mod witness;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use p256::pkcs8::EncodePublicKey;
use rand_core::OsRng;
use tnlog::admission::{Admitted, Kind, Trust, admit};
use tnlog::anchors::{Anchor, Anchors};
use tnlog::certificate::Certificate;
use tnlog::chain_item::{ChainItem, issuer_path};
use tnlog::client::store::{DiskLock, DiskStore};
use tnlog::commitment::OpeningSecret;
use tnlog::entry::{Entry, Leaf, Parameters};
use tnlog::label::LabelKey;
use tnlog::merkle::{Hash, HashReader, NodeId, prove_inclusion};
use tnlog::note::{KeyType, Note, Signer, VerifierKey};
use tnlog::precertificate::{Poison, poison};
use tnlog::proof::TlogProof;
use tnlog::receipt::{Extra, Secrets};
use tnlog::sct::SctKey;
use tnlog::server::plan::{NewEntry, Object, Place, Round};
use tnlog::server::sequencer::{Position, Sequencer, Stores};
use tnlog::server::signer::CheckpointSigner;
use tnlog::signature::Ecdsa;
use tnlog::submission::{Hidden, Submission};
use tnlog::synthetic::{Authority, Issued, KeyPair, Profile, Validity, fictional_number};
use tnlog::tile::{TileSet, TreeEdge};

pub const ORIGIN: &str = "log.example.com/test";
pub const NOW: u64 = 1_750_000_000;
pub const VALIDITY: Validity = Validity { not_before: NOW - 86_400, not_after: NOW + 365 * 86_400 };

pub struct TestLog {
    pub folder: tempfile::TempDir,
    pub sequencer: Sequencer,
    pub root: Authority,
    pub issuing: Authority,
    pub label_key: LabelKey,
    secret: OpeningSecret,
    /// Every leaf, in order.
    pub leaves: Vec<Vec<u8>>,
}

pub fn parse(chain: &[Vec<u8>]) -> Vec<Arc<Certificate>> {
    chain.iter().map(|der| Arc::new(Certificate::from_der(&der[..]).unwrap())).collect()
}

pub fn sct_key() -> (p256::ecdsa::SigningKey, Vec<u8>) {
    let key = p256::ecdsa::SigningKey::from_slice(&[3; 32]).unwrap();
    let spki = key.verifying_key().to_public_key_der().unwrap().as_bytes().to_vec();
    (key, spki)
}

pub fn checkpoint_signer() -> Signer {
    Signer::new(ORIGIN, KeyType::Ed25519, &[1; 32]).unwrap()
}

pub fn vkey() -> VerifierKey {
    checkpoint_signer().verifier_key().clone()
}

pub fn log_signer() -> CheckpointSigner {
    let (key, spki) = sct_key();
    CheckpointSigner::with_tree_heads(checkpoint_signer(), key, SctKey::from_spki(&spki).unwrap())
}

pub fn parameters() -> Parameters {
    let label_key = LabelKey::from_seed(&[2; 32]).public().to_bytes();
    Parameters { origin: ORIGIN.into(), sct_key: sct_key().1, label_key }
}

pub fn leaf_0(time: u64) -> Vec<u8> {
    Leaf { timestamp: time, entry: Entry::Parameters(parameters()), index: 0 }.encode().unwrap()
}

/// Writes entries as they are, right or wrong, and signs them.
pub fn open_raw(folder: &Path, leaves: Vec<NewEntry>, objects: Vec<Object>) -> Sequencer {
    let store = |name| Arc::new(DiskStore::open(&folder.join(name)).unwrap());
    let stores = Stores { public: store("public"), private: store("private") };
    let lock = Box::new(DiskLock::open(&folder.join("lock")).unwrap());
    let round = Round { entries: leaves, objects };
    let mut sequencer = Sequencer::open(stores, lock, log_signer(), NOW * 1000, |_| round).unwrap();
    sequencer.append(NOW * 1000 + 1, |_| Round::default()).unwrap();
    sequencer
}

impl TestLog {
    /// A log with its parameters alone.
    pub fn new() -> Self {
        TestLog::beginning_with(parameters(), LabelKey::from_seed(&[2; 32]))
    }

    /// A log with these parameters, whatever they are; its checkpoint key is always the same.
    pub fn beginning_with(parameters: Parameters, label_key: LabelKey) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let first = Leaf { timestamp: NOW * 1000, entry: Entry::Parameters(parameters), index: 0 };
        let first = first.encode().unwrap();
        let entry = NewEntry { leaf: first.clone(), chain: ChainItem::default().encode() };
        let sequencer = open_raw(folder.path(), vec![entry], vec![]);
        let root = Authority::root("Root", 1, VALIDITY);
        let issuing = root.subordinate("Issuing", None, 2);
        TestLog {
            folder,
            sequencer,
            root,
            issuing,
            label_key,
            secret: OpeningSecret::new([4; 32]),
            leaves: vec![first],
        }
    }

    /// A log with so many carriers, and after them numbers, a range, a precertificate, one of a precertificate signer, and a root.
    pub fn with(carriers: u64) -> Self {
        let mut log = TestLog::new();
        let key = KeyPair::p256(7);
        let carriers: Vec<_> = (0..carriers)
            .map(|n| log.issuing.issue(&Profile::carrier("706J", VALIDITY, n).key(key.clone())).chain())
            .collect();
        for round in carriers.chunks(300) {
            log.add(round);
        }
        let issuing = &log.issuing;
        let numbers = [fictional_number(1), fictional_number(2)];
        let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
        let signer = issuing.precertificate_signer("Signer", 5);
        let others = [
            issuing.issue(&Profile::numbers(&numbers, VALIDITY, 1)).chain(),
            issuing.issue(&Profile::ranges(&[("17035550000", 100)], VALIDITY, 1)).chain(),
            issuing.issue_precertificate(&Profile::carrier("707J", VALIDITY, 1)).issued().chain(),
            signer.issue_precertificate(&Profile::carrier("708J", VALIDITY, 1)).issued().chain(),
            issuing.issue_precertificate(&Profile::numbers(&numbers, VALIDITY, 2)).issued().chain(),
            log.root.chain().to_vec(),
        ];
        log.add(&others);
        log
    }

    pub fn public(&self) -> PathBuf {
        self.folder.path().join("public")
    }

    pub fn size(&self) -> u64 {
        self.leaves.len() as u64
    }

    pub fn note(&self) -> Note {
        Note::parse(self.sequencer.published().note.as_bytes()).unwrap()
    }

    pub fn number_certificate(&self, number: &str) -> Issued {
        self.issuing.issue(&Profile::numbers(&[number], VALIDITY, 77))
    }

    pub fn admit(&self, chain: &[Vec<u8>]) -> Admitted {
        let chain = parse(chain);
        let anchor = Anchor { certificate: parse(self.root.chain()).remove(0), calling_codes: None };
        let anchors = Anchors::new([anchor]);
        let kind = match poison(&chain[0]) {
            Poison::Absent => Kind::Final,
            _ => Kind::Precertificate,
        };
        admit(&chain, kind, &Trust { anchors: &anchors, verifier: &Ecdsa, verified: None }).unwrap()
    }

    pub fn hidden(&self, admitted: &Admitted) -> Hidden {
        let submission = Submission::of(admitted);
        Hidden {
            labels: admitted.class().numbers().iter().map(|number| self.label_key.label(number)).collect(),
            certificate_id: self
                .secret
                .certificate_id(admitted.issuer_key_hash(), admitted.certificate().serial()),
            opening: self.secret.opening(submission.identity()),
        }
    }

    /// Appends these chains as one round; gives the index of the first.
    pub fn add(&mut self, chains: &[Vec<Vec<u8>>]) -> u64 {
        let admitted: Vec<_> = chains.iter().map(|chain| self.admit(chain)).collect();
        let first = self.size();
        let mut round = Round::default();
        let time = self.sequencer.published().time + 1;
        for (index, admitted) in (first..).zip(&admitted) {
            round.entries.push(self.entry(admitted, time, index));
            round.objects.extend(admitted.public_issuers().map(|issuer| Object {
                place: Place::Public,
                name: issuer_path(issuer.fingerprint()),
                bytes: issuer.der().to_vec(),
            }));
        }
        self.leaves.extend(round.entries.iter().map(|entry| entry.leaf.clone()));
        self.sequencer
            .append(time, |Position { first: at, time: planned }| {
                assert_eq!((at, planned), (first, time));
                round
            })
            .unwrap();
        first
    }

    /// Appends an entry as it is, right or wrong; gives its index.
    pub fn file(&mut self, entry: Entry) -> u64 {
        let (index, time) = (self.size(), self.sequencer.published().time + 1);
        let leaf = Leaf { timestamp: time, entry, index }.encode().unwrap();
        self.leaves.push(leaf.clone());
        let entry = NewEntry { leaf, chain: ChainItem::default().encode() };
        self.sequencer.append(time, |_| Round { entries: vec![entry], objects: Vec::new() }).unwrap();
        index
    }

    fn entry(&self, admitted: &Admitted, timestamp: u64, index: u64) -> NewEntry {
        let submission = Submission::of(admitted);
        let open = submission.open_entry();
        let item = match &open {
            None => ChainItem::default(),
            Some(_) => chain_item(admitted),
        };
        let entry = open.or_else(|| submission.number_entry(&self.hidden(admitted))).unwrap();
        let leaf = Leaf { timestamp, entry, index }.encode().unwrap();
        NewEntry { leaf, chain: item.encode() }
    }

    /// The tiles of the tree.
    pub fn tiles(&self) -> TileSet<Vec<u8>> {
        let all: Vec<_> = self.leaves.iter().map(|leaf| Hash::of_leaf(leaf)).collect();
        let set = TileSet::new(self.size(), TreeEdge::new().append(&all)).unwrap();
        let last = NodeId { level: 0, index: self.size() - 1 };
        assert_eq!(set.read(&[last]).unwrap(), all[all.len() - 1..]);
        set
    }

    pub fn proof(&self, index: u64, extra: Vec<u8>) -> TlogProof {
        let hashes = prove_inclusion(&self.tiles(), index, self.size()).unwrap();
        TlogProof { extra: Some(extra), index, hashes, checkpoint: self.note() }
    }

    /// What the log would serve as receipt of a chain that it holds at `index`.
    pub fn receipt(&self, chain: &[Vec<u8>], index: u64) -> TlogProof {
        let admitted = self.admit(chain);
        let leaf = Leaf::decode(&self.leaves[index as usize]).unwrap();
        let numbers = admitted.class().numbers();
        let secrets = (!numbers.is_empty()).then(|| {
            let Hidden { certificate_id, opening, .. } = self.hidden(&admitted);
            Secrets { opening, certificate_id, evaluation: self.label_key.prove(numbers, &mut OsRng) }
        });
        let precertificate = admitted.kind() == Kind::Precertificate;
        let extra = Extra { precertificate, timestamp: leaf.timestamp, secrets };
        self.proof(index, extra.encode())
    }

    pub fn parameters_proof(&self) -> TlogProof {
        self.proof(0, self.leaves[0].clone())
    }
}

pub fn chain_item(admitted: &Admitted) -> ChainItem {
    let pre = admitted.tbs().map(|_| admitted.certificate().der().to_vec());
    let issuers = admitted.chain().iter().skip(1);
    ChainItem {
        pre_certificate: pre.unwrap_or_default(),
        chain: issuers.map(|issuer| *issuer.fingerprint()).collect(),
    }
}
