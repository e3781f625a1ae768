//! Who and what there is in a world: numbers, blocks, carriers, by draws of the seed.

use std::collections::HashSet;

use super::world::{Country, Shares, World};
use crate::number::Number;
use crate::synthetic::Draws;

/// Tries for a block that is not taken yet.
const TRIES: usize = 100;

/// A telephone number of the world.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// The number; it belongs to nobody.
    pub number: Number,
    /// Its place in [`World::countries`].
    pub country: usize,
    /// Whether its holder watches it.
    pub watched: bool,
}

/// A block of numbers that a company holds.
#[derive(Clone, Debug)]
pub struct Block {
    /// The digits that all of its numbers begin with.
    pub prefix: String,
    /// How many digits follow.
    pub free: u32,
    /// Its place in [`World::countries`].
    pub country: usize,
    /// Whether its holder watches it.
    pub watched: bool,
}

/// A carrier.
#[derive(Clone, Debug)]
pub struct Carrier {
    /// Its service provider code.
    pub code: String,
    /// Whether it watches its code.
    pub watched: bool,
}

/// All of them.
#[derive(Clone, Debug)]
pub struct Cast {
    /// Numbers.
    pub lines: Vec<Line>,
    /// Blocks, none of which overlap.
    pub blocks: Vec<Block>,
    /// Carriers.
    pub carriers: Vec<Carrier>,
}

impl Cast {
    /// Draws them.
    pub fn of(world: &World, seed: u64) -> Self {
        let mut cast = Cast { lines: Vec::new(), blocks: Vec::new(), carriers: Vec::new() };
        for (place, country) in world.countries.iter().enumerate() {
            cast.lines.extend(lines(country, place, &mut Draws::of(seed, "lines", place as u64)));
            let share = f64::from(country.numbers) / f64::from(world.numbers().max(1));
            let count = (f64::from(world.ranges.holders) * share).round() as usize;
            cast.blocks.extend(blocks(country, place, count, &mut Draws::of(seed, "blocks", place as u64)));
        }
        cast.carriers.extend((0..world.carriers.count).map(|n| Carrier { code: code(n), watched: false }));
        let mut draws = Draws::of(seed, "watched", 0);
        for place in some(cast.lines.len(), world.watch.numbers, &mut draws) {
            cast.lines[place].watched = true;
        }
        for place in some(cast.blocks.len(), world.watch.ranges, &mut draws) {
            cast.blocks[place].watched = true;
        }
        for place in some(cast.carriers.len(), world.watch.carriers, &mut draws) {
            cast.carriers[place].watched = true;
        }
        cast
    }
}

/// The name of the `n`th company.
pub fn company(world: &World, n: u64) -> String {
    let mut draws = Draws::of(n, "company", 0);
    let words = world.company_words.iter().map(|words| draws.pick(words).cloned().unwrap_or_default());
    words.collect::<Vec<_>>().join(" ")
}

/// The place of a CA, each as likely as its share.
pub fn authority(world: &World, shares: &Shares, draws: &mut Draws) -> usize {
    let share = |name: &str| shares.get(name).copied().unwrap_or(0.0);
    draws.weighted(&world.authorities.iter().map(|ca| share(&ca.name)).collect::<Vec<_>>())
}

/// How many texts a pattern stands for.
pub(super) fn room(pattern: &str) -> u64 {
    10u64.saturating_pow(pattern.bytes().filter(|byte| *byte == b'x').count() as u32)
}

/// Service provider codes as real ones look: three digits and a letter, more of them further on.
fn code(n: u32) -> String {
    format!("{:03}{}", n % 1000, char::from(b'A' + (n / 1000 % 26) as u8))
}

/// Some of so many places, in order.
fn some(count: usize, wanted: u32, draws: &mut Draws) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).collect();
    let wanted = (wanted as usize).min(count);
    for place in 0..wanted {
        let other = place + draws.below(count - place);
        places.swap(place, other);
    }
    places.truncate(wanted);
    places
}

/// The numbers of a country: no two the same, and none in order.
fn lines(country: &Country, place: usize, draws: &mut Draws) -> Vec<Line> {
    let rooms: Vec<f64> = country.patterns.iter().map(|pattern| room(pattern) as f64).collect();
    let mut taken = HashSet::new();
    let mut lines = Vec::new();
    while lines.len() < country.numbers as usize {
        let pattern = &country.patterns[draws.weighted(&rooms)];
        let number = Number::new(&fill(pattern, draws.word() % room(pattern)));
        let number = number.expect("a pattern that was checked makes numbers");
        if taken.insert(number) {
            lines.push(Line { number, country: place, watched: false });
        }
    }
    lines
}

fn blocks(country: &Country, place: usize, count: usize, draws: &mut Draws) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for _ in 0..count * TRIES {
        let Some(pattern) = draws.pick(&country.ranges).filter(|_| blocks.len() < count) else { break };
        let fixed = pattern.trim_end_matches('n');
        let prefix = fill(fixed, draws.word() % room(fixed));
        let overlaps = |block: &Block| block.prefix.starts_with(&prefix) || prefix.starts_with(&block.prefix);
        if !blocks.iter().any(overlaps) {
            let free = (pattern.len() - fixed.len()) as u32;
            blocks.push(Block { prefix, free, country: place, watched: false });
        }
    }
    blocks
}

/// The pattern with the digits of `value` in the place of its `x`.
fn fill(pattern: &str, mut value: u64) -> String {
    let mut digit = |c| match c {
        'x' => {
            let digit = char::from(b'0' + (value % 10) as u8);
            value /= 10;
            digit
        }
        other => other,
    };
    pattern.chars().map(&mut digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::world::DEFAULT;

    #[test]
    fn numbers_are_distinct_of_their_country_and_follow_from_the_seed() {
        let world = World::parse(DEFAULT).unwrap();
        let cast = Cast::of(&world, 3);
        assert_eq!(cast.lines.len(), world.numbers() as usize);
        let distinct: HashSet<Number> = cast.lines.iter().map(|line| line.number).collect();
        assert_eq!(distinct.len(), cast.lines.len());
        for line in &cast.lines {
            assert_eq!(line.number.calling_code(), Some(world.countries[line.country].calling_code));
        }
        let again = Cast::of(&world, 3);
        assert!(cast.lines.iter().zip(&again.lines).all(|(one, other)| one.number == other.number));
        let watched = cast.lines.iter().filter(|line| line.watched).count();
        assert_eq!(watched, world.watch.numbers as usize);
    }

    #[test]
    fn blocks_do_not_overlap_and_patterns_are_filled() {
        assert_eq!(fill("1x3xx", 987), "17389");
        assert_eq!(room("1x3xx"), 1000);
        let world = World::parse(DEFAULT).unwrap();
        let blocks = Cast::of(&world, 4).blocks;
        assert!(blocks.len() > 60, "{}", blocks.len());
        for (place, block) in blocks.iter().enumerate() {
            assert!(blocks[..place].iter().all(|other| !other.prefix.starts_with(&block.prefix)));
        }
    }
}
