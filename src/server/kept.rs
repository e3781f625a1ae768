//! The last entry checkpoints that a reader can believe, so that there is one for a head of the index that covers less than
//! the newest of them: verifiers take longer than witnesses.

use std::collections::VecDeque;

use super::staging::Tree;

/// The most checkpoints. When there are more, the one is forgotten whose neighbours are nearest to each other: what is kept
/// reaches back as far as before, more coarsely.
const MOST: usize = 64;

/// Checkpoints in the order of their sizes, one of each size.
#[derive(Default)]
pub struct Kept(VecDeque<(Tree, String)>);

impl Kept {
    /// Adds the newest checkpoint; one of the same tree, perhaps with other cosignatures, is replaced. What is older than the
    /// newest one within `covered` entries is forgotten, since no head will be smaller.
    pub fn add(&mut self, tree: Tree, note: &str, covered: u64) {
        match self.0.back_mut() {
            Some((newest, kept)) if newest.size == tree.size => {
                if kept != note {
                    note.clone_into(kept);
                }
            }
            Some((newest, _)) if newest.size > tree.size => {}
            _ => self.0.push_back((tree, note.to_owned())),
        }
        while self.0.get(1).is_some_and(|(second, _)| second.size <= covered) {
            self.0.pop_front();
        }
        if self.0.len() > MOST {
            let gap = |place: &usize| self.0[place + 1].0.size - self.0[place - 1].0.size;
            let crowded = (1..self.0.len() - 1).min_by_key(gap);
            self.0.remove(crowded.unwrap_or_default());
        }
    }

    /// The newest one of at most `size` entries.
    pub fn within(&self, size: u64) -> Option<&(Tree, String)> {
        self.0.iter().rev().find(|(tree, _)| tree.size <= size)
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
        assert_eq!(kept.0.len(), MOST);
        assert_eq!(kept.within(1).unwrap().0, tree(1));
        assert!(kept.within(0).is_none());
        let old = kept.within(600).unwrap().0.size;
        assert!((500..=600).contains(&old), "{old}");
        // The heads catch up: what is behind them is forgotten.
        kept.add(tree(1000), "newer", 600);
        assert_eq!(kept.0.front().unwrap().0.size, old);
        assert_eq!(kept.within(1000).unwrap().1, "newer");
        kept.add(tree(999), "older", 1000);
        assert_eq!((kept.0.len(), &*kept.0[0].1), (1, "newer"));
    }
}
