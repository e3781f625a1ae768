//! The honest life of carriers and of the holders of blocks.

use std::ops::Range;

use super::book::{Book, Cause, Credential, CredentialId, Subject, Why};
use super::cast::{Block, Carrier, authority, company};
use super::day::{DAY, days};
use super::world::{Span, World};
use crate::synthetic::Draws;

/// Where the names of companies that hold blocks begin.
const BLOCK_HOLDERS: u64 = 1_000_000;

/// What a company does again and again.
#[derive(Clone, Copy)]
struct Habit {
    validity_days: u32,
    renews_before_days: Span,
    new_key: f64,
}

/// Certificates one after another, of one CA for one name.
struct Series {
    habit: Habit,
    authority: usize,
    subject: Subject,
    why: Why,
    time: Range<u64>,
}

/// Lives the lives of companies.
pub struct Companies<'a> {
    /// The world.
    pub world: &'a World,
    /// Its first second and its end.
    pub time: Range<u64>,
    /// What happens.
    pub book: &'a mut Book,
}

impl Companies<'_> {
    /// The certificates of the carrier at this place of the cast, of all of its CAs, in the order of each.
    pub fn carrier(&mut self, place: usize, carrier: &Carrier, mut draws: Draws) -> Vec<CredentialId> {
        let rates = &self.world.carriers;
        let habit = Habit {
            validity_days: rates.validity_days,
            renews_before_days: rates.renews_before_days,
            new_key: rates.new_key,
        };
        let name = company(self.world, place as u64);
        let other = if draws.chance(rates.two_spellings) { name.to_uppercase() } else { name.clone() };
        let mut shares = rates.authorities.clone();
        let first = authority(self.world, &shares, &mut draws);
        shares.remove(&self.world.authorities[first].name);
        let second = draws.chance(rates.two_authorities) && !shares.is_empty();
        let second = second.then(|| authority(self.world, &shares, &mut draws));
        let of = |authority, organization, why| {
            let subject = Subject::Carrier { code: carrier.code.clone(), organization };
            Series { habit, authority, subject, why, time: self.time.clone() }
        };
        let mut series = vec![of(first, name, Why::Carrier)];
        series.extend(second.map(|second| of(second, other, Why::CarrierSecond)));
        series.into_iter().flat_map(|series| self.renew(series, &mut draws)).collect()
    }

    /// The certificates of the block at this place of the cast, of its holder and of who has it after him.
    pub fn block(&mut self, place: usize, block: &Block, mut draws: Draws) -> Vec<CredentialId> {
        let rates = &self.world.ranges;
        let habit = Habit {
            validity_days: rates.validity_days,
            renews_before_days: rates.renews_before_days,
            new_key: rates.new_key,
        };
        let shares = &self.world.countries[block.country].authorities;
        let Range { start, end } = self.time;
        let moved = start.saturating_add(draws.wait(rates.moves_per_year)).max(start + DAY).min(end);
        let mut of = |holder: u64, why, time| {
            let organization = company(self.world, BLOCK_HOLDERS + 2 * place as u64 + holder);
            let subject = Subject::Block { prefix: block.prefix.clone(), free: block.free, organization };
            Series { habit, authority: authority(self.world, shares, &mut draws), subject, why, time }
        };
        let series = [of(0, Why::Range, start..moved), of(1, Why::RangeMove, moved..end)];
        series.into_iter().flat_map(|series| self.renew(series, &mut draws)).collect()
    }

    /// Issues a series, whose first certificate is of any age where the log just begins.
    fn renew(&mut self, series: Series, draws: &mut Draws) -> Vec<CredentialId> {
        let Series { habit, authority, subject, why, time } = series;
        let validity = u64::from(habit.validity_days) * DAY;
        let oldest = f64::from(habit.validity_days) - habit.renews_before_days[1];
        let is_first = time.start == self.time.start;
        let rollout = (self.world.population.rollout_days * DAY as f64) as u64;
        let mut logged = if is_first { time.start + draws.word() % rollout.max(1) } else { time.start };
        let mut not_before = if is_first { logged - days([0.0, oldest], draws) } else { logged };
        let mut key = self.book.new_key();
        let mut issued = Vec::new();
        while logged < time.end {
            let (subject, not_after) = (subject.clone(), not_before + validity - 1);
            let credential = Credential { subject, authority, key, logged, not_before, not_after };
            issued.push(self.book.issue(self.world, credential, Cause::from(why)));
            logged = not_after.saturating_sub(days(habit.renews_before_days, draws)).max(logged + DAY);
            not_before = logged;
            if draws.chance(habit.new_key) {
                key = self.book.new_key();
            }
        }
        issued
    }
}
