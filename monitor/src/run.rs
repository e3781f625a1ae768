//! A monitor: its folder opened, its logs followed, its alerts delivered.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use tnlog::client::copy::LogCopy;
use tnlog::client::cosigner::{Cosigner, Recomputed};
use tnlog::client::follow::{Follow, Follower, Progress, Prover};
use tnlog::client::http::Client;
use tnlog::client::secret_file;
use tnlog::client::store::{DiskLock, DiskStore};
use tnlog::note::{KeyType, Signer};
use tnlog::policy::Policy;
use tokio::sync::{Notify, watch};
use zeroize::Zeroizing;

use crate::alert::{Channel, channels};
use crate::config::{Config, Log, PAGE};
use crate::entries::Entries;
use crate::findings;
use crate::folder::{self, Folder, LogFolder};
use crate::follow::{Following, Outcome};
use crate::http::{App, Listener};
use crate::inbox::{Followed, Inbox};
use crate::issuers::Issuers;
use crate::keeper::Keeper;
use crate::page::{Page, ShownLog};
use crate::progress;
use crate::quorum::Behind;
use crate::served::Served;
use crate::state::{Destination, State};
use crate::watching::Watching;

/// How often a log is tried by [`Monitor::check`].
const ATTEMPTS: usize = 3;
/// Milliseconds of Unix time.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64)
}

/// A monitor whose folder is open.
pub struct Monitor {
    folder: Folder,
    config: Config,
    channels: Vec<Arc<Channel>>,
    logs: Vec<Opened>,
}

/// A log that is open, and who cosigns it.
struct Opened {
    name: String,
    policy: Policy,
    following: Following,
    state: Arc<State>,
    served: Arc<Served>,
    cosigners: Vec<Arc<Cosigner>>,
    nudge: Arc<Notify>,
}

impl Opened {
    /// For the page.
    fn shown(&self) -> ShownLog {
        let following = &self.following;
        ShownLog {
            name: self.name.clone(),
            url: following.client.base().to_string(),
            policy: self.policy.clone(),
            entries: following.entries.clone(),
            issuers: following.issuers.clone(),
            state: self.state.clone(),
            served: self.served.clone(),
            progress: following.progress(),
            fresh: following.fresh.subscribe(),
            trouble: following.trouble.subscribe(),
        }
    }
}

/// What a check came to, the worst of all logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Checked {
    /// Nothing was found.
    Nothing,
    /// A log could not be followed, or somebody not told.
    Trouble,
    /// There are findings that are new.
    Findings,
    /// A log does what it must not.
    Misbehaviour,
}

/// Reads the configuration of a folder.
///
/// # Errors
/// Says what is wrong with it.
pub fn configure(folder: &Folder) -> anyhow::Result<Config> {
    let path = folder.config();
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("{}: `tnlog-monitor init URL` makes one", path.display()))?;
    Config::parse(&text).with_context(|| path.display().to_string())
}

impl Monitor {
    /// Opens everything; asks nobody.
    ///
    /// # Errors
    /// Says what cannot be used.
    pub fn open(folder: &Folder, config: Config) -> anyhow::Result<Self> {
        if config.logs.is_empty() {
            bail!("the configuration names no log; `tnlog-monitor init URL` shows how");
        }
        let channels = channels(folder, &config).context("the alerts cannot be opened")?;
        let signers = [("witness", &config.witness), ("verifier", &config.verifier)];
        let [witness, verifier] = signers.map(|(file, name)| signer(folder, file, name));
        let keys = Keys { witness: witness?, verifier: verifier? };
        let logs = config.logs.iter().map(|log| {
            let context = || format!("the log {}", log.name);
            open(folder, &config, log, &channels, &keys).with_context(context)
        });
        let logs = logs.collect::<anyhow::Result<_>>()?;
        Ok(Monitor { folder: folder.clone(), config, channels, logs })
    }

    /// Takes every log up to its newest checkpoint, and tells everybody, once.
    ///
    /// # Errors
    /// When a memory fails.
    pub async fn check(self, folder: &Folder) -> anyhow::Result<Checked> {
        let before = findings::newest(folder, |_| ())?;
        let mut worst = Checked::Nothing;
        let mut inbox = self.inbox()?;
        let states: Vec<_> = self.logs.iter().map(|log| log.state.clone()).collect();
        let runtime = tokio::runtime::Handle::current();
        let (stopping, stopped) = watch::channel(false);
        let threads: Vec<_> = self
            .logs
            .into_iter()
            .map(|log| {
                let runtime = runtime.clone();
                tokio::spawn(progress::show(log.name, log.following.progress(), stopped.clone()));
                std::thread::spawn(move || runtime.block_on(once(log.following)))
            })
            .collect();
        for thread in threads {
            let joined = tokio::task::spawn_blocking(move || thread.join()).await?;
            worst = worst.max(joined.unwrap_or(Checked::Trouble));
        }
        if inbox.look().await? {
            worst = Checked::Misbehaviour;
        }
        stopping.send_replace(true);
        for state in &states {
            for channel in &self.channels {
                if !channel.deliver_waiting(state).await? {
                    worst = worst.max(Checked::Trouble);
                }
            }
        }
        let least = self.config.least.into();
        let counts = |notice: crate::notice::Notice| {
            !notice.cleared && !notice.misbehaviour && notice.is_at_least(least)
        };
        let after = findings::newest(folder, counts)?;
        let is_new = |id: &str, version: u32| before.get(id).is_none_or(|(known, ())| *known < version);
        if after.iter().any(|(id, (version, counts))| *counts && is_new(id, *version)) {
            worst = worst.max(Checked::Findings);
        }
        Ok(worst)
    }

    /// Follows, tells, cosigns and answers until it is stopped.
    ///
    /// # Errors
    /// When its address cannot be listened on.
    pub async fn start(self) -> anyhow::Result<Running> {
        let listener = bind(&self.config.listen).await?;
        let address = listener.as_ref().map(Listener::address).transpose()?;
        let page_listener = match &self.config.page {
            Some(address) => bind(address).await?,
            // Several monitors on one machine need not care.
            None => bind(PAGE).await.unwrap_or_else(|error| {
                tracing::warn!("there is no page: {error:#}");
                None
            }),
        };
        let page_address = page_listener.as_ref().map(Listener::address).transpose()?;
        let page = match page_address {
            Some(address) => {
                let shown = self.logs.iter().map(Opened::shown).collect();
                Some(Arc::new(Page::new(&self.folder, &self.config, address, shown)?))
            }
            None => None,
        };
        let (stopping, stopped) = watch::channel(false);
        let poll = Duration::from_millis(self.config.poll_milliseconds);
        let runtime = tokio::runtime::Handle::current();
        let (mut app, mut threads, mut all) = (App::default(), Vec::new(), Vec::new());
        let inbox = self.inbox()?;
        let (handle, ending) = (runtime.clone(), stopped.clone());
        threads.push(std::thread::spawn(move || handle.block_on(inbox.run(poll, ending))));
        for log in self.logs {
            app.add(&log.name, log.served, log.cosigners, log.following.fresh.subscribe());
            for channel in &self.channels {
                let (channel, state) = (channel.clone(), log.state.clone());
                tokio::spawn(async move { channel.deliver(&state).await });
            }
            let now = log.following.progress();
            tokio::spawn(progress::show(log.name.clone(), now.clone(), stopped.clone()));
            all.push((log.name, now));
            let (runtime, stopped) = (runtime.clone(), stopped.clone());
            threads.push(std::thread::spawn(move || {
                runtime.block_on(log.following.run(poll, log.nudge, stopped));
            }));
        }
        let mut listening = Vec::new();
        if let Some(listener) = listener {
            let router = crate::http::router(Arc::new(app));
            listening.push(tokio::spawn(listener.run(router, ended(stopped.clone()))));
        }
        if let (Some(listener), Some(page)) = (page_listener, page) {
            page.read_on();
            let router = crate::page::router(page);
            listening.push(tokio::spawn(listener.run(router, ended(stopped.clone()))));
        }
        Ok(Running { address, page_address, progress: all, stopping, listening, threads })
    }

    fn inbox(&self) -> anyhow::Result<Inbox> {
        let followed = |log: &Opened| Followed {
            entries: log.following.entries.clone(),
            served: log.served.clone(),
            state: log.state.clone(),
        };
        Ok(Inbox::open(&self.folder, self.logs.iter().map(followed).collect())?)
    }

    /// Tells everybody that this is a test, except the file of findings.
    ///
    /// # Errors
    /// The first that could not be told.
    pub async fn test_alert(folder: &Folder, config: &Config) -> anyhow::Result<usize> {
        let channels = channels(folder, config)?;
        let told = &channels[1..];
        for channel in told {
            let name = &channel.destination.name;
            channel
                .tell(&crate::notice::Notice::test())
                .await
                .with_context(|| format!("the alert {name}"))?;
        }
        Ok(told.len())
    }
}

/// None for an empty address.
async fn bind(address: &str) -> anyhow::Result<Option<Listener>> {
    if address.is_empty() {
        return Ok(None);
    }
    let bound = Listener::bind(address.parse()?).await;
    bound
        .map(Some)
        .with_context(|| format!("{address} cannot be listened on; choose another in the configuration"))
}

async fn ended(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

async fn once(mut following: Following) -> Checked {
    for attempt in 0..ATTEMPTS {
        match following.step(attempt == 0).await {
            Outcome::Fine => return Checked::Nothing,
            Outcome::Misbehaves | Outcome::Cheats => return Checked::Misbehaviour,
            Outcome::Trouble => {}
        }
    }
    Checked::Trouble
}

struct Keys {
    witness: Option<Zeroizing<String>>,
    verifier: Option<Zeroizing<String>>,
}

/// The private key in a file of the folder, which is made when there is none; none without a name.
fn signer(folder: &Folder, file: &str, name: &str) -> anyhow::Result<Option<Zeroizing<String>>> {
    if name.is_empty() {
        return Ok(None);
    }
    let path = folder.key(file);
    if !path.exists() {
        folder::private_folder(path.parent().unwrap_or(Path::new(".")))?;
        let mut seed = Zeroizing::new([0; 32]);
        rand_core::RngCore::fill_bytes(&mut rand_core::OsRng, &mut seed[..]);
        let made = Signer::new(name, KeyType::Cosignature, &seed)?;
        secret_file::write_new(&path, made.to_private_key().as_bytes())?;
    }
    let bytes = secret_file::read(&path)?;
    let text = std::str::from_utf8(&bytes).unwrap_or_default().trim();
    let signer = Signer::parse(text).with_context(|| path.display().to_string())?;
    if signer.verifier_key().name() != name {
        bail!(
            "{} holds the key {}, and the configuration names {name}",
            path.display(),
            signer.verifier_key().name()
        );
    }
    tracing::info!(key = %signer.verifier_key(), "cosigning as {file}");
    Ok(Some(Zeroizing::new(text.to_owned())))
}

fn policy(folder: &Folder, path: &Path) -> anyhow::Result<Policy> {
    let path = folder.named(path);
    let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
    Policy::parse(&bytes).with_context(|| path.display().to_string())
}

fn open(
    folder: &Folder,
    config: &Config,
    log: &Log,
    channels: &[Arc<Channel>],
    keys: &Keys,
) -> anyhow::Result<Opened> {
    let place = folder.log(&log.name);
    folder::private_folder(place.path())?;
    let policy_of_log = policy(folder, &log.policy)?;
    let (key, index_key) = policy_of_log.log_and_index_log().context(
        "the policy must have one `log` line for the log, and one for its index log (the index_key at /tn/v1/log)",
    )?;
    let verifiers = match log.verifiers.as_os_str().is_empty() {
        true => None,
        false => Some(policy(folder, &log.verifiers)?),
    };
    // The memory comes first: its lock keeps a second process out of the whole folder.
    let destinations: Vec<Destination> = channels.iter().map(|channel| channel.destination.clone()).collect();
    let state = Arc::new(State::open(&place.memory(), destinations)?);
    let copy = LogCopy::new(Arc::new(DiskStore::open(&place.copy())?));
    let keys_of_log = (key.clone(), index_key.clone());
    let served = Arc::new(Served::new(keys_of_log.clone(), copy.clone(), place.copy()));
    let issuers = Arc::new(Issuers::open(copy.clone())?);
    let entries = Arc::new(Entries::new(copy.clone(), issuers.clone()));
    let watching = Watching::new(config, key.name());
    let keeper = Keeper {
        copy,
        entries: entries.clone(),
        issuers: issuers.clone(),
        detectors: watching.detectors(),
        state: state.clone(),
        served: served.clone(),
    };
    let client = Client::new(&log.url)?;
    let follow = Follow {
        key,
        policy: policy_of_log.clone(),
        index_key: Some(index_key),
        verifiers,
        index: served.index().clone(),
        folder: place.follower(),
    };
    let follower = Follower::open(client.clone(), follow, keeper)?;
    let nudge = Arc::new(Notify::new());
    let recomputed =
        Recomputed { index: served.index().clone(), progress: follower.progress(), nudge: nudge.clone() };
    let cosigners = cosigners(&place, &policy_of_log, keys, recomputed)?;
    let following = Following {
        name: log.name.clone(),
        follower,
        prover: Prover::new(client.clone(), place.copy(), keys_of_log),
        client,
        folder: folder.clone(),
        entries,
        issuers,
        state: state.clone(),
        served: served.clone(),
        watching,
        stale_after: Duration::from_secs(60 * config.stale_minutes),
        suspected: None,
        behind: Behind::new(Instant::now()),
        heartbeat: Duration::from_secs(60 * log.heartbeat_minutes),
        pulse: None,
        fresh: watch::channel(Instant::now()).0,
        trouble: watch::channel(None).0,
    };
    Ok(Opened { name: log.name.clone(), policy: policy_of_log, following, state, served, cosigners, nudge })
}

fn cosigners(
    place: &LogFolder,
    policy: &Policy,
    keys: &Keys,
    recomputed: Recomputed,
) -> anyhow::Result<Vec<Arc<Cosigner>>> {
    let (key, index_key) = policy.log_and_index_log().context("the policy was checked")?;
    let mut cosigners = Vec::new();
    if let Some(private) = &keys.witness {
        let last = Box::new(DiskLock::open(&place.witnessed())?);
        cosigners.push(Arc::new(Cosigner::witness(Signer::parse(private)?, key, last)));
    }
    if let Some(private) = &keys.verifier {
        let last = Box::new(DiskLock::open(&place.verified())?);
        cosigners.push(Arc::new(Cosigner::verifier(Signer::parse(private)?, index_key, recomputed, last)));
    }
    Ok(cosigners)
}

/// A monitor that runs in this process until it is stopped.
pub struct Running {
    /// Where it listens.
    pub address: Option<SocketAddr>,
    /// Where its page is.
    pub page_address: Option<SocketAddr>,
    /// How far each log is.
    pub progress: Vec<(String, watch::Receiver<Progress>)>,
    stopping: watch::Sender<bool>,
    listening: Vec<tokio::task::JoinHandle<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl Running {
    /// Stops accepting, answers what was asked, and ends.
    pub async fn stop(self) {
        self.stopping.send_replace(true);
        for listening in self.listening {
            let _ = listening.await;
        }
        for thread in self.threads {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}
