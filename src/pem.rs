//! PEM bundles (RFC 7468): several certificates with text between them, lines ended by LF or CRLF.

use base64ct::{Base64, Encoding};

use crate::certificate::{Certificate, CertificateError};

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Why a bundle is refused, and at which of its certificates, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// A certificate begins and does not end.
    #[error("certificate {0} of the PEM bundle has no END line")]
    NoEnd(usize),
    /// What is between the lines is not base64.
    #[error("certificate {0} of the PEM bundle is not base64")]
    Base64(usize),
    /// What is between the lines is no certificate.
    #[error("certificate {index} of the PEM bundle: {error}")]
    Certificate {
        /// Which certificate, counted from 0.
        index: usize,
        /// What is wrong with it.
        error: CertificateError,
    },
}

/// The DER of each certificate of a bundle, in order. Everything outside the certificates is passed over, in whatever
/// character set it is.
///
/// # Errors
///
/// [`PemError::NoEnd`] and [`PemError::Base64`].
pub fn decode(bundle: impl AsRef<[u8]>) -> Result<Vec<Vec<u8>>, PemError> {
    let text = String::from_utf8_lossy(bundle.as_ref());
    let mut certificates = Vec::new();
    let mut rest = &text[..];
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let index = certificates.len();
        let (body, after) = after.split_once(END).ok_or(PemError::NoEnd(index))?;
        let base64: String = body.split_ascii_whitespace().collect();
        certificates.push(Base64::decode_vec(&base64).map_err(|_| PemError::Base64(index))?);
        rest = after;
    }
    Ok(certificates)
}

impl Certificate {
    /// The certificates of a PEM bundle, in order. Everything outside them is passed over.
    ///
    /// # Errors
    ///
    /// [`PemError`] says which certificate of the bundle is wrong.
    pub fn from_pem_bundle(bundle: impl AsRef<[u8]>) -> Result<Vec<Self>, PemError> {
        let parse =
            |(index, der)| Self::from_der(der).map_err(|error| PemError::Certificate { index, error });
        decode(bundle)?.into_iter().enumerate().map(parse).collect()
    }

    /// The certificate as PEM, lines ended by LF.
    pub fn to_pem(&self) -> String {
        let base64 = Base64::encode_string(self.der());
        let mut pem = format!("{BEGIN}\n");
        for line in base64.as_bytes().chunks(64) {
            pem.push_str(std::str::from_utf8(line).expect("base64 is ASCII"));
            pem.push('\n');
        }
        pem + END + "\n"
    }
}
