//! Answering look-ups: from a request of the API to its answer in one state of the number index. A log, a mirror and a monitor
//! answer the same (`docs/formats.md` §15.1); what answers is not believed, so any of them will do.

use std::collections::BTreeMap;

use base64ct::{Base64, Encoding};

use super::api;
use crate::index::{Answer, IndexError, IndexHead, IndexStore, ListPage, MAX_PREFIXES, Prefix, Query, View};
use crate::label::Label;
use crate::merkle::Hash;

/// The most labels that one answer shows.
pub const MAX_LABELS: usize = 4096;
/// The most items of lists in one answer.
pub const MAX_ITEMS: usize = 4096;
/// The longest body of a request, in bytes: sixteen labels, each with a count.
pub const MAX_REQUEST: usize = 4096;

/// Why a request asks nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuestionError {
    /// So many labels and prefixes.
    #[error("{0} labels and prefixes, and a look-up has 1 to {MAX_PREFIXES}")]
    Count(usize),
    /// The label with this place is not base64.
    #[error("label {0} is not standard base64 with padding")]
    Base64(usize),
    /// The label with this place has another length.
    #[error("label {0} has not the 32 bytes of a label")]
    LabelLength(usize),
    /// A prefix is none: in `below` or `at`.
    #[error("{0} has a prefix that is not 1 to 15 digits")]
    Digits(&'static str),
}

/// A look-up that was read.
pub struct Question {
    /// What is asked for.
    pub query: Query,
    /// How many items of the list of a label are known: its page begins there.
    pub known: BTreeMap<Label, u64>,
    /// The size of the head in which the whole query was answered before; 0 when it was not.
    pub since: u64,
}

impl Question {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// [`QuestionError`].
    pub fn new(request: &api::Lookup) -> Result<Self, QuestionError> {
        let count = request.labels.len() + request.below.len() + request.at.len();
        let (mut prefixes, mut known) = (Vec::with_capacity(count), BTreeMap::new());
        for (place, asked) in request.labels.iter().enumerate() {
            let bytes = Base64::decode_vec(&asked.label).map_err(|_| QuestionError::Base64(place))?;
            let label = Label::new(bytes.try_into().map_err(|_| QuestionError::LabelLength(place))?);
            prefixes.push(Prefix::from(&label));
            known.insert(label, asked.known);
        }
        let below = request.below.iter().map(|digits| ("below", Prefix::of_blocks_below(digits)));
        let at = request.at.iter().map(|digits| ("at", Prefix::of_blocks_at(digits)));
        for (name, prefix) in below.chain(at) {
            prefixes.push(prefix.map_err(|_| QuestionError::Digits(name))?);
        }
        let query = Query::new(&prefixes).map_err(|_| QuestionError::Count(count))?;
        Ok(Question { query, known, since: request.since })
    }
}

/// Why a question is not answered.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError<E> {
    /// It was answered before in a head that is newer than this state.
    #[error("the number index is behind what was asked for")]
    Lags,
    /// More labels than one answer shows.
    #[error("more than {0} labels are below these prefixes; ask for longer ones")]
    TooManyLabels(usize),
    /// More items are known than the list has.
    #[error("the list of the label has {0} items, and its page was to begin behind them")]
    BeyondList(u64),
    /// The index contradicts itself.
    #[error("the number index does not prove what it holds")]
    Unproved,
    /// The index could not be read.
    #[error(transparent)]
    Index(IndexError<E>),
}

impl<E> From<IndexError<E>> for AnswerError<E> {
    fn from(error: IndexError<E>) -> Self {
        match error {
            IndexError::TooMany(most) => AnswerError::TooManyLabels(most),
            IndexError::BeyondEnd { count, .. } => AnswerError::BeyondList(count),
            error => AnswerError::Index(error),
        }
    }
}

/// The part of an answer that comes out of the index.
pub struct Answered {
    /// The proof of the query, or of what changed.
    pub proof: Vec<u8>,
    /// A page of each list that has items that are not known, as far as there is room.
    pub pages: Vec<(Label, ListPage)>,
}

/// The part that is the same for every question in one head: what shows that the head is that of the log.
pub struct Shown {
    /// The head.
    pub head: IndexHead,
    /// Its index in the index log.
    pub position: u64,
    /// Its inclusion proof in `index_checkpoint`.
    pub inclusion: Vec<Hash>,
    /// The checkpoint of the index log that holds it.
    pub index_checkpoint: String,
    /// The newest checkpoint of the entry log that a reader can believe.
    pub checkpoint: String,
    /// The consistency proof between the sizes of the head and of `checkpoint`, from the smaller one.
    pub consistency: Vec<Hash>,
}

impl Answered {
    /// The body of the answer.
    pub fn response(&self, shown: &Shown) -> api::LookupResponse {
        let page = |(label, page): &(Label, ListPage)| api::LookupPage {
            label: Base64::encode_string(label.as_bytes()),
            page: Base64::encode_string(&page.encode()),
        };
        api::LookupResponse {
            proof: Base64::encode_string(&self.proof),
            pages: self.pages.iter().map(page).collect(),
            head: api::ProvedHead {
                head: Base64::encode_string(&shown.head.encode()),
                index: shown.position,
                inclusion: hashes(&shown.inclusion),
            },
            index_checkpoint: shown.index_checkpoint.clone(),
            checkpoint: shown.checkpoint.clone(),
            consistency: hashes(&shown.consistency),
        }
    }
}

fn hashes(proof: &[Hash]) -> Vec<String> {
    proof.iter().map(|hash| Base64::encode_string(&hash.0)).collect()
}

/// Answers a question in a state of the index. Reads a bucket for each label that is shown.
///
/// # Errors
/// [`AnswerError`].
pub fn answer<S: IndexStore>(
    view: &View<'_, S>,
    question: &Question,
) -> Result<Answered, AnswerError<S::Error>> {
    if question.since > view.size() {
        return Err(AnswerError::Lags);
    }
    let whole = view.prove(&question.query, MAX_LABELS)?;
    let answer = question.query.check(&whole, &view.root()).map_err(|_| AnswerError::Unproved)?;
    let proof = match question.since {
        0 => whole,
        since => view.prove_difference(&question.query, since, MAX_LABELS)?,
    };
    let pages = pages(view, question, &answer)?;
    Ok(Answered { proof, pages })
}

fn pages<S: IndexStore>(
    view: &View<'_, S>,
    question: &Question,
    answer: &Answer,
) -> Result<Vec<(Label, ListPage)>, AnswerError<S::Error>> {
    let beyond = question.known.iter().find(|(label, known)| **known > answer.list(label).count);
    if let Some((label, _)) = beyond {
        return Err(AnswerError::BeyondList(answer.list(label).count));
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
fn items_below<S: IndexStore>(
    view: &View<'_, S>,
    label: &Label,
    count: u64,
    since: u64,
) -> Result<u64, AnswerError<S::Error>> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::{Index, MemoryStore, Shape};

    /// Fails without `room`: one answer would show everything of sixteen carriers.
    #[test]
    fn one_answer_has_so_many_items_and_no_empty_page() {
        let mut index = Index::open(MemoryStore::default(), Hash([1; 32]), Shape::STANDARD).unwrap();
        let labels: Vec<Label> = (1..9).map(|byte| Label::new([byte; 32])).collect();
        let updates = (0..8 * 1500).map(|leaf| (labels[leaf as usize % 8], leaf)).collect();
        index.advance(updates, 8 * 1500).unwrap();
        let asked =
            |label: &Label| api::LookupLabel { label: Base64::encode_string(label.as_bytes()), known: 0 };
        let labels = labels.iter().map(asked).collect();
        let request = api::Lookup { labels, below: Vec::new(), at: Vec::new(), since: 0 };
        let answered = answer(&index.newest(), &Question::new(&request).unwrap()).unwrap();
        let items: Vec<usize> = answered.pages.iter().map(|(_, page)| page.items.len()).collect();
        assert_eq!(items.iter().sum::<usize>(), MAX_ITEMS);
        assert!(!items.contains(&0), "{items:?}");
    }
}
