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
    if tag != Tag::ObjectIdentifier {
        return telephone::in_text(value);
    }
    let is = |oid: &ObjectIdentifier| oid.as_bytes() == value;
    [TELEPHONE_NUMBER, FACSIMILE_TELEPHONE_NUMBER, INTERNATIONALI_SDN_NUMBER].iter().any(is)
}

fn in_general_name(tag: Tag, value: &[u8]) -> bool {
    in_name(tag, value) || telephone::in_address(value)
}
