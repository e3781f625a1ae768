//! What is remembered of a number: the credentials that matter yet, and under which keys it is registered.

use tnlog::label::Label;
use tnlog::tls::{Malformed, Reader, Write};

use super::id::{KeyId, Operator};
use super::memory::{Record, key};

/// The most credentials of a number that are remembered. Who has more logged than that is
/// [`NumberState::crowded`].
pub(super) const MAX_CREDENTIALS: usize = 16;
/// The most operators that are known to have issued for a number.
pub(super) const MAX_OPERATORS: usize = 8;
/// The most keys under which a number is registered.
pub(super) const MAX_REGISTERED: usize = 4;

/// The rank of nothing that was said.
const NOT_SAID: u8 = u8::MAX;

/// Whether a credential stands, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It does not: another one covered the number.
    No,
    /// Nothing covered the number.
    First,
    /// The credential with this first leaf issued it.
    Issued(u64),
    /// The key that led approved it.
    Approved,
}

/// What became of a credential that does not stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Case {
    /// The first leaf of the credential that led then.
    pub leading: u64,
    /// How many numbers it names.
    pub labels: u16,
    /// The country of the first of them; 0 if that is not known.
    pub calling_code: u16,
    /// Its operator had issued nothing for the number that stands.
    pub new_operator: bool,
    /// The leading one was well inside its life.
    pub early: bool,
    /// The leading key's registration had ended: its phone may be lost.
    pub silent: bool,
    /// The number was registered under it soon after.
    pub registered: bool,
    /// A registration moved to it.
    pub took_over: bool,
    /// A key that stands has disputed it.
    pub disputed: bool,
    /// A key that stands was in use after it was logged, by this leaf.
    pub contested: Option<u64>,
    /// Another operator's live credential led.
    pub conflict: bool,
    /// The rank of the severity that was said of it last.
    pub said: Option<u8>,
    /// The same of the registration that moved to it.
    pub said_of_takeover: Option<u8>,
}

/// A credential of a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Credential {
    /// Its first leaf.
    pub leaf: u64,
    /// The leaf of its other half, of precertificate and certificate.
    pub other_half: Option<u64>,
    /// The second in which it was logged.
    pub logged: i64,
    pub not_before: i64,
    pub not_after: i64,
    pub key: KeyId,
    pub issuer: KeyId,
    pub operator: Operator,
    pub is_ca: bool,
    pub standing: Standing,
    /// The leaf by which it came to stand.
    pub stood: u64,
    pub case: Option<Case>,
}

/// A key under which the number is registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Registered {
    pub key: KeyId,
    /// The leaf of the registration.
    pub leaf: u64,
    /// The second in which it was logged.
    pub logged: i64,
    /// The last second of its validity.
    pub until: i64,
}

/// What is remembered of a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NumberState {
    /// In the order of their first leaves.
    pub credentials: Vec<Credential>,
    /// The first leaf of the one that leads.
    pub leading: Option<u64>,
    /// The last second at which a standing credential covers the number.
    pub covered_until: i64,
    /// Who issued what stood, the latest last.
    pub operators: Vec<Operator>,
    /// The latest last.
    pub registered: Vec<Registered>,
    /// More credentials were live at once than are remembered.
    pub crowded: bool,
}

impl Default for NumberState {
    fn default() -> Self {
        NumberState {
            credentials: Vec::new(),
            leading: None,
            covered_until: i64::MIN,
            operators: Vec::new(),
            registered: Vec::new(),
            crowded: false,
        }
    }
}

impl NumberState {
    pub(super) fn key(label: &Label) -> Vec<u8> {
        key(b'n', &[label.as_bytes()])
    }

    /// The credential with this leaf, of either half.
    pub(super) fn credential(&self, leaf: u64) -> Option<&Credential> {
        self.credentials.iter().find(|c| c.leaf == leaf || c.other_half == Some(leaf))
    }

    pub(super) fn credential_mut(&mut self, leaf: u64) -> Option<&mut Credential> {
        self.credentials.iter_mut().find(|c| c.leaf == leaf || c.other_half == Some(leaf))
    }

    /// The credential that leads, expired or not.
    pub(super) fn leading(&self) -> Option<&Credential> {
        self.leading.and_then(|leaf| self.credential(leaf))
    }

    /// Takes up a registration under a key, in place of the last one under it.
    pub(super) fn register(&mut self, registered: Registered) {
        self.registered.retain(|known| known.key != registered.key);
        if self.registered.len() == MAX_REGISTERED {
            self.registered.remove(0);
        }
        self.registered.push(registered);
    }
}

impl Credential {
    pub(super) fn stands(&self) -> bool {
        self.standing != Standing::No
    }

    pub(super) fn is_live(&self, now: i64) -> bool {
        now <= self.not_after
    }
}

impl Record for NumberState {
    const NAME: &'static str = "a number";
    const VERSION: u8 = 2;

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.put_uint(self.credentials.len() as u64, 1);
        self.credentials.iter().for_each(|credential| write_credential(credential, bytes));
        put_leaf(bytes, self.leading);
        put_seconds(bytes, self.covered_until);
        bytes.put_uint(self.operators.len() as u64, 1);
        self.operators.iter().for_each(|operator| bytes.extend_from_slice(&operator.0));
        bytes.put_uint(self.registered.len() as u64, 1);
        for registered in &self.registered {
            bytes.extend_from_slice(&registered.key.0);
            bytes.put_uint(registered.leaf, 8);
            put_seconds(bytes, registered.logged);
            put_seconds(bytes, registered.until);
        }
        bytes.push(u8::from(self.crowded));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(NumberState {
            credentials: list(reader, read_credential)?,
            leading: leaf(reader)?,
            covered_until: seconds(reader)?,
            operators: list(reader, |reader| Ok(Operator(reader.array()?)))?,
            registered: list(reader, |reader| {
                Ok(Registered {
                    key: KeyId(reader.array()?),
                    leaf: reader.uint(8)?,
                    logged: seconds(reader)?,
                    until: seconds(reader)?,
                })
            })?,
            crowded: flag(reader)?,
        })
    }
}

fn write_credential(credential: &Credential, bytes: &mut Vec<u8>) {
    bytes.put_uint(credential.leaf, 8);
    put_leaf(bytes, credential.other_half);
    put_seconds(bytes, credential.logged);
    put_seconds(bytes, credential.not_before);
    put_seconds(bytes, credential.not_after);
    bytes.extend_from_slice(&credential.key.0);
    bytes.extend_from_slice(&credential.issuer.0);
    bytes.extend_from_slice(&credential.operator.0);
    bytes.push(u8::from(credential.is_ca));
    let (standing, by) = match credential.standing {
        Standing::No => (0, None),
        Standing::First => (1, None),
        Standing::Issued(by) => (2, Some(by)),
        Standing::Approved => (3, None),
    };
    bytes.push(standing);
    put_leaf(bytes, by);
    bytes.put_uint(credential.stood, 8);
    bytes.push(u8::from(credential.case.is_some()));
    if let Some(case) = &credential.case {
        write_case(case, bytes);
    }
}

fn read_credential(reader: &mut Reader<'_>) -> Result<Credential, Malformed> {
    Ok(Credential {
        leaf: reader.uint(8)?,
        other_half: leaf(reader)?,
        logged: seconds(reader)?,
        not_before: seconds(reader)?,
        not_after: seconds(reader)?,
        key: KeyId(reader.array()?),
        issuer: KeyId(reader.array()?),
        operator: Operator(reader.array()?),
        is_ca: flag(reader)?,
        standing: match (reader.uint(1)?, leaf(reader)?) {
            (1, _) => Standing::First,
            (2, Some(by)) => Standing::Issued(by),
            (3, _) => Standing::Approved,
            _ => Standing::No,
        },
        stood: reader.uint(8)?,
        case: if flag(reader)? { Some(read_case(reader)?) } else { None },
    })
}

fn write_case(case: &Case, bytes: &mut Vec<u8>) {
    bytes.put_uint(case.leading, 8);
    bytes.put_uint(u64::from(case.labels), 2);
    bytes.put_uint(u64::from(case.calling_code), 2);
    let Case { new_operator, early, silent, registered, took_over, disputed, conflict, .. } = *case;
    let flags = [new_operator, early, silent, registered, took_over, disputed, conflict];
    bytes.push(flags.iter().enumerate().fold(0, |bits, (place, flag)| bits | u8::from(*flag) << place));
    put_leaf(bytes, case.contested);
    bytes.extend([case.said, case.said_of_takeover].map(|rank| rank.unwrap_or(NOT_SAID)));
}

fn read_case(reader: &mut Reader<'_>) -> Result<Case, Malformed> {
    let (leading, labels, calling_code) = (reader.uint(8)?, reader.uint(2)? as u16, reader.uint(2)? as u16);
    let [bits] = reader.array()?;
    let flag = |place: u8| bits & 1 << place != 0;
    let contested = leaf(reader)?;
    let said = reader.array::<2>()?.map(|rank| Some(rank).filter(|rank| *rank != NOT_SAID));
    Ok(Case {
        leading,
        labels,
        calling_code,
        new_operator: flag(0),
        early: flag(1),
        silent: flag(2),
        registered: flag(3),
        took_over: flag(4),
        disputed: flag(5),
        conflict: flag(6),
        contested,
        said: said[0],
        said_of_takeover: said[1],
    })
}

/// A list behind its length, of one byte.
pub(super) fn list<T>(
    reader: &mut Reader<'_>,
    mut item: impl FnMut(&mut Reader<'_>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    (0..reader.uint(1)?).map(|_| item(reader)).collect()
}

pub(super) fn put_seconds(bytes: &mut Vec<u8>, seconds: i64) {
    bytes.extend_from_slice(&seconds.to_be_bytes());
}

pub(super) fn seconds(reader: &mut Reader<'_>) -> Result<i64, Malformed> {
    Ok(i64::from_be_bytes(reader.array()?))
}

pub(super) fn flag(reader: &mut Reader<'_>) -> Result<bool, Malformed> {
    Ok(reader.uint(1)? != 0)
}

/// An index, or none as one that no log reaches.
fn put_leaf(bytes: &mut Vec<u8>, leaf: Option<u64>) {
    bytes.put_uint(leaf.unwrap_or(u64::MAX), 8);
}

fn leaf(reader: &mut Reader<'_>) -> Result<Option<u64>, Malformed> {
    Ok(Some(reader.uint(8)?).filter(|leaf| *leaf != u64::MAX))
}
