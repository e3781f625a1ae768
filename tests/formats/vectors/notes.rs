//! note.json, checkpoint.json, policy.json.

use serde_json::{Value, json};
use tnlog::checkpoint::{Checkpoint, TreeHead, TreeHeadError, tree_head_message};
use tnlog::note::{KeyType, Note, VerifierKey, VerifyError};
use tnlog::policy::{Checked, Policy, PolicyError};
use tnlog::sct::SctKey;

use super::file::{Outcome, bytes, each, hex, list, text};

#[test]
fn note() {
    each("note", |case, _| match text(&case["kind"]) {
        "verify" => {
            let keys = list(&case["keys"], |key| text(key).parse::<VerifierKey>().unwrap());
            let note = Note::parse(text(&case["note"]).as_bytes()).map_err(|_| "note-format")?;
            assert_eq!(note.to_string(), text(&case["note"]));
            let verified = note.verify(&keys).map_err(|error| match error {
                VerifyError::Unverified => "note-unsigned",
                VerifyError::Invalid { .. } => "note-signature",
            })?;
            Ok(json!({"verified": verified.iter().map(|v| v.key.name()).collect::<Vec<_>>()}))
        }
        "key" => {
            let key: VerifierKey = text(&case["vkey"]).parse().map_err(|_| "key")?;
            let kind = if key.key_type() == KeyType::Ed25519 { 1 } else { 4 };
            let id = format!("{:08x}", key.key_id());
            Ok(json!({"of": key.name(), "type": kind, "key_id": id, "public_key": hex(key.public_key())}))
        }
        other => panic!("{other}"),
    });
}

#[test]
fn checkpoint() {
    each("checkpoint", |case, _| match text(&case["kind"]) {
        "text" => {
            let checkpoint = Checkpoint::parse(text(&case["text"])).map_err(|_| "checkpoint-format")?;
            let Checkpoint { origin, size, root, extensions } = &checkpoint;
            let facts =
                json!({"origin": origin, "size": size, "root": hex(&root.0), "extensions": extensions});
            assert_eq!(checkpoint.to_string(), text(&case["text"]));
            Ok(facts)
        }
        "tree-head" => tree_head(case),
        other => panic!("{other}"),
    });
}

fn tree_head(case: &Value) -> Outcome {
    let key = SctKey::from_spki(&bytes(&case["sct_key"])).ok_or("sct-key")?;
    let note = Note::parse(text(&case["note"]).as_bytes()).unwrap();
    let word = |error| match error {
        TreeHeadError::Missing => "tree-head-missing",
        TreeHeadError::Malformed | TreeHeadError::Checkpoint(_) => "tree-head-format",
        TreeHeadError::Invalid => "tree-head-signature",
    };
    let head = TreeHead::extract(&note, key.log_id()).map_err(word)?;
    head.verify(key.verifying_key()).map_err(word)?;
    if let Some(message) = case["message"].as_str() {
        assert_eq!(hex(&tree_head_message(head.timestamp, head.size, &head.root)), message);
    }
    Ok(if case["timestamp"].is_null() { json!({}) } else { json!({"timestamp": head.timestamp}) })
}

/// The word of formats.md §4.4 for a checkpoint that does not meet a policy.
pub fn policy_word(error: &PolicyError) -> &'static str {
    match error {
        PolicyError::Note(_) => "note-format",
        PolicyError::Checkpoint(_) => "checkpoint-format",
        PolicyError::Verify(VerifyError::Invalid { .. }) => "note-signature",
        PolicyError::Verify(VerifyError::Unverified) | PolicyError::Log { .. } => "checkpoint-log",
        PolicyError::Quorum { .. } => "quorum",
    }
}

#[test]
fn policy() {
    each("policy", |case, _| {
        let policy = Policy::parse(text(&case["policy"]).as_bytes()).map_err(|_| "policy-format")?;
        let checked = policy.check(text(&case["note"]).as_bytes()).map_err(|error| policy_word(&error))?;
        let Checked { checkpoint, cosigned, .. } = checked;
        let cosigned: Vec<_> =
            cosigned.iter().map(|(name, time)| json!({"name": name, "time": time})).collect();
        Ok(json!({"origin": checkpoint.origin, "cosigned": cosigned}))
    });
}
