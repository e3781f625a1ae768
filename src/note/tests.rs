use super::*;

const SPEC: &str = include_str!("../../testvectors/external/signed-note-spec.txt");
const GO: &str = include_str!("../../testvectors/external/signed-note-go.txt");
const POEM: &str = include_str!("../../testvectors/external/signed-note-poem.txt");

fn signer(name: &str, seed: u8) -> Signer {
    Signer::new(name, KeyType::Ed25519, &[seed; 32]).unwrap()
}

fn signed(text: &str, signers: &[&Signer]) -> Note {
    let mut note = Note::new(text).unwrap();
    signers.iter().for_each(|signer| signer.sign(&mut note).unwrap());
    note
}

#[test]
fn the_example_of_the_specification_verifies() {
    let (vkey, text) = SPEC.split_once('\n').unwrap();
    let key: VerifierKey = vkey.parse().unwrap();
    let note = Note::parse(text.as_bytes()).unwrap();
    assert_eq!((key.name(), key.key_id()), ("example.com/foo", 0x530d903a));
    assert_eq!(note.text(), "This is an example message.\n");
    assert_eq!(note.verify([&key]).unwrap().len(), 1);
    assert_eq!((key.to_string(), note.to_string()), (vkey.into(), text.into()));
}

#[test]
fn the_example_of_go_is_signed_to_the_same_bytes() {
    let mut lines = GO.splitn(3, '\n');
    let private_key = lines.next().unwrap();
    let signer = Signer::parse(private_key).unwrap();
    assert_eq!(*signer.to_private_key(), private_key);
    assert_eq!(signer.verifier_key().to_string(), lines.next().unwrap());
    let text = lines.next().unwrap();
    let unsigned = Note::parse(text.as_bytes()).unwrap();
    assert_eq!(signed(unsigned.text(), &[&signer]).to_string(), text);
}

#[test]
fn an_empty_line_in_the_text_is_text() {
    let note = Note::parse(POEM.as_bytes()).unwrap();
    assert!(note.text().ends_with("\n\ned è subito sera.\n"));
    assert_eq!(note.signatures()[0].name(), "quasimodo.example/salvatore");
    assert_eq!(note.signatures()[0].body().len(), 64);
    assert_eq!(note.to_string(), POEM);
}

#[test]
fn unknown_signatures_are_ignored_and_not_enough() {
    let (known, stranger) = (signer("log.example", 1), signer("other.example", 2));
    let note = signed("text\n", &[&stranger, &known]);
    let verified = note.verify([known.verifier_key()]).unwrap();
    assert_eq!(verified.len(), 1);
    assert_eq!(verified[0].signature, &note.signatures()[1]);
    let note = signed("text\n", &[&stranger]);
    assert_eq!(note.verify([known.verifier_key()]), Err(VerifyError::Unverified));
    assert_eq!(note.verify([]), Err(VerifyError::Unverified));
}

#[test]
fn a_key_that_shares_only_the_name_or_only_the_id_is_unknown() {
    let known = signer("log.example", 1);
    let body = signed("text\n", &[&known]).signatures()[0].body().to_vec();
    let id = known.verifier_key().key_id();
    for (name, id) in [("log.example", id ^ 1), ("log2.example", id)] {
        let mut note = Note::new("text\n").unwrap();
        note.add(NoteSignature::new(name, id, body.clone()).unwrap()).unwrap();
        assert_eq!(note.verify([known.verifier_key()]), Err(VerifyError::Unverified));
    }
}

/// Fails when the arm that returns `VerifyError::Invalid` in `Note::verify` ignores the signature instead.
#[test]
fn a_wrong_signature_of_a_known_key_condemns_the_note_even_beside_a_right_one() {
    let known = signer("log.example", 1);
    let other = signed("other text\n", &[&known]).signatures()[0].clone();
    let mut note = signed("text\n", &[&known]);
    note.add(other).unwrap();
    let invalid = Err(VerifyError::Invalid { name: "log.example".into() });
    assert_eq!(note.verify([known.verifier_key()]), invalid);
}

#[test]
fn a_key_may_sign_twice() {
    let known = signer("log.example", 1);
    assert_eq!(signed("text\n", &[&known, &known]).verify([known.verifier_key()]).unwrap().len(), 2);
}

/// Fails when `VerifierKey::verify_bytes` returns true whatever the signature.
#[test]
fn every_byte_of_a_note_matters() {
    let known = signer("log.example", 1);
    let good = signed("a text\nof two lines\n", &[&known]).to_string().into_bytes();
    for position in 0..good.len() {
        for flip in [1, 2, 0x20, 0x80, 0xff] {
            let mut bad = good.clone();
            bad[position] ^= flip;
            let verified = Note::parse(&bad).is_ok_and(|note| note.verify([known.verifier_key()]).is_ok());
            assert!(!verified, "byte {position} changed by {flip:#x}");
        }
        assert!(Note::parse(&good[..position]).is_err(), "cut at {position}");
    }
    assert!(Note::parse(&good).unwrap().verify([known.verifier_key()]).is_ok());
}

#[test]
fn malformed_notes_are_refused() {
    let line = "— log.example AAAAAAA=";
    assert!(Note::parse(format!("text\n\n{line}\n").as_bytes()).is_ok());
    let wrong = [
        ("text\n", NoteError::Unsigned),
        ("text\n\n", NoteError::Unsigned),
        ("text\n\n\n", NoteError::Unsigned),
        ("text\n\n— log.example AAAAAAA=", NoteError::Unsigned),
        ("text\n\n— log.example AAAAAAA=\n\n", NoteError::Unsigned),
        ("text\n\n— log.example AAAAAAA=\nx\n", NoteError::SignatureLine(2)),
        ("text\n\n- log.example AAAAAAA=\n", NoteError::SignatureLine(1)),
        ("text\n\n— log.example  AAAAAAA=\n", NoteError::SignatureLine(1)),
        ("text\n\n— log.example AAAAAAA= \n", NoteError::SignatureLine(1)),
        ("text\n\n— log.example AAAAAAA\n", NoteError::SignatureLine(1)),
        ("text\n\n— log.example AAAAAAB=\n", NoteError::SignatureLine(1)),
        ("text\n\n— log.example AAAAA_A=\n", NoteError::SignatureLine(1)),
        ("text\n\n— log.example AAAAAA==\n", NoteError::SignatureLine(1)),
        ("text\n\n— log.example AAAA\n", NoteError::SignatureLine(1)),
        ("text\n\n— log.example \n", NoteError::SignatureLine(1)),
        ("text\n\n—  AAAAAAA=\n", NoteError::SignatureLine(1)),
        ("text\n\n— log+example AAAAAAA=\n", NoteError::SignatureLine(1)),
        ("text\n\n— log\u{a0}example AAAAAAA=\n", NoteError::SignatureLine(1)),
        ("te\txt\n\n— log.example AAAAAAA=\n", NoteError::NotText),
        ("te\rxt\n\n— log.example AAAAAAA=\n", NoteError::NotText),
        ("te\0xt\n\n— log.example AAAAAAA=\n", NoteError::NotText),
    ];
    for (text, error) in wrong {
        assert_eq!(Note::parse(text.as_bytes()), Err(error), "{text:?}");
    }
    assert_eq!(Note::parse(b"te\xffxt\n\n\xe2\x80\x94 log.example AAAAAAA=\n"), Err(NoteError::NotText));
    assert_eq!(Note::new("no newline"), Err(NoteError::NoNewline));
    assert_eq!(Note::new(""), Err(NoteError::NoNewline));
}

#[test]
fn limits_are_kept_and_what_is_at_them_is_read() {
    let line = "— log.example AAAAAAA=\n";
    let note = |lines: usize, signatures: usize| {
        Note::parse(format!("{}\n{}", "x\n".repeat(lines), line.repeat(signatures)).as_bytes())
    };
    let mut full = note(MAX_TEXT_LINES, MAX_SIGNATURES).unwrap();
    assert!(full.add(full.signatures()[0].clone()).is_err());
    assert!(note(MAX_TEXT_LINES + 1, 1).is_err());
    assert!(note(1, MAX_SIGNATURES + 1).is_err());
    let long = format!("{}\n\n{line}", "x".repeat(MAX_NOTE));
    let too_large = NoteError::TooLarge { what: "bytes", found: long.len(), limit: MAX_NOTE };
    assert_eq!(Note::parse(long.as_bytes()), Err(too_large));
    assert!(NoteSignature::new("x".repeat(MAX_NAME), 0, vec![0]).is_ok());
    assert_eq!(NoteSignature::new("x".repeat(MAX_NAME + 1), 0, vec![0]), Err(NoteError::KeyName));
}

#[test]
fn keys_have_one_spelling() {
    let good = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    let base64 = "AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    assert!(good.parse::<VerifierKey>().is_ok());
    let wrong = [
        (String::new(), KeyError::Malformed),
        ("example.com/foo".into(), KeyError::Malformed),
        ("example.com/foo+530d903a".into(), KeyError::Malformed),
        ("example.com/foo+530d903a+".into(), KeyError::Malformed),
        (format!("+530d903a+{base64}"), KeyError::Malformed),
        (format!("a b+530d903a+{base64}"), KeyError::Malformed),
        (format!("example.com/foo+530D903A+{base64}"), KeyError::Id),
        (format!("example.com/foo+530d903b+{base64}"), KeyError::Id),
        (format!("example.com/foo+0530d903a+{base64}"), KeyError::Id),
        (format!("example.com/bar+530d903a+{base64}"), KeyError::Id),
        (format!("{good} "), KeyError::Malformed),
        (format!("{good}AAAA"), KeyError::Malformed),
        (good.replace("Aeky", "Buky"), KeyError::Type(6)),
        (good.replace("Aeky", "AOky"), KeyError::Type(0)),
    ];
    for (text, error) in wrong {
        assert_eq!(text.parse::<VerifierKey>(), Err(error), "{text}");
    }
    let mut identity = [0; 32];
    identity[0] = 1;
    assert_eq!(VerifierKey::new("x", KeyType::Ed25519, &identity), Err(KeyError::Point));
}

/// y = 3 and y = p + 3 are one point of large order to the library. Fails when `VerifierKey::new` does not compare.
#[test]
fn a_key_has_one_encoding() {
    let mut three = [0; 32];
    three[0] = 3;
    let mut p_and_three = [0xff; 32];
    (p_and_three[0], p_and_three[31]) = (0xf0, 0x7f);
    assert!(VerifierKey::new("x", KeyType::Ed25519, &three).is_ok());
    assert_eq!(VerifierKey::new("x", KeyType::Ed25519, &p_and_three), Err(KeyError::Point));
}

#[test]
fn private_keys_have_one_spelling_and_do_not_print() {
    let signer = signer("log.example", 7);
    let text = signer.to_private_key().to_string();
    for wrong in [text.replace("log", "lag"), text.replace("PRIVATE", "PUBLIC"), format!("{text}\n")] {
        assert!(Signer::parse(&wrong).is_err(), "{wrong}");
    }
    assert!(Signer::parse(&text).is_ok());
    let secret = text.rsplit_once('+').unwrap().1;
    assert!(!format!("{signer:?}").contains(secret));
}

#[test]
fn a_cosigning_key_does_not_sign_plain_notes() {
    let signer = Signer::new("witness.example", KeyType::Cosignature, &[1; 32]).unwrap();
    let mut note = Note::new("text\n").unwrap();
    assert_eq!(signer.sign(&mut note), Err(SignError::Key(KeyError::Type(4))));
    assert!(note.signatures().is_empty());
}
