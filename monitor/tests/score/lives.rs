//! A shortcut: the detectors over what would be logged of a world, without a log, certificates or signatures. What stands in the open
//! is left out, and so is what only a certificate shows. A test compares it with a monitor of a real log.

#![allow(dead_code, reason = "each uses its part")]

use std::collections::BTreeMap;

use tnlog::commitment::{CertificateId, Commitment};
use tnlog::entry::{KeyStatementEntry, LeafReference, NumberEntry, RegistrationEntry};
use tnlog::label::Label;
use tnlog::merkle::Hash;
use tnlog::simulate::{Event, Form, Mint, Placed, Script, Subject, What, Why, World, schedule};
use tnlog_monitor::detect::{
    Content, Detectors, Finding, FindingId, InMemory, Issuer, KeyId, Memory, Observed, Operator, Tuning,
    Verification, Watches,
};

const LOG: [u8; 32] = [0; 32];

/// Where each event of a script would stand.
pub fn imagine(script: &Script) -> Vec<Placed> {
    let mut placed = vec![Placed { index: 0, timestamp: 0 }; script.events().len()];
    let batches = schedule(script);
    let in_order = batches.iter().flat_map(|batch| batch.events.iter().map(|place| (*place, batch.time)));
    for (index, (place, time)) in (1..).zip(in_order) {
        placed[place] = Placed { index, timestamp: 1000 * time };
    }
    placed
}

/// What detectors without watches find, each in its newest version, and how often it was about whom: the kind of what it began with.
pub struct Found {
    /// By id.
    pub findings: BTreeMap<FindingId, Finding>,
    kinds: BTreeMap<u64, Why>,
}

impl Found {
    /// The kind of the entry that a finding began with.
    pub fn kind(&self, finding: &Finding) -> Option<Why> {
        self.kinds.get(finding.entries.first()?).copied()
    }
}

/// Shows the detectors everything about numbers, in the order of the log.
pub fn observe(script: &Script, placed: &[Placed]) -> Found {
    let lives = Lives::new(script, placed);
    let detectors = detectors(&script.world);
    let mut store = InMemory::default();
    let mut findings: BTreeMap<FindingId, Finding> = BTreeMap::new();
    let mut events: Vec<(&Event, &Placed)> = script.events().iter().zip(placed).collect();
    events.sort_by_key(|(_, placed)| placed.index);
    for (event, placed) in events {
        let mut memory = Memory::new(&store);
        let found = lives.show(event, placed, |entry| detectors.observe(entry, &mut memory).unwrap());
        let changes = memory.into_changes();
        store.apply(changes);
        for finding in found {
            let is_newer = |known: &Finding| known.version <= finding.version;
            if findings.get(&finding.id).is_none_or(is_newer) {
                findings.insert(finding.id, finding);
            }
        }
    }
    let kinds = script.events().iter().zip(placed).map(|(event, placed)| (placed.index, event.why));
    Found { findings, kinds: kinds.collect() }
}

fn detectors(world: &World) -> Detectors {
    let habit = |ca: &tnlog::simulate::Issuer| match ca.verifies_by {
        tnlog::simulate::Verification::Sms => Verification::Message,
        _ => Verification::Stronger,
    };
    let habits = world.authorities.iter().map(|ca| (Operator::of_organization(&ca.name), habit(ca)));
    Detectors {
        tuning: Tuning { habits: habits.collect(), ..Tuning::default() },
        watches: Watches::default(),
    }
}

struct Lives<'a> {
    script: &'a Script,
    issuers: Vec<Issuer>,
    /// The first leaf of each credential.
    leaves: Vec<u64>,
}

impl<'a> Lives<'a> {
    fn new(script: &'a Script, placed: &[Placed]) -> Self {
        let mint = Mint::new(script);
        let issuer = |(place, ca): (usize, &tnlog::simulate::Issuer)| Issuer {
            key_hash: mint.issuer_key_hash(place),
            operator: Operator::of_organization(&ca.name),
        };
        let mut leaves = vec![u64::MAX; script.book.credentials.len()];
        for (event, placed) in script.events().iter().zip(placed) {
            if let What::Issue(id, _) = event.what {
                leaves[id as usize] = leaves[id as usize].min(placed.index);
            }
        }
        Lives { script, issuers: script.world.authorities.iter().enumerate().map(issuer).collect(), leaves }
    }

    fn show(
        &self,
        event: &Event,
        placed: &Placed,
        mut on: impl FnMut(&Observed<'_>) -> Vec<Finding>,
    ) -> Vec<Finding> {
        match event.what {
            What::Issue(id, form) => match self.number(id, form) {
                Some((number, issuer)) => on(&entry(placed, Content::Number(&number, issuer))),
                None => on(&entry(placed, Content::Other)),
            },
            What::State { verb, by, about } => {
                let labels = self.label(about).into_iter().collect();
                let (old, new) = (self.leaf(by), self.leaf(about));
                let statement = KeyStatementEntry { labels, verb, old, new, signature: Vec::new() };
                on(&entry(placed, Content::Statement(&statement, KeyId::of_spki(&self.key(by)))))
            }
            What::Register(id) => {
                let said = &self.script.book.registrations[id as usize];
                let registration = RegistrationEntry {
                    label: self.label(said.credential).unwrap(),
                    credential: self.leaf(said.credential).index,
                    not_before: said.made as i64,
                    not_after: said.not_after as i64,
                    action: said.action,
                    commitment: Commitment([0; 32]),
                    replaces: None,
                };
                on(&entry(placed, Content::Registration(&registration)))
            }
        }
    }

    fn number(&self, id: u32, form: Form) -> Option<(NumberEntry, Issuer)> {
        let credential = &self.script.book.credentials[id as usize];
        let Subject::Line(line) = credential.subject else { return None };
        let country = self.script.cast.lines[line as usize].country;
        let issuer = self.issuers[credential.authority];
        let number = NumberEntry {
            labels: vec![label(line)],
            issuer_key_hash: issuer.key_hash,
            certificate_id: CertificateId(u128::from(id).to_be_bytes()),
            not_before: credential.not_before as i64,
            not_after: credential.not_after as i64,
            subject_key: self.key(id),
            is_ca: false,
            is_precertificate: form == Form::Precertificate,
            calling_codes: vec![self.script.world.countries[country].calling_code],
            commitment: Commitment([form as u8; 32]),
        };
        Some((number, issuer))
    }

    /// Bytes that are taken for a key.
    fn key(&self, id: u32) -> Vec<u8> {
        self.script.book.credentials[id as usize].key.to_be_bytes().to_vec()
    }

    fn leaf(&self, id: u32) -> LeafReference {
        LeafReference { index: self.leaves[id as usize], hash: Hash([0; 32]) }
    }

    fn label(&self, id: u32) -> Option<Label> {
        match self.script.book.credentials[id as usize].subject {
            Subject::Line(line) => Some(label(line)),
            _ => None,
        }
    }
}

fn entry<'a>(placed: &Placed, content: Content<'a>) -> Observed<'a> {
    Observed { log_id: LOG, index: placed.index, timestamp: placed.timestamp, content }
}

fn label(line: u32) -> Label {
    let mut bytes = [0; 32];
    bytes[1..5].copy_from_slice(&line.to_be_bytes());
    Label::new(bytes)
}
