//! When people and machines do things.

use super::world::World;
use crate::synthetic::Draws;

/// Seconds.
pub const HOUR: u64 = 3600;
/// Seconds.
pub const DAY: u64 = 86_400;

/// A world that stops drawing after so many days is one in which nobody is ever awake.
const DAYS: u64 = 30;

/// The first moment from `earliest` on at which somebody in this country does something: in an hour of his day by its weight,
/// on a day of the weekend more rarely.
pub fn awake(world: &World, country: usize, earliest: u64, draws: &mut Draws) -> u64 {
    let population = &world.population;
    let offset = i64::from(world.countries[country].utc_offset_hours) * HOUR as i64;
    let local = earliest.saturating_add_signed(offset);
    let moment = (local / DAY..).take(DAYS as usize).find_map(|day| {
        // The first of January 1970 was a Thursday.
        let is_weekend = (day + 3) % 7 >= 5;
        if is_weekend && !draws.chance(population.weekend) {
            return None;
        }
        let hour = draws.weighted(&population.hours) as u64;
        Some(day * DAY + hour * HOUR + draws.word() % HOUR).filter(|moment| *moment >= local)
    });
    moment.unwrap_or(local).saturating_add_signed(-offset)
}

/// The first moment from `earliest` on in this hour of a day, UTC: when a machine does what is due.
pub fn at_hour(hour: u32, earliest: u64, draws: &mut Draws) -> u64 {
    let moment = earliest / DAY * DAY + u64::from(hour) * HOUR + draws.word() % HOUR;
    if moment < earliest { moment + DAY } else { moment }
}

/// So many days in seconds, between two figures.
pub fn days(span: [f64; 2], draws: &mut Draws) -> u64 {
    (draws.between(span) * DAY as f64) as u64
}

/// So many hours in seconds, between two figures.
pub fn hours(span: [f64; 2], draws: &mut Draws) -> u64 {
    (draws.between(span) * HOUR as f64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::world::DEFAULT;

    #[test]
    fn people_are_asleep_at_night_and_machines_are_not() {
        let world = World::parse(DEFAULT).unwrap();
        let mut draws = Draws::new(1);
        let mut weekend = 0;
        for n in 0..2_000u64 {
            let earliest = 1_736_000_000 + n * 5_000;
            let moment = awake(&world, 0, earliest, &mut draws);
            assert!(moment >= earliest && moment < earliest + 10 * DAY);
            let local = moment - 5 * HOUR;
            assert!(world.population.hours[(local % DAY / HOUR) as usize] > 0.0);
            weekend += u64::from((local / DAY + 3) % 7 >= 5);
            let machine = at_hour(3, earliest, &mut draws);
            assert!(machine >= earliest && machine % DAY / HOUR == 3);
        }
        // Two days of seven at a weight of 0.6.
        let share = weekend as f64 / 2_000.0;
        assert!((0.14..0.26).contains(&share), "{share}");
    }
}
