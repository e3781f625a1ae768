//! Alerts by e-mail, over sockets and TLS, to mail servers of all manners.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

use base64ct::{Base64, Encoding};
use const_oid::ObjectIdentifier;
use rustls::pki_types::PrivateSec1KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tnlog::synthetic::{Authority, Extension, KeyPair, Name, Profile, der};

use super::*;
use crate::common::VALIDITY;

const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// How a mail server behaves.
#[derive(Clone, Default)]
struct Manner {
    offers: Vec<&'static str>,
    /// What a line begins with, and the code that it is refused with.
    refuses: Vec<(&'static str, u16)>,
    oddity: Oddity,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Oddity {
    #[default]
    None,
    Garbage,
    Endless,
    Silence,
    Hangup,
    /// Says more after STARTTLS, before TLS.
    Injects,
}

/// A mail server, what it was told, and the messages that it took.
struct Post {
    address: SocketAddr,
    authority: Authority,
    manner: Arc<Mutex<Manner>>,
    lines: Arc<Mutex<Vec<String>>>,
    taken: Arc<Mutex<Vec<String>>>,
}

trait Wire: Read + Write {}
impl<T: Read + Write> Wire for T {}

impl Post {
    fn start(is_implicit: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let post = Post {
            address: listener.local_addr().unwrap(),
            authority: Authority::root("Mail Root", 70, VALIDITY),
            manner: Arc::default(),
            lines: Arc::default(),
            taken: Arc::default(),
        };
        let tls = tls(&post.authority);
        let (manner, lines, taken) = (post.manner.clone(), post.lines.clone(), post.taken.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let manner = manner.lock().unwrap().clone();
                let session = Session { manner, lines: lines.clone(), taken: taken.clone() };
                let (tls, stream) = (tls.clone(), stream.unwrap());
                std::thread::spawn(move || session.serve(stream, tls, is_implicit));
            }
        });
        post
    }

    fn behave(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
        self.lines.lock().unwrap().clear();
    }

    fn said(&self, begins: &str) -> bool {
        self.lines.lock().unwrap().iter().any(|line| line.starts_with(begins))
    }

    fn taken(&self) -> Vec<Message> {
        self.taken.lock().unwrap().iter().map(|text| Message::parse(text)).collect()
    }

    /// The lines of an alert, with more of them.
    fn alert(&self, name: &str, more: &str) -> String {
        let address = self.address;
        format!(
            "\n[[alert]]\nname = \"{name}\"\nshow_numbers = {}\n[alert.email]\nserver = \"{address}\"\nfrom = \"monitor@mail.example\"\n\
             to = [\"first@mail.example\", \"second@mail.example\"]\nca_file = \"mail-ca.pem\"\n{more}",
            name == "whole"
        )
    }

    /// Writes what the alert names.
    fn prepare(&self, monitor: &Monitor) {
        let ca = format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            Base64::encode_string(self.authority.certificate())
        );
        std::fs::write(monitor.folder.join("mail-ca.pem"), ca).unwrap();
        let login = monitor.folder.join("mail.login");
        std::fs::write(&login, "somebody\na password\n").unwrap();
        std::fs::set_permissions(login, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}

/// For 127.0.0.1, below an authority of the test.
fn tls(authority: &Authority) -> Arc<ServerConfig> {
    let key = KeyPair::p256(71);
    let address = der::sequence(&[der::implicit(7, &[127, 0, 0, 1])]);
    let profile = Profile::end_entity(Name::new("Mail", "Mail"), VALIDITY, 72)
        .key(key.clone())
        .extension(Extension::new(SUBJECT_ALT_NAME, address));
    let certificate = authority.issue(&profile).certificate().to_vec();
    let point = &key.spki()[key.spki().len() - 65..];
    let private = der::sequence(&[
        der::integer(1),
        der::octet_string(&key.secret_scalar()),
        der::explicit(0, &der::oid(P256)),
        der::explicit(1, &der::bit_string(0, point)),
    ]);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.into()], PrivateSec1KeyDer::from(private).into())
        .unwrap();
    Arc::new(config)
}

struct Session {
    manner: Manner,
    lines: Arc<Mutex<Vec<String>>>,
    taken: Arc<Mutex<Vec<String>>>,
}

impl Session {
    fn serve(&self, mut stream: TcpStream, tls: Arc<ServerConfig>, is_implicit: bool) -> Option<()> {
        match self.manner.oddity {
            Oddity::Garbage => stream.write_all(b"\xff\0 good day\r\n220\r\n").ok()?,
            Oddity::Endless => while stream.write_all(&[b'2'; 65_536]).is_ok() {},
            Oddity::Silence => std::thread::sleep(Duration::from_secs(3600)),
            Oddity::Hangup => return None,
            Oddity::None | Oddity::Injects => {}
        }
        let secured = |stream| StreamOwned::new(ServerConnection::new(tls.clone()).unwrap(), stream);
        if is_implicit {
            return self.talk(&mut secured(stream), true).map(|_| ());
        }
        self.talk(&mut stream, true)?.then(|| self.talk(&mut secured(stream), false)).flatten().map(|_| ())
    }

    /// Whether TLS comes next.
    fn talk(&self, wire: &mut dyn Wire, greets: bool) -> Option<bool> {
        if greets {
            wire.write_all(b"220-mail.test\r\n220 good day\r\n").ok()?;
        }
        let mut wire = BufReader::new(wire);
        loop {
            let mut line = String::new();
            if wire.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim_end().to_owned();
            self.lines.lock().unwrap().push(line.clone());
            let refused = self.manner.refuses.iter().find(|(begins, _)| line.starts_with(begins));
            if let Some((_, code)) = refused {
                wire.get_mut().write_all(format!("{code}-no\r\n{code} no {line}\r\n").as_bytes()).ok()?;
                continue;
            }
            let verb = line.split_ascii_whitespace().next()?.to_ascii_uppercase();
            let answer = match &*verb {
                "EHLO" => {
                    let offers = self.manner.offers.iter().map(|offer| format!("250-{offer}\r\n"));
                    format!("250-mail.test\r\n{}250 HELP\r\n", offers.collect::<String>())
                }
                "STARTTLS" => {
                    let more = if self.manner.oddity == Oddity::Injects { "250 mine\r\n" } else { "" };
                    wire.get_mut().write_all(format!("220 go\r\n{more}").as_bytes()).ok()?;
                    return Some(true);
                }
                "DATA" => "354 go on\r\n".into(),
                "QUIT" => "221 bye\r\n".into(),
                // The lines of AUTH LOGIN are base64.
                "AUTH" if line == "AUTH LOGIN" => "334 VXNlcm5hbWU6\r\n".into(),
                _ if line == Base64::encode_string(b"somebody") => "334 UGFzc3dvcmQ6\r\n".into(),
                _ => "250 fine\r\n".into(),
            };
            wire.get_mut().write_all(answer.as_bytes()).ok()?;
            if verb == "DATA" {
                let mut text = String::new();
                while !text.ends_with("\r\n.\r\n") && wire.read_line(&mut text).ok()? > 0 {}
                let last =
                    if self.manner.refuses.contains(&("the message", 554)) { "554 no" } else { "250 taken" };
                wire.get_mut().write_all(format!("{last}\r\n").as_bytes()).ok()?;
                if last.starts_with('2') {
                    self.taken.lock().unwrap().push(text);
                }
            }
        }
    }
}

/// A message that was taken.
struct Message {
    headers: Vec<(String, String)>,
    text: String,
}

impl Message {
    fn parse(text: &str) -> Self {
        assert!(text.lines().all(|line| line.len() <= 200) && text.is_ascii());
        let (headers, body) = text.split_once("\r\n\r\n").unwrap();
        let headers = headers.replace("\r\n ", " ");
        let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.into(), value.into()));
        let body: String = body.strip_suffix(".\r\n").unwrap().split_ascii_whitespace().collect();
        Message {
            headers: headers.split("\r\n").map(|line| header(line).unwrap()).collect(),
            text: String::from_utf8(Base64::decode_vec(&body).unwrap()).unwrap(),
        }
    }

    fn header(&self, name: &str) -> &str {
        &self.headers.iter().find(|(key, _)| key == name).unwrap_or_else(|| panic!("no {name}")).1
    }
}

fn offering(offers: &[&'static str]) -> Manner {
    Manner { offers: offers.to_vec(), ..Manner::default() }
}

/// With TLS from the first byte and PLAIN, and with STARTTLS and LOGIN: what a person needs is in it, and of the number what the
/// alert shows.
#[test]
fn a_finding_comes_by_mail() {
    let log = TestLog::start("");
    submit(&log, &["number-1"]);
    let (implicit, starttls) = (Post::start(true), Post::start(false));
    implicit.behave(offering(&["AUTH LOGIN PLAIN"]));
    starttls.behave(offering(&["STARTTLS", "AUTH LOGIN"]));
    let login = "login_file = \"mail.login\"\n";
    let alerts =
        implicit.alert("short", &format!("tls = \"implicit\"\n{login}")) + &starttls.alert("whole", login);
    let monitor = Monitor::new(&log, &[], &(number_watch(1) + &alerts));
    implicit.prepare(&monitor);
    assert_eq!(monitor.check(), 2);
    let found = monitor.findings(&[]).remove(0);
    let of = |key: &str| found[key].as_str().unwrap().to_owned();
    let number = fictional_number(1);
    let short = format!("Number: +{}…{}\r\n", &number[..4], &number[number.len() - 2..]);
    for (post, shown) in [(&implicit, short), (&starttls, format!("Number: +{number}\r\n"))] {
        let messages = post.taken();
        assert_eq!(messages.len(), 1);
        let message = &messages[0];
        assert_eq!(message.header("From"), "monitor@mail.example");
        assert_eq!(message.header("To"), "first@mail.example, second@mail.example");
        let subject = message.header("Subject");
        assert!(subject.starts_with(&format!("[tnlog {}] ", of("severity"))), "{subject}");
        assert!(of("what").starts_with(subject.split_once("] ").unwrap().1), "{subject}");
        let id = format!("<{}.{}@mail.example>", of("id"), found["version"]);
        assert_eq!(message.header("Message-ID"), id);
        assert_eq!(message.header("References"), format!("<{}@mail.example>", of("id")));
        assert!(message.header("Date").ends_with(" +0000"));
        for part in
            [of("what"), of("whom"), of("now"), shown, format!("tnlog-monitor ack {} --reason", of("id"))]
        {
            assert!(message.text.contains(&part), "{part} is not in {}", message.text);
        }
    }
    assert!(!implicit.taken()[0].text.contains(&number));
    let base64 = |text: &str| Base64::encode_string(text.as_bytes());
    assert!(implicit.said(&format!("AUTH PLAIN {}", base64("\0somebody\0a password"))));
    assert!(starttls.said(&base64("somebody")) && starttls.said(&base64("a password")));
    assert_eq!(monitor.check(), 0);
    assert_eq!(implicit.taken().len(), 1, "it is told once");
    // Tests are told apart, by time.
    assert_eq!(monitor.run(&["test-alert"]).status.code(), Some(0));
    let test = &implicit.taken()[1];
    assert!(test.header("Subject").contains("This is a test of an alert."));
    assert_ne!(test.header("Message-ID"), "<00000000000000000000000000000000.1@mail.example>");
    assert_holds_no_number(&monitor.folder, &[1]);
}

/// Refusals for now and for good, garbage without end, and nobody: it is told later, once; the others are told meanwhile. What goes
/// wrong is said without the words of the server, which repeat addresses.
#[test]
fn a_mail_server_that_does_not_take_it_is_asked_again() {
    let log = TestLog::start("");
    submit(&log, &["number-1"]);
    let post = Post::start(false);
    let lines = "\n[[alert]]\nname = \"lines\"\nfile = \"alerts.jsonl\"\n";
    let monitor =
        Monitor::new(&log, &[], &(number_watch(1) + &post.alert("mail", "tls = \"none\"\n") + lines));
    post.prepare(&monitor);
    let refusing = |begins, code| Manner { refuses: vec![(begins, code)], ..Manner::default() };
    let odd = |oddity| Manner { oddity, ..Manner::default() };
    post.behave(refusing("MAIL", 451));
    assert_eq!(monitor.check(), 2);
    assert_eq!(std::fs::read_to_string(monitor.folder.join("alerts.jsonl")).unwrap().lines().count(), 1);
    let manners = [
        refusing("EHLO", 502),
        refusing("RCPT", 550),
        refusing("DATA", 554),
        refusing("the message", 554),
        odd(Oddity::Garbage),
        odd(Oddity::Endless),
        odd(Oddity::Hangup),
    ];
    for manner in manners {
        post.behave(manner);
        let done = monitor.run(&["check"]);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(1), "{said}");
        assert!(said.contains("a finding waits to be told") && !said.contains("first@"), "{said}");
        assert_eq!(monitor.run(&["test-alert"]).status.code(), Some(1));
    }
    assert!(post.taken().is_empty());
    // One of two recipients is enough.
    post.behave(refusing("RCPT TO:<first@", 550));
    assert_eq!(monitor.check(), 0);
    assert_eq!(monitor.check(), 0);
    assert_eq!(post.taken().len(), 1);
    assert_eq!(std::fs::read_to_string(monitor.folder.join("alerts.jsonl")).unwrap().lines().count(), 1);
}

/// Nothing is sent, and no password, to who has no STARTTLS, says more than was asked before TLS, or has a certificate of somebody
/// else. Fails without the check of the buffer in `into_stream`.
#[test]
fn without_tls_nothing_is_sent() {
    let log = TestLog::start("");
    let post = Post::start(false);
    let monitor = Monitor::new(&log, &[], &post.alert("mail", "login_file = \"mail.login\"\n"));
    post.prepare(&monitor);
    let offers = offering(&["STARTTLS", "AUTH PLAIN"]);
    let is_refused = |why: &str| {
        let done = monitor.run(&["test-alert"]);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(1));
        assert!(said.contains(why), "{said}");
        assert!(!post.said("AUTH") && !post.said("MAIL") && post.taken().is_empty());
    };
    post.behave(offering(&["AUTH PLAIN"]));
    is_refused("offers no STARTTLS");
    post.behave(Manner { oddity: Oddity::Injects, ..offers.clone() });
    is_refused("does not answer as SMTP has it");
    post.behave(offers.clone());
    Post { authority: Authority::root("Somebody else", 73, VALIDITY), ..Post::start(false) }
        .prepare(&monitor);
    is_refused("could not be reached");
    post.prepare(&monitor);
    assert_eq!(monitor.run(&["test-alert"]).status.code(), Some(0));
    std::fs::set_permissions(monitor.folder.join("mail.login"), std::fs::Permissions::from_mode(0o644))
        .unwrap();
    let done = monitor.run(&["test-alert"]);
    assert!(String::from_utf8_lossy(&done.stderr).contains("give it the mode 0600"));
}

/// A mail server that says nothing holds up neither the log nor another alert.
#[test]
fn a_silent_mail_server_holds_up_nobody() {
    let log = TestLog::start("");
    submit(&log, &["number-1"]);
    let post = Post::start(false);
    post.behave(Manner { oddity: Oddity::Silence, ..Manner::default() });
    let lines = "\n[[alert]]\nname = \"lines\"\nfile = \"alerts.jsonl\"\n";
    let watches = number_watch(1) + &number_watch(2);
    let monitor = Monitor::new(&log, &[], &(watches + &post.alert("mail", "tls = \"none\"\n") + lines));
    post.prepare(&monitor);
    let process = monitor.start();
    let told =
        || std::fs::read_to_string(monitor.folder.join("alerts.jsonl")).unwrap_or_default().lines().count();
    wait_for("the file is not told", || told() == 1);
    submit(&log, &["number-2"]);
    wait_for("the file is not told of what came later", || told() == 2);
    let begun = Instant::now();
    process.terminate();
    assert!(begun.elapsed() < Duration::from_secs(10), "it holds up the end");
}
