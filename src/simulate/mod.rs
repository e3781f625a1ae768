//! A simulated world, against which a monitor is judged: numbers, carriers, CAs and Resolution Services over weeks, with
//! attacks put in, and the truth about them.
//!
//! A [`World`] is the rates, a file that anybody can change; a [`Script`] is what happens, written down from a seed before it
//! does. Those are pure. Driving a log with it is apart.
//!
//! Nothing here knows how a monitor decides, and shares no figure with one.

mod attack;
mod book;
mod cast;
mod companies;
mod day;
mod drive;
mod files;
mod front;
mod lie;
mod life;
mod log;
mod mint;
mod presence;
mod schedule;
mod script;
#[cfg(test)]
mod tests;
mod truth;
mod watches;
mod world;

pub use attack::{Attack, Kind, Victim};
pub use book::{
    AttackId, Book, Credential, CredentialId, Event, Form, Registering, RegistrationId, Subject, What, Why,
};
pub use cast::{Block, Carrier, Cast, Line};
pub use drive::{DriveError, Placed, drive};
pub use files::{WorldFacts, write_truth};
pub use front::Front;
pub use lie::{Lie, LieError, TrueLie, UnknownLie};
pub use log::{StartError, WorldLog};
pub use mint::Mint;
pub use schedule::{Batch, schedule};
pub use script::Script;
pub use truth::{TrueAttack, TrueEntry, TrueVictim, attacks, entries};
pub use watches::watches;
pub use world::{DEFAULT, Issuer, Verification, World, WorldError};
