//! A page of what matches.

use std::ops::Bound;

use super::list::{Facets, List, Place, words};
use super::tail::name_key;
use super::{Catalogue, CatalogueError, Found, Status};
use crate::detect::Severity;

/// Words that are looked for; more are passed over.
const MAX_WORDS: usize = 6;
/// Lists that one word may lead to: it may be the beginning of many words.
const MAX_LISTS: usize = 64;
/// The longest index of an entry, in digits.
const MAX_DIGITS: usize = 20;
/// How often the store is asked for one page, at some 40 us each among a million findings: a page takes some 100 ms at most. What is not found by then is found from
/// there on.
const MAX_SEEKS: usize = 2000;
/// Names that are shown to choose from.
const MAX_NAMES: usize = 500;
const RANKS: u8 = 4;
/// The longest place in a list: the time, and an id of at most 64 letters.
const MAX_PLACE: usize = 80;

/// The order of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The gravest first, and of these the newest.
    #[default]
    Gravest,
    /// The newest first, however grave.
    Newest,
}

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The origin of the log.
    pub log: Option<String>,
    /// The detector.
    pub detector: Option<String>,
    /// The name of the watch.
    pub watch: Option<String>,
    /// Whether somebody must look at it yet.
    pub status: Option<Status>,
    /// Exactly this grave.
    pub severity: Option<Severity>,
    /// Words of the sentence, of the watch or of the detector, or their beginnings; the id or its beginning; the index of an entry; a
    /// calling code; an issuer key hash. All of them must match.
    pub search: String,
    /// The order.
    pub order: Order,
    /// What an earlier page said.
    pub from: Option<String>,
    /// The page that ends before [`from`](Self::from), instead of the one that begins there.
    pub is_back: bool,
    /// The most findings of a page.
    pub limit: usize,
}

/// A part of what matches.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// In order.
    pub found: Vec<Found>,
    /// From where there may be more.
    pub next: Option<String>,
    /// Before which there may be more.
    pub previous: Option<String>,
    /// It took so long that it was left there, with fewer than could be.
    pub is_cut: bool,
    /// How many pass the filters, of each severity from the least; without regard to the search.
    pub counts: [u64; RANKS as usize],
}

impl Catalogue {
    /// The findings that match, a page of them. Asks the store once for each finding of the page; with words at most
    /// some two thousand times.
    ///
    /// # Errors
    /// [`CatalogueError`].
    pub fn page(&self, query: &Query) -> Result<Page, CatalogueError> {
        let facets = Facets {
            log: query.log.as_deref(),
            detector: query.detector.as_deref(),
            watch: query.watch.as_deref(),
            status: query.status,
        };
        let list = List::of_facets(&facets);
        let mut page = Page::default();
        for rank in 0..RANKS {
            page.counts[usize::from(RANKS - 1 - rank)] = self.count_at(&list.of_rank(rank))?;
        }
        if let Some(found) = self.by_id(query)? {
            page.found.push(found);
            return Ok(page);
        }
        let mut groups = vec![vec![list]];
        for word in words(&query.search).take(MAX_WORDS) {
            groups.push(self.lists_of(&word)?);
        }
        let ranks = match query.severity {
            Some(severity) => vec![RANKS - 1 - severity as u8],
            None => (0..RANKS).collect(),
        };
        let way = Way::Forward;
        let mut search = Search { catalogue: self, groups, ranks, order: query.order, way, seeks: 0 };
        let from = query.from.as_deref().and_then(read_place);
        if let Some(before) = from.as_ref().filter(|_| query.is_back) {
            search.way = Way::Back;
            let walked = search.walk(Some(behind(before, Way::Back)), query.limit)?;
            if walked.found.len() == query.limit || walked.is_cut {
                page.found = walked.found.into_iter().rev().collect();
                page.previous = walked.more.map(|place| write_place(&behind(&place, Way::Forward)));
                (page.is_cut, page.next) = (walked.is_cut, query.from.clone());
                return Ok(page);
            }
            // The first page is a whole one.
            search.way = Way::Forward;
        }
        let from = from.filter(|_| !query.is_back);
        let walked = search.walk(from.clone(), query.limit)?;
        (page.found, page.is_cut) = (walked.found, walked.is_cut);
        page.next = walked.more.map(|place| write_place(&place));
        if let Some(from) = from {
            search.way = Way::Back;
            let is_more = search.is_cut() || search.next(Some(&behind(&from, Way::Back)))?.is_some();
            page.previous = Some(write_place(&from)).filter(|_| is_more);
        }
        Ok(page)
    }

    /// How many pass filters, from the least severity to the gravest. Costs four look-ups.
    ///
    /// # Errors
    /// [`CatalogueError`].
    pub fn counts(
        &self,
        log: Option<&str>,
        watch: Option<&str>,
        status: Status,
    ) -> Result<[u64; 4], CatalogueError> {
        let facets = Facets { log, watch, status: Some(status), ..Facets::default() };
        let list = List::of_facets(&facets);
        let mut counts = [0; RANKS as usize];
        for rank in 0..RANKS {
            counts[usize::from(RANKS - 1 - rank)] = self.count_at(&list.of_rank(rank))?;
        }
        Ok(counts)
    }

    /// Findings that an entry belongs to, in any log: the first ones.
    ///
    /// # Errors
    /// [`CatalogueError`].
    pub fn of_entry(&self, log: &str, index: u64, limit: usize) -> Result<Vec<Found>, CatalogueError> {
        let of_log = List::of_facets(&Facets { log: Some(log), ..Facets::default() });
        let groups = vec![vec![of_log], vec![List::of_entry(index)]];
        let (order, way, ranks) = (Order::Gravest, Way::Forward, (0..RANKS).collect());
        let mut search = Search { catalogue: self, groups, ranks, order, way, seeks: 0 };
        Ok(search.walk(None, limit)?.found)
    }

    /// The names of detectors or of watches that there are findings of.
    ///
    /// # Errors
    /// [`CatalogueError`].
    pub fn names(&self, kind: &str) -> Result<Vec<String>, CatalogueError> {
        let begin = name_key(kind, "");
        let mut names = Vec::new();
        for pair in self.words.prefix(&begin).take(MAX_NAMES) {
            let key = pair.key()?;
            names.extend(String::from_utf8(key[begin.len()..].to_vec()));
        }
        Ok(names)
    }

    /// The one whose id is all that is searched for, or begins with it.
    fn by_id(&self, query: &Query) -> Result<Option<Found>, CatalogueError> {
        let text = query.search.trim().to_ascii_lowercase();
        let is_figure = text.len() < 32 && text.bytes().all(|b| b.is_ascii_digit());
        if is_figure || !(6..=64).contains(&text.len()) || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let Some(pair) = self.rows.prefix(&text).next() else { return Ok(None) };
        let (_, value) = pair.into_inner()?;
        serde_json::from_slice(&value).map(Some).map_err(|_| CatalogueError::Damaged)
    }

    fn lists_of(&self, word: &str) -> Result<Vec<List>, CatalogueError> {
        let mut lists = Vec::new();
        for pair in self.words.prefix(word).take(MAX_LISTS) {
            let key = pair.key()?;
            let list = key.last_chunk::<8>().ok_or(CatalogueError::Damaged)?;
            lists.push(List(*list));
        }
        if word.len() <= MAX_DIGITS {
            lists.extend(word.parse().ok().map(List::of_entry));
            lists.extend(word.parse().ok().map(List::of_calling_code));
        }
        lists.sort_unstable();
        lists.dedup();
        Ok(lists)
    }
}

/// Which way lists are walked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Forward,
    Back,
}

impl Way {
    /// Whether one place comes before another.
    fn comes_first(self, one: &[u8], other: &[u8]) -> bool {
        match self {
            Way::Forward => one < other,
            Way::Back => one > other,
        }
    }

    /// Where the walk through a list begins.
    fn begin(self) -> &'static [u8] {
        match self {
            Way::Forward => &[],
            Way::Back => &[u8::MAX; 9],
        }
    }
}

/// A walk through lists, of which each finding must be in one of each group.
struct Search<'a> {
    catalogue: &'a Catalogue,
    groups: Vec<Vec<List>>,
    /// In their order, the gravest first.
    ranks: Vec<u8>,
    order: Order,
    way: Way,
    seeks: usize,
}

/// What a walk has met.
struct Walked {
    found: Vec<Found>,
    /// Where there is more, or where it was cut off.
    more: Option<Place>,
    is_cut: bool,
}

impl Search<'_> {
    fn is_cut(&self) -> bool {
        self.seeks > MAX_SEEKS
    }

    /// Walks on from a place until so many are found.
    fn walk(&mut self, from: Option<Place>, limit: usize) -> Result<Walked, CatalogueError> {
        let (mut found, mut from) = (Vec::new(), from);
        loop {
            let more = self.next(from.as_ref())?;
            let is_cut = self.is_cut();
            let Some(place) = more.as_ref().filter(|_| !is_cut && found.len() < limit) else {
                return Ok(Walked { is_cut: is_cut && more.is_some(), found, more });
            };
            let id = place.id().ok_or(CatalogueError::Damaged)?;
            found.extend(self.catalogue.find(id)?);
            from = Some(behind(place, self.way));
        }
    }

    /// The first that matches at a place or behind it.
    fn next(&mut self, from: Option<&Place>) -> Result<Option<Place>, CatalogueError> {
        let mut best: Option<Place> = None;
        let way = self.way;
        let mut ranks = self.ranks.clone();
        if way == Way::Back {
            ranks.reverse();
        }
        for rank in ranks {
            let rest = match (from, self.order) {
                (Some(from), Order::Gravest) if way.comes_first(&[rank], &[from.rank]) => continue,
                (Some(from), Order::Gravest) if rank == from.rank => &from.rest[..],
                (Some(from), Order::Newest) => &from.rest[..],
                _ => way.begin(),
            };
            let found = self.next_of_rank(rank, rest)?.map(|rest| Place { rank, rest });
            match (&best, found) {
                (None, found) => best = found,
                (Some(known), Some(found)) if way.comes_first(&found.rest, &known.rest) => best = Some(found),
                _ => {}
            }
            if best.is_some() && self.order == Order::Gravest {
                break;
            }
        }
        Ok(best)
    }

    /// The first that is in a list of each group. Where it is cut off it gives where it was.
    fn next_of_rank(&mut self, rank: u8, from: &[u8]) -> Result<Option<Vec<u8>>, CatalogueError> {
        let mut candidate = from.to_vec();
        let mut agreed = 0;
        for group in (0..self.groups.len()).cycle() {
            let Some(found) = self.first_of_group(group, rank, &candidate)? else { return Ok(None) };
            agreed = if found == candidate { agreed + 1 } else { 1 };
            candidate = found;
            if agreed == self.groups.len() || self.is_cut() {
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }

    fn first_of_group(
        &mut self,
        group: usize,
        rank: u8,
        from: &[u8],
    ) -> Result<Option<Vec<u8>>, CatalogueError> {
        let mut first: Option<Vec<u8>> = None;
        for list in &self.groups[group] {
            if first.as_deref() == Some(from) {
                break;
            }
            self.seeks += 1;
            let list = list.of_rank(rank);
            if let Some(rest) = self.first_of_list(&list, from, first.as_deref())? {
                first = Some(rest);
            }
        }
        Ok(first)
    }

    /// The first of a list from a place on, if it comes before another one.
    fn first_of_list(
        &self,
        list: &[u8],
        from: &[u8],
        known: Option<&[u8]>,
    ) -> Result<Option<Vec<u8>>, CatalogueError> {
        let from = Bound::Included([list, from].concat());
        let end = match (known, self.way) {
            (Some(known), _) => Bound::Excluded([list, known].concat()),
            (None, Way::Forward) => Bound::Included([list, &[u8::MAX; 9]].concat()),
            (None, Way::Back) => Bound::Included(list.to_vec()),
        };
        let places = &self.catalogue.places;
        let found = match self.way {
            Way::Forward => places.range::<Vec<u8>, _>((from, end)).next(),
            Way::Back => places.range::<Vec<u8>, _>((end, from)).next_back(),
        };
        found.map(|pair| Ok(pair.key()?[list.len()..].to_vec())).transpose()
    }
}

/// Right behind a place, on this way.
fn behind(place: &Place, way: Way) -> Place {
    let (rank, mut rest) = (place.rank, place.rest.clone());
    match (way, rest.pop()) {
        (Way::Forward, Some(last)) => rest.extend([last, 0]),
        // No place is longer.
        (Way::Back, Some(last)) if last > 0 => {
            rest.push(last - 1);
            rest.resize(MAX_PLACE, u8::MAX);
        }
        _ => {}
    }
    Place { rank, rest }
}

/// As it stands in the address bar.
pub(super) fn write_place(place: &Place) -> String {
    let hex: String = place.rest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}{hex}", place.rank)
}

fn read_place(text: &str) -> Option<Place> {
    let digits = text.strip_prefix(['0', '1', '2', '3'])?.as_bytes();
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    let byte = |pair: &[u8; 2]| u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok();
    let rest: Vec<u8> = pairs.iter().map(byte).collect::<Option<_>>()?;
    (rest.len() <= MAX_PLACE).then(|| Place { rank: text.as_bytes()[0] - b'0', rest })
}
