//! The last entry checkpoints that a reader can believe, so that there is one for a head of the index that covers less than
//! the newest of them: verifiers take longer than witnesses.

use std::collections::VecDeque;

use super::staging::Tree;

/// The most checkpoints. When there are more, the one is forgotten whose neighbours are nearest to each other: what is kept
/// reaches back as far as before, more coarsely.
const MOST: usize = 64;

/// Checkpoints in the order of their sizes, one of each size.
#[derive(Default)]
pub struct Kept {
    checkpoints: VecDeque<(Tree, String)>,
    /// How many entries the newest head covers, and the one before it: look-ups that were begun in that are still under way.
    covered: u64,
    covered_before: u64,
}

impl Kept {
    /// Adds the newest checkpoint; one of the same tree, perhaps with other cosignatures, is replaced. The newest head
    /// covers `covered` entries; what is older than the newest checkpoint within the head before is forgotten.
    pub fn add(&mut self, tree: Tree, note: &str, covered: u64) {
        if covered > self.covered {
            (self.covered_before, self.covered) = (self.covered, covered);
        }
        match self.checkpoints.back_mut() {
            Some((newest, kept)) if newest.size == tree.size => {
                if kept != note {
                    note.clone_into(kept);
                }
            }
            Some((newest, _)) if newest.size > tree.size => {}
            _ => self.checkpoints.push_back((tree, note.to_owned())),
        }
        while self.checkpoints.get(1).is_some_and(|(second, _)| second.size <= self.covered_before) {
            self.checkpoints.pop_front();
        }
        if self.checkpoints.len() > MOST {
            let gap = |place: &usize| self.checkpoints[place + 1].0.size - self.checkpoints[place - 1].0.size;
            let crowded = (1..self.checkpoints.len() - 1).min_by_key(gap);
            self.checkpoints.remove(crowded.unwrap_or_default());
        }
    }

    /// The newest one of at most `size` entries.
    pub fn within(&self, size: u64) -> Option<&(Tree, String)> {
        self.checkpoints.iter().rev().find(|(tree, _)| tree.size <= size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::Hash;

    fn tree(size: u64) -> Tree {
        Tree { size, root: Hash([size as u8; 32]) }
    }

    #[test]
    fn the_newest_that_fits_is_found_however_far_the_heads_are_behind() {
        let mut kept = Kept::default();
        assert!(kept.within(u64::MAX).is_none());
        for size in 1..=1000 {
            kept.add(tree(size), &size.to_string(), 0);
            assert_eq!(kept.within(size).unwrap().1, size.to_string());
        }
        assert_eq!(kept.checkpoints.len(), MOST);
        assert_eq!(kept.within(1).unwrap().0, tree(1));
        assert!(kept.within(0).is_none());
        let old = kept.within(600).unwrap().0.size;
        assert!((500..=600).contains(&old), "{old}");
        // The heads catch up: what is behind the one before the newest is forgotten.
        kept.add(tree(1000), "newer", 600);
        assert_eq!(kept.within(1).unwrap().0, tree(1));
        kept.add(tree(1000), "newer", 1000);
        assert_eq!(kept.checkpoints.front().unwrap().0.size, old);
        assert_eq!(kept.within(1000).unwrap().1, "newer");
        kept.add(tree(999), "older", 1001);
        assert_eq!((kept.checkpoints.len(), &*kept.checkpoints[0].1), (1, "newer"));
    }

    /// Fails when a checkpoint is forgotten as soon as a newer head covers another one: who began in the older head would be
    /// told that nothing is cosigned.
    #[test]
    fn a_look_up_in_the_head_before_still_has_its_checkpoint() {
        let mut kept = Kept::default();
        for size in 1..10 {
            kept.add(tree(size * 10), "", size * 10);
            assert_eq!(kept.within(size * 10 - 5).is_some(), size > 1);
            kept.add(tree(size * 10), "", size * 10);
        }
        assert_eq!(kept.checkpoints.len(), 2);
    }
}
