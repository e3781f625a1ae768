//! The commands of `docs/operations.md`, run as they stand there by a shell. `sudo` and `systemctl` are small programs of this test:
//! the first runs what follows it, the second runs what the unit runs. Folders of the system are folders below a temporary one.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use tnlog::note::{KeyType, Signer};

use super::{has, read, repository, run, write_pem};
use crate::common::{add_chain, chain, get, limited_root, post, root};

const SUDO: &str = "#!/bin/sh\n[ \"$1\" = -u ] && shift 2\nexec \"$@\"\n";

/// `systemctl VERB [--now] tnlog@NAME`: the command line of the unit, in the background.
const SYSTEMCTL: &str = r#"#!/bin/bash
set -eu
verb=$1; shift; [ "$1" = --now ] && shift
name=${1#tnlog@}
pid=ROOT/run/$name.pid
stop() { if [ -e $pid ]; then kill -TERM $(cat $pid); tail --pid=$(cat $pid) -f /dev/null; rm $pid; fi; }
start() {
    mkdir -p ROOT/run; log=ROOT/run/$name.log; : > $log
    command=$(sed -n "s/^ExecStart=//p" "UNIT" | sed "s|/usr/bin/|BIN/|; s|/etc/|ROOT/etc/|; s|/var/|ROOT/var/|; s/%i/$name/g")
    $command 2> $log > /dev/null < /dev/null & echo $! > $pid
    until grep -q 'serving on' $log; do kill -0 $(cat $pid) || { cat $log >&2; rm $pid; exit 1; }; sleep 0.05; done
}
case $verb in
    enable | start) start ;;
    disable | stop) stop ;;
    restart) stop; start ;;
esac
"#;

/// A machine in a folder.
struct Machine {
    root: TempDir,
    ports: [u16; 2],
}

impl Drop for Machine {
    fn drop(&mut self) {
        for name in ["2026", "2027"] {
            let _ = self.shell(&format!("systemctl stop tnlog@{name}")).output();
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Machine {
    fn new() -> Self {
        let machine = Machine { root: tempfile::tempdir().unwrap(), ports: [free_port(), free_port()] };
        let root = machine.root.path();
        for folder in ["bin", "etc/tnlog", "var/lib/tnlog", "usr/share/tnlog", "here"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        let bin = Path::new(env!("CARGO_BIN_EXE_tnlog")).parent().unwrap().display().to_string();
        let unit = repository("packaging/tnlog@.service").display().to_string();
        let systemctl = SYSTEMCTL.replace("ROOT", &root.display().to_string()).replace("UNIT", &unit);
        for (name, text) in [("sudo", SUDO.to_owned()), ("systemctl", systemctl.replace("BIN", &bin))] {
            let path = root.join("bin").join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let template = read("src/server/tnlog.toml").replace("origin = \"{origin}\"", "origin = \"\"");
        let listen = format!("listen = \"127.0.0.1:{}\"", machine.ports[0]);
        let template = template.replace("#= listen = \"127.0.0.1:8080\"", &listen);
        fs::write(root.join("usr/share/tnlog/tnlog.toml"), template).unwrap();
        machine
    }

    fn shell(&self, script: &str) -> Command {
        let root = self.root.path().display().to_string();
        let mut script = script.to_owned();
        for folder in ["/etc/tnlog", "/var/lib/tnlog", "/usr/share/tnlog"] {
            script = script.replace(folder, &format!("{root}{folder}"));
        }
        let script = script
            .replace("-C / ", &format!("-C {root} "))
            .replace("127.0.0.1:8080", &format!("127.0.0.1:{}", self.ports[0]))
            .replace("127.0.0.1:8081", &format!("127.0.0.1:{}", self.ports[1]));
        let programs = Path::new(env!("CARGO_BIN_EXE_tnlog")).parent().unwrap().display().to_string();
        let path = format!("{root}/bin:{programs}:{}", std::env::var("PATH").unwrap());
        let mut bash = Command::new("bash");
        bash.args(["-euo", "pipefail", "-c", &script]).env("PATH", path).current_dir(format!("{root}/here"));
        bash
    }

    /// Runs the blocks of commands below a heading; gives what they said.
    #[track_caller]
    fn follow(&self, heading: &str, replaced: &[(&str, &str)]) -> String {
        blocks(heading).iter().map(|block| self.follow_block(block, replaced)).collect()
    }

    #[track_caller]
    fn follow_block(&self, block: &str, replaced: &[(&str, &str)]) -> String {
        let block = replaced.iter().fold(block.to_owned(), |block, (from, to)| {
            assert!(block.contains(from), "{from} is not in:\n{block}");
            block.replace(from, to)
        });
        run(&mut self.shell(&block))
    }

    fn address(&self, log: usize) -> std::net::SocketAddr {
        ([127, 0, 0, 1], self.ports[log]).into()
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.root.path().join("here").join(name)
    }
}

/// The `sh` blocks of a section.
fn blocks(heading: &str) -> Vec<String> {
    let text = read("docs/operations.md");
    let section = text.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no {heading}")).1;
    let section = section.split("\n## ").next().unwrap();
    let blocks: Vec<_> =
        section.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap().into()).collect();
    assert!(!blocks.is_empty(), "no commands below {heading}");
    blocks
}

/// Sections whose commands are run here, and those that say who runs them.
const HERE: [&str; 9] = [
    "First start",
    "Roots and Resolution Services",
    "Witnesses",
    "Backup",
    "Restore",
    "Keys",
    "Freeze and successor",
    "Another machine",
    "Metrics",
];
const ELSEWHERE: [&str; 2] = ["TLS: a proxy before the log", "Debian package"];

#[test]
fn no_section_with_commands_is_forgotten() {
    let text = read("docs/operations.md");
    for section in text.split("\n## ").skip(1).filter(|section| section.contains("```sh")) {
        let heading = section.lines().next().unwrap();
        assert!(HERE.contains(&heading) || ELSEWHERE.contains(&heading), "{heading} is run by nobody");
    }
}

fn write_inputs(machine: &Machine) {
    write_pem(&machine.file("ROOT.pem"), [root().certificate()]);
    write_pem(&machine.file("NORTH-AMERICA.pem"), [limited_root().certificate()]);
    let make = "openssl ecparam -genkey -name prime256v1 -noout | openssl pkey -pubout -out SERVICE.pem";
    run(&mut machine.shell(make));
}

fn submit(machine: &Machine, log: usize, name: &str) -> u16 {
    post(machine.address(log), "/ct/v1/add-chain", &add_chain(&chain(name).0)).status
}

/// Within two seconds, says the documentation.
fn wait_for_the_roots() {
    std::thread::sleep(std::time::Duration::from_millis(3500));
}

#[test]
fn the_life_of_a_log_by_the_commands_of_the_documentation() {
    if !has("curl") || !has("openssl") {
        return;
    }
    let machine = Machine::new();
    write_inputs(&machine);
    let said = machine.follow("First start", &[]);
    assert!(said.contains("ok\n") && said.contains("log.example.com/2026\n1\n"), "{said}");
    let key = get(machine.address(0), "/tn/v1/log").success()["checkpoint_key"].as_str().unwrap().to_owned();
    assert_eq!(submit(&machine, 0, "carrier-1"), 400, "no root is accepted yet");
    let said = machine.follow("Roots and Resolution Services", &[]);
    assert!(said.contains("Test Root") && said.contains("+1") && said.contains("rs.example.com"), "{said}");
    wait_for_the_roots();
    assert_eq!(submit(&machine, 0, "carrier-1"), 200);

    // A witness that is away: the log starts and goes on, and gives no receipts.
    follow_witnesses(&machine);
    assert_eq!(submit(&machine, 0, "carrier-2"), 200);
    assert_eq!(get(machine.address(0), "/tn/v1/checkpoint").status, 503);
    machine.follow_block(
        "sudo sed -i 's|^witnesses = .*||' /etc/tnlog/2026.toml\nsudo systemctl restart tnlog@2026\n",
        &[],
    );

    let [keys, mirror] = &blocks("Backup")[..] else { panic!("other blocks") };
    machine.follow_block(keys, &[]);
    let kept = run(Command::new("tar").arg("-tf").arg(machine.file("keys.tar")));
    for name in ["checkpoint.key", "sct.key", "label.key", "opening.key", "index.key", "etc/tnlog/2026.toml"]
    {
        assert!(kept.contains(name), "{kept}");
    }
    let mirror =
        mirror.replace("tnlog mirror", "timeout --preserve-status 5 tnlog mirror --listen 127.0.0.1:0");
    machine.follow_block(&mirror, &[]);
    let copied = fs::read(machine.file("mirror/public/tile/entries/000.p/3")).unwrap();
    let own = machine.root.path().join("var/lib/tnlog/2026/public/tile/entries/000.p/3");
    assert_eq!(copied, fs::read(own).unwrap());

    // The served folder comes back from the mirror, and the log goes on from it.
    machine.follow("Restore", &[]);
    assert_eq!((submit(&machine, 0, "carrier-1"), submit(&machine, 0, "carrier-5")), (200, 200));

    // The index log is over, and begins again; the log goes on.
    let index_key = |machine: &Machine| get(machine.address(0), "/tn/v1/log").success()["index_key"].clone();
    let before = index_key(&machine);
    fs::remove_file(machine.root.path().join("var/lib/tnlog/2026/keys/index.key")).unwrap();
    machine.follow("Keys", &[]);
    let after = index_key(&machine);
    assert!(before != after && after.as_str().unwrap().contains("/index/2+"), "{after}");

    move_and_freeze(&machine, &key);
}

fn follow_witnesses(machine: &Machine) {
    let key = Signer::new("w.example", KeyType::Cosignature, &[7; 32]).unwrap();
    let witness = format!("{}=http://127.0.0.1:1/", key.verifier_key());
    let [block] = &blocks("Witnesses")[..] else { panic!("other blocks") };
    machine.follow_block(block, &[("WITNESS=URL", &witness)]);
}

/// To another machine, which is the same one, emptied; then a successor, and the end.
fn move_and_freeze(machine: &Machine, key: &str) {
    let size = |log| get(machine.address(log), "/ct/v1/get-sth").success()["tree_size"].as_u64().unwrap();
    let before = size(0);
    let [leave, arrive] = &blocks("Another machine")[..] else { panic!("other blocks") };
    machine.follow_block(leave, &[]);
    fs::remove_file(machine.root.path().join("etc/tnlog/2026.toml")).unwrap();
    machine.follow_block(arrive, &[]);
    assert_eq!(size(0), before);
    assert_eq!(submit(machine, 0, "carrier-3"), 200);

    let [successor, freeze, end] = &blocks("Freeze and successor")[..] else { panic!("other blocks") };
    // On this machine ports are free ones, and stand in the configuration from the beginning.
    let template = ("'s|^#= listen = .*", "'s|^listen = .*");
    machine.follow_block(successor, &[template]);
    wait_for_the_roots();
    assert_eq!(submit(machine, 1, "carrier-3"), 200);
    machine.follow_block(freeze, &[]);
    assert_eq!((submit(machine, 0, "carrier-4"), submit(machine, 1, "carrier-4")), (403, 200));
    assert_eq!(size(0), before + 1);
    let said = machine.follow_block(end, &[("KEY", key)]);
    assert!(said.contains("Nothing is wrong"), "{said}");
}
