//! Cases of index.json: the labels that a leaf carries.

use serde_json::{Value, json};
use tnlog::admission::Kind;
use tnlog::entry::{Entry, Leaf, SignedEntry, Verb};
use tnlog::label::Label;
use tnlog::number::ServiceProviderCode;
use tnlog::submission::Submission;
use tnlog::synthetic::KeyPair;
use tnlog::synthetic::{Extension, Profile, TnEntry, der};

use crate::case::{good, hex};
use crate::people::{DAY, credential, label, leaf, other_label, registered, said};
use crate::world::{Log, ORIGIN, admitted, issuing, signer, validity};

/// The code that most leaves name.
const CODE: &str = "706J";

/// A name, what is special, the bytes of a leaf, and the labels.
type Case = (&'static str, &'static str, Vec<u8>, Vec<Label>);

pub fn labels() -> Vec<Value> {
    let cases = [whole(), certificates(), fields(), extensions(), lengths(), lists(), hidden()].concat();
    let case = |(name, comment, leaf, labels): Case| {
        let labels: Vec<_> = labels.iter().map(|label| hex(label.as_bytes())).collect();
        let fields = json!({"kind": "labels", "leaf": hex(&leaf), "labels": labels});
        good(&format!("labels-{name}"), comment, fields)
    };
    cases.into_iter().map(case).collect()
}

fn code(code: &str) -> Label {
    Label::of_service_provider_code(&ServiceProviderCode::new(code).expect("a code"))
}

fn open(entry: SignedEntry) -> Vec<u8> {
    leaf(9, DAY, Entry::Open(entry)).encode().expect("a small leaf")
}

fn x509(certificate: Vec<u8>) -> Vec<u8> {
    open(SignedEntry::X509(certificate))
}

fn precert(tbs: Vec<u8>) -> Vec<u8> {
    open(SignedEntry::Precert { issuer_key_hash: [0x11; 32], tbs })
}

/// The extension of a TNAuthList that names a code.
fn list() -> Vec<u8> {
    Extension::tn_auth_list(&[TnEntry::spc(CODE)]).to_der()
}

fn list_of(entries: &[TnEntry]) -> Vec<u8> {
    Extension::tn_auth_list(entries).to_der()
}

/// The values in [`list`]: the OBJECT IDENTIFIER and the OCTET STRING.
fn parts() -> (Vec<u8>, Vec<u8>) {
    let list = list();
    (list[2..12].to_vec(), list[12..].to_vec())
}

/// A field of a TBSCertificate that no walk looks into.
fn other() -> Vec<u8> {
    der::integer(5)
}

/// The field of these extensions.
fn extensions_field(extensions: &[Vec<u8>]) -> Vec<u8> {
    der::explicit(3, &der::sequence(extensions))
}

fn tbs(extensions: &[Vec<u8>]) -> Vec<u8> {
    der::sequence(&[other(), extensions_field(extensions)])
}

/// A certificate with these extensions, and a signature that is none.
fn with(extensions: &[Vec<u8>]) -> Vec<u8> {
    x509(der::sequence(&[tbs(extensions), other()]))
}

fn found(name: &'static str, comment: &'static str, leaf: Vec<u8>) -> Case {
    (name, comment, leaf, vec![code(CODE)])
}

fn none(name: &'static str, comment: &'static str, leaf: Vec<u8>) -> Case {
    (name, comment, leaf, vec![])
}

/// Certificates as they are.
fn whole() -> Vec<Case> {
    let of = |profile: &Profile| x509(issuing().issue(profile).chain()[0].clone());
    let pre = issuing().issue_precertificate(&Profile::carrier(CODE, validity(), 1)).issued().chain();
    let pre = admitted(&pre, Kind::Precertificate);
    let blocks = Profile::ranges(&[("17035550100", 100), ("12025550120", 20)], validity(), 2);
    let block = |block: &str| Label::of_block(&block.parse().expect("a block"));
    let mut of_blocks = vec![block("170355501xx"), block("1202555012x"), block("1202555013x")];
    of_blocks.sort_unstable();
    let ca = x509(issuing().chain()[0].clone());
    vec![
        found("carrier", "the certificate of a carrier", of(&Profile::carrier(CODE, validity(), 1))),
        found("carrier-small", "a code in small letters", of(&Profile::carrier("706j", validity(), 1))),
        found("precert", "its precertificate", open(Submission::of(&pre).identity().clone())),
        ("blocks", "ranges", of(&blocks), of_blocks),
        none("ca", "a CA without TNAuthList", ca),
        none("number", "a number in the open", of(&Profile::numbers(&["17035550123"], validity(), 3))),
    ]
}

/// Step 1.
fn certificates() -> Vec<Case> {
    let good_tbs = tbs(&[list()]);
    let alone = der::sequence(std::slice::from_ref(&good_tbs));
    let set = |content: &[u8]| der::tlv(0x31, content);
    vec![
        found("tbs-alone", "a certificate of its TBSCertificate alone", x509(alone.clone())),
        none("no-leaf", "no bytes", vec![]),
        none("leaf-trailing", "a byte behind the leaf", [with(&[list()]), vec![0]].concat()),
        none("certificate-twice", "two certificates", x509(alone.repeat(2))),
        none(
            "certificate-trailing",
            "a byte behind the certificate",
            x509([alone.clone(), vec![0]].concat()),
        ),
        none("certificate-set", "a SET", x509(set(&good_tbs))),
        none("certificate-empty", "an empty SEQUENCE", x509(der::sequence(&[]))),
        none(
            "tbs-second",
            "an INTEGER before the TBSCertificate",
            x509(der::sequence(&[other(), good_tbs.clone()])),
        ),
        none("tbs-set", "a TBSCertificate that is a SET", x509(der::sequence(&[set(&good_tbs[2..])]))),
        none(
            "signature-cut",
            "half a value behind the TBSCertificate",
            x509(der::sequence(&[good_tbs.clone(), vec![3, 5, 0]])),
        ),
        found("precert-tbs", "a TBSCertificate as precert_entry", precert(good_tbs.clone())),
        none("precert-certificate", "a certificate as precert_entry", precert(alone.clone())),
        none("precert-trailing", "a byte behind it", precert([good_tbs.clone(), vec![0]].concat())),
        none("precert-set", "a SET", precert(set(&good_tbs[2..]))),
        none("x509-tbs", "a TBSCertificate as x509_entry", x509(good_tbs)),
    ]
}

/// Step 2.
fn fields() -> Vec<Case> {
    let of = |fields: &[Vec<u8>]| precert(der::sequence(fields));
    let (field, empty) = (extensions_field(&[list()]), extensions_field(&[]));
    let twice = der::tlv(0xa3, &der::sequence(&[list()]).repeat(2));
    let set = der::tlv(0xa3, &der::tlv(0x31, &list()));
    let nothing = der::tlv(0xa3, &[]);
    let cut = der::tlv(0xa3, &[0x30, 5, 0]);
    vec![
        found("field-alone", "nothing but extensions", of(std::slice::from_ref(&field))),
        found("field-before-others", "fields behind them", of(&[field.clone(), other(), other()])),
        found(
            "field-of-nonsense",
            "what other fields hold is not read",
            of(&[der::tlv(0x30, &[0xff]), field.clone()]),
        ),
        none("field-missing", "no extensions", of(&[other()])),
        none("field-primitive", "the tag 0x83", of(&[der::tlv(0x83, &field[2..])])),
        none(
            "field-empty-first",
            "the first field of two has no extension",
            of(&[empty.clone(), field.clone()]),
        ),
        found("field-second", "the second one of two", of(&[field.clone(), empty])),
        none("field-two-sequences", "two SEQUENCEs in it", of(&[twice])),
        none("field-set", "a SET in it", of(&[set])),
        none("field-nothing", "nothing in it", of(&[nothing])),
        none("field-cut", "half a value in it", of(&[cut])),
        none("field-then-cut", "half a value behind it", of(&[field, vec![4, 1]])),
    ]
}

/// Step 3.
fn extensions() -> Vec<Case> {
    let (oid, value) = parts();
    let of = |parts: &[&[u8]]| der::sequence(&parts.iter().map(|part| part.to_vec()).collect::<Vec<_>>());
    let critical = der::boolean(true);
    let (unreadable, text) = (der::octet_string(&[0xff]), der::utf8_string(CODE));
    let other_list = list_of(&[TnEntry::spc("A1")]);
    let mut other_oid = oid.clone();
    other_oid[9] ^= 1;
    let cut = der::tlv(0x30, &[oid.clone(), vec![4, 9]].concat());
    let long_oid = [&[6, 0x81, 8][..], &oid[2..]].concat();
    vec![
        found("list", "the TNAuthList alone", with(&[list()])),
        found("list-critical", "critical", with(&[of(&[&oid, &critical, &value])])),
        found(
            "list-last-value",
            "the last value of four counts",
            with(&[of(&[&oid, &critical, &unreadable, &value])]),
        ),
        none("list-first-value", "and not the one before it", with(&[of(&[&oid, &value, &unreadable])])),
        none("list-no-octets", "the last value is no OCTET STRING", with(&[of(&[&oid, &value, &text])])),
        found(
            "list-behind-no-octets",
            "such an extension is passed over",
            with(&[of(&[&oid, &text]), list()]),
        ),
        none("list-no-value", "the OBJECT IDENTIFIER alone", with(&[of(&[&oid])])),
        none("list-value-alone", "the value alone", with(&[of(&[&value])])),
        none("list-empty-extension", "an extension of nothing", with(&[of(&[])])),
        none(
            "list-oid-second",
            "the OBJECT IDENTIFIER is not the first value",
            with(&[of(&[&critical, &oid, &value])]),
        ),
        none("list-other-oid", "another OBJECT IDENTIFIER", with(&[of(&[&other_oid, &value])])),
        none("list-long-oid", "a length in two bytes, where one would do", with(&[of(&[&long_oid, &value])])),
        none("list-set", "an extension that is a SET", with(&[der::tlv(0x31, &list()[2..])])),
        found("list-behind-set", "it is passed over", with(&[der::tlv(0x31, &other_list[2..]), list()])),
        found("list-behind-cut", "one that holds half a value is passed over", with(&[cut.clone(), list()])),
        found("list-before-cut", "or behind it", with(&[list(), cut])),
        none("list-then-half", "half an extension behind it", with(&[list(), vec![0x30, 5]])),
        found("list-first-of-two", "the first of two counts", with(&[list(), other_list])),
        none(
            "list-unreadable-first",
            "also when it is unreadable",
            with(&[of(&[&oid, &unreadable]), list()]),
        ),
        none(
            "list-numbers-first",
            "or names a number",
            with(&[list_of(&[TnEntry::one("17035550123")]), list()]),
        ),
        none("list-none", "no extension", with(&[])),
    ]
}

/// Tags and lengths.
fn lengths() -> Vec<Case> {
    let padded = |count: usize| der::octet_string(&vec![0; count]);
    let of = |field: Vec<u8>| precert(der::sequence(&[field, extensions_field(&[list()])]));
    let headed = |head: &[u8], count: usize| of([head, &vec![0; count]].concat());
    vec![
        found("length-127", "a length of one byte", of(padded(127))),
        found("length-128", "of 0x81 and a byte", of(padded(128))),
        found("length-255", "the same, at most", of(padded(255))),
        found("length-256", "of 0x82 and two bytes", of(padded(256))),
        none("length-81-127", "127 in two bytes", headed(&[4, 0x81, 127], 127)),
        none("length-82-255", "255 in three bytes", headed(&[4, 0x82, 0, 255], 255)),
        none("length-83", "0x83", headed(&[4, 0x83, 0, 1, 0], 256)),
        none("length-80", "an indefinite length", headed(&[4, 0x80, 0, 0], 0)),
        none("length-80-128", "and 128 bytes behind it", headed(&[4, 0x80], 128)),
        none(
            "length-cut",
            "a tag without length",
            precert(der::sequence(&[extensions_field(&[list()]), vec![4]])),
        ),
        none(
            "length-81-cut",
            "0x81 and nothing",
            precert(der::sequence(&[extensions_field(&[list()]), vec![4, 0x81]])),
        ),
        none("tag-long", "a tag of two bytes", headed(&[0xbf, 0x23, 0], 0)),
        none("tag-1f", "the tag 0x1f", headed(&[0x1f, 0], 0)),
        found("tag-1e", "the tag 0x1e", headed(&[0x1e, 0], 0)),
        found("tag-0", "the tag 0", headed(&[0, 0], 0)),
    ]
}

/// What the TNAuthList names.
fn lists() -> Vec<Case> {
    let of = |entries: &[TnEntry]| with(&[list_of(entries)]);
    let mut two = vec![code(CODE), code("A1")];
    two.sort_unstable();
    let both = [TnEntry::spc(CODE), TnEntry::spc("A1"), TnEntry::spc("a1")];
    let block = Label::of_block(&"170355501xx".parse().expect("a block"));
    vec![
        ("codes", "two codes, one of them twice", of(&both), two),
        ("range", "a range", of(&[TnEntry::range("17035550100", 100)]), vec![block]),
        none(
            "range-short",
            "a range of nine numbers, which §10 refuses",
            of(&[TnEntry::range("17035550100", 9)]),
        ),
        none("code-long", "a code of seven letters", of(&[TnEntry::spc("ABCDEFG")])),
        none(
            "code-and-number",
            "a code and a number",
            of(&[TnEntry::spc(CODE), TnEntry::one("17035550123")]),
        ),
        none(
            "code-and-range",
            "a code and a range",
            of(&[TnEntry::spc(CODE), TnEntry::range("17035550100", 100)]),
        ),
    ]
}

/// Leaves that say their labels.
fn hidden() -> Vec<Case> {
    let mut both = vec![label(), other_label()];
    both.sort_unstable();
    let key = KeyPair::p256(1);
    let of_both = |index: u64, id: u8| {
        let mut entry = credential(&key, id);
        entry.labels = both.clone();
        leaf(index, DAY, Entry::Number(entry))
    };
    let statement = said(&key, Verb::Approve, &of_both(4, 1), &of_both(9, 2));
    let encoded = |leaf: Leaf| leaf.encode().expect("a small leaf");
    let registration = registered(4, 0, DAY, None);
    vec![
        none("parameters", "parameters", Log::new(signer(ORIGIN, 1)).leaves[0].clone()),
        ("number-entry", "two numbers", encoded(of_both(4, 1)), both.clone()),
        (
            "registration",
            "a registration",
            encoded(leaf(5, DAY, Entry::Registration(registration))),
            vec![label()],
        ),
        (
            "key-statement",
            "a key statement",
            encoded(leaf(10, DAY, Entry::KeyStatement(statement))),
            both.clone(),
        ),
    ]
}
