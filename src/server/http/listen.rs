//! Accepting connections: within a limit, with a time for the header, and an orderly end.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt;

use super::Peer;
use super::connections::Connections;
use crate::server::config::Limits;

/// The longest wait for connections to end after the server stops accepting.
const DRAIN: Duration = Duration::from_secs(10);
/// The wait after accepting failed, as it does when no file descriptor is left.
const PAUSE: Duration = Duration::from_millis(50);
/// The most headers of a request, and bytes of a connection's buffer: 16 KiB holds every header that makes sense.
const MAX_HEADERS: usize = 64;
const MAX_BUFFER: usize = 16 << 10;

/// A listening server.
pub struct Server {
    listener: TcpListener,
    connections: usize,
    of_each_client: usize,
    trusted_proxies: Vec<IpAddr>,
    header_time: Duration,
    /// The longest time in which a client may take nothing of its answer.
    write_time: Duration,
}

impl Server {
    /// Binds the address.
    ///
    /// # Errors
    /// When that fails.
    pub async fn bind(address: SocketAddr, limits: &Limits) -> io::Result<Self> {
        Ok(Server {
            listener: TcpListener::bind(address).await?,
            connections: limits.connections,
            of_each_client: limits.connections_per_client,
            trusted_proxies: Vec::new(),
            header_time: Duration::from_secs(limits.header_seconds),
            write_time: Duration::from_secs(limits.request_seconds),
        })
    }

    /// Does not limit the connections of these addresses, each of which stands for many clients.
    pub fn trusting(mut self, proxies: &[IpAddr]) -> Self {
        self.trusted_proxies = proxies.to_vec();
        self
    }

    /// The address, with the port that was chosen where none was given.
    ///
    /// # Errors
    /// When the operating system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` ends, then answers what was asked and closes.
    pub async fn run(self, router: Router, stop: impl Future<Output = ()>) {
        let places = Arc::new(Semaphore::new(self.connections));
        let clients = Connections::new(self.of_each_client, self.trusted_proxies);
        let (stopping, stopped) = watch::channel(false);
        tokio::pin!(stop);
        loop {
            let place = places.clone().acquire_owned();
            let place = tokio::select! {
                place = place => place.expect("the semaphore is never closed"),
                () = &mut stop => break,
            };
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = &mut stop => break,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            // A client that has too many loses the new one: the others have its answers under way.
            let Some(open) = clients.open(peer.ip()) else { continue };
            let mut stream = TimeoutStream::new(stream);
            // Who does not read what he asked for must not hold a connection for ever.
            stream.set_write_timeout(Some(self.write_time));
            let serving = serve(stream, peer, router.clone(), self.header_time, stopped.clone());
            tokio::spawn(async move {
                serving.await;
                drop((place, open));
            });
        }
        drop(self.listener);
        let _ = stopping.send(true);
        let all = u32::try_from(self.connections).unwrap_or(u32::MAX);
        let _ = tokio::time::timeout(DRAIN, places.acquire_many(all)).await;
    }
}

async fn serve(
    stream: TimeoutStream<TcpStream>,
    peer: SocketAddr,
    router: Router,
    header_time: Duration,
    mut stopped: watch::Receiver<bool>,
) {
    let _ = stream.get_ref().set_nodelay(true);
    let service = router.map_request(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(Peer(peer.ip()));
        request.map(axum::body::Body::new)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_time)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_BUFFER)
        .serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(service));
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        _ = stopped.wait_for(|stopped| *stopped) => None,
    };
    if ended.is_none() {
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }
}
