//! `tnlog index-successor`

use std::process::ExitCode;

use anyhow::Context;
use tnlog::server::config::Folder;
use tnlog::server::index::ended::start_successor;
use tnlog::server::open::name_of_key;

use crate::folder::DataFolder;
use crate::output;

const EXAMPLES: &str = "\
Examples:
  tnlog index-successor --data /var/lib/tnlog

Find out first why a head was wrong: the log's messages and private/index/over in its folder say which one it was. Then start the log
again, and tell those who look numbers up, and the verifiers, the key that this command prints.
A wrong head that an auditor found, and the log did not: stop the log, write what he found into private/index/over, then the same.

Exit codes: 0 the next start begins a successor, 1 it does not, 64 wrong usage";

/// Starts another index log in the place of one that is over.
///
/// An index log is over when the log finds that a head which it signed there does not follow from its leaves. Look-ups are then refused;
/// the log itself goes on. The successor has a key, a lock and a folder of its own; the old index log is served on, as evidence. While the
/// log has found nothing wrong, this command does nothing.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    folder: DataFolder,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let folder: Folder = args.folder.folder()?;
    let origin = name_of_key(&folder)?;
    let origin = origin.with_context(|| {
        format!("there is no log in {}; say where it is with --data DIR", folder.path().display())
    })?;
    let key = start_successor(&folder, &origin)?;
    output::Report::new("The next start of the log begins another index log")
        .field("origin", key.name())
        .field("index_key", key.to_string())
        .print(args.json)?;
    Ok(output::FINE.into())
}
