//! A webhook: a POST of the JSON, signed with HMAC-SHA-256 over its time and body.

use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, Mac};
use sha2::Sha256;
use tnlog::client::http::post_to;
use tnlog::client::secret_file;
use zeroize::Zeroizing;

use super::AlertError;

/// The shortest secret, in bytes.
const LEAST_SECRET: usize = 16;

/// A URL that takes findings.
pub struct Webhook {
    url: String,
    secret: Zeroizing<Vec<u8>>,
}

impl Webhook {
    /// The secret is the file's bytes, without the white space around them. Others than the owner may not read it.
    pub fn open(url: &str, secret: &Path) -> io::Result<Self> {
        let bytes =
            secret_file::read(secret).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let bytes = Zeroizing::new(bytes.trim_ascii().to_vec());
        if bytes.len() < LEAST_SECRET {
            let short = format!("{} holds no secret of 16 bytes or more", secret.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, short));
        }
        Ok(Webhook { url: url.to_owned(), secret: bytes })
    }

    /// Any status from 200 to 299 is taken for "kept".
    pub async fn post(&self, id: &str, body: Vec<u8>) -> Result<(), AlertError> {
        let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs()).to_string();
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("x-tnlog-finding", id.to_owned()),
            ("x-tnlog-signature", sign(&self.secret, &time, &body)),
            ("x-tnlog-time", time),
        ];
        match post_to(&self.url, &headers, body).await {
            Ok(200..300) => Ok(()),
            Ok(status) => Err(AlertError::Status(status)),
            Err(error) => Err(AlertError::Unreachable(error.to_string())),
        }
    }
}

/// `sha256=` and the HMAC, in hexadecimal, of `<time>.<body>`.
fn sign(secret: &[u8], time: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of every length");
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf '17.{}' | openssl dgst -sha256 -hmac 0123456789abcdef`
    #[test]
    fn the_signature_is_what_another_program_makes() {
        let expected = "47fbe0b0fc46f5c1c83c07456c70992bb9ad376f5f8bd7e3c695a76445ac2cbc";
        assert_eq!(sign(b"0123456789abcdef", "17", b"{}"), format!("sha256={expected}"));
    }
}
