//! `tnlog label`: under which label a number, block or service provider code is found.

use std::io::{self, BufRead};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use rand_core::OsRng;
use tnlog::block::Block;
use tnlog::client::evaluate;
use tnlog::client::http::Client;
use tnlog::client::read::LogReader;
use tnlog::label::{Label, MAX_BLINDED};
use tnlog::number::{Number, ServiceProviderCode};

use crate::output;
use crate::trust::Trust;

/// Get the labels of numbers from a log without showing it the numbers
///
/// The log sees random elements (RFC 9497 blind evaluation), and its proof is verified with the label key in leaf 0. It learns that this
/// machine asked for so many labels, and not for which. But whoever then asks the log for what stands under a label shows it the
/// label: look labels up at a monitor or mirror. Blocks (1703555xxxx) and service provider codes need no log.
#[derive(clap::Args)]
#[command(after_help = concat!(
    "Examples:\n  tnlog label --log https://log.example.com/ +17035550123\n",
    "  tnlog label 1703555xxxx --spc 867J\n\n",
    "Exit codes: 0 labelled, 1 not labelled, 2 the log is not to be trusted, 64 wrong usage"
))]
pub struct Args {
    /// The log whose labels they are
    #[arg(long, value_name = "URL")]
    log: Option<String>,
    #[command(flatten)]
    trust: Trust,
    /// Numbers with country code, or blocks; - reads lines from standard input, where other users do not see them
    #[arg(value_name = "NUMBER|BLOCK")]
    names: Vec<String>,
    /// Service provider codes
    #[arg(long, value_name = "CODE")]
    spc: Vec<ServiceProviderCode>,
    /// Print JSON, a line for each
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut names = args.names;
    if names == ["-"] {
        names = io::stdin().lock().lines().collect::<Result<_, _>>().context("standard input")?;
    }
    if names.is_empty() && args.spc.is_empty() {
        bail!("nothing to label; give a number such as +17035550123, a block or a service provider code");
    }
    let (blocks, numbers): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| name.contains('x'));
    for block in blocks {
        let parsed: Block = block.parse()?;
        print(&block, &Label::of_block(&parsed), args.json)?;
    }
    for code in args.spc {
        print(&code.to_string(), &Label::of_service_provider_code(&code), args.json)?;
    }
    if numbers.is_empty() {
        return Ok(output::FINE.into());
    }
    let place = args.log.ok_or_else(|| anyhow!("the label of a number is its log's; give --log URL"))?;
    label_numbers(&place, &args.trust, &numbers, args.json).await
}

async fn label_numbers(place: &str, trust: &Trust, texts: &[String], json: bool) -> anyhow::Result<ExitCode> {
    let numbers = texts.iter().map(|text| number(text)).collect::<anyhow::Result<Vec<_>>>()?;
    let client = Client::new(place)?;
    let policy = trust.given_or_shown(&client).await?;
    let mut reader = LogReader::new(Arc::new(client.clone()), policy);
    reader.update().await?;
    let log = reader.parameters().await?;
    let labels = match evaluate::labels(&client, &numbers, &log.label_key, &mut OsRng).await {
        Err(evaluate::EvaluateError::Label(error)) => {
            output::note(format_args!("Not to be trusted: the log did not use its label key: {error}"));
            return Ok(output::FINDING.into());
        }
        other => other?,
    };
    for (text, label) in texts.iter().zip(&labels) {
        print(text, label, json)?;
    }
    let requests = numbers.len().div_ceil(MAX_BLINDED);
    output::note(format_args!(
        "The log learned that {} labels were asked for from this address, in {requests} requests, and not of which \
         numbers. It would learn that from a look-up of a label at the log itself: look them up at a monitor or mirror.",
        numbers.len()
    ));
    Ok(output::FINE.into())
}

/// A number as people write it: with or without `+`, with spaces, hyphens, dots and brackets. The error does not repeat it.
pub fn number(text: &str) -> anyhow::Result<Number> {
    let plain: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')).collect();
    let number = Number::new(plain.strip_prefix('+').unwrap_or(&plain))?;
    if number.calling_code().is_none() {
        bail!("the number does not begin with a country code; write it as +1 703 555 0123");
    }
    Ok(number)
}

fn print(name: &str, label: &Label, json: bool) -> anyhow::Result<()> {
    let label = output::hex(label.as_bytes());
    if json {
        output::line(serde_json::json!({ "name": name, "label": label }))?;
    } else {
        output::line(format_args!("{label}  {name}"))?;
    }
    Ok(())
}
