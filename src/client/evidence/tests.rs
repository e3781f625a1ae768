mod heads;

use super::*;
use crate::merkle::prove_consistency;
use crate::note::{KeyType, Signer};
use crate::tile::{TileSet, TreeEdge};

fn signer() -> Signer {
    Signer::new("log.example", KeyType::Ed25519, &[1; 32]).unwrap()
}

fn leaves(count: u8, last: u8) -> Vec<Hash> {
    (0..count).map(|n| Hash::of_leaf(&[if n + 1 == count { last } else { n }])).collect()
}

fn root(leaves: &[Hash]) -> Hash {
    let mut edge = TreeEdge::new();
    let _ = edge.append(leaves);
    edge.root()
}

fn note(leaves: &[Hash]) -> Note {
    Checkpoint::new("log.example", leaves.len() as u64, root(leaves)).sign(&signer()).unwrap()
}

fn proof(small: &[Hash], large: &[Hash]) -> Proof {
    let tiles = TileSet::new(large.len() as u64, TreeEdge::new().append(large)).unwrap();
    let hashes = prove_consistency(&tiles, small.len() as u64, large.len() as u64).unwrap();
    Proof::prefix(&root(&large[..small.len()]), &hashes)
}

/// For every pair of sizes, also powers of two. Honest trees make no evidence: fails without the comparison of the roots in
/// `other_prefix`, and a proof of nothing without the check of the proof.
#[test]
fn two_trees_prove_a_fork_exactly_when_one_does_not_continue_the_other() {
    let keys = [signer().verifier_key().clone()];
    for large in 2..20 {
        let whole = leaves(large, large - 1);
        for small in 1..large {
            let honest = &whole[..usize::from(small)];
            let other = leaves(small, 99);
            for (tree, expected) in [(honest, Err(Unproved::Proof)), (&other[..], Ok(Proved::Fork))] {
                let notes = [&note(tree), &note(&whole)];
                let evidence = Evidence::new("fork", &notes, Some(proof(tree, &whole)));
                let read = Evidence::parse(&evidence.encode()).unwrap();
                assert_eq!(read.verify(&keys), expected, "{small} of {large}");
            }
            let Proof::Prefix { hashes, .. } = proof(&other, &whole) else { unreachable!() };
            let forged = Proof::Prefix { root: base64(&[7; 32]), hashes };
            let notes = [&note(honest), &note(&whole)];
            assert_eq!(Evidence::new("fork", &notes, Some(forged)).verify(&keys), Err(Unproved::Proof));
        }
    }
    let (a, b) = (note(&leaves(3, 2)), note(&leaves(3, 99)));
    assert_eq!(Evidence::new("fork", &[&a, &b], None).verify(&keys), Ok(Proved::Fork));
    assert_eq!(Evidence::new("fork", &[&a, &a], None).verify(&keys), Ok(Proved::Signed));
    let stranger = Signer::new("log.example", KeyType::Ed25519, &[2; 32]).unwrap().verifier_key().clone();
    assert_eq!(Evidence::new("fork", &[&a, &b], None).verify(&[stranger]), Err(Unproved::NotSigned(1)));
}

/// An entry proves itself wrong, and one that is well formed does not.
#[test]
fn a_bad_entry_is_proved_by_itself() {
    let keys = [signer().verifier_key().clone()];
    let bytes = b"no leaf";
    let signed = Checkpoint::new("log.example", 1, Hash::of_leaf(bytes)).sign(&signer()).unwrap();
    let entry = |bytes: &[u8]| Proof::Entry { wrong: Placed::new(0, bytes, &[]), others: Vec::new() };
    let evidence = |bytes| Evidence::new("bad-leaf", &[&signed], Some(entry(bytes)));
    assert_eq!(evidence(bytes).verify(&keys), Ok(Proved::BadEntry));
    assert_eq!(evidence(b"another").verify(&keys), Err(Unproved::Proof));
}

/// People are shown what evidence is called: fails when any text is a name, and when anybody may add checkpoints without end.
#[test]
fn what_it_is_called_is_a_name() {
    let keys = [signer().verifier_key().clone()];
    let signed = note(&leaves(3, 2));
    for kind in ["fork:\nProved", "Fork", "\u{1b}[8m", "a fork", &"a".repeat(41)] {
        let evidence = Evidence::new(kind, &[&signed], None);
        assert_eq!(evidence.verify(&keys), Err(Unproved::Malformed), "{kind}");
        assert_eq!(Evidence::parse(&evidence.encode()), Err(Unproved::Malformed), "{kind}");
    }
    for checkpoints in [&[][..], &[&signed; 3]] {
        let evidence = Evidence::new("stale", checkpoints, None);
        assert_eq!(evidence.verify(&keys), Err(Unproved::Malformed));
    }
    let evidence = Evidence::new("stale", &[&signed], None);
    assert_eq!((evidence.verify(&keys), evidence.origin()), (Ok(Proved::Signed), Some("log.example".into())));
}

/// A policy may hold two keys of one name. Fails when each checkpoint is believed by whichever key signed it.
#[test]
fn two_trees_under_two_keys_are_no_fork() {
    let other = Signer::new("log.example", KeyType::Ed25519, &[2; 32]).unwrap();
    let keys = [&signer(), &other].map(|signer| signer.verifier_key().clone());
    let (ours, theirs) = (leaves(3, 2), leaves(3, 99));
    let size = |leaves: &[Hash]| Checkpoint::new("log.example", 3, root(leaves));
    let [a, b] = [size(&ours).sign(&signer()).unwrap(), size(&theirs).sign(&other).unwrap()];
    assert_eq!(Evidence::new("fork", &[&a, &b], None).verify(&keys), Err(Unproved::Proof));
    let b = size(&theirs).sign(&signer()).unwrap();
    assert_eq!(Evidence::new("fork", &[&a, &b], None).verify(&keys), Ok(Proved::Fork));
}
