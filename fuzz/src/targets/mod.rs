//! A function for each family of decoders. None may panic, whatever the bytes; what is read must be what would be written.

mod admission;
mod certificate;
mod choices;
mod der;
mod endpoints;
mod index;
mod label;
mod leaf;
mod notes;
mod proofs;
mod stored;
mod text;

pub use admission::admission;
pub use certificate::certificate;
pub use endpoints::{endpoints, json};
pub use index::index;
pub use label::label;
pub use leaf::{leaf, statement};
pub use notes::{note, policy};
pub use proofs::proof;
pub use stored::stored;
pub use text::{files, names};
