//! Places that are no log, beside one that is.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::common::{exchange, request};

type Answer = fn(&mut TcpStream);

/// What a hostile place may answer. Errors of writing are the client's, which has had enough.
const ANSWERS: [Answer; 5] = [garbage, gigabytes, nothing, busy, cut];

fn garbage(stream: &mut TcpStream) {
    let _ = stream.write_all(
        b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\nconnection: close\r\n\r\n\0\xff\n\n\xe2\x80\x94 ",
    );
}

fn gigabytes(stream: &mut TcpStream) {
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
    while stream.write_all(&[b'a'; 65_536]).is_ok() {}
}

fn nothing(_: &mut TcpStream) {
    std::thread::sleep(Duration::from_secs(6));
}

fn busy(stream: &mut TcpStream) {
    let _ = stream.write_all(
        b"HTTP/1.1 429 X\r\nretry-after: 100000\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    );
}

/// Less than was announced.
fn cut(stream: &mut TcpStream) {
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 500000\r\nconnection: close\r\n\r\nless");
}

/// A place that answers every request with what `answer` writes.
fn place(answer: Answer) -> String {
    serve(move |mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        answer(&mut stream);
    })
}

fn serve(answer: impl Fn(TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, answer) = (stream.unwrap(), answer.clone());
            std::thread::spawn(move || answer(stream));
        }
    });
    url
}

/// A place that serves a log, but answers so when it is asked for entries, as long as it is bad.
fn front(log: SocketAddr, answer: Answer, is_bad: Arc<AtomicBool>) -> String {
    serve(move |mut stream| {
        let Some((method, path, body)) = read_request(&stream) else { return };
        if is_bad.load(Ordering::Relaxed) && path.starts_with("/tile/entries/") {
            return answer(&mut stream);
        }
        let json = ["content-type: application/json".to_owned()];
        let Some(answered) = exchange(log, &request(&method, &path, &json, &body)) else { return };
        let length = answered.body.len();
        let head = format!(
            "HTTP/1.1 {} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n",
            answered.status
        );
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&answered.body));
    })
}

fn read_request(stream: &TcpStream) -> Option<(String, String, Vec<u8>)> {
    let (mut reader, mut head) = (BufReader::new(stream), String::new());
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head).ok().filter(|read| *read > 0)?;
    }
    let length = head
        .to_lowercase()
        .lines()
        .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let mut words = head.split_whitespace();
    Some((words.next()?.to_owned(), words.next()?.to_owned(), body))
}

/// More lines of configuration: a log at each place, with the policy of the good one.
fn logs(urls: &[String]) -> String {
    let log = |(n, url): (usize, &String)| {
        format!("\n[[log]]\nname = \"bad-{n}\"\nurl = \"{url}\"\npolicy = \"log.policy\"\n")
    };
    urls.iter().enumerate().map(log).collect()
}

fn assert_bounded(process: &Process) {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kilobytes < 600_000, "{kilobytes} kB");
    assert!(!process.said().contains("panicked"));
}

/// Garbage, gigabytes, nothing, 429s and half answers: each costs bounded memory, and the log beside it is followed as if it
/// were alone. Fails without the limits of `Source::fetch`, and when logs share a thread.
#[test]
fn one_logs_trouble_is_not_anothers() {
    let log = TestLog::start("");
    submit(&log, &["number-1"]);
    let places = ANSWERS.map(place);
    let monitor = Monitor::new(&log, &[], &number_watch(1));
    monitor.configure(|text| text + &logs(&places));
    let process = monitor.start();
    wait_for("the log is not followed", || monitor.detectors() == ["unexpected-key"]);
    submit(&log, &["numbers-3"]);
    wait_for("it is not followed further", || monitor.detectors().len() > 1);
    assert_bounded(&process);
}

/// The same in the middle of a log that is good otherwise: the one beside it goes on, and when they are good again they are followed to
/// their ends.
#[test]
fn what_was_withheld_is_made_up_for() {
    let log = TestLog::start("");
    submit(&log, &["carrier-1"]);
    let is_bad = Arc::new(AtomicBool::new(true));
    let fronts = ANSWERS.map(|answer| front(log.address(), answer, is_bad.clone()));
    let monitor = Monitor::new(&log, &[], &number_watch(1));
    monitor.configure(|text| text + &logs(&fronts));
    let process = monitor.start();
    let address = process.address();
    let size = |name: &str| {
        let note = common::get(address, &format!("/log/{name}/checkpoint"));
        (note.status == 200).then(|| note.text().lines().nth(1).unwrap().parse::<u64>().unwrap())
    };
    let good = "log";
    wait_for("the good one is not followed", || size(good) == Some(2));
    submit(&log, &["number-1"]);
    let is_found = || monitor.detectors().iter().any(|detector| detector == "unexpected-key");
    wait_for("it is not followed further", || size(good) == Some(3) && is_found());
    for n in 0..fronts.len() {
        assert_eq!(size(&format!("bad-{n}")), None, "what nobody has checked is shown");
    }
    is_bad.store(false, Ordering::Relaxed);
    for n in 0..fronts.len() {
        wait_for("one is not followed to its end", || size(&format!("bad-{n}")) == Some(3));
    }
    assert_bounded(&process);
}
