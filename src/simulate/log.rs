//! The log of a world: an ordinary one, in this process, whose clock the world sets.

use std::net::SocketAddr;
use std::sync::Arc;

use super::mint::Mint;
use super::script::Script;
use crate::anchors::Anchor;
use crate::server::clock::{Clock, Hand};
use crate::server::config::{Config, Folder, Limits};
use crate::server::open::{self, OpenError};
use crate::server::pem_folder::FolderError;
use crate::server::roots;
use crate::server::run::{Running, start_at};
use crate::server::services::{self, ServiceKey};

/// The name of the log of every world.
pub const ORIGIN: &str = "simulation.tnlog.invalid/world";
/// Rounds follow each other at full speed: what is submitted together still comes in few of them.
const ROUND_MILLISECONDS: u64 = 5;

/// Why there is no log for a world.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A root or Resolution Service cannot be made known to it.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The world's file has a Resolution Service that cannot be one.
    #[error("{0:?} cannot be the name of a Resolution Service")]
    Service(String),
    /// The folder holds a log.
    #[error("{} holds a log already: a world begins with an empty one", .0.display())]
    Taken(std::path::PathBuf),
}

/// A log that runs in the time of a world.
pub struct WorldLog {
    /// The log.
    pub running: Running,
    /// Its time.
    pub hand: Hand,
}

impl WorldLog {
    /// Makes a log in an empty folder that accepts the CAs and Resolution Services of the world, and starts it in the first
    /// second of the world.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn begin(
        folder: &Folder,
        listen: SocketAddr,
        script: &Script,
        mint: &Mint,
    ) -> Result<Self, StartError> {
        if folder.lock().exists() {
            return Err(StartError::Taken(folder.path().to_owned()));
        }
        let config = open::configure_as(folder, None, Some(ORIGIN))?;
        for root in mint.roots() {
            let anchor = Anchor { certificate: Arc::new(root), calling_codes: None };
            roots::add(&folder.roots(), &anchor)?;
        }
        let names = &script.world.registrations.resolution_services;
        for (name, key) in names.iter().zip(mint.resolution_services()) {
            let key = ServiceKey::new(name, key.to_vec()).map_err(|_| StartError::Service(name.clone()))?;
            services::add(&folder.services(), &key)?;
        }
        Ok(Self::start(folder, Config { listen, ..config }, script.time.start * 1000).await?)
    }

    /// Starts the log of a folder at a time, in milliseconds of Unix time.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn start(folder: &Folder, config: Config, time: u64) -> Result<Self, OpenError> {
        let (clock, hand) = Clock::by_hand(time);
        let limits = unlimited(config.limits.clone());
        let config = Config { limits, round_milliseconds: ROUND_MILLISECONDS, ..config };
        let running = start_at(folder, config, clock, |_, _| {}).await?;
        Ok(WorldLog { running, hand })
    }

    /// Where it is reached.
    pub fn url(&self) -> String {
        format!("http://{}", self.running.address)
    }
}

/// Weeks pass in minutes, and all clients are one: what is meant for a day or a client does not fit.
fn unlimited(limits: Limits) -> Limits {
    Limits {
        labels_per_issuer_day: u32::MAX,
        labels_per_root_day: u32::MAX,
        statements_per_client_hour: u32::MAX,
        statements_per_key_day: u32::MAX,
        registrations_per_client_hour: u32::MAX,
        registrations_per_key_day: u32::MAX,
        ..limits
    }
}
