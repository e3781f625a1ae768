//! receipt.json, parameters.json.

use serde_json::{Value, json};
use tnlog::anchors::{Anchor, Anchors};
use tnlog::checkpoint::Checkpoint;
use tnlog::entry::Parameters;
use tnlog::number::{Number, ServiceProviderCode};
use tnlog::policy::Policy;
use tnlog::proof::TlogProof;
use tnlog::receipt::{
    Claim, KnownLog, ParametersError, Receipt, ReceiptError, Untrusted, Verified, Verifier,
};
use tnlog::rule::Refusal;

use super::certificates::chain;
use super::file::{Outcome, bytes, each, hex, list, text};
use super::notes::policy_word;

fn claim(value: &Value) -> Claim {
    match (value["number"].as_str(), value["spc"].as_str()) {
        (Some(digits), None) => Claim::Number(Number::new(digits).unwrap()),
        (None, Some(code)) => Claim::ServiceProviderCode(ServiceProviderCode::new(code).unwrap()),
        _ => panic!("{value}"),
    }
}

#[test]
fn receipt() {
    each("receipt", verify);
}

fn verify(case: &Value, file: &Value) -> Outcome {
    let receipt = parsed(case)?;
    let verified = verified(case, file)?;
    let checkpoint = Checkpoint::parse(receipt.proof.checkpoint.text()).unwrap();
    assert_eq!(receipt.proof.check(&checkpoint, &bytes(&case["leaf"])), Ok(()), "{}", case["name"]);
    let cosigned: Vec<_> = verified.cosigned.iter().map(|(name, _)| name).collect();
    Ok(json!({"origin": verified.origin, "index": verified.index, "timestamp": verified.timestamp,
        "cosigned": cosigned, "extra": hex(&receipt.extra.encode())}))
}

fn parsed(case: &Value) -> Result<Receipt, &'static str> {
    Receipt::parse(text(&case["receipt"]).as_bytes()).map_err(|error| match error {
        ReceiptError::Proof(_) => "proof-format",
        ReceiptError::Extra => "receipt-extra",
    })
}

/// What the app of a case finds.
pub fn verified(case: &Value, file: &Value) -> Result<Verified, &'static str> {
    let known = |cbor: &Value| KnownLog::new(Parameters::decode(&bytes(cbor)).unwrap()).unwrap();
    let roots = chain(&case["roots"], file).unwrap().into_iter();
    let roots = Anchors::new(roots.map(|certificate| Anchor { certificate, calling_codes: None }));
    let policy: Policy = text(&case["policy"]).parse().unwrap();
    let verifier = Verifier::new(policy, list(&case["parameters"], known), roots);
    let receipt = parsed(case)?;
    let refused = |refusal: Refusal| {
        assert_eq!(refusal.certificate as u64, case["certificate"], "{}", case["name"]);
        refusal.rule.slug()
    };
    let chain = chain(&case["chain"], file).map_err(refused)?;
    let now = case["now"].as_i64().unwrap();
    verifier.verify(&chain, &claim(&case["claim"]), &receipt, now).map_err(|error| match error {
        Untrusted::Chain(refusal) => refused(refusal),
        Untrusted::NotCovered => "not-covered",
        Untrusted::Checkpoint(error) => policy_word(&error),
        Untrusted::UnknownLog(_) => "unknown-log",
        Untrusted::Kind => "kind",
        Untrusted::Labels(_) => "labels",
        Untrusted::Leaf(_) => "leaf",
        Untrusted::NotIncluded => "not-included",
    })
}

#[test]
fn parameters() {
    each("parameters", |case, _| {
        let policy: Policy = text(&case["policy"]).parse().unwrap();
        let proof = TlogProof::parse(text(&case["proof"]).as_bytes()).map_err(|_| "proof-format")?;
        let log = KnownLog::open(&proof, &policy).map_err(|error| match error {
            ParametersError::Checkpoint(error) => policy_word(&error),
            ParametersError::Leaf => "parameters-leaf",
            ParametersError::NotIncluded => "not-included",
            ParametersError::Key(_) => "label-key",
            ParametersError::SctKey => "sct-key",
        })?;
        let Parameters { origin, sct_key, label_key } = log.parameters;
        Ok(json!({"origin": origin, "sct_key": hex(&sct_key), "label_key": hex(&label_key)}))
    });
}
