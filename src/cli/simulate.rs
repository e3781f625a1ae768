//! `tnlog simulate`

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args as ClapArgs;
use serde_json::json;
use tnlog::server::config::{Config, Folder};
use tnlog::server::{open, run as running};
use tnlog::simulate::{DEFAULT, Front, Lie, Mint, Script, World, WorldFacts, WorldLog, drive, write_truth};

use crate::folder::{self, holds_log};
use crate::output::{self, Report};

const EXAMPLES: &str = "\
Examples:
  tnlog simulate --dry-run
      What would happen in the world of seed 1, by kind. No log.
  tnlog simulate --data /tmp/world --seed 7
      Six weeks in some minutes: a log in /tmp/world, and the truth about it in /tmp/world/truth.
  tnlog simulate --print-world > world.toml
  tnlog simulate --data /tmp/calm --world world.toml --no-attacks
      Another world, whose rates you have changed, in which nothing goes wrong.
  tnlog simulate --data /tmp/world --keep --listen 127.0.0.1:8080
      Goes on serving when the world is over.
  tnlog simulate --data /tmp/world --lie fork --listen 127.0.0.1:8080
      Shows the log of /tmp/world, which a monitor has seen, as one that has forked.

In the folder truth: truth.jsonl has each attack with the entries of its victims, entries.jsonl every entry and why it is there,
watches.toml what the watched ones watch, world.json the seed and the log's key.

All certificates come from throw-away CAs and all numbers belong to nobody.";

/// How often progress is looked at.
const GLANCE: Duration = Duration::from_millis(200);

/// Lets weeks pass in a simulated world, with attacks put in, over a log of its own: what a monitor is judged by.
#[derive(ClapArgs)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Where to put the log and the truth about it; for --lie, where they are.
    #[arg(long, value_name = "DIR", required_unless_present_any = ["dry_run", "print_world"])]
    data: Option<PathBuf>,
    /// The rates of the world [default: those that --print-world prints].
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
    /// What everything follows from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The first second of the world, in Unix time [default: so that it ends now].
    #[arg(long, value_name = "SECONDS")]
    start: Option<u64>,
    /// Leaves out every attack; all else is the same.
    #[arg(long)]
    no_attacks: bool,
    /// Says what would happen, and does nothing.
    #[arg(long, conflicts_with_all = ["lie", "keep"])]
    dry_run: bool,
    /// Prints the rates of the default world, to be changed.
    #[arg(long, exclusive = true)]
    print_world: bool,
    /// Where the log listens, meanwhile and afterwards; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Goes on serving when the world is over, until interrupted.
    #[arg(long)]
    keep: bool,
    #[arg(long, value_name = "MISBEHAVIOUR", value_parser = lie, conflicts_with_all = ["world", "no_attacks"])]
    #[arg(help = lie_help())]
    lie: Option<Lie>,
    /// Prints one line of JSON.
    #[arg(long)]
    json: bool,
}

fn lie(text: &str) -> Result<Lie, String> {
    text.parse().map_err(|error| format!("{error}; there are {}", names()))
}

fn names() -> String {
    Lie::ALL.iter().map(|lie| lie.name()).collect::<Vec<_>>().join(", ")
}

fn lie_help() -> String {
    format!("Serves the log of a world that is over as one that misbehaves, until interrupted: {}", names())
}

/// Runs the command.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    if args.print_world {
        print!("{DEFAULT}");
        return Ok(ExitCode::SUCCESS);
    }
    if let (Some(lie), Some(data)) = (args.lie, &args.data) {
        return deceive(&args, lie, &folder::at(data)?).await;
    }
    let (text, world) = read_world(&args)?;
    let now = u64::try_from(output::now()).unwrap_or(0);
    let start = args.start.unwrap_or_else(|| now.saturating_sub(world.seconds()));
    let seed = args.seed;
    let script = tokio::task::spawn_blocking(move || Script::write(world, seed, start)).await?;
    if script.missing > 0 {
        output::note(format_args!(
            "{} attacks or victims found no place in this world: give it more numbers, or fewer attacks",
            script.missing
        ));
    }
    match &args.data {
        Some(data) if !args.dry_run => happen(&args, &folder::at(data)?, script, &text).await,
        _ => tell(&args, &script),
    }
}

fn read_world(args: &Args) -> anyhow::Result<(String, World)> {
    let text = match &args.world {
        Some(path) => std::fs::read_to_string(path).with_context(|| path.display().to_string())?,
        None => DEFAULT.to_owned(),
    };
    let from =
        || args.world.as_ref().map_or("the default world".to_owned(), |path| path.display().to_string());
    let world = World::parse(&text).with_context(from)?;
    Ok((text, if args.no_attacks { world.without_attacks() } else { world }))
}

/// What would happen, by kind.
fn tell(args: &Args, script: &Script) -> anyhow::Result<ExitCode> {
    let counts = script.counts();
    let time = script.time.clone();
    if args.json {
        let counts: serde_json::Map<_, _> =
            counts.iter().map(|(why, count)| (why.to_string(), (*count).into())).collect();
        let (events, attacks) = (script.events().len(), script.attacks.len());
        output::line(json!({
            "seed": script.seed, "start": time.start, "end": time.end, "events": events, "attacks": attacks,
            "missing": script.missing,
            "kinds": counts,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = String::new();
    let (begins, ends) = (output::time(time.start as i64), output::time(time.end as i64));
    writeln!(text, "The world of seed {}, {} to {}:", script.seed, begins, ends)?;
    for (why, count) in &counts {
        writeln!(text, "{count:>9}  {why}")?;
    }
    write!(text, "{:>9}  events, of which {} attacks are made", script.events().len(), script.attacks.len())?;
    output::line(text)?;
    Ok(ExitCode::SUCCESS)
}

async fn happen(args: &Args, folder: &Folder, script: Script, text: &str) -> anyhow::Result<ExitCode> {
    let mint = Arc::new(Mint::new(&script));
    let script = Arc::new(script);
    let log = WorldLog::begin(folder, args.listen, &script, &mint).await?;
    let (address, key) = (log.running.address, log.running.log.keys.checkpoint.verifier_key().to_string());
    let index_key = log.running.log.index.key().to_string();
    output::note(format_args!("The log is at http://{address}, with the key {key}"));
    let begun = std::time::Instant::now();
    let placed = watched_drive(&script, &mint, &log).await;
    log.running.stop().await;
    let placed = placed?;
    let facts = WorldFacts {
        seed: script.seed,
        start: script.time.start,
        end: script.time.end,
        events: placed.len() as u64,
        attacks: script.attacks.len() as u64,
        key: key.clone(),
        index_key,
    };
    let truth = folder.path().join("truth");
    write_truth(&truth, &script, &mint, &placed, &facts).with_context(|| truth.display().to_string())?;
    std::fs::write(truth.join("world.toml"), text)?;
    Report::new("world")
        .field("seed", script.seed)
        .field("events", facts.events)
        .field("attacks", facts.attacks)
        .field("seconds", (begun.elapsed().as_secs_f64() * 10.0).round() / 10.0)
        .field("key", key)
        .field("truth", truth.display().to_string())
        .print(args.json)?;
    if args.keep {
        let config = Config { listen: address, ..open::configure(folder, None)? };
        let log = running::start(folder, config, |_, _| {}).await?;
        output::note(format_args!("The log goes on at http://{}. Interrupt to end.", log.address));
        tokio::signal::ctrl_c().await?;
        log.stop().await;
    }
    Ok(ExitCode::SUCCESS)
}

/// Lets the world happen under a progress bar.
async fn watched_drive(
    script: &Arc<Script>,
    mint: &Arc<Mint>,
    log: &WorldLog,
) -> anyhow::Result<Vec<tnlog::simulate::Placed>> {
    let progress = AtomicU64::new(0);
    let bar = output::progress(script.events().len() as u64, "weeks pass");
    let driving = drive(script, mint, log, &progress);
    tokio::pin!(driving);
    let placed = loop {
        tokio::select! {
            placed = &mut driving => break placed,
            () = tokio::time::sleep(GLANCE) => bar.set_position(progress.load(Ordering::Relaxed)),
        }
    };
    bar.finish_and_clear();
    Ok(placed?)
}

async fn deceive(args: &Args, lie: Lie, folder: &Folder) -> anyhow::Result<ExitCode> {
    if !holds_log(folder) {
        bail!("there is no log in {}: let a world happen there first", folder.path().display());
    }
    let config = open::configure(folder, None)?;
    let config = Config { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..config };
    let log = running::start(folder, config, |_, _| {}).await?;
    let front = Front::start(log.log.clone(), args.listen).await.with_context(|| args.listen.to_string())?;
    let doctored = std::env::temp_dir().join(format!("tnlog-lie-{}", std::process::id()));
    let result = lie_until_interrupted(args, &front, lie, (folder, &doctored)).await;
    front.stop().await;
    log.stop().await;
    let _ = std::fs::remove_dir_all(&doctored);
    result.map(|()| ExitCode::SUCCESS)
}

async fn lie_until_interrupted(
    args: &Args,
    front: &Front,
    lie: Lie,
    (folder, doctored): (&Folder, &Path),
) -> anyhow::Result<()> {
    let truth = serde_json::to_string(&front.lie(lie, folder, doctored).await?)?;
    let path = folder.path().join("truth");
    std::fs::create_dir_all(&path)?;
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path.join("lies.jsonl"))?;
    writeln!(file, "{truth}")?;
    if args.json {
        output::line(&truth)?;
    }
    output::note(format_args!("http://{} lies: {}. Interrupt to end.", front.address, lie.says()));
    tokio::signal::ctrl_c().await?;
    Ok(())
}
