//! Blocks that somebody obtains who does not hold them.

use super::{Attackers, Kind, Victim};
use crate::simulate::book::{Cause, CredentialId, Subject, Why};
use crate::simulate::cast::{authority, company};
use crate::synthetic::Draws;

/// Where the names of attackers begin.
const HIJACKERS: u64 = 2_000_000;
/// Free digits of a block that is obtained for the sake of one number in it.
const FREE: u32 = 2;

/// What is to be hit.
struct Target {
    prefix: String,
    free: u32,
    country: usize,
    covered_by: Option<CredentialId>,
}

impl Attackers<'_> {
    /// A block over a watched number, or one that is held.
    pub(super) fn hijack(&mut self, watched: bool, mut draws: Draws) {
        let time = self.moment(0, &mut draws);
        let over_number = watched && draws.chance(0.5);
        let target =
            if over_number { self.number(time, &mut draws) } else { self.held(watched, time, &mut draws) };
        let Some(target) = target else { return self.miss() };
        let attack = self.begin(Kind::RangeHijack);
        let authority = authority(self.world, &self.world.countries[target.country].authorities, &mut draws);
        let organization = company(self.world, HIJACKERS + u64::from(attack));
        let subject = Subject::Block { prefix: target.prefix, free: target.free, organization };
        let credential = self.hostile(subject, authority, time);
        let cause = Cause { why: Why::RangeHijack, attack: Some(attack) };
        let credential = self.book.issue(self.world, credential, cause);
        let calling_code = self.world.countries[target.country].calling_code;
        let victim = Victim { credential, covered_by: target.covered_by, calling_code, watched };
        self.attacks[attack as usize].victims.push(victim);
    }

    fn number(&mut self, time: u64, draws: &mut Draws) -> Option<Target> {
        let place = self.find_line(true, time, draws)?;
        let line = self.cast.lines[place as usize];
        let digits = line.number.digits();
        let prefix = digits[..digits.len() - FREE as usize].to_owned();
        let covered_by = self.stories[place as usize].leading_at(time);
        Some(Target { prefix, free: FREE, country: line.country, covered_by })
    }

    /// A held block, or a tenth of it.
    fn held(&mut self, watched: bool, time: u64, draws: &mut Draws) -> Option<Target> {
        let current = |place: usize| {
            let live = |id: &CredentialId| {
                let credential = &self.book.credentials[*id as usize];
                (credential.logged..=credential.not_after).contains(&time)
            };
            self.blocks[place].iter().rev().copied().find(live)
        };
        let open =
            |place: &usize| self.cast.blocks[*place].watched == watched && !self.taken.blocks.contains(place);
        let open: Vec<(usize, CredentialId)> = (0..self.cast.blocks.len())
            .filter(open)
            .filter_map(|place| Some((place, current(place)?)))
            .collect();
        let (place, covered_by) = *draws.pick(&open)?;
        self.taken.blocks.insert(place);
        let block = &self.cast.blocks[place];
        let part = block.free > 1 && draws.chance(0.5);
        let digit = part.then(|| char::from(b'0' + draws.below(10) as u8));
        let prefix = block.prefix.chars().chain(digit).collect();
        let free = block.free - u32::from(part);
        Some(Target { prefix, free, country: block.country, covered_by: Some(covered_by) })
    }
}
