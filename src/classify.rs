//! What a certificate names, and whether it may stand in the open: a pure function of the certificate alone, which the
//! log runs before it takes a certificate and an app runs again before it believes a receipt.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc4519::{FACSIMILE_TELEPHONE_NUMBER, INTERNATIONALI_SDN_NUMBER, TELEPHONE_NUMBER};
use der::Tag;

use crate::certificate::{
    AUTHORITY_INFO_ACCESS, Certificate, ENHANCED_JWT_CLAIM_CONSTRAINTS, JWT_CLAIM_CONSTRAINTS, STIR_TN_LIST,
    SUBJECT_ALT_NAME, TN_AUTH_LIST,
};
use crate::number::Number;
use crate::rule::Rule;
use crate::telephone;
use crate::tnauthlist::{self, Scope};

/// Digits in an unreadable TNAuthList from which on it may hold a number.
const DIGITS_OF_A_NUMBER: usize = 7;

/// What a certificate that the log takes is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Class {
    /// It names one kind of thing.
    Names(Scope),
    /// A CA without TNAuthList: it may issue for anything, and is logged in the open.
    UnlimitedCa,
    /// Its TNAuthList does not decode and is too short to hold a number: logged in the open, and marked by monitors.
    Unreadable,
}

impl Class {
    /// What it names, where that can be read.
    pub fn scope(&self) -> Option<&Scope> {
        match self {
            Class::Names(scope) => Some(scope),
            Class::UnlimitedCa | Class::Unreadable => None,
        }
    }

    /// The single numbers that it names; none when it is logged in the open.
    pub fn numbers(&self) -> &[Number] {
        match self {
            Class::Names(Scope::Numbers(numbers)) => numbers,
            _ => &[],
        }
    }

    /// Whether it names single numbers, so that its leaf is a `number_entry`.
    pub fn is_hidden(&self) -> bool {
        !self.numbers().is_empty()
    }
}

/// What `certificate` is. Prefer [`Certificate::class`], which keeps the answer.
///
/// # Errors
///
/// The [`Rule`] for which the log refuses it, whatever its chain.
pub fn classify(certificate: &Certificate) -> Result<Class, Rule> {
    if names_by_reference(certificate) {
        return Err(Rule::ByReference);
    }
    let class = match certificate.extension(&TN_AUTH_LIST) {
        Some(list) => class_of_list(list.value)?,
        None if certificate.is_ca() => Class::UnlimitedCa,
        None => return Err(Rule::NoTnAuthList),
    };
    if !class.is_hidden() {
        refuse_numbers_in_the_open(certificate)?;
    }
    Ok(class)
}

fn class_of_list(der: &[u8]) -> Result<Class, Rule> {
    match tnauthlist::decode(der) {
        Ok(entries) => Ok(Class::Names(Scope::from_entries(&entries)?)),
        Err(tnauthlist::Unreadable) => {
            let digits = der.iter().filter(|byte| byte.is_ascii_digit()).count();
            if digits >= DIGITS_OF_A_NUMBER { Err(Rule::UnreadableWithDigits) } else { Ok(Class::Unreadable) }
        }
    }
}

/// Looks for the bytes of the access method, so that an extension which does not decode hides none.
fn names_by_reference(certificate: &Certificate) -> bool {
    let method = STIR_TN_LIST.as_bytes();
    certificate
        .extension(&AUTHORITY_INFO_ACCESS)
        .is_some_and(|access| access.value.windows(method.len()).any(|window| window == method))
}

fn refuse_numbers_in_the_open(certificate: &Certificate) -> Result<(), Rule> {
    if holds(certificate.subject(), &in_name) {
        return Err(Rule::NumberInSubject);
    }
    let names = certificate.extension(&SUBJECT_ALT_NAME);
    if names.is_some_and(|names| holds(names.value, &in_general_name)) {
        return Err(Rule::NumberInAltName);
    }
    for oid in [JWT_CLAIM_CONSTRAINTS, ENHANCED_JWT_CLAIM_CONSTRAINTS] {
        let constraints = certificate.extension(&oid);
        if constraints
            .is_some_and(|constraints| holds(constraints.value, &|_, text| telephone::in_words(text)))
        {
            return Err(Rule::NumberInClaims);
        }
    }
    Ok(())
}

fn holds(der: &[u8], found: &dyn Fn(Tag, &[u8]) -> bool) -> bool {
    telephone::any_primitive(der, found).unwrap_or_else(|| telephone::in_bytes(der))
}

fn in_name(tag: Tag, value: &[u8]) -> bool {
    let is = |oid: &ObjectIdentifier| tag == Tag::ObjectIdentifier && oid.as_bytes() == value;
    telephone::in_text(value)
        || [TELEPHONE_NUMBER, FACSIMILE_TELEPHONE_NUMBER, INTERNATIONALI_SDN_NUMBER].iter().any(is)
}

fn in_general_name(tag: Tag, value: &[u8]) -> bool {
    in_name(tag, value) || telephone::in_address(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::{Authority, Extension, Name, Profile, TnEntry, Validity, der};

    const VALIDITY: Validity = Validity { not_before: 1_700_000_000, not_after: 1_800_000_000 };

    fn class(profile: Profile) -> Result<Class, Rule> {
        let issued = Authority::root("Root", 1, VALIDITY).issue(&profile);
        classify(&Certificate::from_der(issued.certificate()).unwrap())
    }

    fn carrier() -> Profile {
        Profile::carrier("706J", VALIDITY, 1)
    }

    #[test]
    fn what_a_certificate_names() {
        assert!(matches!(class(carrier()), Ok(Class::Names(Scope::Spcs(_)))));
        let blocks = class(Profile::ranges(&[("17035550000", 1000)], VALIDITY, 1)).unwrap();
        assert_eq!(blocks.scope(), Some(&Scope::Blocks(vec!["17035550xxx".parse().unwrap()])));
        let numbers = class(Profile::numbers(&["17035550123"], VALIDITY, 1)).unwrap();
        assert!(numbers.is_hidden() && !blocks.is_hidden());
        assert_eq!(numbers.numbers()[0].digits(), "17035550123");
        assert_eq!(class(Profile::authority("CA", None, VALIDITY, 1)), Ok(Class::UnlimitedCa));
    }

    /// Exactly seven digits in all, wherever they stand; fails when the count is of digits in a row.
    #[test]
    fn unreadable_lists() {
        let list = |texts: &[&str]| {
            let strings: Vec<_> = texts.iter().map(|text| der::printable_string(text)).collect();
            class(carrier().extension(Extension::new(TN_AUTH_LIST, der::sequence(&strings))))
        };
        // The tag of the SEQUENCE is the byte of the digit 0, and counts: the rule errs on the safe side.
        assert_eq!(list(&["12a345"]), Ok(Class::Unreadable));
        assert_eq!(list(&["123a", "b45c6"]), Err(Rule::UnreadableWithDigits));
    }

    #[test]
    fn a_certificate_that_is_hidden_may_hold_its_number() {
        let profile = Profile::numbers(&["17035550123"], VALIDITY, 1);
        assert!(class(profile.subject(Name::new("Somebody", "+17035550123"))).is_ok());
    }

    #[test]
    fn numbers_in_the_open() {
        let uri = |uri: &str| class(carrier().extension(Extension::alternative_uri(uri)));
        assert_eq!(uri("sip:17035550123@example.com"), Err(Rule::NumberInAltName));
        assert!(uri("https://example.com/706J").is_ok());
        let broken = Extension::new(SUBJECT_ALT_NAME, b"\x30\x7f1703555".to_vec());
        assert_eq!(class(carrier().extension(broken)), Err(Rule::NumberInAltName));
        let claim =
            |oid, value| class(carrier().extension(Extension::permitted_claim_value(oid, "rcd", value)));
        for oid in [JWT_CLAIM_CONSTRAINTS, ENHANCED_JWT_CLAIM_CONSTRAINTS] {
            assert_eq!(claim(oid, "{\"tn\":\"7035550123\"}"), Err(Rule::NumberInClaims));
            assert!(claim(oid, "Example Bank").is_ok());
        }
        let fax = const_oid::db::rfc4519::FACSIMILE_TELEPHONE_NUMBER;
        let subject = Name::new("Carrier", "SHAKEN").with(fax, "555");
        assert_eq!(class(carrier().subject(subject)), Err(Rule::NumberInSubject));
    }

    /// Also in an extension that does not decode, and beside a list by value.
    #[test]
    fn by_reference() {
        let reference = Extension::tn_auth_list_reference("https://example.com/list");
        assert_eq!(class(carrier().extension(reference.clone())), Err(Rule::ByReference));
        let cut =
            Extension::new(AUTHORITY_INFO_ACCESS, reference.value[..reference.value.len() - 5].to_vec());
        assert_eq!(class(carrier().extension(cut)), Err(Rule::ByReference));
        let numbers = carrier().entries(&[TnEntry::one("17035550123")]).extension(reference);
        assert_eq!(class(numbers), Err(Rule::ByReference));
        assert!(class(carrier().extension(Extension::ca_issuers("https://example.com/ca"))).is_ok());
    }
}
