//! The registrations of a number: at one service, renewed, moved from key to key, withdrawn.

use super::book::{Book, CredentialId, Registering, Why};
use super::day::{DAY, HOUR, awake, days, hours};
use super::life::{Story, Tenure};
use super::world::World;
use crate::entry::Action;
use crate::synthetic::Draws;

/// What is registered is not withdrawn at once.
const SETTLED: u64 = 2 * HOUR;

/// Where a number is registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presence {
    /// The place of its service in the world.
    pub service: usize,
    /// The place of its Resolution Service.
    pub resolution_service: usize,
    /// When that began.
    pub since: u64,
    /// When it ends for good.
    pub until: u64,
}

/// Registers numbers.
pub struct Presences<'a> {
    /// The world.
    pub world: &'a World,
    /// The end of the world.
    pub end: u64,
    /// What happens.
    pub book: &'a mut Book,
}

impl Presences<'_> {
    /// The registrations of a number of this country; none of one whose holder registers nowhere.
    pub fn live(&mut self, story: &Story, country: usize, mut draws: Draws) -> Option<Presence> {
        let rates = &self.world.registrations;
        let first = story.tenures.first().filter(|_| draws.chance(rates.share))?;
        let begins = first.from + HOUR + days(rates.begins_after_days, &mut draws);
        let since = awake(self.world, country, begins, &mut draws);
        let presence = Presence {
            service: draws.below(rates.services.len()),
            resolution_service: draws.below(rates.resolution_services.len()),
            since,
            until: since.saturating_add(draws.wait(rates.left_per_year)).max(since + DAY),
        };
        let mut last: Option<(&Tenure, u64)> = None;
        for tenure in
            story.tenures.iter().take_while(|tenure| tenure.same_holder || tenure.from == first.from)
        {
            let begun = self.under(tenure, &presence, country, &mut draws);
            if let (Some((old, _)), Some(begun)) = (last, begun) {
                self.leave_old(old, tenure, begun, &presence, &mut draws);
            }
            last = begun.map(|begun| (tenure, begun)).or(last);
        }
        if let Some((tenure, _)) = last {
            self.leave(tenure, &presence);
        }
        last.map(|_| presence)
    }

    /// Registers under a credential and renews, and gives the first time.
    fn under(
        &mut self,
        tenure: &Tenure,
        presence: &Presence,
        country: usize,
        draws: &mut Draws,
    ) -> Option<u64> {
        let rates = &self.world.registrations;
        let credential = &self.book.credentials[tenure.credential as usize];
        let until = tenure.until.min(credential.not_after).min(presence.until).min(self.end);
        let moved = tenure.from + 60 + hours(rates.moves_after_hours, draws);
        let first = presence.since.max(moved);
        let (mut time, mut why) = (first, Why::Registration);
        while time < until {
            self.say(tenure.credential, presence, Action::Register, time, why);
            why = Why::RegistrationRenewal;
            let due = time + days(rates.renews_after_days, draws).max(HOUR);
            time = awake(self.world, country, due, draws);
        }
        (first < until).then_some(first)
    }

    /// Withdraws what stands under the key of the credential before, in the hours after the move.
    fn leave_old(&mut self, old: &Tenure, new: &Tenure, moved: u64, presence: &Presence, draws: &mut Draws) {
        let key = |tenure: &Tenure| self.book.credentials[tenure.credential as usize].key;
        let withdraws = draws.chance(self.world.registrations.withdraws_old);
        let time = moved + 120;
        let live = self.book.credentials[old.credential as usize].not_after > time + DAY;
        if withdraws && live && !old.lost && key(old) != key(new) {
            self.say(old.credential, presence, Action::Withdraw, time, Why::Withdrawal);
        }
    }

    /// Withdraws for good.
    fn leave(&mut self, tenure: &Tenure, presence: &Presence) {
        let time = presence.until;
        let last = self.book.registrations.last().map_or(0, |last| last.made);
        let live = self.book.credentials[tenure.credential as usize].not_after > time.saturating_add(DAY);
        if live && time < tenure.until.min(self.end) && time >= last + SETTLED {
            self.say(tenure.credential, presence, Action::Withdraw, time, Why::Withdrawal);
        }
    }

    fn say(&mut self, credential: CredentialId, presence: &Presence, action: Action, made: u64, why: Why) {
        let validity = u64::from(self.world.registrations.validity_days) * DAY - 1;
        let Presence { service, resolution_service, .. } = *presence;
        let not_after = made + validity;
        let said = Registering { credential, service, resolution_service, action, made, not_after };
        self.book.register(said, why.into());
    }
}
