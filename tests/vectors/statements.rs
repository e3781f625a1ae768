//! statement.json.

use serde_json::{Value, json};
use tnlog::commitment::OpeningSecret;
use tnlog::entry::{Action, Leaf};
use tnlog::label::Label;
use tnlog::registration::{
    Last, RegistrationContext, ResolutionServices, SignedRegistration, check_registration,
};
use tnlog::signature::Ecdsa;
use tnlog::standing::{History, NumberList, RegistrationState, Verdict};
use tnlog::statement::{KeyStatement, admit_statement, check_statement_leaf};

use crate::file::{Outcome, array, bytes, each, hex, list, number, text};

fn leaf(value: &Value) -> Leaf {
    Leaf::decode(&bytes(value)).unwrap()
}

#[test]
fn statement() {
    each("statement", |case, _| match text(&case["kind"]) {
        "key-statement" => key_statement(case),
        "registration" => registration(case),
        "standing" => Ok(standing(case)),
        other => panic!("{other}"),
    });
}

fn key_statement(case: &Value) -> Outcome {
    let (log_id, old, new) = (array(&case["log_id"]), leaf(&case["old"]), leaf(&case["new"]));
    let statement = KeyStatement::decode(&bytes(&case["statement"])).map_err(|refusal| refusal.slug())?;
    let entry = admit_statement(&statement, &log_id, &old, &new, &Ecdsa).map_err(|refusal| refusal.slug())?;
    assert_eq!(check_statement_leaf(&entry, &log_id, &old, &new, &Ecdsa), Ok(()));
    Ok(json!({"entry": hex(&entry.encode()), "signed_bytes": hex(&statement.signed_bytes())}))
}

fn registration(case: &Value) -> Outcome {
    let submitted =
        SignedRegistration::decode(&bytes(&case["submission"])).map_err(|refusal| refusal.slug())?;
    let mut services = ResolutionServices::default();
    let service = &case["resolution_service"];
    services.add(text(&service["name"]), &bytes(&service["key"])).unwrap();
    let (log_id, credential) = (array(&case["log_id"]), leaf(&case["credential"]));
    let label = Label::new(array(&case["label"]));
    let last = (!case["last"].is_null()).then(|| Last {
        sequence: number(&case["last"]["sequence"]),
        index: number(&case["last"]["index"]),
        action: match text(&case["last"]["action"]) {
            "register" => Action::Register,
            _ => Action::Withdraw,
        },
    });
    let context = RegistrationContext {
        log_id: &log_id,
        credential: Some(&credential),
        now: number(&case["now"]),
        services: &services,
        verifier: &Ecdsa,
    };
    let vouched = check_registration(&submitted, &context).map_err(|refusal| refusal.slug())?;
    let replaces = vouched.admit(&label, last).map_err(|refusal| refusal.slug())?;
    let statement = &submitted.statement;
    let opening = statement.opening(&OpeningSecret::new(array(&case["opening_secret"])));
    let entry = statement.entry(label, &opening, replaces).encode();
    Ok(
        json!({"identity": hex(&statement.identity()), "opening": hex(opening.expose()), "entry": hex(&entry)}),
    )
}

fn standing(case: &Value) -> Value {
    let (log_id, now) = (array(&case["log_id"]), number(&case["now"]));
    let leaves = list(&case["leaves"], leaf);
    let all = NumberList { log_id: &log_id, label: Label::new(array(&case["label"])), leaves: &leaves };
    let history = History::of(&all, &Ecdsa, now).unwrap();
    assert_eq!(history.faulty_statements, []);
    let credentials = history.credentials.iter().map(|credential| {
        let verdict = verdict(history.verdict(credential.leaves[0], now));
        json!({"leaves": credential.leaves, "verdict": verdict, "repeated_id": credential.repeated_id})
    });
    let registrations = history.registrations.iter().map(|registered| state(registered.state));
    json!({"credentials": credentials.collect::<Vec<_>>(), "registrations": registrations.collect::<Vec<_>>()})
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
