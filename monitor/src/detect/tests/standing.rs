//! What is remembered gives the same as the whole list does.

use tnlog::entry::{Entry, Leaf};
use tnlog::signature::Ecdsa;
use tnlog::standing::{History, NumberList};
use tnlog::statement::signed_bytes;

use sha2::Digest;

use super::*;
use crate::detect::number::{Credential, NumberState, Standing};

const NUMBER: u64 = 1;

/// Numbers that look random, and are the same each time.
pub(super) struct Random(pub u64);

impl Random {
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    /// From 0 to 1.
    pub(super) fn share(&mut self) -> f64 {
        self.below(1 << 30) as f64 / f64::from(1 << 30)
    }
}

struct Both {
    random: Random,
    keys: Vec<KeyPair>,
    leaves: Vec<Leaf>,
    /// The key of each leaf.
    key_of: Vec<usize>,
    state: NumberState,
    day: i64,
}

impl Both {
    fn credential(&mut self) {
        let key = self.random.below(self.keys.len() as u64) as usize;
        let issuer = &self.keys[self.random.below(self.keys.len() as u64) as usize];
        let issuer_key_hash = match self.random.below(3) {
            0 => [7; 32],
            _ => sha2::Sha256::digest(issuer.spki()).into(),
        };
        let index = self.leaves.len() as u64;
        let now = START + self.day * DAY;
        let days = self.random.below(40) as i64;
        let entry = NumberEntry {
            labels: vec![label(NUMBER)],
            issuer_key_hash,
            certificate_id: CertificateId(index.to_be_bytes().repeat(2).try_into().unwrap()),
            not_before: now - DAY,
            not_after: now - DAY + days * DAY,
            subject_key: self.keys[key].spki().to_vec(),
            is_ca: self.random.below(2) == 0,
            is_precertificate: false,
            calling_codes: vec![1],
            commitment: Commitment([0; 32]),
        };
        self.state.arrive(Credential {
            leaf: index,
            other_half: None,
            logged: now,
            not_before: entry.not_before,
            not_after: entry.not_after,
            key: KeyId::of_spki(&entry.subject_key),
            issuer: KeyId::of_hash(&entry.issuer_key_hash),
            operator: Operator([0; 8]),
            is_ca: entry.is_ca,
            standing: Standing::No,
            stood: index,
            case: None,
        });
        self.push(Entry::Number(entry), key);
    }

    fn statement(&mut self) {
        let numbers: Vec<usize> =
            (0..self.leaves.len()).filter(|at| matches!(self.leaves[*at].entry, Entry::Number(_))).collect();
        if numbers.len() < 2 {
            return;
        }
        let new = 1 + self.random.below(numbers.len() as u64 - 1) as usize;
        let (old, new) = (numbers[self.random.below(new as u64) as usize], numbers[new]);
        let verb = if self.random.below(5) == 0 { Verb::Dispute } else { Verb::Approve };
        let reference = |at: usize| LeafReference { index: at as u64, hash: self.leaves[at].hash().unwrap() };
        let key = &self.keys[self.key_of[old]];
        let signature = key.sign(&signed_bytes(&LOG, verb, &reference(old), &reference(new)));
        let (old, new) = (reference(old), reference(new));
        let entry = KeyStatementEntry { labels: vec![label(NUMBER)], verb, old, new, signature };
        let said = |leaf: &Leaf| match &leaf.entry {
            Entry::KeyStatement(said) => said.dedup_key() == entry.dedup_key(),
            _ => false,
        };
        if !self.leaves.iter().any(said) {
            let signer = KeyId::of_spki(key.spki());
            self.state.weigh(&entry, &signer, self.leaves.len() as u64, START + self.day * DAY);
            self.push(Entry::KeyStatement(entry), usize::MAX);
        }
    }

    fn push(&mut self, entry: Entry, key: usize) {
        let timestamp = 1000 * (START + self.day * DAY) as u64;
        self.leaves.push(Leaf { timestamp, entry, index: self.leaves.len() as u64 });
        self.key_of.push(key);
    }

    fn compare(&self) -> usize {
        let list = NumberList { log_id: &LOG, label: label(NUMBER), leaves: &self.leaves };
        let history = History::of(&list, &Ecdsa, 0).unwrap();
        assert!(history.faulty_statements.is_empty());
        assert_eq!(self.state.leading, history.leading().map(|leading| leading.leaves[0]));
        for remembered in &self.state.credentials {
            let folded = history.credential_of(remembered.leaf).unwrap();
            assert_eq!(remembered.stands(), folded.standing.is_ok(), "{:?}", self.leaves);
        }
        let live = |c: &tnlog::standing::Credential<'_>| !c.has_expired(START + self.day * DAY);
        let live = history.credentials.iter().filter(|c| live(c)).count();
        assert!(self.state.credentials.len() >= live || self.state.crowded);
        history.credentials.iter().filter(|credential| credential.standing.is_ok()).count()
    }
}

/// Random lists, up to the bound. Fails when `make_room` forgets CAs that have expired, and when `issuer` or
/// `weigh` leaves a rule out.
#[test]
fn the_incremental_rules_are_those_of_the_whole_list() {
    let mut standing = 0;
    for seed in 0..400 {
        let keys = (0..4).map(KeyPair::p256).collect();
        let (random, state) = (Random(seed), NumberState::default());
        let mut both = Both { random, keys, leaves: Vec::new(), key_of: Vec::new(), state, day: 0 };
        for _ in 0..22 {
            both.day += both.random.below(6) as i64;
            match both.random.below(5) {
                0..2 => both.statement(),
                _ => both.credential(),
            }
            if both.state.crowded {
                break;
            }
        }
        standing += if both.state.crowded { 0 } else { both.compare() };
    }
    assert!(standing > 1500, "{standing}");
}
