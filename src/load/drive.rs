//! The run itself: connections that take the next submissions in turn.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::StatusCode;

use super::connection::{Connection, Target};
use super::report::{Latency, Report};
use super::workload::{Step, Turn, Workload};
use crate::client::api::{AddChainResponse, AddChainResult, AddChainsResponse, Problem};

/// How to submit.
#[derive(Clone, Debug)]
pub struct Drive {
    /// The log.
    pub target: Target,
    /// Connections, each of which has one request under way.
    pub connections: usize,
    /// Submissions each second; as fast as the log answers where there is none.
    pub rate: Option<f64>,
    /// When to stop, if the workload is not used up before.
    pub duration: Option<Duration>,
    /// Chains of one `add-chains`, in the place of `add-chain`.
    pub batch: Option<usize>,
}

/// Counts that go along with a run.
#[derive(Debug, Default)]
pub struct Progress {
    /// SCTs received, and bad chains refused.
    pub answered: AtomicU64,
    /// Errors.
    pub errors: AtomicU64,
}

/// An SCT, without its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// The certificate that it is for.
    pub certificate: u32,
    /// Its time, in milliseconds of Unix time.
    pub timestamp: u64,
    /// Its `CtExtensions`, without the length.
    pub extensions: Box<[u8]>,
}

/// What a run gave.
#[derive(Debug)]
pub struct Driven {
    /// The figures.
    pub report: Report,
    /// Every SCT.
    pub logged: Vec<Logged>,
}

struct Course {
    drive: Drive,
    workload: Arc<Workload>,
    progress: Arc<Progress>,
    next: AtomicUsize,
    begun: Instant,
}

/// What one connection has seen.
#[derive(Default)]
struct Seen {
    logged: Vec<Logged>,
    micros: Vec<u32>,
    repeated: u64,
    refused: u64,
    errors: BTreeMap<String, u64>,
}

/// Submits the workload. A latency is counted from the instant at which a submission was due, so that a log that stalls does
/// not look better than it is by being asked less.
pub async fn drive(drive: Drive, workload: Arc<Workload>, progress: Arc<Progress>) -> Driven {
    let connections = drive.connections;
    let course = Course { drive, workload, progress, next: AtomicUsize::new(0), begun: Instant::now() };
    let course = Arc::new(course);
    let tasks: Vec<_> = (0..connections).map(|_| tokio::spawn(submit(course.clone()))).collect();
    let mut all = Seen::default();
    for task in tasks {
        all.append(task.await.expect("submitting never panics"));
    }
    let seconds = course.begun.elapsed().as_secs_f64();
    let used_up = course.next.load(Ordering::Relaxed) >= course.workload.steps().len();
    let early = course.drive.duration.is_some_and(|duration| seconds < duration.as_secs_f64() * 0.95);
    let accepted = all.logged.len() as u64;
    let report = Report {
        seconds,
        accepted,
        rate: accepted as f64 / seconds,
        repeated: all.repeated,
        refused: all.refused,
        exhausted: used_up && early,
        latency_milliseconds: Latency::of(all.micros),
        errors: all.errors,
        reads: None,
        check: None,
    };
    Driven { report, logged: all.logged }
}

async fn submit(course: Arc<Course>) -> Seen {
    let mut connection = Connection::new(course.drive.target.clone());
    let mut seen = Seen::default();
    while let Some((steps, due)) = course.take() {
        tokio::time::sleep_until(due.into()).await;
        let begun = if course.drive.rate.is_some() { due } else { Instant::now() };
        let before = seen.error_count();
        match connection.post(course.path(), course.body(steps)).await {
            Ok((status, answer)) => {
                seen.micros.push(begun.elapsed().as_micros().try_into().unwrap_or(u32::MAX));
                course.read(steps, status, &answer, &mut seen);
            }
            Err(error) => seen.errors(error.kind(), steps.len() as u64),
        }
        let errors = seen.error_count() - before;
        course.progress.errors.fetch_add(errors, Ordering::Relaxed);
        course.progress.answered.fetch_add(steps.len() as u64 - errors, Ordering::Relaxed);
    }
    seen
}

impl Course {
    /// The next submissions, and when they are due; none when the run is over.
    fn take(&self) -> Option<(&[Step], Instant)> {
        let count = self.drive.batch.unwrap_or(1);
        let first = self.next.fetch_add(count, Ordering::Relaxed);
        let steps = self.workload.steps();
        let wait =
            self.drive.rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(first as f64 / rate));
        let due = self.begun + wait;
        let over =
            self.drive.duration.is_some_and(|duration| due.max(Instant::now()) >= self.begun + duration);
        let steps = steps.get(first..steps.len().min(first + count)).filter(|steps| !steps.is_empty())?;
        (!over).then_some((steps, due))
    }

    fn path(&self) -> &'static str {
        match (self.drive.batch, self.workload.precertificates()) {
            (Some(_), _) => "/tn/v1/add-chains",
            (None, false) => "/ct/v1/add-chain",
            (None, true) => "/ct/v1/add-pre-chain",
        }
    }

    fn body(&self, steps: &[Step]) -> Vec<u8> {
        if self.drive.batch.is_some() { self.workload.batch(steps) } else { self.workload.body(steps[0]) }
    }

    fn read(&self, steps: &[Step], status: StatusCode, answer: &Bytes, seen: &mut Seen) {
        if self.drive.batch.is_none() {
            return seen.read(steps[0], status, answer);
        }
        match serde_json::from_slice::<AddChainsResponse>(answer) {
            Ok(batch) if status == StatusCode::OK && batch.results.len() == steps.len() => {
                steps.iter().zip(batch.results).for_each(|(step, result)| match result {
                    AddChainResult::Sct(sct) => seen.sct(*step, &sct),
                    AddChainResult::Problem(problem) => seen.problem(*step, problem.status, Some(problem)),
                });
            }
            _ => seen.errors(&error_kind(status.as_u16(), answer), steps.len() as u64),
        }
    }
}

impl Seen {
    fn read(&mut self, step: Step, status: StatusCode, answer: &Bytes) {
        if status != StatusCode::OK {
            return self.problem(step, status.as_u16(), serde_json::from_slice(answer).ok());
        }
        match serde_json::from_slice::<AddChainResponse>(answer) {
            Ok(sct) => self.sct(step, &sct),
            Err(_) => self.errors("the answer is no SCT", 1),
        }
    }

    fn sct(&mut self, step: Step, sct: &AddChainResponse) {
        if step.turn == Turn::Bad {
            return self.errors("a bad chain was accepted", 1);
        }
        let Ok(extensions) = STANDARD.decode(&sct.extensions) else {
            return self.errors("the extensions are no base64", 1);
        };
        self.repeated += u64::from(step.turn == Turn::Again);
        let Step { certificate, .. } = step;
        self.logged.push(Logged { certificate, timestamp: sct.timestamp, extensions: extensions.into() });
    }

    fn problem(&mut self, step: Step, status: u16, problem: Option<Problem>) {
        if step.turn == Turn::Bad && (400..500).contains(&status) && status != 429 {
            self.refused += 1;
        } else {
            self.errors(&kind_of(status, problem.as_ref()), 1);
        }
    }

    fn errors(&mut self, kind: &str, count: u64) {
        *self.errors.entry(kind.to_owned()).or_default() += count;
    }

    fn error_count(&self) -> u64 {
        self.errors.values().sum()
    }

    fn append(&mut self, other: Seen) {
        self.logged.extend(other.logged);
        self.micros.extend(other.micros);
        self.repeated += other.repeated;
        self.refused += other.refused;
        other.errors.iter().for_each(|(kind, count)| self.errors(kind, *count));
    }
}

fn error_kind(status: u16, answer: &Bytes) -> String {
    kind_of(status, serde_json::from_slice(answer).ok().as_ref())
}

/// The status, with the name of the problem where the log says one.
fn kind_of(status: u16, problem: Option<&Problem>) -> String {
    match problem.and_then(|problem| problem.kind.rsplit(':').next()) {
        Some(name) => format!("{status} {name}"),
        None => status.to_string(),
    }
}
