//! The registrations of a number: at one service, renewed, moved from key to key, withdrawn.

use std::ops::Range;

use super::book::{Book, CredentialId, Registering, Why};
use super::day::{DAY, HOUR, awake, days, hours};
use super::life::{Story, Tenure};
use super::world::World;
use crate::entry::Action;
use crate::synthetic::Draws;

/// What is registered is not withdrawn at once, nor when the log has forgotten it.
const WITHDRAWN_AFTER: Range<u64> = 2 * HOUR..29 * DAY;
/// A credential is used for the last time so long before it expires: the log judges by the end of a step.
const LAST_USE: u64 = 2 * HOUR;

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
        let mut last: Option<(&Tenure, Range<u64>)> = None;
        for tenure in
            story.tenures.iter().take_while(|tenure| tenure.same_holder || tenure.from == first.from)
        {
            let Some(said) = self.under(tenure, &presence, country, &mut draws) else { continue };
            if let Some((old, before)) = last {
                let withdraws = draws.chance(rates.withdraws_old);
                let moved = said.start + 120;
                if withdraws && self.is_other_key(old, tenure) && !old.lost {
                    self.withdraw(old, &presence, before.end, moved);
                }
            }
            last = Some((tenure, said));
        }
        let (tenure, said) = last?;
        if presence.until < tenure.until.min(self.end) {
            self.withdraw(tenure, &presence, said.end, presence.until);
        }
        Some(presence)
    }

    /// Registers under a credential and renews; gives the first and the last time.
    fn under(
        &mut self,
        tenure: &Tenure,
        presence: &Presence,
        country: usize,
        draws: &mut Draws,
    ) -> Option<Range<u64>> {
        let rates = &self.world.registrations;
        let until = tenure.until.min(self.last_use(tenure)).min(presence.until).min(self.end);
        let moved = tenure.from + 60 + hours(rates.moves_after_hours, draws);
        let first = presence.since.max(moved);
        let (mut time, mut last, mut why) = (first, first, Why::Registration);
        while time < until {
            self.say(tenure.credential, presence, Action::Register, time, why);
            (last, why) = (time, Why::RegistrationRenewal);
            let due = time + days(rates.renews_after_days, draws).max(HOUR);
            time = awake(self.world, country, due, draws);
        }
        (first < until).then_some(first..last)
    }

    fn withdraw(&mut self, tenure: &Tenure, presence: &Presence, registered: u64, time: u64) {
        let is_known = WITHDRAWN_AFTER.contains(&time.saturating_sub(registered));
        if is_known && time < self.last_use(tenure) {
            self.say(tenure.credential, presence, Action::Withdraw, time, Why::Withdrawal);
        }
    }

    fn last_use(&self, tenure: &Tenure) -> u64 {
        self.book.credentials[tenure.credential as usize].not_after - LAST_USE
    }

    fn is_other_key(&self, old: &Tenure, new: &Tenure) -> bool {
        let key = |tenure: &Tenure| self.book.credentials[tenure.credential as usize].key;
        key(old) != key(new)
    }

    fn say(&mut self, credential: CredentialId, presence: &Presence, action: Action, made: u64, why: Why) {
        let validity = u64::from(self.world.registrations.validity_days) * DAY - 1;
        let Presence { service, resolution_service, .. } = *presence;
        let not_after = made + validity;
        let said = Registering { credential, service, resolution_service, action, made, not_after };
        self.book.register(said, why.into());
    }
}
