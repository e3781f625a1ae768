//! `tnlog policy`: a first trust policy.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Subcommand;
use tnlog::client::api::LogInfo;
use tnlog::client::read::{LogReader, policy_of_key};
use tnlog::note::VerifierKey;
use tnlog::policy::Policy;

use crate::{input, output, place};

const MAX_INFO: usize = 64 * 1024;

const HEADER: &str = "\
# A trust policy (C2SP tlog-policy), begun by `tnlog policy init`. It decides what you believe: read it before you use it.
";

const ABOUT_LOGS: &str = "\
# The logs, with the keys that they showed of themselves. Compare each key with what its operator publishes elsewhere, or
# fetch it again from another network: whoever can show you a false log here can show you a false key.
";

const ABOUT_WITNESSES: &str = "\
# The witnesses. Ask yourself of each: who runs it, and is that somebody else than who runs the logs and the other
# witnesses? Does its operator publish this key? Two witnesses of one operator count for one: put them into a group.
";

const ABOUT_QUORUM: &str = "\
# How many must have cosigned. Fewer: a log needs fewer accomplices to show you a tree of your own. More: receipts wait
# whenever that many are not there. Of k in n, who looks up a number knows how recent the answer is only when n - k + 1
# have cosigned, and one more for each that may be bad, which must be fewer than k.
";

const NO_WITNESSES: &str = "\
# No witnesses: the log alone is believed, which can then show you another tree than everybody else, and nobody can tell
# how recent its tree is. Good for trying things out. Add witnesses, a group and a quorum:
#   witness NAME VKEY
#   group witnesses 2 NAME NAME NAME
#   quorum witnesses
";

/// Make a trust policy: which logs and witnesses are believed
///
/// A policy is a text file in the C2SP format tlog-policy, for --policy and for apps.
#[derive(clap::Args)]
#[command(after_help = concat!(
    "Examples:\n  tnlog policy init https://log.example.com/\n",
    "  tnlog policy init https://log.example.com/ --witness witness.example+ab12cd34+BBbb... --witness w2.example+0a1b2c3d+BCcc...=https://w2.example/\n\n",
    "Exit codes: 0 the policy is written, 1 it is not, 64 wrong usage. init takes --json"
))]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Init(Init),
}

/// Write a first policy for logs, with comments that say what to check before it is trusted
///
/// The key of each log is what the log shows; its checkpoint is verified with it.
#[derive(clap::Args)]
struct Init {
    /// The logs
    #[arg(required = true, value_name = "URL")]
    logs: Vec<String>,
    /// A witness: its key, and for the use of log servers its URL. May be given several times
    #[arg(long, value_name = "VKEY[=URL]")]
    witness: Vec<NamedWitness>,
    /// How many of the witnesses must have cosigned [default: more than half]
    #[arg(long, value_name = "COUNT")]
    quorum: Option<usize>,
    /// The file to write, - for standard output. One that exists is not overwritten
    #[arg(long, value_name = "FILE", default_value = "policy.txt")]
    out: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A key, and where to reach whose it is.
#[derive(Clone, Debug)]
struct NamedWitness {
    key: VerifierKey,
    url: Option<String>,
}

impl FromStr for NamedWitness {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let at = text.find("=http://").or_else(|| text.find("=https://"));
        let (key, url) = match at {
            Some(at) => (&text[..at], Some(text[at + 1..].to_owned())),
            None => (text, None),
        };
        let key = key.parse().map_err(|error| format!("{error}; a witness is VKEY or VKEY=URL"))?;
        Ok(NamedWitness { key, url })
    }
}

struct Log {
    key: VerifierKey,
    url: String,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let Command::Init(init) = args.command;
    let mut logs = Vec::new();
    for url in &init.logs {
        logs.push(ask(url).await.with_context(|| url.clone())?);
    }
    let text = compose(&logs, &init.witness, init.quorum)?;
    let policy = Policy::parse(text.as_bytes()).context("these logs and witnesses make no policy")?;
    if init.out == Path::new("-") {
        std::io::stdout().write_all(text.as_bytes())?;
        return Ok(output::FINE.into());
    }
    write_new(&init.out, &text)?;
    report(&init.out, &policy, init.json)?;
    Ok(output::FINE.into())
}

/// The key that a log shows, when its checkpoint verifies with it.
async fn ask(url: &str) -> anyhow::Result<Log> {
    let client = place::client(url)?;
    let info: LogInfo = client.get_json("tn/v1/log", MAX_INFO).await.with_context(|| url.to_owned())?;
    let key: VerifierKey =
        info.checkpoint_key.parse().context("the log shows a checkpoint key that is none")?;
    let policy = policy_of_key(key.clone()).context("the log shows a checkpoint key that is none")?;
    let base = client.base().to_string();
    LogReader::new(Arc::new(client), policy).update().await.with_context(|| url.to_owned())?;
    Ok(Log { key, url: base })
}

fn compose(logs: &[Log], witnesses: &[NamedWitness], quorum: Option<usize>) -> anyhow::Result<String> {
    let mut text = format!("{HEADER}\n{ABOUT_LOGS}");
    for Log { key, url } in logs {
        writeln!(text, "log {key} {url}")?;
    }
    text.push('\n');
    if witnesses.is_empty() {
        if quorum.is_some() {
            bail!("--quorum needs witnesses: give --witness VKEY");
        }
        text.push_str(NO_WITNESSES);
        text.push_str("quorum none\n");
        return Ok(text);
    }
    text.push_str(ABOUT_WITNESSES);
    for NamedWitness { key, url } in witnesses {
        let url = url.as_deref().map_or(String::new(), |url| format!(" {url}"));
        writeln!(text, "witness {} {key}{url}", key.name())?;
    }
    let names: Vec<_> = witnesses.iter().map(|witness| witness.key.name()).collect();
    let quorum = quorum.unwrap_or(witnesses.len() / 2 + 1);
    writeln!(text, "\n{ABOUT_QUORUM}group witnesses {quorum} {}\nquorum witnesses", names.join(" "))?;
    Ok(text)
}

fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    let write = || input::private_file(path, true)?.write_all(text.as_bytes());
    write().with_context(|| format!("{} cannot be written", path.display()))
}

fn report(path: &Path, policy: &Policy, json: bool) -> anyhow::Result<()> {
    let logs: Vec<_> = policy.logs().iter().map(|log| log.key.to_string()).collect();
    let witnesses: Vec<_> = policy.witnesses().iter().map(|witness| witness.key.to_string()).collect();
    output::Report::new("Written. Read it before you trust it: it says what to check")
        .field("file", path.display().to_string())
        .field("logs", logs)
        .field("witnesses", witnesses)
        .field("quorum", policy.quorum_name())
        .print(json)?;
    Ok(())
}
