//! Key statements: checked against the leaves that they are about, logged once, answered out of the stored leaf.

use std::sync::Arc;
use std::time::Instant;

use sha2::{Digest, Sha256};

use super::{BUSY, Log, State};
use crate::client::api::AddStatementResponse;
use crate::client::signatures::Ring;
use crate::entry::{Entry, KeyStatementEntry, Leaf};
use crate::sct::log_id;
use crate::server::dedup::key_of_statement;
use crate::server::pool::{Outcome, Pending, Reservation};
use crate::server::problem::Problem;
use crate::statement::{KeyStatement, Side, StatementRefusal, admit_statement};

/// A key statement that is in the log or on its way.
pub struct SubmittedStatement {
    statement: KeyStatement,
    state: State,
}

impl Log {
    /// Whether this very statement, with this signature, is in the log.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub fn holds_statement(&self, statement: &KeyStatement) -> Result<bool, Problem> {
        let stored = self.stored_statement(statement)?;
        Ok(stored.is_some_and(|leaf| said(&leaf).is_some_and(|(_, entry)| is_same(&entry, statement))))
    }

    /// Takes a key statement into the pool, or finds it in the log.
    ///
    /// # Errors
    /// [`Problem`]. [`StatementRefusal::SaidBefore`] comes with the answer.
    pub fn submit_statement(&self, statement: KeyStatement) -> Result<SubmittedStatement, Problem> {
        if self.config.read_only {
            return Err(Problem::ReadOnly);
        }
        let (entry, key_hash) = self.admit_statement(&statement)?;
        let key = key_of_statement(&statement.dedup_key());
        let state = match self.pool.reserve(key).map_err(|_| BUSY)? {
            Reservation::Joined(receiver) => State::Waiting(receiver),
            Reservation::Held(hold) => match self.stored_statement(&statement)? {
                Some(leaf) => {
                    let leaf = Arc::new(leaf);
                    self.pool.resolve(hold, &Outcome::Logged(leaf.clone()));
                    State::Logged(leaf)
                }
                None => {
                    let over = |retry| Problem::SubmissionBudget {
                        holder: "the key of the earlier credential",
                        retry,
                    };
                    self.statements_by_key.spend(key_hash, 1, Instant::now()).map_err(over)?;
                    State::Waiting(self.pool.push(hold, Pending::new(key, Entry::KeyStatement(entry))))
                }
            },
        };
        Ok(SubmittedStatement { statement, state })
    }

    /// Where a statement stands, once it is durable and covered by a published checkpoint. The same bytes get the same
    /// answer again; another signature of what was said before is refused.
    ///
    /// # Errors
    /// [`Problem`], as [`answer`](Log::answer).
    pub async fn answer_statement(
        &self,
        submitted: SubmittedStatement,
    ) -> Result<AddStatementResponse, Problem> {
        let SubmittedStatement { statement, state } = submitted;
        let leaf = self.leaf_of(state).await?;
        let recorded = said(&leaf).filter(|(_, entry)| entry.dedup_key() == statement.dedup_key());
        let Some((leaf, entry)) = recorded else {
            tracing::error!("a stored leaf does not record the key statement that was submitted");
            return Err(Problem::Internal);
        };
        if !is_same(&entry, &statement) {
            return Err(StatementRefusal::SaidBefore(leaf.index).into());
        }
        self.metrics.statements.inc();
        Ok(AddStatementResponse { leaf_index: leaf.index, timestamp: leaf.timestamp })
    }

    /// What is to be logged, and the hash of the key that speaks.
    fn admit_statement(&self, statement: &KeyStatement) -> Result<(KeyStatementEntry, [u8; 32]), Problem> {
        let id = log_id(&self.keys.sct_spki);
        if statement.log_id != id {
            return Err(StatementRefusal::OtherLog.into());
        }
        let leaf = |index, side| match self.published_leaf(index) {
            Ok(Some(leaf)) => Ok(leaf),
            Ok(None) => Err(StatementRefusal::NotLogged(side).into()),
            Err(problem) => Err(problem),
        };
        let (old, new) = (leaf(statement.old.index, Side::Old)?, leaf(statement.new.index, Side::New)?);
        let entry = admit_statement(statement, &id, &old, &new, &Ring)?;
        let Entry::Number(speaker) = old.entry else { return Err(Problem::Internal) };
        Ok((entry, Sha256::digest(speaker.subject_key).into()))
    }

    fn stored_statement(&self, statement: &KeyStatement) -> Result<Option<Vec<u8>>, Problem> {
        let dedup_key = statement.dedup_key();
        self.find(
            &key_of_statement(&dedup_key),
            |leaf| matches!(&leaf.entry, Entry::KeyStatement(entry) if entry.dedup_key() == dedup_key),
        )
    }
}

fn said(leaf: &[u8]) -> Option<(Leaf, KeyStatementEntry)> {
    let leaf = Leaf::decode(leaf).ok()?;
    let Entry::KeyStatement(entry) = leaf.entry.clone() else { return None };
    Some((leaf, entry))
}

/// The same signature of the same statement. A stored one was verified.
fn is_same(entry: &KeyStatementEntry, statement: &KeyStatement) -> bool {
    entry.dedup_key() == statement.dedup_key() && entry.signature == statement.signature
}
