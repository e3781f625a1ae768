//! statement.json.

use serde_json::{Value, json};
use tnlog::entry::Leaf;
use tnlog::signature::Ecdsa;
use tnlog::statement::{KeyStatement, Side, StatementRefusal, admit_statement, check_statement_leaf};

use super::file::{array, bytes, each, hex};

pub fn leaf(value: &Value) -> Leaf {
    Leaf::decode(&bytes(value)).unwrap()
}

#[test]
fn statement() {
    each("statement", |case, _| key_statement(case).map_err(|refusal| refusal.slug()));
}

/// Of a log that holds the two leaves of the case.
fn key_statement(case: &Value) -> Result<Value, StatementRefusal> {
    let (log_id, leaves) = (array(&case["log_id"]), [leaf(&case["old"]), leaf(&case["new"])]);
    let statement = KeyStatement::decode(&bytes(&case["statement"]))?;
    if statement.log_id != log_id {
        return Err(StatementRefusal::OtherLog);
    }
    let at = |index: u64, side| {
        leaves.iter().find(|leaf| leaf.index == index).ok_or(StatementRefusal::NotLogged(side))
    };
    let (old, new) = (at(statement.old.index, Side::Old)?, at(statement.new.index, Side::New)?);
    let entry = admit_statement(&statement, &log_id, old, new, &Ecdsa)?;
    assert_eq!(check_statement_leaf(&entry, &log_id, old, new, &Ecdsa), Ok(()));
    Ok(json!({"entry": hex(&entry.encode()), "signed_bytes": hex(&statement.signed_bytes())}))
}
