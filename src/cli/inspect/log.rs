//! What a log makes, readable: proofs, SCTs, checkpoints, leaves; and policies and keys.

use tnlog::certificate::Certificate;
use tnlog::checkpoint::Checkpoint;
use tnlog::entry::{Entry, Leaf, SignedEntry};
use tnlog::note::{KeyType, Note, VerifierKey};
use tnlog::policy::Policy;
use tnlog::proof::TlogProof;
use tnlog::receipt::Extra;
use tnlog::registration::Registration;
use tnlog::registration_receipt::RegistrationExtra;
use tnlog::sct::Sct;

use super::{Shown, certificate};
use crate::output::{Report, hex, printable, time, time_of_millis};
use crate::registration::Draft;

/// A receipt, the parameters of a log, or another proof.
pub fn proof(proof: &TlogProof, shown: Shown) -> Report {
    let extra = proof.extra.as_deref();
    let report = if let Some(receipt) = extra.and_then(Extra::decode) {
        let of = if receipt.precertificate { "precertificate" } else { "certificate" };
        let secrets = receipt.secrets.as_ref();
        Report::new("A receipt")
            .field("of_a", of)
            .field("logged", time_of_millis(receipt.timestamp))
            .field("hidden", secrets.is_some())
            .field_if("label_proofs", secrets.map(|secrets| secrets.evaluation.elements.len()))
    } else if let Some(receipt) = extra.and_then(RegistrationExtra::decode) {
        let report =
            Report::new("A receipt of a registration").field("logged", time_of_millis(receipt.timestamp));
        registration_fields(report, &receipt.submitted.statement, shown)
            .field("replaces", receipt.replaces.map_or("nothing".to_owned(), |index| index.to_string()))
    } else if let Some(known) = extra.and_then(|bytes| Leaf::decode(bytes).ok()) {
        leaf_fields(Report::new("A proof of a leaf, as of the parameters of a log"), &known, shown)
    } else {
        Report::new("A tlog-proof").field_if("extra_bytes", extra.map(<[u8]>::len))
    };
    note_fields(
        report.field("leaf_index", proof.index).field("proof_hashes", proof.hashes.len()),
        &proof.checkpoint,
    )
}

/// What a registration says but for where the number is reachable, which is a person's.
fn registration_fields(report: Report, statement: &Registration, shown: Shown) -> Report {
    report
        .field("action", statement.action.name())
        .field("number", shown.text(statement.number.digits()))
        .field("service", shown.text(&statement.service))
        .field("resolution_service", shown.text(&statement.resolution_service))
        .field("credential", statement.credential)
        .field("not_before", time(statement.not_before))
        .field("not_after", time(statement.not_after))
}

/// A registration on its way from one signer to the other. Its contact is shown, since that is signed too.
pub fn draft(draft: &Draft, shown: Shown) -> Report {
    let signers = [
        ("the key of the credential", &draft.credential_signature),
        ("the Resolution Service", &draft.service_signature),
    ];
    let signed = signers.iter().filter(|(_, signature)| signature.is_some()).map(|(name, _)| *name);
    registration_fields(Report::new("A draft of a registration"), &draft.statement, shown)
        .field("contact", shown.text(&draft.statement.contact))
        .field("signed_by", signed.collect::<Vec<_>>())
}

/// An SCT. Its opening is as secret as the number, and not shown.
pub fn sct(sct: &Sct) -> Report {
    Report::new("A signed certificate timestamp (SCT)")
        .field("log_id", hex(&sct.log_id))
        .field("timestamp", time_of_millis(sct.timestamp))
        .field("leaf_index", sct.extensions.leaf_index)
        .field("opening", if sct.extensions.opening.is_some() { "there, and secret" } else { "none" })
        .field("signature_bytes", sct.signature.len())
}

/// A checkpoint, or another signed note.
pub fn note(note: &Note) -> Report {
    let what = if Checkpoint::parse(note.text()).is_ok() { "A checkpoint" } else { "A signed note" };
    note_fields(Report::new(what), note)
}

fn note_fields(report: Report, note: &Note) -> Report {
    let report = match Checkpoint::parse(note.text()) {
        Ok(checkpoint) => report
            .field("origin", checkpoint.origin)
            .field("size", checkpoint.size)
            .field("root", checkpoint.root.to_string())
            .field("extensions", checkpoint.extensions.len()),
        Err(_) => report.field("text", note.text().lines().map(printable).collect::<Vec<_>>()),
    };
    let signers = note.signatures().iter().map(|line| format!("{} ({:08x})", line.name(), line.key_id()));
    report.field("signatures_not_verified", signers.collect::<Vec<_>>())
}

/// A leaf.
pub fn leaf(leaf: &Leaf, shown: Shown) -> Report {
    leaf_fields(Report::new("A leaf"), leaf, shown)
}

fn leaf_fields(report: Report, leaf: &Leaf, shown: Shown) -> Report {
    let report = report.field("index", leaf.index).field("timestamp", time_of_millis(leaf.timestamp));
    match &leaf.entry {
        Entry::Open(SignedEntry::X509(der)) => {
            let report = report.field("entry_type", "x509_entry");
            match Certificate::from_der(&der[..]) {
                Ok(open) => certificate::fields(report, &open, shown),
                Err(error) => report.field("certificate", error.to_string()),
            }
        }
        Entry::Open(SignedEntry::Precert { issuer_key_hash, tbs }) => report
            .field("entry_type", "precert_entry")
            .field("issuer_key_hash", hex(issuer_key_hash))
            .field("tbs_certificate_bytes", tbs.len()),
        Entry::Parameters(parameters) => report
            .field("entry_type", "parameters_entry")
            .field("log", parameters.origin.as_str())
            .field("sct_key", hex(&parameters.sct_key))
            .field("log_id", hex(&tnlog::sct::log_id(&parameters.sct_key)))
            .field("label_key", hex(&parameters.label_key)),
        Entry::Number(entry) => report
            .field("entry_type", "number_entry")
            .field("labels", entry.labels.iter().map(|label| hex(label.as_bytes())).collect::<Vec<_>>())
            .field("issuer_key_hash", hex(&entry.issuer_key_hash))
            .field("certificate_id", hex(&entry.certificate_id.0))
            .field("not_before", time(entry.not_before))
            .field("not_after", time(entry.not_after))
            .field("subject_key_bytes", entry.subject_key.len())
            .field("ca", entry.is_ca)
            .field("precertificate", entry.is_precertificate)
            .field("calling_codes", entry.calling_codes.clone())
            .field("commitment", hex(&entry.commitment.0)),
        Entry::Registration(entry) => report
            .field("entry_type", "registration_entry")
            .field("label", hex(entry.label.as_bytes()))
            .field("credential", entry.credential)
            .field("not_before", time(entry.not_before))
            .field("not_after", time(entry.not_after))
            .field("action", entry.action.name())
            .field("replaces", entry.replaces.map_or("nothing".to_owned(), |index| index.to_string()))
            .field("commitment", hex(&entry.commitment.0)),
        Entry::KeyStatement(entry) => report
            .field("entry_type", "key_statement_entry")
            .field("labels", entry.labels.iter().map(|label| hex(label.as_bytes())).collect::<Vec<_>>())
            .field("verb", entry.verb.name())
            .field("old", entry.old.index)
            .field("old_leaf_hash", hex(&entry.old.hash.0))
            .field("new", entry.new.index)
            .field("new_leaf_hash", hex(&entry.new.hash.0))
            .field("signature", hex(&entry.signature)),
    }
}

/// A policy.
pub fn policy(policy: &Policy) -> Report {
    let at = |url: &Option<String>| url.as_ref().map_or(String::new(), |url| format!(" at {url}"));
    let logs = policy.logs().iter().map(|log| format!("{}{}", log.key, at(&log.url)));
    let witnesses = policy
        .witnesses()
        .iter()
        .map(|witness| format!("{}: {}{}", witness.name, witness.key, at(&witness.url)));
    Report::new("A policy")
        .field("logs", logs.collect::<Vec<_>>())
        .field("witnesses", witnesses.collect::<Vec<_>>())
        .field("quorum", policy.quorum_name())
}

/// A verifier key.
pub fn key(key: &VerifierKey) -> Report {
    let use_of = match key.key_type() {
        KeyType::Ed25519 => "signs notes, such as the checkpoints of a log",
        KeyType::Cosignature => "cosigns checkpoints, as witnesses do",
    };
    Report::new("A verifier key (Ed25519)")
        .field("name", key.name())
        .field("key_id", format!("{:08x}", key.key_id()))
        .field("use", use_of)
}
