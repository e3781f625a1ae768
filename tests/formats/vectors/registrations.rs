//! registration.json.

use std::collections::HashMap;

use serde_json::{Value, json};
use tnlog::commitment::OpeningSecret;
use tnlog::entry::{Action, Parameters};
use tnlog::label::Label;
use tnlog::number::Number;
use tnlog::policy::Policy;
use tnlog::receipt::{KnownLog, ReceiptError, Untrusted, Verified, Verifier};
use tnlog::registration::{
    Last, RegistrationContext, ResolutionServices, SignedRegistration, check_registration,
};
use tnlog::registration_receipt::{Reachable, RegistrationReceipt, UntrustedRegistration};
use tnlog::signature::Ecdsa;

use super::file::{Outcome, array, bytes, each, hex, list, number, read, text};
use super::notes::policy_word;
use super::receipts;
use super::statements::leaf;

#[test]
fn registration() {
    let peers = peers();
    each("registration", |case, _| match text(&case["kind"]) {
        "registration" => admission(case),
        "registration-receipt" => receipt(case, &peers),
        other => panic!("{other}"),
    });
}

fn services(shown: &[Value]) -> ResolutionServices {
    let mut services = ResolutionServices::default();
    for service in shown {
        for key in list(&service["keys"], bytes) {
            services.add(text(&service["name"]), &key).unwrap();
        }
    }
    services
}

fn admission(case: &Value) -> Outcome {
    let submitted =
        SignedRegistration::decode(&bytes(&case["submission"])).map_err(|refusal| refusal.slug())?;
    let services = services(std::slice::from_ref(&case["resolution_service"]));
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

/// What the good cases of receipt.json show of a peer.
fn peers() -> HashMap<String, Verified> {
    let file = read("receipt");
    let good = file["cases"].as_array().unwrap().iter().filter(|case| case["error"].is_null());
    good.map(|case| (text(&case["name"]).to_owned(), receipts::verified(case, &file).unwrap())).collect()
}

fn receipt(case: &Value, peers: &HashMap<String, Verified>) -> Outcome {
    let shown = &case["peer"];
    let mut peer = peers[text(&shown["case"])].clone();
    peer.origin = text(&shown["origin"]).to_owned();
    peer.index = number(&shown["index"]);
    let digits = peer.chain.class().numbers().iter().map(|number| number.digits()).collect::<Vec<_>>();
    assert_eq!(shown["numbers"], json!(digits));
    assert_eq!(text(&shown["subject_key"]), hex(peer.chain.certificate().spki()));
    let known = |cbor: &Value| KnownLog::new(Parameters::decode(&bytes(cbor)).unwrap()).unwrap();
    let policy: Policy = text(&case["policy"]).parse().unwrap();
    let verifier = Verifier::new(policy, list(&case["parameters"], known), Default::default());
    let receipt =
        RegistrationReceipt::parse(text(&case["receipt"]).as_bytes()).map_err(|error| match error {
            ReceiptError::Proof(_) => "proof-format",
            ReceiptError::Extra => "receipt-extra",
        })?;
    let asked = Reachable {
        number: &Number::new(text(&case["number"])).unwrap(),
        service: text(&case["service"]),
        services: &services(case["services"].as_array().unwrap()),
        now: i64::try_from(number(&case["now"]) / 1000).unwrap(),
    };
    let verified = verifier.verify_registration(&peer, &receipt, &asked).map_err(|error| word(&error))?;
    Ok(json!({"index": verified.index, "timestamp": verified.timestamp}))
}

fn word(error: &UntrustedRegistration) -> &'static str {
    match error {
        UntrustedRegistration::Statement(refusal) => refusal.slug(),
        UntrustedRegistration::OtherCredential => "other-credential",
        UntrustedRegistration::OtherNumber => "other-number",
        UntrustedRegistration::OtherService => "other-service",
        UntrustedRegistration::Withdrawal => "withdrawal",
        UntrustedRegistration::NotYetValid => "not-yet-valid",
        UntrustedRegistration::Ended => "registration-ended",
        UntrustedRegistration::Receipt(error) => match error {
            Untrusted::Checkpoint(error) => policy_word(error),
            Untrusted::UnknownLog(_) => "unknown-log",
            Untrusted::Labels(_) => "labels",
            Untrusted::Leaf(_) => "leaf",
            Untrusted::NotIncluded => "not-included",
            other => panic!("{other}"),
        },
    }
}
