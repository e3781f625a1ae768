//! leaf.json and sct.json.

use serde_json::{Value, json};
use tnlog::admission::Kind;
use tnlog::commitment::{CertificateId, Commitment, Opening};
use tnlog::entry::{
    Action, Entry, KeyStatementEntry, Leaf, LeafReference, NumberEntry, Parameters, RegistrationEntry,
    SignedEntry, Verb,
};
use tnlog::label::Label;
use tnlog::merkle::Hash;
use tnlog::sct::{Extensions, Sct};
use tnlog::submission::Submission;
use tnlog::synthetic::Profile;
use tnlog::tls::Write;

use crate::case::{File, bad, good, hex, hexes, repeat, unhex};
use crate::world::{
    ORIGIN, START, admitted, hidden, issuing, label_key, sct_key, secret, sign_sct, validity,
};

const TIME: u64 = 1000 * START;

fn x509() -> SignedEntry {
    SignedEntry::X509(vec![0x30, 0x03, 0x02, 0x01, 0x05])
}

fn precert() -> SignedEntry {
    SignedEntry::Precert { issuer_key_hash: [0x11; 32], tbs: vec![0x30, 0x03, 0x02, 0x01, 0x05] }
}

fn parameters() -> Parameters {
    let label_key = label_key().public().to_bytes();
    Parameters { origin: ORIGIN.into(), sct_key: sct_key().spki().to_vec(), label_key }
}

fn number_entry() -> NumberEntry {
    NumberEntry {
        labels: vec![Label::new([0x01; 32]), Label::new([0x02; 32])],
        issuer_key_hash: [0x11; 32],
        certificate_id: CertificateId([0x22; 16]),
        not_before: START as i64,
        not_after: START as i64 + 86_399,
        subject_key: vec![0x30, 0x03, 0x02, 0x01, 0x05],
        is_ca: false,
        is_precertificate: true,
        calling_codes: vec![1, 44],
        commitment: Commitment([0x33; 32]),
    }
}

fn registration_entry() -> RegistrationEntry {
    RegistrationEntry {
        label: Label::new([0x01; 32]),
        credential: 7,
        not_before: START as i64,
        not_after: START as i64 + 86_399,
        action: Action::Register,
        commitment: Commitment([0x33; 32]),
        replaces: Some(9),
    }
}

fn statement_entry() -> KeyStatementEntry {
    KeyStatementEntry {
        labels: vec![Label::new([0x01; 32]), Label::new([0x02; 32])],
        verb: Verb::Dispute,
        old: LeafReference { index: 7, hash: Hash([0x44; 32]) },
        new: LeafReference { index: 300, hash: Hash([0x55; 32]) },
        signature: vec![0x30, 0x06, 0x02, 0x01, 0x05, 0x02, 0x01, 0x05],
    }
}

fn encoded(entry: Entry, index: u64) -> Vec<u8> {
    Leaf { timestamp: TIME, entry, index }.encode().expect("a small leaf")
}

fn leaf_fields(leaf: &[u8], index: u64, entry_type: u16, entry: Value) -> Value {
    json!({"kind": "leaf", "leaf": hex(leaf), "timestamp": TIME, "index": index, "entry_type": entry_type, "entry": entry})
}

fn number_fields(number: &NumberEntry) -> Value {
    json!({
        "labels": number.labels.iter().map(|label| hex(label.as_bytes())).collect::<Vec<_>>(),
        "issuer_key_hash": hex(&number.issuer_key_hash),
        "certificate_id": hex(&number.certificate_id.0),
        "not_before": number.not_before,
        "not_after": number.not_after,
        "subject_key": hex(&number.subject_key),
        "is_ca": number.is_ca,
        "is_precertificate": number.is_precertificate,
        "calling_codes": number.calling_codes,
        "commitment": hex(&number.commitment.0),
    })
}

fn registration_fields(registration: &RegistrationEntry) -> Value {
    json!({
        "label": hex(registration.label.as_bytes()),
        "credential": registration.credential,
        "not_before": registration.not_before,
        "not_after": registration.not_after,
        "action": registration.action.name(),
        "commitment": hex(&registration.commitment.0),
        "replaces": registration.replaces,
    })
}

fn statement_fields(statement: &KeyStatementEntry) -> Value {
    json!({
        "labels": statement.labels.iter().map(|label| hex(label.as_bytes())).collect::<Vec<_>>(),
        "verb": statement.verb.name(),
        "old_index": statement.old.index,
        "old_hash": hex(&statement.old.hash.0),
        "new_index": statement.new.index,
        "new_hash": hex(&statement.new.hash.0),
        "signature": hex(&statement.signature),
    })
}

fn said_and_registered() -> Vec<Value> {
    let registration = |name: &str, comment: &str, entry: RegistrationEntry| {
        let fields = registration_fields(&entry);
        good(name, comment, leaf_fields(&encoded(Entry::Registration(entry), 10), 10, 0x5402, fields))
    };
    let first = RegistrationEntry { replaces: None, ..registration_entry() };
    let withdrawal = RegistrationEntry { action: Action::Withdraw, ..registration_entry() };
    let statement = statement_entry();
    let fields = statement_fields(&statement);
    vec![
        registration("registration", "a registration that replaces another", registration_entry()),
        registration("registration-first", "one that replaces none", first),
        registration("withdrawal", "the withdrawal of one", withdrawal),
        good(
            "key-statement",
            "a dispute; the reader does not look into the signature",
            leaf_fields(&encoded(Entry::KeyStatement(statement), 301), 301, 0x5403, fields),
        ),
    ]
}

pub fn leaf() -> File {
    let entry = json!({"certificate": "3003020105"});
    let mut cases = vec![good(
        "x509",
        "the reader does not look into the certificate",
        leaf_fields(&encoded(Entry::Open(x509()), 5), 5, 0, entry),
    )];
    let entry = json!({"issuer_key_hash": hex(&[0x11; 32]), "tbs_certificate": "3003020105"});
    cases.push(good(
        "precert",
        "a precertificate",
        leaf_fields(&encoded(Entry::Open(precert()), 6), 6, 1, entry),
    ));
    let all = parameters();
    let entry = json!({"origin": all.origin, "sct_key": hex(&all.sct_key), "label_key": hex(&all.label_key)});
    cases.push(good(
        "parameters",
        "leaf 0",
        leaf_fields(&encoded(Entry::Parameters(all), 0), 0, 0x5400, entry),
    ));
    let other = NumberEntry {
        is_ca: true,
        is_precertificate: false,
        calling_codes: vec![],
        not_before: 0,
        ..number_entry()
    };
    let odd = NumberEntry {
        not_before: -(1 << 40),
        subject_key: vec![],
        calling_codes: vec![0, 999, 65_535],
        ..number_entry()
    };
    for (name, index, number) in
        [("number", 7, number_entry()), ("number-ca", (1 << 40) - 1, other), ("number-odd", 8, odd)]
    {
        let entry = number_fields(&number);
        cases.push(good(
            name,
            "single numbers",
            leaf_fields(&encoded(Entry::Number(number), index), index, 0x5401, entry),
        ));
    }
    cases.extend(said_and_registered());
    cases.extend(bad_frames());
    cases.extend(bad_cbor());
    cases.extend(bad_statements());
    cases.extend(commitments());
    File::new(
        "leaf",
        "Leaves, and identity, opening, commitment and certificate id (formats.md §5, §6).",
        cases,
    )
}

fn bad_frames() -> Vec<Value> {
    let good = encoded(Entry::Open(x509()), 5);
    let changed = |at: usize, byte: u8| {
        let mut leaf = good.clone();
        leaf[at] = byte;
        leaf
    };
    let end = good.len();
    let two = {
        let mut leaf = good[..end - 10].to_vec();
        leaf.put_opaque(&good[end - 8..].repeat(2), 2);
        leaf
    };
    let opening = {
        let mut leaf = good[..end - 10].to_vec();
        let extensions = Extensions { leaf_index: 5, opening: Some(Opening::new([9; 32])) };
        leaf.put_opaque(&extensions.encode().expect("a small index"), 2);
        leaf
    };
    let none = [&good[..end - 10], &[0, 0]].concat();
    let empty =
        |leaf: &[u8], length_at: usize| [&leaf[..length_at], &[0, 0, 0], &leaf[leaf.len() - 10..]].concat();
    let empty_certificate = empty(&good, 12);
    let empty_tbs = empty(&encoded(Entry::Open(precert()), 6), 44);
    let mut bad_both = with_cbor(0x5401, &[0xff]);
    let type_at = bad_both.len() - 8;
    bad_both[type_at] = 1;
    let long = {
        let mut leaf = good[..12].to_vec();
        leaf.put_opaque(&[0; 65_511], 3);
        leaf.extend(&good[end - 10..]);
        leaf
    };
    [
        ("empty", "leaf-frame", vec![], "no bytes"),
        ("cut", "leaf-frame", good[..end - 1].to_vec(), "the last byte is missing"),
        ("trailing", "leaf-frame", [&good[..], &[0]].concat(), "a byte follows"),
        ("length", "leaf-frame", changed(14, 0xff), "a length beyond the end"),
        ("version", "leaf-version", changed(0, 1), "version 2"),
        ("leaf-type", "leaf-version", changed(1, 1), "another leaf type"),
        ("entry-type", "leaf-type", changed(11, 2), "entry type 2"),
        (
            "reserved-type",
            "leaf-type",
            [&changed(10, 0x54)[..11], &[0x04], &good[12..]].concat(),
            "entry type 0x5404",
        ),
        ("no-extensions", "leaf-extensions", none, "no leaf_index"),
        ("two-indexes", "leaf-extensions", two, "leaf_index twice"),
        ("opening", "leaf-extensions", opening, "an opening belongs into an SCT alone"),
        ("extension-type", "leaf-extensions", changed(end - 8, 1), "another extension"),
        ("one-byte", "leaf-frame", vec![1], "one byte, which is not yet a version"),
        (
            "version-cut",
            "leaf-version",
            vec![1, 0],
            "version 2 and nothing else: the version is judged first",
        ),
        ("type-cut", "leaf-type", [&good[..10], &[0, 2]].concat(), "entry type 2 and nothing else"),
        ("no-certificate", "leaf-frame", empty_certificate, "an empty certificate"),
        ("no-tbs-certificate", "leaf-frame", empty_tbs, "an empty TBSCertificate"),
        (
            "trailing-bad-cbor",
            "leaf-frame",
            [with_cbor(0x5401, &[0xff]), vec![0]].concat(),
            "the frame is judged before the CBOR",
        ),
        ("bad-cbor-and-extensions", "leaf-cbor", bad_both, "the CBOR is judged before the extensions"),
    ]
    .into_iter()
    .map(|(name, error, leaf, comment)| {
        bad(name, error, comment, json!({"kind": "leaf", "leaf": hex(&leaf)}))
    })
    .chain([too_long(&long)])
    .collect()
}

/// The same bytes with the certificate of zeros as a repetition.
fn too_long(leaf: &[u8]) -> Value {
    let (head, tail) = (hex(&leaf[..15]), hex(&leaf[leaf.len() - 10..]));
    let leaf = repeat(&[(&head, 1), ("00", leaf.len() - 25), (&tail, 1)]);
    bad("too-long", "leaf-length", "65,536 bytes", json!({"kind": "leaf", "leaf": leaf}))
}

/// A leaf of type `entry_type` with these bytes as CBOR.
fn with_cbor(entry_type: u16, cbor: &[u8]) -> Vec<u8> {
    let mut leaf = vec![0, 0];
    leaf.put_uint(TIME, 8);
    leaf.put_uint(entry_type.into(), 2);
    leaf.put_opaque(cbor, 3);
    leaf.put_opaque(&Extensions::of_leaf(7).encode().expect("a small index"), 2);
    leaf
}

fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = hex(bytes);
    let changed = text.replacen(from, to, 1);
    assert_ne!(text, changed, "{from} is not in the CBOR");
    unhex(&changed)
}

fn bad_cbor() -> Vec<Value> {
    let number = number_entry().encode();
    let wrong = |change: fn(&mut NumberEntry)| {
        let mut number = number_entry();
        change(&mut number);
        number.encode()
    };
    let all = parameters().encode();
    let head = |from: &str, to: &str| replaced(&number, from, to);
    let mut cases = vec![
        ("number-empty", 0x5401, vec![], "no CBOR"),
        ("number-trailing", 0x5401, [&number[..], &[0xf6]].concat(), "a value follows"),
        ("number-cut", 0x5401, number[..number.len() - 1].to_vec(), "the last byte is missing"),
        (
            "number-indefinite-map",
            0x5401,
            [&[0xbf], &number[1..], &[0xff]].concat(),
            "a map of indefinite length",
        ),
        (
            "number-indefinite-array",
            0x5401,
            replaced(&head("0182", "019f"), "02582011", "ff02582011"),
            "an array of indefinite length",
        ),
        (
            "number-long-map",
            0x5401,
            [&[0xb8, 0x0a], &number[1..]].concat(),
            "the number of keys in two bytes",
        ),
        ("number-long-array", 0x5401, head("0182", "019802"), "the number of labels in two bytes"),
        ("number-long-key", 0x5401, head("aa01", "aa1801"), "key 1 in two bytes"),
        ("number-long-integer", 0x5401, head("041a", "041b00000000"), "notBefore in nine bytes"),
        (
            "number-long-bytes",
            0x5401,
            head("035022", "03581022"),
            "the length of the certificate id in two bytes",
        ),
        ("number-tag", 0x5401, head("041a", "04c11a"), "a tagged time"),
        ("number-text", 0x5401, head("035022", "037022"), "a text for bytes"),
        ("number-float", 0x5401, head("0982", "09f93c0082"), "a float before the calling codes"),
        ("number-missing-key", 0x5401, [&[0xa9], &number[1..number.len() - 35]].concat(), "no commitment"),
        ("number-unknown-key", 0x5401, [&[0xab], &number[1..], &[0x0b, 0xf6]].concat(), "a key 11"),
        ("number-repeated-key", 0x5401, replaced(&number, "07f408f5", "07f407f5"), "key 7 twice"),
        ("number-order", 0x5401, replaced(&number, "07f408f5", "08f507f4"), "key 8 before key 7"),
        ("number-null", 0x5401, replaced(&number, "07f4", "07f6"), "null for a boolean"),
        ("number-no-label", 0x5401, wrong(|n| n.labels.clear()), "no label"),
        ("number-label-order", 0x5401, wrong(|n| n.labels.reverse()), "labels that descend"),
        ("number-label-twice", 0x5401, wrong(|n| n.labels[1] = n.labels[0]), "a label twice"),
        ("number-open-label", 0x5401, wrong(|n| n.labels[1] = Label::new([0x80; 32])), "an open label"),
        (
            "number-short-label",
            0x5401,
            replaced(&number, &format!("5820{}", hex(&[1; 32])), &format!("581f{}", hex(&[1; 31]))),
            "a label of 31 bytes",
        ),
        ("number-code-order", 0x5401, wrong(|n| n.calling_codes.reverse()), "calling codes that descend"),
        ("number-code-twice", 0x5401, wrong(|n| n.calling_codes = vec![44, 44]), "a calling code twice"),
        (
            "number-large-code",
            0x5401,
            replaced(&number, "0982", "09831a00010000"),
            "a calling code above 16 bits",
        ),
        ("number-large-time", 0x5401, replaced(&number, "041a", "041bffffffff"), "a time above 63 bits"),
        (
            "number-commitment",
            0x5401,
            [&number[..number.len() - 34], &[0x58, 0x1f], &[0x33; 31]].concat(),
            "a commitment of 31 bytes",
        ),
        ("number-key-6-text", 0x5401, head("064530", "066530"), "a text for the subject's key"),
        ("number-key-7-integer", 0x5401, head("07f4", "0700"), "an integer for a boolean"),
        ("number-key-8-bytes", 0x5401, head("08f5", "0840"), "bytes for a boolean"),
        ("number-key-8-undefined", 0x5401, head("08f5", "08f7"), "undefined for a boolean"),
        ("number-reserved-28", 0x5401, head("041a", "041c"), "a head of additional information 28"),
        ("number-reserved-30", 0x5401, head("0350", "035e"), "a length of additional information 30"),
        ("number-negative-time", 0x5401, head("041a", "043b80000000"), "a time below -2^63"),
        ("number-513-codes", 0x5401, wrong(|n| n.calling_codes = (0..513).collect()), "513 calling codes"),
        ("parameters-as-number", 0x5401, all.clone(), "the CBOR of another type"),
        ("number-as-parameters", 0x5400, number.clone(), "the CBOR of another type"),
        ("parameters-order", 0x5400, unhex(&format!("a303{}", "00")), "key 3 first"),
        ("parameters-utf8", 0x5400, replaced(&all, &hex(b"log."), "ff6f672e"), "an origin that is no UTF-8"),
        (
            "parameters-label-key",
            0x5400,
            [&all[..all.len() - 34], &[0x58, 0x1f], &[1; 31]].concat(),
            "a label key of 31 bytes",
        ),
    ];
    cases.push((
        "number-513-labels",
        0x5401,
        wrong(|n| n.labels = (0..513u32).map(numbered).collect()),
        "more than 512 labels",
    ));
    let case = |(name, entry_type, cbor, comment): (&str, u16, Vec<u8>, &str)| {
        bad(name, "leaf-cbor", comment, json!({"kind": "leaf", "leaf": hex(&with_cbor(entry_type, &cbor))}))
    };
    cases.into_iter().map(case).collect()
}

fn bad_statements() -> Vec<Value> {
    let registration = |change: fn(&mut RegistrationEntry)| {
        let mut entry = registration_entry();
        change(&mut entry);
        entry.encode()
    };
    let statement = |change: fn(&mut KeyStatementEntry)| {
        let mut entry = statement_entry();
        change(&mut entry);
        entry.encode()
    };
    let withdraws_nothing = |r: &mut RegistrationEntry| {
        r.action = Action::Withdraw;
        r.replaces = None;
    };
    let (registered, said) = (registration_entry().encode(), statement_entry().encode());
    [
        (
            "registration-open-label",
            0x5402,
            registration(|r| r.label = Label::new([0x80; 32])),
            "an open label",
        ),
        ("registration-validity", 0x5402, registration(|r| r.not_after = r.not_before - 1), "it ends first"),
        ("withdrawal-of-nothing", 0x5402, registration(withdraws_nothing), "a withdrawal without key 7"),
        ("registration-action", 0x5402, replaced(&registered, "05000658", "05020658"), "action 2"),
        (
            "registration-null",
            0x5402,
            [&registered[..registered.len() - 1], &[0xf6]].concat(),
            "null for key 7",
        ),
        ("registration-trailing", 0x5402, [&registered[..], &[0]].concat(), "a value follows"),
        ("key-statement-no-label", 0x5403, statement(|s| s.labels.clear()), "no label"),
        ("key-statement-label-order", 0x5403, statement(|s| s.labels.reverse()), "labels that descend"),
        (
            "key-statement-open-label",
            0x5403,
            statement(|s| s.labels[1] = Label::new([0x80; 32])),
            "an open label",
        ),
        (
            "key-statement-order",
            0x5403,
            statement(|s| s.old.index = s.new.index),
            "the old leaf is the new one",
        ),
        ("key-statement-verb", 0x5403, replaced(&said, "02010307", "02020307"), "verb 2"),
        ("key-statement-no-signature", 0x5403, statement(|s| s.signature.clear()), "an empty signature"),
        ("key-statement-long-signature", 0x5403, statement(|s| s.signature = vec![1; 105]), "105 bytes"),
    ]
    .into_iter()
    .map(|(name, entry_type, cbor, comment)| {
        bad(name, "leaf-cbor", comment, json!({"kind": "leaf", "leaf": hex(&with_cbor(entry_type, &cbor))}))
    })
    .collect()
}

fn numbered(i: u32) -> Label {
    let mut bytes = [0; 32];
    bytes[28..].copy_from_slice(&i.to_be_bytes());
    Label::new(bytes)
}

fn commitments() -> Vec<Value> {
    let one = |name: &str, comment: &str, identity: SignedEntry, serial: &[u8]| {
        let opening = secret().opening(&identity);
        let id = secret().certificate_id(&[0x11; 32], serial);
        let fields = json!({"kind": "commitment", "opening_secret": hex(&[7; 32]), "identity": hex(&identity.encode()),
            "opening": hex(opening.expose()), "commitment": hex(&opening.commit(&identity).0),
            "issuer_key_hash": hex(&[0x11; 32]), "serial": hex(serial), "certificate_id": hex(&id.0)});
        good(name, comment, fields)
    };
    vec![
        one("commitment", "of the x509_entry above", x509(), &[5]),
        one(
            "commitment-precert",
            "of the precert_entry above; a serial number with a sign octet",
            precert(),
            &[0, 0x85, 0x10],
        ),
    ]
}

pub fn sct() -> File {
    let carrier = issuing().issue(&Profile::carrier("706J", validity(), 1)).chain();
    let holder = issuing().issue(&Profile::numbers(&["17035550123"], validity(), 1)).chain();
    let (carrier, holder) = (admitted(&carrier, Kind::Final), admitted(&holder, Kind::Final));
    let (open, number) = (Submission::of(&carrier), Submission::of(&holder));
    let x509 = sign_sct(&open, TIME, Extensions { leaf_index: 1, opening: None });
    let opening = Some(hidden(&holder, &number).opening);
    let secret_sct = sign_sct(&number, TIME, Extensions { leaf_index: 2, opening });
    let mut cases = vec![
        good("x509", "of a carrier's certificate", sct_fields(&open, &x509)),
        good(
            "number",
            "of a certificate with a number: as secret as the number",
            sct_fields(&number, &secret_sct),
        ),
    ];
    let high = Sct { signature: crate::ecdsa::negated(&x509.signature), ..x509.clone() };
    cases.push(good("other-s", "s and the order less s are both right", sct_fields(&open, &high)));
    cases.extend(bad_scts(&open, &x509));
    cases.extend(bad_sct_keys(&open, &x509));
    for (name, comment, signature) in crate::ecdsa::changed(&x509.signature) {
        let sct = Sct { signature, ..x509.clone() };
        cases.push(bad(name, "sct-signature", comment, input(&open, &encode(&sct))));
    }
    let other = [("other-certificate", &number, &x509), ("number-other-certificate", &open, &secret_sct)];
    cases.extend(other.map(|(name, submission, sct)| {
        bad(name, "sct-signature", "of another certificate", input(submission, &encode(sct)))
    }));
    File::new("sct", "Signed certificate timestamps (formats.md §7).", cases)
}

fn encode(sct: &Sct) -> Vec<u8> {
    sct.encode().expect("a small index")
}

fn input(submission: &Submission<'_>, sct: &[u8]) -> Value {
    json!({"sct": hex(sct), "sct_key": hex(sct_key().spki()), "identity": hex(&submission.identity().encode())})
}

fn sct_fields(submission: &Submission<'_>, sct: &Sct) -> Value {
    let mut fields = input(submission, &encode(sct));
    fields["timestamp"] = sct.timestamp.into();
    fields["index"] = sct.extensions.leaf_index.into();
    fields["signed_data"] =
        hex(&Sct::signed_data(submission.identity(), sct.timestamp, &sct.extensions).expect("a small index"))
            .into();
    let openings: Vec<_> = sct.extensions.opening.iter().map(|opening| opening.expose()).collect();
    fields["opening"] = hexes(&openings).into_iter().next().into();
    fields
}

fn bad_sct_keys(submission: &Submission<'_>, good: &Sct) -> Vec<Value> {
    let spki = sct_key().spki().to_vec();
    let mut compressed = spki[..spki.len() - 65].to_vec();
    let point = &spki[spki.len() - 65..];
    compressed.push(2 + (point[64] & 1));
    compressed.extend(&point[1..33]);
    (compressed[1], compressed[24]) = (0x39, 0x22);
    [
        ("key-p384", "an SCT key of P-384", tnlog::synthetic::KeyPair::p384(5).spki().to_vec()),
        ("key-compressed", "an SCT key with a compressed point", compressed),
        ("key-trailing", "a byte after the SCT key", [&spki[..], &[0]].concat()),
    ]
    .into_iter()
    .map(|(name, comment, key)| {
        let mut fields = input(submission, &encode(good));
        fields["sct_key"] = hex(&key).into();
        bad(name, "sct-key", comment, fields)
    })
    .collect()
}

fn bad_scts(submission: &Submission<'_>, good: &Sct) -> Vec<Value> {
    let bytes = encode(good);
    let flipped = |at: usize| {
        let mut sct = bytes.clone();
        sct[at] ^= 1;
        sct
    };
    let extensions_at = 41;
    let unknown = [&bytes[..extensions_at], &[0, 11], &bytes[43..51], &[1, 0, 0], &bytes[51..]].concat();
    let first =
        [&bytes[..extensions_at], &[0, 43, 0x54, 0, 32], &[9; 32], &bytes[43..51], &bytes[51..]].concat();
    let added =
        [&bytes[..extensions_at], &[0, 43], &bytes[43..51], &[0x54, 0, 32], &[9; 32], &bytes[51..]].concat();
    let other_type = [&added[..51], &[0x55], &added[52..]].concat();
    let no_extensions = [&bytes[..extensions_at], &[0, 0], &bytes[51..]].concat();
    [
        ("version-alone", "sct-version", vec![1], "version 2 and nothing else: the version is judged first"),
        (
            "hash-cut",
            "sct-format",
            flipped(51)[..bytes.len() - 1].to_vec(),
            "the frame is judged before the algorithm",
        ),
        (
            "hash-and-extension",
            "sct-algorithm",
            [&flipped(43)[..51], &flipped(51)[51..]].concat(),
            "the algorithm is judged before the extensions",
        ),
        ("cut", "sct-format", bytes[..bytes.len() - 1].to_vec(), "the last byte is missing"),
        ("trailing", "sct-format", [&bytes[..], &[0]].concat(), "a byte follows"),
        ("version", "sct-version", flipped(0), "version 2"),
        ("log", "sct-log", flipped(1), "of another log"),
        ("time", "sct-signature", flipped(40), "another time"),
        ("index", "sct-signature", flipped(50), "another index"),
        ("hash", "sct-algorithm", flipped(51), "hash 5, which is SHA-384"),
        ("signature-algorithm", "sct-algorithm", flipped(52), "signature 2, which is DSA"),
        ("signature", "sct-signature", flipped(70), "one bit of the signature"),
        ("unknown-extension", "sct-extensions", unknown, "an extension 1"),
        ("opening-first", "sct-extensions", first, "the opening before the index"),
        ("opening-added", "sct-signature", added, "an opening that was not signed"),
        ("opening-type", "sct-extensions", other_type, "32 bytes in an extension 0x55"),
        ("no-extensions", "sct-extensions", no_extensions, "no leaf_index"),
        ("extension-type", "sct-extensions", flipped(43), "extension 1 in place of leaf_index"),
    ]
    .into_iter()
    .map(|(name, error, sct, comment)| bad(name, error, comment, input(submission, &sct)))
    .collect()
}
