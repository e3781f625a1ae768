//! labels.json.

use serde_json::{Value, json};
use tnlog::label::{Evaluation, Label, LabelKey};
use tnlog::number::{Number, ServiceProviderCode};

use crate::case::{File, bad, from, good, hex, hexes};
use crate::world::Seeded;

const RFC: &str = "RFC 9497 appendix A.1.2 (ristretto255-SHA512, VOPRF mode)";
const A2: &str = "RFC 9496 appendix A.2";
const BLIND: &str = "64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706";
const SECOND_BLIND: &str = "222a5e897cf59db8145db8d16e597e8facb80ae7d4e26d9881aa6f61d645fc0e";
const LONG_INPUT: &str = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";
const SEED: [u8; 32] = [3; 32];

pub fn labels() -> File {
    let mut cases = rfc9497();
    for (name, code) in [("spc-small", "706j"), ("spc-capital", "706J"), ("spc-other", "A1")] {
        let label = Label::of_service_provider_code(&ServiceProviderCode::new(code).expect("a code"));
        cases.push(good(
            name,
            "of a service provider code",
            json!({"kind": "spc", "code": code, "label": hex(label.as_bytes())}),
        ));
    }
    for block in [
        "1703555xxxx",
        "1703555010x",
        "17035550108",
        "170355501xx",
        "1xxx",
        "9xxxxxxxxxxxxxx",
        "120255501001234",
    ] {
        let label = Label::of_block(&block.parse().expect("a block"));
        let fields = json!({"kind": "block", "block": block, "label": hex(label.as_bytes())});
        cases.push(good(&format!("block-{block}"), "of a block", fields));
    }
    let (key, other) = (LabelKey::from_seed(&SEED), LabelKey::from_seed(&[4; 32]));
    let (one, three) = (numbers(&["12025550123"]), numbers(&["12025550100", "17035550123", "17035550124"]));
    let (single, batch) = (key.prove(&one, &mut Seeded::new(1)), key.prove(&three, &mut Seeded::new(2)));
    cases.push(good("one-number", "one number", proved(&key, &one, &single)));
    cases.push(good(
        "three-numbers",
        "three numbers, one proof; labels in the order of the numbers",
        proved(&key, &three, &batch),
    ));
    cases.extend(bad_proofs(&key, &other, &three, &batch));
    cases.extend(no_elements(&key, &three, &batch));
    File::new("labels", "Labels, and proofs that a label is that of a number (formats.md §9).", cases)
}

fn numbers(digits: &[&str]) -> Vec<Number> {
    digits.iter().map(|digits| Number::new(digits).expect("a number")).collect()
}

fn input(key: &LabelKey, numbers: &[Number], evaluation: &Evaluation) -> Value {
    json!({
        "kind": "number",
        "label_key": hex(&key.public().to_bytes()),
        "numbers": numbers.iter().map(Number::digits).collect::<Vec<_>>(),
        "elements": hexes(&evaluation.elements),
        "proof": hex(&evaluation.proof),
    })
}

fn proved(key: &LabelKey, numbers: &[Number], evaluation: &Evaluation) -> Value {
    let mut fields = input(key, numbers, evaluation);
    fields["label_key_seed"] = hex(&SEED).into();
    fields["labels"] = numbers.iter().map(|number| hex(key.label(number).as_bytes())).collect();
    fields
}

fn bad_proofs(key: &LabelKey, other: &LabelKey, three: &[Number], proof: &Evaluation) -> Vec<Value> {
    let changed = |change: &dyn Fn(&mut Evaluation)| {
        let mut evaluation = proof.clone();
        change(&mut evaluation);
        input(key, three, &evaluation)
    };
    let others = numbers(&["12025550100", "17035550123", "17035550125"]);
    let foreign = other.prove(three, &mut Seeded::new(2));
    let empty = Evaluation { elements: vec![], proof: proof.proof };
    let no = |name: &str, error: &str, comment: &str, fields| bad(name, error, comment, fields);
    vec![
        no("other-number", "label-proof", "the proof is of another number", input(key, &others, proof)),
        no(
            "other-order",
            "label-proof",
            "the elements in another order",
            changed(&|e| e.elements.swap(0, 1)),
        ),
        no("other-key", "label-proof", "under another label key", input(other, three, proof)),
        no("other-log", "label-proof", "evaluated by another log", input(key, three, &foreign)),
        no(
            "other-element",
            "label-proof",
            "one element of another log",
            changed(&|e| e.elements[1] = foreign.elements[1]),
        ),
        no(
            "fewer-elements",
            "label-count",
            "two elements for three numbers",
            changed(&|e| e.elements.truncate(2)),
        ),
        no(
            "more-elements",
            "label-count",
            "four elements for three numbers",
            changed(&|e| e.elements.push(e.elements[0])),
        ),
        no("no-numbers", "label-count", "nothing is asked", input(key, &[], &empty)),
        no(
            "no-element",
            "label-element",
            "bytes that encode no element",
            changed(&|e| e.elements[0] = [0xff; 32]),
        ),
        no("identity", "label-element", "the identity", changed(&|e| e.elements[0] = [0; 32])),
        no("negative-element", "label-element", "an odd field element", changed(&|e| e.elements[0] = odd())),
        no(
            "element-and-proof",
            "label-element",
            "both are no encodings: the elements are judged first",
            changed(&|e| {
                e.elements[0] = [0xff; 32];
                e.proof.fill(0xff);
            }),
        ),
        no("changed-c", "label-proof", "one bit of c", changed(&|e| e.proof[0] ^= 1)),
        no("changed-s", "label-proof", "one bit of s", changed(&|e| e.proof[32] ^= 1)),
        no("swapped-scalars", "label-proof", "s before c", changed(&|e| e.proof.rotate_left(32))),
        no(
            "large-scalar",
            "label-proof-encoding",
            "s is not below the order of the group",
            changed(&|e| e.proof[32..].fill(0xff)),
        ),
    ]
}

/// RFC 9496 appendix A.2: encodings that are to be refused, one of each kind and more of the last ones.
fn no_elements(key: &LabelKey, three: &[Number], proof: &Evaluation) -> Vec<Value> {
    [
        ("a2-above", "not below p", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        ("a2-negative", "negative", "ed57ffd8c914fb201471d1c3d245ce3c746fcbe63a3679d51b6a516ebebe0e20"),
        (
            "a2-no-square",
            "x^2 is no square",
            "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
        ),
        (
            "a2-negative-xy",
            "x y is negative",
            "3eb858e78f5a7254d8c9731174a94f76755fd3941c0ac93735c07ba14579630e",
        ),
        (
            "a2-negative-xy-2",
            "x y is negative",
            "a45fdc55c76448c049a1ab33f17023edfb2be3581e9c7aade8a6125215e04220",
        ),
        (
            "a2-negative-xy-3",
            "x y is negative",
            "d483fe813c6ba647ebbfd3ec41adca1c6130c2beeee9d9bf065c8d151c5f396e",
        ),
        (
            "a2-zero-y",
            "s is -1, so that y is 0",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ),
    ]
    .into_iter()
    .map(|(name, comment, element)| {
        let mut evaluation = proof.clone();
        evaluation.elements[0] = crate::case::unhex(element).try_into().expect("32 bytes");
        from(A2, bad(name, "label-element", comment, input(key, three, &evaluation)))
    })
    .collect()
}

fn odd() -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = 1;
    bytes
}

fn rfc9497() -> Vec<Value> {
    let evaluated = [
        "aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e",
        "60a59a57208d48aca71e9e850d22674b611f752bed48b36f7a91b372bd7ad468",
    ];
    let outputs = [
        "b58cfbe118e0cb94d79b5fd6a6dafb98764dff49c14e1770b566e42402da1a7da4d8527693914139caee5bd03903af43a491351d23b430948dd50cde10d32b3c",
        "8a9a2f3c7f085b65933594309041fc1898d42d0858e59f90814ae90571a6df60356f4610bf816f27afdd84f47719e480906d27ecd994985890e5f539e7ea74b6",
    ];
    let blinded = [
        "863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945",
        "cc0b2a350101881d8a4cba4c80241d74fb7dcbfde4a61fde2f91443c2bf9ef0c",
    ];
    let proofs = [
        "ddef93772692e535d1a53903db24367355cc2cc78de93b3be5a8ffcc6985dd066d4346421d17bf5117a2a1ff0fcb2a759f58a539dfbe857a40bce4cf49ec600d",
        "401a0da6264f8cf45bb2f5264bc31e109155600babb3cd4e5af7d181a2c9dc0a67154fabf031fd936051dec80b0b6ae29c9503493dde7393b722eafdf5a50b02",
        "cc203910175d786927eeb44ea847328047892ddf8590e723c37205cb74600b0a5ab5337c8eb4ceae0494c2cf89529dcf94572ed267473d567aeed6ab873dee08",
    ];
    let inputs = ["00", LONG_INPUT];
    let one = |i: usize| {
        json!({"inputs": [inputs[i]], "blinds": [BLIND], "blinded": [blinded[i]], "elements": [evaluated[i]], "proof": proofs[i],
            "proof_random_scalar": SECOND_BLIND, "outputs": [outputs[i]]})
    };
    let both = json!({"inputs": inputs, "blinds": [BLIND, SECOND_BLIND],
        "blinded": [blinded[0], "90a0145ea9da29254c3a56be4fe185465ebb3bf2a1801f7124bbbadac751e654"],
        "elements": [evaluated[0], "cc5ac221950a49ceaa73c8db41b82c20372a4c8d63e5dded2db920b7eee36a2a"], "proof": proofs[2],
        "proof_random_scalar": "419c4f4f5052c53c45f3da494d2b67b220d02118e0857cdbcf037f9ea84bbe0c", "outputs": outputs});
    let cases = [("rfc9497-1", one(0)), ("rfc9497-2", one(1)), ("rfc9497-3", both)];
    let complete = |(name, mut fields): (&str, Value)| {
        fields["kind"] = "rfc9497".into();
        fields["seed"] = "a3".repeat(32).into();
        fields["key_info"] = "74657374206b6579".into();
        fields["secret_key"] = "e6f73f344b79b379f1a0dd37e07ff62e38d9f71345ce62ae3a9bc60b04ccd909".into();
        fields["public_key"] = "c803e2cc6b05fc15064549b5920659ca4a77b2cca6f04f6b357009335476ad4e".into();
        from(RFC, good(name, "test vector of the RFC; its inputs are not those of tnlog", fields))
    };
    cases.into_iter().map(complete).collect()
}
