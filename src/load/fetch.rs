//! Reading a log under load: what is at a path, or why that is not there.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::StatusCode;
use serde::de::DeserializeOwned;

use super::connection::{Connection, ConnectionError, Target};
use crate::checkpoint::Checkpoint;
use crate::client::api::Problem;
use crate::merkle::Hash;
use crate::note::Note;
use crate::tile::TilePath;

/// Why a log cannot be checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// No answer.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// Another answer than was asked for.
    #[error("{path} was answered with {status}")]
    Status {
        /// What was asked for.
        path: String,
        /// The status.
        status: StatusCode,
        /// The problem that the log names.
        problem: Option<String>,
    },
    /// Bytes that are not what was asked for.
    #[error("{0} is not what it should be")]
    Malformed(String),
    /// The tree at the end does not hold the entries that are served on top of the tree at the start.
    #[error(
        "the log is not append-only: its checkpoint at the end is not that of the entries that it serves"
    )]
    Root,
}

impl CheckError {
    /// Some words for counting, without what was asked for.
    pub(super) fn kind(&self) -> String {
        match self {
            CheckError::Connection(error) => error.kind().to_owned(),
            CheckError::Status { status, problem: Some(problem), .. } => {
                format!("{} {problem}", status.as_u16())
            }
            CheckError::Status { status, problem: None, .. } => status.as_u16().to_string(),
            CheckError::Malformed(_) => "not what it should be".to_owned(),
            CheckError::Root => "not append-only".to_owned(),
        }
    }
}

/// Asks a log over one connection.
pub(super) struct Fetch(Connection);

impl Fetch {
    /// Connects with the first question.
    pub fn new(target: &Target) -> Self {
        Fetch(Connection::new(target.clone()))
    }

    /// What is at a path.
    pub async fn get(&mut self, path: &str) -> Result<Bytes, CheckError> {
        good(path, self.0.get(path).await?)
    }

    /// What a log answers to JSON.
    pub async fn post(&mut self, path: &str, body: Vec<u8>) -> Result<Bytes, CheckError> {
        good(path, self.0.post(path, body).await?)
    }

    /// The JSON at a path.
    pub async fn json<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, CheckError> {
        let bytes = self.get(path).await?;
        serde_json::from_slice(&bytes).map_err(|_| CheckError::Malformed(path.to_owned()))
    }

    /// A tile or bundle.
    pub async fn tile(&mut self, path: TilePath) -> Result<Bytes, CheckError> {
        self.get(&format!("/{path}")).await
    }

    /// The newest checkpoint; none where the log serves none. Its signature is not what a load test is about.
    pub async fn checkpoint(&mut self) -> Result<Option<Checkpoint>, CheckError> {
        let note = match self.get("/checkpoint").await {
            Err(CheckError::Status { .. }) => return Ok(None),
            note => note?,
        };
        let checkpoint = Note::parse(&note).ok().and_then(|note| Checkpoint::parse(note.text()).ok());
        checkpoint.map(Some).ok_or_else(|| CheckError::Malformed("/checkpoint".to_owned()))
    }
}

fn good(path: &str, (status, body): (StatusCode, Bytes)) -> Result<Bytes, CheckError> {
    match status {
        StatusCode::OK => Ok(body),
        status => {
            let problem = serde_json::from_slice::<Problem>(&body).ok();
            let problem = problem.and_then(|problem| Some(problem.kind.rsplit(':').next()?.to_owned()));
            Err(CheckError::Status { path: path.to_owned(), status, problem })
        }
    }
}

/// The path of `get-proof-by-hash`.
pub(super) fn proof_by_hash(leaf: &Hash, size: u64) -> String {
    let query = STANDARD.encode(leaf.0).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    format!("/ct/v1/get-proof-by-hash?hash={query}&tree_size={size}")
}

/// The bytes of a text in base64.
pub(super) fn bytes(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// A hash in base64.
pub(super) fn hash(text: &str) -> Option<Hash> {
    Some(Hash(bytes(text)?.try_into().ok()?))
}

/// The hashes of a proof in base64.
pub(super) fn hashes(texts: &[String]) -> Option<Vec<Hash>> {
    texts.iter().map(|text| hash(text)).collect()
}
