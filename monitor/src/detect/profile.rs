//! `profile`: what no certificate should be, one by one.

use tnlog::certificate::Certificate;
use tnlog::classify::Class;
use tnlog::entry::NumberEntry;
use tnlog::signature::{KeyAlgorithm, PublicKeyInfo};
use tnlog::tls::{Malformed, Reader, Write};
use tnlog::tnauthlist::Scope;

use super::entry::{Content, Observed, OpenCertificate};
use super::finding::{Detector, Finding, Origin, Sentence, Severity};
use super::id::short;
use super::memory::{Memory, MemoryError, Record, key};
use super::number::list;
use super::organization;
use super::tuning::Tuning;

/// The most things for which the use of one key is remembered, and reported.
const MAX_USES: usize = 8;
/// The shortest RSA key that a log takes of an issuer, in bits.
const SHORTEST_RSA: u32 = 2048;

/// One thing that is wrong.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    severity: Severity,
    what: &'static str,
    now: &'static str,
}

const UNREADABLE: Case = Case {
    name: "unreadable TNAuthList",
    severity: Severity::Low,
    what: "A certificate has a TNAuthList that cannot be read, so nobody knows what it is for.",
    now: "tell the issuer; no app accepts it",
};
const FORBIDDEN: Case = Case {
    name: "forbidden TNAuthList",
    severity: Severity::Medium,
    what: "A certificate has what no log takes: a TNAuthList that is forbidden, or a number where all can read it.",
    now: "tell the issuer, and ask the log why it took it",
};
const TOO_LONG: Case = Case {
    name: "validity",
    severity: Severity::Low,
    what: "A certificate is valid for longer than the policy allows, or ends before it begins.",
    now: "tell the issuer; who loses its key loses it for that long",
};
const WEAK_KEY: Case = Case {
    name: "weak key",
    severity: Severity::Medium,
    what: "A certificate is for a key that is weak or of an unknown kind.",
    now: "tell the issuer and its subject to replace it; no app accepts it",
};
const BACKDATED: Case = Case {
    name: "backdated",
    severity: Severity::Low,
    what: "A certificate was logged long after its validity began, and its issuer's are usually logged at once.",
    now: "ask the issuer when it issued it; who trusts no certificate that was not logged has lost nothing",
};
const BEYOND_PARENT: Case = Case {
    name: "delegation",
    severity: Severity::High,
    what: "A certificate names what the CA above it may not, and was logged all the same.",
    now: "do not trust the CA, and ask the log why it took it; apps refuse the certificate",
};
const ONE_KEY_CARRIERS: Case = Case {
    name: "shared key",
    severity: Severity::Medium,
    what: "One key is certified for two carriers: either can sign for the other.",
    now: "tell both carriers; one of them, or the issuer, handles keys carelessly",
};
const ONE_KEY_NUMBERS: Case = Case {
    name: "shared key",
    severity: Severity::Low,
    what: "One key is certified for two numbers in certificates of their own, so everybody can see that they belong together.",
    now: "nothing, unless the numbers are of different people: then tell the issuer",
};
const CROWDED: Case = Case {
    name: "crowded",
    severity: Severity::Low,
    what: "So many credentials of one number are live at once that the monitor does not follow all of them.",
    now: "if you are the holder, look all of them up with `tnlog watch`, and dispute those that are not yours",
};

/// Looks at a new certificate. `stands_out` says that it was logged long after its validity began, and its
/// issuer's usually are not.
pub(super) fn observe(
    entry: &Observed<'_>,
    stands_out: bool,
    memory: &mut Memory<'_>,
    tuning: &Tuning,
) -> Result<Vec<Finding>, MemoryError> {
    let mut cases = match &entry.content {
        Content::Number(number, _) => of_number(number, tuning),
        Content::Open(open) => of_open(open, tuning),
        _ => return Ok(Vec::new()),
    };
    cases.extend(stands_out.then_some(BACKDATED));
    let mut findings: Vec<Finding> = cases.into_iter().map(|case| found(entry, case)).collect();
    findings.extend(shared_key(entry, memory)?);
    Ok(findings)
}

/// A number of which not all credentials are followed.
pub(super) fn crowded(entry: &Observed<'_>) -> Finding {
    found(entry, CROWDED)
}

fn found(entry: &Observed<'_>, case: Case) -> Finding {
    let Case { name, severity, what, now } = case;
    let origin = Origin { detector: Detector::Profile, scope: name.as_bytes(), entries: &[entry.index] };
    let sentence = Sentence::new(what, "the issuer, the subject, and whoever trusts the certificate", now);
    let mut finding = Finding::new(entry, &origin, severity, sentence);
    finding.issuer = entry.issuer().map(|issuer| issuer.key_hash);
    finding
}

fn of_number(number: &NumberEntry, tuning: &Tuning) -> Vec<Case> {
    let key = PublicKeyInfo::from_spki(&number.subject_key);
    let cases = [
        (is_too_long(number.not_before, number.not_after, number.is_ca, tuning), TOO_LONG),
        (key.is_none_or(|key| is_weak(&key)), WEAK_KEY),
    ];
    cases.into_iter().filter(|(is, _)| *is).map(|(_, case)| case).collect()
}

fn of_open(open: &OpenCertificate, tuning: &Tuning) -> Vec<Case> {
    let certificate = &open.certificate;
    let (from, until) = (certificate.not_before(), certificate.not_after());
    let cases = [
        (certificate.class() == Ok(&Class::Unreadable), UNREADABLE),
        (certificate.class().is_err(), FORBIDDEN),
        (is_too_long(from, until, certificate.is_ca(), tuning), TOO_LONG),
        (is_weak(&certificate.public_key()), WEAK_KEY),
        (is_beyond_parent(open), BEYOND_PARENT),
    ];
    cases.into_iter().filter(|(is, _)| *is).map(|(_, case)| case).collect()
}

fn is_too_long(not_before: i64, not_after: i64, is_ca: bool, tuning: &Tuning) -> bool {
    let validity = not_after.saturating_sub(not_before);
    validity < 0 || !is_ca && validity > tuning.longest_validity
}

fn is_weak(key: &PublicKeyInfo<'_>) -> bool {
    match key.algorithm {
        KeyAlgorithm::Rsa { bits } => bits < SHORTEST_RSA,
        _ => !key.is_ecdsa(),
    }
}

/// RFC 9060 encompassing, from the top of the chain down: what names nothing is bound by what is above it.
fn is_beyond_parent(open: &OpenCertificate) -> bool {
    let scope = |certificate: &Certificate| certificate.class().ok().and_then(Class::scope).cloned();
    let mut binding: Option<Scope> = None;
    let chain = std::iter::once(&open.certificate).chain(&open.chain);
    for certificate in chain.collect::<Vec<_>>().into_iter().rev() {
        let own = scope(certificate);
        if let (Some(own), Some(above)) = (&own, &binding)
            && !above.encompasses(own)
        {
            return true;
        }
        binding = own.or(binding);
    }
    false
}

/// For what a key was used.
#[derive(Default)]
struct Uses(Vec<[u8; 8]>);

impl Record for Uses {
    const NAME: &'static str = "a key";

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.put_uint(self.0.len() as u64, 1);
        bytes.extend_from_slice(self.0.as_flattened());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Uses(list(reader, |reader| reader.array())?))
    }
}

/// One key in two certificates that have nothing in common: no number, no code, no word of the organization.
fn shared_key(entry: &Observed<'_>, memory: &mut Memory<'_>) -> Result<Option<Finding>, MemoryError> {
    let Some(id) = entry.key() else { return Ok(None) };
    let (uses, case) = match &entry.content {
        Content::Number(number, _) => {
            let uses = number.labels.iter().map(|label| short(b"number", label.as_bytes()));
            (uses.take(MAX_USES).collect::<Vec<_>>(), ONE_KEY_NUMBERS)
        }
        Content::Open(open) => (uses_of_open(open), ONE_KEY_CARRIERS),
        _ => return Ok(None),
    };
    let key = key(b'k', &[&id.0]);
    let mut known = memory.load::<Uses>(&key)?.unwrap_or_default();
    let is_shared = !uses.is_empty() && !known.0.is_empty() && !uses.iter().any(|it| known.0.contains(it));
    let is_full = known.0.len() >= MAX_USES;
    if !uses.iter().all(|it| known.0.contains(it)) && !is_full {
        known.0.extend(uses);
        known.0.truncate(MAX_USES);
        memory.save(key, &known);
    }
    Ok((is_shared && !is_full).then(|| found(entry, case)))
}

fn uses_of_open(open: &OpenCertificate) -> Vec<[u8; 8]> {
    let class = open.certificate.class().ok().and_then(Class::scope);
    match class {
        Some(Scope::Spcs(codes)) => {
            let code = |code: &tnlog::number::ServiceProviderCode| {
                short(b"service provider code", code.canonical().as_str().as_bytes())
            };
            codes.iter().take(MAX_USES).map(code).collect()
        }
        Some(Scope::Blocks(_)) => organization::words(&open.certificate)
            .iter()
            .map(|word| short(b"holder of a block", word))
            .collect(),
        _ => Vec::new(),
    }
}
