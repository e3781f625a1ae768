//! `conflicting-credentials`: two issuers vouch for two keys of one number at the same time, or two
//! organizations hold live credentials for overlapping blocks.

use tnlog::block::Block;
use tnlog::tls::{Malformed, Reader, Write};

use super::entry::{Observed, OpenCertificate};
use super::finding::{Detector, Finding, Origin, Sentence, Severity};
use super::id::KeyId;
use super::memory::{Memory, MemoryError, Record, key};
use super::number::{Case, Credential, list, put_seconds, seconds};
use super::organization::{self, Word};

/// The most holders of one block that are remembered.
const MAX_HOLDERS: usize = 8;
/// The most blocks inside of one that are looked at.
const MAX_INSIDE: usize = 64;
/// The most conflicting certificates that are shown.
const MAX_SHOWN: usize = 16;

/// A credential that does not stand, by another operator than the live one that leads.
pub(super) fn two_keys(credential: &Credential, case: &Case, entry: &Observed<'_>) -> Finding {
    let sentence = Sentence::new(
        "Two issuers vouch for two keys of one number at the same time.",
        "the holder of the number, and to whoever talks to it",
        "if you are the holder and use both, approve the newer one with the key of the earlier one",
    );
    let origin =
        Origin { detector: Detector::ConflictingCredentials, scope: &[], entries: &[credential.leaf] };
    Finding::new(entry, &origin, Severity::Low, sentence).with([case.leading])
}

/// Who holds a block.
#[derive(Default)]
struct Holders(Vec<Holder>);

#[derive(Clone, Copy)]
struct Holder {
    leaf: u64,
    key: KeyId,
    /// The key of its issuer.
    issuer: KeyId,
    not_after: i64,
    words: [Word; 4],
}

impl Record for Holders {
    const NAME: &'static str = "a block";

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.put_uint(self.0.len() as u64, 1);
        for holder in &self.0 {
            bytes.put_uint(holder.leaf, 8);
            bytes.extend_from_slice(&holder.key.0);
            bytes.extend_from_slice(&holder.issuer.0);
            put_seconds(bytes, holder.not_after);
            bytes.extend_from_slice(holder.words.as_flattened());
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let holder = |reader: &mut Reader<'_>| {
            Ok(Holder {
                leaf: reader.uint(8)?,
                key: KeyId(reader.array()?),
                issuer: KeyId(reader.array()?),
                not_after: seconds(reader)?,
                words: [reader.array()?, reader.array()?, reader.array()?, reader.array()?],
            })
        };
        Ok(Holders(list(reader, holder)?))
    }
}

/// Looks at a new certificate that names blocks. For each block it reads those around it, at most fifteen,
/// and at most [`MAX_INSIDE`] inside.
pub(super) fn observe(
    entry: &Observed<'_>,
    open: &OpenCertificate,
    blocks: &[Block],
    memory: &mut Memory<'_>,
) -> Result<Option<Finding>, MemoryError> {
    let now = entry.seconds();
    let new = holder(entry, open);
    let above: Vec<KeyId> = open.chain.iter().map(|ca| KeyId::of_hash(ca.spki_sha256())).collect();
    let related = |other: &Holder| above.contains(&other.key) || other.issuer == new.key;
    let conflicts = |other: &Holder| {
        now <= other.not_after && !related(other) && !organization::are_alike(&other.words, &new.words)
    };
    let mut others = Vec::new();
    if new.not_after >= now {
        for block in blocks {
            for holders in overlapping(block, memory)? {
                others.extend(holders.0.iter().filter(|other| conflicts(other)).map(|other| other.leaf));
            }
            take_up(block, new, now, memory)?;
        }
    }
    others.sort_unstable();
    others.dedup();
    others.truncate(MAX_SHOWN);
    Ok((!others.is_empty()).then(|| overlap(entry, open, others)))
}

fn holder(entry: &Observed<'_>, open: &OpenCertificate) -> Holder {
    let found = organization::words(&open.certificate);
    let mut words = [found[0]; 4];
    words.iter_mut().zip(&found).for_each(|(word, found)| *word = *found);
    Holder {
        leaf: entry.index,
        key: KeyId::of_hash(open.certificate.spki_sha256()),
        issuer: KeyId::of_hash(&open.issuer.key_hash),
        not_after: open.certificate.not_after(),
        words,
    }
}

/// The holders of the blocks around this one, of itself and of those inside.
fn overlapping(block: &Block, memory: &Memory<'_>) -> Result<Vec<Holders>, MemoryError> {
    let mut found = memory.scan::<Holders>(&key_of(block, block.prefix().len()), MAX_INSIDE)?;
    for length in 1..block.prefix().len() {
        found.extend(memory.load::<Holders>(&key_of(block, length))?);
    }
    Ok(found)
}

/// How long its numbers are, and the first digits: what is inside begins with the key of what is around it.
fn key_of(block: &Block, length: usize) -> Vec<u8> {
    let digits = block.prefix().len() + usize::from(block.free());
    key(b'b', &[&[digits as u8], &block.prefix().as_bytes()[..length]])
}

fn take_up(block: &Block, new: Holder, now: i64, memory: &mut Memory<'_>) -> Result<(), MemoryError> {
    let key = key_of(block, block.prefix().len());
    let mut holders = memory.load::<Holders>(&key)?.unwrap_or_default();
    holders.0.retain(|holder| now <= holder.not_after && holder.key != new.key);
    holders.0.push(new);
    holders.0.drain(..holders.0.len().saturating_sub(MAX_HOLDERS));
    memory.save(key, &holders);
    Ok(())
}

fn overlap(entry: &Observed<'_>, open: &OpenCertificate, others: Vec<u64>) -> Finding {
    let sentence = Sentence::new(
        "Two organizations hold live certificates for overlapping blocks of numbers, and neither issued the other's.",
        "the carriers with these blocks, and to everybody with a number in them",
        "compare both certificates with the register of number blocks; if the newer one is wrong, have it revoked, and do not trust \
         what was issued below it",
    );
    let origin =
        Origin { detector: Detector::ConflictingCredentials, scope: b"blocks", entries: &[entry.index] };
    let mut finding = Finding::new(entry, &origin, Severity::Medium, sentence);
    finding.issuer = Some(open.issuer.key_hash);
    finding.with(others)
}
