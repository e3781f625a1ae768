//! Programs `tnlog mirror` of a story's log, which recompute its index and cosign it: the verifiers of that log.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tnlog::checkpoint::Checkpoint;
use tnlog::mirror::{Config, Folder};
use tnlog::note::{Note, VerifierKey};
use tnlog::policy::Policy;
use tnlog::server::keys::{create_verifier_key, read_verifier_key};

use crate::common::{files_below, get};
use crate::story::Story;

/// The program, which is killed with its test.
pub struct Mirror {
    child: Child,
    folder: Folder,
    messages: PathBuf,
    pub key: VerifierKey,
    pub address: SocketAddr,
}

impl Mirror {
    pub fn start(story: &Story, name: &str) -> Self {
        let folder = Folder::new(story.path(name));
        let policy = story.path("mirrors-policy.txt");
        std::fs::write(&policy, story.policy_at(&story.url(), 2)).unwrap();
        std::fs::create_dir_all(folder.path()).unwrap();
        let origin = format!("{name}.example/tn");
        let config = Config::template(&story.url(), &origin, &policy, None);
        std::fs::write(
            folder.config(),
            config.replace("#= poll_milliseconds = 1000", "poll_milliseconds = 20"),
        )
        .unwrap();
        create_verifier_key(&folder.keys(), &origin).unwrap();
        let key = read_verifier_key(&folder.keys(), &origin).unwrap().verifier_key().clone();
        let messages = story.path(&format!("{name}.messages"));
        let (child, address) = run(&folder, &messages, "127.0.0.1:0");
        Mirror { child, folder, messages, key, address }
    }

    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts again where it was.
    pub fn resume(&mut self) {
        let address = self.address.to_string();
        (self.child, self.address) = run(&self.folder, &self.messages, &address);
    }

    /// Waits until it answers look-ups in all of the log, cosigned as a policy of verifiers asks, and knows all issuers.
    pub fn caught_up(&self, story: &Story, verifiers: &str) {
        story.settle();
        let verifiers: Policy = verifiers.parse().unwrap();
        wait_for("the mirror stays behind", || {
            let heads = get(self.address, "/tn/v1/heads");
            heads.status == 200 && {
                let heads: Value = heads.json();
                let text = |name: &str| heads[name].as_str().unwrap().to_owned();
                let note = Note::parse(text("checkpoint").as_bytes()).unwrap();
                Checkpoint::parse(note.text()).unwrap().size == story.log.size()
                    && verifiers.check(text("index_checkpoint").as_bytes()).is_ok()
                    && get(self.address, "/tn/v1/issuers").text() == story.log.get("/tn/v1/issuers").text()
            }
        });
    }

    /// Whether something is in a file of its copy, or in its messages.
    pub fn holds(&self, text: &str) -> bool {
        let mut files = files_below(&self.folder.public());
        files.push(self.messages.clone());
        // A file that is being replaced may be gone by now.
        let holds =
            |path: PathBuf| String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).contains(text);
        files.into_iter().any(holds)
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts so many, makes them the verifiers of the log, and starts that again. Gives the policy of which so many are a quorum,
/// which is also in `quorum.txt`.
pub fn verifiers(story: &mut Story, count: usize, threshold: usize) -> (Vec<Mirror>, String) {
    let mirrors: Vec<_> = (0..count).map(|n| Mirror::start(story, &format!("m{n}"))).collect();
    let policy = policy_of(story, &mirrors, threshold);
    let (verifiers, witnesses) = (story.file("quorum.txt", &policy), story.path("witnesses.txt"));
    let address = story.log.address();
    story.log.reconfigure(&format!(
        "listen = \"{address}\"\nwitnesses = {witnesses:?}\nverifiers = {verifiers:?}\ncosign_milliseconds = 20\n"
    ));
    (mirrors, policy)
}

/// The policy of who asks for so many of them.
pub fn policy_of(story: &Story, mirrors: &[Mirror], threshold: usize) -> String {
    let mut text = format!("log {}\n", story.log.running().log.index.key());
    for mirror in mirrors {
        text += &format!("witness {} {} {}\n", mirror.key.name(), mirror.key, mirror.url());
    }
    let names: Vec<_> = mirrors.iter().map(|mirror| mirror.key.name()).collect();
    text + &format!("group mirrors {threshold} {}\nquorum mirrors\n", names.join(" "))
}

fn run(folder: &Folder, messages: &Path, listen: &str) -> (Child, SocketAddr) {
    let file = std::fs::OpenOptions::new().create(true).append(true).open(messages).unwrap();
    let before = file.metadata().unwrap().len() as usize;
    let child = Command::new(env!("CARGO_BIN_EXE_tnlog"))
        .args(["mirror", "--listen", listen])
        .arg(folder.path())
        .stdin(Stdio::null())
        .stderr(file)
        .spawn()
        .unwrap();
    let mut address = None;
    wait_for("the mirror does not start", || {
        let said = String::from_utf8_lossy(&std::fs::read(messages).unwrap()[before..]).into_owned();
        let rest = said.split_once("serving on http://").map(|(_, rest)| rest.to_owned());
        address = rest.and_then(|rest| rest.split(char::is_whitespace).next()?.parse().ok());
        address.is_some()
    });
    (child, address.unwrap())
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
