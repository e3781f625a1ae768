//! Our own verifier over `testvectors/`, read as data, as a verifier in another language would read them.

#[path = "vectors/certificates.rs"]
mod certificates;
#[path = "vectors/file.rs"]
mod file;
#[path = "vectors/index.rs"]
mod index;
#[path = "vectors/leaves.rs"]
mod leaves;
#[path = "vectors/names.rs"]
mod names;
#[path = "vectors/notes.rs"]
mod notes;
#[path = "vectors/page.rs"]
mod page;
#[path = "vectors/receipts.rs"]
mod receipts;
#[path = "vectors/registrations.rs"]
mod registrations;
#[path = "vectors/standing.rs"]
mod standing;
#[path = "vectors/statements.rs"]
mod statements;
#[path = "vectors/tree.rs"]
mod tree;
