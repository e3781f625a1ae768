//! Which credentials of a number stand: the one pure function by which readers weigh key statements.
//!
//! Input is the complete list of a number's entries in leaf order, as a look-up proves it. The log has no say in the
//! result: it cannot leave a leaf out or move one, and each signature is checked here again.
//!
//! # The rules
//!
//! Time is that of leaves. A credential is logged with its first leaf; the first precertificate and the
//! first certificate that agree ([`NumberEntry::is_counterpart_of`]) are one, and any other repeated id is shown apart, and
//! marked.
//!
//! 1. A credential that had expired when it was logged does not stand.
//! 2. Otherwise it **stands**, and **leads**, if no standing and unexpired credential covered the number.
//! 3. Otherwise it stands, and does *not* lead, if the unexpired leading credential issued it, or a standing and unexpired CA
//!    did that the leading one issued, and so on: at most 9 steps below the leading one.
//! 4. Otherwise it does not stand, until the key of the leading credential approves it: while the leading one has not
//!    expired, nor the approved one, and the approved one was logged after the leading one. It then stands and leads.
//! 5. A dispute has weight if its key is that of a standing credential that has not expired. It changes nothing of the
//!    above; it is shown.
//!
//! "The newest standing credential" is the leading one. Leading passes on and never back.
//!
//! # Why so, and what an attacker can do with each rule
//!
//! - **He reroutes a text message** and gets a credential for a number that is covered: rule 4. It does not stand, however
//!   long he waits: it is judged by when it was logged, so it does not begin to stand when the victim's expires. It has
//!   no power over the next one either: a second credential of his, approved or issued by his first, does not stand.
//! - **He steals the key of an old credential** that was superseded and has not expired: he can dispute, which is why a
//!   dispute changes no standing. He cannot approve, not even when the leading credential has expired, for leading does
//!   not go back (rule 4): an old phone in a drawer never regains what it has handed over. The price: who lets
//!   the leading credential expire while an older one has not must wait for that one to expire.
//! - **He gets hold of an approval that was signed and not submitted**: it is weighed when it is logged, by whose key leads
//!   then. That the approved credential must be later than the leading one keeps him from going back to an earlier one,
//!   where a key leads for the second time.
//! - **He has a credential approved for his own number that names the victim's too**: statements are weighed for each number
//!   by that number's leading key, and his leads for his own alone.
//! - **He is a delegate**, with a credential that the holder's own CA credential issued: it stands as long as the holder's CA
//!   leads (rule 3), and as it does not lead, its key approves nothing. If issuing passed the lead on, a device would
//!   outrank who issued it, and a second device would not stand without the approval of the first.
//! - **He repeats a certificate id**, by a CA that helps him, to slip another key under a credential that stands: what is not
//!   equal in all that the leaf shows is not merged, and must stand by itself.
//! - **He has a credential issued for the victim's key**, by sending in an old certificate request again: the same key is no
//!   reason to stand, since it does not show that its holder asked. The holder can approve it with that very key.
//! - **He is first**: takes a credential for a number that nothing covers, or of which everything has expired. It stands (rule 2).
//!   Somebody who does not renew in time is not told apart from somebody else by any rule. The same holds for
//!   the holder before, where a number was given to another: the new one's credential stands when the old one's has expired.
//!   Both are seen by who looks.
//! - **He makes a CA issue for very long**, to cover the number as long: he must be first, or approved, for it to count.
//!
//! What only the number's holder can know, whether it was himself, no rule decides.

mod fold;
mod registrations;
#[cfg(test)]
mod tests;

pub use registrations::{Registered, RegistrationState};

use std::collections::HashMap;

use crate::entry::{Leaf, NumberEntry, Verb};
use crate::label::Label;
use crate::registration::unix_seconds;
use crate::signature::VerifySignature;
use crate::statement::StatementRefusal;

/// The complete list of a number's entries.
#[derive(Clone, Copy)]
pub struct NumberList<'a> {
    /// The log that they are from.
    pub log_id: &'a [u8; 32],
    /// The label of the number, which each of them carries.
    pub label: Label,
    /// Its leaves, in the order of their indexes.
    pub leaves: &'a [Leaf],
}

/// Leaves are no list of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// Indexes do not rise, or times go down.
    #[error("leaf {0} is not in order: indexes must rise, and times must not go down")]
    Order(u64),
    /// A leaf without the label.
    #[error("leaf {0} does not carry the label of the number")]
    Label(u64),
}

/// Why a credential stands. Credentials are named by their place in [`History::credentials`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// When it was logged, no standing and unexpired credential covered the number.
    NothingCovered,
    /// A credential issued it that led, or stood under the leading one.
    Issued {
        /// The issuer.
        by: usize,
    },
    /// The key that led approved it.
    Approved {
        /// The credential whose key that is.
        by: usize,
        /// The leaf of the statement.
        statement: u64,
    },
}

/// Why a credential does not stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DoesNotStand {
    /// It had expired when it was logged.
    LoggedExpired,
    /// When it was logged, the number was covered, and the key that led has not approved it. What a reroute looks like.
    NotApproved {
        /// The credential that led then.
        leading: usize,
    },
}

/// Why a statement has no weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weightless {
    /// The key is of no credential that stands.
    #[error("its key is of no credential that stands")]
    DoesNotStand,
    /// The key stands, or stood, and another one leads.
    #[error("its key is not the newest standing one")]
    NotLeading,
    /// The credential of the key has expired.
    #[error("the credential of its key has expired")]
    Expired,
    /// What is approved had expired.
    #[error("the approved credential had expired")]
    ApprovedExpired,
    /// What is approved was logged before the leading credential.
    #[error("the approved credential was logged before the newest standing one")]
    ApprovedEarlier,
}

/// A statement about a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// The leaf of the statement.
    pub index: u64,
    /// Its time, in milliseconds of Unix time.
    pub timestamp: u64,
    /// Approve or dispute.
    pub verb: Verb,
    /// The credential that the statement names as its own.
    pub by: usize,
    /// Whether it counts.
    pub weight: Result<(), Weightless>,
}

/// A credential of the number, with all that is said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential<'a> {
    /// Its leaves: one, or precertificate and certificate in the order in which they were logged.
    pub leaves: Vec<u64>,
    /// The time of the first, in milliseconds of Unix time.
    pub timestamp: u64,
    /// What the first shows.
    pub entry: &'a NumberEntry,
    /// Whether it stands, and why.
    pub standing: Result<Stands, DoesNotStand>,
    /// Statements about it, in leaf order.
    pub said: Vec<Said>,
    /// Another credential of the list has the same certificate id, and is not the same: a CA or the log misbehaves.
    pub repeated_id: bool,
}

impl Credential<'_> {
    /// Whether a key with weight disputes it.
    pub fn is_disputed(&self) -> bool {
        self.said.iter().any(|said| said.verb == Verb::Dispute && said.weight.is_ok())
    }

    /// Whether it has expired at `seconds` of Unix time.
    pub fn has_expired(&self, seconds: i64) -> bool {
        seconds > self.entry.not_after
    }
}

/// What is known of a number, for a time line and for an app.
#[derive(Clone, Debug)]
pub struct History<'a> {
    /// The credentials, in the order of their first leaves.
    pub credentials: Vec<Credential<'a>>,
    /// The registrations and withdrawals, in leaf order.
    pub registrations: Vec<Registered<'a>>,
    /// The leaves of statements that do not hold, which a log that admits by the rules never writes; none of a
    /// statement's leaves is in the list: [`StatementRefusal::NotLogged`].
    pub faulty_statements: Vec<(u64, StatementRefusal)>,
    leading: Option<usize>,
    places: HashMap<u64, usize>,
}

/// The answer to an app's question about a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is not in the list: it names another number, or is younger than the list.
    NotFound,
    /// Its validity is over.
    Expired,
    /// It does not stand: do not trust it before its holder has told you about the new key by other means.
    DoesNotStand(DoesNotStand),
    /// It stands, and a newer one does that was not issued by it: the peer may have lost this key.
    Superseded {
        /// The credential that leads.
        by: usize,
    },
    /// It stands and is the newest, and a key that stands disputes it.
    Disputed,
    /// It stands and is the newest, or was issued by the newest.
    Newest,
}

impl<'a> History<'a> {
    /// Weighs the list, as of `now` in milliseconds of Unix time (which matters for the state of registrations alone).
    /// Costs one signature verification and two hashes of leaves for each statement.
    ///
    /// # Errors
    /// [`ListError`].
    pub fn of(list: &NumberList<'a>, verifier: &dyn VerifySignature, now: u64) -> Result<Self, ListError> {
        check_list(list)?;
        let mut history = fold::fold(list, verifier);
        history.registrations = registrations::states(list, &history, unix_seconds(now));
        Ok(history)
    }

    /// The newest standing credential, expired or not.
    pub fn leading(&self) -> Option<&Credential<'a>> {
        self.leading.map(|place| &self.credentials[place])
    }

    /// The credential with this leaf, precertificate or certificate.
    pub fn credential_of(&self, leaf: u64) -> Option<&Credential<'a>> {
        self.places.get(&leaf).map(|place| &self.credentials[*place])
    }

    /// Whether the credential with this leaf stands and is the newest, at `now` in milliseconds of Unix time and as far as the
    /// list goes.
    pub fn verdict(&self, leaf: u64, now: u64) -> Verdict {
        let Some(&place) = self.places.get(&leaf) else { return Verdict::NotFound };
        let credential = &self.credentials[place];
        if credential.has_expired(unix_seconds(now)) {
            return Verdict::Expired;
        }
        match (credential.standing, self.leading) {
            (Err(why), _) => Verdict::DoesNotStand(why),
            (Ok(_), Some(leading)) if fold::steps_below(&self.credentials, place, leading).is_none() => {
                Verdict::Superseded { by: leading }
            }
            (Ok(_), _) if credential.is_disputed() => Verdict::Disputed,
            (Ok(_), _) => Verdict::Newest,
        }
    }
}

fn check_list(list: &NumberList<'_>) -> Result<(), ListError> {
    for pair in list.leaves.windows(2) {
        if pair[0].index >= pair[1].index || pair[0].timestamp > pair[1].timestamp {
            return Err(ListError::Order(pair[1].index));
        }
    }
    let other =
        list.leaves.iter().find(|leaf| leaf.entry.number_labels().binary_search(&list.label).is_err());
    other.map_or(Ok(()), |leaf| Err(ListError::Label(leaf.index)))
}
