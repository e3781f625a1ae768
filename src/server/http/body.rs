//! Reading the bodies of requests: within a limit, and without ever showing in an error what was sent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use base64ct::{Base64, Encoding};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body as _;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::admission::MAX_CHAIN;
use crate::certificate::Certificate;
use crate::rule::{Refusal, Rule};
use crate::server::problem::{Place, Problem};

/// Issuers that are remembered, before anything of them is verified; longer ones, which nobody has, are not.
const MAX_ISSUERS: usize = 1024;
const MAX_ISSUER: usize = 8 << 10;

/// The memory that bodies may take together. A body counts with the length that it declares, or with its limit.
#[derive(Clone)]
pub struct BodyMemory(Arc<Semaphore>);

/// A request that was read. Its memory counts until it is dropped.
pub struct Counted<T> {
    /// What was asked.
    pub request: T,
    _memory: OwnedSemaphorePermit,
}

const KIB: u64 = 1024;

impl BodyMemory {
    /// Bodies of so many bytes together.
    pub fn new(bytes: usize) -> Self {
        BodyMemory(Arc::new(Semaphore::new(bytes / KIB as usize)))
    }

    /// The bytes of a body of at most `limit` bytes.
    ///
    /// # Errors
    /// [`Problem::BodyTooLong`], [`Problem::BodyCut`]; [`Problem::Busy`] when there is no memory for it now.
    pub async fn bytes(&self, body: Body, limit: usize) -> Result<Counted<Bytes>, Problem> {
        let declared = body.size_hint().exact().unwrap_or(limit as u64);
        if declared > limit as u64 {
            return Err(Problem::BodyTooLong(limit));
        }
        let needed = u32::try_from(declared.div_ceil(KIB)).unwrap_or(u32::MAX);
        let memory = self.0.clone().try_acquire_many_owned(needed);
        let memory = memory.map_err(|_| Problem::Busy { retry: Duration::from_secs(1) })?;
        let request = match Limited::new(body, limit).collect().await {
            Ok(bytes) => bytes.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return Err(Problem::BodyTooLong(limit)),
            Err(_) => return Err(Problem::BodyCut),
        };
        Ok(Counted { request, _memory: memory })
    }

    /// The JSON in a body of at most `limit` bytes.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes), and [`Problem::Json`].
    pub async fn json<T: DeserializeOwned>(&self, body: Body, limit: usize) -> Result<Counted<T>, Problem> {
        let Counted { request, _memory } = self.bytes(body, limit).await?;
        Ok(Counted { request: parse_json(&request)?, _memory })
    }
}

fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| Problem::Json {
        line: error.line(),
        column: error.column(),
        what: match error.classify() {
            Category::Eof => "it ends too early",
            Category::Data => "a field is missing, unknown, or of another type",
            Category::Syntax | Category::Io => "it is not JSON",
        },
    })
}

/// The bytes of a base64 string.
///
/// # Errors
/// [`Problem::Base64`].
pub fn base64(text: &str, place: Place) -> Result<Vec<u8>, Problem> {
    Base64::decode_vec(text).map_err(|_| Problem::Base64(place))
}

/// CA certificates that came before: a submission parses its own certificate, and hardly ever its issuers.
#[derive(Default)]
pub struct KnownIssuers {
    by_text: Mutex<HashMap<[u8; 32], Arc<Certificate>>>,
}

impl KnownIssuers {
    /// The certificates of a chain in base64, the submitted one first.
    ///
    /// # Errors
    /// [`Problem::Base64`] and [`Problem::Refused`].
    pub fn chain(&self, texts: &[String]) -> Result<Vec<Arc<Certificate>>, Problem> {
        if texts.is_empty() {
            return Err(Refusal { rule: Rule::EmptyChain, certificate: 0 }.into());
        }
        if texts.len() > MAX_CHAIN {
            return Err(Refusal { rule: Rule::ChainTooLong, certificate: MAX_CHAIN }.into());
        }
        let issuers = texts[1..].iter().enumerate().map(|(index, text)| self.issuer(text, index + 1));
        std::iter::once(certificate(&texts[0], 0)).chain(issuers).collect()
    }

    fn issuer(&self, text: &str, index: usize) -> Result<Arc<Certificate>, Problem> {
        let hash: [u8; 32] = Sha256::digest(text).into();
        if let Some(known) = self.map().get(&hash) {
            return Ok(known.clone());
        }
        let issuer = certificate(text, index)?;
        if issuer.is_ca() && issuer.der().len() <= MAX_ISSUER {
            let mut map = self.map();
            if map.len() >= MAX_ISSUERS {
                map.clear();
            }
            map.insert(hash, issuer.clone());
        }
        Ok(issuer)
    }

    fn map(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], Arc<Certificate>>> {
        self.by_text.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn certificate(text: &str, index: usize) -> Result<Arc<Certificate>, Problem> {
    let der = base64(text, Place::Certificate(index))?;
    let certificate = Certificate::from_der(der)
        .map_err(|error| Refusal { rule: Rule::Certificate(error), certificate: index })?;
    Ok(Arc::new(certificate))
}
