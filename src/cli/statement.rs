//! `tnlog approve` and `tnlog dispute`: what the key of an earlier credential says of a later one.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use tnlog::client::statements::{SayError, say};
use tnlog::entry::{Leaf, LeafReference, Verb};
use tnlog::statement::{KeyStatement, signed_bytes};

use crate::output::{self, Report};
use crate::session::Session;
use crate::signing_key::SigningKey;
use crate::trust::Trust;

const APPROVE: &str = concat!(
    "Example:\n  tnlog approve --log https://log.example.com/ --policy policy.txt --old old-chain.pem --new new-chain.pem \\\n",
    "    --old-key old.key\n\n",
    "Exit codes: 0 said, and seen in the log; 1 not said, 2 the log is not to be trusted, 64 wrong usage"
);
const DISPUTE: &str = concat!(
    "Example:\n  tnlog dispute --log https://log.example.com/ --policy policy.txt --old mine.pem --new 4711 --old-key mine.key\n\n",
    "`tnlog watch` shows the index of each credential of your number.\n\n",
    "Exit codes: 0 said, and seen in the log; 1 not said, 2 the log is not to be trusted, 64 wrong usage"
);

/// Say with the key of a number's earlier credential that a later one is yours too
///
/// Who looks the number up then sees that the new credential stands. Sign it with the old key before you destroy that. What is
/// signed is about two leaves of one log, both of which are verified first; nothing of it is secret.
#[derive(clap::Args)]
#[command(after_help = APPROVE)]
pub struct Approve {
    #[command(flatten)]
    args: Args,
}

/// Say with the key of a number's earlier credential that a later one is not yours
///
/// Everybody who looks the number up then sees the dispute.
#[derive(clap::Args)]
#[command(after_help = DISPUTE)]
pub struct Dispute {
    #[command(flatten)]
    args: Args,
}

#[derive(clap::Args)]
struct Args {
    /// The log that holds both credentials
    #[arg(long, value_name = "URL")]
    log: String,
    #[command(flatten)]
    trust: Trust,
    /// The earlier credential, whose key speaks: the index of its leaf, or a file with its chain
    #[arg(long, value_name = "INDEX|FILE")]
    old: String,
    /// The later credential: the index of its leaf, or a file with its chain
    #[arg(long, value_name = "INDEX|FILE")]
    new: String,
    /// The private key of the earlier credential, PEM
    #[arg(long, value_name = "FILE")]
    old_key: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn approve(command: Approve) -> anyhow::Result<ExitCode> {
    run(command.args, Verb::Approve).await
}

pub async fn dispute(command: Dispute) -> anyhow::Result<ExitCode> {
    run(command.args, Verb::Dispute).await
}

async fn run(args: Args, verb: Verb) -> anyhow::Result<ExitCode> {
    let key = SigningKey::read(&args.old_key)?;
    let mut session = Session::open(&args.log, &args.trust).await?;
    let (old, speaker) = session.credential(&args.old).await.context("--old")?;
    let (new, _) = session.credential(&args.new).await.context("--new")?;
    if speaker.subject_key != key.spki()? {
        bail!("{} is not the key of the earlier credential, leaf {}", args.old_key.display(), old.index);
    }
    let (old_reference, new_reference) = (reference(&old)?, reference(&new)?);
    let log_id = *session.log.sct_key.log_id();
    let signature = key.sign(&signed_bytes(&log_id, verb, &old_reference, &new_reference));
    let statement = KeyStatement { log_id, verb, old: old_reference, new: new_reference, signature };
    let Session { client, mut reader, log, .. } = session;
    let said = match say(&client, &mut reader, &log, &statement, (&old, &new)).await {
        Err(error @ (SayError::NotCovered(_) | SayError::Other(_))) => {
            output::note(format_args!("Not to be trusted: {error}"));
            return Ok(output::FINDING.into());
        }
        other => other.with_context(|| args.log.clone())?,
    };
    let what = if verb == Verb::Approve { "Approved" } else { "Disputed" };
    Report::new(what)
        .field("log", log.parameters.origin.as_str())
        .field("earlier", old.index)
        .field("later", new.index)
        .field("index", said.leaf_index)
        .field("logged", output::time_of_millis(said.timestamp))
        .print(args.json)?;
    Ok(output::FINE.into())
}

fn reference(leaf: &Leaf) -> anyhow::Result<LeafReference> {
    Ok(LeafReference { index: leaf.index, hash: leaf.hash()? })
}
