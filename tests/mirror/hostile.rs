//! Junk at a log and at a mirror of it: nothing dies, nothing is answered with 500, no memory is kept, and no message shows
//! what was sent.

use std::io::Write;
use std::net::TcpStream;

use serde_json::json;
use tnlog::server::keys::Keys;
use tnlog::synthetic::fictional_number;

use super::killing::Process;
use super::*;
use common::people::{self, Phone};

/// The two programs, and where their messages go.
struct Servers {
    temporary: tempfile::TempDir,
    log: common::Process,
    mirror: Process,
    mirror_address: SocketAddr,
}

impl Servers {
    fn start() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = LogFolder::new(temporary.path().join("log"));
        std::fs::create_dir(folder.path()).unwrap();
        common::add_roots(&folder);
        people::accept_rs(&folder);
        let limits =
            "[limits]\nstatements_per_client_hour = 1000000\nregistrations_per_client_hour = 1000000\n";
        std::fs::write(folder.config(), common::config(limits)).unwrap();
        let log = common::Process::start(folder.path(), "trace", &temporary.path().join("log-messages"));
        let key = Keys::read(&folder.keys(), common::ORIGIN).unwrap().checkpoint.verifier_key().clone();
        let keys = (key, index_signer(&folder).verifier_key().clone());
        let messages = temporary.path().join("mirror-messages");
        let mirror = Process::of(&temporary.path().join("mirror"), log.address, &keys, &messages);
        let mut mirror_address = None;
        wait_for("the mirror does not start", || {
            let said = std::fs::read_to_string(&messages).unwrap();
            let rest = said.split_once("serving on http://").map(|(_, rest)| rest.to_owned());
            mirror_address = rest.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
            mirror_address.is_some()
        });
        Servers { temporary, log, mirror, mirror_address: mirror_address.unwrap() }
    }

    fn both(&self) -> [SocketAddr; 2] {
        [self.log.address, self.mirror_address]
    }

    fn messages(&self) -> String {
        ["log-messages", "mirror-messages"]
            .map(|name| std::fs::read_to_string(self.temporary.path().join(name)).unwrap())
            .concat()
    }

    /// What both have of the memory, in KiB.
    fn resident(&self) -> u64 {
        let of = |id: u32| {
            let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap().to_owned();
            line.split_whitespace().next().unwrap().parse::<u64>().unwrap()
        };
        of(self.log.id()) + of(self.mirror.0.id())
    }
}

/// Nothing is found, taken or done: 4xx, or 503 where it says that it will be there later.
fn assert_refused(what: &str, response: Option<Response>) {
    let Some(response) = response else { panic!("{what}: no answer") };
    let good = matches!(response.status, 400..=499 | 503);
    assert!(good, "{what}: {} {}", response.status, response.text());
}

fn post(address: SocketAddr, path: &str, body: &[u8]) -> Option<Response> {
    common::exchange(address, &common::request("POST", path, &[], body))
}

const ENDPOINTS: [&str; 6] = [
    "/tn/v1/add-registration",
    "/tn/v1/add-key-statement",
    "/tn/v1/registration-receipt",
    "/tn/v1/lookup",
    "/tn/v1/evaluate",
    "/add-checkpoint",
];

#[rustfmt::skip]
const PATHS: &[&str] = &[
    "/index/0/checkpoint", "/index/1/checkpoint", "/index/01/checkpoint", "/index/2/checkpoint", "/index/-2/checkpoint",
    "/index/1000/checkpoint", "/index/18446744073709551618/checkpoint", "/index/2x/tile/0/000", "/index/%32/checkpoint",
    "/index/%2e%2e/checkpoint", "/index/../keys/index.key", "/index/tile/0/../../../../keys/index.key",
    "/index/tile/..%2f..%2f..%2fkeys%2findex.key", "/tile/..%2f..%2fkeys", "/issuer/..%2fcheckpoint", "/index//checkpoint",
    "//index/checkpoint", "/index/checkpoint/", "/index/tile/0/%00", "/index/tile/8/000", "/index/tile/63/000",
    "/index/tile/0/x999/x999/x999/x999/x999/x999/999", "/index/tile/0/x018/x446/x744/x073/x709/x551/615",
    "/index/tile/entries/000.p/0", "/index/tile/entries/000.p/256", "/index/tile/entries/000.p/99999999999999999999",
    "/index/tile/entries/0", "/index/tile/entries/-01", "/index/2/tile/entries/000.p/1", "/index/2/tn/v1/checkpoint",
    "/index/tile/chains/999", "/index/tile/", "/index/tile", "/index", "/index/over", "/index/staging", "/index/%ff/checkpoint",
    "/tn/v1/heads/", "/tn/v1/lookup", "/tn/v1/add-registration", "/add-checkpoint", "/keys/index.key", "/private/index/over",
    "/ct/v1/get-entries?start=18446744073709551615&end=18446744073709551615",
    "/ct/v1/get-entries?start=0&end=18446744073709551616", "/ct/v1/get-sth-consistency?first=1&second=18446744073709551615",
    "/ct/v1/get-entry-and-proof?leaf_index=18446744073709551615&tree_size=18446744073709551615",
];

#[test]
fn odd_paths_find_nothing() {
    let servers = Servers::start();
    for address in servers.both() {
        for path in PATHS {
            let request = common::request("GET", path, &[], &[]);
            assert_refused(path, common::exchange(address, &request));
        }
    }
    assert!(!servers.messages().contains("panicked"));
}

/// Bodies that are nothing, each with a number wherever one can be put.
fn junk() -> Vec<Vec<u8>> {
    let number = fictional_number(1);
    let base64 = |bytes: &[u8]| common::base64(bytes);
    let label = base64(&[7; 31]);
    let mut bodies: Vec<Vec<u8>> = ["", "null", "{}", "[]", "\0", "\u{feff}{}", "old 0\n\n", "old 0\n\n\n\n"]
        .iter()
        .map(|text| text.as_bytes().to_vec())
        .collect();
    bodies.extend([
        vec![0xff; 100],
        b"[".repeat(4000),
        b"{\"labels\":".repeat(400),
        number.clone().into_bytes(),
    ]);
    for value in [
        json!({ "labels": [{ "label": label }], "below": [], "at": [], "since": 0 }),
        json!({ "labels": [{ "label": number }], "below": [], "at": [], "since": 0 }),
        json!({ "labels": [], "below": [format!("{number}{number}")], "at": [], "since": 0 }),
        json!({ "labels": [], "below": vec!["1"; 17], "at": [], "since": 0 }),
        json!({ "labels": [], "below": ["x"], "at": [], "since": 0 }),
        json!({ "labels": [], "below": [], "at": [], "since": -1 }),
        json!({ "labels": [], "below": [], "at": ["1"], "since": u64::MAX }),
        json!({ "labels": [{ "label": base64(&[7; 32]), "known": u64::MAX }], "below": [], "at": [], "since": 0 }),
        json!({ "labels": [], "below": [], "at": [], number.clone(): 0 }),
        json!({ "registration": number }),
        json!({ "statement": number }),
        json!({ "registration": base64(number.as_bytes()) }),
        json!({ "statement": base64(number.as_bytes()) }),
    ] {
        bodies.push(value.to_string().into_bytes());
    }
    // CBOR that promises more than there is, or nests.
    for cbor in [
        [0x9b].iter().chain(&[0xff; 8]).copied().collect(),
        [0xbb].iter().chain(&[0xff; 8]).copied().collect(),
        [0x5b].iter().chain(&[0x7f; 8]).copied().collect(),
        vec![0x81; 2000],
        vec![0xa1; 2000],
        vec![0x9f; 2000],
        vec![0xc0; 2000],
        vec![0xf9, 0x7e, 0x00],
    ] as [Vec<u8>; 8]
    {
        for name in ["registration", "statement"] {
            bodies.push(json!({ name: base64(&cbor) }).to_string().into_bytes());
        }
    }
    bodies
}

/// Every byte of what would be good, changed; at the log.
fn changed(servers: &Servers) {
    let (address, mirror) = (servers.log.address, servers.mirror_address);
    let phone = Phone::new(address, 1, 1);
    let good = phone.register();
    let encoded = good.encode();
    for at in (0..encoded.len()).step_by(3) {
        let mut bad = encoded.clone();
        bad[at] ^= 1 << (at % 8);
        for path in ["/tn/v1/add-registration", "/tn/v1/registration-receipt"] {
            let body = json!({ "registration": common::base64(&bad) }).to_string();
            assert_refused(&format!("{path} {at}"), post(address, path, body.as_bytes()));
        }
    }
    let note = Note::parse(&common::get(mirror, "/index/checkpoint").body).unwrap();
    let request = AddCheckpoint::new(0, vec![], note).unwrap().encode().into_bytes();
    for at in 0..request.len() {
        let mut bad = request.clone();
        bad[at] ^= 1 << (at % 7);
        let answer = post(mirror, "/add-checkpoint", &bad).unwrap();
        // In the part of a signature line that is another's, a change makes another stranger of it.
        assert!(
            matches!(answer.status, 400 | 403 | 404 | 409 | 422),
            "{at}: {} {}",
            answer.status,
            answer.text()
        );
    }
}

fn wait_for_heads(servers: &Servers) {
    for address in servers.both() {
        wait_for("there is no head", || common::get(address, "/tn/v1/heads").status == 200);
    }
}

/// Fails when junk is shown in a message, kept, or answered with 500.
#[test]
fn junk_is_refused_and_leaves_nothing_behind() {
    let servers = Servers::start();
    wait_for_heads(&servers);
    let throw = || {
        for address in servers.both() {
            for path in ENDPOINTS {
                for body in junk() {
                    assert_refused(
                        &format!("{path} {}", String::from_utf8_lossy(&body)),
                        post(address, path, &body),
                    );
                }
                let long = b"1".repeat(3 << 20);
                let answer = post(address, path, &long);
                assert!(answer.is_none_or(|answer| matches!(answer.status, 400..=499)), "{path}");
            }
        }
    };
    throw();
    let before = servers.resident();
    (0..5).for_each(|_| throw());
    let after = servers.resident();
    assert!(after < before + (48 << 10), "{before} KiB before, {after} after");
    changed(&servers);
    let label = Label::new([7; 32]);
    let asked = json!({ "labels": [{ "label": common::base64(label.as_bytes()) }], "below": [], "at": [], "since": 0 });
    for address in servers.both() {
        common::post(address, "/tn/v1/lookup", &asked).success();
    }
    let said = servers.messages();
    assert!(said.contains(" DEBUG ") && said.contains("add-checkpoint"), "messages are not at trace level");
    let hexadecimal = "07".repeat(32);
    for secret in [
        &*fictional_number(1),
        &common::base64(label.as_bytes())[..40],
        &hexadecimal,
        people::CONTACT,
        "panicked",
    ] {
        let line = said.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{secret}: {line:?}");
    }
}

/// Fails when slow bodies hold what others need.
#[test]
fn slow_bodies_and_many_connections_keep_nobody_out() {
    let servers = Servers::start();
    wait_for_heads(&servers);
    let open = |address: SocketAddr, n: usize| {
        let path = ENDPOINTS[n % ENDPOINTS.len()];
        let mut stream = TcpStream::connect(address).unwrap();
        let length = if path == "/tn/v1/lookup" || path == "/tn/v1/evaluate" { 2000 } else { 8000 };
        let head = format!("POST {path} HTTP/1.1\r\nhost: log\r\ncontent-length: {length}\r\n\r\n{{");
        // Every fourth one does not even end its head.
        let sent = if n.is_multiple_of(4) { &head[..30] } else { &head };
        stream.write_all(sent.as_bytes()).unwrap();
        stream
    };
    let streams: Vec<_> = (0..500).map(|n| open(servers.both()[n % 2], n / 2)).collect();
    let begun = Instant::now();
    for address in servers.both() {
        let asked = json!({ "labels": [], "below": [], "at": ["1"], "since": 0 });
        common::post(address, "/tn/v1/lookup", &asked).success();
        assert_eq!(common::get(address, "/healthz").status, 200);
    }
    let phone = Phone::new(servers.log.address, 2, 2);
    people::add_registration(servers.log.address, &phone.register()).success();
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(streams.len(), 500);
    assert!(!servers.messages().contains("panicked"));
}
