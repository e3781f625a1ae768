//! What a CA issues over time, on a chart, with what was found of it.

use serde::Serialize;

use super::ShownLog;
use super::chart::{Chart, Column, Mark, Span};
use super::help;
use super::reply::Problem;
use super::words::{self, When};
use super::world::Columns;
use crate::catalogue::Found;
use crate::detect::{Of, Operator};

/// How many days are shown.
const DAYS: u32 = 90;
const HEIGHT: f64 = 180.0;

/// What a CA issued in one log.
#[derive(Serialize)]
pub struct Issuance {
    /// How many days one column is.
    column_days: u32,
    columns: Vec<When>,
    /// Certificates in each.
    issued: Vec<u64>,
}

impl Issuance {
    /// Reads it: one range of records for each day. None when it issued nothing in that time.
    pub fn of(log: &ShownLog, operator: Operator, now: u64) -> Result<Option<Self>, Problem> {
        let columns = Columns::of(log, DAYS)?;
        let Some(days) = columns.count(log)?.remove(&Of::Operator(operator)) else { return Ok(None) };
        let issued: Vec<u64> = days.iter().map(|day| u64::from(day.issued)).collect();
        let begins = columns.begins().map(|begin| When::at(begin, now)).collect();
        let is_any = issued.iter().any(|count| *count > 0);
        Ok(is_any.then_some(Issuance { column_days: columns.days_each, columns: begins, issued }))
    }

    /// On a chart; each finding is a mark above.
    pub fn chart(&self, id: &str, findings: &[&Found]) -> Chart {
        let length = i64::from(self.column_days) * 86_400;
        let begin = |place: usize| self.columns[place].seconds();
        let span = Span { begin: begin(0), end: begin(self.columns.len() - 1) + length };
        let marks: Vec<Mark> = findings.iter().filter_map(|found| mark(found, &span)).collect();
        let description = format!(
            "Certificates from {} to {}: {}. The newest findings are marked: {}.",
            When::at(span.begin, 0).date(),
            When::at(span.end - 1, 0).date(),
            words::number(self.issued.iter().sum::<u64>()),
            words::number(marks.len() as u64),
        );
        let mut chart = Chart::new(id, "What it issues, by the day", description, HEIGHT);
        let column = |(place, count): (usize, &u64)| {
            let title = format!("{}: {}", self.columns[place].date(), words::number(*count));
            let parts = vec![("c0".to_owned(), *count, title)];
            Column { begin: begin(place), end: begin(place) + length, parts }
        };
        chart.columns(&span, &self.issued.iter().enumerate().map(column).collect::<Vec<_>>());
        chart.dates(&span);
        chart.marks = marks;
        chart
    }
}

/// None of what was found before the chart begins.
fn mark(found: &Found, span: &Span) -> Option<Mark> {
    let notice = &found.notice;
    let time = When::new(notice.time, 0);
    (span.begin..span.end).contains(&time.seconds()).then(|| Mark {
        x: span.x(time.seconds()),
        y: 8.0,
        kind: "finding",
        title: format!("{}: {}, {}", notice.severity, help::of(&notice.detector).title, time.date()),
        href: Some(format!("/findings/{}", notice.id)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Found;
    use crate::notice::Notice;

    fn found(day: u64) -> Found {
        let notice = Notice { time: day * 86_400_000 + 1, ..Notice::test() };
        Found { notice, known: None }
    }

    /// Fails when a finding of another time is marked, or a day without certificates has a bar.
    #[test]
    fn a_bar_for_each_day_and_a_mark_for_each_finding_of_that_time() {
        let columns = (10..24).map(|day| When::at(day * 86_400, 0)).collect();
        let issued = (0..14).map(|day| day % 3).collect();
        let issuance = Issuance { column_days: 1, columns, issued };
        let found = [9, 10, 23, 24].map(found);
        let chart = issuance.chart("ca", &found.iter().collect::<Vec<_>>());
        assert_eq!((chart.bars.len(), chart.marks.len()), (9, 2));
        assert!(chart.bars.iter().all(|bar| bar.height > 0.0 && bar.x + bar.width <= 100.0));
        assert!(
            chart.description.contains("13. The newest findings are marked: 2."),
            "{}",
            chart.description
        );
        assert!(chart.marks[0].x < 1.0 && chart.marks[1].x > 90.0);
    }
}
