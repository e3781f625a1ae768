//! The load generator against a log of our own: it finds what was kept, in both ways, and notices what was not.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tnlog::anchors::Anchor;
use tnlog::load::{Drive, Driven, Names, Progress, Recipe, Start, Target, Turn, Workload, check, drive};
use tnlog::server::config::Folder;
use tnlog::server::{open, roots, run};

const COUNT: usize = 300;

fn workload() -> Workload {
    let recipe = Recipe {
        names: Names::Carriers,
        precertificates: false,
        seed: 1,
        not_before: 1_700_000_000,
        count: COUNT,
        duplicates: 0.2,
        bad: 0.1,
    };
    recipe.prepare(&AtomicU64::new(0))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_entry_is_found_and_a_missing_one_is_noticed() {
    let data = tempfile::tempdir().unwrap();
    let folder = Folder::new(data.path());
    let mut config = open::configure(&folder, None).unwrap();
    config.listen = "127.0.0.1:0".parse().unwrap();
    let workload = Arc::new(workload());
    let certificate = Arc::new(workload.root().clone());
    roots::add(&folder.roots(), &Anchor { certificate, calling_codes: None }).unwrap();
    let log = run::start(&folder, config, |_, _| {}).await.unwrap();
    let target: Target = format!("http://{}", log.address).parse().unwrap();

    let start = Start::read(&target).await.unwrap();
    let course = Drive { target: target.clone(), connections: 50, rate: None, duration: None, batch: None };
    let Driven { report, logged } = drive(course, workload.clone(), Arc::new(Progress::default())).await;
    let count = |turn| workload.steps().iter().filter(|step| step.turn == turn).count() as u64;
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    assert_eq!(report.accepted, count(Turn::New) + count(Turn::Again));
    assert_eq!((report.repeated, report.refused), (count(Turn::Again), count(Turn::Bad)));

    let now = Duration::ZERO;
    let in_bundles = check(&target, workload.clone(), logged.clone(), start, now).await.unwrap();
    assert_eq!((in_bundles.found, in_bundles.by), (count(Turn::New), "entry bundles"));
    assert!(in_bundles.is_good());
    let by_proof =
        check(&target, workload.clone(), logged.clone(), Start::without_tiles(), now).await.unwrap();
    assert_eq!((by_proof.found, by_proof.by), (count(Turn::New), "get-proof-by-hash"));
    assert!(by_proof.is_good());

    // SCTs with a time that no leaf has: each entry is missing, and a changed repetition contradicts.
    let mut moved = logged;
    moved.iter_mut().for_each(|sct| sct.timestamp += 1);
    let missing = check(&target, workload.clone(), moved.clone(), Start::without_tiles(), now).await.unwrap();
    assert_eq!((missing.found, missing.missing), (0, count(Turn::New)));
    moved[0].timestamp += 1;
    moved.push(tnlog::load::Logged { timestamp: 1, ..moved[0].clone() });
    let contradicting = check(&target, workload, moved, Start::without_tiles(), now).await.unwrap();
    assert!(contradicting.contradicting >= 1);
    log.stop().await;
}
