//! Alerts.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use hmac::{Hmac, Mac};
use sha2::Sha256;
use tnlog::client::secret_file;

use super::*;

const SECRET: &str = "a secret of the test";

/// Head and body of a request.
type Sent = (String, Vec<u8>);

/// A webhook that answers with a status, and what it was sent.
struct Hook {
    address: SocketAddr,
    status: Arc<AtomicU16>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Hook {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (status, sent) = (Arc::new(AtomicU16::new(500)), Arc::new(Mutex::new(Vec::new())));
        let hook = Hook { address, status: status.clone(), sent: sent.clone() };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let (mut head, mut byte) = (Vec::new(), [0]);
                while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                    head.push(byte[0]);
                }
                let head = String::from_utf8(head).unwrap();
                let length = header(&head, "content-length").and_then(|length| length.parse().ok());
                let mut body = vec![0; length.unwrap_or(0)];
                stream.read_exact(&mut body).unwrap();
                sent.lock().unwrap().push((head, body));
                let status = status.load(Ordering::Relaxed);
                let _ =
                    write!(stream, "HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            }
        });
        hook
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// Down for a while, and told all the same, signed; a command and a file are told meanwhile. Numbers are shortened, but where whole
/// ones are asked for.
#[test]
fn a_webhook_that_is_down_holds_up_nobody_and_is_told_later() {
    let log = TestLog::start("");
    submit(&log, &["number-1"]);
    let hook = Hook::start();
    let alerts = format!(
        "\n[[alert]]\nname = \"hook\"\nwebhook = \"http://{}/path?token=1\"\nsecret_file = \"secret\"\nleast = \"medium\"\n\
         \n[[alert]]\nname = \"lines\"\nfile = \"alerts.jsonl\"\n\
         \n[[alert]]\nname = \"whole\"\ncommand = [\"sh\", \"-c\", \"cat >> whole\"]\nshow_numbers = true\n",
        hook.address
    );
    let monitor = Monitor::new(&log, &[], &(number_watch(1) + &alerts));
    secret_file::write_new(&monitor.folder.join("secret"), format!("{SECRET}\n").as_bytes()).unwrap();
    let whole = monitor.folder.with_file_name("whole");
    monitor.configure(|text| text.replace("cat >> whole", &format!("cat >> {}", whole.display())));
    assert_eq!(monitor.check(), 2, "what was found counts more than that nobody was told");
    let lines = std::fs::read_to_string(monitor.folder.join("alerts.jsonl")).unwrap();
    let number = fictional_number(1);
    let short = format!("+{}…{}", &number[..4], &number[number.len() - 2..]);
    assert!(lines.contains(&short) && !lines.contains(&number), "{lines}");
    assert!(std::fs::read_to_string(&whole).unwrap().contains(&format!("+{number}")));
    assert_eq!(hook.sent.lock().unwrap().len(), 1);

    hook.status.store(204, Ordering::Relaxed);
    assert_eq!(monitor.check(), 0);
    assert_eq!(monitor.check(), 0);
    let sent = hook.sent.lock().unwrap();
    assert_eq!(sent.len(), 2, "it was told again, and not once more");
    let (head, body) = &sent[1];
    assert!(head.starts_with("POST /path?token=1 HTTP/1.1"));
    let finding: Value = serde_json::from_slice(body).unwrap();
    assert_eq!(header(head, "x-tnlog-finding"), finding["id"].as_str());
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{}.", header(head, "x-tnlog-time").unwrap()).as_bytes());
    mac.update(body);
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(header(head, "x-tnlog-signature"), Some(&*format!("sha256={hex}")));
    assert_holds_no_number(&monitor.folder, &[1]);
}

#[test]
fn alerts_can_be_tried_out() {
    let log = TestLog::start("");
    let alerts = "\n[[alert]]\nname = \"lines\"\nfile = \"alerts.jsonl\"\n";
    let monitor = Monitor::new(&log, &[], alerts);
    assert_eq!(monitor.run(&["test-alert"]).status.code(), Some(0));
    assert!(
        std::fs::read_to_string(monitor.folder.join("alerts.jsonl"))
            .unwrap()
            .contains("\"detector\":\"test\"")
    );
    monitor.configure(|text| text + "\n[[alert]]\nname = \"no\"\ncommand = [\"false\"]\n");
    assert_eq!(monitor.run(&["test-alert"]).status.code(), Some(1));
}

/// Fails when a monitor does not look at the modes of what is secret.
#[test]
fn secrets_that_others_can_read_are_refused() {
    use std::os::unix::fs::PermissionsExt;
    let log = TestLog::start("");
    let hook = "\n[[alert]]\nname = \"hook\"\nwebhook = \"http://127.0.0.1:1/\"\nsecret_file = \"secret\"\n";
    let monitor = Monitor::new(&log, &["--cosign", "monitor.example"], hook);
    secret_file::write_new(&monitor.folder.join("secret"), SECRET.as_bytes()).unwrap();
    assert_eq!(monitor.check(), 0);
    for file in ["secret", "keys/witness", "keys/verifier"] {
        let path = monitor.folder.join(file);
        let set = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        set(0o644);
        let done = monitor.run(&["check"]);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(!done.status.success() && said.contains("chmod 600"), "{file}: {said}");
        assert!(!said.contains(SECRET) && !said.contains("PRIVATE+KEY"), "{said}");
        set(0o600);
    }
    assert_eq!(monitor.check(), 0);
}
