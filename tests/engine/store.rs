//! A machine in memory: two object stores and a lock that fail as they are told, and lose what is not synced.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard};

use tnlog::client::store::{CheckpointLock, LockError, ObjectStore};
use tnlog::server::plan::Place;
use tnlog::server::sequencer::{CHECKPOINT, Stores};

/// What the engine asks of the machine, by kind of operation and object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    StagingPut,
    StagingSync,
    StagingDelete,
    TilePut,
    BundlePut,
    ChainsPut,
    IssuerPut,
    EvidencePut,
    CheckpointPut,
    SettleSync,
    PartialDelete,
    Get,
    List,
    LockLoad,
    LockCreate,
    LockReplace,
}

/// What happens to one operation.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    pub operation: Operation,
    /// How many of its kind pass before it.
    pub after: usize,
    pub applied: bool,
    pub reported: bool,
}

/// A small generator of numbers: the same seed, the same crash.
#[derive(Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// The files of one store: as processes see them, as the disk has them, and what is between.
#[derive(Clone, Default)]
struct Files {
    seen: BTreeMap<String, Vec<u8>>,
    durable: BTreeMap<String, Vec<u8>>,
    /// Names with their new bytes, none where they were deleted.
    unsynced: Vec<(String, Option<Vec<u8>>)>,
    /// Names whose sync failed: until they are put again the disk calls a further sync a success, and does nothing.
    forgotten: BTreeSet<String>,
}

impl Files {
    fn change(&mut self, name: &str, bytes: Option<&[u8]>) {
        self.unsynced.push((name.to_owned(), bytes.map(<[u8]>::to_vec)));
        self.forgotten.remove(name);
        match bytes {
            Some(bytes) => self.seen.insert(name.to_owned(), bytes.to_vec()),
            None => self.seen.remove(name),
        };
    }

    fn sync(&mut self, name: &str) {
        if !self.forgotten.contains(name)
            && let Some(bytes) = self.seen.get(name)
        {
            self.durable.insert(name.to_owned(), bytes.clone());
            self.unsynced.retain(|(unsynced, _)| unsynced != name);
        }
    }

    /// Any part of what was not synced reaches the disk, and files may be there without their bytes.
    fn lose_power(&mut self, random: &mut Random) {
        let (kept, damaged) = (random.below(5), random.below(4));
        for (name, bytes) in std::mem::take(&mut self.unsynced) {
            if random.below(4) >= kept {
                continue;
            }
            match bytes {
                Some(bytes) if random.below(4) < damaged => self.durable.insert(name, cut(bytes, random)),
                Some(bytes) => self.durable.insert(name, bytes),
                None => self.durable.remove(&name),
            };
        }
        self.forgotten.clear();
        self.seen = self.durable.clone();
    }
}

fn cut(mut bytes: Vec<u8>, random: &mut Random) -> Vec<u8> {
    match random.below(3) {
        0 => bytes.clear(),
        1 => bytes.fill(0),
        _ => bytes.truncate(random.below(bytes.len() as u64 + 1) as usize),
    }
    bytes
}

#[derive(Clone, Default)]
struct State {
    public: Files,
    private: Files,
    lock: Option<Vec<u8>>,
    durable_lock: Option<Vec<u8>>,
    /// Every checkpoint that anybody may have seen, in order.
    visible: Vec<Vec<u8>>,
    steps: u64,
    /// No operation from this step on is done.
    cut: Option<u64>,
    /// What becomes of a replacement of the lock in which the power is cut.
    in_flight: bool,
    fault: Option<Fault>,
    sync_is_broken: bool,
    lock_is_broken: bool,
}

/// What is to be done with an operation: is it applied, and is an error reported?
struct Orders {
    applied: bool,
    result: io::Result<()>,
}

impl State {
    fn files(&mut self, place: Place) -> &mut Files {
        match place {
            Place::Public => &mut self.public,
            Place::Private => &mut self.private,
        }
    }

    fn step(&mut self, operation: Operation) -> Orders {
        let now = self.steps;
        self.steps += 1;
        if let Some(cut) = self.cut
            && now >= cut
        {
            let in_lock = matches!(operation, Operation::LockReplace | Operation::LockCreate);
            let applied = now == cut && in_lock && self.in_flight;
            return Orders { applied, result: Err(io::Error::other("the power is cut")) };
        }
        let Some(fault) = &mut self.fault else { return Orders { applied: true, result: Ok(()) } };
        if fault.operation != operation {
            return Orders { applied: true, result: Ok(()) };
        }
        if fault.after > 0 {
            fault.after -= 1;
            return Orders { applied: true, result: Ok(()) };
        }
        let Fault { applied, reported, .. } = *fault;
        self.fault = None;
        let result = if reported { Err(io::Error::other("an injected fault")) } else { Ok(()) };
        Orders { applied, result }
    }
}

/// The machine; a clone is the same machine, [`copy`](Machine::copy) is another.
#[derive(Clone, Default)]
pub struct Machine(Arc<Mutex<State>>);

impl Machine {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub fn copy(&self) -> Machine {
        Machine(Arc::new(Mutex::new(self.state().clone())))
    }

    pub fn stores(&self) -> Stores {
        let store = |place| Arc::new(MemoryStore { machine: self.clone(), place });
        Stores { public: store(Place::Public), private: store(Place::Private) }
    }

    pub fn lock(&self) -> Box<dyn CheckpointLock> {
        Box::new(MemoryLock(self.clone()))
    }

    pub fn inject(&self, fault: Fault) {
        self.state().fault = Some(fault);
    }

    /// Whether the fault that was injected has happened.
    pub fn fault_happened(&self) -> bool {
        self.state().fault.is_none()
    }

    /// Cuts the power before the operation that comes after so many others. If that replaces the lock, `in_flight` says
    /// whether the new checkpoint can be read afterwards; it is not durable.
    pub fn cut_after(&self, steps: u64, in_flight: bool) {
        let mut state = self.state();
        (state.cut, state.in_flight) = (Some(state.steps + steps), in_flight);
    }

    pub fn steps(&self) -> u64 {
        self.state().steps
    }

    /// The process is killed and the machine goes on: what it wrote can still be read.
    pub fn kill(&self) {
        let mut state = self.state();
        (state.cut, state.fault) = (None, None);
    }

    /// The power is lost, and comes back.
    pub fn lose_power(&self, seed: u64) {
        let mut state = self.state();
        let mut random = Random::new(seed);
        state.public.lose_power(&mut random);
        state.private.lose_power(&mut random);
        if random.below(2) == 0 {
            state.durable_lock = state.lock.clone();
        }
        state.lock = state.durable_lock.clone();
        (state.cut, state.fault) = (None, None);
    }

    /// From now on nothing is made durable, and nobody is told.
    pub fn break_sync(&self) {
        self.state().sync_is_broken = true;
    }

    /// From now on the lock's checkpoint is not durable, and nobody is told.
    pub fn break_lock(&self) {
        self.state().lock_is_broken = true;
    }

    pub fn files(&self, place: Place) -> BTreeMap<String, Vec<u8>> {
        self.state().files(place).seen.clone()
    }

    pub fn set_file(&self, place: Place, name: &str, bytes: Option<Vec<u8>>) {
        let mut state = self.state();
        let files = state.files(place);
        files.change(name, bytes.as_deref());
        match bytes {
            Some(bytes) => files.durable.insert(name.to_owned(), bytes),
            None => files.durable.remove(name),
        };
    }

    pub fn locked(&self) -> Option<Vec<u8>> {
        self.state().lock.clone()
    }

    pub fn set_locked(&self, checkpoint: Option<Vec<u8>>) {
        let mut state = self.state();
        (state.lock, state.durable_lock) = (checkpoint.clone(), checkpoint);
    }

    pub fn visible(&self) -> Vec<Vec<u8>> {
        self.state().visible.clone()
    }
}

struct MemoryStore {
    machine: Machine,
    place: Place,
}

impl ObjectStore for MemoryStore {
    fn put(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.machine.state();
        let orders = state.step(put_of(name));
        if orders.applied {
            state.files(self.place).change(name, Some(bytes));
            if name == CHECKPOINT {
                state.visible.push(bytes.to_vec());
            }
        }
        orders.result
    }

    fn sync(&self, names: &[&str]) -> io::Result<()> {
        let staging = names.first().is_some_and(|name| name.starts_with("staging/"));
        let mut state = self.machine.state();
        let orders = state.step(if staging { Operation::StagingSync } else { Operation::SettleSync });
        let broken = state.sync_is_broken;
        let files = state.files(self.place);
        if orders.applied && !names.iter().all(|name| files.seen.contains_key(*name)) {
            return Err(ErrorKind::NotFound.into());
        }
        for name in names.iter().filter(|_| !broken) {
            match (orders.applied, &orders.result) {
                (true, _) => files.sync(name),
                (false, Err(_)) => _ = files.forgotten.insert((*name).to_owned()),
                (false, Ok(())) => {}
            }
        }
        orders.result
    }

    fn get(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let mut state = self.machine.state();
        let orders = state.step(Operation::Get);
        let found = state.files(self.place).seen.get(name).cloned();
        orders.result.map(|()| found.filter(|_| orders.applied))
    }

    fn delete(&self, name: &str) -> io::Result<()> {
        let staging = name.starts_with("staging/");
        let mut state = self.machine.state();
        let orders = state.step(if staging { Operation::StagingDelete } else { Operation::PartialDelete });
        if orders.applied {
            state.files(self.place).change(name, None);
        }
        orders.result
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let mut state = self.machine.state();
        let orders = state.step(Operation::List);
        let inside = |name: &&String| {
            name.strip_prefix(folder)
                .and_then(|rest| rest.strip_prefix('/'))
                .is_some_and(|n| !n.contains('/'))
        };
        let names: Vec<String> = state.files(self.place).seen.keys().filter(inside).cloned().collect();
        orders.result.map(|()| if orders.applied { names } else { Vec::new() })
    }

    /// Only the sweep of evidence asks for folders, which is no part of a round.
    fn folders(&self, _: &str) -> io::Result<Vec<String>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

fn put_of(name: &str) -> Operation {
    let folders = [
        ("staging/", Operation::StagingPut),
        ("tile/entries/", Operation::BundlePut),
        ("tile/chains/", Operation::ChainsPut),
        ("tile/", Operation::TilePut),
        ("issuer/", Operation::IssuerPut),
        ("evidence/", Operation::EvidencePut),
        (CHECKPOINT, Operation::CheckpointPut),
    ];
    folders.iter().find(|(folder, _)| name.starts_with(folder)).expect("an object of the engine").1
}

struct MemoryLock(Machine);

impl MemoryLock {
    fn store(&self, operation: Operation, old: Option<&[u8]>, new: &[u8]) -> Result<(), LockError> {
        let mut state = self.0.state();
        let orders = state.step(operation);
        if state.lock.as_deref() != old {
            return Err(LockError::Conflict);
        }
        if orders.applied {
            state.lock = Some(new.to_vec());
        }
        if orders.applied && orders.result.is_ok() {
            state.visible.push(new.to_vec());
            if !state.lock_is_broken {
                state.durable_lock = state.lock.clone();
            }
        }
        Ok(orders.result?)
    }
}

impl CheckpointLock for MemoryLock {
    fn load(&self) -> io::Result<Option<Vec<u8>>> {
        let mut state = self.0.state();
        let orders = state.step(Operation::LockLoad);
        orders.result.map(|()| state.lock.clone().filter(|_| orders.applied))
    }

    fn create(&mut self, checkpoint: &[u8]) -> Result<(), LockError> {
        self.store(Operation::LockCreate, None, checkpoint)
    }

    fn replace(&mut self, old: &[u8], new: &[u8]) -> Result<(), LockError> {
        self.store(Operation::LockReplace, Some(old), new)
    }
}
