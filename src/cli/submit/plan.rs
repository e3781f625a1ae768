//! What is submitted, with which chain, and in which order.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use tnlog::certificate::{Certificate, CertificateError};
use tnlog::classify::Class;
use tnlog::client::issuers::IssuerPool;
use tnlog::client::submit::Chain;

use crate::input;

/// Where a certificate comes from. It is named by its position, since its content may be a person's.
#[derive(Clone)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// Its position in the file, from 0.
    pub position: usize,
    /// Whether others of the file are submitted too.
    pub in_a_bundle: bool,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.in_a_bundle { write!(f, ", certificate {}", self.position) } else { Ok(()) }
    }
}

/// A certificate to be submitted.
#[derive(Clone)]
pub struct Item {
    /// Where it comes from.
    pub place: Place,
    /// Its chain.
    pub chain: Chain,
}

/// All that is to be submitted.
pub struct Plan {
    /// CA certificates, those nearest to a root first: what they issued is taken only once they are logged.
    pub delegates: Vec<Item>,
    /// All others.
    pub others: Vec<Item>,
    /// What is no certificate.
    pub malformed: Vec<(Place, CertificateError)>,
    /// How many CA certificates only complete chains.
    pub left_out: usize,
}

/// Reads the files and completes the chains. A file that cannot be read ends everything, before anything was submitted.
///
/// # Errors
/// As [`input::certificates`].
pub fn plan(files: &[PathBuf], mut pool: IssuerPool, with_cas: bool) -> anyhow::Result<Plan> {
    let mut found = Vec::new();
    let mut malformed = Vec::new();
    let mut left_out = 0;
    for file in files {
        let parsed = input::certificates(file)?;
        let wanted = |certificate: &Arc<Certificate>| is_submitted(certificate, with_cas);
        let in_a_bundle = parsed.iter().filter(|parsed| parsed.as_ref().is_ok_and(wanted)).count() > 1;
        for (position, parsed) in parsed.into_iter().enumerate() {
            let place = Place { file: file.clone(), position, in_a_bundle };
            match parsed {
                Ok(certificate) => {
                    pool.add(certificate.clone());
                    if wanted(&certificate) {
                        found.push((place, certificate));
                    } else {
                        left_out += 1;
                    }
                }
                Err(error) => malformed.push((place, error)),
            }
        }
    }
    let complete =
        |(place, certificate)| Chain::new(pool.complete(certificate)).map(|chain| Item { place, chain });
    let items = found.into_iter().filter_map(complete);
    let (mut delegates, others): (Vec<_>, Vec<_>) = items.partition(|item| item.chain.certificate().is_ca());
    delegates.sort_by_key(|item| item.chain.certificates().len());
    Ok(Plan { delegates, others, malformed, left_out })
}

fn is_submitted(certificate: &Certificate, with_cas: bool) -> bool {
    let unlimited = matches!(certificate.class(), Ok(Class::UnlimitedCa));
    !certificate.is_ca() || with_cas || !unlimited
}
