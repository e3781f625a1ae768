//! Opening the folder of a log: what is missing on the first start is made, what is there is checked and never overwritten.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rand_core::{OsRng, RngCore};
use tokio::sync::watch;

use super::clock::Clock;
use super::config::{Config, ConfigError, Folder, is_origin};
use super::dedup::{Dedup, DedupError};
use super::index::{NumberIndex, OpenedIndex, checkpoint_of_file};
use super::issuers::Issuers;
use super::keys::{Keys, KeysError};
use super::log::{Log, Parts};
use super::pem_folder::FolderError;
use super::plan::{NewEntry, Round};
use super::read::{LogReader, ReadError};
use super::roots::Roots;
use super::sequencer::{Sequencer, SequencerError, Stores};
use super::services::Services;
use super::slots::{Slots, SlotsError, Source};
use super::witness::{self, Contradicted, Cosigned, Cosigner, Pace, Witnesses, WitnessesError};
use crate::chain_item::ChainItem;
use crate::client::store::{CheckpointLock, DiskLock, DiskStore, ObjectStore};
use crate::client::{secret_file, whole_file};
use crate::entry::{Entry, Leaf, Parameters};
use crate::merkle::Hash;
use crate::note::Signer;

/// The host in the name of a log that was started without one.
pub const PLACEHOLDER: &str = "tnlog.invalid";

/// Where the fingerprint of the opening secret lies in the private store.
const OPENING: &str = "fingerprint/opening";

/// Why a log does not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file or folder cannot be read or made.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What failed.
        #[source]
        error: io::Error,
    },
    /// The address cannot be listened on.
    #[error("{address} cannot be listened on: {error}. Choose another with --listen or in the configuration")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// What failed.
        #[source]
        error: io::Error,
    },
    /// The configuration is wrong.
    #[error("{}: {error}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        error: ConfigError,
    },
    /// The log has another name than it is asked to have.
    #[error(
        "the log of {} is called {origin}, for ever; a log of another name needs a folder of its own (--data DIR)",
        path.display()
    )]
    Renamed {
        /// The configuration.
        path: PathBuf,
        /// The name that it has.
        origin: String,
    },
    /// The keys are wrong.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// A root, or a key of a Resolution Service, is wrong.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The store is not what was signed.
    #[error(transparent)]
    Sequencer(#[from] SequencerError),
    /// The index log is not what was signed.
    #[error("the index log: {0}")]
    Index(#[source] SequencerError),
    /// The derived database cannot be built.
    #[error(transparent)]
    Dedup(#[from] DedupError),
    /// The registrations that are kept are not those that were logged.
    #[error(transparent)]
    Slots(#[from] SlotsError),
    /// Leaf 0 cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The witnesses cannot be asked, or contradict what is stored.
    #[error(transparent)]
    Witnesses(#[from] WitnessesError),
    /// The verifiers of the index log cannot be asked, or contradict what is stored.
    #[error("the verifiers of the index log: {0}")]
    Verifiers(#[source] WitnessesError),
    /// A witness or a verifier remembers what this log does not hold.
    #[error(transparent)]
    Contradicted(#[from] Contradicted),
    /// There is a derived database, and so there was a log, and the lock is gone.
    #[error(
        "{} is there and the lock holds no checkpoint: this log existed and its lock was lost. Put back the newest lock; a log \
         that begins again under the same keys has forked",
        .0.display()
    )]
    LostLock(PathBuf),
    /// The keys are not those that leaf 0 shows.
    #[error(
        "the keys are not those that leaf 0 of this log shows: restore the keys that belong to it from a backup"
    )]
    OtherKeys,
}

/// Leaf 0 does not show the opening secret, and with another one the log would take everything again and find no receipt. The
/// first start leaves a fingerprint of it among what is private.
fn check_opening(private: &dyn ObjectStore, keys: &Keys) -> io::Result<()> {
    let fingerprint = keys.opening.fingerprint();
    match stored_opening(private)? {
        Some(stored) if stored == fingerprint => Ok(()),
        Some(_) => {
            let message = "opening.key is not the secret that this log began with: restore it from a backup";
            Err(io::Error::new(io::ErrorKind::InvalidData, message))
        }
        None => private.put(OPENING, &fingerprint).and_then(|()| private.sync(&[OPENING])),
    }
}

/// The fingerprint of the opening secret that the log began with; none before its first start.
///
/// # Errors
/// The store's.
pub(in crate::server) fn stored_opening(private: &dyn ObjectStore) -> io::Result<Option<Vec<u8>>> {
    private.get(OPENING)
}

/// A log that was opened, and what drives it.
pub struct Opened {
    /// The log.
    pub log: Arc<Log>,
    /// Appends to it.
    pub sequencer: Sequencer,
    /// Where its bytes are.
    pub stores: Stores,
    /// Appends to its index log.
    pub index_sequencer: Sequencer,
    /// Have its checkpoints cosigned, and those of its index log, where there are witnesses and verifiers.
    pub cosigners: Vec<Cosigner>,
}

/// Makes folder and configuration of a log if they are not there, and reads the configuration.
///
/// # Errors
/// [`OpenError::Io`], [`OpenError::Config`].
pub fn configure(folder: &Folder, config: Option<PathBuf>) -> Result<Config, OpenError> {
    configure_as(folder, config, None)
}

/// The same for a log that is to have the name `origin`, where one is given. Otherwise a new log is called what its
/// checkpoint key is called, where that is there already, or else something that nobody will mistake for a name.
///
/// # Errors
/// As [`configure`]; [`OpenError::Renamed`] when the log has another name, [`OpenError::Keys`] when the key is damaged.
pub fn configure_as(
    folder: &Folder,
    config: Option<PathBuf>,
    origin: Option<&str>,
) -> Result<Config, OpenError> {
    let path = config.unwrap_or_else(|| folder.config());
    let io = |path: PathBuf| move |error| OpenError::Io { path, error };
    fs::create_dir_all(folder.path()).map_err(io(folder.path().to_owned()))?;
    if path == folder.config() {
        let new = match (name_of_key(folder)?, origin) {
            (Some(name), _) => name,
            (None, Some(origin)) => origin.to_owned(),
            (None, None) => format!("{PLACEHOLDER}/{:016x}", OsRng.next_u64()),
        };
        if !is_origin(&new) {
            return Err(OpenError::Config { path, error: ConfigError::Origin(new) });
        }
        let text = Config::template(&new);
        whole_file::create(&path, text.as_bytes(), whole_file::READABLE).map_err(io(path.clone()))?;
    }
    let config = read_config(&path)?;
    if origin.is_some_and(|origin| origin != config.origin) {
        return Err(OpenError::Renamed { path, origin: config.origin });
    }
    Ok(config)
}

/// Reads a configuration file. What it names without a folder is beside it.
///
/// # Errors
/// [`OpenError::Io`], [`OpenError::Config`].
pub fn read_config(path: &Path) -> Result<Config, OpenError> {
    let text = fs::read_to_string(path).map_err(|error| OpenError::Io { path: path.to_owned(), error })?;
    let config = Config::parse(&text);
    let mut config = config.map_err(|error| OpenError::Config { path: path.to_owned(), error })?;
    for file in [&mut config.witnesses, &mut config.verifiers] {
        if let Some(beside) = path.parent().filter(|_| !file.as_os_str().is_empty()) {
            *file = beside.join(&*file);
        }
    }
    Ok(config)
}

/// The name in the checkpoint key, which is the origin; none when there is no key yet.
///
/// # Errors
/// [`OpenError::Keys`].
pub fn name_of_key(folder: &Folder) -> Result<Option<String>, OpenError> {
    let path = folder.keys().join("checkpoint.key");
    let bytes = match secret_file::read(&path) {
        Err(error) if error.is_missing() => return Ok(None),
        read => read.map_err(KeysError::from)?,
    };
    match std::str::from_utf8(&bytes).map(|text| Signer::parse(text.trim_end())) {
        Ok(Ok(signer)) => Ok(Some(signer.verifier_key().name().to_owned())),
        _ => Err(KeysError::Malformed(path).into()),
    }
}

/// Opens a log. `progress` is told of what is known and of all while a derived database is built.
///
/// # Errors
/// [`OpenError`].
pub fn open(folder: &Folder, config: Config, progress: impl Fn(u64, u64)) -> Result<Opened, OpenError> {
    open_at(folder, config, Clock::system(), progress)
}

/// The same with another clock than the system's.
///
/// # Errors
/// As [`open`].
pub fn open_at(
    folder: &Folder,
    config: Config,
    clock: Clock,
    progress: impl Fn(u64, u64),
) -> Result<Opened, OpenError> {
    let at = |path: PathBuf| move |error| OpenError::Io { path, error };
    let public = DiskStore::open(&folder.public()).map_err(at(folder.public()))?;
    let private = DiskStore::open_private(&folder.private()).map_err(at(folder.private()))?;
    let stores = Stores { public: Arc::new(public), private: Arc::new(private) };
    let lock = DiskLock::open(&folder.lock()).map_err(at(folder.lock()))?;
    if lock.load().map_err(at(folder.lock()))?.is_none() {
        if folder.derived().exists() {
            return Err(OpenError::LostLock(folder.derived()));
        }
        Keys::create(&folder.keys(), &config.origin)?;
    }
    let keys = Keys::read(&folder.keys(), &config.origin)?;
    check_opening(&*stores.private, &keys).map_err(at(folder.private()))?;
    let parameters = keys.parameters();
    let roots = Roots::open(&folder.roots())?;
    let services = Services::open(&folder.services())?;
    let signer = keys.checkpoint_signer();
    let witnesses = config.has_witnesses().then(|| Witnesses::read(&config.witnesses)).transpose()?;
    let verifiers = config.has_verifiers().then(|| Witnesses::read(&config.verifiers)).transpose();
    let verifiers = verifiers.map_err(OpenError::Verifiers)?;
    let now = clock.now_milliseconds();
    let sequencer = Sequencer::open(stores.clone(), Box::new(lock), signer, now, |position| {
        first_round(position.time, parameters.clone())
    })?;
    let published = sequencer.published().clone();
    let reader = LogReader::new(stores.public.clone());
    let first = reader.leaf(0, published.tree.size)?;
    if Leaf::decode(&first).map(|leaf| leaf.entry) != Ok(Entry::Parameters(parameters)) {
        return Err(OpenError::OtherKeys);
    }
    let (size, id) = (published.tree.size, Hash::of_leaf(&first));
    let dedup = Dedup::open(&folder.derived(), &id, &reader, size, &progress)?;
    let source = Source { keys: &keys, reader: &reader, size };
    let slots = Slots::open(&folder.derived_slots(), &id, stores.private.clone(), &source, &progress)?;
    let issuers = Issuers::open(&*stores.public).map_err(at(folder.public()))?;
    let OpenedIndex { index, sequencer: index_sequencer, cosigned: verified } =
        NumberIndex::open(folder, &stores, &config.origin, verifiers.as_ref(), now)?;
    let cosigned = match &witnesses {
        Some(witnesses) => Cosigned::find(&reader, &published, &keys.checkpoint_signer(), witnesses)?,
        None => None,
    };
    let paired = match checkpoint_of_file(&reader)? {
        Some(note) => {
            let signer = keys.checkpoint_signer();
            Cosigned::verify(note.as_bytes(), &reader, &published, &signer, witnesses.as_ref())?
        }
        None => None,
    };
    let cosigned = watch::Sender::new(cosigned.map(Arc::new));
    let receiver = witnesses.is_some().then(|| cosigned.subscribe());
    let log = Arc::new(Log::new(Parts {
        clock,
        keys,
        config,
        roots,
        services,
        reader,
        dedup,
        slots,
        issuers,
        index,
        published,
        cosigned: receiver,
    }));
    if let Some(paired) = paired {
        log.remember(&paired);
    }
    let pace = Pace::of(&log.config);
    let witnesses = witnesses.map(|witnesses| {
        let parts = witness::Parts {
            published: log.subscribe(),
            reader: log.reader.clone(),
            cosigned,
            publisher: sequencer.publisher(),
            metrics: log.metrics.cosigning.clone(),
        };
        cosigner(parts, witnesses, pace)
    });
    let verifiers = verifiers.filter(|_| !log.index.is_over()).map(|verifiers| {
        let parts = witness::Parts {
            published: log.index.subscribe(),
            reader: log.index.reader.clone(),
            cosigned: verified,
            publisher: index_sequencer.publisher(),
            metrics: log.metrics.verifying.clone(),
        };
        cosigner(parts, verifiers, pace)
    });
    let cosigners = witnesses.into_iter().chain(verifiers).collect::<Result<_, _>>()?;
    Ok(Opened { log, sequencer, stores, index_sequencer, cosigners })
}

/// Publishes what was cosigned before the restart, and has more cosigned.
fn cosigner(parts: witness::Parts, witnesses: Witnesses, pace: Pace) -> Result<Cosigner, OpenError> {
    let cosigned = parts.cosigned.borrow().clone();
    if let Some(cosigned) = cosigned {
        cosigned.publish(&parts.publisher).map_err(ReadError::from)?;
    }
    Ok(Cosigner::new(parts, witnesses, pace))
}

fn first_round(timestamp: u64, parameters: Parameters) -> Round {
    let leaf = Leaf { timestamp, entry: Entry::Parameters(parameters), index: 0 };
    let leaf = leaf.encode().expect("parameters are short");
    Round { entries: vec![NewEntry { leaf, chain: ChainItem::default().encode() }], objects: Vec::new() }
}
