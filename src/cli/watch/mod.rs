//! `tnlog watch`: every credential of a number or a service provider code, provably all of them.

mod describe;
mod look;

use std::io::{self, BufRead};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use tnlog::client::http::Client;
use tnlog::client::lookup::{Lookups, Trust};
use tnlog::client::read::policy_of_key;
use tnlog::index::Generation;
use tnlog::note::VerifierKey;
use tnlog::number::ServiceProviderCode;
use tnlog::policy::{Policy, PolicyLog};

use crate::{input, number, output};
use look::{Look, Subject};

/// Show every credential of a number or service provider code in every log of a policy, with proof that these are all
///
/// The label of a number is got without showing the log which number (RFC 9497 blind evaluation). But the look-up then shows it the label:
/// who holds the label key, which is the log itself, can find the number by trying. The open blocks that cover the number are not asked
/// for one by one: all below a short prefix are fetched, and the prefix is told.
///
/// Everything is verified before it is shown: proofs of the index, its head in the index log, the log's checkpoint under the policy, each
/// entry in it. The policy names the index log beside its log, with the key that the log shows at /tn/v1/log as index_key:
/// `log <index_key>`.
#[derive(clap::Args)]
#[command(after_help = concat!(
    "Examples:\n  tnlog watch --policy policy.txt +17035550123\n",
    "  tnlog watch --policy policy.txt +17035550123 --known 5a1f...e0\n",
    "  tnlog watch --policy policy.txt --spc 867J --json\n\n",
    "Exit codes: 0 shown, 1 not shown, 2 something that --known does not name, or something is not to be trusted, 64 wrong usage"
))]
pub struct Args {
    /// Numbers with country code; - reads lines from standard input, where other users do not see them
    #[arg(value_name = "NUMBER")]
    numbers: Vec<String>,
    /// Service provider codes
    #[arg(long, value_name = "CODE")]
    spc: Vec<ServiceProviderCode>,
    /// A C2SP policy file: every log in it is asked, and needs an address there
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// A C2SP policy file for the index logs: their keys, and the verifiers that recompute them
    #[arg(long, value_name = "FILE")]
    verifiers: Option<PathBuf>,
    /// The SHA-256 of a key that is mine, as shown here; `none` when none is. Everything else ends in exit code 2
    #[arg(long, value_name = "KEY-HASH")]
    known: Vec<String>,
    /// How many digits after the country code are shown to who answers, for the blocks that cover the number
    #[arg(long, value_name = "N", default_value_t = 2)]
    digits: usize,
    /// Print JSON, a line for each entry and one for each log
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let subjects = subjects(&args)?;
    let policy =
        Policy::parse(&input::read(&args.policy)?).with_context(|| args.policy.display().to_string())?;
    let verifiers = args.verifiers.as_deref().map(|path| -> anyhow::Result<Policy> {
        Policy::parse(&input::read(path)?).with_context(|| path.display().to_string())
    });
    let verifiers = verifiers.transpose()?;
    let logs: Vec<_> = policy.logs().iter().filter(|log| !is_index(&log.key)).collect();
    if logs.is_empty() {
        bail!("the policy names no log");
    }
    let mut all_known = true;
    for log in logs {
        let origin = log.key.name();
        let lookups = lookups(log, &policy, verifiers.as_ref())?;
        let mut look = Look { lookups, known: &args.known, digits: args.digits, json: args.json };
        all_known &= look.at_all(&subjects).await.with_context(|| output::printable(origin))?;
    }
    if verifiers.is_none() {
        output::note(
            "No verifiers of the index logs were given: that nothing is left out rests on the word of each log, and on \
             whoever audits it. Give --verifiers FILE",
        );
    }
    Ok(if all_known { output::FINE } else { output::FINDING }.into())
}

fn subjects(args: &Args) -> anyhow::Result<Vec<Subject>> {
    let good = |known: &String| {
        known == "none" || (known.len() == 64 && known.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    if !args.known.iter().all(good) {
        bail!("--known takes the 64 hexadecimal digits of a key hash as it is shown here, or `none`");
    }
    let mut numbers = args.numbers.clone();
    if numbers == ["-"] {
        numbers = io::stdin().lock().lines().collect::<Result<_, _>>().context("standard input")?;
    }
    let numbers = numbers.iter().map(|text| Ok(Subject::Number(number::parse(text)?)));
    let codes = args.spc.iter().map(|code| Ok(Subject::Code(*code)));
    let subjects = numbers.chain(codes).collect::<anyhow::Result<Vec<_>>>()?;
    if subjects.is_empty() {
        bail!("nothing to look up; give a number such as +17035550123, or --spc CODE");
    }
    Ok(subjects)
}

fn is_index(key: &VerifierKey) -> bool {
    Generation::split(key.name()).is_some()
}

/// The key of the index log is one of the verifiers' policy, or else of the policy; of several, the last successor's.
fn lookups(log: &PolicyLog, policy: &Policy, verifiers: Option<&Policy>) -> anyhow::Result<Lookups> {
    let name = Generation::FIRST.origin(log.key.name());
    let of_log = |key: &VerifierKey| {
        let (origin, generation) = Generation::split(key.name())?;
        (origin == log.key.name()).then_some(generation)
    };
    let pinned = |policy: &Policy| {
        let keys = policy.logs().iter().map(|log| &log.key).filter(|key| of_log(key).is_some());
        keys.max_by_key(|key| of_log(key)).cloned()
    };
    let index_key = pinned(verifiers.unwrap_or(policy)).ok_or_else(|| {
        anyhow!(
            "the policy pins no key of the index log {name}: add a line `log <vkey>` with the index_key that the log shows \
             at /tn/v1/log"
        )
    })?;
    let index_policy = match verifiers {
        Some(verifiers) => verifiers.clone(),
        None => policy_of_key(index_key.clone())?,
    };
    let url = log.url.as_deref();
    let url = url.ok_or_else(|| anyhow!("the policy does not say where the log {} is", log.key.name()))?;
    let trust = Trust { key: log.key.clone(), policy: policy.clone(), index_key, index_policy };
    Ok(Lookups::new(Client::new(url)?, trust))
}
