//! The copy of a log: what was verified, in a folder that any static web server could serve.

use std::io;
use std::sync::Arc;

use super::Mirror;
use crate::certificate::Certificate;
use crate::client::copy::LogCopy;
use crate::client::follow::{Object, Part, ShownHead, Sink};
use crate::note::Note;
use crate::server::readable::Readable;
use crate::server::sequencer::CHECKPOINT;
use crate::server::witness::COSIGNED;

/// What the names of CA certificates begin with.
const ISSUER: &str = "issuer/";
/// The heads that a look-up begins with, for static web servers, and to answer with after a restart.
pub const HEADS: &str = "tn/v1/heads";

/// Keeps what was verified, and shows it.
pub struct Keeper {
    pub copy: LogCopy,
    pub mirror: Arc<Mirror>,
}

impl Keeper {
    fn show_heads(&self) -> io::Result<()> {
        match self.mirror.heads() {
            Ok(heads) => self.copy.store().put(HEADS, &serde_json::to_vec(&heads).map_err(io::Error::other)?),
            Err(_) => Ok(()),
        }
    }
}

impl Sink for Keeper {
    fn take(&mut self, part: &Part<'_>) -> io::Result<()> {
        self.copy.keep(part.objects)?;
        let issuers = part.objects.iter().filter(|(name, _)| name.starts_with(ISSUER));
        issuers
            .filter_map(|(_, der)| Certificate::from_der(der.clone()).ok())
            .for_each(|issuer| self.mirror.issuers.insert(&issuer));
        Ok(())
    }

    fn take_heads(&mut self, objects: &[Object]) -> io::Result<()> {
        self.copy.keep(objects)
    }

    fn complete(&mut self, checkpoint: &Note) -> io::Result<()> {
        let note = checkpoint.to_string();
        self.copy.store().put(CHECKPOINT, note.as_bytes())?;
        self.copy.store().put(COSIGNED, note.as_bytes())?;
        self.mirror.publish(checkpoint);
        self.show_heads()
    }

    fn heads_complete(&mut self, shown: &ShownHead) -> io::Result<()> {
        let folder = self.mirror.generation.path();
        for name in [CHECKPOINT, COSIGNED] {
            self.copy.store().put(&format!("{folder}/{name}"), shown.note.as_bytes())?;
        }
        self.show_heads()
    }
}
