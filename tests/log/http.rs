//! HTTP behaviour as text: each file of `tests/log/http/` is run over a socket against a log of its own.
//!
//! ```text
//! round_milliseconds = 1000           configuration, up to the first case
//!
//! -- a title                          a case
//! POST /ct/v1/add-chain               the request line; the path is sent as it stands
//! send X-Forwarded-For: 192.0.2.1     a header
//! body chain(carrier-1)               the body, see below
//! later                               the answer is awaited at the end of the file
//! => 200 application/json             status and content type of a success,
//! => 400 bad-signature certificate 0  or status, problem type, and which certificate `detail` and `certificate` name
//! header retry-after: 1               a header of the answer; `header allow` asks only that it is there
//! json /sct_version 0                 a JSON pointer into the body, and the value there; `*` is any
//! detail trailing                     text that `detail` has
//! text ok                             text that the body has
//! stored 1                            by how much the tree has grown; without this line, by nothing
//! ```
//!
//! A body is `text ...`, `zeros(N)`, `chain(NAME, ...)`, `chains(NAME; NAME; ...)` or `blinded(N, ...)`, after `chunked` if it
//! has no length, with ` + text` appended as it stands. Names are those of `common::chain`; `N x NAME` repeats one; `2=text`
//! puts a text in the place of string 2; `drop 2` leaves it out. A line that begins with `#` is a remark.

#![cfg(feature = "server")]

use std::thread::JoinHandle;

use crate::common::{Response, TestLog, add_chain, base64, chain, exchange, request};
use rand_core::OsRng;
use serde_json::{Value, json};
use tnlog::label::Blinded;
use tnlog::number::Number;
use tnlog::synthetic::{Malformation, fictional_number};

struct Case {
    title: String,
    method: String,
    path: String,
    headers: Vec<String>,
    body: Vec<u8>,
    chunked: bool,
    later: bool,
    stored: u64,
    expected: Vec<String>,
}

/// Lines of configuration, and cases.
fn read(script: &str) -> (String, Vec<Case>) {
    let mut config = String::new();
    let mut cases: Vec<Case> = Vec::new();
    for line in script.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        if let Some(title) = line.strip_prefix("-- ") {
            cases.push(Case::new(title));
        } else if let Some(case) = cases.last_mut() {
            case.read(line);
        } else {
            config += &format!("{line}\n");
        }
    }
    (config, cases)
}

impl Case {
    fn new(title: &str) -> Self {
        Case {
            title: title.to_owned(),
            method: String::new(),
            path: String::new(),
            headers: Vec::new(),
            body: Vec::new(),
            chunked: false,
            later: false,
            stored: 0,
            expected: Vec::new(),
        }
    }

    fn read(&mut self, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "later" => self.later = true,
            "stored" => self.stored = rest.parse().unwrap(),
            "send" => self.headers.push(rest.to_owned()),
            "body" => {
                let unchunked = rest.strip_prefix("chunked ");
                self.chunked = unchunked.is_some();
                self.body = body(unchunked.unwrap_or(rest));
            }
            "=>" | "header" | "json" | "detail" | "text" => self.expected.push(line.to_owned()),
            _ if word.bytes().all(|b| b.is_ascii_uppercase()) => {
                (self.method, self.path) = (word.to_owned(), rest.to_owned());
            }
            _ => panic!("no such line in a script: {line:?}"),
        }
    }

    fn request(&self) -> Vec<u8> {
        if !self.chunked {
            return request(&self.method, &self.path, &self.headers, &self.body);
        }
        let (method, path) = (&self.method, &self.path);
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: log\r\ntransfer-encoding: chunked\r\nconnection: close\r\n"
        );
        let chunks = self
            .body
            .chunks(10_000)
            .flat_map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
        format!("{head}\r\n").into_bytes().into_iter().chain(chunks).chain(*b"0\r\n\r\n").collect()
    }
}

fn body(expression: &str) -> Vec<u8> {
    if let Some(text) = expression.strip_prefix("text ") {
        return text.as_bytes().to_vec();
    }
    let (call, appended) = expression.split_once(" + ").unwrap_or((expression, ""));
    let (function, arguments) = call.trim_end_matches(')').split_once('(').expect("a call");
    let value = match function {
        "zeros" => return vec![b'0'; arguments.parse().unwrap()],
        "chain" => {
            let mut arguments = arguments.split(", ");
            let mut value = add_chain(&chain(arguments.next().unwrap()).0);
            changed(value["chain"].as_array_mut().unwrap(), arguments);
            value
        }
        "chains" => json!({ "chains": arguments.split("; ").flat_map(submissions).collect::<Vec<_>>() }),
        "blinded" => {
            let mut arguments = arguments.split(", ");
            let count: u32 = arguments.next().unwrap().parse().unwrap();
            let numbers: Vec<_> = (0..count).map(|n| Number::new(&fictional_number(n)).unwrap()).collect();
            let blinded = Blinded::new(&numbers, &mut OsRng);
            let mut strings = blinded.elements().iter().map(|element| json!(base64(element))).collect();
            changed(&mut strings, arguments);
            json!({ "blinded": strings })
        }
        _ => panic!("no such body: {expression:?}"),
    };
    (value.to_string() + appended).into_bytes()
}

fn submissions(name: &str) -> Vec<Value> {
    let (count, name) =
        name.split_once(" x ").map_or((1, name), |(count, name)| (count.parse().unwrap(), name));
    let (chain, precertificate) = chain(name);
    let mut value = add_chain(&chain);
    if precertificate {
        value["precertificate"] = json!(true);
    }
    vec![value; count]
}

fn changed<'a>(strings: &mut Vec<Value>, changes: impl Iterator<Item = &'a str>) {
    for change in changes {
        if let Some(index) = change.strip_prefix("drop ") {
            strings.remove(index.parse().unwrap());
        } else {
            let (index, text) = change.split_once('=').unwrap();
            strings[index.parse::<usize>().unwrap()] = json!(text);
        }
    }
}

fn check(file: &str, case: &Case, response: &Response) {
    let place = format!("{file}, {:?}: answered {} {}", case.title, response.status, response.text());
    assert!(!case.expected.is_empty(), "{file}, {:?} expects nothing", case.title);
    assert_eq!(response.header("x-content-type-options"), Some("nosniff"), "{place}");
    for line in &case.expected {
        let (word, rest) = line.split_once(' ').unwrap();
        let json = || -> Value { serde_json::from_slice(&response.body).unwrap_or_default() };
        let holds = match word {
            "=>" => is_outcome(rest, response),
            "header" => match rest.split_once(": ") {
                Some((name, value)) => response.header(name) == Some(value),
                None => response.header(rest).is_some(),
            },
            "json" => {
                let (pointer, value) = rest.split_once(' ').unwrap();
                let json = json();
                let found = json.pointer(pointer);
                if value == "*" {
                    found.is_some()
                } else {
                    found == serde_json::from_str(value).ok().as_ref()
                }
            }
            "detail" => json()["detail"].as_str().is_some_and(|detail| detail.contains(rest)),
            _ => response.text().contains(rest),
        };
        assert!(holds, "{place}\ndoes not hold: {line}");
    }
}

/// `200 application/json`, or `400 bad-signature certificate 0`.
fn is_outcome(expected: &str, response: &Response) -> bool {
    let (status, rest) = expected.split_once(' ').unwrap();
    let content_type = response.header("content-type").unwrap_or_default();
    if status.parse() != Ok(response.status) {
        return false;
    }
    if rest.contains('/') {
        return content_type == rest;
    }
    let (slug, certificate) = rest.split_once(" certificate ").map_or((rest, None), |(s, n)| (s, Some(n)));
    let problem: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let certificate = certificate.map_or(Value::Null, |n| json!(n.parse::<u64>().unwrap()));
    let detail = problem["detail"].as_str().unwrap_or_default();
    let named = certificate.is_null() || detail.contains(&format!("ertificate {certificate} of the chain"));
    content_type == "application/problem+json"
        && problem["type"] == json!(format!("urn:tnlog:problem:{slug}"))
        && problem["status"] == json!(response.status)
        && problem["title"].as_str().is_some_and(|title| !title.is_empty())
        && detail.len() > 10
        && problem["certificate"] == certificate
        && named
}

fn run(file: &str, script: &str) {
    let (config, cases) = read(script);
    assert!(!cases.is_empty());
    let log = TestLog::start(&config);
    let address = log.address();
    let mut later: Vec<(&Case, JoinHandle<Option<Response>>)> = Vec::new();
    for case in &cases {
        let before = log.size();
        let bytes = case.request();
        if case.later {
            later.push((case, std::thread::spawn(move || exchange(address, &bytes))));
            std::thread::sleep(std::time::Duration::from_millis(150));
            continue;
        }
        let response = exchange(address, &bytes);
        check(file, case, &response.unwrap_or_else(|| panic!("{file}, {:?}: no answer", case.title)));
        if later.is_empty() {
            assert_eq!(log.size() - before, case.stored, "{file}, {:?}: leaves stored", case.title);
        }
    }
    for (case, response) in later {
        check(file, case, &response.join().unwrap().expect("an answer"));
    }
    assert_eq!(log.get("/healthz").status, 200);
}

macro_rules! scripts {
    ($($name:ident)+) => {
        mod script {
            $(#[test]
            fn $name() {
                super::run(stringify!($name), include_str!(concat!("http/", stringify!($name), ".txt")));
            })+

            /// A script that is not in the list below would never run.
            #[test]
            fn none_is_forgotten() {
                let names = [$(concat!(stringify!($name), ".txt")),+];
                for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/log/http")).unwrap() {
                    let name = entry.unwrap().file_name();
                    assert!(names.contains(&name.to_str().unwrap()), "{name:?} is not run");
                }
            }
        }
    };
}

scripts! { submit refused read tiles limits body_memory read_only label_budget evaluate pool }

/// The log decides about each malformation as the core does, and says so in its answer.
#[test]
fn every_malformation_is_answered_as_the_core_decides() {
    let log = TestLog::start("");
    let outcomes: Vec<&str> = include_str!("../../src/admission/malformations.txt").lines().collect();
    assert_eq!(outcomes.len(), Malformation::ALL.len());
    for (malformation, line) in Malformation::ALL.iter().zip(outcomes) {
        let (name, outcome) = line.split_once(": ").unwrap();
        assert_eq!(name, malformation.name());
        let (chain, precertificate) = chain(name);
        let before = log.size();
        let right = if precertificate { "/ct/v1/add-pre-chain" } else { "/ct/v1/add-chain" };
        let response = log.post(right, &add_chain(&chain));
        if outcome == "admitted" {
            response.success();
            assert_eq!(log.size(), before + 1, "{name}");
        } else {
            let expected = format!("400 {}", outcome.replace(" at ", " certificate "));
            assert!(is_outcome(&expected, &response), "{name}: {}", response.text());
            assert_eq!(log.size(), before, "{name}");
        }
        // At the other endpoint none is taken that is not what belongs there.
        let other = if precertificate { "/ct/v1/add-chain" } else { "/ct/v1/add-pre-chain" };
        let (response, before) = (log.post(other, &add_chain(&chain)), log.size());
        let taken = response.status == 200;
        assert_eq!(taken, *malformation == Malformation::PoisonMissing, "{name}: {}", response.text());
        assert_eq!(log.size(), before, "{name}");
    }
}

/// Who holds a connection and says nothing loses it, or few could shut out all.
#[test]
fn silent_connections_give_way() {
    let log = TestLog::start("[limits]\nconnections = 2\nheader_seconds = 1\n");
    let silent: Vec<_> = (0..2).map(|_| std::net::TcpStream::connect(log.address()).unwrap()).collect();
    let begun = std::time::Instant::now();
    assert_eq!(log.get("/healthz").status, 200);
    assert!(begun.elapsed() > std::time::Duration::from_millis(500), "the connections were not limited");
    drop(silent);
}

/// A body that never ends coming is answered when the time of a request is over.
#[test]
fn a_slow_body_is_given_up() {
    let log = TestLog::start("[limits]\nrequest_seconds = 1\n");
    let request =
        "POST /ct/v1/add-chain HTTP/1.1\r\nhost: log\r\ncontent-length: 100\r\nconnection: close\r\n\r\n{";
    let begun = std::time::Instant::now();
    let response = exchange(log.address(), request.as_bytes()).expect("an answer");
    assert!((400..600).contains(&response.status), "{}", response.text());
    assert!(begun.elapsed() < std::time::Duration::from_secs(10));
}

/// Who asks for megabytes and reads nothing is cut off. Fails without `set_write_timeout` in `Server::run`.
#[test]
fn a_client_that_does_not_read_gives_way() {
    use std::io::Write;
    let log = TestLog::start("[limits]\nconnections = 1\nrequest_seconds = 1\n");
    let mut deaf = std::net::TcpStream::connect(log.address()).unwrap();
    deaf.set_write_timeout(Some(std::time::Duration::from_millis(500))).unwrap();
    let requests = "GET /metrics HTTP/1.1\r\nhost: log\r\n\r\n".repeat(8000);
    let _ = deaf.write_all(requests.as_bytes());
    let begun = std::time::Instant::now();
    assert_eq!(log.get("/healthz").status, 200);
    assert!(begun.elapsed() < std::time::Duration::from_secs(15));
    drop(deaf);
}
