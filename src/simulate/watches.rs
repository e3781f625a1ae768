//! What the watched ones of a world tell their monitor, as lines of the configuration of `tnlog-monitor`: with their own keys and
//! CAs, and how each CA verifies.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::book::{Credential, CredentialId, Subject};
use super::mint::Mint;
use super::script::Script;
use super::world::Verification;

const HEAD: &str = "\
# What the watched ones of this world watch, each with the keys that are its own and the CAs that it uses, and how each CA verifies:
# lines of a tnlog-monitor.toml. All numbers belong to nobody.
";

/// The file.
pub fn watches(script: &Script, mint: &Mint) -> String {
    let mut text = HEAD.to_owned();
    for ca in &script.world.authorities {
        let habit = match ca.verifies_by {
            Verification::Sms => "message",
            Verification::Account | Verification::Carrier => "stronger",
        };
        push(&mut text, "issuer", &[("organization", quoted(&ca.name)), ("verifies_by", quoted(habit))]);
    }
    let told = script.cast.lines.iter().zip(&script.stories).enumerate();
    for (place, (line, story)) in told.filter(|(_, (line, _))| line.watched) {
        let own: Vec<CredentialId> = story.tenures.iter().map(|tenure| tenure.credential).collect();
        let what = ("number", quoted(line.number.digits()));
        watch(&mut text, script, mint, (&format!("number {place}"), what), &own);
    }
    let held = script.cast.blocks.iter().zip(&script.blocks).enumerate();
    for (place, (block, own)) in held.filter(|(_, (block, _))| block.watched) {
        let written = format!("{}{}", block.prefix, "x".repeat(block.free as usize));
        watch(
            &mut text,
            script,
            mint,
            (&format!("block {place}"), ("blocks", format!("[{}]", quoted(&written)))),
            own,
        );
    }
    let carriers = script.cast.carriers.iter().zip(&script.carriers);
    for (carrier, own) in carriers.filter(|(carrier, _)| carrier.watched) {
        let what = ("carrier", quoted(&carrier.code));
        watch(&mut text, script, mint, (&format!("carrier {}", carrier.code), what), own);
    }
    text
}

fn watch(
    text: &mut String,
    script: &Script,
    mint: &Mint,
    (name, what): (&str, (&str, String)),
    own: &[CredentialId],
) {
    let own: Vec<&Credential> = own.iter().map(|id| &script.book.credentials[*id as usize]).collect();
    let keys: BTreeSet<u64> = own.iter().map(|credential| credential.key).collect();
    let issuers: BTreeSet<usize> = own.iter().map(|credential| credential.authority).collect();
    let holders: BTreeSet<&str> = own.iter().filter_map(|credential| holder(credential)).collect();
    let fields = [
        ("name", quoted(name)),
        what,
        ("keys", list(keys.iter().map(|key| hex(&mint.key_hash(*key))))),
        ("issuers", list(issuers.iter().map(|place| script.world.authorities[*place].name.clone()))),
        ("holders", list(holders.iter().map(|name| (*name).to_owned()))),
    ];
    push(text, "watch", &fields);
}

fn holder(credential: &Credential) -> Option<&str> {
    match &credential.subject {
        Subject::Line(_) => None,
        Subject::Block { organization, .. } | Subject::Carrier { organization, .. } => Some(organization),
    }
}

fn push(text: &mut String, table: &str, fields: &[(&str, String)]) {
    let _ = write!(text, "\n[[{table}]]\n");
    for (name, value) in fields {
        let _ = writeln!(text, "{name} = {value}");
    }
}

fn list(values: impl Iterator<Item = String>) -> String {
    format!("[{}]", values.map(|value| quoted(&value)).collect::<Vec<_>>().join(", "))
}

/// A TOML string; the texts of a world have no control characters.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
