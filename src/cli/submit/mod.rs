//! `tnlog submit`: brings certificates to a log, and writes down what it answers.

mod answers;
mod plan;
mod summary;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use tnlog::client::issuers::IssuerPool;
use tnlog::client::read::LogReader;
use tnlog::client::submit::{Outcome, Pace, Submitter};
use tnlog::policy::Policy;
use tokio::task::JoinSet;

use crate::trust::Trust;
use crate::{input, output, place};
use answers::Answers;
use plan::{Item, Plan};
use summary::Summary;

/// Submit certificates and precertificates to a log
///
/// Files are PEM bundles, gzipped or not, or DER. Their CA certificates, those of --issuers and the roots of the log complete the
/// chains. CA certificates with a TNAuthList (delegates) are submitted too, and first. Each SCT is verified and written beside its
/// file: cert.pem.sct, or bundle.pem.scts/<sha256>.sct for a bundle; with --receipts also the receipt, .tlog-proof. What is written there is
/// as secret as the numbers in the certificates. When it is interrupted, run it again: what has its answer is not submitted twice,
/// and what is submitted twice gets the same answer.
#[derive(clap::Args)]
#[command(after_help = concat!(
    "Examples:\n  tnlog submit --log https://log.example.com/ chain.pem\n",
    "  tnlog submit --log https://log.example.com/ --issuers issuers.pem --receipts --policy policy.txt bundle.pem.gz\n\n",
    "Exit codes: 0 everything is logged, 1 something is refused or failed, or nothing was there to submit, 2 the log answered what is not to be trusted, 64 wrong usage"
))]
pub struct Args {
    /// The log
    #[arg(long, value_name = "URL")]
    log: String,
    #[command(flatten)]
    trust: Trust,
    /// A file of CA certificates that complete chains; may be given several times
    #[arg(long, value_name = "FILE")]
    issuers: Vec<PathBuf>,
    /// Files of certificates and precertificates
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Submit CA certificates without TNAuthList too
    #[arg(long)]
    with_cas: bool,
    /// Fetch and verify receipts too
    #[arg(long)]
    receipts: bool,
    /// Write no SCTs and no receipts
    #[arg(long, conflicts_with = "receipts")]
    write_nothing: bool,
    /// Chains in one request
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    together: usize,
    /// Requests at the same time
    #[arg(long, value_name = "COUNT", default_value_t = 4)]
    at_once: usize,
    /// Print JSON: a line for each certificate, and one for the sum
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let client = place::client(&args.log)?;
    let about = || args.log.clone();
    let policy = args.trust.given_or_shown(&client).await.with_context(about)?;
    let mut reader = LogReader::new(Arc::new(client.clone()), policy.clone());
    reader.update().await.with_context(about)?;
    let submitter = Submitter::new(client, reader.parameters().await.with_context(about)?);
    let mut pool = IssuerPool::new(input::good_certificates(&args.issuers)?);
    match submitter.roots().await {
        Ok(roots) => roots.into_iter().for_each(|root| pool.add(root)),
        Err(error) => output::note(format_args!("The log does not say which roots it accepts: {error}")),
    }
    let plan = plan::plan(&args.files, pool, args.with_cas)?;
    let stop = stop_at_interrupt();
    let answers = Answers::new(!args.write_nothing, args.receipts);
    let mut run = Run { submitter, policy, answers, pace: pace(&args), stop, json: args.json };
    run.all(plan).await
}

fn pace(args: &Args) -> Pace {
    Pace { together: args.together, at_once: args.at_once }
}

/// Set at the first Ctrl-C, after which nothing more is begun; the second ends the program.
fn stop_at_interrupt() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let set = stop.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            set.store(true, Ordering::Relaxed);
            output::note("Stopping when what is under way is answered; run the same command again to go on");
        }
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(output::FAILED.into());
        }
    });
    stop
}

struct Run {
    submitter: Submitter,
    policy: Policy,
    answers: Answers,
    pace: Pace,
    stop: Arc<AtomicBool>,
    json: bool,
}

impl Run {
    async fn all(&mut self, plan: Plan) -> anyhow::Result<ExitCode> {
        let Plan { delegates, others, malformed, left_out } = plan;
        let total = delegates.len() + others.len() + malformed.len();
        if total == 0 {
            output::note(format_args!(
                "{left_out} CA certificates were not submitted; --with-cas submits them too"
            ));
            return Ok(output::FAILED.into());
        }
        let mut summary = Summary::new(self.json, output::progress(total as u64, "certificates"));
        for (place, error) in &malformed {
            summary.malformed(place, error)?;
        }
        let one_by_one = Pace { together: 1, at_once: 1 };
        self.some(delegates, one_by_one, &mut summary).await?;
        self.some(others, self.pace, &mut summary).await?;
        summary.finish(self.stop.load(Ordering::Relaxed))
    }

    async fn some(&self, items: Vec<Item>, pace: Pace, summary: &mut Summary) -> anyhow::Result<()> {
        let (done, open): (Vec<_>, Vec<_>) =
            items.into_iter().partition(|item| self.answers.has_sct(item, &self.submitter));
        for item in &done {
            summary.already(&item.place)?;
        }
        let chains = open.iter().map(|item| item.chain.clone()).collect();
        let mut result = Ok(());
        let mut logged = done;
        self.submitter
            .add_all(chains, pace, &mut |position, outcome| {
                let item = &open[position];
                result = self.answered(item, &outcome, summary);
                if matches!(outcome, Outcome::Logged(_)) {
                    logged.push(item.clone());
                }
                result.is_ok() && !self.stop.load(Ordering::Relaxed)
            })
            .await;
        result?;
        self.fetch_receipts(&logged, summary).await
    }

    fn answered(&self, item: &Item, outcome: &Outcome, summary: &mut Summary) -> anyhow::Result<()> {
        if let Outcome::Logged(sct) = outcome {
            self.answers.write_sct(item, sct)?;
        }
        summary.outcome(&item.place, outcome)
    }

    /// A few at the same time, since each may have to wait for the witnesses.
    async fn fetch_receipts(&self, logged: &[Item], summary: &mut Summary) -> anyhow::Result<()> {
        let policy = Arc::new(self.policy.clone());
        let mut wanted = logged.iter().filter(|item| self.answers.wants_receipt(item));
        let mut running = JoinSet::new();
        loop {
            while running.len() < 2 * self.pace.at_once.max(1)
                && !self.stop.load(Ordering::Relaxed)
                && let Some(item) = wanted.next()
            {
                let (item, submitter, policy) = (item.clone(), self.submitter.clone(), policy.clone());
                running.spawn(async move {
                    let receipt = submitter.receipt(&item.chain, &policy).await;
                    (item, receipt)
                });
            }
            let Some(fetched) = running.join_next().await else { return Ok(()) };
            let (item, receipt) = fetched.context("fetching a receipt broke off")?;
            match receipt {
                Ok((text, _)) => {
                    self.answers.write_receipt(&item, &text)?;
                    summary.receipt();
                }
                Err(error) => summary.no_receipt(&item.place, &error)?,
            }
        }
    }
}
