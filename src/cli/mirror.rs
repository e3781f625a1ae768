//! `tnlog mirror`

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args as ClapArgs;
use rand_core::{OsRng, RngCore};
use tnlog::client::whole_file;
use tnlog::mirror::{Config, Folder, Running, start};
use tnlog::server::keys::{VERIFIER, create_verifier_key};
use tnlog::server::open::PLACEHOLDER;
use tokio::signal::unix::{SignalKind, signal};

use crate::serve::write_messages;
use crate::{input, output, place};

const EXAMPLES: &str = "\
Examples:
  tnlog policy init https://log.example.com/2026
  tnlog mirror --log https://log.example.com/2026 --policy policy.txt --name mirror.example.net/2026 /var/lib/mirror
      Makes a key and a commented configuration in the folder, verifies and copies the whole log, and serves it on
      http://127.0.0.1:8090. Give the key that it prints to the log's operator, as a verifier of the index log.
  tnlog mirror /var/lib/mirror
      Goes on with what is there.

The copy is in the folder public there, for any static web server. When the log is found to cheat, nothing newer is served,
/healthz says so, and the evidence is in the folder evidence.

Exit codes: 0 stopped, 1 it did not start, 2 the log was found to cheat, 64 wrong usage";

/// Runs a mirror: a read-only copy of a log that verifies everything, answers look-ups, and cosigns the index log
///
/// Look-ups at a mirror do not show the log which label is looked up. A mirror states, with its cosignature, that it has
/// recomputed every head of the index log up to there.
#[derive(ClapArgs)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The folder of the mirror
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The log; needed at the first start
    #[arg(long, value_name = "URL")]
    log: Option<String>,
    /// A C2SP policy file: the keys of the log and of its index log, witnesses and quorum; needed at the first start
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// A C2SP policy file with the verifiers of the index log: look-ups are answered in what their quorum has cosigned
    #[arg(long, value_name = "FILE")]
    verifiers: Option<PathBuf>,
    /// The name of a new mirror's key, for ever: its public URL without https://
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Where to listen, instead of what the configuration says. Port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Write messages as JSON lines
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    write_messages(args.json);
    let folder = Folder::new(&args.folder);
    let is_new = !folder.config().exists();
    let started = begin(&folder, &args).await;
    if is_new && started.is_err() {
        undo(&folder);
    }
    let (config, mirror) = started?;
    tracing::info!(
        log = config.log,
        key = %mirror.verifier.key(),
        entries = mirror.progress.borrow().checked,
        folder = %args.folder.display(),
        "serving on http://{}", mirror.address
    );
    if config.name.contains(PLACEHOLDER) {
        tracing::warn!(
            "this mirror's key has a name that is good for trying out; others want --name at the first start"
        );
    }
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    let finding = mirror.mirror.finding();
    mirror.stop().await;
    match finding {
        None => Ok(ExitCode::SUCCESS),
        Some(finding) => {
            output::note(finding);
            Ok(output::FINDING.into())
        }
    }
}

/// Configures and starts a mirror, a new one or one that was there.
async fn begin(folder: &Folder, args: &Args) -> anyhow::Result<(Config, Running)> {
    let mut config = configure(folder, args)?;
    config.listen = args.listen.unwrap_or(config.listen);
    let policy = input::policy(&config.policy)?;
    let verifiers = config.has_verifiers().then(|| input::policy(&config.verifiers)).transpose()?;
    create_verifier_key(&folder.keys(), &config.name)?;
    let mirror = start(folder, &config, policy, verifiers)
        .await
        .with_context(|| format!("the mirror in {} does not start", args.folder.display()))?;
    Ok((config, mirror))
}

/// Takes back what the first start of a mirror made before it failed: a configuration and a key whose name may be a made-up one,
/// and which have cosigned nothing. Folders that are not empty stay.
fn undo(folder: &Folder) {
    let files = [folder.config(), folder.keys().join(VERIFIER), folder.cosigned()];
    files.iter().for_each(|path| drop(std::fs::remove_file(path)));
    let folders =
        [folder.keys(), folder.public(), folder.follower(), folder.evidence(), folder.path().to_owned()];
    folders.iter().for_each(|path| drop(std::fs::remove_dir(path)));
}

/// Makes folder and configuration if they are not there, and reads the configuration. What the command line says counts
/// for this time.
fn configure(folder: &Folder, args: &Args) -> anyhow::Result<Config> {
    let path = folder.config();
    if !path.exists() {
        make(folder, args)?;
    }
    let mut config =
        Config::parse(&std::fs::read_to_string(&path)?).with_context(|| path.display().to_string())?;
    if args.name.as_ref().is_some_and(|name| *name != config.name) {
        bail!(
            "the key of this mirror is called {}, for ever; one of another name needs a folder of its own",
            config.name
        );
    }
    if let Some(log) = &args.log {
        config.log.clone_from(log);
    }
    place::check(&config.log)?;
    for (given, configured) in [(&args.policy, &mut config.policy), (&args.verifiers, &mut config.verifiers)]
    {
        match given {
            Some(given) => configured.clone_from(given),
            None if configured.as_os_str().is_empty() => {}
            None => *configured = folder.path().join(&*configured),
        }
    }
    Ok(config)
}

fn make(folder: &Folder, args: &Args) -> anyhow::Result<()> {
    let (Some(log), Some(policy)) = (&args.log, &args.policy) else {
        return output::usage(format!(
            "there is no mirror in {} yet: give --log URL and --policy FILE",
            folder.path().display()
        ));
    };
    place::check(log)?;
    let absolute = |path: &Path| std::path::absolute(path).with_context(|| path.display().to_string());
    let name = args.name.clone().unwrap_or_else(|| format!("{PLACEHOLDER}/mirror-{:016x}", OsRng.next_u64()));
    let verifiers = args.verifiers.as_deref().map(absolute).transpose()?;
    input::policy(policy)?;
    let text = Config::template(log, &name, &absolute(policy)?, verifiers.as_deref());
    Config::parse(&text)?;
    std::fs::create_dir_all(folder.path()).with_context(|| folder.path().display().to_string())?;
    whole_file::create(&folder.config(), text.as_bytes(), whole_file::READABLE)
        .with_context(|| folder.config().display().to_string())?;
    Ok(())
}
