//! Whether what is served is what was signed: lock, checkpoint, tiles and leaf 0.

use std::path::PathBuf;
use std::sync::Arc;

use super::Findings;
use crate::client::store::{DiskLock, DiskStore, ObjectStore, PrefixedStore};
use crate::entry::{Entry, Leaf};
use crate::server::config::Folder;
use crate::server::index::ended;
use crate::server::keys::{Keys, read_index_key};
use crate::server::read::LogReader;
use crate::server::sequencer::{CHECKPOINT, Published, SequencerError, check_edge};
use crate::server::signer::{CheckpointSigner, SignedTree};

/// How often a log that grows meanwhile is looked at again.
const TRIES: usize = 5;
/// By how much a clock may differ from the one that signed, in milliseconds.
const MAX_AHEAD: u64 = 5_000;
const RESTORE: &str = "put back the newest lock, and no older copy of anything else; `tnlog audit` on the folder public says more";

/// What a log has published.
pub struct Seen {
    /// The newest checkpoint.
    pub published: Published,
    /// Reads the tree.
    pub reader: LogReader,
    public: Arc<dyn ObjectStore>,
    signer: CheckpointSigner,
}

impl Seen {
    /// Leaves of what is published by now.
    pub fn newest(&self) -> u64 {
        signed_in(&*self.public, &self.signer).map_or(0, |signed| signed.tree.size)
    }
}

/// The entry log of a folder, where it can be read.
pub fn entry_log(folder: &Folder, keys: &Keys, findings: &mut Findings) -> Option<Seen> {
    let public = open_public(folder, findings)?;
    let part = Part { check: "log", lock: folder.lock(), public, signer: keys.checkpoint_signer() };
    let seen = part.check(findings)?;
    let first = seen.reader.leaf(0, seen.published.tree.size).ok().and_then(|leaf| Leaf::decode(&leaf).ok());
    match first.map(|leaf| leaf.entry) {
        Some(Entry::Parameters(parameters)) if parameters == keys.parameters() => {
            findings.ok("keys", "the keys are those that leaf 0 shows to everybody");
        }
        Some(_) => findings.wrong(
            "keys",
            "the keys are not those that leaf 0 of this log shows",
            "restore the keys that belong to it from a backup",
        ),
        None => findings.wrong("log", "leaf 0 cannot be read", RESTORE),
    }
    Some(seen)
}

/// The index log of a folder, where it can be read.
pub fn index_log(folder: &Folder, origin: &str, findings: &mut Findings) -> Option<Seen> {
    let generation = ended::current(folder);
    let key = read_index_key(&folder.keys(), origin, generation).ok()?;
    let over = folder.private().join(generation.path()).join(ended::OVER);
    if over.exists() {
        findings.wrong(
            "index",
            "the index log is over: a head of it does not follow from the leaves, and look-ups are refused",
            format!("find out why ({}), then begin another with `tnlog index-successor`", over.display()),
        );
    }
    let public = Arc::new(PrefixedStore::new(open_public(folder, findings)?, &generation.path()));
    let (lock, signer) = (folder.index_lock(generation), CheckpointSigner::new(key));
    Part { check: "index", lock, public, signer }.check(findings)
}

fn open_public(folder: &Folder, findings: &mut Findings) -> Option<Arc<dyn ObjectStore>> {
    if !folder.public().is_dir() {
        findings.warning("log", "the log has never started here", "start it with `tnlog serve`");
        return None;
    }
    match DiskStore::open(&folder.public()) {
        Ok(store) => Some(Arc::new(store)),
        Err(error) => {
            let advice = "run this as the user that the log runs as";
            findings.wrong("log", format!("{}: {error}", folder.public().display()), advice);
            None
        }
    }
}

/// A log, and where its parts are.
struct Part {
    check: &'static str,
    lock: PathBuf,
    public: Arc<dyn ObjectStore>,
    signer: CheckpointSigner,
}

impl Part {
    fn check(self, findings: &mut Findings) -> Option<Seen> {
        let mut signed = self.published(findings)?;
        let mut edge = check_edge(&*self.public, signed.tree);
        for _ in 1..TRIES {
            // Partial tiles of a log that runs go when it has grown.
            let newer = signed_in(&*self.public, &self.signer).filter(|newer| newer.tree != signed.tree);
            let (Err(_), Some(newer)) = (&edge, newer) else { break };
            signed = newer;
            edge = check_edge(&*self.public, signed.tree);
        }
        if let Err(SequencerError::Store(_, error)) = &edge {
            findings.wrong(self.check, error.to_string(), "look at the disk");
            return None;
        } else if let Err(error) = edge {
            findings.wrong(self.check, error.to_string(), RESTORE);
            return None;
        }
        if !self.lock_fits(&signed, findings) {
            return None;
        }
        findings.ok(
            self.check,
            format!("{} entries; the newest tiles hold what was signed, and the lock fits", signed.tree.size),
        );
        let published = Published { note: self.signer.sign(&signed), tree: signed.tree, time: signed.time };
        let reader = LogReader::new(self.public.clone());
        Some(Seen { published, reader, public: self.public, signer: self.signer })
    }

    fn published(&self, findings: &mut Findings) -> Option<SignedTree> {
        match self.public.get(CHECKPOINT) {
            Ok(Some(note)) => {
                let signed = self.signer.open(&note);
                if signed.is_none() {
                    let what = "the published checkpoint is not signed by the keys here";
                    let advice = "keys and folder are of two logs, or the file is damaged: restore what belongs together";
                    findings.wrong(self.check, what, advice);
                }
                signed
            }
            Ok(None) => {
                let what = "nothing is published";
                findings.warning(self.check, what, "start the log, which publishes what the lock holds");
                None
            }
            Err(error) => {
                findings.wrong(
                    self.check,
                    format!("the checkpoint cannot be read: {error}"),
                    "look at the disk",
                );
                None
            }
        }
    }

    /// The lock is read after what is published, and is never behind it.
    fn lock_fits(&self, published: &SignedTree, findings: &mut Findings) -> bool {
        let lock = self.lock.display();
        let locked = match DiskLock::peek(&self.lock) {
            Ok(Some(note)) => self.signer.open(&note),
            Ok(None) => {
                findings.wrong(
                    self.check,
                    format!("{lock} is gone, or empty, and a checkpoint is published"),
                    RESTORE,
                );
                return false;
            }
            Err(error) => {
                findings.wrong(self.check, format!("{lock}: {error}"), RESTORE);
                return false;
            }
        };
        let Some(locked) = locked else {
            findings.wrong(self.check, format!("{lock} is of another log than the keys"), RESTORE);
            return false;
        };
        let is_behind = locked.tree.size < published.tree.size || locked.time < published.time;
        if is_behind || (locked.tree.size == published.tree.size && locked.tree != published.tree) {
            let what = format!(
                "{lock} holds {} entries and {} are published: it was set back, and a log that goes on from it forks",
                locked.tree.size, published.tree.size
            );
            findings.wrong(self.check, what, RESTORE);
            return false;
        }
        true
    }
}

fn signed_in(public: &dyn ObjectStore, signer: &CheckpointSigner) -> Option<SignedTree> {
    signer.open(&public.get(CHECKPOINT).ok()??)
}

/// The clock at `now`, in seconds of Unix time, against the newest checkpoint; of a log that runs also whether that is as young
/// as its heartbeat, in seconds, makes it.
pub fn clock(log: &Seen, now: u64, heartbeat: Option<u64>, findings: &mut Findings) {
    const CHECK: &str = "clock";
    let signed = log.published.time;
    let age = now.saturating_sub(signed / 1000);
    if signed > now.saturating_mul(1000).saturating_add(MAX_AHEAD) {
        findings.wrong(
            CHECK,
            format!("the newest checkpoint was signed {} seconds after now", signed / 1000 - now),
            "this machine's clock was set back, or the log signed with one that was ahead: set it by NTP",
        );
    } else if heartbeat.is_some_and(|heartbeat| age > 2 * heartbeat + 60) {
        findings.warning(
            CHECK,
            format!("the log runs, and its newest checkpoint is {age} seconds old"),
            "its rounds fail, or the clock was set forward: look at its messages and at /healthz",
        );
    } else {
        findings.ok(CHECK, format!("the newest checkpoint was signed {age} seconds ago"));
    }
}
