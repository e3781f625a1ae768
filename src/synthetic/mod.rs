//! Issues every synthetic certificate of the project: for the demonstration, the tests, the load generator and the
//! simulation.
//!
//! The certificates look like those of the STIR/SHAKEN world (size, names, extensions) and name carriers, numbers or
//! ranges; precertificates, delegate CAs (RFC 9060) and every [`Malformation`] are made too. Everything follows from
//! seeds: the same calls give the same bytes, on every machine. **Nothing here is secret**, and no root that is made
//! here should ever be trusted by something that matters.
//!
//! It is not a CA: it checks nothing, keeps no record of what it issued, and revokes nothing.
//!
//! ```
//! use tnlog::synthetic::{Authority, Profile, Validity};
//!
//! let validity = Validity::days(1_700_000_000, 90);
//! let root = Authority::root("Example Root", 1, validity);
//! let issuer = root.subordinate("Example Issuing CA", None, 1);
//! let issued = issuer.issue(&Profile::numbers(&["17035550123"], validity, 1));
//! assert_eq!(issued.chain().len(), 3);
//! ```

mod authority;
mod certificate;
pub mod der;
mod draws;
mod extension;
mod key;
mod malformation;
mod name;
mod profile;
mod recipe;
#[cfg(test)]
mod tests;

pub use authority::{Authority, Issued, Precertificate};
pub use certificate::Draft;
pub use draws::Draws;
pub use extension::{
    ENHANCED_JWT_CLAIM_CONSTRAINTS, Extension, JWT_CLAIM_CONSTRAINTS, KeyUsage, POISON, SCT_LIST,
    TN_AUTH_LIST,
};
pub use key::KeyPair;
pub use malformation::Malformation;
pub use name::Name;
pub use profile::{Profile, TnEntry, Validity};

/// The `n`th number that belongs to nobody: below 80,000 one of the reserved fictional `555-01xx` of the area codes
/// 200 to 999 in North America, above one of the unassigned area code 555. Distinct for `n` below five million.
pub fn fictional_number(n: u32) -> String {
    match n {
        0..80_000 => format!("1{:03}55501{:02}", 200 + n / 100, n % 100),
        _ => format!("1555{:07}", n % 10_000_000),
    }
}
