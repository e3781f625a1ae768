//! Publishing: the one object of a log that changes, written by the sequencer and by who gathers cosignatures.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{CHECKPOINT, Published, SequencerError};
use crate::client::store::ObjectStore;
use crate::server::staging::Tree;

/// Writes the checkpoint of a log into its served folder: always that of the newest round, with the cosignatures of it that
/// there are. A writer waits for another one at most as long as the store takes for one small object.
#[derive(Clone)]
pub struct Publisher {
    public: Arc<dyn ObjectStore>,
    shown: Arc<Mutex<Shown>>,
}

struct Shown {
    note: String,
    tree: Tree,
    cosigned: Option<(Tree, String)>,
}

impl Shown {
    /// The note, with the cosignatures of its own tree.
    fn text(&self) -> String {
        let cosignatures = self.cosigned.as_ref().filter(|(tree, _)| *tree == self.tree);
        format!("{}{}", self.note, cosignatures.map_or("", |(_, lines)| lines))
    }
}

impl Publisher {
    /// Publishes the checkpoint of a log that was opened.
    pub(super) fn new(public: Arc<dyn ObjectStore>, published: &Published) -> Result<Self, SequencerError> {
        let Published { note, tree, .. } = published.clone();
        let publisher =
            Publisher { public, shown: Arc::new(Mutex::new(Shown { note, tree, cosigned: None })) };
        publisher.publish(published)?;
        Ok(publisher)
    }

    /// Publishes the checkpoint of a round.
    pub(super) fn publish(&self, published: &Published) -> Result<(), SequencerError> {
        let mut shown = self.shown();
        (shown.note, shown.tree) = (published.note.clone(), published.tree);
        self.write(&shown).map_err(|error| SequencerError::Store("publish a checkpoint", error))
    }

    /// Adds the cosignatures of a tree, as lines of a note, to the published checkpoint, now if it is of that tree. What this
    /// process did not publish is left alone: another one may sign for the log, which only the lock knows.
    ///
    /// # Errors
    /// When the checkpoint cannot be written.
    pub fn cosign(&self, tree: &Tree, cosignatures: &str) -> io::Result<()> {
        let mut shown = self.shown();
        let before = shown.text();
        shown.cosigned = Some((*tree, cosignatures.to_owned()));
        if shown.tree == *tree
            && self.public.get(CHECKPOINT)?.is_some_and(|stored| stored == before.as_bytes())
        {
            self.write(&shown)?;
        }
        Ok(())
    }

    /// Stores another object that is served and changes.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.public.put(name, bytes)
    }

    fn write(&self, shown: &Shown) -> io::Result<()> {
        self.public.put(CHECKPOINT, shown.text().as_bytes())
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
