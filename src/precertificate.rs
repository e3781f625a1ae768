//! Precertificates (RFC 6962 §3.1 to §3.3): the TBSCertificate that precertificate and certificate share, and the SCTs
//! that a final certificate carries.

use der::asn1::{AnyRef, OctetStringRef};
use der::{Decode, Encode, Tag, TagNumber};

use crate::certificate::{AUTHORITY_KEY_IDENTIFIER, Certificate, Extension, POISON, SCT_LIST};

/// Whether a certificate is a precertificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Poison {
    /// No poison extension: a final certificate.
    Absent,
    /// The poison extension, critical and with NULL inside.
    Present,
    /// A poison extension that is something else.
    Bad,
}

/// Looks for the poison extension.
pub fn poison(certificate: &Certificate) -> Poison {
    match certificate.extension(&POISON) {
        None => Poison::Absent,
        Some(Extension { critical: true, value: [5, 0], .. }) => Poison::Present,
        Some(_) => Poison::Bad,
    }
}

/// The TBSCertificate of a precertificate without the poison (RFC 6962 §3.2).
///
/// `signer` is the precertificate signing certificate, where one issued the precertificate: issuer and authority key
/// identifier are then those that the final issuer's certificates have, which are the signer's own.
pub fn precertificate_tbs(precertificate: &Certificate, signer: Option<&Certificate>) -> Vec<u8> {
    let Some(signer) = signer else {
        let kept = precertificate.extensions().filter(|extension| extension.oid != POISON);
        return rebuild(precertificate, precertificate.issuer(), kept.map(|extension| extension.der));
    };
    let key_identifier = signer.extension(&AUTHORITY_KEY_IDENTIFIER).map(|extension| extension.der);
    let has_one = precertificate.extension(&AUTHORITY_KEY_IDENTIFIER).is_some();
    let kept = precertificate.extensions().filter(|extension| extension.oid != POISON);
    let replaced = kept.filter_map(|extension| match extension.oid {
        AUTHORITY_KEY_IDENTIFIER => key_identifier,
        _ => Some(extension.der),
    });
    rebuild(precertificate, signer.issuer(), replaced.chain(key_identifier.filter(|_| !has_one)))
}

/// The TBSCertificate of a final certificate without its list of SCTs: the same bytes as [`precertificate_tbs`] gives
/// for its precertificate.
pub fn certificate_tbs(certificate: &Certificate) -> Vec<u8> {
    let kept = certificate.extensions().filter(|extension| extension.oid != SCT_LIST);
    rebuild(certificate, certificate.issuer(), kept.map(|extension| extension.der))
}

fn rebuild<'a>(
    certificate: &Certificate,
    issuer: &[u8],
    extensions: impl Iterator<Item = &'a [u8]>,
) -> Vec<u8> {
    let (before, between) = certificate.tbs_around_issuer();
    let mut content = [before, issuer, between].concat();
    let extensions: Vec<u8> = extensions.flatten().copied().collect();
    if !extensions.is_empty() {
        let field = Tag::ContextSpecific { constructed: true, number: TagNumber::N3 };
        content.extend(tlv(field, &tlv(Tag::Sequence, &extensions)));
    }
    tlv(Tag::Sequence, &content)
}

fn tlv(tag: Tag, value: &[u8]) -> Vec<u8> {
    AnyRef::new(tag, value).and_then(|any| any.to_der()).expect("parts of two certificates are under 256 MiB")
}

/// The list of SCTs in a certificate is not that of RFC 6962 §3.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the SCT list in the certificate is not a SignedCertificateTimestampList")]
pub struct BadSctList;

/// The SCTs that a certificate carries, each as the bytes of one SerializedSCT; none when it has no list.
///
/// # Errors
///
/// [`BadSctList`] when there is a list and it is empty, has an empty SCT, or is not exactly as long as it says.
pub fn embedded_scts(certificate: &Certificate) -> Result<Vec<&[u8]>, BadSctList> {
    let Some(extension) = certificate.extension(&SCT_LIST) else { return Ok(Vec::new()) };
    let list = OctetStringRef::from_der(extension.value).map_err(|_| BadSctList)?;
    let (mut rest, after) = opaque(list.as_bytes())?;
    if !after.is_empty() {
        return Err(BadSctList);
    }
    let mut scts = Vec::new();
    while !rest.is_empty() {
        let (sct, after) = opaque(rest)?;
        scts.push(sct);
        rest = after;
    }
    Ok(scts)
}

/// An `opaque<1..2^16-1>` and what follows it.
fn opaque(bytes: &[u8]) -> Result<(&[u8], &[u8]), BadSctList> {
    let (len, rest) = bytes.split_first_chunk::<2>().ok_or(BadSctList)?;
    let len = usize::from(u16::from_be_bytes(*len));
    if len == 0 {
        return Err(BadSctList);
    }
    rest.split_at_checked(len).ok_or(BadSctList)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::{Authority, Extension as Made, Profile, Validity};

    const VALIDITY: Validity = Validity { not_before: 1_700_000_000, not_after: 1_800_000_000 };

    fn issue(profile: &Profile) -> Certificate {
        Certificate::from_der(Authority::root("Root", 1, VALIDITY).issue(profile).certificate()).unwrap()
    }

    fn carrier() -> Profile {
        Profile::carrier("706J", VALIDITY, 1)
    }

    #[test]
    fn without_poison_or_list_nothing_changes() {
        let certificate = issue(&carrier());
        assert_eq!(certificate_tbs(&certificate), certificate.tbs());
        assert_eq!(precertificate_tbs(&certificate, None), certificate.tbs());
        assert_eq!(embedded_scts(&certificate).unwrap(), Vec::<&[u8]>::new());
        assert_eq!(poison(&certificate), Poison::Absent);
    }

    /// A certificate whose only extension goes has no extensions field afterwards (RFC 5280 §4.1: at least one).
    #[test]
    fn the_field_goes_with_its_last_extension() {
        let root = Authority::root("Root", 1, VALIDITY);
        let mut draft = root.draft(&carrier());
        draft.extensions = vec![Made::poison()];
        let poisoned = Certificate::from_der(draft.sign(root.key())).unwrap();
        draft.extensions.clear();
        assert_eq!(precertificate_tbs(&poisoned, None), draft.tbs());
    }

    /// With and without an authority key identifier in precertificate and signer.
    #[test]
    fn issuer_and_key_identifier_of_the_final_issuer() {
        let (root, other) = (Authority::root("Root", 1, VALIDITY), Authority::root("Other", 2, VALIDITY));
        let identifiers = [None, Some(Made::authority_key_identifier(&[7; 20]))];
        for ours in &identifiers {
            for signers in &identifiers {
                let with = |authority: &Authority, identifier: &Option<Made>| {
                    let mut draft = authority.draft(&carrier());
                    draft.extensions.retain(|extension| extension.oid != AUTHORITY_KEY_IDENTIFIER);
                    draft.extensions.extend(identifier.clone());
                    draft
                };
                let own = ours.as_ref().map(|_| Made::authority_key_identifier(&[1; 20]));
                let precertificate = with(&other, &own);
                let mut poisoned = with(&other, &own);
                poisoned.extensions.push(Made::poison());
                let poisoned = Certificate::from_der(poisoned.sign(root.key())).unwrap();
                let signer = Certificate::from_der(with(&root, signers).sign(root.key())).unwrap();
                let mut expected = precertificate;
                expected.issuer = root.draft(&carrier()).issuer;
                expected.extensions.retain(|extension| extension.oid != AUTHORITY_KEY_IDENTIFIER);
                expected.extensions.extend(signers.clone());
                assert_eq!(precertificate_tbs(&poisoned, Some(&signer)), expected.tbs());
            }
        }
    }

    #[test]
    fn lists_of_scts() {
        for (list, scts) in [
            (&[0, 4, 0, 2, 8, 9][..], Some(vec![&[8, 9][..]])),
            (&[0, 6, 0, 1, 8, 0, 1, 9], Some(vec![&[8], &[9]])),
            (&[0, 0], None),
            (&[0, 2, 0, 0], None),
            (&[0, 4, 0, 2, 8, 9, 0], None),
            (&[0, 4, 0, 3, 8, 9], None),
            (&[0, 5, 0, 2, 8, 9, 0], None),
            (&[0, 9, 0, 2, 8, 9], None),
            (&[0], None),
            (&[], None),
        ] {
            let value = [&[4, list.len() as u8], list].concat();
            let certificate = issue(&carrier().extension(Made::new(SCT_LIST, value)));
            assert_eq!(embedded_scts(&certificate).ok(), scts, "{list:?}");
        }
        let certificate = issue(&carrier().extension(Made::new(SCT_LIST, vec![5, 0])));
        assert_eq!(embedded_scts(&certificate), Err(BadSctList));
    }

    #[test]
    fn poisons() {
        for (extension, expected) in [
            (Made::poison(), Poison::Present),
            (Made::new(POISON, vec![5, 0]), Poison::Bad),
            (Made::critical(POISON, vec![4, 0]), Poison::Bad),
            (Made::critical(POISON, vec![]), Poison::Bad),
        ] {
            assert_eq!(poison(&issue(&carrier().extension(extension))), expected);
        }
    }
}
