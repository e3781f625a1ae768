//! The world: what is issued by whom, and how many renewals nobody approved.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Extension, State};
use axum::response::Response;
use serde::Serialize;

use super::chart::{COLOURS, Chart, Column, Mark, Span};
use super::reply::{self, Problem, Shell};
use super::words::{self, When};
use super::{Asked, Page, ShownLog, TheAsked, ThePage, blocking};
use crate::catalogue::{Order, Query};
use crate::config::from_hex;
use crate::detect::{Day, Of, Operator, on_day};

const DAY: i64 = 86_400;
/// The spans that can be chosen, in days.
const SPANS: [(u32, &str); 3] = [(30, "30 days"), (90, "90 days"), (365, "A year")];
const DEFAULT_DAYS: u32 = 90;
/// What is before the log began is not shown, but for so many days that a chart is one.
const LEAST_DAYS: u32 = 14;
/// The most columns of a chart: more days than that are shown by the week.
const MAX_COLUMNS: u32 = 92;
/// Issuers that have a colour of their own, and those that have a chart of their own; the same of countries.
const MAX_COLOURED: usize = COLOURS - 1;
const MAX_CHARTS: usize = 12;
const MAX_WAVES: usize = 100;

#[derive(Template, Serialize)]
#[template(path = "world.html")]
struct World {
    #[serde(skip)]
    shell: Shell,
    log: String,
    #[serde(skip)]
    logs: Vec<(String, bool)>,
    #[serde(skip)]
    spans: Vec<(u32, &'static str, bool)>,
    /// How many days one column is.
    column_days: u32,
    columns: Vec<When>,
    issued: u64,
    #[serde(skip)]
    chart: Chart,
    issuers: Vec<Series>,
    countries: Vec<Series>,
    waves: Vec<Wave>,
}

/// An issuer or a country.
#[derive(Serialize)]
pub struct Series {
    pub name: String,
    /// The class of its colour.
    #[serde(skip)]
    class: String,
    pub issued: u64,
    pub renewals: u64,
    pub unapproved: u64,
    /// By column: certificates, renewals under a new key, those of them without approval.
    pub columns: Vec<[u64; 3]>,
    #[serde(skip)]
    chart: Option<Chart>,
}

impl Series {
    /// Of a hundred renewals.
    pub fn share(&self) -> Option<u64> {
        (100 * self.unapproved).checked_div(self.renewals)
    }
}

#[derive(Serialize)]
struct Wave {
    id: String,
    time: When,
    what: String,
    #[serde(skip)]
    of: Option<Of>,
    name: String,
}

pub async fn show(State(page): ThePage, Extension(asked): TheAsked) -> Response {
    let asks = asked.clone();
    let made = blocking(&page, move |page| world(page, &asks));
    reply::page(&asked, made.await)
}

fn world(page: &Page, asked: &Asked) -> Result<World, Problem> {
    let log = match asked.field("log") {
        Some(name) => page.log(name)?,
        None => page.logs.first().ok_or(Problem::NotFound)?,
    };
    let days = asked.field("days").and_then(|days| days.parse().ok()).unwrap_or(DEFAULT_DAYS);
    let days = SPANS.into_iter().map(|(span, _)| span).find(|span| *span == days).unwrap_or(DEFAULT_DAYS);
    let columns = Columns::of(log, days)?;
    let waves = waves(page, log, &columns, asked.now)?;
    let counted = columns.count(log)?;
    let mut issuers = Vec::new();
    let mut countries = Vec::new();
    for (of, days) in counted {
        match of {
            Of::Operator(operator) => issuers.push((of, series(name_of(log, operator), days))),
            Of::CallingCode(code) => countries.push((of, series(format!("+{code}"), days))),
            Of::All => {}
        }
    }
    rank(&mut issuers, &columns, &waves, "issuer");
    rank(&mut countries, &columns, &waves, "country");
    let issuers: Vec<Series> = issuers.into_iter().map(|(_, series)| series).collect();
    let issued = issuers.iter().map(|series| series.issued).sum();
    Ok(World {
        shell: asked.shell("world", "World"),
        log: log.name.clone(),
        logs: page.logs.iter().map(|one| (one.name.clone(), one.name == log.name)).collect(),
        spans: SPANS.map(|(span, name)| (span, name, span == days)).into(),
        column_days: columns.days_each,
        columns: columns.begins().map(|begin| When::at(begin, asked.now)).collect(),
        chart: all(&issuers, &columns, issued, &waves),
        issued,
        issuers,
        countries: countries.into_iter().map(|(_, series)| series).collect(),
        waves,
    })
}

/// The columns of all charts of a page.
pub struct Columns {
    first: u32,
    last: u32,
    pub days_each: u32,
}

impl Columns {
    /// Up to the newest entry that the detectors have seen.
    pub fn of(log: &ShownLog, days: u32) -> Result<Self, Problem> {
        let newest = match log.state.observed()?.checked_sub(1) {
            Some(index) => log.entries.leaf(index)?.map_or(0, |leaf| leaf.timestamp),
            None => 0,
        };
        let last = u32::try_from(newest / 1000 / DAY as u64).unwrap_or(u32::MAX / 2);
        let days_each = if days > MAX_COLUMNS { 7 } else { 1 };
        let begun = log.entries.leaf(0)?.map_or(0, |leaf| leaf.timestamp) / 1000 / DAY as u64;
        let shown = last.saturating_sub(u32::try_from(begun).unwrap_or(last)) + 1;
        let count = days.min(shown.max(LEAST_DAYS)).div_ceil(days_each);
        Ok(Columns { first: (last + 1).saturating_sub(count * days_each), last, days_each })
    }

    fn count_of_columns(&self) -> usize {
        ((self.last + 1 - self.first).div_ceil(self.days_each)) as usize
    }

    pub fn begins(&self) -> impl Iterator<Item = i64> + '_ {
        (0..self.count_of_columns()).map(|place| self.begin(place))
    }

    fn begin(&self, place: usize) -> i64 {
        DAY * (i64::from(self.first) + place as i64 * i64::from(self.days_each))
    }

    fn span(&self) -> Span {
        Span { begin: self.begin(0), end: self.begin(self.count_of_columns()) }
    }

    /// What was counted in each. Reads each day once.
    pub fn count(&self, log: &ShownLog) -> Result<BTreeMap<Of, Vec<Day>>, Problem> {
        let mut counted: BTreeMap<Of, Vec<Day>> = BTreeMap::new();
        for day in self.first..=self.last {
            let place = ((day - self.first) / self.days_each) as usize;
            for (of, count) in on_day(&*log.state, day)? {
                let columns =
                    counted.entry(of).or_insert_with(|| vec![Day::default(); self.count_of_columns()]);
                columns[place] = columns[place].plus(count);
            }
        }
        Ok(counted)
    }

    fn name(&self, place: usize) -> String {
        let begin = When::at(self.begin(place), 0).date();
        if self.days_each == 1 { begin } else { format!("week of {begin}") }
    }
}

fn name_of(log: &ShownLog, operator: Operator) -> String {
    let name = log.issuers.name(operator).map(|name| words::name(&words::without_numbers(&name)));
    name.unwrap_or_else(|| "An issuer without a name".into())
}

fn series(name: String, days: Vec<Day>) -> Series {
    let sum = days.iter().fold(Day::default(), |sum, day| sum.plus(*day));
    let column = |day: &Day| [day.issued, day.renewals, day.unapproved()].map(u64::from);
    Series {
        name,
        class: String::new(),
        issued: sum.issued.into(),
        renewals: sum.renewals.into(),
        unapproved: sum.unapproved().into(),
        columns: days.iter().map(column).collect(),
        chart: None,
    }
}

/// The largest first, with colours, and with charts for the first ones.
fn rank(all: &mut [(Of, Series)], columns: &Columns, waves: &[Wave], kind: &str) {
    all.sort_by_key(|(of, series)| (std::cmp::Reverse(series.issued), *of));
    for (place, (of, series)) in all.iter_mut().enumerate() {
        series.class = format!("c{}", place.min(MAX_COLOURED));
        let has_wave = waves.iter().any(|wave| wave.of == Some(*of));
        if (place < MAX_CHARTS || has_wave) && series.renewals > 0 {
            let id = format!("{kind}-{place}");
            series.chart =
                Some(renewals(&id, series, columns, waves.iter().filter(|wave| wave.of == Some(*of))));
        }
    }
}

/// Certificates of all issuers.
fn all(issuers: &[Series], columns: &Columns, issued: u64, waves: &[Wave]) -> Chart {
    let span = columns.span();
    let description = format!(
        "Certificates from {} to {} by issuer: {} of {}, {} marked.",
        When::at(span.begin, 0).date(),
        When::at(span.end - 1, 0).date(),
        words::number(issued),
        words::counted(issuers.len() as u64, "issuer"),
        words::counted(waves.len() as u64, "wave"),
    );
    let mut chart = Chart::new("issued", "What is issued, by issuer", description, 240.0);
    let (named, others) = issuers.split_at(issuers.len().min(MAX_COLOURED));
    let column = |place: usize| {
        let part = |series: &Series| {
            let value = series.columns[place][0];
            let title = format!("{}, {}: {}", series.name, columns.name(place), words::number(value));
            (series.class.clone(), value, title)
        };
        let mut parts: Vec<_> = named.iter().map(part).collect();
        let rest: u64 = others.iter().map(|series| series.columns[place][0]).sum();
        let title = format!("{}, {}: {}", "Others", columns.name(place), words::number(rest));
        parts.push((format!("c{MAX_COLOURED}"), rest, title));
        Column { begin: columns.begin(place), end: columns.begin(place + 1), parts }
    };
    chart.columns(&span, &(0..columns.count_of_columns()).map(column).collect::<Vec<_>>());
    chart.dates(&span);
    chart.marks = waves.iter().map(|wave| mark(wave, &span)).collect();
    chart
}

/// Renewals of one of them: those without approval, and above them those with one.
fn renewals<'a>(
    id: &str,
    series: &Series,
    columns: &Columns,
    waves: impl Iterator<Item = &'a Wave>,
) -> Chart {
    let span = columns.span();
    let description = format!(
        "{}: {} under a new key, {} of them without approval.",
        series.name,
        words::counted(series.renewals, "renewal"),
        words::number(series.unapproved)
    );
    let title = format!("Renewals: {}", series.name);
    let mut chart = Chart::new(id, title, description, 120.0);
    let column = |(place, [_, renewals, unapproved]): (usize, &[u64; 3])| {
        let name = columns.name(place);
        let open = format!("{name}: {} without approval", words::number(*unapproved));
        let approved = renewals.saturating_sub(*unapproved);
        let closed = format!("{name}: {} approved", words::number(approved));
        let parts = vec![("unapproved".into(), *unapproved, open), ("approved".into(), approved, closed)];
        Column { begin: columns.begin(place), end: columns.begin(place + 1), parts }
    };
    chart.columns(&span, &series.columns.iter().enumerate().map(column).collect::<Vec<_>>());
    chart.dates(&span);
    chart.marks = waves.map(|wave| mark(wave, &span)).collect();
    chart
}

fn mark(wave: &Wave, span: &Span) -> Mark {
    Mark {
        x: span.x(wave.time.seconds()),
        y: 8.0,
        kind: "wave",
        title: format!("Wave, {}, {}", wave.name, wave.time.date()),
        href: Some(format!("/findings/{}", wave.id)),
    }
}

/// The waves of a log in the columns.
fn waves(page: &Page, log: &ShownLog, columns: &Columns, now: u64) -> Result<Vec<Wave>, Problem> {
    let query = Query {
        log: Some(log.served.origin().to_owned()),
        detector: Some("reroute-wave".into()),
        order: Order::Newest,
        limit: MAX_WAVES,
        ..Query::default()
    };
    let span = columns.span();
    let mut waves = Vec::new();
    for found in page.catalogue.page(&query)?.found {
        let notice = found.notice;
        let issuer = notice.issuer.as_deref().and_then(from_hex);
        let of = match (notice.calling_code, issuer.map(|hash| log.issuers.known_of_key(hash).operator)) {
            (Some(code), _) => Some(Of::CallingCode(code)),
            (None, operator) => operator.map(Of::Operator),
        };
        let name = match of {
            Some(Of::CallingCode(code)) => format!("+{code}"),
            Some(Of::Operator(operator)) => name_of(log, operator),
            _ => "no issuer".into(),
        };
        let time = When::new(notice.time, now);
        if (span.begin..span.end).contains(&time.seconds()) {
            waves.push(Wave { id: notice.id, time, what: words::without_numbers(&notice.what), of, name });
        }
    }
    Ok(waves)
}
