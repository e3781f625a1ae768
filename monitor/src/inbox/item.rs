//! What is put into the inbox: a file of certificates, PEM or DER, whose SCTs are in the certificates (RFC 6962 §3.3) or beside the file,
//! as `tnlog submit` writes them: `<file>.sct`, and `<file>.scts/<sha256>.sct` for a bundle.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tnlog::certificate::Certificate;
use tnlog::client::api::AddChainResponse;
use tnlog::client::issuers::IssuerPool;
use tnlog::client::submit::{Chain, sct_of};
use tnlog::entry::SignedEntry;
use tnlog::precertificate::{certificate_tbs, embedded_scts};
use tnlog::sct::{Sct, SctKey};

/// The longest file, in bytes, and the most certificates that are looked at in it.
const MAX_FILE: u64 = 16 << 20;
const MAX_CERTIFICATES: usize = 1000;
/// The longest file of an SCT.
const MAX_SCT: u64 = 16 << 10;

/// An SCT and what it is said to sign. `Debug` is left out: it holds a certificate.
pub struct Signed {
    /// The SCT.
    pub sct: Sct,
    /// Its encoding.
    pub bytes: Vec<u8>,
    /// What is signed.
    pub entry: SignedEntry,
}

/// A file of certificates with its SCTs.
pub struct Item {
    /// The file, and what lies beside it.
    pub files: Vec<PathBuf>,
    signed: Vec<Signed>,
}

/// Whether a file or folder belongs to another file.
pub fn is_sct(name: &Path) -> bool {
    name.extension().is_some_and(|extension| extension == "sct" || extension == "scts")
}

impl Item {
    /// Reads a file. What is no certificate and no SCT is passed over.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn read(path: &Path) -> io::Result<Self> {
        let beside = |suffix: &str| {
            let mut name: OsString = path.into();
            name.push(suffix);
            PathBuf::from(name)
        };
        let (single, bundle) = (beside(".sct"), beside(".scts"));
        let bytes = read(path, MAX_FILE)?.unwrap_or_default();
        let ders = if bytes.first() == Some(&0x30) {
            vec![bytes]
        } else {
            tnlog::pem::decode(bytes).unwrap_or_default()
        };
        let certificates =
            ders.into_iter().take(MAX_CERTIFICATES).filter_map(|der| Certificate::from_der(der).ok());
        let certificates: Vec<_> = certificates.map(Arc::new).collect();
        let pool = IssuerPool::new(certificates.iter().cloned());
        let of_file = sct_in(&single)?;
        let mut signed = Vec::new();
        for certificate in certificates {
            let name: String = certificate.fingerprint().iter().map(|byte| format!("{byte:02x}")).collect();
            let of_bundle = sct_in(&bundle.join(name + ".sct"))?;
            let Some(chain) = Chain::new(pool.complete(certificate)) else { continue };
            signed.extend(embedded(&chain));
            let answers = of_file.clone().into_iter().chain(of_bundle);
            signed.extend(answers.filter_map(|sct| promised(sct, chain.identity()?)));
        }
        Ok(Item { files: vec![path.to_owned(), single, bundle], signed })
    }

    /// The SCTs that the log with this key signed for a certificate of the file. Costs a verification for each SCT that names it.
    pub fn of_log<'a>(&'a self, key: &'a SctKey) -> impl Iterator<Item = &'a Signed> {
        self.signed.iter().filter(move |signed| signed.sct.verify(&signed.entry, key).is_ok())
    }
}

fn promised(sct: Sct, entry: SignedEntry) -> Option<Signed> {
    Some(Signed { bytes: sct.encode().ok()?, sct, entry })
}

/// The SCTs in a certificate, which sign its precertificate. Those of other kinds of logs are not read.
fn embedded(chain: &Chain) -> Vec<Signed> {
    let certificate = chain.certificate();
    let (Ok(scts), Some(issuer)) = (embedded_scts(certificate), chain.certificates().get(1)) else {
        return Vec::new();
    };
    let tbs = certificate_tbs(certificate);
    let signed = |bytes: &[u8]| {
        let entry = SignedEntry::Precert { issuer_key_hash: *issuer.spki_sha256(), tbs: tbs.clone() };
        promised(Sct::decode(bytes).ok()?, entry)
    };
    scts.into_iter().filter_map(signed).collect()
}

/// The SCT in a file, in the JSON of `add-chain`; none when there is none.
fn sct_in(path: &Path) -> io::Result<Option<Sct>> {
    let Some(bytes) = read(path, MAX_SCT)? else { return Ok(None) };
    let answer = serde_json::from_slice::<AddChainResponse>(&bytes).ok();
    Ok(answer.and_then(|answer| sct_of(&answer).ok()))
}

/// A file; none when it is not there or too long.
fn read(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        file => file?,
    };
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}
