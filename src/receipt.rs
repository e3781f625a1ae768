//! Receipts: what an app needs to believe, offline, that a peer's certificate is in a log.
//!
//! A receipt is a C2SP `tlog-proof` whose extra data is what cannot be computed from the certificate: time, and for a
//! certificate that names numbers the opening, the certificate id and the proof of its labels. It is then as secret as the
//! number. [`Verifier::verify`] is the one call of an app.

use std::fmt;
use std::sync::Arc;

use crate::admission::{Admitted, Trust, check_chain};
use crate::anchors::{Anchors, VerifiedIssuers};
use crate::cbor::{self, array, key, list, map_length};
use crate::certificate::Certificate;
use crate::commitment::{CertificateId, Opening};
use crate::entry::{Entry, EntryType, Leaf, LeafError, Parameters};
use crate::label::{Evaluation, LabelError, LabelPublicKey, PROOF};
use crate::note::Note;
use crate::number::{Number, ServiceProviderCode};
use crate::policy::{Checked, Policy, PolicyError};
use crate::proof::{ProofFormatError, TlogProof};
use crate::rule::Refusal;
use crate::sct::{ExtensionsError, SctError, SctKey};
use crate::signature::Ecdsa;
use crate::submission::{Hidden, Submission};
use crate::tnauthlist::Scope;

/// The most numbers, and so elements, of one certificate.
const MAX_ELEMENTS: usize = 512;
/// The pairs of issuers that a [`Verifier`] remembers, at about 100 bytes each.
const REMEMBERED_ISSUERS: usize = 4096;

/// What the log tells of a `number_entry` to who shows its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secrets {
    /// Opens the leaf's commitment.
    pub opening: Opening,
    /// Pairs precertificate and certificate.
    pub certificate_id: CertificateId,
    /// Proves the labels of the certificate's numbers, in the order of their digits.
    pub evaluation: Evaluation,
}

/// The extra data of a receipt: deterministic CBOR with the keys 1 to 6, of which 3 to 6 are there for numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extra {
    /// Whether the precertificate was logged, not the final certificate.
    pub precertificate: bool,
    /// The time of the leaf, in milliseconds of Unix time.
    pub timestamp: u64,
    /// For a certificate that names numbers.
    pub secrets: Option<Secrets>,
}

impl Extra {
    /// `{1: entry type 0 or 1, 2: timestamp, 3: opening, 4: certificate id, 5: [elements], 6: proof}`.
    pub fn encode(&self) -> Vec<u8> {
        let entry_type = if self.precertificate { EntryType::Precert } else { EntryType::X509 };
        cbor::encode(|e| {
            e.map(if self.secrets.is_some() { 6 } else { 2 })?;
            e.u8(1)?.u16(entry_type as u16)?.u8(2)?.u64(self.timestamp)?;
            let Some(secrets) = &self.secrets else { return Ok(()) };
            e.u8(3)?.bytes(secrets.opening.expose())?;
            e.u8(4)?.bytes(&secrets.certificate_id.0)?;
            e.u8(5)?.array(secrets.evaluation.elements.len() as u64)?;
            for element in &secrets.evaluation.elements {
                e.bytes(element)?;
            }
            e.u8(6)?.bytes(&secrets.evaluation.proof)?;
            Ok(())
        })
    }

    /// Reads what [`encode`](Extra::encode) writes; none for anything else.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        cbor::decode(bytes, Extra::encode, |d| {
            let keys = map_length(d)?;
            let precertificate = key(d, 1)?.u16()? == EntryType::Precert as u16;
            let timestamp = key(d, 2)?.u64()?;
            let secrets = match keys {
                2 => None,
                _ => Some(Secrets {
                    opening: Opening::new(array(key(d, 3)?)?),
                    certificate_id: CertificateId(array(key(d, 4)?)?),
                    evaluation: Evaluation {
                        elements: list(key(d, 5)?, MAX_ELEMENTS, array)?,
                        proof: array::<PROOF>(key(d, 6)?)?,
                    },
                }),
            };
            Ok(Extra { precertificate, timestamp, secrets })
        })
    }
}

/// A receipt that was read, not yet verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Index, inclusion proof and checkpoint.
    pub proof: TlogProof,
    /// What the leaf is recomputed from, besides the certificate.
    pub extra: Extra,
}

/// Why bytes are no receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// They are no `tlog-proof`.
    #[error(transparent)]
    Proof(#[from] ProofFormatError),
    /// The extra data is not that of a receipt.
    #[error("the extra line of the receipt is missing or not what a tnlog receipt has there")]
    Extra,
}

impl Receipt {
    /// Reads a receipt.
    ///
    /// # Errors
    /// [`ReceiptError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ReceiptError> {
        let proof = TlogProof::parse(bytes)?;
        let extra = proof.extra.as_deref().and_then(Extra::decode).ok_or(ReceiptError::Extra)?;
        Ok(Receipt { proof, extra })
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.proof.fmt(f)
    }
}

/// What a peer claims to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// A telephone number. A service provider code never covers one.
    Number(Number),
    /// A service provider code, in any spelling of its letters.
    ServiceProviderCode(ServiceProviderCode),
}

/// A peer that can be trusted: its certificate covers the claim, chains to a root that the user chose, and is in a log.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The peer's chain up to the root.
    pub chain: Admitted,
    /// The origin of the log.
    pub origin: String,
    /// The index of the leaf.
    pub index: u64,
    /// The time of the leaf, in milliseconds of Unix time.
    pub timestamp: u64,
    /// The witnesses of the policy that cosigned, with the time of each in seconds of Unix time.
    pub cosigned: Vec<(String, u64)>,
}

/// Why a peer is not to be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// The chain breaks a rule, is not valid now, or leads to no root that this app trusts.
    #[error("the certificate is not acceptable: {0}")]
    Chain(#[from] Refusal),
    /// The certificate is somebody else's.
    #[error("the certificate does not cover what the peer claims to be")]
    NotCovered,
    /// The checkpoint of the receipt is not signed by a log of the policy, or not cosigned by its quorum.
    #[error("the receipt's checkpoint does not meet the policy: {0}")]
    Checkpoint(#[from] PolicyError),
    /// The app holds no parameters of this log.
    #[error("the receipt is of the log {0}, whose parameters this app has not verified yet")]
    UnknownLog(String),
    /// The receipt speaks of a precertificate, and the certificate carries no SCTs; or has secrets where there is no number,
    /// or none where there is.
    #[error("the receipt is of another kind of certificate")]
    Kind,
    /// The labels are not those of the certificate's numbers.
    #[error("the receipt does not prove the labels of the certificate's numbers: {0}")]
    Labels(#[from] LabelError),
    /// The leaf would be too long.
    #[error(transparent)]
    Leaf(#[from] LeafError),
    /// The leaf recomputed from certificate and receipt is not in the tree.
    #[error(
        "the certificate is not in the log at the place that the receipt says: it was never logged, or the receipt is of another one"
    )]
    NotIncluded,
}

/// Why a log's parameters are not to be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParametersError {
    /// The checkpoint does not meet the policy.
    #[error("the checkpoint of the parameters does not meet the policy: {0}")]
    Checkpoint(#[from] PolicyError),
    /// The extra data is no leaf, or not the parameters leaf of the log that signed.
    #[error("the proof does not carry the parameters leaf of the log that signed its checkpoint")]
    Leaf,
    /// The leaf is not leaf 0 of the tree.
    #[error("the parameters are not leaf 0 of the log")]
    NotIncluded,
    /// A key in the parameters is no such key.
    #[error("the parameters hold a key that is none: {0}")]
    Key(LabelError),
    /// The SCT key in the parameters is no P-256 key.
    #[error("the parameters hold an SCT key that is no P-256 key")]
    SctKey,
}

/// A log whose parameters were verified: with its keys, leaves and SCTs of it can be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownLog {
    /// Leaf 0.
    pub parameters: Parameters,
    /// What its labels verify with.
    pub label_key: LabelPublicKey,
    /// What its SCTs and tree heads verify with.
    pub sct_key: SctKey,
}

impl KnownLog {
    /// Reads the keys out of parameters that the caller has verified to be leaf 0.
    ///
    /// # Errors
    /// [`ParametersError::Key`], [`ParametersError::SctKey`].
    pub fn new(parameters: Parameters) -> Result<Self, ParametersError> {
        let label_key = LabelPublicKey::from_bytes(&parameters.label_key).map_err(ParametersError::Key)?;
        let sct_key = SctKey::from_spki(&parameters.sct_key).ok_or(ParametersError::SctKey)?;
        Ok(KnownLog { parameters, label_key, sct_key })
    }

    /// Verifies the proof that a log serves of its parameters: leaf 0, as extra data, in a checkpoint that meets the policy.
    ///
    /// # Errors
    /// [`ParametersError`].
    pub fn open(proof: &TlogProof, policy: &Policy) -> Result<Self, ParametersError> {
        let checked = policy.check_note(&proof.checkpoint)?;
        let bytes = proof.extra.as_deref().ok_or(ParametersError::Leaf)?;
        let leaf = Leaf::decode(bytes).map_err(|_| ParametersError::Leaf)?;
        let Entry::Parameters(parameters) = leaf.entry else { return Err(ParametersError::Leaf) };
        if parameters.origin != checked.checkpoint.origin {
            return Err(ParametersError::Leaf);
        }
        if proof.index != 0 || leaf.index != 0 || proof.check(&checked.checkpoint, bytes).is_err() {
            return Err(ParametersError::NotIncluded);
        }
        KnownLog::new(parameters)
    }
}

/// All that an app decides by: the logs and witnesses of its policy, the logs' parameters, and the roots that its user trusts.
///
/// Make one and keep it: it remembers which issuers it has verified.
#[derive(Debug)]
pub struct Verifier {
    policy: Policy,
    logs: Vec<KnownLog>,
    roots: Anchors,
    verified: VerifiedIssuers,
}

impl Verifier {
    /// From a policy, the logs of it whose parameters were verified, and the trusted roots.
    pub fn new(policy: Policy, logs: Vec<KnownLog>, roots: Anchors) -> Self {
        Verifier { policy, logs, roots, verified: VerifiedIssuers::new(REMEMBERED_ISSUERS) }
    }

    /// Whether the peer who shows `chain` (its certificate first, the root may be left out) is who it claims to be, as of `now`
    /// in seconds of Unix time. Needs no network and no other state. Costs 2 to 3 ms for a certificate of one number,
    /// most of it P-256 signatures; the receipt is looked at only when the certificate itself is acceptable.
    ///
    /// # Errors
    /// [`Untrusted`], which says why in words that can be shown.
    pub fn verify(
        &self,
        chain: &[Arc<Certificate>],
        claim: &Claim,
        receipt: &Receipt,
        now: i64,
    ) -> Result<Verified, Untrusted> {
        let trust = Trust { anchors: &self.roots, verifier: &Ecdsa, verified: Some(&self.verified) };
        let admitted = check_chain(chain, now, &trust)?;
        if !covers(admitted.certificate(), claim) {
            return Err(Untrusted::NotCovered);
        }
        let (checked, log) = self.check_note(&receipt.proof.checkpoint)?;
        let leaf = recompute(&admitted, receipt, &log.label_key)?;
        receipt.proof.check(&checked.checkpoint, &leaf).map_err(|_| Untrusted::NotIncluded)?;
        Ok(Verified {
            chain: admitted,
            origin: checked.checkpoint.origin,
            index: receipt.proof.index,
            timestamp: receipt.extra.timestamp,
            cosigned: checked.cosigned,
        })
    }

    /// A checkpoint that meets the policy, and the log that signed it.
    pub(crate) fn check_note(&self, note: &Note) -> Result<(Checked, &KnownLog), Untrusted> {
        let checked = self.policy.check_note(note)?;
        let origin = &checked.checkpoint.origin;
        let log = self.logs.iter().find(|log| log.parameters.origin == *origin);
        let log = log.ok_or_else(|| Untrusted::UnknownLog(origin.clone()))?;
        Ok((checked, log))
    }

    /// Verifies an SCT of a known log for an admitted certificate, final or precertificate.
    ///
    /// # Errors
    /// [`SctError`].
    pub fn verify_sct(&self, submission: &Submission<'_>, sct: &crate::sct::Sct) -> Result<(), SctError> {
        if sct.extensions.opening.is_some() != submission.is_hidden() {
            return Err(ExtensionsError::Unexpected.into());
        }
        let log = self.logs.iter().find(|log| *log.sct_key.log_id() == sct.log_id).ok_or(SctError::Log)?;
        sct.verify(submission.identity(), &log.sct_key)
    }
}

fn covers(certificate: &Certificate, claim: &Claim) -> bool {
    let Some(scope) = certificate.class().ok().and_then(|class| class.scope()) else { return false };
    match (claim, scope) {
        (Claim::Number(number), _) => scope.covers(number),
        (Claim::ServiceProviderCode(code), Scope::Spcs(codes)) => {
            codes.iter().any(|named| named.canonical() == code.canonical())
        }
        (Claim::ServiceProviderCode(_), _) => false,
    }
}

/// The bytes of the leaf that the log must hold for this certificate. What the receipt says is used only where the certificate
/// cannot say it; entry type and labels are the certificate's.
fn recompute(admitted: &Admitted, receipt: &Receipt, key: &LabelPublicKey) -> Result<Vec<u8>, Untrusted> {
    let Extra { precertificate, timestamp, secrets } = &receipt.extra;
    let submission = match precertificate {
        false => Submission::of(admitted),
        true => Submission::of_precertificate(admitted.certificate(), *admitted.issuer_key_hash())
            .ok_or(Untrusted::Kind)?,
    };
    let entry = match secrets {
        None => submission.open_entry(),
        Some(secrets) => {
            let numbers = admitted.class().numbers();
            if numbers.is_empty() {
                return Err(Untrusted::Kind);
            }
            let labels = key.check(numbers, &secrets.evaluation)?;
            let Secrets { opening, certificate_id, .. } = secrets.clone();
            submission.number_entry(&Hidden { labels, certificate_id, opening })
        }
    };
    let entry = entry.ok_or(Untrusted::Kind)?;
    Ok(Leaf { timestamp: *timestamp, entry, index: receipt.proof.index }.encode()?)
}
