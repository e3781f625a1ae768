//! `tnlog audit`: recomputes a whole log.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use serde_json::json;
use tnlog::client::check::{CheckError, Claims, Position, Target, check_log};
use tnlog::client::index_check::{CheckedIndex, IndexCheckError, check_index};
use tnlog::client::read::{LogReader, Misbehaviour, ReadError, Seen, policy_of_key};
use tnlog::client::source::{AnySource, Below};
use tnlog::index::Generation;
use tnlog::note::VerifierKey;
use tnlog::policy::Policy;

use crate::trust::Trust;
use crate::{input, output, place};

/// Recompute every hash, root, checkpoint and leaf of a log
///
/// Reads the whole log and reports the first thing that is wrong, with its place: leaves (encoding, index, time, what may stand in
/// the open), chains and issuers, every key statement, of every registration what is public, every tile of every level, the root,
/// the checkpoint and the RFC 6962 tree head. When the key of its index log is given, or is in the policy, the number index is
/// recomputed too and every head compared with it. It does not verify signatures on certificates, and cannot see into what is hidden.
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
    /// The key of the index log, unless the policy has it; also that of one that is over
    #[arg(long, value_name = "VKEY")]
    index_key: Option<VerifierKey>,
    /// The checkpoint of the last audit: the log must continue it. Written anew when nothing is wrong
    #[arg(long, value_name = "FILE")]
    seen: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let Some(policy) = args.trust.given()? else {
        return output::usage(
            "whose log is it? Give --key VKEY (the log prints it at its first start, and shows it at /tn/v1/log) or --policy FILE",
        );
    };
    let source = Arc::new(place::source(&args.log)?);
    let pinned = policy.logs().iter().map(|log| log.key.clone()).collect::<Vec<_>>();
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
        Ok(checked) => {
            let index = match index_log(&seen.checkpoint().origin, args.index_key, pinned)? {
                None => None,
                Some((generation, key)) => {
                    match audit_index(&source, &mut reader, generation, policy_of_key(key)?).await {
                        Ok(checked) => Some(checked),
                        Err(error) => return index_failed(error, &generation.path(), args.json),
                    }
                }
            };
            if let Some(path) = &args.seen {
                input::write_private(path, seen.note.to_string().as_bytes())?;
            }
            report(&seen, &checked, index, args.json)?;
            Ok(output::FINE.into())
        }
        Err(CheckError::Fault(fault)) => found(&fault.to_string(), &fault.place, fault.index, args.json),
        Err(error) => Err(error).context(source.to_string()),
    }
}

/// The index log of the log `origin` that is to be recomputed: that of the key which was given, or else the last one pinned.
fn index_log(
    origin: &str,
    given: Option<VerifierKey>,
    pinned: Vec<VerifierKey>,
) -> anyhow::Result<Option<(Generation, VerifierKey)>> {
    let named = |key: VerifierKey| {
        let generation = Generation::split(key.name()).filter(|(log, _)| *log == origin)?.1;
        Some((generation, key))
    };
    match given {
        Some(key) => {
            let name = output::printable(key.name());
            named(key).map(Some).with_context(|| format!("{name} is no index log of {origin}"))
        }
        None => Ok(pinned.into_iter().filter_map(named).max_by_key(|(generation, _)| *generation)),
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

/// What was found in a log with which nothing is wrong.
struct Checked {
    claims: Claims,
    entries_per_second: u64,
}

async fn audit(source: &Arc<AnySource>, seen: &Seen) -> Result<Checked, CheckError> {
    let checkpoint = seen.checkpoint();
    let bar = output::progress(checkpoint.size, "entries");
    let begin = Instant::now();
    let target = Target { note: &seen.note, checkpoint };
    let result = check_log(source, target, Position::default(), &mut |done| bar.set_position(done)).await;
    bar.finish_and_clear();
    let claims = result?.claims;
    let entries_per_second = (checkpoint.size as f64 / begin.elapsed().as_secs_f64().max(0.001)) as u64;
    Ok(Checked { claims, entries_per_second })
}

/// Recomputes the index. Its log is fetched before the newest entries, so that none of its heads is ahead of them.
async fn audit_index(
    source: &Arc<AnySource>,
    reader: &mut LogReader<AnySource>,
    generation: Generation,
    policy: Policy,
) -> Result<CheckedIndex, IndexCheckError> {
    let below = Below::new(AnySource::clone(source), &generation.path());
    let mut heads = LogReader::new(Arc::new(below), policy);
    heads.update().await?;
    let size = reader.update().await?.checkpoint().size;
    let bar = output::progress(size, "entries of the index");
    let result = check_index(reader, &heads, &mut |done| bar.set_position(done)).await;
    bar.finish_and_clear();
    result
}

fn index_failed(error: IndexCheckError, place: &str, json: bool) -> anyhow::Result<ExitCode> {
    match error {
        IndexCheckError::Fault { .. } => found(&error.to_string(), place, None, json),
        IndexCheckError::Read(ReadError::Misbehaviour(misbehaviour)) => misbehaved(&misbehaviour, json),
        IndexCheckError::Read(error @ (ReadError::Policy(_) | ReadError::Damaged(_))) => {
            found(&format!("the index log: {error}"), place, None, json)
        }
        error => Err(error).context("the index log"),
    }
}

fn report(seen: &Seen, checked: &Checked, index: Option<CheckedIndex>, json: bool) -> anyhow::Result<()> {
    let checkpoint = seen.checkpoint();
    let covers = index.as_ref().map(|index| index.newest.map_or(0, |head| head.size));
    if covers.is_some_and(|covers| covers < checkpoint.size) {
        output::note(
            "The newest head of the index does not cover all entries. It may be a second behind; one that stays behind hides what is \
             newer from look-ups.",
        );
    }
    let cosigned: Vec<_> = seen.checked.cosigned.iter().map(|(name, _)| name.as_str()).collect();
    output::Report::new("Nothing is wrong")
        .field("origin", checkpoint.origin.as_str())
        .field("entries", checkpoint.size)
        .field("key_statements", checked.claims.key_statements())
        .field("registrations", checked.claims.registrations())
        .field("root", checkpoint.root.to_string())
        .field("cosigned_by", cosigned)
        .field("entries_per_second", checked.entries_per_second)
        .field_if("index_heads", index.map(|index| index.heads))
        .field_if("index_covers", covers)
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
