//! Notes, checkpoints, cosignatures, keys, the requests of witnesses, and policies.

use tnlog::checkpoint::{Checkpoint, TreeHead};
use tnlog::cosignature;
use tnlog::merkle::Hash;
use tnlog::note::{KeyType, Note, NoteSignature, Signer, VerifierKey};
use tnlog::policy::Policy;
use tnlog::witness::{AddCheckpoint, Cosigned, decide, encode_size, parse_size};

/// Each has one spelling.
pub fn note(data: &[u8]) {
    let signer = Signer::new("log.example.com/tn", KeyType::Ed25519, &[1; 32]).expect("a name");
    if let Ok(note) = Note::parse(data) {
        assert_eq!(note.to_string().as_bytes(), data);
        let _ = (TreeHead::extract(&note, &[7; 32]), Checkpoint::open(&note, signer.verifier_key()));
        for signature in note.signatures() {
            let _ = (signature.to_string().parse::<NoteSignature>(), cosignature::time(signature.body()));
            assert!(cosignature::check(signer.verifier_key(), note.text(), signature.body()).is_none());
        }
    }
    if let Ok(request) = AddCheckpoint::parse(data) {
        assert_eq!(request.encode().as_bytes(), data);
        let last = Cosigned { size: request.old(), root: Hash([0; 32]) };
        let _ = decide(&request, signer.verifier_key(), &last);
    }
    if let Some(size) = parse_size(data) {
        assert_eq!(encode_size(size).as_bytes(), data);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(checkpoint.to_string(), text);
        assert!(checkpoint.sign(&signer).is_err() || checkpoint.origin == "log.example.com/tn");
    }
    if let Ok(key) = text.parse::<VerifierKey>() {
        assert_eq!(key.to_string(), text);
    }
    if let Ok(signer) = Signer::parse(text) {
        assert_eq!(*signer.to_private_key(), text);
    }
}

/// A policy, and behind a zero byte a note that it judges: whoever counts is a witness of the policy, and their quorum is met.
pub fn policy(data: &[u8]) {
    let (file, note) = data.iter().position(|byte| *byte == 0).map_or((data, &[][..]), |zero| {
        let (file, note) = data.split_at(zero);
        (file, &note[1..])
    });
    let Ok(policy) = Policy::parse(file) else { return };
    let names: Vec<_> = policy.witnesses().iter().map(|witness| witness.name.as_str()).collect();
    assert!(policy.quorum_met(names.iter().copied()), "all witnesses together are too few");
    let _ = policy.log_and_index_log();
    if let Ok(checked) = policy.check(note) {
        let cosigned = || checked.cosigned.iter().map(|(name, _)| name.as_str());
        assert!(cosigned().all(|name| names.contains(&name)) && policy.quorum_met(cosigned()));
        for bad in 0..3 {
            if let Ok(time) = policy.complete_as_of(&checked.cosigned, bad) {
                assert!(checked.cosigned.iter().any(|(_, at)| *at == time));
            }
        }
    }
}
