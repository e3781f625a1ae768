//! The page: what it answers to whom, and, in a real browser, what people see.

mod browser;
mod look;
mod seen;

use std::io::{Read, Write};
use std::net::TcpStream;

use super::*;
use crate::common::people::{Phone, add_registration, add_statement};
use tnlog::entry::Verb;

/// An answer of the page.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }
}

/// Asks with these header lines and a form; without a form it is a GET.
pub fn ask(address: SocketAddr, path: &str, headers: &[String], form: Option<&str>) -> Answer {
    let method = if form.is_some() { "POST" } else { "GET" };
    let mut text = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
    if !headers.iter().any(|header| header.to_ascii_lowercase().starts_with("host:")) {
        text += &format!("host: {address}\r\n");
    }
    headers.iter().for_each(|header| text += &format!("{header}\r\n"));
    text += &format!("content-length: {}\r\n\r\n{}", form.unwrap_or("").len(), form.unwrap_or(""));
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer to {path}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

fn get(address: SocketAddr, path: &str) -> Answer {
    ask(address, path, &[], None)
}

impl Process {
    /// Where the page is.
    pub fn page(&self) -> SocketAddr {
        let mut found = None;
        wait_for("the monitor has no page", || {
            let said = self.said();
            let rest = said.split_once("the page is at http://").map(|(_, rest)| rest.to_owned());
            found = rest.and_then(|rest| rest.split('/').next()?.parse().ok());
            found.is_some()
        });
        found.unwrap()
    }
}

/// A log with a story that is known, and a monitor that has seen all of it.
pub struct Story {
    _log: TestLog,
    pub monitor: Monitor,
    pub process: Process,
    pub page: SocketAddr,
    /// The entries of the first telephone's certificates: its own, one that it approved, one that it disputes.
    pub own: u64,
    pub approved: u64,
    pub disputed: u64,
}

impl Story {
    /// With the page at an address.
    pub fn new(page: &str) -> Self {
        let log = crate::common::people::accepting("");
        submit(&log, &["carrier-1", "carrier-2", "range-1"]);
        let address = log.address();
        let own = Phone::new(address, 1, 49);
        assert_eq!(add_registration(address, &own.register()).status, 200);
        let approved = Phone::new(address, 1, 50);
        assert_eq!(add_statement(address, &own.say(Verb::Approve, address, &approved)).status, 200);
        let disputed = Phone::new(address, 1, 51);
        assert_eq!(add_statement(address, &approved.say(Verb::Dispute, address, &disputed)).status, 200);
        let watches = "\n[[watch]]\nname = \"our code\"\ncarrier = \"706J\"\n\
                       \n[[watch]]\nname = \"our block\"\nblocks = [\"1703555xxxx\"]\n";
        let monitor = Monitor::new(&log, &[], &(number_watch(1) + watches));
        monitor.configure(|text| text.replacen("page = \"\"", &format!("page = \"{page}\""), 1));
        let process = monitor.start();
        let page = process.page();
        let story = Story {
            _log: log,
            monitor,
            process,
            page,
            own: own.index,
            approved: approved.index,
            disputed: disputed.index,
        };
        let size = disputed.index + 2;
        wait_for("the monitor has not seen everything", || {
            let logs = ask(page, "/logs.json", &story.bearer(), None);
            let log = &logs.json()["logs"][0];
            let found = |watch: &str| {
                let findings = story.get(&format!("/findings.json?watch={watch}")).json();
                !findings["findings"][0].is_null()
            };
            log["indexed"] == size && log["checked"] == size && found("telephone+1") && found("our+block")
        });
        story
    }

    /// The header that shows the token, where there is one.
    pub fn bearer(&self) -> Vec<String> {
        let token = std::fs::read_to_string(self.monitor.folder.join("page.token"));
        token.iter().map(|token| format!("authorization: Bearer {}", token.trim())).collect()
    }

    pub fn get(&self, path: &str) -> Answer {
        ask(self.page, path, &self.bearer(), None)
    }

    /// A finding of the watched number that is open and high.
    pub fn finding(&self) -> Value {
        let findings = self.get("/findings.json?severity=high&watch=telephone+1").json();
        findings["findings"][0].clone()
    }

    /// Every page.
    pub fn pages(&self) -> Vec<String> {
        let id = self.finding()["id"].as_str().unwrap().to_owned();
        let fixed =
            ["/", "/findings", "/findings?state=all&order=newest&q=key", "/watches", "/world", "/help"];
        let mut pages: Vec<String> = fixed.iter().map(|page| (*page).to_owned()).collect();
        let watches = ["telephone+1", "our+code", "our+block"];
        pages.extend(watches.iter().map(|name| format!("/watch?name={name}")));
        pages.push(format!("/findings/{id}"));
        pages.extend((0..=self.disputed).map(|index| format!("/logs/log/entries/{index}")));
        pages
    }
}
