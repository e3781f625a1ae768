//! SCTs and receipts in files beside the certificates.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context;
use base64ct::{Base64, Encoding};
use tnlog::client::api::AddChainResponse;
use tnlog::client::submit::{Submitter, sct_of};
use tnlog::sct::Sct;

use super::plan::Item;
use crate::input;
use crate::output::hex;

/// Which answers are written.
pub struct Answers {
    scts: bool,
    receipts: bool,
}

impl Answers {
    /// SCTs or not, receipts or not.
    pub fn new(scts: bool, receipts: bool) -> Self {
        Answers { scts, receipts }
    }

    /// Whether an earlier run wrote a good SCT of this log for this certificate.
    pub fn has_sct(&self, item: &Item, submitter: &Submitter) -> bool {
        let Ok(bytes) = std::fs::read(path(item, "sct", "scts")) else { return false };
        let sct = serde_json::from_slice::<AddChainResponse>(&bytes).ok().and_then(|a| sct_of(&a).ok());
        let (Some(sct), Some(identity)) = (sct, item.chain.identity()) else { return false };
        self.scts && sct.verify(&identity, &submitter.log().sct_key).is_ok()
    }

    /// Whether its receipt is still to be fetched.
    pub fn wants_receipt(&self, item: &Item) -> bool {
        self.receipts && !path(item, "tlog-proof", "receipts").exists()
    }

    /// Writes an SCT in the JSON of `add-chain`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_sct(&self, item: &Item, sct: &Sct) -> anyhow::Result<()> {
        if !self.scts {
            return Ok(());
        }
        let answer = AddChainResponse {
            sct_version: 0,
            id: Base64::encode_string(&sct.log_id),
            timestamp: sct.timestamp,
            extensions: Base64::encode_string(&sct.extensions.encode()?),
            signature: Base64::encode_string(&sct.digitally_signed()),
        };
        write(&path(item, "sct", "scts"), &(serde_json::to_string(&answer)? + "\n"))
    }

    /// Writes a receipt.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_receipt(&self, item: &Item, receipt: &str) -> anyhow::Result<()> {
        write(&path(item, "tlog-proof", "receipts"), receipt)
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    input::write_private(path, text.as_bytes())
}

fn path(item: &Item, extension: &str, folder: &str) -> PathBuf {
    let file = &item.place.file;
    let with = |suffix: &str| {
        let mut name: OsString = file.clone().into();
        name.push(".");
        name.push(suffix);
        PathBuf::from(name)
    };
    if item.place.in_a_bundle {
        with(folder).join(format!("{}.{extension}", hex(item.chain.certificate().fingerprint())))
    } else {
        with(extension)
    }
}
