//! tnlog

#[cfg(any(test, feature = "client"))]
pub mod synthetic;
