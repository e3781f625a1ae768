//! `tnlog load`

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args as ClapArgs, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use rand_core::{OsRng, RngCore};
use tnlog::anchors::Anchor;
use tnlog::client::api::GetRoots;
use tnlog::load::{
    Connection, Drive, Driven, Names, Progress, Readers, Recipe, Start, Target, Workload, check, drive,
};
use tnlog::server::config::Folder;
use tnlog::server::roots;

use crate::folder::holds_log;
use crate::place;

const EXAMPLES: &str = "\
Examples:
  tnlog load --log http://127.0.0.1:8080 --accept-root /var/lib/tnlog --duration 120
  tnlog load --log http://127.0.0.1:8080 --accept-root /var/lib/tnlog --names numbers --rate 1000 --json
  tnlog load --log http://127.0.0.1:8080 --accept-root /var/lib/tnlog --rate 3000 --readers 5000 --duration 60
      Reads tiles, proofs and look-ups beside the writing, and verifies each answer.
  tnlog load --log http://ct.example.com/2027 --root-file load-root.pem --count 10000 --merge-delay 60
      Any log of RFC 6962: writes the root of the throw-away CA, and waits until the log accepts it.

Never load a log that others rely on: entries stay for ever.";

/// How many submissions a second certificates are made for when neither count nor rate says it.
const MOST_A_SECOND: f64 = 12_000.0;
/// The longest wait until the log accepts the root.
const ROOT_WAIT: Duration = Duration::from_secs(60);
/// Backdates certificates, so that a log whose clock is behind does not find them odd.
const HOUR: u64 = 3600;

/// Loads a log with certificates of a throw-away CA, and checks that it kept them.
#[derive(ClapArgs)]
#[command(after_help = EXAMPLES)]
#[command(group(clap::ArgGroup::new("root").required(true).multiple(true).args(["accept_root", "root_file"])))]
pub struct Args {
    /// The log, such as http://127.0.0.1:8080; its API is at /ct/v1/ below.
    #[arg(long, value_name = "URL")]
    log: String,
    /// Puts the root of the throw-away CA among the roots of the log in this folder.
    #[arg(long, value_name = "DATA_DIR")]
    accept_root: Option<PathBuf>,
    /// Writes the root of the throw-away CA to this file.
    #[arg(long, value_name = "FILE")]
    root_file: Option<PathBuf>,
    /// What the certificates name.
    #[arg(long, value_enum, default_value = "carriers")]
    names: NamesArg,
    /// Submits precertificates.
    #[arg(long)]
    precertificates: bool,
    /// Submissions each second [default: as fast as the log answers].
    #[arg(long, value_name = "PER_SECOND", value_parser = positive)]
    rate: Option<f64>,
    /// Connections; each has one request under way.
    #[arg(long, default_value_t = 1920)]
    connections: usize,
    /// Reads each second beside the writing: tiles, proofs and look-ups; of other logs, entries and proofs.
    #[arg(long, value_name = "PER_SECOND", value_parser = positive)]
    readers: Option<f64>,
    /// Connections of the readers.
    #[arg(long, value_name = "CONNECTIONS", default_value_t = 64)]
    reader_connections: usize,
    /// How long, in seconds.
    #[arg(long, value_name = "SECONDS", value_parser = positive)]
    duration: Option<f64>,
    /// How many submissions [default: what the time is enough for; 10000 where no time is given].
    #[arg(long)]
    count: Option<usize>,
    /// Submits this many chains at once with add-chains, which tnlog alone has.
    #[arg(long, value_name = "CHAINS", value_parser = clap::value_parser!(u16).range(1..=1000))]
    batch: Option<u16>,
    /// The share of submissions that repeat an earlier one, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    duplicates: f64,
    /// The share of chains whose signature is wrong, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    bad: f64,
    /// How long a log without leaf_index may take to merge the last entries, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    merge_delay: u64,
    /// Leaves out the check of every entry at the end.
    #[arg(long)]
    no_check: bool,
    /// Prints the figures as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum NamesArg {
    /// A service provider code each.
    Carriers,
    /// A telephone number each.
    Numbers,
}

fn positive(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "it is no number".to_owned())?;
    if value > 0.0 && value.is_finite() { Ok(value) } else { Err("it must be more than zero".to_owned()) }
}

fn percent(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "it is no number".to_owned())?;
    if (0.0..=100.0).contains(&value) { Ok(value) } else { Err("it must be from 0 to 100".to_owned()) }
}

/// Runs the command. Fails when anything went wrong with the log, so that a script sees it.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    if args.duplicates + args.bad > 100.0 {
        bail!("--duplicates and --bad are more than 100 percent together");
    }
    place::check(&args.log)?;
    if let Some(folder) = args.accept_root.as_ref().filter(|folder| !holds_log(&Folder::new(*folder))) {
        bail!("there is no log in {}: --accept-root takes the data folder of the log", folder.display());
    }
    let target: Target = args.log.parse().with_context(|| args.log.clone())?;
    let workload = prepare(&args).await?;
    have_root_accepted(&args, &target, &workload).await.with_context(|| args.log.clone())?;
    let start = Start::read(&target).await?;
    let connections = args.reader_connections.max(1);
    let readers = args.readers.map(|rate| Readers { target: target.clone(), rate, connections });
    let reading = match readers {
        Some(readers) => Some(readers.start().await?),
        None => None,
    };
    let Driven { mut report, logged } = submit(&args, &target, &workload).await;
    if let Some(reading) = reading {
        report.reads = Some(reading.stop().await);
    }
    if !args.no_check {
        let delay = Duration::from_secs(args.merge_delay);
        report.check = Some(check(&target, workload, logged, start, delay).await?);
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{}", report.table());
    }
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Args {
    fn count(&self) -> usize {
        let timed =
            self.duration.map(|seconds| (seconds * self.rate.unwrap_or(MOST_A_SECOND)).ceil() as usize);
        self.count.or(timed).unwrap_or(10_000)
    }
}

async fn prepare(args: &Args) -> anyhow::Result<Arc<Workload>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let recipe = Recipe {
        names: match args.names {
            NamesArg::Carriers => Names::Carriers,
            NamesArg::Numbers => Names::Numbers,
        },
        precertificates: args.precertificates,
        seed: OsRng.next_u64(),
        not_before: now.saturating_sub(HOUR),
        count: args.count(),
        duplicates: args.duplicates / 100.0,
        bad: args.bad / 100.0,
    };
    let made = Arc::new(AtomicU64::new(0));
    let bar = bar("issuing", recipe.count as u64);
    let issuing = tokio::task::spawn_blocking({
        let made = made.clone();
        move || recipe.prepare(&made)
    });
    while !issuing.is_finished() {
        bar.set_position(made.load(Ordering::Relaxed));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bar.finish_and_clear();
    Ok(Arc::new(issuing.await?))
}

/// Hands the root to the log, and waits until `get-roots` shows it.
async fn have_root_accepted(args: &Args, target: &Target, workload: &Workload) -> anyhow::Result<()> {
    let root = workload.root();
    if let Some(file) = &args.root_file {
        std::fs::write(file, root.to_pem()).with_context(|| file.display().to_string())?;
        eprintln!("The root is in {}: have the log accept it.", file.display());
    }
    if let Some(folder) = &args.accept_root {
        let anchor = Anchor { certificate: Arc::new(root.clone()), calling_codes: None };
        roots::add(&Folder::new(folder).roots(), &anchor)?;
    }
    let text = STANDARD.encode(root.der());
    let mut log = Connection::new(target.clone());
    let begun = std::time::Instant::now();
    while begun.elapsed() < ROOT_WAIT {
        let (_, body) = log.get("/ct/v1/get-roots").await?;
        let roots: GetRoots =
            serde_json::from_slice(&body).context("get-roots is not answered with roots")?;
        if roots.certificates.contains(&text) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    bail!("the log does not accept the root of the throw-away CA: get-roots does not show it after a minute")
}

async fn submit(args: &Args, target: &Target, workload: &Arc<Workload>) -> Driven {
    let course = Drive {
        target: target.clone(),
        connections: args.connections.max(1),
        rate: args.rate,
        duration: args.duration.map(Duration::from_secs_f64),
        batch: args.batch.map(usize::from),
    };
    let progress = Arc::new(Progress::default());
    let bar = bar("submitting", workload.steps().len() as u64);
    let watching = tokio::spawn({
        let (progress, bar) = (progress.clone(), bar.clone());
        async move {
            loop {
                tokio::time::sleep(Duration::from_millis(500)).await;
                bar.set_position(progress.answered.load(Ordering::Relaxed));
                bar.set_message(format!("{} errors", progress.errors.load(Ordering::Relaxed)));
            }
        }
    });
    let driven = drive(course, workload.clone(), progress).await;
    watching.abort();
    bar.finish_and_clear();
    driven
}

/// A bar on the terminal, and nothing in a pipe.
fn bar(verb: &'static str, length: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{prefix} {bar:40} {pos}/{len} {per_sec} {msg}")
        .expect("the template is well-formed");
    ProgressBar::new(length).with_style(style).with_prefix(verb)
}
