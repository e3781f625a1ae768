//! A time line for programs: a line of JSON for each thing. Names and meanings are stable; more fields may come.

use std::io;

use serde_json::{Value, json};

use super::look::Seen;
use super::time_line::{Credential, Fault, Registration, Said, TimeLine};
use crate::output::{line, time, time_of_millis};

/// Prints what is to be shown of a subject, and up to where it is complete. `marks`: it is known which keys are mine.
///
/// # Errors
/// When standard output is closed.
pub fn show(seen: &Seen, shown: &TimeLine, marks: bool) -> io::Result<()> {
    let about = |mut value: Value| {
        if !marks {
            unmark(&mut value);
        }
        line(with(value, &seen.name, &seen.origin))
    };
    shown.credentials.iter().map(credential).try_for_each(about)?;
    shown.registrations.iter().map(registration).try_for_each(about)?;
    shown.faults.iter().map(fault).try_for_each(about)?;
    about(complete(seen))
}

fn with(mut value: Value, name: &str, origin: &str) -> Value {
    if let Some(object) = value.as_object_mut() {
        object.insert("name".into(), name.into());
        object.insert("log".into(), origin.into());
    }
    value
}

/// Without keys that are mine nothing is mine or not.
fn unmark(value: &mut Value) {
    if let Some(object) = value.as_object_mut() {
        object.retain(|name, _| !matches!(name.as_str(), "mine" | "not_mine"));
    }
    if let Some(statements) = value.get_mut("statements").and_then(Value::as_array_mut) {
        statements.iter_mut().for_each(unmark);
    }
}

fn credential(credential: &Credential) -> Value {
    let mut value = json!({
        "what": "credential", "entries": credential.entries, "kind": credential.kind, "under": credential.under,
        "issuer": credential.issuer, "issuer_key_hash": credential.issuer_key_hash, "key_hash": credential.key_hash,
        "not_before": credential.validity.map(|v| time(v.0)), "not_after": credential.validity.map(|v| time(v.1)),
        "logged": time_of_millis(credential.logged), "mine": credential.mine, "new": credential.new,
    });
    if let (Some(standing), Some(object)) = (&credential.standing, value.as_object_mut()) {
        object.insert("stands".into(), standing.stands.into());
        object.insert("newest".into(), standing.leads.into());
        object.insert("why".into(), standing.why.into());
        object.insert("by".into(), standing.by.into());
        object.insert("superseded_by".into(), standing.superseded_by.into());
        object.insert("disputed".into(), standing.disputed.into());
        object.insert("repeated_id".into(), credential.repeated_id.into());
        object.insert("statements".into(), credential.said.iter().map(said).collect());
    }
    value
}

fn said(said: &Said) -> Value {
    json!({
        "entry": said.entry, "verb": said.verb, "by": said.by, "logged": time_of_millis(said.logged),
        "weight": said.weightless.is_none(), "why_not": said.weightless, "mine": said.mine, "new": said.new,
    })
}

fn registration(registration: &Registration) -> Value {
    json!({
        "what": "registration", "entry": registration.entry, "action": registration.action,
        "credential": registration.credential, "not_before": time(registration.validity.0),
        "not_after": time(registration.validity.1), "logged": time_of_millis(registration.logged),
        "state": registration.state, "replaces": registration.replaces, "ended_by": registration.ended_by,
        "why": registration.fault, "mine": registration.mine, "new": registration.new,
    })
}

fn fault(fault: &Fault) -> Value {
    json!({ "what": "fault", "entry": fault.entry, "why": fault.why, "new": fault.new })
}

fn complete(seen: &Seen) -> Value {
    let as_of = seen.as_of.as_ref().ok();
    let why = match &seen.as_of {
        Ok(_) => None,
        Err(None) => Some("no witnesses: how recent it is, rests on the word of the log".to_owned()),
        Err(Some(why)) => Some(why.to_string()),
    };
    json!({
        "what": "complete", "covers": seen.covers,
        "complete_as_of": as_of.map(|as_of| time(i64::try_from(as_of.time).unwrap_or(i64::MAX))),
        "bad": as_of.map(|as_of| as_of.bad), "why": why, "not_mine": seen.not_mine,
        "shown_prefix": seen.shown_prefix, "asked": seen.asked,
        "requests": seen.cost.requests, "bytes": seen.cost.bytes, "block_bytes": seen.cost.block_bytes,
        "milliseconds": seen.cost.milliseconds,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_keys_of_mine_nothing_is_mine_or_not() {
        let mut line =
            json!({ "what": "credential", "mine": false, "statements": [{ "entry": 4, "mine": false }] });
        unmark(&mut line);
        assert_eq!(line, json!({ "what": "credential", "statements": [{ "entry": 4 }] }));
        let mut line = json!({ "what": "complete", "not_mine": 3, "covers": 7 });
        unmark(&mut line);
        assert_eq!(line, json!({ "what": "complete", "covers": 7 }));
    }
}
