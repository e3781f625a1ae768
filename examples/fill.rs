//! Fills the folder of a new log with carriers, faster than anybody submits: for load tests of a large log.
//!
//! ```text
//! cargo run --release --example fill -- DIR ENTRIES
//! ```
//!
//! The leaves are of the size and form that carriers' have, each with a serial number of its own and one of 65,536 service
//! provider codes; all have one signature, which no reader of a log looks at. They go through the sequencer in rounds of 8,192.
//! The database of what is in the log grows with them; the number index is built when the log is served.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tnlog::admission::{Kind, Trust, admit};
use tnlog::anchors::{Anchor, Anchors};
use tnlog::certificate::Certificate;
use tnlog::chain_item::ChainItem;
use tnlog::client::api::AddChain;
use tnlog::client::signatures::Ring;
use tnlog::entry::{Entry, Leaf, SignedEntry};
use tnlog::load::{Names, Recipe};
use tnlog::server::config::Folder;
use tnlog::server::issuers::Issuers;
use tnlog::server::open::{self, Opened};
use tnlog::server::plan::{NewEntry, Object, Round};

const ROUND: u64 = 8192;
/// The code of the first certificate that the load generator makes, as it stands in the certificate.
const CODE: &[u8; 4] = b"0000";
/// A TBSCertificate of version 3, up to the tag of its serial number.
const VERSION: [u8; 6] = [0xa0, 3, 2, 1, 2, 2];

/// A certificate, and where it differs from one entry to the next.
struct Mould {
    der: Vec<u8>,
    serial: usize,
    codes: Vec<usize>,
    chain: Vec<u8>,
    issuers: Vec<Object>,
}

impl Mould {
    fn new(issuers: &Issuers) -> anyhow::Result<Self> {
        let recipe = Recipe {
            names: Names::Carriers,
            precertificates: false,
            seed: 1,
            not_before: 1_700_000_000,
            count: 1,
            duplicates: 0.0,
            bad: 0.0,
        };
        let workload = recipe.prepare(&AtomicU64::new(0));
        let body: AddChain = serde_json::from_slice(&workload.body(workload.steps()[0]))?;
        let parse = |text: &String| anyhow::Ok(Arc::new(Certificate::from_der(STANDARD.decode(text)?)?));
        let chain = body.chain.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        let root = Arc::new(workload.root().clone());
        let anchors = Anchors::new([Anchor { certificate: root, calling_codes: None }]);
        let trust = Trust { anchors: &anchors, verifier: &Ring, verified: None };
        let admitted = admit(&chain, Kind::Final, &trust).context("the certificate is admitted")?;
        let der = chain[0].der().to_vec();
        let places = |wanted: &[u8]| {
            let found = der.windows(wanted.len()).enumerate().filter(|(_, bytes)| *bytes == wanted);
            found.map(|(place, _)| place).collect::<Vec<_>>()
        };
        let version = *places(&VERSION).first().context("the certificate is of version 3")?;
        let length = usize::from(der[version + VERSION.len()]);
        let serial = version + VERSION.len() + 1 + length - 8;
        let codes = places(CODE);
        anyhow::ensure!(!codes.is_empty(), "the certificate names the code 0000");
        let issuers = issuers.objects(admitted.public_issuers());
        Ok(Mould { codes, serial, chain: ChainItem::of(&admitted).encode(), der, issuers })
    }

    fn leaf(&self, index: u64, timestamp: u64) -> NewEntry {
        let mut der = self.der.clone();
        der[self.serial..self.serial + 8].copy_from_slice(&index.to_be_bytes());
        let code = format!("{:04X}", index % 0x10000);
        self.codes.iter().for_each(|place| der[*place..place + 4].copy_from_slice(code.as_bytes()));
        let leaf = Leaf { timestamp, entry: Entry::Open(SignedEntry::X509(der)), index };
        NewEntry { leaf: leaf.encode().expect("the leaf is short"), chain: self.chain.clone() }
    }
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, entries] = arguments.as_slice() else { anyhow::bail!("fill DIR ENTRIES") };
    let entries: u64 = entries.parse()?;
    let folder = Folder::new(Path::new(folder));
    let config = open::configure(&folder, None)?;
    let Opened { log, mut sequencer, .. } = open::open(&folder, config, |_, _| {})?;
    let (mould, settler, begun) = (Mould::new(&log.issuers)?, sequencer.settler(), Instant::now());
    let mut told = Instant::now();
    while sequencer.published().tree.size < entries {
        let first = sequencer.published().tree.size;
        let end = (first + ROUND).min(entries);
        let mut leaves = Vec::new();
        sequencer.append(log.clock.now_milliseconds(), |position| {
            let round: Vec<NewEntry> = (first..end).map(|index| mould.leaf(index, position.time)).collect();
            leaves = round.iter().map(|entry| entry.leaf.clone()).collect();
            Round { entries: round, objects: if first == 1 { mould.issuers.clone() } else { Vec::new() } }
        })?;
        log.dedup.insert(first, leaves.iter().map(Vec::as_slice))?;
        settler.settle()?;
        if told.elapsed() > Duration::from_secs(10) {
            eprintln!("{end} entries after {:.0} s", begun.elapsed().as_secs_f64());
            told = Instant::now();
        }
    }
    println!("{entries} entries in {:.0} s", begun.elapsed().as_secs_f64());
    Ok(())
}
