//! The life of each credential as a bar over months.

use super::time_line::{Credential, Registration, TimeLine};

/// The most columns of a bar.
const COLUMNS: i64 = 60;
/// The last second of the year 9999, beyond which nobody counts.
const END_OF_TIME: i64 = 253_402_300_799;
/// A credential that is valid for longer goes on beyond the edge.
const FUTURE: i64 = 10 * 366 * 86_400;
const PAST: i64 = 5 * 366 * 86_400;

/// The months that are drawn: so many to a column.
pub struct Axis {
    first: i64,
    step: i64,
    columns: i64,
    now: i64,
}

impl Axis {
    /// For all credentials of a time line, and today. `now` in seconds of Unix time.
    pub fn of(line: &TimeLine, now: i64) -> Self {
        let logged = line.credentials.iter().map(|credential| seconds(credential.logged));
        let validities = line.credentials.iter().filter_map(|credential| credential.validity);
        let earliest = logged.clone().min().unwrap_or(now).saturating_sub(PAST);
        let starts = validities.clone().map(|(from, _)| from.max(earliest));
        let ends = validities.map(|(_, until)| until.min(now.saturating_add(FUTURE)));
        let first = month(starts.chain(logged).min().unwrap_or(now).min(now));
        let last = month(ends.max().unwrap_or(now).max(now));
        let step = (last - first) / COLUMNS + 1;
        Axis { first, step, columns: (last - first) / step + 1, now }
    }

    /// The years, and a ruler that marks their beginnings and today.
    pub fn heading(&self) -> (String, String) {
        let (mut years, mut ruler) = (String::new(), String::new());
        for column in 0..self.columns {
            let start = self.first + column * self.step;
            let january = (start..start + self.step).find(|month| month % 12 == 0);
            if let Some(year) = january.filter(|_| years.len() <= column as usize) {
                years = format!("{years:width$}{} ", year / 12, width = column as usize);
            }
            ruler.push(match january {
                _ if column == self.column(self.now) => '▼',
                Some(_) => '┬',
                None => '─',
            });
        }
        (years.trim_end().to_owned(), ruler)
    }

    /// From when to when a credential is valid, with what happened to it: `a`pproved, `d`isputed, `r`egistered, `w`ithdrawn.
    pub fn bar(&self, credential: &Credential, registrations: &[Registration]) -> String {
        let mut cells = vec![' '; self.columns as usize];
        if let Some((from, until)) = credential.validity {
            let fill = match &credential.standing {
                Some(standing) if !standing.stands => '░',
                Some(standing) if standing.superseded_by.is_some() => '▒',
                _ => '█',
            };
            let (from, until) = (self.column(from), self.column(until));
            cells[from as usize..=until.max(from) as usize].fill(fill);
        }
        let of_credential =
            |registration: &&Registration| registration.credential == credential.entries.first().copied();
        let registered = registrations.iter().filter(of_credential).map(|r| (r.logged, r.action));
        for (logged, what) in registered.chain(credential.said.iter().map(|said| (said.logged, said.verb))) {
            cells[self.column(seconds(logged)) as usize] = what.chars().next().unwrap_or('?');
        }
        cells.into_iter().collect::<String>().trim_end().to_owned()
    }

    fn column(&self, seconds: i64) -> i64 {
        ((month(seconds) - self.first).max(0) / self.step).min(self.columns - 1)
    }
}

fn seconds(millis: u64) -> i64 {
    i64::try_from(millis / 1000).unwrap_or(i64::MAX)
}

/// Months since the beginning of the calendar.
fn month(seconds: i64) -> i64 {
    let seconds = seconds.clamp(0, END_OF_TIME) as u64;
    let date = der::DateTime::from_unix_duration(std::time::Duration::from_secs(seconds));
    date.map_or(0, |date| 12 * i64::from(date.year()) + i64::from(date.month()) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;
    /// 2024-01-01T00:00:00Z
    const NEW_YEAR: i64 = 1_704_067_200;

    fn line(validities: &[(i64, i64)]) -> TimeLine {
        let credential = |validity: &(i64, i64)| Credential {
            entries: vec![1],
            logged: 1000 * NEW_YEAR as u64,
            validity: Some(*validity),
            ..Credential::default()
        };
        TimeLine { credentials: validities.iter().map(credential).collect(), ..TimeLine::default() }
    }

    #[test]
    fn a_column_is_a_month_while_there_is_room() {
        let line =
            line(&[(NEW_YEAR - 31 * DAY, NEW_YEAR + 40 * DAY), (NEW_YEAR + 366 * DAY, NEW_YEAR + 400 * DAY)]);
        let axis = Axis::of(&line, NEW_YEAR + 60 * DAY);
        let (years, ruler) = axis.heading();
        assert_eq!(years, " 2024        2025");
        assert_eq!(ruler, "─┬─▼─────────┬─");
        assert_eq!(axis.bar(&line.credentials[0], &[]), "███");
        assert_eq!(axis.bar(&line.credentials[1], &[]), "             ██");
    }

    /// Times that no calendar has, and a validity for ever, make no picture without end.
    #[test]
    fn hostile_times_are_drawn_within_the_edges() {
        let all = [(i64::MIN, i64::MAX), (NEW_YEAR, i64::MAX), (i64::MAX, i64::MIN), (0, 0)];
        let line = line(&all);
        let axis = Axis::of(&line, NEW_YEAR);
        let (years, ruler) = axis.heading();
        assert!(ruler.chars().count() <= 61 && years.len() <= 61, "{years}\n{ruler}");
        for credential in &line.credentials {
            assert!(axis.bar(credential, &[]).chars().count() <= 61);
        }
        let empty = Axis::of(&TimeLine::default(), NEW_YEAR);
        assert_eq!(empty.heading().1, "▼");
    }
}
