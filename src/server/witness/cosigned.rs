//! A checkpoint with the cosignatures of a quorum: how it is kept, served, and found again.

use std::io;

use super::ask::Cosignature;
use crate::note::Note;
use crate::server::read::LogReader;
use crate::server::sequencer::{Published, Publisher};
use crate::server::signer::CheckpointSigner;
use crate::server::staging::Tree;
use crate::server::witness::{Witnesses, WitnessesError};
use crate::{cosignature, merkle};

/// The name of the cosigned checkpoint in the served folder: for readers whose policy asks for witnesses, over HTTP and from
/// static web servers, and to go on with after a restart. It is not synced: when a crash damages it, the witnesses are asked
/// again.
pub const COSIGNED: &str = "tn/v1/checkpoint";

/// A checkpoint that the quorum of witnesses has cosigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigned {
    /// Size and root.
    pub tree: Tree,
    /// The signed note: the log's signatures, then the cosignatures.
    pub note: String,
    /// The lines of the cosignatures, each with its newline.
    cosignatures: String,
}

impl Cosigned {
    pub(super) fn new<'a>(
        published: &Published,
        cosignatures: impl Iterator<Item = &'a Cosignature>,
    ) -> Self {
        let cosignatures: String = cosignatures.map(|Cosignature(line)| format!("{line}\n")).collect();
        let note = format!("{}{cosignatures}", published.note);
        Cosigned { tree: published.tree, note, cosignatures }
    }

    /// What this adds to a published checkpoint: its cosignatures when it is the same tree, otherwise nothing.
    pub fn on(&self, published: &Published) -> String {
        if self.tree == published.tree {
            format!("{}{}", published.note, self.cosignatures)
        } else {
            published.note.clone()
        }
    }

    /// Writes it into the served folder: always as [`COSIGNED`], and as `checkpoint` unless a newer one is published.
    pub(in crate::server) fn publish(&self, publisher: &Publisher) -> io::Result<()> {
        publisher.put(COSIGNED, self.note.as_bytes())?;
        publisher.cosign(&self.tree, &self.cosignatures)
    }

    /// Finds what was published before a restart; none when there is nothing that meets the quorum of these witnesses.
    ///
    /// # Errors
    /// [`WitnessesError::SetBack`] when the log signed and published more than it now has.
    pub fn find(
        reader: &LogReader,
        published: &Published,
        signer: &CheckpointSigner,
        witnesses: &Witnesses,
    ) -> Result<Option<Self>, WitnessesError> {
        match reader.object(COSIGNED)? {
            Some(checkpoint) => Cosigned::verify(&checkpoint, reader, published, signer, Some(witnesses)),
            None => Ok(None),
        }
    }

    /// A checkpoint of before a restart, that this signer signed and, where there are witnesses, their quorum cosigned; none
    /// when they did not.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub fn verify(
        checkpoint: &[u8],
        reader: &LogReader,
        published: &Published,
        signer: &CheckpointSigner,
        witnesses: Option<&Witnesses>,
    ) -> Result<Option<Self>, WitnessesError> {
        let Some(signed) = signer.open(checkpoint) else { return Ok(None) };
        let (old, new) = (signed.tree, published.tree);
        if old.size > new.size {
            return Err(WitnessesError::SetBack { cosigned: old.size, published: new.size });
        }
        let proof = if old.size == new.size {
            Vec::new()
        } else {
            reader.consistency(old.size, new.size, new.size)?
        };
        if merkle::check_consistency(&proof, old.size, &old.root, new.size, &new.root).is_err() {
            return Err(WitnessesError::OtherTree(old.size));
        }
        let Some(witnesses) = witnesses else {
            let note = String::from_utf8(checkpoint.to_vec()).ok();
            return Ok(note.map(|note| Cosigned { tree: signed.tree, note, cosignatures: String::new() }));
        };
        Ok(Cosigned::recognise(checkpoint, signed.tree, witnesses))
    }

    /// A note whose cosignatures are those of these witnesses; none when they do not meet the quorum.
    fn recognise(checkpoint: &[u8], tree: Tree, witnesses: &Witnesses) -> Option<Self> {
        let note = Note::parse(checkpoint).ok()?;
        let (mut cosigned, mut cosignatures, mut others) = (Vec::new(), String::new(), String::new());
        for signature in note.signatures() {
            let of = |key: &crate::note::VerifierKey| {
                key.made(signature) && cosignature::check(key, note.text(), signature.body()).is_some()
            };
            match witnesses.addresses().iter().position(|address| of(&address.key)) {
                Some(witness) => {
                    cosigned.push(witness);
                    cosignatures.push_str(&format!("{signature}\n"));
                }
                None => others.push_str(&format!("{signature}\n")),
            }
        }
        let note = format!("{}\n{others}{cosignatures}", note.text());
        witnesses.is_met(cosigned).then_some(Cosigned { tree, note, cosignatures })
    }
}
