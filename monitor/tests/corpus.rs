//! Every real certificate of the corpus through the detectors, without a watch, with exact counts; and
//! attacks grafted onto it.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tnlog::admission::{Kind, Trust, admit};
use tnlog::anchors::{Anchor, Anchors, VerifiedIssuers};
use tnlog::certificate::Certificate;
use tnlog::chain_item::ChainItem;
use tnlog::client::check::CheckedCertificate;
use tnlog::entry::{Entry, Leaf, SignedEntry};
use tnlog::signature::Ecdsa;
use tnlog::submission::Submission;
use tnlog::synthetic::{Authority, Issued, KeyPair, Name, Profile, Validity};
use tnlog_monitor::detect::{
    Beside, Content, Detector, Detectors, Finding, InMemory, Issuer, Memory, Observed, OpenCertificate,
    Severity,
};

const LOG: [u8; 32] = [1; 32];

/// The corpus, or a printed reason why there is none.
fn corpus() -> Option<Corpus> {
    if let Some(folder) = std::env::var_os("TNLOG_CORPUS") {
        return Some(Corpus::load(&PathBuf::from(folder)));
    }
    assert!(std::env::var_os("TNLOG_NO_SKIP").is_none(), "TNLOG_CORPUS is not set and TNLOG_NO_SKIP is");
    println!("skipped: TNLOG_CORPUS does not name the folder of real certificates");
    None
}

fn gunzip(path: &Path) -> String {
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

/// What a log took of the corpus: the leaf of each certificate but for index and time, and what lies beside
/// it.
struct Corpus {
    entries: Vec<(Leaf, ChainItem)>,
    issuers: BTreeMap<[u8; 32], Arc<Certificate>>,
}

impl Corpus {
    /// All that chains to a root, by the beginning of its validity.
    fn load(folder: &Path) -> Self {
        let bundle = |text: &str| -> Vec<Arc<Certificate>> {
            Certificate::from_pem_bundle(text).unwrap().into_iter().map(Arc::new).collect()
        };
        let read = |name| bundle(&std::fs::read_to_string(folder.join(name)).unwrap());
        let (roots, intermediates) = (read("roots.pem"), read("intermediates.pem"));
        let issuers: BTreeMap<_, _> =
            roots.iter().chain(&intermediates).map(|ca| (*ca.fingerprint(), ca.clone())).collect();
        let by_hex: BTreeMap<_, _> =
            issuers.iter().map(|(hash, ca)| (tnlog::merkle::Hash(*hash).to_string(), ca)).collect();
        let anchor = |certificate| Anchor { certificate, calling_codes: None };
        let anchors = Anchors::new(roots.iter().cloned().map(anchor));
        let verified = VerifiedIssuers::new(1000);
        let trust = Trust { anchors: &anchors, verifier: &Ecdsa, verified: Some(&verified) };
        let leaves = bundle(&gunzip(&folder.join("leaves.pem.gz")));
        let index = gunzip(&folder.join("index.tsv.gz"));
        let admitted = index.lines().skip(1).zip(leaves).filter_map(|(line, leaf)| {
            let chain = line
                .split('\t')
                .nth(8)
                .unwrap()
                .split(',')
                .filter_map(|hex| by_hex.get(hex).copied().cloned());
            admit(&std::iter::once(leaf).chain(chain).collect::<Vec<_>>(), Kind::Final, &trust).ok()
        });
        let mut entries: Vec<_> = admitted
            .map(|admitted| {
                let entry = Submission::of(&admitted)
                    .open_entry()
                    .expect("no certificate of the corpus names numbers");
                let timestamp = 1000 * (admitted.certificate().not_before() as u64 + 60);
                (Leaf { timestamp, entry, index: 0 }, ChainItem::of(&admitted))
            })
            .collect();
        entries.sort_by_key(|(leaf, _)| leaf.timestamp);
        entries.iter_mut().enumerate().for_each(|(index, (leaf, _))| leaf.index = 1 + index as u64);
        Corpus { entries, issuers }
    }

    fn open(&self, leaf: &Leaf, item: &ChainItem) -> OpenCertificate {
        let Entry::Open(signed) = &leaf.entry else { panic!("an entry in the open") };
        let der = match signed {
            SignedEntry::X509(der) => der,
            SignedEntry::Precert { .. } => &item.pre_certificate,
        };
        let certificate = Arc::new(Certificate::from_der(&der[..]).unwrap());
        let chain = item.chain.iter().map_while(|hash| self.issuers.get(hash).cloned()).collect();
        OpenCertificate::of(signed, CheckedCertificate { certificate, chain })
    }
}

/// A log that is watched.
#[derive(Default)]
struct Watching {
    detectors: Detectors,
    store: InMemory,
    findings: Vec<Finding>,
}

impl Watching {
    /// Stores what changed after every `batch` entries.
    fn follow(&mut self, corpus: &Corpus, batch: usize) {
        for batch in corpus.entries.chunks(batch) {
            let mut memory = Memory::new(&self.store);
            for (leaf, item) in batch {
                let open = Some(corpus.open(leaf, item));
                let entry = Observed::of(LOG, leaf, Beside { open, ..Beside::default() });
                assert!(matches!(entry.content, Content::Open(_)));
                self.findings.extend(self.detectors.observe(&entry, &mut memory).unwrap());
            }
            let changes = memory.into_changes();
            self.store.apply(changes);
        }
    }

    /// Logs a certificate of an attacker at the end; what is found of it.
    fn graft(&mut self, index: u64, issued: &Issued) -> Vec<(Detector, Severity)> {
        let mut chain: Vec<_> =
            issued.chain().into_iter().map(|der| Arc::new(Certificate::from_der(der).unwrap())).collect();
        let certificate = chain.remove(0);
        let timestamp = 1000 * (certificate.not_before() as u64 + 60);
        let issuer = Issuer::of(&chain[0]);
        let content = Content::Open(OpenCertificate { certificate, kind: Kind::Final, chain, issuer });
        let mut memory = Memory::new(&self.store);
        let entry = Observed { log_id: LOG, index, timestamp, content };
        let found = self.detectors.observe(&entry, &mut memory).unwrap();
        let changes = memory.into_changes();
        self.store.apply(changes);
        found.iter().map(|finding| (finding.detector, finding.severity)).collect()
    }

    /// How many of each detector, severity and sentence; printed, so that a difference is seen as a table.
    fn table(&self) -> BTreeMap<(Severity, &'static str, String), usize> {
        let mut table = BTreeMap::new();
        for finding in &self.findings {
            let row = (finding.severity, finding.detector.name(), finding.sentence.what.clone());
            *table.entry(row).or_default() += 1;
        }
        for ((severity, detector, what), count) in &table {
            println!("{count:6}  {:6}  {detector:24}  {what}", severity.name());
        }
        table
    }

    fn at_least_medium(&self) -> usize {
        self.findings.iter().filter(|finding| finding.severity >= Severity::Medium).count()
    }
}

/// As if each had been logged when it was issued.
#[test]
fn the_whole_corpus_without_a_watch() {
    let Some(corpus) = corpus() else { return };
    assert_eq!(corpus.entries.len(), 12_994);
    let mut watching = Watching::default();
    let begin = std::time::Instant::now();
    watching.follow(&corpus, 500);
    println!("{:.0} entries/s", corpus.entries.len() as f64 / begin.elapsed().as_secs_f64());
    let table = watching.table();
    let hands = "A service provider code has a certificate of an organization and of an issuer that are both new to it: \
                 it was sold, or somebody else obtained it.";
    let expected = [
        (
            Severity::Low,
            "profile",
            "A certificate has a TNAuthList that cannot be read, so nobody knows what it is for.",
            1,
        ),
        (
            Severity::Low,
            "profile",
            "A certificate is valid for longer than the policy allows, or ends before it begins.",
            25,
        ),
        (Severity::Medium, "profile", hands, 3),
    ];
    let expected: BTreeMap<_, _> =
        expected.into_iter().map(|(s, d, w, n)| ((s, d, w.to_owned()), n)).collect();
    assert_eq!(table, expected);
    // 738J was SIP.US, which BCM One bought; 056K Logista Solutions; 0496 Randolph Communications.
    let carriers =
        watching.findings.iter().filter(|finding| finding.severity >= Severity::Medium).map(|finding| {
            let (leaf, item) = &corpus.entries[finding.entries[0] as usize - 1];
            corpus.open(leaf, item).certificate.organization().unwrap()
        });
    let names = ["BCM One Cloud Communications, LLC", "Ascension Technologies", "Toly Digital Networks Inc"];
    assert_eq!(carriers.collect::<Vec<_>>(), names);
}

/// As a log that begins today and is given all of the past in an hour. And in other batches, as after a
/// crash, the findings and what is remembered are the same.
#[test]
fn the_whole_corpus_in_an_hour() {
    let Some(mut corpus) = corpus() else { return };
    let today = corpus.entries.last().unwrap().0.timestamp + 30 * 86_400_000;
    for (place, (leaf, _)) in corpus.entries.iter_mut().enumerate() {
        leaf.timestamp = today + 250 * place as u64;
    }
    let mut watching = Watching::default();
    watching.follow(&corpus, 500);
    assert_eq!(watching.table().values().sum::<usize>(), 29);
    assert_eq!(watching.at_least_medium(), 3);
    let mut again = Watching::default();
    again.follow(&corpus, 7);
    assert_eq!(again.findings, watching.findings);
    assert_eq!(again.store, watching.store);
}

#[test]
fn attacks_grafted_onto_the_corpus_are_found() {
    let Some(corpus) = corpus() else { return };
    let mut watching = Watching::default();
    watching.follow(&corpus, 500);
    let next = corpus.entries.len() as u64 + 1;
    let now = corpus.entries.last().unwrap().0.timestamp / 1000;
    let validity = Validity { not_before: now, not_after: now + 30 * 86_400 };
    let ca = Authority::self_signed(
        Profile::authority("CA", None, validity, 1).subject(Name::new("Careless Issuing", "SHAKEN CA")),
    );
    let profile = |code: &str, seed| {
        Profile::carrier(code, validity, seed).subject(Name::new("Mallory Mobile", &format!("SHAKEN {code}")))
    };
    // 738J and 647K are codes of the corpus, and Mallory is nobody there.
    let changed = (Detector::Profile, Severity::Medium);
    assert_eq!(watching.graft(next, &ca.issue(&profile("738J", 1))), [changed]);
    // One key for two carriers: beside the change of hands.
    let key = KeyPair::p256(7);
    assert_eq!(watching.graft(next + 1, &ca.issue(&profile("ZZ1Z", 2).key(key.clone()))), []);
    assert_eq!(watching.graft(next + 2, &ca.issue(&profile("ZZ2Z", 3).key(key))), [changed]);
    let range = |organization: &str, seed| {
        let profile = Profile::ranges(&[("12025550000", 10_000)], validity, seed);
        ca.issue(&profile.subject(Name::new(organization, "Range")))
    };
    assert_eq!(watching.graft(next + 3, &range("Example Telephone", 4)), []);
    let conflict = (Detector::ConflictingCredentials, Severity::Medium);
    assert_eq!(watching.graft(next + 4, &range("Mallory Mobile", 5)), [conflict]);
}
