//! A real witness (C2SP `tlog-witness`) on loopback, with a memory on disk; it can also be away, slow, or lie.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use base64ct::{Base64, Encoding};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tnlog::checkpoint::Checkpoint;
use tnlog::cosignature::cosign;
use tnlog::merkle::Hash;
use tnlog::note::{KeyType, Note, Signer, VerifierKey};
use tnlog::witness::{AddCheckpoint, Cosigned, Refusal, SIZE_TYPE, decide, encode_size};
use tokio::sync::watch;

/// What the witness does when it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manner {
    Honest,
    /// Hangs up.
    Offline,
    /// Answers when it is no longer slow.
    Slow,
    /// A signature with a flipped bit.
    WrongSignature,
    /// A signature of another key, under its own name.
    OtherKey,
    /// A signature of another checkpoint.
    OtherText,
    /// A signature of an hour ago.
    OldTime,
    /// A signature of in an hour.
    FutureTime,
    /// No end.
    Long,
    /// This, with a body.
    Says(u16, Option<&'static str>, String),
}

pub struct TestWitness {
    pub name: String,
    pub signer: Signer,
    pub url: String,
    manner: watch::Sender<Manner>,
    logs: Mutex<BTreeMap<String, VerifierKey>>,
    file: PathBuf,
    /// The old size and the size of each question.
    asked: Mutex<Vec<(u64, u64)>>,
}

impl TestWitness {
    /// Starts one that knows a log. Its memory is in `folder`.
    pub async fn start(folder: &Path, seed: u8, log: &VerifierKey) -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let name = format!("w{seed}.example");
        let witness = Arc::new(TestWitness {
            signer: Signer::new(name.clone(), KeyType::Cosignature, &[seed; 32]).unwrap(),
            url: format!("http://{}/prefix", listener.local_addr().unwrap()),
            manner: watch::Sender::new(Manner::Honest),
            logs: Mutex::new([(log.name().to_owned(), log.clone())].into()),
            file: folder.join(&name),
            asked: Mutex::default(),
            name,
        });
        let router = Router::new().fallback(respond).with_state(witness.clone());
        let this = witness.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                if *this.manner.borrow() == Manner::Offline {
                    continue;
                }
                let service = TowerToHyperService::new(router.clone());
                let mut http = hyper::server::conn::http1::Builder::new();
                // Each question comes over a connection of its own, so that an offline witness gets none.
                let connection = http.keep_alive(false).serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        });
        witness
    }

    pub fn set(&self, manner: Manner) {
        self.manner.send_replace(manner);
    }

    pub fn forget_log(&self, origin: &str) {
        self.logs.lock().unwrap().remove(origin);
    }

    pub fn know_log(&self, key: &VerifierKey) {
        self.logs.lock().unwrap().insert(key.name().to_owned(), key.clone());
    }

    pub fn asked(&self) -> Vec<(u64, u64)> {
        self.asked.lock().unwrap().clone()
    }

    /// The line of a policy.
    pub fn line(&self) -> String {
        format!("witness {} {} {}\n", self.name, self.signer.verifier_key(), self.url)
    }

    /// Size and root that it remembers.
    pub fn remembered(&self) -> (u64, Hash) {
        let Ok(text) = std::fs::read_to_string(&self.file) else { return (0, Hash::EMPTY_ROOT) };
        let checkpoint = Checkpoint::parse(&text).unwrap();
        (checkpoint.size, checkpoint.root)
    }

    async fn answer(&self, path: &str, body: &str) -> Response<Body> {
        if path != "/prefix/add-checkpoint" {
            return says(404, None, "");
        }
        let slow = self.manner.subscribe();
        let request = match AddCheckpoint::parse(body.as_bytes()) {
            Ok(request) => request,
            Err(error) => return refuse(&error.into()),
        };
        let (note, checkpoint) = (request.note(), request.checkpoint());
        self.asked.lock().unwrap().push((request.old(), checkpoint.size));
        let manner = { slow }.wait_for(|manner| *manner != Manner::Slow).await.unwrap().clone();
        if let Manner::Says(status, content_type, body) = &manner {
            return says(*status, *content_type, body.clone());
        }
        let key = self.logs.lock().unwrap().get(&checkpoint.origin).cloned();
        let (size, root) = self.remembered();
        let last = Cosigned { size, root };
        let decided = key.ok_or(Refusal::UnknownLog).and_then(|key| decide(&request, &key, &last));
        if let Err(refusal) = decided {
            return refuse(&refusal);
        }
        let whole = self.file.with_extension("new");
        std::fs::write(&whole, note.text()).and_then(|()| std::fs::rename(whole, &self.file)).unwrap();
        says(200, None, self.cosigned(&manner, note, checkpoint))
    }

    fn cosigned(&self, manner: &Manner, note: &Note, checkpoint: &Checkpoint) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let sign = |signer: &Signer, text: &str, time| format!("{}\n", cosign(signer, text, time).unwrap());
        let good = sign(&self.signer, note.text(), now);
        let other = Signer::new(self.name.clone(), KeyType::Cosignature, &[99; 32]).unwrap();
        match manner {
            Manner::WrongSignature => {
                let mut bytes = Base64::decode_vec(good.trim().rsplit(' ').next().unwrap()).unwrap();
                *bytes.last_mut().unwrap() ^= 1;
                format!("— {} {}\n", self.name, Base64::encode_string(&bytes))
            }
            Manner::OtherKey => sign(&other, note.text(), now),
            Manner::OtherText => {
                let text = Checkpoint { root: Hash([9; 32]), ..checkpoint.clone() }.to_string();
                sign(&self.signer, &text, now)
            }
            Manner::OldTime => sign(&self.signer, note.text(), now - 3600),
            Manner::FutureTime => sign(&self.signer, note.text(), now + 3600),
            Manner::Long => good.repeat(1000),
            // Signatures of other keys of the witness are ignored.
            _ => sign(&other, note.text(), now) + &good,
        }
    }
}

fn says(status: u16, content_type: Option<&str>, body: impl Into<Body>) -> Response<Body> {
    let response = Response::builder().status(status);
    let response = content_type.into_iter().fold(response, |r, value| r.header("content-type", value));
    response.body(body.into()).unwrap()
}

fn refuse(refusal: &Refusal) -> Response<Body> {
    match refusal.size() {
        Some(size) => says(refusal.status(), Some(SIZE_TYPE), encode_size(size)),
        None => says(refusal.status(), None, refusal.to_string()),
    }
}

async fn respond(State(witness): State<Arc<TestWitness>>, request: Request) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    witness.answer(&path, core::str::from_utf8(&body).unwrap()).await
}
