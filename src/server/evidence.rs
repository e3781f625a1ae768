//! Evidence: the chains of numbers that were submitted, kept where nobody is served, to prove what a CA issued.
//!
//! One object for each round and month of expiry, `evidence/<YYYYMM>/<index of the round's first entry>`, so that a month is
//! deleted without writing anything again. Deleted by the first day after `days` days have passed since the first of that
//! month: nothing is kept longer than that after it expired.

use std::collections::BTreeMap;
use std::io;

use super::plan::{Object, Place};
use super::store::ObjectStore;
use crate::tls::Write;

const FOLDER: &str = "evidence";
const DAY: i64 = 86_400;
/// The last month that names can show; what expires later is filed there.
const LAST: Month = Month { year: 9999, month: 12 };

/// One submitted chain.
#[derive(Clone)]
pub struct Evidence {
    /// When the certificate expires, in Unix time.
    pub not_after: i64,
    /// DER of each certificate, the submitted one first.
    pub chain: Vec<Vec<u8>>,
}

impl Evidence {
    /// The bytes of its certificates.
    pub fn len(&self) -> usize {
        self.chain.iter().map(Vec::len).sum()
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
    let mut months: BTreeMap<Month, Vec<u8>> = BTreeMap::new();
    for (index, item) in evidence {
        let bytes = months.entry(Month::of(item.not_after)).or_default();
        bytes.put_uint(index, 8);
        bytes.put_uint(item.chain.len() as u64, 1);
        item.chain.iter().for_each(|der| bytes.put_opaque(der, 3));
    }
    let object = |(month, bytes): (Month, _)| Object {
        place: Place::Private,
        name: format!("{FOLDER}/{}/{first}", month.name()),
        bytes,
    };
    months.into_iter().map(object).collect()
}

/// Deletes every month whose first day was more than `days` days ago. Gives the number of objects that it deleted.
///
/// # Errors
/// When the store fails; what is left goes the next time.
pub fn sweep(private: &dyn ObjectStore, now: i64, days: u32) -> io::Result<usize> {
    let oldest = Month::of(now.saturating_sub(i64::from(days) * DAY));
    let mut deleted = 0;
    for folder in private.folders(FOLDER)? {
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
    use crate::server::store::DiskStore;

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
        let evidence = [first, last, next].map(|not_after| Evidence { not_after, chain: vec![vec![1; 3]] });
        let objects = objects(7, (7..).zip(evidence));
        assert_eq!(objects.len(), 2);
        objects.iter().for_each(|object| store.put(&object.name, &object.bytes).unwrap());
        assert_eq!(sweep(&store, first + 399 * DAY - 1, 400).unwrap(), 0);
        assert_eq!(sweep(&store, first + 400 * DAY, 400).unwrap(), 1);
        assert_eq!(store.get("evidence/202403/7").unwrap(), None);
        assert!(store.get("evidence/202404/7").unwrap().is_some());
        assert_eq!(sweep(&store, next + 400 * DAY, 400).unwrap(), 1);
    }
}
