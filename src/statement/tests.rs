use super::*;
use crate::entry::sample::{label, leaf, number, reference};
use crate::signature::Ecdsa;
use crate::synthetic::KeyPair;

const LOG: [u8; 32] = [9; 32];

struct Case {
    old: Leaf,
    new: Leaf,
    key: KeyPair,
}

impl Case {
    fn new(key: KeyPair) -> Self {
        let old = leaf(3, 0, number(&key, &[1, 2, 4], 1));
        let new = leaf(7, 1, number(&KeyPair::p256(99), &[2, 3, 4], 2));
        Case { old, new, key }
    }

    fn sign(&self, verb: Verb) -> KeyStatement {
        self.sign_as(verb, reference(&self.old), reference(&self.new))
    }

    fn sign_as(&self, verb: Verb, old: LeafReference, new: LeafReference) -> KeyStatement {
        let signature = self.key.sign(&signed_bytes(&LOG, verb, &old, &new));
        KeyStatement { log_id: LOG, verb, old, new, signature }
    }

    fn admit(&self, statement: &KeyStatement) -> Result<KeyStatementEntry, StatementRefusal> {
        admit_statement(statement, &LOG, &self.old, &self.new, &Ecdsa)
    }
}

#[test]
fn good_statements_of_both_curves_are_logged_under_what_both_leaves_share() {
    for key in [KeyPair::p256(1), KeyPair::p384(1)] {
        let case = Case::new(key);
        for verb in [Verb::Approve, Verb::Dispute] {
            let statement = case.sign(verb);
            assert_eq!(KeyStatement::decode(&statement.encode()).as_ref(), Ok(&statement));
            let entry = case.admit(&statement).unwrap();
            assert_eq!(entry.labels, [label(2), label(4)]);
            assert_eq!(entry.dedup_key(), statement.dedup_key());
            assert_eq!(check_statement_leaf(&entry, &LOG, &case.old, &case.new, &Ecdsa), Ok(()));
        }
    }
}

/// Fails without the call of `verify_statement`: hashes, verb and signature are all that it covers, and each bit of what
/// is submitted is one of them or is compared with the leaves.
#[test]
fn every_flipped_bit_is_refused() {
    let case = Case::new(KeyPair::p256(1));
    let good = case.sign(Verb::Approve).encode();
    for bit in 0..8 * good.len() {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let outcome = KeyStatement::decode(&bad).and_then(|statement| case.admit(&statement));
        assert!(outcome.is_err(), "bit {bit}");
    }
    for length in 0..good.len() {
        assert_eq!(KeyStatement::decode(&good[..length]), Err(StatementRefusal::Malformed), "{length}");
    }
    assert_eq!(KeyStatement::decode(&[&good[..], &[0]].concat()), Err(StatementRefusal::Malformed));
}

/// The signature covers every bit of the message: verifying it against any message that differs in one bit fails.
#[test]
fn every_bit_of_what_is_signed_counts() {
    let case = Case::new(KeyPair::p256(1));
    let statement = case.sign(Verb::Dispute);
    let message = statement.signed_bytes();
    assert_eq!(message.len(), 23 + 3 * 32 + 1);
    assert_eq!(message[..23], *b"tnlog key statement v1\0");
    for bit in 0..8 * message.len() {
        let mut bad = message.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let verified = verify_statement(&Ecdsa, case.key.spki(), &bad, &statement.signature);
        assert_eq!(verified, Err(SignatureError::Invalid), "bit {bit}");
    }
}

/// Each line fails without the check that its refusal names.
#[test]
fn what_is_refused() {
    use StatementRefusal as R;
    let case = Case::new(KeyPair::p256(1));
    let good = case.sign(Verb::Approve);

    let replayed = admit_statement(&good, &[8; 32], &case.old, &case.new, &Ecdsa);
    assert_eq!(replayed, Err(R::OtherLog));
    let relabelled = KeyStatement { log_id: [8; 32], ..good.clone() };
    assert_eq!(admit_statement(&relabelled, &[8; 32], &case.old, &case.new, &Ecdsa), Err(R::BadSignature));

    let verb = KeyStatement { verb: Verb::Dispute, ..good.clone() };
    assert_eq!(case.admit(&verb), Err(R::BadSignature));
    let by_new = Case { key: KeyPair::p256(99), ..Case::new(KeyPair::p256(1)) };
    assert_eq!(by_new.admit(&by_new.sign(Verb::Approve)), Err(R::BadSignature));

    let swapped = KeyStatement { old: good.new, new: good.old, ..good.clone() };
    assert_eq!(admit_statement(&swapped, &LOG, &case.new, &case.old, &Ecdsa), Err(R::NotLater));
    assert_eq!(case.admit(&swapped), Err(R::OtherLeaf(Side::Old)));
    let other = leaf(7, 1, number(&KeyPair::p256(98), &[2], 3));
    assert_eq!(admit_statement(&good, &LOG, &case.old, &other, &Ecdsa), Err(R::OtherLeaf(Side::New)));
    let moved = KeyStatement { new: LeafReference { index: 8, ..good.new }, ..good.clone() };
    assert_eq!(case.admit(&moved), Err(R::OtherLeaf(Side::New)));
}

#[test]
fn leaves_that_do_not_fit_are_refused() {
    use StatementRefusal as R;
    let signed = |case: &Case| case.admit(&case.sign(Verb::Approve));

    let mut case = Case::new(KeyPair::p256(1));
    case.new = leaf(7, 1, number(&KeyPair::p256(99), &[3, 5], 2));
    assert_eq!(signed(&case), Err(R::NothingShared));

    case.new = leaf(
        7,
        1,
        Case::new(KeyPair::p256(1)).admit(&Case::new(KeyPair::p256(1)).sign(Verb::Approve)).unwrap(),
    );
    assert_eq!(signed(&case), Err(R::NoNumber(Side::New)));

    let pair = |is_precertificate| NumberEntry { is_precertificate, ..number(&KeyPair::p256(1), &[1], 1) };
    (case.old, case.new) = (leaf(3, 0, pair(true)), leaf(7, 1, pair(false)));
    assert_eq!(signed(&case), Err(R::SameCredential));

    let mut case = Case::new(KeyPair::p256(1));
    let Entry::Number(old) = &mut case.old.entry else { unreachable!() };
    old.subject_key = vec![0x30, 0x03, 0x02, 0x01, 0x05];
    assert_eq!(signed(&case), Err(R::UnsupportedKey));
}

/// A log that files a statement under more or fewer labels hides it, or shows it where it does not belong. Fails without
/// the comparison of labels in `check_statement_leaf`.
#[test]
fn a_reader_takes_no_other_labels() {
    let case = Case::new(KeyPair::p256(1));
    let good = case.admit(&case.sign(Verb::Dispute)).unwrap();
    for labels in [vec![label(2)], vec![label(2), label(3), label(4)], vec![label(1)]] {
        let entry = KeyStatementEntry { labels, ..good.clone() };
        let checked = check_statement_leaf(&entry, &LOG, &case.old, &case.new, &Ecdsa);
        assert_eq!(checked, Err(StatementRefusal::Malformed));
    }
}

#[test]
fn slugs_are_distinct_and_sentences_name_the_side() {
    use StatementRefusal as R;
    let all = [
        R::Malformed,
        R::OtherLog,
        R::NotLogged(Side::Old),
        R::NoNumber(Side::Old),
        R::OtherLeaf(Side::New),
        R::NotLater,
        R::SameCredential,
        R::NothingShared,
        R::UnsupportedKey,
        R::BadSignature,
        R::SaidBefore(1),
    ];
    let slugs: std::collections::BTreeSet<_> = all.iter().map(R::slug).collect();
    assert_eq!(slugs.len(), all.len());
    assert!(R::OtherLeaf(Side::New).to_string().contains("later credential"));
}
