//! What no world can be.

use super::{Country, Span, World, WorldError};
use crate::calling_code::{calling_code, is_assigned};
use crate::registration::MAX_VALIDITY;
use crate::simulate::cast::room;
use crate::simulate::world::Shares;

const DAY: f64 = 86_400.0;
/// What a program can hold in its memory.
const MAX_NUMBERS: u64 = 5_000_000;
const MAX_WEEKS: u32 = 520;
const MAX_DAYS: u32 = 36_500;

fn wrong(what: impl Into<String>) -> WorldError {
    WorldError::Figure(what.into())
}

impl World {
    pub(super) fn check(&self) -> Result<(), WorldError> {
        if !(1..=MAX_WEEKS).contains(&self.weeks) {
            return Err(wrong(format!("weeks must be from 1 to {MAX_WEEKS}")));
        }
        if self.step_minutes == 0 || 60 % self.step_minutes != 0 {
            return Err(wrong("step_minutes must divide an hour"));
        }
        if self.company_words.iter().any(Vec::is_empty) {
            return Err(wrong("company_words needs three lists of words, none empty"));
        }
        if self.countries.iter().map(|country| u64::from(country.numbers)).sum::<u64>() > MAX_NUMBERS {
            return Err(wrong(format!("all countries together have at most {MAX_NUMBERS} numbers")));
        }
        self.check_shares()?;
        self.check_spans()?;
        self.check_lives()?;
        self.countries.iter().try_for_each(|country| self.check_country(country))?;
        self.check_authorities("carriers", &self.carriers.authorities)
    }

    fn check_shares(&self) -> Result<(), WorldError> {
        let (life, attacks) = (&self.life, &self.attacks);
        let mut shares = vec![
            ("population.existing", self.population.existing),
            ("population.weekend", self.population.weekend),
            ("life.new_key", life.new_key),
            ("life.approved", life.approved),
            ("life.late", life.late),
            ("life.lost_other_authority", life.lost_other_authority),
            ("life.port_approved", life.port_approved),
            ("registrations.share", self.registrations.share),
            ("registrations.withdraws_old", self.registrations.withdraws_old),
            ("carriers.new_key", self.carriers.new_key),
            ("carriers.two_authorities", self.carriers.two_authorities),
            ("carriers.two_spellings", self.carriers.two_spellings),
            ("ranges.new_key", self.ranges.new_key),
            ("attacks.reroute.same_authority", attacks.reroute.same_authority),
            ("attacks.reroute.registers", attacks.reroute.registers),
            ("attacks.reroute.disputed", attacks.reroute.disputed),
        ];
        shares.extend(attacks.waves.iter().flat_map(|wave| {
            [("attacks.waves.share", wave.share), ("attacks.waves.registers", wave.registers)]
        }));
        let outside = shares.into_iter().find(|(_, share)| !(0.0..=1.0).contains(share));
        outside.map_or(Ok(()), |(name, _)| Err(wrong(format!("{name} must be from 0 to 1"))))
    }

    fn check_spans(&self) -> Result<(), WorldError> {
        let (life, presence, attacks) = (&self.life, &self.registrations, &self.attacks);
        let mut spans = vec![
            ("life.approval_hours", life.approval_hours),
            ("life.late_days", life.late_days),
            ("life.silent_days", life.silent_days),
            ("life.new_holder_after_days", life.new_holder_after_days),
            ("life.lost_per_year", [life.lost_per_year; 2]),
            ("life.ports_per_year", [life.ports_per_year; 2]),
            ("life.left_per_year", [life.left_per_year; 2]),
            ("registrations.begins_after_days", presence.begins_after_days),
            ("registrations.renews_after_days", presence.renews_after_days),
            ("registrations.moves_after_hours", presence.moves_after_hours),
            ("registrations.left_per_year", [presence.left_per_year; 2]),
            ("carriers.renews_before_days", self.carriers.renews_before_days),
            ("ranges.renews_before_days", self.ranges.renews_before_days),
            ("ranges.moves_per_year", [self.ranges.moves_per_year; 2]),
            ("population.rollout_days", [self.population.rollout_days; 2]),
            ("attacks.first_day", [attacks.first_day; 2]),
            ("attacks.last_days", [attacks.last_days; 2]),
            ("attacks.well_inside_days", [attacks.well_inside_days; 2]),
            ("attacks.reroute.register_hours", attacks.reroute.register_hours),
            ("attacks.reroute.dispute_hours", attacks.reroute.dispute_hours),
            ("attacks.rogue_issuer.hours", [attacks.rogue_issuer.hours; 2]),
            ("attacks.registration_takeover.hours", attacks.registration_takeover.hours),
        ];
        spans.extend(
            self.authorities.iter().map(|ca| ("authorities.renews_before_days", ca.renews_before_days)),
        );
        spans.extend(attacks.waves.iter().map(|wave| ("attacks.waves.hours", [wave.hours; 2])));
        spans.extend(self.population.hours.iter().map(|hour| ("population.hours", [*hour; 2])));
        let is_span = |[least, most]: Span| least >= 0.0 && least <= most && most <= f64::from(MAX_DAYS);
        let odd = spans.into_iter().find(|(_, span)| !is_span(*span));
        odd.map_or(Ok(()), |(name, _)| {
            Err(wrong(format!(
                "{name} must be no less than 0 and no more than {MAX_DAYS}, the least figure first"
            )))
        })?;
        if presence.renews_after_days[0] <= 0.0 {
            return Err(wrong("registrations.renews_after_days must be more than 0"));
        }
        Ok(())
    }

    fn check_lives(&self) -> Result<(), WorldError> {
        let own = self.authorities.iter().map(|ca| (&*ca.name, ca.validity_days, ca.renews_before_days));
        let others = [
            ("carriers", self.carriers.validity_days, self.carriers.renews_before_days),
            ("ranges", self.ranges.validity_days, self.ranges.renews_before_days),
        ];
        for (name, validity, [_, most]) in own.chain(others) {
            if validity > MAX_DAYS || f64::from(validity) < most + 1.0 {
                return Err(wrong(format!(
                    "{name}: validity_days must be a day longer than the most of renews_before_days, and at most {MAX_DAYS}"
                )));
            }
        }
        if let Some(ca) = self.authorities.iter().find(|ca| ca.renewal_hour.is_some_and(|hour| hour > 23)) {
            return Err(wrong(format!("{}: renewal_hour must be from 0 to 23", ca.name)));
        }
        if f64::from(self.registrations.validity_days) * DAY > MAX_VALIDITY as f64
            || self.registrations.validity_days == 0
        {
            return Err(wrong("registrations.validity_days must be from 1 to 30"));
        }
        if self.registrations.services.is_empty() || self.registrations.resolution_services.is_empty() {
            return Err(wrong("registrations need a service and a Resolution Service"));
        }
        Ok(())
    }

    fn check_country(&self, country: &Country) -> Result<(), WorldError> {
        let code = country.calling_code;
        if !is_assigned(code) {
            return Err(wrong(format!("{code} is no assigned calling code")));
        }
        if !(-12..=14).contains(&country.utc_offset_hours) {
            return Err(wrong(format!("country {code}: utc_offset_hours must be from -12 to 14")));
        }
        let begins =
            |pattern: &String| calling_code(pattern.split(['x', 'n']).next().unwrap_or("")) == Some(code);
        let is_pattern = |pattern: &String, last: &str| {
            let digits = pattern.trim_end_matches('n');
            let free = pattern.len() - digits.len();
            let fits = if last == "n" { (1..=4).contains(&free) } else { free == 0 };
            let known = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'x');
            fits && known && (7..=15).contains(&pattern.len()) && begins(pattern)
        };
        if !country.patterns.iter().all(|pattern| is_pattern(pattern, "x")) {
            return Err(wrong(format!(
                "country {code}: a pattern is 7 to 15 digits and x, and begins with the calling code"
            )));
        }
        if !country.ranges.iter().all(|pattern| is_pattern(pattern, "n")) {
            return Err(wrong(format!(
                "country {code}: a range is 7 to 15 digits and x, the last one to four of them n, and begins with the calling code"
            )));
        }
        let room: u64 = country.patterns.iter().map(|pattern| room(pattern)).sum();
        if room < country.numbers.into() {
            return Err(wrong(format!("country {code}: its patterns have room for {room} numbers alone")));
        }
        self.check_authorities(&format!("country {code}"), &country.authorities)
    }

    fn check_authorities(&self, whose: &str, shares: &Shares) -> Result<(), WorldError> {
        let is_known = |name: &String| self.authorities.iter().any(|ca| ca.name == *name);
        match shares.keys().find(|name| !is_known(name)) {
            Some(name) => Err(wrong(format!("{whose}: there is no authority {name:?}"))),
            None if shares.values().any(|share| *share > 0.0 && share.is_finite()) => Ok(()),
            None => Err(wrong(format!("{whose}: it needs an authority with a share above 0"))),
        }
    }
}
