//! The JSON of the HTTP API, as the log writes it and its clients read it. Byte strings are standard base64 with padding,
//! as RFC 6962 §4 has them; hashes of issuers are lowercase hexadecimal, as C2SP `static-ct-api` has them.

use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize};

use crate::index::IndexHead;
use crate::merkle::Hash;

/// `POST /ct/v1/add-chain` and `/ct/v1/add-pre-chain` (RFC 6962 §4.1, §4.2), and `POST /tn/v1/receipt`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddChain {
    /// DER of each certificate, the submitted one first; the root may be left out.
    pub chain: Vec<String>,
}

/// The answer of `add-chain` and `add-pre-chain`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddChainResponse {
    /// 0 for v1.
    pub sct_version: u8,
    /// `LogID`.
    pub id: String,
    /// Milliseconds of Unix time.
    pub timestamp: u64,
    /// `CtExtensions`, without its length.
    pub extensions: String,
    /// The `digitally-signed` struct.
    pub signature: String,
}

/// `POST /tn/v1/add-chains`: up to [`MAX_CHAINS`] chains at once.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddChains {
    /// What is submitted.
    pub chains: Vec<Submission>,
}

/// The most chains of one `add-chains`.
pub const MAX_CHAINS: usize = 1000;

/// One chain of an `add-chains`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    /// As in [`AddChain`].
    pub chain: Vec<String>,
    /// Whether the first certificate is a precertificate.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub precertificate: bool,
}

/// The answer of `add-chains`: one for each chain, in order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AddChainsResponse {
    /// SCT or problem.
    pub results: Vec<AddChainResult>,
}

/// The answer for one chain of an `add-chains`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AddChainResult {
    /// It is in the log.
    Sct(AddChainResponse),
    /// It is not.
    Problem(Problem),
}

/// `POST /tn/v1/add-key-statement`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddStatement {
    /// A `key-statement`.
    pub statement: String,
}

/// The answer of `add-key-statement`: where the statement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddStatementResponse {
    /// The index of its leaf.
    pub leaf_index: u64,
    /// The time of its leaf, in milliseconds of Unix time.
    pub timestamp: u64,
}

/// `POST /tn/v1/add-registration` and `POST /tn/v1/registration-receipt`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddRegistration {
    /// A `submission` of a registration.
    pub registration: String,
}

/// The answer of `add-registration`: where the registration stands, and what its leaf is recomputed from.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddRegistrationResponse {
    /// The index of its leaf.
    pub leaf_index: u64,
    /// The time of its leaf, in milliseconds of Unix time.
    pub timestamp: u64,
    /// 32 bytes, which open the commitment. As secret as the number.
    pub opening: String,
    /// The leaf of the registration that it replaces or withdraws.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<u64>,
}

/// Problem details (RFC 9457): every answer that is no success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `urn:tnlog:problem:` and a stable name in kebab case: what programs decide by.
    #[serde(rename = "type")]
    pub kind: String,
    /// The HTTP status.
    pub status: u16,
    /// The same for every problem of this type.
    pub title: String,
    /// What is wrong here, and what to do.
    pub detail: String,
    /// Which certificate of the chain, counted from the submitted one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<usize>,
}

/// `GET /ct/v1/get-sth` (RFC 6962 §4.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetSth {
    /// Leaves of the tree.
    pub tree_size: u64,
    /// Milliseconds of Unix time.
    pub timestamp: u64,
    /// The root.
    pub sha256_root_hash: String,
    /// `digitally-signed` `TreeHeadSignature`.
    pub tree_head_signature: String,
}

/// `GET /ct/v1/get-sth-consistency?first=&second=` (RFC 6962 §4.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetSthConsistency {
    /// The proof.
    pub consistency: Vec<String>,
}

/// `GET /ct/v1/get-proof-by-hash?hash=&tree_size=` (RFC 6962 §4.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetProofByHash {
    /// The index of the leaf.
    pub leaf_index: u64,
    /// The inclusion proof.
    pub audit_path: Vec<String>,
}

/// `GET /ct/v1/get-entries?start=&end=` (RFC 6962 §4.6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetEntries {
    /// From `start` on; perhaps fewer than were asked for.
    pub entries: Vec<LeafEntry>,
}

/// A leaf with what lies beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeafEntry {
    /// `MerkleTreeLeaf`.
    pub leaf_input: String,
    /// For types 0 and 1 the chain as RFC 6962 §4.6 has it, otherwise empty.
    pub extra_data: String,
}

/// `GET /ct/v1/get-roots` (RFC 6962 §4.7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetRoots {
    /// DER of each accepted root.
    pub certificates: Vec<String>,
}

/// `GET /ct/v1/get-entry-and-proof?leaf_index=&tree_size=` (RFC 6962 §4.8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetEntryAndProof {
    /// `MerkleTreeLeaf`.
    pub leaf_input: String,
    /// As in [`LeafEntry`].
    pub extra_data: String,
    /// The inclusion proof.
    pub audit_path: Vec<String>,
}

/// `GET /tn/v1/log`: what may change about a log, and what its keys are. Only the keys that a policy pins, or that
/// leaf 0 shows, are to be believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogInfo {
    /// The origin of its checkpoints.
    pub origin: String,
    /// The C2SP verifier key of its checkpoints.
    pub checkpoint_key: String,
    /// The C2SP verifier key of its index log; empty where there is none.
    #[serde(default)]
    pub index_key: String,
    /// The SubjectPublicKeyInfo of its SCT key.
    pub sct_key: String,
    /// `LogID`.
    pub log_id: String,
    /// The public key that its labels verify with.
    pub label_key: String,
    /// Leaves of the newest checkpoint.
    pub tree_size: u64,
    /// Whether it takes submissions.
    pub read_only: bool,
    /// The most certificates of one chain.
    pub max_chain: usize,
    /// The longest certificate, in bytes.
    pub max_certificate: usize,
    /// The most numbers, or blocks, of one certificate.
    pub max_names: usize,
    /// The most chains of one `add-chains`.
    pub max_chains: usize,
    /// The longest time from one round to the next, in milliseconds.
    pub round_milliseconds: u64,
    /// Where the log is, when this is a mirror of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirror_of: Option<String>,
}

/// `POST /tn/v1/lookup`: 1 to 16 labels and prefixes together.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lookup {
    /// Labels.
    pub labels: Vec<LookupLabel>,
    /// Digits: every block whose prefix begins with them.
    pub below: Vec<String>,
    /// Digits: every block whose prefix they are.
    pub at: Vec<String>,
    /// The size of the head in which exactly this was answered before, to be told what changed alone; 0 when it was not.
    pub since: u64,
}

/// A label that is looked up.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookupLabel {
    /// 32 bytes.
    pub label: String,
    /// How many items of its list are known: its page begins there.
    #[serde(default)]
    pub known: u64,
}

/// The answer of `lookup`, all in one head of the index log.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookupResponse {
    /// The index proof of what was asked for, or of what changed since.
    pub proof: String,
    /// In the order of labels: of each list the items that are not known, from the first on, as far as there is room.
    pub pages: Vec<LookupPage>,
    /// The head.
    pub head: ProvedHead,
    /// The checkpoint of the index log.
    pub index_checkpoint: String,
    /// A checkpoint of the entry log, as that of [`Heads`].
    pub checkpoint: String,
    /// The consistency proof between the size of the head and that of the checkpoint, from the smaller one.
    pub consistency: Vec<String>,
}

/// Items of one list.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookupPage {
    /// The label.
    pub label: String,
    /// A `ListPage`.
    pub page: String,
}

/// A head of the index log, and that it is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvedHead {
    /// An `IndexHead`.
    pub head: String,
    /// Its index in the index log.
    pub index: u64,
    /// The inclusion proof in the checkpoint of the index log.
    pub inclusion: Vec<String>,
}

impl ProvedHead {
    /// The head at this index, with its inclusion proof.
    pub fn new(head: &IndexHead, index: u64, inclusion: &[Hash]) -> Self {
        let inclusion = inclusion.iter().map(|hash| Base64::encode_string(&hash.0)).collect();
        ProvedHead { head: Base64::encode_string(&head.encode()), index, inclusion }
    }
}

/// `GET /tn/v1/heads`: what a look-up begins with, a checkpoint of the entry log and a head that covers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heads {
    /// The newest checkpoint of the entry log that the head covers and the quorum of the log's witnesses has cosigned, as a
    /// C2SP signed note; of a log without witnesses the newest one that the head covers.
    pub checkpoint: String,
    /// The newest checkpoint of the index log that the quorum of its verifiers has cosigned; without verifiers the newest.
    pub index_checkpoint: String,
    /// Its last head.
    pub head: ProvedHead,
}

/// `GET /tn/v1/issuers`: the CA certificates behind issuer key hashes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issuers {
    /// Sorted by key hash.
    pub issuers: Vec<Issuer>,
}

/// One CA key, and the certificates that carry it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issuer {
    /// SHA-256 of the SubjectPublicKeyInfo, in hexadecimal.
    pub issuer_key_hash: String,
    /// The SHA-256 of each certificate, in hexadecimal: served at `/issuer/<sha256>`.
    pub certificates: Vec<String>,
}

/// `POST /tn/v1/evaluate`: blinded elements, at most 16, to be evaluated under the label key (RFC 9497).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluate {
    /// Each 32 bytes.
    pub blinded: Vec<String>,
}

/// The answer of `evaluate`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvaluateResponse {
    /// Each 32 bytes, in the order of the blinded ones.
    pub elements: Vec<String>,
    /// 64 bytes: one proof for all.
    pub proof: String,
}
