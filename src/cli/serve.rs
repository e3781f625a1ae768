//! `tnlog serve`

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args as ClapArgs;
use tnlog::server::config::Folder;
use tnlog::server::{open, run as running};
use tokio::signal::unix::{SignalKind, signal};

use crate::folder::DataFolder;

const EXAMPLES: &str = "\
Examples:
  tnlog serve
      Makes a log with its own keys and a commented configuration in the data folder, and serves it on
      http://127.0.0.1:8080. The next time it goes on with what is there.
  tnlog serve --data /var/lib/tnlog --origin log.example.com/2026 --listen 127.0.0.1:8081
  TNLOG_LOG=debug tnlog serve --config /etc/tnlog/tnlog.toml --data /var/lib/tnlog --json

Accept a root before you submit: tnlog roots add ROOT.pem";

/// Runs a log: takes certificates, serves the tree.
#[derive(ClapArgs)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    folder: DataFolder,
    /// The configuration file, instead of tnlog.toml in the data folder.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The name of a new log, for ever: its public URL without https://. Without it a placeholder is made up.
    #[arg(long, value_name = "NAME")]
    origin: Option<String>,
    /// Where to listen, instead of what the configuration says. Port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Takes nothing, serves everything.
    #[arg(long)]
    read_only: bool,
    /// Writes messages as JSON lines.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    write_messages(args.json);
    let folder: Folder = args.folder.folder()?;
    let mut config = open::configure(&folder, args.config, args.origin.clone())?;
    if let Some(origin) = args.origin.filter(|origin| *origin != config.origin) {
        bail!(
            "this log is named {}, and cannot be renamed to {origin}: another name is another log",
            config.origin
        );
    }
    if config.origin.starts_with(open::PLACEHOLDER) {
        tracing::warn!(
            origin = config.origin,
            "this log has a made-up name, for ever. For one that is to last: tnlog serve --data NEW --origin log.example.com/2026"
        );
    }
    config.listen = args.listen.unwrap_or(config.listen);
    config.read_only |= args.read_only;
    let mut log = running::start(&folder, config, |known, all| {
        tracing::info!(known, all, "building the database of what is in the log");
    })
    .await
    .with_context(|| format!("the log in {} does not start", folder.path().display()))?;
    let published = log.log.published();
    tracing::info!(
        origin = log.log.keys.checkpoint.verifier_key().name(),
        key = %log.log.keys.checkpoint.verifier_key(),
        entries = published.tree.size,
        roots = log.log.roots.anchors().iter().count(),
        folder = %folder.path().display(),
        "serving on http://{}", log.address
    );
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let failed = tokio::select! {
        _ = interrupt.recv() => None,
        _ = terminate.recv() => None,
        error = log.failed() => Some(error),
    };
    tracing::info!("stopping: answering what was taken");
    log.stop().await;
    match failed {
        None => Ok(ExitCode::SUCCESS),
        Some(error) => Err(error.into()),
    }
}

/// Messages go to standard error; `TNLOG_LOG` says how many.
fn write_messages(json: bool) {
    // What the database says of its files is for its authors.
    let default = || "info,fjall=warn,lsm_tree=warn".into();
    let filter = tracing_subscriber::EnvFilter::try_from_env("TNLOG_LOG").unwrap_or_else(|_| default());
    let colours = std::io::stderr().is_terminal();
    let messages =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr);
    if json { messages.json().init() } else { messages.init() }
}
