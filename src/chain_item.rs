//! The items of a side bundle, `tile/chains/`: what lies beside the entries of types 0 and 1, from which RFC 6962
//! `extra_data` is made.

use std::sync::Arc;

use crate::admission::{Admitted, Kind};
use crate::certificate::Certificate;
use crate::tls::{Malformed, Reader, Write};

/// `opaque pre_certificate<0..2^24-1>; Fingerprint chain<0..2^16-1>`: both empty beside entries of other types.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChainItem {
    /// DER of the submitted precertificate; empty for a final certificate.
    pub pre_certificate: Vec<u8>,
    /// SHA-256 of each issuer's certificate, the nearest first: served at `issuer/<sha256>`.
    pub chain: Vec<[u8; 32]>,
}

impl ChainItem {
    /// The item for an admitted chain that names no single numbers. Beside one that does lies an empty one: what such an
    /// entry was made of is not public.
    pub fn of(admitted: &Admitted) -> Self {
        let pre_certificate = match admitted.kind() {
            Kind::Final => Vec::new(),
            Kind::Precertificate => admitted.certificate().der().to_vec(),
        };
        let fingerprint = |certificate: &Arc<Certificate>| *certificate.fingerprint();
        ChainItem { pre_certificate, chain: admitted.chain().iter().skip(1).map(fingerprint).collect() }
    }

    /// The bytes of the item.
    ///
    /// # Panics
    /// When a field is longer than its length can say; admission bounds them far below.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(5 + self.pre_certificate.len() + 32 * self.chain.len());
        bytes.put_opaque(&self.pre_certificate, 3);
        bytes.put_opaque(self.chain.as_flattened(), 2);
        bytes
    }

    /// Reads what [`encode`](Self::encode) writes, and nothing else.
    ///
    /// # Errors
    /// When lengths do not fit, or the chain is not a whole number of fingerprints.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let pre_certificate = reader.opaque(3)?.to_vec();
        let (chain, rest) = reader.opaque(2)?.as_chunks();
        reader.finish()?;
        if rest.is_empty() {
            Ok(ChainItem { pre_certificate, chain: chain.to_vec() })
        } else {
            Err(Malformed::Trailing(rest.len()))
        }
    }

    /// Whether it is what lies beside an entry that has no public chain.
    pub fn is_empty(&self) -> bool {
        self.pre_certificate.is_empty() && self.chain.is_empty()
    }
}

/// The path of a CA certificate: `issuer/<lowercase hex sha256>`.
pub fn issuer_path(fingerprint: &[u8; 32]) -> String {
    format!("issuer/{}", crate::merkle::Hash(*fingerprint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_and_takes_nothing_else() {
        let item = ChainItem { pre_certificate: vec![1, 2, 3], chain: vec![[4; 32], [5; 32]] };
        let bytes = item.encode();
        assert_eq!(ChainItem::decode(&bytes), Ok(item));
        for length in 0..bytes.len() {
            assert!(ChainItem::decode(&bytes[..length]).is_err(), "{length}");
        }
        assert!(ChainItem::decode(&[bytes, vec![0]].concat()).is_err());
        assert!(ChainItem::decode(&[0, 0, 0, 0, 1, 9]).is_err());
        assert_eq!(ChainItem::decode(&[0; 5]), Ok(ChainItem::default()));
        assert!(ChainItem::default().is_empty());
    }
}
