//! The entries of a log as detectors see them, out of the copy that was verified.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use tnlog::certificate::Certificate;
use tnlog::chain_item::ChainItem;
use tnlog::client::check::{CheckedCertificate, CheckedLeaf};
use tnlog::client::copy::LogCopy;
use tnlog::entry::{Entry, Leaf, SignedEntry};
use tnlog::receipt::KnownLog;
use tnlog::tile::{FULL_WIDTH, Kind};

use crate::detect::{Beside, KeyId, Observed, OpenCertificate};
use crate::issuers::Issuers;

/// Entries of one log.
pub struct Entries {
    copy: LogCopy,
    issuers: Arc<Issuers>,
}

/// An entry that is not there, although it was verified and kept.
fn lost() -> io::Error {
    io::Error::other(
        "the copy of the log is damaged; stop, delete the folder of this log, and start: it is fetched again",
    )
}

impl Entries {
    /// Those in a copy.
    pub fn new(copy: LogCopy, issuers: Arc<Issuers>) -> Self {
        Entries { copy, issuers }
    }

    /// Leaf 0; none before it is kept.
    pub fn log(&self) -> io::Result<Option<KnownLog>> {
        let Some(bytes) = self.copy.item(Kind::Entries, 0)? else { return Ok(None) };
        match Leaf::decode(&bytes).map(|leaf| leaf.entry) {
            Ok(Entry::Parameters(parameters)) => Ok(KnownLog::new(parameters).ok()),
            _ => Err(lost()),
        }
    }

    /// The key that an entry is about.
    pub fn key(&self, index: u64) -> io::Result<Option<KeyId>> {
        let Some(bytes) = self.copy.item(Kind::Entries, index)? else { return Ok(None) };
        let Ok(leaf) = Leaf::decode(&bytes) else { return Ok(None) };
        match &leaf.entry {
            Entry::Number(number) => Ok(Some(KeyId::of_spki(&number.subject_key))),
            Entry::Open(_) => {
                let item = self.copy.item(Kind::Chains, index)?.ok_or_else(lost)?;
                let open = self.open(&leaf, &item);
                Ok(open.map(|open| KeyId::of_hash(open.certificate.spki_sha256())))
            }
            _ => Ok(None),
        }
    }

    /// A leaf; none that is not kept.
    pub fn leaf(&self, index: u64) -> io::Result<Option<Leaf>> {
        let Some(bytes) = self.copy.item(Kind::Entries, index)? else { return Ok(None) };
        Leaf::decode(&bytes).map(Some).map_err(io::Error::other)
    }

    /// A leaf, and the certificate beside it where that stands in the open.
    pub fn look(&self, index: u64) -> io::Result<Option<(Leaf, Option<OpenCertificate>)>> {
        let Some(leaf) = self.leaf(index)? else { return Ok(None) };
        let open = match &leaf.entry {
            Entry::Open(_) => {
                let item = self.copy.item(Kind::Chains, index)?;
                item.and_then(|item| self.open(&leaf, &item))
            }
            _ => None,
        };
        Ok(Some((leaf, open)))
    }

    /// Every entry of a range, in order. An issuer that is not known is one that the log will be asked for; `on` is then told that
    /// it stands alone. The next entries are read and decoded on a thread of their own meanwhile.
    pub fn each<E: From<io::Error>>(
        &self,
        log_id: [u8; 32],
        range: Range<u64>,
        mut on: impl FnMut(&Observed<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let full = u64::from(FULL_WIDTH);
        let bundles = range.start / full..range.end.div_ceil(full);
        std::thread::scope(|scope| {
            let (sender, decoded) = sync_channel(1);
            let range = &range;
            scope.spawn(move || {
                // Whoever takes them may have had enough.
                bundles.map(|bundle| self.decode(bundle, range)).try_for_each(|entries| sender.send(entries))
            });
            for entries in decoded {
                for (leaf, beside) in entries? {
                    on(&Observed::of(log_id, &leaf, beside))?;
                }
            }
            Ok(())
        })
    }

    /// The entries of a bundle that are in the range.
    fn decode(&self, bundle: u64, range: &Range<u64>) -> io::Result<Vec<(Leaf, Beside)>> {
        let leaves = self.copy.bundle(Kind::Entries, bundle)?;
        let items = self.copy.bundle(Kind::Chains, bundle)?;
        let (full, first) = (u64::from(FULL_WIDTH), bundle * u64::from(FULL_WIDTH));
        if first + (leaves.len().min(items.len()) as u64) < range.end.min(first + full) {
            return Err(lost());
        }
        let within = (first..).zip(leaves.iter().zip(&items)).filter(|(index, _)| range.contains(index));
        let decode = |(_, (leaf, item)): (u64, (&Vec<u8>, &Vec<u8>))| {
            let leaf = Leaf::decode(leaf).map_err(io::Error::other)?;
            let beside = self.beside(&leaf, || Ok(self.open(&leaf, item)))?;
            Ok((leaf, beside))
        };
        within.map(decode).collect()
    }

    /// What must be known beside a leaf that was checked just now, and is kept.
    pub fn beside_checked(&self, checked: &CheckedLeaf) -> io::Result<Beside> {
        let leaf = &checked.leaf;
        self.beside(leaf, || match (&leaf.entry, &checked.open) {
            (Entry::Open(signed), Some(open)) => Ok(Some(OpenCertificate::of(signed, open.clone()))),
            _ => {
                let item = self.copy.item(Kind::Chains, leaf.index)?.ok_or_else(lost)?;
                Ok(self.open(leaf, &item))
            }
        })
    }

    fn beside(
        &self,
        leaf: &Leaf,
        open: impl FnOnce() -> io::Result<Option<OpenCertificate>>,
    ) -> io::Result<Beside> {
        Ok(match &leaf.entry {
            Entry::Open(_) => Beside { open: open()?, ..Beside::default() },
            Entry::Number(number) => {
                Beside { issuer: self.issuers.of_key(number.issuer_key_hash), ..Beside::default() }
            }
            Entry::KeyStatement(statement) => {
                Beside { signer: self.key(statement.old.index)?, ..Beside::default() }
            }
            _ => Beside::default(),
        })
    }

    /// None when there is no certificate in the bytes: then the log is at fault.
    fn open(&self, leaf: &Leaf, item: &[u8]) -> Option<OpenCertificate> {
        let Entry::Open(signed) = &leaf.entry else { return None };
        let ChainItem { pre_certificate, chain } = ChainItem::decode(item).ok()?;
        let der = match signed {
            SignedEntry::X509(der) => der.clone(),
            SignedEntry::Precert { .. } => pre_certificate,
        };
        let certificate = Arc::new(Certificate::from_der(der).ok()?);
        let chain = chain.iter().map_while(|issuer| self.issuers.certificate(issuer)).collect();
        Some(OpenCertificate::of(signed, CheckedCertificate { certificate, chain }))
    }
}
