//! How large a receipt is: it travels in the setup of a call.

use rand_core::OsRng;
use tnlog::commitment::OpeningSecret;
use tnlog::cosignature::cosign_note;
use tnlog::label::LabelKey;
use tnlog::merkle::Hash;
use tnlog::note::{KeyType, Note, Signer};
use tnlog::proof::TlogProof;
use tnlog::receipt::{Extra, Receipt, Secrets};
use tnlog::server::signer::{CheckpointSigner, SignedTree};
use tnlog::server::staging::Tree;

/// The receipt of a certificate for one number in a log of ten million: 24 hashes in its proof, a checkpoint with both
/// signatures of the log and three cosignatures.
#[test]
fn a_receipt_of_one_number_is_under_2560_bytes() {
    let origin = "log.example.com/numbers2027";
    let signer = Signer::new(origin, KeyType::Ed25519, &[3; 32]).unwrap();
    let key = p256::ecdsa::SigningKey::from_slice(&[5; 32]).unwrap();
    let spki = p256::pkcs8::EncodePublicKey::to_public_key_der(key.verifying_key()).unwrap();
    let public = tnlog::sct::SctKey::from_spki(spki.as_bytes()).unwrap();
    let tree = Tree { size: 10_000_000, root: Hash([7; 32]) };
    let signed = SignedTree { tree, time: 1_800_000_000_000 };
    let text = CheckpointSigner::with_tree_heads(signer, key, public).sign(&signed);
    let mut checkpoint = Note::parse(text.as_bytes()).unwrap();
    for (seed, name) in [(1, "witness.example.com"), (2, "witness.example.net"), (3, "witness.example.org")] {
        let witness = Signer::new(name, KeyType::Cosignature, &[seed; 32]).unwrap();
        cosign_note(&witness, &mut checkpoint, 1_800_000_000).unwrap();
    }
    let secret = OpeningSecret::new([2; 32]);
    let identity = tnlog::entry::SignedEntry::X509(vec![0; 800]);
    let secrets = Secrets {
        opening: secret.opening(&identity),
        certificate_id: secret.certificate_id(&[1; 32], &[1; 16]),
        evaluation: LabelKey::from_seed(&[1; 32]).prove(&["17035550123".parse().unwrap()], &mut OsRng),
    };
    let extra = Extra { precertificate: false, timestamp: 1_800_000_000_000, secrets: Some(secrets) };
    let hashes = vec![Hash([9; 32]); 24];
    let proof = TlogProof { extra: Some(extra.encode()), index: 9_876_543, hashes, checkpoint };
    let text = Receipt { proof, extra }.to_string();
    assert!(Receipt::parse(text.as_bytes()).is_ok());
    assert!(text.len() < 2560, "the receipt has {} bytes", text.len());
    assert!(text.len() > 2000, "a part of the receipt is missing: it has {} bytes", text.len());
}
