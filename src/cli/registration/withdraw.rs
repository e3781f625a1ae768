//! `tnlog withdraw`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use tnlog::entry::Action;
use tnlog::registration::Registration;
use tnlog::registration_receipt::RegistrationReceipt;

use super::draft::Draft;
use super::{EXIT_CODES, Signing, now, sign_and_submit};
use crate::input;
use crate::session::Session;

/// How long both signers have, in seconds: a day.
const TIME: i64 = 86_400;

const EXAMPLES: &str = "\
Examples:
  tnlog withdraw --log https://log.example.com/ --policy policy.txt --receipt alice.tlog-proof \\
    --credential-key phone.key --service-key rs.key --out withdrawal.tlog-proof
  The same on two machines, each with its key:
    tnlog withdraw ... --receipt alice.tlog-proof --credential-key phone.key --out draft.json
    tnlog withdraw --log https://log.example.com/ --policy policy.txt --draft draft.json \\
      --service-key rs.key --out withdrawal.tlog-proof";

/// Withdraw a registration
///
/// Who looks the number up then sees that it does not stand any more. Both keys sign, as they did for the registration, within
/// a day.
#[derive(clap::Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
#[command(group(clap::ArgGroup::new("what").required(true)))]
pub struct Withdraw {
    #[command(flatten)]
    signing: Signing,
    /// The receipt of the registration, or of any one of the same number, key, Resolution Service and service
    #[arg(long, value_name = "FILE", group = "what")]
    receipt: Option<PathBuf>,
    /// What the other signer has signed. `tnlog inspect` shows it before you sign
    #[arg(long, value_name = "FILE", group = "what")]
    draft: Option<PathBuf>,
}

pub async fn withdraw(args: Withdraw) -> anyhow::Result<ExitCode> {
    let draft = match (&args.receipt, &args.draft) {
        (Some(path), _) => Draft::new(statement(path)?),
        (None, Some(path)) => Draft::read(path)?,
        (None, None) => bail!("give --receipt or --draft"),
    };
    if draft.statement.action != Action::Withdraw {
        bail!("the draft is of a registration; take it to `tnlog register`");
    }
    let session = Session::open(&args.signing.log, &args.signing.trust).await?;
    sign_and_submit(draft, &args.signing, &session).await
}

fn statement(path: &Path) -> anyhow::Result<Registration> {
    let bytes = input::read(path)?;
    let wanted = "the receipt of a registration (`tnlog register` writes it)";
    let receipt = input::parsed(path, wanted, &bytes, RegistrationReceipt::parse(&bytes))?;
    let sequence = now();
    let not_before = (sequence / 1000) as i64;
    Ok(Registration {
        not_before,
        not_after: not_before + TIME,
        sequence,
        action: Action::Withdraw,
        ..receipt.extra.submitted.statement
    })
}
