//! Files of certificates: PEM, DER, gzipped PEM; and small files of all kinds.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use tnlog::certificate::{Certificate, CertificateError};
use tnlog::client::whole_file;
use tnlog::pem;
use tnlog::policy::Policy;

use crate::inspect;

/// The longest file that is read, and the longest that a gzipped one may become: 100,000 certificates.
const MAX_FILE: u64 = 512 * 1024 * 1024;

/// One certificate of a file, or why it is none.
pub type Parsed = Result<Arc<Certificate>, CertificateError>;

/// The whole of a file, or of standard input for `-`; unpacked when it is gzipped.
///
/// # Errors
/// When it cannot be read or is too long.
pub fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let about = || format!("{} cannot be read", path.display());
    let bytes = if path == Path::new("-") {
        limited(io::stdin().lock()).with_context(about)?
    } else {
        limited(File::open(path).with_context(about)?).with_context(about)?
    };
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return limited(flate2::read::MultiGzDecoder::new(&bytes[..]))
            .with_context(|| format!("{} is damaged gzip, or too long", path.display()));
    }
    Ok(bytes)
}

/// Reads a policy file.
///
/// # Errors
/// When it cannot be read, or is none.
pub fn policy(path: &Path) -> anyhow::Result<Policy> {
    let bytes = read(path)?;
    parsed(path, POLICY, &bytes, Policy::parse(&bytes))
}

/// What a policy is, and where one comes from.
pub const POLICY: &str = "a policy (`tnlog policy init URL` begins one)";

/// What the bytes of a file are parsed to; or else what the file is instead of what is `wanted`.
///
/// # Errors
/// When it is none.
pub fn parsed<T, E: std::error::Error + Send + Sync + 'static>(
    path: &Path,
    wanted: &str,
    bytes: &[u8],
    parsed: Result<T, E>,
) -> anyhow::Result<T> {
    parsed.map_err(|error| match what_it_is(bytes) {
        Some(found) => anyhow!("{} is {found}; wanted there: {wanted}", path.display()),
        None => anyhow!(error).context(format!("{} is not {wanted}", path.display())),
    })
}

/// What a file is that is not what was wanted, where that can be told, and what makes the wanted thing of it.
pub fn what_it_is(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim();
    if text.is_empty() {
        return Some("empty".into());
    }
    if text.starts_with("<!") || text.starts_with("<html") {
        return Some("a web page, as a download that failed leaves it".into());
    }
    if text.starts_with("-----BEGIN PUBLIC KEY-----") {
        return Some("a public key".into());
    }
    if text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
        return Some("a private key with a password (`openssl pkey -in FILE -out KEY` takes it off)".into());
    }
    let what = inspect::what(bytes)?;
    Some(what[..1].to_lowercase() + &what[1..])
}

fn limited(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(io::Error::other("it is longer than 512 MiB; split it"));
    }
    Ok(bytes)
}

/// The certificates of a file, in order: those of a PEM bundle, gzipped or not, or the one of a DER file.
///
/// # Errors
/// When it cannot be read, or there is none in it. A certificate that is malformed is no error of the file.
pub fn certificates(path: &Path) -> anyhow::Result<Vec<Parsed>> {
    let bytes = read(path)?;
    let ders = match std::str::from_utf8(&bytes) {
        Ok(text) => pem::decode(text).with_context(|| path.display().to_string())?,
        Err(_) if bytes.first() == Some(&0x30) => vec![bytes.clone()],
        Err(_) => split_text(&bytes).with_context(|| path.display().to_string())?,
    };
    if ders.is_empty() {
        let found = what_it_is(&bytes).map_or(String::new(), |found| format!(": it is {found}"));
        bail!("{} holds no certificate{found}. PEM, DER and gzipped PEM are read", path.display());
    }
    Ok(ders.into_iter().map(|der| Certificate::from_der(der).map(Arc::new)).collect())
}

/// PEM with other text around it that is not UTF-8.
fn split_text(bytes: &[u8]) -> Result<Vec<Vec<u8>>, pem::PemError> {
    pem::decode(bytes)
}

/// The certificates of several files, all of which must be good.
///
/// # Errors
/// As [`certificates`], and for each malformed certificate.
pub fn good_certificates(paths: &[PathBuf]) -> anyhow::Result<Vec<Arc<Certificate>>> {
    let mut all = Vec::new();
    for path in paths {
        for (position, parsed) in certificates(path)?.into_iter().enumerate() {
            let certificate =
                parsed.map_err(|error| anyhow!("{}, certificate {position}: {error}", path.display()))?;
            all.push(certificate);
        }
    }
    Ok(all)
}

/// Writes a file whole or not at all, readable by its owner alone: receipts and SCTs are as secret as the number.
///
/// # Errors
/// When it cannot be written.
pub fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    whole_file::replace(path, bytes, whole_file::PRIVATE)
        .with_context(|| format!("{} cannot be written", path.display()))
}
