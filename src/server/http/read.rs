//! The read side of RFC 6962 §4, computed from tiles and bundles.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use base64ct::{Base64, Encoding};

use super::{Answer, Reading, Reads, Shared};
use crate::chain_item::ChainItem;
use crate::checkpoint::TreeHead;
use crate::client::api;
use crate::entry::{Entry, EntryType, Leaf};
use crate::merkle::Hash;
use crate::note::Note;
use crate::sct::Sct;
use crate::server::problem::Problem;
use crate::server::read::StoredEntry;
use crate::tls::Write;

/// The most bytes of entries in one answer, unless the first alone has more. A bundle of the longest certificates with the
/// longest chains would be 200 MiB.
const MAX_ENTRIES_LEN: usize = 4 << 20;

/// `GET get-sth`.
pub async fn get_sth(State(app): Reading) -> Answer {
    Answer::from(tree_head(&app))
}

fn tree_head(app: &Reads) -> Result<Answer, Problem> {
    let note = Note::parse(app.log.published()?.note.as_bytes()).map_err(|_| Problem::Internal)?;
    let head = TreeHead::extract(&note, &app.log.log_id()?).map_err(|_| Problem::Internal)?;
    let signed = Sct {
        log_id: [0; 32],
        timestamp: 0,
        extensions: crate::sct::Extensions::of_leaf(0),
        signature: head.signature,
    };
    Ok(Answer::json(&api::GetSth {
        tree_size: head.size,
        timestamp: head.timestamp,
        sha256_root_hash: Base64::encode_string(&head.root.0),
        tree_head_signature: Base64::encode_string(&signed.digitally_signed()),
    }))
}

/// `GET get-sth-consistency?first=&second=`.
pub async fn get_sth_consistency(State(app): Reading, RawQuery(query): RawQuery) -> Answer {
    blocking(app, move |app| {
        let query = Query(query);
        let (first, second) = (query.number("first")?, query.number("second")?);
        let size = app.log.published()?.tree.size;
        if first > second || second > size {
            return Err(Problem::Range { size });
        }
        let proof =
            if first == 0 { Vec::new() } else { app.log.reader().consistency(first, second, size)? };
        Ok(Answer::json(&api::GetSthConsistency { consistency: hashes(&proof) }))
    })
    .await
}

/// `GET get-proof-by-hash?hash=&tree_size=`.
pub async fn get_proof_by_hash(State(app): Shared, RawQuery(query): RawQuery) -> Answer {
    blocking(app, move |app| {
        let query = Query(query);
        let (hash, tree_size) = (query.hash("hash")?, query.number("tree_size")?);
        let size = app.log.published().tree.size;
        if tree_size == 0 || tree_size > size {
            return Err(Problem::Range { size });
        }
        let index = app.log.dedup.find_leaf(&hash)?.filter(|index| *index < tree_size);
        let index = index.ok_or(Problem::UnknownHash)?;
        if Hash::of_leaf(&app.log.reader.leaf(index, size)?) != hash {
            return Err(Problem::UnknownHash);
        }
        let audit_path = hashes(&app.log.reader.inclusion(index, tree_size, size)?);
        Ok(Answer::json(&api::GetProofByHash { leaf_index: index, audit_path }))
    })
    .await
}

/// `GET get-entries?start=&end=`: at most to the end of a bundle, and no more bytes than one answer should have.
pub async fn get_entries(State(app): Reading, RawQuery(query): RawQuery) -> Answer {
    blocking(app, move |app| {
        let query = Query(query);
        let (start, end) = (query.number("start")?, query.number("end")?);
        let size = app.log.published()?.tree.size;
        if start > end || start >= size {
            return Err(Problem::Range { size });
        }
        let stored = app.log.reader().entries(start, end.min(size - 1), size)?;
        let mut issuers = Issuers { app, known: HashMap::new() };
        let (mut entries, mut length) = (Vec::new(), 0);
        for entry in &stored {
            let entry = issuers.leaf_entry(entry)?;
            length += entry.leaf_input.len() + entry.extra_data.len();
            if length > MAX_ENTRIES_LEN && !entries.is_empty() {
                break;
            }
            entries.push(entry);
        }
        Ok(Answer::json(&api::GetEntries { entries }))
    })
    .await
}

/// `GET get-entry-and-proof?leaf_index=&tree_size=`.
pub async fn get_entry_and_proof(State(app): Reading, RawQuery(query): RawQuery) -> Answer {
    blocking(app, move |app| {
        let query = Query(query);
        let (index, tree_size) = (query.number("leaf_index")?, query.number("tree_size")?);
        let size = app.log.published()?.tree.size;
        if index >= tree_size || tree_size > size {
            return Err(Problem::Range { size });
        }
        let stored = app.log.reader().entries(index, index, size)?;
        let entry = stored.first().ok_or(Problem::Internal)?;
        let api::LeafEntry { leaf_input, extra_data } =
            Issuers { app, known: HashMap::new() }.leaf_entry(entry)?;
        let audit_path = hashes(&app.log.reader().inclusion(index, tree_size, size)?);
        Ok(Answer::json(&api::GetEntryAndProof { leaf_input, extra_data, audit_path }))
    })
    .await
}

/// `GET get-roots`.
pub async fn get_roots(State(app): Shared) -> Answer {
    let anchors = app.log.roots.anchors();
    let certificates = anchors.iter().map(|anchor| Base64::encode_string(anchor.certificate.der())).collect();
    Answer::json(&api::GetRoots { certificates })
}

/// Runs what reads the disk beside the threads that serve requests.
async fn blocking<A: Send + Sync + 'static>(
    app: Arc<A>,
    work: impl FnOnce(&A) -> Result<Answer, Problem> + Send + 'static,
) -> Answer {
    let result = tokio::task::spawn_blocking(move || work(&app)).await;
    Answer::from(result.unwrap_or(Err(Problem::Internal)))
}

fn hashes(proof: &[Hash]) -> Vec<String> {
    proof.iter().map(|hash| Base64::encode_string(&hash.0)).collect()
}

/// The parameters of a query. Each must be there once.
pub(super) struct Query(pub Option<String>);

impl Query {
    fn get(&self, name: &'static str) -> Option<&str> {
        let pairs = self.0.as_deref()?.split('&').filter_map(|pair| pair.split_once('='));
        let mut values = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value);
        values.next().filter(|_| values.next().is_none())
    }

    fn number(&self, name: &'static str) -> Result<u64, Problem> {
        let value = self.get(name).filter(|value| value.bytes().all(|b| b.is_ascii_digit()));
        let number = value.and_then(|value| value.parse().ok());
        number.ok_or(Problem::Parameter { name, what: "give it once, as a decimal number" })
    }

    /// The value, empty where there is none. Of the characters of base64, three are often written with a percent sign.
    pub(super) fn text(&self, name: &'static str) -> String {
        let value = self.get(name).unwrap_or_default();
        let value = value.replace("%2B", "+").replace("%2b", "+").replace("%2F", "/").replace("%2f", "/");
        value.replace("%3D", "=").replace("%3d", "=")
    }

    fn hash(&self, name: &'static str) -> Result<Hash, Problem> {
        let decoded = Base64::decode_vec(&self.text(name)).ok();
        let hash = decoded.and_then(|bytes| bytes.try_into().ok()).map(Hash);
        hash.ok_or(Problem::Parameter {
            name,
            what: "give it once, as base64 of 32 bytes, `+` written as %2B",
        })
    }
}

/// Makes `extra_data` out of side entries and stored issuers; each issuer is read once for a request.
struct Issuers<'a> {
    app: &'a Reads,
    known: HashMap<[u8; 32], Vec<u8>>,
}

impl Issuers<'_> {
    fn leaf_entry(&mut self, entry: &StoredEntry) -> Result<api::LeafEntry, Problem> {
        Ok(api::LeafEntry {
            leaf_input: Base64::encode_string(&entry.leaf),
            extra_data: Base64::encode_string(&self.extra_data(entry)?),
        })
    }

    /// RFC 6962 §4.6: the chain of an `x509_entry`, precertificate and chain of a `precert_entry`.
    fn extra_data(&mut self, entry: &StoredEntry) -> Result<Vec<u8>, Problem> {
        let leaf = Leaf::decode(&entry.leaf).map_err(|_| Problem::Internal)?;
        let Entry::Open(signed) = leaf.entry else { return Ok(Vec::new()) };
        let item = ChainItem::decode(&entry.chain).map_err(|_| Problem::Internal)?;
        let mut chain = Vec::new();
        for fingerprint in &item.chain {
            chain.put_opaque(self.issuer(fingerprint)?, 3);
        }
        let mut extra = Vec::new();
        if signed.entry_type() == EntryType::Precert {
            extra.put_opaque(&item.pre_certificate, 3);
        }
        extra.put_opaque(&chain, 3);
        Ok(extra)
    }

    fn issuer(&mut self, fingerprint: &[u8; 32]) -> Result<&[u8], Problem> {
        if !self.known.contains_key(fingerprint) {
            let name = crate::chain_item::issuer_path(fingerprint);
            let der = self.app.log.reader().object(&name)?.ok_or_else(|| {
                tracing::error!(
                    name,
                    "an issuer is missing in the served folder; restore it from a copy of the log"
                );
                Problem::Internal
            })?;
            self.known.insert(*fingerprint, der);
        }
        Ok(&self.known[fingerprint])
    }
}
