//! The log of a world: an ordinary one, in this process, whose clock the world sets.

use std::net::SocketAddr;
use std::sync::Arc;

use super::mint::Mint;
use super::script::Script;
use crate::anchors::Anchor;
use crate::server::clock::{Clock, Hand};
use crate::server::config::{Config, Folder};
use crate::server::open::{self, OpenError};
use crate::server::pem_folder::FolderError;
use crate::server::roots;
use crate::server::run::{Running, start_at};
use crate::server::services::{self, ServiceKey};

/// The configuration of the log of every world.
const CONFIG: &str = include_str!("log.toml");

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
        if folder.lock().exists() || folder.config().exists() {
            return Err(StartError::Taken(folder.path().to_owned()));
        }
        let io = |error| OpenError::Io { path: folder.config(), error };
        std::fs::create_dir_all(folder.path()).map_err(io)?;
        std::fs::write(folder.config(), CONFIG).map_err(io)?;
        let config = open::configure(folder, None)?;
        for root in mint.roots() {
            let anchor = Anchor { certificate: Arc::new(root), calling_codes: None };
            roots::add(&folder.roots(), &anchor)?;
        }
        let names = &script.world.registrations.resolution_services;
        for (name, key) in names.iter().zip(mint.resolution_services()) {
            let key = ServiceKey::new(name, key.to_vec()).map_err(|_| StartError::Service(name.clone()))?;
            services::add(&folder.services(), &key)?;
        }
        let (clock, hand) = Clock::by_hand(script.time.start * 1000);
        let running = start_at(folder, Config { listen, ..config }, clock, |_, _| {}).await?;
        Ok(WorldLog { running, hand })
    }

    /// Where it is reached.
    pub fn url(&self) -> String {
        format!("http://{}", self.running.address)
    }
}
