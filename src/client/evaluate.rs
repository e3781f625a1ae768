//! Labels of numbers, asked of a log without showing it the numbers (RFC 9497).

use base64ct::{Base64, Encoding};
use rand_core::{CryptoRng, RngCore};

use super::api::{Evaluate, EvaluateResponse};
use super::http::{Client, HttpError};
use crate::label::{Blinded, Evaluation, Label, LabelError, LabelPublicKey, MAX_BLINDED};
use crate::number::Number;

const PATH: &str = "tn/v1/evaluate";
/// Sixteen elements and a proof in base64 are 1 KiB.
const MAX_ANSWER: usize = 16 * 1024;

/// Why a label could not be had.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// The log could not be asked, or refused.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The answer is not that of `evaluate`.
    #[error("the log's answer is not an evaluation")]
    Malformed,
    /// The log did not use the label key of its parameters.
    #[error("the log's answer is not to be believed: {0}")]
    Label(#[from] LabelError),
}

/// The labels of `numbers`, in their order. The log sees uniformly random elements and how many there are, at most
/// [`MAX_BLINDED`] in one request; its proof is verified with the label key of its parameters.
///
/// # Errors
/// [`EvaluateError`].
pub async fn labels<R: RngCore + CryptoRng>(
    client: &Client,
    numbers: &[Number],
    key: &LabelPublicKey,
    rng: &mut R,
) -> Result<Vec<Label>, EvaluateError> {
    let mut labels = Vec::with_capacity(numbers.len());
    for batch in numbers.chunks(MAX_BLINDED) {
        let blinded = Blinded::new(batch, rng);
        let elements = blinded.elements().iter().map(|element| Base64::encode_string(element));
        let request = Evaluate { blinded: elements.collect() };
        let answer: EvaluateResponse = client.post_json(PATH, &request, MAX_ANSWER).await?;
        let evaluation = evaluation(&answer).ok_or(EvaluateError::Malformed)?;
        labels.extend(blinded.finalize(&evaluation, key)?);
    }
    Ok(labels)
}

fn evaluation(answer: &EvaluateResponse) -> Option<Evaluation> {
    let elements = answer.elements.iter().map(|element| array(element)).collect::<Option<Vec<_>>>()?;
    Some(Evaluation { elements, proof: array(&answer.proof)? })
}

fn array<const N: usize>(base64: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    (Base64::decode(base64, &mut bytes).ok()?.len() == N).then_some(bytes)
}
