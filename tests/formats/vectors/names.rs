//! numbers.json, blocks.json, tnauthlist.json, labels.json.

use serde_json::{Value, json};
use tnlog::block::{Block, Range, RangeError, blocks_covering};
use tnlog::label::{Evaluation, Label, LabelError, LabelKey, LabelPublicKey};
use tnlog::number::{Number, ServiceProviderCode};
use tnlog::rule::Rule;
use tnlog::tnauthlist::{Scope, decode};
use voprf::{EvaluationElement, Group, Proof, Ristretto255, VoprfClient, VoprfServer};

use super::file::{Outcome, array, bytes, each, hex, list, number, text};

#[test]
fn numbers() {
    each("numbers", |case, _| match text(&case["kind"]) {
        "number" => {
            let number = Number::new(text(&case["digits"])).map_err(|_| "bad-number")?;
            Ok(json!({"digits": number.digits(), "calling_code": number.calling_code()}))
        }
        "spc" => {
            let code =
                ServiceProviderCode::new(text(&case["code"])).map_err(|_| "bad-service-provider-code")?;
            Ok(json!({"code": code.as_str(), "canonical": code.canonical().as_str()}))
        }
        other => panic!("{other}"),
    });
}

#[test]
fn blocks() {
    each("blocks", |case, _| match text(&case["kind"]) {
        "cover" => {
            let range = |pair: &Value| {
                let first = Number::new(text(&pair[0])).map_err(|_| "bad-number")?;
                Range::new(&first, number(&pair[1])).map_err(range_word)
            };
            let ranges = list(&case["ranges"], range).into_iter().collect::<Result<Vec<_>, _>>()?;
            let blocks = blocks_covering(ranges).map_err(range_word)?;
            Ok(json!({"blocks": blocks.iter().map(Block::to_string).collect::<Vec<_>>()}))
        }
        "covers" => {
            let (block, number): (Block, _) =
                (text(&case["block"]).parse().unwrap(), Number::new(text(&case["number"])).unwrap());
            Ok(json!({"covers": block.covers(&number)}))
        }
        other => panic!("{other}"),
    });
}

fn range_word(error: RangeError) -> &'static str {
    match error {
        RangeError::UnderTen => "range-under-ten",
        RangeError::LengthsDiffer => "range-lengths-differ",
        RangeError::TooManyBlocks => "too-many-blocks",
    }
}

fn scope(value: &Value) -> Result<Scope, &'static str> {
    let entries = decode(&bytes(value)).map_err(|_| "unreadable")?;
    Scope::from_entries(&entries).map_err(|error| Rule::from(error).slug())
}

#[test]
fn tnauthlist() {
    each("tnauthlist", |case, _| match text(&case["kind"]) {
        "scope" => {
            let (class, names) = named(&scope(&case["der"])?);
            Ok(json!({"class": class, "names": names}))
        }
        "encompasses" => {
            let (parent, child) = (scope(&case["parent"]).unwrap(), scope(&case["child"]).unwrap());
            Ok(json!({"encompasses": parent.encompasses(&child)}))
        }
        other => panic!("{other}"),
    });
}

/// Class and names of a scope, as the vectors write them.
pub fn named(scope: &Scope) -> (&'static str, Vec<String>) {
    match scope {
        Scope::Spcs(codes) => ("spcs", codes.iter().map(|code| code.as_str().to_owned()).collect()),
        Scope::Blocks(blocks) => ("blocks", blocks.iter().map(Block::to_string).collect()),
        Scope::Numbers(numbers) => ("numbers", numbers.iter().map(|n| n.digits().to_owned()).collect()),
    }
}

#[test]
fn labels() {
    each("labels", |case, _| match text(&case["kind"]) {
        "rfc9497" => rfc9497(case),
        "spc" => {
            let code = ServiceProviderCode::new(text(&case["code"])).unwrap();
            Ok(json!({"label": hex(Label::of_service_provider_code(&code).as_bytes())}))
        }
        "block" => {
            let block: Block = text(&case["block"]).parse().unwrap();
            Ok(json!({"label": hex(Label::of_block(&block).as_bytes())}))
        }
        "number" => number_labels(case),
        other => panic!("{other}"),
    });
}

fn number_labels(case: &Value) -> Outcome {
    let numbers = list(&case["numbers"], |digits| Number::new(text(digits)).unwrap());
    let evaluation = Evaluation { elements: list(&case["elements"], array), proof: array(&case["proof"]) };
    let key = LabelPublicKey::from_bytes(&array(&case["label_key"])).unwrap();
    let labels = key.check(&numbers, &evaluation).map_err(|error| match error {
        LabelError::Count(..) => "label-count",
        LabelError::Element(_) => "label-element",
        LabelError::ProofEncoding => "label-proof-encoding",
        LabelError::Proof => "label-proof",
        LabelError::Key => "label-key",
    })?;
    if case["label_key_seed"].is_string() {
        let secret = LabelKey::from_seed(&array(&case["label_key_seed"]));
        assert_eq!(secret.public(), key);
        assert_eq!(numbers.iter().map(|number| secret.label(number)).collect::<Vec<_>>(), labels);
    }
    Ok(json!({"labels": labels.iter().map(|label| hex(label.as_bytes())).collect::<Vec<_>>()}))
}

/// The library below ours, on the vectors of the RFC.
fn rfc9497(case: &Value) -> Outcome {
    let server =
        VoprfServer::<Ristretto255>::new_from_seed(&bytes(&case["seed"]), &bytes(&case["key_info"])).unwrap();
    let public = server.get_public_key();
    let inputs = list(&case["inputs"], bytes);
    let (mut clients, mut blinded) = (Vec::new(), Vec::new());
    for (input, blind) in inputs.iter().zip(list(&case["blinds"], bytes)) {
        let blind = Ristretto255::deserialize_scalar(&blind).unwrap();
        let result = VoprfClient::<Ristretto255>::deterministic_blind_unchecked(input, blind).unwrap();
        clients.push(result.state);
        blinded.push(hex(&result.message.serialize()));
    }
    let elements = list(&case["elements"], |e| EvaluationElement::deserialize(&bytes(e)).unwrap());
    let proof = Proof::deserialize(&bytes(&case["proof"])).unwrap();
    let outputs = VoprfClient::batch_finalize(&inputs, &clients, &elements, &proof, public).unwrap();
    let outputs: Vec<_> = outputs.map(|output| hex(&output.unwrap())).collect();
    Ok(
        json!({"public_key": hex(&Ristretto255::serialize_elem(public)), "blinded": blinded, "outputs": outputs}),
    )
}
