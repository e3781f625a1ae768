//! One question to one witness: `add-checkpoint`, as often as it takes to tell it the size that it remembers.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, StatusCode};
use tokio::sync::watch;
use url::Url;

use crate::client::http::chain_of;
use crate::cosignature;
use crate::note::{Note, NoteSignature, VerifierKey};
use crate::server::clock::Clock;
use crate::server::read::{LogReader, ReadError};
use crate::server::sequencer::Published;
use crate::witness::{AddCheckpoint, SIZE_TYPE, parse_size};

/// The longest answer that is read: some hundred cosignatures.
const MAX_ANSWER: usize = 64 << 10;
/// How often a witness is told the size that it says, before it is given up for now: once for a log that does not know it, once
/// more for somebody else who showed it a newer checkpoint meanwhile.
const MAX_TRIES: usize = 3;
/// How far the clock of a witness may be from this one's, in seconds.
const MAX_SKEW: u64 = 300;

/// Why a witness did not cosign.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// No connection, or it broke.
    #[error("the witness could not be reached: {0}")]
    Unreachable(String),
    /// It took too long.
    #[error("the witness did not answer in time")]
    Slow,
    /// An answer that is longer than any good one.
    #[error("the witness's answer is longer than 64 KiB, which no good one is")]
    TooLong,
    /// 404.
    #[error("the witness does not know this log: give its operator the log's checkpoint key (404)")]
    UnknownLog,
    /// 403.
    #[error("the witness knows this log by another checkpoint key (403)")]
    OtherKey,
    /// 503: a verifier that has not recomputed so far.
    #[error("the witness cannot cosign this yet (503)")]
    NotYet,
    /// Another status than the specification has here.
    #[error("the witness answered with the HTTP status {0}")]
    Status(u16),
    /// 409 without a usable size, or sizes without end.
    #[error("the witness says that it remembers another size, and does not say which (409)")]
    NoSize,
    /// It remembers a checkpoint between what was offered and what is published: somebody else showed it that.
    #[error("the witness has cosigned a newer checkpoint of this log already")]
    Behind,
    /// No cosignature of its key, or one of another text.
    #[error("the witness answered with no valid cosignature of its key")]
    Forged,
    /// A cosignature of a time that is not now.
    #[error("the witness cosigned with the time {time}, and it is {now}: one of the two clocks is wrong")]
    Time {
        /// Seconds of Unix time.
        time: u64,
        /// Seconds of Unix time.
        now: u64,
    },
    /// The log itself could not be read.
    #[error("no consistency proof could be made: {0}")]
    Read(#[from] ReadError),
    /// **It remembers more than this log has.**
    #[error(
        "THE WITNESS REMEMBERS A CHECKPOINT OF {remembered} ENTRIES, AND THIS LOG HAS {published}: unless the witness lies, the log was \
         set back to an older state, and what it signs now forks it. Stop it, and restore the newest backup or replica"
    )]
    Ahead {
        /// Entries that the witness says it cosigned.
        remembered: u64,
        /// Entries of the newest published checkpoint.
        published: u64,
    },
    /// **It remembers another tree.**
    #[error(
        "THE WITNESS REMEMBERS ANOTHER TREE OF {0} ENTRIES THAN THIS LOG HAS: unless the witness lies, the log was set back and \
         has forked. Stop it, and compare it with the newest backup or replica"
    )]
    OtherTree(u64),
}

impl AskError {
    /// For counting.
    pub fn slug(&self) -> &'static str {
        match self {
            AskError::Unreachable(_) => "unreachable",
            AskError::Slow => "slow",
            AskError::TooLong => "too-long",
            AskError::UnknownLog => "unknown-log",
            AskError::OtherKey => "other-key",
            AskError::NotYet => "not-yet",
            AskError::Status(_) => "status",
            AskError::NoSize => "no-size",
            AskError::Behind => "behind",
            AskError::Forged => "forged",
            AskError::Time { .. } => "time",
            AskError::Read(_) => "read",
            AskError::Ahead { .. } => "ahead",
            AskError::OtherTree(_) => "other-tree",
        }
    }

    /// Whether the witness only needs more time.
    pub fn is_early(&self) -> bool {
        matches!(self, AskError::NotYet)
    }

    /// Whether the witness contradicts the log: one of the two is wrong, and it may be the log.
    pub fn is_conflict(&self) -> bool {
        matches!(self, AskError::Ahead { .. } | AskError::OtherTree(_))
    }
}

/// Where a witness is, and who it is.
pub(super) struct Address {
    /// Its name in the policy.
    pub(super) name: String,
    pub(super) key: VerifierKey,
    /// `<submission prefix>/add-checkpoint`.
    pub(super) url: Url,
    pub(super) http: reqwest::Client,
}

/// A cosignature that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cosignature(pub(super) NoteSignature);

/// What a witness is asked.
pub(super) struct Question {
    pub(super) address: Arc<Address>,
    pub(super) published: Arc<Published>,
    /// What the log has published by the time of the answer.
    pub(super) newest: watch::Receiver<Arc<Published>>,
    pub(super) reader: LogReader,
}

impl Question {
    /// Asks, beginning with the size that the witness is thought to remember. Gives what it remembers afterwards.
    pub(super) async fn ask(self, size: u64, limit: Duration) -> (u64, Result<Cosignature, AskError>) {
        // A size beyond what is offered cannot be asked from: the witness says it again when asked from nothing.
        let mut remembered = if size > self.published.tree.size { 0 } else { size };
        let result = tokio::time::timeout(limit, self.ask_on(&mut remembered)).await;
        (remembered, result.unwrap_or(Err(AskError::Slow)))
    }

    async fn ask_on(&self, remembered: &mut u64) -> Result<Cosignature, AskError> {
        let offered = self.published.tree.size;
        for _ in 0..MAX_TRIES {
            let old = *remembered;
            let response = self.post(old).await?;
            match response.status() {
                StatusCode::OK => {
                    *remembered = offered;
                    return self.cosignature(&body(response).await?);
                }
                StatusCode::CONFLICT => *remembered = self.conflict(old, response).await?,
                StatusCode::NOT_FOUND => return Err(AskError::UnknownLog),
                StatusCode::FORBIDDEN => return Err(AskError::OtherKey),
                StatusCode::SERVICE_UNAVAILABLE => return Err(AskError::NotYet),
                StatusCode::UNPROCESSABLE_ENTITY => return Err(AskError::OtherTree(old)),
                status => return Err(AskError::Status(status.as_u16())),
            }
            if *remembered > offered {
                return Err(self.ahead(*remembered));
            }
        }
        Err(AskError::NoSize)
    }

    async fn post(&self, old: u64) -> Result<Response, AskError> {
        let body = self.body(old).await?;
        let request = self.address.http.post(self.address.url.clone()).body(body);
        request.send().await.map_err(|error| AskError::Unreachable(chain_of(&error.without_url())))
    }

    async fn body(&self, old: u64) -> Result<String, AskError> {
        let new = self.published.tree.size;
        let mut proof = Vec::new();
        if old > 0 && old < new {
            let reader = self.reader.clone();
            let made = tokio::task::spawn_blocking(move || reader.consistency(old, new, new)).await;
            proof = made.map_err(|error| AskError::Unreachable(error.to_string()))??;
        }
        let note = Note::parse(self.published.note.as_bytes()).expect("the log's own note is well-formed");
        let request = AddCheckpoint::new(old, proof, note).expect("the log's own note is a checkpoint");
        Ok(request.encode())
    }

    /// The size in a 409. One that repeats what was said means that the roots differ.
    async fn conflict(&self, old: u64, response: Response) -> Result<u64, AskError> {
        let offered = self.published.tree.size;
        let is_size = response.headers().get(CONTENT_TYPE).is_some_and(|value| value == SIZE_TYPE);
        let size = if is_size { parse_size(&body(response).await?) } else { None };
        match size {
            Some(size) if size != old => Ok(size),
            _ if old == offered => Err(AskError::OtherTree(old)),
            _ => Err(AskError::NoSize),
        }
    }

    fn ahead(&self, remembered: u64) -> AskError {
        let published = self.newest.borrow().tree.size;
        if remembered <= published { AskError::Behind } else { AskError::Ahead { remembered, published } }
    }

    /// The cosignature of the witness's key in an answer. Other signatures are not looked at; one that claims to be of this key
    /// and is not condemns the answer.
    fn cosignature(&self, answer: &[u8]) -> Result<Cosignature, AskError> {
        let text = text_of(&self.published.note).ok_or(AskError::Forged)?;
        let answer = std::str::from_utf8(answer).map_err(|_| AskError::Forged)?;
        let lines = answer.strip_suffix('\n').ok_or(AskError::Forged)?.split('\n');
        let key = &self.address.key;
        let mut newest: Option<(u64, NoteSignature)> = None;
        for line in lines {
            let signature: NoteSignature = line.parse().map_err(|_| AskError::Forged)?;
            if !key.made(&signature) {
                continue;
            }
            let time = cosignature::check(key, text, signature.body()).ok_or(AskError::Forged)?;
            if newest.as_ref().is_none_or(|(newest, _)| time > *newest) {
                newest = Some((time, signature));
            }
        }
        let (time, signature) = newest.ok_or(AskError::Forged)?;
        let now = Clock::system().now_milliseconds() / 1000;
        if time.abs_diff(now) > MAX_SKEW {
            return Err(AskError::Time { time, now });
        }
        Ok(Cosignature(signature))
    }
}

/// The signed text of a note.
fn text_of(note: &str) -> Option<&str> {
    note.rfind("\n\n").map(|end| &note[..=end])
}

async fn body(mut response: Response) -> Result<Vec<u8>, AskError> {
    let mut body = Vec::new();
    loop {
        let chunk = response.chunk().await;
        let chunk = chunk.map_err(|error| AskError::Unreachable(chain_of(&error.without_url())))?;
        let Some(chunk) = chunk else { return Ok(body) };
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(AskError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
}
