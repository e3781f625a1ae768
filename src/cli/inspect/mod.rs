//! `tnlog inspect`: says what a file is, and prints it readable.

mod certificate;
mod log;
mod secret;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use tnlog::certificate::Certificate;
use tnlog::client::api::AddChainResponse;
use tnlog::client::submit::sct_of;
use tnlog::entry::Leaf;
use tnlog::note::{Note, VerifierKey};
use tnlog::pem;
use tnlog::policy::Policy;
use tnlog::proof::TlogProof;
use tnlog::sct::Sct;

use crate::output::Report;
use crate::registration::Draft;
use crate::{input, output};

/// Say what a file is, and print it readable
///
/// Knows certificates and precertificates (PEM, DER, gzipped PEM), SCTs (JSON of add-chain, or binary), receipts and parameters
/// (.tlog-proof), drafts of registrations, leaves, checkpoints, policies, verifier keys, and private keys, which it never prints. Nothing is
/// verified by it. Of telephone numbers it shows the last two digits, and of openings that they are there. Look at a draft before you sign it.
#[derive(clap::Args)]
#[command(after_help = concat!(
    "Example:\n  tnlog inspect chain.pem\n  curl -s https://log.example.com/checkpoint | tnlog inspect -\n\n",
    "Exit codes: 0 it is something, 1 it is nothing that is known here or cannot be read, 64 wrong usage"
))]
pub struct Args {
    /// The files; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Show whole telephone numbers
    #[arg(long)]
    show_numbers: bool,
    /// Print JSON, a line for each thing
    #[arg(long)]
    json: bool,
}

/// What may be shown.
#[derive(Clone, Copy)]
pub struct Shown {
    numbers: bool,
}

impl Shown {
    /// A text in which every run of four digits or more is cut down to its last two.
    fn text(self, text: &str) -> String {
        if self.numbers {
            return text.to_owned();
        }
        let mut shown = String::new();
        let mut rest = text;
        while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
            let digits = rest[start..].bytes().take_while(u8::is_ascii_digit).count();
            shown.push_str(&rest[..start]);
            shown.push_str(&self.digits(&rest[start..start + digits]));
            rest = &rest[start + digits..];
        }
        shown + rest
    }

    fn digits(self, digits: &str) -> String {
        match digits.len() {
            length if length >= 4 && !self.numbers => "*".repeat(length - 2) + &digits[length - 2..],
            _ => digits.to_owned(),
        }
    }
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let shown = Shown { numbers: args.show_numbers };
    for path in &args.files {
        let bytes = input::read(path)?;
        let reports = recognise(&bytes, shown);
        if reports.is_empty() {
            bail!(
                "{} is nothing that is known here{}: no certificate, SCT, receipt, draft, leaf, checkpoint, policy or key",
                path.display(),
                input::what_it_is(&bytes).map_or(String::new(), |found| format!(" (it is {found})")),
            );
        }
        for report in reports {
            report.print(args.json)?;
        }
    }
    Ok(output::FINE.into())
}

/// What the bytes of a file are, in a few words; none when that is not known here.
pub fn what(bytes: &[u8]) -> Option<String> {
    recognise(bytes, Shown { numbers: false }).first().map(|report| report.what().to_owned())
}

fn recognise(bytes: &[u8], shown: Shown) -> Vec<Report> {
    let text = std::str::from_utf8(bytes).ok();
    if let Some(text) = text.filter(|text| text.contains("-----BEGIN CERTIFICATE-----")) {
        return pem_bundle(text, shown);
    }
    let report = text.and_then(|text| recognise_text(text, shown)).or_else(|| recognise_binary(bytes, shown));
    report.into_iter().collect()
}

fn pem_bundle(text: &str, shown: Shown) -> Vec<Report> {
    let ders = match pem::decode(text) {
        Ok(ders) => ders,
        Err(error) => return vec![Report::new("A damaged PEM bundle").field("error", error.to_string())],
    };
    let report = |der: Vec<u8>| match Certificate::from_der(der) {
        Ok(certificate) => certificate::report(&certificate, shown),
        Err(error) => Report::new("A malformed certificate").field("error", error.to_string()),
    };
    ders.into_iter().map(report).collect()
}

fn recognise_text(text: &str, shown: Shown) -> Option<Report> {
    if let Some(report) = secret::recognise(text.trim()) {
        return Some(report);
    }
    if let Ok(proof) = TlogProof::parse(text.as_bytes()) {
        return Some(log::proof(&proof, shown));
    }
    if let Ok(answer) = serde_json::from_str::<AddChainResponse>(text) {
        return Some(match sct_of(&answer) {
            Ok(sct) => log::sct(&sct),
            Err(error) => Report::new("A malformed SCT").field("error", error.to_string()),
        });
    }
    if let Some(draft) = Draft::parse(text.as_bytes()) {
        return Some(log::draft(&draft, shown));
    }
    if let Ok(note) = Note::parse(text.as_bytes()) {
        return Some(log::note(&note));
    }
    if let Ok(key) = text.trim().parse::<VerifierKey>() {
        return Some(log::key(&key));
    }
    Policy::parse(text.as_bytes()).ok().map(|policy| log::policy(&policy))
}

fn recognise_binary(bytes: &[u8], shown: Shown) -> Option<Report> {
    if let Ok(certificate) = Certificate::from_der(bytes) {
        return Some(certificate::report(&certificate, shown));
    }
    if let Ok(leaf) = Leaf::decode(bytes) {
        return Some(log::leaf(&leaf, shown));
    }
    Sct::decode(bytes).ok().map(|sct| log::sct(&sct))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_digits_the_last_two_are_shown() {
        let hidden = Shown { numbers: false };
        assert_eq!(hidden.text("tel:+17035550123;ext=12"), "tel:+*********23;ext=12");
        assert_eq!(hidden.text("Carrier 706J, 2026"), "Carrier 706J, **26");
        assert_eq!(hidden.text("none"), "none");
        assert_eq!(Shown { numbers: true }.text("+17035550123"), "+17035550123");
    }
}
