//! Completes chains: from a leaf certificate up, out of a pile of CA certificates in any order.

use std::collections::HashMap;
use std::sync::Arc;

use der::asn1::AnyRef;
use der::{Decode, SliceReader, Tag, TagNumber, Tagged};

use crate::admission::MAX_CHAIN;
use crate::certificate::{AUTHORITY_KEY_IDENTIFIER, Certificate, SUBJECT_KEY_IDENTIFIER};
use crate::signature::{Ecdsa, SignatureError, VerifySignature};

/// CA certificates, found by name. A certificate's issuer is one whose subject is its issuer's name, whose key identifier is the
/// one that it names, and whose key made its signature.
#[derive(Clone, Debug, Default)]
pub struct IssuerPool {
    by_subject: HashMap<Vec<u8>, Vec<Arc<Certificate>>>,
}

impl IssuerPool {
    /// A pool of these; what is no CA, and what is there already, is passed over.
    pub fn new(certificates: impl IntoIterator<Item = Arc<Certificate>>) -> Self {
        let mut pool = IssuerPool::default();
        certificates.into_iter().for_each(|certificate| pool.add(certificate));
        pool
    }

    /// Adds a CA certificate.
    pub fn add(&mut self, certificate: Arc<Certificate>) {
        if !certificate.is_ca() {
            return;
        }
        let named = self.by_subject.entry(certificate.subject().to_vec()).or_default();
        if !named.contains(&certificate) {
            named.push(certificate);
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_subject.values().map(Vec::len).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_subject.is_empty()
    }

    /// The chain of a certificate as far up as the pool goes, the certificate first, each once; at most as long as a log
    /// takes. Costs a signature verification only where names and key identifiers leave a choice.
    pub fn complete(&self, certificate: Arc<Certificate>) -> Vec<Arc<Certificate>> {
        let mut chain = vec![certificate];
        while chain.len() < MAX_CHAIN {
            let last = &chain[chain.len() - 1];
            let Some(issuer) = self.issuer(last).filter(|issuer| !chain.contains(issuer)) else { break };
            chain.push(issuer.clone());
        }
        chain
    }

    fn issuer(&self, certificate: &Certificate) -> Option<&Arc<Certificate>> {
        if certificate.is_ca() && certificate.is_self_issued() {
            return None;
        }
        let wanted = authority_key_identifier(certificate);
        let fits = |issuer: &&Arc<Certificate>| match (wanted, subject_key_identifier(issuer)) {
            (Some(wanted), Some(found)) => wanted == found,
            _ => true,
        };
        let candidates: Vec<_> = self.by_subject.get(certificate.issuer())?.iter().filter(fits).collect();
        match candidates[..] {
            [only] if wanted.is_some() => Some(only),
            _ => candidates.into_iter().find(|issuer| may_have_signed(certificate, issuer)),
        }
    }
}

/// Where this program cannot verify, as RSA, the log will.
fn may_have_signed(certificate: &Certificate, issuer: &Certificate) -> bool {
    let algorithm = certificate.signature_algorithm();
    let verified = Ecdsa.verify(issuer.public_key(), algorithm, certificate.tbs(), certificate.signature());
    !matches!(verified, Err(SignatureError::Invalid))
}

/// The keyIdentifier of an AuthorityKeyIdentifier (RFC 5280 §4.2.1.1), its field `[0]`.
fn authority_key_identifier(certificate: &Certificate) -> Option<&[u8]> {
    let value = certificate.extension(&AUTHORITY_KEY_IDENTIFIER)?.value;
    let sequence = AnyRef::from_der(value).ok().filter(|any| any.tag() == Tag::Sequence)?;
    let first = AnyRef::decode(&mut SliceReader::new(sequence.value()).ok()?).ok()?;
    let is_key = first.tag() == Tag::ContextSpecific { constructed: false, number: TagNumber::N0 };
    is_key.then(|| first.value())
}

fn subject_key_identifier(certificate: &Certificate) -> Option<&[u8]> {
    let value = certificate.extension(&SUBJECT_KEY_IDENTIFIER)?.value;
    AnyRef::from_der(value).ok().filter(|any| any.tag() == Tag::OctetString).map(|any| any.value())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::{Authority, Profile, Validity};

    const VALIDITY: Validity = Validity { not_before: 1_700_000_000, not_after: 1_800_000_000 };

    fn parse(der: &[u8]) -> Arc<Certificate> {
        Arc::new(Certificate::from_der(der).unwrap())
    }

    fn all(authority: &Authority) -> Vec<Arc<Certificate>> {
        authority.chain().iter().map(|der| parse(der)).collect()
    }

    #[test]
    fn chains_are_completed_up_to_the_root_from_a_pile_in_any_order() {
        let root = Authority::root("Root", 1, VALIDITY);
        let issuing = root.subordinate("Middle", None, 2).subordinate("Issuing", None, 3);
        let stranger = Authority::root("Stranger", 9, VALIDITY);
        let mut pile = [all(&issuing), all(&stranger), all(&issuing)].concat();
        pile.reverse();
        let pool = IssuerPool::new(pile);
        assert_eq!(pool.len(), 4);
        let issued = issuing.issue(&Profile::carrier("706J", VALIDITY, 1));
        let chain = pool.complete(parse(issued.certificate()));
        assert_eq!(chain.iter().map(|c| c.der().to_vec()).collect::<Vec<_>>(), issued.chain());
    }

    /// Fails without the comparison of key identifiers in `issuer`, and without `may_have_signed` for the case without them.
    #[test]
    fn of_several_issuers_with_one_name_the_one_that_signed_is_taken() {
        let (a, b) = (Authority::root("Twin", 1, VALIDITY), Authority::root("Twin", 2, VALIDITY));
        assert_eq!(a.name().to_der(), b.name().to_der());
        let pool = IssuerPool::new([all(&a), all(&b)].concat());
        for twin in [&a, &b] {
            let mut draft = twin.draft(&Profile::carrier("706J", VALIDITY, 1));
            for keep_identifiers in [true, false] {
                if !keep_identifiers {
                    draft.extensions.retain(|extension| extension.oid != AUTHORITY_KEY_IDENTIFIER);
                }
                let chain = pool.complete(parse(&draft.sign(twin.key())));
                assert_eq!(chain[1].der(), twin.certificate());
            }
        }
    }

    #[test]
    fn without_the_issuer_the_chain_stays_short_and_cycles_end() {
        let root = Authority::root("Root", 1, VALIDITY);
        let leaf = parse(root.issue(&Profile::carrier("706J", VALIDITY, 1)).certificate());
        assert_eq!(IssuerPool::default().complete(leaf.clone()).len(), 1);
        let pool = IssuerPool::new([leaf.clone()]);
        assert!(pool.is_empty());
        let pool = IssuerPool::new(all(&root));
        assert_eq!(pool.complete(leaf).len(), 2);
        assert_eq!(pool.complete(parse(root.certificate())).len(), 1);
    }
}
