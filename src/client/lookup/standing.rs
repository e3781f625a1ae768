//! "Does this credential stand, and is it the newest?": what an app asks before it trusts a peer, once its certificate and
//! receipt were verified offline.
//!
//! The receipt proves the label of the number, so nobody is asked to evaluate it. Who answers sees the label, and so when
//! which number is called from this address, if he holds the label key or works with who does: ask a mirror or a monitor.

use super::{Kept, LookupError, Lookups, Question, all};
use crate::label::{Label, LabelError, LabelPublicKey};
use crate::number::Number;
use crate::policy::FreshnessError;
use crate::receipt::{Receipt, Verified};
use crate::signature::Ecdsa;
use crate::standing::{History, ListError, NumberList, Verdict};

/// A peer whose certificate and receipt were verified.
#[derive(Clone, Copy)]
pub struct Peer<'a> {
    /// What the verifier found.
    pub verified: &'a Verified,
    /// The receipt that it verified.
    pub receipt: &'a Receipt,
    /// The number that the peer claims.
    pub number: &'a Number,
}

/// What is known of a peer's credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Whether it stands and is the newest. The place in [`Verdict::Superseded`] is that in the number's
    /// [`History::credentials`].
    pub verdict: Verdict,
    /// The first leaf of the newest credential that stands.
    pub newest: Option<u64>,
    /// How many entries of the log it was judged by.
    pub covers: u64,
    /// The time, in seconds of Unix time, as of which these were all, or why it cannot be known.
    pub as_of: Result<u64, FreshnessError>,
}

/// Why it is not known whether a credential stands.
#[derive(Debug, thiserror::Error)]
pub enum StandingError {
    /// The look-up failed.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The certificate names no such number: carriers and ranges have no standing.
    #[error(
        "only a credential that names the number itself can stand; this one names a carrier, a range or others"
    )]
    NoNumber,
    /// The receipt is of another log than is asked.
    #[error("the receipt is of the log {receipt}, and {asked} is asked")]
    OtherLog {
        /// The log of the receipt.
        receipt: String,
        /// The log that is asked.
        asked: String,
    },
    /// The receipt does not prove the label.
    #[error(transparent)]
    Label(#[from] LabelError),
    /// The entries are none of a number.
    #[error("the entries of the number are not to be believed: {0}")]
    List(#[from] ListError),
}

impl Lookups {
    /// Whether a peer's credential stands and is the newest for its number, at `now` in milliseconds of Unix time, while at
    /// most `bad` witnesses are bad. `kept` is what was kept of the same number the last time, or empty. Costs a look-up,
    /// some kilobytes, and one request for each entry of the number that is new.
    ///
    /// ```no_run
    /// use tnlog::client::lookup::{Kept, Lookups, Peer, StandingError};
    /// use tnlog::number::Number;
    /// use tnlog::receipt::{Receipt, Verified};
    /// use tnlog::standing::Verdict;
    ///
    /// /// After `Verifier::verify`: whether a call is set up.
    /// async fn may_call(
    ///     mirror: &mut Lookups,
    ///     (verified, receipt, number): (&Verified, &Receipt, &Number),
    ///     now: u64,
    /// ) -> Result<bool, StandingError> {
    ///     let peer = Peer { verified, receipt, number };
    ///     let answered = mirror.standing_of(&peer, &mut Kept::default(), now, 1).await?;
    ///     // An answer that is an hour old does not show what happened since.
    ///     let recent = answered.as_of.is_ok_and(|seconds| now / 1000 < seconds + 3600);
    ///     Ok(recent && answered.verdict == Verdict::Newest)
    /// }
    /// ```
    ///
    /// # Errors
    /// [`StandingError`]. Not to know is no reason to trust: decide what your app does then.
    pub async fn standing_of(
        &mut self,
        peer: &Peer<'_>,
        kept: &mut Kept,
        now: u64,
        bad: usize,
    ) -> Result<Answered, StandingError> {
        let (receipt, asked) = (&peer.verified.origin, self.origin());
        if receipt != asked {
            return Err(StandingError::OtherLog { receipt: receipt.clone(), asked: asked.to_owned() });
        }
        let size = self.update().await?;
        let known = self.parameters().await?;
        let label = label(peer, &known.label_key)?;
        let at_least = size.max(peer.verified.index.saturating_add(1));
        let question = Question::of_labels(&[label]);
        self.follow(&question, kept, at_least, all).await?;
        let leaves = kept.list(&label);
        let list = NumberList { log_id: known.sct_key.log_id(), label, leaves: &leaves };
        let history = History::of(&list, &Ecdsa, now)?;
        Ok(Answered {
            verdict: history.verdict(peer.verified.index, now),
            newest: history.leading().and_then(|credential| credential.leaves.first().copied()),
            covers: kept.covers(),
            as_of: self.complete_as_of(kept.covers(), bad),
        })
    }
}

/// As the receipt proves it. Costs one verification of its batched proof.
fn label(peer: &Peer<'_>, key: &LabelPublicKey) -> Result<Label, StandingError> {
    let numbers = peer.verified.chain.class().numbers();
    let place = numbers.iter().position(|number| number == peer.number).ok_or(StandingError::NoNumber)?;
    let secrets = peer.receipt.extra.secrets.as_ref().ok_or(StandingError::NoNumber)?;
    Ok(key.check(numbers, &secrets.evaluation)?[place])
}
