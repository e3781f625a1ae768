//! `tnlog services`

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use clap::{Args as ClapArgs, Subcommand};
use sha2::{Digest, Sha256};
use tnlog::server::services::{self, ServiceKey};

use crate::folder::{DataFolder, holds_log};
use crate::{input, output};

const EXAMPLES: &str = "\
Examples:
  tnlog services add rs.example.com RS.pem
      RS.pem holds the public key: openssl pkey -in rs.key -pubout -out RS.pem
  tnlog services list --json

A log that runs sees the change within two seconds. A Resolution Service has at most 8 keys; to retire one, delete its file.";

/// Says whose registrations the log accepts.
#[derive(ClapArgs)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Accepts a key of a Resolution Service.
    Add {
        #[command(flatten)]
        folder: DataFolder,
        /// The name of the Resolution Service, as it stands in registrations.
        name: String,
        /// Its public key, PEM, on P-256 or P-384.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Lists the accepted keys.
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
        Command::Add { folder, name, file } => add(folder, &name, &file),
        Command::List { folder, json } => list(folder, json),
    }
}

/// Reads the public key of a Resolution Service.
///
/// # Errors
/// When the file holds none, or the name can be none.
pub fn key(name: &str, file: &std::path::Path) -> anyhow::Result<ServiceKey> {
    let bytes = input::read(file)?;
    let text = String::from_utf8_lossy(&bytes);
    let spki = services::parse_key(&text).map_err(|why| match instead(&bytes) {
        Some(instead) => anyhow!("{}: {why}: it is {instead}", file.display()),
        None => anyhow!("{}: {why}", file.display()),
    })?;
    ServiceKey::new(name, spki).with_context(|| file.display().to_string())
}

/// What the file is instead, and what makes a public key of it.
fn instead(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    if text.contains("PRIVATE KEY-----") {
        return Some("a private key; `openssl pkey -in FILE -pubout` makes the public one".into());
    }
    if text.contains("-----BEGIN CERTIFICATE-----") {
        return Some("a certificate; `openssl x509 -in FILE -noout -pubkey` shows its key".into());
    }
    if bytes.first() == Some(&0x30) {
        return Some("DER; `openssl pkey -pubin -inform DER -in FILE` makes PEM of it".into());
    }
    input::what_it_is(bytes)
}

fn add(folder: DataFolder, name: &str, file: &std::path::Path) -> anyhow::Result<ExitCode> {
    let folder = folder.folder()?;
    output::line(services::add(&folder.services(), &key(name, file)?)?.display())?;
    if !holds_log(&folder) {
        output::note(format_args!(
            "There is no log in {} yet. If yours is elsewhere, say where with --data DIR.",
            folder.path().display()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn list(folder: DataFolder, json: bool) -> anyhow::Result<ExitCode> {
    let keys = services::read(&folder.folder()?.services())?;
    if json {
        let rows = keys.iter().map(
            |(path, key)| serde_json::json!({ "file": path, "name": key.name, "key_sha256": hash(key) }),
        );
        output::line(serde_json::to_string_pretty(&rows.collect::<Vec<_>>())?)?;
    } else if keys.is_empty() {
        output::note(
            "No Resolution Services yet: the log takes no registrations. Add one with `tnlog services add NAME KEY.pem`.",
        );
    } else {
        for (path, key) in &keys {
            output::line(format_args!("{}  {}  {}", path.display(), key.name, hash(key)))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn hash(key: &ServiceKey) -> String {
    output::hex(&Sha256::digest(&key.spki))
}
