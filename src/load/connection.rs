//! One HTTP/1.1 connection that is kept and opened again when it ends.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use url::Url;

/// The longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The longest answer: an entry bundle of the longest entries.
const MAX_ANSWER: usize = 32 << 20;

/// A log's address.
#[derive(Clone, Debug)]
pub struct Target {
    address: String,
    host: String,
    path: String,
}

/// Why a URL cannot be the address of a log under load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// No URL.
    #[error("it is no URL; write http://HOST:PORT")]
    Url,
    /// Another scheme than http.
    #[error(
        "the generator speaks http alone, so that encryption is not what is measured; put it beside the log"
    )]
    Scheme,
}

impl std::str::FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let url = Url::parse(text).map_err(|_| TargetError::Url)?;
        if url.scheme() != "http" {
            return Err(TargetError::Scheme);
        }
        let host = url.host_str().ok_or(TargetError::Url)?;
        let port = url.port_or_known_default().ok_or(TargetError::Url)?;
        let address = format!("{host}:{port}");
        Ok(Target { host: address.clone(), address, path: url.path().trim_end_matches('/').to_owned() })
    }
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The connection could not be made.
    #[error("no connection: {0}")]
    Connect(#[from] std::io::Error),
    /// The connection ended, or what came was no HTTP.
    #[error("the connection failed: {0}")]
    Http(#[from] hyper::Error),
    /// The answer was cut or too long.
    #[error("the answer was cut, or too long")]
    Body,
    /// No answer for a minute.
    #[error("no answer within {} seconds", TIMEOUT.as_secs())]
    Timeout,
}

impl ConnectionError {
    /// One word for counting.
    pub fn kind(&self) -> &'static str {
        match self {
            ConnectionError::Connect(_) => "no connection",
            ConnectionError::Http(_) => "connection failed",
            ConnectionError::Body => "answer cut",
            ConnectionError::Timeout => "no answer in time",
        }
    }
}

/// A connection to a log.
pub struct Connection {
    target: Target,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Connection {
    /// Connects with the first request.
    pub fn new(target: Target) -> Self {
        Connection { target, sender: None }
    }

    /// Posts JSON.
    ///
    /// # Errors
    /// [`ConnectionError`]; whatever the status, an answer is none.
    pub async fn post(&mut self, path: &str, body: Vec<u8>) -> Result<(StatusCode, Bytes), ConnectionError> {
        self.send(Method::POST, path, body).await
    }

    /// Gets what is at a path.
    ///
    /// # Errors
    /// As [`post`](Connection::post).
    pub async fn get(&mut self, path: &str) -> Result<(StatusCode, Bytes), ConnectionError> {
        self.send(Method::GET, path, Vec::new()).await
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<(StatusCode, Bytes), ConnectionError> {
        let mut sender = match self.sender.take().filter(|sender| !sender.is_closed()) {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.target.path))
            .header(HOST, &self.target.host)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .expect("the path of a URL and what is added to it are a path");
        let exchange = async {
            sender.ready().await?;
            let (head, body) = sender.send_request(request).await?.into_parts();
            let body = Limited::new(body, MAX_ANSWER).collect().await.map_err(|_| ConnectionError::Body)?;
            Ok::<_, ConnectionError>((head.status, body.to_bytes()))
        };
        let answer =
            tokio::time::timeout(TIMEOUT, exchange).await.map_err(|_| ConnectionError::Timeout)??;
        self.sender = Some(sender);
        Ok(answer)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, ConnectionError> {
        let stream = TcpStream::connect(&self.target.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        let target: Target = "http://127.0.0.1:8080/log/".parse().unwrap();
        assert_eq!((target.address.as_str(), target.path.as_str()), ("127.0.0.1:8080", "/log"));
        assert_eq!("https://ct.example.com".parse::<Target>().unwrap_err(), TargetError::Scheme);
        assert_eq!("127.0.0.1".parse::<Target>().unwrap_err(), TargetError::Url);
    }
}
