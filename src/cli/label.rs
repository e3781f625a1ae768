//! `tnlog label`: under which label a number, block or service provider code is found.

use std::io::{self, BufRead};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use rand_core::OsRng;
use tnlog::block::{Block, BlockError};
use tnlog::client::evaluate;
use tnlog::client::read::LogReader;
use tnlog::label::{Label, MAX_BLINDED};
use tnlog::number::{Number, ServiceProviderCode};

use crate::output::Usage;
use crate::trust::Trust;
use crate::{number, output, place};

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
    let from_input = names == ["-"];
    if from_input {
        names = io::stdin().lock().lines().collect::<Result<_, _>>().context("standard input")?;
    }
    if names.is_empty() && args.spc.is_empty() {
        return output::usage(
            "nothing to label; give a number such as +17035550123, a block or a service provider code",
        );
    }
    let what = if from_input { "line" } else { "argument" };
    let (blocks, numbers) = parse(names, what)?;
    for (name, block) in blocks {
        print(&name, &Label::of_block(&block), args.json)?;
    }
    for code in args.spc {
        print(&code.to_string(), &Label::of_service_provider_code(&code), args.json)?;
    }
    if numbers.is_empty() {
        return Ok(output::FINE.into());
    }
    let Some(url) = args.log else {
        return output::usage("the label of a number is its log's; give --log URL");
    };
    label_numbers(&url, &args.trust, &numbers, args.json).await
}

type Named<T> = Vec<(String, T)>;

/// Blocks and numbers, with the texts that they were given as. Errors tell the position and not the text, which may be a
/// person's.
fn parse(names: Vec<String>, what: &str) -> anyhow::Result<(Named<Block>, Named<Number>)> {
    let (mut blocks, mut numbers) = (Vec::new(), Vec::new());
    for (position, name) in (1..).zip(names) {
        let about = || format!("{what} {position}");
        if name.contains('x') {
            let plain = number::plain(&name);
            let block = plain.strip_prefix('+').unwrap_or(&plain).parse::<Block>();
            let block = block.map_err(|error: BlockError| Usage(format!("{}: {error}", about())))?;
            blocks.push((name, block));
        } else if !name.trim().is_empty() {
            let number = number::parse(name.trim()).with_context(about)?;
            numbers.push((name, number));
        }
    }
    Ok((blocks, numbers))
}

async fn label_numbers(
    url: &str,
    trust: &Trust,
    named: &[(String, Number)],
    json: bool,
) -> anyhow::Result<ExitCode> {
    let client = place::client(url)?;
    let about = || url.to_owned();
    let policy = trust.given_or_shown(&client).await.with_context(about)?;
    let mut reader = LogReader::new(Arc::new(client.clone()), policy);
    reader.update().await.with_context(about)?;
    let log = reader.parameters().await.with_context(about)?;
    let numbers: Vec<_> = named.iter().map(|(_, number)| *number).collect();
    let labels = match evaluate::labels(&client, &numbers, &log.label_key, &mut OsRng).await {
        Err(evaluate::EvaluateError::Label(error)) => {
            output::note(format_args!("Not to be trusted: the log did not use its label key: {error}"));
            return Ok(output::FINDING.into());
        }
        other => other.with_context(about)?,
    };
    for ((text, _), label) in named.iter().zip(&labels) {
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

fn print(name: &str, label: &Label, json: bool) -> anyhow::Result<()> {
    let label = output::hex(label.as_bytes());
    if json {
        output::line(serde_json::json!({ "name": name, "label": label }))?;
    } else {
        output::line(format_args!("{label}  {name}"))?;
    }
    Ok(())
}
