//! A world happens: its events are submitted to its log over HTTP, batch by batch, in its own time.

mod post;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

use super::book::{CredentialId, Event, Form, What};
use super::log::WorldLog;
use super::mint::Mint;
use super::schedule::{Batch, schedule};
use super::script::Script;
use crate::entry::{Leaf, LeafReference};
use crate::load::{ConnectionError, Target};
use crate::sct::log_id;
use post::{Poster, Request, base64};

/// Batches whose certificates are made before they are due.
const AHEAD: usize = 32;
/// Chains of one request.
const CHAINS: usize = 200;

/// Where an event stands in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The index of its leaf.
    pub index: u64,
    /// The time of its leaf, in milliseconds of Unix time.
    pub timestamp: u64,
}

/// Why a world does not happen.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// No answer.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The log refused an event. Worlds are made so that it does not.
    #[error("the log answered {path} with {answer}, for an event of the kind {kind}")]
    Refused {
        /// What was asked for.
        path: &'static str,
        /// The status, or the name of the problem.
        answer: String,
        /// Why the event was to happen.
        kind: String,
    },
    /// Bytes that are not what was asked for.
    #[error("{0} is not answered as it should be")]
    Malformed(&'static str),
    /// A leaf is not where the log said, or not of that time.
    #[error("leaf {0} is not what the log answered")]
    Leaf(u64),
}

/// Submits everything, and gives for each event of the script where it stands. `progress` counts events.
///
/// # Errors
/// [`DriveError`].
pub async fn drive(
    script: &Arc<Script>,
    mint: &Arc<Mint>,
    log: &WorldLog,
    progress: &AtomicU64,
) -> Result<Vec<Placed>, DriveError> {
    let target: Target = log.url().parse().expect("the address of a log that runs is one");
    let batches = schedule(script);
    let mut minted = mint_ahead(script.clone(), mint.clone(), &batches);
    let mut course = Course {
        script,
        mint,
        log_id: log_id(&log.running.log.keys.sct_spki),
        poster: Poster::new(&target),
        leaves: vec![None; script.book.credentials.len()],
        placed: vec![None; script.events().len()],
        size: log.running.log.published().tree.size,
    };
    for batch in &batches {
        log.hand.move_to(batch.time * 1000);
        let chains = minted.recv().await.unwrap_or_default();
        course.submit(batch, chains).await?;
        progress.fetch_add(batch.events.len() as u64, Ordering::Relaxed);
    }
    let placed: Option<Vec<Placed>> = course.placed.into_iter().collect();
    placed.ok_or(DriveError::Malformed("a batch"))
}

/// Makes the certificates of each batch, in a thread of its own.
fn mint_ahead(script: Arc<Script>, mint: Arc<Mint>, batches: &[Batch]) -> mpsc::Receiver<Vec<String>> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let batches = batches.to_vec();
    std::thread::spawn(move || {
        for batch in batches {
            let chains =
                batch.events.iter().filter_map(|place| chain(&script, &mint, &script.events()[*place]));
            if sender.blocking_send(chains.collect()).is_err() {
                return;
            }
        }
    });
    receiver
}

/// One item of an `add-chains`.
fn chain(script: &Script, mint: &Mint, event: &Event) -> Option<String> {
    let What::Issue(id, form) = event.what else { return None };
    let [certificate, issuer] = mint.chain(script, id, form).map(|der| base64(&der));
    let precertificate = form == Form::Precertificate;
    Some(format!(r#"{{"chain":["{certificate}","{issuer}"],"precertificate":{precertificate}}}"#))
}

struct Course<'a> {
    script: &'a Script,
    mint: &'a Mint,
    log_id: [u8; 32],
    poster: Poster,
    /// The first leaf of each credential.
    leaves: Vec<Option<LeafReference>>,
    placed: Vec<Option<Placed>>,
    /// Leaves that were read.
    size: u64,
}

impl Course<'_> {
    async fn submit(&mut self, batch: &Batch, chains: Vec<String>) -> Result<(), DriveError> {
        let events = self.script.events();
        let is_chain = |place: &usize| matches!(events[*place].what, What::Issue(..));
        let (issued, others): (Vec<usize>, Vec<usize>) =
            batch.events.iter().partition(|place| is_chain(place));
        let chunks = issued.chunks(CHAINS).zip(chains.chunks(CHAINS));
        let mut requests: Vec<Request> =
            chunks.map(|(places, chains)| Request::chains(places.to_vec(), chains)).collect();
        for place in others {
            requests.push(self.request(place)?);
        }
        for (place, answer) in self.poster.post_all(requests).await? {
            let kind = events[place].why;
            let refused = |(path, answer)| DriveError::Refused { path, answer, kind: kind.to_string() };
            self.placed[place] = Some(answer.map_err(refused)?);
        }
        self.read(batch).await
    }

    /// What is said by a key, which is signed when the leaves are known that it names.
    fn request(&self, place: usize) -> Result<Request, DriveError> {
        let event = &self.script.events()[place];
        let book = &self.script.book;
        match event.what {
            What::State { verb, by, about } => {
                let old = (&book.credentials[by as usize], self.leaf(by)?);
                let statement = self.mint.statement(&self.log_id, verb, old, self.leaf(about)?);
                Ok(Request::statement(place, &statement))
            }
            What::Register(id) => {
                let said = &book.registrations[id as usize];
                let leaf = self.leaf(said.credential)?.index;
                Ok(Request::registration(
                    place,
                    &self.mint.registration(self.script, &self.log_id, said, leaf),
                ))
            }
            What::Issue(..) => Err(DriveError::Malformed("a certificate alone")),
        }
    }

    fn leaf(&self, id: CredentialId) -> Result<LeafReference, DriveError> {
        self.leaves[id as usize].ok_or(DriveError::Malformed("a credential that is spoken of"))
    }

    /// Reads what the batch has brought, and compares it with the answers.
    async fn read(&mut self, batch: &Batch) -> Result<(), DriveError> {
        let first = self.size;
        let placed = batch.events.iter().filter_map(|place| self.placed[*place]);
        let end = placed.map(|placed| placed.index + 1).max().unwrap_or(first);
        let leaves = self.poster.leaves(first..end).await?;
        for place in &batch.events {
            let placed = self.placed[*place].ok_or(DriveError::Malformed("a batch"))?;
            let leaf: Option<&Leaf> =
                placed.index.checked_sub(first).and_then(|offset| leaves.get(offset as usize));
            let leaf = leaf.filter(|leaf| (leaf.index, leaf.timestamp) == (placed.index, placed.timestamp));
            let leaf = leaf.ok_or(DriveError::Leaf(placed.index))?;
            if let What::Issue(id, _) = self.script.events()[*place].what {
                let hash = leaf.hash().map_err(|_| DriveError::Leaf(placed.index))?;
                self.leaves[id as usize].get_or_insert(LeafReference { index: placed.index, hash });
            }
        }
        self.size = end;
        Ok(())
    }
}
