//! What the entries of a subject say, in the order in which they were logged: who issued, which key, how long, does it stand,
//! what was said about it, and where it was registered.

use std::collections::BTreeSet;

use der::Decode;
use sha2::{Digest, Sha256};
use tnlog::certificate::Certificate;
use tnlog::entry::{Entry, Leaf, NumberEntry, SignedEntry};
use tnlog::signature::Ecdsa;
use tnlog::standing::{
    self, DoesNotStand, History, ListError, NumberList, RegistrationState, Stands, Verdict,
};
use x509_cert::TbsCertificate;

use super::names::IssuerNames;
use crate::output::{hex, printable};

/// What entries are described with.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    pub names: &'a IssuerNames,
    /// The hashes of the keys that are mine, in lowercase hexadecimal.
    pub mine: &'a [String],
    /// The entries that were not known before.
    pub new: &'a BTreeSet<u64>,
    /// Milliseconds of Unix time.
    pub now: u64,
}

/// Everything of one subject.
#[derive(Default)]
pub struct TimeLine {
    pub credentials: Vec<Credential>,
    pub registrations: Vec<Registration>,
    pub faults: Vec<Fault>,
}

/// A credential: one entry, or precertificate and certificate. Others are named by their first entries.
#[derive(Default)]
pub struct Credential {
    pub entries: Vec<u64>,
    /// Milliseconds of Unix time.
    pub logged: u64,
    pub under: String,
    pub kind: &'static str,
    pub issuer: Option<String>,
    pub issuer_key_hash: Option<String>,
    pub key_hash: Option<String>,
    pub mine: bool,
    pub validity: Option<(i64, i64)>,
    /// None of carriers and blocks, which have no standing.
    pub standing: Option<Standing>,
    pub said: Vec<Said>,
    pub repeated_id: bool,
    pub new: bool,
}

/// Whether a credential of a number stands.
pub struct Standing {
    pub stands: bool,
    /// It is the newest that stands.
    pub leads: bool,
    /// A stable name.
    pub why: &'static str,
    /// The credential that issued or approved it, or that led when it was not approved.
    pub by: Option<u64>,
    pub superseded_by: Option<u64>,
    pub disputed: bool,
}

/// A statement about a credential.
pub struct Said {
    pub entry: u64,
    pub logged: u64,
    pub verb: &'static str,
    /// The credential whose key says it.
    pub by: u64,
    pub mine: bool,
    pub weightless: Option<String>,
    pub new: bool,
}

/// A registration or a withdrawal. Where it is registered nobody sees.
pub struct Registration {
    pub entry: u64,
    pub logged: u64,
    pub action: &'static str,
    pub credential: Option<u64>,
    pub mine: bool,
    pub validity: (i64, i64),
    /// A stable name.
    pub state: &'static str,
    /// The earlier registration that it replaces or withdraws.
    pub replaces: Option<u64>,
    /// What replaced or withdrew it.
    pub ended_by: Option<u64>,
    pub fault: Option<String>,
    pub new: bool,
}

/// A statement that does not hold, which a log that follows the rules does not have.
pub struct Fault {
    pub entry: u64,
    pub why: String,
    pub new: bool,
}

impl TimeLine {
    /// Everything of a number.
    ///
    /// # Errors
    /// [`ListError`].
    pub fn of_number(list: &NumberList<'_>, facts: &Facts<'_>) -> Result<Self, ListError> {
        let history = History::of(list, &Ecdsa, facts.now)?;
        let fault = |(entry, why): &(u64, tnlog::statement::StatementRefusal)| Fault {
            entry: *entry,
            why: why.to_string(),
            new: facts.new.contains(entry),
        };
        let registration = |registered: &standing::Registered<'_>| registration(registered, &history, facts);
        Ok(TimeLine {
            credentials: history.credentials.iter().map(|c| of_number(c, &history, facts)).collect(),
            registrations: history.registrations.iter().map(registration).collect(),
            faults: history.faulty_statements.iter().map(fault).collect(),
        })
    }

    /// Adds what is logged in the open, under the name of a carrier or block.
    pub fn add_open(&mut self, under: &str, leaf: &Leaf, facts: &Facts<'_>) {
        let mut credential = match &leaf.entry {
            Entry::Open(SignedEntry::X509(der)) => {
                let certificate = Certificate::from_der(&der[..]).ok();
                of_tbs("certificate", certificate.as_ref().map(Certificate::tbs).unwrap_or_default())
            }
            Entry::Open(SignedEntry::Precert { issuer_key_hash, tbs }) => {
                Credential { issuer_key_hash: Some(hex(issuer_key_hash)), ..of_tbs("precertificate", tbs) }
            }
            _ => return,
        };
        credential.entries = vec![leaf.index];
        credential.logged = leaf.timestamp;
        credential.under = under.to_owned();
        credential.mine = is_mine(credential.key_hash.as_deref(), facts);
        credential.new = facts.new.contains(&leaf.index);
        self.credentials.push(credential);
        self.credentials.sort_by_key(|credential| credential.entries[0]);
    }

    /// How much of it is of keys that are not mine: credentials, statements by them, registrations under them.
    pub fn not_mine(&self) -> usize {
        let said = |c: &Credential| c.said.iter().filter(|said| !said.mine).count();
        let credentials = self.credentials.iter().map(|c| usize::from(!c.mine) + said(c)).sum::<usize>();
        let registrations = self.registrations.iter().filter(|registration| !registration.mine).count();
        credentials + registrations + self.faults.len()
    }

    /// What is new, and each credential that something new is about.
    pub fn news(mut self) -> Self {
        self.registrations.retain(|registration| registration.new);
        self.faults.retain(|fault| fault.new);
        let about: BTreeSet<u64> = self.registrations.iter().filter_map(|r| r.credential).collect();
        let is_news = |credential: &Credential| {
            credential.new
                || credential.said.iter().any(|said| said.new)
                || about.contains(&credential.entries[0])
        };
        self.credentials.retain(is_news);
        self
    }
}

fn is_mine(key_hash: Option<&str>, facts: &Facts<'_>) -> bool {
    key_hash.is_some_and(|key| facts.mine.iter().any(|mine| mine == key))
}

fn key_hash(entry: &NumberEntry) -> String {
    hex(&Sha256::digest(&entry.subject_key))
}

fn first(history: &History<'_>, place: usize) -> u64 {
    history.credentials[place].leaves[0]
}

fn of_number(credential: &standing::Credential<'_>, history: &History<'_>, facts: &Facts<'_>) -> Credential {
    let entry = credential.entry;
    let kind = match (entry.is_ca, entry.is_precertificate, credential.leaves.len()) {
        (_, _, 2..) => "precertificate and certificate",
        (false, false, _) => "certificate",
        (false, true, _) => "precertificate",
        (true, false, _) => "certificate that may delegate",
        (true, true, _) => "precertificate that may delegate",
    };
    let said = |said: &standing::Said| Said {
        entry: said.index,
        logged: said.timestamp,
        verb: said.verb.name(),
        by: first(history, said.by),
        mine: is_mine(Some(&key_hash(history.credentials[said.by].entry)), facts),
        weightless: said.weight.err().map(|why| why.to_string()),
        new: facts.new.contains(&said.index),
    };
    Credential {
        entries: credential.leaves.clone(),
        logged: credential.timestamp,
        under: "the number".to_owned(),
        kind,
        issuer: facts.names.name(&entry.issuer_key_hash).map(str::to_owned),
        issuer_key_hash: Some(hex(&entry.issuer_key_hash)),
        key_hash: Some(key_hash(entry)),
        mine: is_mine(Some(&key_hash(entry)), facts),
        validity: Some((entry.not_before, entry.not_after)),
        standing: Some(standing_of(credential, history)),
        said: credential.said.iter().map(said).collect(),
        repeated_id: credential.repeated_id,
        new: credential.leaves.iter().any(|leaf| facts.new.contains(leaf)),
    }
}

fn standing_of(credential: &standing::Credential<'_>, history: &History<'_>) -> Standing {
    let (why, by) = match credential.standing {
        Ok(Stands::NothingCovered) => ("nothing-covered", None),
        Ok(Stands::Issued { by }) => ("issued", Some(by)),
        Ok(Stands::Approved { by, .. }) => ("approved", Some(by)),
        Err(DoesNotStand::LoggedExpired) => ("logged-expired", None),
        Err(DoesNotStand::NotApproved { leading }) => ("not-approved", Some(leading)),
    };
    let leaf = credential.leaves[0];
    // As of the beginning of time nothing has expired, which would hide whether another one followed.
    let superseded_by = match history.verdict(leaf, 0) {
        Verdict::Superseded { by } => Some(first(history, by)),
        _ => None,
    };
    Standing {
        stands: credential.standing.is_ok(),
        leads: history.leading().is_some_and(|leading| leading.leaves[0] == leaf),
        why,
        by: by.map(|place| first(history, place)),
        superseded_by,
        disputed: credential.is_disputed(),
    }
}

fn registration(
    registered: &standing::Registered<'_>,
    history: &History<'_>,
    facts: &Facts<'_>,
) -> Registration {
    let (state, ended_by, fault) = match registered.state {
        RegistrationState::Current => ("current", None, None),
        RegistrationState::NotYetValid => ("not-yet-valid", None, None),
        RegistrationState::Expired => ("expired", None, None),
        RegistrationState::Replaced(by) => ("replaced", Some(by), None),
        RegistrationState::Withdrawn(by) => ("withdrawn", Some(by), None),
        RegistrationState::Withdrawal => ("withdrawal", None, None),
        RegistrationState::Faulty(fault) => ("faulty", None, Some(fault.to_string())),
    };
    let credential = registered.credential.map(|place| &history.credentials[place]);
    let key = credential.map(|credential| key_hash(credential.entry));
    Registration {
        entry: registered.index,
        logged: registered.timestamp,
        action: registered.entry.action.name(),
        credential: credential.map(|credential| credential.leaves[0]),
        mine: fault.is_none() && is_mine(key.as_deref(), facts),
        validity: (registered.entry.not_before, registered.entry.not_after),
        state,
        replaces: registered.entry.replaces,
        ended_by,
        fault,
        new: facts.new.contains(&registered.index),
    }
}

fn of_tbs(kind: &'static str, tbs: &[u8]) -> Credential {
    let Ok(tbs) = TbsCertificate::from_der(tbs) else { return Credential { kind, ..Credential::default() } };
    let key = der::Encode::to_der(&tbs.subject_public_key_info).ok();
    let seconds = |time: &x509_cert::time::Time| time.to_unix_duration().as_secs() as i64;
    Credential {
        kind,
        issuer: Some(printable(&tbs.issuer.to_string())),
        key_hash: key.map(|key| hex(&Sha256::digest(&key))),
        validity: Some((seconds(&tbs.validity.not_before), seconds(&tbs.validity.not_after))),
        ..Credential::default()
    }
}
