//! Answering a look-up.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{NumberIndex, Shown};
use crate::client::index_store::DiskStore;
use crate::index::{Answer, IndexError, ListPage, Query, View};
use crate::label::Label;
use crate::server::problem::Problem;
use crate::server::sequencer::Published;

/// The most labels that one answer shows.
pub const MAX_LABELS: usize = 4096;
/// The most items of lists in one answer.
pub const MAX_ITEMS: usize = 4096;

/// A look-up.
pub struct Question {
    /// What is asked for.
    pub query: Query,
    /// How many items of the list of a label are known: its page begins there.
    pub known: BTreeMap<Label, u64>,
    /// The size of the head in which the whole query was answered before; 0 when it was not.
    pub since: u64,
}

/// The answer in one head.
pub struct Answered {
    /// The head, and where it stands.
    pub shown: Shown,
    /// The checkpoint of the index log that holds it.
    pub published: Arc<Published>,
    /// The proof of the query, or of what changed.
    pub proof: Vec<u8>,
    /// A page of each list that has items that are not known, as far as there is room.
    pub pages: Vec<(Label, ListPage)>,
}

type Failed = IndexError<fjall::Error>;

impl From<Failed> for Problem {
    fn from(error: Failed) -> Self {
        match error {
            IndexError::TooMany(most) => Problem::TooManyLabels(most),
            IndexError::BeyondEnd { count, .. } => Problem::BeyondList(count),
            error => {
                tracing::error!(%error, "the number index could not be read");
                Problem::Internal
            }
        }
    }
}

impl NumberIndex {
    /// Answers in the newest head that the index log has published. Reads a bucket for each label that is shown.
    ///
    /// # Errors
    /// [`Problem::IndexLags`] and [`Problem::IndexOver`]; [`Problem::TooManyLabels`], [`Problem::BeyondList`].
    pub fn answer(&self, question: &Question) -> Result<Answered, Problem> {
        let state = self.read();
        if state.over {
            return Err(Problem::IndexOver);
        }
        let (Some(shown), Some(index)) = (state.shown, &state.index) else { return Err(Problem::IndexLags) };
        let view = index.at(shown.head.size).ok_or(Problem::IndexLags)?;
        if question.since > shown.head.size {
            return Err(Problem::IndexLags);
        }
        let whole = view.prove(&question.query, MAX_LABELS)?;
        let answer = question.query.check(&whole, &shown.head.index_root).map_err(|_| Problem::Internal)?;
        let proof = match question.since {
            0 => whole,
            since => view.prove_difference(&question.query, since, MAX_LABELS)?,
        };
        let pages = pages(&view, question, &answer)?;
        Ok(Answered { shown, published: state.published.clone(), proof, pages })
    }
}

fn pages(
    view: &View<'_, DiskStore>,
    question: &Question,
    answer: &Answer,
) -> Result<Vec<(Label, ListPage)>, Problem> {
    let beyond = question.known.iter().find(|(label, known)| **known > answer.list(label).count);
    if let Some((label, _)) = beyond {
        return Err(Problem::BeyondList(answer.list(label).count));
    }
    let mut room = MAX_ITEMS;
    let mut pages = Vec::new();
    for (label, list) in answer.labels() {
        let known = match question.known.get(label) {
            Some(known) => *known,
            None => items_below(view, label, list.count, question.since)?,
        };
        if known < list.count && room > 0 {
            let page = view.page(label, known, room)?;
            room -= page.items.len();
            pages.push((*label, page));
        }
    }
    Ok(pages)
}

/// How many items of a list are below `since`. Reads one item for each bit of the count.
fn items_below(view: &View<'_, DiskStore>, label: &Label, count: u64, since: u64) -> Result<u64, Problem> {
    let (mut low, mut high) = (0, if since == 0 { 0 } else { count });
    while low < high {
        let middle = low + (high - low) / 2;
        let page = view.page(label, middle, 1)?;
        if page.items.first().is_some_and(|item| *item < since) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}
