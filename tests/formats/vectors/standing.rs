//! standing.json.

use serde_json::{Value, json};
use tnlog::label::Label;
use tnlog::signature::Ecdsa;
use tnlog::standing::{History, ListError, NumberList, RegistrationState, Verdict};

use super::file::{Outcome, array, each, list, number};
use super::statements::leaf;

#[test]
fn standing() {
    each("standing", |case, _| judge(case));
}

fn judge(case: &Value) -> Outcome {
    let (log_id, now) = (array(&case["log_id"]), number(&case["now"]));
    let leaves = list(&case["leaves"], leaf);
    let all = NumberList { log_id: &log_id, label: Label::new(array(&case["label"])), leaves: &leaves };
    let history = History::of(&all, &Ecdsa, now).map_err(|_: ListError| "number-list")?;
    let credentials = history.credentials.iter().map(|credential| {
        let verdict = verdict(history.verdict(credential.leaves[0], now));
        json!({"leaves": credential.leaves, "verdict": verdict, "repeated_id": credential.repeated_id})
    });
    let registrations = history.registrations.iter().map(|registered| state(registered.state));
    for asked in case.get("asked").map(|asked| list(asked, Value::clone)).unwrap_or_default() {
        assert_eq!(asked["verdict"], verdict(history.verdict(number(&asked["leaf"]), now)), "{asked}");
    }
    let faulty: Vec<_> = history.faulty_statements.iter().map(|(leaf, _)| leaf).collect();
    Ok(
        json!({"credentials": credentials.collect::<Vec<_>>(), "registrations": registrations.collect::<Vec<_>>(),
        "faulty_statements": faulty}),
    )
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NotFound => "not found",
        Verdict::Expired => "expired",
        Verdict::DoesNotStand(_) => "does not stand",
        Verdict::Superseded { .. } => "superseded",
        Verdict::Disputed => "disputed",
        Verdict::Newest => "newest",
    }
}

fn state(state: RegistrationState) -> &'static str {
    match state {
        RegistrationState::Current => "current",
        RegistrationState::NotYetValid => "not yet valid",
        RegistrationState::Expired => "expired",
        RegistrationState::Replaced(_) => "replaced",
        RegistrationState::Withdrawn(_) => "withdrawn",
        RegistrationState::Withdrawal => "withdrawal",
        RegistrationState::Faulty(_) => "faulty",
    }
}
