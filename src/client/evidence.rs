//! Evidence against a log, as monitors and mirrors write it: the signed originals, verbatim, with what makes of them a proof that stands on its own. Who has the key of
//! the log verifies it offline, and needs to believe nobody.

mod promise;

use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize};

use crate::checkpoint::Checkpoint;
use crate::entry::{Entry, Leaf, Parameters};
use crate::index::{Generation, IndexHead};
use crate::merkle::{Hash, check_consistency, check_inclusion};
use crate::note::{Note, VerifierKey};

pub use promise::{Outcome, Promise, Standing};

/// The longest file that is read, in bytes: two notes, two entries, proofs.
pub const MAX_EVIDENCE: usize = 4 << 20;
const FORMAT: &str = "tnlog evidence 1";

/// Evidence, as it is written to a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    format: String,
    /// What it is evidence of, such as `fork`.
    pub kind: String,
    /// In words.
    pub says: String,
    /// Signed checkpoints, verbatim.
    pub checkpoints: Vec<String>,
    /// What ties them together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
}

/// What makes a proof of signed checkpoints. Hashes and entries are in base64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// The tree of the larger checkpoint begins with another tree than the smaller one.
    Prefix {
        /// The root of what it begins with, at the size of the smaller one.
        root: String,
        /// The consistency proof from there to the larger one.
        hashes: Vec<String>,
    },
    /// An entry of the first checkpoint.
    Entry {
        /// Its index.
        index: u64,
        /// Its bytes.
        entry: String,
        /// Its inclusion proof.
        hashes: Vec<String>,
    },
    /// An SCT, and what the tree of the first checkpoint has in its place.
    Promise(Promise),
}

impl Proof {
    /// That the larger tree begins with one of this root.
    pub fn prefix(root: &Hash, hashes: &[Hash]) -> Self {
        Proof::Prefix { root: base64(&root.0), hashes: all_base64(hashes) }
    }

    /// That this entry stands at this index.
    pub fn entry(index: u64, entry: &[u8], hashes: &[Hash]) -> Self {
        Proof::Entry { index, entry: base64(entry), hashes: all_base64(hashes) }
    }
}

/// What evidence proves, to who knows the key alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proved {
    /// The log signed two trees of which neither continues the other.
    Fork,
    /// The log signed an entry that no log may take.
    BadEntry,
    /// The index log signed a head that contradicts the checkpoint of its own log.
    BadHead,
    /// The log signed an SCT, and the entry does not stand where the SCT promises it.
    NotIncluded,
    /// The log signed what is shown. Whether that is wrong needs more than is here.
    Signed,
}

/// Why it proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unproved {
    /// It is not what a monitor or mirror writes.
    #[error("this is no evidence that tnlog-monitor or tnlog mirror wrote")]
    Malformed,
    /// Its checkpoint with this place, from 1, is not signed with the key.
    #[error(
        "checkpoint {0} is not signed with this key: take the key of the log, and of its index log, that you have pinned"
    )]
    NotSigned(usize),
    /// It holds the name of a proof, and not the proof.
    #[error("the proof does not fit the signed checkpoints")]
    Proof,
}

impl Evidence {
    /// Evidence of these checkpoints.
    pub fn new(kind: &str, says: &str, checkpoints: &[&Note], proof: Option<Proof>) -> Self {
        Evidence {
            format: FORMAT.into(),
            kind: kind.into(),
            says: says.into(),
            checkpoints: checkpoints.iter().map(|note| note.to_string()).collect(),
            proof,
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`Unproved::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Unproved> {
        let parsed = (bytes.len() <= MAX_EVIDENCE).then(|| serde_json::from_slice::<Evidence>(bytes).ok());
        parsed.flatten().filter(|evidence| evidence.format == FORMAT).ok_or(Unproved::Malformed)
    }

    /// The bytes of the file.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("strings and numbers are JSON");
        bytes.push(b'\n');
        bytes
    }

    /// What it proves to who has pinned these keys.
    ///
    /// # Errors
    /// [`Unproved`].
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<Proved, Unproved> {
        let (mut notes, mut opened) = (Vec::new(), Vec::new());
        for (place, note) in self.checkpoints.iter().enumerate() {
            let note = Note::parse(note.as_bytes()).map_err(|_| Unproved::Malformed)?;
            let checkpoint = keys.iter().find_map(|key| Checkpoint::open(&note, key).ok());
            opened.push(checkpoint.ok_or(Unproved::NotSigned(place + 1))?);
            notes.push(note);
        }
        match (&opened[..], &self.proof) {
            ([], _) => Err(Unproved::Malformed),
            ([a, b], Some(Proof::Prefix { root, hashes })) if a.origin == b.origin => {
                other_prefix(a, b, &hash(root)?, &all(hashes)?)
            }
            ([a, b], None) if a.origin == b.origin && a.size == b.size && a.root != b.root => {
                Ok(Proved::Fork)
            }
            ([of, others @ ..], Some(Proof::Entry { index, entry, hashes })) => {
                let entry = Base64::decode_vec(entry).map_err(|_| Unproved::Malformed)?;
                let leaf = Hash::of_leaf(&entry);
                check_inclusion(&all(hashes)?, of.size, *index, &leaf, &of.root)
                    .map_err(|_| Unproved::Proof)?;
                Ok(judge(of, *index, &entry, others))
            }
            ([of, ..], Some(Proof::Promise(promise))) => Ok(match promise.judge(&notes[0], of)? {
                Outcome::Broken => Proved::NotIncluded,
                Outcome::Kept | Outcome::Due => Proved::Signed,
            }),
            (_, Some(Proof::Prefix { .. })) => Err(Unproved::Proof),
            (_, None) => Ok(Proved::Signed),
        }
    }
}

/// The larger tree begins with one of this root, which is not that of the smaller one.
fn other_prefix(a: &Checkpoint, b: &Checkpoint, root: &Hash, proof: &[Hash]) -> Result<Proved, Unproved> {
    let (small, large) = if a.size <= b.size { (a, b) } else { (b, a) };
    let begins = check_consistency(proof, small.size, root, large.size, &large.root);
    if small.size == 0 || begins.is_err() || *root == small.root {
        return Err(Unproved::Proof);
    }
    Ok(Proved::Fork)
}

/// What is wrong with an entry that stands in the tree of a checkpoint, as far as it shows it itself.
fn judge(of: &Checkpoint, index: u64, entry: &[u8], others: &[Checkpoint]) -> Proved {
    let log = Generation::split(&of.origin).map(|(log, _)| log);
    if let Some(log) = log {
        let Ok(head) = IndexHead::decode(entry) else { return Proved::BadHead };
        let contradicts =
            |other: &Checkpoint| other.origin == log && other.size == head.size && other.root != head.root;
        return if others.iter().any(contradicts) { Proved::BadHead } else { Proved::Signed };
    }
    let is_good = Leaf::decode(entry).is_ok_and(|leaf| {
        let is_own = |parameters: &Parameters| parameters.origin == of.origin;
        leaf.index == index
            && match &leaf.entry {
                Entry::Parameters(parameters) => index == 0 && is_own(parameters),
                _ => index > 0,
            }
    });
    if is_good { Proved::Signed } else { Proved::BadEntry }
}

fn base64(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

fn all_base64(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(|hash| base64(&hash.0)).collect()
}

fn hash(text: &str) -> Result<Hash, Unproved> {
    let bytes = Base64::decode_vec(text).map_err(|_| Unproved::Malformed)?;
    bytes.try_into().map(Hash).map_err(|_| Unproved::Malformed)
}

fn all(texts: &[String]) -> Result<Vec<Hash>, Unproved> {
    texts.iter().map(|text| hash(text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::prove_consistency;
    use crate::note::{KeyType, Signer};
    use crate::tile::{TileSet, TreeEdge};

    fn signer() -> Signer {
        Signer::new("log.example", KeyType::Ed25519, &[1; 32]).unwrap()
    }

    fn leaves(count: u8, last: u8) -> Vec<Hash> {
        (0..count).map(|n| Hash::of_leaf(&[if n + 1 == count { last } else { n }])).collect()
    }

    fn root(leaves: &[Hash]) -> Hash {
        let mut edge = TreeEdge::new();
        let _ = edge.append(leaves);
        edge.root()
    }

    fn note(leaves: &[Hash]) -> Note {
        Checkpoint::new("log.example", leaves.len() as u64, root(leaves)).sign(&signer()).unwrap()
    }

    fn proof(small: &[Hash], large: &[Hash]) -> Proof {
        let tiles = TileSet::new(large.len() as u64, TreeEdge::new().append(large)).unwrap();
        let hashes = prove_consistency(&tiles, small.len() as u64, large.len() as u64).unwrap();
        Proof::prefix(&root(&large[..small.len()]), &hashes)
    }

    /// For every pair of sizes, also powers of two. Honest trees make no evidence: fails without the comparison of the roots in
    /// `other_prefix`, and a proof of nothing without the check of the proof.
    #[test]
    fn two_trees_prove_a_fork_exactly_when_one_does_not_continue_the_other() {
        let keys = [signer().verifier_key().clone()];
        for large in 2..20 {
            let whole = leaves(large, large - 1);
            for small in 1..large {
                let honest = &whole[..usize::from(small)];
                let other = leaves(small, 99);
                for (tree, expected) in [(honest, Err(Unproved::Proof)), (&other[..], Ok(Proved::Fork))] {
                    let notes = [&note(tree), &note(&whole)];
                    let evidence = Evidence::new("fork", "", &notes, Some(proof(tree, &whole)));
                    let read = Evidence::parse(&evidence.encode()).unwrap();
                    assert_eq!(read.verify(&keys), expected, "{small} of {large}");
                }
                let Proof::Prefix { hashes, .. } = proof(&other, &whole) else { unreachable!() };
                let forged = Proof::Prefix { root: base64(&[7; 32]), hashes };
                let notes = [&note(honest), &note(&whole)];
                assert_eq!(
                    Evidence::new("fork", "", &notes, Some(forged)).verify(&keys),
                    Err(Unproved::Proof)
                );
            }
        }
        let (a, b) = (note(&leaves(3, 2)), note(&leaves(3, 99)));
        assert_eq!(Evidence::new("fork", "", &[&a, &b], None).verify(&keys), Ok(Proved::Fork));
        assert_eq!(Evidence::new("fork", "", &[&a, &a], None).verify(&keys), Ok(Proved::Signed));
        let stranger = Signer::new("log.example", KeyType::Ed25519, &[2; 32]).unwrap().verifier_key().clone();
        assert_eq!(
            Evidence::new("fork", "", &[&a, &b], None).verify(&[stranger]),
            Err(Unproved::NotSigned(1))
        );
    }

    /// An entry proves itself wrong, and one that is well formed does not.
    #[test]
    fn a_bad_entry_is_proved_by_itself() {
        let keys = [signer().verifier_key().clone()];
        let bytes = b"no leaf";
        let signed = Checkpoint::new("log.example", 1, Hash::of_leaf(bytes)).sign(&signer()).unwrap();
        let entry = |bytes: &[u8]| Proof::entry(0, bytes, &[]);
        let evidence = |bytes| Evidence::new("bad-leaf", "", &[&signed], Some(entry(bytes)));
        assert_eq!(evidence(bytes).verify(&keys), Ok(Proved::BadEntry));
        assert_eq!(evidence(b"another").verify(&keys), Err(Unproved::Proof));
    }
}
