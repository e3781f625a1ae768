//! The entry log: what it answers to a submission, and to who asks for a receipt.
//!
//! Every answer is rebuilt from the stored leaf, and that leaf is checked against what was submitted before anything is
//! signed: a wrong database or a wrong cache cannot make the log sign something that it does not hold.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rand_core::OsRng;
use tokio::sync::{oneshot, watch};

use super::budget::Budget;
use super::config::Config;
use super::dedup::{Dedup, DedupKey, key_of_hidden, key_of_open};
use super::evidence::Evidence;
use super::index::NumberIndex;
use super::issuers::Issuers;
use super::kept::Kept;
use super::keys::Keys;
use super::metrics::Metrics;
use super::pool::{Outcome, Pending, Pool, Reservation};
use super::problem::Problem;
use super::read::LogReader;
use super::roots::Roots;
use super::sequencer::Published;
use super::services::Services;
use super::slots::Slots;
use super::staging::Tree;
use super::witness::Cosigned;
use crate::admission::{Admitted, Kind, Trust, admit};
use crate::anchors::VerifiedIssuers;
use crate::certificate::{Certificate, CertificateError};
use crate::chain_item::ChainItem;
use crate::client::signatures::Ring;
use crate::entry::{Entry, EntryType, Leaf};
use crate::label::Label;
use crate::note::Note;
use crate::proof::TlogProof;
use crate::receipt::{Extra, Receipt, Secrets};
use crate::rule::{Refusal, Rule};
use crate::sct::{Extensions, Sct, log_id};
use crate::submission::{Hidden, Submission, records};

mod registrations;
mod statements;

pub use registrations::SubmittedRegistration;
pub use statements::SubmittedStatement;

/// Pairs of CA certificates that are remembered as verified.
const REMEMBERED_ISSUERS: usize = 65_536;
const DAY: Duration = Duration::from_secs(86_400);
const BUSY: Problem = Problem::Busy { retry: Duration::from_secs(1) };

/// An entry log that runs.
pub struct Log {
    /// The secrets.
    pub keys: Keys,
    /// The configuration.
    pub config: Config,
    /// The accepted roots.
    pub roots: Roots,
    /// The accepted Resolution Services.
    pub services: Services,
    /// Reads tiles and bundles.
    pub reader: LogReader,
    /// What is in the log already.
    pub dedup: Dedup,
    /// The last registration of each slot.
    pub slots: Arc<Slots>,
    /// What waits for a round.
    pub pool: Arc<Pool>,
    /// CA certificates that are served.
    pub issuers: Issuers,
    /// Finds entries by label.
    pub index: NumberIndex,
    /// Counts.
    pub metrics: Metrics,
    healthy: AtomicBool,
    published: watch::Sender<Arc<Published>>,
    cosigned: Option<watch::Receiver<Option<Arc<Cosigned>>>>,
    pub(super) kept: Mutex<Kept>,
    verified: VerifiedIssuers,
    labels_by_issuer: Budget<[u8; 32]>,
    labels_by_root: Budget<[u8; 32]>,
    statements_by_key: Budget<[u8; 32]>,
    registrations_by_key: Budget<[u8; 32]>,
}

/// A submission that is in the log or on its way.
pub struct Submitted {
    admitted: Admitted,
    state: State,
}

enum State {
    Logged(Arc<Vec<u8>>),
    Waiting(oneshot::Receiver<Outcome>),
}

/// What a log is made of; see the fields of [`Log`].
pub struct Parts {
    /// The secrets.
    pub keys: Keys,
    /// The configuration.
    pub config: Config,
    /// The accepted roots.
    pub roots: Roots,
    /// The accepted Resolution Services.
    pub services: Services,
    /// Reads tiles and bundles.
    pub reader: LogReader,
    /// What is in the log already.
    pub dedup: Dedup,
    /// The last registration of each slot.
    pub slots: Slots,
    /// CA certificates that are served.
    pub issuers: Issuers,
    /// Finds entries by label.
    pub index: NumberIndex,
    /// The newest checkpoint.
    pub published: Published,
    /// The newest cosigned checkpoint, where there are witnesses.
    pub cosigned: Option<watch::Receiver<Option<Arc<Cosigned>>>>,
}

impl Log {
    /// Puts a log together.
    pub fn new(parts: Parts) -> Self {
        let Parts {
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
            cosigned,
        } = parts;
        let limits = &config.limits;
        let mut metrics = Metrics::new();
        if cosigned.is_some() {
            metrics.register_cosigning();
        }
        if config.has_verifiers() {
            metrics.register_verifying();
        }
        let log = Log {
            pool: Arc::new(Pool::new(limits.pool_entries, limits.pool_bytes)),
            labels_by_issuer: Budget::new(limits.labels_per_issuer_day, DAY),
            labels_by_root: Budget::new(limits.labels_per_root_day, DAY),
            statements_by_key: Budget::new(limits.statements_per_key_day, DAY),
            registrations_by_key: Budget::new(limits.registrations_per_key_day, DAY),
            verified: VerifiedIssuers::new(REMEMBERED_ISSUERS),
            metrics,
            healthy: AtomicBool::new(true),
            published: watch::Sender::new(Arc::new(published.clone())),
            cosigned,
            kept: Mutex::default(),
            keys,
            config,
            roots,
            services,
            reader,
            dedup,
            slots: Arc::new(slots),
            issuers,
            index,
        };
        log.set_published(published);
        log
    }

    /// The newest published checkpoint.
    pub fn published(&self) -> Arc<Published> {
        self.published.borrow().clone()
    }

    /// The newest published checkpoint, and whatever follows it.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Published>> {
        self.published.subscribe()
    }

    /// The newest checkpoint that the quorum of witnesses has cosigned; none before there is one.
    pub fn cosigned(&self) -> Option<Arc<Cosigned>> {
        self.cosigned.as_ref()?.borrow().clone()
    }

    /// The note of the newest checkpoint, with the cosignatures that there are of it.
    pub fn checkpoint(&self) -> String {
        let published = self.published();
        self.cosigned().map_or_else(|| published.note.clone(), |cosigned| cosigned.on(&published))
    }

    /// The newest checkpoint that the witnesses' quorum has cosigned, or of a log without witnesses the newest one.
    ///
    /// # Errors
    /// [`Problem::NotCosigned`].
    pub fn cosigned_checkpoint(&self) -> Result<String, Problem> {
        Ok(self.provable(0)?.0)
    }

    pub(super) fn not_cosigned(&self) -> Problem {
        let retry = Duration::from_millis(self.config.cosign_milliseconds).max(Duration::from_secs(1));
        Problem::NotCosigned { retry }
    }

    /// The newest note that an app can believe, with its tree, which holds the leaf `index`.
    pub(super) fn provable(&self, index: u64) -> Result<(String, Tree), Problem> {
        if self.cosigned.is_none() {
            let published = self.published();
            return Ok((published.note.clone(), published.tree));
        }
        let covers = |cosigned: &Arc<Cosigned>| cosigned.tree.size > index;
        let cosigned = self.cosigned().filter(covers).ok_or_else(|| self.not_cosigned())?;
        Ok((cosigned.note.clone(), cosigned.tree))
    }

    /// Shows a newer checkpoint to everybody.
    pub fn set_published(&self, published: Published) {
        self.metrics.tree_size.set(published.tree.size as i64);
        self.metrics.tree_head_time.set(published.time as i64);
        self.published.send_replace(Arc::new(published));
    }

    /// Whether the last round succeeded.
    pub fn is_healthy(&self) -> bool {
        self.healthy.load(Ordering::Relaxed)
    }

    /// Says whether the last round succeeded.
    pub fn set_healthy(&self, healthy: bool) {
        self.healthy.store(healthy, Ordering::Relaxed);
    }

    /// Checks a submitted chain.
    ///
    /// # Errors
    /// [`Problem::Refused`].
    pub fn admit(&self, chain: &[Arc<Certificate>], kind: Kind) -> Result<Admitted, Problem> {
        let anchors = self.roots.anchors();
        let trust = Trust { anchors: &anchors, verifier: &Ring, verified: Some(&self.verified) };
        Ok(admit(chain, kind, &trust)?)
    }

    /// Takes a submission into the pool, or finds it in the log.
    ///
    /// # Errors
    /// [`Problem`].
    pub fn submit(&self, admitted: Admitted) -> Result<Submitted, Problem> {
        if self.config.read_only {
            return Err(Problem::ReadOnly);
        }
        self.check_delegates(&admitted)?;
        let submission = Submission::of(&admitted);
        let key = self.key(&submission);
        let state = match self.pool.reserve(key).map_err(|_| BUSY)? {
            Reservation::Joined(receiver) => {
                self.metrics.repeated.inc();
                State::Waiting(receiver)
            }
            Reservation::Held(hold) => match self.stored(&key, &submission)? {
                Some(leaf) => {
                    self.metrics.repeated.inc();
                    let leaf = Arc::new(leaf);
                    self.pool.resolve(hold, &Outcome::Logged(leaf.clone()));
                    State::Logged(leaf)
                }
                None => {
                    let pending = self.pending(key, &admitted, &submission)?;
                    State::Waiting(self.pool.push(hold, pending))
                }
            },
        };
        Ok(Submitted { admitted, state })
    }

    /// The SCT of a submission, once the entry is durable and covered by a published checkpoint. A repeated submission gets
    /// the same time, index and extensions.
    ///
    /// # Errors
    /// [`Problem`]. After [`Problem::TimedOut`] or [`Problem::Busy`] the entry may be in the log, and the next try gets its SCT.
    pub async fn answer(&self, submitted: Submitted) -> Result<Sct, Problem> {
        let leaf = self.leaf_of(submitted.state).await?;
        self.sct(&Submission::of(&submitted.admitted), &leaf)
    }

    /// The bytes of the leaf of a submission, once it is durable and covered by a published checkpoint.
    async fn leaf_of(&self, state: State) -> Result<Arc<Vec<u8>>, Problem> {
        let receiver = match state {
            State::Logged(leaf) => return Ok(leaf),
            State::Waiting(receiver) => receiver,
        };
        let limit = Duration::from_secs(self.config.limits.request_seconds);
        match tokio::time::timeout(limit, receiver).await {
            Ok(Ok(Outcome::Logged(leaf))) => Ok(leaf),
            Ok(Ok(Outcome::Dropped)) => Err(BUSY),
            Ok(Err(_)) | Err(_) => Err(Problem::TimedOut),
        }
    }

    /// The leaf at an index, none beyond the published tree.
    fn published_leaf(&self, index: u64) -> Result<Option<Leaf>, Problem> {
        let size = self.published().tree.size;
        if index >= size {
            return Ok(None);
        }
        let leaf = Leaf::decode(&self.reader.leaf(index, size)?);
        leaf.map(Some).map_err(|error| {
            tracing::error!(%error, index, "a stored leaf is none");
            Problem::Internal
        })
    }

    /// The bytes of the leaf with this key that `records` recognises, if the log holds it.
    fn find(&self, key: &DedupKey, records: impl Fn(&Leaf) -> bool) -> Result<Option<Vec<u8>>, Problem> {
        let size = self.published().tree.size;
        let Some(index) = self.dedup.find(key)?.filter(|index| *index < size) else { return Ok(None) };
        let bytes = self.reader.leaf(index, size)?;
        let recorded = Leaf::decode(&bytes).is_ok_and(|leaf| records(&leaf));
        Ok(recorded.then_some(bytes))
    }

    fn key(&self, submission: &Submission<'_>) -> DedupKey {
        if submission.is_hidden() {
            key_of_hidden(&self.keys.opening.opening(submission.identity()).commit(submission.identity()))
        } else {
            key_of_open(submission.identity())
        }
    }

    /// The bytes of the leaf that records a submission, if the log holds it.
    fn stored(&self, key: &DedupKey, submission: &Submission<'_>) -> Result<Option<Vec<u8>>, Problem> {
        self.find(key, |leaf| self.records(submission, leaf))
    }

    fn records(&self, submission: &Submission<'_>, leaf: &Leaf) -> bool {
        let opening = self.keys.opening.opening(submission.identity());
        records(&leaf.entry, submission.identity(), &opening)
    }

    /// Signs the SCT of a submission out of the leaf that is stored for it.
    fn sct(&self, submission: &Submission<'_>, leaf: &[u8]) -> Result<Sct, Problem> {
        let leaf = Leaf::decode(leaf).ok().filter(|leaf| self.records(submission, leaf));
        let Some(leaf) = leaf else {
            tracing::error!("a stored leaf does not record what was submitted; nothing was signed");
            return Err(Problem::Internal);
        };
        let opening =
            matches!(leaf.entry, Entry::Number(_)).then(|| self.keys.opening.opening(submission.identity()));
        let extensions = Extensions { leaf_index: leaf.index, opening };
        let data = Sct::signed_data(submission.identity(), leaf.timestamp, &extensions)
            .expect("the index of a stored leaf fits 40 bits");
        self.metrics.accepted.inc();
        Ok(Sct {
            log_id: log_id(&self.keys.sct_spki),
            timestamp: leaf.timestamp,
            extensions,
            signature: self.keys.sct.sign(&data),
        })
    }

    /// A delegate CA that names single numbers must be in the log before what it issues.
    fn check_delegates(&self, admitted: &Admitted) -> Result<(), Problem> {
        for (delegate, issuer) in admitted.requires_logged() {
            if self.find_stored(delegate, *issuer.spki_sha256())?.is_none() {
                let place = admitted.chain().iter().position(|certificate| certificate == delegate);
                return Err(Problem::DelegateNotLogged(place.unwrap_or_default()));
            }
        }
        Ok(())
    }

    fn pending(
        &self,
        key: DedupKey,
        admitted: &Admitted,
        submission: &Submission<'_>,
    ) -> Result<Pending, Problem> {
        let objects = self.issuers.objects(admitted.public_issuers());
        let Some(entry) = submission.open_entry() else {
            let entry = fitting(self.number_entry(admitted, submission)?)?;
            let chain = admitted.chain().iter().map(|certificate| certificate.der().to_vec()).collect();
            let evidence = Some(Evidence::of_chain(chain, admitted.certificate().not_after()));
            return Ok(Pending { objects, evidence, ..Pending::new(key, entry) });
        };
        let chain = ChainItem::of(admitted).encode();
        Ok(Pending { chain, objects, ..Pending::new(key, fitting(entry)?) })
    }

    fn number_entry(&self, admitted: &Admitted, submission: &Submission<'_>) -> Result<Entry, Problem> {
        let numbers = admitted.class().numbers();
        self.spend_labels(admitted, numbers.len())?;
        let hidden = Hidden {
            labels: numbers.iter().map(|number| self.keys.label.label(number)).collect::<Vec<Label>>(),
            ..self.hidden(admitted, submission)
        };
        submission.number_entry(&hidden).ok_or(Problem::Internal)
    }

    fn hidden(&self, admitted: &Admitted, submission: &Submission<'_>) -> Hidden {
        let serial = admitted.certificate().serial();
        Hidden {
            labels: Vec::new(),
            certificate_id: self.keys.opening.certificate_id(admitted.issuer_key_hash(), serial),
            opening: self.keys.opening.opening(submission.identity()),
        }
    }

    /// Submissions count against a budget, or they would be the way around the limits of blind evaluation.
    fn spend_labels(&self, admitted: &Admitted, count: usize) -> Result<(), Problem> {
        let now = Instant::now();
        let root = admitted.chain().last().expect("an admitted chain has a root").fingerprint();
        let over = |holder| move |retry| Problem::LabelBudget { holder, retry };
        self.labels_by_root.spend(*root, count, now).map_err(over("root"))?;
        let issuer = admitted.issuer_key_hash();
        self.labels_by_issuer.spend(*issuer, count, now).map_err(|retry| {
            self.labels_by_root.refund(root, count);
            over("issuer")(retry)
        })
    }

    /// The receipt of a certificate that is in the log, whether it or its precertificate was submitted.
    ///
    /// # Errors
    /// [`Problem`]; [`Problem::NotCosigned`] until the quorum of witnesses covers the entry.
    pub fn receipt(&self, admitted: &Admitted) -> Result<Receipt, Problem> {
        let found = match admitted.kind() {
            Kind::Final => self.find_stored(admitted.certificate(), *admitted.issuer_key_hash())?,
            Kind::Precertificate => {
                let submission = Submission::of(admitted);
                self.stored(&self.key(&submission), &submission)?.map(|leaf| (submission, leaf))
            }
        };
        let (submission, leaf) = found.ok_or(Problem::NotLogged("certificate"))?;
        self.receipt_of(admitted, &submission, &leaf)
    }

    /// The leaf of a final certificate, or of the precertificate that it was issued from.
    fn find_stored<'a>(
        &self,
        certificate: &'a Certificate,
        issuer_key_hash: [u8; 32],
    ) -> Result<Option<(Submission<'a>, Vec<u8>)>, Problem> {
        let own = Submission::of_issued(certificate, issuer_key_hash);
        let precertificate = Submission::of_precertificate(certificate, issuer_key_hash);
        for form in std::iter::once(own).chain(precertificate) {
            if let Some(leaf) = self.stored(&self.key(&form), &form)? {
                return Ok(Some((form, leaf)));
            }
        }
        Ok(None)
    }

    fn receipt_of(
        &self,
        admitted: &Admitted,
        submission: &Submission<'_>,
        leaf: &[u8],
    ) -> Result<Receipt, Problem> {
        let leaf = Leaf::decode(leaf).map_err(|_| Problem::Internal)?;
        let secrets = matches!(leaf.entry, Entry::Number(_)).then(|| {
            let Hidden { certificate_id, opening, .. } = self.hidden(admitted, submission);
            let evaluation = self.keys.label.prove(admitted.class().numbers(), &mut OsRng);
            Secrets { opening, certificate_id, evaluation }
        });
        let precertificate = submission.identity().entry_type() == EntryType::Precert;
        let extra = Extra { precertificate, timestamp: leaf.timestamp, secrets };
        Ok(Receipt { proof: self.proof(leaf.index, Some(extra.encode()))?, extra })
    }

    fn proof(&self, index: u64, extra: Option<Vec<u8>>) -> Result<TlogProof, Problem> {
        let (note, tree) = self.provable(index)?;
        let hashes = self.reader.inclusion(index, tree.size, self.published().tree.size)?;
        let checkpoint = Note::parse(note.as_bytes()).expect("the log's own note is well-formed");
        Ok(TlogProof { extra, index, hashes, checkpoint })
    }
}

/// An entry that fits a leaf. One may be longer than its certificate: many labels and a long subject key, or the names that a
/// precertificate signing certificate puts into its TBSCertificate.
fn fitting(entry: Entry) -> Result<Entry, Problem> {
    let leaf = Leaf { timestamp: 0, entry, index: 0 };
    match leaf.encode() {
        Ok(_) => Ok(leaf.entry),
        Err(_) => Err(Refusal { rule: Rule::Certificate(CertificateError::TooLong), certificate: 0 }.into()),
    }
}
