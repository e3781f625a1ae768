//! Lists of findings, and places in them.

use sha2::{Digest, Sha256};

use super::{Found, Status};
use crate::notice::severity;

/// The entries of a finding by which it is found.
const MAX_ENTRIES: usize = 16;
/// The longest word that is looked for, and the shortest.
const WORD: std::ops::RangeInclusive<usize> = 2..=64;

/// A list: the first bytes of the hash of what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct List(pub [u8; 8]);

/// What a combination of filters asks for.
#[derive(Clone, Copy, Default)]
pub struct Facets<'a> {
    pub log: Option<&'a str>,
    pub detector: Option<&'a str>,
    pub watch: Option<&'a str>,
    pub status: Option<Status>,
}

impl List {
    fn of(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        List(*hash.finalize().first_chunk().expect("8 of 32 bytes"))
    }

    /// All that match.
    pub fn of_facets(facets: &Facets<'_>) -> Self {
        let text = |facet: Option<&str>| facet.map_or(String::new(), |value| format!("={value}"));
        List::of(&[
            "facets",
            &text(facets.log),
            &text(facets.detector),
            &text(facets.watch),
            &text(facets.status.map(Status::name)),
        ])
    }

    /// Those that an entry belongs to.
    pub fn of_entry(index: u64) -> Self {
        List::of(&["entry", &index.to_string()])
    }

    /// Those about a country.
    pub fn of_calling_code(code: u16) -> Self {
        List::of(&["calling code", &code.to_string()])
    }

    /// Those about an issuer.
    pub fn of_issuer(hash: &str) -> Self {
        List::of(&["issuer", hash])
    }

    fn of_sentence(shape: &str) -> Self {
        List::of(&["sentence", shape])
    }

    /// A severity of it.
    pub fn of_rank(self, rank: u8) -> Vec<u8> {
        [&self.0[..], &[rank]].concat()
    }
}

/// The place of a finding in every list: the gravest first, of these the newest, of these by id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// 0 for the gravest.
    pub rank: u8,
    /// The newest first, then by id.
    pub rest: Vec<u8>,
}

impl Place {
    pub fn of(found: &Found) -> Self {
        let notice = &found.notice;
        let rest = [&(u64::MAX - notice.time).to_be_bytes()[..], notice.id.as_bytes()].concat();
        Place { rank: 3 - severity(&notice.severity) as u8, rest }
    }

    pub fn id(&self) -> Option<&str> {
        core::str::from_utf8(self.rest.get(8..)?).ok()
    }
}

/// The lists that count, one for each combination of filters that a finding passes.
pub fn counted(found: &Found) -> Vec<List> {
    let notice = &found.notice;
    let mut lists = Vec::new();
    for bits in 0..16_u8 {
        let on = |bit: u8| bits & 1 << bit != 0;
        if on(2) && notice.watch.is_none() {
            continue;
        }
        lists.push(List::of_facets(&Facets {
            log: Some(&*notice.log).filter(|_| on(0)),
            detector: Some(&*notice.detector).filter(|_| on(1)),
            watch: notice.watch.as_deref().filter(|_| on(2)),
            status: Some(found.status()).filter(|_| on(3)),
        }));
    }
    lists
}

/// The lists by which it is searched.
pub fn searched(found: &Found) -> Vec<List> {
    let notice = &found.notice;
    let mut lists = vec![List::of_sentence(&shape(&notice.what))];
    lists.extend(notice.entries.iter().take(MAX_ENTRIES).map(|index| List::of_entry(*index)));
    lists.extend(notice.issuer.as_deref().map(List::of_issuer));
    lists.extend(notice.calling_code.map(List::of_calling_code));
    lists.sort_unstable();
    lists.dedup();
    lists
}

/// Each word that leads to a list of it. Detectors write few sentences, so there are few words.
pub fn words_of(found: &Found) -> Vec<(String, List)> {
    let notice = &found.notice;
    let of_detector = List::of_facets(&Facets { detector: Some(&notice.detector), ..Facets::default() });
    let of_watch = List::of_facets(&Facets { watch: notice.watch.as_deref(), ..Facets::default() });
    let lead = |text: &str, list: List| words(text).map(|word| (word, list)).collect::<Vec<_>>();
    let mut all = lead(&notice.detector, of_detector);
    all.extend(notice.watch.iter().flat_map(|watch| lead(watch, of_watch)));
    let shape = shape(&notice.what);
    all.extend(lead(&shape, List::of_sentence(&shape)));
    all.extend(notice.issuer.iter().map(|issuer| (issuer.clone(), List::of_issuer(issuer))));
    all
}

/// Small letters and digits, in their order.
pub fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    let parts = text.split(|c: char| !c.is_alphanumeric());
    parts.filter(|part| WORD.contains(&part.len())).map(str::to_lowercase)
}

/// A sentence without its figures.
fn shape(sentence: &str) -> String {
    sentence.chars().filter(|c| !c.is_ascii_digit()).collect()
}
