//! CAs and what they issue.

use super::{Draft, Extension, KeyPair, Name, Profile, TnEntry, Validity, der};
use std::sync::Arc;

/// A throw-away CA: key, name, and its own chain up to the root.
///
/// **Trust none of them anywhere but in a test**: their keys follow from small seeds. A clone is cheap, and one
/// authority may issue from many threads at once.
#[derive(Clone)]
pub struct Authority {
    name: Name,
    key: KeyPair,
    validity: Validity,
    chain: Arc<[Vec<u8>]>,
}

/// A certificate, the key of its subject, and the chain above it.
#[derive(Clone)]
pub struct Issued {
    certificate: Vec<u8>,
    key: KeyPair,
    subject: Name,
    validity: Validity,
    issuers: Arc<[Vec<u8>]>,
}

/// A precertificate, and all that is needed to make the final certificate.
#[derive(Clone)]
pub struct Precertificate {
    issued: Issued,
    profile: Profile,
}

impl Authority {
    /// A root with a P-256 key.
    pub fn root(name: &str, seed: u64, validity: Validity) -> Self {
        Self::self_signed(Profile::authority(name, None, validity, seed))
    }

    /// A root made to this profile, which may be no CA at all.
    pub fn self_signed(profile: Profile) -> Self {
        let (name, key) = (profile.subject.clone(), profile.key_pair());
        let unsigned = Self { name, key, validity: profile.validity, chain: Arc::from([]) };
        unsigned.issue(&profile).into_authority()
    }

    /// An intermediate CA, valid as long as its issuer.
    pub fn subordinate(&self, name: &str, path_length: Option<u8>, seed: u64) -> Self {
        self.issue(&Profile::authority(name, path_length, self.validity, seed)).into_authority()
    }

    /// A delegate CA (RFC 9060 §4.1): an intermediate whose TNAuthList bounds what it may name.
    pub fn delegate(&self, name: &str, entries: &[TnEntry], seed: u64) -> Self {
        self.issue(&Profile::authority(name, None, self.validity, seed).entries(entries)).into_authority()
    }

    /// A Precertificate Signing Certificate (RFC 6962 §3.1): signs precertificates for this authority, which then
    /// makes the final ones itself.
    pub fn precertificate_signer(&self, name: &str, seed: u64) -> Self {
        let profile = Profile::authority(name, Some(0), self.validity, seed);
        self.issue(&profile.extension(Extension::precertificate_signing())).into_authority()
    }

    /// Issues a certificate. Costs one signature, and a key generation unless the profile brings a key.
    pub fn issue(&self, profile: &Profile) -> Issued {
        let key = profile.key_pair();
        let certificate = self.draft_for(profile, &key).sign(&self.key);
        self.issued(certificate, profile, key)
    }

    /// Issues a precertificate: what [`Authority::issue`] makes, with the poison as its last extension.
    pub fn issue_precertificate(&self, profile: &Profile) -> Precertificate {
        let issued = self.issue(&profile.clone().extension(Extension::poison()));
        Precertificate { issued, profile: profile.clone() }
    }

    /// The final certificate of a precertificate of this authority or of its precertificate signer, with these
    /// serialized SCTs (each a RFC 6962 §3.2 structure) where the poison was. `None` if they are longer than the
    /// list's 65,535 bytes.
    pub fn finalize(&self, precertificate: &Precertificate, scts: &[Vec<u8>]) -> Option<Issued> {
        let Precertificate { issued, profile } = precertificate;
        let mut draft = self.draft_for(profile, &issued.key);
        draft.extensions.push(Extension::sct_list(scts)?);
        Some(self.issued(draft.sign(&self.key), profile, issued.key.clone()))
    }

    /// What [`Authority::issue`] would sign, to be changed in any way and given to [`Draft::sign`].
    pub fn draft(&self, profile: &Profile) -> Draft {
        self.draft_for(profile, &profile.key_pair())
    }

    /// This authority's own certificate, DER.
    pub fn certificate(&self) -> &[u8] {
        &self.chain[0]
    }

    /// This authority's chain: its own certificate first, its root last.
    pub fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    /// This authority's name: the subject of its certificate, the issuer of what it issues.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// This authority's key pair.
    pub fn key(&self) -> &KeyPair {
        &self.key
    }

    /// How long this authority's certificate is valid.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    fn draft_for(&self, profile: &Profile, subject_key: &KeyPair) -> Draft {
        Draft {
            version: der::explicit(0, &der::integer(2)),
            serial: der::integer_octets(&profile.serial_octets()),
            signature: self.key.signature_algorithm(),
            issuer: self.name.to_der(),
            validity: profile.validity.to_der(),
            subject: profile.subject.to_der(),
            spki: subject_key.spki().to_vec(),
            extensions: profile.extensions(subject_key.spki(), self.key.spki()),
            signature_algorithm: self.key.signature_algorithm(),
        }
    }

    fn issued(&self, certificate: Vec<u8>, profile: &Profile, key: KeyPair) -> Issued {
        let (subject, validity) = (profile.subject.clone(), profile.validity);
        Issued { certificate, key, subject, validity, issuers: self.chain.clone() }
    }
}

impl Issued {
    /// The certificate, DER.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// The key pair of its subject.
    pub fn key(&self) -> &KeyPair {
        &self.key
    }

    /// The chain as it is submitted: this certificate first, the root last.
    pub fn chain(&self) -> Vec<Vec<u8>> {
        [std::slice::from_ref(&self.certificate), &self.issuers[..]].concat()
    }

    /// An authority with this certificate, whether or not it says that it is a CA.
    pub fn into_authority(self) -> Authority {
        let chain = self.chain().into();
        Authority { name: self.subject, key: self.key, validity: self.validity, chain }
    }
}

impl Precertificate {
    /// The precertificate itself.
    pub fn issued(&self) -> &Issued {
        &self.issued
    }
}
