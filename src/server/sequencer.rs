//! The sequencer: appends rounds to a log, so that what was answered is never lost and what was signed is never contradicted,
//! whatever the instant of a crash.
//!
//! A round is *staged* (one durable object holds everything that it stores), *swapped* (the lock's latest checkpoint is
//! replaced), *applied* (the objects are stored) and *published*; only then is anybody answered. When the applied objects are
//! durable too, the round is *settled*: its staging object is dropped. Opening a log runs the same apply for every signed
//! round that is still staged. It does not know what an entry is.
//!
//! | crash before | the lock holds | what opening does |
//! |---|---|---|
//! | the swap | the old checkpoint | drops the staged round; nobody was answered |
//! | the end of apply, or publish | the new checkpoint | applies the staged round and publishes |
//! | settling | the new checkpoint | applies again what may not have been durable |

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::plan::{self, Edge, Object, Place, Plan, PlanError, Round};
use super::signer::{CheckpointSigner, SignedTree};
use super::staging::{self, Staging, Tree};
use super::store::{CheckpointLock, LockError, ObjectStore};
use crate::bundle;
use crate::merkle::{self, Hash, HashReader, NodeId, ProveError};
use crate::tile::{FULL_WIDTH, Kind, TileError, TilePath, Tiling, TreeEdge};

/// The name of the published checkpoint in the public store, the only object that changes.
pub const CHECKPOINT: &str = "checkpoint";

const FOREIGN_CHECKPOINT: &str = "the published checkpoint is whole and not signed by this log's keys: it is damaged or of \
                                  another log. Restore it, or remove it when the lock is known to be the newest";

/// The most rounds that may wait to be settled before a round waits for them.
const MAX_UNSETTLED: usize = 256;

/// Both stores of a log.
#[derive(Clone)]
pub struct Stores {
    /// What is served.
    pub public: Arc<dyn ObjectStore>,
    /// What is not.
    pub private: Arc<dyn ObjectStore>,
}

impl Stores {
    fn at(&self, place: Place) -> &dyn ObjectStore {
        match place {
            Place::Public => &*self.public,
            Place::Private => &*self.private,
        }
    }
}

/// Why a log cannot be opened or appended to.
#[derive(Debug, thiserror::Error)]
pub enum SequencerError {
    /// A store failed. What was being done may or may not have happened; the next round finds out.
    #[error("the store failed while it was to {0}: {1}")]
    Store(&'static str, #[source] io::Error),
    /// The lock refused, or failed.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The round contradicts what was signed.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// What is stored is not what was signed: it is damaged, older, or of another log.
    #[error("refusing to sign on top of this store: {0}")]
    Damaged(String),
}

fn damaged(why: impl Into<String>) -> SequencerError {
    SequencerError::Damaged(why.into())
}

/// Where the next round will stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The index of its first entry.
    pub first: u64,
    /// Its time in milliseconds of Unix time: later than that of every round before, whatever the clock says.
    pub time: u64,
}

/// A published checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The signed note.
    pub note: String,
    /// Size and root.
    pub tree: Tree,
    /// Milliseconds of Unix time that the tree head was signed with.
    pub time: u64,
}

/// Appends rounds to one log. There is one for each log, in one process.
pub struct Sequencer {
    stores: Stores,
    lock: Box<dyn CheckpointLock>,
    signer: CheckpointSigner,
    edge: Edge,
    published: Published,
    /// Set while what is stored may be more than what this process knows of.
    in_doubt: bool,
    settler: Settler,
}

impl Sequencer {
    /// Opens a log: applies what was signed and staged, checks what is stored against the lock's checkpoint, publishes it.
    /// A log that does not exist is created with the entries that `first` gives for its first round.
    ///
    /// # Errors
    /// [`SequencerError`]. Nothing is signed on top of a store that does not hold exactly the tree that was signed last.
    pub fn open(
        stores: Stores,
        mut lock: Box<dyn CheckpointLock>,
        signer: CheckpointSigner,
        now: u64,
        first: impl FnOnce(Position) -> Round,
    ) -> Result<Self, SequencerError> {
        if lock.load().map_err(LockError::from)?.is_none() {
            create(&stores, &mut *lock, &signer, now, first)?;
        }
        let settler = Settler { stores: stores.clone(), waiting: Arc::default(), busy: Arc::default() };
        let (edge, published) = recover(&stores, &mut *lock, &signer, &settler)?;
        Ok(Sequencer { stores, lock, signer, edge, published, in_doubt: false, settler })
    }

    /// The newest published checkpoint.
    pub fn published(&self) -> &Published {
        &self.published
    }

    /// What makes rounds durable in their final place; it may work on a thread of its own.
    pub fn settler(&self) -> Settler {
        self.settler.clone()
    }

    /// Appends a round, which `build` makes for its position. When this returns, its entries are durable and covered by the
    /// published checkpoint. An empty round signs the same tree again with a newer time.
    ///
    /// # Errors
    /// [`SequencerError`]. The round may then have been appended or not; nobody may be answered from it. The next call
    /// finds out which, before it signs.
    pub fn append(
        &mut self,
        now: u64,
        build: impl FnOnce(Position) -> Round,
    ) -> Result<&Published, SequencerError> {
        if self.in_doubt {
            self.recover()?;
        }
        if self.settler.waiting().len() >= MAX_UNSETTLED {
            self.settler.settle()?;
        }
        let position = Position { first: self.published.tree.size, time: now.max(self.published.time + 1) };
        let plan = plan::plan(&self.edge, &self.published.tree.root, build(position))?;
        let new = Tree { size: plan.edge.tree.size(), root: plan.edge.tree.root() };
        let note = self.signer.sign(&SignedTree { tree: new, time: position.time });
        self.commit(plan, Published { note, tree: new, time: position.time })?;
        Ok(&self.published)
    }

    /// Finds out what an interrupted round left.
    ///
    /// # Errors
    /// [`SequencerError`]; it is then still unknown.
    pub fn recover(&mut self) -> Result<(), SequencerError> {
        let settler = self.settler.clone();
        let _busy = settler.busy();
        settler.waiting().clear();
        let (edge, published) = recover(&self.stores, &mut *self.lock, &self.signer, &settler)?;
        (self.edge, self.published, self.in_doubt) = (edge, published, false);
        Ok(())
    }

    fn commit(&mut self, plan: Plan, published: Published) -> Result<(), SequencerError> {
        let grows = published.tree != self.published.tree;
        let staging = Staging { old: self.published.tree, new: published.tree, objects: plan.objects };
        self.in_doubt = true;
        if grows {
            stage(&self.stores, &staging)?;
        }
        self.lock.replace(self.published.note.as_bytes(), published.note.as_bytes())?;
        if grows {
            apply(&self.stores, &staging)?;
            self.settler.waiting().push(Applied::of(&staging));
        }
        publish(&self.stores, &published.note)?;
        self.edge = plan.edge;
        self.published = published;
        self.in_doubt = false;
        Ok(())
    }
}

fn create(
    stores: &Stores,
    lock: &mut dyn CheckpointLock,
    signer: &CheckpointSigner,
    now: u64,
    first: impl FnOnce(Position) -> Round,
) -> Result<(), SequencerError> {
    check_unused(&*stores.public)?;
    let empty = Edge::default();
    let old = Tree { size: 0, root: empty.tree.root() };
    let plan = plan::plan(&empty, &old.root, first(Position { first: 0, time: now }))?;
    let new = Tree { size: plan.edge.tree.size(), root: plan.edge.tree.root() };
    if new != old {
        stage(stores, &Staging { old, new, objects: plan.objects })?;
    }
    Ok(lock.create(signer.sign(&SignedTree { tree: new, time: now }).as_bytes())?)
}

/// Nothing is served before the lock holds a checkpoint: where something is, a lock without one was lost.
fn check_unused(public: &dyn ObjectStore) -> Result<(), SequencerError> {
    let read = |error| SequencerError::Store("look for an earlier log", error);
    let bundle = TilePath { kind: Kind::Entries, index: 0, width: FULL_WIDTH }.to_string();
    let used = public.get(CHECKPOINT).map_err(read)?.is_some()
        || public.get(&bundle).map_err(read)?.is_some()
        || !public.list(&format!("{bundle}.p")).map_err(read)?.is_empty();
    if used {
        return Err(damaged(
            "the served folder holds a log and the lock holds no checkpoint. Restore the lock from the newest backup of \
             the whole folder; a log that starts again under the same keys has forked",
        ));
    }
    Ok(())
}

fn stage(stores: &Stores, staging: &Staging) -> Result<(), SequencerError> {
    let name = staging.name();
    stores
        .private
        .put(&name, &staging.encode())
        .map_err(|error| SequencerError::Store("stage a round", error))?;
    stores.private.sync(&[&name]).map_err(|error| SequencerError::Store("make a staged round durable", error))
}

fn apply(stores: &Stores, staging: &Staging) -> Result<(), SequencerError> {
    staging
        .objects
        .iter()
        .try_for_each(|object| stores.at(object.place).put(&object.name, &object.bytes))
        .map_err(|error| SequencerError::Store("apply a round", error))
}

fn publish(stores: &Stores, note: &str) -> Result<(), SequencerError> {
    stores
        .public
        .put(CHECKPOINT, note.as_bytes())
        .map_err(|error| SequencerError::Store("publish a checkpoint", error))
}

/// Brings the stores to the lock's checkpoint and reads the edge there.
fn recover(
    stores: &Stores,
    lock: &mut dyn CheckpointLock,
    signer: &CheckpointSigner,
    settler: &Settler,
) -> Result<(Edge, Published), SequencerError> {
    let note =
        lock.load().map_err(LockError::from)?.ok_or_else(|| damaged("the lock holds no checkpoint"))?;
    let signed = signer.open(&note).ok_or_else(|| {
        damaged(
            "the lock's checkpoint is not signed by this log's keys: the keys or the lock are of another log",
        )
    })?;
    let published = check_published(stores, signer, &signed)?;
    // What was read may not be durable: its replacement failed, or its process was killed before it was.
    lock.replace(&note, &note)?;
    for staging in signed_rounds(stores, signed.tree)? {
        apply(stores, &staging)?;
        settler.waiting().push(Applied::of(&staging));
    }
    let edge = read_edge(&*stores.public, signed.tree)?;
    if let Some(published) = published {
        check_begins(&*stores.public, published, signed.tree)?;
    }
    let note = String::from_utf8(note).map_err(|_| damaged("the lock's checkpoint is no text"))?;
    publish(stores, &note)?;
    Ok((edge, Published { note, tree: signed.tree, time: signed.time }))
}

/// The published checkpoint may be older than the lock's, never newer or another. Gives its tree, none when a crash took it.
fn check_published(
    stores: &Stores,
    signer: &CheckpointSigner,
    signed: &SignedTree,
) -> Result<Option<Tree>, SequencerError> {
    let read = |error| SequencerError::Store("read the published checkpoint", error);
    let Some(note) = stores.public.get(CHECKPOINT).map_err(read)? else { return Ok(None) };
    let Some(published) = signer.open(&note) else {
        // A crash may leave the file empty or cut: it is not synced, and written again from the lock.
        return if signer.is_whole(&note) { Err(damaged(FOREIGN_CHECKPOINT)) } else { Ok(None) };
    };
    let ahead = published.tree.size > signed.tree.size || published.time > signed.time;
    let contradicts = published.tree.size == signed.tree.size && published.tree.root != signed.tree.root;
    if ahead || contradicts {
        return Err(damaged(format!(
            "the served folder holds a signed checkpoint of {} leaves that the lock, at {}, does not know: the lock was set \
             back. Restore the newest backup of the whole folder",
            published.tree.size, signed.tree.size
        )));
    }
    Ok(Some(published.tree))
}

/// The tree that was published last is the beginning of the signed one.
fn check_begins(public: &dyn ObjectStore, published: Tree, signed: Tree) -> Result<(), SequencerError> {
    let tiles = StoredTiles { public, size: signed.size };
    let root = merkle::tree_root(&tiles, published.size).map_err(|error| match error {
        ProveError::Read(error) => error,
        other => damaged(other.to_string()),
    })?;
    if root == published.root {
        return Ok(());
    }
    Err(damaged(format!(
        "the tree of {} leaves that was published is not the beginning of the signed one of {}: the lock and the served \
         folder are of two histories. Publish both checkpoints, and end this log",
        published.size, signed.size
    )))
}

/// The tiles of the tree of so many leaves.
struct StoredTiles<'a> {
    public: &'a dyn ObjectStore,
    size: u64,
}

impl HashReader for StoredTiles<'_> {
    type Error = SequencerError;

    fn read(&self, nodes: &[NodeId]) -> Result<Vec<Hash>, SequencerError> {
        let wrong = |error: TileError| damaged(error.to_string());
        let hash = |node: &NodeId| {
            let tile = Tiling::C2SP.tile_of(*node, self.size).map_err(|error| wrong(error.into()))?;
            Tiling::C2SP.hash_in(*node, tile, &read_tile(self.public, tile)?).map_err(wrong)
        };
        nodes.iter().map(hash).collect()
    }
}

fn read_tile(public: &dyn ObjectStore, path: TilePath) -> Result<Vec<u8>, SequencerError> {
    let bytes = public.get(&path.to_string());
    let bytes = bytes.map_err(|error| SequencerError::Store("read the tree", error))?;
    bytes.ok_or_else(|| damaged(format!("{path} is missing")))
}

/// The staged rounds that lead to the signed tree, oldest first. Others were never signed, and are dropped. They are found
/// by name, so that a store that lists less than it holds loses none.
fn signed_rounds(stores: &Stores, signed: Tree) -> Result<Vec<Staging>, SequencerError> {
    let fail = |error| SequencerError::Store("read the staged rounds", error);
    let names = stores.private.list(staging::FOLDER).map_err(fail)?;
    let mut rounds: Vec<Staging> = Vec::new();
    let mut tree = signed;
    while let Some(staging) = read_staged(stores, &tree)? {
        tree = staging.old;
        rounds.push(staging);
    }
    let next = Staging::name_of(&tree);
    if names.contains(&next) {
        return Err(damaged(format!("{next} is listed and cannot be read")));
    }
    let kept: Vec<String> = rounds.iter().map(Staging::name).collect();
    for name in names.iter().filter(|name| !kept.contains(name)) {
        stores.private.delete(name).map_err(fail)?;
    }
    rounds.reverse();
    Ok(rounds)
}

/// The staged round that leads to a tree.
fn read_staged(stores: &Stores, tree: &Tree) -> Result<Option<Staging>, SequencerError> {
    let name = Staging::name_of(tree);
    let read = |error| SequencerError::Store("read the staged rounds", error);
    let Some(bytes) = stores.private.get(&name).map_err(read)? else { return Ok(None) };
    let staging = Staging::decode(&bytes).map_err(|error| damaged(format!("{name}: {error}")))?;
    if staging.new != *tree || staging.old.size >= tree.size {
        return Err(damaged(format!("{name} holds another round than its name says")));
    }
    Ok(Some(staging))
}

/// Reads the right edge of a tree and compares it with the root that was signed; the last bundles, with the tiles.
fn read_edge(public: &dyn ObjectStore, tree: Tree) -> Result<Edge, SequencerError> {
    let read = |path| read_tile(public, path);
    let paths = TreeEdge::tiles_to_load(tree.size);
    let tiles = paths.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let edge = TreeEdge::load(tree.size, &tiles).map_err(|error| damaged(error.to_string()))?;
    if edge.root() != tree.root {
        return Err(damaged(format!("the tiles do not hold the signed tree of {} leaves", tree.size)));
    }
    let width = (tree.size % u64::from(FULL_WIDTH)) as u16;
    if width == 0 {
        return Ok(Edge { tree: edge, ..Edge::default() });
    }
    let last = |kind| TilePath { kind, index: tree.size / u64::from(FULL_WIDTH), width };
    let (entries, chains) = (read(last(Kind::Entries))?, read(last(Kind::Chains))?);
    let malformed = |kind, error| damaged(format!("{}: {error}", last(kind)));
    bundle::entries(&chains, width).map_err(|error| malformed(Kind::Chains, error))?;
    let hashes = plan::leaf_hashes(&entries, width).map_err(|error| malformed(Kind::Entries, error))?;
    if tiles.first() != Some(&hashes) {
        return Err(damaged(format!("{} does not hold the leaves of the tree", last(Kind::Entries))));
    }
    Ok(Edge { tree: edge, entries, chains })
}

/// A round whose objects are stored and may not be durable yet.
struct Applied {
    /// What it leads to.
    tree: Tree,
    objects: Vec<(Place, String)>,
    /// Making it durable has failed.
    failed: bool,
}

impl Applied {
    fn of(staging: &Staging) -> Self {
        let objects =
            staging.objects.iter().map(|Object { place, name, .. }| (*place, name.clone())).collect();
        Applied { tree: staging.new, objects, failed: false }
    }

    /// Tiles and bundles that became full: their partial forms may go.
    fn filled(&self) -> impl Iterator<Item = TilePath> {
        self.objects
            .iter()
            .filter_map(|(_, name)| name.parse().ok())
            .filter(|tile: &TilePath| !tile.is_partial())
    }
}

/// Makes applied rounds durable, off the path to the answer.
#[derive(Clone)]
pub struct Settler {
    stores: Stores,
    waiting: Arc<Mutex<Vec<Applied>>>,
    /// Held while rounds are settled, so that recovery never reads a staging object that is being dropped.
    busy: Arc<Mutex<()>>,
}

impl Settler {
    fn waiting(&self) -> MutexGuard<'_, Vec<Applied>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn busy(&self) -> MutexGuard<'_, ()> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Syncs the objects of every applied round, deletes the partial tiles that full ones replaced, and drops the staging
    /// objects. Costs an fsync for each object.
    ///
    /// # Errors
    /// [`SequencerError`]; the rounds stay staged, and the next call tries again.
    pub fn settle(&self) -> Result<(), SequencerError> {
        let _busy = self.busy();
        let mut rounds = std::mem::take(&mut *self.waiting());
        let fail = |error| SequencerError::Store("make rounds durable", error);
        let result = self.apply_failed(&mut rounds).and_then(|()| self.settle_rounds(&rounds).map_err(fail));
        if result.is_err() {
            rounds.iter_mut().for_each(|round| round.failed = true);
            let mut waiting = self.waiting();
            rounds.append(&mut waiting);
            *waiting = rounds;
        }
        result
    }

    /// Stores again what could not be made durable, since a disk reports lost bytes only once: a second sync of the same
    /// file succeeds and they are still lost. A round whose staging object is gone had been made durable before.
    fn apply_failed(&self, rounds: &mut Vec<Applied>) -> Result<(), SequencerError> {
        let mut settled = Vec::new();
        for Applied { tree, .. } in rounds.iter().filter(|round| round.failed) {
            match read_staged(&self.stores, tree)? {
                Some(staging) => apply(&self.stores, &staging)?,
                None => settled.push(*tree),
            }
        }
        rounds.retain(|round| !settled.contains(&round.tree));
        Ok(())
    }

    fn settle_rounds(&self, rounds: &[Applied]) -> io::Result<()> {
        for place in [Place::Public, Place::Private] {
            let objects = rounds.iter().flat_map(|round| &round.objects).filter(|(at, _)| *at == place);
            let mut names: Vec<&str> = objects.map(|(_, name)| name.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            self.stores.at(place).sync(&names)?;
        }
        for tile in rounds.iter().flat_map(Applied::filled) {
            for partial in self.stores.public.list(&format!("{tile}.p"))? {
                self.stores.public.delete(&partial)?;
            }
        }
        rounds.iter().try_for_each(|round| self.stores.private.delete(&Staging::name_of(&round.tree)))
    }
}
