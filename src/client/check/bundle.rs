//! One entry bundle with what lies beside it, checked on its own: everything that does not need the bundles before it.

use bytes::Bytes;

use super::fault::{Fault, FaultKind};
use super::issuers::Issuers;
use crate::bundle;
use crate::certificate::Certificate;
use crate::chain_item::ChainItem;
use crate::entry::{Entry, Leaf, SignedEntry};
use crate::merkle::Hash;
use crate::precertificate::{Poison, poison, precertificate_tbs};
use crate::tile::{FULL_WIDTH, Kind, TilePath};

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
    /// The time of each leaf.
    pub(super) times: Vec<u64>,
    /// The leaves that are no certificates in the open, in order.
    pub(super) others: Vec<Leaf>,
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
        let (hashes, times) = (Vec::with_capacity(width.into()), Vec::with_capacity(width.into()));
        let mut facts = Facts { hashes, times, others: Vec::new() };
        for ((index, bytes), item) in (self.first()..).zip(entries).zip(items) {
            let fault = |kind| Fault::of_leaf(self.path, index, kind);
            let leaf = Leaf::decode(bytes).map_err(|error| fault(error.into()))?;
            if leaf.index != index {
                return Err(fault(FaultKind::Index(leaf.index)));
            }
            let before = facts.times.last().copied().unwrap_or(0);
            if leaf.timestamp < before {
                return Err(fault(FaultKind::Time { before, found: leaf.timestamp }));
            }
            facts.hashes.push(Hash::of_leaf(bytes));
            facts.times.push(leaf.timestamp);
            if (index == 0) != matches!(leaf.entry, Entry::Parameters(_)) {
                let kind = if index == 0 { FaultKind::NoParameters } else { FaultKind::ParametersAgain };
                return Err(fault(kind));
            }
            match leaf.entry {
                Entry::Open(signed) => {
                    check_open(signed, item, issuers).map_err(|problem| match problem {
                        Problem::Entry(kind) => fault(kind),
                        Problem::Item(kind) => Fault::of_leaf(self.chains_path(), index, kind),
                    })?
                }
                _ if !item.is_empty() => {
                    return Err(Fault::of_leaf(self.chains_path(), index, FaultKind::ChainKind));
                }
                entry => facts.others.push(Leaf { entry, ..leaf }),
            }
        }
        Ok(facts)
    }
}

/// What is wrong with a leaf, or with the item beside it.
enum Problem {
    Entry(FaultKind),
    Item(FaultKind),
}

fn check_open(signed: SignedEntry, item: &ChainItem, issuers: &Issuers) -> Result<(), Problem> {
    match signed {
        SignedEntry::X509(der) => {
            if !item.pre_certificate.is_empty() {
                return Err(Problem::Item(FaultKind::ChainKind));
            }
            let certificate = Certificate::from_der(der).map_err(|error| Problem::Entry(error.into()))?;
            check_in_the_open(&certificate, Poison::Absent).map_err(Problem::Entry)?;
            check_chain(&certificate, item, issuers).map_err(Problem::Item)
        }
        SignedEntry::Precert { issuer_key_hash, tbs } => {
            check_precertificate(&issuer_key_hash, &tbs, item, issuers).map_err(Problem::Item)
        }
    }
}

/// The TBSCertificate in the leaf is what its precertificate becomes, so that what holds of one holds of the other.
fn check_precertificate(
    issuer_key_hash: &[u8; 32],
    tbs: &[u8],
    item: &ChainItem,
    issuers: &Issuers,
) -> Result<(), FaultKind> {
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
    if issuer.spki_sha256() == issuer_key_hash { Ok(()) } else { Err(FaultKind::IssuerKey) }
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
