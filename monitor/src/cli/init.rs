//! `init`.

use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use tnlog::client::api::LogInfo;
use tnlog::client::http::Client;
use tnlog::client::read::{LogReader, policy_of_key};
use tnlog::client::whole_file;
use tnlog::index::Generation;
use tnlog::note::VerifierKey;
use tnlog_monitor::config::{Config, TEMPLATE};
use tnlog_monitor::folder::{Folder, private_folder};

use super::FINE;

const MAX_INFO: usize = 64 * 1024;

/// Pin the keys of a log, and write a commented configuration
#[derive(clap::Args)]
pub struct Args {
    /// The log
    url: String,
    /// What the log is called here: a-z, 0-9 and -
    #[arg(long, default_value = "log")]
    name: String,
    /// The public URL of this monitor without https://: it then cosigns, with keys of this name
    #[arg(long, value_name = "NAME")]
    cosign: Option<String>,
}

pub async fn run(folder: &Folder, args: Args) -> anyhow::Result<u8> {
    if folder.config().exists() {
        bail!("{} exists, and is not overwritten; add a [[log]] to it", folder.config().display());
    }
    let client = Client::new(&args.url).with_context(|| args.url.clone())?;
    let (key, index_key) = ask(&client).await.with_context(|| args.url.clone())?;
    let text = configuration(&args, client.base().as_str());
    Config::parse(&text)?;
    private_folder(folder.path())?;
    let policy = folder.path().join(format!("{}.policy", args.name));
    for (path, text) in [(&policy, pinned(&key, &index_key)), (&folder.config(), text)] {
        let is_new = whole_file::create(path, text.as_bytes(), whole_file::PRIVATE)
            .with_context(|| path.display().to_string())?;
        ensure!(is_new, "{} exists, and is not overwritten", path.display());
    }
    println!(
        "Written: {} and {}.\nBefore you rely on it:\n\
         - compare the two keys in the policy with what the log's operator publishes elsewhere, or ask from another network;\n\
         - name the log's witnesses and a quorum in the policy: without them the log can show you another tree than others;\n\
         - say in the configuration what you watch and who is told, then try `tnlog-monitor test-alert`.",
        folder.config().display(),
        policy.display()
    );
    Ok(FINE)
}

/// The keys that the log shows, when its checkpoint verifies with the first.
async fn ask(client: &Client) -> anyhow::Result<(VerifierKey, VerifierKey)> {
    let info: LogInfo = client.get_json("tn/v1/log", MAX_INFO).await?;
    let key: VerifierKey =
        info.checkpoint_key.parse().context("the log shows a checkpoint key that is none")?;
    let index_key: VerifierKey = info.index_key.parse().context("the log shows an index key that is none")?;
    if Generation::split(index_key.name()).is_none_or(|(origin, _)| origin != key.name()) {
        bail!("the log shows an index key that is not of its index log");
    }
    let policy = policy_of_key(key.clone()).context("the log shows a checkpoint key that is none")?;
    LogReader::new(Arc::new(client.clone()), policy).update().await?;
    Ok((key, index_key))
}

fn pinned(key: &VerifierKey, index_key: &VerifierKey) -> String {
    format!(
        "# A trust policy (C2SP tlog-policy), begun by `tnlog-monitor init`. The keys are those that the log showed of itself: compare\n\
         # them with what its operator publishes elsewhere. Whoever can show you a false log can show you false keys.\n\
         log {key}\nlog {index_key}\n\n\
         # No witnesses: the log alone is believed, which can then show this monitor another tree than everybody else. Add them:\n\
         #   witness NAME VKEY\n#   group witnesses 2 NAME NAME NAME\n#   quorum witnesses\nquorum none\n"
    )
}

fn configuration(args: &Args, url: &str) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let log = format!(
        "[[log]]\nname = {}\nurl = {}\npolicy = {}\n",
        quoted(&args.name),
        quoted(url),
        quoted(&format!("{}.policy", args.name))
    );
    let example = TEMPLATE.split_once("#- [[log]]").map_or(TEMPLATE, |(before, _)| before);
    let after = TEMPLATE.split_once("#- policy = \"example.policy\"\n").map_or("", |(_, after)| after);
    let mut text = format!("{example}{log}{after}");
    if let Some(name) = &args.cosign {
        text = text.replacen(
            "#= witness = \"\"",
            &format!("witness = {}", quoted(&format!("{name}/witness"))),
            1,
        );
        text = text.replacen(
            "#= verifier = \"\"",
            &format!("verifier = {}", quoted(&format!("{name}/verifier"))),
            1,
        );
    }
    text
}
