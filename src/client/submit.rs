//! Submitting chains to a log, and believing nothing that it answers before it is verified.

use std::sync::Arc;

use base64ct::{Base64, Encoding};
use tokio::task::JoinSet;

use super::api::{
    AddChain, AddChainResponse, AddChainResult, AddChains, AddChainsResponse, GetRoots, MAX_CHAINS, Problem,
    Submission as ChainOfBatch,
};
use super::http::{Client, HttpError, clean};
use super::receipts::{Logged, check_logged};
use super::retry::Patience;
use crate::certificate::Certificate;
use crate::entry::SignedEntry;
use crate::policy::Policy;
use crate::precertificate::{Poison, poison, precertificate_tbs};
use crate::proof::MAX_PROOF;
use crate::receipt::{KnownLog, Receipt, ReceiptError, Untrusted};
use crate::sct::{Extensions, Sct, SctError};

/// One SCT with extensions in JSON is 400 bytes; a problem is longer.
const MAX_ANSWER: usize = 16 * 1024;
const MAX_ROOTS: usize = 16 * 1024 * 1024;

/// A chain to be submitted: the certificate or precertificate first, each issuer after what it issued.
#[derive(Clone, Debug)]
pub struct Chain(Vec<Arc<Certificate>>);

/// What a log answered for a chain, verified.
#[derive(Debug)]
pub enum Outcome {
    /// It is in the log.
    Logged(Sct),
    /// The log does not take it, and says why.
    Refused(Box<Problem>),
    /// There was no answer, or none that can be believed.
    Failed(Arc<SubmitError>),
}

/// Why there is no answer that can be believed.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The log could not be reached, or refused for a reason that is not about the chain.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// An SCT that is no SCT, or not one for this certificate.
    #[error("the log answered with a wrong SCT: {0}")]
    Sct(#[from] SctError),
    /// An SCT that is not in the encoding of RFC 6962 §4.1.
    #[error("the log answered with an SCT that does not decode")]
    Encoding,
    /// An opening where there is no number, or none where there is.
    #[error("the log's SCT has an opening where none belongs, or has none where one belongs")]
    Opening,
    /// What the SCT signs cannot be told without the certificate's issuer.
    #[error(
        "the issuer of the precertificate is not known here, so its SCT cannot be verified; give its issuer's certificate"
    )]
    NoIssuer,
    /// More or fewer answers than chains.
    #[error("the log answered for {answers} chains and was asked about {chains}")]
    Count {
        /// How many answers.
        answers: usize,
        /// How many chains.
        chains: usize,
    },
    /// What should be a receipt is none.
    #[error("the log answered with what is no receipt: {0}")]
    Receipt(#[from] ReceiptError),
    /// The receipt does not show what it should.
    #[error("the log answered with a wrong receipt: {0}")]
    Untrusted(#[from] Untrusted),
}

impl Chain {
    /// A chain; none when there is no certificate in it.
    pub fn new(certificates: Vec<Arc<Certificate>>) -> Option<Self> {
        (!certificates.is_empty()).then_some(Chain(certificates))
    }

    /// The certificates, the submitted one first.
    pub fn certificates(&self) -> &[Arc<Certificate>] {
        &self.0
    }

    /// The submitted certificate.
    pub fn certificate(&self) -> &Arc<Certificate> {
        &self.0[0]
    }

    /// Whether a precertificate is submitted. One with a bad poison goes the way of precertificates, where the log says what is
    /// wrong with it.
    pub fn is_precertificate(&self) -> bool {
        poison(self.certificate()) != Poison::Absent
    }

    /// What the SCT signs; none for a precertificate whose issuer is not in the chain.
    pub fn identity(&self) -> Option<SignedEntry> {
        let certificate = self.certificate();
        if !self.is_precertificate() {
            return Some(SignedEntry::X509(certificate.der().to_vec()));
        }
        let signer = self.0.get(1).filter(|issuer| issuer.signs_precertificates());
        let issuer = self.0.get(1 + usize::from(signer.is_some()))?;
        let tbs = precertificate_tbs(certificate, signer.map(|signer| &**signer));
        Some(SignedEntry::Precert { issuer_key_hash: *issuer.spki_sha256(), tbs })
    }

    fn base64(&self) -> Vec<String> {
        self.0.iter().map(|certificate| Base64::encode_string(certificate.der())).collect()
    }

    fn to_batch(&self) -> ChainOfBatch {
        ChainOfBatch { chain: self.base64(), precertificate: self.is_precertificate() }
    }
}

/// Submits to one log, whose keys are known.
#[derive(Clone, Debug)]
pub struct Submitter {
    client: Client,
    log: Arc<KnownLog>,
}

impl Submitter {
    /// Submits through `client` to the log with these verified parameters.
    pub fn new(client: Client, log: KnownLog) -> Self {
        Submitter { client, log: Arc::new(log) }
    }

    /// The parameters of the log.
    pub fn log(&self) -> &KnownLog {
        &self.log
    }

    /// The roots that the log says it accepts: good for completing chains, not for trust.
    ///
    /// # Errors
    /// [`HttpError`].
    pub async fn roots(&self) -> Result<Vec<Arc<Certificate>>, HttpError> {
        let roots: GetRoots = self.client.get_json("ct/v1/get-roots", MAX_ROOTS).await?;
        let parse = |base64: &String| Certificate::from_der(Base64::decode_vec(base64).ok()?).ok();
        Ok(roots.certificates.iter().filter_map(parse).map(Arc::new).collect())
    }

    /// Submits one chain, with `add-chain` or `add-pre-chain` of RFC 6962.
    pub async fn add(&self, chain: &Chain) -> Outcome {
        let path = if chain.is_precertificate() { "ct/v1/add-pre-chain" } else { "ct/v1/add-chain" };
        let body = AddChain { chain: chain.base64() };
        match self.client.post_json(path, &body, MAX_ANSWER).await {
            Ok(answer) => self.outcome(chain, AddChainResult::Sct(answer)),
            Err(error) => failed(error),
        }
    }

    /// Submits up to [`MAX_CHAINS`] chains in one request, and gives the outcome of each, in order. Chains for which the log was
    /// only too busy are submitted again, one by one. A log without `add-chains`, and a batch that is too large for it, are served
    /// with single submissions.
    pub async fn add_batch(&self, chains: &[Chain]) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(chains.len());
        for batch in chains.chunks(MAX_CHAINS) {
            match self.add_once(batch).await {
                Ok(answers) => outcomes.extend(answers),
                Err(error) if is_about_the_batch(&error) => {
                    for chain in batch {
                        outcomes.push(self.add(chain).await);
                    }
                }
                Err(error) => {
                    let error = Arc::new(error);
                    outcomes.extend(batch.iter().map(|_| Outcome::Failed(error.clone())));
                }
            }
        }
        for (chain, outcome) in chains.iter().zip(&mut outcomes) {
            if matches!(outcome, Outcome::Refused(problem) if matches!(problem.status, 429 | 503)) {
                *outcome = self.add(chain).await;
            }
        }
        outcomes
    }

    async fn add_once(&self, chains: &[Chain]) -> Result<Vec<Outcome>, SubmitError> {
        let body = AddChains { chains: chains.iter().map(Chain::to_batch).collect() };
        let limit = MAX_ANSWER * chains.len().max(1);
        let answer: AddChainsResponse = self.client.post_json("tn/v1/add-chains", &body, limit).await?;
        let (answers, count) = (answer.results, chains.len());
        if answers.len() != count {
            return Err(SubmitError::Count { answers: answers.len(), chains: count });
        }
        Ok(chains.iter().zip(answers).map(|(chain, answer)| self.outcome(chain, answer)).collect())
    }

    /// Submits many chains, `together` in a request and `at_once` requests at the same time. `answered` is told the outcome of
    /// each by its position, in no particular order; when it answers `false`, nothing more is begun.
    pub async fn add_all(
        &self,
        chains: Vec<Chain>,
        pace: Pace,
        answered: &mut (dyn FnMut(usize, Outcome) -> bool + Send),
    ) {
        let mut batches = Vec::new();
        let mut rest = chains.into_iter().enumerate().peekable();
        while rest.peek().is_some() {
            batches.push(rest.by_ref().take(pace.together.clamp(1, MAX_CHAINS)).collect::<Vec<_>>());
        }
        let mut batches = batches.into_iter();
        let mut running = JoinSet::new();
        let mut go_on = true;
        loop {
            while go_on
                && running.len() < pace.at_once.max(1)
                && let Some(batch) = batches.next()
            {
                let submitter = self.clone();
                running.spawn(async move { submitter.add_numbered(batch).await });
            }
            let Some(outcomes) = running.join_next().await else { return };
            for (position, outcome) in outcomes.expect("submitting does not panic") {
                go_on &= answered(position, outcome);
            }
        }
    }

    async fn add_numbered(&self, batch: Vec<(usize, Chain)>) -> Vec<(usize, Outcome)> {
        let (positions, chains): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        let outcomes = match &chains[..] {
            [only] => vec![self.add(only).await],
            _ => self.add_batch(&chains).await,
        };
        positions.into_iter().zip(outcomes).collect()
    }

    /// Fetches the receipt of a chain that is logged, waits for the witnesses as long as patience has it, and verifies that it
    /// shows the certificate in the log. Gives its text.
    ///
    /// # Errors
    /// [`SubmitError`].
    pub async fn receipt(&self, chain: &Chain, policy: &Policy) -> Result<(String, Logged), SubmitError> {
        let client = self.client.clone().with_patience(Patience::FOR_WITNESSES);
        let bytes = client.post("tn/v1/receipt", &AddChain { chain: chain.base64() }, MAX_PROOF).await?;
        let receipt = Receipt::parse(&bytes)?;
        let logged = check_logged(&receipt, chain.certificates(), &self.log, policy)?;
        Ok((receipt.to_string(), logged))
    }

    fn outcome(&self, chain: &Chain, answer: AddChainResult) -> Outcome {
        match answer {
            AddChainResult::Problem(problem) => Outcome::Refused(Box::new(clean(problem))),
            AddChainResult::Sct(answer) => match self.verified(chain, &answer) {
                Ok(sct) => Outcome::Logged(sct),
                Err(error) => Outcome::Failed(Arc::new(error)),
            },
        }
    }

    fn verified(&self, chain: &Chain, answer: &AddChainResponse) -> Result<Sct, SubmitError> {
        let sct = sct_of(answer)?;
        let hidden = chain.certificate().class().is_ok_and(|class| class.is_hidden());
        if sct.extensions.opening.is_some() != hidden {
            return Err(SubmitError::Opening);
        }
        sct.verify(&chain.identity().ok_or(SubmitError::NoIssuer)?, &self.log.sct_key)?;
        Ok(sct)
    }
}

/// How many chains are submitted together, and how many requests at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Chains of one request.
    pub together: usize,
    /// Requests at the same time.
    pub at_once: usize,
}

/// The SCT in an answer of `add-chain`. It is not verified by that.
///
/// # Errors
/// [`SubmitError::Encoding`], [`SubmitError::Sct`].
pub fn sct_of(answer: &AddChainResponse) -> Result<Sct, SubmitError> {
    let bytes = |text: &str| Base64::decode_vec(text).map_err(|_| SubmitError::Encoding);
    if answer.sct_version != 0 {
        return Err(SctError::Version(answer.sct_version).into());
    }
    Ok(Sct {
        log_id: bytes(&answer.id)?.try_into().map_err(|_| SubmitError::Encoding)?,
        timestamp: answer.timestamp,
        extensions: Extensions::decode(&bytes(&answer.extensions)?).map_err(SctError::from)?,
        signature: Sct::decode_digitally_signed(&bytes(&answer.signature)?)?,
    })
}

/// A refusal is the log's word about a chain; that it is busy or broken is not.
fn failed(error: HttpError) -> Outcome {
    match error {
        HttpError::Problem { problem, .. } if (400..429).contains(&problem.status) => {
            Outcome::Refused(problem)
        }
        error => Outcome::Failed(Arc::new(error.into())),
    }
}

fn is_about_the_batch(error: &SubmitError) -> bool {
    let SubmitError::Http(error) = error else { return false };
    match error {
        HttpError::Problem { problem, .. } => (400..429).contains(&problem.status),
        HttpError::Status { status, .. } => matches!(status, 404 | 405 | 413),
        _ => false,
    }
}
