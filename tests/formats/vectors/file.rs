//! Reads a vector file and judges each case.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The outcome of a case: the facts found, or the word of the step that refuses.
pub type Outcome = Result<Value, &'static str>;

pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

pub fn read(name: &str) -> Value {
    let text = std::fs::read_to_string(path("testvectors").join(format!("{name}.json"))).unwrap();
    written_out(serde_json::from_str(&text).unwrap())
}

/// Every `{"repeat": [[text, times]...]}` as the text that it is.
fn written_out(value: Value) -> Value {
    match value {
        Value::Object(members) if members.len() == 1 && members.contains_key("repeat") => {
            let part = |part: &Value| text(&part[0]).repeat(number(&part[1]) as usize);
            list(&members["repeat"], part).concat().into()
        }
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| (name, written_out(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(written_out).collect(),
        other => other,
    }
}

/// Runs every case of the file: a bad one must be refused with its word, a good one must give at least the facts
/// that `judge` returns, each equal to the case's member of that name.
pub fn each(name: &str, judge: impl Fn(&Value, &Value) -> Outcome) {
    let file = read(name);
    assert!(file["source"].is_string() && file["comment"].is_string(), "{name}");
    let (mut names, mut good, mut bad) = (HashSet::new(), 0, 0);
    for case in file["cases"].as_array().unwrap() {
        let id = format!("{name}/{}", text(&case["name"]));
        assert!(names.insert(id.clone()), "{id} is there twice");
        assert!(case["comment"].is_string(), "{id}");
        match (judge(case, &file), case["error"].as_str()) {
            (Ok(facts), None) => {
                for (name, fact) in facts.as_object().unwrap() {
                    assert_eq!(*fact, case[name.as_str()], "{id}: {name}");
                }
                good += 1;
            }
            (Err(found), Some(error)) => {
                assert_eq!(found, error, "{id}");
                bad += 1;
            }
            (Ok(_), Some(error)) => panic!("{id} was taken, to be refused with {error}"),
            (Err(found), None) => panic!("{id} was refused with {found}"),
        }
    }
    assert!(good > 0, "{name} has no good case");
    assert!(bad > 0 || name == "precertificate", "{name} has no bad case");
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

pub fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("no number: {value}"))
}

pub fn bytes(value: &Value) -> Vec<u8> {
    unhex(text(value))
}

pub fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

pub fn list<T>(value: &Value, read: impl Fn(&Value) -> T) -> Vec<T> {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}")).iter().map(read).collect()
}

pub fn unhex(digits: &str) -> Vec<u8> {
    assert!(
        digits.len().is_multiple_of(2) && digits.bytes().all(|b| b"0123456789abcdef".contains(&b)),
        "{digits}"
    );
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
