//! `repeated-id`: a certificate id that two certificates have, or in the open a serial number of one issuer.
//! One precertificate and one certificate that agree in everything are one credential; anything else is not,
//! and is the way to slip another key under a credential that stands.

use sha2::{Digest, Sha256};
use tnlog::admission::Kind;
use tnlog::entry::NumberEntry;
use tnlog::precertificate::{certificate_tbs, precertificate_tbs};
use tnlog::tls::{Malformed, Reader, Write};

use super::entry::{Content, Observed, OpenCertificate};
use super::finding::{Detector, Finding, Origin, Sentence, Severity};
use super::id::short;
use super::memory::{Memory, MemoryError, Record, key};
use super::number::list;

/// The most forms of one id that are told apart.
const MAX_FORMS: usize = 4;
const PRECERTIFICATE: u8 = 1;
const CERTIFICATE: u8 = 2;

/// What a certificate is to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kinship {
    /// A credential of its own.
    New,
    /// The other half of the credential with this first leaf.
    OtherHalf(u64),
}

/// The certificates that had an id.
#[derive(Default)]
struct Forms(Vec<Form>);

struct Form {
    /// A hash of all in which two halves must agree.
    hash: [u8; 16],
    first: u64,
    halves: u8,
}

impl Record for Forms {
    const NAME: &'static str = "a certificate id";

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.put_uint(self.0.len() as u64, 1);
        for form in &self.0 {
            bytes.extend_from_slice(&form.hash);
            bytes.put_uint(form.first, 8);
            bytes.push(form.halves);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let form = |reader: &mut Reader<'_>| {
            Ok(Form { hash: reader.array()?, first: reader.uint(8)?, halves: reader.uint(1)? as u8 })
        };
        Ok(Forms(list(reader, form)?))
    }
}

/// What the certificate is to those before it, and the finding if that is what none may be. None for other
/// entries.
pub(super) fn observe(
    entry: &Observed<'_>,
    memory: &mut Memory<'_>,
) -> Result<Option<(Kinship, Option<Finding>)>, MemoryError> {
    let (id, hash, half) = match &entry.content {
        Content::Number(number, _) => {
            let half = if number.is_precertificate { PRECERTIFICATE } else { CERTIFICATE };
            (number.certificate_id.0, form_of_number(number), half)
        }
        Content::Open(open) => {
            let half = if open.kind == Kind::Precertificate { PRECERTIFICATE } else { CERTIFICATE };
            (id_of_open(open), form_of_open(open), half)
        }
        _ => return Ok(None),
    };
    let key = key(b'i', &[&id]);
    let mut forms = memory.load::<Forms>(&key)?.unwrap_or_default();
    let known = forms.0.iter_mut().find(|form| form.hash == hash);
    if let Some(form) = known.filter(|form| form.halves & half == 0) {
        form.halves |= half;
        let first = form.first;
        memory.save(key, &forms);
        return Ok(Some((Kinship::OtherHalf(first), None)));
    }
    let same = forms.0.iter().find(|form| form.hash == hash).map(|form| form.first);
    let other = forms.0.first().map(|form| form.first);
    if forms.0.len() < MAX_FORMS && same.is_none() {
        forms.0.push(Form { hash, first: entry.index, halves: half });
        memory.save(key, &forms);
    }
    let finding = match (same, other) {
        (Some(first), _) => Some(signed_twice(entry, first)),
        (None, first) => first.map(|first| repeated(entry, first)),
    };
    Ok(Some((Kinship::New, finding)))
}

fn form_of_number(entry: &NumberEntry) -> [u8; 16] {
    let mut text = [entry.issuer_key_hash, Sha256::digest(&entry.subject_key).into()].concat();
    text.extend([entry.not_before, entry.not_after].map(i64::to_be_bytes).as_flattened());
    text.push(u8::from(entry.is_ca));
    entry.labels.iter().for_each(|label| text.extend_from_slice(label.as_bytes()));
    short(b"form of a number credential", &text)
}

fn id_of_open(open: &OpenCertificate) -> [u8; 16] {
    let text = [&open.issuer.key_hash[..], open.certificate.serial()].concat();
    short(b"serial number of an issuer", &text)
}

fn form_of_open(open: &OpenCertificate) -> [u8; 16] {
    let tbs = match open.kind {
        Kind::Final => certificate_tbs(&open.certificate),
        Kind::Precertificate => {
            let signer = open.chain.first().filter(|issuer| issuer.signs_precertificates());
            precertificate_tbs(&open.certificate, signer.map(|signer| &**signer))
        }
    };
    short(b"form of an open certificate", &tbs)
}

/// Anybody can make a second signature out of an ECDSA signature, so this accuses nobody.
fn signed_twice(entry: &Observed<'_>, first: u64) -> Finding {
    let sentence = Sentence::new(
        "A certificate was logged a second time, the same but for its signature.",
        "the issuer",
        "nothing; the issuer may look up which of both it signed",
    );
    let origin =
        Origin { detector: Detector::RepeatedId, scope: b"signature", entries: &[first, entry.index] };
    Finding::new(entry, &origin, Severity::Info, sentence)
}

fn repeated(entry: &Observed<'_>, first: u64) -> Finding {
    let sentence = Sentence::new(
        "Two different certificates of one issuer have one serial number, which no CA may issue: only one of them can be revoked, \
         and one can be shown in the place of the other.",
        "the issuer, and whoever trusts what it issues",
        "ask the issuer for both certificates and how it came to this; if it issued only one, the log repeats ids, and is not \
         to be trusted",
    );
    let origin = Origin { detector: Detector::RepeatedId, scope: b"id", entries: &[first, entry.index] };
    let mut finding = Finding::new(entry, &origin, Severity::High, sentence);
    finding.issuer = entry.issuer().map(|issuer| issuer.key_hash);
    finding
}
