//! What is watched.

use askama::Template;
use axum::extract::{Extension, State};
use axum::response::Response;
use serde::Serialize;

use super::reply::{self, Problem, Shell};
use super::words;
use super::{TheAsked, ThePage, blocking, shortened};
use crate::catalogue::Status;
use crate::config::{Named, Watch};

/// Blocks that are shown of one watch.
const MAX_BLOCKS: usize = 5;

#[derive(Template, Serialize)]
#[template(path = "watches.html")]
struct Watches {
    #[serde(skip)]
    shell: Shell,
    watches: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: String,
    kind: &'static str,
    what: String,
    /// Open findings from info to high.
    open: [u64; 4],
}

impl Row {
    fn severities(&self) -> [(&'static str, u64); 4] {
        let [info, low, medium, high] = self.open;
        [("high", high), ("medium", medium), ("low", low), ("info", info)]
    }
}

pub async fn show(State(page): ThePage, Extension(asked): TheAsked) -> Response {
    let shell = asked.shell("watches", "Watches");
    let made = blocking(&page, move |page| {
        let mut watches = Vec::new();
        for watch in &page.watches {
            let open = page.catalogue.counts(None, Some(&watch.name), Status::Open)?;
            let (kind, what) = described(watch, false);
            watches.push(Row { name: watch.name.clone(), kind, what, open });
        }
        watches.sort_by_key(|row: &Row| {
            std::cmp::Reverse(row.open.map(|count| count.min(1)).into_iter().rev().collect::<Vec<_>>())
        });
        Ok::<_, Problem>(Watches { shell, watches })
    });
    reply::page(&asked, made.await)
}

/// What kind of watch it is, and what it watches.
pub fn described(watch: &Watch, whole: bool) -> (&'static str, String) {
    match watch.named() {
        Ok(Named::Number(_)) => ("Number", shortened(watch, whole).unwrap_or_default()),
        Ok(Named::Carrier(code)) => ("Carrier", code.as_str().to_owned()),
        Ok(Named::Blocks(blocks)) => {
            let shown: Vec<String> =
                blocks.iter().take(MAX_BLOCKS).map(|block| format!("+{block}")).collect();
            let more = blocks.len().saturating_sub(MAX_BLOCKS);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            ("Blocks", shown.join(", ") + &more)
        }
        Ok(Named::Ca(_, countries)) => {
            let codes: Vec<String> = countries.iter().map(|code| format!("+{code}")).collect();
            ("CA", if codes.is_empty() { "any country".into() } else { codes.join(", ") })
        }
        Err(_) => ("", String::new()),
    }
}
