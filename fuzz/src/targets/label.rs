//! Labels: the elements and proofs of a VOPRF, from a log and from a client.

use std::sync::LazyLock;

use rand_core::OsRng;
use tnlog::label::{Blinded, Evaluation, Label, LabelError, LabelKey, LabelPublicKey};
use tnlog::number::Number;
use tnlog::synthetic::fictional_number;

use super::choices::Choices;

struct World {
    key: LabelKey,
    numbers: Vec<Number>,
    evaluation: Evaluation,
    labels: Vec<Label>,
    blinded: Blinded,
    answer: Evaluation,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let key = LabelKey::from_seed(&[2; 32]);
    let numbers: Vec<_> = (0..2).map(|n| Number::new(&fictional_number(n)).expect("a number")).collect();
    let evaluation = key.prove(&numbers, &mut OsRng);
    let labels = key.public().check(&numbers, &evaluation).expect("it holds");
    let blinded = Blinded::new(&numbers, &mut OsRng);
    let answer = key.evaluate(blinded.elements(), &mut OsRng).expect("good elements");
    World { key, numbers, evaluation, labels, blinded, answer }
});

/// An evaluation that holds gives the labels of the key, however it was changed; elements are evaluated or refused.
pub fn label(data: &[u8]) {
    let mut choices = Choices::new(data);
    let what = choices.byte();
    let public = WORLD.key.public();
    match what % 4 {
        0 => {
            let changed = changed(&mut choices, &WORLD.evaluation);
            only_right(public.check(&WORLD.numbers, &changed), changed == WORLD.evaluation);
        }
        1 => {
            let changed = changed(&mut choices, &WORLD.answer);
            only_right(WORLD.blinded.finalize(&changed, &public), changed == WORLD.answer);
        }
        2 => {
            let elements = choices.rest().as_chunks().0.to_vec();
            if let Ok(evaluation) = WORLD.key.evaluate(&elements, &mut OsRng) {
                assert_eq!(evaluation.elements.len(), elements.len());
            }
        }
        _ => {
            let Some(bytes) = choices.rest().first_chunk() else { return };
            if let Ok(key) = LabelPublicKey::from_bytes(bytes) {
                assert_eq!(key.to_bytes(), *bytes);
                assert!(key == public || key.check(&WORLD.numbers, &WORLD.evaluation).is_err());
            }
        }
    }
}

fn changed(choices: &mut Choices<'_>, of: &Evaluation) -> Evaluation {
    let mut bytes = [of.elements.as_flattened(), &of.proof].concat();
    choices.change(&mut bytes);
    let (elements, proof) = bytes.split_at(bytes.len().saturating_sub(64));
    let mut full = [0; 64];
    full[..proof.len()].copy_from_slice(proof);
    Evaluation { elements: elements.as_chunks().0.to_vec(), proof: full }
}

fn only_right(found: Result<Vec<Label>, LabelError>, unchanged: bool) {
    assert_eq!(found.is_ok(), unchanged);
    assert!(found.is_err() || found.as_ref() == Ok(&WORLD.labels));
}
