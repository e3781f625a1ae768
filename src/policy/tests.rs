use super::*;
use crate::cosignature::cosign_note;
use crate::merkle::Hash;
use crate::note::{KeyError, KeyType, Signer};

const REAL: &str = include_str!("../../testvectors/external/witnessed-checkpoint.txt");
const REAL_POLICY: &str = include_str!("../../testvectors/external/witnessed-checkpoint.policy");

fn log(seed: u8) -> Signer {
    Signer::new("log.example", KeyType::Ed25519, &[seed; 32]).unwrap()
}

fn witness(seed: u8) -> Signer {
    Signer::new(format!("w{seed}.example"), KeyType::Cosignature, &[seed; 32]).unwrap()
}

/// The example of the specification, with witnesses 1 to 3 as X1 to X3 and 4 to 6 as Y1 to Y3.
fn example() -> String {
    let vkey = |seed| witness(seed).verifier_key().to_string();
    format!(
        "log {}\n\nwitness X1 {}\nwitness X2 {}\nwitness X3 {}\ngroup X-witnesses 2 X1 X2 X3\n\n\
         witness Y1 {}\nwitness Y2 {}\nwitness Y3 {}\ngroup Y-witnesses any Y1 Y2 Y3\n\n\
         group X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n",
        log(100).verifier_key(),
        vkey(1),
        vkey(2),
        vkey(3),
        vkey(4),
        vkey(5),
        vkey(6)
    )
}

fn checkpoint(witnesses: &[u8]) -> Note {
    let mut note = Checkpoint::new("log.example", 7, Hash([7; 32])).sign(&log(100)).unwrap();
    witnesses
        .iter()
        .for_each(|&seed| cosign_note(&witness(seed), &mut note, 1000 + u64::from(seed)).unwrap());
    note
}

fn wrong_line(line: &str) -> RuleError {
    let vkeys = [1, 2, 7].map(|seed| witness(seed).verifier_key().to_string());
    let line = line.replace("<1>", &vkeys[0]).replace("<2>", &vkeys[1]).replace("<7>", &vkeys[2]);
    let line = line.replace("<log>", &log(100).verifier_key().to_string());
    let file = example().replace("quorum X-and-Y\n", "") + &line;
    match Policy::parse(file.as_bytes()) {
        Err(ParseError::Line { error, line: 14 }) => error,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn the_quorum_of_the_example_is_as_the_specification_says_for_every_set_of_witnesses() {
    let policy: Policy = example().parse().unwrap();
    let names = ["X1", "X2", "X3", "Y1", "Y2", "Y3"];
    for set in 0..64u8 {
        let cosigned: Vec<_> = (0..6).filter(|bit| set >> bit & 1 == 1).map(|bit| bit + 1).collect();
        let x = cosigned.iter().filter(|&&seed| seed <= 3).count();
        let expected = x >= 2 && x < cosigned.len();
        match policy.check_note(&checkpoint(&cosigned)) {
            Ok(checked) => {
                assert!(expected, "{cosigned:?}");
                let times: Vec<_> = checked.cosigned.iter().map(|(_, time)| *time).collect();
                assert_eq!(times, cosigned.iter().map(|&seed| 1000 + u64::from(seed)).collect::<Vec<_>>());
                assert_eq!(checked.checkpoint.size, 7);
                assert_eq!(&checked.log.key, log(100).verifier_key());
            }
            Err(error) => {
                assert!(!expected, "{cosigned:?}");
                let lacking = (1..=6).filter(|seed| !cosigned.contains(seed));
                let missing = lacking.map(|seed| names[usize::from(seed) - 1].to_owned()).collect();
                let (quorum, cosigned) = ("X-and-Y".into(), cosigned.len());
                assert_eq!(error, PolicyError::Quorum { quorum, cosigned, missing });
            }
        }
        assert_eq!(policy.quorum_met(cosigned.iter().map(|&seed| names[usize::from(seed) - 1])), expected);
    }
}

#[test]
fn a_real_checkpoint_with_real_witnesses_meets_their_policy() {
    let policy: Policy = REAL_POLICY.parse().unwrap();
    let checked = policy.check(REAL.as_bytes()).unwrap();
    let names: Vec<_> = checked.cosigned.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["remora", "smartit", "stagemole"]);
    assert!(checked.cosigned.iter().all(|(_, time)| *time == 0x6a122120));
    assert_eq!(policy.witnesses()[0].url.as_deref(), Some("https://remora.n621.de/"));
    let stricter: Policy = REAL_POLICY.replace("most 3", "most 4").parse().unwrap();
    let cosigners = ["remora", "smartit", "stagemole"];
    let lacking = stricter.witnesses().iter().filter(|witness| !cosigners.contains(&witness.name.as_str()));
    let missing = lacking.map(|witness| witness.name.clone()).collect();
    let quorum = PolicyError::Quorum { quorum: "most".into(), cosigned: 3, missing };
    assert_eq!(stricter.check(REAL.as_bytes()), Err(quorum));
}

#[test]
fn a_quorum_of_none_asks_for_the_log_alone() {
    let policy: Policy = format!("log {}\nquorum none", log(100).verifier_key()).parse().unwrap();
    assert_eq!(policy.quorum_name(), "none");
    assert_eq!(policy.check_note(&checkpoint(&[1])).unwrap().cosigned, []);
}

#[test]
fn a_quorum_of_one_witness_asks_for_it() {
    let policy: Policy = example().replace("quorum X-and-Y", "quorum Y2").parse().unwrap();
    assert!(policy.check_note(&checkpoint(&[5])).is_ok());
    assert!(policy.check_note(&checkpoint(&[1, 2, 3, 4, 6])).is_err());
}

/// Fails when `check_note` does not ask for a log: witnesses alone would vouch for any tree.
#[test]
fn witnesses_do_not_replace_the_log() {
    let policy: Policy = example().parse().unwrap();
    let mut note = Note::new(Checkpoint::new("log.example", 7, Hash([7; 32])).to_string()).unwrap();
    (1..=6).for_each(|seed| cosign_note(&witness(seed), &mut note, 5).unwrap());
    assert_eq!(policy.check_note(&note), Err(PolicyError::Log { origin: "log.example".into() }));
}

/// Fails when `signed_by` in `check_note` does not compare the origin.
#[test]
fn a_log_of_the_policy_cannot_sign_for_another() {
    let policy: Policy = format!("log {}\nquorum none", log(100).verifier_key()).parse().unwrap();
    let mut note = Note::new(Checkpoint::new("victim.example", 7, Hash([7; 32])).to_string()).unwrap();
    log(100).sign(&mut note).unwrap();
    assert_eq!(policy.check_note(&note), Err(PolicyError::Log { origin: "victim.example".into() }));
}

#[test]
fn strangers_count_for_nothing_and_false_witnesses_condemn() {
    let policy: Policy = example().parse().unwrap();
    assert!(matches!(
        policy.check_note(&checkpoint(&[1, 7, 8])),
        Err(PolicyError::Quorum { cosigned: 1, .. })
    ));
    let mut note = checkpoint(&[1, 2, 4]);
    let mut other = Note::new(Checkpoint::new("log.example", 8, Hash([7; 32])).to_string()).unwrap();
    cosign_note(&witness(3), &mut other, 5).unwrap();
    note.add(other.signatures()[0].clone()).unwrap();
    assert_eq!(policy.check_note(&note), Err(VerifyError::Invalid { name: "w3.example".into() }.into()));
}

#[test]
fn a_witness_that_cosigns_twice_counts_once_with_its_newest_time() {
    let policy: Policy = example().parse().unwrap();
    let mut note = checkpoint(&[1, 1, 4]);
    assert!(matches!(policy.check_note(&note), Err(PolicyError::Quorum { cosigned: 2, .. })));
    cosign_note(&witness(2), &mut note, 9000).unwrap();
    cosign_note(&witness(2), &mut note, 8000).unwrap();
    let checked = policy.check_note(&note).unwrap();
    assert_eq!(checked.cosigned[1], ("X2".into(), 9000));
}

#[test]
fn wrong_lines_are_refused_by_their_rule() {
    let duplicate = |name: &str| RuleError::DuplicateName(name.into());
    let twice = |name: &str| RuleError::MemberTwice(name.into());
    let unknown = |name: &str| RuleError::UnknownName(name.into());
    let wrong = [
        ("log <log>", RuleError::DuplicateKey),
        ("log <7>", RuleError::KeyType),
        ("log", RuleError::Line),
        ("log <7> url more", RuleError::Line),
        ("log x", RuleError::Key(KeyError::Malformed)),
        ("witness W <1>", RuleError::DuplicateKey),
        ("witness W <log>", RuleError::KeyType),
        ("witness X1 <7>", duplicate("X1")),
        ("witness none <7>", duplicate("none")),
        ("witness X-and-Y <7>", duplicate("X-and-Y")),
        ("witness W", RuleError::Line),
        ("group G any X1", twice("X1")),
        ("group G all X-and-Y X-and-Y", twice("X-and-Y")),
        ("group G any none", unknown("none")),
        ("group G any Z", unknown("Z")),
        ("group G any G", unknown("G")),
        ("group G any", RuleError::Threshold),
        ("group G 0 X-and-Y", RuleError::Threshold),
        ("group G 2 X-and-Y", RuleError::Threshold),
        ("group G 01 X-and-Y", RuleError::Threshold),
        ("group G +1 X-and-Y", RuleError::Threshold),
        ("group G most X-and-Y", RuleError::Threshold),
        ("group X-and-Y all X-and-Y", duplicate("X-and-Y")),
        ("group none all X-and-Y", duplicate("none")),
        ("quorum Z", unknown("Z")),
        ("quorum", RuleError::Line),
        ("quorum X-and-Y extra", RuleError::Line),
        ("Quorum X-and-Y", RuleError::Line),
        ("quorum X-and-Y\r", RuleError::Characters),
        ("quorum\u{a0}X-and-Y", RuleError::Line),
        ("# comment \u{7f}", RuleError::Characters),
        ("# comment \u{0}", RuleError::Characters),
    ];
    for (line, error) in wrong {
        assert_eq!(wrong_line(line), error, "{line}");
    }
}

#[test]
fn white_space_comments_and_order_do_not_matter() {
    let loose = format!(
        " \t# comment\n#\n\n  quorum \t none  \n\tlog\t{}\thttps://log.example/ ",
        log(100).verifier_key()
    );
    let policy: Policy = loose.parse().unwrap();
    assert_eq!(policy.logs()[0].url.as_deref(), Some("https://log.example/"));
    assert!(Policy::parse(b"# not UTF-8: \xff\nquorum none\n").is_ok());
    assert!(Policy::parse(b"quorum \xff\n").is_err());
}

#[test]
fn there_is_exactly_one_quorum() {
    assert_eq!(Policy::parse(b""), Err(ParseError::NoQuorum));
    assert_eq!(example().replace("quorum", "#").parse::<Policy>(), Err(ParseError::NoQuorum));
    let second = ParseError::Line { line: 2, error: RuleError::SecondQuorum };
    assert_eq!("quorum none\nquorum none".parse::<Policy>(), Err(second));
}

#[test]
fn the_sizes_of_a_policy_are_bounded() {
    let mut file = String::new();
    (0..MAX_ITEMS as u8).for_each(|seed| {
        file += &format!("log {}\n", log(seed).verifier_key());
        file += &format!("witness w{seed} {}\ngroup g{seed} any w{seed}\n", witness(seed).verifier_key());
    });
    file += "quorum g63\n";
    assert!(file.parse::<Policy>().is_ok() && file.len() < MAX_POLICY / 2);
    let one_more = [
        format!("log {}\n", log(64).verifier_key()),
        format!("witness w64 {}\n", witness(64).verifier_key()),
        "group g64 any g0\n".into(),
    ];
    for line in one_more {
        let error = format!("{file}{line}").parse::<Policy>().unwrap_err();
        assert_eq!(error, ParseError::Line { line: 194, error: RuleError::TooMany }, "{line}");
    }
    assert_eq!(Policy::parse(&vec![b'\n'; MAX_POLICY + 1]), Err(ParseError::TooLong));
}

#[test]
fn a_file_with_a_byte_changed_or_cut_never_panics() {
    let good = example().into_bytes();
    let mut accepted = 0;
    for position in 0..good.len() {
        for flip in [1, 2, 8, 0x10, 0x80] {
            let mut bad = good.clone();
            bad[position] ^= flip;
            accepted += usize::from(Policy::parse(&bad).is_ok());
        }
        assert!(Policy::parse(&good[..position]).is_err() || position + 1 == good.len());
    }
    // Changed names that still agree, such as that of a witness that no other line spells.
    assert!(accepted < good.len() / 4, "{accepted} of the changed files were taken");
}
