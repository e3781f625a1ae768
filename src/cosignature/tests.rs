use super::*;
use crate::merkle::Hash;

const SPEC: &str = include_str!("../../testvectors/external/cosigned-checkpoint.txt");
const REAL: &str = include_str!("../../testvectors/external/witnessed-checkpoint.txt");

fn witness(seed: u8) -> Signer {
    Signer::new("witness.example", KeyType::Cosignature, &[seed; 32]).unwrap()
}

fn checkpoint() -> String {
    Checkpoint::new("log.example", 7, Hash([7; 32])).to_string()
}

#[test]
fn the_message_is_that_of_the_specification() {
    let note = Note::parse(SPEC.as_bytes()).unwrap();
    let expected = "cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\n\
                    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    assert_eq!(message(note.text(), 1679315147), expected);
    assert_eq!(time(note.signatures()[1].body()), Some(1679315147));
}

#[test]
fn a_cosignature_of_a_real_witness_verifies() {
    let vkey = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2";
    let key: VerifierKey = vkey.parse().unwrap();
    let note = Note::parse(REAL.as_bytes()).unwrap();
    let verified = note.verify([&key]).unwrap();
    assert_eq!(check(&key, note.text(), verified[0].signature.body()), Some(0x6a122120));
}

#[test]
fn a_cosignature_binds_text_and_time() {
    let (witness, text) = (witness(1), checkpoint());
    let key = witness.verifier_key();
    let body = cosign(&witness, &text, 1_700_000_000).unwrap().body().to_vec();
    assert_eq!(body.len(), 72);
    assert_eq!(check(key, &text, &body), Some(1_700_000_000));
    for bit in 0..body.len() * 8 {
        let mut flipped = body.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(check(key, &text, &flipped), None, "bit {bit}");
    }
    for length in 0..body.len() {
        assert_eq!(check(key, &text, &body[..length]), None);
    }
    assert_eq!(check(key, &text, &[body.as_slice(), &[0]].concat()), None);
    assert_eq!(check(key, &text.replace('7', "8"), &body), None);
}

/// Fails when `check` does not look at the type of the key: the log would witness itself.
#[test]
fn a_key_of_a_log_does_not_cosign() {
    let log = Signer::new("witness.example", KeyType::Ed25519, &[1; 32]).unwrap();
    let body = cosign(&witness(1), &checkpoint(), 5).unwrap().body().to_vec();
    assert_eq!(check(log.verifier_key(), &checkpoint(), &body), None);
    assert!(matches!(cosign(&log, &checkpoint(), 5), Err(CosignError::Sign(_))));
}

#[test]
fn only_checkpoints_are_cosigned_at_times_that_exist() {
    assert!(matches!(cosign(&witness(1), "any text\n", 5), Err(CosignError::Checkpoint(_))));
    assert_eq!(cosign(&witness(1), &checkpoint(), MAX_TIME + 1), Err(CosignError::Time));
    let mut note = Note::new(checkpoint()).unwrap();
    cosign_note(&witness(1), &mut note, MAX_TIME).unwrap();
    assert_eq!(note.verify([witness(1).verifier_key()]).unwrap().len(), 1);
}

#[test]
fn a_time_that_is_too_large_is_refused_even_when_signed() {
    let witness = witness(1);
    let late = MAX_TIME + 1;
    let signature = witness.sign_bytes(message(&checkpoint(), late).as_bytes());
    let body = [late.to_be_bytes().as_slice(), &signature].concat();
    assert_eq!(check(witness.verifier_key(), &checkpoint(), &body), None);
}
