//! Private keys: told, never shown.

use tnlog::note::{KeyType, Signer};

use crate::output::Report;

/// What a private key file of this program is.
pub fn recognise(text: &str) -> Option<Report> {
    if text.starts_with("PRIVATE+KEY+") {
        return Some(note_key(text));
    }
    if text.starts_with("-----BEGIN PRIVATE KEY-----") {
        return Some(secret("A private key (PKCS #8), as sct.key of a log is"));
    }
    if text.starts_with("-----BEGIN EC PRIVATE KEY-----") {
        return Some(secret("A private key (SEC 1), as openssl makes it for a credential"));
    }
    let is_hex = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_hex.then(|| secret("32 bytes in hexadecimal, as the secrets label.key and opening.key of a log are"))
}

fn note_key(text: &str) -> Report {
    let Ok(signer) = Signer::parse(text) else {
        return secret("A damaged private key of notes");
    };
    let key = signer.verifier_key();
    let what = match key.key_type() {
        KeyType::Ed25519 => "A private key that signs notes, such as the checkpoints of a log",
        KeyType::Cosignature => "A private key that cosigns checkpoints, for a witness",
    };
    secret(what).field("name", key.name()).field("public", key.to_string())
}

fn secret(what: &str) -> Report {
    Report::new(what).field("content", "secret, and not shown")
}
