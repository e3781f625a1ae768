//! What `GET /tn/v1/heads` answers, as a file of the served folder: for static web servers, and so that after a restart
//! look-ups go on in the head that is cosigned, although the newest checkpoint of the entry log is larger.

use std::io;
use std::sync::Arc;

use crate::client::api::Heads;
use crate::client::store::ObjectStore;
use crate::server::log::Log;
use crate::server::read::{LogReader, ReadError};

/// The name of the file. It is not synced: when a crash damages it, there will be another one.
const HEADS: &str = "tn/v1/heads";

/// Writes the file.
pub(super) struct HeadsFile {
    public: Arc<dyn ObjectStore>,
    /// Both checkpoints of what was written last.
    written: (String, String),
}

impl HeadsFile {
    /// The file in the public store of the entry log.
    pub fn new(public: Arc<dyn ObjectStore>) -> Self {
        HeadsFile { public, written: Default::default() }
    }

    /// Writes what is answered now, if it is something new.
    pub fn update(&mut self, log: &Log) {
        let Ok((pair, checkpoint)) = log.pair() else { return };
        let checkpoints = (checkpoint, pair.1.note.clone());
        if self.written == checkpoints {
            return;
        }
        let heads = log.heads().map_err(io::Error::other);
        let written = heads.and_then(|heads| self.public.put(HEADS, &serde_json::to_vec(&heads)?));
        match written {
            Ok(()) => self.written = checkpoints,
            Err(error) => {
                tracing::warn!(%error, "the newest heads could not be written into the served folder")
            }
        }
    }
}

/// The entry checkpoint of the file, which nobody has verified; none when there is no such file.
///
/// # Errors
/// When the store fails.
pub fn checkpoint_of_file(reader: &LogReader) -> Result<Option<String>, ReadError> {
    let heads = reader.object(HEADS)?;
    Ok(heads.and_then(|heads| serde_json::from_slice::<Heads>(&heads).ok()).map(|heads| heads.checkpoint))
}
