//! The JSON of the vector files.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// What most files have as source.
pub const OWN: &str = "own generator (testvectors/generate.rs), from docs/formats.md";

/// One vector file.
pub struct File {
    pub name: &'static str,
    pub source: &'static str,
    pub comment: &'static str,
    pub cases: Vec<Value>,
    pub certificates: Pool,
}

impl File {
    pub fn new(name: &'static str, comment: &'static str, cases: Vec<Value>) -> Self {
        File { name, source: OWN, comment, cases, certificates: Pool::default() }
    }

    pub fn case(&self, name: &str) -> &Value {
        self.cases
            .iter()
            .find(|case| case["name"] == name)
            .unwrap_or_else(|| panic!("no case {name} in {}", self.name))
    }

    /// Members in alphabetical order whatever the features of the library.
    pub fn text(&self) -> String {
        let mut file = json!({ "source": self.source, "comment": self.comment, "cases": self.cases });
        if !self.certificates.0.is_empty() {
            file["certificates"] = json!(self.certificates.0);
        }
        serde_json::to_string_pretty(&sorted(file)).expect("JSON can be written") + "\n"
    }
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<_, _> =
                members.into_iter().map(|(name, value)| (name, sorted(value))).collect();
            Value::Object(Map::from_iter(members))
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

/// Certificates that chains name, so that each stands once in a file.
#[derive(Default)]
pub struct Pool(BTreeMap<String, Value>);

impl Pool {
    pub fn add(&mut self, der: &[u8]) -> String {
        use sha2::{Digest, Sha256};
        let name = hex(&Sha256::digest(der)[..6]);
        self.0.insert(name.clone(), compact(der));
        name
    }

    pub fn chain(&mut self, chain: &[Vec<u8>]) -> Value {
        chain.iter().map(|der| Value::from(self.add(der))).collect()
    }
}

/// A good case: `fields` with name and comment.
pub fn good(name: &str, comment: &str, mut fields: Value) -> Value {
    fields["name"] = name.into();
    fields["comment"] = comment.into();
    fields
}

/// A bad case, which is to be refused at the step `error`.
pub fn bad(name: &str, error: &str, comment: &str, fields: Value) -> Value {
    let mut case = good(name, comment, fields);
    case["error"] = error.into();
    case
}

/// A case of somebody else.
pub fn from(source: &str, mut case: Value) -> Value {
    case["source"] = source.into();
    case
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `{"repeat": [[text, times]...]}`: a long text as the vectors write it.
pub fn repeat(parts: &[(&str, usize)]) -> Value {
    json!({ "repeat": parts })
}

/// Bytes in hex; what is longer than any certificate that is taken, and one byte again and again, as [`repeat`].
fn compact(der: &[u8]) -> Value {
    match der.first() {
        Some(first) if der.len() > 65_000 && der.iter().all(|byte| byte == first) => {
            repeat(&[(&hex(&[*first]), der.len())])
        }
        _ => hex(der).into(),
    }
}

pub fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hex");
    digits.chunks(2).map(byte).collect()
}

pub fn hexes<T: AsRef<[u8]>>(items: &[T]) -> Vec<String> {
    items.iter().map(|item| hex(item.as_ref())).collect()
}
