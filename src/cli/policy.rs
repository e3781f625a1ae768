//! `tnlog policy`: a first trust policy, for entry logs or for their index logs.

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
use tnlog::client::source::{Below, Source};
use tnlog::client::whole_file;
use tnlog::index::Generation;
use tnlog::note::VerifierKey;
use tnlog::policy::Policy;

use crate::{output, place};

const MAX_INFO: usize = 64 * 1024;

const HEADER: &str = "\
# A trust policy (C2SP tlog-policy), begun by `tnlog policy init`. It decides what you believe: read it before you use it.
";

const ABOUT_LOGS: &str = "\
# The logs, with the keys that they showed of themselves. Compare each key with what its operator publishes elsewhere, or
# fetch it again from another network: whoever can show you a false log here can show you a false key.
";

const ABOUT_INDEX: &str = "\
# The number index of each log is signed in an index log, with a key of its own: for look-ups (`tnlog watch`), mirrors and audits.
";

const ABOUT_VERIFIERS: &str = "\
# The verifiers, who recompute the index of the log before they cosign it: mirrors and monitors. Ask yourself of each: who runs
# it, and is that somebody else than who runs the log and the other verifiers? Does its operator publish this key?
";

const ABOUT_VERIFIERS_QUORUM: &str = "\
# How many of them must have cosigned. One that is honest is enough for an index that leaves nothing out; more than half is a
# good beginning. Look-ups wait whenever fewer are there.
";

const NO_VERIFIERS: &str = "\
# No verifiers: that the index leaves nothing out rests on the word of the log, and on whoever audits it. Add verifiers, a group
# and a quorum:
#   witness NAME VKEY
#   group verifiers 2 NAME NAME NAME
#   quorum verifiers
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
/// A policy is a text file in the C2SP format tlog-policy, for --policy and for apps; with --index for --verifiers.
#[derive(clap::Args)]
#[command(after_help = concat!(
    "Examples:\n  tnlog policy init https://log.example.com/\n",
    "  tnlog policy init https://log.example.com/ --witness witness.example+ab12cd34+BBbb... --witness w2.example+0a1b2c3d+BCcc...=https://w2.example/\n",
    "  tnlog policy init --index https://log.example.com/ --witness mirror.example.net+1f2e3d4c+BDdd...=https://mirror.example.net/\n\n",
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
/// The keys of each log and of its index log are what the log shows; their checkpoints are verified with them.
#[derive(clap::Args)]
struct Init {
    /// The logs
    #[arg(required = true, value_name = "URL")]
    logs: Vec<String>,
    /// Make the policy of the index logs, for --verifiers: the witnesses are then the mirrors and monitors that recompute them
    #[arg(long)]
    index: bool,
    /// A witness: its key, and for the use of log servers its URL. May be given several times
    #[arg(long, value_name = "VKEY[=URL]")]
    witness: Vec<NamedWitness>,
    /// How many of the witnesses must have cosigned [default: more than half]
    #[arg(long, value_name = "COUNT")]
    quorum: Option<usize>,
    /// The file to write, - for standard output. One that exists is not overwritten [default: policy.txt, or verifiers.txt
    /// with --index]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
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
    /// None where the log has no index.
    index_key: Option<VerifierKey>,
    url: String,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let Command::Init(init) = args.command;
    let mut logs = Vec::new();
    for url in &init.logs {
        logs.push(ask(url).await.with_context(|| url.clone())?);
    }
    let text = compose(&logs, &init)?;
    let policy = Policy::parse(text.as_bytes()).context("these logs and witnesses make no policy")?;
    let usual = if init.index { "verifiers.txt" } else { "policy.txt" };
    let out = init.out.unwrap_or_else(|| usual.into());
    if out == Path::new("-") {
        std::io::stdout().write_all(text.as_bytes())?;
        return Ok(output::FINE.into());
    }
    write_new(&out, &text)?;
    report(&out, &policy, init.json)?;
    Ok(output::FINE.into())
}

/// The keys that a log shows, when the checkpoints verify with them.
async fn ask(url: &str) -> anyhow::Result<Log> {
    let client = place::client(url)?;
    let info: LogInfo = client.get_json("tn/v1/log", MAX_INFO).await?;
    let key = shown_key(&info.checkpoint_key).context("the log shows a checkpoint key that is none")?;
    let base = client.base().to_string();
    let index_key = match info.index_key.as_str() {
        "" => None,
        shown => {
            let index_key = shown_key(shown).context("the log shows a key of its index log that is none")?;
            let Some((_, generation)) =
                Generation::split(index_key.name()).filter(|(log, _)| *log == key.name())
            else {
                bail!("the key that the log shows for its index log is of another log");
            };
            check(Below::new(client.clone(), &generation.path()), &index_key)
                .await
                .context("the index log")?;
            Some(index_key)
        }
    };
    check(client, &key).await?;
    Ok(Log { key, index_key, url: base })
}

fn shown_key(text: &str) -> anyhow::Result<VerifierKey> {
    let key: VerifierKey = text.parse()?;
    policy_of_key(key.clone())?;
    Ok(key)
}

async fn check(source: impl Source, key: &VerifierKey) -> anyhow::Result<()> {
    LogReader::new(Arc::new(source), policy_of_key(key.clone())?).update().await?;
    Ok(())
}

fn compose(logs: &[Log], init: &Init) -> anyhow::Result<String> {
    let mut text = format!("{HEADER}\n{ABOUT_LOGS}");
    if init.index {
        text.push_str(ABOUT_INDEX);
        for log in logs {
            let key = log.index_key.as_ref();
            writeln!(text, "log {}", key.with_context(|| format!("{} has no index log", log.url))?)?;
        }
    } else {
        logs.iter().try_for_each(|Log { key, url, .. }| writeln!(text, "log {key} {url}"))?;
        let index_keys: Vec<_> = logs.iter().filter_map(|log| log.index_key.as_ref()).collect();
        if !index_keys.is_empty() {
            text.push_str(ABOUT_INDEX);
        }
        index_keys.iter().try_for_each(|key| writeln!(text, "log {key}"))?;
    }
    text.push('\n');
    text.push_str(&cosigners(init)?);
    Ok(text)
}

/// The witnesses, or verifiers, and their quorum.
fn cosigners(init: &Init) -> anyhow::Result<String> {
    let (name, none, about, about_quorum) = match init.index {
        true => ("verifiers", NO_VERIFIERS, ABOUT_VERIFIERS, ABOUT_VERIFIERS_QUORUM),
        false => ("witnesses", NO_WITNESSES, ABOUT_WITNESSES, ABOUT_QUORUM),
    };
    if init.witness.is_empty() {
        if init.quorum.is_some() {
            return output::usage("--quorum needs witnesses: give --witness VKEY");
        }
        return Ok(format!("{none}quorum none\n"));
    }
    let mut text = about.to_owned();
    for NamedWitness { key, url } in &init.witness {
        let url = url.as_deref().map_or(String::new(), |url| format!(" {url}"));
        writeln!(text, "witness {} {key}{url}", key.name())?;
    }
    let names: Vec<_> = init.witness.iter().map(|witness| witness.key.name()).collect();
    let quorum = init.quorum.unwrap_or(names.len() / 2 + 1);
    writeln!(text, "\n{about_quorum}group {name} {quorum} {}\nquorum {name}", names.join(" "))?;
    Ok(text)
}

fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    match whole_file::create(path, text.as_bytes(), whole_file::PRIVATE) {
        Ok(true) => Ok(()),
        Ok(false) => {
            bail!("{} exists, and is not overwritten: choose another with --out FILE", path.display())
        }
        Err(error) => Err(error).with_context(|| format!("{} cannot be written", path.display())),
    }
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
