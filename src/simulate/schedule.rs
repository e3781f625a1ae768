//! In which batches events are submitted: those of one step together, and what speaks of another event of the step after it.

use std::collections::HashMap;

use super::book::{Event, Subject, What};
use super::script::Script;

/// Events that are submitted together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The log's time, in Unix seconds: no event of the batch comes later, nor more than a step before.
    pub time: u64,
    /// Places in [`Script::events`], in order.
    pub events: Vec<usize>,
}

/// What an event must wait for, and what others wait for in it.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Thing<'a> {
    Credential(u32),
    Slot(&'a Subject, u64, usize, usize),
}

/// The batches of a script, in time order. No two have the same time.
pub fn schedule(script: &Script) -> Vec<Batch> {
    let step = u64::from(script.world.step_minutes) * 60;
    let events = script.events();
    let mut batches = Vec::new();
    let mut first = 0;
    while first < events.len() {
        let number = events[first].time / step;
        let count = events[first..].iter().take_while(|event| event.time / step == number).count();
        let end = (number + 1) * step;
        let generations = generations(script, first..first + count);
        batches.extend((end..).zip(generations).map(|(time, events)| Batch { time, events }));
        first += count;
    }
    batches
}

/// The events of a step: those that wait for none of it, those that wait for these, and so on.
fn generations(script: &Script, step: std::ops::Range<usize>) -> Vec<Vec<usize>> {
    let mut known: HashMap<Thing<'_>, usize> = HashMap::new();
    let mut generations: Vec<Vec<usize>> = Vec::new();
    for place in step {
        let event = &script.events()[place];
        let things = things(script, event);
        let generation = things.iter().filter_map(|thing| known.get(thing)).max().map_or(0, |last| last + 1);
        known.extend(things.into_iter().filter(|thing| is_changed(thing, event)).map(|it| (it, generation)));
        if generations.len() <= generation {
            generations.resize(generation + 1, Vec::new());
        }
        generations[generation].push(place);
    }
    generations
}

fn things<'a>(script: &'a Script, event: &Event) -> Vec<Thing<'a>> {
    match event.what {
        What::Issue(id, _) => vec![Thing::Credential(id)],
        What::State { by, about, .. } => vec![Thing::Credential(by), Thing::Credential(about)],
        What::Register(id) => {
            let said = &script.book.registrations[id as usize];
            let credential = &script.book.credentials[said.credential as usize];
            let slot =
                Thing::Slot(&credential.subject, credential.key, said.resolution_service, said.service);
            vec![Thing::Credential(said.credential), slot]
        }
    }
}

fn is_changed(thing: &Thing<'_>, event: &Event) -> bool {
    match thing {
        Thing::Credential(_) => matches!(event.what, What::Issue(..)),
        Thing::Slot(..) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::world::{DEFAULT, World};
    use std::collections::HashSet;

    #[test]
    fn batches_hold_every_event_once_and_after_what_it_speaks_of() {
        let script = Script::write(World::parse(DEFAULT).unwrap(), 5, 1_736_121_600);
        let batches = schedule(&script);
        let mut seen = HashSet::new();
        let mut done: HashMap<Thing<'_>, u64> = HashMap::new();
        let mut last = 0;
        for batch in &batches {
            assert!(batch.time > last);
            last = batch.time;
            for place in &batch.events {
                assert!(seen.insert(*place));
                let event = &script.events()[*place];
                assert!(event.time <= batch.time && batch.time - event.time < 3600 + 10);
                for thing in things(&script, event) {
                    let before = done.get(&thing);
                    let is_first = matches!(event.what, What::Issue(..)) || matches!(thing, Thing::Slot(..));
                    assert!(before.is_none_or(|time| *time < batch.time), "in the same batch");
                    assert!(before.is_some() || is_first);
                }
            }
            for place in &batch.events {
                let event = &script.events()[*place];
                let changed = things(&script, event).into_iter().filter(|thing| is_changed(thing, event));
                done.extend(changed.map(|thing| (thing, batch.time)));
            }
        }
        assert_eq!(seen.len(), script.events().len());
    }
}
