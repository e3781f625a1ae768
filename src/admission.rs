//! Admission: which chains a log takes. Pure, and shared with apps, which check a peer's chain by the same rules.
//!
//! [`admit`] is the log's question, at any time of day: expired and future certificates are logged. [`check_chain`] is
//! an app's: the same, and valid now, and ECDSA throughout. Signatures are verified last, each issuer's once.

use std::fmt;
use std::sync::Arc;

use crate::anchors::{Anchor, Anchors, VerifiedIssuers};
use crate::certificate::Certificate;
use crate::classify::Class;
use crate::precertificate::{Poison, poison, precertificate_tbs};
use crate::rule::{Refusal, Rule};
use crate::signature::{KeyAlgorithm, SignatureAlgorithm, SignatureError, VerifySignature};
use crate::tnauthlist::Scope;

/// The most certificates in a submitted chain.
pub const MAX_CHAIN: usize = 10;

/// Which of the two RFC 6962 submissions it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// add-chain: a final certificate.
    Final,
    /// add-pre-chain: a precertificate.
    Precertificate,
}

/// What chains are checked against.
#[derive(Clone, Copy)]
pub struct Trust<'a> {
    /// The accepted roots.
    pub anchors: &'a Anchors,
    /// What verifies signatures.
    pub verifier: &'a dyn VerifySignature,
    /// Which issuers need no verification any more.
    pub verified: Option<&'a VerifiedIssuers>,
}

/// A chain that was admitted. `Debug` shows no content of a certificate.
#[derive(Clone)]
pub struct Admitted {
    kind: Kind,
    chain: Vec<Arc<Certificate>>,
    issuer: usize,
    tbs: Option<Vec<u8>>,
}

impl fmt::Debug for Admitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admitted")
            .field("kind", &self.kind)
            .field("chain", &self.chain)
            .finish_non_exhaustive()
    }
}

impl Admitted {
    /// Final certificate or precertificate.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The RFC 6962 entry type of what was submitted: 0 or 1. The identity of a submission is this and its signed
    /// entry.
    pub fn entry_type(&self) -> u16 {
        match self.kind {
            Kind::Final => 0,
            Kind::Precertificate => 1,
        }
    }

    /// The submitted certificate.
    pub fn certificate(&self) -> &Arc<Certificate> {
        &self.chain[0]
    }

    /// The whole chain up to and including the accepted root, which the submitter may have left out.
    pub fn chain(&self) -> &[Arc<Certificate>] {
        &self.chain
    }

    /// Who issues the final certificate: the certificate next in the chain, or the one after it where a precertificate
    /// signing certificate is between.
    pub fn issuer(&self) -> &Arc<Certificate> {
        &self.chain[self.issuer]
    }

    /// SHA-256 of the SubjectPublicKeyInfo of [`Self::issuer`] (RFC 6962 §3.2).
    pub fn issuer_key_hash(&self) -> &[u8; 32] {
        self.issuer().spki_sha256()
    }

    /// The TBSCertificate of a precertificate as its SCT signs it; `None` for a final certificate.
    pub fn tbs(&self) -> Option<&[u8]> {
        self.tbs.as_deref()
    }

    /// The RFC 6962 `signed_entry`: the certificate, or issuer key hash and TBSCertificate, with 24-bit lengths.
    pub fn signed_entry(&self) -> Vec<u8> {
        let (head, body) = match &self.tbs {
            None => (&[][..], self.certificate().der()),
            Some(tbs) => (&self.issuer_key_hash()[..], tbs.as_slice()),
        };
        let mut entry = Vec::with_capacity(head.len() + 3 + body.len());
        entry.extend_from_slice(head);
        entry.extend_from_slice(&(body.len() as u32).to_be_bytes()[1..]);
        entry.extend_from_slice(body);
        entry
    }

    /// What the submitted certificate names.
    pub fn class(&self) -> &Class {
        self.certificate().class().expect("an admitted certificate has a class")
    }

    /// The country calling codes of what the submitted certificate names: sorted, without repetition.
    pub fn calling_codes(&self) -> Vec<u16> {
        self.class().scope().map(Scope::calling_codes).unwrap_or_default().into_iter().flatten().collect()
    }

    /// The delegate CAs of the chain that name single numbers, each with its issuer: they must be in the log before
    /// what they issue. The root is exempt: the operator has accepted it.
    pub fn requires_logged(&self) -> impl Iterator<Item = (&Arc<Certificate>, &Arc<Certificate>)> {
        let pairs = self.chain.windows(2).skip(1).map(|pair| (&pair[0], &pair[1]));
        pairs.filter(|(delegate, _)| delegate.class().is_ok_and(Class::is_hidden))
    }

    /// The CA certificates of the chain that may be shown to everybody, the root first: none that names single numbers,
    /// and none below one, since its issuer name would tell.
    pub fn public_issuers(&self) -> impl Iterator<Item = &Arc<Certificate>> {
        let issuers = if self.chain.len() == 1 { &self.chain[..] } else { &self.chain[1..] };
        issuers.iter().rev().take_while(|issuer| !issuer.class().is_ok_and(Class::is_hidden))
    }
}

/// Checks a submitted chain, the certificate first and each issuer after what it issued; the root may be left out.
///
/// Costs one signature verification for the submitted certificate and one for each issuer that `trust.verified` does
/// not know yet, and besides a few microseconds for each certificate.
///
/// # Errors
///
/// A [`Refusal`] with the first rule that is broken and the certificate that breaks it.
pub fn admit(chain: &[Arc<Certificate>], kind: Kind, trust: &Trust<'_>) -> Result<Admitted, Refusal> {
    check_shape(chain)?;
    check_kind(chain, kind)?;
    each(chain, |certificate| certificate.class().map(|_| ()))?;
    check_names(chain)?;
    let submitted = chain;
    let (chain, anchor) = complete(submitted, trust)?;
    if let Some(added) = chain.get(submitted.len()) {
        check_issuer_kind(added, submitted.len(), kind)?;
    }
    let signer = signer(&chain, kind)?;
    check_issuers(&chain, signer)?;
    check_encompassing(&chain, signer)?;
    check_calling_codes(&chain[0], anchor)?;
    verify_signatures(&chain, trust).map_err(|refusal| as_unknown_root(refusal, submitted))?;
    let issuer = (1 + usize::from(signer)).min(chain.len() - 1);
    let tbs = match kind {
        Kind::Final => None,
        Kind::Precertificate => Some(precertificate_tbs(&chain[0], signer.then(|| &*chain[1]))),
    };
    Ok(Admitted { kind, chain, issuer, tbs })
}

/// Whether a precertificate signing certificate is next in the chain. Its own issuer must be there too: the final
/// certificate will be that one's.
fn signer(chain: &[Arc<Certificate>], kind: Kind) -> Result<bool, Refusal> {
    let next = chain.get(1).filter(|_| kind == Kind::Precertificate);
    match next.is_some_and(|next| next.signs_precertificates()) {
        true if chain.len() < 3 => Err(refuse(1, Rule::UnknownRoot)),
        signer => Ok(signer),
    }
}

fn refuse(certificate: usize, rule: Rule) -> Refusal {
    Refusal { rule, certificate }
}

fn each(chain: &[Arc<Certificate>], check: impl Fn(&Certificate) -> Result<(), Rule>) -> Result<(), Refusal> {
    chain.iter().enumerate().try_for_each(|(index, c)| check(c).map_err(|rule| refuse(index, rule)))
}

fn check_shape(chain: &[Arc<Certificate>]) -> Result<(), Refusal> {
    if chain.is_empty() {
        return Err(refuse(0, Rule::EmptyChain));
    }
    if chain.len() > MAX_CHAIN {
        return Err(refuse(MAX_CHAIN, Rule::ChainTooLong));
    }
    for (index, certificate) in chain.iter().enumerate() {
        if chain[..index].contains(certificate) {
            return Err(refuse(index, Rule::Duplicate));
        }
    }
    Ok(())
}

fn check_kind(chain: &[Arc<Certificate>], kind: Kind) -> Result<(), Refusal> {
    match (poison(&chain[0]), kind) {
        (Poison::Bad, _) => return Err(refuse(0, Rule::BadPoison)),
        (Poison::Present, Kind::Final) => return Err(refuse(0, Rule::Precertificate)),
        (Poison::Absent, Kind::Precertificate) => return Err(refuse(0, Rule::FinalCertificate)),
        _ => {}
    }
    (1..chain.len()).try_for_each(|index| check_issuer_kind(&chain[index], index, kind))
}

fn check_issuer_kind(issuer: &Certificate, index: usize, kind: Kind) -> Result<(), Refusal> {
    if poison(issuer) != Poison::Absent {
        return Err(refuse(index, Rule::PoisonedIssuer));
    }
    if issuer.signs_precertificates() && (index > 1 || kind == Kind::Final) {
        return Err(refuse(index, Rule::PrecertificateSigner));
    }
    Ok(())
}

fn check_names(chain: &[Arc<Certificate>]) -> Result<(), Refusal> {
    let wrong = chain.windows(2).position(|pair| pair[0].issuer() != pair[1].subject());
    wrong.map_or(Ok(()), |index| Err(refuse(index, Rule::WrongIssuer)))
}

/// The chain up to and including an accepted root. Of several roots with the right name, the one that signed.
fn complete<'a>(
    chain: &[Arc<Certificate>],
    trust: &Trust<'a>,
) -> Result<(Vec<Arc<Certificate>>, &'a Anchor), Refusal> {
    let last = chain.len() - 1;
    let own = trust.anchors.get(&chain[last]);
    if let Some(anchor) = own.filter(|_| last > 0 || chain[last].is_self_issued()) {
        return Ok((chain.to_vec(), anchor));
    }
    let anchor = issuing_anchor(chain, trust)?;
    let mut chain = chain.to_vec();
    chain.push(anchor.certificate.clone());
    Ok((chain, anchor))
}

/// The root that issued the last certificate. Verifies its signature only to choose between several.
fn issuing_anchor<'a>(chain: &[Arc<Certificate>], trust: &Trust<'a>) -> Result<&'a Anchor, Refusal> {
    let last = chain.len() - 1;
    let mut named = trust.anchors.named(chain[last].issuer());
    let first = named.next().ok_or(refuse(last, Rule::UnknownRoot))?;
    let mut others = named.peekable();
    if others.peek().is_none() {
        return Ok(first);
    }
    let signed = |anchor: &&Anchor| verify_pair(chain, last, &anchor.certificate, trust).is_ok();
    Ok(std::iter::once(first).chain(others).find(signed).unwrap_or(first))
}

/// CA flag, key usage and path length of each issuer. A precertificate signing certificate does not count for the path
/// length: it is not in the chain of the certificate that will be issued, which RFC 6962 §3.1 lets a log regard.
fn check_issuers(chain: &[Arc<Certificate>], signer: bool) -> Result<(), Refusal> {
    let mut below = 0usize;
    for (index, issuer) in chain.iter().enumerate().skip(1) {
        if !issuer.is_ca() {
            return Err(refuse(index, Rule::NotACa));
        }
        if !issuer.may_sign_certificates() {
            return Err(refuse(index, Rule::MayNotSign));
        }
        if issuer.path_len().is_some_and(|limit| below > usize::from(limit)) {
            return Err(refuse(index, Rule::PathLength));
        }
        let is_signer = index == 1 && signer;
        below += usize::from(!issuer.is_self_issued() && !is_signer);
    }
    Ok(())
}

/// Goes from the root down: the nearest CA above that names something binds (RFC 9060). That is enough, for what it
/// names is bound by the next one above it. A precertificate signing certificate that names nothing passes it on.
fn check_encompassing(chain: &[Arc<Certificate>], signer: bool) -> Result<(), Refusal> {
    let mut binding: Option<&Scope> = None;
    for (index, certificate) in chain.iter().enumerate().rev() {
        let class = certificate.class().map_err(|rule| refuse(index, rule))?;
        let is_signer = index == 1 && signer && *class == Class::UnlimitedCa;
        let hides = matches!(binding, Some(Scope::Numbers(_)));
        if hides && !class.is_hidden() && !is_signer {
            return Err(refuse(index, Rule::OpenBelowNumbers));
        }
        match (class, binding) {
            (Class::Unreadable, _) if index > 0 => return Err(refuse(index, Rule::UnreadableIssuer)),
            (Class::Unreadable, Some(Scope::Blocks(_))) => return Err(refuse(index, Rule::NotEncompassed)),
            (Class::Names(scope), Some(parent)) if !parent.encompasses(scope) => {
                return Err(refuse(index, Rule::NotEncompassed));
            }
            _ => {}
        }
        binding = class.scope().or(binding);
    }
    Ok(())
}

fn check_calling_codes(certificate: &Certificate, anchor: &Anchor) -> Result<(), Refusal> {
    let Some(allowed) = &anchor.calling_codes else { return Ok(()) };
    let class = certificate.class().map_err(|rule| refuse(0, rule))?;
    let codes = class.scope().map(Scope::calling_codes).unwrap_or_default();
    if codes.iter().all(|code| code.is_some_and(|code| allowed.contains(&code))) {
        Ok(())
    } else {
        Err(refuse(0, Rule::CallingCode))
    }
}

/// A self-issued certificate at the end that only shares the name of an accepted root is a root of its own.
fn as_unknown_root(refusal: Refusal, submitted: &[Arc<Certificate>]) -> Refusal {
    let at_end = refusal.certificate + 1 == submitted.len();
    if at_end && refusal.rule == Rule::BadSignature && submitted[refusal.certificate].is_self_issued() {
        return refuse(refusal.certificate, Rule::UnknownRoot);
    }
    refusal
}

/// From the root down, so that the work for a forged chain ends at its first forged certificate.
fn verify_signatures(chain: &[Arc<Certificate>], trust: &Trust<'_>) -> Result<(), Refusal> {
    let issued = 0..chain.len() - 1;
    issued.rev().try_for_each(|index| verify_pair(chain, index, &chain[index + 1], trust))
}

/// Verifies that `issuer` signed `chain[index]`. Remembers the pair for CA certificates, which come again.
fn verify_pair(
    chain: &[Arc<Certificate>],
    index: usize,
    issuer: &Certificate,
    trust: &Trust<'_>,
) -> Result<(), Refusal> {
    let subject = &chain[index];
    let memory = trust.verified.filter(|_| subject.is_ca());
    if memory.is_some_and(|memory| memory.contains(subject, issuer)) {
        return Ok(());
    }
    let algorithm = subject.signature_algorithm();
    if let SignatureAlgorithm::Other(name) = algorithm {
        return Err(refuse(index, Rule::SignatureAlgorithm(name)));
    }
    let key = issuer.public_key();
    match key.algorithm {
        KeyAlgorithm::Other(name) => return Err(refuse(index + 1, Rule::IssuerKey(name))),
        KeyAlgorithm::Rsa { bits } if !(2048..=4096).contains(&bits) => {
            return Err(refuse(index + 1, Rule::RsaLength(bits)));
        }
        _ => {}
    }
    match trust.verifier.verify(key, algorithm, subject.tbs(), subject.signature()) {
        Ok(()) => {}
        Err(SignatureError::Unsupported) => return Err(refuse(index, Rule::SignatureUnsupported)),
        Err(SignatureError::Invalid) => return Err(refuse(index, Rule::BadSignature)),
    }
    if let Some(memory) = memory {
        memory.insert(subject, issuer);
    }
    Ok(())
}

/// Checks a peer's chain as an app does, at `now` in seconds since 1970: [`admit`] for a final certificate, and every
/// certificate valid now, the root included; ECDSA throughout, also where `trust.verifier` knows more; no critical
/// extension that is not understood.
///
/// # Errors
///
/// A [`Refusal`] with the first rule that is broken and the certificate that breaks it.
pub fn check_chain(chain: &[Arc<Certificate>], now: i64, trust: &Trust<'_>) -> Result<Admitted, Refusal> {
    let admitted = admit(chain, Kind::Final, trust)?;
    let root = admitted.chain.len() - 1;
    each(&admitted.chain, |certificate| {
        if now < certificate.not_before() {
            return Err(Rule::NotYetValid);
        }
        if now > certificate.not_after() {
            return Err(Rule::Expired);
        }
        if !certificate.public_key().is_ecdsa() {
            return Err(Rule::NotEcdsa);
        }
        if certificate.has_unknown_critical_extension() {
            return Err(Rule::CriticalExtension);
        }
        Ok(())
    })?;
    each(&admitted.chain[..root], |c| {
        if c.signature_algorithm().is_ecdsa() { Ok(()) } else { Err(Rule::SignatureUnsupported) }
    })?;
    Ok(admitted)
}

#[cfg(test)]
mod tests;
