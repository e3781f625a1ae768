//! Who looks at a log while things go wrong with it: witnesses, a mirror that recomputes its index, a monitor, readers.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tnlog::checkpoint::Checkpoint;
use tnlog::client::read::{LogReader, ReadError, policy_of_key};
use tnlog::client::source::AnySource;
use tnlog::mirror;
use tnlog::note::VerifierKey;
use tnlog::server::keys::{create_verifier_key, read_verifier_key};

use crate::{said, wait_for};

/// A program that follows the log: it is killed and started again.
pub struct Follower {
    command: Command,
    child: Child,
    messages: PathBuf,
}

impl Follower {
    fn start(mut command: Command, messages: PathBuf) -> Self {
        let child = spawn(&mut command, &messages);
        Follower { command, child, messages }
    }

    /// SIGKILL, and a new life.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = spawn(&mut self.command, &self.messages);
    }

    fn assert_well(&mut self) {
        let messages = std::fs::read_to_string(&self.messages).unwrap();
        assert!(self.child.try_wait().unwrap().is_none(), "{messages}");
        assert!(!messages.contains("panicked"), "{messages}");
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(command: &mut Command, messages: &Path) -> Child {
    let file = std::fs::OpenOptions::new().create(true).append(true).open(messages).unwrap();
    command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap()
}

/// A mirror, which is the verifier of the log's index.
pub struct Mirror {
    pub program: Follower,
    folder: mirror::Folder,
    /// The policy of who asks for it.
    pub policy: String,
}

impl Mirror {
    pub fn start(
        folder: &Path,
        log: SocketAddr,
        key: &VerifierKey,
        index_key: &VerifierKey,
        listen: SocketAddr,
    ) -> Self {
        let (url, policy) = (format!("http://{log}/"), folder.join("mirror-policy.txt"));
        std::fs::write(&policy, format!("log {key} {url}\nlog {index_key}\nquorum none\n")).unwrap();
        let messages = folder.join("mirror-messages");
        let folder = mirror::Folder::new(folder.join("mirror"));
        std::fs::create_dir_all(folder.path()).unwrap();
        let config = mirror::Config::template(&url, "m.example/chaos", &policy, None);
        let config = config.replace("#= poll_milliseconds = 1000", "poll_milliseconds = 100");
        std::fs::write(folder.config(), config).unwrap();
        create_verifier_key(&folder.keys(), "m.example/chaos").unwrap();
        let own = read_verifier_key(&folder.keys(), "m.example/chaos").unwrap().verifier_key().clone();
        let policy = format!("witness m {own} http://{listen}/\nquorum m\n");
        let mut command = Command::new(env!("CARGO_BIN_EXE_tnlog"));
        command.args(["mirror", "--listen", &listen.to_string()]).arg(folder.path());
        Mirror { program: Follower::start(command, messages), folder, policy }
    }

    /// It has copied the log up to `size`, and has kept no evidence of a fork or of a false head.
    pub fn assert_well(&mut self, size: u64) {
        let shown = self.folder.public().join("checkpoint");
        wait_for("the mirror stays behind", || {
            let note = std::fs::read(&shown).ok();
            let note = note.and_then(|note| tnlog::note::Note::parse(&note).ok());
            note.is_some_and(|note| Checkpoint::parse(note.text()).unwrap().size >= size)
        });
        self.program.assert_well();
        let kept = std::fs::read_dir(self.folder.evidence()).map_or(0, Iterator::count);
        assert_eq!(kept, 0, "the mirror keeps evidence against the log");
    }
}

/// The monitor, where it was built beside the log.
pub struct Monitor {
    pub program: Follower,
    folder: PathBuf,
}

impl Monitor {
    pub fn start(folder: &Path, log: SocketAddr) -> Option<Self> {
        let binary = Path::new(env!("CARGO_BIN_EXE_tnlog")).with_file_name("tnlog-monitor");
        if !binary.exists() {
            eprintln!("without a monitor: cargo build --workspace makes it");
            return None;
        }
        let messages = folder.join("monitor-messages");
        let folder = folder.join("monitor");
        let command = || {
            let mut command = Command::new(&binary);
            command.arg("--folder").arg(&folder);
            command
        };
        let done = command().args(["init", &format!("http://{log}/")]).output().unwrap();
        assert!(done.status.success(), "{}", said(&done));
        let path = folder.join("tnlog-monitor.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.replace("#= page = \"127.0.0.1:8096\"", "page = \"\"");
        let text = text.replace("#= poll_milliseconds = 5000", "poll_milliseconds = 200");
        std::fs::write(&path, text.replace("#= listen = \"127.0.0.1:8095\"", "listen = \"127.0.0.1:0\""))
            .unwrap();
        let mut run = command();
        run.arg("run");
        Some(Monitor { program: Follower::start(run, messages), folder })
    }

    /// It has found nothing that speaks against the log.
    pub fn assert_well(&mut self) {
        self.program.assert_well();
        self.program.child.kill().unwrap();
        self.program.child.wait().unwrap();
        let binary = self.program.command.get_program().to_owned();
        let mut findings = Command::new(binary);
        findings.arg("--folder").arg(&self.folder).args(["findings", "--json", "--least", "high"]);
        let found = findings.output().unwrap();
        assert!(found.status.success() && found.stdout.is_empty(), "{}", said(&found));
    }
}

/// What readers have done.
#[derive(Default)]
pub struct Readers {
    pub checkpoints: AtomicU64,
    pub entries: AtomicU64,
}

impl Readers {
    /// Follows the checkpoints, each proved to continue those before, and reads entries with their proofs; until `over`.
    pub fn read(&self, log: SocketAddr, key: &VerifierKey, over: &AtomicBool) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let source = Arc::new(AnySource::new(&format!("http://{log}/")).unwrap());
            let mut reader = LogReader::new(source, policy_of_key(key.clone()).unwrap());
            for turn in 0.. {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                match self.step(&mut reader, crate::random(turn)).await {
                    Err(error @ (ReadError::Misbehaviour(_) | ReadError::Damaged(_))) => panic!("{error}"),
                    _ => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        });
    }

    async fn step(&self, reader: &mut LogReader<AnySource>, random: u64) -> Result<(), ReadError> {
        let size = reader.update().await?.checkpoint().size;
        self.checkpoints.fetch_add(1, Ordering::Relaxed);
        reader.leaf(random % size).await?;
        self.entries.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
