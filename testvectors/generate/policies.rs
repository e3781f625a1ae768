//! policy.json.

use serde_json::{Value, json};
use tnlog::cosignature::cosign_note;
use tnlog::note::{KeyType, Note, Signer};

use crate::case::{File, bad, good, repeat};
use crate::notes::{damaged, key, signed};
use crate::world::{Log, ORIGIN, START, policy as policy_text, signer, witness};

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
    let two_logs = format!("log {}\n{policy}", other_log.signer.verifier_key());
    let foreign = {
        let mut note = Note::new(log.checkpoint().to_string()).expect("a text");
        other_log.signer.sign(&mut note).expect("a note signer");
        for number in [1, 3] {
            cosign_note(&witness(number), &mut note, START + 60).expect("a checkpoint");
        }
        note
    };
    let both_logs = {
        let mut note = log.checkpoint().sign(&log.signer).expect("a checkpoint");
        other_log.signer.sign(&mut note).expect("a note signer");
        for number in [1, 3] {
            cosign_note(&witness(number), &mut note, START + 60 + u64::from(number)).expect("a checkpoint");
        }
        note.to_string()
    };
    let newest_first = {
        let mut note = log.checkpoint().sign(&log.signer).expect("a checkpoint");
        for (number, time) in [(1, START + 500), (2, START + 62), (1, START + 61)] {
            cosign_note(&witness(number), &mut note, time).expect("a checkpoint");
        }
        let mut fields = meets(&policy, &note.to_string(), &[1, 2]);
        fields["cosigned"][0]["time"] = (START + 500).into();
        fields
    };
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
        good("newest-first", "the same, and the newest line is the first", newest_first),
        good("two-logs", "another log of the policy signed as well", meets(&two_logs, &both_logs, &[1, 3])),
        bad(
            "log-of-another-origin",
            "checkpoint-log",
            "signed by a log of the policy, whose name is not the origin",
            fields(&two_logs, &foreign.to_string()),
        ),
        good(
            "no-last-line-feed",
            "the last line of the policy has no line feed",
            meets(policy.trim_end(), &both, &[1, 3]),
        ),
        good(
            "after-the-quorum",
            "a line after the quorum",
            meets(&format!("{policy}log {}\n", other_log.signer.verifier_key()), &both, &[1, 3]),
        ),
        good(
            "url",
            "a URL, which is not looked at",
            meets(&policy.replacen('\n', " no:url\n", 1), &both, &[1, 3]),
        ),
        good(
            "log-name-twice",
            "two keys of one log",
            meets(&format!("log {}\n{policy}", impostor.signer.verifier_key()), &both, &[1, 3]),
        ),
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
    cases.extend(policy_limits(&log, &both));
    File::new("policy", "Policies, and checkpoints that meet them or not (formats.md §4.4).", cases)
}

/// Policies at their limits.
fn policy_limits(log: &Log, note: &str) -> Vec<Value> {
    let none = format!("log {}\nquorum none\n", log.signer.verifier_key());
    let logs = |count: u8| (2..=count).map(|seed| format!("log {}\n", key(&signer("x", seed)))).collect();
    let witnesses = |count: u8| -> String {
        let line = |i| format!("witness n{i} {}\n", key(&cosigner(i)));
        (0..count).map(line).collect()
    };
    let groups = |count: u8| {
        let group = |i: u8| match i {
            64 => "group g64 any g0\n".to_owned(),
            _ => format!("group g{i} any n{i}\n"),
        };
        witnesses(64) + (0..count).map(group).collect::<String>().as_str()
    };
    let long =
        |comment: usize| json!({"policy": repeat(&[(&none, 1), ("#", comment), ("\n", 1)]), "note": note});
    let mut cases = Vec::new();
    let mut add = |name: &str, error: Option<&str>, comment: &str, mut fields: Value| match error {
        Some(error) => cases.push(bad(name, error, comment, fields)),
        None => {
            (fields["cosigned"], fields["origin"]) = (json!([]), ORIGIN.into());
            cases.push(good(name, comment, fields));
        }
    };
    let fields = |lines: String| json!({"policy": none.clone() + &lines, "note": note});
    let above = Some("policy-format");
    add("logs-64", None, "64 logs", without_witnesses(log, fields(logs(64))));
    add("logs-65", above, "65 logs", fields(logs(65)));
    add("witnesses-64", None, "64 witnesses", without_witnesses(log, fields(witnesses(64))));
    add("witnesses-65", above, "65 witnesses", fields(witnesses(65)));
    add("groups-64", None, "64 groups", without_witnesses(log, fields(groups(64))));
    add("groups-65", above, "65 groups, one of them of a group", fields(groups(65)));
    let rest = none.len() + 1;
    add("bytes-131072", None, "131,072 bytes", without_witnesses(log, long(131_072 - rest)));
    add("bytes-131073", above, "a byte more", long(131_073 - rest));
    cases
}

fn without_witnesses(log: &Log, mut fields: Value) -> Value {
    fields["note"] = log.checkpoint().sign(&log.signer).expect("a checkpoint").to_string().into();
    fields
}

fn cosigner(number: u8) -> Signer {
    Signer::new("x", KeyType::Cosignature, &[number; 32]).expect("a name")
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
        ("vertical-tab", policy.replacen("log ", "log\u{b}", 1), "a control character"),
        ("delete", format!("{policy}# \u{7f}\n"), "0x7f in a comment"),
        ("carriage-return", policy.replace('\n', "\r\n"), "lines that end in carriage returns"),
        ("bad-key", policy.replacen("log ", "log x", 1), "a verifier key whose id does not match"),
        ("url-twice", policy.replacen('\n', " a b\n", 1), "two URLs"),
        ("no-members", format!("{policy}group empty any\n"), "a group of nobody"),
        ("group-itself", format!("{policy}group g any g\n"), "a group within itself"),
        ("empty", String::new(), "no line"),
    ]
    .into_iter()
    .map(|(name, policy, comment)| {
        bad(name, "policy-format", comment, json!({"policy": policy, "note": note}))
    })
    .collect()
}
