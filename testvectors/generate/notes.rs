//! note.json, checkpoint.json, policy.json.

use base64ct::{Base64, Encoding};
use serde_json::{Value, json};
use tnlog::checkpoint::tree_head_message;
use tnlog::cosignature::cosign_note;
use tnlog::merkle::Hash;
use tnlog::note::{Note, Signer};
use tnlog::sct::log_id;

use crate::case::{File, bad, from, good, hex};
use crate::world::{Log, ORIGIN, START, policy as policy_text, sct_key, signer, witness};

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

fn key(signer: &Signer) -> String {
    signer.verifier_key().to_string()
}

fn signed(text: &str, signers: &[&Signer]) -> String {
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
fn damaged(note: &str) -> String {
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
    cases.extend(keys());
    File::new("note", "Signed notes and verifier keys (formats.md §4.1).", cases)
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
        no("key-small-order", "the point of order 4 that is 32 zero bytes", format!("{name}+{id}+{zero}")),
    ]
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
    vec![
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
    ]
}

pub fn policy() -> File {
    let log = Log::new(signer(ORIGIN, 1));
    let policy = policy_text(&log.signer);
    let fields = |policy: &str, note: &str| json!({"policy": policy, "note": note});
    let meets = |policy: &str, note: &str, witnesses: &[u8]| {
        let mut fields = fields(policy, note);
        let time =
            |number: &u8| json!({"name": format!("w{number}"), "time": START + 60 + u64::from(*number)});
        fields["cosigned"] = witnesses.iter().map(time).collect();
        fields["origin"] = ORIGIN.into();
        fields
    };
    let (both, one) = (log.note(&[1, 3]).to_string(), log.note(&[1]).to_string());
    let alone = log.checkpoint().sign(&log.signer).expect("a checkpoint").to_string();
    let none = format!("log {}\nquorum none\n", log.signer.verifier_key());
    let nested = policy.replace("quorum all-witnesses", "group outer all all-witnesses\nquorum outer");
    let comment = format!("# a comment\n\n \t{policy}");
    let mut twice = log.note(&[1, 2]);
    cosign_note(&witness(1), &mut twice, START + 500).expect("a checkpoint");
    let newest = {
        let mut fields = meets(&policy, &twice.to_string(), &[1, 2]);
        fields["cosigned"][0]["time"] = (START + 500).into();
        fields
    };
    let other_log = Log::new(signer("other.example.com/tn", 9));
    let impostor = Log::new(signer(ORIGIN, 9));
    let mut cases = vec![
        good("two-of-three", "quorum met", meets(&policy, &both, &[1, 3])),
        good("three", "more than the quorum", meets(&policy, &log.note(&[1, 2, 3]).to_string(), &[1, 2, 3])),
        good("none", "no witness is asked for", meets(&none, &alone, &[])),
        good(
            "single",
            "the quorum is one witness",
            meets(&policy.replace("quorum all-witnesses", "quorum w1"), &one, &[1]),
        ),
        good("nested", "a group in a group", meets(&nested, &both, &[1, 3])),
        good("comment", "comments, empty lines, blanks before a line", meets(&comment, &both, &[1, 3])),
        good("twice", "a witness cosigned twice: the newest time counts", newest),
        bad("one-of-three", "quorum", "one witness is too few", fields(&policy, &one)),
        bad("alone", "quorum", "no witness", fields(&policy, &alone)),
        bad(
            "wrong-witness",
            "quorum",
            "the quorum is another witness",
            fields(&policy.replace("quorum all-witnesses", "quorum w2"), &both),
        ),
        bad(
            "same-witness-twice",
            "quorum",
            "one witness counts once",
            fields(&policy, &{
                let mut note = log.note(&[1]);
                cosign_note(&witness(1), &mut note, START + 500).expect("a checkpoint");
                note.to_string()
            }),
        ),
        bad(
            "other-log",
            "checkpoint-log",
            "a log that is not in the policy, cosigned by its witnesses",
            fields(&policy, &other_log.note(&[1, 3]).to_string()),
        ),
        bad(
            "other-log-alone",
            "checkpoint-log",
            "no line of any key of the policy",
            fields(&policy, &other_log.note(&[]).to_string()),
        ),
        bad(
            "impostor",
            "checkpoint-log",
            "the right origin, another key",
            fields(&policy, &impostor.note(&[1, 3]).to_string()),
        ),
        bad(
            "damaged-cosignature",
            "note-signature",
            "one cosignature does not verify; the quorum would be met without it",
            fields(&policy, &damaged(&log.note(&[1, 2, 3]).to_string())),
        ),
        bad(
            "moved-cosignature",
            "note-signature",
            "the cosignatures are of another checkpoint",
            fields(&policy, &moved(&log, &other_log)),
        ),
        bad(
            "no-checkpoint",
            "checkpoint-format",
            "a note that is signed and no checkpoint",
            fields(&policy, &signed("hello\n", &[&log.signer])),
        ),
        bad("no-note", "note-format", "no signature", fields(&policy, "hello\n")),
    ];
    cases.extend(bad_policies(&policy, &both));
    File::new("policy", "Policies, and checkpoints that meet them or not (formats.md §4.4).", cases)
}

/// The checkpoint of one log with the cosignatures of another's.
fn moved(log: &Log, other: &Log) -> String {
    let mut note = log.checkpoint().sign(&log.signer).expect("a checkpoint");
    other.note(&[1, 3]).signatures()[2..].iter().for_each(|line| note.add(line.clone()).expect("room"));
    note.to_string()
}

fn bad_policies(policy: &str, note: &str) -> Vec<Value> {
    let log = policy.lines().next().expect("a log");
    let w1 = policy.lines().nth(1).expect("a witness");
    [
        ("no-quorum", policy.replace("quorum all-witnesses\n", ""), "no quorum line"),
        ("two-quorums", format!("{policy}quorum none\n"), "two quorum lines"),
        ("unknown-member", policy.replace("2 w1", "2 w9 w1"), "a member that is not defined"),
        (
            "quorum-first",
            format!("quorum w1\n{}", policy.replace("quorum all-witnesses\n", "")),
            "a name before its definition",
        ),
        ("threshold-zero", policy.replace("witnesses 2", "witnesses 0"), "a group of which none are needed"),
        ("threshold-four", policy.replace("witnesses 2", "witnesses 4"), "four of three"),
        ("threshold-spelling", policy.replace("witnesses 2", "witnesses 02"), "a leading zero"),
        ("member-twice", policy.replace("w1 w2 w3", "w1 w1 w2"), "a member twice"),
        (
            "witness-twice",
            policy.replace(w1, &format!("{w1}\n{}", w1.replace("w1 ", "w0 "))),
            "one key, two witnesses",
        ),
        ("log-twice", format!("{log}\n{policy}"), "one key, two logs"),
        ("name-none", policy.replace("all-witnesses", "none"), "a group with the name none"),
        (
            "log-with-cosigner",
            policy.replace(log, &w1.replace("witness w1", "log")),
            "a log has a key of type 0x01",
        ),
        ("unknown-line", format!("{policy}threshold 2\n"), "another word"),
    ]
    .into_iter()
    .map(|(name, policy, comment)| {
        bad(name, "policy-format", comment, json!({"policy": policy, "note": note}))
    })
    .collect()
}
