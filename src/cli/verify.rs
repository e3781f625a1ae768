//! `tnlog verify`: what an app does with a peer's certificate and receipt, offline.

mod registration;
mod standing;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use tnlog::anchors::{Anchor, Anchors};
use tnlog::client::lookup::Peer;
use tnlog::number::ServiceProviderCode;
use tnlog::proof::TlogProof;
use tnlog::receipt::{Claim, KnownLog, Receipt, Untrusted, Verified, Verifier};
use tnlog::registration_receipt::VerifiedRegistration;

use crate::lookups::Asking;
use crate::output::Report;
use crate::{input, number, output};
use standing::Standing;

/// Decide, offline, whether a peer's certificate is to be trusted
///
/// Asks what an app asks: does the certificate cover the number or service provider code; is its chain good, valid now and from one of the
/// given roots; is it in a log of the policy, as the receipt says. Says which of these fails.
///
/// With --standing it then asks the log, or a mirror, whether the credential stands and is the newest of its number. A receipt does
/// not expire, and does not show what was logged later.
#[derive(clap::Args)]
#[command(after_help = concat!(
    "Example:\n  tnlog verify --certificate chain.pem --receipt chain.pem.tlog-proof --number +17035550123 \\\n",
    "    --policy policy.txt --parameters log.tlog-proof --roots roots.pem\n\n",
    "  ... --registration alice.tlog-proof --service messages.example.com --rs rs.example.com=rs.pem\n",
    "    the same, and whether the peer is registered at this service\n\n",
    "  ... --standing --verifiers verifiers.txt --ask https://mirror.example.com/\n\n",
    "The parameters of a log are served at /tn/v1/parameters; take them once and keep them beside the policy.\n\n",
    "Exit codes: 0 trusted, 1 a file cannot be read, 2 not trusted, 64 wrong usage"
))]
#[command(group(clap::ArgGroup::new("claim").required(true)))]
pub struct Args {
    /// The peer's chain, PEM or DER: its certificate first; the root may be left out
    #[arg(long, value_name = "FILE")]
    certificate: PathBuf,
    /// The receipt (.tlog-proof)
    #[arg(long, value_name = "FILE")]
    receipt: PathBuf,
    /// The number that the peer claims
    #[arg(long, group = "claim", value_name = "NUMBER")]
    number: Option<String>,
    /// The service provider code that the peer claims
    #[arg(long, group = "claim", value_name = "CODE")]
    spc: Option<ServiceProviderCode>,
    /// A C2SP policy file: logs, witnesses and their quorum
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// The parameters of each log (.tlog-proof)
    #[arg(long, value_name = "FILE", required = true)]
    parameters: Vec<PathBuf>,
    /// The roots that are trusted, PEM or DER
    #[arg(long, value_name = "FILE", required = true)]
    roots: Vec<PathBuf>,
    #[command(flatten)]
    registration: registration::Registration,
    /// The time to judge at, 2026-01-31T12:00:00Z or seconds of Unix time [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    at: Option<i64>,
    /// Then ask whether it stands and is the newest of its number; whoever answers sees the number's label
    #[arg(long, requires = "number")]
    standing: bool,
    #[command(flatten)]
    asking: Asking,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let claim = claim(args.number.as_deref(), args.spc)?;
    let about = |path: &PathBuf| path.display().to_string();
    let policy = input::policy(&args.policy)?;
    let mut logs = Vec::new();
    for path in &args.parameters {
        let bytes = input::read(path)?;
        let wanted = "the parameters of a log (it serves them at /tn/v1/parameters)";
        let proof = input::parsed(path, wanted, &bytes, TlogProof::parse(&bytes))?;
        match KnownLog::open(&proof, &policy) {
            Ok(log) => logs.push(log),
            Err(error) => return untrusted(&format!("{}: {error}", about(path)), "parameters", args.json),
        }
    }
    let roots = input::good_certificates(&args.roots)?;
    let useless = roots.iter().filter(|certificate| !certificate.is_ca()).count();
    if useless > 0 {
        output::note(format_args!(
            "{useless} of the {} certificates given with --roots are not of CAs: nothing can chain to them",
            roots.len()
        ));
    }
    let anchors =
        Anchors::new(roots.into_iter().map(|certificate| Anchor { certificate, calling_codes: None }));
    let chain = input::good_certificates(std::slice::from_ref(&args.certificate))?;
    let bytes = input::read(&args.receipt)?;
    let wanted = "the receipt of a certificate (`tnlog submit --receipts` writes it)";
    let receipt = input::parsed(&args.receipt, wanted, &bytes, Receipt::parse(&bytes))?;
    let policies = if args.standing { Some(args.asking.policies(&args.policy)?) } else { None };
    let verifier = Verifier::new(policy, logs, anchors);
    let now = args.at.unwrap_or_else(output::now);
    let verified = match verifier.verify(&chain, &claim, &receipt, now) {
        Ok(verified) => verified,
        Err(error) => return untrusted(&error.to_string(), reason(&error), args.json),
    };
    let registered = args.registration.read(&claim)?;
    let registered = registered.map(|registered| registered.verify(&verifier, &verified, now)).transpose();
    let registered = match registered {
        Ok(registered) => registered,
        Err(error) => return untrusted(&error.to_string(), registration::reason(&error), args.json),
    };
    let standing = match (&policies, &claim) {
        (Some(policies), Claim::Number(number)) => {
            let peer = Peer { verified: &verified, receipt: &receipt, number };
            Some(Standing::ask(&args.asking, policies, &peer, now).await?)
        }
        _ => None,
    };
    if let Some((why, reason)) = standing.as_ref().and_then(Standing::doubt) {
        return untrusted(&why, reason, args.json);
    }
    let more = More { registered: registered.as_ref(), standing: standing.as_ref() };
    trusted(&verified, &more, args.json)
}

/// Read here and not by the parser of arguments, whose errors repeat what was given.
fn claim(number: Option<&str>, code: Option<ServiceProviderCode>) -> anyhow::Result<Claim> {
    match (number, code) {
        (Some(number), _) => Ok(Claim::Number(number::parse(number).context("--number")?)),
        (None, Some(code)) => Ok(Claim::ServiceProviderCode(code)),
        (None, None) => output::usage("what does the peer claim to be? Give --number or --spc"),
    }
}

/// What else was found of a peer.
struct More<'a> {
    registered: Option<&'a VerifiedRegistration>,
    standing: Option<&'a Standing>,
}

fn trusted(verified: &Verified, more: &More<'_>, json: bool) -> anyhow::Result<ExitCode> {
    let cosigned = |(name, seconds): &(String, u64)| {
        format!("{name} at {}", output::time(i64::try_from(*seconds).unwrap_or(i64::MAX)))
    };
    let report = Report::new("Trusted")
        .field("log", verified.origin.as_str())
        .field("index", verified.index)
        .field("logged", output::time_of_millis(verified.timestamp))
        .field("valid_until", output::time(verified.chain.certificate().not_after()))
        .field("cosigned_by", verified.cosigned.iter().map(cosigned).collect::<Vec<_>>())
        .field_if("standing", more.standing.map(|_| "stands, and is the newest of its number"))
        .field_if("judged_by_entries", more.standing.map(|standing| standing.answered.covers))
        .field_if("complete_as_of", more.standing.and_then(Standing::as_of).map(output::time));
    match more.registered {
        Some(registered) => registration::describe(report, registered).print(json)?,
        None => report.print(json)?,
    }
    Ok(output::FINE.into())
}

fn untrusted(why: &str, reason: &str, json: bool) -> anyhow::Result<ExitCode> {
    if json {
        output::line(serde_json::json!({ "what": "Not trusted", "reason": reason, "detail": why }))?;
    } else {
        output::line(format_args!("NOT TRUSTED: {why}"))?;
    }
    Ok(output::FINDING.into())
}

/// A stable name, for programs.
fn reason(error: &Untrusted) -> &'static str {
    match error {
        Untrusted::Chain(refusal) => refusal.rule.slug(),
        Untrusted::NotCovered => "not-covered",
        Untrusted::Checkpoint(_) => "checkpoint",
        Untrusted::UnknownLog(_) => "unknown-log",
        Untrusted::Kind => "kind",
        Untrusted::Labels(_) => "labels",
        Untrusted::Leaf(_) => "leaf",
        Untrusted::NotIncluded => "not-included",
    }
}

fn parse_time(text: &str) -> anyhow::Result<i64> {
    if let Ok(seconds) = text.parse() {
        return Ok(seconds);
    }
    let date: der::DateTime =
        text.parse().map_err(|_| anyhow!("a time is 2026-01-31T12:00:00Z, or seconds of Unix time"))?;
    Ok(date.unix_duration().as_secs() as i64)
}
