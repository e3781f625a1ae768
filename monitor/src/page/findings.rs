//! Findings: filters, search, pages.

use askama::Template;
use axum::extract::{Extension, State};
use axum::response::Response;
use form_urlencoded::Serializer;
use serde::Serialize;

use super::help;
use super::reply::{self, Problem, Shell};
use super::words::{self, When};
use super::{Asked, Page, TheAsked, ThePage, blocking};
use crate::catalogue::{Found, Order, Query, Status};
use crate::detect::Severity;

const LIMIT: usize = 50;
const SEVERITIES: [Severity; 4] = [Severity::High, Severity::Medium, Severity::Low, Severity::Info];

#[derive(Template, Serialize)]
#[template(path = "findings.html")]
struct Findings {
    #[serde(skip)]
    shell: Shell,
    #[serde(skip)]
    filters: Filters,
    findings: Vec<Row>,
    /// How many pass the filters, without the search.
    counts: Counts,
    /// The addresses of the next page and of the one before.
    next: Option<String>,
    previous: Option<String>,
    /// The search was left before its end.
    is_cut: bool,
    /// How many hundredths of what was found were gone through.
    catalogue_percent: u64,
}

#[derive(Serialize)]
struct Counts {
    high: u64,
    medium: u64,
    low: u64,
    info: u64,
}

/// A finding in a list.
#[derive(Serialize)]
pub struct Row {
    pub id: String,
    pub severity: String,
    pub status: Status,
    pub detector: String,
    pub title: &'static str,
    pub what: String,
    pub time: When,
    pub log: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watch: Option<String>,
    pub entries: Vec<u64>,
}

impl Row {
    pub fn of(page: &Page, found: Found, now: u64) -> Self {
        let status = found.status();
        let notice = found.notice;
        Row {
            title: help::of(&notice.detector).title,
            what: words::without_numbers(&notice.what),
            time: When::new(notice.time, now),
            log: page.name_of_log(&notice.log),
            id: notice.id,
            severity: notice.severity,
            detector: notice.detector,
            watch: notice.watch,
            entries: notice.entries,
            status,
        }
    }
}

/// What can be chosen, and what is.
struct Filters {
    logs: Vec<Choice>,
    severities: Vec<Choice>,
    detectors: Vec<Choice>,
    watches: Vec<Choice>,
    states: Vec<Choice>,
    orders: Vec<Choice>,
    search: String,
    /// The severities, with their counts and addresses.
    tabs: Vec<Tab>,
    is_filtered: bool,
}

struct Choice {
    value: String,
    text: String,
    is_chosen: bool,
}

struct Tab {
    severity: &'static str,
    count: u64,
    href: String,
    is_chosen: bool,
}

pub async fn show(State(page): ThePage, Extension(asked): TheAsked) -> Response {
    let asks = asked.clone();
    let made = blocking(&page, move |page| list(page, &asks));
    reply::page(&asked, made.await)
}

fn list(page: &Page, asked: &Asked) -> Result<Findings, Problem> {
    let query = query(page, asked)?;
    let found = page.catalogue.page(&query)?;
    let [info, low, medium, high] = found.counts;
    let rows = found.found.into_iter().map(|found| Row::of(page, found, asked.now)).collect();
    Ok(Findings {
        shell: asked.shell("findings", "Findings"),
        filters: filters(page, asked, &query, found.counts)?,
        findings: rows,
        counts: Counts { high, medium, low, info },
        next: found.next.map(|next| address(asked, &[("from", &next)])),
        previous: found.previous.map(|previous| address(asked, &[("before", &previous)])),
        is_cut: found.is_cut,
        catalogue_percent: page.catalogue.reading().percent(),
    })
}

/// What the address asks for. Without a state it is what is open.
fn query(page: &Page, asked: &Asked) -> Result<Query, Problem> {
    let log = asked.field("log").map(|name| page.log(name).map(|log| log.served.origin().to_owned()));
    let severity = asked.field("severity").map(|name| {
        let named = SEVERITIES.into_iter().find(|severity| severity.name() == name);
        named.ok_or(Problem::Wrong("There is no such severity: high, medium, low and info are."))
    });
    let status = match asked.field("state").unwrap_or("open") {
        "all" => None,
        name => Some(
            Status::of_name(name)
                .ok_or(Problem::Wrong("There is no such state: open, acknowledged, cleared and all are."))?,
        ),
    };
    let order = if asked.field("order") == Some("newest") { Order::Newest } else { Order::Gravest };
    let text = |name| asked.field(name).map(str::to_owned);
    Ok(Query {
        log: log.transpose()?,
        detector: text("detector"),
        watch: text("watch"),
        status,
        severity: severity.transpose()?,
        search: text("q").unwrap_or_default(),
        order,
        from: text("before").or_else(|| text("from")),
        is_back: asked.field("before").is_some(),
        limit: LIMIT,
    })
}

/// This page with other fields, from its beginning. An empty field is left away.
fn address(asked: &Asked, changes: &[(&str, &str)]) -> String {
    let mut query = Serializer::new(String::new());
    for name in ["q", "log", "severity", "detector", "watch", "state", "order", "from", "before"] {
        let changed = changes.iter().find(|(changed, _)| *changed == name).map(|(_, value)| *value);
        let kept = asked.field(name).filter(|_| !["from", "before"].contains(&name));
        if let Some(value) = changed.or(kept).filter(|value| !value.is_empty()) {
            query.append_pair(name, value);
        }
    }
    let path = if asked.json { "/findings.json" } else { "/findings" };
    let query = query.finish();
    if query.is_empty() { path.into() } else { format!("{path}?{query}") }
}

fn filters(page: &Page, asked: &Asked, query: &Query, counts: [u64; 4]) -> Result<Filters, Problem> {
    let choose = |field: &str, all: &str, values: Vec<(String, String)>| {
        let chosen = asked.field(field).unwrap_or_default();
        let mut choices =
            vec![Choice { value: String::new(), text: all.into(), is_chosen: chosen.is_empty() }];
        let choice = |(value, text): (String, String)| {
            let is_chosen = value == chosen;
            Choice { value, text, is_chosen }
        };
        choices.extend(values.into_iter().map(choice));
        choices
    };
    let same = |names: Vec<String>| names.into_iter().map(|name| (name.clone(), name)).collect();
    let titled = |names: Vec<String>| {
        let title = |name: String| (name.clone(), format!("{} ({name})", help::of(&name).title));
        names.into_iter().map(title).collect()
    };
    let states = [("acknowledged", "Acknowledged"), ("cleared", "Cleared"), ("all", "All")];
    let pair = |(value, text): (&str, &str)| (value.to_owned(), text.to_owned());
    let mut watches: Vec<String> = page.watches.iter().map(|watch| watch.name.clone()).collect();
    watches.extend(page.catalogue.names("watch")?);
    watches.sort_unstable();
    watches.dedup();
    let tab = |severity: Severity| Tab {
        severity: severity.name(),
        count: counts[severity as usize],
        is_chosen: query.severity == Some(severity),
        href: address(
            asked,
            &[("severity", if query.severity == Some(severity) { "" } else { severity.name() })],
        ),
    };
    Ok(Filters {
        logs: choose("log", "Any", same(page.logs.iter().map(|log| log.name.clone()).collect())),
        severities: choose(
            "severity",
            "Any",
            SEVERITIES.map(|one| (one.name().into(), words::capital(one.name()))).into(),
        ),
        detectors: choose("detector", "Any", titled(page.catalogue.names("detector")?)),
        watches: choose("watch", "Any", same(watches)),
        states: choose("state", "Open", states.map(pair).into()),
        orders: choose("order", "Gravest first", vec![pair(("newest", "Newest first"))]),
        search: query.search.clone(),
        tabs: SEVERITIES.map(tab).into(),
        is_filtered: ["q", "log", "severity", "detector", "watch", "state"]
            .iter()
            .any(|field| asked.field(field).is_some()),
    })
}
