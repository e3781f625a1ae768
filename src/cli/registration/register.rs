//! `tnlog register`

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use sha2::{Digest, Sha256};
use tnlog::entry::Action;
use tnlog::registration::Registration;

use super::draft::Draft;
use super::{EXIT_CODES, Signing, now, sign_and_submit};
use crate::number;
use crate::session::Session;

const DAY: i64 = 86_400;

const EXAMPLES: &str = "\
Examples:
  tnlog register --log https://log.example.com/ --policy policy.txt --number +17035550123 \\
    --service messages.example.com --contact sip:alice@messages.example.com --rs rs.example.com \\
    --credential chain.pem --credential-key phone.key --service-key rs.key --out alice.tlog-proof
  The same on two machines, each with its key:
    tnlog register ... --credential chain.pem --credential-key phone.key --out draft.json
    tnlog register --log https://log.example.com/ --policy policy.txt --draft draft.json \\
      --service-key rs.key --out alice.tlog-proof";

/// Register that a number is reachable at a service, under the key of its credential
///
/// The key of the credential and the Resolution Service both sign. The log shows neither number, service nor contact; the
/// receipt shows all of them, to who is to reach the number. A registration ends after 30 days at most: register again before.
#[derive(clap::Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub struct Register {
    #[command(flatten)]
    signing: Signing,
    /// What the other signer has signed; it says all that the options below say. `tnlog inspect` shows it before you sign
    #[arg(long, value_name = "FILE", conflicts_with_all = ["number", "service", "contact", "rs", "credential", "days"])]
    draft: Option<PathBuf>,
    /// The number
    #[arg(long, value_name = "NUMBER", required_unless_present = "draft")]
    number: Option<String>,
    /// The service at which it is reachable
    #[arg(long, value_name = "NAME", required_unless_present = "draft")]
    service: Option<String>,
    /// Where there, as a URI
    #[arg(long, value_name = "URI", required_unless_present = "draft")]
    contact: Option<String>,
    /// The name of the Resolution Service
    #[arg(long, value_name = "NAME", required_unless_present = "draft")]
    rs: Option<String>,
    /// The credential of the number: the index of its leaf, or a file with its chain
    #[arg(long, value_name = "INDEX|FILE", required_unless_present = "draft")]
    credential: Option<String>,
    /// For how many days, 1 to 30
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(i64).range(1..=30))]
    days: i64,
}

pub async fn register(args: Register) -> anyhow::Result<ExitCode> {
    let mut session = Session::open(&args.signing.log, &args.signing.trust).await?;
    let draft = match &args.draft {
        Some(path) => Draft::read(path)?,
        None => Draft::new(statement(&args, &mut session).await?),
    };
    if draft.statement.action != Action::Register {
        bail!("the draft is of a withdrawal; take it to `tnlog withdraw`");
    }
    sign_and_submit(draft, &args.signing, &session).await
}

async fn statement(args: &Register, session: &mut Session) -> anyhow::Result<Registration> {
    let given = (&args.number, &args.service, &args.contact, &args.rs, &args.credential);
    let (Some(number), Some(service), Some(contact), Some(rs), Some(credential)) = given else {
        bail!("give --draft, or all of --number, --service, --contact, --rs and --credential");
    };
    let number = number::parse(number).context("--number")?;
    let (leaf, entry) = session.credential(credential).await.context("--credential")?;
    let sequence = now();
    let not_before = (sequence / 1000) as i64;
    Ok(Registration {
        log_id: *session.log.sct_key.log_id(),
        number,
        service: service.clone(),
        contact: contact.clone(),
        resolution_service: rs.clone(),
        credential: leaf.index,
        key_hash: Sha256::digest(&entry.subject_key).into(),
        not_before,
        not_after: not_before + args.days * DAY,
        sequence,
        action: Action::Register,
    })
}
