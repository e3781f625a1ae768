//! Our own verifier over `testvectors/`, read as data, as a verifier in another language would read them.

mod certificates;
mod file;
mod index;
mod leaves;
mod names;
mod notes;
mod page;
mod receipts;
mod registrations;
mod standing;
mod statements;
mod tree;
