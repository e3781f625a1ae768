//! `tnlog audit`: recomputes a whole log.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, bail};
use serde_json::json;
use tnlog::client::check::{CheckError, Position, Target, check_log};
use tnlog::client::read::{LogReader, Misbehaviour, ReadError, Seen};
use tnlog::client::source::AnySource;
use tnlog::policy::Policy;

use crate::trust::Trust;
use crate::{input, output, place};

/// Recompute every hash, root, checkpoint and leaf of a log
///
/// Reads the whole log and reports the first thing that is wrong, with its place: leaves (encoding, index, time, what may stand in
/// the open), chains and issuers, every tile of every level, the root, the checkpoint and the RFC 6962 tree head. It does not verify
/// signatures on certificates, and cannot see into what is hidden.
#[derive(clap::Args)]
#[command(after_help = concat!(
    "Examples:\n  tnlog audit https://log.example.com/ --key log.example.com+0d1c2b3a+AaBb...\n",
    "  tnlog audit /var/lib/tnlog/public --policy policy.txt --seen last-checkpoint\n\n",
    "Exit codes: 0 nothing is wrong, 1 the log could not be read to its end, 2 something is wrong, 64 wrong usage"
))]
pub struct Args {
    /// The log: a URL, or the folder that is served
    #[arg(value_name = "URL|DIR")]
    log: String,
    #[command(flatten)]
    trust: Trust,
    /// The checkpoint of the last audit: the log must continue it. Written anew when nothing is wrong
    #[arg(long, value_name = "FILE")]
    seen: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let Some(policy) = args.trust.given()? else {
        bail!(
            "whose log is it? Give --key VKEY (the log prints it at its first start, and shows it at /tn/v1/log) or --policy FILE"
        );
    };
    let source = Arc::new(place::source(&args.log)?);
    let mut reader = reader(source.clone(), policy, args.seen.as_deref())?;
    let seen = match reader.update().await {
        Ok(seen) => seen.clone(),
        Err(ReadError::Misbehaviour(misbehaviour)) => return misbehaved(&misbehaviour, args.json),
        Err(error @ (ReadError::Policy(_) | ReadError::Damaged(_))) => {
            return found(&error.to_string(), "checkpoint", None, args.json);
        }
        Err(error) => return Err(error).context(source.to_string()),
    };
    match audit(&source, &seen).await {
        Ok(rate) => {
            if let Some(path) = &args.seen {
                input::write_private(path, seen.note.to_string().as_bytes())?;
            }
            report(&seen, rate, args.json)?;
            Ok(output::FINE.into())
        }
        Err(CheckError::Fault(fault)) => found(&fault.to_string(), &fault.place, fault.index, args.json),
        Err(error) => Err(error).context(source.to_string()),
    }
}

fn reader(
    source: Arc<AnySource>,
    policy: Policy,
    seen: Option<&Path>,
) -> anyhow::Result<LogReader<AnySource>> {
    let Some(path) = seen else { return Ok(LogReader::new(source, policy)) };
    match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(LogReader::new(source, policy)),
        _ => LogReader::resume(source, policy, &input::read(path)?)
            .with_context(|| format!("{} is no checkpoint of this log", path.display())),
    }
}

/// Entries a second.
async fn audit(source: &Arc<AnySource>, seen: &Seen) -> Result<u64, CheckError> {
    let checkpoint = seen.checkpoint();
    let bar = output::progress(checkpoint.size, "entries");
    let begin = Instant::now();
    let target = Target { note: &seen.note, checkpoint };
    let result = check_log(source, target, Position::default(), &mut |done| bar.set_position(done)).await;
    bar.finish_and_clear();
    result?;
    Ok((checkpoint.size as f64 / begin.elapsed().as_secs_f64().max(0.001)) as u64)
}

fn report(seen: &Seen, rate: u64, json: bool) -> anyhow::Result<()> {
    let checkpoint = seen.checkpoint();
    let cosigned: Vec<_> = seen.checked.cosigned.iter().map(|(name, _)| name.as_str()).collect();
    output::Report::new("Nothing is wrong")
        .field("origin", checkpoint.origin.as_str())
        .field("entries", checkpoint.size)
        .field("root", checkpoint.root.to_string())
        .field("cosigned_by", cosigned)
        .field("entries_per_second", rate)
        .print(json)?;
    Ok(())
}

fn found(message: &str, place: &str, index: Option<u64>, json: bool) -> anyhow::Result<ExitCode> {
    if json {
        output::line(json!({ "what": "fault", "place": place, "index": index, "detail": message }))?;
    } else {
        output::line(format_args!("WRONG: {message}"))?;
    }
    Ok(output::FINDING.into())
}

/// Both signed notes are printed: they are the evidence.
fn misbehaved(misbehaviour: &Misbehaviour, json: bool) -> anyhow::Result<ExitCode> {
    let Misbehaviour::Fork { seen, shown } = misbehaviour;
    if json {
        let (detail, notes) = (misbehaviour.to_string(), [seen.to_string(), shown.to_string()]);
        output::line(json!({ "what": "fork", "detail": detail, "evidence": notes }))?;
    } else {
        output::line(format_args!("{misbehaviour}\n\nSeen before:\n{seen}\nShown now:\n{shown}"))?;
    }
    Ok(output::FINDING.into())
}
