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

mod publisher;
mod recovery;
mod settler;

pub use publisher::Publisher;
pub(in crate::server) use recovery::check_edge;
pub use settler::Settler;

use std::io;
use std::sync::Arc;

use recovery::recover;
use settler::Applied;

use super::plan::{self, Edge, Place, Plan, PlanError, Round};
use super::signer::{CheckpointSigner, SignedTree};
use super::staging::{Staging, Tree};
use crate::client::store::{CheckpointLock, LockError, ObjectStore};
use crate::tile::{FULL_WIDTH, Kind, TilePath};

/// The name of the published checkpoint in the public store, the only object that changes.
pub const CHECKPOINT: &str = "checkpoint";

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
    publisher: Publisher,
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
        let settler = Settler::new(stores.clone());
        let (edge, published) = recover(&stores, &mut *lock, &signer, &settler)?;
        let publisher = Publisher::new(stores.public.clone(), &published)?;
        Ok(Sequencer { stores, lock, signer, edge, published, in_doubt: false, settler, publisher })
    }

    /// The newest published checkpoint.
    pub fn published(&self) -> &Published {
        &self.published
    }

    /// What makes rounds durable in their final place; it may work on a thread of its own.
    pub fn settler(&self) -> Settler {
        self.settler.clone()
    }

    /// What shows checkpoints to everybody; whoever gathers cosignatures adds them with it.
    pub fn publisher(&self) -> Publisher {
        self.publisher.clone()
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
        self.publisher.publish(&published)?;
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
        self.publisher.publish(&published)?;
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
            "the served folder holds a log and the lock holds no checkpoint. Put back the newest lock, and no older copy of anything \
             else; a log that starts again under the same keys, or goes on from an older state, has forked",
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

fn apply(stores: &Stores, staging: &Staging) -> Result<(), SequencerError> {
    staging
        .objects
        .iter()
        .try_for_each(|object| stores.at(object.place).put(&object.name, &object.bytes))
        .map_err(|error| SequencerError::Store("apply a round", error))
}
