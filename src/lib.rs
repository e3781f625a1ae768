//! tnlog: a transparency log of telephone number certificates.

pub mod block;
pub mod bundle;
pub mod calling_code;
mod cbor;
pub mod checkpoint;
pub mod commitment;
pub mod cosignature;
pub mod entry;
pub mod label;
pub mod merkle;
pub mod note;
pub mod number;
pub mod policy;
pub mod sct;
pub mod tile;
pub mod tls;

#[cfg(feature = "server")]
pub mod server;
