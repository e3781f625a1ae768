//! A mirror that runs: its folder opened, its log followed, its address listening.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot, watch};

use super::config::{Config, Folder};
use super::copy::{HEADS, Keeper};
use super::evidence::Evidence;
use super::http::{App, router};
use super::{Mirror, State, issuers};
use crate::checkpoint::Checkpoint;
use crate::client::api;
use crate::client::copy::LogCopy;
use crate::client::cosigner::{Cosigner, Recomputed};
use crate::client::follow::{Finding, Follow, FollowError, Follower, Progress};
use crate::client::http::{Client, HttpError};
use crate::client::store::{DiskLock, DiskStore, ObjectStore, PrefixedStore};
use crate::index::Generation;
use crate::note::{Note, VerifierKey};
use crate::policy::Policy;
use crate::server::clock::Clock;
use crate::server::http::Server;
use crate::server::issuers::Issuers;
use crate::server::kept::Kept;
use crate::server::keys::{KeysError, read_verifier_key};
use crate::server::read::LogReader;
use crate::server::staging::Tree;

/// The longest wait before a step that failed is tried again.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// How often it is said how far copying has come, and how many entries are much.
const SAY_EVERY: Duration = Duration::from_secs(5);
const MUCH: u64 = 10_000;

/// Why a mirror does not start.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// A file or folder cannot be read or made.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What failed.
        #[source]
        error: io::Error,
    },
    /// The address cannot be listened on.
    #[error("{address} cannot be listened on: {error}. Choose another with --listen or in the configuration")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What failed.
        #[source]
        error: io::Error,
    },
    /// The policy does not say which log.
    #[error(
        "the policy must have one `log` line for the log, and one for its index log (the index_key at /tn/v1/log): `tnlog policy init URL` writes both"
    )]
    Policy,
    /// The URL of the log is none.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The key is wrong.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// What the folder remembers cannot be used.
    #[error(transparent)]
    Follow(#[from] FollowError),
}

/// A mirror that runs in this process until it is stopped.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it serves.
    pub mirror: Arc<Mirror>,
    /// Cosigns.
    pub verifier: Arc<Cosigner>,
    /// How far it is.
    pub progress: watch::Receiver<Progress>,
    stop: oneshot::Sender<()>,
    stopping: watch::Sender<bool>,
    listening: tokio::task::JoinHandle<()>,
    following: JoinHandle<()>,
}

/// Opens the folder and starts. `policy` is that of the configuration, `verifiers` too.
///
/// # Errors
/// [`MirrorError`].
pub async fn start(
    folder: &Folder,
    config: &Config,
    policy: Policy,
    verifiers: Option<Policy>,
) -> Result<Running, MirrorError> {
    let at = |path: PathBuf| move |error| MirrorError::Io { path, error };
    let (key, index_key) = policy.log_and_index_log().ok_or(MirrorError::Policy)?;
    // The lock comes first: it keeps a second process out of the whole folder.
    let last = DiskLock::open(&folder.cosigned()).map_err(at(folder.cosigned()))?;
    let signer = read_verifier_key(&folder.keys(), &config.name)?;
    let store: Arc<dyn ObjectStore> =
        Arc::new(DiskStore::open(&folder.public()).map_err(at(folder.public()))?);
    let client = Client::new(&config.log)?;
    let follow = Follow {
        key: key.clone(),
        policy,
        index_key: Some(index_key.clone()),
        verifiers,
        index: Arc::default(),
        folder: folder.follower(),
    };
    let (mirror, follower) =
        open(&store, client.clone(), follow, index_key.clone()).map_err(|error| match error {
            FollowError::Sink(error) => MirrorError::Io { path: folder.public(), error },
            error => error.into(),
        })?;
    let (progress, nudge) = (follower.progress(), Arc::new(Notify::new()));
    let recomputed =
        Recomputed { index: mirror.index.clone(), progress: progress.clone(), nudge: nudge.clone() };
    let verifier = Arc::new(Cosigner::verifier(signer, index_key, recomputed, Box::new(last)));
    let listen = |error| MirrorError::Listen { address: config.listen, error };
    let server = Server::bind(config.listen, &config.limits()).await.map_err(listen)?;
    let address = server.local_addr().map_err(listen)?;
    let (fresh, freshness) = watch::channel(Instant::now());
    let app = Arc::new(App::new(mirror.clone(), verifier.clone(), progress.clone(), freshness));
    let (stop, stopped) = oneshot::channel();
    let listening = tokio::spawn(server.run(router(app, config, address), async { drop(stopped.await) }));
    let (stopping, stopped) = watch::channel(false);
    let work = Work {
        follower,
        mirror: mirror.clone(),
        evidence: Evidence::new(folder, client.clone(), &mirror),
        client,
        store,
        named: 0,
        poll: Duration::from_millis(config.poll_milliseconds),
        nudge,
        fresh,
        stopped,
    };
    tokio::spawn(say(progress.clone(), stopping.subscribe()));
    let runtime = tokio::runtime::Handle::current();
    let following = std::thread::spawn(move || runtime.block_on(work.run()));
    Ok(Running { address, mirror, verifier, progress, stop, stopping, listening, following })
}

/// Says how far copying has come, while there is much to copy.
async fn say(progress: watch::Receiver<Progress>, mut stopped: watch::Receiver<bool>) {
    let mut said = Progress::default();
    loop {
        tokio::select! {
            () = tokio::time::sleep(SAY_EVERY) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        let now = *progress.borrow();
        let behind = now.size.saturating_sub(now.checked.min(now.indexed));
        if behind > MUCH && now != said {
            tracing::info!(
                checked = now.checked,
                indexed = now.indexed,
                entries = now.size,
                "copying the log"
            );
        }
        said = now;
    }
}

fn open(
    store: &Arc<dyn ObjectStore>,
    client: Client,
    follow: Follow,
    index_key: VerifierKey,
) -> Result<(Arc<Mirror>, Follower<Client, Keeper>), FollowError> {
    let generation =
        Generation::split(index_key.name()).map_or(Generation::FIRST, |(_, generation)| generation);
    let below: Arc<dyn ObjectStore> = Arc::new(PrefixedStore::new(store.clone(), &generation.path()));
    let mirror = Mirror {
        url: client.base().to_string(),
        key: follow.key.clone(),
        index_key,
        reader: LogReader::new(store.clone()),
        index_reader: LogReader::new(below),
        generation,
        issuers: Issuers::open(&**store).map_err(FollowError::Sink)?,
        index: follow.index.clone(),
        state: State::default().into(),
        kept: Kept::default().into(),
    };
    remember_heads(&mirror, &**store);
    let mirror = Arc::new(mirror);
    let copy = Keeper { copy: LogCopy::new(store.clone()), mirror: mirror.clone() };
    let follower = Follower::open(client, follow, copy)?;
    Ok((mirror, follower))
}

/// The checkpoint that fitted the head before a restart: what is complete now may be larger.
fn remember_heads(mirror: &Mirror, store: &dyn ObjectStore) {
    let stored = store.get(HEADS).ok().flatten();
    let heads = stored.and_then(|bytes| serde_json::from_slice::<api::Heads>(&bytes).ok());
    let note = heads.and_then(|heads| Note::parse(heads.checkpoint.as_bytes()).ok());
    let opened = note.and_then(|note| Some((Checkpoint::open(&note, &mirror.key).ok()?, note)));
    if let Some((Checkpoint { size, root, .. }, note)) = opened {
        mirror.kept().add(Tree { size, root }, &note.to_string(), 0);
    }
}

/// Follows the log until it is stopped, or finds that the log cheats.
struct Work {
    follower: Follower<Client, Keeper>,
    mirror: Arc<Mirror>,
    client: Client,
    store: Arc<dyn ObjectStore>,
    /// The size of the log whose issuers are copied.
    named: u64,
    evidence: Evidence,
    poll: Duration,
    nudge: Arc<Notify>,
    fresh: watch::Sender<Instant>,
    stopped: watch::Receiver<bool>,
}

impl Work {
    async fn run(mut self) {
        self.steps().await;
        self.follower.rest().await;
    }

    async fn steps(&mut self) {
        let mut stopped = self.stopped.clone();
        let (mut pause, mut failures) = (self.poll, 0);
        loop {
            let step = tokio::select! {
                step = self.follower.step() => step,
                _ = stopped.wait_for(|stopped| *stopped) => return,
            };
            match step {
                Ok(()) => {
                    self.fresh.send_replace(Instant::now());
                    (pause, failures) = (self.poll, 0);
                    tokio::select! {
                        () = self.learn_issuers() => {}
                        _ = stopped.wait_for(|stopped| *stopped) => return,
                    }
                }
                Err(error) => {
                    let error = self.evidence.judge(error).await;
                    if let FollowError::Found(finding) = &error
                        && self.found(finding).await
                    {
                        return;
                    }
                    report(&error, failures == 0);
                    failures += 1;
                    pause = (pause * 2).min(MAX_PAUSE.max(self.poll));
                }
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.nudge.notified(), if failures == 0 => {}
                _ = stopped.wait_for(|stopped| *stopped) => return,
            }
        }
    }

    /// Once for each size. Names are a help to readers: nothing waits for them.
    async fn learn_issuers(&mut self) {
        let size = self.follower.progress().borrow().checked;
        if size == self.named {
            return;
        }
        match issuers::copy(&self.client, &*self.store, &self.mirror).await {
            Ok(()) => self.named = size,
            Err(error) => tracing::debug!("{error}"),
        }
    }

    /// Keeps the evidence; whether nothing newer is served from now on.
    async fn found(&mut self, finding: &Finding) -> bool {
        if finding.is_final() || matches!(finding, Finding::Rollback { .. }) {
            self.evidence.keep(finding, Clock::system().now_milliseconds() / 1000).await;
        }
        if finding.is_final() {
            tracing::error!("{finding}. Nothing newer is served, and nothing more cosigned");
            self.mirror.found(finding.to_string());
        }
        finding.is_final()
    }
}

fn report(error: &FollowError, first: bool) {
    if first {
        tracing::warn!("{error}; trying again, ever less often");
    } else {
        tracing::debug!("{error}");
    }
}

impl Running {
    /// Stops accepting, answers what was asked, and ends.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.listening.await;
        self.stopping.send_replace(true);
        let following = self.following;
        let _ = tokio::task::spawn_blocking(move || following.join()).await;
    }
}
