//! What lies beside a leaf in the side bundle `tile/chains/<N>`: the precertificate as it was submitted, and the chain.
//!
//! It is not covered by the tree. For entries other than `x509_entry` and `precert_entry` it is empty: what those were
//! made of is not public.

use std::sync::Arc;

use crate::admission::{Admitted, Kind};
use crate::certificate::Certificate;
use crate::tls::{Malformed, Reader, Write};

/// An item of a side bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SideEntry {
    /// DER of the precertificate; empty unless the leaf is a `precert_entry`.
    pub precertificate: Vec<u8>,
    /// SHA-256 of each issuer's certificate, as C2SP `static-ct-api` lists them; each is served at `/issuer/<sha256>`.
    pub chain: Vec<[u8; 32]>,
}

impl SideEntry {
    /// The item for an admitted chain that names no single numbers.
    pub fn of(admitted: &Admitted) -> Self {
        let precertificate = match admitted.kind() {
            Kind::Final => Vec::new(),
            Kind::Precertificate => admitted.certificate().der().to_vec(),
        };
        let fingerprint = |certificate: &Arc<Certificate>| *certificate.fingerprint();
        SideEntry { precertificate, chain: admitted.chain().iter().skip(1).map(fingerprint).collect() }
    }

    /// `opaque pre_certificate<0..2^24-1>; Fingerprint chain<0..2^16-1>`.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(5 + self.precertificate.len() + 32 * self.chain.len());
        bytes.put_opaque(&self.precertificate, 3);
        bytes.put_opaque(self.chain.as_flattened(), 2);
        bytes
    }

    /// Reads what [`encode`](SideEntry::encode) writes.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let precertificate = reader.opaque(3)?.to_vec();
        let (chain, rest) = reader.opaque(2)?.as_chunks::<32>();
        if !rest.is_empty() {
            return Err(Malformed::Trailing(rest.len()));
        }
        reader.finish()?;
        Ok(SideEntry { precertificate, chain: chain.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_and_refuses_everything_else() {
        let entry = SideEntry { precertificate: vec![1, 2, 3], chain: vec![[4; 32], [5; 32]] };
        let bytes = entry.encode();
        assert_eq!(SideEntry::decode(&bytes), Ok(entry));
        for length in 0..bytes.len() {
            assert!(SideEntry::decode(&bytes[..length]).is_err(), "{length} bytes");
        }
        assert!(SideEntry::decode(&[&bytes[..], &[0]].concat()).is_err());
        assert!(SideEntry::decode(&[0, 0, 0, 0, 31].into_iter().chain([0; 31]).collect::<Vec<_>>()).is_err());
        assert_eq!(SideEntry::default().encode(), [0; 5]);
    }
}
