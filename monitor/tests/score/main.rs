//! The monitor is judged: by a small simulated world over a real log, and by every lie that a log can tell.

mod lives;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tnlog::server::config::Folder;
use tnlog::simulate::{
    DEFAULT, Front, Lie, Mint, Placed, Script, World, WorldFacts, WorldLog, drive, write_truth,
};
use tnlog_monitor::detect::{Severity, State};
use tnlog_monitor::findings::all;
use tnlog_monitor::score::{Score, follow, monitor_of};

const START: u64 = 1_736_121_600;

/// Four weeks of some hundred numbers, in which something of everything happens.
fn small_world() -> World {
    let mut world = World::parse(DEFAULT).unwrap();
    world.weeks = 4;
    for (country, numbers) in world.countries.iter_mut().zip([400, 160, 300, 40]) {
        country.numbers = numbers;
    }
    world.registrations.share = 0.5;
    world.life.lost_per_year = 0.3;
    (world.carriers.count, world.ranges.holders) = (5, 8);
    (world.watch.numbers, world.watch.ranges, world.watch.carriers) = (60, 4, 2);
    world.attacks.first_day = 12.0;
    world.attacks.waves.truncate(1);
    world.attacks.waves[0].share = 0.12;
    (world.attacks.reroute.watched, world.attacks.reroute.others) = (4, 10);
    world.attacks.rogue_issuer.numbers = 5;
    (world.attacks.range_hijack.watched, world.attacks.range_hijack.others) = (2, 1);
    (world.attacks.registration_takeover.watched, world.attacks.registration_takeover.others) = (2, 4);
    world
}

struct Happened {
    folder: tempfile::TempDir,
    log: WorldLog,
    script: Arc<Script>,
    placed: Vec<Placed>,
}

impl Happened {
    fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Lets a world happen, with the truth about it beside its log, which goes on.
async fn happen(world: World, seed: u64) -> Happened {
    let folder = tempfile::tempdir().unwrap();
    let script = Arc::new(Script::write(world, seed, START));
    let mint = Arc::new(Mint::new(&script));
    let listen = "127.0.0.1:0".parse().unwrap();
    let log = WorldLog::begin(&Folder::new(folder.path()), listen, &script, &mint).await.unwrap();
    let placed = drive(&script, &mint, &log, &AtomicU64::new(0)).await.unwrap();
    let facts = WorldFacts {
        seed,
        start: script.time.start,
        end: script.time.end,
        events: placed.len() as u64,
        attacks: script.attacks.len() as u64,
        key: log.running.log.keys.checkpoint.verifier_key().to_string(),
        index_key: log.running.log.index.key().to_string(),
    };
    write_truth(&folder.path().join("truth"), &script, &mint, &placed, &facts).unwrap();
    Happened { folder, log, script, placed }
}

/// Fails when a detector is switched off: without `reroute::open` nothing is found of those that do not watch; without the watches
/// what is unexpected is missed; without `wave::observe` the wave is; without `takeover::found` or `conflict::observe` their rows are empty.
#[tokio::test(flavor = "multi_thread")]
async fn attacks_are_found_and_honest_people_are_left_alone() {
    let world = happen(small_world(), 3).await;
    follow(world.path(), &world.log.url()).await.unwrap();
    let score = Score::of(world.path()).unwrap();
    println!("{score}");
    for (whom, recall) in score.victims.iter().filter(|(whom, _)| whom.watched) {
        assert_eq!(recall.found[Severity::Medium as usize], recall.victims, "{whom}");
    }
    assert!(score.recall("reroute", false, Severity::Low).unwrap() >= 0.9);
    assert_eq!(score.recall("registration-takeover", false, Severity::Low), Some(1.0));
    assert_eq!(score.recall("range-hijack", false, Severity::Medium), Some(1.0));
    assert!(score.precision(Severity::High).unwrap() >= 0.9);
    let said = |detector: &str, severity: Severity| score.detectors[detector][severity as usize];
    assert!(said("registration-takeover", Severity::High).right > 0);
    for of_watch in ["unexpected-key", "unexpected-scope"] {
        let right: u64 = score.detectors.get(of_watch).into_iter().flatten().map(|said| said.right).sum();
        assert!(right > 0, "{of_watch}");
    }
    assert!(said("conflicting-credentials", Severity::Medium).right > 0);
    let wave = score.waves.iter().find(|wave| wave.kind == "wave").unwrap();
    assert!(wave.delay.unwrap() <= 3_600_000, "{wave:?}");
    assert_eq!(score.false_waves, 0);
    assert_shortcut_agrees(&world);
    assert_command_sums_up(world.path());
    // Many folders sum up.
    let mut twice = score.clone();
    twice.add(score.clone());
    assert_eq!(twice.recall("wave", false, Severity::Low), score.recall("wave", false, Severity::Low));
    assert_eq!((twice.worlds, twice.waves.len()), (2, 2 * score.waves.len()));
    world.log.running.stop().await;
}

/// Tables for people, JSON for programs.
fn assert_command_sums_up(world: &Path) {
    let score = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tnlog-monitor"));
        let done = command.arg("score").args(arguments).args([world, world]).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    let json: serde_json::Value = serde_json::from_str(&score(&["--json"])).unwrap();
    assert_eq!(
        (&json["worlds"], &json["victims"]["reroute, not watched"]["victims"]),
        (&2.into(), &20.into())
    );
    assert!(score(&[]).starts_with("2 worlds, 0 of them without attacks"));
}

/// What `examples/calm.rs` measures is what a monitor of a real log says.
fn assert_shortcut_agrees(world: &Happened) {
    const OF_NUMBERS: [&str; 3] = ["reroute-suspected", "reroute-wave", "registration-takeover"];
    type Said = (String, String, bool, Vec<u64>);
    let shortcut = lives::observe(&world.script, &world.placed);
    let short: BTreeSet<Said> = shortcut
        .findings
        .values()
        .map(|found| {
            let (detector, severity) = (found.detector.name().to_owned(), found.severity.name().to_owned());
            (detector, severity, found.state == State::Cleared, found.entries.clone())
        })
        .filter(|said| OF_NUMBERS.contains(&&*said.0))
        .collect();
    let real = all(&monitor_of(world.path())).unwrap();
    let real: BTreeSet<Said> = real
        .into_values()
        .filter(|notice| OF_NUMBERS.contains(&&*notice.detector))
        .map(|notice| (notice.detector, notice.severity, notice.cleared, notice.entries))
        .collect();
    assert!(real.len() > 100);
    assert_eq!(real, short);
}

/// Without attacks nothing is right, and nothing is a wave.
#[tokio::test(flavor = "multi_thread")]
async fn a_calm_world_has_no_wave() {
    let world = happen(small_world().without_attacks(), 4).await;
    follow(world.path(), &world.log.url()).await.unwrap();
    let score = Score::of(world.path()).unwrap();
    println!("{score}");
    assert_eq!((score.worlds, score.calm, score.false_waves), (1, 1, 0));
    assert!(score.victims.is_empty() && score.severities().iter().all(|said| said.right == 0));
    assert_eq!(score.severities()[Severity::High as usize].wrong, 0);
    // Lost telephones and renewals without approval are there to be mistaken.
    assert!(score.severities()[Severity::Low as usize].all() > 0);
    world.log.running.stop().await;
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Lies of which no file convinces a third party: nobody signs what is missing, what is evaluated, or what a stranger has signed. What
/// repeats an id is two entries of the log, which everybody can read there.
const WITHOUT_FILE: [Lie; 4] = [Lie::BadSignature, Lie::MissingTile, Lie::BadLabel, Lie::RepeatedId];
/// Those whose evidence proves them by itself. An old tree alone is no lie, and nor is a log that stands still.
const PROVED: [Lie; 6] = [
    Lie::Fork,
    Lie::BadParameters,
    Lie::BadLeaf,
    Lie::BadStatement,
    Lie::OrphanRegistration,
    Lie::BadIndexHead,
];
/// A number that nobody watched before: a label must be asked for to see under which key labels are.
const NEW_WATCH: &str = "\n[[watch]]\nname = \"a new one\"\nnumber = \"12025550100\"\n";

/// What cron does for hours, by a clock that goes ahead.
fn check_for_hours(monitor: &Path) -> anyhow::Result<()> {
    let folders = std::fs::read_dir("/usr/lib")?.flatten();
    let libraries = folders.map(|folder| folder.path().join("faketime/libfaketime.so.1"));
    let faketime = libraries.into_iter().find(|path| path.exists()).expect("libfaketime is installed");
    for hours in 0..8 {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tnlog-monitor"));
        command.arg("--folder").arg(monitor).arg("check").env("LD_PRELOAD", &faketime);
        command.env("FAKETIME", format!("+{hours}h")).env("DONT_FAKE_MONOTONIC", "1").output()?;
    }
    Ok(())
}

/// A monitor that has seen the log honest finds each lie by its name, and what it keeps convinces who has the keys alone, where that
/// can be.
#[tokio::test(flavor = "multi_thread")]
async fn every_lie_is_found() {
    let world = happen(small_world(), 5).await;
    let folder = Folder::new(world.path());
    let log = world.log.running.log.clone();
    let front = Front::start(log, "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let url = format!("http://{}/", front.address);
    follow(world.path(), &url).await.unwrap();
    let mut missed = BTreeMap::new();
    for lie in Lie::ALL {
        let place = tempfile::tempdir().unwrap();
        copy(&world.path().join("truth"), &place.path().join("truth"));
        copy(monitor_of(world.path()).path(), monitor_of(place.path()).path());
        if *lie == Lie::BadLabel {
            let path = place.path().join("truth/watches.toml");
            let watches = std::fs::read_to_string(&path).unwrap();
            std::fs::write(&path, watches + NEW_WATCH).unwrap();
        }
        let told = front.lie(*lie, &folder, &place.path().join("twin")).await.unwrap();
        let line = format!("{}\n", serde_json::to_string(&told).unwrap());
        std::fs::write(place.path().join("truth/lies.jsonl"), line).unwrap();
        // A log whose labels cannot be had is not followed to its end.
        let followed = match lie {
            Lie::Stale => check_for_hours(monitor_of(place.path()).path()),
            _ => follow(place.path(), &url).await,
        };
        assert!(followed.is_ok() || *lie == Lie::BadLabel, "{followed:?}");
        front.be_honest();
        let found = Score::of(place.path()).unwrap().lies[lie.name()];
        println!("{}: {found:?}", lie.name());
        let is_short = found.verified == 0 && !WITHOUT_FILE.contains(lie);
        if found.found == 0 || is_short || found.proved == 0 && PROVED.contains(lie) {
            let all = all(&monitor_of(place.path())).unwrap();
            let others: Vec<_> = all.into_values().filter(|notice| notice.misbehaviour).collect();
            missed.insert(lie.name(), (found, others));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
    front.stop().await;
    world.log.running.stop().await;
}
