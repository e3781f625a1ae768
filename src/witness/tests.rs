use super::*;
use crate::merkle::prove_consistency;
use crate::note::{KeyType, Signer};
use crate::tile::{TileSet, TreeEdge};

/// The example of the specification.
const EXAMPLE: &str = "\
old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
";

fn signer(seed: u8) -> Signer {
    Signer::new("example.com/log", KeyType::Ed25519, &[seed; 32]).unwrap()
}

fn hashes(size: u64) -> Vec<Hash> {
    (0..size).map(|index| Hash::of_leaf(&index.to_be_bytes())).collect()
}

fn root(size: u64) -> Hash {
    let mut edge = TreeEdge::new();
    edge.append(&hashes(size));
    edge.root()
}

fn proof(old: u64, new: u64) -> Vec<Hash> {
    if old == 0 {
        return Vec::new();
    }
    let tiles = TreeEdge::new().append(&hashes(new));
    prove_consistency(&TileSet::new(new, tiles).unwrap(), old, new).unwrap()
}

fn signed(size: u64, root: Hash) -> Note {
    Checkpoint::new("example.com/log", size, root).sign(&signer(1)).unwrap()
}

fn request(old: u64, new: u64) -> AddCheckpoint {
    AddCheckpoint::new(old, proof(old, new), signed(new, root(new))).unwrap()
}

fn cosigned(size: u64) -> Cosigned {
    Cosigned { size, root: root(size) }
}

#[test]
fn the_example_of_the_specification_reads_and_writes_back_the_same() {
    let request = AddCheckpoint::parse(EXAMPLE.as_bytes()).unwrap();
    assert_eq!((request.old(), request.proof.len(), request.checkpoint().size), (20_852_014, 4, 20_852_163));
    assert_eq!(request.checkpoint().origin, "example.com/behind-the-sofa");
    assert_eq!(request.encode(), EXAMPLE);
    let first = self::request(0, 3);
    assert_eq!(AddCheckpoint::parse(first.encode().as_bytes()), Ok(first));
}

#[test]
fn what_is_no_request_is_refused_and_says_why() {
    let lines = |count: usize| "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n".repeat(count);
    let note = EXAMPLE.split_once("\n\n").unwrap().1;
    for (body, error) in [
        (String::new(), RequestError::Frame),
        (format!("old 1\n{note}"), RequestError::ProofLine(1)),
        (format!("old 01\n\n{note}"), RequestError::Old),
        (format!("old +1\n\n{note}"), RequestError::Old),
        (format!("old 9223372036854775809\n\n{note}"), RequestError::Old),
        (format!("new 1\n\n{note}"), RequestError::Old),
        (format!("\n\n{note}"), RequestError::Old),
        (format!("old 1\n{}\n{note}", lines(64)), RequestError::ProofTooLong(64)),
        (format!("old 1\n{}AAAA\n\n{note}", lines(1)), RequestError::ProofLine(2)),
        (format!("old 1\n{} \n\n{note}", lines(1)), RequestError::ProofLine(2)),
        ("old 1\n\nno note\n".into(), RequestError::Note(NoteError::Unsigned)),
        (format!("old 1\n\n{}", note.replace("20852163", "x")), CheckpointError::Size.into()),
        ("x".repeat(MAX_REQUEST + 1), RequestError::TooLong(MAX_REQUEST + 1)),
    ] {
        assert_eq!(AddCheckpoint::parse(body.as_bytes()), Err(error), "{body}");
        assert_eq!(Refusal::from(error).status(), 400);
    }
    assert!(AddCheckpoint::parse(format!("old 1\n{}\n{note}", lines(63)).as_bytes()).is_ok());
    let one_signature = EXAMPLE.trim_end().rfind('\n').unwrap() + 1;
    for end in (0..EXAMPLE.len()).filter(|end| *end != one_signature) {
        assert!(AddCheckpoint::parse(&EXAMPLE.as_bytes()[..end]).is_err(), "cut after {end} bytes");
    }
}

#[test]
fn what_continues_the_last_one_is_cosigned() {
    for old in 0..9 {
        for new in old.max(1)..20 {
            assert_eq!(
                decide(&request(old, new), signer(1).verifier_key(), &cosigned(old)),
                Ok(cosigned(new))
            );
        }
    }
    let empty = AddCheckpoint::new(0, vec![], signed(0, Hash::EMPTY_ROOT)).unwrap();
    assert_eq!(decide(&empty, signer(1).verifier_key(), &Cosigned::NOTHING), Ok(Cosigned::NOTHING));
}

/// Each fails without the check that is named.
#[test]
fn everything_else_is_refused_with_the_status_of_the_specification() {
    let key = signer(1).verifier_key().clone();
    let refused = |request: &AddCheckpoint, last| {
        let refusal = decide(request, &key, &last).unwrap_err();
        (refusal.status(), refusal.size())
    };
    // The signature.
    let stranger = signer(2).verifier_key().clone();
    assert_eq!(decide(&request(3, 5), &stranger, &cosigned(3)), Err(Refusal::UnknownSignature));
    assert_eq!(Refusal::UnknownSignature.status(), 403);
    assert_eq!(Refusal::UnknownLog.status(), 404);
    // The old size against the checkpoint, before it is compared with what is remembered.
    let backwards = AddCheckpoint::new(6, vec![], signed(5, root(5))).unwrap();
    assert_eq!(refused(&backwards, cosigned(6)), (400, None));
    assert_eq!(refused(&backwards, cosigned(3)), (400, None));
    // The old size against what is remembered.
    assert_eq!(refused(&request(3, 5), cosigned(4)), (409, Some(4)));
    assert_eq!(refused(&request(0, 5), cosigned(5)), (409, Some(5)));
    assert_eq!(refused(&request(3, 5), Cosigned::NOTHING), (409, Some(0)));
    // The root, where the size is the same.
    let other = Cosigned { size: 5, root: Hash([7; 32]) };
    assert_eq!(refused(&request(5, 5), other), (409, Some(5)));
    // The proof.
    assert_eq!(refused(&request(3, 5), Cosigned { size: 3, root: Hash([7; 32]) }), (422, None));
    let none = AddCheckpoint::new(3, vec![], signed(5, root(5))).unwrap();
    assert_eq!(refused(&none, cosigned(3)), (422, None));
    let from_nothing = AddCheckpoint::new(0, proof(3, 5), signed(5, root(5))).unwrap();
    assert_eq!(refused(&from_nothing, Cosigned::NOTHING), (422, None));
    let same = AddCheckpoint::new(5, proof(3, 5), signed(5, root(5))).unwrap();
    assert_eq!(refused(&same, cosigned(5)), (422, None));
}

#[test]
fn a_size_is_a_canonical_decimal_number_and_a_newline() {
    assert_eq!(parse_size(b"0\n"), Some(0));
    assert_eq!(parse_size(encode_size(20_852_014).as_bytes()), Some(20_852_014));
    for wrong in ["", "\n", "1", "01\n", "+1\n", "-1\n", "1\n\n", " 1\n", "99999999999999999999\n"] {
        assert_eq!(parse_size(wrong.as_bytes()), None, "{wrong:?}");
    }
}
