//! tnlog
