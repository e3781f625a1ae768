//! Evidence: the chains of numbers that were submitted, kept where nobody is served, to prove what a CA issued; and the
//! registrations, to prove what a Resolution Service registered, and to know the last one of each slot ([`super::slots`]).
//!
//! One object for each round and month of expiry, `evidence/<YYYYMM>/<index of the round's first entry>` and
//! `registrations/...`, so that a month is deleted without writing anything again. Deleted by the first day after `days` days
//! have passed since the first of that month: nothing is kept longer than that after it expired.

use std::collections::BTreeMap;
use std::io;

use super::plan::{Object, Place};
use crate::client::store::ObjectStore;
use crate::registration::{SignedRegistration, latest_end};
use crate::tls::{Malformed, Reader, Write};

const DAY: i64 = 86_400;
/// The days of the longest month.
const MONTH: i64 = 31;
/// The last month that names can show; what expires later is filed there.
const LAST: Month = Month { year: 9999, month: 12 };

/// What evidence is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A chain of a number: its certificates, the submitted one first.
    Chain,
    /// A registration: the submission, one item.
    Registration,
}

impl Kind {
    const ALL: [Kind; 2] = [Kind::Chain, Kind::Registration];

    fn folder(self) -> &'static str {
        match self {
            Kind::Chain => "evidence",
            Kind::Registration => "registrations",
        }
    }
}

/// What was submitted.
#[derive(Clone)]
pub struct Evidence {
    kind: Kind,
    /// In Unix time.
    expires: i64,
    items: Vec<Vec<u8>>,
}

impl Evidence {
    /// A chain of DER, the submitted certificate first, which expires at `not_after` in Unix time.
    pub fn of_chain(chain: Vec<Vec<u8>>, not_after: i64) -> Self {
        Evidence { kind: Kind::Chain, expires: not_after, items: chain }
    }

    /// A registration. It is filed a month late, so that no month that is deleted, however soon, holds one that must still be
    /// known as the last of its slot.
    pub fn of_registration(submitted: &SignedRegistration) -> Self {
        let expires = latest_end(submitted.statement.sequence).saturating_add(MONTH * DAY);
        Evidence { kind: Kind::Registration, expires, items: vec![submitted.encode()] }
    }

    /// The bytes of its items.
    pub fn len(&self) -> usize {
        self.items.iter().map(Vec::len).sum()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Month {
    year: i64,
    month: i64,
}

impl Month {
    /// The month of a time, by the civil calendar (proleptic Gregorian).
    fn of(unix_seconds: i64) -> Self {
        let days = unix_seconds.div_euclid(DAY) + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        // Years begin in March here, so that the leap day is the last of one.
        let from_march = (5 * day_of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Month { year, month }.clamp(Month { year: 0, month: 1 }, LAST)
    }

    fn parse(name: &str) -> Option<Self> {
        let (year, month) = name.split_at_checked(4)?;
        Some(Month { year: year.parse().ok()?, month: month.parse().ok()? })
    }

    fn name(self) -> String {
        format!("{:04}{:02}", self.year, self.month)
    }
}

/// The objects for the evidence of a round whose entries have these indexes.
pub fn objects(first: u64, evidence: impl Iterator<Item = (u64, Evidence)>) -> Vec<Object> {
    let mut months: BTreeMap<(Kind, Month), Vec<u8>> = BTreeMap::new();
    for (index, Evidence { kind, expires, items }) in evidence {
        let bytes = months.entry((kind, Month::of(expires))).or_default();
        bytes.put_uint(index, 8);
        bytes.put_uint(items.len() as u64, 1);
        items.iter().for_each(|item| bytes.put_opaque(item, 3));
    }
    let object = |((kind, month), bytes): ((Kind, Month), _)| Object {
        place: Place::Private,
        name: format!("{}/{}/{first}", kind.folder(), month.name()),
        bytes,
    };
    months.into_iter().map(object).collect()
}

/// The names of the objects of a kind whose rounds began at `from` or later, in the order of their rounds.
///
/// # Errors
/// When the store fails.
pub fn names(private: &dyn ObjectStore, kind: Kind, from: u64) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for folder in private.folders(kind.folder())? {
        for name in private.list(&folder)? {
            let first = name.rsplit('/').next().and_then(|first| first.parse::<u64>().ok());
            names.extend(first.filter(|first| *first >= from).map(|first| (first, name)));
        }
    }
    names.sort();
    Ok(names.into_iter().map(|(_, name)| name).collect())
}

/// The items of an entry, with its index.
pub type Kept<'a> = (u64, Vec<&'a [u8]>);

/// What an object holds.
///
/// # Errors
/// When it is damaged.
pub fn read(object: &[u8]) -> Result<Vec<Kept<'_>>, Malformed> {
    let mut reader = Reader::new(object);
    let mut entries = Vec::new();
    while !reader.is_empty() {
        let (index, count) = (reader.uint(8)?, reader.uint(1)?);
        entries.push((index, (0..count).map(|_| reader.opaque(3)).collect::<Result<_, _>>()?));
    }
    Ok(entries)
}

/// Deletes every month whose first day was more than `days` days ago. Gives the number of objects that it deleted.
///
/// # Errors
/// When the store fails; what is left goes the next time.
pub fn sweep(private: &dyn ObjectStore, now: i64, days: u32) -> io::Result<usize> {
    let oldest = Month::of(now.saturating_sub(i64::from(days) * DAY));
    let mut deleted = 0;
    let folders = Kind::ALL.map(|kind| private.folders(kind.folder()));
    for folder in folders.into_iter().collect::<io::Result<Vec<_>>>()?.concat() {
        let month = folder.rsplit('/').next().and_then(Month::parse);
        // The month that `oldest` lies in began `days` days ago or more: it goes too.
        if month.is_some_and(|month| month <= oldest) {
            for name in private.list(&folder)? {
                private.delete(&name)?;
                deleted += 1;
            }
        }
    }
    Ok(deleted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::store::DiskStore;
    use crate::entry::Action;
    use crate::number::Number;
    use crate::registration::Registration;

    #[test]
    fn months_follow_the_calendar() {
        for (time, name) in [
            (0, "197001"),
            (-1, "196912"),
            (951_782_399, "200002"),
            (951_868_800, "200003"),
            (1_709_164_800, "202402"),
            (1_709_251_200, "202403"),
            (1_798_761_599, "202612"),
            (i64::MAX / 2, "999912"),
        ] {
            assert_eq!(Month::of(time).name(), name, "{time}");
        }
    }

    #[test]
    fn evidence_goes_with_its_month_and_not_later_than_promised() {
        let folder = tempfile::tempdir().unwrap();
        let store = DiskStore::open(folder.path()).unwrap();
        // Expire on 1 and 31 March 2024 and 1 April 2024.
        let (first, last, next) = (1_709_251_200, 1_711_929_599, 1_711_929_600);
        let evidence = [first, last, next].map(|not_after| Evidence::of_chain(vec![vec![1; 3]], not_after));
        let objects = objects(7, (7..).zip(evidence));
        assert_eq!(objects.len(), 2);
        objects.iter().for_each(|object| store.put(&object.name, &object.bytes).unwrap());
        assert_eq!(sweep(&store, first + 399 * DAY - 1, 400).unwrap(), 0);
        assert_eq!(sweep(&store, first + 400 * DAY, 400).unwrap(), 1);
        assert_eq!(store.get("evidence/202403/7").unwrap(), None);
        assert!(store.get("evidence/202404/7").unwrap().is_some());
        assert_eq!(sweep(&store, next + 400 * DAY, 400).unwrap(), 1);
    }

    /// Fails when registrations are filed under the month in which they end.
    #[test]
    fn a_registration_is_known_while_something_older_could_come() {
        let folder = tempfile::tempdir().unwrap();
        let store = DiskStore::open(folder.path()).unwrap();
        for day in 0..400 {
            let sequence = 1_700_000_000_000 + day * 86_400_000;
            let submitted = submitted(sequence);
            let object = &objects(7, [(7, Evidence::of_registration(&submitted))].into_iter())[0];
            store.put(&object.name, &object.bytes).unwrap();
            let end = latest_end(sequence);
            assert_eq!(sweep(&store, end, 0).unwrap(), 0, "day {day}");
            let known = names(&store, Kind::Registration, 7).unwrap();
            assert_eq!(known, std::slice::from_ref(&object.name));
            let bytes = store.get(&known[0]).unwrap().unwrap();
            assert_eq!(read(&bytes).unwrap(), [(7, vec![&submitted.encode()[..]])]);
            assert_eq!(sweep(&store, end + 2 * MONTH * DAY, 0).unwrap(), 1, "day {day}");
        }
    }

    fn submitted(sequence: u64) -> SignedRegistration {
        let statement = Registration {
            log_id: [0; 32],
            number: Number::new("17035550123").unwrap(),
            service: "messages.example.com".into(),
            contact: "sip:alice@messages.example.com".into(),
            resolution_service: "rs.example.com".into(),
            credential: 1,
            key_hash: [0; 32],
            not_before: 0,
            not_after: 0,
            sequence,
            action: Action::Register,
        };
        SignedRegistration { statement, credential_signature: vec![1], service_signature: vec![1] }
    }

    fn registration(byte: u8) -> Evidence {
        Evidence { kind: Kind::Registration, expires: 0, items: vec![vec![byte; 3]] }
    }

    #[test]
    fn objects_are_read_in_the_order_of_their_rounds_and_refused_when_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let store = DiskStore::open(folder.path()).unwrap();
        for (first, expires) in [(9, 0), (10, 90 * DAY), (200, 40 * DAY)] {
            let evidence = Evidence { expires, ..registration(first) };
            let object = &objects(first.into(), [(u64::from(first), evidence)].into_iter())[0];
            store.put(&object.name, &object.bytes).unwrap();
            assert!(read(&object.bytes[1..]).is_err());
        }
        let ends = |from| {
            let names = names(&store, Kind::Registration, from).unwrap();
            names.iter().map(|name| name.rsplit_once('/').unwrap().1.to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(
            (ends(0), ends(10)),
            (vec!["9".into(), "10".into(), "200".into()], vec!["10".into(), "200".into()])
        );
        assert!(names(&store, Kind::Chain, 0).unwrap().is_empty());
    }
}
