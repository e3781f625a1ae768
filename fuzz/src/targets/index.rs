//! Index proofs and pages of lists: of each there is one that holds, and no other.

use std::sync::{LazyLock, Mutex};

use tnlog::block::Block;
use tnlog::index::{Answer, Index, Known, ListPage, MemoryStore, Prefix, Query, Shape, View};
use tnlog::label::Label;
use tnlog::merkle::Hash;

use super::choices::Choices;

const OLD: u64 = 100;
const SIZE: u64 = 160;

static INDEX: LazyLock<Mutex<Index<MemoryStore>>> = LazyLock::new(|| {
    let mut index =
        Index::open(MemoryStore::default(), Hash([0; 32]), Shape::STANDARD).expect("an empty store");
    let label = |item: u64| match item % 5 {
        0 => Label::of_block(&Block::new(&format!("1703555{:03}", item % 40), 1).expect("a block")),
        1 => Label::of_block(&Block::new("17035", 6).expect("a block")),
        _ => Label::new([(item % 64) as u8; 32]),
    };
    index.advance((1..OLD).map(|item| (label(item), item)).collect(), OLD).expect("items rise");
    let change = index.plan((OLD..SIZE).map(|item| (label(item), item)).collect(), SIZE);
    index.stage(change.expect("items rise")).expect("it follows");
    Mutex::new(index)
});

/// Right proofs hold, changed ones do not, and bytes that are none end in an error.
pub fn index(data: &[u8]) {
    let index = INDEX.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let (old, new) = (index.at(OLD).expect("settled"), index.newest());
    let mut choices = Choices::new(data);
    let Some(query) = query(&mut choices) else { return };
    let proof = new.prove(&query, usize::MAX).expect("a proof");
    let answer = query.check(&proof, &new.root()).expect("it holds");
    let known = query.check(&old.prove(&query, usize::MAX).expect("a proof"), &old.root()).expect("it holds");
    let difference = new.prove_difference(&query, OLD, usize::MAX).expect("a proof");
    assert_eq!(query.check_difference(&known, &difference, &new.root()).as_ref(), Ok(&answer));
    page(&mut choices, &new, &answer);
    let (mut bad, mut bad_difference) = (proof.clone(), difference.clone());
    choices.change(&mut bad);
    choices.change(&mut bad_difference);
    assert_eq!(query.check(&bad, &new.root()).is_ok(), bad == proof);
    let taken = query.check_difference(&known, &bad_difference, &new.root());
    assert!(taken.is_err() || taken.as_ref() == Ok(&answer) && bad_difference == difference);
    let rest = choices.rest();
    assert!(rest == proof || query.check(rest, &new.root()).is_err());
    assert!(
        rest == difference
            || query.check_difference(&Answer::default(), rest, &new.root()).is_err()
            || rest == proof
    );
}

fn query(choices: &mut Choices<'_>) -> Option<Query> {
    let count = choices.below(16) + 1;
    let prefix = |choices: &mut Choices<'_>| {
        let (kind, byte) = (choices.byte(), choices.byte());
        match kind % 4 {
            0 => Some(Prefix::from(&Label::new([byte % 64; 32]))),
            1 => Some(Prefix::from(&Label::new([byte; 32])).cut(u16::from(kind >> 2))),
            2 => Prefix::of_blocks_below(&"1703555"[..usize::from(byte) % 8]).ok(),
            _ => Prefix::of_blocks_at(&"1703555"[..usize::from(byte) % 8]).ok(),
        }
    };
    Query::new(&(0..count).map(|_| prefix(choices)).collect::<Option<Vec<_>>>()?).ok()
}

/// The page of a list, as it is and changed: what holds leads to where the list does.
fn page(choices: &mut Choices<'_>, view: &View<'_, MemoryStore>, answer: &Answer) {
    let Some((label, list)) = answer.labels().get(choices.below(answer.labels().len().max(1))) else {
        return;
    };
    let page = view.page(label, 0, 1 + choices.below(100)).expect("a page");
    let read = page.check(&Known::NOTHING, list, SIZE).expect("it holds");
    let mut bytes = page.encode();
    choices.change(&mut bytes);
    if let Ok(changed) = ListPage::decode(&bytes)
        && let Ok(other) = changed.check(&Known::NOTHING, list, SIZE)
    {
        assert!(other == read && changed == page || changed.items.len() != page.items.len());
        assert!(other.list.count <= list.count);
    }
}
