//! The accepted roots: a folder of PEM files, read again when it changes.
//!
//! A line `# calling-codes: 1 44` before the certificate limits a root to numbers of those countries.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::pem_folder::{self, FolderError, PemFolder};
use crate::anchors::{Anchor, Anchors};
use crate::calling_code;
use crate::certificate::Certificate;
use crate::rule::Rule;

const CALLING_CODES: &str = "# calling-codes:";

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
/// [`FolderError::Io`].
pub fn add(folder: &Path, anchor: &Anchor) -> Result<PathBuf, FolderError> {
    pem_folder::add(folder, anchor.certificate.fingerprint(), &format(anchor))
}

/// Reads every `.pem` file of the folder, in the order of their names.
///
/// # Errors
/// [`FolderError`].
pub fn read(folder: &Path) -> Result<Vec<(PathBuf, Anchor)>, FolderError> {
    pem_folder::read(folder, parse)
}

/// The roots that a running log accepts.
pub struct Roots(PemFolder<Anchors>);

impl Roots {
    /// Reads the folder, which need not be there yet.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn open(folder: &Path) -> Result<Self, FolderError> {
        let roots = Roots(PemFolder::new(folder));
        roots.refresh()?;
        Ok(roots)
    }

    /// The roots.
    pub fn anchors(&self) -> Arc<Anchors> {
        self.0.current()
    }

    /// Reads the folder again if it changed; says whether it did.
    ///
    /// # Errors
    /// [`FolderError`]; the roots then stay what they were.
    pub fn refresh(&self) -> Result<bool, FolderError> {
        self.0.refresh(|folder| Ok(Anchors::new(read(folder)?.into_iter().map(|(_, anchor)| anchor))))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

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
            assert!(matches!(roots.refresh(), Err(FolderError::Malformed { .. })), "{bad:?}");
            assert_eq!(roots.anchors().iter().count(), 1);
        }
    }
}
