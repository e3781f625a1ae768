//! Cosigning (C2SP `tlog-witness`): an entry log as a witness, whatever continues what was cosigned before; an index log as a
//! verifier, only what was recomputed, head by head.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{Notify, watch};

use super::follow::{FollowedIndex, Progress};
use super::store::{CheckpointLock, LockError};
use crate::checkpoint::Checkpoint;
use crate::cosignature::cosign;
use crate::index::Generation;
use crate::note::{Signer, VerifierKey};
use crate::witness::{AddCheckpoint, Cosigned, Refusal, decide};

/// How long a request waits for its heads to be recomputed.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why a checkpoint is not cosigned.
#[derive(Debug, thiserror::Error)]
pub enum Declined {
    /// For a reason that the specification has a status for.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Its heads are not all recomputed yet, or no more heads are.
    #[error("not every head of this checkpoint was recomputed yet")]
    NotYet,
    /// The memory of what was cosigned failed.
    #[error("what was cosigned could not be remembered")]
    Memory(#[from] LockError),
}

/// Cosigns checkpoints of one log.
pub struct Cosigner {
    signer: Signer,
    log_key: VerifierKey,
    /// What was recomputed, of an index log.
    recomputed: Option<Recomputed>,
    /// The text of the checkpoint that was cosigned last. Who decides holds it until the new one is durable.
    last: Mutex<Box<dyn CheckpointLock>>,
}

/// What a verifier knows of what was recomputed.
pub struct Recomputed {
    /// The index.
    pub index: Arc<FollowedIndex>,
    /// How far it is.
    pub progress: watch::Receiver<Progress>,
    /// Makes it go on.
    pub nudge: Arc<Notify>,
}

impl Cosigner {
    /// Cosigns checkpoints of the entry log with this key. `last` remembers what was cosigned.
    pub fn witness(signer: Signer, log_key: VerifierKey, last: Box<dyn CheckpointLock>) -> Self {
        Cosigner { signer, log_key, recomputed: None, last: Mutex::new(last) }
    }

    /// Cosigns checkpoints of the index log with this key. `last` remembers what was cosigned.
    pub fn verifier(
        signer: Signer,
        log_key: VerifierKey,
        recomputed: Recomputed,
        last: Box<dyn CheckpointLock>,
    ) -> Self {
        Cosigner { signer, log_key, recomputed: Some(recomputed), last: Mutex::new(last) }
    }

    /// The key that it cosigns with.
    pub fn key(&self) -> &VerifierKey {
        self.signer.verifier_key()
    }

    /// The key of the log that it cosigns.
    pub fn log_key(&self) -> &VerifierKey {
        &self.log_key
    }

    /// The signature lines for the body of a request. A verifier waits two seconds at most for heads to be recomputed.
    ///
    /// # Errors
    /// [`Declined`].
    pub async fn add_checkpoint(self: &Arc<Self>, body: &[u8]) -> Result<String, Declined> {
        let request = AddCheckpoint::parse(body).map_err(Refusal::from)?;
        if request.checkpoint().origin != self.log_key.name() {
            return Err(Refusal::UnknownLog.into());
        }
        let this = self.clone();
        let request = Arc::new(request);
        let asked = request.clone();
        // First what the specification refuses, so that nobody waits for nothing.
        blocking(move || this.decide(&asked).map(|_| ())).await?;
        if let Some(recomputed) = &self.recomputed {
            recomputed.wait_for(request.checkpoint().size).await?;
        }
        let this = self.clone();
        blocking(move || this.cosign(&request)).await
    }

    /// What was cosigned of this log: nothing, as long as it was one that this one succeeds. It never goes back to that.
    fn remembered(&self, text: Option<&[u8]>) -> Result<Cosigned, Refusal> {
        let text = text.and_then(|text| core::str::from_utf8(text).ok());
        let Some(last) = text.and_then(|text| Checkpoint::parse(text).ok()) else {
            return Ok(Cosigned::NOTHING);
        };
        if last.origin == self.log_key.name() {
            return Ok(Cosigned { size: last.size, root: last.root });
        }
        match Generation::split(&last.origin).zip(Generation::split(self.log_key.name())) {
            Some(((log, last), (ours, now))) if log == ours && last < now => Ok(Cosigned::NOTHING),
            _ => Err(Refusal::UnknownLog),
        }
    }

    fn decide(&self, request: &AddCheckpoint) -> Result<Cosigned, Declined> {
        let lock = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let last = lock.load().map_err(LockError::from)?;
        Ok(decide(request, &self.log_key, &self.remembered(last.as_deref())?)?)
    }

    /// Decides again, remembers, and only then signs; nobody else decides meanwhile.
    fn cosign(&self, request: &AddCheckpoint) -> Result<String, Declined> {
        let mut lock = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let last = lock.load().map_err(LockError::from)?;
        let decided = decide(request, &self.log_key, &self.remembered(last.as_deref())?)?;
        if let Some(recomputed) = &self.recomputed {
            recomputed.check(decided)?;
        }
        let text = request.note().text();
        match last {
            Some(last) => lock.replace(&last, text.as_bytes())?,
            None => lock.create(text.as_bytes())?,
        }
        let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let line = cosign(&self.signer, text, time).expect("a cosigner's key cosigns checkpoints");
        Ok(format!("{line}\n"))
    }
}

impl Recomputed {
    async fn wait_for(&self, heads: u64) -> Result<(), Declined> {
        let mut progress = self.progress.clone();
        self.nudge.notify_one();
        let recomputed = tokio::time::timeout(PATIENCE, progress.wait_for(|now| now.heads >= heads)).await;
        match recomputed {
            Ok(Ok(_)) => Ok(()),
            _ => Err(Declined::NotYet),
        }
    }

    fn check(&self, Cosigned { size, root }: Cosigned) -> Result<(), Declined> {
        let known = if size == 0 { Some(root) } else { self.index.root_of(size) };
        match known {
            None => Err(Declined::NotYet),
            // It is signed, and continues what was cosigned, and is not what was recomputed: the index log has forked.
            Some(known) if known != root => Err(Refusal::Proof.into()),
            Some(_) => Ok(()),
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Declined> + Send + 'static,
) -> Result<T, Declined> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(Declined::NotYet))
}
