//! classify.json and precertificate.json.

use const_oid::ObjectIdentifier;
use serde_json::{Value, json};
use tnlog::admission::Kind;
use tnlog::classify::Class;
use tnlog::precertificate::certificate_tbs;
use tnlog::synthetic::{
    Authority, Draft, ENHANCED_JWT_CLAIM_CONSTRAINTS, Extension, JWT_CLAIM_CONSTRAINTS, Name, Profile,
    TN_AUTH_LIST, TnEntry, der,
};
use tnlog::tnauthlist::Scope;

use crate::case::{File, bad, good, hex, hexes};
use crate::world::{admitted, certificate, issuing, root, validity};

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const FACSIMILE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.23");
const KEY_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.35");
const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");

/// What a certificate names, as the vectors write it.
pub fn named(class: &Class) -> (&'static str, Vec<String>) {
    match class {
        Class::Names(Scope::Spcs(codes)) => {
            ("spcs", codes.iter().map(|code| code.as_str().to_owned()).collect())
        }
        Class::Names(Scope::Blocks(blocks)) => ("blocks", blocks.iter().map(ToString::to_string).collect()),
        Class::Names(Scope::Numbers(numbers)) => {
            ("numbers", numbers.iter().map(|number| number.digits().to_owned()).collect())
        }
        Class::UnlimitedCa => ("unlimited-ca", vec![]),
        Class::Unreadable => ("unreadable", vec![]),
    }
}

pub fn carrier() -> Profile {
    Profile::carrier("706J", validity(), 1)
}

fn called(common_name: &str) -> Profile {
    carrier().subject(Name::new("Synthetic Carrier", common_name))
}

fn list(strings: &[&str]) -> Extension {
    let strings: Vec<_> = strings.iter().map(|text| der::printable_string(text)).collect();
    Extension::new(TN_AUTH_LIST, der::sequence(&strings))
}

fn email(address: &str) -> Extension {
    Extension::new(SUBJECT_ALT_NAME, der::sequence(&[der::implicit(1, address.as_bytes())]))
}

/// `levels` SEQUENCEs around a string.
fn nested(levels: usize, text: &str) -> Extension {
    let inner = (0..levels).fold(der::utf8_string(text), |inner, _| der::sequence(&[inner]));
    Extension::new(JWT_CLAIM_CONSTRAINTS, inner)
}

pub fn classify() -> File {
    let mut cases = classes();
    cases.extend(refusals());
    cases.extend(crate::open_numbers::cases());
    File::new(
        "classify",
        "What a certificate names, and for which rule it is refused whatever its chain (formats.md §11).",
        cases,
    )
}

fn classes() -> Vec<Value> {
    let ca = |entries: &[TnEntry]| Profile::authority("Delegate CA", None, validity(), 1).entries(entries);
    let claim = |text: &str| {
        carrier().extension(Extension::permitted_claim_value(JWT_CLAIM_CONSTRAINTS, "orig", text))
    };
    [
        ("spc", carrier(), "spcs", "a carrier, as every real SHAKEN certificate"),
        ("spcs", carrier().entries(&[TnEntry::spc("b2"), TnEntry::spc("A1")]), "spcs", "two codes"),
        ("blocks", Profile::ranges(&[("17035550100", 100)], validity(), 1), "blocks", "a range"),
        ("number", Profile::numbers(&["17035550123"], validity(), 1), "numbers", "a number"),
        ("numbers", Profile::numbers(&["17035550124", "12025550100"], validity(), 1), "numbers", "two numbers"),
        ("ca", Profile::authority("Any CA", None, validity(), 1), "unlimited-ca", "a CA without a TNAuthList"),
        ("ca-number", ca(&[TnEntry::one("17035550123")]), "numbers", "a delegate CA"),
        ("ca-spc", ca(&[TnEntry::spc("706J")]), "spcs", "a CA of a carrier"),
        ("unreadable", carrier().extension(list(&["706J"])), "unreadable", "strings without tags, as real CAs have written"),
        ("number-in-its-own-subject", Profile::numbers(&["17035550123"], validity(), 1).subject(Name::new("S", "+17035550123")), "numbers", "hidden as a whole, so its subject may hold the number"),
        ("plus-six-digits", called("Floor +123456"), "spcs", "six digits are no number"),
        ("digits-without-plus", called("7035550123"), "spcs", "a text of digits is no number without its plus sign"),
        ("hotel", called("Grand Hotel: 24 h"), "spcs", "tel: behind a letter"),
        ("uuid-host", carrier().extension(Extension::alternative_uri("https://12345678.example.com/")), "spcs", "digits in a host name"),
        ("short-user", carrier().extension(Extension::alternative_uri("sip:123456@example.com")), "spcs", "six digits before the @"),
        ("claim-six", claim("123456"), "spcs", "six digits in claim constraints"),
        ("claim-sixteen", claim("1234567890123456"), "spcs", "sixteen digits in claim constraints"),
        ("claim-mixed", claim("0f12345678"), "spcs", "digits in a word with letters"),
        ("claim-depth-16", carrier().extension(nested(16, "ab12345678")), "spcs", "16 levels are walked"),
    ]
    .into_iter()
    .map(|(name, profile, class, comment)| {
        let issued = issuing().issue(&profile);
        let found = certificate(issued.certificate());
        let (found, names) = named(found.class().expect("a class"));
        assert_eq!(found, class, "{name}");
        let entry_type = if class == "numbers" { 0x5401 } else { 0 };
        good(name, comment, json!({"certificate": hex(issued.certificate()), "class": class, "names": names, "entry_type": entry_type}))
    })
    .collect()
}

fn refusals() -> Vec<Value> {
    let claim = |oid, text: &str| carrier().extension(Extension::permitted_claim_value(oid, "orig", text));
    let holder = |entries: &[TnEntry]| carrier().entries(entries);
    let reference = carrier().extension(Extension::tn_auth_list_reference("https://example.com/tnauthlist"));
    let fax = carrier().subject(Name::new("Synthetic Carrier", "x").with(FACSIMILE, "123"));
    let percent = Extension::alternative_uri("sip:%2B1-703-555-0123@example.com");
    let directory = Name::new("x", "x").telephone_number("1");
    let mut broken = Extension::alternative_uri("x:12345678");
    broken.value.push(0x30);
    let (subject, alt, claims) =
        ("number-in-subject", "number-in-subject-alternative-name", "number-in-claim-constraints");
    [
        (
            "end-entity",
            "no-tnauthlist",
            Profile::end_entity(Name::new("x", "x"), validity(), 1),
            "no TNAuthList",
        ),
        ("reference", "tnauthlist-by-reference", reference, "beside one by value"),
        (
            "unreadable-seven",
            "unreadable-tnauthlist-with-digits",
            carrier().extension(list(&["17035550123"])),
            "a number in an unreadable list",
        ),
        (
            "unreadable-tags",
            "unreadable-tnauthlist-with-digits",
            carrier().extension(list(&["123456"])),
            "six digits, and the tag 0x30",
        ),
        (
            "mixed",
            "mixed-kinds",
            holder(&[TnEntry::spc("706J"), TnEntry::one("17035550123")]),
            "a code and a number",
        ),
        ("bad-spc", "bad-service-provider-code", holder(&[TnEntry::spc("70-6J")]), "a hyphen in a code"),
        ("bad-number", "bad-number", holder(&[TnEntry::one("07035550123")]), "national format"),
        ("nine", "range-under-ten", holder(&[TnEntry::range("17035550100", 9)]), "nine numbers"),
        (
            "longer",
            "range-lengths-differ",
            holder(&[TnEntry::range("99999999990", 11)]),
            "the last number is longer",
        ),
        ("subject-plus", subject, called("+1 (703) 555-0123"), "spaced"),
        ("subject-tel", subject, called("x;TEL:911"), "tel: in capitals"),
        (
            "subject-attribute",
            subject,
            carrier().subject(Name::new("x", "x").telephone_number("123")),
            "a telephoneNumber attribute, whatever it holds",
        ),
        ("subject-fax", subject, fax, "a facsimileTelephoneNumber attribute"),
        (
            "subject-second-name",
            subject,
            carrier().subject(Name::new("x", "x").with(COMMON_NAME, "+17035550123")),
            "the second of two common names",
        ),
        ("alt-tel", alt, carrier().extension(Extension::alternative_uri("tel:+17035550123")), "a tel: URI"),
        (
            "alt-sip",
            alt,
            carrier().extension(Extension::alternative_uri("sip:17035550123@example.com")),
            "a user of digits",
        ),
        ("alt-percent", alt, carrier().extension(percent), "a plus sign, encoded"),
        ("alt-email", alt, carrier().extension(email("17035550123@example.com")), "an e-mail address"),
        (
            "alt-enum",
            alt,
            carrier().extension(Extension::alternative_uri("https://3.2.1.0.5.5.5.e164.arpa/")),
            "a name of ENUM",
        ),
        (
            "alt-directory",
            alt,
            carrier().extension(Extension::alternative_name(&directory)),
            "a directory name with a telephoneNumber",
        ),
        ("alt-broken", alt, carrier().extension(broken), "no DER, so that digits count wherever they stand"),
        ("claim", claims, claim(JWT_CLAIM_CONSTRAINTS, "17035550123"), "in JWTClaimConstraints"),
        (
            "claim-enhanced",
            claims,
            claim(ENHANCED_JWT_CLAIM_CONSTRAINTS, "17035550123"),
            "in EnhancedJWTClaimConstraints",
        ),
        ("claim-seven", claims, claim(JWT_CLAIM_CONSTRAINTS, "dest:5550123"), "a word of seven digits"),
        (
            "claim-depth-17",
            claims,
            carrier().extension(nested(17, "ab12345678")),
            "nested deeper than 16, so that digits count wherever they stand",
        ),
        (
            "order",
            subject,
            claim(JWT_CLAIM_CONSTRAINTS, "17035550123").subject(Name::new("x", "+17035550123")),
            "the subject is looked at first",
        ),
    ]
    .into_iter()
    .map(|(name, error, profile, comment)| {
        bad(name, error, comment, json!({"certificate": hex(issuing().issue(&profile).certificate())}))
    })
    .collect()
}

pub fn precertificate() -> File {
    let scts = [vec![0x01, 0x02, 0x03], vec![0x04]];
    let plain = |name: &str, comment: &str, profile: Profile| {
        let ca = issuing();
        let pre = ca.issue_precertificate(&profile);
        pair(
            name,
            comment,
            &pre.issued().chain(),
            ca.finalize(&pre, &scts).expect("short SCTs").certificate(),
            &ca,
        )
    };
    let number = Profile::numbers(&["17035550123"], validity(), 1);
    let ca = root().subordinate("Example Issuing CA 2", None, 2);
    let signer = ca.precertificate_signer("Example Precertificate Signer", 2);
    let pre = signer.issue_precertificate(&carrier());
    let by_signer = ca.finalize(&pre, &scts).expect("short SCTs");
    let mut cases = vec![
        plain("carrier", "issued by the CA itself", carrier()),
        plain("number", "a number", number),
        pair(
            "signer",
            "issued by a precertificate signing certificate: issuer and authority key identifier are replaced",
            &pre.issued().chain(),
            by_signer.certificate(),
            &ca,
        ),
        tbs_only(
            "no-scts",
            "a final certificate without an SCT list: its TBSCertificate as it is",
            issuing().issue(&carrier()).certificate(),
        ),
        no_extension_left(),
    ];
    cases.extend(key_identifiers());
    File::new(
        "precertificate",
        "The TBSCertificate that precertificate and certificate share (formats.md §6).",
        cases,
    )
}

fn pair(name: &str, comment: &str, chain: &[Vec<u8>], last: &[u8], ca: &Authority) -> Value {
    let admitted = admitted(chain, Kind::Precertificate);
    let issuer = certificate(ca.certificate());
    assert_eq!(issuer.spki_sha256(), admitted.issuer_key_hash());
    let tbs = admitted.tbs().expect("a precertificate");
    assert_eq!(certificate_tbs(&certificate(last)), tbs, "{name}");
    good(
        name,
        comment,
        json!({"precertificate_chain": hexes(chain), "certificate": hex(last), "tbs_certificate": hex(tbs),
        "issuer_key_hash": hex(admitted.issuer_key_hash())}),
    )
}

/// Precertificate and signing certificate, each with and without an authority key identifier.
fn key_identifiers() -> Vec<Value> {
    let ca = root().subordinate("Example Issuing CA 2", None, 2);
    let profile = Profile::authority("Example Precertificate Signer", Some(0), validity(), 2)
        .extension(Extension::precertificate_signing());
    let signer = ca.precertificate_signer("Example Precertificate Signer", 2);
    let without = |draft: &mut Draft| draft.extensions.retain(|extension| extension.oid != KEY_IDENTIFIER);
    let case = |name: &str, comment: &str, signer_has: bool, has: bool| {
        let mut signers = ca.draft(&profile);
        let mut pre = signer.draft(&carrier().extension(Extension::poison()));
        let mut last = ca.draft(&carrier());
        let own = last.extensions.iter().find(|extension| extension.oid == KEY_IDENTIFIER).cloned();
        if !signer_has {
            without(&mut signers);
        }
        if !has {
            without(&mut pre);
        }
        if !signer_has || !has {
            without(&mut last);
        }
        if signer_has && !has {
            last.extensions.extend(own);
        }
        last.extensions.push(Extension::sct_list(&[vec![1]]).expect("a short SCT"));
        let above = [vec![pre.sign(signer.key()), signers.sign(ca.key())], ca.chain().to_vec()].concat();
        pair(name, comment, &above, &last.sign(ca.key()), &ca)
    };
    vec![
        case(
            "identifier-left-out",
            "the signing certificate has no authority key identifier: it is left out",
            false,
            true,
        ),
        case(
            "identifier-added",
            "the precertificate has none: that of the signing certificate is added at the end",
            true,
            false,
        ),
        case("identifier-of-neither", "neither has one", false, false),
    ]
}

fn no_extension_left() -> Value {
    let mut draft = issuing().draft(&carrier());
    draft.extensions.clear();
    let tbs = draft.tbs();
    draft.extensions = vec![Extension::sct_list(&[vec![1]]).expect("a short SCT")];
    let last = draft.sign(issuing().key());
    assert_eq!(certificate_tbs(&certificate(&last)), tbs);
    good(
        "no-extension-left",
        "the SCT list is the only extension: the field of extensions is left out",
        json!({"certificate": hex(&last), "tbs_certificate": hex(&tbs)}),
    )
}

fn tbs_only(name: &str, comment: &str, der: &[u8]) -> Value {
    good(name, comment, json!({"certificate": hex(der), "tbs_certificate": hex(certificate(der).tbs())}))
}
