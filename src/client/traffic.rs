//! How much went over the wire: what a person on a telephone pays for.

use std::ops::{Add, Sub};
use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::header::HeaderMap;
use reqwest::{Request, Response};

/// What HTTP/1.1 adds to every request: its version, `host`, `accept`, `user-agent` and `content-length`.
const OWN_HEADERS: usize = 128;
/// `HTTP/1.1 200 OK` and two ends of lines.
const STATUS_LINE: usize = 19;

/// Counts requests and bytes of HTTP: heads and bodies, as HTTP/1.1 writes them, without TLS and below.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    requests: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
}

/// What was counted until now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transferred {
    /// Requests, repeated ones each time.
    pub requests: u64,
    /// Bytes sent.
    pub sent: u64,
    /// Bytes received.
    pub received: u64,
}

impl Transferred {
    /// Bytes in both directions.
    pub fn bytes(&self) -> u64 {
        self.sent + self.received
    }
}

impl Add for Transferred {
    type Output = Transferred;

    fn add(self, other: Transferred) -> Transferred {
        Transferred {
            requests: self.requests + other.requests,
            sent: self.sent + other.sent,
            received: self.received + other.received,
        }
    }
}

impl Sub for Transferred {
    type Output = Transferred;

    fn sub(self, before: Transferred) -> Transferred {
        Transferred {
            requests: self.requests - before.requests,
            sent: self.sent - before.sent,
            received: self.received - before.received,
        }
    }
}

impl Traffic {
    pub(crate) fn asks(&self, request: &Request) {
        let url = request.url();
        let path = url.path().len() + url.query().map_or(0, |query| 1 + query.len());
        let body = request.body().and_then(|body| body.as_bytes()).map_or(0, <[u8]>::len);
        let head = request.method().as_str().len() + path + headers(request.headers()) + OWN_HEADERS;
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.sent.fetch_add((head + body) as u64, Ordering::Relaxed);
    }

    pub(crate) fn is_answered(&self, response: &Response) {
        self.receives(STATUS_LINE + headers(response.headers()));
    }

    pub(crate) fn receives(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn transferred(&self) -> Transferred {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Transferred { requests: load(&self.requests), sent: load(&self.sent), received: load(&self.received) }
    }
}

fn headers(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}
