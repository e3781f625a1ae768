//! Distinguished names.

use super::der;
use const_oid::ObjectIdentifier;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const COUNTRY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.6");
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
const TELEPHONE_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.20");

/// A distinguished name (RFC 5280 §4.1.2.4), one attribute in each relative distinguished name.
///
/// It has no `Debug`, since it may hold a telephone number.
#[derive(Clone, PartialEq, Eq)]
pub struct Name {
    encoded: Vec<Vec<u8>>,
}

impl Name {
    /// `C=US, O=<organization>, CN=<common_name>`, as SHAKEN certificates have it.
    pub fn new(organization: &str, common_name: &str) -> Self {
        Self { encoded: vec![attribute(COUNTRY, der::printable_string("US"))] }
            .with(ORGANIZATION, organization)
            .with(COMMON_NAME, common_name)
    }

    /// With a telephoneNumber attribute (2.5.4.20) at the end.
    pub fn telephone_number(mut self, number: &str) -> Self {
        self.encoded.push(attribute(TELEPHONE_NUMBER, der::printable_string(number)));
        self
    }

    /// With one more attribute, a UTF8String.
    pub fn with(mut self, kind: ObjectIdentifier, value: &str) -> Self {
        self.encoded.push(attribute(kind, der::utf8_string(value)));
        self
    }

    /// The RDNSequence, DER.
    pub fn to_der(&self) -> Vec<u8> {
        der::sequence(&self.encoded)
    }
}

fn attribute(kind: ObjectIdentifier, value: Vec<u8>) -> Vec<u8> {
    der::set(&[der::sequence(&[der::oid(kind), value])])
}
