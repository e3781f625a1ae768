//! What a caller of the sequencer does: makes rounds, and remembers what was answered.

use p256::ecdsa::SigningKey;
use p256::pkcs8::EncodePublicKey;
use tnlog::client::store::CheckpointLock;
use tnlog::note::{KeyType, Signer};
use tnlog::sct::SctKey;
use tnlog::server::plan::{NewEntry, Object, Place, Round};
use tnlog::server::sequencer::{Position, Sequencer, SequencerError, Stores};
use tnlog::server::signer::CheckpointSigner;

use crate::store::Machine;

/// The time at which every log begins, in milliseconds.
pub const START: u64 = 1_700_000_000_000;

/// A log's keys, all made from one byte.
pub fn signer_of(key: u8) -> CheckpointSigner {
    let signer = Signer::new("log.example/test", KeyType::Ed25519, &[key; 32]).unwrap();
    let sct_key = SigningKey::from_bytes(&[key; 32].into()).unwrap();
    let spki = sct_key.verifying_key().to_public_key_der().unwrap();
    let public = SctKey::from_spki(spki.as_bytes()).unwrap();
    CheckpointSigner::with_tree_heads(signer, sct_key, public)
}

pub fn signer() -> CheckpointSigner {
    signer_of(7)
}

/// A round that was answered: it may never be lost.
#[derive(Clone)]
pub struct Answered {
    pub first: u64,
    pub round: Round,
}

/// A caller.
#[derive(Clone, Default)]
pub struct Caller {
    rounds: u64,
    pub answered: Vec<Answered>,
}

impl Caller {
    /// The round that stands at a position: leaves and chains of all lengths, one issuer of five, one piece of evidence.
    fn round(&mut self, position: Position, count: u64) -> Round {
        self.rounds += 1;
        let number = self.rounds;
        let entry = |i: u64| NewEntry {
            leaf: format!("leaf {i} of round {number} at {}", position.time)
                .repeat(1 + i as usize % 3)
                .into(),
            chain: format!("chain {i} of round {number}").repeat(i as usize % 2).into(),
        };
        let object = |place, name: String| Object { place, bytes: name.repeat(4).into(), name };
        let objects = vec![
            object(Place::Public, format!("issuer/{}", number % 5)),
            object(Place::Private, format!("evidence/202611/{number}-{}", position.first)),
        ];
        if count == 0 {
            Round::default()
        } else {
            Round { entries: (0..count).map(entry).collect(), objects }
        }
    }

    /// Opens a log, or creates it with one entry.
    pub fn open(&mut self, machine: &Machine) -> Result<Sequencer, SequencerError> {
        self.open_at(machine.stores(), machine.lock())
    }

    pub fn open_at(
        &mut self,
        stores: Stores,
        lock: Box<dyn CheckpointLock>,
    ) -> Result<Sequencer, SequencerError> {
        let mut first = None;
        let sequencer = Sequencer::open(stores, lock, signer(), START, |position| {
            let round = self.round(position, 1);
            first = Some(Answered { first: position.first, round: round.clone() });
            round
        })?;
        self.answered.extend(first);
        Ok(sequencer)
    }

    /// Appends a round of so many entries. The clock stands still: the sequencer has to make time pass.
    pub fn append(&mut self, sequencer: &mut Sequencer, count: u64) -> Result<(), SequencerError> {
        let mut made = None;
        let published = sequencer.append(START, |position| {
            let round = self.round(position, count);
            made = Some(Answered { first: position.first, round: round.clone() });
            round
        })?;
        let made = made.expect("a round that was appended was made");
        assert_eq!(published.tree.size, made.first + count, "the published checkpoint covers the round");
        self.answered.push(made);
        Ok(())
    }

    /// A machine with a log of so many entries, in rounds of many sizes, of which the last are not settled.
    pub fn log_of(size: u64) -> (Machine, Caller) {
        let (machine, mut caller) = (Machine::default(), Caller::default());
        let mut sequencer = caller.open(&machine).unwrap();
        for step in [3, 0, 100, 1, 200, 150, 50, 90].iter().cycle() {
            let left = size - sequencer.published().tree.size;
            if left == 0 {
                break;
            }
            caller.append(&mut sequencer, left.min(*step)).unwrap();
            if *step == 100 {
                sequencer.settler().settle().unwrap();
            }
        }
        (machine, caller)
    }
}
