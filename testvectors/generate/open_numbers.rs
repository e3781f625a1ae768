//! Numbers in the open, for classify.json: the rules for a value one by one, and what is walked.

use const_oid::ObjectIdentifier;
use serde_json::{Value, json};
use tnlog::synthetic::{Draft, Extension, JWT_CLAIM_CONSTRAINTS, Name, Profile, der};

use crate::case::{bad, good, hex};
use crate::certificates::carrier;
use crate::world::issuing;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ISDN: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.25");
const ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const SUBJECT: &str = "number-in-subject";
const ALT: &str = "number-in-subject-alternative-name";
const CLAIMS: &str = "number-in-claim-constraints";

/// A name, what is looked at, the value, and whether it holds a number.
type Look = (&'static str, &'static str, Vec<u8>, bool);

pub fn cases() -> Vec<Value> {
    let subjects = subjects().into_iter().map(|(name, comment, value, found)| {
        let certificate = drafted(|draft| draft.subject = value);
        case(name, comment, found.then_some(SUBJECT), &certificate)
    });
    let extended = |oid, value: Vec<u8>| issue(&carrier().extension(Extension::new(oid, value)));
    let alternatives = alternatives().into_iter().map(|(name, comment, value, found)| {
        case(name, comment, found.then_some(ALT), &extended(ALT_NAME, value))
    });
    let claims = claims().into_iter().map(|(name, comment, value, found)| {
        case(name, comment, found.then_some(CLAIMS), &extended(JWT_CLAIM_CONSTRAINTS, value))
    });
    subjects.chain(alternatives).chain(claims).collect()
}

fn issue(profile: &Profile) -> Vec<u8> {
    issuing().issue(profile).certificate().to_vec()
}

fn drafted(change: impl FnOnce(&mut Draft)) -> Vec<u8> {
    let mut draft = issuing().draft(&carrier());
    change(&mut draft);
    draft.sign(issuing().key())
}

fn case(name: &str, comment: &str, error: Option<&str>, certificate: &[u8]) -> Value {
    let fields = json!({"certificate": hex(certificate)});
    let slug = tnlog::certificate::Certificate::from_der(certificate)
        .expect("a certificate")
        .class()
        .map(|_| ())
        .map_err(|rule| rule.slug());
    assert_eq!(slug.err(), error, "{name}");
    match error {
        Some(error) => bad(name, error, comment, fields),
        None => {
            let mut fields = fields;
            (fields["class"], fields["names"], fields["entry_type"]) =
                ("spcs".into(), json!(["706J"]), 0.into());
            good(name, comment, fields)
        }
    }
}

fn name_of(value: Vec<u8>) -> Vec<u8> {
    der::sequence(&[der::set(&[der::sequence(&[der::oid(COMMON_NAME), value])])])
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

fn subjects() -> Vec<Look> {
    let text = |text: &str| name_of(der::utf8_string(text));
    let isdn = Name::new("x", "x").with(ISDN, "1").to_der();
    let oid_text = name_of(der::tlv(6, b"*+1703555"));
    vec![
        ("subject-bmp", "a number in UTF-16", name_of(der::tlv(0x1e, &utf16("+17035550123"))), true),
        ("subject-bmp-six", "six digits in UTF-16", name_of(der::tlv(0x1e, &utf16("+123456"))), false),
        ("subject-zero-bytes", "zero bytes between the digits", text("+1\u{0}703\u{0}5550123"), true),
        ("subject-isdn", "an internationaliSDNNumber attribute", isdn, true),
        ("subject-tel-digit", "tel: behind a digit", text("7tel:5"), false),
        ("subject-tel-hyphen", "tel: behind a hyphen", text("x-tel:5"), true),
        ("subject-tel-first", "tel: at the beginning", text("tel:"), true),
        ("subject-tel-umlaut", "tel: behind a letter that is not ASCII", text("ätel:"), true),
        ("subject-percent", "an encoded plus sign", text("%2B1703555"), true),
        ("subject-letter-between", "a letter ends the digits", text("+170355x5"), false),
        ("subject-comma-between", "a comma ends the digits", text("+170355,5"), false),
        ("subject-all-spaces", "every character that may stand between", text("+(1)7-0.3/5 55"), true),
        ("subject-arabic", "digits that are not ASCII", text("+١٧٠٣٥٥٥٠١٢٣"), false),
        ("subject-oid-text", "an OBJECT IDENTIFIER whose bytes read as a number", oid_text, true),
        ("subject-seven-in-a-row", "seven digits in a row in DER", text("1703555"), false),
        (
            "subject-no-der",
            "seven digits in a row in a value that is no DER",
            name_of(der::tlv(0x30, b"1703555")),
            true,
        ),
        ("subject-no-der-six", "six of them", name_of(der::tlv(0x30, b"170355")), false),
        (
            "subject-context",
            "within a constructed tag of context class",
            name_of(der::explicit(0, &der::utf8_string("+1703555"))),
            true,
        ),
    ]
}

fn alternatives() -> Vec<Look> {
    let uri = |text: &str| der::sequence(&[der::implicit(6, text.as_bytes())]);
    vec![
        ("alt-user-fifteen", "a user of fifteen digits", uri("sip:123456789012345@example.com"), true),
        ("alt-user-sixteen", "a user of sixteen digits", uri("sip:1234567890123456@example.com"), false),
        ("alt-user-letters", "a user of digits and letters", uri("sip:a17035550123@example.com"), false),
        ("alt-second-at", "digits between two @", uri("sip:a@17035550123@example.com"), false),
        ("alt-capitals", "a name of ENUM in capitals", uri("https://1.E164.ARPA/"), true),
        ("alt-empty", "no bytes", vec![], false),
        (
            "alt-two",
            "two elements in a row, the number in the second",
            [uri("x:x"), uri("tel:5")].concat(),
            true,
        ),
        (
            "alt-two-words",
            "two elements in a row: both are walked, and this is no word",
            [uri("x:x"), uri("a1703555@")].concat(),
            false,
        ),
    ]
}

fn claims() -> Vec<Look> {
    let text = |text: &str| der::sequence(&[der::utf8_string(text)]);
    let nested = |levels: usize, inner: Vec<u8>| (0..levels).fold(inner, |inner, _| der::sequence(&[inner]));
    let isdn = der::sequence(&[der::oid(ISDN)]);
    let first_then_broken = [der::utf8_string("17035550123"), vec![0x0c]].concat();
    vec![
        ("claim-fifteen", "a word of fifteen digits", text("123456789012345"), true),
        ("claim-spaced", "a number with spaces: as text", text("+1 703 555"), true),
        ("claim-tel", "tel: in claim constraints", text("tel:911"), true),
        ("claim-attribute", "an attribute type of a number, which counts in names alone", isdn, false),
        (
            "claim-universal",
            "a UniversalString is no DER here: its digits count in a row",
            der::sequence(&[der::tlv(0x1c, b"a1234567b")]),
            true,
        ),
        ("claim-utf8", "the same as UTF8String is a word with letters", text("a1234567b"), false),
        (
            "claim-high-tag",
            "a tag of two octets is no DER",
            der::sequence(&[vec![0x9f, 0x1f, 9], b"a1234567b".to_vec()]),
            true,
        ),
        ("claim-tel-no-der", "tel: in what is no DER", vec![0x30, 0x7f, b't', b'e', b'l', b':'], true),
        ("claim-spaced-no-der", "spaced digits in what is no DER", b"\x30\x7f+1 703 555".to_vec(), true),
        (
            "claim-words-no-der",
            "two words of six digits in what is no DER",
            b"\x30\x7f123456 123456".to_vec(),
            false,
        ),
        (
            "claim-before-broken",
            "a word before the place that is no DER",
            der::sequence(&[first_then_broken]),
            true,
        ),
        (
            "claim-depth-16-word",
            "a word with letters inside of 16",
            nested(16, der::utf8_string("a1234567")),
            false,
        ),
        ("claim-depth-17-word", "the same inside of 17", nested(17, der::utf8_string("a1234567")), true),
        (
            "claim-depth-17-empty",
            "an empty SEQUENCE as the 17th has nothing inside",
            nested(17, vec![]),
            false,
        ),
        (
            "claim-utf16",
            "zero bytes are removed in what is no DER",
            b"\x30\x7f\x001\x007\x000\x003\x005\x005\x005".to_vec(),
            true,
        ),
    ]
}
