//! tnlog

pub mod admission;
pub mod anchors;
pub mod block;
pub mod calling_code;
pub mod certificate;
pub mod classify;
pub mod number;
pub mod pem;
pub mod precertificate;
pub mod rule;
pub mod signature;
mod telephone;
pub mod tnauthlist;
