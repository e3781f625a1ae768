//! The copy of a log: what was verified, in a folder that any static web server could serve.

use std::io;
use std::sync::Arc;

use super::Mirror;
use crate::certificate::Certificate;
use crate::client::follow::{Object, Part, ShownHead, Sink};
use crate::index::Generation;
use crate::note::Note;
use crate::server::readable::Readable;
use crate::server::sequencer::CHECKPOINT;
use crate::server::store::ObjectStore;
use crate::server::witness::COSIGNED;
use crate::tile::TilePath;

/// What the names of CA certificates begin with.
const ISSUER: &str = "issuer/";
/// The heads that a look-up begins with, for static web servers, and to answer with after a restart.
pub const HEADS: &str = "tn/v1/heads";

/// Keeps what was verified, and shows it.
pub struct Copy {
    pub store: Arc<dyn ObjectStore>,
    pub mirror: Arc<Mirror>,
}

impl Copy {
    /// Stores objects, durably.
    fn keep(&self, objects: &[Object]) -> io::Result<()> {
        for (name, bytes) in objects {
            self.store.put(name, bytes)?;
        }
        let names: Vec<&str> = objects.iter().map(|(name, _)| name.as_str()).collect();
        self.store.sync(&names)?;
        names.into_iter().try_for_each(|name| self.drop_partial(name))
    }

    /// A full tile takes the place of the partial ones, which are cut from it when they are asked for.
    fn drop_partial(&self, name: &str) -> io::Result<()> {
        let path = Generation::FIRST.path() + "/";
        let tile = name.strip_prefix(&path).unwrap_or(name).parse::<TilePath>();
        if tile.is_ok_and(|tile| !tile.is_partial()) {
            for partial in self.store.list(&format!("{name}.p"))? {
                self.store.delete(&partial)?;
            }
        }
        Ok(())
    }

    fn show_heads(&self) -> io::Result<()> {
        match self.mirror.heads() {
            Ok(heads) => self.store.put(HEADS, &serde_json::to_vec(&heads).map_err(io::Error::other)?),
            Err(_) => Ok(()),
        }
    }
}

impl Sink for Copy {
    fn take(&mut self, part: &Part<'_>) -> io::Result<()> {
        self.keep(part.objects)?;
        let issuers = part.objects.iter().filter(|(name, _)| name.starts_with(ISSUER));
        issuers
            .filter_map(|(_, der)| Certificate::from_der(der.clone()).ok())
            .for_each(|issuer| self.mirror.issuers.insert(&issuer));
        Ok(())
    }

    fn take_heads(&mut self, objects: &[Object]) -> io::Result<()> {
        self.keep(objects)
    }

    fn complete(&mut self, checkpoint: &Note) -> io::Result<()> {
        let note = checkpoint.to_string();
        self.store.put(CHECKPOINT, note.as_bytes())?;
        self.store.put(COSIGNED, note.as_bytes())?;
        self.mirror.publish(checkpoint);
        self.show_heads()
    }

    fn heads_complete(&mut self, shown: &ShownHead) -> io::Result<()> {
        let folder = self.mirror.generation.path();
        for name in [CHECKPOINT, COSIGNED] {
            self.store.put(&format!("{folder}/{name}"), shown.note.as_bytes())?;
        }
        self.show_heads()
    }
}
