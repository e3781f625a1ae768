//! Private keys that sign statements: P-256 and P-384, in PEM as OpenSSL writes it.

use std::path::Path;

use anyhow::{Context, bail};
use p256::ecdsa::signature::Signer;
use p256::pkcs8::{DecodePrivateKey, EncodePublicKey};
use tnlog::client::secret_file;
use zeroize::Zeroizing;

use crate::input;

/// A private key.
pub enum SigningKey {
    /// Signs with SHA-256.
    P256(p256::ecdsa::SigningKey),
    /// Signs with SHA-384.
    P384(p384::ecdsa::SigningKey),
}

impl SigningKey {
    /// Reads a PEM file, PKCS #8 or SEC 1, or standard input for `-`.
    ///
    /// # Errors
    /// When it cannot be read, others than its owner can read it, or it holds no such key.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let bytes = if path == Path::new("-") {
            Zeroizing::new(input::read(path)?)
        } else {
            secret_file::read(path)?
        };
        let text = std::str::from_utf8(&bytes).unwrap_or_default();
        let Some(begin) = text.find("-----BEGIN") else {
            bail!("{} holds no private key in PEM{}", path.display(), instead(&bytes));
        };
        let text = private_part(&text[begin..]);
        if let Ok(key) =
            p256::SecretKey::from_pkcs8_pem(text).or_else(|_| p256::SecretKey::from_sec1_pem(text))
        {
            return Ok(SigningKey::P256(key.into()));
        }
        let key = p384::SecretKey::from_pkcs8_pem(text).or_else(|_| p384::SecretKey::from_sec1_pem(text));
        let key = key.ok().with_context(|| {
            format!(
                "{} holds no private key on P-256 or P-384 without a password{}",
                path.display(),
                instead(&bytes)
            )
        })?;
        Ok(SigningKey::P384(key.into()))
    }

    /// The DER of its SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// When it does not encode, which no key does.
    pub fn spki(&self) -> anyhow::Result<Vec<u8>> {
        let spki = match self {
            SigningKey::P256(key) => key.verifying_key().to_public_key_der(),
            SigningKey::P384(key) => key.verifying_key().to_public_key_der(),
        };
        Ok(spki.context("the public key does not encode")?.into_vec())
    }

    /// The DER of a signature.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            SigningKey::P256(key) => {
                Signer::<p256::ecdsa::DerSignature>::sign(key, message).as_bytes().to_vec()
            }
            SigningKey::P384(key) => {
                Signer::<p384::ecdsa::DerSignature>::sign(key, message).as_bytes().to_vec()
            }
        }
    }
}

/// What the file is instead, and what to do about it.
fn instead(bytes: &[u8]) -> String {
    if bytes.first() == Some(&0x30) {
        return ": it is DER; `openssl pkey -inform DER -in FILE -out KEY` makes PEM of it".into();
    }
    match input::what_it_is(bytes) {
        Some(found) => format!(": it is {found}"),
        None => "; `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256` makes one".into(),
    }
}

/// OpenSSL writes the curve before the key (`EC PARAMETERS`).
fn private_part(text: &str) -> &str {
    const PARAMETERS: &str = "-----END EC PARAMETERS-----";
    text.split_once(PARAMETERS).map_or(text, |(_, rest)| rest.trim_start())
}
