//! The inbox: a folder in which certificates with SCTs are put. For each SCT of a followed log the monitor looks whether the entry
//! stands where the SCT promises it. What is settled is moved to the folder `included` or `not-included` beside it; what is not yet, or
//! holds nothing to check, stays.

mod item;

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64ct::{Base64, Encoding};
use tnlog::checkpoint::Checkpoint;
use tnlog::client::evidence::{Outcome, Promise};
use tnlog::note::Note;
use tokio::sync::watch;

use crate::entries::Entries;
use crate::folder::{self, Folder};
use crate::misbehaviour::not_included;
use crate::served::{NotShown, Served};
use crate::state::{Changes, State, StateError};
use item::{Item, Signed};

const NOTHING: &str =
    "a followed log signed no SCT for a certificate in it, or none that shows what was promised";

/// Why a look ended early; the next one goes on.
#[derive(Debug, thiserror::Error)]
pub enum InboxError {
    /// A file of the inbox, or of a copy, could not be read or moved.
    #[error("the inbox: {0}")]
    Io(#[from] io::Error),
    /// The copy of a log could not be read.
    #[error("the inbox: {0}")]
    Copy(#[from] NotShown),
    /// What was found could not be remembered.
    #[error(transparent)]
    State(#[from] StateError),
}

/// A log in which is looked.
pub struct Followed {
    pub entries: Arc<Entries>,
    pub served: Arc<Served>,
    pub state: Arc<State>,
}

/// The inbox of a monitor.
pub struct Inbox {
    folder: Folder,
    logs: Vec<Followed>,
    /// Files of which was said that there is nothing to check in them.
    said: BTreeSet<PathBuf>,
}

impl Inbox {
    /// Makes the folder if it is not there.
    pub fn open(folder: &Folder, logs: Vec<Followed>) -> io::Result<Self> {
        folder::private_folder(&folder.inbox())?;
        Ok(Inbox { folder: folder.clone(), logs, said: BTreeSet::new() })
    }

    /// Looks again and again until it is stopped.
    pub async fn run(mut self, poll: Duration, mut stopped: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                looked = self.look() => if let Err(error) = looked { tracing::warn!("{error}") },
                _ = stopped.wait_for(|stopped| *stopped) => return,
            }
            tokio::select! {
                () = tokio::time::sleep(poll) => {}
                _ = stopped.wait_for(|stopped| *stopped) => return,
            }
        }
    }

    /// Looks once; whether an entry is missing.
    pub async fn look(&mut self) -> Result<bool, InboxError> {
        let mut is_missing = false;
        for path in self.files()? {
            let item = match Item::read(&path) {
                Ok(item) => item,
                Err(error) => {
                    self.say(path, &format!("it cannot be read: {error}"));
                    continue;
                }
            };
            match self.settle(&item).await? {
                Some(Outcome::Due) => {}
                Some(Outcome::Kept) => self.put_away(&item, "included")?,
                Some(Outcome::Broken) => {
                    is_missing = true;
                    self.put_away(&item, "not-included")?;
                }
                None => self.say(path, NOTHING),
            }
        }
        Ok(is_missing)
    }

    /// Certificate files, in the order of their names.
    fn files(&self) -> io::Result<BTreeSet<PathBuf>> {
        let mut files = BTreeSet::new();
        for file in fs::read_dir(self.folder.inbox())? {
            let file = file?;
            let name = file.file_name();
            let is_other = name.as_encoded_bytes().starts_with(b".") || item::is_sct(Path::new(&name));
            if !is_other && file.file_type()?.is_file() {
                files.insert(file.path());
            }
        }
        Ok(files)
    }

    /// What became of the promises of an item, the worst of them; none when there are none of logs that are followed.
    async fn settle(&self, item: &Item) -> Result<Option<Outcome>, InboxError> {
        let mut worst = None;
        for log in &self.logs {
            let Some(known) = log.entries.log()? else { continue };
            for signed in item.of_log(&known.sct_key) {
                let outcome = log.outcome(signed, &self.folder).await?;
                worst = worst.max(outcome);
            }
        }
        Ok(worst)
    }

    fn put_away(&self, item: &Item, place: &str) -> io::Result<()> {
        let place = self.folder.inbox().join(place);
        folder::private_folder(&place)?;
        for file in &item.files {
            let Some(name) = file.file_name() else { continue };
            match fs::rename(file, place.join(name)) {
                // A folder of the same name is there from another time, and not empty.
                Err(error) if matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::NotFound) => {}
                moved => moved?,
            }
        }
        Ok(())
    }

    /// Once for each file. Its name may be a number.
    fn say(&mut self, path: PathBuf, why: &str) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.replace(|c: char| c.is_ascii_digit(), "#");
        if self.said.insert(path) {
            tracing::warn!(file = name, "a file stays in the inbox: {why}");
        }
    }
}

impl Followed {
    /// What became of a promise by now, told when it is broken; none when the copy has no checkpoint yet, or the SCT decides nothing.
    async fn outcome(&self, signed: &Signed, folder: &Folder) -> Result<Option<Outcome>, InboxError> {
        let Some((size, text)) = self.served.newest() else { return Ok(Some(Outcome::Due)) };
        let index = signed.sct.extensions.leaf_index;
        let Some(parameters) = self.served.entry_and_proof(0, size).await? else { return Ok(None) };
        let stands = self.served.entry_and_proof(index, size).await?;
        let promise = Promise {
            sct: Base64::encode_string(&signed.bytes),
            entry: Base64::encode_string(&signed.entry.encode()),
            parameters: parameters.into(),
            stands: stands.map(Into::into),
        };
        let note = Note::parse(text.as_bytes()).map_err(io::Error::other)?;
        let tree = Checkpoint::parse(note.text()).map_err(io::Error::other)?;
        let Ok(outcome) = promise.judge(&note, &tree) else { return Ok(None) };
        if outcome == Outcome::Broken {
            let notice = not_included(self.served.origin(), &signed.sct, promise, &note).keep(folder)?;
            self.state.store(Changes { notices: vec![notice], ..Changes::default() })?;
        }
        Ok(Some(outcome))
    }
}
