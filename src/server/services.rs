//! The accepted Resolution Services: a folder of PEM files, each a public key of one of them, read again when it changes.
//!
//! A line `# resolution-service: NAME` before the key says whose it is. A service with several keys has several files, and a
//! key is retired by deleting its file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use p256::pkcs8::{Document, LineEnding};
use sha2::{Digest, Sha256};

use super::pem_folder::{self, FolderError, PemFolder};
use crate::registration::{ResolutionServiceError, ResolutionServices};

const NAME: &str = "# resolution-service:";
const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const LABEL: &str = "PUBLIC KEY";

/// One key of a Resolution Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceKey {
    /// The name of the service.
    pub name: String,
    /// The DER of the SubjectPublicKeyInfo.
    pub spki: Vec<u8>,
}

impl ServiceKey {
    /// A key that can be accepted.
    ///
    /// # Errors
    /// [`ResolutionServiceError`].
    pub fn new(name: &str, spki: Vec<u8>) -> Result<Self, ResolutionServiceError> {
        ResolutionServices::default().add(name, &spki)?;
        Ok(ServiceKey { name: name.to_owned(), spki })
    }
}

/// The DER of the SubjectPublicKeyInfo in a PEM text, whatever stands before it.
///
/// # Errors
/// What is wrong with it.
pub fn parse_key(text: &str) -> Result<Vec<u8>, &'static str> {
    let begin = text.find(BEGIN).ok_or("it holds no public key in PEM (BEGIN PUBLIC KEY)")?;
    if text[begin + BEGIN.len()..].contains(BEGIN) {
        return Err("it holds more than one public key; give each a file of its own");
    }
    match Document::from_pem(text[begin..].trim_end()) {
        Ok((LABEL, document)) => Ok(document.as_bytes().to_vec()),
        _ => Err("its public key is not good PEM, or something follows it"),
    }
}

fn parse(text: &str) -> Result<ServiceKey, &'static str> {
    let name = text.lines().find_map(|line| line.strip_prefix(NAME));
    let name = name.ok_or("the line that says whose key it is (# resolution-service: NAME) is missing")?;
    ServiceKey::new(name.trim(), parse_key(text)?)
        .map_err(|_| "it does not hold a name and a key on P-256 or P-384 that a Resolution Service can have")
}

fn format(key: &ServiceKey) -> String {
    let document = Document::try_from(&key.spki[..]).expect("a key that was accepted is DER");
    let pem = document.to_pem(LABEL, LineEnding::LF).expect("a key that was accepted is short");
    format!("{NAME} {}\n{pem}", key.name)
}

/// Adds a key to the folder, durably; gives the path of its file. The same key of the same service is one file.
///
/// # Errors
/// [`FolderError::Io`].
pub fn add(folder: &Path, key: &ServiceKey) -> Result<PathBuf, FolderError> {
    let hash = Sha256::new_with_prefix(&key.spki).chain_update(&key.name).finalize().into();
    pem_folder::add(folder, &hash, &format(key))
}

/// Reads every `.pem` file of the folder, in the order of their names.
///
/// # Errors
/// [`FolderError`].
pub fn read(folder: &Path) -> Result<Vec<(PathBuf, ServiceKey)>, FolderError> {
    pem_folder::read(folder, parse)
}

fn read_all(folder: &Path) -> Result<ResolutionServices, FolderError> {
    let mut services = ResolutionServices::default();
    for (path, key) in read(folder)? {
        let added = services.add(&key.name, &key.spki);
        let why =
            "its Resolution Service has more than 8 keys: delete the files of those that are out of use";
        added.map_err(|_| FolderError::Malformed { path, why })?;
    }
    Ok(services)
}

/// The Resolution Services that a running log accepts.
pub struct Services(PemFolder<ResolutionServices>);

impl Services {
    /// Reads the folder, which need not be there.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn open(folder: &Path) -> Result<Self, FolderError> {
        let services = Services(PemFolder::new(folder));
        services.refresh()?;
        Ok(services)
    }

    /// The services.
    pub fn current(&self) -> Arc<ResolutionServices> {
        self.0.current()
    }

    /// Reads the folder again if it changed; says whether it did.
    ///
    /// # Errors
    /// [`FolderError`]; the services then stay what they were.
    pub fn refresh(&self) -> Result<bool, FolderError> {
        self.0.refresh(read_all)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::synthetic::KeyPair;

    fn key(name: &str, seed: u64) -> ServiceKey {
        ServiceKey::new(name, KeyPair::p256(seed).spki().to_vec()).unwrap()
    }

    #[test]
    fn keys_are_added_and_retired_without_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("services");
        let services = Services::open(&path).unwrap();
        assert_eq!(*services.current(), ResolutionServices::default());
        let first = add(&path, &key("rs.example.com", 1)).unwrap();
        add(&path, &key("rs.example.com", 2)).unwrap();
        add(&path, &key("https://other.example/rs?a", 1)).unwrap();
        assert!(services.refresh().unwrap() && !services.refresh().unwrap());
        let mut expected = ResolutionServices::default();
        read(&path).unwrap().iter().for_each(|(_, key)| expected.add(&key.name, &key.spki).unwrap());
        assert_eq!((read(&path).unwrap().len(), &*services.current()), (3, &expected));
        fs::remove_file(first).unwrap();
        assert!(services.refresh().unwrap());
        assert_ne!(*services.current(), expected);
    }

    #[test]
    fn a_file_that_is_no_key_of_a_service_is_refused_and_the_old_ones_stay() {
        let folder = tempfile::tempdir().unwrap();
        let services = Services::open(folder.path()).unwrap();
        add(folder.path(), &key("rs.example.com", 1)).unwrap();
        services.refresh().unwrap();
        let good = services.current();
        let text = format(&key("rs.example.com", 2));
        let (_, pem) = text.split_once('\n').unwrap();
        for bad in [
            "",
            pem,
            &format!("{NAME} \n{pem}"),
            &format!("{NAME} a b\n{pem}"),
            &format!("{text}{pem}"),
            &text.replace("PUBLIC", "PRIVATE"),
            &text[..text.len() - 60],
        ] {
            fs::write(folder.path().join("bad.pem"), bad).unwrap();
            assert!(matches!(services.refresh(), Err(FolderError::Malformed { .. })), "{bad:?}");
            assert_eq!(services.current(), good);
        }
        for seed in 10..20 {
            fs::write(folder.path().join("bad.pem"), &text).unwrap();
            add(folder.path(), &key("rs.example.com", seed)).unwrap();
        }
        assert!(matches!(services.refresh(), Err(FolderError::Malformed { .. })), "eleven keys");
    }
}
