//! `tnlog verify --standing`: whether a credential that is in a log still stands, and is the newest of its number.

use anyhow::Context;
use tnlog::client::lookup::{Answered, Kept, Lookups, Peer};
use tnlog::policy::FreshnessError;
use tnlog::standing::Verdict;

use crate::lookups::{Asking, Policies, STALE};
use crate::output;

/// What was answered, and how it is judged.
pub struct Standing {
    pub answered: Answered,
    trusts_log: bool,
}

impl Standing {
    /// Asks about a peer, at `now` in seconds of Unix time.
    ///
    /// # Errors
    /// When nobody answers, or the answer is not to be believed.
    pub async fn ask(
        asking: &Asking,
        policies: &Policies,
        peer: &Peer<'_>,
        now: i64,
    ) -> anyhow::Result<Self> {
        let origin = &peer.verified.origin;
        let site = asking.site(policies, origin).await?;
        let mut lookups = Lookups::new(site.ask.clone(), site.trust);
        let now = u64::try_from(now).unwrap_or(0).saturating_mul(1000);
        let answered = lookups.standing_of(peer, &mut Kept::default(), now, asking.bad).await;
        let answered = answered.with_context(|| output::printable(origin))?;
        asking.notes(policies);
        output::note(format_args!(
            "{} saw the label of the number: who holds the label key, as the log does, can find out which number that is.",
            site.ask.base()
        ));
        Ok(Standing { answered, trusts_log: asking.trust_log })
    }

    /// Seconds of Unix time.
    pub fn as_of(&self) -> Option<i64> {
        self.answered.as_of.ok().and_then(|seconds| i64::try_from(seconds).ok())
    }

    /// Why it is not to be trusted, in words and by a stable name.
    pub fn doubt(&self) -> Option<(String, &'static str)> {
        let newest = match self.answered.newest {
            Some(index) => format!("entry {index}"),
            None => "none".to_owned(),
        };
        let doubt = match self.answered.verdict {
            Verdict::Newest => return self.age(),
            Verdict::Superseded { .. } => {
                (format!("a newer credential of the number stands: {newest}"), "superseded")
            }
            Verdict::DoesNotStand(_) => (
                format!(
                    "the credential does not stand: {newest} is the newest that does, and its key has not approved this one. \
                     A reroute looks like that, and so does a lost telephone: ask the person by other means"
                ),
                "does-not-stand",
            ),
            Verdict::Disputed => ("a key that stands disputes the credential".to_owned(), "disputed"),
            Verdict::Expired => ("the credential has expired".to_owned(), "expired"),
            Verdict::NotFound => {
                ("the credential is not among the entries of the number".to_owned(), "not-found")
            }
        };
        Some(doubt)
    }

    fn age(&self) -> Option<(String, &'static str)> {
        match self.answered.as_of {
            Err(FreshnessError::NoQuorum) if self.trusts_log => None,
            Err(error) => Some((error.to_string(), "not-recent")),
            Ok(seconds) if output::now().saturating_sub_unsigned(seconds) > STALE => {
                Some(("what is shown of the log is more than an hour old".to_owned(), "not-recent"))
            }
            Ok(_) => None,
        }
    }
}
