//! A service provider code whose issuer and organization change together: what it looks like when somebody
//! else obtains certificates for a carrier. Each alone is usual: 8 % of the real codes have certificates of
//! several issuers, 13 % several spellings of a name.

use tnlog::label::Label;
use tnlog::tls::{Malformed, Reader, Write};

use super::entry::{Observed, OpenCertificate};
use super::finding::{Detector, Finding, Origin, Sentence, Severity};
use super::id::Operator;
use super::memory::{Memory, MemoryError, Record, key};
use super::number::list;
use super::organization::{self, Word};

/// The most operators, and the most words, that are remembered of a code.
const MAX_OPERATORS: usize = 8;
const MAX_WORDS: usize = 32;

/// Whose a code was.
#[derive(Default)]
struct Carrier {
    operators: Vec<Operator>,
    words: Vec<Word>,
    /// The leaf of the newest certificate.
    newest: u64,
}

impl Record for Carrier {
    const NAME: &'static str = "a carrier";

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.put_uint(self.operators.len() as u64, 1);
        self.operators.iter().for_each(|operator| bytes.extend_from_slice(&operator.0));
        bytes.put_uint(self.words.len() as u64, 1);
        self.words.iter().for_each(|word| bytes.extend_from_slice(word));
        bytes.put_uint(self.newest, 8);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Carrier {
            operators: list(reader, |reader| Ok(Operator(reader.array()?)))?,
            words: list(reader, |reader| reader.array())?,
            newest: reader.uint(8)?,
        })
    }
}

/// Looks at a new certificate that names the service provider codes with these labels.
pub(super) fn observe(
    entry: &Observed<'_>,
    open: &OpenCertificate,
    labels: &[Label],
    memory: &mut Memory<'_>,
) -> Result<Option<Finding>, MemoryError> {
    let words = organization::words(&open.certificate);
    let mut before = Vec::new();
    for label in labels {
        let key = key(b's', &[label.as_bytes()]);
        let known = memory.load::<Carrier>(&key)?;
        let changed = |known: &Carrier| {
            let same_operator = known.operators.contains(&open.issuer.operator);
            !same_operator && !organization::are_alike(&known.words, &words)
        };
        before.extend(known.as_ref().filter(|known| changed(known)).map(|known| known.newest));
        let mut carrier = known.unwrap_or_default();
        carrier.newest = entry.index;
        keep(&mut carrier.operators, &[open.issuer.operator], MAX_OPERATORS);
        keep(&mut carrier.words, &words, MAX_WORDS);
        memory.save(key, &carrier);
    }
    Ok((!before.is_empty()).then(|| changed_hands(entry, open, before)))
}

/// Adds what is not there yet; the oldest goes where there are too many.
fn keep<T: Copy + PartialEq>(known: &mut Vec<T>, new: &[T], most: usize) {
    known.retain(|item| !new.contains(item));
    known.extend(new);
    known.drain(..known.len().saturating_sub(most));
}

fn changed_hands(entry: &Observed<'_>, open: &OpenCertificate, before: Vec<u64>) -> Finding {
    let sentence = Sentence::new(
        "A service provider code has a certificate of an organization and of an issuer that are both new to it: it was sold, or \
         somebody else obtained it.",
        "the carrier with this code, and to whoever trusts calls that it signs",
        "compare both certificates with the register of codes; if the carrier is still the same, have the new certificate revoked",
    );
    let origin =
        Origin { detector: Detector::Profile, scope: b"carrier changed hands", entries: &[entry.index] };
    let mut finding = Finding::new(entry, &origin, Severity::Medium, sentence);
    finding.issuer = Some(open.issuer.key_hash);
    finding.with(before)
}
