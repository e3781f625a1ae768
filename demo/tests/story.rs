//! The demo runs to its end, as the README has it, and tells what it promises.

use std::process::Command;

const README: &str = include_str!("../../README.md");
const ALIASES: &str = include_str!("../../.cargo/config.toml");

#[test]
fn the_whole_story_is_told() {
    assert!(
        README.contains("```sh\ncargo demo\n```")
            && ALIASES.contains("demo = \"run --package tnlog-demo --\"")
    );
    let output = Command::new(env!("CARGO_BIN_EXE_tnlog-demo")).output().unwrap();
    let story = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{story}{}", String::from_utf8_lossy(&output.stderr));
    for part in [
        "entry 1  the first again: a receipt of",
        "looked for 17035550123 in every byte of the 5 leaves: not there",
        "+17035550123: trusted; entry 1",
        "carrier 867J: trusted; entry 3",
        "+17035550123 at messages.example: sip:alice@messages.example; entry 5",
        "it was never logged, or the receipt is of another one",
        "the label proof does not hold",
        "does not cover what the peer claims to be",
        "it stands, and is the newest: the call is set up",
        "it DOES NOT STAND: the key before it has not approved it, so no call",
        "HIGH  unexpected-",
        "every leaf, hash, tile and signature of its 10 entries is as it must be",
        "HIGH  fork",
        "proves it to anybody who has the log's key, offline",
        "all three have seen it",
    ] {
        assert!(story.contains(part), "{part:?} is missing in:\n{story}");
    }
}
