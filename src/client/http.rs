//! HTTP to one log: every answer bounded in size and time, requests that are safe to repeat repeated.
//!
//! Everything that is sent here is safe to repeat: reads, and submissions, which get the same answer again. Errors name the
//! path and what the log said of it, never what was sent.

use std::sync::{Arc, Once};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use rand_core::RngCore;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::{Host, Url};

use super::api::Problem;
use super::retry::{Patience, retry_after};
use super::traffic::{Traffic, Transferred};

/// The longest problem that is read.
const MAX_PROBLEM: usize = 64 * 1024;
/// The longest text of a problem that is kept.
const MAX_PROBLEM_TEXT: usize = 1000;
/// How long a person waits for a log that has never answered.
const FIRST_CONTACT: Duration = Duration::from_secs(4);
const CONNECT: Duration = Duration::from_secs(10);
/// One attempt, from the first byte sent to the last one read.
const ATTEMPT: Duration = Duration::from_secs(60);

/// Why a request got no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The base URL is none.
    #[error(
        "the address of a log is an http or https URL without query, user or fragment, such as https://log.example.com/"
    )]
    BaseUrl,
    /// The HTTP client could not be set up, which is about this machine and no log.
    #[error("HTTP cannot be spoken here: {0}")]
    Setup(String),
    /// No connection, or it broke, or it took too long.
    #[error("{path}: the log could not be reached: {why}{}", hint(.why))]
    Unreachable {
        /// The path that was asked for.
        path: String,
        /// What the connection failed with.
        why: String,
    },
    /// The answer is longer than any good one.
    #[error("{path}: the answer is longer than {limit} bytes, which no good one is")]
    TooLong {
        /// The path that was asked for.
        path: String,
        /// The longest good answer.
        limit: usize,
    },
    /// The log refused.
    #[error("{path}: {}", describe(.problem))]
    Problem {
        /// The path that was asked for.
        path: String,
        /// What it said.
        problem: Box<Problem>,
    },
    /// The log, or something before it, refused without saying why.
    #[error("{path}: the answer has HTTP status {status} and no explanation; is this the address of a log?")]
    Status {
        /// The path that was asked for.
        path: String,
        /// The HTTP status.
        status: u16,
    },
    /// The answer is not what the API has there.
    #[error("{path}: the answer is not what the API of a log has there; is this the address of a log?")]
    Malformed {
        /// The path that was asked for.
        path: String,
    },
}

impl HttpError {
    /// What the log said, when it refused in the words of the API.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            HttpError::Problem { problem, .. } => Some(problem),
            _ => None,
        }
    }
}

fn describe(problem: &Problem) -> String {
    let what = if problem.detail.is_empty() { &problem.title } else { &problem.detail };
    format!("the log refused ({}): {what}", problem.status)
}

/// What to look at when a connection failed so.
fn hint(why: &str) -> &'static str {
    if why.contains("InvalidContentType") {
        "; it seems to speak http there, and not https"
    } else if why.contains("refused") {
        "; does it run there, at this port?"
    } else {
        ""
    }
}

/// A client of one log.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    patience: Patience,
    traffic: Arc<Traffic>,
    tell: Option<Tell>,
}

/// Is told the address of a log, and why it does not answer.
type Tell = fn(&Url, &str);

/// An attempt that failed, and whether another one may do better.
struct Failure {
    error: HttpError,
    again: Again,
}

enum Again {
    Never,
    BackOff,
    After(Duration),
}

impl Failure {
    fn last(error: HttpError) -> Self {
        Failure { error, again: Again::Never }
    }

    fn unreachable(path: &str, why: impl ToString) -> Self {
        let error = HttpError::Unreachable { path: path.into(), why: why.to_string() };
        Failure { error, again: Again::BackOff }
    }
}

impl Client {
    /// A client of the log at `base`, which may have a path: `https://example.com/log/`. Follows no redirects.
    ///
    /// # Errors
    /// [`HttpError::BaseUrl`], [`HttpError::Setup`].
    pub fn new(base: &str) -> Result<Self, HttpError> {
        let base = parse_base(base).ok_or(HttpError::BaseUrl)?;
        let (http, patience, traffic) = (transport(&base)?, Patience::default(), Arc::default());
        Ok(Client { http, base, patience, traffic, tell: None })
    }

    /// The same with other patience.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Client { patience, ..self }
    }

    /// The same for a person who waits: `tell` is told when a log that has never answered cannot be reached, and it is then given up
    /// after some seconds. One that answered before is waited for as patience has it.
    #[must_use]
    pub fn telling(self, tell: Tell) -> Self {
        Client { tell: Some(tell), ..self }
    }

    /// The address of the log, with a slash at its end.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// What this client and its clones have sent and received.
    pub fn transferred(&self) -> Transferred {
        self.traffic.transferred()
    }

    /// The bytes at a path below the base, at most `limit`; none when there is nothing (404).
    ///
    /// # Errors
    /// [`HttpError`].
    pub async fn get(&self, path: &str, limit: usize) -> Result<Option<Bytes>, HttpError> {
        let url = self.url(path)?;
        let found = self.repeat(path, limit, || self.http.get(url.clone())).await;
        match found {
            Ok(bytes) => Ok(Some(bytes)),
            Err(HttpError::Status { status: 404, .. }) => Ok(None),
            Err(HttpError::Problem { problem, .. }) if problem.status == 404 => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The JSON at a path.
    ///
    /// # Errors
    /// [`HttpError`]; nothing there is an error too.
    pub async fn get_json<T: DeserializeOwned>(&self, path: &str, limit: usize) -> Result<T, HttpError> {
        let bytes = self.get(path, limit).await?;
        let bytes = bytes.ok_or_else(|| HttpError::Status { path: path.into(), status: 404 })?;
        parse_json(path, &bytes)
    }

    /// Posts JSON, as often as patience has it, and gives the bytes of the answer.
    ///
    /// # Errors
    /// [`HttpError`].
    pub async fn post<B: Serialize>(&self, path: &str, body: &B, limit: usize) -> Result<Bytes, HttpError> {
        let url = self.url(path)?;
        let body = serde_json::to_vec(body).map_err(|_| HttpError::Malformed { path: path.into() })?;
        let body = Bytes::from(body);
        let request =
            || self.http.post(url.clone()).header(CONTENT_TYPE, "application/json").body(body.clone());
        self.repeat(path, limit, request).await
    }

    /// Posts JSON and reads the JSON of the answer.
    ///
    /// # Errors
    /// [`HttpError`].
    pub async fn post_json<B: Serialize, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
        limit: usize,
    ) -> Result<T, HttpError> {
        parse_json(path, &self.post(path, body, limit).await?)
    }

    fn url(&self, path: &str) -> Result<Url, HttpError> {
        let url = self.base.join(path).map_err(|_| HttpError::BaseUrl)?;
        if url.as_str().starts_with(self.base.as_str()) { Ok(url) } else { Err(HttpError::BaseUrl) }
    }

    async fn repeat(
        &self,
        path: &str,
        limit: usize,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<Bytes, HttpError> {
        let begin = Instant::now();
        for attempt in 1.. {
            let once = tokio::time::timeout(ATTEMPT, self.once(path, limit, request()));
            let failed = match once.await {
                Ok(Ok(bytes)) => return Ok(bytes),
                Ok(Err(failed)) => failed,
                Err(_) => Failure::unreachable(path, "the answer took longer than a minute"),
            };
            let asked = match failed.again {
                Again::Never => return Err(failed.error),
                Again::BackOff => None,
                Again::After(wait) => Some(wait),
            };
            let random = rand_core::OsRng.next_u32();
            let patience = self.patience_after(&failed.error);
            let Some(wait) = patience.wait(attempt, asked, begin.elapsed(), random) else {
                return Err(failed.error);
            };
            if attempt == 1 {
                self.say(&failed.error);
            }
            tracing::debug!(path, attempt, ?wait, "the request is repeated");
            tokio::time::sleep(wait).await;
        }
        unreachable!("patience ends")
    }

    /// Whether nothing has ever come from there, and somebody waits.
    fn is_first_contact(&self, error: &HttpError) -> bool {
        let never = self.traffic.transferred().received == 0;
        self.tell.is_some() && never && matches!(error, HttpError::Unreachable { .. })
    }

    fn patience_after(&self, error: &HttpError) -> Patience {
        if self.is_first_contact(error) { self.patience.at_most(FIRST_CONTACT) } else { self.patience }
    }

    fn say(&self, error: &HttpError) {
        if let (Some(tell), true, HttpError::Unreachable { why, .. }) =
            (self.tell, self.is_first_contact(error), error)
        {
            tell(&self.base, why);
        }
    }

    async fn once(&self, path: &str, limit: usize, request: RequestBuilder) -> Result<Bytes, Failure> {
        let unreachable = |error: reqwest::Error| Failure::unreachable(path, chain_of(&error.without_url()));
        let request = request.build().map_err(unreachable)?;
        self.traffic.asks(&request);
        let response = self.http.execute(request).await.map_err(unreachable)?;
        self.traffic.is_answered(&response);
        if response.status().is_success() {
            return read_body(path, limit, response, &self.traffic).await;
        }
        Err(refusal(path, response, &self.traffic).await)
    }
}

/// Posts a body once to any URL; the status of the answer, whose body is not read. Follows no redirects.
///
/// # Errors
/// [`HttpError::BaseUrl`], [`HttpError::Setup`], [`HttpError::Unreachable`]; none of them says the URL, which may hold a secret.
pub async fn post_to(url: &str, headers: &[(&'static str, String)], body: Vec<u8>) -> Result<u16, HttpError> {
    let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let url = url.ok_or(HttpError::BaseUrl)?;
    let request = transport(&url)?.post(url).timeout(ATTEMPT).body(body);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
    let unreachable = |error: reqwest::Error| HttpError::Unreachable {
        path: String::new(),
        why: chain_of(&error.without_url()),
    };
    Ok(request.send().await.map_err(unreachable)?.status().as_u16())
}

/// What speaks HTTP to one host. Follows no redirects.
pub(crate) fn transport(base: &Url) -> Result<reqwest::Client, HttpError> {
    install_provider();
    let mut builder = reqwest::Client::builder()
        .connect_timeout(CONNECT)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("tnlog/", env!("CARGO_PKG_VERSION")));
    if is_loopback(base) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| HttpError::Setup(chain_of(&error)))
}

/// A base URL with a slash at its end; none when it is no plain http or https URL.
pub(crate) fn parse_base(base: &str) -> Option<Url> {
    let mut url = Url::parse(base).ok()?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    plain.then_some(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// reqwest comes without a provider of cryptography, so that only one is in the program.
fn install_provider() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // Somebody else may have installed one; then that one serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

async fn read_body(
    path: &str,
    limit: usize,
    mut response: Response,
    traffic: &Traffic,
) -> Result<Bytes, Failure> {
    let too_long = || Failure::last(HttpError::TooLong { path: path.into(), limit });
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(too_long());
    }
    let mut body = BytesMut::new();
    while let Some(chunk) =
        response.chunk().await.map_err(|error| Failure::unreachable(path, chain_of(&error.without_url())))?
    {
        traffic.receives(chunk.len());
        if body.len() + chunk.len() > limit {
            return Err(too_long());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

async fn refusal(path: &str, response: Response, traffic: &Traffic) -> Failure {
    let status = response.status();
    let again = match status {
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::BAD_GATEWAY
        | StatusCode::GATEWAY_TIMEOUT
        | StatusCode::REQUEST_TIMEOUT => asked_wait(&response).map_or(Again::BackOff, Again::After),
        _ => Again::Never,
    };
    let status = status.as_u16();
    let body = read_body(path, MAX_PROBLEM, response, traffic).await.unwrap_or_default();
    let error = match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) => {
            HttpError::Problem { path: path.into(), problem: Box::new(clean(Problem { status, ..problem })) }
        }
        Err(_) => HttpError::Status { path: path.into(), status },
    };
    Failure { error, again }
}

fn asked_wait(response: &Response) -> Option<Duration> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    retry_after(response.headers().get(RETRY_AFTER)?.to_str().ok()?, now)
}

fn parse_json<T: DeserializeOwned>(path: &str, bytes: &[u8]) -> Result<T, HttpError> {
    serde_json::from_slice(bytes).map_err(|_| HttpError::Malformed { path: path.into() })
}

/// What a log says is shown on terminals: no control characters, and not without end.
pub(super) fn clean(problem: Problem) -> Problem {
    let text = |text: String| text.chars().filter(|c| !c.is_control()).take(MAX_PROBLEM_TEXT).collect();
    Problem { kind: text(problem.kind), title: text(problem.title), detail: text(problem.detail), ..problem }
}

/// An error with its causes, which reqwest keeps apart.
pub(crate) fn chain_of(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
