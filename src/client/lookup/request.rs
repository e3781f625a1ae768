//! One request of a look-up: what is sent, and all of its answer that can be verified without knowing the question.

use base64ct::{Base64, Encoding};

use super::memory::Lists;
use super::{LookupError, Lookups, Question, is_of};
use crate::client::api;
use crate::index::MAX_PROOF;
use crate::index::{Generation, IndexHead, ListPage};
use crate::label::Label;
use crate::merkle::{Hash, check_consistency, check_inclusion};
use crate::note::VerifierKey;

const PATH: &str = "tn/v1/lookup";
/// Two checkpoints of 64 signatures, a long proof and long pages.
const MAX_ANSWER: usize = 8 << 20;

/// An answer whose head is that of the log: proof and pages are still to be verified.
pub(super) struct Response {
    pub head: IndexHead,
    pub proof: Vec<u8>,
    pub pages: Vec<(Label, ListPage)>,
}

impl Lookups {
    pub(super) async fn request(
        &mut self,
        question: &Question,
        lists: &Lists,
        since: u64,
        at_least: u64,
    ) -> Result<Response, LookupError> {
        let label = |label: &Label| api::LookupLabel {
            label: Base64::encode_string(label.as_bytes()),
            known: lists.known(label).list.count,
        };
        let request = api::Lookup {
            labels: question.labels.iter().map(label).collect(),
            below: question.below.clone(),
            at: question.at.clone(),
            since,
        };
        let response: api::LookupResponse = self.client.post_json(PATH, &request, MAX_ANSWER).await?;
        let head = self.head(&response).await?;
        if head.size < at_least {
            return Err(LookupError::Stalled { covered: head.size, needed: at_least });
        }
        let proof = bytes(&response.proof).filter(|proof| proof.len() <= MAX_PROOF);
        let proof = proof.ok_or(LookupError::Malformed)?;
        let pages = response.pages.iter().map(page).collect::<Result<_, _>>()?;
        Ok(Response { head, proof, pages })
    }

    /// The head: the newest of an index log that continues what was seen of it, of a log that continues what was seen.
    async fn head(&mut self, response: &api::LookupResponse) -> Result<IndexHead, LookupError> {
        is_pinned(&self.trust.index_key, &response.index_checkpoint)?;
        let heads = self.heads.observe(response.index_checkpoint.as_bytes()).await?.checkpoint().clone();
        is_of(&self.trust.index_key, &heads.origin)?;
        let leaf = bytes(&response.head.head).ok_or(LookupError::Malformed)?;
        let proof = hashes(&response.head.inclusion)?;
        let index = response.head.index;
        check_inclusion(&proof, heads.size, index, &Hash::of_leaf(&leaf), &heads.root)
            .map_err(|_| LookupError::NotInIndexLog)?;
        if index + 1 != heads.size {
            return Err(LookupError::OldHead);
        }
        let head = IndexHead::decode(&leaf)?;
        let checked = self.entries.observe(response.checkpoint.as_bytes()).await?.checked.clone();
        let entries = &checked.checkpoint;
        is_of(&self.trust.key, &entries.origin)?;
        let proof = hashes(&response.consistency)?;
        let (of_head, of_log) = ((head.size, &head.root), (entries.size, &entries.root));
        let (small, large) = if head.size <= entries.size { (of_head, of_log) } else { (of_log, of_head) };
        check_consistency(&proof, small.0, small.1, large.0, large.1)
            .map_err(|_| LookupError::Inconsistent)?;
        self.recent[1] = Some(checked);
        Ok(head)
    }
}

/// Whether a checkpoint says that it is of the index log whose key is pinned. Under the policy it is but an unknown one.
fn is_pinned(key: &VerifierKey, checkpoint: &str) -> Result<(), LookupError> {
    let (pinned, shown) = (key.name(), checkpoint.lines().next().unwrap_or_default());
    let logs = |origin| Generation::split(origin).map(|(log, _)| log);
    if shown == pinned || logs(shown) != logs(pinned) {
        return Ok(());
    }
    Err(LookupError::OtherIndexLog { pinned: pinned.to_owned(), shown: shown.to_owned() })
}

fn page(page: &api::LookupPage) -> Result<(Label, ListPage), LookupError> {
    let label = bytes(&page.label).and_then(|bytes| bytes.try_into().ok()).ok_or(LookupError::Malformed)?;
    let page = bytes(&page.page).ok_or(LookupError::Malformed)?;
    Ok((Label::new(label), ListPage::decode(&page)?))
}

fn bytes(base64: &str) -> Option<Vec<u8>> {
    Base64::decode_vec(base64).ok()
}

pub(super) fn hashes(proof: &[String]) -> Result<Vec<Hash>, LookupError> {
    let hash = |text: &String| bytes(text)?.try_into().ok().map(Hash);
    proof.iter().map(hash).collect::<Option<_>>().ok_or(LookupError::Malformed)
}
