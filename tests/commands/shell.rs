//! What a system is told of the commands: completions, in a real bash, and manual pages, read by a real formatter.

#![cfg(feature = "server")]

use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn tnlog(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tnlog"));
    let output = command.args(args).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Runs a program that may not be there; what it prints, on both ways out.
fn system(program: &str, args: &[&str]) -> Option<(bool, String)> {
    let output = match Command::new(program).args(args).stdin(Stdio::null()).output() {
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        output => output.unwrap(),
    };
    let text = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
}

fn complete(script: &Path, words: &[&str]) -> Vec<String> {
    let last = words.len() - 1;
    let line = format!(
        "source {}; COMP_WORDS=({}); COMP_CWORD={last}; _tnlog tnlog {:?} {:?}; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        script.display(),
        words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" "),
        words[last],
        words[last - 1],
    );
    let (fine, text) = system("bash", &["--norc", "-c", &line]).expect("bash is there");
    assert!(fine, "{text}");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_and_options() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("tnlog");
    std::fs::write(&script, tnlog(&["completions", "bash"]).stdout).unwrap();
    assert_eq!(complete(&script, &["tnlog", "doc"]), ["doctor"]);
    assert_eq!(complete(&script, &["tnlog", "regis"]), ["register"]);
    assert_eq!(complete(&script, &["tnlog", "roots", "ad"]), ["add"]);
    assert!(complete(&script, &["tnlog", "watch", "--trust"]).contains(&"--trust-log".to_owned()));
    for (shell, check) in [("zsh", "-n"), ("fish", "--no-execute")] {
        let script = folder.path().join(shell);
        std::fs::write(&script, tnlog(&["completions", shell]).stdout).unwrap();
        if let Some((fine, text)) = system(shell, &[check, script.to_str().unwrap()]) {
            assert!(fine && text.is_empty(), "{shell}: {text}");
        }
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("share/man1");
    tnlog(&["man", pages.to_str().unwrap()]);
    let help = String::from_utf8(tnlog(&["--help"]).stdout).unwrap();
    let commands = help.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    let names: Vec<_> =
        commands.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   ")).collect();
    assert!(names.len() > 20, "{names:?}");
    for name in names.iter().filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help")
    {
        let page = pages.join(format!("tnlog-{name}.1"));
        let text = std::fs::read_to_string(&page).unwrap_or_else(|_| panic!("{} is missing", page.display()));
        assert!(text.contains(".TH") && text.contains("xample"), "{name}: {text}");
        if let Some((fine, complaint)) =
            system("mandoc", &["-T", "lint", "-W", "error", page.to_str().unwrap()])
        {
            assert!(fine, "{name}: {complaint}");
        }
    }
    assert!(pages.join("tnlog.1").exists() && pages.join("tnlog-roots-add.1").exists());
    if let Some((fine, text)) = system("man", &["-l", pages.join("tnlog-doctor.1").to_str().unwrap()]) {
        assert!(fine && text.contains("tnlog doctor --data /var/lib/tnlog --json"), "{text}");
    }
}
