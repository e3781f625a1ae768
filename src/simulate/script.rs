//! A whole world, written down before it happens.

use std::collections::BTreeMap;
use std::ops::Range;

use super::attack::{Attack, Attackers};
use super::book::{Book, CredentialId, Event, Why};
use super::cast::Cast;
use super::companies::Companies;
use super::day::HOUR;
use super::life::{Lives, Story};
use super::presence::{Presence, Presences};
use super::world::World;
use crate::synthetic::Draws;

/// All that happens in a world.
pub struct Script {
    /// The world.
    pub world: World,
    /// What everything follows from.
    pub seed: u64,
    /// Its first second and its end, in Unix time.
    pub time: Range<u64>,
    /// Who is there.
    pub cast: Cast,
    /// What happens, in time order.
    pub book: Book,
    /// What became of each number, by its place in the cast.
    pub stories: Vec<Story>,
    /// Where each number is registered.
    pub presences: Vec<Option<Presence>>,
    /// The credentials of each block.
    pub blocks: Vec<Vec<CredentialId>>,
    /// The credentials of each carrier.
    pub carriers: Vec<Vec<CredentialId>>,
    /// What goes wrong.
    pub attacks: Vec<Attack>,
    /// Attacks and victims for which the world had no room.
    pub missing: u32,
}

impl Script {
    /// Writes the world that follows from a seed and begins at `start`, in Unix time, which is taken down to the hour. The
    /// honest lives are the same with attacks and without. Costs about a microsecond for each draw, ten for each number.
    pub fn write(world: World, seed: u64, start: u64) -> Self {
        let start = start / HOUR * HOUR;
        let time = start..start + world.seconds();
        let cast = Cast::of(&world, seed);
        let mut book = Book::default();
        let mut lives = Lives { world: &world, time: time.clone(), book: &mut book };
        let lines = cast.lines.iter().zip(0u32..);
        let stories: Vec<Story> = lines
            .map(|(line, place)| lives.live(place, *line, Draws::of(seed, "life", place.into())))
            .collect();
        let mut registering = Presences { world: &world, end: time.end, book: &mut book };
        let told = stories.iter().zip(&cast.lines).zip(0u64..);
        let presences: Vec<Option<Presence>> = told
            .map(|((story, line), place)| {
                registering.live(story, line.country, Draws::of(seed, "presence", place))
            })
            .collect();
        let mut companies = Companies { world: &world, time: time.clone(), book: &mut book };
        let draws = |kind, place: usize| Draws::of(seed, kind, place as u64);
        let carriers = cast.carriers.iter().enumerate();
        let carriers: Vec<_> =
            carriers.map(|(place, it)| companies.carrier(place, it, draws("carrier", place))).collect();
        let blocks = cast.blocks.iter().enumerate();
        let blocks: Vec<_> =
            blocks.map(|(place, it)| companies.block(place, it, draws("block", place))).collect();
        let lived = (&stories[..], &presences[..], &blocks[..]);
        let mut attackers = Attackers::new(&world, time.clone(), &cast, lived, &mut book);
        attackers.attack(seed);
        let (attacks, missing) = (std::mem::take(&mut attackers.attacks), attackers.missing);
        book.close(time.end);
        Script { world, seed, time, cast, book, stories, presences, blocks, carriers, attacks, missing }
    }

    /// What happens, in time order.
    pub fn events(&self) -> &[Event] {
        &self.book.events
    }

    /// How much happens of each kind.
    pub fn counts(&self) -> BTreeMap<Why, u64> {
        let mut counts = BTreeMap::new();
        for event in self.events() {
            *counts.entry(event.why).or_default() += 1;
        }
        counts
    }
}
