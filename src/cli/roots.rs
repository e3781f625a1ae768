//! `tnlog roots`

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::anyhow;
use clap::{Args as ClapArgs, Subcommand};
use tnlog::anchors::Anchor;
use tnlog::server::roots;

use crate::folder::{DataFolder, holds_log};
use crate::{input, output};

const EXAMPLES: &str = "\
Examples:
  tnlog roots add ROOT.pem
  tnlog roots add --calling-codes 1 NORTH-AMERICA.pem
      Numbers of other countries below this root are refused: a number in national format looks like one.
  tnlog roots list --json

A log that runs sees the change within two seconds. To stop accepting a root, delete its file.";

/// Says which roots the log accepts.
#[derive(ClapArgs)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Accepts every CA certificate of the files.
    Add {
        #[command(flatten)]
        folder: DataFolder,
        /// Country calling codes that these roots issue for, such as 1,44 [default: all].
        #[arg(long, value_name = "CODES", value_parser = roots::parse_codes)]
        calling_codes: Option<std::vec::Vec<u16>>,
        /// PEM bundles, gzipped or not, or DER; of CA certificates.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Lists the accepted roots.
    List {
        #[command(flatten)]
        folder: DataFolder,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Add { folder, calling_codes, files } => add(folder, calling_codes, &files),
        Command::List { folder, json } => list(folder, json),
    }
}

fn add(folder: DataFolder, calling_codes: Option<Vec<u16>>, files: &[PathBuf]) -> anyhow::Result<ExitCode> {
    let folder = folder.folder()?;
    let mut anchors = Vec::new();
    for file in files {
        for (position, certificate) in
            input::good_certificates(std::slice::from_ref(file))?.into_iter().enumerate()
        {
            roots::check(&certificate).map_err(|why| {
                anyhow!("{}, certificate {position}, is no root; nothing was added: {why}", file.display())
            })?;
            anchors.push(Anchor { certificate, calling_codes: calling_codes.clone() });
        }
    }
    for anchor in &anchors {
        output::line(roots::add(&folder.roots(), anchor)?.display())?;
    }
    if !holds_log(&folder) {
        output::note(format_args!(
            "There is no log in {} yet. If yours is elsewhere, say where with --data DIR.",
            folder.path().display()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn list(folder: DataFolder, json: bool) -> anyhow::Result<ExitCode> {
    let roots = roots::read(&folder.folder()?.roots())?;
    if json {
        let rows: Vec<_> = roots.iter().map(|(path, anchor)| row(path, anchor)).collect();
        output::line(serde_json::to_string_pretty(&rows)?)?;
    } else if roots.is_empty() {
        output::note("No roots yet: the log takes nothing. Add one with `tnlog roots add ROOT.pem`.");
    } else {
        for (path, anchor) in &roots {
            let codes = anchor.calling_codes.as_ref().map_or("all calling codes".to_owned(), |codes| {
                codes.iter().map(|code| format!("+{code}")).collect::<Vec<_>>().join(" ")
            });
            output::line(format_args!("{}  {}  {codes}", path.display(), anchor.certificate.subject_text()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn row(path: &std::path::Path, anchor: &Anchor) -> serde_json::Value {
    let sha256: String = anchor.certificate.fingerprint().iter().map(|byte| format!("{byte:02x}")).collect();
    serde_json::json!({
        "file": path,
        "sha256": sha256,
        "subject": anchor.certificate.subject_text(),
        "calling_codes": anchor.calling_codes,
        "not_before": anchor.certificate.not_before(),
        "not_after": anchor.certificate.not_after(),
    })
}
