//! Places that are no log, beside one that is.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use super::*;

/// A place that answers every request with what `answer` writes.
fn place(answer: impl Fn(&mut TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            answer(&mut stream);
        }
    });
    url
}

/// Garbage, gigabytes, nothing, and 429: each costs bounded memory, and the log beside it is followed as if it were alone.
#[test]
fn one_logs_trouble_is_not_anothers() {
    let log = TestLog::start("");
    submit(&log, &["number-1"]);
    let garbage = |stream: &mut TcpStream| {
        let _ = stream.write_all(
            b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\nconnection: close\r\n\r\n\0\xff\n\n\xe2\x80\x94 ",
        );
    };
    let gigabytes = |stream: &mut TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
        while stream.write_all(&[b'a'; 65_536]).is_ok() {}
    };
    let nothing = |_: &mut TcpStream| std::thread::sleep(Duration::from_secs(3600));
    let busy = |stream: &mut TcpStream| {
        let _ = stream.write_all(
            b"HTTP/1.1 429 X\r\nretry-after: 100000\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        );
    };
    let places = [place(garbage), place(gigabytes), place(nothing), place(busy)];
    let monitor = Monitor::new(&log, &[], &number_watch(1));
    let more: String = (0..)
        .zip(&places)
        .map(|(n, url)| format!("\n[[log]]\nname = \"bad-{n}\"\nurl = \"{url}\"\npolicy = \"log.policy\"\n"))
        .collect();
    monitor.configure(|text| text + &more);
    let process = monitor.start();
    wait_for("the log is not followed", || monitor.detectors() == ["unexpected-key"]);
    submit(&log, &["numbers-3"]);
    wait_for("it is not followed further", || monitor.detectors().len() > 1);
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kilobytes < 600_000, "{kilobytes} kB");
    assert!(!process.said().contains("panicked"));
}
