//! `tnlog serve`

use std::io::IsTerminal;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args as ClapArgs;
use tnlog::server::config::{DEFAULT_LISTEN, Folder};
use tnlog::server::open::{self, OpenError};
use tnlog::server::run as running;
use tokio::signal::unix::{SignalKind, signal};

use crate::folder::{DataFolder, holds_log};
use crate::notify;

const EXAMPLES: &str = "\
Examples:
  tnlog serve
      Makes a log with its own keys and a commented configuration in the data folder, and serves it on
      http://127.0.0.1:8080. The next time it goes on with what is there.
  tnlog serve --origin log.example.com/2026 --data /var/lib/tnlog
      The same for a log that others are to rely on: its name can never be changed.
  tnlog serve --data /var/lib/tnlog --listen 127.0.0.1:8081
  TNLOG_LOG=debug tnlog serve --config /etc/tnlog/tnlog.toml --data /var/lib/tnlog --json

Accept a root before you submit: tnlog roots add ROOT.pem";

/// Runs a log: takes certificates, serves the tree.
#[derive(ClapArgs)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    folder: DataFolder,
    /// The name of a new log, for ever: its public URL without https://, such as log.example.com/2026.
    #[arg(long, value_name = "NAME")]
    origin: Option<String>,
    /// The configuration file, instead of tnlog.toml in the data folder.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
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
    if args.config.is_none() && !holds_log(&folder) {
        try_to_listen(args.listen)?;
    }
    let mut config = open::configure_as(&folder, args.config, args.origin.as_deref())?;
    let origin = config.origin.clone();
    config.listen = args.listen.unwrap_or(config.listen);
    config.read_only |= args.read_only;
    let mut log = running::start(&folder, config, |known, all| {
        tracing::info!(known, all, "building the database of what is in the log");
    })
    .await
    .with_context(|| format!("the log in {} does not start", folder.path().display()))?;
    if origin.contains(open::PLACEHOLDER) {
        tracing::warn!(
            origin = origin,
            "this name is good for trying out, and for ever: a log that others rely on is started with --origin NAME, \
             in a folder of its own"
        );
    }
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
    // Who is told may stop it at once, and that must be in order.
    notify::tell("READY=1");
    let failed = tokio::select! {
        _ = interrupt.recv() => None,
        _ = terminate.recv() => None,
        error = log.failed() => Some(error),
    };
    notify::tell("STOPPING=1");
    tracing::info!("stopping: answering what was taken");
    log.stop().await;
    match failed {
        None => Ok(ExitCode::SUCCESS),
        Some(error) => Err(error.into()),
    }
}

/// Before a log is begun: one that cannot listen would leave a folder behind, with a name that is for ever.
fn try_to_listen(given: Option<SocketAddr>) -> Result<(), OpenError> {
    let address = given.unwrap_or(DEFAULT_LISTEN);
    TcpListener::bind(address).map(drop).map_err(|error| OpenError::Listen { address, error })
}

/// Messages go to standard error; `TNLOG_LOG` says how many.
pub fn write_messages(json: bool) {
    // What the database says of its files is for its authors.
    let default = || "info,fjall=warn,lsm_tree=warn".into();
    let filter = tracing_subscriber::EnvFilter::try_from_env("TNLOG_LOG").unwrap_or_else(|_| default());
    let colours = std::io::stderr().is_terminal();
    let messages =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr);
    if json { messages.json().init() } else { messages.init() }
}
