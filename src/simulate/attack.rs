//! What goes wrong in a world: attacks that are put into the honest lives, which they do not change.

mod hijack;
mod target;

use std::collections::HashSet;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::book::{AttackId, Book, Cause, Credential, CredentialId, Registering, Subject, Why};
use super::cast::Cast;
use super::day::{DAY, HOUR, hours};
use super::life::Story;
use super::presence::Presence;
use super::world::{Span, Verification, World};
use crate::entry::{Action, Verb};
use crate::synthetic::Draws;

/// What kind of attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The text message to one number is rerouted.
    Reroute,
    /// The text messages to a share of a country's numbers are.
    Wave,
    /// A CA issues for numbers that it was not asked for.
    RogueIssuer,
    /// Somebody obtains a block that he does not hold.
    RangeHijack,
    /// A reroute, and then the number's registration under the attacker's key.
    RegistrationTakeover,
}

/// An attack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attack {
    /// What kind.
    pub kind: Kind,
    /// Whom it hits, in no order.
    pub victims: Vec<Victim>,
}

/// One victim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Victim {
    /// The attacker's credential.
    pub credential: CredentialId,
    /// The credential of the victim's that covered the number, or the block, then.
    pub covered_by: Option<CredentialId>,
    /// The calling code of the number or block.
    pub calling_code: u16,
    /// Whether the victim watches.
    pub watched: bool,
}

/// What attackers know and do.
pub struct Attackers<'a> {
    /// The world.
    pub world: &'a World,
    /// Its first second and its end.
    pub time: Range<u64>,
    /// Who is there.
    pub cast: &'a Cast,
    /// What became of each number.
    pub stories: &'a [Story],
    /// Where each number is registered.
    pub presences: &'a [Option<Presence>],
    /// The credentials of each block.
    pub blocks: &'a [Vec<CredentialId>],
    /// What happens.
    pub book: &'a mut Book,
    /// The attacks so far.
    pub attacks: Vec<Attack>,
    /// Numbers and blocks that are victims already: no one is twice.
    taken: Taken,
    /// Attacks and victims for which the world had no room.
    pub missing: u32,
}

#[derive(Default)]
struct Taken {
    lines: HashSet<u32>,
    blocks: HashSet<usize>,
}

/// What a reroute is for.
struct Reroute {
    attack: AttackId,
    why: Why,
    line: u32,
    time: u64,
    authority: usize,
}

impl<'a> Attackers<'a> {
    /// Attackers who have done nothing yet.
    pub fn new(
        world: &'a World,
        time: Range<u64>,
        cast: &'a Cast,
        lives: (&'a [Story], &'a [Option<Presence>], &'a [Vec<CredentialId>]),
        book: &'a mut Book,
    ) -> Self {
        let (stories, presences, blocks) = lives;
        let (attacks, taken) = (Vec::new(), Taken::default());
        Attackers { world, time, cast, stories, presences, blocks, book, attacks, taken, missing: 0 }
    }

    /// Does all that the world's file says.
    pub fn attack(&mut self, seed: u64) {
        let rates = &self.world.attacks;
        let takeovers = &rates.registration_takeover;
        for (watched, count) in [(true, takeovers.watched), (false, takeovers.others)] {
            for n in 0..count {
                self.take_over(watched, Draws::of(seed, "takeover", u64::from(n) << 1 | u64::from(watched)));
            }
        }
        for (watched, count) in [(true, rates.reroute.watched), (false, rates.reroute.others)] {
            for n in 0..count {
                self.reroute_one(watched, Draws::of(seed, "reroute", u64::from(n) << 1 | u64::from(watched)));
            }
        }
        for n in 0..rates.rogue_issuer.authorities {
            self.issue_unasked(Draws::of(seed, "rogue", n.into()));
        }
        for n in 0..rates.waves.len() {
            self.wave(n, Draws::of(seed, "wave", n as u64));
        }
        for (watched, count) in [(true, rates.range_hijack.watched), (false, rates.range_hijack.others)] {
            for n in 0..count {
                self.hijack(watched, Draws::of(seed, "hijack", u64::from(n) << 1 | u64::from(watched)));
            }
        }
    }

    fn reroute_one(&mut self, watched: bool, mut draws: Draws) {
        let rates = &self.world.attacks.reroute;
        let time = self.moment(0, &mut draws);
        let Some(line) = self.find_line(watched, time, &mut draws) else { return self.miss() };
        let own = self.book.credentials
            [self.stories[line as usize].leading_at(time).expect("it leads") as usize]
            .authority;
        let authority = match self.world.authorities[own].verifies_by {
            Verification::Sms if draws.chance(rates.same_authority) => Some(own),
            _ => self.text_message_authority(&mut draws),
        };
        let Some(authority) = authority else { return self.miss() };
        let attack = self.begin(Kind::Reroute);
        let victim = self.reroute(&Reroute { attack, why: Why::Reroute, line, time, authority });
        if draws.chance(rates.registers) {
            self.register(&victim, line, time + hours(rates.register_hours, &mut draws), &mut draws);
        }
        if draws.chance(rates.disputed) {
            self.dispute(&victim, time + hours(rates.dispute_hours, &mut draws), attack);
        }
        self.attacks[attack as usize].victims.push(victim);
    }

    fn take_over(&mut self, watched: bool, mut draws: Draws) {
        let within: Span = self.world.attacks.registration_takeover.hours;
        let time = self.moment(0, &mut draws);
        let Some(line) = self.find_registered(watched, time, &mut draws) else { return self.miss() };
        let Some(authority) = self.text_message_authority(&mut draws) else { return self.miss() };
        let attack = self.begin(Kind::RegistrationTakeover);
        let why = Why::RegistrationTakeover;
        let victim = self.reroute(&Reroute { attack, why, line, time, authority });
        self.register(&victim, line, time + hours(within, &mut draws), &mut draws);
        self.attacks[attack as usize].victims.push(victim);
    }

    fn wave(&mut self, place: usize, mut draws: Draws) {
        let wave = &self.world.attacks.waves[place];
        let length = (wave.hours * HOUR as f64) as u64;
        let begins = self.moment(length, &mut draws);
        let numbers: u32 = self.in_country(wave.calling_code).map(|country| country.numbers).sum();
        let wanted = (f64::from(numbers) * wave.share).round() as usize;
        let lines = self.find_lines(Some(wave.calling_code), wanted, begins..begins + length, &mut draws);
        let one = self.text_message_authority(&mut draws).filter(|_| !lines.is_empty());
        let Some(one) = one else { return self.miss() };
        self.missing += (wanted - lines.len()) as u32;
        let attack = self.begin(Kind::Wave);
        for line in lines {
            let time = begins + draws.word() % length.max(1);
            let other = if wave.one_authority { None } else { self.text_message_authority(&mut draws) };
            let authority = other.unwrap_or(one);
            let victim = self.reroute(&Reroute { attack, why: Why::Wave, line, time, authority });
            if draws.chance(wave.registers) {
                let within = self.world.attacks.reroute.register_hours;
                self.register(&victim, line, time + hours(within, &mut draws), &mut draws);
            }
            self.attacks[attack as usize].victims.push(victim);
        }
    }

    fn issue_unasked(&mut self, mut draws: Draws) {
        let rates = &self.world.attacks.rogue_issuer;
        let length = (rates.hours * HOUR as f64) as u64;
        let begins = self.moment(length, &mut draws);
        let authority = draws.below(self.world.authorities.len());
        let lines = self.find_lines(None, rates.numbers as usize, begins..begins + length, &mut draws);
        let customer = |line: &u32| {
            let leading = self.stories[*line as usize].leading_at(begins);
            leading.is_some_and(|id| self.book.credentials[id as usize].authority == authority)
        };
        let lines: Vec<u32> = lines.into_iter().filter(|line| !customer(line)).collect();
        if lines.is_empty() {
            return self.miss();
        }
        let attack = self.begin(Kind::RogueIssuer);
        for line in lines {
            let time = begins + draws.word() % length.max(1);
            let victim = self.reroute(&Reroute { attack, why: Why::RogueIssuer, line, time, authority });
            self.attacks[attack as usize].victims.push(victim);
        }
    }

    fn begin(&mut self, kind: Kind) -> AttackId {
        self.attacks.push(Attack { kind, victims: Vec::new() });
        (self.attacks.len() - 1) as AttackId
    }

    fn miss(&mut self) {
        self.missing += 1;
    }

    /// A moment at which something that takes so long can begin.
    fn moment(&self, length: u64, draws: &mut Draws) -> u64 {
        let rates = &self.world.attacks;
        let first = self.time.start + (rates.first_day * DAY as f64) as u64;
        let last = self.time.end.saturating_sub((rates.last_days * DAY as f64) as u64 + length);
        first + draws.word() % last.saturating_sub(first).max(1)
    }

    /// A CA that believes who receives a text message; none in a world without.
    fn text_message_authority(&self, draws: &mut Draws) -> Option<usize> {
        let authorities = self.world.authorities.iter().enumerate();
        let by_text =
            authorities.filter(|(_, ca)| ca.verifies_by == Verification::Sms).map(|(place, _)| place);
        draws.pick(&by_text.collect::<Vec<_>>()).copied()
    }

    /// A credential with the attacker's key for a number that is covered.
    fn reroute(&mut self, reroute: &Reroute) -> Victim {
        let Reroute { attack, why, line, time, authority } = *reroute;
        let covered_by = self.stories[line as usize].leading_at(time);
        let credential = self.hostile(Subject::Line(line), authority, time);
        let cause = Cause { why, attack: Some(attack) };
        let credential = self.book.issue(self.world, credential, cause);
        let line = self.cast.lines[line as usize];
        let calling_code = self.world.countries[line.country].calling_code;
        Victim { credential, covered_by, calling_code, watched: line.watched }
    }

    fn hostile(&mut self, subject: Subject, authority: usize, logged: u64) -> Credential {
        let validity = u64::from(self.world.authorities[authority].validity_days) * DAY;
        let (key, not_after) = (self.book.new_key(), logged + validity - 1);
        Credential { subject, authority, key, logged, not_before: logged, not_after }
    }

    /// The attacker registers the number, where its holder is registered if he is anywhere.
    fn register(&mut self, victim: &Victim, line: u32, time: u64, draws: &mut Draws) {
        let rates = &self.world.registrations;
        let presence = self.presences[line as usize].as_ref();
        let service = presence.map_or_else(|| draws.below(rates.services.len()), |presence| presence.service);
        let resolution_service = draws.below(rates.resolution_services.len());
        let made = time.max(self.book.credentials[victim.credential as usize].logged + 60);
        let not_after = made + u64::from(rates.validity_days) * DAY - 1;
        let (credential, action) = (victim.credential, Action::Register);
        let said = Registering { credential, service, resolution_service, action, made, not_after };
        let attack = Some((self.attacks.len() - 1) as AttackId);
        self.book.register(said, Cause { why: Why::HostileRegistration, attack });
    }

    /// The victim objects, as long as his key has a say.
    fn dispute(&mut self, victim: &Victim, time: u64, attack: AttackId) {
        let Some(by) = victim.covered_by else { return };
        if self.book.credentials[by as usize].not_after >= time {
            let cause = Cause { why: Why::Dispute, attack: Some(attack) };
            self.book.state(time, Verb::Dispute, (by, victim.credential), cause);
        }
    }
}
