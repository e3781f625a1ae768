//! `tnlog demo`

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail, ensure};
use clap::Args as ClapArgs;
use tnlog::anchors::{Anchor, Anchors};
use tnlog::certificate::Certificate;
use tnlog::client::check::{Position, Target, check_log};
use tnlog::client::evaluate::labels;
use tnlog::client::http::Client;
use tnlog::client::read::{LogReader, policy_of_key};
use tnlog::client::source::AnySource;
use tnlog::client::submit::{Chain, Outcome, Submitter};
use tnlog::number::{Number, ServiceProviderCode};
use tnlog::policy::Policy;
use tnlog::receipt::{Claim, KnownLog, Receipt, Untrusted, Verifier};
use tnlog::sct::Sct;
use tnlog::server::config::{Config, Folder};
use tnlog::server::roots;
use tnlog::server::run::{Running, start};
use tnlog::synthetic::{Authority, Issued, Profile, Validity};

use crate::output;

const EXAMPLES: &str = "\
Examples:
  tnlog demo
      The whole story in a temporary folder, on loopback only, in a few seconds.
  tnlog demo --keep --data /tmp/demo
      Leaves the log running at the end, and its folder in place, to look around.

The certificates come from a throw-away CA and name fictional numbers (555-01xx).";

const ORIGIN: &str = "demo.tnlog.invalid/log";
/// Of the numbers that belong to nobody.
const ALICE: &str = "17035550123";
const BOB: &str = "17035550145";

/// Shows what tnlog does, end to end: a log, a CA, certificates, receipts, and what an app refuses.
#[derive(ClapArgs)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Where to put the log [default: a temporary folder].
    #[arg(long, value_name = "DIR")]
    data: Option<std::path::PathBuf>,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Goes on serving at the end, until interrupted.
    #[arg(long)]
    keep: bool,
}

/// Runs the command.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let temporary = std::env::temp_dir().join(format!("tnlog-demo-{}", std::process::id()));
    let is_temporary = args.data.is_none();
    let folder = Folder::new(args.data.unwrap_or(temporary));
    let config = Config { listen: args.listen, ..Config::parse(&Config::template(ORIGIN))? };
    let result = story(&folder, config, args.keep).await;
    if is_temporary {
        let _ = std::fs::remove_dir_all(folder.path());
    }
    result.map(|()| ExitCode::SUCCESS)
}

fn heading(text: &str) -> std::io::Result<()> {
    output::line(format_args!("\n{text}"))
}

fn tell(text: impl std::fmt::Display) -> std::io::Result<()> {
    output::line(format_args!("   {text}"))
}

async fn story(folder: &Folder, config: Config, keep: bool) -> anyhow::Result<()> {
    heading("1. A log starts: its own keys, its own folder, nothing configured")?;
    let running = start(folder, config, |_, _| {}).await?;
    let log = connect(&running).await?;
    tell(format_args!("http://{}  in {}", running.address, folder.path().display()))?;
    tell(format_args!("checkpoints verify with {}", running.log.keys.checkpoint.verifier_key()))?;

    heading("2. A certification authority is accepted, and issues")?;
    let issuance = issue(folder, &running)?;
    tell(format_args!("a phone's certificate for +{ALICE}, another for +{BOB},"))?;
    tell("one for the carrier with service provider code 867J, one for a range of 10,000 numbers")?;

    heading("3. It submits them, and gets a signed certificate timestamp (SCT) for each")?;
    for (name, issued) in issuance.submitted() {
        let sct = submit(&log, issued).await?;
        tell(format_args!(
            "entry {}  {name}: durable and in the tree before the log answered",
            sct.extensions.leaf_index
        ))?;
    }
    let again = submit(&log, &issuance.alice).await?;
    tell(format_args!("asked again, the same answer: entry {}", again.extensions.leaf_index))?;

    heading("4. What the public log shows of a number")?;
    show_public_side(&running, &log).await?;

    heading("5. Receipts are fetched; from here on the app needs no network")?;
    let receipts = fetch_receipts(&log, &issuance).await?;
    for (name, text) in &receipts {
        tell(format_args!("{name}: {} bytes", text.len()))?;
    }

    heading("6. An app checks its peers offline")?;
    check_peers(&log, &issuance, &receipts)?;

    heading("7. What an app refuses, and what it says")?;
    check_refusals(&log, &issuance, &receipts)?;

    heading("8. An auditor recomputes the whole log")?;
    audit(&running, &log).await?;

    if keep {
        heading("The log goes on. Interrupt to end.")?;
        tell(format_args!("curl http://{}/checkpoint", running.address))?;
        tokio::signal::ctrl_c().await?;
    }
    running.stop().await;
    Ok(())
}

/// A log whose parameters were verified, as an app or a CA knows it.
struct Connection {
    client: Client,
    policy: Policy,
    known: KnownLog,
    submitter: Submitter,
}

async fn connect(running: &Running) -> anyhow::Result<Connection> {
    let base = format!("http://{}/", running.address);
    let client = Client::new(&base)?;
    let policy = policy_of_key(running.log.keys.checkpoint.verifier_key().clone())?;
    let source = Arc::new(AnySource::new(&base)?);
    let mut reader = LogReader::new(source, policy.clone());
    reader.update().await?;
    let known = reader.parameters().await?;
    let submitter = Submitter::new(client.clone(), known.clone());
    Ok(Connection { client, policy, known, submitter })
}

/// What the CA of the story issues.
struct Issuance {
    root: Arc<Certificate>,
    alice: Issued,
    bob: Issued,
    carrier: Issued,
    range: Issued,
    unlogged: Issued,
}

impl Issuance {
    fn submitted(&self) -> [(&'static str, &Issued); 4] {
        [
            ("the phone's certificate", &self.alice),
            ("the other phone's", &self.bob),
            ("the carrier's", &self.carrier),
            ("the range's", &self.range),
        ]
    }
}

fn issue(folder: &Folder, running: &Running) -> anyhow::Result<Issuance> {
    let today = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let validity = Validity::days(today - 3600, 90);
    let root = Authority::root("Demonstration Root", today, validity);
    let issuing = root.subordinate("Demonstration Issuing CA", None, today + 1);
    let certificate = Arc::new(Certificate::from_der(root.certificate().to_vec())?);
    roots::add(&folder.roots(), &Anchor { certificate: certificate.clone(), calling_codes: Some(vec![1]) })?;
    running.log.roots.refresh()?;
    let number = |digits, seed| issuing.issue(&Profile::numbers(&[digits], validity, seed));
    Ok(Issuance {
        root: certificate,
        alice: number(ALICE, 1),
        bob: number(BOB, 2),
        carrier: issuing.issue(&Profile::carrier("867J", validity, 3)),
        range: issuing.issue(&Profile::ranges(&[("17035560000", 10_000)], validity, 4)),
        unlogged: number(ALICE, 5),
    })
}

fn chain(issued: &Issued) -> anyhow::Result<Vec<Arc<Certificate>>> {
    issued.chain().into_iter().map(|der| Ok(Arc::new(Certificate::from_der(der)?))).collect()
}

async fn submit(log: &Connection, issued: &Issued) -> anyhow::Result<Sct> {
    let chain = Chain::new(chain(issued)?).context("an issued chain is not empty")?;
    match log.submitter.add(&chain).await {
        Outcome::Logged(sct) => Ok(sct),
        Outcome::Refused(problem) => bail!("the log refused: {}", problem.detail),
        Outcome::Failed(error) => Err(anyhow::Error::new(error)),
    }
}

async fn show_public_side(running: &Running, log: &Connection) -> anyhow::Result<()> {
    let number = Number::new(ALICE)?;
    let label =
        labels(&log.client, std::slice::from_ref(&number), &log.known.label_key, &mut rand_core::OsRng)
            .await?;
    let hex: String = label[0].as_bytes()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    tell(format_args!("its label, {hex}..., which nobody can compute without asking the log's key;"))?;
    tell("issuer, validity, key: enough to see what was issued, when, and by whom. Not the number.")?;
    let size = running.log.published().tree.size;
    let public =
        (0..size).map(|index| running.log.reader.leaf(index, size)).collect::<Result<Vec<_>, _>>()?;
    let found = public.concat().windows(ALICE.len()).any(|window| window == ALICE.as_bytes());
    ensure!(!found, "the number stands in the log");
    tell(format_args!("looked for {ALICE} in every byte of the {size} leaves: not there"))?;
    Ok(())
}

async fn fetch_receipts(
    log: &Connection,
    issuance: &Issuance,
) -> anyhow::Result<Vec<(&'static str, String)>> {
    let mut receipts = Vec::new();
    for (name, issued) in issuance.submitted() {
        let chain = Chain::new(chain(issued)?).context("an issued chain is not empty")?;
        receipts.push((name, log.submitter.receipt(&chain, &log.policy).await?.0));
    }
    Ok(receipts)
}

/// An app that trusts the root of the story.
fn verifier(log: &Connection, root: &Arc<Certificate>) -> Verifier {
    let roots = Anchors::new([Anchor { certificate: root.clone(), calling_codes: None }]);
    Verifier::new(log.policy.clone(), vec![log.known.clone()], roots)
}

fn now() -> anyhow::Result<i64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() as i64)
}

fn check_peers(
    log: &Connection,
    issuance: &Issuance,
    receipts: &[(&'static str, String)],
) -> anyhow::Result<()> {
    let app = verifier(log, &issuance.root);
    let number = |digits| Ok::<_, anyhow::Error>(Claim::Number(Number::new(digits)?));
    let claims = [
        (format!("+{ALICE}"), number(ALICE)?),
        (format!("+{BOB}"), number(BOB)?),
        ("carrier 867J".to_owned(), Claim::ServiceProviderCode(ServiceProviderCode::new("867J")?)),
        ("+17035561234, out of the range".to_owned(), number("17035561234")?),
    ];
    for (((_, issued), (_, receipt)), (name, claim)) in issuance.submitted().iter().zip(receipts).zip(claims)
    {
        let verified = app.verify(&chain(issued)?, &claim, &Receipt::parse(receipt.as_bytes())?, now()?)?;
        tell(format_args!("{name}: trusted; entry {} of {}", verified.index, verified.origin))?;
    }
    Ok(())
}

fn check_refusals(
    log: &Connection,
    issuance: &Issuance,
    receipts: &[(&'static str, String)],
) -> anyhow::Result<()> {
    let app = verifier(log, &issuance.root);
    let claim = Claim::Number(Number::new(ALICE)?);
    let good = &receipts[0].1;
    let refuse = |name: &str, issued: &Issued, receipt: &str| {
        let receipt = Receipt::parse(receipt.as_bytes())?;
        match app.verify(&chain(issued)?, &claim, &receipt, now()?) {
            Ok(_) => bail!("{name} was trusted"),
            Err(why) => Ok(tell(format_args!("{name}:\n     {why}"))?),
        }
    };
    refuse("a receipt that was tampered with", &issuance.alice, &tampered(good)?)?;
    refuse("the receipt of another number", &issuance.alice, &receipts[1].1)?;
    refuse("another number's certificate", &issuance.bob, &receipts[1].1)?;
    refuse("a certificate for the same number that was never logged", &issuance.unlogged, good)?;
    let nobody = Verifier::new(log.policy.clone(), vec![log.known.clone()], Anchors::default());
    let receipt = Receipt::parse(good.as_bytes())?;
    let why = nobody.verify(&chain(&issuance.alice)?, &claim, &receipt, now()?);
    ensure!(matches!(why, Err(Untrusted::Chain(_))), "a CA that the user does not trust was trusted");
    tell("the right receipt, in an app whose user does not trust this CA:")?;
    tell(format_args!("  {}", why.expect_err("it was just seen to be one")))?;
    Ok(())
}

/// The receipt with one bit of the first hash of its inclusion proof flipped.
fn tampered(receipt: &str) -> anyhow::Result<String> {
    let mut proof = Receipt::parse(receipt.as_bytes())?.proof;
    let hash = proof.hashes.first_mut().context("the tree has several leaves")?;
    hash.0[0] ^= 1;
    Ok(proof.to_string())
}

async fn audit(running: &Running, log: &Connection) -> anyhow::Result<()> {
    let source = Arc::new(AnySource::new(&format!("http://{}/", running.address))?);
    let mut reader = LogReader::new(source.clone(), log.policy.clone());
    let seen = reader.update().await?.clone();
    let target = Target { note: &seen.note, checkpoint: seen.checkpoint() };
    let position = check_log(&source, target, Position::default(), &mut |_| {}).await?;
    let size = position.edge.size();
    tell(format_args!("every leaf, hash, tile and signature of its {size} entries is as it must be"))?;
    Ok(())
}
