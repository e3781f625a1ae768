//! The honest life of a number: its first credential, renewals, lost phones, ports, and who has it afterwards.

use super::book::{Book, Cause, Credential, CredentialId, Subject, Why};
use super::cast::{Line, authority};
use super::day::{DAY, at_hour, awake, days, hours};
use super::world::World;
use crate::entry::Verb;
use crate::synthetic::Draws;

/// The time in which one key speaks for a number.
#[derive(Clone, Copy, Debug)]
pub struct Tenure {
    /// The credential.
    pub credential: CredentialId,
    /// When it is logged.
    pub from: u64,
    /// When its holder falls silent or has another one; the end of time where that does not come.
    pub until: u64,
    /// Whether the key is gone then.
    pub lost: bool,
    /// Whether this is the holder of the one before.
    pub same_holder: bool,
}

/// What became of a number.
#[derive(Clone, Debug, Default)]
pub struct Story {
    /// Whose key speaks when, in time order.
    pub tenures: Vec<Tenure>,
    /// From when on which credential leads (the newest standing one), in time order.
    pub leading: Vec<(u64, CredentialId)>,
}

/// Lives the lives of numbers.
pub struct Lives<'a> {
    /// The world.
    pub world: &'a World,
    /// Its first second and its end.
    pub time: std::ops::Range<u64>,
    /// What happens.
    pub book: &'a mut Book,
}

/// What ends a tenure.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Renewal { late: bool },
    Lost,
    Port,
    Left,
}

/// A number as it lives.
struct Living {
    line: Line,
    place: u32,
    draws: Draws,
    story: Story,
    /// The last second at which a standing credential covers it.
    covered_until: u64,
}

impl Lives<'_> {
    /// The life of the line at this place of the cast.
    pub fn live(&mut self, place: u32, line: Line, draws: Draws) -> Story {
        let mut living = Living { line, place, draws, story: Story::default(), covered_until: 0 };
        let (mut credential, mut cause) = self.first(&mut living);
        // A world is at most ten years long and each turn takes at least an hour, so this ends.
        loop {
            let begun = credential.logged;
            if begun >= self.time.end {
                return living.story;
            }
            let id = self.begin(&mut living, credential, cause);
            let (turn, time) = self.next_turn(&mut living, id);
            if time >= self.time.end {
                return living.story;
            }
            let next = self.turn(&mut living, id, turn, time);
            let Some(next) = next else { return living.story };
            (credential, cause) = next;
        }
    }

    fn first(&mut self, living: &mut Living) -> (Credential, Cause) {
        let world = self.world;
        let draws = &mut living.draws;
        let country = living.line.country;
        let authority = authority(world, &world.countries[country].authorities, draws);
        let existing = draws.chance(world.population.existing);
        let span = if existing {
            (world.population.rollout_days * DAY as f64) as u64
        } else {
            self.time.end - self.time.start
        };
        let earliest = self.time.start + draws.word() % span.max(1);
        let logged = awake(world, country, earliest, draws);
        // Those that were there before are of any age, but for those that are to be renewed already.
        let habit = &world.authorities[authority];
        let oldest = f64::from(habit.validity_days) - habit.renews_before_days[1];
        let age = if existing { days([0.0, oldest], draws) } else { 0 };
        let key = self.book.new_key();
        let why = if existing { Why::Existing } else { Why::Enrolment };
        (self.credential(living.place, authority, key, (logged, logged - age)), why.into())
    }

    fn credential(&self, place: u32, authority: usize, key: u64, times: (u64, u64)) -> Credential {
        let (logged, not_before) = times;
        let not_after = not_before + u64::from(self.world.authorities[authority].validity_days) * DAY - 1;
        Credential { subject: Subject::Line(place), authority, key, logged, not_before, not_after }
    }

    fn begin(&mut self, living: &mut Living, credential: Credential, cause: Cause) -> CredentialId {
        let (logged, not_after) = (credential.logged, credential.not_after);
        let same_holder = cause.why != Why::NewHolder;
        let id = self.book.issue(self.world, credential, cause);
        let tenure = Tenure { credential: id, from: logged, until: u64::MAX, lost: false, same_holder };
        living.story.tenures.push(tenure);
        if logged > living.covered_until {
            living.stands(id, logged, not_after);
        }
        id
    }

    /// What happens next, and when.
    fn next_turn(&self, living: &mut Living, id: CredentialId) -> (Turn, u64) {
        let (world, life) = (self.world, &self.world.life);
        let credential = &self.book.credentials[id as usize];
        let habit = &world.authorities[credential.authority];
        let draws = &mut living.draws;
        let begun = credential.logged;
        let late = draws.chance(life.late);
        let due = if late {
            credential.not_after + 1 + days(life.late_days, draws)
        } else {
            credential.not_after.saturating_sub(days(habit.renews_before_days, draws)).max(begun + DAY)
        };
        let due = match habit.renewal_hour.filter(|_| !late) {
            Some(hour) => at_hour(hour, due, draws),
            None => awake(world, living.line.country, due, draws),
        };
        let mut other = |per_year| {
            let raw = begun.saturating_add(3 * DAY).saturating_add(draws.wait(per_year));
            if raw >= self.time.end { u64::MAX } else { awake(world, living.line.country, raw, draws) }
        };
        let turns = [
            (Turn::Renewal { late }, due),
            (Turn::Lost, other(life.lost_per_year)),
            (Turn::Port, other(life.ports_per_year)),
            (Turn::Left, other(life.left_per_year)),
        ];
        turns.into_iter().min_by_key(|(_, time)| *time).expect("there are four")
    }

    /// Ends a tenure, and gives the next credential where there is one.
    fn turn(
        &mut self,
        living: &mut Living,
        id: CredentialId,
        turn: Turn,
        time: u64,
    ) -> Option<(Credential, Cause)> {
        let life = &self.world.life;
        let Credential { authority, key, not_after, .. } = self.book.credentials[id as usize].clone();
        let tenure = living.story.tenures.last_mut().expect("one was just begun");
        tenure.until = time;
        let draws = &mut living.draws;
        let (why, authority, key, approved) = match turn {
            Turn::Left => {
                let again = not_after.max(time) + days(life.new_holder_after_days, draws);
                let authority = self.other_authority(living, authority);
                let key = self.book.new_key();
                let credential = self.credential(living.place, authority, key, (again, again));
                return Some((credential, Why::NewHolder.into()));
            }
            Turn::Lost => {
                tenure.until = time.saturating_sub(days(life.silent_days, draws)).max(tenure.from);
                tenure.lost = true;
                let other = draws.chance(life.lost_other_authority);
                let authority = if other { self.other_authority(living, authority) } else { authority };
                (Why::LostPhone, authority, self.book.new_key(), false)
            }
            Turn::Port => {
                let (new_key, approved) = (draws.chance(life.new_key), draws.chance(life.port_approved));
                let authority = self.other_authority(living, authority);
                (Why::Port, authority, if new_key { self.book.new_key() } else { key }, approved)
            }
            Turn::Renewal { late } => {
                let (new_key, approved) = (draws.chance(life.new_key), draws.chance(life.approved));
                let why = match (late, new_key) {
                    (true, _) => Why::LateRenewal,
                    (false, true) => Why::Renewal,
                    (false, false) => Why::RenewalSameKey,
                };
                (why, authority, if new_key { self.book.new_key() } else { key }, approved && !late)
            }
        };
        let next = self.credential(living.place, authority, key, (time, time));
        if approved {
            self.approve(living, id, &next);
        }
        Some((next, why.into()))
    }

    /// The key that leads approves the credential that is about to be issued; a key that does not lead would say so in vain.
    fn approve(&mut self, living: &mut Living, by: CredentialId, next: &Credential) {
        let about = self.book.credentials.len() as CredentialId;
        let time = next.logged + 60 + hours(self.world.life.approval_hours, &mut living.draws);
        let speaker = &self.book.credentials[by as usize];
        let leads = living.story.leading.last().is_some_and(|(_, leading)| {
            let leading = &self.book.credentials[*leading as usize];
            leading.key == speaker.key && leading.not_after >= time
        });
        if leads {
            self.book.state(time, Verb::Approve, (by, about), Why::Approval.into());
            living.stands(about, time, next.not_after);
        }
    }

    fn other_authority(&self, living: &mut Living, current: usize) -> usize {
        let world = self.world;
        let mut shares = world.countries[living.line.country].authorities.clone();
        if shares.len() > 1 {
            shares.remove(&world.authorities[current].name);
        }
        authority(world, &shares, &mut living.draws)
    }
}

impl Living {
    fn stands(&mut self, id: CredentialId, from: u64, not_after: u64) {
        self.story.leading.push((from, id));
        self.covered_until = self.covered_until.max(not_after);
    }
}

impl Story {
    /// The credential that leads at a time.
    pub fn leading_at(&self, time: u64) -> Option<CredentialId> {
        self.leading.iter().rev().find(|(from, _)| *from <= time).map(|(_, id)| *id)
    }

    /// The tenure at a time; none while nobody's key speaks.
    pub fn tenure_at(&self, time: u64) -> Option<&Tenure> {
        self.tenures.iter().rev().find(|tenure| tenure.from <= time).filter(|tenure| time < tenure.until)
    }
}
