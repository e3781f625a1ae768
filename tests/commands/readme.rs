//! The commands of README.md, run as they stand there, in an empty folder.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use tnlog::certificate::Certificate;
use tnlog::synthetic::{Authority, Profile, Validity};

const README: &str = include_str!("../../README.md");

/// The lines of the first `sh` block below a heading, without their comments.
fn commands(heading: &str) -> Vec<&'static str> {
    let section = README.split_once(heading).expect("the heading is there").1;
    let block = section.split_once("```sh\n").expect("a block follows").1.split_once("```").unwrap().0;
    block.lines().map(|line| line.split(" # ").next().unwrap().trim()).collect()
}

/// A command of the README, in the folder, with the port and key of this run and its own home.
struct Terminal<'a> {
    folder: &'a Path,
    port: u16,
    key: String,
}

impl Terminal<'_> {
    fn command(&self, line: &str) -> Command {
        let line = line.replace("8080", &self.port.to_string()).replace("KEY", &self.key);
        let mut words = line.split(' ').filter(|word| !word.is_empty());
        assert_eq!(words.next(), Some("tnlog"), "{line}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_tnlog"));
        command.args(words).current_dir(self.folder).env("HOME", self.folder).env_remove("XDG_DATA_HOME");
        command
    }

    fn run(&self, line: &str) -> String {
        let output = self.command(line).output().unwrap();
        let text =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{line}\n{text}");
        text
    }
}

/// Ends with the test, however that ends.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn write_inputs(folder: &Path) {
    let validity = Validity::days(1_700_000_000, 90);
    let root = Authority::root("Example Root", 1, validity);
    let issuing = root.subordinate("Example Issuing CA", None, 2);
    let pem = |der: &[u8]| Certificate::from_der(der.to_vec()).unwrap().to_pem();
    std::fs::write(folder.join("ROOTS.pem"), pem(root.certificate())).unwrap();
    std::fs::write(folder.join("ISSUERS.pem"), pem(issuing.certificate())).unwrap();
    let mut bundle = GzEncoder::new(Vec::new(), Compression::fast());
    for profile in [
        Profile::carrier("867J", validity, 3),
        Profile::numbers(&["17035550123"], validity, 4),
        Profile::ranges(&[("17035560000", 10_000)], validity, 5),
    ] {
        bundle.write_all(pem(issuing.issue(&profile).certificate()).as_bytes()).unwrap();
    }
    std::fs::write(folder.join("BUNDLE.pem.gz"), bundle.finish().unwrap()).unwrap();
}

#[test]
fn a_log_is_run_by_the_commands_of_the_readme() {
    let folder = tempfile::tempdir().unwrap();
    write_inputs(folder.path());
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut terminal = Terminal { folder: folder.path(), port, key: String::new() };
    let lines = commands("## Run a log");
    let [install, serve, roots, submit, audit] = lines[..] else { panic!("other commands: {lines:?}") };
    assert_eq!(install, "cargo install --path .");

    // The port of the default may be taken on this machine; the test takes a free one.
    let mut serving = terminal.command(serve);
    serving.arg("--listen").arg(format!("127.0.0.1:{port}")).stderr(Stdio::piped());
    let mut serving = Serving(serving.spawn().unwrap());
    let messages = BufReader::new(serving.0.stderr.take().unwrap()).lines().map(Result::unwrap);
    let started = messages.into_iter().find(|line| line.contains("serving on")).expect("it starts");
    let key = started.split("key=").nth(1).expect("it prints its key").split(' ').next().unwrap();
    terminal.key = key.to_owned();

    terminal.run(roots);
    // "No restart": within two seconds, as `tnlog roots --help` says.
    std::thread::sleep(std::time::Duration::from_millis(3500));
    let said = terminal.run(submit);
    assert!(said.contains("3 logged"), "{said}");
    let receipts = std::fs::read_dir(folder.path().join("BUNDLE.pem.gz.receipts")).unwrap().count();
    assert_eq!(receipts, 3);
    let said = terminal.run(audit);
    assert!(said.contains("Nothing is wrong"), "{said}");
}

#[test]
fn every_command_of_the_table_exists_and_has_an_example() {
    let commands: Vec<&str> =
        README.lines().filter_map(|line| line.strip_prefix("| `tnlog ")?.split('`').next()).collect();
    assert!(commands.len() >= 9, "{commands:?}");
    for command in commands {
        let output = Command::new(env!("CARGO_BIN_EXE_tnlog")).args([command, "--help"]).output().unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        assert!(help.contains("Example") && help.contains(&format!("tnlog {command}")), "{command}:\n{help}");
    }
}
