//! What is found, whatever the number of findings.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::time::{Duration, Instant};

use super::list::Place;
use super::query::write_place;
use super::*;
use crate::detect::Severity;
use crate::findings::acknowledge_this;

const SEVERITIES: [&str; 4] = ["info", "low", "medium", "high"];

/// The `n`th of many: every kind of finding in turn.
fn notice(n: u64) -> Notice {
    Notice {
        id: format!("{:032x}", u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)),
        version: 1,
        detector: ["profile", "reroute-suspected", "unexpected-key"][n as usize % 3].into(),
        severity: SEVERITIES[n as usize % 4].into(),
        cleared: n % 5 == 4,
        misbehaviour: false,
        log: ["one.example", "two.example"][n as usize % 2].into(),
        time: 1_000_000 + n,
        entries: vec![n, n + 1],
        issuer: Some(format!("{:064x}", n % 7)),
        calling_code: Some([1, 44, 682][n as usize % 3]),
        watch: n.is_multiple_of(10).then(|| format!("telephone {}", n % 30)),
        what: format!("Certificate {n} is valid for {} days, and the issuer is prompt.", n % 900),
        whom: "its holder".into(),
        now: "ask".into(),
        evidence: None,
    }
}

struct World {
    _temporary: tempfile::TempDir,
    folder: Folder,
}

impl World {
    fn new(notices: impl IntoIterator<Item = Notice>) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::new(temporary.path());
        let world = World { _temporary: temporary, folder };
        world.add(notices);
        world
    }

    fn add(&self, notices: impl IntoIterator<Item = Notice>) {
        let file = OpenOptions::new().create(true).append(true).open(self.folder.findings()).unwrap();
        let mut file = std::io::BufWriter::new(file);
        for notice in notices {
            serde_json::to_writer(&mut file, &notice).unwrap();
            file.write_all(b"\n").unwrap();
        }
        file.flush().unwrap();
    }

    fn open(&self) -> Catalogue {
        let catalogue = Catalogue::open(&self.folder).unwrap();
        catalogue.refresh().unwrap();
        catalogue
    }
}

/// All pages of a query.
fn ids(catalogue: &Catalogue, query: &Query) -> Vec<String> {
    let (mut ids, mut query) = (Vec::new(), Query { limit: 7, ..query.clone() });
    loop {
        let page = catalogue.page(&query).unwrap();
        assert!(page.found.len() <= 7);
        ids.extend(page.found.into_iter().map(|found| found.notice.id));
        query.from = page.next;
        if query.from.is_none() {
            return ids;
        }
    }
}

/// Each combination of filters and both orders, against going through all of them.
#[test]
fn every_filter_gives_what_going_through_all_gives() {
    let all: Vec<Notice> = (0..120).map(notice).collect();
    let catalogue = World::new(all.clone()).open();
    let some = |values: &[&str]| -> Vec<Option<String>> {
        std::iter::once(None).chain(values.iter().map(|value| Some((*value).into()))).collect()
    };
    for log in some(&["one.example", "two.example", "three.example"]) {
        for detector in some(&["profile", "unexpected-key"]) {
            for watch in some(&["telephone 10"]) {
                for status in [None, Some(Status::Open), Some(Status::Cleared), Some(Status::Acknowledged)] {
                    for severity in [None, Some(Severity::Info), Some(Severity::High)] {
                        for order in [Order::Gravest, Order::Newest] {
                            let (log, detector, watch) = (log.clone(), detector.clone(), watch.clone());
                            let query =
                                Query { log, detector, watch, status, severity, order, ..Query::default() };
                            check(&catalogue, &all, &query);
                        }
                    }
                }
            }
        }
    }
}

fn check(catalogue: &Catalogue, all: &[Notice], query: &Query) {
    let status = |notice: &Notice| if notice.cleared { Status::Cleared } else { Status::Open };
    let mut expected: Vec<&Notice> = all
        .iter()
        .filter(|notice| {
            query.log.as_ref().is_none_or(|log| *log == notice.log)
                && query.detector.as_ref().is_none_or(|detector| *detector == notice.detector)
                && (query.watch.is_none() || query.watch == notice.watch)
                && query.status.is_none_or(|wanted| wanted == status(notice))
        })
        .collect();
    let counts = catalogue.page(&Query { limit: 1, ..query.clone() }).unwrap().counts;
    for (name, count) in SEVERITIES.iter().zip(counts) {
        assert_eq!(expected.iter().filter(|notice| notice.severity == *name).count() as u64, count);
    }
    expected.retain(|notice| query.severity.is_none_or(|severity| severity.name() == notice.severity));
    let grave = |notice: &Notice| match query.order {
        Order::Gravest => SEVERITIES.iter().position(|name| *name == notice.severity),
        Order::Newest => None,
    };
    expected.sort_by_key(|notice| std::cmp::Reverse((grave(notice), notice.time)));
    let expected: Vec<&str> = expected.iter().map(|notice| &*notice.id).collect();
    assert_eq!(ids(catalogue, query), expected, "{query:?}");
}

/// By words and their beginnings, by id, by entry, by country and by issuer; all of them must match.
#[test]
fn it_is_searched_by_words_and_by_what_is_in_it() {
    let catalogue = World::new((0..120).map(notice)).open();
    let count = |search: &str| ids(&catalogue, &Query { search: search.into(), ..Query::default() }).len();
    assert_eq!(count("certificate"), 120);
    assert_eq!(count("PROMPT cert"), 120);
    assert_eq!(count("nothing"), 0);
    assert_eq!(count("prompt nothing"), 0);
    assert_eq!(count("profile"), 40);
    assert_eq!(count("telephone"), 12);
    assert_eq!(count("682"), 40);
    assert_eq!(count("682 prompt reroute"), 0, "the country comes with unexpected-key alone");
    assert_eq!(count(&format!("{:064x}", 3)), 17);
    assert_eq!(count(&notice(5).id), 1);
    assert_eq!(count(&notice(5).id[..20]), 1);
    let of_entry = catalogue.of_entry("one.example", 50, 9).unwrap();
    assert_eq!(of_entry.iter().map(|found| found.notice.entries[0]).collect::<Vec<_>>(), [50]);
    assert_eq!(catalogue.names("detector").unwrap(), ["profile", "reroute-suspected", "unexpected-key"]);
    assert_eq!(catalogue.names("watch").unwrap().len(), 3);
}

/// A later version takes the place of the earlier one, in every list and count; an acknowledgement holds for its version.
#[test]
fn what_is_said_later_replaces_what_was_said() {
    let world = World::new((0..10).map(notice));
    let catalogue = world.open();
    let first = notice(0);
    acknowledge_this(&world.folder, first.clone(), "it is well").unwrap();
    catalogue.refresh().unwrap();
    let found = catalogue.find(&first.id).unwrap().unwrap();
    assert_eq!((found.status(), &*found.known.unwrap().reason), (Status::Acknowledged, "it is well"));
    let counts = |status| catalogue.counts(None, None, status).unwrap();
    assert_eq!((counts(Status::Open), counts(Status::Acknowledged)), ([1, 2, 2, 2], [1, 0, 0, 0]));
    let worse = Notice { version: 2, severity: "high".into(), ..first.clone() };
    // What comes again, and what comes too late, changes nothing.
    world.add([worse.clone(), first.clone(), worse.clone()]);
    catalogue.refresh().unwrap();
    let found = catalogue.find(&first.id).unwrap().unwrap();
    assert_eq!((found.status(), found.notice), (Status::Open, worse));
    assert_eq!((counts(Status::Open), counts(Status::Acknowledged)), ([1, 2, 2, 3], [0; 4]));
    let all: BTreeSet<String> = ids(&catalogue, &Query::default()).into_iter().collect();
    assert_eq!(all.len(), 10);
}

/// It goes on where it was; another file makes it begin again, and lines that a crash cut off wait for their end.
#[test]
fn it_goes_on_where_it_was_and_begins_again_with_another_file() {
    let world = World::new((0..50).map(notice));
    drop(world.open());
    world.add((50..60).map(notice));
    let file = std::fs::read(world.folder.findings()).unwrap();
    std::fs::write(world.folder.findings(), [&file[..], b"{\"id\":"].concat()).unwrap();
    let catalogue = world.open();
    assert_eq!(ids(&catalogue, &Query::default()).len(), 60);
    assert_eq!(catalogue.reading().read, file.len() as u64);
    drop(catalogue);
    std::fs::remove_file(world.folder.findings()).unwrap();
    world.add((100..170).map(notice));
    let catalogue = world.open();
    // Fails without the hash of the last line: the new file is longer than the old one.
    assert!(std::fs::metadata(world.folder.findings()).unwrap().len() > file.len() as u64);
    assert_eq!(ids(&catalogue, &Query::default()).len(), 70);
    assert_eq!(catalogue.counts(None, None, Status::Open).unwrap().iter().sum::<u64>(), 56);
}

/// Every page comes at once, however many findings there are: TNLOG_FINDINGS=1000000 for a million.
#[test]
fn a_page_of_many_comes_at_once() {
    let many = std::env::var("TNLOG_FINDINGS").map_or(20_000, |many| many.parse().unwrap());
    let world = World::new((0..many).map(notice));
    let begun = Instant::now();
    let catalogue = world.open();
    println!("{many} findings taken up in {:?}", begun.elapsed());
    let ask = |name: &str, query: Query| {
        let begun = Instant::now();
        let page = catalogue.page(&Query { limit: 50, ..query }).unwrap();
        println!("{name}: {} findings in {:?}, cut {}", page.found.len(), begun.elapsed(), page.is_cut);
        assert!(begun.elapsed() < Duration::from_secs(2), "{name}");
        page
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(ask("all", Query::default()).found.len(), 50);
    ask("newest", Query { order: Order::Newest, ..Query::default() });
    ask("open", Query { status: Some(Status::Open), ..Query::default() });
    ask("a watch", Query { watch: text("telephone 20"), ..Query::default() });
    ask("none", Query { watch: text("telephone 20"), detector: text("no"), ..Query::default() });
    ask("words", Query { search: "prompt days".into(), ..Query::default() });
    ask(
        "rare with frequent",
        Query { search: "prompt 682".into(), log: text("two.example"), ..Query::default() },
    );
    assert_eq!(ask("an entry", Query { search: (many / 2).to_string(), ..Query::default() }).found.len(), 2);
    assert!(
        ask("never together", Query { search: "44 profile".into(), ..Query::default() }).found.is_empty()
    );
    let mut query = Query { order: Order::Gravest, ..Query::default() };
    for _ in 0..20 {
        query.from = ask("further", query.clone()).next;
        assert!(query.from.is_some());
    }
}

/// From every page back to the one before, in both orders, with filters and with words.
#[test]
fn every_page_leads_back_to_the_one_before() {
    let catalogue = World::new((0..120).map(notice)).open();
    let queries = [
        Query::default(),
        Query { order: Order::Newest, ..Query::default() },
        Query { status: Some(Status::Open), ..Query::default() },
        Query { search: "prompt 44".into(), order: Order::Newest, ..Query::default() },
        Query { severity: Some(Severity::Low), search: "days".into(), ..Query::default() },
    ];
    let of = |page: &Page| page.found.iter().map(|found| found.notice.id.clone()).collect::<Vec<_>>();
    for query in queries.map(|query| Query { limit: 7, ..query }) {
        let first = catalogue.page(&query).unwrap();
        assert_eq!(first.previous, None, "{query:?}");
        let mut pages = vec![first];
        while let Some(next) = pages.last().unwrap().next.clone() {
            pages.push(catalogue.page(&Query { from: Some(next), ..query.clone() }).unwrap());
        }
        assert!(pages.len() > 3, "{query:?}");
        let mut here = pages.last().unwrap().clone();
        for expected in pages.iter().rev().skip(1) {
            let from = here.previous.clone();
            let back = catalogue.page(&Query { from, is_back: true, ..query.clone() }).unwrap();
            assert_eq!(of(&back), of(expected), "{query:?}");
            // And from there on again.
            let next = catalogue.page(&Query { from: back.next.clone(), ..query.clone() }).unwrap();
            assert_eq!(of(&next), of(&here), "{query:?}");
            here = back;
        }
        assert_eq!(here.previous, None, "{query:?}");
        // Half a page before the second one there is no half page: the first is shown whole.
        let third = pages[0].found[3].clone();
        let from = Some(write_place(&Place::of(&third)));
        let back = catalogue.page(&Query { from, is_back: true, ..query.clone() }).unwrap();
        assert_eq!(of(&back), of(&pages[0]), "{query:?}");
    }
}

/// Fails when the words that are known to be kept are not forgotten: every issuer is one.
#[test]
fn the_words_of_many_findings_take_no_more_memory() {
    let many = 12_000;
    let world = World::new((0..many).map(|n| Notice { issuer: Some(format!("{n:064x}")), ..notice(n) }));
    let catalogue = world.open();
    assert!((1..=10_000).contains(&catalogue.known_words()));
    let found = |n: u64| ids(&catalogue, &Query { search: format!("{n:064x}"), ..Query::default() });
    assert_eq!((found(3), found(many - 1)), (vec![notice(3).id], vec![notice(many - 1).id]));
}
