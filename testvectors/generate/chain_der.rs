//! Certificates for chain.json that are not DER, or not RFC 5280, in one place; and odd ones that are.

use const_oid::ObjectIdentifier;
use tnlog::synthetic::{Draft, Extension, Profile, der};

use crate::chains::Question;
use crate::world::{issuing, validity};

const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");

/// A name, what is odd, the carrier's certificate with that, and whether it is taken.
struct Odd(String, &'static str, Vec<u8>, bool);

pub fn questions() -> Vec<Question> {
    let all = [versions(), times(), names(), fields(), identifiers(), extensions(), known_extensions()];
    let question = |Odd(name, comment, certificate, taken)| {
        let chain = [vec![certificate], issuing().chain().to_vec()].concat();
        let question = Question::new(&format!("der-{name}"), comment, chain);
        if taken { question } else { question.refused_at("malformed-certificate", 0) }
    };
    all.into_iter().flatten().map(question).collect()
}

fn draft() -> Draft {
    issuing().draft(&Profile::carrier("706J", validity(), 1))
}

fn drafted(name: &str, comment: &'static str, taken: bool, change: impl FnOnce(&mut Draft)) -> Odd {
    let mut draft = draft();
    change(&mut draft);
    Odd(name.into(), comment, draft.sign(issuing().key()), taken)
}

/// With these fields behind the key.
fn assembled(name: &str, comment: &'static str, taken: bool, fields: &[Vec<u8>]) -> Odd {
    let draft = draft();
    let mut parts = vec![
        draft.version,
        draft.serial,
        draft.signature,
        draft.issuer,
        draft.validity,
        draft.subject,
        draft.spki,
    ];
    parts.extend_from_slice(fields);
    let tbs = der::sequence(&parts);
    let signature = der::bit_string(0, &issuing().key().sign(&tbs));
    Odd(name.into(), comment, der::sequence(&[tbs, draft.signature_algorithm, signature]), taken)
}

/// The field of extensions: those of the carrier and these.
fn field(more: &[Vec<u8>]) -> Vec<u8> {
    let mut extensions: Vec<_> = draft().extensions.iter().map(Extension::to_der).collect();
    extensions.extend_from_slice(more);
    der::explicit(3, &der::sequence(&extensions))
}

fn extended(name: &str, comment: &'static str, taken: bool, extension: Vec<u8>) -> Odd {
    assembled(name, comment, taken, &[field(&[extension])])
}

fn oid(content: &[u8]) -> Vec<u8> {
    der::tlv(6, content)
}

fn versions() -> Vec<Odd> {
    let version = |name: &str, comment, taken, version: Vec<u8>| {
        drafted(name, comment, taken, |draft| draft.version = version)
    };
    vec![
        version(
            "version-1-written",
            "version 1, which is the default and is not written",
            false,
            der::explicit(0, &der::integer(0)),
        ),
        version("version-2", "version 2, with extensions", true, der::explicit(0, &der::integer(1))),
        version("version-4", "version 4", false, der::explicit(0, &der::integer(3))),
        drafted("serial-empty", "a serial number of no octets", false, |draft| {
            draft.serial = der::integer_octets(&[])
        }),
        drafted("serial-padded", "a serial number with a zero octet too many", false, |draft| {
            draft.serial = der::integer_octets(&[0, 1]);
        }),
        drafted("serial-zero", "serial number 0", true, |draft| draft.serial = der::integer(0)),
    ]
}

fn times() -> Vec<Odd> {
    let time = |name: &str, comment, taken, tag: u8, text: &str| {
        let validity = der::sequence(&[der::tlv(tag, text.as_bytes()), der::time(u64::MAX)]);
        drafted(&format!("time-{name}"), comment, taken, |draft| draft.validity = validity)
    };
    vec![
        time("generalized-2023", "a GeneralizedTime before 2050", true, 0x18, "20231114221320Z"),
        time("generalized-2050", "a GeneralizedTime of 2050", true, 0x18, "20500101000000Z"),
        time("generalized-1969", "a second before 1970", false, 0x18, "19691231235959Z"),
        time("1970", "1970", true, 0x17, "700101000000Z"),
        time("1999", "1999", true, 0x17, "991231235959Z"),
        time("1969", "a UTCTime of 1969", false, 0x17, "691231235959Z"),
        time("1950", "a UTCTime of 1950", false, 0x17, "500101000000Z"),
        time("leap", "29 February 2024", true, 0x17, "240229000000Z"),
        time("no-leap", "29 February 2023", false, 0x17, "230229000000Z"),
        time("april", "31 April", false, 0x17, "230431000000Z"),
        time("month-0", "month 0", false, 0x17, "230014000000Z"),
        time("day-0", "day 0", false, 0x17, "230100000000Z"),
        time("hour-24", "hour 24", false, 0x17, "231114240000Z"),
        time("second-60", "second 60", false, 0x17, "231114221360Z"),
        time("no-seconds", "no seconds", false, 0x17, "2311142213Z"),
        time("no-zone", "no Z", false, 0x17, "231114221320"),
        time("offset", "an offset", false, 0x17, "231114221320+0000"),
        time("fraction", "a fraction of a second", false, 0x18, "20231114221320.5Z"),
        time("tag", "a time as text", false, 0x16, "231114221320Z"),
    ]
}

fn attribute(kind: Vec<u8>, value: Vec<u8>) -> Vec<u8> {
    der::sequence(&[kind, value])
}

fn names() -> Vec<Odd> {
    let subject = |name: &str, comment, taken, sets: &[Vec<u8>]| {
        let encoded = der::sequence(sets);
        drafted(&format!("name-{name}"), comment, taken, |draft| draft.subject = encoded)
    };
    let value = |value: Vec<u8>| der::set(&[attribute(der::oid(COMMON_NAME), value)]);
    let (short, long) = (
        attribute(der::oid(ORGANIZATION), der::utf8_string("x")),
        attribute(der::oid(COMMON_NAME), der::utf8_string("xx")),
    );
    let both = |first: &Vec<u8>, second: &Vec<u8>| [der::set(&[first.clone(), second.clone()])];
    let typed = |content: &[u8]| [der::set(&[attribute(oid(content), der::utf8_string("x"))])];
    vec![
        subject("empty", "an empty Name", true, &[]),
        subject("empty-set", "an empty RelativeDistinguishedName", false, &[der::set(&[])]),
        subject("set-ordered", "two attributes in one set, the shorter first", true, &both(&short, &long)),
        subject("set-unordered", "two attributes in one set in the wrong order", false, &both(&long, &short)),
        subject("set-twice", "an attribute twice in one set", false, &both(&short, &short)),
        subject(
            "third-field",
            "an attribute with a third field",
            false,
            &[der::set(&[der::sequence(&[der::oid(COMMON_NAME), der::utf8_string("x"), der::null()])])],
        ),
        subject(
            "value-cut",
            "a value that is a SEQUENCE with a cut element: content is not looked at",
            true,
            &[value(vec![0x30, 1, 5])],
        ),
        subject(
            "value-boolean",
            "a value that is a BOOLEAN 01: content is not looked at",
            true,
            &[value(vec![1, 1, 1])],
        ),
        subject(
            "value-universal",
            "a value that is a UniversalString",
            false,
            &[value(der::tlv(0x1c, b"\0\0\0x"))],
        ),
        subject(
            "value-constructed",
            "a value that is a constructed UTF8String",
            false,
            &[value(der::tlv(0x2c, &der::utf8_string("x")))],
        ),
        subject(
            "value-long-length",
            "a value with a length in two octets",
            false,
            &[value(vec![0x0c, 0x81, 1, b'x'])],
        ),
        subject(
            "value-high-tag",
            "a value with a tag in two octets",
            false,
            &[value(vec![0x9f, 0x1f, 1, b'x'])],
        ),
        subject("type-padded", "a type with a padded arc", false, &typed(&[0x55, 0x80, 0x04, 0x03])),
        subject("type-two-octets", "a type of two octets", false, &typed(&[0x55, 0x04])),
    ]
}

fn fields() -> Vec<Odd> {
    let id = |tag: u8, content: &[u8]| der::tlv(tag, content);
    let (first, second) = (id(0x81, &[0, 1]), id(0x82, &[0, 1]));
    let unused_key = drafted("key-unused", "a key with an unused bit", false, |draft| {
        let algorithm = draft.spki[2..23].to_vec();
        let point = draft.spki[26..].to_vec();
        draft.spki = der::sequence(&[algorithm, der::bit_string(1, &point)]);
    });
    let draft = draft();
    let signature = issuing().key().sign(&draft.tbs());
    let whole = |signature: Vec<u8>, more: &[Vec<u8>]| {
        let parts = [vec![draft.tbs(), draft.signature_algorithm.clone(), signature], more.to_vec()].concat();
        der::sequence(&parts)
    };
    vec![
        assembled(
            "unique-ids",
            "both unique identifiers",
            true,
            &[first.clone(), second.clone(), field(&[])],
        ),
        assembled(
            "unique-ids-order",
            "the unique identifiers in the wrong order",
            false,
            &[second.clone(), first.clone(), field(&[])],
        ),
        assembled(
            "unique-id-twice",
            "a unique identifier twice",
            false,
            &[first.clone(), first.clone(), field(&[])],
        ),
        assembled(
            "unique-id-unused",
            "a unique identifier with 8 unused bits",
            false,
            &[id(0x81, &[8, 1]), field(&[])],
        ),
        assembled(
            "unique-id-constructed",
            "a constructed unique identifier",
            false,
            &[id(0xa1, &[0, 1]), field(&[])],
        ),
        assembled("field-behind", "a field behind the extensions", false, &[field(&[]), der::null()]),
        assembled("extensions-twice", "two fields of extensions", false, &[field(&[]), field(&[])]),
        assembled(
            "extensions-empty",
            "an empty list of extensions",
            false,
            &[der::explicit(3, &der::sequence(&[]))],
        ),
        assembled(
            "extensions-two",
            "two lists in the field of extensions",
            false,
            &[der::tlv(0xa3, &[&field(&[])[4..], &[5, 0]].concat())],
        ),
        unused_key,
        Odd(
            "signature-unused".into(),
            "a signature with an unused bit",
            whole(der::bit_string(1, &signature), &[]),
            false,
        ),
        Odd(
            "fourth-field".into(),
            "a field behind the signature",
            whole(der::bit_string(0, &signature), &[der::null()]),
            false,
        ),
        drafted("algorithm-third", "an algorithm with a third field", false, |draft| {
            let oid = der::oid(const_oid::db::rfc5912::ECDSA_WITH_SHA_256);
            draft.signature = der::sequence(&[oid, der::null(), der::null()]);
            draft.signature_algorithm = draft.signature.clone();
        }),
    ]
}

fn identifiers() -> Vec<Odd> {
    let extension = |name: &str, comment, taken, content: &[u8]| {
        let extension = der::sequence(&[oid(content), der::octet_string(&[5, 0])]);
        extended(&format!("oid-{name}"), comment, taken, extension)
    };
    let long = |octets: usize| [vec![0x2a], vec![1; octets - 1]].concat();
    vec![
        extension("39", "an extension whose identifier has 39 octets", true, &long(39)),
        extension("40", "an extension whose identifier has 40 octets", false, &long(40)),
        extension("2-octets", "an extension whose identifier has two octets", false, &[0x2a, 1]),
        extension("arc-four", "an arc of four octets", true, &[0x2a, 0xff, 0xff, 0xff, 0x7f]),
        extension("arc-five", "an arc of five octets", false, &[0x2a, 0x81, 0x80, 0x80, 0x80, 0x00]),
        extension("padded", "an arc that begins with 0x80", false, &[0x2a, 0x80, 0x01]),
        extension("cut", "an arc without its end", false, &[0x2a, 1, 0x81]),
        extension("empty", "an identifier of no octets", false, &[]),
        extension("first-119", "2.39", true, &[119, 1, 1]),
        extension("first-120", "2.40", false, &[120, 1, 1]),
    ]
}

fn extensions() -> Vec<Odd> {
    let kind = der::oid(ObjectIdentifier::new_unwrap("1.2.3.4"));
    let value = der::octet_string(&[5, 0]);
    let of = |name: &str, comment, taken, fields: &[Vec<u8>]| {
        extended(&format!("extension-{name}"), comment, taken, der::sequence(fields))
    };
    vec![
        of(
            "critical",
            "a critical extension, which a log does not look at",
            true,
            &[kind.clone(), der::boolean(true), value.clone()],
        ),
        of("critical-01", "TRUE as 01", false, &[kind.clone(), vec![1, 1, 1], value.clone()]),
        of(
            "critical-false",
            "FALSE, which is the default and is not written",
            false,
            &[kind.clone(), der::boolean(false), value.clone()],
        ),
        of("value-constructed", "a constructed OCTET STRING", false, &[kind.clone(), der::tlv(0x24, &value)]),
        of("no-value", "no value", false, std::slice::from_ref(&kind)),
        of("fourth-field", "a field behind the value", false, &[kind.clone(), value.clone(), der::null()]),
        of("no-der", "a value that is no DER", true, &[kind, der::octet_string(&[0x30, 0x80])]),
    ]
}

fn known_extensions() -> Vec<Odd> {
    let with = |name: &str, comment, taken, oid: ObjectIdentifier, value: Vec<u8>| {
        drafted(name, comment, taken, |draft| {
            draft.extensions.retain(|extension| extension.oid != oid);
            draft.extensions.push(Extension::new(oid, value));
        })
    };
    let basic = |name: &str, comment, taken, fields: &[Vec<u8>]| {
        with(&format!("basic-{name}"), comment, taken, BASIC_CONSTRAINTS, der::sequence(fields))
    };
    let usage =
        |name: &str, comment, taken, value| with(&format!("usage-{name}"), comment, taken, KEY_USAGE, value);
    let purposes = |name: &str, comment, taken, value| {
        with(&format!("purposes-{name}"), comment, taken, EXTENDED_KEY_USAGE, value)
    };
    vec![
        basic("false", "CA FALSE, written: taken, for CAs write it", true, &[der::boolean(false)]),
        basic("01", "CA as 01", false, &[vec![1, 1, 1]]),
        basic("255", "a path length of 255", true, &[der::boolean(true), der::integer(255)]),
        basic("256", "a path length of 256", false, &[der::boolean(true), der::integer(256)]),
        basic(
            "padded",
            "a path length with a zero octet too many",
            false,
            &[der::boolean(true), der::integer_octets(&[0, 1])],
        ),
        basic("no-ca", "a path length and no CA", true, &[der::integer(0)]),
        basic("third-field", "a third field", false, &[der::boolean(true), der::integer(0), der::null()]),
        with(
            "basic-trailing",
            "a byte behind",
            false,
            BASIC_CONSTRAINTS,
            [der::sequence(&[]), vec![0]].concat(),
        ),
        usage("none", "no bits", true, der::bit_string(0, &[])),
        usage("zeros", "trailing zero bits", true, der::bit_string(0, &[0x80, 0])),
        usage("unused-set", "an unused bit that is set", false, der::bit_string(3, &[0xfc])),
        usage("unused-8", "8 unused bits", false, der::bit_string(8, &[0])),
        usage("unused-of-none", "an unused bit of no bits", false, der::bit_string(1, &[])),
        usage("empty", "no octets", false, der::tlv(3, &[])),
        usage("trailing", "a byte behind", false, [der::bit_string(7, &[0x80]), vec![0]].concat()),
        purposes("empty", "no purpose", false, der::sequence(&[])),
        purposes("padded", "a purpose with a padded arc", false, der::sequence(&[oid(&[0x2a, 0x80, 0x01])])),
        purposes("twice", "a purpose twice", true, der::sequence(&[oid(&[0x2a, 1, 1]), oid(&[0x2a, 1, 1])])),
        purposes("text", "a text for a purpose", false, der::sequence(&[der::utf8_string("x")])),
    ]
}
