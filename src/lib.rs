//! tnlog: a transparency log of telephone number certificates.

pub mod admission;
pub mod anchors;
pub mod block;
pub mod bundle;
pub mod calling_code;
mod cbor;
pub mod certificate;
pub mod chain_item;
pub mod checkpoint;
pub mod classify;
pub mod commitment;
pub mod cosignature;
pub mod entry;
pub mod index;
pub mod label;
pub mod merkle;
pub mod note;
pub mod number;
pub mod pem;
pub mod policy;
pub mod precertificate;
pub mod proof;
pub mod receipt;
pub mod rule;
pub mod sct;
pub mod signature;
pub mod submission;
#[cfg(any(test, feature = "client"))]
pub mod synthetic;
mod telephone;
pub mod tile;
pub mod tls;
pub mod tnauthlist;

#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "server")]
pub mod server;
