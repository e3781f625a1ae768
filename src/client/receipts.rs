//! Whether a receipt is that of a certificate, apart from whether the certificate is to be trusted.
//!
//! Who submits certificates wants to know that each is in the log, also those that have expired, or that chain to a root
//! that nobody here trusts. An app asks [`Verifier::verify`](crate::receipt::Verifier::verify), which asks much more.

use std::sync::Arc;

use crate::admission::{Admitted, Kind, Trust, admit};
use crate::anchors::{Anchor, Anchors};
use crate::certificate::Certificate;
use crate::entry::Leaf;
use crate::label::LabelPublicKey;
use crate::policy::Policy;
use crate::precertificate::{Poison, poison};
use crate::receipt::{KnownLog, Receipt, Untrusted};
use crate::signature::{PublicKeyInfo, SignatureAlgorithm, SignatureError, VerifySignature};
use crate::submission::{Hidden, Submission};

/// A certificate that is in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// The index of its leaf.
    pub index: u64,
    /// The time of its leaf, in milliseconds of Unix time.
    pub timestamp: u64,
    /// The witnesses of the policy that cosigned, with the time of each in seconds of Unix time.
    pub cosigned: Vec<(String, u64)>,
}

/// Passes every signature: the log judged the chain, and what is asked here is what it logged.
struct Unjudged;

impl VerifySignature for Unjudged {
    fn verify(
        &self,
        _: PublicKeyInfo<'_>,
        _: SignatureAlgorithm,
        _: &[u8],
        _: &[u8],
    ) -> Result<(), SignatureError> {
        Ok(())
    }
}

/// The chain as the log admitted it, with its last certificate for the root. Its signatures are **not verified**.
///
/// # Errors
/// [`Untrusted::Chain`] when it is none that a log takes; also when it is a lone certificate, whose issuer is needed.
pub(super) fn unjudged(chain: &[Arc<Certificate>]) -> Result<Admitted, Untrusted> {
    let root = chain.last().map(|last| Anchor { certificate: last.clone(), calling_codes: None });
    let anchors = Anchors::new(root);
    let trust = Trust { anchors: &anchors, verifier: &Unjudged, verified: None };
    let precertificate = chain.first().is_some_and(|first| poison(first) == Poison::Present);
    let kind = if precertificate { Kind::Precertificate } else { Kind::Final };
    Ok(admit(chain, kind, &trust)?)
}

/// Whether the receipt shows that the certificate or precertificate at the head of `chain` is in the log, under a checkpoint that
/// meets the policy. The chain itself is **not judged**: neither its signatures nor its dates nor its root.
///
/// # Errors
/// [`Untrusted`], for all reasons but those that are about trust in the chain.
pub fn check_logged(
    receipt: &Receipt,
    chain: &[Arc<Certificate>],
    log: &KnownLog,
    policy: &Policy,
) -> Result<Logged, Untrusted> {
    let admitted = unjudged(chain)?;
    let checked = policy.check_note(&receipt.proof.checkpoint)?;
    if checked.checkpoint.origin != log.parameters.origin {
        return Err(Untrusted::UnknownLog(checked.checkpoint.origin));
    }
    let submission = match (receipt.extra.precertificate, admitted.kind()) {
        (false, Kind::Final) | (true, Kind::Precertificate) => Submission::of(&admitted),
        (true, Kind::Final) => {
            Submission::of_precertificate(admitted.certificate(), *admitted.issuer_key_hash())
                .ok_or(Untrusted::Kind)?
        }
        (false, Kind::Precertificate) => return Err(Untrusted::Kind),
    };
    let leaf = recompute(&submission, admitted.class().numbers(), receipt, &log.label_key)?;
    receipt.proof.check(&checked.checkpoint, &leaf).map_err(|_| Untrusted::NotIncluded)?;
    let (index, timestamp) = (receipt.proof.index, receipt.extra.timestamp);
    Ok(Logged { index, timestamp, cosigned: checked.cosigned })
}

fn recompute(
    submission: &Submission<'_>,
    numbers: &[crate::number::Number],
    receipt: &Receipt,
    key: &LabelPublicKey,
) -> Result<Vec<u8>, Untrusted> {
    let entry = match &receipt.extra.secrets {
        None => submission.open_entry(),
        Some(_) if numbers.is_empty() => None,
        Some(secrets) => {
            let labels = key.check(numbers, &secrets.evaluation)?;
            let (certificate_id, opening) = (secrets.certificate_id, secrets.opening.clone());
            submission.number_entry(&Hidden { labels, certificate_id, opening })
        }
    };
    let (timestamp, index) = (receipt.extra.timestamp, receipt.proof.index);
    Ok(Leaf { timestamp, entry: entry.ok_or(Untrusted::Kind)?, index }.encode()?)
}
