use super::*;
use crate::entry::sample::{label, leaf, number};
use crate::synthetic::KeyPair;

const TRUST: [u8; 32] = [7; 32];

fn state() -> State {
    let key = KeyPair::p256(1);
    let items: BTreeMap<_, _> = [(label(1), vec![1, 4]), (label(2), vec![4])].into();
    let leaves =
        [(1, &[1][..]), (4, &[1, 2])].map(|(index, labels)| (index, leaf(index, 1, number(&key, labels, 9))));
    let kept = Kept { memory: Memory::new(5, items).unwrap(), leaves: leaves.into() };
    let number = Question::of_labels(&[label(1), label(2)]);
    let blocks =
        Question { below: vec!["170".into()], at: vec!["1".into(), "17".into()], ..Question::default() };
    let position = Position { entries: b"one".to_vec(), heads: b"two".to_vec() };
    let log = LogState { position: Some(position), kept: [(number, kept), (blocks, Kept::default())].into() };
    State { trust: TRUST, logs: [("a/log".to_owned(), log)].into() }
}

#[test]
fn a_state_comes_back_as_it_was() {
    let bytes = state().encode();
    let read = State::decode(&bytes, &TRUST).unwrap();
    assert_eq!(read.encode(), bytes);
    let log = &read.logs["a/log"];
    assert_eq!(log.position, state().logs["a/log"].position);
    let kept = &log.kept[&Question::of_labels(&[label(1), label(2)])];
    assert_eq!((kept.covers(), kept.list(&label(1)).len(), kept.list(&label(2)).len()), (5, 2, 1));
    let again = &state().logs["a/log"].kept[&Question::of_labels(&[label(1), label(2)])];
    assert_eq!(kept.memory.answer, again.memory.answer);
    assert_eq!(State::decode(&State::default().encode(), &[0; 32]).unwrap().logs.len(), 0);
}

/// Fails without the hash at the end: a changed index would be a false accusation of the log.
#[test]
fn every_flipped_bit_and_every_cut_is_refused() {
    let bytes = state().encode();
    for bit in 0..8 * bytes.len() {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let refused = State::decode(&changed, &TRUST).err().unwrap();
        let expected = match bit / 8 {
            0..18 => StateError::OtherFile,
            18..20 => StateError::Version,
            _ => StateError::Damaged,
        };
        assert_eq!(refused, expected, "bit {bit}");
    }
    for length in 0..bytes.len() {
        assert!(State::decode(&bytes[..length], &TRUST).is_err());
    }
    assert!(State::decode(&[&bytes[..], &[0]].concat(), &TRUST).is_err());
}

/// With a good hash: what this program would not write is refused.
#[test]
fn only_the_one_encoding_is_read() {
    let seal = |content: &[u8]| {
        let bytes = [NAME, VERSION, content].concat();
        [&bytes[..], &Sha256::digest(&bytes)[..]].concat()
    };
    let content = state().encode_content();
    assert!(State::decode(&seal(&content), &TRUST).is_ok());
    assert_eq!(State::decode(&seal(&[&content[..], &[0]].concat()), &TRUST).err(), Some(StateError::Damaged));
    // {1: 32 bytes, 2: as many logs as no memory holds}
    let hostile =
        [&[0xa2, 1, 0x58, 32][..], &TRUST, &[2, 0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]]
            .concat();
    assert_eq!(State::decode(&seal(&hostile), &TRUST).err(), Some(StateError::Damaged));
    assert_eq!(State::decode(&state().encode(), &[8; 32]).err(), Some(StateError::OtherTrust));
}

/// Fails without the check in `Memory::new`.
#[test]
fn lists_that_do_not_rise_or_lie_beyond_the_log_are_none() {
    for (size, items) in [(5, vec![4, 1]), (5, vec![1, 1]), (5, vec![5]), (5, vec![])] {
        assert!(Memory::new(size, [(label(1), items)].into()).is_none());
    }
    assert!(Memory::new(5, [(label(1), vec![0, 4])].into()).is_some());
}
