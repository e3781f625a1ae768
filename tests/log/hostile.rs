//! What a hostile network sends: slow, long, many, compressed, ambiguous, nested. Each over a real socket; the log goes on.

#![cfg(feature = "server")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::common;
use crate::common::{Response, TestLog, add_chain, base64, chain, exchange, issuing, request};
use serde_json::json;
use tnlog::synthetic::{KeyPair, Profile};

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// Everything that is answered until the connection ends; none if it does not end in time.
fn to_the_end(mut stream: TcpStream) -> Option<String> {
    let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut part) {
            Ok(0) => return Some(String::from_utf8_lossy(&bytes).into_owned()),
            Ok(length) => bytes.extend_from_slice(&part[..length]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {
                return Some(String::from_utf8_lossy(&bytes).into_owned());
            }
            Err(_) => return None,
        }
    }
}

/// Sends a byte after the other, as slowly as this, until the other side has enough of it. Gives how long that took.
fn trickle(address: SocketAddr, first: &str, bytes: impl Iterator<Item = u8>) -> Duration {
    let begun = Instant::now();
    let mut stream = connect(address);
    stream.write_all(first.as_bytes()).unwrap();
    let mut reading = stream.try_clone().unwrap();
    let answered = std::thread::spawn(move || reading.read(&mut [0; 64]).map(|_| Instant::now()));
    for byte in bytes {
        std::thread::sleep(Duration::from_millis(50));
        if answered.is_finished() || stream.write_all(&[byte]).is_err() {
            break;
        }
    }
    answered.join().unwrap().map_or_else(|_| begun.elapsed(), |at| at.duration_since(begun))
}

/// Fails without `header_read_timeout` in `serve`, and without the time limit of `bounded_and_counted`.
#[test]
fn who_sends_a_byte_at_a_time_is_not_waited_for() {
    let log = TestLog::start("[limits]\nheader_seconds = 1\nrequest_seconds = 1\n");
    let header = "x-header: 1\r\n".bytes().cycle().take(400);
    let took = trickle(log.address(), "GET /checkpoint HTTP/1.1\r\nhost: log\r\n", header);
    assert!(took < Duration::from_secs(6), "a header was waited for {took:?}");
    let head = "POST /ct/v1/add-chain HTTP/1.1\r\nhost: log\r\ncontent-length: 1000\r\n\r\n";
    let took = trickle(log.address(), head, std::iter::repeat_n(b'[', 400));
    assert!(took < Duration::from_secs(10), "a body was waited for {took:?}");
    // A connection that was good once is not kept for ever either.
    let mut stream = connect(log.address());
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: log\r\n\r\n").unwrap();
    let begun = Instant::now();
    let answered = to_the_end(stream).expect("an idle connection is kept");
    assert!(answered.starts_with("HTTP/1.1 200") && begun.elapsed() < Duration::from_secs(10), "{answered}");
}

#[test]
fn headers_have_their_limits() {
    let log = TestLog::start("");
    let get = |path: &str, headers: &[String]| {
        let mut stream = connect(log.address());
        let _ = stream.write_all(&request("GET", path, headers, &[]));
        to_the_end(stream).expect("an end")
    };
    let refused = |answer: String| answer.is_empty() || answer.starts_with("HTTP/1.1 4");
    let many = |count: usize| (0..count).map(|n| format!("x-{n}: 1")).collect::<Vec<_>>();
    assert!(get("/healthz", &many(50)).starts_with("HTTP/1.1 200"));
    assert!(get("/healthz", &many(80)).starts_with("HTTP/1.1 431"));
    assert!(refused(get("/healthz", &many(100_000))));
    assert!(refused(get("/healthz", &[format!("x: {}", "a".repeat(20_000))])));
    assert!(refused(get("/healthz", &[format!("x: {}", "a".repeat(20_000_000))])));
    assert!(refused(get(&format!("/{}", "a".repeat(70_000)), &[])));
    assert_eq!(log.get("/healthz").status, 200);
}

/// Whether a connection is closed at once, before anything was asked.
fn is_closed(mut stream: TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    match stream.read(&mut [0; 1]) {
        Ok(length) => length == 0,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

/// Fails without `Connections` in `Server::run`.
#[test]
fn a_client_has_so_many_connections_and_no_more() {
    let mut log = TestLog::start("[limits]\nconnections_per_client = 2\n");
    let held = [connect(log.address()), connect(log.address())];
    std::thread::sleep(Duration::from_millis(100));
    assert!(is_closed(connect(log.address())), "a third connection is kept");
    drop(held);
    let begun = Instant::now();
    while exchange(log.address(), &request("GET", "/healthz", &[], &[])).is_none() {
        assert!(begun.elapsed() < Duration::from_secs(10), "a client that let go is not let in again");
    }
    log.reconfigure("trusted_proxies = [\"127.0.0.1\"]\n[limits]\nconnections_per_client = 2\n");
    let _held = [connect(log.address()), connect(log.address())];
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(log.get("/healthz").status, 200, "the proxy of all clients is taken for one");
}

/// More than there is room for wait, and are answered when others have gone.
#[test]
fn more_connections_than_there_is_room_for_wait() {
    let log = TestLog::start("[limits]\nconnections = 3\nheader_seconds = 1\n");
    let address = log.address();
    let asking: Vec<_> = (0..30)
        .map(|n| {
            std::thread::spawn(move || {
                let silent = (n % 3 == 0).then(|| connect(address));
                let answered = exchange(address, &request("GET", "/checkpoint", &[], &[]));
                drop(silent);
                answered.map(|response| response.status)
            })
        })
        .collect();
    for asked in asking {
        assert_eq!(asked.join().unwrap(), Some(200));
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Fails without `is_encoded`: nothing is unpacked, so no small body becomes a large one.
#[test]
fn compressed_bodies_are_not_unpacked() {
    let log = TestLog::start("");
    let good = add_chain(&chain("carrier-1").0).to_string().into_bytes();
    let post = |coding: &str, body: &[u8]| {
        let headers = [format!("content-encoding: {coding}")];
        exchange(log.address(), &request("POST", "/ct/v1/add-chain", &headers, body)).expect("an answer")
    };
    let bomb = gzip(&vec![b'['; 100 << 20]);
    assert!(bomb.len() < 200_000);
    for (coding, body) in
        [("gzip", &gzip(&good)), ("gzip", &bomb), ("br", &good), ("x", &good), ("gzip, identity", &good)]
    {
        let response = post(coding, body);
        assert_eq!(response.status, 415, "{coding}: {}", response.text());
        assert_eq!(response.json()["type"], "urn:tnlog:problem:encoded-body");
    }
    let size = log.size();
    post("identity", &good).success();
    assert_eq!(log.size(), size + 1);
}

fn answers(address: SocketAddr, bytes: &[u8]) -> Vec<String> {
    let mut stream = connect(address);
    let _ = stream.write_all(bytes);
    let text = to_the_end(stream).expect("the connection is not ended");
    text.match_indices("HTTP/1.1 ").map(|(at, _)| text[at + 9..at + 12].to_owned()).collect()
}

/// A proxy may see another end of the body than the log: what follows must never be a request of its own.
/// Fails without `connection: close` in `bounded_and_counted`.
#[test]
fn no_request_is_hidden_in_another() {
    let log = TestLog::start("[limits]\nheader_seconds = 2\nrequest_seconds = 2\n");
    let hidden = "GET /metrics HTTP/1.1\r\nhost: log\r\n\r\n";
    let length = 5 + hidden.len();
    for head in [
        format!("content-length: {length}\r\ntransfer-encoding: chunked\r\n"),
        format!("transfer-encoding: chunked\r\ncontent-length: {length}\r\n"),
        "transfer-encoding: chunked\r\ncontent-length: 3\r\n".into(),
        "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n".into(),
        "transfer-encoding: identity, chunked\r\n".into(),
        "transfer-encoding: chunked, identity\r\n".into(),
        "transfer-encoding: xchunked\r\n".into(),
        "transfer-encoding : chunked\r\n".into(),
        "transfer-encoding:\u{b}chunked\r\n".into(),
        "x: 1\r\n transfer-encoding: chunked\r\n".into(),
        format!("content-length: 5\r\ncontent-length: {length}\r\n"),
        format!("content-length: 5, {length}\r\n"),
        "content-length: +5\r\n".into(),
        "content-length: -1\r\n".into(),
        "content-length: 0x5\r\n".into(),
        "content-length: 99999999999999999999999\r\n".into(),
    ] {
        let request = format!("POST /ct/v1/add-chain HTTP/1.1\r\nhost: log\r\n{head}\r\n0\r\n\r\n{hidden}");
        let found = answers(log.address(), request.as_bytes());
        assert!(found.len() <= 1 && !found.contains(&"200".to_owned()), "{head:?}: {found:?}");
    }
    let old = format!(
        "POST /ct/v1/add-chain HTTP/1.0\r\nhost: log\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"
    );
    assert!(answers(log.address(), old.as_bytes()).len() <= 1);
}

#[test]
fn junk_behind_a_request_ends_the_connection() {
    let log = TestLog::start("[limits]\nheader_seconds = 1\n");
    let good = "GET /healthz HTTP/1.1\r\nhost: log\r\n\r\n";
    assert_eq!(answers(log.address(), good.repeat(3).as_bytes()), ["200", "200", "200"]);
    for junk in [
        &b"\0\0\0\0\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        &[0xff; 30_000],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let found = answers(log.address(), &[good.as_bytes(), junk, good.as_bytes()].concat());
        assert!(found.len() <= 2 && found[0] == "200", "{junk:?}: {found:?}");
        assert!(!found[1..].contains(&"200".to_owned()), "{junk:?}: {found:?}");
    }
    assert_eq!(log.get("/healthz").status, 200);
}

fn assert_refused(what: &str, response: Option<Response>) {
    let response = response.unwrap_or_else(|| panic!("{what}: no answer"));
    assert!((400..500).contains(&response.status), "{what}: {} {}", response.status, response.text());
}

/// JSON in JSON, DER in DER: no stack is as deep as a body is long.
#[test]
fn what_nests_deeply_is_refused() {
    let log = TestLog::start("");
    let post = |path: &str, body: &[u8]| exchange(log.address(), &request("POST", path, &[], body));
    for path in ["/ct/v1/add-chain", "/tn/v1/add-chains", "/tn/v1/lookup", "/tn/v1/add-registration"] {
        for (open, close) in [("[", "]"), ("{\"chain\":", "}"), ("{\"a\":[", "]}")] {
            let depth = 2000 / open.len();
            let body = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            assert_refused(path, post(path, body.as_bytes()));
            assert_refused(path, post(path, open.repeat(depth).as_bytes()));
        }
    }
    for tag in [0x30, 0x31, 0xa0, 0x24, 0x04] {
        let der = nested(tag, 60_000);
        assert_refused(
            "DER",
            post("/ct/v1/add-chain", json!({ "chain": [base64(&der)] }).to_string().as_bytes()),
        );
    }
    // Inside of a certificate that is good: where numbers are looked for.
    for (tag, status) in [(0xa4, 200), (0x30, 400)] {
        let name = const_oid::db::rfc5280::ID_CE_SUBJECT_ALT_NAME;
        let odd = tnlog::synthetic::Extension::new(name, nested(tag, 40_000));
        let issued = issuing().issue(&Profile::carrier("706J", common::VALIDITY, 5).extension(odd));
        let answer = post("/ct/v1/add-chain", add_chain(&issued.chain()).to_string().as_bytes());
        // An odd name is logged; 0x30 and its lengths are seven digits in a row, which could be a number.
        assert_eq!(answer.map(|answer| answer.status), Some(status), "{tag:#x}");
    }
}

/// Values in values, up to about so many bytes.
fn nested(tag: u8, length: usize) -> Vec<u8> {
    let mut heads = Vec::new();
    let mut inside = 0;
    while inside < length {
        let head = match inside {
            0..=0x7f => vec![tag, inside as u8],
            0x80..=0xff => vec![tag, 0x81, inside as u8],
            _ => vec![tag, 0x82, (inside >> 8) as u8, inside as u8],
        };
        inside += head.len();
        heads.push(head);
    }
    heads.into_iter().rev().flatten().collect()
}

/// The most blocks in as many certificates as one body holds: answered in time, and others with it.
#[test]
fn the_largest_batch_is_answered_and_nobody_waits_for_it() {
    let log = TestLog::start("");
    let ranges: Vec<_> = (0..512).map(|n| (format!("1703{:06}0", 2 * n), 10)).collect();
    let ranges: Vec<(&str, u64)> = ranges.iter().map(|(first, count)| (first.as_str(), *count)).collect();
    let key = KeyPair::p256(7);
    let submission = |seed: u64| {
        let profile = Profile::ranges(&ranges, common::VALIDITY, seed).key(key.clone());
        add_chain(&issuing().issue(&profile).chain()[..2])
    };
    let one = submission(0);
    let most = (8 << 20) / (one.to_string().len() + 1);
    let over = json!({ "chains": vec![&one; 1000] }).to_string();
    let answer = exchange(log.address(), &request("POST", "/tn/v1/add-chains", &[], over.as_bytes()));
    assert_eq!(answer.map(|answer| answer.status), Some(413));
    let chains: Vec<_> = (0..most as u64 - 1).map(submission).collect();
    let batch = json!({ "chains": chains }).to_string();
    let address = log.address();
    let begun = Instant::now();
    let answering = std::thread::spawn(move || {
        exchange(address, &request("POST", "/tn/v1/add-chains", &[], batch.as_bytes()))
    });
    let mut slowest = Duration::ZERO;
    while !answering.is_finished() {
        let asked = Instant::now();
        assert_eq!(log.get("/checkpoint").status, 200);
        slowest = slowest.max(asked.elapsed());
        std::thread::sleep(Duration::from_millis(20));
    }
    let results = answering.join().unwrap().expect("an answer").success();
    let results = results["results"].as_array().unwrap();
    assert!(results.len() > 400 && results.iter().all(|result| result["sct_version"] == 0), "{}", results[0]);
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    assert!(slowest < Duration::from_secs(5), "others waited {slowest:?}");
}
