//! Receipts of registrations: what an app needs to believe, offline, that a peer's registration is in the log that holds
//! the peer's credential.
//!
//! It shows that the registration was logged and has not ended, and not that it still stands: a later one may have replaced
//! it, or withdrawn it. That takes a look-up ([`crate::standing`]). It holds the number, the service and the contact, and is
//! for who is to reach the number there.

use std::fmt;

use crate::cbor::{self, array, key, map_length};
use crate::commitment::Opening;
use crate::entry::{Action, Entry, EntryType, Leaf, LeafError, read_signature};
use crate::label::{ELEMENT, Evaluation, LabelError, LabelPublicKey, PROOF};
use crate::number::Number;
use crate::proof::TlogProof;
use crate::receipt::{ReceiptError, Untrusted, Verified, Verifier};
use crate::registration::{Registration, RegistrationRefusal, ResolutionServices, SignedRegistration};
use crate::signature::Ecdsa;

/// The extra data of the receipt of a registration: deterministic CBOR with the keys 1 to 8, and 9 where an earlier
/// registration was replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationExtra {
    /// The time of the leaf, in milliseconds of Unix time.
    pub timestamp: u64,
    /// What was submitted, with the signatures of the submission that was logged or of another of the same statement.
    pub submitted: SignedRegistration,
    /// Opens the leaf's commitment.
    pub opening: Opening,
    /// Proves the label of the number.
    pub evaluation: Evaluation,
    /// The leaf of the registration that it replaces or withdraws.
    pub replaces: Option<u64>,
}

impl RegistrationExtra {
    /// `{1: 0x5402, 2: timestamp, 3: statement, 4: signature by the credential, 5: signature by the RS, 6: opening,
    /// 7: element, 8: proof}` and where there is one `9: the replaced leaf`.
    ///
    /// # Panics
    /// When the evaluation has no element.
    pub fn encode(&self) -> Vec<u8> {
        let SignedRegistration { statement, credential_signature, service_signature } = &self.submitted;
        cbor::encode(|e| {
            e.map(8 + u64::from(self.replaces.is_some()))?;
            e.u8(1)?.u16(EntryType::Registration as u16)?.u8(2)?.u64(self.timestamp)?;
            e.u8(3)?.bytes(&statement.encode())?;
            e.u8(4)?.bytes(credential_signature)?.u8(5)?.bytes(service_signature)?;
            e.u8(6)?.bytes(self.opening.expose())?;
            e.u8(7)?.bytes(&self.evaluation.elements[0])?.u8(8)?.bytes(&self.evaluation.proof)?;
            if let Some(index) = self.replaces {
                e.u8(9)?.u64(index)?;
            }
            Ok(())
        })
    }

    /// Reads what [`encode`](RegistrationExtra::encode) writes; none for anything else.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        cbor::decode(bytes, RegistrationExtra::encode, |d| {
            let keys = map_length(d)?;
            key(d, 1)?.u16()?;
            let timestamp = key(d, 2)?.u64()?;
            let statement =
                Registration::decode(key(d, 3)?.bytes()?).map_err(minicbor::decode::Error::custom)?;
            let credential_signature = read_signature(key(d, 4)?)?;
            let service_signature = read_signature(key(d, 5)?)?;
            let opening = Opening::new(array(key(d, 6)?)?);
            let element = array::<ELEMENT>(key(d, 7)?)?;
            let proof = array::<PROOF>(key(d, 8)?)?;
            Ok(RegistrationExtra {
                timestamp,
                submitted: SignedRegistration { statement, credential_signature, service_signature },
                opening,
                evaluation: Evaluation { elements: vec![element], proof },
                replaces: if keys == 9 { Some(key(d, 9)?.u64()?) } else { None },
            })
        })
    }
}

/// The receipt of a registration that was read, not yet verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationReceipt {
    /// Index, inclusion proof and checkpoint.
    pub proof: TlogProof,
    /// What the leaf is recomputed from.
    pub extra: RegistrationExtra,
}

impl RegistrationReceipt {
    /// Reads a receipt.
    ///
    /// # Errors
    /// [`ReceiptError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ReceiptError> {
        let proof = TlogProof::parse(bytes)?;
        let extra = proof.extra.as_deref().and_then(RegistrationExtra::decode).ok_or(ReceiptError::Extra)?;
        Ok(RegistrationReceipt { proof, extra })
    }

    /// The bytes of the leaf that the log must hold for this registration, under a label that the receipt proves.
    ///
    /// # Errors
    /// [`UntrustedRegistration::Receipt`].
    pub fn leaf(&self, key: &LabelPublicKey) -> Result<Vec<u8>, UntrustedRegistration> {
        let RegistrationExtra { timestamp, submitted, opening, evaluation, replaces } = &self.extra;
        let statement = &submitted.statement;
        let labels = key.check(&[statement.number], evaluation)?;
        let entry = Entry::Registration(statement.entry(labels[0], opening, *replaces));
        Ok(Leaf { timestamp: *timestamp, entry, index: self.proof.index }.encode()?)
    }
}

impl fmt::Display for RegistrationReceipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.proof.fmt(f)
    }
}

/// What an app asks about a registration.
#[derive(Clone, Copy, Debug)]
pub struct Reachable<'a> {
    /// The number that the app wants to reach: the one that it has verified the peer's certificate for.
    pub number: &'a Number,
    /// The service at which it wants to reach the peer: its own, byte for byte.
    pub service: &'a str,
    /// The Resolution Services that it trusts.
    pub services: &'a ResolutionServices,
    /// Seconds of Unix time.
    pub now: i64,
}

/// A registration that can be used.
#[derive(Clone, Debug)]
pub struct VerifiedRegistration {
    /// The statement.
    pub statement: Registration,
    /// The index of its leaf.
    pub index: u64,
    /// The time of the leaf, in milliseconds of Unix time.
    pub timestamp: u64,
    /// The witnesses of the policy that cosigned, with the time of each in seconds of Unix time.
    pub cosigned: Vec<(String, u64)>,
}

/// Why a registration is not to be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UntrustedRegistration {
    /// Checkpoint, log, leaf, label or inclusion: as for a certificate.
    #[error(transparent)]
    Receipt(#[from] Untrusted),
    /// Form or signatures of the statement, or an RS that the app does not trust.
    #[error(transparent)]
    Statement(#[from] RegistrationRefusal),
    /// It is logged elsewhere than the peer's certificate, or names another leaf, or a number that is not in the certificate.
    #[error("the registration is not about the credential that the peer showed")]
    OtherCredential,
    /// It is for another number than the one asked about.
    #[error("the registration is for another number")]
    OtherNumber,
    /// It is for another service.
    #[error("the registration is for another service")]
    OtherService,
    /// It is a withdrawal.
    #[error("it is the withdrawal of a registration")]
    Withdrawal,
    /// It is not valid yet.
    #[error("the registration is not valid yet")]
    NotYetValid,
    /// It has ended.
    #[error("the registration has ended")]
    Ended,
}

impl From<LabelError> for UntrustedRegistration {
    fn from(error: LabelError) -> Self {
        UntrustedRegistration::Receipt(error.into())
    }
}

impl From<LeafError> for UntrustedRegistration {
    fn from(error: LeafError) -> Self {
        UntrustedRegistration::Receipt(error.into())
    }
}

impl Verifier {
    /// Whether the peer whose certificate and receipt [`verify`](Verifier::verify) has accepted is registered as `asked`:
    /// by its key and an RS that the app trusts, in the same log, about the same leaf. Costs 2 ms, most of it signatures.
    ///
    /// # Errors
    /// [`UntrustedRegistration`], which says why in words that can be shown.
    pub fn verify_registration(
        &self,
        peer: &Verified,
        receipt: &RegistrationReceipt,
        asked: &Reachable<'_>,
    ) -> Result<VerifiedRegistration, UntrustedRegistration> {
        let RegistrationExtra { timestamp, submitted, .. } = &receipt.extra;
        let statement = &submitted.statement;
        check_use(statement, asked)?;
        let (checked, log) = self.check_note(&receipt.proof.checkpoint)?;
        if statement.log_id != *log.sct_key.log_id() {
            return Err(RegistrationRefusal::OtherLog.into());
        }
        if checked.checkpoint.origin != peer.origin || !is_about(statement, peer) {
            return Err(UntrustedRegistration::OtherCredential);
        }
        submitted.check_signatures(peer.chain.certificate().spki(), asked.services, &Ecdsa)?;
        let leaf = receipt.leaf(&log.label_key)?;
        receipt.proof.check(&checked.checkpoint, &leaf).map_err(|_| Untrusted::NotIncluded)?;
        Ok(VerifiedRegistration {
            statement: statement.clone(),
            index: receipt.proof.index,
            timestamp: *timestamp,
            cosigned: checked.cosigned,
        })
    }
}

fn check_use(statement: &Registration, asked: &Reachable<'_>) -> Result<(), UntrustedRegistration> {
    statement.check_form()?;
    if statement.action == Action::Withdraw {
        Err(UntrustedRegistration::Withdrawal)
    } else if statement.number != *asked.number {
        Err(UntrustedRegistration::OtherNumber)
    } else if statement.service != asked.service {
        Err(UntrustedRegistration::OtherService)
    } else if asked.now < statement.not_before {
        Err(UntrustedRegistration::NotYetValid)
    } else if asked.now > statement.not_after {
        Err(UntrustedRegistration::Ended)
    } else {
        Ok(())
    }
}

/// The certificate names the number singly, and the leaf is that of the certificate's receipt.
fn is_about(statement: &Registration, peer: &Verified) -> bool {
    peer.chain.class().numbers().contains(&statement.number) && statement.credential == peer.index
}

#[cfg(test)]
mod tests;
