use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};

use super::*;
use crate::detect::Severity;
use crate::state::Changes;

/// A webhook: the status that it answers with, and the ids that it was sent, with that status.
struct Hook {
    address: SocketAddr,
    status: Arc<AtomicU16>,
    sent: Arc<Mutex<Vec<(u16, String)>>>,
}

impl Hook {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let hook = Hook { address, status: Arc::new(AtomicU16::new(503)), sent: Arc::default() };
        let (status, sent) = (hook.status.clone(), hook.sent.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut text = String::new();
                while !text.ends_with("}") {
                    let mut some = [0; 4096];
                    let count = stream.read(&mut some).unwrap();
                    text += core::str::from_utf8(&some[..count]).unwrap();
                }
                let status = status.load(Ordering::Relaxed);
                let json: Notice = serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap();
                sent.lock().unwrap().push((status, json.id));
                let _ =
                    write!(stream, "HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            }
        });
        hook
    }

    fn told(&self) -> Vec<String> {
        let sent = self.sent.lock().unwrap();
        sent.iter().filter(|(status, _)| *status == 204).map(|(_, id)| id.clone()).collect()
    }
}

/// Lets so much of the paused time pass, and real time for real sockets and disks.
async fn pass(seconds: u64) {
    for _ in 0..seconds.div_ceil(5) {
        tokio::time::advance(Duration::from_secs(5)).await;
        tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(2))).await.unwrap();
    }
}

/// Real time, until it is so.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..10_000 {
        if is_so() {
            return;
        }
        tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(2))).await.unwrap();
    }
    panic!("{what}");
}

/// One finding a minute. Nothing is lost and nothing told twice, in order; the log goes on being remembered, the file is told at once,
/// and the webhook is tried ever less often, so that it is told five minutes after it is back at the latest.
#[tokio::test(start_paused = true)]
async fn a_webhook_that_is_down_for_an_hour_misses_nothing() {
    // While a blocking task runs, paused time passes only in `pass`.
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let held = tokio::task::spawn_blocking(move || ended.recv());
    let temporary = tempfile::tempdir().unwrap();
    let folder = Folder::new(temporary.path());
    tnlog::client::secret_file::write_new(&temporary.path().join("secret"), b"a secret of the test").unwrap();
    let hook = Hook::start();
    let text = format!(
        "[[alert]]\nname = \"hook\"\nwebhook = \"http://{}/\"\nsecret_file = \"secret\"\n\
         [[alert]]\nname = \"lines\"\nfile = \"lines\"\n",
        hook.address
    );
    let channels = channels(&folder, &Config::parse(&text).unwrap()).unwrap();
    let destinations = channels.iter().map(|channel| channel.destination.clone()).collect();
    let state = Arc::new(State::open(&temporary.path().join("memory"), destinations).unwrap());
    for channel in &channels {
        let (channel, state) = (channel.clone(), state.clone());
        tokio::spawn(async move { channel.deliver(&state).await });
    }
    let id = |minute: u64| format!("{minute:032x}");
    for minute in 0..60 {
        let severity = Severity::High.name().into();
        let notice = Notice { id: id(minute), severity, ..Notice::test() };
        state.store(Changes { notices: vec![notice], observed: Some(minute), ..Changes::default() }).unwrap();
        for file in ["lines", "findings.jsonl"] {
            let count =
                || std::fs::read_to_string(temporary.path().join(file)).unwrap().lines().count() as u64;
            until("a file waits for the webhook", || count() == minute + 1).await;
        }
        pass(60).await;
    }
    let tries = hook.sent.lock().unwrap().len();
    assert!((10..40).contains(&tries), "{tries} tries in an hour");
    assert!(hook.told().is_empty());
    hook.status.store(204, Ordering::Relaxed);
    pass(LONGEST_PAUSE.as_secs()).await;
    until("something is lost", || hook.told().len() == 60).await;
    assert_eq!(hook.told(), (0..60).map(id).collect::<Vec<_>>());
    pass(LONGEST_PAUSE.as_secs()).await;
    assert_eq!(hook.told().len(), 60, "something is told twice");
    assert_eq!(state.observed().unwrap(), 59);
    end.send(()).unwrap();
    held.await.unwrap().unwrap();
}
