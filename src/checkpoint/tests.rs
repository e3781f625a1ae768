use super::*;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

const SPEC: &str = include_str!("../../testvectors/external/cosigned-checkpoint.txt");
const ROME: &str = include_str!("../../testvectors/external/rfc6962-checkpoint.txt");
const REAL: &str = include_str!("../../testvectors/external/witnessed-checkpoint.txt");

fn log() -> Signer {
    Signer::new("log.example", KeyType::Ed25519, &[1; 32]).unwrap()
}

#[test]
fn the_example_of_the_specification_reads_back() {
    let note = Note::parse(SPEC.as_bytes()).unwrap();
    let checkpoint = Checkpoint::parse(note.text()).unwrap();
    assert_eq!((checkpoint.origin.as_str(), checkpoint.size), ("example.com/behind-the-sofa", 20852163));
    assert_eq!(checkpoint.root.0[..4], [0x0a, 0xc5, 0x18, 0x6a]);
    assert_eq!(checkpoint.to_string(), note.text());
}

#[test]
fn a_checkpoint_of_a_real_log_opens() {
    let vkey =
        "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f";
    let note = Note::parse(REAL.as_bytes()).unwrap();
    assert_eq!(Checkpoint::open(&note, &vkey.parse().unwrap()).unwrap().size, 1432088532);
}

#[test]
fn what_is_signed_opens() {
    let mut checkpoint = Checkpoint::new("log.example", 3, Hash([3; 32]));
    let note = checkpoint.sign(&log()).unwrap();
    assert_eq!(Checkpoint::open(&note, log().verifier_key()).unwrap(), checkpoint);
    checkpoint.extensions = vec!["one".into(), "two".into()];
    let note = checkpoint.sign(&log()).unwrap();
    assert_eq!(Checkpoint::open(&note, log().verifier_key()).unwrap(), checkpoint);
}

#[test]
fn what_does_not_read_back_is_not_signed() {
    let good = Checkpoint::new("log.example", 3, Hash([3; 32]));
    let wrong = [
        Checkpoint { origin: "log.example\n4".into(), ..good.clone() },
        Checkpoint { origin: String::new(), ..good.clone() },
        Checkpoint { extensions: vec![String::new()], ..good.clone() },
        Checkpoint { extensions: vec!["a\nb".into()], ..good.clone() },
        Checkpoint { extensions: vec!["a\n\n".into()], ..good.clone() },
        Checkpoint { extensions: vec!["a".into(); MAX_EXTENSIONS + 1], ..good.clone() },
        Checkpoint { size: MAX_SIZE + 1, ..good.clone() },
        Checkpoint { size: 0, ..good.clone() },
        Checkpoint { origin: "log.example2".into(), ..good.clone() },
        Checkpoint { origin: "log\texample".into(), ..good.clone() },
    ];
    for checkpoint in wrong {
        assert!(checkpoint.sign(&log()).is_err(), "{checkpoint:?}");
    }
    assert!(Checkpoint { size: 0, root: Hash::EMPTY_ROOT, ..good }.sign(&log()).is_ok());
}

/// Fails when the comparison of the origin with the key's name is removed from `Checkpoint::open`.
#[test]
fn a_log_cannot_sign_for_another() {
    let mut note = Note::new(Checkpoint::new("victim.example", 3, Hash([3; 32])).to_string()).unwrap();
    log().sign(&mut note).unwrap();
    assert!(matches!(Checkpoint::open(&note, log().verifier_key()), Err(OpenError::Origin { .. })));
}

#[test]
fn a_witness_is_no_log() {
    let witness = Signer::new("log.example", KeyType::Cosignature, &[1; 32]).unwrap();
    let mut note = Note::new(Checkpoint::new("log.example", 3, Hash([3; 32])).to_string()).unwrap();
    crate::cosignature::cosign_note(&witness, &mut note, 5).unwrap();
    assert_eq!(Checkpoint::open(&note, witness.verifier_key()), Err(OpenError::KeyType));
}

#[test]
fn no_other_spelling_is_read() {
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    let with = |size: &str, root: &str, rest: &str| Checkpoint::parse(&format!("o\n{size}\n{root}\n{rest}"));
    assert!(with("1", root, "").is_ok() && with("9223372036854775808", root, "").is_ok());
    for size in
        ["", "01", "+1", "-1", " 1", "1 ", "0x1", "1.0", "9223372036854775809", "99999999999999999999"]
    {
        assert_eq!(with(size, root, ""), Err(CheckpointError::Size), "{size}");
    }
    let roots =
        ["", "AAAA", &root[..43], &root.replace("q2I=", "q2J="), &format!("{root} "), &"A".repeat(44)];
    for root in roots {
        assert_eq!(with("1", root, ""), Err(CheckpointError::Root), "{root}");
    }
    assert_eq!(with("0", root, ""), Err(CheckpointError::EmptyRoot));
    assert_eq!(with("1", root, "\n"), Err(CheckpointError::Lines));
    assert_eq!(with("1", root, "no newline"), Err(CheckpointError::Lines));
    assert_eq!(with("1", root, &"x\n".repeat(17)), Err(CheckpointError::Extensions(17)));
    for text in ["", "\n", "o\n", "o\n1\n", &format!("\n1\n{root}\n"), &format!("o\n1\n{root}")] {
        assert_eq!(Checkpoint::parse(text), Err(CheckpointError::Lines), "{text:?}");
    }
}

#[test]
fn a_text_with_a_byte_changed_is_refused_or_says_something_else() {
    let good = Checkpoint::new("log.example", 1234, Hash([3; 32])).to_string();
    for position in 0..good.len() {
        for byte in 0..128u8 {
            let mut bytes = good.clone().into_bytes();
            bytes[position] = byte;
            let text = String::from_utf8(bytes).unwrap();
            if let Ok(checkpoint) = Checkpoint::parse(&text) {
                assert_eq!(checkpoint.to_string(), text);
            }
        }
        assert!(Checkpoint::parse(&good[..position]).is_err());
    }
}

/// The key and the checkpoint of a real CT log.
fn rome() -> (VerifyingKey, [u8; 32], Note) {
    let (spki, note) = ROME.split_once('\n').unwrap();
    let spki = Base64::decode_vec(spki).unwrap();
    let key = VerifyingKey::from_sec1_bytes(&spki[spki.len() - 65..]).unwrap();
    (key, Sha256::digest(&spki).into(), Note::parse(note.as_bytes()).unwrap())
}

#[test]
fn the_tree_head_of_a_real_log_verifies_and_is_written_the_same() {
    let (key, log_id, note) = rome();
    let head = TreeHead::extract(&note, &log_id).unwrap();
    assert_eq!((head.size, head.timestamp), (115474666, 1711519390034));
    assert_eq!(head.verify(&key), Ok(()));
    let line = head.note_signature("rome.ct.filippo.io/2024h1", &log_id).unwrap();
    assert_eq!(&line, &note.signatures()[0]);
}

#[test]
fn a_tree_head_with_anything_changed_does_not_verify() {
    let (key, log_id, note) = rome();
    let head = TreeHead::extract(&note, &log_id).unwrap();
    let wrong = [
        TreeHead { size: head.size + 1, ..head.clone() },
        TreeHead { timestamp: head.timestamp + 1, ..head.clone() },
        TreeHead { root: Hash([0; 32]), ..head.clone() },
    ];
    for head in wrong {
        assert_eq!(head.verify(&key), Err(TreeHeadError::Invalid));
    }
    for bit in 0..head.signature.len() * 8 {
        let mut head = head.clone();
        head.signature[bit / 8] ^= 1 << (bit % 8);
        assert!(head.verify(&key).is_err(), "bit {bit}");
    }
}

#[test]
fn a_tree_head_is_signed_by_other_code_over_these_bytes() {
    let key = SigningKey::from_slice(&[5; 32]).unwrap();
    let root = Hash([9; 32]);
    let message = tree_head_message(0x0102, 0x0304, &root);
    assert_eq!(message[..18], [0, 1, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 3, 4]);
    let signature: DerSignature = key.sign(&message);
    let head = TreeHead { size: 0x0304, root, timestamp: 0x0102, signature: signature.as_bytes().to_vec() };
    let mut note = Checkpoint::new("log.example", 0x0304, root).sign(&log()).unwrap();
    note.add(head.note_signature("log.example", &[8; 32]).unwrap()).unwrap();
    let read = TreeHead::extract(&note, &[8; 32]).unwrap();
    assert_eq!(read, head);
    assert_eq!(read.verify(key.verifying_key()), Ok(()));
    assert_eq!(TreeHead::extract(&note, &[7; 32]), Err(TreeHeadError::Missing));
}

#[test]
fn a_malformed_tree_head_is_refused() {
    let (_, log_id, note) = rome();
    let good = &note.signatures()[0];
    let with = |body: Vec<u8>| {
        let mut other = Note::new(note.text()).unwrap();
        other.add(NoteSignature::new(good.name(), good.key_id(), body).unwrap()).unwrap();
        TreeHead::extract(&other, &log_id)
    };
    assert!(with(good.body().to_vec()).is_ok());
    for length in 1..good.body().len() {
        assert_eq!(with(good.body()[..length].to_vec()), Err(TreeHeadError::Malformed));
    }
    assert_eq!(with([good.body(), &[0]].concat()), Err(TreeHeadError::Malformed));
    for position in 8..12 {
        let mut body = good.body().to_vec();
        body[position] ^= 1;
        assert_eq!(with(body), Err(TreeHeadError::Malformed), "byte {position}");
    }
    let mut twice = note.clone();
    twice.add(good.clone()).unwrap();
    assert_eq!(TreeHead::extract(&twice, &log_id), Err(TreeHeadError::Malformed));
}

#[test]
fn a_tree_head_has_no_extension_lines() {
    let (_, log_id, note) = rome();
    let mut extended = Note::new(format!("{}extension\n", note.text())).unwrap();
    extended.add(note.signatures()[0].clone()).unwrap();
    let error = TreeHeadError::Checkpoint(CheckpointError::Extensions(1));
    assert_eq!(TreeHead::extract(&extended, &log_id), Err(error));
}
