//! The rules of admission by name, and the refusal that says which rule and which certificate of the chain.

use std::fmt;

use crate::block::RangeError;
use crate::certificate::CertificateError;
use crate::tnauthlist::ScopeError;

/// A rule that a certificate or chain breaks. `Display` says what is wrong and what to do about it; it shows nothing
/// that the certificate chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// The bytes are no certificate that is taken.
    #[error("{0}")]
    Certificate(#[from] CertificateError),
    /// No certificate at all.
    #[error("the chain is empty; send the certificate and its issuers, in order")]
    EmptyChain,
    /// More than [`crate::admission::MAX_CHAIN`] certificates.
    #[error("the chain has more than 10 certificates")]
    ChainTooLong,
    /// The same certificate twice.
    #[error("it is in the chain twice")]
    Duplicate,
    /// A precertificate where a final certificate belongs.
    #[error("it is a precertificate (it has the poison extension); send it to add-pre-chain")]
    Precertificate,
    /// A final certificate where a precertificate belongs.
    #[error("it is no precertificate (it has no poison extension); send it to add-chain")]
    FinalCertificate,
    /// A poison extension that is not critical, or not NULL.
    #[error("its poison extension is not as RFC 6962 has it: critical, with NULL inside")]
    BadPoison,
    /// An issuer with the poison extension.
    #[error("it has the poison extension, so it is a precertificate and issues nothing")]
    PoisonedIssuer,
    /// A precertificate signing certificate that issued something else than the submitted precertificate.
    #[error(
        "it is a precertificate signing certificate, and may issue nothing but the submitted precertificate"
    )]
    PrecertificateSigner,
    /// The next certificate of the chain has another name than this one's issuer.
    #[error("the next certificate of the chain is not its issuer; put each certificate before its issuer")]
    WrongIssuer,
    /// The chain does not end at an accepted root.
    #[error("its issuer is no accepted root; complete the chain, or ask for the root to be accepted")]
    UnknownRoot,
    /// An issuer that is no CA.
    #[error("it issued a certificate and its basicConstraints do not say that it is a CA")]
    NotACa,
    /// An issuer whose keyUsage does not hold keyCertSign.
    #[error("it issued a certificate and its keyUsage lacks keyCertSign")]
    MayNotSign,
    /// More CAs below an issuer than its path length constraint allows.
    #[error("there are more CA certificates below it than its path length constraint allows")]
    PathLength,
    /// A signature algorithm that the log does not take.
    #[error("it is signed with {0}; taken are ECDSA with SHA-256 or SHA-384, and RSA with SHA-256")]
    SignatureAlgorithm(&'static str),
    /// The key of an issuer is of a kind that the log does not take.
    #[error("its key, which signed another certificate, is {0}; taken are P-256, P-384 and RSA")]
    IssuerKey(&'static str),
    /// The RSA key of an issuer is too short or too long.
    #[error("its key, which signed another certificate, is RSA of {0} bits; taken are 2048 to 4096")]
    RsaLength(u32),
    /// The verifier at hand does not know the algorithm.
    #[error("its signature cannot be checked here: key or algorithm of its issuer is not supported")]
    SignatureUnsupported,
    /// The signature is wrong.
    #[error("its signature was not made by the next certificate of the chain")]
    BadSignature,
    /// An issuer whose TNAuthList does not decode.
    #[error("its TNAuthList does not decode, so what it may issue cannot be told")]
    UnreadableIssuer,
    /// Names more than a CA above it may (RFC 9060).
    #[error("it names what a CA above it in the chain does not name (RFC 9060 encompassing)")]
    NotEncompassed,
    /// Something in the open below a CA that is hidden.
    #[error("below a CA that names single numbers, only certificates that name single numbers are logged")]
    OpenBelowNumbers,
    /// A number or block outside the calling codes of the root.
    #[error(
        "it names a number outside the country calling codes of its root; write numbers with their country code"
    )]
    CallingCode,
    /// An end-entity certificate without TNAuthList.
    #[error("it is an end-entity certificate without a TNAuthList")]
    NoTnAuthList,
    /// A TNAuthList by reference.
    #[error("it has a TNAuthList by reference; put the TNAuthList into the certificate")]
    ByReference,
    /// What the TNAuthList names is refused.
    #[error("{0}")]
    Scope(#[from] ScopeError),
    /// A TNAuthList that does not decode and may hold a number.
    #[error("its TNAuthList does not decode and has seven digits or more, so it may hold a telephone number")]
    UnreadableWithDigits,
    /// A telephone number in the subject of a certificate that would be public.
    #[error("its subject holds a telephone number and it would be logged in the open; leave the number out")]
    NumberInSubject,
    /// A telephone number in a subject alternative name of a certificate that would be public.
    #[error(
        "a subject alternative name holds a telephone number and it would be logged in the open; leave it out"
    )]
    NumberInAltName,
    /// A telephone number in claim constraints of a certificate that would be public.
    #[error(
        "its JWT claim constraints hold a telephone number and it would be logged in the open; leave it out"
    )]
    NumberInClaims,
    /// Not valid yet (an app's rule, not the log's).
    #[error("it is not valid yet")]
    NotYetValid,
    /// Not valid any more (an app's rule, not the log's).
    #[error("it has expired")]
    Expired,
    /// A critical extension that the app does not know (an app's rule, not the log's).
    #[error("it has a critical extension that is not understood here")]
    CriticalExtension,
    /// A signature or key other than ECDSA (an app's rule, not the log's).
    #[error("it does not use ECDSA on P-256 or P-384, which is all that an app accepts")]
    NotEcdsa,
}

impl Rule {
    /// The name of the rule, stable, for the `type` of problem details and for counting.
    pub fn slug(&self) -> &'static str {
        match self {
            Rule::Certificate(CertificateError::TooLong) => "certificate-too-long",
            Rule::Certificate(_) => "malformed-certificate",
            Rule::EmptyChain => "empty-chain",
            Rule::ChainTooLong => "chain-too-long",
            Rule::Duplicate => "duplicate-in-chain",
            Rule::Precertificate => "precertificate-to-add-chain",
            Rule::FinalCertificate => "certificate-to-add-pre-chain",
            Rule::BadPoison => "bad-poison",
            Rule::PoisonedIssuer => "poisoned-issuer",
            Rule::PrecertificateSigner => "precertificate-signer",
            Rule::WrongIssuer => "wrong-issuer",
            Rule::UnknownRoot => "unknown-root",
            Rule::NotACa => "not-a-ca",
            Rule::MayNotSign => "may-not-sign",
            Rule::PathLength => "path-length",
            Rule::SignatureAlgorithm(_) => "unsupported-signature-algorithm",
            Rule::IssuerKey(_) => "unsupported-issuer-key",
            Rule::RsaLength(_) => "unsupported-rsa-length",
            Rule::SignatureUnsupported => "unsupported-signature",
            Rule::BadSignature => "bad-signature",
            Rule::UnreadableIssuer => "unreadable-issuer",
            Rule::NotEncompassed => "not-encompassed",
            Rule::OpenBelowNumbers => "open-below-numbers",
            Rule::CallingCode => "calling-code",
            Rule::NoTnAuthList => "no-tnauthlist",
            Rule::ByReference => "tnauthlist-by-reference",
            Rule::Scope(error) => scope_slug(error),
            Rule::UnreadableWithDigits => "unreadable-tnauthlist-with-digits",
            Rule::NumberInSubject => "number-in-subject",
            Rule::NumberInAltName => "number-in-subject-alternative-name",
            Rule::NumberInClaims => "number-in-claim-constraints",
            Rule::NotYetValid => "not-yet-valid",
            Rule::Expired => "expired",
            Rule::CriticalExtension => "critical-extension",
            Rule::NotEcdsa => "not-ecdsa",
        }
    }
}

fn scope_slug(error: &ScopeError) -> &'static str {
    match error {
        ScopeError::MixedKinds => "mixed-kinds",
        ScopeError::Spc(_) => "bad-service-provider-code",
        ScopeError::Number(_) => "bad-number",
        ScopeError::Range(RangeError::UnderTen) => "range-under-ten",
        ScopeError::Range(RangeError::LengthsDiffer) => "range-lengths-differ",
        ScopeError::Range(RangeError::TooManyBlocks) => "too-many-blocks",
        ScopeError::TooMany => "too-many-entries",
    }
}

/// A rule, and which certificate of the chain breaks it: 0 is the submitted one, 1 its issuer, and so on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The rule.
    pub rule: Rule,
    /// The certificate, counted from the submitted one.
    pub certificate: usize,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = &self.rule;
        match (rule, self.certificate) {
            (Rule::EmptyChain | Rule::ChainTooLong, _) => write!(f, "{rule}"),
            (_, 0) => write!(f, "certificate 0 of the chain (the submitted one): {rule}"),
            (_, 1) => write!(f, "certificate 1 of the chain (its issuer): {rule}"),
            (_, n) => write!(f, "certificate {n} of the chain: {rule}"),
        }
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_which_certificate() {
        let refusal = |certificate| Refusal { rule: Rule::NotACa, certificate }.to_string();
        let rule = "it issued a certificate and its basicConstraints do not say that it is a CA";
        assert_eq!(refusal(0), format!("certificate 0 of the chain (the submitted one): {rule}"));
        assert_eq!(refusal(1), format!("certificate 1 of the chain (its issuer): {rule}"));
        assert_eq!(refusal(2), format!("certificate 2 of the chain: {rule}"));
        let empty = Refusal { rule: Rule::EmptyChain, certificate: 0 }.to_string();
        assert_eq!(empty, "the chain is empty; send the certificate and its issuers, in order");
    }

    /// The slugs are a promise to submitters' software.
    #[test]
    fn slugs() {
        assert_eq!(Rule::NoTnAuthList.slug(), "no-tnauthlist");
        assert_eq!(Rule::Certificate(CertificateError::NotDer).slug(), "malformed-certificate");
        assert_eq!(Rule::Scope(ScopeError::MixedKinds).slug(), "mixed-kinds");
        assert_eq!(Rule::Scope(ScopeError::Range(RangeError::UnderTen)).slug(), "range-under-ten");
    }
}
