//! The number index: updates, proofs, and their size.
//!
//! `cargo bench --bench index` measures an index of a million labels in memory. The documented run on disk, with the
//! memory that the process takes:
//!
//! ```text
//! INDEX_LABELS=10000000 INDEX_FOLDER=/tmp/index cargo bench --bench index
//! ```
//!
//! On two cores that other work kept busy twice over (load 5): a million labels in 14 to 20 s; ten million in 462 s, 45,000/s
//! at first and 13,000 to 17,000/s in the last three million; 343 MB of memory at most, 377 MB after 30,000 proofs, 661 MB
//! on disk; opened again in 2 s; 25,000 proofs/s, of 902 bytes on average and 1,089 at most.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use criterion::{BatchSize, Criterion, Throughput, criterion_group};
use tnlog::client::index_store::DiskStore;
use tnlog::index::{Index, IndexStore, MemoryStore, Query, Shape};
use tnlog::label::Label;
use tnlog::merkle::Hash;

const LOG: Hash = Hash([9; 32]);
const LABELS: u64 = 1_000_000;
const BATCH: u64 = 20_000;

fn label(number: u64) -> Label {
    let mut bytes = Hash::of_leaf(&number.to_be_bytes()).0;
    bytes[0] &= 0x7f;
    Label::new(bytes)
}

fn batch(start: u64, end: u64) -> Vec<(Label, u64)> {
    (start..end).map(|index| (label(index), index)).collect()
}

fn filled<S: IndexStore>(store: S, labels: u64, mut progress: impl FnMut(u64)) -> Index<S> {
    let mut index = Index::open(store, LOG, Shape::STANDARD).expect("a new index");
    for start in (0..labels).step_by(BATCH as usize) {
        let end = labels.min(start + BATCH);
        index.advance(batch(start, end), end).expect("the store takes it");
        progress(end);
    }
    index
}

fn in_memory(c: &mut Criterion) {
    let index = filled(MemoryStore::default(), LABELS, |_| ());
    let mut group = c.benchmark_group("index of a million labels, in memory");
    group.sample_size(20).throughput(Throughput::Elements(BATCH));
    group.bench_function("planning 20,000 updates", |b| {
        b.iter_batched(
            || batch(LABELS, LABELS + BATCH),
            |updates| index.plan(updates, LABELS + BATCH).expect("it continues the index"),
            BatchSize::LargeInput,
        );
    });
    group.throughput(Throughput::Elements(1));
    let mut number = 0;
    group.bench_function("proof of a label", |b| {
        b.iter(|| {
            number = (number + 7_654_321) % (2 * LABELS);
            let query = Query::labels(&[label(number)]).expect("one label");
            index.newest().prove(&query, 16).expect("the store gives it")
        });
    });
    let query = Query::labels(&[label(77)]).expect("one label");
    let (proof, root) = (index.newest().prove(&query, 1).expect("it is there"), index.newest().root());
    group.bench_function("checking the proof of a label", |b| {
        b.iter(|| query.check(black_box(&proof), &root).expect("it is proved"));
    });
    group.finish();
}

fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM: unknown");
    line.to_owned()
}

/// One run on disk, from nothing to `labels`, then proofs.
fn on_disk(folder: &Path, labels: u64) {
    let store = DiskStore::empty(folder).expect("the folder can be written");
    let start = Instant::now();
    let mut last = Instant::now();
    let step = (labels / 10).max(BATCH);
    let index = filled(store, labels, |done| {
        if done % step == 0 {
            let rate = step as f64 / last.elapsed().as_secs_f64();
            println!("{done} labels; the last {step} at {rate:.0}/s; {}", peak_memory());
            last = Instant::now();
        }
    });
    println!("filled in {:.1} s", start.elapsed().as_secs_f64());
    drop(index);

    let start = Instant::now();
    let store = DiskStore::open(folder).expect("the folder is there");
    let index = Index::open(store, LOG, Shape::STANDARD).expect("it is sound");
    println!("opened again in {:.1} s", start.elapsed().as_secs_f64());

    let (mut most, mut sum, count) = (0, 0, 30_000);
    let start = Instant::now();
    for turn in 0..count {
        let query = Query::labels(&[label(turn * 7_654_321 % (2 * labels))]).expect("one label");
        let proof = index.newest().prove(&query, 1).expect("the store gives it");
        most = most.max(proof.len());
        sum += proof.len() as u64;
    }
    let rate = count as f64 / start.elapsed().as_secs_f64();
    println!("{rate:.0} proofs/s; {} bytes on average, {most} at most; {}", sum / count, peak_memory());
}

criterion_group!(benches, in_memory);

fn main() {
    match (std::env::var_os("INDEX_FOLDER"), std::env::var("INDEX_LABELS")) {
        (Some(folder), Ok(labels)) => {
            on_disk(Path::new(&folder), labels.parse().expect("a number of labels"))
        }
        _ => benches(),
    }
}
