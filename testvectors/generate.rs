//! Writes `testvectors/*.json` and the examples in `docs/formats.md`: `cargo run --example testvectors`.
//!
//! With `--check` it writes nothing and fails when a file is not what it would write. Everything follows from fixed
//! seeds and times. The keys in here are public; trust none of them.

#[path = "generate/case.rs"]
mod case;
#[path = "generate/cbor.rs"]
mod cbor;
#[path = "generate/certificates.rs"]
mod certificates;
#[path = "generate/chain_der.rs"]
mod chain_der;
#[path = "generate/chain_rules.rs"]
mod chain_rules;
#[path = "generate/chains.rs"]
mod chains;
#[path = "generate/ecdsa.rs"]
mod ecdsa;
#[path = "generate/ed25519.rs"]
mod ed25519;
#[path = "generate/example.rs"]
mod example;
#[path = "generate/index.rs"]
mod index;
#[path = "generate/index_labels.rs"]
mod index_labels;
#[path = "generate/index_pages.rs"]
mod index_pages;
#[path = "generate/index_shapes.rs"]
mod index_shapes;
#[path = "generate/labels.rs"]
mod labels;
#[path = "generate/leaves.rs"]
mod leaves;
#[path = "generate/names.rs"]
mod names;
#[path = "generate/notes.rs"]
mod notes;
#[path = "generate/open_numbers.rs"]
mod open_numbers;
#[path = "generate/page.rs"]
mod page;
#[path = "generate/parameters.rs"]
mod parameters;
#[path = "generate/people.rs"]
mod people;
#[path = "generate/policies.rs"]
mod policies;
#[path = "generate/receipts.rs"]
mod receipts;
#[path = "generate/registration_receipts.rs"]
mod registration_receipts;
#[path = "generate/registrations.rs"]
mod registrations;
#[path = "generate/scene.rs"]
mod scene;
#[path = "generate/standing.rs"]
mod standing;
#[path = "generate/standing_registrations.rs"]
mod standing_registrations;
#[path = "generate/standing_rules.rs"]
mod standing_rules;
#[path = "generate/statements.rs"]
mod statements;
#[path = "generate/tree.rs"]
mod tree;
#[path = "generate/world.rs"]
mod world;

use std::path::Path;
use std::process::ExitCode;

use case::File;

fn main() -> ExitCode {
    let check = std::env::args().any(|argument| argument == "--check");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = files();
    let page = root.join("docs/formats.md");
    let old_page = std::fs::read_to_string(&page).expect("docs/formats.md is there");
    let mut outputs: Vec<_> = files
        .iter()
        .map(|file| (root.join("testvectors").join(format!("{}.json", file.name)), file.text()))
        .collect();
    let example = |(name, text)| (root.join("testvectors/example").join(name), text);
    outputs.extend(example::example().into_iter().map(example));
    outputs.push((page, page::filled(&old_page, &files)));
    let different: Vec<_> = outputs
        .iter()
        .filter(|(path, text)| std::fs::read_to_string(path).ok().as_ref() != Some(text))
        .collect();
    for (path, text) in &different {
        if check {
            eprintln!("{} is not what the generator writes; run it without --check", path.display());
        } else {
            std::fs::create_dir_all(path.parent().expect("a file lies in a folder"))
                .expect("the folder can be made");
            std::fs::write(path, text).expect("the file can be written");
            println!("wrote {}", path.display());
        }
    }
    if check && !different.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn files() -> Vec<File> {
    vec![
        tree::merkle(),
        tree::tiles(),
        notes::note(),
        notes::checkpoint(),
        policies::policy(),
        leaves::leaf(),
        leaves::sct(),
        names::numbers(),
        names::blocks(),
        names::tnauthlist(),
        labels::labels(),
        certificates::classify(),
        certificates::precertificate(),
        chains::chain(),
        receipts::receipt(),
        parameters::parameters(),
        statements::statement(),
        registrations::registration(),
        standing::standing(),
        index::index(),
    ]
}
