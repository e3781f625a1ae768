//! Every real certificate of the corpus through parsing, classification and admission, with exact counts.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tnlog::admission::{Admitted, Kind, Trust, admit, check_chain};
use tnlog::anchors::{Anchor, Anchors, VerifiedIssuers};
use tnlog::certificate::{Certificate, TN_AUTH_LIST};
use tnlog::classify::Class;
use tnlog::pem;
use tnlog::rule::Refusal;
use tnlog::signature::Ecdsa;
use tnlog::tnauthlist::{self, Scope};

/// The corpus, or a printed reason why there is none.
fn corpus() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("TNLOG_CORPUS") {
        return Some(PathBuf::from(folder));
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

fn bundle(path: &Path) -> Vec<Arc<Certificate>> {
    let text = std::fs::read_to_string(path).unwrap();
    Certificate::from_pem_bundle(&text).unwrap().into_iter().map(Arc::new).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

struct Row {
    leaf: Arc<Certificate>,
    status: String,
    chain: Vec<Arc<Certificate>>,
}

struct Corpus {
    rows: Vec<Row>,
    anchors: Anchors,
}

fn load(folder: &Path) -> Corpus {
    let roots = bundle(&folder.join("roots.pem"));
    let intermediates = bundle(&folder.join("intermediates.pem"));
    assert_eq!((roots.len(), intermediates.len()), (20, 34));
    let issuers: BTreeMap<String, Arc<Certificate>> = roots
        .iter()
        .chain(&intermediates)
        .map(|issuer| (hex(issuer.fingerprint()), issuer.clone()))
        .collect();
    let leaves = Certificate::from_pem_bundle(gunzip(&folder.join("leaves.pem.gz"))).unwrap();
    assert_eq!(leaves.len(), 13_370);
    let index = gunzip(&folder.join("index.tsv.gz"));
    let rows: Vec<Row> = index
        .lines()
        .skip(1)
        .zip(leaves)
        .map(|(line, leaf)| {
            let fields: Vec<&str> = line.split('\t').collect();
            assert_eq!(fields[1], hex(leaf.fingerprint()));
            let chain = fields[8].split(',').filter_map(|sha256| issuers.get(sha256).cloned());
            Row { leaf: Arc::new(leaf), status: fields[7].to_owned(), chain: chain.collect() }
        })
        .collect();
    assert_eq!(rows.len(), 13_370);
    let anchor = |certificate| Anchor { certificate, calling_codes: None };
    Corpus { rows, anchors: Anchors::new(roots.into_iter().map(anchor)) }
}

fn outcome(result: &Result<Admitted, Refusal>) -> String {
    match result {
        Ok(_) => "admitted".into(),
        Err(refusal) => format!("{} at {}", refusal.rule.slug(), refusal.certificate),
    }
}

/// Counts and prints, so that a difference is seen as a table.
fn table(outcomes: impl IntoIterator<Item = String>) -> BTreeMap<String, usize> {
    let mut table = BTreeMap::new();
    for outcome in outcomes {
        *table.entry(outcome).or_default() += 1;
    }
    for (outcome, count) in &table {
        println!("{count:6}  {outcome}");
    }
    table
}

fn expected(rows: &[(&str, usize)]) -> BTreeMap<String, usize> {
    rows.iter().map(|(outcome, count)| ((*outcome).to_owned(), *count)).collect()
}

/// All 12,995 leaves that chain to a root are admitted but one, which has no TNAuthList.
#[test]
fn leaves_are_admitted_but_for_named_rules() {
    let Some(folder) = corpus() else { return };
    let corpus = load(&folder);
    let verified = VerifiedIssuers::new(1000);
    let trust = Trust { anchors: &corpus.anchors, verifier: &Ecdsa, verified: Some(&verified) };
    let outcomes = corpus.rows.iter().map(|row| {
        let chain: Vec<_> = std::iter::once(&row.leaf).chain(&row.chain).cloned().collect();
        let result = admit(&chain, Kind::Final, &trust);
        if let Ok(admitted) = &result {
            assert_eq!(admitted.chain().len(), chain.len());
            assert_eq!(admitted.requires_logged().count(), 0);
            assert!(!admitted.class().is_hidden() && admitted.calling_codes().is_empty());
        }
        format!("{} {}", row.status, outcome(&result))
    });
    let rows = [
        ("to-root admitted", 12_994),
        ("to-root no-tnauthlist at 0", 1),
        ("partial unknown-root at 1", 373),
        ("no-issuer unknown-root at 0", 1),
        ("no-issuer no-tnauthlist at 0", 1),
    ];
    assert_eq!(table(outcomes), expected(&rows));
    assert_eq!(verified.len(), corpus.issuer_pairs());
}

impl Corpus {
    /// The pairs of CA certificate and issuer in the chains that reach a root and end in a leaf with a TNAuthList.
    fn issuer_pairs(&self) -> usize {
        let reaching = self.rows.iter().filter(|row| row.status == "to-root" && row.leaf.class().is_ok());
        let pairs: BTreeSet<_> = reaching
            .flat_map(|row| row.chain.windows(2))
            .map(|pair| (*pair[0].fingerprint(), *pair[1].fingerprint()))
            .collect();
        pairs.len()
    }
}

/// Real leaves and CA certificates name service provider codes or nothing; one list in the leaves does not decode.
#[test]
fn leaves_and_issuers_by_class() {
    let Some(folder) = corpus() else { return };
    let corpus = load(&folder);
    let class = |certificate: &Certificate| match certificate.class() {
        Ok(Class::Names(Scope::Spcs(codes))) => format!("{} service provider code", codes.len()),
        Ok(Class::Names(_)) => "blocks or numbers".into(),
        Ok(class) => format!("{class:?}"),
        Err(rule) => rule.slug().to_owned(),
    };
    let rows = [("1 service provider code", 13_367), ("Unreadable", 1), ("no-tnauthlist", 2)];
    assert_eq!(table(corpus.rows.iter().map(|row| class(&row.leaf))), expected(&rows));
    let issuers = [bundle(&folder.join("roots.pem")), bundle(&folder.join("intermediates.pem"))].concat();
    assert_eq!(table(issuers.iter().map(|issuer| class(issuer))), expected(&[("UnlimitedCa", 54)]));
}

/// Which algorithms there are, so that it is known what a faster verifier must agree about.
#[test]
fn signatures_by_algorithm() {
    let Some(folder) = corpus() else { return };
    let rows = load(&folder).rows;
    let name = |certificate: &Certificate| certificate.signature_algorithm().name().to_owned();
    let leaves = [("ecdsa-with-SHA256", 13_368), ("ecdsa-with-SHA384", 2)];
    assert_eq!(table(rows.iter().map(|row| name(&row.leaf))), expected(&leaves));
    let issuers = [bundle(&folder.join("roots.pem")), bundle(&folder.join("intermediates.pem"))].concat();
    let expected_issuers = [
        ("ecdsa-with-SHA256", 48),
        ("ecdsa-with-SHA384", 3),
        ("ecdsa-with-SHA512", 1),
        ("sha256WithRSAEncryption", 2),
    ];
    assert_eq!(table(issuers.iter().map(|issuer| name(issuer))), expected(&expected_issuers));
    let keys: BTreeSet<_> =
        rows.iter().flat_map(|row| row.chain.iter()).map(|c| c.public_key().algorithm.name()).collect();
    assert_eq!(keys, BTreeSet::from(["P-256", "P-384"]));
}

/// Every readable list of the leaves encodes to the same bytes again.
#[test]
fn lists_encode_again() {
    let Some(folder) = corpus() else { return };
    let mut readable = 0;
    for row in &load(&folder).rows {
        let Some(list) = row.leaf.extension(&TN_AUTH_LIST) else { continue };
        if let Ok(entries) = tnauthlist::decode(list.value) {
            assert_eq!(tnauthlist::encode(&entries).unwrap(), list.value);
            readable += 1;
        }
    }
    assert_eq!(readable, 13_367);
}

/// An app takes at one moment what is valid then.
#[test]
fn leaves_as_an_app_checks_them() {
    let Some(folder) = corpus() else { return };
    let corpus = load(&folder);
    let verified = VerifiedIssuers::new(1000);
    let trust = Trust { anchors: &corpus.anchors, verifier: &Ecdsa, verified: Some(&verified) };
    let now = 1_704_067_200; // 2024-01-01
    let valid = corpus.rows.iter().filter(|row| row.leaf.not_before() <= now && now <= row.leaf.not_after());
    let outcomes = valid.map(|row| {
        let chain: Vec<_> = std::iter::once(&row.leaf).chain(&row.chain).cloned().collect();
        let later = check_chain(&chain, row.leaf.not_after() + 1, &trust);
        assert!(later.is_err(), "{}", outcome(&later));
        format!("{} {}", row.status, outcome(&check_chain(&chain, now, &trust)))
    });
    let rows =
        [("to-root admitted", 491), ("no-issuer unknown-root at 0", 1), ("no-issuer no-tnauthlist at 0", 1)];
    assert_eq!(table(outcomes), expected(&rows));
}

/// The files of a folder, each by what becomes of it.
fn files(folder: &Path) -> Vec<String> {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let outcome = |path: &PathBuf| {
        let bytes = std::fs::read(path).unwrap();
        let ders = match String::from_utf8(bytes.clone()) {
            Ok(text) if text.contains("BEGIN CERTIFICATE") => pem::decode(&text).unwrap(),
            _ => vec![bytes],
        };
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let outcomes = ders.into_iter().map(|der| match Certificate::from_der(der) {
            Err(error) => error.to_string(),
            Ok(certificate) => match certificate.class() {
                Ok(class) => format!("{class:?}"),
                Err(rule) => rule.slug().to_owned(),
            },
        });
        format!("{name}: {}", outcomes.collect::<Vec<_>>().join(", "))
    };
    paths.iter().map(outcome).collect()
}

#[test]
fn samples_by_outcome() {
    let Some(folder) = corpus() else { return };
    let mut text = String::new();
    for name in ["lint", "malformed", "other"] {
        text += &format!("# {name}\n{}\n", files(&folder.join(name)).join("\n"));
    }
    assert_eq!(text, include_str!("corpus_samples.txt"));
}
