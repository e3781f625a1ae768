//! What Prometheus reads at `/metrics`. Nothing here is about a single submission: no number, no name of a certificate.

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// A request: what was asked for, and how it was answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Request {
    /// The endpoint, without its parameters.
    pub endpoint: String,
    /// The HTTP status.
    pub status: u16,
}

/// Why a submission was refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Refused {
    /// The last part of the problem type.
    pub problem: &'static str,
}

/// An answer of a witness.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Asked {
    /// Its name in the policy.
    pub witness: String,
    /// `cosigned`, or why not.
    pub result: &'static str,
}

/// A witness.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Witness {
    /// Its name in the policy.
    pub witness: String,
}

/// What is counted of cosigning.
#[derive(Clone, Default)]
pub struct CosignMetrics {
    /// Answers of witnesses, and questions without one.
    pub answers: Family<Asked, Counter>,
    /// Answers that contradict the log.
    pub conflicts: Family<Witness, Counter>,
    /// Leaves of the newest checkpoint that the quorum cosigned.
    pub size: Gauge,
    /// Seconds of Unix time when that quorum was met.
    pub time: Gauge,
}

impl CosignMetrics {
    fn register(&self, registry: &mut Registry) {
        registry.register("witness_answers", "Answers of witnesses, by result", self.answers.clone());
        registry.register(
            "witness_conflicts",
            "Answers of witnesses that remember another or a larger tree: the log was set back, or the witness lies",
            self.conflicts.clone(),
        );
        registry.register("cosigned_size", "Leaves of the newest cosigned checkpoint", self.size.clone());
        registry.register(
            "cosigned_time_seconds",
            "Unix time when the quorum for it was met",
            self.time.clone(),
        );
    }
}

/// The metrics of a log.
pub struct Metrics {
    registry: Registry,
    /// Requests by endpoint and status.
    pub requests: Family<Request, Counter>,
    /// Submissions refused, by problem.
    pub refused: Family<Refused, Counter>,
    /// Submissions answered with an SCT.
    pub accepted: Counter,
    /// Of these, submissions that were in the log already.
    pub repeated: Counter,
    /// Key statements answered, with those that were in the log already.
    pub statements: Counter,
    /// Registrations and withdrawals answered, with those that were in the log already.
    pub registrations: Counter,
    /// Leaves of the published tree.
    pub tree_size: Gauge,
    /// Milliseconds of Unix time of the published tree head.
    pub tree_head_time: Gauge,
    /// Submissions that wait for a round.
    pub pool: Gauge,
    /// Seconds from the beginning of a round to its publication.
    pub round_seconds: Histogram,
    /// Entries of each round.
    pub round_entries: Histogram,
    /// Rounds that failed and were tried again.
    pub round_failures: Counter,
    /// Labels evaluated blindly.
    pub evaluations: Counter,
    /// Entries that the newest head of the number index does not cover yet.
    pub index_lag: Gauge,
    /// Entries that the head which look-ups are answered in does not cover yet.
    pub lookup_lag: Gauge,
    /// Cosigning; registered where there are witnesses.
    pub cosigning: CosignMetrics,
    /// Cosigning of the index log; registered where there are verifiers.
    pub verifying: CosignMetrics,
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Self {
        let mut metrics = Metrics {
            registry: Registry::with_prefix("tnlog"),
            requests: Family::default(),
            refused: Family::default(),
            accepted: Counter::default(),
            repeated: Counter::default(),
            statements: Counter::default(),
            registrations: Counter::default(),
            tree_size: Gauge::default(),
            tree_head_time: Gauge::default(),
            pool: Gauge::default(),
            round_seconds: Histogram::new(exponential_buckets(0.002, 2.0, 12)),
            round_entries: Histogram::new(exponential_buckets(1.0, 4.0, 8)),
            round_failures: Counter::default(),
            evaluations: Counter::default(),
            index_lag: Gauge::default(),
            lookup_lag: Gauge::default(),
            cosigning: CosignMetrics::default(),
            verifying: CosignMetrics::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("requests", "Requests by endpoint and status", self.requests.clone());
        registry.register("submissions_refused", "Submissions refused, by problem", self.refused.clone());
        registry.register("submissions_accepted", "Submissions answered with an SCT", self.accepted.clone());
        registry.register(
            "submissions_repeated",
            "Accepted ones that were in the log already",
            self.repeated.clone(),
        );
        registry.register("statements_accepted", "Key statements answered", self.statements.clone());
        registry.register(
            "registrations_accepted",
            "Registrations and withdrawals answered",
            self.registrations.clone(),
        );
        registry.register("tree_size", "Leaves of the published tree", self.tree_size.clone());
        registry.register(
            "tree_head_time_milliseconds",
            "Unix time of the published tree head",
            self.tree_head_time.clone(),
        );
        registry.register("pool_entries", "Submissions that wait for a round", self.pool.clone());
        registry.register(
            "round_seconds",
            "From the beginning of a round to its publication",
            self.round_seconds.clone(),
        );
        registry.register("round_entries", "Entries of each round", self.round_entries.clone());
        registry.register(
            "round_failures",
            "Rounds that failed and were tried again",
            self.round_failures.clone(),
        );
        registry.register("evaluations", "Labels evaluated blindly", self.evaluations.clone());
        registry.register(
            "index_lag_entries",
            "Entries that the newest head of the number index does not cover yet",
            self.index_lag.clone(),
        );
        registry.register(
            "lookup_lag_entries",
            "Entries that the head which look-ups are answered in does not cover yet",
            self.lookup_lag.clone(),
        );
    }

    /// Shows the metrics of cosigning too.
    pub fn register_cosigning(&mut self) {
        self.cosigning.register(&mut self.registry);
    }

    /// Shows the metrics of cosigning the index log too: the same names behind `index_`.
    pub fn register_verifying(&mut self) {
        self.verifying.register(self.registry.sub_registry_with_prefix("index"));
    }

    /// The OpenMetrics text.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        text::encode(&mut text, &self.registry).expect("a string takes every write");
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics::new()
    }
}
