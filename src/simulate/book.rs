//! What happens in a world: events that name the credentials and registrations that they are about.

use std::fmt;

use serde::Serialize;

use super::world::{Logs, World};
use crate::entry::{Action, Verb};

/// A place in [`Book::credentials`].
pub type CredentialId = u32;
/// A place in [`Book::registrations`].
pub type RegistrationId = u32;
/// A place in [`Book::attacks`](super::script::Script::attacks).
pub type AttackId = u32;

/// From a precertificate to its certificate, in seconds.
const ISSUANCE: u64 = 5;

/// What a certificate names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A number: its place in the cast.
    Line(u32),
    /// A block.
    Block {
        /// The digits that its numbers begin with.
        prefix: String,
        /// How many follow.
        free: u32,
        /// Who holds it, as the certificate says.
        organization: String,
    },
    /// A carrier.
    Carrier {
        /// Its service provider code.
        code: String,
        /// Its name, as the certificate writes it.
        organization: String,
    },
}

/// A certificate that is issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// What it names.
    pub subject: Subject,
    /// The place of its CA in [`World::authorities`].
    pub authority: usize,
    /// Its key: the same figure is the same key.
    pub key: u64,
    /// When it is submitted, in Unix seconds.
    pub logged: u64,
    /// Its first second.
    pub not_before: u64,
    /// Its last second.
    pub not_after: u64,
}

/// A registration or its withdrawal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registering {
    /// Under which credential.
    pub credential: CredentialId,
    /// The place of its service in the world.
    pub service: usize,
    /// The place of its Resolution Service.
    pub resolution_service: usize,
    /// Register or withdraw.
    pub action: Action,
    /// When it is made, in Unix seconds.
    pub made: u64,
    /// Its last second.
    pub not_after: u64,
}

/// Which form of a certificate is submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// Its precertificate.
    Precertificate,
    /// Itself.
    Final,
}

/// What is submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A certificate.
    Issue(CredentialId, Form),
    /// A key statement.
    State {
        /// What it says.
        verb: Verb,
        /// Whose key says it.
        by: CredentialId,
        /// About which credential.
        about: CredentialId,
    },
    /// A registration.
    Register(RegistrationId),
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident,)+) => {
        /// Why it happens. In files it is written in kebab case.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Why {
            $($(#[doc = $doc])+ $variant,)+
        }
    };
}

reasons! {
    /// A number had its credential before the log began.
    Existing,
    /// A number gets its first credential.
    Enrolment,
    /// A renewal with a new key.
    Renewal,
    /// A renewal with the old key.
    RenewalSameKey,
    /// A renewal after expiry.
    LateRenewal,
    /// A lost phone is replaced.
    LostPhone,
    /// The number goes to another carrier.
    Port,
    /// A number that was given back has another holder.
    NewHolder,
    /// The old key approves the new credential.
    Approval,
    /// A first registration, or one under a new credential.
    Registration,
    /// A registration is renewed.
    RegistrationRenewal,
    /// A registration is withdrawn.
    Withdrawal,
    /// The certificate of a carrier.
    Carrier,
    /// The certificate of a carrier's second CA.
    CarrierSecond,
    /// The certificate of a block.
    Range,
    /// A block passes to another holder.
    RangeMove,
    /// An attacker's credential for one number.
    Reroute,
    /// An attacker's credentials for many numbers.
    Wave,
    /// A credential that nobody asked for.
    RogueIssuer,
    /// An attacker's credential for a block.
    RangeHijack,
    /// An attacker's credential for a number whose registration he takes over.
    RegistrationTakeover,
    /// An attacker registers.
    HostileRegistration,
    /// The victim disputes.
    Dispute,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Serialize::serialize(self, f)
    }
}

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, in Unix seconds.
    pub time: u64,
    /// What is submitted.
    pub what: What,
    /// Why.
    pub why: Why,
    /// The attack that it belongs to, as a deed of the attacker or an objection of the victim.
    pub attack: Option<AttackId>,
}

/// All that happens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    /// The certificates.
    pub credentials: Vec<Credential>,
    /// The registrations.
    pub registrations: Vec<Registering>,
    /// What happens, in time order once the book is closed.
    pub events: Vec<Event>,
    keys: u64,
}

impl Book {
    /// A key that nobody has.
    pub fn new_key(&mut self) -> u64 {
        self.keys += 1;
        self.keys
    }

    /// Has a certificate issued and submitted as its CA does.
    pub fn issue(&mut self, world: &World, credential: Credential, cause: Cause) -> CredentialId {
        let id = self.credentials.len() as CredentialId;
        let (time, logs) = (credential.logged, world.authorities[credential.authority].logs);
        self.credentials.push(credential);
        if logs != Logs::Final {
            self.happen(time, What::Issue(id, Form::Precertificate), cause);
        }
        if logs != Logs::Precertificate {
            let time = if logs == Logs::Both { time + ISSUANCE } else { time };
            self.happen(time, What::Issue(id, Form::Final), cause);
        }
        id
    }

    /// Registers or withdraws.
    pub fn register(&mut self, registering: Registering, cause: Cause) {
        let id = self.registrations.len() as RegistrationId;
        let time = registering.made;
        self.registrations.push(registering);
        self.happen(time, What::Register(id), cause);
    }

    /// The key of one credential says something about another.
    pub fn state(&mut self, time: u64, verb: Verb, sides: (CredentialId, CredentialId), cause: Cause) {
        let (by, about) = sides;
        self.happen(time, What::State { verb, by, about }, cause);
    }

    /// Brings the events into time order, and leaves out what comes after the end.
    pub fn close(&mut self, end: u64) {
        self.events.retain(|event| event.time < end);
        self.events.sort_by_key(|event| event.time);
    }

    fn happen(&mut self, time: u64, what: What, cause: Cause) {
        self.events.push(Event { time, what, why: cause.why, attack: cause.attack });
    }
}

/// Why, and in which attack.
#[derive(Clone, Copy, Debug)]
pub struct Cause {
    /// Why.
    pub why: Why,
    /// The attack.
    pub attack: Option<AttackId>,
}

impl From<Why> for Cause {
    fn from(why: Why) -> Self {
        Cause { why, attack: None }
    }
}
