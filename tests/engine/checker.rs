//! The one checker: everything that the engine promises of a log, recomputed from its entries.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use tnlog::bundle;
use tnlog::merkle::{Hash, check_consistency, prove_consistency};
use tnlog::server::plan::Place;
use tnlog::server::sequencer::{CHECKPOINT, Sequencer};
use tnlog::server::signer::SignedTree;
use tnlog::tile::{Kind, TilePath, TileSet};

use crate::driver::{Answered, Caller, signer};
use crate::store::Machine;

type Files = BTreeMap<String, Vec<u8>>;

/// All that is left of a log.
pub struct Remains {
    pub public: Files,
    pub private: Files,
    pub locked: Option<Vec<u8>>,
    /// Every checkpoint that anybody may have seen, in order.
    pub visible: Vec<Vec<u8>>,
}

impl Remains {
    pub fn of(machine: &Machine) -> Self {
        Remains {
            public: machine.files(Place::Public),
            private: machine.files(Place::Private),
            locked: machine.locked(),
            visible: machine.visible(),
        }
    }
}

/// Opens the log again, checks it, settles, appends to it and checks it again.
///
/// # Errors
/// What is wrong, in words.
pub fn reopen_and_check(machine: &Machine, caller: &mut Caller) -> Result<(), String> {
    let mut sequencer = caller.open(machine).map_err(|error| format!("it does not open: {error}"))?;
    check(&Remains::of(machine), &caller.answered).map_err(|why| format!("after opening: {why}"))?;
    go_on_and_check(machine, caller, &mut sequencer)
}

/// Settles, appends and checks with the sequencer that is there.
///
/// # Errors
/// What is wrong, in words.
pub fn go_on_and_check(
    machine: &Machine,
    caller: &mut Caller,
    sequencer: &mut Sequencer,
) -> Result<(), String> {
    for count in [2, 0, 5] {
        caller.append(sequencer, count).map_err(|error| format!("appending does not go on: {error}"))?;
    }
    sequencer.settler().settle().map_err(|error| format!("settling does not go on: {error}"))?;
    let remains = Remains::of(machine);
    check(&remains, &caller.answered).map_err(|why| format!("after appending: {why}"))?;
    check_nothing_staged(&remains)
}

/// Nothing is left in staging.
///
/// # Errors
/// When something is.
pub fn check_nothing_staged(remains: &Remains) -> Result<(), String> {
    match remains.private.keys().find(|name| name.starts_with("staging/")) {
        None => Ok(()),
        Some(name) => Err(format!("{name} is still there after settling")),
    }
}

/// Checks an open log.
///
/// # Errors
/// What is wrong, in words.
pub fn check(remains: &Remains, answered: &[Answered]) -> Result<(), String> {
    let locked = remains.locked.as_ref().ok_or("the lock is empty")?;
    if remains.public.get(CHECKPOINT) != Some(locked) {
        return Err("the published checkpoint is not the lock's".into());
    }
    let signed = open(locked)?;
    let leaves = read_bundles(&remains.public, Kind::Entries, signed.tree.size)?;
    let chains = read_bundles(&remains.public, Kind::Chains, signed.tree.size)?;
    let hashes: Vec<Hash> = leaves.iter().map(|leaf| Hash::of_leaf(leaf)).collect();
    if root(&hashes) != signed.tree.root {
        return Err("the entries do not have the signed root".into());
    }
    let expected = Expected { levels: levels(hashes.clone()), leaves, chains };
    expected.check_files(&remains.public, signed.tree.size)?;
    answered.iter().try_for_each(|round| check_answered(remains, &expected, round))?;
    check_history(remains, &hashes, &signed)
}

thread_local! {
    static OPENED: RefCell<HashMap<Vec<u8>, SignedTree>> = RefCell::default();
}

/// Verifies a checkpoint, once.
fn open(note: &[u8]) -> Result<SignedTree, String> {
    if let Some(signed) = OPENED.with_borrow(|opened| opened.get(note).copied()) {
        return Ok(signed);
    }
    let signed = signer().open(note).ok_or("a checkpoint does not verify")?;
    OPENED.with_borrow_mut(|opened| opened.insert(note.to_vec(), signed));
    Ok(signed)
}

fn read_bundles(files: &Files, kind: Kind, size: u64) -> Result<Vec<Vec<u8>>, String> {
    let mut items = Vec::new();
    for index in 0..size.div_ceil(256) {
        let width = (size - index * 256).min(256) as u16;
        let path = TilePath { kind, index, width };
        let bytes = files.get(&path.to_string()).ok_or_else(|| format!("{path} is missing"))?;
        let entries = bundle::entries(bytes, width).map_err(|error| format!("{path}: {error}"))?;
        items.extend(entries.map(<[u8]>::to_vec));
    }
    Ok(items)
}

/// RFC 6962 §2.1, word for word.
pub fn root(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => Hash::EMPTY_ROOT,
        [only] => *only,
        _ => {
            let (left, right) = hashes.split_at(hashes.len().next_power_of_two() / 2);
            Hash::of_node(&root(left), &root(right))
        }
    }
}

/// The hashes of each level of tiles.
fn levels(leaf_hashes: Vec<Hash>) -> Vec<Vec<Hash>> {
    let mut levels = vec![leaf_hashes];
    while let Some(last) = levels.last()
        && last.len() >= 256
    {
        let next = last.chunks_exact(256).map(root).collect();
        levels.push(next);
    }
    levels
}

/// What the files of a log have to hold.
struct Expected {
    levels: Vec<Vec<Hash>>,
    leaves: Vec<Vec<u8>>,
    chains: Vec<Vec<u8>>,
}

impl Expected {
    /// The bytes of a tile or bundle, none when it lies beyond the tree.
    fn bytes(&self, path: &TilePath) -> Option<Vec<u8>> {
        let start = path.index as usize * 256;
        let range = start..start + usize::from(path.width);
        match path.kind {
            Kind::Hashes(level) => {
                let hashes = self.levels.get(usize::from(level))?.get(range)?;
                Some(hashes.iter().flat_map(|hash| hash.0).collect())
            }
            Kind::Entries => self.leaves.get(range).map(bundle_of),
            Kind::Chains => self.chains.get(range).map(bundle_of),
        }
    }

    /// Every tile and bundle of the tree is there, and no file below `tile/` holds anything else.
    fn check_files(&self, files: &Files, size: u64) -> Result<(), String> {
        for path in self.paths(size) {
            if !files.contains_key(&path.to_string()) {
                return Err(format!("{path} is missing"));
            }
        }
        for (name, bytes) in files.iter().filter(|(name, _)| name.starts_with("tile/")) {
            let path: TilePath = name.parse().map_err(|_| format!("{name} is no tile"))?;
            if self.bytes(&path).as_ref() != Some(bytes) {
                return Err(format!("{name} does not hold what it should"));
            }
        }
        Ok(())
    }

    fn paths(&self, size: u64) -> Vec<TilePath> {
        let levels = self.levels.iter().enumerate().map(|(l, hashes)| (Kind::Hashes(l as u8), hashes.len()));
        let kinds = levels.chain([(Kind::Entries, size as usize), (Kind::Chains, size as usize)]);
        let paths = kinds.flat_map(|(kind, count)| {
            (0..count.div_ceil(256)).map(move |index| {
                let width = (count - index * 256).min(256) as u16;
                TilePath { kind, index: index as u64, width }
            })
        });
        paths.collect()
    }
}

fn bundle_of(items: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    items.iter().for_each(|item| bundle::append(&mut bytes, item).unwrap());
    bytes
}

/// An answered round is where it was answered to be, with all that was stored beside it.
fn check_answered(remains: &Remains, expected: &Expected, answered: &Answered) -> Result<(), String> {
    for (index, entry) in (answered.first as usize..).zip(&answered.round.entries) {
        if expected.leaves.get(index) != Some(&entry.leaf) {
            return Err(format!("the answered entry {index} is lost"));
        }
        if expected.chains.get(index) != Some(&entry.chain) {
            return Err(format!("the chain of the answered entry {index} is lost"));
        }
    }
    for object in &answered.round.objects {
        let files = match object.place {
            Place::Public => &remains.public,
            Place::Private => &remains.private,
        };
        if files.get(&object.name) != Some(&object.bytes) {
            return Err(format!("{} of an answered round is lost", object.name));
        }
    }
    Ok(())
}

/// Every checkpoint that was seen is a beginning of the log, later and not smaller than those before it.
fn check_history(remains: &Remains, hashes: &[Hash], signed: &SignedTree) -> Result<(), String> {
    let mut visible = remains.visible.clone();
    visible.extend(remains.locked.clone());
    visible.dedup();
    let tiles = tile_set(&remains.public, signed.tree.size)?;
    let mut before: Option<SignedTree> = None;
    for note in &visible {
        let seen = open(note)?;
        if before.is_some_and(|before| seen.time <= before.time || seen.tree.size < before.tree.size) {
            return Err(format!("the checkpoint of {} leaves follows a later one", seen.tree.size));
        }
        before = Some(seen);
        let (old, new) = (seen.tree, signed.tree);
        if hashes.get(..old.size as usize).map(root) != Some(old.root) {
            return Err(format!("a checkpoint of {} leaves was seen that the log contradicts", old.size));
        }
        let proof = prove_consistency(&tiles, old.size, new.size).map_err(|error| error.to_string())?;
        check_consistency(&proof, old.size, &old.root, new.size, &new.root)
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn tile_set(files: &Files, size: u64) -> Result<TileSet<&[u8]>, String> {
    let hash_tiles = files.iter().filter_map(|(name, bytes)| {
        let path: TilePath = name.parse().ok()?;
        matches!(path.kind, Kind::Hashes(_)).then_some((path, &bytes[..]))
    });
    TileSet::new(size, hash_tiles).map_err(|error| error.to_string())
}
