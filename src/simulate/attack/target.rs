//! Whom attackers find: numbers that are covered, by a credential well inside its life.

use std::ops::Range;

use super::Attackers;
use crate::simulate::day::DAY;
use crate::simulate::world::Country;
use crate::synthetic::Draws;

/// Tries to find one victim.
const TRIES: usize = 5_000;

impl Attackers<'_> {
    /// A number that is covered now, watched or not, and no victim yet.
    pub(super) fn find_line(&mut self, watched: bool, time: u64, draws: &mut Draws) -> Option<u32> {
        let pool = self.pool(watched);
        let found = (0..TRIES).find_map(|_| {
            let line = *draws.pick(&pool)?;
            self.is_open(line, time..time).then_some(line)
        });
        self.taken.lines.extend(found);
        found
    }

    /// The same, and registered under the credential that covers it.
    pub(super) fn find_registered(&mut self, watched: bool, time: u64, draws: &mut Draws) -> Option<u32> {
        let is_registered = |line: &u32| self.presences[*line as usize].is_some();
        let pool: Vec<u32> = self.pool(watched).into_iter().filter(is_registered).collect();
        let found = (0..TRIES).find_map(|_| {
            let line = *draws.pick(&pool)?;
            (self.is_open(line, time..time) && self.is_registered(line, time)).then_some(line)
        });
        self.taken.lines.extend(found);
        found
    }

    /// So many numbers, or fewer where there are no more, that are covered all the time.
    pub(super) fn find_lines(
        &mut self,
        calling_code: Option<u16>,
        wanted: usize,
        time: Range<u64>,
        draws: &mut Draws,
    ) -> Vec<u32> {
        let of_country = |line: &u32| {
            let country = self.cast.lines[*line as usize].country;
            calling_code.is_none_or(|code| self.world.countries[country].calling_code == code)
        };
        let lines = (0..self.cast.lines.len() as u32).filter(of_country);
        let mut lines: Vec<u32> = lines.filter(|line| self.is_open(*line, time.clone())).collect();
        let wanted = wanted.min(lines.len());
        for place in 0..wanted {
            let other = place + draws.below(lines.len() - place);
            lines.swap(place, other);
        }
        lines.truncate(wanted);
        self.taken.lines.extend(&lines);
        lines
    }

    /// The countries of a calling code.
    pub(super) fn in_country(&self, calling_code: u16) -> impl Iterator<Item = &Country> {
        self.world.countries.iter().filter(move |country| country.calling_code == calling_code)
    }

    fn pool(&self, watched: bool) -> Vec<u32> {
        let lines = self.cast.lines.iter().zip(0..);
        lines.filter(|(line, _)| line.watched == watched).map(|(_, place)| place).collect()
    }

    /// Whether a number is no victim yet, and its holder's credential leads and is well inside its life all the time.
    fn is_open(&self, line: u32, time: Range<u64>) -> bool {
        let story = &self.stories[line as usize];
        let margin = (self.world.attacks.well_inside_days * DAY as f64) as u64;
        let Some(tenure) = story.tenure_at(time.start) else { return false };
        let credential = &self.book.credentials[tenure.credential as usize];
        story.leading_at(time.start) == Some(tenure.credential)
            && tenure.until > time.end
            && credential.logged + margin <= time.start
            && credential.not_after >= time.end + margin
            && !self.taken.lines.contains(&line)
    }

    fn is_registered(&self, line: u32, time: u64) -> bool {
        let tenure = self.stories[line as usize].tenure_at(time);
        let held = |held: &super::Registering| {
            tenure.is_some_and(|tenure| tenure.credential == held.credential)
                && (held.made..=held.not_after).contains(&time)
        };
        let presence = self.presences[line as usize].as_ref();
        presence.is_some_and(|presence| presence.until > time) && self.book.registrations.iter().any(held)
    }
}
