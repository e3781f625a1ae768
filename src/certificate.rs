//! An X.509 certificate (RFC 5280), parsed once: its DER and what admission needs out of it.
//!
//! `x509-cert` judges the whole structure, and the certificate must encode to the same bytes again, so that nothing is
//! hidden in another encoding. Everything handed out is a slice of the DER as it came: signatures are checked over
//! those bytes and never over an encoding of our own.

use std::fmt;
use std::ops::Range;
use std::sync::OnceLock;

use const_oid::ObjectIdentifier;
use der::asn1::{AnyRef, BitStringRef};
use der::{Decode, Encode, Reader, SliceReader, Tag, Tagged};
use sha2::{Digest, Sha256};
use x509_cert::TbsCertificate;
use x509_cert::ext::pkix::BasicConstraints;

use crate::classify::Class;
use crate::rule::Rule;
use crate::signature::{KeyAlgorithm, PublicKeyInfo, SignatureAlgorithm};

/// The longest certificate that is parsed, in bytes: with the rest of a leaf it stays under 65,536.
pub const MAX_CERTIFICATE_LEN: usize = 65_000;

/// id-pe-TNAuthList (RFC 8226).
pub const TN_AUTH_LIST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.26");
/// id-pe-JWTClaimConstraints (RFC 8226).
pub const JWT_CLAIM_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.27");
/// id-pe-eJWTClaimConstraints (RFC 9118).
pub const ENHANCED_JWT_CLAIM_CONSTRAINTS: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.33");
/// id-ad-stirTNList, the access method of a TNAuthList by reference (RFC 8226).
pub const STIR_TN_LIST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.14");
/// The poison of a precertificate (RFC 6962 §3.1).
pub const POISON: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.3");
/// The list of SCTs embedded in a certificate (RFC 6962 §3.3).
pub const SCT_LIST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.2");
/// The extended key usage of a precertificate signing certificate (RFC 6962 §3.1).
pub const PRECERTIFICATE_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.4");
/// authorityKeyIdentifier (RFC 5280 §4.2.1.1).
pub const AUTHORITY_KEY_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.35");
/// subjectKeyIdentifier (RFC 5280 §4.2.1.2).
pub const SUBJECT_KEY_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
/// subjectAltName (RFC 5280 §4.2.1.6).
pub const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
/// authorityInfoAccess (RFC 5280 §4.2.2.1).
pub const AUTHORITY_INFO_ACCESS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.1");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
/// The extensions that may be critical: those that are checked, and those that ask nothing of a verifier of chains.
const UNDERSTOOD: [ObjectIdentifier; 7] = [
    BASIC_CONSTRAINTS,
    KEY_USAGE,
    EXTENDED_KEY_USAGE,
    SUBJECT_ALT_NAME,
    TN_AUTH_LIST,
    JWT_CLAIM_CONSTRAINTS,
    ENHANCED_JWT_CLAIM_CONSTRAINTS,
];

/// Why bytes are no certificate that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Longer than [`MAX_CERTIFICATE_LEN`].
    #[error("the certificate is longer than 65,000 bytes")]
    TooLong,
    /// Not the structure of RFC 5280, or bytes after it.
    #[error("the bytes are not one X.509 certificate in DER")]
    Malformed,
    /// Encodes to other bytes than those it came in.
    #[error("the certificate is not in DER: encoded again, it gives other bytes")]
    NotDer,
    /// An OBJECT IDENTIFIER with an arc in more octets than it needs or than four, or a list that has an item at least and
    /// is empty.
    #[error("the certificate is not in DER: an object identifier is not minimal, or a list is empty")]
    Shape,
    /// An extension is there twice.
    #[error("the certificate has an extension twice")]
    DuplicateExtension,
    /// basicConstraints, keyUsage or extendedKeyUsage does not decode.
    #[error("the {0} extension of the certificate does not decode")]
    Extension(&'static str),
    /// The signature algorithm inside what is signed is not that of the signature.
    #[error("the two signature algorithms of the certificate differ")]
    AlgorithmsDiffer,
}

/// One extension, as slices of the certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Extension<'a> {
    /// The DER of the extension.
    pub der: &'a [u8],
    /// Its identifier.
    pub oid: ObjectIdentifier,
    /// Whether it is critical.
    pub critical: bool,
    /// The content of `extnValue`.
    pub value: &'a [u8],
}

/// A certificate or precertificate. Parsing takes some 20 us; `Debug` shows only its length.
#[derive(Clone)]
pub struct Certificate {
    der: Vec<u8>,
    fingerprint: [u8; 32],
    spki_sha256: [u8; 32],
    parts: Parts,
    key_algorithm: KeyAlgorithm,
    signature_algorithm: SignatureAlgorithm,
    not_before: i64,
    not_after: i64,
    usage: Usage,
    class: OnceLock<Result<Class, Rule>>,
}

/// Where the parts are in the DER.
#[derive(Clone)]
struct Parts {
    tbs: Range<usize>,
    /// Where the content of the TBSCertificate begins.
    tbs_content: usize,
    /// Where its field of extensions begins; its end where there is none.
    extensions_field: usize,
    serial: Range<usize>,
    issuer: Range<usize>,
    subject: Range<usize>,
    spki: Range<usize>,
    key: Range<usize>,
    signature: Range<usize>,
    extensions: Vec<ExtensionParts>,
}

#[derive(Clone)]
struct ExtensionParts {
    der: Range<usize>,
    oid: ObjectIdentifier,
    critical: bool,
    value: Range<usize>,
}

#[derive(Clone, Copy, Default)]
struct Usage {
    is_ca: bool,
    path_len: Option<u8>,
    cert_sign: Option<bool>,
    signs_precertificates: bool,
}

impl Certificate {
    /// Parses one certificate: no trailing bytes, no extension twice, DER throughout.
    ///
    /// # Errors
    ///
    /// [`CertificateError`].
    pub fn from_der(der: impl Into<Vec<u8>>) -> Result<Self, CertificateError> {
        let der = der.into();
        if der.len() > MAX_CERTIFICATE_LEN {
            return Err(CertificateError::TooLong);
        }
        let parsed = x509_cert::Certificate::from_der(&der).map_err(|_| CertificateError::Malformed)?;
        if parsed.to_der().map_err(|_| CertificateError::NotDer)? != der {
            return Err(CertificateError::NotDer);
        }
        if parsed.signature_algorithm != parsed.tbs_certificate.signature {
            return Err(CertificateError::AlgorithmsDiffer);
        }
        check_shape(&parsed.tbs_certificate)?;
        let parts = Parts::find(&der).map_err(|_| CertificateError::Malformed)?;
        let usage = Usage::of(&der, &parts.extensions)?;
        let spki = &parsed.tbs_certificate.subject_public_key_info;
        let parameters = spki.algorithm.parameters.as_ref().map(AnyRef::from);
        let signature_parameters = parsed.signature_algorithm.parameters.as_ref().map(AnyRef::from);
        let validity = &parsed.tbs_certificate.validity;
        Ok(Self {
            fingerprint: Sha256::digest(&der).into(),
            spki_sha256: Sha256::digest(&der[parts.spki.clone()]).into(),
            key_algorithm: KeyAlgorithm::new(&spki.algorithm.oid, parameters, &der[parts.key.clone()]),
            signature_algorithm: SignatureAlgorithm::new(
                &parsed.signature_algorithm.oid,
                signature_parameters,
            ),
            not_before: seconds(&validity.not_before),
            not_after: seconds(&validity.not_after),
            class: OnceLock::new(),
            der,
            parts,
            usage,
        })
    }

    /// The whole certificate as it came.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of the whole certificate.
    pub fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    /// The DER of the TBSCertificate: what the signature is over.
    pub fn tbs(&self) -> &[u8] {
        &self.der[self.parts.tbs.clone()]
    }

    /// The fields of the TBSCertificate before the issuer, and those between issuer and extensions.
    pub(crate) fn tbs_around_issuer(&self) -> (&[u8], &[u8]) {
        let Parts { tbs_content, issuer, extensions_field, .. } = &self.parts;
        (&self.der[*tbs_content..issuer.start], &self.der[issuer.end..*extensions_field])
    }

    /// The content of the INTEGER serialNumber: big-endian, two's complement.
    pub fn serial(&self) -> &[u8] {
        &self.der[self.parts.serial.clone()]
    }

    /// The DER of the issuer's Name.
    pub fn issuer(&self) -> &[u8] {
        &self.der[self.parts.issuer.clone()]
    }

    /// The DER of the subject's Name.
    pub fn subject(&self) -> &[u8] {
        &self.der[self.parts.subject.clone()]
    }

    /// The subject as RFC 4514 writes it. It may name a person: show it to who asked for the certificate, and nobody else.
    pub fn subject_text(&self) -> String {
        x509_cert::name::Name::from_der(self.subject()).map(|name| name.to_string()).unwrap_or_default()
    }

    /// Whether issuer and subject are the same (RFC 5280 §3.2: self-issued).
    pub fn is_self_issued(&self) -> bool {
        self.issuer() == self.subject()
    }

    /// The DER of the SubjectPublicKeyInfo.
    pub fn spki(&self) -> &[u8] {
        &self.der[self.parts.spki.clone()]
    }

    /// SHA-256 of the SubjectPublicKeyInfo: the issuer key hash of what this certificate issues (RFC 6962 §3.2).
    pub fn spki_sha256(&self) -> &[u8; 32] {
        &self.spki_sha256
    }

    /// The subject's public key.
    pub fn public_key(&self) -> PublicKeyInfo<'_> {
        PublicKeyInfo { algorithm: self.key_algorithm, key: &self.der[self.parts.key.clone()] }
    }

    /// The algorithm of the signature.
    pub fn signature_algorithm(&self) -> SignatureAlgorithm {
        self.signature_algorithm
    }

    /// The content of the signature, without the count of unused bits.
    pub fn signature(&self) -> &[u8] {
        &self.der[self.parts.signature.clone()]
    }

    /// The first second of validity, since 1970.
    pub fn not_before(&self) -> i64 {
        self.not_before
    }

    /// The last second of validity, since 1970.
    pub fn not_after(&self) -> i64 {
        self.not_after
    }

    /// Whether basicConstraints says that it is a CA.
    pub fn is_ca(&self) -> bool {
        self.usage.is_ca
    }

    /// The path length constraint of a CA, where it has one.
    pub fn path_len(&self) -> Option<u8> {
        self.usage.path_len
    }

    /// Whether keyUsage, where there is one, lets the key sign certificates.
    pub fn may_sign_certificates(&self) -> bool {
        self.usage.cert_sign.unwrap_or(true)
    }

    /// Whether it is a precertificate signing certificate (RFC 6962 §3.1): a CA with that extended key usage.
    pub fn signs_precertificates(&self) -> bool {
        self.usage.is_ca && self.usage.signs_precertificates
    }

    /// The extensions, in order.
    pub fn extensions(&self) -> impl Iterator<Item = Extension<'_>> {
        self.parts.extensions.iter().map(|parts| Extension {
            der: &self.der[parts.der.clone()],
            oid: parts.oid,
            critical: parts.critical,
            value: &self.der[parts.value.clone()],
        })
    }

    /// The extension with this identifier.
    pub fn extension(&self, oid: &ObjectIdentifier) -> Option<Extension<'_>> {
        self.extensions().find(|extension| extension.oid == *oid)
    }

    /// Whether a critical extension is none of those that path validation here takes into account.
    pub fn has_unknown_critical_extension(&self) -> bool {
        self.extensions().any(|extension| extension.critical && !UNDERSTOOD.contains(&extension.oid))
    }

    /// What the certificate names and whether it may stand in the open ([`crate::classify`]), worked out once.
    ///
    /// # Errors
    ///
    /// The [`Rule`] for which the log refuses it.
    pub fn class(&self) -> Result<&Class, Rule> {
        self.class.get_or_init(|| crate::classify::classify(self)).as_ref().map_err(|rule| *rule)
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({} bytes)", self.der.len())
    }
}

/// What the library takes and RFC 5280 does not: arcs that are padded, and empty RelativeDistinguishedNames and Extensions.
fn check_shape(tbs: &TbsCertificate) -> Result<(), CertificateError> {
    let names = || tbs.issuer.0.iter().chain(&tbs.subject.0);
    let algorithms = [tbs.signature.oid, tbs.subject_public_key_info.algorithm.oid];
    let extensions = tbs.extensions.iter().flatten().map(|extension| extension.extn_id);
    let attributes = names().flat_map(|set| set.0.iter()).map(|attribute| attribute.oid);
    let is_minimal = algorithms.into_iter().chain(extensions).chain(attributes).all(|oid| is_minimal(&oid));
    let is_empty = names().any(|set| set.0.is_empty()) || tbs.extensions.as_ref().is_some_and(Vec::is_empty);
    if is_minimal && !is_empty { Ok(()) } else { Err(CertificateError::Shape) }
}

/// Whether no arc begins with an octet 0x80, which adds nothing to it, and none has more than four octets, of which the
/// library takes some.
fn is_minimal(oid: &ObjectIdentifier) -> bool {
    let bytes = oid.as_bytes();
    let is_padded = bytes.windows(2).any(|pair| pair[0] & 0x80 == 0 && pair[1] == 0x80);
    let is_long = bytes.windows(4).any(|octets| octets.iter().all(|octet| octet & 0x80 != 0));
    !is_padded && !is_long
}

fn seconds(time: &x509_cert::time::Time) -> i64 {
    time.to_unix_duration().as_secs() as i64
}

/// Where `part`, a slice of `whole`, begins and ends in it.
fn span(whole: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr() as usize - whole.as_ptr() as usize;
    start..start + part.len()
}

fn inside(der: &[u8]) -> der::Result<SliceReader<'_>> {
    SliceReader::new(AnyRef::from_der(der)?.value())
}

impl Parts {
    /// Finds the parts of a certificate that is known to be one.
    fn find(der: &[u8]) -> der::Result<Self> {
        let mut certificate = inside(der)?;
        let tbs = certificate.tlv_bytes()?;
        certificate.tlv_bytes()?;
        let signature = AnyRef::decode(&mut certificate)?.value();
        let mut fields = inside(tbs)?;
        if matches!(fields.peek_tag()?, Tag::ContextSpecific { .. }) {
            fields.tlv_bytes()?;
        }
        let serial = AnyRef::decode(&mut fields)?.value();
        fields.tlv_bytes()?;
        let issuer = fields.tlv_bytes()?;
        fields.tlv_bytes()?;
        let subject = fields.tlv_bytes()?;
        let spki = fields.tlv_bytes()?;
        let mut spki_fields = inside(spki)?;
        spki_fields.tlv_bytes()?;
        let key = AnyRef::decode(&mut spki_fields)?.value();
        let mut extensions = Vec::new();
        let mut extensions_field = span(der, tbs).end;
        while !fields.is_finished() {
            let field = fields.tlv_bytes()?;
            let start = span(der, field).start;
            let field = AnyRef::from_der(field)?;
            if field.tag() == (Tag::ContextSpecific { constructed: true, number: der::TagNumber::N3 }) {
                extensions = find_extensions(der, field.value())?;
                extensions_field = start;
            }
        }
        Ok(Self {
            tbs: span(der, tbs),
            tbs_content: span(der, AnyRef::from_der(tbs)?.value()).start,
            extensions_field,
            serial: span(der, serial),
            issuer: span(der, issuer),
            subject: span(der, subject),
            spki: span(der, spki),
            key: span(der, without_unused_bits(key)?),
            signature: span(der, without_unused_bits(signature)?),
            extensions,
        })
    }
}

/// The content of a BIT STRING of whole bytes.
fn without_unused_bits(bits: &[u8]) -> der::Result<&[u8]> {
    match bits.split_first() {
        Some((0, bytes)) => Ok(bytes),
        _ => Err(Tag::BitString.value_error()),
    }
}

fn find_extensions(der: &[u8], list: &[u8]) -> der::Result<Vec<ExtensionParts>> {
    let mut reader = inside(list)?;
    let mut extensions = Vec::new();
    while !reader.is_finished() {
        let extension = reader.tlv_bytes()?;
        let mut fields = inside(extension)?;
        let oid = ObjectIdentifier::decode(&mut fields)?;
        let critical = fields.peek_tag()? == Tag::Boolean && bool::decode(&mut fields)?;
        let value = AnyRef::decode(&mut fields)?.value();
        extensions.push(ExtensionParts { der: span(der, extension), oid, critical, value: span(der, value) });
    }
    Ok(extensions)
}

impl Usage {
    fn of(der: &[u8], extensions: &[ExtensionParts]) -> Result<Self, CertificateError> {
        let mut usage = Self::default();
        let mut seen: Vec<&ObjectIdentifier> = extensions.iter().map(|extension| &extension.oid).collect();
        seen.sort_unstable();
        if seen.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(CertificateError::DuplicateExtension);
        }
        for extension in extensions {
            let value = &der[extension.value.clone()];
            match extension.oid {
                BASIC_CONSTRAINTS => {
                    let constraints = BasicConstraints::from_der(value)
                        .map_err(|_| CertificateError::Extension("basicConstraints"))?;
                    usage.is_ca = constraints.ca;
                    usage.path_len = constraints.path_len_constraint.filter(|_| constraints.ca);
                }
                KEY_USAGE => {
                    let signs = signs_certificates(value).ok_or(CertificateError::Extension("keyUsage"))?;
                    usage.cert_sign = Some(signs);
                }
                EXTENDED_KEY_USAGE => {
                    let usages = purposes(value).ok_or(CertificateError::Extension("extendedKeyUsage"))?;
                    usage.signs_precertificates = usages.contains(&PRECERTIFICATE_SIGNING);
                }
                _ => {}
            }
        }
        Ok(usage)
    }
}

/// The KeyPurposeIds of an ExtKeyUsageSyntax, one at least.
fn purposes(value: &[u8]) -> Option<Vec<ObjectIdentifier>> {
    let purposes = Vec::<ObjectIdentifier>::from_der(value).ok()?;
    (!purposes.is_empty() && purposes.iter().all(is_minimal)).then_some(purposes)
}

/// Whether bit 5, keyCertSign, of a KeyUsage is set. Unused bits must be zero, so that none of them is taken for it.
fn signs_certificates(value: &[u8]) -> Option<bool> {
    let bits = BitStringRef::from_der(value).ok()?;
    let bytes = bits.raw_bytes();
    let unused = (1 << bits.unused_bits()) - 1;
    let is_clean = bytes.last().is_none_or(|byte| byte & unused == 0);
    is_clean.then(|| bytes.first().is_some_and(|byte| byte & 0x04 != 0))
}

mod name;
#[cfg(test)]
mod tests;
