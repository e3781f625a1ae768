//! The TNAuthorizationList of RFC 8226 §9: what a certificate names.
//!
//! ```text
//! TNAuthorizationList  ::= SEQUENCE SIZE (1..MAX) OF TNEntry          -- EXPLICIT TAGS
//! TNEntry              ::= CHOICE { spc [0] ServiceProviderCode, range [1] TelephoneNumberRange,
//!                                   one [2] E164Number }              -- strings are IA5String
//! TelephoneNumberRange ::= SEQUENCE { start TelephoneNumber, count INTEGER (2..MAX), ... }
//! ```
//!
//! [`decode`] reads any list whose DER is right, and [`Scope::from_entries`] then says whether the log takes what is in
//! it: one kind of thing. RFC 9060 encompassing is [`Scope::encompasses`].

use std::fmt;

use der::asn1::{AnyRef, Ia5StringRef, IntRef};
use der::{Decode, Encode, Reader, SliceReader, Tag, TagNumber};

use crate::block::{Block, Range, RangeError, blocks_covering};
use crate::number::{Number, NumberError, ServiceProviderCode, ServiceProviderCodeError};

/// The most numbers, and the most service provider codes, that one certificate may name.
pub const MAX_ENTRIES: usize = 512;

/// One entry as it is written, before anything of it is checked but its DER. `Debug` shows the kind alone.
#[derive(Clone, PartialEq, Eq)]
pub enum TnEntry {
    /// `[0]`: a service provider code.
    Spc(String),
    /// `[1]`: a first number and how many there are.
    Range {
        /// The first number.
        start: String,
        /// How many numbers there are, the first one included: 0 when the INTEGER is negative, `u64::MAX` when it is
        /// larger.
        count: u64,
    },
    /// `[2]`: a single number.
    One(String),
}

impl fmt::Debug for TnEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TnEntry::Spc(_) => "Spc(hidden)",
            TnEntry::Range { .. } => "Range(hidden)",
            TnEntry::One(_) => "One(hidden)",
        })
    }
}

/// The bytes are no TNAuthorizationList in DER.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the TNAuthList is not the DER of RFC 8226")]
pub struct Unreadable;

/// Reads a list: exact DER, no trailing bytes, at least one entry. Costs a step and an allocation per entry.
///
/// # Errors
///
/// [`Unreadable`].
pub fn decode(der: &[u8]) -> Result<Vec<TnEntry>, Unreadable> {
    let list = AnyRef::from_der(der).map_err(|_| Unreadable)?;
    let mut reader = content(list, Tag::Sequence)?;
    let mut entries = Vec::new();
    while !reader.is_finished() {
        entries.push(decode_entry(&mut reader)?);
    }
    if entries.is_empty() { Err(Unreadable) } else { Ok(entries) }
}

fn content<'a>(any: AnyRef<'a>, tag: Tag) -> Result<SliceReader<'a>, Unreadable> {
    if der::Tagged::tag(&any) != tag {
        return Err(Unreadable);
    }
    SliceReader::new(any.value()).map_err(|_| Unreadable)
}

fn context(number: TagNumber) -> Tag {
    Tag::ContextSpecific { constructed: true, number }
}

fn decode_entry(reader: &mut SliceReader<'_>) -> Result<TnEntry, Unreadable> {
    let any = AnyRef::decode(reader).map_err(|_| Unreadable)?;
    let tag = der::Tagged::tag(&any);
    let mut inner = content(any, tag)?;
    let entry = if tag == context(TagNumber::N0) {
        TnEntry::Spc(ia5(&mut inner)?)
    } else if tag == context(TagNumber::N1) {
        let range = AnyRef::decode(&mut inner).map_err(|_| Unreadable)?;
        let mut range = content(range, Tag::Sequence)?;
        let start = ia5(&mut range)?;
        let count = count(IntRef::decode(&mut range).map_err(|_| Unreadable)?.as_bytes());
        range.finish(()).map_err(|_| Unreadable)?;
        TnEntry::Range { start, count }
    } else if tag == context(TagNumber::N2) {
        TnEntry::One(ia5(&mut inner)?)
    } else {
        return Err(Unreadable);
    };
    inner.finish(entry).map_err(|_| Unreadable)
}

/// A count as it is compared: none for a negative one, and the most for one that no range of numbers has.
fn count(integer: &[u8]) -> u64 {
    let digits = integer.iter().skip_while(|byte| **byte == 0);
    match integer.first() {
        Some(first) if first & 0x80 != 0 => 0,
        _ if digits.clone().count() > 8 => u64::MAX,
        _ => digits.fold(0, |value, byte| value << 8 | u64::from(*byte)),
    }
}

fn ia5(reader: &mut SliceReader<'_>) -> Result<String, Unreadable> {
    Ia5StringRef::decode(reader).map(|text| text.as_str().to_owned()).map_err(|_| Unreadable)
}

/// Writes a list as DER. Writes what it is given, allowed or not, so that tests can make every malformation.
///
/// # Errors
///
/// [`Unreadable`] when a string is not ASCII, which IA5String cannot hold.
pub fn encode(entries: &[TnEntry]) -> Result<Vec<u8>, Unreadable> {
    let mut list = Vec::new();
    for entry in entries {
        let (number, inner) = match entry {
            TnEntry::Spc(code) => (TagNumber::N0, encode_ia5(code)?),
            TnEntry::One(digits) => (TagNumber::N2, encode_ia5(digits)?),
            TnEntry::Range { start, count } => {
                let mut range = encode_ia5(start)?;
                count.encode_to_vec(&mut range).map_err(|_| Unreadable)?;
                (TagNumber::N1, tlv(Tag::Sequence, &range)?)
            }
        };
        list.extend(tlv(context(number), &inner)?);
    }
    tlv(Tag::Sequence, &list)
}

fn encode_ia5(text: &str) -> Result<Vec<u8>, Unreadable> {
    Ia5StringRef::new(text).and_then(|text| text.to_der()).map_err(|_| Unreadable)
}

fn tlv(tag: Tag, value: &[u8]) -> Result<Vec<u8>, Unreadable> {
    AnyRef::new(tag, value).and_then(|any| any.to_der()).map_err(|_| Unreadable)
}

/// What a certificate names: one kind of thing, at most 512 of it, sorted and without repetition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Service provider codes, as written, sorted by their capitals.
    Spcs(Vec<ServiceProviderCode>),
    /// The aligned blocks that cover the ranges.
    Blocks(Vec<Block>),
    /// Single numbers: hidden.
    Numbers(Vec<Number>),
}

/// Why the log does not take what a readable list names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// More than one kind of entry.
    #[error(
        "the TNAuthList mixes service provider codes, ranges or single numbers; issue one certificate for each kind"
    )]
    MixedKinds,
    /// A service provider code that is none.
    #[error("a service provider code in the TNAuthList is refused: {0}")]
    Spc(#[from] ServiceProviderCodeError),
    /// A number that is not E.164.
    #[error("a number in the TNAuthList is refused: {0}")]
    Number(#[from] NumberError),
    /// A range that is refused, or too many.
    #[error("a range in the TNAuthList is refused: {0}")]
    Range(#[from] RangeError),
    /// More than [`MAX_ENTRIES`] numbers or service provider codes.
    #[error(
        "the TNAuthList names more than 512 numbers or service provider codes; issue several certificates"
    )]
    TooMany,
}

impl Scope {
    /// What the entries name together.
    ///
    /// # Errors
    ///
    /// [`ScopeError`] says which rule they break.
    pub fn from_entries(entries: &[TnEntry]) -> Result<Self, ScopeError> {
        let (mut spcs, mut ranges, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
        for entry in entries {
            match entry {
                TnEntry::Spc(code) => spcs.push(code),
                TnEntry::Range { start, count } => ranges.push((start, *count)),
                TnEntry::One(digits) => numbers.push(digits),
            }
        }
        match (spcs.is_empty(), ranges.is_empty(), numbers.is_empty()) {
            (false, true, true) => Self::from_spcs(&spcs),
            (true, false, true) => Self::from_ranges(&ranges),
            (true, true, false) => Self::from_numbers(&numbers),
            _ => Err(ScopeError::MixedKinds),
        }
    }

    fn from_spcs(codes: &[&String]) -> Result<Self, ScopeError> {
        let mut spcs =
            codes.iter().map(|code| ServiceProviderCode::new(code)).collect::<Result<Vec<_>, _>>()?;
        spcs.sort_by_key(ServiceProviderCode::canonical);
        spcs.dedup_by_key(|code| code.canonical());
        limited(spcs).map(Scope::Spcs)
    }

    fn from_ranges(ranges: &[(&String, u64)]) -> Result<Self, ScopeError> {
        let range = |(start, count): &(&String, u64)| Ok(Range::new(&Number::new(start)?, *count)?);
        let ranges = ranges.iter().map(range).collect::<Result<Vec<_>, ScopeError>>()?;
        Ok(Scope::Blocks(blocks_covering(ranges)?))
    }

    fn from_numbers(numbers: &[&String]) -> Result<Self, ScopeError> {
        let mut numbers = numbers.iter().map(|digits| Number::new(digits)).collect::<Result<Vec<_>, _>>()?;
        numbers.sort_unstable();
        numbers.dedup();
        limited(numbers).map(Scope::Numbers)
    }

    /// Whether a certificate with this scope covers the number. A service provider code never covers a number.
    pub fn covers(&self, number: &Number) -> bool {
        match self {
            Scope::Spcs(_) => false,
            Scope::Blocks(blocks) => blocks.iter().any(|block| block.covers(number)),
            Scope::Numbers(numbers) => numbers.binary_search(number).is_ok(),
        }
    }

    /// RFC 9060 encompassing: whether a CA with this scope may issue a certificate with the scope `child`.
    ///
    /// Numbers and blocks bind what is below to themselves. Service provider codes bind service provider codes; which
    /// numbers a provider holds cannot be read from certificates, so numbers below a provider pass.
    /// Costs at most fifteen binary searches for each entry of the child.
    pub fn encompasses(&self, child: &Scope) -> bool {
        match (self, child) {
            (Scope::Spcs(parent), Scope::Spcs(child)) => child
                .iter()
                .all(|code| parent.binary_search_by_key(&code.canonical(), |p| p.canonical()).is_ok()),
            (Scope::Spcs(_), _) => true,
            (Scope::Blocks(parent), Scope::Blocks(child)) => {
                child.iter().all(|block| within(parent, block.prefix(), block.free()))
            }
            (Scope::Blocks(parent), Scope::Numbers(child)) => {
                child.iter().all(|number| within(parent, number.digits(), 0))
            }
            (Scope::Numbers(_), Scope::Numbers(child)) => child.iter().all(|number| self.covers(number)),
            (_, Scope::Spcs(_)) | (Scope::Numbers(_), Scope::Blocks(_)) => false,
        }
    }

    /// The country calling codes of what is named: sorted, without repetition. `None` stands for digits with which no
    /// assigned code begins.
    pub fn calling_codes(&self) -> Vec<Option<u16>> {
        let mut codes: Vec<_> = match self {
            Scope::Spcs(_) => Vec::new(),
            Scope::Blocks(blocks) => blocks.iter().map(Block::calling_code).collect(),
            Scope::Numbers(numbers) => numbers.iter().map(Number::calling_code).collect(),
        };
        codes.sort_unstable();
        codes.dedup();
        codes
    }
}

fn limited<T>(list: Vec<T>) -> Result<Vec<T>, ScopeError> {
    if list.len() > MAX_ENTRIES { Err(ScopeError::TooMany) } else { Ok(list) }
}

/// Whether a block of `blocks`, which are a smallest set, covers the aligned block `prefix` with `free` digits more.
fn within(blocks: &[Block], prefix: &str, free: u8) -> bool {
    (1..=prefix.len()).any(|len| {
        let more = (prefix.len() - len) as u8;
        Block::new(&prefix[..len], free + more).is_ok_and(|block| blocks.binary_search(&block).is_ok())
    })
}

#[cfg(test)]
mod tests;
