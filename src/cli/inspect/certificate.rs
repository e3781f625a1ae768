//! A certificate, readable.

use der::Decode;
use tnlog::certificate::Certificate;
use tnlog::classify::Class;
use tnlog::precertificate::{Poison, embedded_scts, poison};
use tnlog::tnauthlist::Scope;

use super::Shown;
use crate::output::{Report, hex, printable, time};

/// What it is, what it names, and where a log would put it. The serial number and fingerprints are shown whole: who has them
/// has the certificate.
pub fn report(certificate: &Certificate, shown: Shown) -> Report {
    let kind = match poison(certificate) {
        Poison::Absent => "certificate",
        Poison::Present => "precertificate",
        Poison::Bad => "certificate with a bad poison",
    };
    let role = if certificate.is_ca() { "CA " } else { "" };
    fields(Report::new(format!("A {role}{kind}")), certificate, shown)
}

/// The same as facts of something else.
pub fn fields(report: Report, certificate: &Certificate, shown: Shown) -> Report {
    let report = report
        .field("subject", name(certificate.subject(), shown))
        .field("issuer", name(certificate.issuer(), shown))
        .field("serial", hex(certificate.serial()))
        .field("not_before", time(certificate.not_before()))
        .field("not_after", time(certificate.not_after()))
        .field("key", certificate.public_key().algorithm.name())
        .field("signature", certificate.signature_algorithm().name())
        .field("sha256", hex(certificate.fingerprint()))
        .field("key_sha256", hex(certificate.spki_sha256()))
        .field_if("path_length", certificate.path_len());
    let report = match embedded_scts(certificate) {
        Ok(scts) if scts.is_empty() => report,
        Ok(scts) => report.field("embedded_scts", scts.len()),
        Err(error) => report.field("embedded_scts", error.to_string()),
    };
    class(report, certificate, shown)
}

fn class(report: Report, certificate: &Certificate, shown: Shown) -> Report {
    let class = match certificate.class() {
        Ok(class) => class,
        Err(rule) => return report.field("in_a_log", format!("refused ({}): {rule}", rule.slug())),
    };
    match class {
        Class::UnlimitedCa => {
            report.field("in_a_log", "in the open: it names nothing, and may issue for anything")
        }
        Class::Unreadable => report.field("in_a_log", "in the open: its TNAuthList does not decode"),
        Class::Names(Scope::Spcs(codes)) => report
            .field("service_provider_codes", codes.iter().map(ToString::to_string).collect::<Vec<_>>())
            .field("in_a_log", "in the open: it names service provider codes"),
        Class::Names(Scope::Blocks(blocks)) => report
            .field("blocks", blocks.iter().map(|block| shown.text(&block.to_string())).collect::<Vec<_>>())
            .field("in_a_log", "in the open: it names ranges"),
        Class::Names(Scope::Numbers(numbers)) => report
            .field("numbers", numbers.iter().map(|number| shown.digits(number.digits())).collect::<Vec<_>>())
            .field("in_a_log", "hidden: it names single numbers"),
    }
}

fn name(der: &[u8], shown: Shown) -> String {
    match x509_cert::name::Name::from_der(der) {
        Ok(name) => printable(&shown.text(&name.to_string())),
        Err(_) => "(does not decode)".into(),
    }
}
