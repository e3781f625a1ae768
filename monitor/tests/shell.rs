//! Completions and manual pages of the program.

use std::process::Command;

#[test]
fn completions_and_manual_pages_are_made() {
    let folder = tempfile::tempdir().unwrap();
    let monitor = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_tnlog-monitor")).args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let script = folder.path().join("completions");
    std::fs::write(&script, monitor(&["completions", "bash"])).unwrap();
    let line = format!(
        "source {}; COMP_WORDS=(tnlog-monitor ver); COMP_CWORD=1; _tnlog-monitor tnlog-monitor ver tnlog-monitor; echo \
         \"${{COMPREPLY[@]}}\"",
        script.display()
    );
    let output = Command::new("bash").args(["--norc", "-c", &line]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "verify-evidence");
    monitor(&["man", folder.path().to_str().unwrap()]);
    let page = std::fs::read_to_string(folder.path().join("tnlog-monitor-run.1")).unwrap();
    assert!(page.contains(".TH"), "{page}");
}
