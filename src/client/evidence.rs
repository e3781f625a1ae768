//! Evidence against a log, as monitors and mirrors write it: the signed originals, verbatim, with what makes of them a proof that stands on its own. Who has the key of
//! the log verifies it offline, and needs to believe nobody.

mod entry;
mod head;
mod placed;
mod promise;

use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize};

use crate::checkpoint::Checkpoint;
use crate::merkle::{Hash, check_consistency};
use crate::note::{Note, VerifierKey};

pub use head::{Against, Written};
pub use placed::Placed;
pub use promise::{Outcome, Promise, Standing};

/// The longest file that is read, in bytes: what leads from one head of an index log to the next can be some 8,000 leaves.
pub const MAX_EVIDENCE: usize = 32 << 20;
const FORMAT: &str = "tnlog evidence 1";

/// Evidence, as it is written to a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    format: String,
    /// What it is evidence of, such as `fork`.
    pub kind: String,
    /// Signed checkpoints, verbatim.
    pub checkpoints: Vec<String>,
    /// What ties them together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
}

/// What makes a proof of signed checkpoints. Hashes and entries are in base64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Proof {
    /// The tree of the larger checkpoint begins with another tree than the smaller one.
    Prefix {
        /// The root of what it begins with, at the size of the smaller one.
        root: String,
        /// The consistency proof from there to the larger one.
        hashes: Vec<String>,
    },
    /// An entry of the first checkpoint that no log may take.
    Entry {
        /// The entry.
        wrong: Placed,
        /// Those of the same tree that show it, where it does not by itself.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        others: Vec<Placed>,
    },
    /// An entry of the first checkpoint, which is of an index log. The second one is of its log.
    Head {
        /// The entry.
        head: Placed,
        /// What it contradicts.
        against: Against,
    },
    /// An SCT, and what the tree of the first checkpoint has in its place.
    Promise(Promise),
}

impl Proof {
    /// That the larger tree begins with one of this root.
    pub fn prefix(root: &Hash, hashes: &[Hash]) -> Self {
        Proof::Prefix { root: base64(&root.0), hashes: all_base64(hashes) }
    }
}

/// What evidence proves, to who knows the key alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proved {
    /// The log signed two trees of which neither continues the other.
    Fork,
    /// The log signed an entry that no log may take.
    BadEntry,
    /// The index log signed what is no head, or a head that contradicts its log, or another of its heads.
    BadHead,
    /// The log signed an SCT, and the entry does not stand where the SCT promises it.
    NotIncluded,
    /// The log signed what is shown. Whether that is wrong needs more than is here.
    Signed,
}

impl Proved {
    /// What evidence of this is called.
    fn kinds(&self) -> &'static [&'static str] {
        match self {
            Proved::Fork => &["fork"],
            Proved::BadEntry => &["bad-leaf", "bad-parameters", "bad-statement", "orphan-registration"],
            Proved::BadHead => &["bad-index-head"],
            Proved::NotIncluded => &["sct-not-included"],
            Proved::Signed => &[],
        }
    }

    /// Whether evidence that is called so can prove that an entry is bad.
    pub(in crate::client) fn is_of_entry(kind: &str) -> bool {
        Proved::BadEntry.kinds().contains(&kind)
    }
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
    /// It proves something else than its name says.
    #[error("it proves something else than what it is called: nobody who writes evidence made this file")]
    Kind,
}

impl Evidence {
    /// Evidence of these checkpoints.
    pub fn new(kind: &str, checkpoints: &[&Note], proof: Option<Proof>) -> Self {
        Evidence {
            format: FORMAT.into(),
            kind: kind.into(),
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
        parsed.flatten().filter(Evidence::is_well_formed).ok_or(Unproved::Malformed)
    }

    /// The kind is shown to people: it is a name, and no text.
    fn is_well_formed(&self) -> bool {
        let is_name =
            |kind: &str| kind.len() <= 40 && kind.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        self.format == FORMAT && is_name(&self.kind) && (1..=2).contains(&self.checkpoints.len())
    }

    /// The origin of the log that it accuses; none where there is no checkpoint.
    pub fn origin(&self) -> Option<String> {
        let note = Note::parse(self.checkpoints.first()?.as_bytes()).ok()?;
        Some(Checkpoint::parse(note.text()).ok()?.origin)
    }

    /// The bytes of the file.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("strings and numbers are JSON");
        bytes.push(b'\n');
        bytes
    }

    /// Whether it shows entries of the log, which may hold what names a number.
    pub fn shows_entries(&self) -> bool {
        match &self.proof {
            Some(Proof::Entry { .. } | Proof::Promise(_)) => true,
            Some(Proof::Head { against, .. }) => matches!(against, Against::Step { .. }),
            Some(Proof::Prefix { .. }) | None => false,
        }
    }

    /// What it proves to who has pinned these keys. Signatures in the checkpoints by others are not looked at.
    ///
    /// # Errors
    /// [`Unproved`].
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<Proved, Unproved> {
        let proved = self.judge(keys)?;
        let is_called_so = proved == Proved::Signed || proved.kinds().contains(&&*self.kind);
        if is_called_so { Ok(proved) } else { Err(Unproved::Kind) }
    }

    fn judge(&self, keys: &[VerifierKey]) -> Result<Proved, Unproved> {
        if !self.is_well_formed() {
            return Err(Unproved::Malformed);
        }
        let (mut notes, mut opened, mut signers) = (Vec::new(), Vec::new(), Vec::new());
        for (place, note) in self.checkpoints.iter().enumerate() {
            let note = Note::parse(note.as_bytes()).map_err(|_| Unproved::Malformed)?;
            let signed = keys.iter().find_map(|key| Some((Checkpoint::open(&note, key).ok()?, key)));
            let (checkpoint, key) = signed.ok_or(Unproved::NotSigned(place + 1))?;
            opened.push(checkpoint);
            signers.push(key);
            notes.push(note);
        }
        // Two keys of one name may be of two trees, each of them honest.
        if let ([a, b], [signer, other]) = (&opened[..], &signers[..])
            && a.origin == b.origin
            && signer != other
        {
            return Err(Unproved::Proof);
        }
        match (&opened[..], &self.proof) {
            ([], _) => Err(Unproved::Malformed),
            ([a, b], Some(Proof::Prefix { root, hashes })) if a.origin == b.origin => {
                other_prefix(a, b, &hash(root)?, &all(hashes)?)
            }
            ([a, b], None) if a.origin == b.origin && a.size == b.size && a.root != b.root => {
                Ok(Proved::Fork)
            }
            ([of, ..], Some(Proof::Entry { wrong, others })) => entry::judge(of, wrong, others),
            ([of, log], Some(Proof::Head { head, against })) => head::judge(of, log, head, against),
            ([of, ..], Some(Proof::Promise(promise))) => Ok(match promise.judge(&notes[0], of)? {
                Outcome::Broken => Proved::NotIncluded,
                Outcome::Kept | Outcome::Due => Proved::Signed,
            }),
            (_, Some(Proof::Prefix { .. } | Proof::Head { .. })) => Err(Unproved::Proof),
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

fn base64(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

fn all_base64(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(|hash| base64(&hash.0)).collect()
}

fn bytes(text: &str) -> Result<Vec<u8>, Unproved> {
    Base64::decode_vec(text).map_err(|_| Unproved::Malformed)
}

fn hash(text: &str) -> Result<Hash, Unproved> {
    bytes(text)?.try_into().map(Hash).map_err(|_| Unproved::Malformed)
}

fn all(texts: &[String]) -> Result<Vec<Hash>, Unproved> {
    texts.iter().map(|text| hash(text)).collect()
}

#[cfg(test)]
mod tests;
