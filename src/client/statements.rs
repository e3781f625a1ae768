//! Submitting key statements, and believing that they are logged when their leaf is seen.

use std::time::Instant;

use base64ct::{Base64, Encoding};
use rand_core::{OsRng, RngCore};

use super::api::{AddStatement, AddStatementResponse};
use super::http::{Client, HttpError};
use super::read::{LogReader, ReadError, Seen};
use super::retry::Patience;
use super::source::Source;
use crate::entry::{Entry, Leaf};
use crate::receipt::KnownLog;
use crate::signature::Ecdsa;
use crate::statement::{KeyStatement, StatementRefusal, admit_statement};

/// Two numbers in JSON.
const MAX_ANSWER: usize = 16 * 1024;

/// Why a key statement is not said, or not known to be.
#[derive(Debug, thiserror::Error)]
pub enum SayError {
    /// It breaks a rule: nothing was sent.
    #[error(transparent)]
    Refused(#[from] StatementRefusal),
    /// The log could not be reached, or refused.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The log shows no checkpoint that covers its answer.
    #[error("the log answered that the statement is its leaf {0}, and shows no checkpoint that covers it")]
    NotCovered(u64),
    /// Something else stands where the log said.
    #[error("the log answered that the statement is its leaf {0}, and there is something else")]
    Other(u64),
}

/// Checks a statement as the log will, against both leaves, submits it, and reads its leaf back under a checkpoint that meets
/// the policy of `reader`.
///
/// # Errors
/// [`SayError`].
pub async fn say(
    client: &Client,
    reader: &mut LogReader<Client>,
    log: &KnownLog,
    statement: &KeyStatement,
    leaves: (&Leaf, &Leaf),
) -> Result<AddStatementResponse, SayError> {
    let entry = admit_statement(statement, log.sct_key.log_id(), leaves.0, leaves.1, &Ecdsa)?;
    let body = AddStatement { statement: Base64::encode_string(&statement.encode()) };
    let answer: AddStatementResponse = client.post_json("tn/v1/add-key-statement", &body, MAX_ANSWER).await?;
    let AddStatementResponse { leaf_index: index, timestamp } = answer;
    if cover(reader, index).await?.checkpoint().size <= index {
        return Err(SayError::NotCovered(index));
    }
    let expected = Leaf { timestamp, entry: Entry::KeyStatement(entry), index };
    if reader.leaf(index).await? == expected { Ok(answer) } else { Err(SayError::Other(index)) }
}

/// Fetches checkpoints until one covers the leaf `index`, as long as patience for witnesses has it. Gives the newest one,
/// which may not cover it.
///
/// # Errors
/// [`ReadError`].
pub async fn cover<S: Source>(reader: &mut LogReader<S>, index: u64) -> Result<&Seen, ReadError> {
    let begun = Instant::now();
    for attempt in 1.. {
        let size = reader.update().await?.checkpoint().size;
        let random = OsRng.next_u32();
        match Patience::FOR_WITNESSES.wait(attempt, None, begun.elapsed(), random) {
            Some(wait) if size <= index => tokio::time::sleep(wait).await,
            _ => break,
        }
    }
    reader.seen().ok_or(ReadError::NoCheckpoint)
}
