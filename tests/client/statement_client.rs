//! What the client believes of a log that takes statements and registrations, and then lies about it.

#![cfg(feature = "server")]

use std::net::SocketAddr;
use std::sync::Arc;

use crate::common;
use crate::common::people::{Phone, accepting, add_registration, leaf, registration_body};
use crate::support::server::{Server, reply, serve};
use axum::body::Body;
use axum::http::Response;
use serde_json::{Value, json};
use tnlog::client::http::Client;
use tnlog::client::read::LogReader;
use tnlog::client::registrations::{RegisterError, register};
use tnlog::client::retry::Patience;
use tnlog::client::statements::{SayError, say};
use tnlog::entry::Verb;
use tnlog::policy::Policy;
use tnlog::proof::TlogProof;
use tnlog::receipt::{KnownLog, Untrusted};
use tnlog::registration_receipt::{RegistrationReceipt, UntrustedRegistration};
use tnlog::statement::StatementRefusal;

/// What a log says in the place of what is right.
type Lie = Arc<dyn Fn(&str, Vec<u8>) -> Vec<u8> + Send + Sync>;

/// A server that passes everything on to a log, and changes its successes.
async fn between(log: SocketAddr, lie: Lie) -> Arc<Server> {
    serve(move |_, path, body| pass_on(log, path.strip_prefix("/log").unwrap(), &body, &lie)).await
}

fn pass_on(log: SocketAddr, path: &str, body: &[u8], lie: &Lie) -> Response<Body> {
    let method = if body.is_empty() { "GET" } else { "POST" };
    let answer = common::exchange(log, &common::request(method, path, &[], body)).unwrap();
    let bytes = if answer.status == 200 { lie(path, answer.body) } else { answer.body };
    reply(answer.status, bytes)
}

fn threads() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(16).enable_all().build().unwrap()
}

fn honest() -> Lie {
    Arc::new(|_, bytes| bytes)
}

/// Changes the JSON that one endpoint answers.
fn changed(endpoint: &'static str, change: fn(&mut Value)) -> Lie {
    Arc::new(move |path, bytes| {
        if path != endpoint {
            return bytes;
        }
        let mut value = serde_json::from_slice(&bytes).unwrap();
        change(&mut value);
        value.to_string().into_bytes()
    })
}

fn trust(log: &common::TestLog) -> (Policy, KnownLog) {
    let key = log.get("/tn/v1/log").success()["checkpoint_key"].as_str().unwrap().to_owned();
    let policy = Policy::parse(format!("log {key}\nquorum none\n").as_bytes()).unwrap();
    let parameters = TlogProof::parse(&log.get("/tn/v1/parameters").body).unwrap();
    let known = KnownLog::open(&parameters, &policy).unwrap();
    (policy, known)
}

/// Each line fails without the comparison that it is about.
#[test]
fn a_registration_is_believed_with_its_receipt_alone() {
    // A runtime of its own: the server between blocks its threads.
    let (log, runtime) = (accepting(""), threads());
    let address = log.address();
    let (phone, other) = (Phone::new(address, 1, 1), Phone::new(address, 2, 2));
    let (submitted, others) = (phone.register(), other.register());
    add_registration(address, &others).success();
    let other_receipt = log.post("/tn/v1/registration-receipt", &registration_body(&others)).body;
    let (policy, known) = trust(&log);
    let ask = |lie: Lie| {
        runtime.block_on(async {
            let server = between(address, lie).await;
            let client = Client::new(&server.base).unwrap().with_patience(Patience::NONE);
            register(&client, &submitted, &known, &policy).await
        })
    };
    let (receipt, logged) = ask(honest()).unwrap();
    assert_eq!((logged.index, receipt.extra.submitted), (4, submitted.clone()));

    const ADD: &str = "/tn/v1/add-registration";
    for change in [
        |answer: &mut Value| answer["leaf_index"] = json!(3),
        |answer: &mut Value| answer["timestamp"] = json!(1),
        |answer: &mut Value| answer["replaces"] = json!(3),
        |answer: &mut Value| answer["opening"] = json!("AAAA"),
    ] {
        assert!(matches!(ask(changed(ADD, change)), Err(RegisterError::Other)));
    }
    let in_place_of_the_receipt = |bytes: Vec<u8>| -> Lie {
        Arc::new(move |path, right| if path == "/tn/v1/registration-receipt" { bytes.clone() } else { right })
    };
    assert!(matches!(ask(in_place_of_the_receipt(other_receipt)), Err(RegisterError::Other)));
    assert!(matches!(ask(in_place_of_the_receipt(b"nothing".to_vec())), Err(RegisterError::Receipt(_))));
    let right = log.post("/tn/v1/registration-receipt", &registration_body(&submitted)).body;
    let mut wrong = RegistrationReceipt::parse(&right).unwrap().proof;
    wrong.hashes[0].0[0] ^= 1;
    let refused = ask(in_place_of_the_receipt(wrong.to_string().into_bytes())).unwrap_err();
    let not_included = UntrustedRegistration::Receipt(Untrusted::NotIncluded);
    assert!(matches!(&refused, RegisterError::Untrusted(error) if *error == not_included), "{refused}");
}

/// Fails without the comparison with the leaf in `say`.
#[test]
fn a_statement_is_believed_when_its_leaf_is_seen() {
    // A runtime of its own: the server between blocks its threads.
    let (log, runtime) = (accepting(""), threads());
    let address = log.address();
    let (old, new) = (Phone::new(address, 1, 1), Phone::new(address, 1, 2));
    let (policy, known) = trust(&log);
    let leaves = (leaf(address, old.index), leaf(address, new.index));
    let ask = |lie: Lie, verb: Verb| {
        runtime.block_on(async {
            let server = between(address, lie).await;
            let client = Client::new(&server.base).unwrap().with_patience(Patience::NONE);
            let mut reader = LogReader::new(Arc::new(client.clone()), policy.clone());
            reader.update().await.unwrap();
            let statement = old.say(verb, address, &new);
            say(&client, &mut reader, &known, &statement, (&leaves.0, &leaves.1)).await
        })
    };
    assert_eq!(ask(honest(), Verb::Approve).unwrap().leaf_index, 3);
    const ADD: &str = "/tn/v1/add-key-statement";
    let elsewhere = ask(changed(ADD, |answer| answer["leaf_index"] = json!(2)), Verb::Approve);
    assert!(matches!(elsewhere, Err(SayError::Other(2))));
    let earlier = ask(changed(ADD, |answer| answer["timestamp"] = json!(1)), Verb::Approve);
    assert!(matches!(earlier, Err(SayError::Other(3))));
    let another = ask(changed(ADD, |answer| answer["leaf_index"] = json!(3)), Verb::Dispute);
    assert!(matches!(another, Err(SayError::Other(3))));

    // What the log would refuse is not even sent.
    let backwards = runtime.block_on(async {
        let server = between(address, honest()).await;
        let client = Client::new(&server.base).unwrap();
        let mut reader = LogReader::new(Arc::new(client.clone()), policy.clone());
        let statement = new.say(Verb::Approve, address, &old);
        let said = say(&client, &mut reader, &known, &statement, (&leaves.1, &leaves.0)).await;
        assert!(server.paths().is_empty());
        said
    });
    assert!(matches!(backwards, Err(SayError::Refused(StatementRefusal::NotLater))));
}
