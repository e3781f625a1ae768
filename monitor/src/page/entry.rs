//! An entry by its index, decoded, with its proof.

use askama::Template;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use base64ct::{Base64, Encoding};
use serde::Serialize;
use tnlog::checkpoint::Checkpoint;
use tnlog::entry::{
    Action, Entry, KeyStatementEntry, Leaf, NumberEntry, RegistrationEntry, SignedEntry, Verb,
};
use tnlog::merkle::Hash;
use tnlog::note::Note;

use super::facts::{Fact, facts, names};
use super::findings::Row;
use super::reply::{self, Problem, Shell, go_to};
use super::words::{self, When};
use super::{Page, ShownLog, TheAsked, ThePage, blocking};
use crate::catalogue::Status;
use crate::detect::OpenCertificate;

/// Findings that are shown beside an entry.
const MAX_FINDINGS: usize = 20;

/// An entry in a list.
#[derive(Serialize)]
pub struct Brief {
    pub index: u64,
    pub time: When,
    pub kind: &'static str,
    pub issuer: Option<String>,
    pub says: String,
    #[serde(skip)]
    pub href: String,
}

#[derive(Template, Serialize)]
#[template(path = "entry.html")]
struct TheEntry {
    #[serde(skip)]
    shell: Shell,
    log: String,
    index: u64,
    kind: &'static str,
    time: When,
    says: String,
    facts: Vec<Fact>,
    leaf_hash: String,
    /// The leaf, in base64.
    leaf: String,
    /// The inclusion proof, in base64 as RFC 6962 has it.
    audit_path: Vec<String>,
    tree_size: u64,
    root: String,
    /// The signed checkpoint.
    checkpoint: String,
    findings: Vec<Row>,
    #[serde(skip)]
    last: u64,
}

/// `GET /entry?log=&index=`: from the form to the entry.
pub async fn find(State(page): ThePage, Extension(asked): TheAsked) -> Response {
    let index = asked.field("index").unwrap_or_default().replace([',', ' '], "");
    let log =
        asked.field("log").map_or_else(|| page.logs.first().ok_or(Problem::NotFound), |name| page.log(name));
    match (log, index.parse::<u64>()) {
        (Ok(log), Ok(index)) => go_to(&address(&log.name, index)),
        (Err(problem), _) => reply::problem(&asked, problem),
        (_, Err(_)) => reply::problem(&asked, Problem::Wrong("An index is a whole number, such as 1234.")),
    }
}

/// Where an entry is.
pub fn address(log: &str, index: u64) -> String {
    format!("/logs/{log}/entries/{index}")
}

pub async fn show(
    State(page): ThePage,
    Path((name, index)): Path<(String, String)>,
    Extension(asked): TheAsked,
) -> Response {
    let index = index.strip_suffix(".json").unwrap_or(&index).parse().map_err(|_| Problem::NotFound);
    let shell = asked.shell("logs", "Entry");
    let made = async {
        let index = index?;
        let log = page.log(&name)?;
        let (note, size, root) = checkpoint_of(log)?;
        if index >= size {
            return Err(Problem::NotFound);
        }
        let proof = log.served.proof(index, &note).await.map_err(|error| Problem::of(&error))?;
        let head = Head { index, note, size, root, proof, now: asked.now };
        blocking(&page, move |page| decode(page, shell, &name, head)).await
    };
    reply::page(&asked, made.await)
}

/// The signed tree that an entry is shown in.
struct Head {
    index: u64,
    note: String,
    size: u64,
    root: Hash,
    proof: Vec<Hash>,
    now: u64,
}

fn checkpoint_of(log: &ShownLog) -> Result<(String, u64, Hash), Problem> {
    let bytes = log.served.object("checkpoint")?.ok_or(Problem::CatchingUp)?;
    let note = Note::parse(&bytes).map_err(|error| Problem::of(&error))?;
    let checkpoint = Checkpoint::parse(note.text()).map_err(|error| Problem::of(&error))?;
    Ok((note.to_string(), checkpoint.size, checkpoint.root))
}

/// `GET /logs/<name>/checkpoint`: the newest of which every entry is verified.
pub async fn checkpoint(
    State(page): ThePage,
    Path(name): Path<String>,
    Extension(asked): TheAsked,
) -> Response {
    match blocking(&page, move |page| checkpoint_of(page.log(&name)?)).await {
        Ok((note, ..)) => reply::plain(StatusCode::OK, &note),
        Err(problem) => reply::problem(&asked, problem),
    }
}

fn decode(page: &Page, shell: Shell, name: &str, head: Head) -> Result<TheEntry, Problem> {
    let log = page.log(name)?;
    let (leaf, open) = log.entries.look(head.index)?.ok_or(Problem::NotFound)?;
    let bytes = leaf.encode().map_err(|error| Problem::of(&error))?;
    let found = page.catalogue.of_entry(log.served.origin(), head.index, MAX_FINDINGS)?;
    let brief = Brief::new(log, &leaf, open.as_ref(), head.now);
    Ok(TheEntry {
        shell: Shell { title: format!("Entry {}", words::number(head.index)), ..shell },
        log: log.name.clone(),
        index: head.index,
        kind: brief.kind,
        time: brief.time,
        says: brief.says,
        facts: facts(log, &leaf, open.as_ref(), head.now),
        leaf_hash: Hash::of_leaf(&bytes).to_string(),
        leaf: Base64::encode_string(&bytes),
        audit_path: head.proof.iter().map(|hash| Base64::encode_string(&hash.0)).collect(),
        tree_size: head.size,
        root: head.root.to_string(),
        checkpoint: head.note,
        findings: found.into_iter().map(|found| Row::of(page, found, head.now)).collect(),
        last: head.size - 1,
    })
}

impl Brief {
    /// An entry of a log's copy, if it is there.
    pub fn of(log: &ShownLog, index: u64, now: u64) -> Result<Option<Self>, Problem> {
        let found = log.entries.look(index)?;
        Ok(found.map(|(leaf, open)| Brief::new(log, &leaf, open.as_ref(), now)))
    }

    fn new(log: &ShownLog, leaf: &Leaf, open: Option<&OpenCertificate>, now: u64) -> Self {
        let (kind, says) = match &leaf.entry {
            Entry::Number(number) => (kind_of_number(number), of_number(number, now)),
            Entry::Open(signed) => (kind_of_open(signed), open.map_or(String::new(), of_open)),
            Entry::Registration(entry) => (kind_of_registration(entry), of_registration(entry, now)),
            Entry::KeyStatement(entry) => (kind_of_statement(entry), of_statement(entry)),
            Entry::Parameters(_) => {
                ("Parameters", "The origin and the keys of the log, once and for ever.".into())
            }
        };
        let issuer = issuer_of(log, leaf, open);
        let time = When::new(leaf.timestamp, now);
        Brief { index: leaf.index, time, kind, issuer, says, href: address(&log.name, leaf.index) }
    }
}

/// Who issued it.
pub fn issuer_of(log: &ShownLog, leaf: &Leaf, open: Option<&OpenCertificate>) -> Option<String> {
    let issuer = match (&leaf.entry, open) {
        (Entry::Number(number), _) => log.issuers.known_of_key(number.issuer_key_hash),
        (_, Some(open)) => open.issuer,
        _ => return None,
    };
    Some(issuer_name(log, &issuer))
}

/// The organization, or the beginning of the key hash.
pub fn issuer_name(log: &ShownLog, issuer: &crate::detect::Issuer) -> String {
    let name = log.issuers.name(issuer.operator).map(|name| words::name(&words::without_numbers(&name)));
    name.unwrap_or_else(|| format!("key {}", words::short(&Hash(issuer.key_hash).to_string())))
}

fn kind_of_number(number: &NumberEntry) -> &'static str {
    match (number.is_ca, number.is_precertificate) {
        (true, _) => "CA for single numbers",
        (false, true) => "Precertificate of numbers",
        (false, false) => "Certificate of numbers",
    }
}

fn kind_of_open(signed: &SignedEntry) -> &'static str {
    match signed {
        SignedEntry::X509(_) => "Certificate in the open",
        SignedEntry::Precert { .. } => "Precertificate in the open",
    }
}

fn kind_of_statement(statement: &KeyStatementEntry) -> &'static str {
    match statement.verb {
        Verb::Approve => "Approval",
        Verb::Dispute => "Dispute",
    }
}

fn kind_of_registration(entry: &RegistrationEntry) -> &'static str {
    match (entry.action, entry.replaces) {
        (Action::Withdraw, _) => "Withdrawal",
        (Action::Register, Some(_)) => "Registration, again",
        (Action::Register, None) => "Registration",
    }
}

fn of_number(number: &NumberEntry, now: u64) -> String {
    format!(
        "{}, {}",
        words::counted(number.labels.len() as u64, "hidden number"),
        validity(number.not_before, number.not_after, now)
    )
}

fn validity(not_before: i64, not_after: i64, now: u64) -> String {
    let days = u64::try_from(not_after.saturating_sub(not_before)).unwrap_or(0);
    let state = if When::at(not_after, now).milliseconds() < now { "expired" } else { "valid until" };
    format!("for {}, {state} {}", words::duration(days), When::at(not_after, now).date())
}

fn of_open(open: &OpenCertificate) -> String {
    match names(open) {
        Some((_, names)) => names,
        None if open.certificate.is_ca() => "A CA without limits".into(),
        None => "It cannot be read what it names".into(),
    }
}

fn of_registration(entry: &RegistrationEntry, now: u64) -> String {
    let of = format!("for the certificate in entry {}", words::number(entry.credential));
    format!(
        "{} {of}, {}",
        words::capital(entry.action.name()),
        validity(entry.not_before, entry.not_after, now)
    )
}

fn of_statement(entry: &KeyStatementEntry) -> String {
    let verb = match entry.verb {
        Verb::Approve => "approves",
        Verb::Dispute => "disputes",
    };
    let (old, new) = (words::number(entry.old.index), words::number(entry.new.index));
    format!("The key of entry {old} {verb} entry {new}")
}
