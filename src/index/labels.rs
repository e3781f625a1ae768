//! Which labels a leaf carries: a function of the leaf alone, and total, so that everybody builds the same index.
//!
//! An entry about numbers says its labels. For an open entry the TNAuthList is looked for in the TBSCertificate, by a plain walk
//! over its DER, and its service provider codes or blocks are the labels. The walk is more forgiving than the parser of
//! certificates: what no app accepts is still found under the label that it claims.

use crate::entry::{Entry, Leaf, SignedEntry};
use crate::label::Label;
use crate::tls::Reader;
use crate::tnauthlist::{self, Scope};

/// The content of the OBJECT IDENTIFIER 1.3.6.1.5.5.7.1.26.
const TN_AUTH_LIST: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 0x1a];
const SEQUENCE: u8 = 0x30;
const OBJECT_IDENTIFIER: u8 = 6;
const OCTET_STRING: u8 = 4;
const EXTENSIONS: u8 = 0xa3;

/// The labels of a leaf, in byte order, none twice; none of parameters, and of what names nothing that can be read. Some
/// microseconds.
pub fn labels_of(leaf: &Leaf) -> Vec<Label> {
    match &leaf.entry {
        Entry::Parameters(_) => Vec::new(),
        entry @ (Entry::Number(_) | Entry::Registration(_) | Entry::KeyStatement(_)) => {
            entry.number_labels().to_vec()
        }
        Entry::Open(SignedEntry::X509(der)) => {
            let tbs = sequence(der).and_then(|fields| first(fields, SEQUENCE));
            tbs.and_then(labels_of_tbs).unwrap_or_default()
        }
        Entry::Open(SignedEntry::Precert { tbs, .. }) => {
            sequence(tbs).and_then(labels_of_tbs).unwrap_or_default()
        }
    }
}

/// The labels of a leaf's bytes: none when they are no leaf.
pub fn labels_of_bytes(leaf: &[u8]) -> Vec<Label> {
    Leaf::decode(leaf).map(|leaf| labels_of(&leaf)).unwrap_or_default()
}

/// From the fields of a TBSCertificate.
fn labels_of_tbs(fields: &[u8]) -> Option<Vec<Label>> {
    let extensions = values(fields)?.into_iter().find(|(tag, _)| *tag == EXTENSIONS)?.1;
    let extensions = values(sequence(extensions)?)?;
    let list =
        extensions.into_iter().filter(|(tag, _)| *tag == SEQUENCE).find_map(|(_, e)| tn_auth_list(e))?;
    let entries = tnauthlist::decode(list).ok()?;
    let mut labels: Vec<Label> = match Scope::from_entries(&entries).ok()? {
        Scope::Spcs(codes) => codes.iter().map(Label::of_service_provider_code).collect(),
        Scope::Blocks(blocks) => blocks.iter().map(Label::of_block).collect(),
        Scope::Numbers(_) => Vec::new(),
    };
    labels.sort_unstable();
    labels.dedup();
    Some(labels)
}

/// The value of an extension, if it is the TNAuthList.
fn tn_auth_list(extension: &[u8]) -> Option<&[u8]> {
    let fields = values(extension)?;
    match (fields.first()?, fields.last()?) {
        ((OBJECT_IDENTIFIER, TN_AUTH_LIST), (OCTET_STRING, value)) => Some(value),
        _ => None,
    }
}

/// The content of the SEQUENCE that `der` is.
fn sequence(der: &[u8]) -> Option<&[u8]> {
    match values(der)?[..] {
        [(SEQUENCE, content)] => Some(content),
        _ => None,
    }
}

/// The content of the first of the values in `der`, if it has this tag.
fn first(der: &[u8], wanted: u8) -> Option<&[u8]> {
    values(der)?.first().filter(|(tag, _)| *tag == wanted).map(|(_, content)| *content)
}

/// All values of `der`, one behind the other, with their tags: one byte each, below 31 in its low five bits, and
/// lengths in shortest form.
fn values(der: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut reader = Reader::new(der);
    let mut values = Vec::new();
    while !reader.is_empty() {
        let [tag, length] = reader.array().ok()?;
        if tag & 0x1f == 0x1f {
            return None;
        }
        let length = match length {
            0..=0x7f => u64::from(length),
            0x81 => reader.uint(1).ok().filter(|length| *length >= 0x80)?,
            0x82 => reader.uint(2).ok().filter(|length| *length >= 0x100)?,
            _ => return None,
        };
        values.push((tag, reader.take(length as usize).ok()?));
    }
    Some(values)
}
