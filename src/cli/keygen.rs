//! `tnlog keygen`: a key for checkpoints, or for cosignatures.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use rand_core::{OsRng, RngCore};
use tnlog::client::secret_file;
use tnlog::note::{KeyType, Signer};
use zeroize::Zeroizing;

use crate::output;

/// Make an Ed25519 key: the private one into a file, the public one to standard output
///
/// The name of a log's key is the origin of its checkpoints: the log's address without https://, such as
/// log.example.com/2026. It can never be changed.
#[derive(clap::Args)]
#[command(after_help = concat!(
    "Example:\n  tnlog keygen log.example.com/2026 --out checkpoint.key > checkpoint.pub\n\n",
    "Exit codes: 0 made, 1 not made (also when the file exists), 64 wrong usage"
))]
pub struct Args {
    /// The name of the key: no spaces, no plus sign and no https://
    name: String,
    /// The file for the private key; it must not exist [default: the name, with / as _, and .key]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Make a key that cosigns, for a witness
    #[arg(long)]
    cosigner: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    if args.name.contains("://") {
        return output::usage("the name of a key has no scheme: leave https:// out");
    }
    let mut seed = Zeroizing::new([0; 32]);
    OsRng.fill_bytes(&mut *seed);
    let key_type = if args.cosigner { KeyType::Cosignature } else { KeyType::Ed25519 };
    let signer = Signer::new(&args.name, key_type, &seed)
        .context("the name of a key has 1 to 255 bytes, no spaces and no plus sign")?;
    let path = args.out.unwrap_or_else(|| PathBuf::from(args.name.replace('/', "_") + ".key"));
    let text = Zeroizing::new(format!("{}\n", *signer.to_private_key()));
    if !secret_file::write_new(&path, text.as_bytes())? {
        bail!("{} was not written: it exists, and a key is never overwritten", path.display());
    }
    let public = signer.verifier_key().to_string();
    if args.json {
        let file = path.display().to_string();
        output::line(serde_json::json!({ "public": public, "file": file }))?;
    } else {
        output::line(public)?;
        output::note(format_args!(
            "The private key is in {}. Keep it secret, and a copy of it.",
            path.display()
        ));
    }
    Ok(output::FINE.into())
}
