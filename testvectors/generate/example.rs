//! example/: what an app holds and is shown, as files, for README.md.

use serde_json::json;

use crate::scene::{NUMBER, Scene};
use crate::world::certificate;

/// Names and contents.
pub fn example() -> Vec<(&'static str, String)> {
    let scene = Scene::new();
    let question = scene.question(&scene.number, false, json!({"number": NUMBER}));
    let chain: String = question.chain.iter().map(|der| certificate(der).to_pem()).collect();
    let parameters = scene.log.proof(0, Some(scene.log.leaves[0].clone()), &[1, 3]);
    vec![
        ("chain.pem", chain),
        ("roots.pem", certificate(&question.root).to_pem()),
        ("policy.txt", question.policy),
        ("parameters.tlog-proof", parameters.to_string()),
        ("receipt.tlog-proof", question.receipt),
    ]
}
