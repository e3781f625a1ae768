//! Registrations: judged one at a time in each slot, kept as evidence with their leaf, answered out of the stored leaf.

use std::sync::Arc;
use std::time::Instant;

use base64ct::{Base64, Encoding};
use rand_core::OsRng;

use super::{BUSY, Log, State};
use crate::client::api::AddRegistrationResponse;
use crate::client::signatures::Ring;
use crate::commitment::Opening;
use crate::entry::{Entry, Leaf, RegistrationEntry};
use crate::label::Label;
use crate::proof::TlogProof;
use crate::registration::{Last, Registration, RegistrationContext, SignedRegistration, check_registration};
use crate::registration_receipt::RegistrationExtra;
use crate::sct::log_id;
use crate::server::dedup::{DedupKey, key_of_hidden};
use crate::server::evidence::Evidence;
use crate::server::pool::{Outcome, Pending, Reservation};
use crate::server::problem::Problem;
use crate::server::slots::Slot;

/// A registration that is in the log or on its way.
pub struct SubmittedRegistration {
    statement: Registration,
    state: State,
}

impl Log {
    /// Whether the log holds this statement, whoever signed it.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub fn holds_registration(&self, statement: &Registration) -> Result<bool, Problem> {
        Ok(self.stored_registration(statement)?.is_some())
    }

    /// Takes a registration into the pool, or finds it in the log.
    ///
    /// # Errors
    /// [`Problem`]; [`Problem::SlotBusy`] while another one of the same slot is on its way.
    pub fn submit_registration(
        &self,
        submitted: SignedRegistration,
    ) -> Result<SubmittedRegistration, Problem> {
        if self.config.read_only {
            return Err(Problem::ReadOnly);
        }
        let opening = submitted.statement.opening(&self.keys.opening);
        let key = registration_key(&submitted.statement, &opening);
        let state = match self.pool.reserve(key).map_err(|_| BUSY)? {
            Reservation::Joined(receiver) => State::Waiting(receiver),
            Reservation::Held(hold) => match self.stored_registration(&submitted.statement)? {
                Some(leaf) => {
                    let leaf = Arc::new(leaf);
                    self.pool.resolve(hold, &Outcome::Logged(leaf.clone()));
                    State::Logged(leaf)
                }
                None => {
                    let pending = self.pending_registration(key, &submitted, &opening)?;
                    State::Waiting(self.pool.push(hold, pending))
                }
            },
        };
        Ok(SubmittedRegistration { statement: submitted.statement, state })
    }

    /// Where a registration stands, once it is durable and covered by a published checkpoint, with what its leaf is
    /// recomputed from. A repeated one gets the same answer.
    ///
    /// # Errors
    /// [`Problem`], as [`answer`](Log::answer).
    pub async fn answer_registration(
        &self,
        submitted: SubmittedRegistration,
    ) -> Result<AddRegistrationResponse, Problem> {
        let SubmittedRegistration { statement, state } = submitted;
        let leaf = self.leaf_of(state).await?;
        let opening = statement.opening(&self.keys.opening);
        let (leaf, entry) = self.recorded_registration(&statement, &opening, &leaf)?;
        self.metrics.registrations.inc();
        Ok(AddRegistrationResponse {
            leaf_index: leaf.index,
            timestamp: leaf.timestamp,
            opening: Base64::encode_string(opening.expose()),
            replaces: entry.replaces,
        })
    }

    /// The receipt of a registration that is in the log, with the signatures of this submission.
    ///
    /// # Errors
    /// [`Problem::NotLogged`], [`Problem::NotCosigned`], and [`Problem::Registration`] when the signatures do not hold.
    pub fn registration_receipt(&self, submitted: SignedRegistration) -> Result<TlogProof, Problem> {
        let statement = &submitted.statement;
        let leaf = self.stored_registration(statement)?.ok_or(Problem::NotLogged("registration"))?;
        let credential = self.published_leaf(statement.credential)?;
        let Some(Entry::Number(credential)) = credential.map(|leaf| leaf.entry) else {
            return Err(Problem::Internal);
        };
        submitted.check_signatures(&credential.subject_key, &self.services.current(), &Ring)?;
        let opening = statement.opening(&self.keys.opening);
        let (leaf, entry) = self.recorded_registration(statement, &opening, &leaf)?;
        let extra = RegistrationExtra {
            timestamp: leaf.timestamp,
            opening,
            evaluation: self.keys.label.prove(&[statement.number], &mut OsRng),
            replaces: entry.replaces,
            submitted,
        };
        self.proof(leaf.index, Some(extra.encode()))
    }

    fn stored_registration(&self, statement: &Registration) -> Result<Option<Vec<u8>>, Problem> {
        let opening = statement.opening(&self.keys.opening);
        let records = |leaf: &Leaf| recorded_as(statement, &opening, leaf).is_some();
        self.find(&registration_key(statement, &opening), records)
    }

    fn recorded_registration(
        &self,
        statement: &Registration,
        opening: &Opening,
        leaf: &[u8],
    ) -> Result<(Leaf, RegistrationEntry), Problem> {
        let leaf = Leaf::decode(leaf).ok();
        let recorded =
            leaf.and_then(|leaf| recorded_as(statement, opening, &leaf).map(|entry| (leaf, entry)));
        recorded.ok_or_else(|| {
            tracing::error!("a stored leaf does not record the registration that was submitted");
            Problem::Internal
        })
    }

    /// Judges a registration that is new, and holds its slot from then on.
    fn pending_registration(
        &self,
        key: DedupKey,
        submitted: &SignedRegistration,
        opening: &Opening,
    ) -> Result<Pending, Problem> {
        let statement = &submitted.statement;
        let credential = self.published_leaf(statement.credential)?;
        let context = RegistrationContext {
            log_id: &log_id(&self.keys.sct_spki),
            credential: credential.as_ref(),
            // The time that its leaf will have, where the clock has gone back since.
            now: self.clock.now_milliseconds().max(self.published().time + 1),
            services: &self.services.current(),
            verifier: &Ring,
        };
        let vouched = check_registration(submitted, &context)?;
        let label = self.keys.label.label(&statement.number);
        let slot = statement.slot(&label, &self.keys.opening);
        let held = self.slots.hold(slot, statement.sequence, statement.action).ok_or(Problem::SlotBusy)?;
        let over = |retry| Problem::SubmissionBudget { holder: "the key of the credential", retry };
        self.registrations_by_key.spend(statement.key_hash, 1, Instant::now()).map_err(over)?;
        let replaces = vouched.admit(&label, self.last_of(&slot, &label)?)?;
        let entry = Entry::Registration(statement.entry(label, opening, replaces));
        let evidence = Some(Evidence::of_registration(submitted));
        Ok(Pending { evidence, slot: Some(held), ..Pending::new(key, entry) })
    }

    /// The last registration of a slot. What the database says is compared with the leaf.
    fn last_of(&self, slot: &Slot, label: &Label) -> Result<Option<Last>, Problem> {
        let Some(last) = self.slots.last(slot)? else { return Ok(None) };
        let leaf = self.published_leaf(last.index)?;
        let Some(Entry::Registration(entry)) = leaf.map(|leaf| leaf.entry) else { return self.wrong_slot() };
        if entry.label == *label && entry.action == last.action { Ok(Some(last)) } else { self.wrong_slot() }
    }

    fn wrong_slot<T>(&self) -> Result<T, Problem> {
        tracing::error!(
            "the database of registrations names a leaf that is none: delete its folder, start again"
        );
        Err(Problem::Internal)
    }
}

fn registration_key(statement: &Registration, opening: &Opening) -> DedupKey {
    key_of_hidden(&opening.commit_to(&statement.identity()))
}

/// The entry of a leaf that records this statement.
fn recorded_as(statement: &Registration, opening: &Opening, leaf: &Leaf) -> Option<RegistrationEntry> {
    let Entry::Registration(entry) = &leaf.entry else { return None };
    (statement.entry(entry.label, opening, entry.replaces) == *entry).then(|| entry.clone())
}
