//! `tnlog doctor`

use std::path::PathBuf;
use std::process::ExitCode;

use tnlog::server::doctor::{Findings, Level, examine};

use crate::folder::DataFolder;
use crate::output;

const EXAMPLES: &str = "\
Examples:
  tnlog doctor
  tnlog doctor --data /var/lib/tnlog --json

Exit codes: 0 all is well, 1 there are warnings, 2 something is wrong, 64 wrong usage";

/// Examines a log: configuration, keys, permissions, disk, clock, roots, witnesses, and what is served
///
/// Says of each what is fine, what is not, and what to do. Run it as the user that the log runs as, on its machine, while the log runs
/// or while it does not. It changes nothing; witnesses and verifiers are asked to cosign what is published.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    folder: DataFolder,
    /// The configuration file, instead of tnlog.toml in the data folder
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let folder = args.folder.folder()?;
    let now = u64::try_from(output::now()).unwrap_or(0);
    let findings = examine(&folder, args.config, now).await;
    if args.json {
        output::line(serde_json::to_string_pretty(&findings)?)?;
    } else {
        show(&findings)?;
    }
    let code = match findings.worst() {
        Level::Ok => output::FINE,
        Level::Warning => output::FAILED,
        Level::Wrong => output::FINDING,
    };
    Ok(code.into())
}

fn show(findings: &Findings) -> std::io::Result<()> {
    let width = findings.all().iter().map(|found| found.check.len()).max().unwrap_or(0);
    for found in findings.all() {
        let level = match found.level {
            Level::Ok => "ok     ",
            Level::Warning => "WARNING",
            Level::Wrong => "WRONG  ",
        };
        output::line(format_args!("{level}  {:width$}  {}", found.check, output::printable(&found.what)))?;
        if !found.advice.is_empty() {
            output::line(format_args!("{:9}{:width$}  -> {}", "", "", output::printable(&found.advice)))?;
        }
    }
    Ok(())
}
