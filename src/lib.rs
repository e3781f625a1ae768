//! A transparency log of telephone number certificates.
//!
//! Without features this crate is the pure core: what an app ships to verify, offline and with no other state, that a peer's
//! certificate is in a log. [`receipt::Verifier`] is its one call. The feature `client` adds reading, checking and submitting
//! to a log; `server` the log itself. `docs/formats.md` in the repository has every byte.

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
pub mod printable;
pub mod proof;
pub mod receipt;
pub mod registration;
pub mod registration_receipt;
pub mod rule;
pub mod sct;
pub mod signature;
pub mod standing;
pub mod statement;
pub mod submission;
#[cfg(any(test, feature = "client"))]
pub mod synthetic;
mod telephone;
pub mod tile;
pub mod tls;
pub mod tnauthlist;
pub mod witness;

#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "server")]
pub mod load;
#[cfg(feature = "server")]
pub mod mirror;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
pub mod simulate;

/// The examples of README.md, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
