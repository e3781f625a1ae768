//! note.json, checkpoint.json.

use base64ct::{Base64, Encoding};
use serde_json::{Value, json};
use tnlog::checkpoint::tree_head_message;
use tnlog::cosignature::cosign_note;
use tnlog::merkle::Hash;
use tnlog::note::{Note, Signer};
use tnlog::sct::log_id;

use crate::case::{File, bad, from, good, hex, repeat};
use crate::world::{Log, ORIGIN, START, sct_key, signer, witness};

const SPEC: &str = "C2SP signed-note, section Verifier keys, example";
const GO: &str = "golang.org/x/mod/sumdb/note, package documentation";
const POEM: &str = "C2SP signed-note, section Format, example (its key is not published)";
const COSIGNED: &str = "C2SP tlog-cosignature, section Format, example (its keys are not published)";
const RFC6962: &str = "transparency-dev/formats, note/note_rfc6962_test.go (log rome.ct.filippo.io/2024h1)";

const SPEC_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const SPEC_NOTE: &str = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
const GO_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const GO_NOTE: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const POEM_NOTE: &str = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";
const COSIGNED_NOTE: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";
const RFC6962_KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEAXM8Ld9qn64g1zVFDh5FtgxS3zj5sqQDwYMs3wrBV3MCBiFhK/iRLxdKF4YsAcJaEglMlu4Lewvzxs0xO2uwEw==";
const RFC6962_NOTE: &str = "rome.ct.filippo.io/2024h1\n115474666\n2q1K6aiIJR+F7TyhiWOghoWOjY0/3dVBLsBbAvB4xCw=\n\n— rome.ct.filippo.io/2024h1 ePSrrgAAAY5+gVlSBAMARzBFAiEAv8bOMzo3Ed/GbU9fzzJvaStX6i8xTsmEF+NqvpGhIO0CIEn1X+zzVEerdix64GEn97XCXObA2G5JQ8UDDqCKdG5m\n";

pub fn key(signer: &Signer) -> String {
    signer.verifier_key().to_string()
}

pub fn signed(text: &str, signers: &[&Signer]) -> String {
    let mut note = Note::new(text).expect("a text");
    signers.iter().for_each(|signer| signer.sign(&mut note).expect("a note signer"));
    note.to_string()
}

fn verify(note: &str, keys: &[String]) -> Value {
    json!({"kind": "verify", "note": note, "keys": keys})
}

fn verified(note: &str, keys: &[String], names: &[&str]) -> Value {
    let mut fields = verify(note, keys);
    fields["verified"] = json!(names);
    fields
}

/// Changes one bit of the signature in the last line.
pub fn damaged(note: &str) -> String {
    let (before, base64) = note.trim_end().rsplit_once(' ').expect("a signature line");
    let mut bytes = Base64::decode_vec(base64).expect("base64");
    bytes[20] ^= 1;
    format!("{before} {}\n", Base64::encode_string(&bytes))
}

pub fn note() -> File {
    let (a, b) = (signer("a.example.com", 1), signer("b.example.com", 2));
    let other_a = signer("a.example.com", 3);
    let both = signed("hello\n", &[&a, &b]);
    let by_a = signed("hello\n", &[&a]);
    let names = ["a.example.com", "b.example.com"];
    let mut cases = vec![
        from(
            SPEC,
            good("c2sp-spec", "one signature", verified(SPEC_NOTE, &[SPEC_KEY.into()], &["example.com/foo"])),
        ),
        from(GO, good("go", "one signature", verified(GO_NOTE, &[GO_KEY.into()], &["PeterNeumann"]))),
        from(
            POEM,
            bad(
                "c2sp-poem",
                "note-unsigned",
                "well-formed; nobody knows the key",
                verify(POEM_NOTE, &[key(&a)]),
            ),
        ),
        from(
            COSIGNED,
            bad(
                "c2sp-cosigned",
                "note-unsigned",
                "well-formed; nobody knows the keys",
                verify(COSIGNED_NOTE, &[key(&a)]),
            ),
        ),
        good("two", "two signatures of known keys", verified(&both, &[key(&a), key(&b)], &names)),
        good("one-known", "the other line is ignored", verified(&both, &[key(&b)], &names[1..])),
        good(
            "empty-line-in-text",
            "the text ends at the last empty line",
            verified(&signed("a\n\nb\n", &[&a]), &[key(&a)], &names[..1]),
        ),
        good(
            "same-name-other-key",
            "another key of the same name is another key",
            verified(&signed("hello\n", &[&other_a, &a]), &[key(&a)], &names[..1]),
        ),
        bad("unknown", "note-unsigned", "no line of a known key", verify(&by_a, &[key(&b)])),
        bad("damaged", "note-signature", "a bit of the signature", verify(&damaged(&by_a), &[key(&a)])),
        bad(
            "damaged-second",
            "note-signature",
            "one good and one bad signature of known keys",
            verify(&damaged(&both), &[key(&a), key(&b)]),
        ),
        bad(
            "other-text",
            "note-signature",
            "the text was changed",
            verify(&by_a.replace("hello", "hallo"), &[key(&a)]),
        ),
    ];
    for (name, note, comment) in [
        ("no-signature", "hello\n\n".to_owned(), "no signature line"),
        ("no-empty-line", by_a.replace("\n\n", "\n"), "no empty line"),
        ("no-last-newline", by_a.trim_end().to_owned(), "the last line has no end"),
        ("hyphen", by_a.replace('—', "-"), "a hyphen is no dash"),
        ("tab", by_a.replace("— a", "—\ta"), "a tab for a space"),
        ("plus-in-name", by_a.replace("— a", "— a+"), "a name has no plus sign"),
        ("no-padding", by_a.replace("=\n", "\n"), "base64 without padding"),
        ("carriage-return", by_a.replace("hello\n", "hello\r\n"), "a control character"),
        ("short", "hello\n\n— a AAAA\n".to_owned(), "three bytes, not even a key id"),
        ("no-body", "hello\n\n— a AAAAAA==\n".to_owned(), "a key id alone"),
        (
            "many",
            signed("hello\n", &vec![&a; 64]) + by_a.lines().last().expect("a line") + "\n",
            "65 signatures",
        ),
    ] {
        cases.push(bad(name, "note-format", comment, verify(&note, &[key(&a)])));
    }
    cases.extend(more_formats(&a, &by_a));
    cases.extend(limits(&a));
    cases.extend(cosignatures());
    cases.extend(keys());
    cases.extend(crate::ed25519::cases());
    File::new("note", "Signed notes and verifier keys (formats.md §4.1).", cases)
}

fn more_formats(a: &Signer, by_a: &str) -> Vec<Value> {
    let name = |name: &str| by_a.replace("— a.example.com", &format!("— {name}"));
    let unknown =
        |id: &str, comment: &str, note: &str| bad(id, "note-unsigned", comment, verify(note, &[key(a)]));
    let mut cases = vec![
        unknown("name-255", "a name of 255 bytes, of another key", &name(&"x".repeat(255))),
        unknown("name-umlaut", "a name beyond ASCII is a name", &name("ä.example.com")),
        good(
            "empty-text",
            "a text of one line feed",
            verified(&signed("\n", &[a]), &[key(a)], &["a.example.com"]),
        ),
        good(
            "delete-in-text",
            "0x7f in a text, which is not below 0x20",
            verified(&signed("a\u{7f}b\n", &[a]), &[key(a)], &["a.example.com"]),
        ),
        bad(
            "longer-body",
            "note-signature",
            "65 bytes for a known key of type 0x01",
            verify(&with_body(by_a, |body| body.push(0)), &[key(a)]),
        ),
        bad(
            "shorter-body",
            "note-signature",
            "one byte for a known key",
            verify(&with_body(by_a, |body| body.truncate(5)), &[key(a)]),
        ),
    ];
    for (id, comment, note) in [
        ("name-256", "a name of 256 bytes", name(&"x".repeat(256))),
        ("name-empty", "an empty name", name("")),
        ("name-no-break-space", "U+00A0 in a name", name("a\u{a0}b")),
        ("name-ogham-space", "U+1680 in a name", name("a\u{1680}b")),
        ("name-thin-space", "U+2009 in a name", name("a\u{2009}b")),
        ("name-line-separator", "U+2028 in a name", name("a\u{2028}b")),
        ("name-ideographic-space", "U+3000 in a name", name("a\u{3000}b")),
        ("name-delete", "U+007F in a name", name("a\u{7f}b")),
        ("name-c1", "U+0085 in a name", name("a\u{85}b")),
        ("two-spaces", "two spaces", by_a.replace("— a", "—  a")),
        ("unused-bits", "bits of base64 that are unused and not zero", unused_bits(by_a)),
        ("null", "a zero byte", by_a.replace("hello", "hel\0lo")),
    ] {
        cases.push(bad(id, "note-format", comment, verify(&note, &[key(a)])));
    }
    cases
}

/// The last line with another body.
fn with_body(note: &str, change: impl Fn(&mut Vec<u8>)) -> String {
    let (before, base64) = note.trim_end().rsplit_once(' ').expect("a signature line");
    let mut bytes = Base64::decode_vec(base64).expect("base64");
    change(&mut bytes);
    format!("{before} {}\n", Base64::encode_string(&bytes))
}

/// The last letter before one `=` holds two unused bits: of four spellings one is canonical.
fn unused_bits(note: &str) -> String {
    let rest = note.strip_suffix("=\n").expect("a body of 68 bytes ends in one padding character");
    let last = rest.chars().last().expect("a letter");
    let next = char::from_u32(u32::from(last) + 1).expect("ASCII");
    format!("{}{next}=\n", &rest[..rest.len() - 1])
}

/// Notes at their limits, with a signature line of nobody.
fn limits(a: &Signer) -> Vec<Value> {
    let line = "— nobody AAAAAAA=\n";
    let long = |parts: &[(&str, usize)]| json!({"kind": "verify", "note": repeat(parts), "keys": [key(a)]});
    let rest = "\n".len() + "\n".len() + line.len();
    let (is, above) = ("note-unsigned", "note-format");
    vec![
        bad("lines-256", is, "256 lines", long(&[("x\n", 256), ("\n", 1), (line, 1)])),
        bad("lines-257", above, "257 lines", long(&[("x\n", 257), ("\n", 1), (line, 1)])),
        bad("signatures-64", is, "64 signatures", long(&[("x\n", 1), ("\n", 1), (line, 64)])),
        bad(
            "bytes-524288",
            is,
            "524,288 bytes",
            long(&[("x", 524_288 - rest), ("\n", 1), ("\n", 1), (line, 1)]),
        ),
        bad(
            "bytes-524289",
            above,
            "a byte more",
            long(&[("x", 524_289 - rest), ("\n", 1), ("\n", 1), (line, 1)]),
        ),
    ]
}

fn cosignatures() -> Vec<Value> {
    let log = Log::new(signer(ORIGIN, 1));
    let w1 = witness(1);
    let note = |time: u64| {
        let mut note = log.checkpoint().sign(&log.signer).expect("a checkpoint");
        cosign_note(&w1, &mut note, time).expect("a time");
        note.to_string()
    };
    let right = note(i64::MAX as u64);
    vec![
        good(
            "cosignature-last-time",
            "a time of 2^63 - 1",
            verified(&right, &[key(&w1)], &["witness.example.org/w1"]),
        ),
        bad(
            "cosignature-late",
            "note-signature",
            "a time of 2^63, over which the witness signed",
            verify(&late(&log, &w1), &[key(&w1)]),
        ),
        bad(
            "cosignature-short",
            "note-signature",
            "71 bytes",
            verify(&with_body(&right, |body| body.truncate(75)), &[key(&w1)]),
        ),
        bad(
            "cosignature-long",
            "note-signature",
            "73 bytes",
            verify(&with_body(&right, |body| body.push(0)), &[key(&w1)]),
        ),
    ]
}

fn late(log: &Log, witness: &Signer) -> String {
    use ed25519_dalek::Signer as _;
    let time = 1u64 << 63;
    let note = log.checkpoint().sign(&log.signer).expect("a checkpoint");
    let key = ed25519_dalek::SigningKey::from_bytes(&[101; 32]);
    assert_eq!(key.verifying_key().as_bytes(), witness.verifier_key().public_key());
    let message = format!("cosignature/v1\ntime {time}\n{}", note.text());
    let id = witness.verifier_key().key_id().to_be_bytes();
    let body = [&id[..], &time.to_be_bytes(), &key.sign(message.as_bytes()).to_bytes()].concat();
    format!("{note}— {} {}\n", witness.verifier_key().name(), Base64::encode_string(&body))
}

fn keys() -> Vec<Value> {
    let (log, witness) = (signer("a.example.com", 1), witness(1));
    let public = |signer: &Signer| hex(signer.verifier_key().public_key());
    let good_key = |name: &str, signer: &Signer, kind: u8| {
        let vkey = signer.verifier_key();
        let fields = json!({"kind": "key", "vkey": vkey.to_string(), "of": vkey.name(), "type": kind,
            "key_id": format!("{:08x}", vkey.key_id()), "public_key": public(signer)});
        good(name, "a verifier key", fields)
    };
    let no = |name: &str, comment: &str, vkey: String| {
        bad(name, "key", comment, json!({"kind": "key", "vkey": vkey}))
    };
    let vkey = key(&log);
    let (name, rest) = vkey.split_once('+').expect("a vkey");
    let (id, base64) = rest.split_once('+').expect("a vkey");
    let zero = Base64::encode_string(&[&[1], &[0; 32][..]].concat());
    vec![
        good_key("key-log", &log, 1),
        good_key("key-witness", &witness, 4),
        no("key-other-name", "the id is that of another name", format!("b.example.com+{id}+{base64}")),
        no("key-other-id", "another id", format!("{name}+00000000+{base64}")),
        no("key-capital-id", "the id in capitals", format!("{name}+{}+{base64}", id.to_uppercase())),
        no("key-no-id", "the id is missing", format!("{name}+{base64}")),
        no("key-name", "a name with a space", VKEY_SPACE.into()),
        no("key-base64", "base64 with padding too much", format!("{vkey}=")),
        no("key-short", "31 bytes of public key", format!("{name}+{id}+{}", Base64::encode_string(&[1; 32]))),
        no("key-type", "type 0x02", with_type(&vkey, 2)),
        no("key-type-5", "type 0x05, which has no verifier keys", with_type(&vkey, 5)),
        no("key-small-order", "the point of order 4 that is 32 zero bytes", format!("{name}+{id}+{zero}")),
    ]
}

/// The id is that of this name.
const VKEY_SPACE: &str = "a b+00000000+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

/// The key with another type and the key id of that.
fn with_type(vkey: &str, kind: u8) -> String {
    use sha2::{Digest, Sha256};
    let (name, base64) =
        (vkey.split('+').next().expect("a name"), vkey.splitn(3, '+').nth(2).expect("a key"));
    let mut bytes = Base64::decode_vec(base64).expect("base64");
    bytes[0] = kind;
    let digest = Sha256::digest([name.as_bytes(), b"\n", &bytes].concat());
    format!("{name}+{}+{}", hex(&digest[..4]), Base64::encode_string(&bytes))
}

pub fn checkpoint() -> File {
    let log = Log::new(signer(ORIGIN, 1));
    let root = Base64::encode_string(&log.checkpoint().root.0);
    let text = format!("{ORIGIN}\n1\n{root}\n");
    let parsed = |name: &str, text: &str, size: u64, root: &str, extensions: &[&str]| {
        let root = hex(&Base64::decode_vec(root).expect("base64"));
        let fields = json!({"kind": "text", "text": text, "origin": ORIGIN, "size": size, "root": root, "extensions": extensions});
        good(name, "the text of a checkpoint", fields)
    };
    let empty = Base64::encode_string(&Hash::EMPTY_ROOT.0);
    let mut cases = vec![
        parsed("one", &text, 1, &root, &[]),
        parsed("empty-tree", &format!("{ORIGIN}\n0\n{empty}\n"), 0, &empty, &[]),
        parsed("extension", &format!("{text}future\n"), 1, &root, &["future"]),
    ];
    for (name, bad_text, comment) in [
        ("two-lines", format!("{ORIGIN}\n1\n"), "no root"),
        ("no-newline", text.trim_end().to_owned(), "the last line has no end"),
        ("empty-line", format!("{text}\n"), "an empty extension line"),
        ("no-origin", format!("\n1\n{root}\n"), "an empty origin"),
        ("leading-zero", text.replace("\n1\n", "\n01\n"), "a leading zero"),
        ("sign", text.replace("\n1\n", "\n+1\n"), "a sign"),
        ("hex-size", text.replace("\n1\n", "\n0x1\n"), "no decimal"),
        ("too-large", text.replace("\n1\n", "\n9223372036854775809\n"), "2^63 + 1 leaves"),
        ("short-root", text.replace(&root, "AAAA"), "a root of three bytes"),
        ("unpadded-root", text.replace('=', ""), "base64 without padding"),
        ("empty-tree-other-root", text.replace("\n1\n", "\n0\n"), "the empty tree has one root"),
        ("extensions", text.clone() + &"x\n".repeat(17), "17 extension lines"),
        ("root-unused-bits", unused_bits(&text), "bits of base64 that are unused and not zero"),
    ] {
        cases.push(bad(name, "checkpoint-format", comment, json!({"kind": "text", "text": bad_text})));
    }
    cases.extend(tree_heads(&log));
    File::new("checkpoint", "Checkpoints and RFC 6962 tree heads (formats.md §4.2, §4.3).", cases)
}

fn tree_heads(log: &Log) -> Vec<Value> {
    let spki = sct_key().spki().to_vec();
    let note = log.note(&[1]).to_string();
    let fields = |note: &str, spki: &[u8]| json!({"kind": "tree-head", "note": note, "sct_key": hex(spki)});
    let checkpoint = log.checkpoint();
    let timestamp = 1000 * (START + 60);
    let mut good_fields = fields(&note, &spki);
    good_fields["timestamp"] = timestamp.into();
    good_fields["message"] = hex(&tree_head_message(timestamp, checkpoint.size, &checkpoint.root)).into();
    let filippo = Base64::decode_vec(RFC6962_KEY).expect("base64");
    let mut external = fields(RFC6962_NOTE, &filippo);
    external["timestamp"] = 1_711_519_390_034u64.into();
    let line = note.lines().nth(5).expect("the tree head is the second signature");
    let (before, base64) = line.rsplit_once(' ').expect("a signature line");
    let body = Base64::decode_vec(base64).expect("base64");
    let changed = |change: fn(&mut Vec<u8>)| {
        let mut body = body.clone();
        change(&mut body);
        note.replace(line, &format!("{before} {}", Base64::encode_string(&body)))
    };
    let other_key = tnlog::synthetic::KeyPair::p256(78).spki().to_vec();
    assert_ne!(log_id(&other_key), log_id(&spki));
    let mut late = fields(&tree_head(log, u64::MAX), &spki);
    late["message"] = hex(&tree_head_message(u64::MAX, checkpoint.size, &checkpoint.root)).into();
    let der = &body[16..];
    let mut cases: Vec<_> = crate::ecdsa::changed(der)
        .into_iter()
        .filter(|(_, _, der)| der.len() <= 72)
        .map(|(name, comment, der)| {
            let signed = [&body[..14], &(der.len() as u16).to_be_bytes(), &der].concat();
            let note = note.replace(line, &format!("{before} {}", Base64::encode_string(&signed)));
            bad(&format!("tree-head-{name}"), "tree-head-signature", comment, fields(&note, &spki))
        })
        .collect();
    let p384 = tnlog::synthetic::KeyPair::p384(5).spki().to_vec();
    cases.extend([
        bad("tree-head-key", "sct-key", "an SCT key of P-384", fields(&note, &p384)),
        bad(
            "tree-head-73",
            "tree-head-format",
            "a signature of 73 bytes",
            fields(
                &changed(|body| {
                    body[15] = 73;
                    body.resize(16 + 73, 0);
                }),
                &spki,
            ),
        ),
    ]);
    cases.extend(vec![
        good("tree-head-last-time", "a time of 2^64 - 1, which is in the message", late),
        good("tree-head", "both signatures of the log, and a witness's", good_fields),
        from(RFC6962, good("tree-head-filippo", "of a real log", external)),
        bad("tree-head-other-log", "tree-head-missing", "no line of this log id", fields(&note, &other_key)),
        bad(
            "tree-head-none",
            "tree-head-missing",
            "the line is not there",
            fields(&note.replace(&format!("{line}\n"), ""), &spki),
        ),
        bad(
            "tree-head-twice",
            "tree-head-format",
            "two lines of one log id",
            fields(&note.replace(line, &format!("{line}\n{line}")), &spki),
        ),
        bad(
            "tree-head-time",
            "tree-head-signature",
            "another time",
            fields(&changed(|body| body[11] ^= 1), &spki),
        ),
        bad(
            "tree-head-algorithm",
            "tree-head-format",
            "hash 5, which is SHA-384",
            fields(&changed(|body| body[12] = 5), &spki),
        ),
        bad(
            "tree-head-length",
            "tree-head-format",
            "a length that is one too large",
            fields(&changed(|body| body[15] += 1), &spki),
        ),
        bad(
            "tree-head-trailing",
            "tree-head-format",
            "a byte follows",
            fields(&changed(|body| body.push(0)), &spki),
        ),
        bad(
            "tree-head-extension",
            "tree-head-format",
            "an extension line, which a tree head does not cover",
            fields(&note.replacen("=\n\n", "=\nfuture\n\n", 1), &spki),
        ),
        bad(
            "tree-head-size",
            "tree-head-signature",
            "another size than what was signed",
            fields(&note.replacen("\n1\n", "\n2\n", 1), &spki),
        ),
    ]);
    cases
}

/// The checkpoint with the tree head of this time alone.
fn tree_head(log: &Log, timestamp: u64) -> String {
    let checkpoint = log.checkpoint();
    let (size, root) = (checkpoint.size, checkpoint.root);
    let signature = sct_key().sign(&tree_head_message(timestamp, size, &root));
    let head = tnlog::checkpoint::TreeHead { size, root, timestamp, signature };
    let mut note = checkpoint.sign(&log.signer).expect("a checkpoint");
    note.add(head.note_signature(&checkpoint.origin, &log_id(sct_key().spki())).expect("a name"))
        .expect("room");
    note.to_string()
}
