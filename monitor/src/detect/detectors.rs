//! All detectors over one entry.

use tnlog::classify::Class;
use tnlog::entry::NumberEntry;
use tnlog::label::Label;
use tnlog::tnauthlist::Scope;

use super::days::{self, Day, Of};
use super::entry::{Content, Observed, OpenCertificate};
use super::finding::Finding;
use super::id::{Issuer, KeyId, Operator};
use super::memory::{Memory, MemoryError};
use super::number::{Case, Credential, NumberState, Standing};
use super::repeat::{self, Kinship};
use super::reroute::{self, Grading, Outcome};
use super::standing::Said;
use super::tally::Kind;
use super::totals::Totals;
use super::tuning::Tuning;
use super::watch::Watches;
use super::wave::{self, Issued};
use super::{carrier, conflict, profile};

/// For how long one suspected reroute of a number is counted, in seconds: more of them make no wave.
const COUNTED_ONCE_IN: i64 = 86_400;

/// All detectors, as an operator has set them.
#[derive(Clone, Debug, Default)]
pub struct Detectors {
    /// Limits and times.
    pub tuning: Tuning,
    /// What is watched.
    pub watches: Watches,
}

impl Detectors {
    /// What there is to say of the next entry of the log.
    ///
    /// Costs a look-up and a change of some five records for a certificate, one more for each number that it
    /// names, and two for other entries: some 20 us over a memory that answers at once.
    ///
    /// # Errors
    /// [`MemoryError`]. The memory is then to be dropped, and the entries since the last stored changes gone
    /// through again.
    pub fn observe(
        &self,
        entry: &Observed<'_>,
        memory: &mut Memory<'_>,
    ) -> Result<Vec<Finding>, MemoryError> {
        let mut findings = self.watches.observe(entry, memory)?;
        days::count(memory, entry.seconds(), &[Of::All], Day::ISSUED)?;
        match repeat::observe(entry, memory)? {
            Some((Kinship::OtherHalf(first), _)) => other_half(entry, first, memory)?,
            Some((Kinship::New, repeated)) => {
                findings.extend(repeated);
                findings.extend(self.new_certificate(entry, memory)?);
            }
            None => findings.extend(self.statement_or_registration(entry, memory)?),
        }
        Ok(merged(findings))
    }

    fn new_certificate(
        &self,
        entry: &Observed<'_>,
        memory: &mut Memory<'_>,
    ) -> Result<Vec<Finding>, MemoryError> {
        let Some(issuer) = entry.issuer() else { return Ok(Vec::new()) };
        let not_before = match &entry.content {
            Content::Open(open) => open.certificate.not_before(),
            Content::Number(number, _) => number.not_before,
            _ => return Ok(Vec::new()),
        };
        let is_late = entry.seconds().saturating_sub(not_before) > self.tuning.backdated_after;
        let mut totals = Totals::of(memory, issuer.operator)?;
        let stands_out = is_late && totals.is_prompt();
        totals.issued += 1;
        totals.late += u64::from(is_late);
        totals.save(memory, issuer.operator);
        let of = [Some(Of::Operator(issuer.operator)), calling_code(entry).map(Of::CallingCode)];
        days::count(memory, entry.seconds(), &of.into_iter().flatten().collect::<Vec<_>>(), Day::ISSUED)?;

        let mut findings = profile::observe(entry, stands_out, memory, &self.tuning)?;
        match &entry.content {
            Content::Open(open) => findings.extend(new_open(entry, open, memory)?),
            Content::Number(number, issuer) => {
                findings.extend(self.new_number(entry, number, issuer, memory)?)
            }
            _ => {}
        }
        Ok(findings)
    }

    fn new_number(
        &self,
        entry: &Observed<'_>,
        number: &NumberEntry,
        issuer: &Issuer,
        memory: &mut Memory<'_>,
    ) -> Result<Vec<Finding>, MemoryError> {
        let mut findings = Vec::new();
        let (mut kind, mut is_renewal) = (None, false);
        let code = number.calling_codes.first().copied();
        for label in &number.labels {
            let mut state = load(memory, label)?;
            let was_crowded = state.crowded;
            let credential = credential_of(entry, number, issuer);
            let (leaf, now) = (credential.leaf, credential.logged);
            let standing = state.arrive(credential);
            if standing == Some(Standing::No)
                && let Some(case) = reroute::open(&state, leaf, number.labels.len() as u16, &self.tuning)
            {
                let case = Case { calling_code: code.unwrap_or(0), ..case };
                is_renewal = true;
                kind = kind.or(kind_of(&state, leaf, &case, now));
                let common = common_operators(&state, memory)?;
                let grading = Grading { entry, tuning: &self.tuning, common: &common };
                if let Some(credential) = state.credential_mut(leaf) {
                    credential.case = Some(case);
                    findings.extend(reroute::speak(credential, &grading));
                }
            }
            findings.extend((state.crowded && !was_crowded).then(|| profile::crowded(entry)));
            memory.save(NumberState::key(label), &state);
        }
        if is_renewal {
            days::count(memory, entry.seconds(), &whose(issuer.operator, code), Day::RENEWAL)?;
        }
        let issued = Issued { entry, issuer, calling_codes: &number.calling_codes, kind };
        findings.extend(wave::observe(&issued, memory, &self.tuning)?);
        Ok(findings)
    }

    fn statement_or_registration(
        &self,
        entry: &Observed<'_>,
        memory: &mut Memory<'_>,
    ) -> Result<Vec<Finding>, MemoryError> {
        let labels = match &entry.content {
            Content::Statement(statement, _) => &statement.labels[..],
            Content::Registration(registration) => std::slice::from_ref(&registration.label),
            _ => return Ok(Vec::new()),
        };
        let mut findings = Vec::new();
        let mut approved = None;
        for label in labels {
            let mut state = load(memory, label)?;
            let common = common_operators(&state, memory)?;
            let grading = Grading { entry, tuning: &self.tuning, common: &common };
            let outcome = match &entry.content {
                Content::Statement(statement, signer) => {
                    let said = state.weigh(statement, signer, entry.index, entry.seconds());
                    approved = approved.or(renewal(&state, said));
                    reroute::on_statement(&mut state, (statement, signer), said, &grading)
                }
                Content::Registration(registration) => {
                    reroute::on_registration(&mut state, registration, &grading)
                }
                _ => Outcome::default(),
            };
            memory.save(NumberState::key(label), &state);
            findings.extend(outcome.findings);
            for operator in outcome.contested {
                let mut totals = Totals::of(memory, operator)?;
                totals.contested += 1;
                totals.save(memory, operator);
            }
        }
        if let Some((logged, whose)) = approved {
            days::count(memory, logged, &whose, Day::APPROVAL)?;
        }
        Ok(findings)
    }
}

/// Whose days a renewal counts in.
fn whose(operator: Operator, code: Option<u16>) -> Vec<Of> {
    let code = code.filter(|code| *code > 0).map(Of::CallingCode);
    [Of::All, Of::Operator(operator)].into_iter().chain(code).collect()
}

/// When the renewal that a statement approves was logged, and whose it is.
fn renewal(state: &NumberState, said: Said) -> Option<(i64, Vec<Of>)> {
    let Said::Approved(leaf) = said else { return None };
    let credential = state.credential(leaf)?;
    let case = credential.case?;
    Some((credential.logged, whose(credential.operator, Some(case.calling_code))))
}

/// The country of a certificate: that of its first number or block.
fn calling_code(entry: &Observed<'_>) -> Option<u16> {
    match &entry.content {
        Content::Number(number, _) => number.calling_codes.first().copied(),
        Content::Open(open) => match open.certificate.class().ok().and_then(Class::scope)? {
            Scope::Blocks(blocks) => blocks.first()?.calling_code(),
            _ => None,
        },
        _ => None,
    }
}

/// A certificate in the open.
fn new_open(
    entry: &Observed<'_>,
    open: &OpenCertificate,
    memory: &mut Memory<'_>,
) -> Result<Option<Finding>, MemoryError> {
    match open.certificate.class().ok().and_then(Class::scope) {
        Some(Scope::Spcs(codes)) => {
            let labels: Vec<Label> = codes.iter().map(Label::of_service_provider_code).collect();
            carrier::observe(entry, open, &labels, memory)
        }
        Some(Scope::Blocks(blocks)) => conflict::observe(entry, open, blocks, memory),
        _ => Ok(None),
    }
}

/// The certificate of a precertificate, or the other way round: the same credential under a second leaf.
fn other_half(entry: &Observed<'_>, first: u64, memory: &mut Memory<'_>) -> Result<(), MemoryError> {
    let Content::Number(number, _) = &entry.content else { return Ok(()) };
    for label in &number.labels {
        let mut state = load(memory, label)?;
        if let Some(credential) = state.credential_mut(first) {
            credential.other_half = Some(entry.index);
            memory.save(NumberState::key(label), &state);
        }
    }
    Ok(())
}

fn load(memory: &Memory<'_>, label: &Label) -> Result<NumberState, MemoryError> {
    Ok(memory.load(&NumberState::key(label))?.unwrap_or_default())
}

fn credential_of(entry: &Observed<'_>, number: &NumberEntry, issuer: &Issuer) -> Credential {
    Credential {
        leaf: entry.index,
        other_half: None,
        logged: entry.seconds(),
        not_before: number.not_before,
        not_after: number.not_after,
        key: KeyId::of_spki(&number.subject_key),
        issuer: KeyId::of_hash(&number.issuer_key_hash),
        operator: issuer.operator,
        is_ca: number.is_ca,
        standing: Standing::No,
        stood: entry.index,
        case: None,
    }
}

/// How a new case is counted for waves: not at all, if the number had one within a day, or if it is what an
/// ordinary renewal without an approval looks like.
fn kind_of(state: &NumberState, leaf: u64, case: &Case, now: i64) -> Option<Kind> {
    let recent = |other: &&Credential| {
        other.leaf != leaf && other.case.is_some() && now.saturating_sub(other.logged) < COUNTED_ONCE_IN
    };
    match (case.new_operator, case.early) {
        _ if state.credentials.iter().any(|other| recent(&other)) => None,
        (true, _) => Some(Kind::NewOperator),
        (false, true) => Some(Kind::Early),
        (false, false) => None,
    }
}

/// Of the operators with a case here, those for whom two keys in use at once are common.
fn common_operators(state: &NumberState, memory: &Memory<'_>) -> Result<Vec<Operator>, MemoryError> {
    let with_case = state.credentials.iter().filter(|credential| credential.case.is_some());
    let mut common = Vec::new();
    for operator in with_case.map(|credential| credential.operator) {
        if Totals::of(memory, operator)?.contests_are_common() {
            common.push(operator);
        }
    }
    Ok(common)
}

/// One finding for each id: of several numbers in one certificate, the worst.
fn merged(findings: Vec<Finding>) -> Vec<Finding> {
    let mut merged: Vec<Finding> = Vec::new();
    for finding in findings {
        match merged.iter_mut().find(|other| other.id == finding.id) {
            None => merged.push(finding),
            Some(other) => {
                let (worse, better) = if finding.version > other.version {
                    (finding, &*other)
                } else {
                    (other.clone(), &finding)
                };
                let entries = better.entries.clone();
                *other = worse.with(entries);
            }
        }
    }
    merged
}
