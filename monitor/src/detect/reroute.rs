//! `reroute-suspected`: a credential of a number that does not stand.
//!
//! It looks the same when a telephone was lost: the old key cannot approve. What tells them apart is what
//! happens next. A lost telephone stays silent; somebody whose text message was rerouted goes on using his.
//! So it is graded by
//!
//! - whether the issuer is new to the number,
//! - whether the leading credential was well inside its life, where nobody renews,
//! - how the issuer verifies, where the operator of the monitor has said so,
//! - a registration under the new key within a day,
//! - **what the old key does later**: an approval clears it; a dispute, or any other sign that the key is in
//!   use, raises it.
//!
//! Only the last makes it high. A key that is in use beside another one is also what the holder of two apps
//! looks like, so for operators of whose credentials this is common ([`super::totals`]) it stays medium.

use tnlog::entry::{Action, KeyStatementEntry, RegistrationEntry};

use super::entry::Observed;
use super::finding::{Detector, Finding, Origin, Sentence, Severity};
use super::id::{KeyId, Operator};
use super::number::{Case, Credential, NumberState, Registered};
use super::standing::Said;
use super::tuning::{Tuning, Verification};
use super::{conflict, takeover};

const HOLDER: &str = "the holder of the number, and to whoever talks to it";

/// What makes a grade.
pub(super) struct Grading<'a> {
    pub entry: &'a Observed<'a>,
    pub tuning: &'a Tuning,
    /// Operators for whom it is common that two keys of a number are in use at once.
    pub common: &'a [Operator],
}

/// What came of a registration or a statement.
#[derive(Default)]
pub(super) struct Outcome {
    pub findings: Vec<Finding>,
    /// The operators of credentials that are in use beside a key that stands, as is known from now on.
    pub contested: Vec<Operator>,
}

impl From<Vec<Finding>> for Outcome {
    fn from(findings: Vec<Finding>) -> Self {
        Outcome { findings, contested: Vec::new() }
    }
}

/// Looks at a credential that was just taken up in `state`: opens a case where it does not stand. The key of
/// a credential that stands gives nobody anything new, and opens none.
pub(super) fn open(state: &NumberState, leaf: u64, labels: u16, tuning: &Tuning) -> Option<Case> {
    let new = state.credential(leaf).filter(|new| !new.stands())?;
    let leading = state.leading()?;
    if state.is_trusted(&new.key, new.logged) {
        return None;
    }
    let ended = |registered: &Registered| registered.key == leading.key && registered.until < new.logged;
    let elapsed = i128::from(new.logged) - i128::from(leading.not_before);
    let life = i128::from(leading.not_after) - i128::from(leading.not_before);
    let new_operator = !state.operators.contains(&new.operator);
    Some(Case {
        leading: leading.leaf,
        labels,
        calling_code: 0,
        new_operator,
        early: 100 * elapsed < i128::from(tuning.well_inside_percent) * life,
        silent: state.registered.iter().any(ended),
        registered: false,
        took_over: false,
        disputed: false,
        contested: None,
        conflict: new.operator != leading.operator && leading.is_live(new.logged),
        said: None,
        said_of_takeover: None,
    })
}

/// How bad a case is by now.
fn grade(credential: &Credential, case: &Case, grading: &Grading<'_>) -> Severity {
    let by_message =
        grading.tuning.habits.get(&credential.operator).is_some_and(|habit| *habit == Verification::Message);
    if case.disputed {
        Severity::High
    } else if case.contested.is_some() {
        let likely = case.registered || case.new_operator;
        if likely && !grading.common.contains(&credential.operator) {
            Severity::High
        } else {
            Severity::Medium
        }
    } else if case.new_operator && !case.silent && (case.registered || case.early && by_message) {
        Severity::Medium
    } else if case.new_operator || case.early || case.registered {
        Severity::Low
    } else {
        Severity::Info
    }
}

/// Says of a credential with a case what has not been said yet, about the case and the registration that
/// moved to it.
pub(super) fn speak(credential: &mut Credential, grading: &Grading<'_>) -> Vec<Finding> {
    let Some(case) = credential.case else { return Vec::new() };
    let severity = grade(credential, &case, grading);
    let mut findings = Vec::new();
    if case.said.is_none_or(|rank| rank < severity as u8) {
        findings.push(found(credential, &case, severity, grading.entry));
    }
    let takeover = takeover::found(credential, &case, severity, grading.entry);
    let said_of_takeover = takeover.as_ref().map(|finding| finding.severity as u8);
    findings.extend(takeover);
    if case.said.is_none() && case.conflict {
        findings.push(conflict::two_keys(credential, &case, grading.entry));
    }
    credential.case = Some(Case {
        said: case.said.max(Some(severity as u8)),
        said_of_takeover: case.said_of_takeover.max(said_of_takeover),
        ..case
    });
    findings
}

/// A registration of the number was logged: it is what follows a credential, or a sign of life of the key
/// that led.
pub(super) fn on_registration(
    state: &mut NumberState,
    registration: &RegistrationEntry,
    grading: &Grading<'_>,
) -> Outcome {
    let (entry, now) = (grading.entry, grading.entry.seconds());
    let Some(credential) = state.credential(registration.credential) else { return Outcome::default() };
    let (leaf, key, stands) = (credential.leaf, credential.key, credential.stands());
    if registration.action == Action::Withdraw {
        state.registered.retain(|registered| registered.key != key);
        return Outcome::default();
    }
    let moved = takeover::moves(state, &key, now);
    state.register(Registered { key, leaf: entry.index, logged: now, until: registration.not_after });
    if stands {
        return in_use(state, &key, grading);
    }
    let Some(credential) = state.credential_mut(leaf) else { return Outcome::default() };
    let soon = now.saturating_sub(credential.logged) <= grading.tuning.follows_within;
    if let Some(case) = &mut credential.case {
        case.registered |= soon;
        case.took_over |= moved;
    }
    speak(credential, grading).into()
}

/// A statement was logged that was weighed as `said`.
pub(super) fn on_statement(
    state: &mut NumberState,
    (statement, signer): (&KeyStatementEntry, &KeyId),
    said: Said,
    grading: &Grading<'_>,
) -> Outcome {
    let (about, approves) = match said {
        Said::Nothing => return Outcome::default(),
        Said::Disputed(leaf) => (leaf, false),
        Said::Approved(leaf) => (leaf, true),
    };
    let Some(credential) = state.credential_mut(about) else { return Outcome::default() };
    if !approves {
        return on_dispute(credential, grading).into();
    }
    let everywhere = |case: &Case| usize::from(case.labels) <= statement.labels.len();
    let case = credential.case.take().filter(everywhere);
    let mut findings = case.map_or(Vec::new(), |case| cleared(credential, &case, grading.entry));
    let in_use = in_use(state, signer, grading);
    findings.extend(in_use.findings);
    Outcome { findings, contested: in_use.contested }
}

/// A key that stands was in use: raises the cases of every other key that was logged well before. One that stands because nothing
/// covered the number any more is no sign of who had it when the other one was logged: he may have both.
fn in_use(state: &mut NumberState, key: &KeyId, grading: &Grading<'_>) -> Outcome {
    let (index, now) = (grading.entry.index, grading.entry.seconds());
    let since = state.in_line_since(key).unwrap_or(u64::MAX);
    let mut outcome = Outcome::default();
    let is_other = |c: &&mut Credential| c.key != *key && c.is_live(now) && since < c.leaf;
    for credential in state.credentials.iter_mut().filter(is_other) {
        let is_late = now.saturating_sub(credential.logged) > grading.tuning.still_in_use_after;
        let Some(case) = credential.case.as_mut().filter(|case| is_late && case.contested.is_none()) else {
            continue;
        };
        case.contested = Some(index);
        outcome.contested.push(credential.operator);
        outcome.findings.extend(speak(credential, grading));
    }
    outcome
}

fn on_dispute(credential: &mut Credential, grading: &Grading<'_>) -> Vec<Finding> {
    match &mut credential.case {
        Some(case) => {
            case.disputed = true;
            let statement = grading.entry.index;
            speak(credential, grading).into_iter().map(|finding| finding.with([statement])).collect()
        }
        None => vec![dispute_of_standing(credential, grading.entry)],
    }
}

fn origin<'a>(detector: Detector, leaf: &'a [u64; 1]) -> Origin<'a> {
    Origin { detector, scope: &[], entries: leaf }
}

fn found(credential: &Credential, case: &Case, severity: Severity, entry: &Observed<'_>) -> Finding {
    let mut what = String::from(
        "A credential was issued for a number that has a valid one, and the key of that one has not approved it",
    );
    let parts = [
        (case.new_operator, "its issuer is new to the number"),
        (case.early, "nobody renews at this time"),
        (case.silent, "the earlier key had fallen silent before"),
        (case.registered, "the number was registered under it within a day"),
        (case.contested.is_some(), "the earlier key is still in use"),
        (case.disputed, "the earlier key disputes it"),
    ];
    let said: Vec<&str> = parts.iter().filter(|(holds, _)| *holds).map(|(_, text)| *text).collect();
    what += if said.is_empty() { "." } else { ": " };
    what += &said.join("; ");
    what += if said.is_empty() { "" } else { "." };
    let now = match severity {
        Severity::High => {
            "show the evidence to the issuer and have the credential revoked; trust only what the earlier key signs, and reach \
             the holder by another way than this number"
        }
        Severity::Medium => {
            "ask the holder, by another way than this number, whether it is his; if it is, approve it or acknowledge this, if not, \
             dispute it with the earlier key and tell the issuer"
        }
        Severity::Low | Severity::Info => {
            "nothing, unless you are the holder and it is not yours: then dispute it with the earlier key, and tell the issuer"
        }
    };
    let mut finding = Finding::new(
        entry,
        &origin(Detector::RerouteSuspected, &[credential.leaf]),
        severity,
        Sentence::new(what, HOLDER, now),
    );
    finding.issuer = entry.issuer().map(|issuer| issuer.key_hash);
    finding.with([case.leading, entry.index]).with(case.contested)
}

fn cleared(credential: &Credential, case: &Case, entry: &Observed<'_>) -> Vec<Finding> {
    let said = [
        (Detector::RerouteSuspected, case.said),
        (Detector::RegistrationTakeover, case.said_of_takeover),
        (Detector::ConflictingCredentials, case.said.filter(|_| case.conflict)),
    ];
    let clear = |(detector, said): (Detector, Option<u8>)| {
        let sentence = Sentence::new(
            "The key that led has approved the credential that was suspected.",
            HOLDER,
            "nothing, unless you are the holder and did not approve: then your key is in other hands",
        );
        let severity = Severity::from_rank(said?);
        let finding = Finding::new(entry, &origin(detector, &[credential.leaf]), severity, sentence);
        Some(finding.with([case.leading, entry.index]).cleared())
    };
    said.into_iter().filter_map(clear).collect()
}

/// Who disputes what he, or who led after him, has approved.
fn dispute_of_standing(credential: &Credential, entry: &Observed<'_>) -> Finding {
    let sentence = Sentence::new(
        "A key of the number disputes a credential that stands. One of the two keys is in other hands.",
        HOLDER,
        "ask the holder, by another way than this number, which of the keys are his, and have the other one's credential revoked",
    );
    let origin =
        Origin { detector: Detector::RerouteSuspected, scope: b"dispute", entries: &[credential.leaf] };
    Finding::new(entry, &origin, Severity::Medium, sentence).with([entry.index])
}
