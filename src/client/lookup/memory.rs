//! What a client keeps of the answer to a question, so that it is told what is new alone.

use std::collections::BTreeMap;

use super::LookupError;
use super::request::Response;
use crate::index::{Answer, IndexHead, Known, ListCommitment, ListPage};
use crate::label::Label;

/// The answer to one question as it is known, to be told what is new the next time. As secret as the numbers whose labels
/// it holds.
#[derive(Clone, Default)]
pub struct Memory {
    /// The size of the head that it was answered in.
    pub(super) size: u64,
    pub(super) answer: Answer,
    pub(super) lists: Lists,
    items: BTreeMap<Label, Vec<u64>>,
}

impl Memory {
    /// How many entries of the log it covers: it is complete as of then.
    pub fn covers(&self) -> u64 {
        self.size
    }

    /// Every label that was found, with the indexes of all entries that carry it, ascending.
    pub fn items(&self) -> &BTreeMap<Label, Vec<u64>> {
        &self.items
    }

    /// As it was kept. None when items do not rise, are none, or lie beyond the log.
    pub(super) fn new(size: u64, items: BTreeMap<Label, Vec<u64>>) -> Option<Self> {
        let good = |items: &Vec<u64>| {
            items.is_sorted_by(|a, b| a < b) && items.last().is_some_and(|last| *last < size)
        };
        if !items.values().all(good) {
            return None;
        }
        let list = |items: &Vec<u64>| ListCommitment::of(items);
        let known = |items: &Vec<u64>| Known { list: list(items), last: items.last().copied() };
        let answer = Answer::new(items.iter().map(|(label, items)| (*label, list(items))).collect());
        let lists = Lists(items.iter().map(|(label, items)| (*label, known(items))).collect());
        Some(Memory { size, answer, lists, items })
    }

    /// Takes up what was read in one head.
    pub(super) fn advance(&mut self, size: u64, answer: Answer, read: &Reading) {
        for (label, items) in &read.items {
            self.items.entry(*label).or_default().extend_from_slice(items);
        }
        (self.size, self.answer, self.lists) = (size, answer, read.lists.clone());
    }
}

/// What is new of a question.
#[derive(Clone, Debug)]
pub struct News {
    /// The head that it is complete in.
    pub head: IndexHead,
    /// Indexes of the entries that carry a label and were not known before, ascending.
    pub items: BTreeMap<Label, Vec<u64>>,
}

/// How far each list was read.
#[derive(Clone, Default)]
pub(super) struct Lists(BTreeMap<Label, Known>);

impl Lists {
    pub(super) fn known(&self, label: &Label) -> Known {
        self.0.get(label).copied().unwrap_or(Known::NOTHING)
    }

    fn is_complete(&self, label: &Label, list: &ListCommitment) -> bool {
        self.known(label).list == *list
    }
}

/// Lists while they are read.
pub(super) struct Reading {
    pub(super) lists: Lists,
    pub(super) items: BTreeMap<Label, Vec<u64>>,
}

impl Reading {
    /// Takes the pages that go on from what is known. Others show nothing, and what is missing then is asked for again.
    pub(super) fn take(&mut self, answer: &Answer, response: Response) -> Result<(), LookupError> {
        for (label, page) in response.pages {
            let list = answer.list(&label);
            if list == ListCommitment::NONE {
                return Err(LookupError::Uninvited);
            }
            let known = self.lists.known(&label);
            if page.first == known.list.count {
                self.add(label, &page, page.check(&known, &list, response.head.size)?);
            }
        }
        Ok(())
    }

    fn add(&mut self, label: Label, page: &ListPage, known: Known) {
        self.lists.0.insert(label, known);
        self.items.entry(label).or_default().extend_from_slice(&page.items);
    }

    /// The labels whose list is not read as the answer has it.
    pub(super) fn missing(&self, answer: &Answer) -> Vec<Label> {
        let lists = answer.labels().iter();
        lists.filter(|(label, list)| !self.lists.is_complete(label, list)).map(|(label, _)| *label).collect()
    }

    pub(super) fn count(&self) -> usize {
        self.items.values().map(Vec::len).sum()
    }
}
