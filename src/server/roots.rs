//! The accepted roots: a folder of PEM files, read again when it changes.
//!
//! A line `# calling-codes: 1 44` before the certificate limits a root to numbers of those countries.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::SystemTime;

use crate::anchors::{Anchor, Anchors};
use crate::calling_code;
use crate::certificate::Certificate;
use crate::rule::Rule;

const CALLING_CODES: &str = "# calling-codes:";

/// Why a root file is not usable.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// Reading or writing failed.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What failed.
        #[source]
        error: io::Error,
    },
    /// The file is no root file.
    #[error("{}: {why}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: &'static str,
    },
}

/// The text of a root file.
pub fn format(anchor: &Anchor) -> String {
    let codes = anchor.calling_codes.as_ref().map(|codes| {
        let codes: Vec<String> = codes.iter().map(u16::to_string).collect();
        format!("{CALLING_CODES} {}\n", codes.join(" "))
    });
    codes.unwrap_or_default() + &anchor.certificate.to_pem()
}

/// Reads the text of a root file: exactly one CA certificate.
///
/// # Errors
/// What is wrong with it.
pub fn parse(text: &str) -> Result<Anchor, &'static str> {
    let mut certificates =
        Certificate::from_pem_bundle(text).map_err(|_| "it is not a certificate in PEM")?;
    let certificate = certificates.pop().ok_or("it holds no certificate in PEM")?;
    if !certificates.is_empty() {
        return Err("it holds more than one certificate; `tnlog roots add` takes bundles apart");
    }
    check(&certificate)?;
    let calling_codes = text.lines().find_map(|line| line.strip_prefix(CALLING_CODES)).map(parse_codes);
    Ok(Anchor { certificate: Arc::new(certificate), calling_codes: calling_codes.transpose()? })
}

/// Whether a certificate can be a root. Roots are shown to everybody (`get-roots`), so they show no telephone number.
///
/// # Errors
/// What is wrong with it.
pub fn check(certificate: &Certificate) -> Result<(), &'static str> {
    if !certificate.is_ca() {
        return Err("its certificate is not a CA certificate, so nothing can chain to it");
    }
    match certificate.class() {
        Ok(class) if class.is_hidden() => {
            Err("its certificate names single telephone numbers, and roots are shown to everybody")
        }
        Ok(_) => Ok(()),
        Err(
            Rule::NumberInSubject | Rule::NumberInAltName | Rule::NumberInClaims | Rule::UnreadableWithDigits,
        ) => Err("its certificate holds a telephone number, or may, and roots are shown to everybody"),
        Err(_) => Err("its certificate has a TNAuthList that the log does not take"),
    }
}

/// Reads calling codes separated by spaces or commas.
///
/// # Errors
/// When one is not a country calling code, or there is none.
pub fn parse_codes(text: &str) -> Result<Vec<u16>, &'static str> {
    let words = text.split([' ', ',']).filter(|word| !word.is_empty());
    let mut codes = words
        .map(|word| word.trim_start_matches('+').parse().ok().filter(|code| calling_code::is_assigned(*code)))
        .collect::<Option<Vec<u16>>>()
        .ok_or("its calling codes are not all assigned country calling codes")?;
    codes.sort_unstable();
    codes.dedup();
    if codes.is_empty() { Err("its list of calling codes is empty") } else { Ok(codes) }
}

/// Adds a root to the folder, durably; gives the path of its file.
///
/// # Errors
/// [`RootsError::Io`].
pub fn add(folder: &Path, anchor: &Anchor) -> Result<PathBuf, RootsError> {
    let hex: String = anchor.certificate.fingerprint()[..16].iter().map(|b| format!("{b:02x}")).collect();
    let path = folder.join(format!("{hex}.pem"));
    let temporary = folder.join(format!(".{hex}.tmp"));
    let write = || {
        fs::create_dir_all(folder)?;
        let mut file = File::create(&temporary)?;
        file.write_all(format(anchor).as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(|error| RootsError::Io { path: path.clone(), error })?;
    Ok(path)
}

/// Reads every `.pem` file of the folder, in the order of their names.
///
/// # Errors
/// [`RootsError`].
pub fn read(folder: &Path) -> Result<Vec<(PathBuf, Anchor)>, RootsError> {
    let mut roots = Vec::new();
    for (path, _) in files(folder).map_err(|error| RootsError::Io { path: folder.to_owned(), error })? {
        let text = fs::read_to_string(&path).map_err(|error| RootsError::Io { path: path.clone(), error })?;
        let anchor = parse(&text).map_err(|why| RootsError::Malformed { path: path.clone(), why })?;
        roots.push((path, anchor));
    }
    Ok(roots)
}

/// Files and when they were changed: what tells that the folder must be read again.
type Listing = Vec<(PathBuf, Option<SystemTime>)>;

fn files(folder: &Path) -> io::Result<Listing> {
    let mut files = Listing::new();
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(files),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !hidden && path.extension().is_some_and(|extension| extension == "pem") {
            files.push((path, entry.metadata()?.modified().ok()));
        }
    }
    files.sort();
    Ok(files)
}

/// The roots that a running log accepts.
pub struct Roots {
    folder: PathBuf,
    current: RwLock<(Listing, Arc<Anchors>)>,
}

impl Roots {
    /// Reads the folder, which need not be there yet.
    ///
    /// # Errors
    /// [`RootsError`].
    pub fn open(folder: &Path) -> Result<Self, RootsError> {
        let roots = Roots { folder: folder.to_owned(), current: RwLock::default() };
        roots.refresh()?;
        Ok(roots)
    }

    /// The roots.
    pub fn anchors(&self) -> Arc<Anchors> {
        self.current.read().unwrap_or_else(std::sync::PoisonError::into_inner).1.clone()
    }

    /// Reads the folder again if it changed; says whether it did.
    ///
    /// # Errors
    /// [`RootsError`]; the roots then stay what they were.
    pub fn refresh(&self) -> Result<bool, RootsError> {
        let io = |error| RootsError::Io { path: self.folder.clone(), error };
        let listing = files(&self.folder).map_err(io)?;
        if self.current.read().unwrap_or_else(std::sync::PoisonError::into_inner).0 == listing {
            return Ok(false);
        }
        let anchors = Anchors::new(read(&self.folder)?.into_iter().map(|(_, anchor)| anchor));
        let mut current = self.current.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        *current = (listing, Arc::new(anchors));
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::{Authority, Name, Profile, TnEntry, Validity};

    #[test]
    fn a_root_that_names_a_number_is_refused() {
        use crate::synthetic::TnEntry;
        let root = Authority::root("Example Root", 1, Validity::days(1_700_000_000, 90));
        let delegate = root.delegate("A person", &[TnEntry::one("17035550123")], 2);
        let certificate = Certificate::from_der(delegate.certificate().to_vec()).unwrap();
        assert!(check(&certificate).is_err());
        assert!(check(&Certificate::from_der(root.certificate().to_vec()).unwrap()).is_ok());
    }

    fn anchor(seed: u64, calling_codes: Option<Vec<u16>>) -> Anchor {
        let root = Authority::root("Example Root", seed, Validity::days(1_700_000_000, 90));
        let certificate = Arc::new(Certificate::from_der(root.certificate().to_vec()).unwrap());
        Anchor { certificate, calling_codes }
    }

    #[test]
    fn a_root_that_is_added_is_seen_without_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("roots");
        let roots = Roots::open(&path).unwrap();
        assert_eq!(roots.anchors().iter().count(), 0);
        add(&path, &anchor(1, Some(vec![1, 44]))).unwrap();
        assert!(roots.refresh().unwrap());
        assert!(!roots.refresh().unwrap());
        let anchors = roots.anchors();
        assert_eq!(anchors.iter().next().unwrap().calling_codes, Some(vec![1, 44]));
        add(&path, &anchor(2, None)).unwrap();
        assert!(roots.refresh().unwrap());
        assert_eq!(roots.anchors().iter().count(), 2);
    }

    /// Fails without the match on the class in `check`.
    #[test]
    fn a_root_that_shows_a_number_is_none() {
        let validity = Validity::days(1_700_000_000, 90);
        let profile = || Profile::authority("Example Root", None, validity, 7);
        let parse_of = |profile| {
            let root = Authority::self_signed(profile);
            parse(&Certificate::from_der(root.certificate().to_vec()).unwrap().to_pem())
        };
        assert!(parse_of(profile()).is_ok());
        assert!(parse_of(profile().entries(&[TnEntry::spc("867J")])).is_ok());
        for (bad, why) in [
            (profile().entries(&[TnEntry::one("17035550123")]), "single telephone numbers"),
            (profile().subject(Name::new("Example", "+17035550123")), "holds a telephone number"),
            (profile().entries(&[TnEntry::spc("867J"), TnEntry::one("17035550123")]), "does not take"),
        ] {
            assert!(parse_of(bad).unwrap_err().contains(why), "{why}");
        }
    }

    #[test]
    fn a_file_that_is_no_root_is_refused_and_the_old_roots_stay() {
        let folder = tempfile::tempdir().unwrap();
        add(folder.path(), &anchor(1, None)).unwrap();
        let roots = Roots::open(folder.path()).unwrap();
        let pem = anchor(1, None).certificate.to_pem();
        for bad in [
            "",
            "nothing",
            &format!("{CALLING_CODES} 999\n{pem}"),
            &format!("{CALLING_CODES}\n{pem}"),
            &(pem.clone() + &pem),
        ] {
            fs::write(folder.path().join("bad.pem"), bad).unwrap();
            assert!(matches!(roots.refresh(), Err(RootsError::Malformed { .. })), "{bad:?}");
            assert_eq!(roots.anchors().iter().count(), 1);
        }
    }
}
