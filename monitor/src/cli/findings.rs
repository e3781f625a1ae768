//! `findings`, `ack` and `verify-evidence`.

use std::io::{Read, Write};
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use clap::ValueEnum;
use tnlog::client::evidence::{Evidence, MAX_EVIDENCE, Proved};
use tnlog::note::VerifierKey;
use tnlog::policy::Policy;
use tnlog_monitor::findings::{acknowledge, acknowledged, all};
use tnlog_monitor::folder::Folder;
use tnlog_monitor::notice::{Notice, severity};
use tnlog_monitor::run::configure;

use super::{FINE, TROUBLE};

/// Show what was found, in its newest version; with --json a line of JSON for each
#[derive(clap::Args)]
pub struct Args {
    /// Of this severity and worse
    #[arg(long, value_enum, default_value = "low")]
    least: Severity,
    /// Of this detector, such as unexpected-key
    #[arg(long, value_name = "NAME")]
    detector: Option<String>,
    /// Of this watch
    #[arg(long, value_name = "NAME")]
    watch: Option<String>,
    /// What was acknowledged or cleared, too
    #[arg(long)]
    all: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Severity {
    Info,
    Low,
    Medium,
    High,
}

impl Severity {
    fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
        }
    }
}

pub fn list(folder: &Folder, args: &Args, json: bool) -> anyhow::Result<u8> {
    configure(folder)?;
    let known = acknowledged(folder)?;
    let is_open = |notice: &Notice| {
        let is_known = known.get(&notice.id).is_some_and(|known| known.notice.version >= notice.version);
        args.all || !(notice.cleared || is_known)
    };
    let is_asked = |wanted: &Option<String>, value: Option<&String>| {
        wanted.as_ref().is_none_or(|wanted| Some(wanted) == value)
    };
    let mut found: Vec<Notice> = all(folder)?.into_values().collect();
    found.retain(|notice| {
        notice.is_at_least(severity(args.least.name()))
            && is_open(notice)
            && is_asked(&args.detector, Some(&notice.detector))
            && is_asked(&args.watch, notice.watch.as_ref())
    });
    found.sort_by_key(|notice| notice.time);
    let mut out = std::io::stdout().lock();
    for notice in &found {
        if json {
            writeln!(out, "{}", serde_json::to_string(notice)?)?;
        } else {
            show(&mut out, notice)?;
        }
    }
    Ok(FINE)
}

fn show(out: &mut impl Write, notice: &Notice) -> std::io::Result<()> {
    let state = if notice.cleared { ", cleared" } else { "" };
    writeln!(out, "{}  {}  {}{state}", notice.id, notice.severity, notice.detector)?;
    let watch = notice.watch.as_ref().map_or(String::new(), |watch| format!(", watch {watch}"));
    writeln!(out, "  log {}, entries {:?}{watch}", notice.log, notice.entries)?;
    writeln!(
        out,
        "  {} This matters to {}.\n  Now: {}.",
        notice.what,
        notice.whom,
        notice.now.trim_end_matches('.')
    )?;
    if let Some(evidence) = &notice.evidence {
        writeln!(out, "  Evidence: {evidence}")?;
    }
    writeln!(out)
}

/// Acknowledge a finding: it is not shown again, and a key of a watch that it is about is known from then on
#[derive(clap::Args)]
pub struct AckArgs {
    /// The id of the finding
    id: String,
    /// Why
    #[arg(long)]
    reason: String,
}

pub fn ack(folder: &Folder, args: &AckArgs) -> anyhow::Result<u8> {
    ensure!(!args.reason.trim().is_empty(), "say with --reason why it is fine");
    if !acknowledge(folder, &args.id, &args.reason)? {
        bail!("there is no finding {}; `tnlog-monitor findings` shows them", args.id);
    }
    println!("acknowledged");
    Ok(FINE)
}

/// Verify evidence against a log, offline: with nothing but the keys that you have pinned
///
/// Exit codes: 0 it is proved that the log did what it must not, 1 it is not.
#[derive(clap::Args)]
pub struct EvidenceArgs {
    /// The evidence
    file: PathBuf,
    /// The keys of the log and of its index log, a line each; or a C2SP policy file
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

pub fn verify(args: &EvidenceArgs) -> anyhow::Result<u8> {
    let evidence = Evidence::parse(&read(&args.file)?)?;
    let keys = keys(&read(&args.key)?).with_context(|| args.key.display().to_string())?;
    let proved = evidence.verify(&keys)?;
    println!("{} of {}:", evidence.kind, evidence.origin().unwrap_or_default());
    let (said, code) = match proved {
        Proved::Fork => ("Proved: the log signed two trees, and one does not continue the other.", FINE),
        Proved::BadEntry => ("Proved: the log signed an entry that no log may take.", FINE),
        Proved::BadHead => {
            ("Proved: the index log signed a head that contradicts its log, or another of its heads.", FINE)
        }
        Proved::NotIncluded => {
            ("Proved: the log signed an SCT, and its tree has not the entry where the SCT promises it.", FINE)
        }
        Proved::Signed => (
            "The log signed what is shown. Whether that is wrong is seen by who has all its entries: `tnlog audit`.",
            TROUBLE,
        ),
    };
    println!("{said}");
    Ok(code)
}

fn read(path: &PathBuf) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
    file.take(MAX_EVIDENCE as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn keys(bytes: &[u8]) -> anyhow::Result<Vec<VerifierKey>> {
    if let Ok(policy) = Policy::parse(bytes) {
        return Ok(policy.logs().iter().map(|log| log.key.clone()).collect());
    }
    let lines = core::str::from_utf8(bytes)?.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(lines.map(str::parse).collect::<Result<_, _>>()?)
}
