//! The whole story of tnlog in one command: a log, three monitors that are its witnesses and verifiers, certificates,
//! a registration, receipts; then a reroute, found and explained; then a log that forks, found and proved.
//!
//! All of it is real: sockets on loopback, files in a folder, the programs' own code. Only the people are made up.

mod app;
mod people;
mod stage;
mod story;

use std::fmt::Display;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

const EXAMPLES: &str = "\
Examples:
  cargo demo
      The whole story in a temporary folder, on loopback only, in less than a minute.
  cargo demo --keep --data /tmp/demo
      Leaves log and monitors running at the end, and the folder in place, to look around.

The certificates come from throw-away CAs and name fictional numbers (555-01xx).";

/// Shows what tnlog does, end to end
#[derive(Parser)]
#[command(name = "demo", after_help = EXAMPLES)]
struct Args {
    /// Where to put the log and the monitors, an empty folder [default: a temporary one]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where the log listens; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Goes on at the end, until interrupted
    #[arg(long)]
    keep: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let temporary = tempfile::tempdir()?;
    let folder = args.data.unwrap_or_else(|| temporary.path().to_owned());
    story::tell(&folder, args.listen, args.keep).await
}

/// The title of a chapter.
fn chapter(text: impl Display) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "\n{text}")
}

/// A line of the story.
fn say(text: impl Display) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "   {text}")
}
