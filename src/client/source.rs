//! Where a log is read from: HTTP, or a folder, such as a log's own or a mirror's. Nothing that comes from there is
//! believed.

use std::fmt;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tokio::io::AsyncReadExt;

use super::http::{Client, HttpError};
use crate::bundle::{self, BundleError, MAX_BUNDLE};
use crate::tile::{FULL_WIDTH, Kind, TilePath};

/// The path of the checkpoint.
pub const CHECKPOINT: &str = "checkpoint";

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Over HTTP.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// From a folder.
    #[error("{path} cannot be read: {error}")]
    Io {
        /// The path below the folder.
        path: String,
        /// Why not.
        error: io::Error,
    },
    /// Longer than any good one.
    #[error("{path} is longer than {limit} bytes, which no good one is")]
    TooLong {
        /// The path.
        path: String,
        /// The longest good one.
        limit: usize,
    },
    /// It is not there, and should be.
    #[error("{0} is missing; is this the address, or the served folder, of a log?")]
    Missing(String),
    /// A full tile was there in place of the partial one and is no tile.
    #[error("{path} is damaged: {error}")]
    Bundle {
        /// The path.
        path: String,
        /// What is wrong with it.
        error: BundleError,
    },
}

/// Named bytes of a log, as C2SP `tlog-tiles` names them.
pub trait Source: Send + Sync + 'static {
    /// The bytes at a path, none when there is nothing. Reads no more than `limit`.
    fn fetch(
        &self,
        path: &str,
        limit: usize,
    ) -> impl Future<Output = Result<Option<Bytes>, SourceError>> + Send;
}

impl Source for Client {
    async fn fetch(&self, path: &str, limit: usize) -> Result<Option<Bytes>, SourceError> {
        match self.get(path, limit).await {
            Err(HttpError::TooLong { path, limit }) => Err(SourceError::TooLong { path, limit }),
            other => Ok(other?),
        }
    }
}

/// A log in a folder: what a static web server would serve.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The log in this folder.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Folder { root: root.into() }
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

impl Source for Folder {
    async fn fetch(&self, path: &str, limit: usize) -> Result<Option<Bytes>, SourceError> {
        let io = |error| SourceError::Io { path: path.into(), error };
        let file = match tokio::fs::File::open(self.root.join(path)).await {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(error)),
        };
        let mut bytes = Vec::new();
        file.take(limit as u64 + 1).read_to_end(&mut bytes).await.map_err(io)?;
        if bytes.len() > limit {
            return Err(SourceError::TooLong { path: path.into(), limit });
        }
        Ok(Some(bytes.into()))
    }
}

/// A URL or a folder, as the command line names a log.
#[derive(Clone, Debug)]
pub enum AnySource {
    /// `http://` or `https://`.
    Http(Box<Client>),
    /// Anything else.
    Folder(Folder),
}

impl AnySource {
    /// From a URL, or the path of a folder.
    ///
    /// # Errors
    /// When it begins like a URL and is none.
    pub fn new(place: &str) -> Result<Self, HttpError> {
        if place.starts_with("http://") || place.starts_with("https://") {
            Ok(AnySource::Http(Box::new(Client::new(place)?)))
        } else {
            Ok(AnySource::Folder(Folder::new(place)))
        }
    }
}

impl fmt::Display for AnySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AnySource::Http(client) => client.base().fmt(f),
            AnySource::Folder(folder) => folder.root().display().fmt(f),
        }
    }
}

impl Source for AnySource {
    async fn fetch(&self, path: &str, limit: usize) -> Result<Option<Bytes>, SourceError> {
        match self {
            AnySource::Http(client) => client.fetch(path, limit).await,
            AnySource::Folder(folder) => folder.fetch(path, limit).await,
        }
    }
}

/// A log in a folder of another source, as the index log lies beside its log.
#[derive(Clone, Debug)]
pub struct Below<S> {
    source: S,
    folder: String,
}

impl<S> Below<S> {
    /// The log in this folder of `source`.
    pub fn new(source: S, folder: &str) -> Self {
        Below { source, folder: format!("{folder}/") }
    }
}

impl<S: Source> Source for Below<S> {
    async fn fetch(&self, path: &str, limit: usize) -> Result<Option<Bytes>, SourceError> {
        self.source.fetch(&format!("{}{path}", self.folder), limit).await
    }
}

/// What must be there.
///
/// # Errors
/// [`SourceError`]; [`SourceError::Missing`] when it is not.
pub async fn fetch_existing<S: Source>(source: &S, path: &str, limit: usize) -> Result<Bytes, SourceError> {
    source.fetch(path, limit).await?.ok_or_else(|| SourceError::Missing(path.into()))
}

/// The bytes of a tile or bundle with exactly the width that its path says. When a partial one is gone, since the log has
/// grown, the full one is fetched and cut. A wrong length or frame is for the caller to find, save that of a full one
/// that cannot be cut.
///
/// # Errors
/// [`SourceError`].
pub async fn fetch_tile<S: Source>(source: &S, tile: TilePath) -> Result<Bytes, SourceError> {
    let limit = match tile.kind {
        Kind::Hashes(_) => 32 * usize::from(FULL_WIDTH),
        Kind::Entries | Kind::Chains => MAX_BUNDLE,
    };
    let path = tile.to_string();
    if let Some(bytes) = source.fetch(&path, limit).await? {
        return Ok(bytes);
    }
    if !tile.is_partial() {
        return Err(SourceError::Missing(path));
    }
    let full = source.fetch(&tile.full().to_string(), limit).await?.ok_or(SourceError::Missing(path))?;
    cut(tile, full)
}

fn cut(tile: TilePath, full: Bytes) -> Result<Bytes, SourceError> {
    let length = match tile.kind {
        Kind::Hashes(_) => 32 * usize::from(tile.width).min(full.len() / 32),
        Kind::Entries | Kind::Chains => {
            let entries = bundle::entries(&full, FULL_WIDTH)
                .map_err(|error| SourceError::Bundle { path: tile.full().to_string(), error })?;
            entries.take(tile.width.into()).map(|entry| 2 + entry.len()).sum()
        }
    };
    Ok(full.slice(..length))
}
