//! One watch: the certificates of what it watches, over time.

use askama::Template;
use axum::extract::{Extension, State};
use axum::response::Response;
use serde::Serialize;

use super::chart::Chart;
use super::findings::Row;
use super::issuance::Issuance;
use super::life::{Life, Lives};
use super::reply::{self, Problem, Shell};
use super::watches::described;
use super::words;
use super::{Asked, Page, ShownLog, TheAsked, ThePage, blocking};
use crate::catalogue::{Found, Order, Query, Status};
use crate::config::{Named, Watch};
use crate::detect::Operator;

/// Findings that are shown, and marked on the chart.
const MAX_FINDINGS: usize = 50;

#[derive(Template, Serialize)]
#[template(path = "watch.html")]
struct TheWatch {
    #[serde(skip)]
    shell: Shell,
    name: String,
    kind: &'static str,
    what: String,
    #[serde(skip)]
    is_number: bool,
    is_whole: bool,
    holders: Vec<String>,
    logs: Vec<InLog>,
    findings: Vec<Row>,
    #[serde(skip)]
    open: u64,
}

/// What one log has of it.
#[derive(Serialize)]
struct InLog {
    log: String,
    /// Why there is nothing to see.
    says: Option<&'static str>,
    lives: Vec<Life>,
    /// How many were left out, the oldest.
    left_out: usize,
    /// Of a CA.
    issuance: Option<Issuance>,
    #[serde(skip)]
    chart: Option<Chart>,
}

pub async fn show(State(page): ThePage, Extension(asked): TheAsked) -> Response {
    let asks = asked.clone();
    let made = blocking(&page, move |page| look(page, &asks));
    reply::page(&asked, made.await)
}

fn look(page: &Page, asked: &Asked) -> Result<TheWatch, Problem> {
    let watch = page.watch(asked.field("name").unwrap_or_default())?;
    let is_whole = asked.field("number") == Some("whole");
    let (kind, what) = described(watch, is_whole);
    let found = findings(page, watch)?;
    let logs = page.logs.iter().enumerate().map(|(place, log)| {
        let of_log: Vec<&Found> =
            found.iter().filter(|found| found.notice.log == log.served.origin()).collect();
        if let Ok(Named::Ca(operator, _)) = watch.named() {
            return of_ca(log, operator, &format!("issued-{place}"), (&of_log, asked.now));
        }
        let lives = Lives::of(log, watch, asked.now)?;
        let chart = lives.chart(&format!("lives-{place}"), &of_log, asked.now);
        Ok(InLog {
            log: log.name.clone(),
            says: lives.says,
            lives: lives.all,
            left_out: lives.left_out,
            issuance: None,
            chart,
        })
    });
    Ok(TheWatch {
        shell: asked.shell("watches", words::name(&watch.name)),
        name: watch.name.clone(),
        kind,
        what,
        is_number: matches!(watch.named(), Ok(Named::Number(_))),
        is_whole,
        holders: watch.holders.clone(),
        logs: logs.collect::<Result<_, Problem>>()?,
        open: page.catalogue.counts(None, Some(&watch.name), Status::Open)?.iter().sum(),
        findings: found.into_iter().map(|found| Row::of(page, found, asked.now)).collect(),
    })
}

fn of_ca(
    log: &ShownLog,
    operator: Operator,
    id: &str,
    (found, now): (&[&Found], u64),
) -> Result<InLog, Problem> {
    let issuance = Issuance::of(log, operator, now)?;
    Ok(InLog {
        log: log.name.clone(),
        says: issuance.is_none().then_some("It has issued nothing in this log in the last three months."),
        lives: Vec::new(),
        left_out: 0,
        chart: issuance.as_ref().map(|issuance| issuance.chart(id, found)),
        issuance,
    })
}

fn findings(page: &Page, watch: &Watch) -> Result<Vec<Found>, Problem> {
    let query = Query {
        watch: Some(watch.name.clone()),
        order: Order::Newest,
        limit: MAX_FINDINGS,
        ..Query::default()
    };
    Ok(page.catalogue.page(&query)?.found)
}
