//! Certificate extensions: those of real SHAKEN certificates, of RFC 6962, and those in which a telephone number
//! can hide.

use super::{Name, TnEntry, der};
use const_oid::ObjectIdentifier;

/// TNAuthList (RFC 8226 §9).
pub const TN_AUTH_LIST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.26");
/// JWTClaimConstraints (RFC 8226 §8).
pub const JWT_CLAIM_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.27");
/// EnhancedJWTClaimConstraints (RFC 9118 §5).
pub const ENHANCED_JWT_CLAIM_CONSTRAINTS: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.33");
/// The precertificate poison (RFC 6962 §3.1).
pub const POISON: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.3");
/// The embedded list of SCTs (RFC 6962 §3.3).
pub const SCT_LIST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.2");

const SUBJECT_KEY_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const CRL_DISTRIBUTION_POINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.31");
const CERTIFICATE_POLICIES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.32");
const AUTHORITY_KEY_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.35");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const AUTHORITY_INFORMATION_ACCESS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.1");

const PRECERTIFICATE_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.4");
const SHAKEN_POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.114569.1.1.1");
const CA_ISSUERS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.2");
const STIR_TN_LIST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.14");

/// What a key may be used for (RFC 5280 §4.2.1.3), as far as certificates here say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUsage {
    /// digitalSignature: signs calls.
    DigitalSignature,
    /// keyCertSign and cRLSign: issues certificates.
    CertificateSigning,
}

/// One extension of a certificate (RFC 5280 §4.2), with whatever value it is given.
///
/// It has no `Debug`, since it may hold a telephone number.
#[derive(Clone, PartialEq, Eq)]
pub struct Extension {
    /// extnID.
    pub oid: ObjectIdentifier,
    /// critical; `false`, being the default, is not encoded.
    pub critical: bool,
    /// What extnValue holds: the encoding of the extension's own type.
    pub value: Vec<u8>,
}

impl Extension {
    /// An extension that is not critical.
    pub fn new(oid: ObjectIdentifier, value: Vec<u8>) -> Self {
        Self { oid, critical: false, value }
    }

    /// A critical extension.
    pub fn critical(oid: ObjectIdentifier, value: Vec<u8>) -> Self {
        Self { oid, critical: true, value }
    }

    /// basicConstraints of an end entity: critical and empty.
    pub fn end_entity() -> Self {
        Self::critical(BASIC_CONSTRAINTS, der::sequence(&[]))
    }

    /// basicConstraints of a CA; a path length may be anything, also negative.
    pub fn authority(path_length: Option<i128>) -> Self {
        let mut parts = vec![der::boolean(true)];
        parts.extend(path_length.map(der::integer));
        Self::critical(BASIC_CONSTRAINTS, der::sequence(&parts))
    }

    /// keyUsage, critical.
    pub fn key_usage(usage: KeyUsage) -> Self {
        let (unused, bits) = match usage {
            KeyUsage::DigitalSignature => (7, 0x80),
            KeyUsage::CertificateSigning => (1, 0x06),
        };
        Self::critical(KEY_USAGE, der::bit_string(unused, &[bits]))
    }

    /// extKeyUsage of a Precertificate Signing Certificate (RFC 6962 §3.1), critical.
    pub fn precertificate_signing() -> Self {
        Self::critical(EXTENDED_KEY_USAGE, der::sequence(&[der::oid(PRECERTIFICATE_SIGNING)]))
    }

    /// subjectKeyIdentifier.
    pub fn subject_key_identifier(identifier: &[u8]) -> Self {
        Self::new(SUBJECT_KEY_IDENTIFIER, der::octet_string(identifier))
    }

    /// authorityKeyIdentifier with a key identifier only.
    pub fn authority_key_identifier(identifier: &[u8]) -> Self {
        Self::new(AUTHORITY_KEY_IDENTIFIER, der::sequence(&[der::implicit(0, identifier)]))
    }

    /// certificatePolicies with the one policy of SHAKEN (ATIS-1000080).
    pub fn shaken_policy() -> Self {
        let policy = der::sequence(&[der::oid(SHAKEN_POLICY)]);
        Self::new(CERTIFICATE_POLICIES, der::sequence(&[policy]))
    }

    /// cRLDistributionPoints with one address.
    pub fn crl_distribution_point(uri: &str) -> Self {
        let full_name = der::explicit(0, &der::explicit(0, &uri_name(uri)));
        Self::new(CRL_DISTRIBUTION_POINTS, der::sequence(&[der::sequence(&[full_name])]))
    }

    /// authorityInfoAccess that says where the issuer's certificate is.
    pub fn ca_issuers(uri: &str) -> Self {
        Self::information_access(CA_ISSUERS, uri)
    }

    /// authorityInfoAccess that says where the TNAuthList is (RFC 8226 §10.2): a TNAuthList by reference.
    pub fn tn_auth_list_reference(uri: &str) -> Self {
        Self::information_access(STIR_TN_LIST, uri)
    }

    /// TNAuthList with these entries, in this order.
    pub fn tn_auth_list(entries: &[TnEntry]) -> Self {
        Self::new(TN_AUTH_LIST, der::sequence(&entries.iter().map(TnEntry::to_der).collect::<Vec<_>>()))
    }

    /// subjectAltName with one uniformResourceIdentifier.
    pub fn alternative_uri(uri: &str) -> Self {
        Self::new(SUBJECT_ALT_NAME, der::sequence(&[uri_name(uri)]))
    }

    /// subjectAltName with one directoryName.
    pub fn alternative_name(name: &Name) -> Self {
        Self::new(SUBJECT_ALT_NAME, der::sequence(&[der::explicit(4, &name.to_der())]))
    }

    /// [`JWT_CLAIM_CONSTRAINTS`] or [`ENHANCED_JWT_CLAIM_CONSTRAINTS`] that permits `claim` this one value.
    pub fn permitted_claim_value(oid: ObjectIdentifier, claim: &str, value: &str) -> Self {
        let values = der::sequence(&[der::utf8_string(value)]);
        let permitted = der::sequence(&[der::sequence(&[der::ia5_string(claim), values])]);
        Self::new(oid, der::sequence(&[der::explicit(1, &permitted)]))
    }

    /// The poison of a precertificate: critical, NULL.
    pub fn poison() -> Self {
        Self::critical(POISON, der::null())
    }

    /// The list of SCTs that a final certificate carries: an OCTET STRING with the TLS SignedCertificateTimestampList,
    /// each SCT and the whole behind a length of 16 bits. `None` if one of those lengths does not fit.
    pub fn sct_list(scts: &[Vec<u8>]) -> Option<Self> {
        let mut list = Vec::new();
        for sct in scts {
            list.extend_from_slice(&u16::try_from(sct.len()).ok()?.to_be_bytes());
            list.extend_from_slice(sct);
        }
        let length = u16::try_from(list.len()).ok()?.to_be_bytes();
        Some(Self::new(SCT_LIST, der::octet_string(&[&length, list.as_slice()].concat())))
    }

    /// The Extension, DER.
    pub fn to_der(&self) -> Vec<u8> {
        let mut parts = vec![der::oid(self.oid)];
        if self.critical {
            parts.push(der::boolean(true));
        }
        parts.push(der::octet_string(&self.value));
        der::sequence(&parts)
    }

    fn information_access(method: ObjectIdentifier, uri: &str) -> Self {
        let description = der::sequence(&[der::oid(method), uri_name(uri)]);
        Self::new(AUTHORITY_INFORMATION_ACCESS, der::sequence(&[description]))
    }
}

/// GeneralName, uniformResourceIdentifier.
fn uri_name(uri: &str) -> Vec<u8> {
    der::implicit(6, uri.as_bytes())
}
