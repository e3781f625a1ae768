//! The front page: what the log is, how large, under which keys, and how to submit and verify.

use askama::Template;

use super::words::{When, date, grouped};
use crate::anchors::Anchor;
use crate::checkpoint::{Checkpoint, TreeHead};
use crate::client::api;
use crate::cosignature;
use crate::note::Note;
use crate::printable::printable;
use crate::server::http::Reads;
use crate::server::problem::Problem;

#[derive(Template)]
#[template(path = "front.html")]
pub struct Front {
    info: api::LogInfo,
    is_mirror: bool,
    /// Where this is.
    base: String,
    /// Where the log is.
    log: String,
    trouble: Option<String>,
    entries: String,
    last: Option<u64>,
    root: String,
    signed: Option<When>,
    cosigners: Vec<CosignedBy>,
    cosigned_entries: String,
    /// Entries that look-ups cover.
    covered: Option<String>,
    issuers: usize,
    verifier: Option<String>,
    roots: Option<Vec<Root>>,
    by_hash: bool,
    asked: &'static str,
}

struct CosignedBy {
    name: String,
    when: When,
}

struct Root {
    subject: String,
    countries: String,
    until: String,
}

impl From<&Anchor> for Root {
    fn from(anchor: &Anchor) -> Self {
        let codes =
            |codes: &Vec<u16>| codes.iter().map(|code| format!("+{code}")).collect::<Vec<_>>().join(" ");
        Root {
            subject: printable(&anchor.certificate.subject_text()),
            countries: anchor.calling_codes.as_ref().map_or("all countries".to_owned(), codes),
            until: date(anchor.certificate.not_after()),
        }
    }
}

/// The page at `now`, in seconds of Unix time.
///
/// # Errors
/// When there is no checkpoint yet.
pub fn page(app: &Reads, now: u64) -> Result<Front, Problem> {
    let (log, pages) = (&app.log, &app.pages);
    let info = log.info()?;
    let newest = parse(&log.checkpoint()?)?;
    let cosigned = log.cosigned_checkpoint().and_then(|note| parse(&note)).unwrap_or_else(|_| newest.clone());
    let signed = TreeHead::extract(&newest.0, &log.log_id()?).ok();
    Ok(Front {
        is_mirror: info.mirror_of.is_some(),
        base: pages.base.clone(),
        log: info.mirror_of.clone().unwrap_or_else(|| pages.base.clone()),
        trouble: log.trouble(),
        entries: grouped(newest.1.size),
        last: newest.1.size.checked_sub(1),
        root: newest.1.root.to_string(),
        signed: signed.map(|head| When::new(head.timestamp / 1000, now)),
        cosigners: cosigners(&cosigned, now),
        cosigned_entries: grouped(cosigned.1.size),
        covered: log
            .heads()
            .and_then(|heads| parse(&heads.checkpoint))
            .ok()
            .map(|covered| grouped(covered.1.size)),
        issuers: log.issuers().issuers.len(),
        verifier: pages.verifier.clone(),
        roots: log.roots().map(|roots| roots.iter().map(Root::from).collect()),
        by_hash: log.finds_hashes(),
        asked: "",
        info,
    })
}

fn parse(note: &str) -> Result<(Note, Checkpoint), Problem> {
    let note = Note::parse(note.as_bytes()).map_err(|_| Problem::Internal)?;
    let checkpoint = Checkpoint::parse(note.text()).map_err(|_| Problem::Internal)?;
    Ok((note, checkpoint))
}

/// Those whose cosignatures the log, or the mirror, has verified and put there.
fn cosigners((note, checkpoint): &(Note, Checkpoint), now: u64) -> Vec<CosignedBy> {
    let others = note.signatures().iter().filter(|line| line.name() != checkpoint.origin);
    let cosigned = others.filter_map(|line| Some((line, cosignature::time(line.body())?)));
    cosigned
        .map(|(line, time)| CosignedBy { name: printable(line.name()), when: When::new(time, now) })
        .collect()
}
