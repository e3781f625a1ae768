//! Everything at random, under load, with witnesses, a mirror, a monitor and readers that verify. Ten minutes of it:
//!
//!     cargo build --release --workspace
//!     TNLOG_CHAOS_SEED=1 cargo test --release --test faults -- --ignored --nocapture ten_minutes
//!
//! What happens follows from the seed; when, from the machine too.

mod watchers;

#[allow(dead_code, reason = "tests/witness.rs uses all of it")]
#[path = "../../support/witness.rs"]
mod witness;

use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tnlog::index::Generation;
use tnlog::note::VerifierKey;
use tnlog::server::config::Folder;
use tnlog::server::keys::{Keys, read_index_key};
use watchers::{Mirror, Monitor, Readers};
use witness::{Manner, TestWitness};

use crate::common::answered::{Answered, Seen, check, check_answers, checkpoint, load};
use crate::common::{Process, files_below, issuing};
use crate::strace::{CALLS, Strace, WRITERS, threads};
use crate::{audit, begin, indexed, said, wait_for};

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    /// SIGKILL.
    Kill,
    /// SIGKILL before a call on the disk.
    KillAtCall,
    /// SIGTERM.
    Terminate,
    /// One call on the disk fails.
    CallFails,
    /// All that writes fails, for a while.
    DiskFails,
    /// The same, for want of room.
    DiskIsFull,
    /// A quarter of a second for each sync.
    DiskIsSlow,
    /// A derived database is deleted or cut after a kill.
    DerivedLost,
    /// A bit flips in what a stopped log reads when it starts; it is put back when that is refused.
    BitFlips,
    /// The folder of some time ago is put in its place.
    OldCopy,
    /// Another server is started on the folder.
    SecondServer,
    /// The clock jumps by up to two minutes.
    ClockJumps,
    /// A witness is away, or slow, for a while.
    WitnessAway,
    /// The mirror is killed.
    MirrorKilled,
    /// The monitor is killed.
    MonitorKilled,
}

use Fault::{
    BitFlips, CallFails, ClockJumps, DerivedLost, DiskFails, DiskIsFull, DiskIsSlow, Kill, KillAtCall,
    MirrorKilled, MonitorKilled, OldCopy, SecondServer, Terminate, WitnessAway,
};

const FAULTS: [Fault; 15] = [
    Kill,
    KillAtCall,
    Terminate,
    CallFails,
    DiskFails,
    DiskIsFull,
    DiskIsSlow,
    DerivedLost,
    BitFlips,
    OldCopy,
    SecondServer,
    ClockJumps,
    WitnessAway,
    MirrorKilled,
    MonitorKilled,
];

/// Where it happens, and who watches.
struct Stage {
    folder: tempfile::TempDir,
    listen: SocketAddr,
    key: VerifierKey,
    faketime: Option<PathBuf>,
    witnesses: Vec<Arc<TestWitness>>,
    mirror: Mirror,
    monitor: Option<Monitor>,
    _runtime: tokio::runtime::Runtime,
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Stage {
    fn new() -> Self {
        let (folder, runtime) = (tempfile::tempdir().unwrap(), tokio::runtime::Runtime::new().unwrap());
        let (log, listen) = (folder.path().join("log"), free_address());
        let config = "round_milliseconds = 15\n[limits]\nrequest_seconds = 3\n";
        begin(&log, config);
        let mut first = Process::command_at(&log, &listen.to_string());
        let process = Process::try_start(&mut first, &folder.path().join("messages")).unwrap();
        let paths = Folder::new(&log);
        let key = Keys::read(&paths.keys(), crate::common::ORIGIN).unwrap().checkpoint.verifier_key().clone();
        let index = read_index_key(&paths.keys(), crate::common::ORIGIN, Generation::FIRST).unwrap();
        let start = |seed| runtime.block_on(TestWitness::start(folder.path(), seed, &key));
        let witnesses: Vec<_> = (1..=3).map(start).collect();
        let mirror = Mirror::start(folder.path(), listen, &key, index.verifier_key(), free_address());
        let monitor = Monitor::start(folder.path(), listen);
        process.terminate();
        let lines: String = witnesses.iter().map(|witness| witness.line()).collect();
        let names: Vec<_> = witnesses.iter().map(|witness| witness.name.as_str()).collect();
        let policy = format!("{lines}group all 2 {}\nquorum all\n", names.join(" "));
        fs::write(log.join("witnesses.txt"), policy).unwrap();
        fs::write(log.join("verifiers.txt"), &mirror.policy).unwrap();
        let files =
            "witnesses = \"witnesses.txt\"\nverifiers = \"verifiers.txt\"\ncosign_milliseconds = 50\n";
        fs::write(log.join("tnlog.toml"), crate::common::config(&format!("{files}{config}"))).unwrap();
        let libraries = fs::read_dir("/usr/lib").unwrap().flatten();
        let mut libraries = libraries.map(|folder| folder.path().join("faketime/libfaketime.so.1"));
        let faketime = libraries.find(|path| path.exists());
        fs::write(folder.path().join("clock"), "+0").unwrap();
        Stage { folder, listen, key, faketime, witnesses, mirror, monitor, _runtime: runtime }
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn try_start(&self) -> Result<Process, String> {
        let mut command = Process::command_at(&self.log(), &self.listen.to_string());
        if let Some(faketime) = &self.faketime {
            command.env("LD_PRELOAD", faketime).env("FAKETIME_NO_CACHE", "1").env("DONT_FAKE_MONOTONIC", "1");
            command.env("FAKETIME_TIMESTAMP_FILE", self.folder.path().join("clock"));
        }
        Process::try_start(&mut command, &self.folder.path().join("messages"))
    }

    fn start(&self) -> Process {
        self.try_start().unwrap_or_else(|said| panic!("it does not start: {said}"))
    }
}

/// A run: the log that lives, and what was answered.
struct Run<'a> {
    stage: &'a mut Stage,
    process: Option<Process>,
    seen: &'a Seen,
    /// What was checked after an earlier life.
    checked: Vec<Answered>,
    seed: u64,
    survived: BTreeMap<Fault, u32>,
    refused: u32,
}

impl Run<'_> {
    fn random(&mut self, below: u64) -> u64 {
        self.seed += 1;
        crate::random(self.seed) % below
    }

    fn a_while(&mut self) -> Duration {
        Duration::from_millis(200 + self.random(1200))
    }

    fn id(&self) -> u32 {
        self.process.as_ref().expect("it lives").id()
    }

    fn kill(&mut self) {
        self.process.take().expect("it lives").kill();
    }

    /// Waits for an answer of this life, and asks again for what was answered since the last time.
    fn goes_on(&mut self) {
        let answers = || self.seen.answered.lock().unwrap().len();
        let before = answers();
        wait_for("the log does not go on", || answers() > before);
        let fresh = std::mem::take(&mut *self.seen.answered.lock().unwrap());
        let now = checkpoint(self.stage.listen).expect("a checkpoint");
        check_answers(self.stage.listen, &issuing(), &now, &fresh);
        self.checked.extend(fresh);
    }

    /// Runs with `strace` on threads for a while.
    fn traced(&mut self, names: &[&str], options: &[&str]) {
        let (threads, wait) = (threads(self.id(), names), self.a_while());
        let strace = Strace::attach(self.stage.folder.path(), &threads, options);
        std::thread::sleep(wait);
        drop(strace);
    }

    fn happen(&mut self, fault: Fault) {
        // Without `write`, by which threads also wake each other.
        let writes = "inject=pwrite64,rename,mkdir,unlink,fsync,fdatasync";
        match fault {
            Kill => self.kill(),
            Terminate => self.process.take().expect("it lives").terminate(),
            KillAtCall | CallFails => self.call(fault),
            DiskFails => self.traced(&WRITERS, &["-e", &format!("{writes}:error=EIO")]),
            DiskIsFull => self.traced(&WRITERS, &["-e", &format!("{writes}:error=ENOSPC")]),
            DiskIsSlow => {
                self.traced(&WRITERS, &["-e", "inject=fsync,fdatasync:delay_enter=250000"]);
            }
            DerivedLost => self.lose_derived(),
            BitFlips => self.flip_a_bit(),
            OldCopy => self.put_back_an_old_copy(),
            SecondServer => {
                let said = self.stage.try_start().err().expect("a second server starts");
                assert!(said.contains("another process holds this log's lock"), "{said}");
            }
            ClockJumps => {
                let jump = self.random(240) as i64 - 120;
                fs::write(self.stage.folder.path().join("clock"), format!("{jump:+}s")).unwrap();
            }
            WitnessAway => {
                let which = self.random(3) as usize;
                let manner = if self.random(2) == 0 { Manner::Offline } else { Manner::Slow };
                self.stage.witnesses[which].set(manner);
                let wait = self.a_while();
                std::thread::sleep(wait);
                self.stage.witnesses[which].set(Manner::Honest);
            }
            MirrorKilled => self.stage.mirror.program.kill(),
            MonitorKilled => {
                if let Some(monitor) = &mut self.stage.monitor {
                    monitor.program.kill();
                }
            }
        }
        let died = self.process.as_mut().is_none_or(|process| !process.is_alive());
        if died {
            self.process = Some(self.stage.start());
        }
        self.goes_on();
        *self.survived.entry(fault).or_default() += 1;
    }

    /// Has one call of one thread fail, or kill.
    fn call(&mut self, fault: Fault) {
        let calls: Vec<&str> = CALLS.split(',').collect();
        let call = calls[self.random(calls.len() as u64) as usize];
        let thread = WRITERS[self.random(3) as usize];
        let (n, error) = (1 + self.random(20), ["EIO", "ENOSPC", "EROFS"][self.random(3) as usize]);
        let what = if fault == KillAtCall { "signal=KILL".into() } else { format!("error={error}") };
        self.traced(&[thread], &["-e", &format!("inject={call}:{what}:when={n}")]);
    }

    fn lose_derived(&mut self) {
        self.kill();
        let databases = ["derived", "derived-index", "derived-slots"];
        let database = self.stage.log().join(databases[self.random(3) as usize]);
        if self.random(2) == 0 {
            fs::remove_dir_all(database).unwrap();
            return;
        }
        for file in files_below(&database) {
            let length = fs::metadata(&file).unwrap().len();
            fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(length / 2).unwrap();
        }
    }

    fn flip_a_bit(&mut self) {
        self.process.take().expect("it lives").terminate();
        let log = self.stage.log();
        let files = files_below(&log).into_iter().filter(|file| {
            let name = file.strip_prefix(&log).unwrap().display().to_string();
            ["lock", "keys/", "public/tile/", "public/index/tile/0"]
                .iter()
                .any(|begin| name.starts_with(begin))
                && fs::metadata(file).unwrap().len() > 0
        });
        let files: Vec<PathBuf> = files.collect();
        let file = &files[self.random(files.len() as u64) as usize];
        let good = fs::read(file).unwrap();
        let (mut bytes, place) = (good.clone(), self.random(good.len() as u64) as usize);
        bytes[place] ^= 1 << self.random(8);
        fs::write(file, &bytes).unwrap();
        match self.stage.try_start() {
            Err(_) => self.refused += 1,
            // It is not read to start, or stands for nothing; the tree is the right one, and the file is put back.
            Ok(process) => process.terminate(),
        }
        if fs::read(file).is_ok_and(|now| now == bytes) {
            fs::write(file, good).unwrap();
        }
    }

    /// The witnesses remember more: it is refused before it signs anything.
    fn put_back_an_old_copy(&mut self) {
        let (log, old) = (self.stage.log(), self.stage.folder.path().join("old"));
        self.process.take().expect("it lives").terminate();
        assert!(Command::new("cp").arg("-a").arg(&log).arg(&old).status().unwrap().success());
        self.process = Some(self.stage.start());
        self.goes_on();
        let cosigned = || self.stage.witnesses.iter().map(|witness| witness.remembered().0).max();
        let size = checkpoint(self.stage.listen).expect("a checkpoint").size;
        wait_for("the witnesses do not cosign", || cosigned() >= Some(size));
        self.process.take().expect("it lives").terminate();
        let newest = self.stage.folder.path().join("newest");
        fs::rename(&log, &newest).unwrap();
        fs::rename(&old, &log).unwrap();
        let said = self.stage.try_start().err().expect("an old copy starts");
        assert!(said.contains("REMEMBERS"), "{said}");
        self.refused += 1;
        fs::remove_dir_all(&log).unwrap();
        fs::rename(&newest, &log).unwrap();
    }
}

/// Lets everything happen for so long.
fn chaos(lasting: Duration, seed: u64) {
    let mut stage = Stage::new();
    let (seen, readers, next) = (Seen::default(), Readers::default(), AtomicU32::new(0));
    let (over, listen, key) = (AtomicBool::new(false), stage.listen, stage.key.clone());
    let issuing = issuing();
    let (begun, process) = (Instant::now(), stage.start());
    let seed_of_run = seed.wrapping_mul(1 << 32);
    let (checked, survived) = (Vec::new(), BTreeMap::new());
    let mut run = Run {
        stage: &mut stage,
        process: Some(process),
        seen: &seen,
        checked,
        seed: seed_of_run,
        survived,
        refused: 0,
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    load(listen, &issuing, &next, &seen, &over);
                    std::thread::sleep(Duration::from_millis(20));
                }
            });
            scope.spawn(|| readers.read(listen, &key, &over));
        }
        // A failure must end the others, or nobody sees it.
        let happened = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for turn in 0.. {
                if begun.elapsed() >= lasting {
                    break;
                }
                // Each once, in an order of the seed, and then at random.
                let which =
                    if turn < FAULTS.len() { turn * 7 + seed as usize } else { run.random(1 << 20) as usize };
                run.happen(FAULTS[which % FAULTS.len()]);
            }
        }));
        over.store(true, Ordering::Relaxed);
        happened.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    let Run { process, checked, survived, refused, .. } = run;
    end(&mut stage, process.expect("it lives"), Seen { answered: (checked).into(), ..seen });
    println!("seed {seed}, {:.0} s. Survived:", begun.elapsed().as_secs_f64());
    survived.iter().for_each(|(fault, count)| println!("{count:5} {fault:?}"));
    println!("{refused} starts on wrong bits or an old copy were refused");
    let (checkpoints, entries) = (readers.checkpoints.into_inner(), readers.entries.into_inner());
    println!("readers followed {checkpoints} checkpoints and proved {entries} entries");
    assert!(checkpoints > 0 && entries > 0);
}

/// Everything that was answered in all lives is there, and nobody who watched has found anything wrong.
fn end(stage: &mut Stage, process: Process, seen: Seen) {
    let size = check(stage.listen, &issuing(), &seen).size;
    indexed(&process);
    stage.mirror.assert_well(size);
    if let Some(monitor) = &mut stage.monitor {
        monitor.assert_well();
    }
    process.terminate();
    let audited = audit(&stage.log());
    assert!(audited.status.success(), "{}", said(&audited));
    let messages = fs::read_to_string(stage.folder.path().join("messages")).unwrap();
    let panicked = messages.lines().find(|line| line.contains("panicked"));
    assert_eq!(panicked, None);
    println!("{} answers, all in the log of {size} leaves", seen.answered.lock().unwrap().len());
}

fn seed() -> u64 {
    std::env::var("TNLOG_CHAOS_SEED").map_or(1, |seed| seed.parse().expect("TNLOG_CHAOS_SEED is a number"))
}

#[test]
fn twenty_seconds() {
    chaos(Duration::from_secs(20), seed());
}

#[ignore = "takes ten minutes"]
#[test]
fn ten_minutes() {
    chaos(Duration::from_secs(600), seed());
}
