//! The commands.

mod findings;
mod init;
mod score;
mod shell;
mod watch;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use tnlog_monitor::folder::Folder;

/// Nothing was found.
const FINE: u8 = 0;
/// It could not be done.
const TROUBLE: u8 = 1;
/// There are findings.
const FINDINGS: u8 = 2;
/// A log does what it must not.
const MISBEHAVIOUR: u8 = 3;
/// The command line is wrong.
const USAGE: u8 = 64;

const ABOUT: &str = "\
Examples:
  tnlog-monitor init https://log.example.com/2026
      Pins the keys of the log and writes a commented configuration; read what it says before you trust it.
  tnlog-monitor run
  tnlog-monitor check || tnlog-monitor findings | mail -s \"tnlog-monitor\" me@example.com
      Once, for cron.

Exit codes: 0 nothing, 1 trouble, 2 findings, 3 a log does what it must not, 64 wrong usage";

/// Follows transparency logs of telephone number certificates, and tells you what should not have been issued
#[derive(Parser)]
#[command(name = "tnlog-monitor", version, after_help = ABOUT)]
struct Cli {
    /// The folder of the monitor, with its tnlog-monitor.toml
    #[arg(long, global = true, value_name = "DIR", env = "TNLOG_MONITOR", default_value = ".")]
    folder: PathBuf,
    /// Write messages as JSON lines
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Init(init::Args),
    Run(watch::RunArgs),
    /// Follow the logs up to now, once, tell of what is found, and say by the exit code whether something is: for cron
    Check,
    Ack(findings::AckArgs),
    Findings(findings::Args),
    /// Send a test over every alert of the configuration
    TestAlert,
    Score(score::Args),
    VerifyEvidence(findings::EvidenceArgs),
    Completions(shell::Completions),
    Man(shell::Man),
}

/// Runs what the command line asks for.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { USAGE.into() } else { FINE.into() };
        }
    };
    write_messages(cli.json);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let folder = Folder::new(cli.folder);
    let done = runtime.block_on(async {
        match cli.command {
            Command::Init(args) => init::run(&folder, args).await,
            Command::Run(args) => watch::run(&folder, args).await,
            Command::Check => watch::check(&folder).await,
            Command::TestAlert => watch::test_alert(&folder).await,
            Command::Ack(args) => findings::ack(&folder, &args),
            Command::Findings(args) => findings::list(&folder, &args, cli.json),
            Command::Score(args) => score::run(&args, cli.json).await,
            Command::VerifyEvidence(args) => findings::verify(&args),
            Command::Completions(args) => shell::completions(&args, Cli::command()),
            Command::Man(args) => shell::man(&args, Cli::command()),
        }
    });
    // A program that an alert runs, or a connection, must not hold up the end.
    runtime.shutdown_background();
    done.map_or_else(|error| fail(&error), ExitCode::from)
}

fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("tnlog-monitor: {error:#}");
    TROUBLE.into()
}

fn write_messages(json: bool) {
    // What the database says of its files is for its authors.
    let default = || "info,fjall=warn,lsm_tree=warn".into();
    let filter = tracing_subscriber::EnvFilter::try_from_env("TNLOG_LOG").unwrap_or_else(|_| default());
    let colours = std::io::stderr().is_terminal();
    let messages = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours)
        .with_writer(|| tnlog_monitor::progress::Messages);
    if json { messages.json().init() } else { messages.init() }
}
