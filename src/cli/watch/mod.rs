//! `tnlog watch`: every credential of a number or a service provider code, provably all of them.

mod bars;
mod follow;
mod json;
mod look;
mod names;
mod picture;
mod subject;
mod time_line;

use std::io::{self, BufRead};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use tnlog::client::lookup::LookupError;
use tnlog::number::ServiceProviderCode;

use crate::lookups::Asking;
use crate::{number, output};
use follow::Watch;
use look::Options;
use subject::Subject;

/// Show every credential of a number or service provider code in every log of a policy, with proof that these are all
///
/// A time line: who issued, which key, how long, does it stand, what the keys of other credentials said about it, and when the number
/// was registered at an app (which one is hidden). A credential stands when nothing that stood covered the number as it was logged, or when the newest
/// one approved or issued it; carriers and blocks have no standing.
///
/// The label of a number is got without showing the log which number (RFC 9497 blind evaluation). But a look-up shows the label: who holds
/// the label key, which is the log itself, finds the number by trying. With --ask a mirror or monitor answers instead, from public data:
/// it sees the label, which tells it nothing, and the log does not see what was looked up. The open blocks that cover the number are not
/// asked for one by one: all below a short prefix are fetched, and the prefix is told.
///
/// Everything is verified before it is shown: proofs of the index, its head in the index log, the log's checkpoint under the policy, each
/// entry in it. The index log has a key of its own, which the log shows at /tn/v1/log as index_key and a line `log <index_key>` of the
/// policy or of --verifiers pins. How recent "complete" is, is judged by the times in the cosignatures of so many witnesses that the others
/// could not make the quorum; policies that do not allow it are refused, unless --trust-log takes the log's word.
#[derive(clap::Args)]
#[command(after_help = concat!(
    "Examples:\n  tnlog watch --policy policy.txt --verifiers verifiers.txt +17035550123\n",
    "  tnlog watch --policy policy.txt --verifiers verifiers.txt +17035550123 --known 5a1f...e0 --ask https://mirror.example.com/\n",
    "  tnlog watch --policy policy.txt --verifiers verifiers.txt - --follow --state watch.state < numbers.txt\n",
    "  tnlog watch --policy policy.txt --trust-log --spc 867J --json\n\n",
    "Exit codes: 0 shown, 1 not shown, 2 something of a key that --known does not name (a credential, a statement by one, a registration under\n",
    "one), or what was shown is not to be trusted or more than an hour old, 64 wrong usage\n\n",
    "JSON: a line for each thing, which `what` names; entries are named by their index in the log\n",
    "  credential    entries, kind, under, issuer, issuer_key_hash, key_hash, not_before, not_after, logged, mine (with --known), new; of numbers also\n",
    "                stands, newest, why (nothing-covered, issued, approved, logged-expired, not-approved), by, superseded_by, disputed,\n",
    "                repeated_id, statements: [entry, verb, by, logged, weight, why_not, mine, new]\n",
    "  registration  entry, action, credential, not_before, not_after, logged, replaces, ended_by, why, mine, new, state (current,\n",
    "                not-yet-valid, expired, replaced, withdrawn, withdrawal, faulty)\n",
    "  fault         entry, why, new: a statement that does not hold\n",
    "  complete      covers (entries of the log), complete_as_of, bad (witnesses that may lie), why (it is not known), not_mine (with --known), shown_prefix,\n",
    "                asked, requests, bytes, block_bytes, milliseconds"
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
    #[command(flatten)]
    asking: Asking,
    /// The SHA-256 of a key that is mine, as shown here; `none` when none is. Everything else ends in exit code 2
    #[arg(long, value_name = "KEY-HASH")]
    known: Vec<String>,
    /// How many digits after the country code are shown to who answers, for the blocks that cover the number
    #[arg(long, value_name = "N", default_value_t = 2)]
    digits: usize,
    /// Keep on asking, and show what is new
    #[arg(long)]
    follow: bool,
    /// Seconds from one question to the next
    #[arg(long, value_name = "SECONDS", default_value_t = 60, requires = "follow", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    interval: u64,
    /// Keep in this file what was seen, so that the next run transfers only what is new and finds a log that goes back on it. As secret as
    /// the numbers: it holds their labels
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let subjects = subjects(&args)?;
    let policies = args.asking.policies(&args.policy)?;
    let mine = args.known.iter().map(|known| known.to_ascii_lowercase()).collect();
    let options = Options { mine, digits: args.digits, bad: args.asking.bad };
    let state = follow::read_state(args.state.as_deref(), &policies)?;
    let sites = args.asking.sites(&policies).await?;
    let mut watch = Watch::new(&args, subjects, state);
    args.asking.notes(&policies);
    let watched = watch.run(sites, &options).await;
    let distrust = |error: &anyhow::Error| {
        error.chain().filter_map(|cause| cause.downcast_ref::<LookupError>()).any(LookupError::is_distrust)
    };
    match watched {
        Err(error) if distrust(&error) => {
            output::fail(&error.context("NOT TO BE TRUSTED"));
            Ok(output::FINDING.into())
        }
        Err(error) => Err(error),
        Ok(()) => Ok(if watch.has_findings() { output::FINDING } else { output::FINE }.into()),
    }
}

fn subjects(args: &Args) -> anyhow::Result<Vec<Subject>> {
    let good = |known: &String| {
        known == "none" || (known.len() == 64 && known.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    if !args.known.iter().all(good) {
        return output::usage(
            "--known takes the 64 hexadecimal digits of a key hash as it is shown here, or `none`",
        );
    }
    let mut numbers = args.numbers.clone();
    if numbers == ["-"] {
        numbers = io::stdin().lock().lines().collect::<Result<_, _>>().context("standard input")?;
    }
    let numbers = numbers.iter().map(|text| Ok(Subject::Number(number::parse(text)?)));
    let codes = args.spc.iter().map(|code| Ok(Subject::Code(*code)));
    let subjects = numbers.chain(codes).collect::<anyhow::Result<Vec<_>>>()?;
    if subjects.is_empty() {
        return output::usage("nothing to look up; give a number such as +17035550123, or --spc CODE");
    }
    Ok(subjects)
}
