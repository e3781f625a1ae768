//! A log that runs: its folder opened, its rounds going, its address listening.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::clock::Clock;
use super::config::{Config, Folder};
use super::http::{App, Server, router};
use super::index::Indexing;
use super::log::Log;
use super::open::{OpenError, Opened, open_at};
use super::rounds::{Ended, Rounds};
use super::witness::Cosigner;

/// A log that runs in this process until it is stopped. Dropping it leaves it running.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// The log.
    pub log: Arc<Log>,
    stop: oneshot::Sender<()>,
    failed: Option<oneshot::Receiver<Ended>>,
    listening: JoinHandle<()>,
    rounds: Rounds,
    indexing: Indexing,
    cosigning: Vec<(JoinHandle<()>, oneshot::Sender<()>)>,
}

/// Opens the folder and starts. `progress` is told of what is known and of all while a derived database is built.
///
/// # Errors
/// [`OpenError`].
pub async fn start(
    folder: &Folder,
    config: Config,
    progress: impl Fn(u64, u64) + Send + 'static,
) -> Result<Running, OpenError> {
    start_at(folder, config, Clock::system(), progress).await
}

/// The same with another clock than the system's, for a simulation.
///
/// # Errors
/// As [`start`].
pub async fn start_at(
    folder: &Folder,
    config: Config,
    clock: Clock,
    progress: impl Fn(u64, u64) + Send + 'static,
) -> Result<Running, OpenError> {
    let opening = {
        let (folder, config) = (folder.clone(), config.clone());
        tokio::task::spawn_blocking(move || open_at(&folder, config, clock, progress))
    };
    let Opened { log, sequencer, stores, index_sequencer, mut cosigners } = match opening.await {
        Ok(opened) => opened?,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    };
    for cosigner in &mut cosigners {
        cosigner.ask_first().await?;
    }
    let listen = |error| OpenError::Listen { address: config.listen, error };
    let server = Server::bind(config.listen, &config.limits).await.map_err(listen)?;
    let server = server.trusting(&config.trusted_proxies);
    let address = server.local_addr().map_err(listen)?;
    let (fail, failed) = oneshot::channel();
    let public = stores.public.clone();
    let rounds = Rounds::start(log.clone(), sequencer, stores, move |error| drop(fail.send(error)));
    let indexing = Indexing::start(log.clone(), index_sequencer, folder.derived_index(), public);
    let (stop, stopped) = oneshot::channel();
    let router = router(Arc::new(App::new(log.clone(), address)));
    let listening = tokio::spawn(server.run(router, async { drop(stopped.await) }));
    let spawn = |cosigner: Cosigner| {
        let (stop, stopped) = oneshot::channel();
        (tokio::spawn(cosigner.run(async { drop(stopped.await) })), stop)
    };
    let cosigning = cosigners.into_iter().map(spawn).collect();
    Ok(Running { address, log, stop, failed: Some(failed), listening, rounds, indexing, cosigning })
}

impl Running {
    /// Ends when the log can never sign again in this process, with the reason.
    pub async fn failed(&mut self) -> Ended {
        match self.failed.take() {
            Some(failed) => match failed.await {
                Ok(error) => error,
                Err(_) => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }

    /// Stops accepting, answers what was asked, makes everything durable, and ends.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.listening.await;
        self.log.pool.close();
        let (rounds, indexing) = (self.rounds, self.indexing);
        let join = move || {
            rounds.join();
            indexing.join();
        };
        let _ = tokio::task::spawn_blocking(join).await;
        for (cosigning, stop) in self.cosigning {
            let _ = stop.send(());
            let _ = cosigning.await;
        }
    }
}
