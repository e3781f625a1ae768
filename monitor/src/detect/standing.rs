//! Which credentials of a number stand, entry by entry: the rules of `docs/formats.md` §20, over what is
//! remembered.
//!
//! [`tnlog::standing`] folds a whole list and is what an app and a holder ask. Here each entry must cost the
//! same however long the list is, and an attacker can make one long. So no more than [`MAX_CREDENTIALS`] are
//! kept: those that have expired go first, which changes nothing, then the oldest that do not stand. Up to
//! there the results are the same, which a test shows with random lists; beyond, the number is marked as
//! crowded, and that is reported.

use tnlog::entry::{KeyStatementEntry, Verb};

use super::id::KeyId;
use super::number::{Credential, MAX_CREDENTIALS, MAX_OPERATORS, NumberState, Standing};

/// As deep as credentials stand below each other.
const MAX_DEPTH: usize = 10;

/// What a statement did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// The credential with this first leaf stands now, and leads.
    Approved(u64),
    /// The credential with this first leaf is disputed, with weight.
    Disputed(u64),
    /// Nothing.
    Nothing,
}

impl NumberState {
    /// Takes up a new credential: whether it stands. None when it had expired when it was logged, and is not
    /// remembered.
    pub(super) fn arrive(&mut self, mut credential: Credential) -> Option<Standing> {
        let now = credential.logged;
        if !credential.is_live(now) {
            return None;
        }
        let standing = match self.leading().filter(|_| now <= self.covered_until) {
            None => Standing::First,
            Some(leading) => self.issuer(&credential, leading, now).map_or(Standing::No, Standing::Issued),
        };
        credential.standing = standing;
        let leaf = credential.leaf;
        self.make_room(now);
        self.credentials.push(credential);
        if standing != Standing::No {
            self.stand(leaf, leaf);
        }
        Some(standing)
    }

    /// Weighs a statement that `signer` has signed, at `now` in seconds. `at` is its leaf.
    pub(super) fn weigh(&mut self, statement: &KeyStatementEntry, signer: &KeyId, at: u64, now: i64) -> Said {
        let Some(new) = self.credential(statement.new.index) else { return Said::Nothing };
        let about = new.leaf;
        let same_key = |credential: &&Credential| credential.key == *signer;
        let mut standing = self.credentials.iter().filter(|c| c.stands() && c.is_live(now));
        if !standing.any(|credential| same_key(&credential)) {
            return Said::Nothing;
        }
        if statement.verb == Verb::Dispute {
            return Said::Disputed(about);
        }
        let leading = self.leading().filter(same_key).filter(|leading| leading.is_live(now));
        let later = leading.is_some_and(|leading| new.leaf > leading.leaf);
        if !later || !new.is_live(now) {
            return Said::Nothing;
        }
        self.credential_mut(about).expect("it was found above").standing = Standing::Approved;
        self.stand(about, at);
        Said::Approved(about)
    }

    /// Whether the key is that of a standing credential that has not expired.
    pub(super) fn is_trusted(&self, key: &KeyId, now: i64) -> bool {
        self.credentials.iter().any(|c| c.key == *key && c.stands() && c.is_live(now))
    }

    /// From which leaf on a key is of those who had the number: where nothing covered it, from its own on; with the standing of an
    /// earlier one, for ever. None when it does not stand.
    pub(super) fn in_line_since(&self, key: &KeyId) -> Option<u64> {
        let began = |credential: &Credential| match credential.standing {
            Standing::No => None,
            Standing::First => Some(credential.leaf),
            Standing::Issued(_) | Standing::Approved => Some(0),
        };
        self.credentials.iter().filter(|credential| credential.key == *key).filter_map(began).min()
    }

    /// The first leaf of the standing CA that issued it: the one that leads, or one below it, neither of them
    /// expired.
    fn issuer(&self, credential: &Credential, leading: &Credential, now: i64) -> Option<u64> {
        let of_issuer = |c: &&Credential| c.is_ca && c.stands() && c.key == credential.issuer;
        let issuer = self.credentials.iter().filter(of_issuer).max_by_key(|c| c.stood)?;
        let live = issuer.is_live(now) && leading.is_live(now);
        (live && self.is_below(issuer.leaf, leading.leaf)).then_some(issuer.leaf)
    }

    fn is_below(&self, leaf: u64, leading: u64) -> bool {
        let issuer = |leaf: &u64| match self.credential(*leaf)?.standing {
            Standing::Issued(by) => Some(by),
            _ => None,
        };
        std::iter::successors(Some(leaf), issuer).take(MAX_DEPTH).any(|leaf| leaf == leading)
    }

    /// Takes up a credential whose standing was just set, by the leaf `at`.
    fn stand(&mut self, leaf: u64, at: u64) {
        let Some(credential) = self.credential_mut(leaf) else { return };
        credential.stood = at;
        let (until, operator, standing) = (credential.not_after, credential.operator, credential.standing);
        self.covered_until = self.covered_until.max(until);
        if !matches!(standing, Standing::Issued(_)) {
            self.leading = Some(leaf);
        }
        self.operators.retain(|known| *known != operator);
        if self.operators.len() == MAX_OPERATORS {
            self.operators.remove(0);
        }
        self.operators.push(operator);
    }

    /// Forgets what cannot matter any more, and where there is still no room, what matters least. CAs that
    /// have expired stay as long as there is room: what they have issued may stand below them.
    fn make_room(&mut self, now: i64) {
        let leading = self.leading;
        let leads = |credential: &Credential| leading == Some(credential.leaf);
        self.credentials
            .retain(|credential| credential.is_live(now) || credential.is_ca || leads(credential));
        while self.credentials.len() >= MAX_CREDENTIALS {
            let find = |forget: &dyn Fn(&Credential) -> bool| {
                self.credentials.iter().position(|credential| !leads(credential) && forget(credential))
            };
            let expired = find(&|credential| !credential.is_live(now));
            self.crowded |= expired.is_none();
            let place =
                expired.or_else(|| find(&|credential| !credential.stands())).or_else(|| find(&|_| true));
            self.credentials.remove(place.expect("of sixteen credentials one leads at most"));
        }
    }
}
