//! The truth about a world, to compare a monitor's findings with. One JSON object a line.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::attack::{Attack, Kind};
use super::book::{CredentialId, What, Why};
use super::drive::Placed;
use super::script::Script;

/// What a leaf of the log is, in `entries.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrueEntry {
    /// Its index.
    pub index: u64,
    /// Its time, in milliseconds of Unix time.
    pub time: u64,
    /// Why it is there.
    pub kind: Why,
    /// The attack that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attack: Option<u32>,
}

/// An attack, in `truth.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrueAttack {
    /// Counted from 0; `entries.jsonl` names it.
    pub id: u32,
    /// What kind.
    pub kind: Kind,
    /// The time of the attacker's first leaf, in milliseconds of Unix time.
    pub begins: u64,
    /// The time of his last credential's.
    pub ends: u64,
    /// The calling codes of the victims.
    pub calling_codes: Vec<u16>,
    /// Whether a victim watches.
    pub watched: bool,
    /// Whom it hits, in the order of the attacker's leaves.
    pub victims: Vec<TrueVictim>,
    /// Who finds it by a victim: detectors of which a perfect observer's finding is one.
    pub detectors: Vec<String>,
    /// Who finds it by all victims together.
    pub together: Vec<String>,
    /// What a perfect observer would say.
    pub says: String,
}

/// A victim of an attack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrueVictim {
    /// The time of the attacker's first leaf, in milliseconds of Unix time.
    pub time: u64,
    /// The leaves of the attacker's credential: one, or precertificate and certificate.
    pub entries: Vec<u64>,
    /// The leaf of the victim's credential that covered the number or block.
    pub covered_by: Option<u64>,
    /// Registrations under the attacker's credential.
    pub registrations: Vec<u64>,
    /// Objections of the victim.
    pub disputes: Vec<u64>,
    /// Whether the victim watches.
    pub watched: bool,
}

/// Every leaf that the script has brought, in the order of the log.
pub fn entries(script: &Script, placed: &[Placed]) -> Vec<TrueEntry> {
    let known = script.events().iter().zip(placed).map(|(event, placed)| TrueEntry {
        index: placed.index,
        time: placed.timestamp,
        kind: event.why,
        attack: event.attack,
    });
    let mut entries: Vec<TrueEntry> = known.collect();
    entries.sort_by_key(|entry| entry.index);
    entries
}

/// Every attack of the script.
pub fn attacks(script: &Script, placed: &[Placed]) -> Vec<TrueAttack> {
    let leaves = Leaves::of(script, placed);
    script.attacks.iter().zip(0..).map(|(attack, id)| leaves.attack(attack, id)).collect()
}

/// The leaves that speak of each credential.
#[derive(Default)]
struct Leaves {
    issued: HashMap<CredentialId, Vec<Placed>>,
    registered: HashMap<CredentialId, Vec<u64>>,
    disputed: HashMap<CredentialId, Vec<u64>>,
}

impl Leaves {
    fn of(script: &Script, placed: &[Placed]) -> Self {
        let mut leaves = Leaves::default();
        for (event, placed) in script.events().iter().zip(placed) {
            match event.what {
                What::Issue(id, _) => leaves.issued.entry(id).or_default().push(*placed),
                What::Register(id) => {
                    let credential = script.book.registrations[id as usize].credential;
                    leaves.registered.entry(credential).or_default().push(placed.index);
                }
                What::State { about, .. } if event.why == Why::Dispute => {
                    leaves.disputed.entry(about).or_default().push(placed.index);
                }
                What::State { .. } => {}
            }
        }
        leaves
    }

    fn attack(&self, attack: &Attack, id: u32) -> TrueAttack {
        let mut victims: Vec<TrueVictim> = attack.victims.iter().filter_map(|it| self.victim(it)).collect();
        victims.sort_by_key(|victim| (victim.time, victim.entries.first().copied()));
        let mut calling_codes: Vec<u16> = attack.victims.iter().map(|victim| victim.calling_code).collect();
        calling_codes.sort_unstable();
        calling_codes.dedup();
        TrueAttack {
            id,
            kind: attack.kind,
            begins: victims.first().map_or(0, |victim| victim.time),
            ends: victims.last().map_or(0, |victim| victim.time),
            calling_codes,
            watched: victims.iter().any(|victim| victim.watched),
            detectors: owned(detectors(attack.kind)),
            together: owned(together(attack.kind)),
            says: says(attack.kind, victims.len()),
            victims,
        }
    }

    fn victim(&self, victim: &super::attack::Victim) -> Option<TrueVictim> {
        let all =
            |of: &HashMap<CredentialId, Vec<u64>>| of.get(&victim.credential).cloned().unwrap_or_default();
        let issued = self.issued.get(&victim.credential)?;
        let covered_by = victim.covered_by.and_then(|id| self.issued.get(&id)?.first());
        Some(TrueVictim {
            time: issued.first()?.timestamp,
            entries: issued.iter().map(|placed| placed.index).collect(),
            covered_by: covered_by.map(|placed| placed.index),
            registrations: all(&self.registered),
            disputes: all(&self.disputed),
            watched: victim.watched,
        })
    }
}

/// By the names of the issue that asks for them; of a watched victim the first ones.
fn detectors(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Reroute | Kind::RogueIssuer | Kind::Wave => {
            &["unexpected-key", "unexpected-issuer", "reroute-suspected"]
        }
        Kind::RangeHijack => &["unexpected-scope", "unexpected-issuer", "conflicting-credentials"],
        Kind::RegistrationTakeover => &["registration-takeover", "unexpected-key", "reroute-suspected"],
    }
}

fn together(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Wave | Kind::RogueIssuer => &["reroute-wave"],
        Kind::Reroute | Kind::RangeHijack | Kind::RegistrationTakeover => &[],
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn says(kind: Kind, victims: usize) -> String {
    match kind {
        Kind::Reroute => "a credential for a covered number that its holder did not ask for".to_owned(),
        Kind::Wave => {
            format!("credentials for {victims} covered numbers of a country, none asked for by its holder")
        }
        Kind::RogueIssuer => {
            format!(
                "one CA issued for {victims} covered numbers of other CAs' customers, none asked for by its holder"
            )
        }
        Kind::RangeHijack => "a block that lies over a number or block of somebody else's".to_owned(),
        Kind::RegistrationTakeover => {
            "a registration of a number under a key that its holder never approved".to_owned()
        }
    }
}
