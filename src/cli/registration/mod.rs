//! `tnlog register` and `tnlog withdraw`: two keys sign, perhaps on two machines, then the log is asked.

mod draft;
mod register;
mod withdraw;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use tnlog::client::registrations::{RegisterError, register as submit};
use tnlog::entry::Action;
use tnlog::registration::Registration;

pub use draft::Draft;
pub use register::{Register, register};
pub use withdraw::{Withdraw, withdraw};

use crate::input;
use crate::output::{self, Report};
use crate::session::Session;
use crate::signing_key::SigningKey;
use crate::trust::Trust;

/// By how much clocks may differ.
const CLOCKS: Duration = Duration::from_secs(5);

const EXIT_CODES: &str = "\
Exit codes: 0 done (logged, or signed for who signs next), 1 not done, 2 the log is not to be trusted, 64 wrong usage";

/// What both commands take.
#[derive(clap::Args)]
struct Signing {
    /// The log that holds the credential
    #[arg(long, value_name = "URL")]
    log: String,
    #[command(flatten)]
    trust: Trust,
    /// The private key of the credential, PEM
    #[arg(long, value_name = "FILE")]
    credential_key: Option<PathBuf>,
    /// The private key of the Resolution Service, PEM
    #[arg(long, value_name = "FILE")]
    service_key: Option<PathBuf>,
    /// Where the receipt goes; while a signature is missing, the draft for who has the other key
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Signs with the keys that are there. What has both signatures is submitted, its receipt verified and written; what has not
/// is written as a draft.
async fn sign_and_submit(mut draft: Draft, args: &Signing, session: &Session) -> anyhow::Result<ExitCode> {
    draft.statement.check_form()?;
    if let Some(path) = &args.credential_key {
        draft.sign_as_credential(&SigningKey::read(path)?)?;
    }
    if let Some(path) = &args.service_key {
        draft.sign_as_service(&SigningKey::read(path)?);
    }
    let statement = &draft.statement;
    let Some(signed) = draft.signed() else {
        draft.write(&args.out)?;
        describe(Report::new("Not signed by both yet"), statement)
            .field("draft", args.out.display().to_string())
            .print(args.json)?;
        return Ok(output::FINE.into());
    };
    let (receipt, logged) = match submit(&session.client, &signed, &session.log, &session.policy).await {
        Err(error @ (RegisterError::Receipt(_) | RegisterError::Untrusted(_) | RegisterError::Other)) => {
            output::note(format_args!("Not to be trusted: {error}"));
            return Ok(output::FINDING.into());
        }
        other => other.with_context(|| args.log.clone())?,
    };
    input::write_private(&args.out, receipt.to_string().as_bytes())?;
    let before = session.reader.seen().is_some_and(|seen| logged.index < seen.checkpoint().size);
    let what = match (statement.action, before) {
        (Action::Register, false) => "Registered",
        (Action::Register, true) => "Registered before; whether it still stands, `tnlog watch` shows",
        (Action::Withdraw, false) => "Withdrawn",
        (Action::Withdraw, true) => "Withdrawn before",
    };
    describe(Report::new(what), statement)
        .field("log", session.log.parameters.origin.as_str())
        .field("index", logged.index)
        .field("logged", output::time_of_millis(logged.timestamp))
        .field_if("replaces", receipt.extra.replaces)
        .field("receipt", args.out.display().to_string())
        .print(args.json)?;
    Ok(output::FINE.into())
}

/// What is signed, for who is to look at it before.
fn describe(report: Report, statement: &Registration) -> Report {
    report
        .field("action", statement.action.name())
        .field("number", format!("+{}", statement.number.digits()))
        .field("service", statement.service.as_str())
        .field("contact", statement.contact.as_str())
        .field("resolution_service", statement.resolution_service.as_str())
        .field("credential", statement.credential)
        .field("valid_until", output::time(statement.not_after))
}

/// Milliseconds of Unix time, some seconds ago: a log refuses what its own clock calls the future.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.saturating_sub(CLOCKS).as_millis() as u64
}
