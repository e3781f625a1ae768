//! A registration on its way from one signer to the other: the statement, and the signatures that it has.

use std::path::Path;

use anyhow::{Context, bail};
use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tnlog::registration::{Registration, SignedRegistration};

use crate::input;
use crate::signing_key::SigningKey;

/// A statement that somebody has still to sign.
pub struct Draft {
    /// What is signed.
    pub statement: Registration,
    /// By the key of the number's credential.
    pub credential_signature: Option<Vec<u8>>,
    /// By a key of the Resolution Service.
    pub service_signature: Option<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    statement: String,
    credential_signature: Option<String>,
    service_signature: Option<String>,
}

impl Draft {
    /// A statement that nobody has signed.
    pub fn new(statement: Registration) -> Self {
        Draft { statement, credential_signature: None, service_signature: None }
    }

    /// Reads a file that [`write`](Self::write) wrote.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let bytes = input::read(path)?;
        Self::parse(&bytes).with_context(|| match input::what_it_is(&bytes) {
            Some(found) => {
                format!("{} is {found}; wanted there: the draft of a registration", path.display())
            }
            None => format!("{} is no draft of a registration", path.display()),
        })
    }

    /// Parses such a file; none when it is something else, or its statement is not well formed.
    pub fn parse(file: &[u8]) -> Option<Self> {
        let file: File = serde_json::from_slice(file).ok()?;
        let bytes = |text: &String| Base64::decode_vec(text).ok();
        let signature = |text: Option<String>| match text {
            Some(text) => bytes(&text).map(Some),
            None => Some(None),
        };
        let statement = Registration::decode(&bytes(&file.statement)?).ok()?;
        statement.check_form().ok()?;
        Some(Draft {
            statement,
            credential_signature: signature(file.credential_signature)?,
            service_signature: signature(file.service_signature)?,
        })
    }

    /// Writes it for the other signer, readable by its owner alone.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = |bytes: &Vec<u8>| Base64::encode_string(bytes);
        let file = File {
            statement: Base64::encode_string(&self.statement.encode()),
            credential_signature: self.credential_signature.as_ref().map(text),
            service_signature: self.service_signature.as_ref().map(text),
        };
        input::write_private(path, &serde_json::to_vec_pretty(&file)?)
    }

    /// Signs with the key of the credential.
    ///
    /// # Errors
    /// When that is another key.
    pub fn sign_as_credential(&mut self, key: &SigningKey) -> anyhow::Result<()> {
        if <[u8; 32]>::from(Sha256::digest(key.spki()?)) != self.statement.key_hash {
            bail!("the key given with --credential-key is not that of the credential");
        }
        self.credential_signature = Some(key.sign(&self.statement.signed_by_credential()));
        Ok(())
    }

    /// Signs with a key of the Resolution Service. Whether it is one, the log says.
    pub fn sign_as_service(&mut self, key: &SigningKey) {
        self.service_signature = Some(key.sign(&self.statement.signed_by_service()));
    }

    /// What is submitted; none while a signature is missing.
    pub fn signed(&self) -> Option<SignedRegistration> {
        Some(SignedRegistration {
            statement: self.statement.clone(),
            credential_signature: self.credential_signature.clone()?,
            service_signature: self.service_signature.clone()?,
        })
    }
}
