//! A small world over a real log: every entry is where the truth says and of the time that the world says; and each lie is what
//! it says.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use rand_core::OsRng;
use tnlog::checkpoint::Checkpoint;
use tnlog::client::evaluate::{EvaluateError, labels};
use tnlog::client::http::Client;
use tnlog::client::read::{LogReader, policy_of_key};
use tnlog::client::source::AnySource;
use tnlog::entry::{Entry, Leaf};
use tnlog::label::LabelKey;
use tnlog::note::Note;
use tnlog::registration::check_registration_leaf;
use tnlog::server::config::Folder;
use tnlog::signature::Ecdsa;
use tnlog::simulate::{
    DEFAULT, Front, Lie, Mint, Placed, Script, Subject, What, World, WorldLog, attacks, drive, entries,
    schedule, watches,
};
use tnlog::standing::{History, NumberList, Stands};
use tnlog::statement::{StatementRefusal, check_statement_leaf};

const START: u64 = 1_736_121_600;

/// Three weeks of four hundred numbers, in which something of everything happens.
fn small_world() -> World {
    let mut world = World::parse(DEFAULT).unwrap();
    world.weeks = 3;
    for (country, numbers) in world.countries.iter_mut().zip([200, 80, 80, 40]) {
        country.numbers = numbers;
    }
    world.registrations.share = 0.5;
    world.life.lost_per_year = 0.5;
    (world.carriers.count, world.ranges.holders) = (5, 8);
    (world.watch.numbers, world.watch.ranges, world.watch.carriers) = (40, 4, 2);
    world.attacks.first_day = 9.0;
    world.attacks.waves.truncate(1);
    world.attacks.waves[0].share = 0.1;
    (world.attacks.reroute.watched, world.attacks.reroute.others) = (2, 3);
    world.attacks.rogue_issuer.numbers = 5;
    (world.attacks.range_hijack.watched, world.attacks.range_hijack.others) = (1, 1);
    (world.attacks.registration_takeover.watched, world.attacks.registration_takeover.others) = (1, 2);
    world
}

struct Happened {
    folder: tempfile::TempDir,
    log: WorldLog,
    script: Arc<Script>,
    mint: Arc<Mint>,
    placed: Vec<Placed>,
}

async fn happen() -> Happened {
    let folder = tempfile::tempdir().unwrap();
    let script = Arc::new(Script::write(small_world(), 3, START));
    assert_eq!(script.missing, 0);
    let mint = Arc::new(Mint::new(&script));
    let listen = "127.0.0.1:0".parse().unwrap();
    let log = WorldLog::begin(&Folder::new(folder.path()), listen, &script, &mint).await.unwrap();
    let progress = AtomicU64::new(0);
    let placed = drive(&script, &mint, &log, &progress).await.unwrap();
    assert_eq!(progress.into_inner(), script.events().len() as u64);
    Happened { folder, log, script, mint, placed }
}

impl Happened {
    /// Every leaf, as the log verifies over HTTP.
    async fn leaves(&self) -> Vec<Leaf> {
        let policy = policy_of_key(self.log.running.log.keys.checkpoint.verifier_key().clone()).unwrap();
        let mut reader = LogReader::new(Arc::new(AnySource::new(&self.log.url()).unwrap()), policy);
        let size = reader.update().await.unwrap().checkpoint().size;
        let mut leaves = Vec::new();
        for index in 0..size {
            leaves.push(Leaf::decode(&self.log.running.log.reader.leaf(index, size).unwrap()).unwrap());
        }
        leaves
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_entry_is_where_the_truth_says_and_of_its_time() {
    let world = happen().await;
    let leaves = world.leaves().await;
    let entries = entries(&world.script, &world.placed);
    // Nothing but the parameters and what the script has brought, each once.
    assert_eq!(leaves.len(), entries.len() + 1);
    let indexes: BTreeSet<u64> = entries.iter().map(|entry| entry.index).collect();
    assert_eq!(indexes, (1..leaves.len() as u64).collect());
    for batch in schedule(&world.script) {
        for place in batch.events {
            let (event, placed) = (&world.script.events()[place], world.placed[place]);
            let leaf = &leaves[placed.index as usize];
            assert_eq!((leaf.index, leaf.timestamp), (placed.index, placed.timestamp));
            // Rounds of one moment follow each other by milliseconds.
            assert!((batch.time * 1000..batch.time * 1000 + 1000).contains(&leaf.timestamp));
            assert!(leaf.timestamp / 1000 - event.time <= 3600 + 10);
            check_kind(&world, event.what, leaf);
        }
    }
    check_statements(&world, &leaves);
    check_truth(&world, &leaves);
    let watched = watches(&world.script, &world.mint);
    let watched: toml::Table = toml::from_str(&watched).unwrap();
    assert_eq!(watched["watch"].as_array().unwrap().len(), 46);
    world.log.running.stop().await;
}

fn check_kind(world: &Happened, what: What, leaf: &Leaf) {
    match what {
        What::Issue(id, _) => {
            let credential = &world.script.book.credentials[id as usize];
            match (&credential.subject, &leaf.entry) {
                (Subject::Line(line), Entry::Number(number)) => {
                    let label = world
                        .log
                        .running
                        .log
                        .keys
                        .label
                        .label(&world.script.cast.lines[*line as usize].number);
                    assert_eq!(number.labels, [label]);
                    assert_eq!(number.not_after, credential.not_after as i64);
                    assert_eq!(number.subject_key, world.mint.key(credential.key).spki());
                    assert_eq!(number.issuer_key_hash, world.mint.issuer_key_hash(credential.authority));
                }
                (Subject::Block { .. } | Subject::Carrier { .. }, Entry::Open(_)) => {}
                _ => panic!("another entry than was submitted"),
            }
        }
        What::State { verb, .. } => {
            let Entry::KeyStatement(statement) = &leaf.entry else { panic!("no statement") };
            assert_eq!(statement.verb, verb);
        }
        What::Register(id) => {
            let Entry::Registration(entry) = &leaf.entry else { panic!("no registration") };
            assert_eq!(entry.action, world.script.book.registrations[id as usize].action);
        }
    }
}

/// What readers check of statements and registrations holds for all of them.
fn check_statements(world: &Happened, leaves: &[Leaf]) {
    let log_id = tnlog::sct::log_id(&world.log.running.log.keys.sct_spki);
    let at = |index: u64| &leaves[index as usize];
    let mut counts = (0, 0);
    for leaf in leaves {
        match &leaf.entry {
            Entry::KeyStatement(it) => {
                check_statement_leaf(it, &log_id, at(it.old.index), at(it.new.index), &Ecdsa).unwrap();
                counts.0 += 1;
            }
            Entry::Registration(it) => {
                let Entry::Number(credential) = &at(it.credential).entry else { panic!("no credential") };
                check_registration_leaf(it, leaf.timestamp, credential).unwrap();
                counts.1 += 1;
            }
            _ => {}
        }
    }
    assert!(counts.0 > 20 && counts.1 > 50, "{counts:?}");
}

/// By the rules of standing, which the simulator does not use: no victim's attacker stands, and approved renewals do.
fn check_truth(world: &Happened, leaves: &[Leaf]) {
    let log_id = tnlog::sct::log_id(&world.log.running.log.keys.sct_spki);
    let truth = attacks(&world.script, &world.placed);
    assert_eq!(truth.len(), world.script.attacks.len());
    let label_key: &LabelKey = &world.log.running.log.keys.label;
    let (mut judged, mut approved) = (0, 0);
    for line in &world.script.cast.lines {
        let label = label_key.label(&line.number);
        let own: Vec<Leaf> =
            leaves.iter().filter(|leaf| leaf.entry.number_labels().contains(&label)).cloned().collect();
        let list = NumberList { log_id: &log_id, label, leaves: &own };
        let history = History::of(&list, &Ecdsa, 0).unwrap();
        approved += history
            .credentials
            .iter()
            .filter(|credential| matches!(credential.standing, Ok(Stands::Approved { .. })))
            .count();
        for victim in truth.iter().flat_map(|attack| &attack.victims) {
            let Some(credential) = history.credential_of(victim.entries[0]) else { continue };
            assert!(credential.standing.is_err());
            assert!(history.credential_of(victim.covered_by.unwrap()).unwrap().standing.is_ok());
            assert_eq!(credential.said.len(), victim.disputes.len());
            judged += 1;
        }
    }
    let hidden = truth.iter().map(|attack| attack.victims.len()).sum::<usize>() - 2;
    assert_eq!(judged, hidden, "all but the two blocks");
    assert!(approved > 20, "{approved}");
}

/// Each lie is told in the place of the truth, and nothing of it is left afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn a_front_lies_when_it_is_told_to() {
    let world = happen().await;
    let log = world.log.running.log.clone();
    let front = Front::start(log.clone(), "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let client = Client::new(&format!("http://{}/", front.address)).unwrap();
    let folder = Folder::new(world.folder.path());
    let key = log.keys.checkpoint.verifier_key().clone();
    let truth = checkpoint(&client, &key).await.unwrap();
    for lie in Lie::ALL {
        let doctored = tempfile::tempdir().unwrap();
        let told = front.lie(*lie, &folder, &doctored.path().join("twin")).await.unwrap();
        assert_eq!(told.kind, lie.name());
        let leaf = told.leaf;
        let shown = checkpoint(&client, &key).await;
        let newest = log.published().tree.size;
        match lie {
            Lie::BadSignature => assert!(shown.is_none()),
            Lie::Rollback => assert_eq!(shown.unwrap().size, newest / 2),
            Lie::Fork | Lie::BadParameters => {
                let shown = shown.unwrap();
                assert!(shown.size == newest && shown.root != truth.root);
            }
            Lie::Stale | Lie::BadLabel => assert_eq!(shown.unwrap(), truth),
            Lie::MissingTile | Lie::BadIndexHead => assert_eq!(shown.unwrap().size, newest + 1),
            Lie::BadLeaf | Lie::BadStatement | Lie::OrphanRegistration | Lie::RepeatedId => {
                assert_eq!((shown.unwrap().size, leaf), (newest + 1, Some(newest)));
            }
        }
        check_lie(*lie, &world, &client).await;
        front.be_honest();
        assert_eq!(checkpoint(&client, &key).await.unwrap(), truth);
    }
    front.stop().await;
    world.log.running.stop().await;
}

/// What is read below the signed tree of a lie is what the lie says.
async fn check_lie(lie: Lie, world: &Happened, client: &Client) {
    let log = &world.log.running.log;
    let (key, newest) = (log.keys.checkpoint.verifier_key().clone(), log.published().tree.size);
    let source = Arc::new(AnySource::new(client.base().as_str()).unwrap());
    let mut reader = LogReader::new(source, policy_of_key(key).unwrap());
    if reader.update().await.is_err() {
        return assert_eq!(lie, Lie::BadSignature);
    }
    let label_key = log.keys.label.public();
    match lie {
        Lie::BadLabel => {
            let number = world.script.cast.lines[0].number;
            let asked = labels(client, &[number], &label_key, &mut OsRng).await;
            assert!(matches!(asked, Err(EvaluateError::Label(_))));
        }
        Lie::BadParameters => {
            assert_ne!(reader.parameters().await.unwrap().label_key.to_bytes(), label_key.to_bytes());
        }
        Lie::MissingTile => assert!(reader.entries(newest..newest + 1).await.is_err()),
        Lie::BadIndexHead => {
            let note = client.get("index/checkpoint", 10_000).await.unwrap().unwrap();
            let shown = Checkpoint::open(&Note::parse(&note).unwrap(), log.index.key()).unwrap();
            assert_eq!(shown.size, log.index.published().tree.size + 1);
        }
        Lie::BadLeaf | Lie::BadStatement | Lie::OrphanRegistration | Lie::RepeatedId => {
            let bytes = reader.entries(newest..newest + 1).await.unwrap().remove(0);
            let log_id = tnlog::sct::log_id(&log.keys.sct_spki);
            check_lying_leaf(lie, &Leaf::decode(&bytes).unwrap(), &world.leaves().await, &log_id);
        }
        _ => assert!(reader.entries(0..1).await.is_ok()),
    }
}

fn check_lying_leaf(lie: Lie, leaf: &Leaf, leaves: &[Leaf], log_id: &[u8; 32]) {
    let at = |index: u64| &leaves[index as usize];
    assert_eq!(lie != Lie::BadLeaf, leaf.index == leaves.len() as u64);
    match &leaf.entry {
        Entry::KeyStatement(it) => {
            let refusal = check_statement_leaf(it, log_id, at(it.old.index), at(it.new.index), &Ecdsa);
            assert_eq!(refusal, Err(StatementRefusal::BadSignature));
        }
        Entry::Registration(it) => assert!(!matches!(at(it.credential).entry, Entry::Number(_))),
        Entry::Number(it) => {
            let of = |leaf: &Leaf| match &leaf.entry {
                Entry::Number(other) => other.certificate_id == it.certificate_id,
                _ => false,
            };
            assert!(leaves.iter().any(of));
        }
        _ => panic!("another leaf than the lie's"),
    }
}

async fn checkpoint(client: &Client, key: &tnlog::note::VerifierKey) -> Option<Checkpoint> {
    let note = client.get("checkpoint", 10_000).await.unwrap().unwrap();
    Checkpoint::open(&Note::parse(&note).unwrap(), key).ok()
}

fn tnlog(arguments: &[&str]) -> std::process::Output {
    std::process::Command::new(env!("CARGO_BIN_EXE_tnlog")).arg("simulate").args(arguments).output().unwrap()
}

#[test]
fn the_command_says_what_would_happen_and_what_is_wrong_with_a_world() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("world.toml");
    let file = path.to_str().unwrap();
    std::fs::write(&path, tnlog(&["--print-world"]).stdout).unwrap();
    let dry = |arguments: &[&str]| {
        let output = tnlog(&[&["--dry-run", "--json", "--start", "1736121600"], arguments].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    let told = dry(&[]);
    assert_eq!(dry(&["--world", file]), told);
    let kinds = told["kinds"].as_object().unwrap();
    assert_eq!(kinds.values().map(|count| count.as_u64().unwrap()).sum::<u64>(), told["events"]);
    assert!(kinds["wave"].as_u64() > Some(100) && told["missing"] == 0);
    let calm = dry(&["--no-attacks"]);
    assert!(calm["attacks"] == 0 && calm["kinds"]["renewal"] == kinds["renewal"]);

    std::fs::write(&path, DEFAULT.replace("new_key = 0.78", "new_key = 78")).unwrap();
    let output = tnlog(&["--dry-run", "--world", file]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("new_key must be from 0 to 1"), "{said}");
    let output = tnlog(&["--data", file, "--lie", "white"]);
    assert_eq!(output.status.code(), Some(64));
}
