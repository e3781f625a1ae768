//! One entry bundle with what lies beside it, checked on its own: everything that does not need the bundles before it.

use std::sync::Arc;

use bytes::Bytes;

use super::fault::{Fault, FaultKind};
use super::issuers::Issuers;
use crate::bundle;
use crate::certificate::Certificate;
use crate::chain_item::ChainItem;
use crate::client::index_check::IndexedLeaf;
use crate::entry::{Entry, Leaf, SignedEntry};
use crate::index::labels_of;
use crate::merkle::Hash;
use crate::precertificate::{Poison, poison, precertificate_tbs};
use crate::tile::{FULL_WIDTH, Kind, TilePath};

/// The longest certificate, with its chain of fingerprints, that is kept parsed: parsed, one of many small extensions takes ten times
/// its bytes. Real ones have some 1,000.
const MAX_KEPT: usize = 8192;

/// What is fetched of one bundle.
pub(super) struct Bundle {
    /// The path of the entry bundle.
    pub(super) path: TilePath,
    pub(super) entries: Bytes,
    pub(super) chains: Bytes,
}

/// What is known after the check.
#[derive(Debug)]
pub(super) struct Facts {
    /// The hash of each leaf.
    pub(super) hashes: Vec<Hash>,
    /// The leaves, as they were decoded.
    pub(super) leaves: Vec<CheckedLeaf>,
}

/// A leaf that was checked, decoded once for all who need more of it than its bytes.
#[derive(Clone, Debug)]
pub struct CheckedLeaf {
    /// What it says.
    pub leaf: Leaf,
    /// The certificate of an entry in the open; none that is longer than any real one, which is parsed again where it is needed.
    pub open: Option<CheckedCertificate>,
    /// What it changes in the number index.
    pub indexed: IndexedLeaf,
}

/// A certificate in the open, and the CA certificates beside it.
#[derive(Clone, Debug)]
pub struct CheckedCertificate {
    /// The final certificate, or the precertificate that was submitted.
    pub certificate: Arc<Certificate>,
    /// That of its issuer, and those above.
    pub chain: Vec<Arc<Certificate>>,
}

impl CheckedLeaf {
    /// Whether it is a certificate in the open.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.leaf.entry, Entry::Open(_))
    }
}

impl Bundle {
    /// The path of the side bundle.
    pub(super) fn chains_path(&self) -> TilePath {
        TilePath { kind: Kind::Chains, ..self.path }
    }

    fn first(&self) -> u64 {
        self.path.index * u64::from(FULL_WIDTH)
    }

    /// The items of the side bundle.
    pub(super) fn items(&self) -> Result<Vec<ChainItem>, Fault> {
        let path = self.chains_path();
        let items = bundle::entries(&self.chains, self.path.width).map_err(|error| Fault::at(path, error))?;
        let decode =
            |(index, item)| ChainItem::decode(item).map_err(|error| Fault::of_leaf(path, index, error));
        (self.first()..).zip(items).map(decode).collect()
    }

    /// The bytes of the leaves, without copying them.
    pub(super) fn leaves(&self) -> Result<Vec<Bytes>, Fault> {
        let leaves = bundle::entries(&self.entries, self.path.width);
        let leaves = leaves.map_err(|error| Fault::at(self.path, error))?;
        Ok(leaves.map(|leaf| self.entries.slice_ref(leaf)).collect())
    }

    /// Checks every leaf with its item. `issuers` are all that the items name.
    pub(super) fn check(&self, items: &[ChainItem], issuers: &Issuers) -> Result<Facts, Fault> {
        let width = self.path.width;
        let entries = bundle::entries(&self.entries, width).map_err(|error| Fault::at(self.path, error))?;
        let (hashes, leaves) = (Vec::with_capacity(width.into()), Vec::with_capacity(width.into()));
        let mut facts = Facts { hashes, leaves };
        for ((index, bytes), item) in (self.first()..).zip(entries).zip(items) {
            let fault = |kind| Fault::of_leaf(self.path, index, kind);
            let leaf = Leaf::decode(bytes).map_err(|error| fault(error.into()))?;
            if leaf.index != index {
                return Err(fault(FaultKind::Index(leaf.index)));
            }
            let before = facts.leaves.last().map_or(0, |before: &CheckedLeaf| before.leaf.timestamp);
            if leaf.timestamp < before {
                return Err(fault(FaultKind::Time { before, found: leaf.timestamp }));
            }
            let hash = Hash::of_leaf(bytes);
            facts.hashes.push(hash);
            if (index == 0) != matches!(leaf.entry, Entry::Parameters(_)) {
                let kind = if index == 0 { FaultKind::NoParameters } else { FaultKind::ParametersAgain };
                return Err(fault(kind));
            }
            let open = match &leaf.entry {
                Entry::Open(signed) => {
                    let checked = check_open(signed, item, issuers).map_err(|problem| match problem {
                        Problem::Entry(kind) => fault(kind),
                        Problem::Item(kind) => Fault::of_leaf(self.chains_path(), index, kind),
                    });
                    CheckedCertificate::of(checked?, item, issuers)
                }
                _ if !item.is_empty() => {
                    return Err(Fault::of_leaf(self.chains_path(), index, FaultKind::ChainKind));
                }
                _ => None,
            };
            let indexed = IndexedLeaf { hash, labels: labels_of(&leaf) };
            facts.leaves.push(CheckedLeaf { leaf, open, indexed });
        }
        Ok(facts)
    }
}

/// What is wrong with a leaf, or with the item beside it.
enum Problem {
    Entry(FaultKind),
    Item(FaultKind),
}

impl CheckedCertificate {
    fn of(certificate: Certificate, item: &ChainItem, issuers: &Issuers) -> Option<Self> {
        let chain = || item.chain.iter().map(|fingerprint| issuers[fingerprint].clone()).collect();
        let is_short = certificate.der().len() + 32 * item.chain.len() <= MAX_KEPT;
        is_short.then(|| CheckedCertificate { chain: chain(), certificate: Arc::new(certificate) })
    }
}

fn check_open(signed: &SignedEntry, item: &ChainItem, issuers: &Issuers) -> Result<Certificate, Problem> {
    match signed {
        SignedEntry::X509(der) => {
            if !item.pre_certificate.is_empty() {
                return Err(Problem::Item(FaultKind::ChainKind));
            }
            let certificate =
                Certificate::from_der(&der[..]).map_err(|error| Problem::Entry(error.into()))?;
            check_in_the_open(&certificate, Poison::Absent).map_err(Problem::Entry)?;
            check_chain(&certificate, item, issuers).map_err(Problem::Item)?;
            Ok(certificate)
        }
        SignedEntry::Precert { issuer_key_hash, tbs } => {
            check_precertificate(issuer_key_hash, tbs, item, issuers).map_err(Problem::Item)
        }
    }
}

/// The TBSCertificate in the leaf is what its precertificate becomes, so that what holds of one holds of the other.
fn check_precertificate(
    issuer_key_hash: &[u8; 32],
    tbs: &[u8],
    item: &ChainItem,
    issuers: &Issuers,
) -> Result<Certificate, FaultKind> {
    if item.pre_certificate.is_empty() {
        return Err(FaultKind::ChainKind);
    }
    let precertificate = Certificate::from_der(&item.pre_certificate[..])?;
    check_in_the_open(&precertificate, Poison::Present)?;
    check_chain(&precertificate, item, issuers)?;
    let issuer = |position: usize| {
        let fingerprint = item.chain.get(position).ok_or(FaultKind::ChainKind)?;
        Ok::<_, FaultKind>(&issuers[fingerprint])
    };
    let signer = Some(issuer(0)?).filter(|issuer| issuer.signs_precertificates());
    if precertificate_tbs(&precertificate, signer.map(|signer| &**signer)) != tbs {
        return Err(FaultKind::Precertificate);
    }
    let issuer = issuer(usize::from(signer.is_some()))?;
    if issuer.spki_sha256() == issuer_key_hash { Ok(precertificate) } else { Err(FaultKind::IssuerKey) }
}

fn check_in_the_open(certificate: &Certificate, expected: Poison) -> Result<(), FaultKind> {
    if poison(certificate) != expected {
        return Err(FaultKind::EntryType);
    }
    if certificate.class()?.is_hidden() { Err(FaultKind::NumbersInTheOpen) } else { Ok(()) }
}

/// Each certificate is issued by the next, as far as names tell. A root that was submitted itself has no issuers.
fn check_chain(certificate: &Certificate, item: &ChainItem, issuers: &Issuers) -> Result<(), FaultKind> {
    if item.chain.is_empty() && !certificate.is_self_issued() {
        return Err(FaultKind::ChainKind);
    }
    let mut below = certificate;
    for (position, fingerprint) in item.chain.iter().enumerate() {
        let issuer = &issuers[fingerprint];
        if below.issuer() != issuer.subject() {
            return Err(FaultKind::ChainOrder(position));
        }
        below = issuer;
    }
    Ok(())
}
