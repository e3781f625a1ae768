//! `registration_entry`: a registration of a number at an app, or its withdrawal, without service, contact and
//! Resolution Service ([`crate::registration`]).

use minicbor::Decoder;

use super::LeafError;
use crate::cbor::{self, DecodeError, array, key, map_length};
use crate::commitment::Commitment;
use crate::label::Label;

/// What a registration does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Action {
    /// The number is reachable there from now on.
    Register = 0,
    /// It is not any more.
    Withdraw = 1,
}

impl Action {
    /// `register` or `withdraw`.
    pub fn name(self) -> &'static str {
        match self {
            Action::Register => "register",
            Action::Withdraw => "withdraw",
        }
    }

    pub(crate) fn read(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        match d.u8()? {
            0 => Ok(Action::Register),
            1 => Ok(Action::Withdraw),
            _ => Err(DecodeError::message("another action")),
        }
    }
}

/// What everybody sees of a registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationEntry {
    /// The label of the number.
    pub label: Label,
    /// The index of the leaf of the number's credential.
    pub credential: u64,
    /// First second of the validity, in Unix time.
    pub not_before: i64,
    /// Last second of the validity, in Unix time.
    pub not_after: i64,
    /// Registered, or withdrawn.
    pub action: Action,
    /// Commits to the statement.
    pub commitment: Commitment,
    /// The leaf of the registration that it replaces or withdraws.
    pub replaces: Option<u64>,
}

impl RegistrationEntry {
    /// Deterministic CBOR: `{1: label, 2: credential, 3: not before, 4: not after, 5: action, 6: commitment}` and, where
    /// an earlier registration is replaced, `7: its index`.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(|e| {
            e.map(6 + u64::from(self.replaces.is_some()))?;
            e.u8(1)?.bytes(self.label.as_bytes())?.u8(2)?.u64(self.credential)?;
            e.u8(3)?.i64(self.not_before)?.u8(4)?.i64(self.not_after)?;
            e.u8(5)?.u8(self.action as u8)?.u8(6)?.bytes(&self.commitment.0)?;
            if let Some(index) = self.replaces {
                e.u8(7)?.u64(index)?;
            }
            Ok(())
        })
    }

    /// Reads what [`encode`](RegistrationEntry::encode) writes. The label must be a hidden one, the validity must not
    /// end before it begins, and a withdrawal replaces something.
    ///
    /// # Errors
    /// [`LeafError::Cbor`].
    pub fn decode(bytes: &[u8]) -> Result<Self, LeafError> {
        let entry = cbor::decode(bytes, RegistrationEntry::encode, |d| {
            let keys = map_length(d)?;
            Ok(RegistrationEntry {
                label: Label::new(array(key(d, 1)?)?),
                credential: key(d, 2)?.u64()?,
                not_before: key(d, 3)?.i64()?,
                not_after: key(d, 4)?.i64()?,
                action: Action::read(key(d, 5)?)?,
                commitment: Commitment(array(key(d, 6)?)?),
                replaces: if keys == 7 { Some(key(d, 7)?.u64()?) } else { None },
            })
        })
        .filter(RegistrationEntry::is_canonical);
        entry.ok_or(LeafError::Cbor("registration_entry"))
    }

    fn is_canonical(&self) -> bool {
        let something_to_withdraw = self.action == Action::Register || self.replaces.is_some();
        self.label.is_hidden() && self.not_before <= self.not_after && something_to_withdraw
    }
}
