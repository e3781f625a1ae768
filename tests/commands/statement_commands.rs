//! `tnlog register`, `withdraw`, `approve`, `dispute`, `services` and `verify --registration`: the built command against a log.

#![cfg(feature = "server")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::common;
use crate::common::people::{CONTACT, Phone, RS, SERVICE, leaf, rs_key};
use crate::common::{TestLog, certificates};
use p256::pkcs8::{Document, EncodePrivateKey, LineEnding};
use serde_json::Value;
use tnlog::client::secret_file;
use tnlog::entry::{Action, Entry, Verb};
use tnlog::synthetic::KeyPair;

const NUMBER: &str = "+12005550101";

fn tnlog(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tnlog"));
    command.current_dir(folder).args(args).stdin(Stdio::null()).output().unwrap()
}

/// Runs, demands the exit code, and gives what was printed.
fn run(folder: &Path, code: i32, args: &[&str]) -> String {
    let output = tnlog(folder, args);
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
    text
}

fn json(folder: &Path, code: i32, args: &[&str]) -> Value {
    let output = tnlog(folder, &[args, &["--json"]].concat());
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{args:?}: {out}{err}");
    serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}"))
}

fn write_key(path: &Path, key: &KeyPair) {
    let scalar = key.secret_scalar();
    let pem = match scalar.len() {
        32 => p256::SecretKey::from_slice(&scalar).unwrap().to_pkcs8_pem(LineEnding::LF).unwrap(),
        _ => p384::SecretKey::from_slice(&scalar).unwrap().to_pkcs8_pem(LineEnding::LF).unwrap(),
    };
    assert!(secret_file::write_new(path, pem.as_bytes()).unwrap());
}

fn write_public(path: &Path, key: &KeyPair) {
    let document = Document::try_from(key.spki()).unwrap();
    std::fs::write(path, document.to_pem("PUBLIC KEY", LineEnding::LF).unwrap()).unwrap();
}

fn write_chain(path: &Path, chain: &[Vec<u8>]) {
    let pem: String = certificates(chain).iter().map(|certificate| certificate.to_pem()).collect();
    std::fs::write(path, pem).unwrap();
}

/// A folder with keys and chains of two phones with the same number, and of a Resolution Service that the log accepts.
struct Desk {
    log: TestLog,
    folder: tempfile::TempDir,
    url: String,
    key: String,
    phones: [Phone; 2],
}

impl Desk {
    fn new() -> Self {
        let mut log = TestLog::start("");
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        write_public(&at("rs.pem"), &rs_key());
        write_key(&at("rs.key"), &rs_key());
        let data = log.folder.path().to_str().unwrap().to_owned();
        run(folder.path(), 0, &["services", "add", "--data", &data, RS, "rs.pem"]);
        let listed = json(folder.path(), 0, &["services", "list", "--data", &data]);
        assert_eq!((&listed[0]["name"], listed.as_array().unwrap().len()), (&RS.into(), 1));
        log.restart();
        let phones = [1, 2].map(|seed| Phone::new(log.address(), 1, seed));
        for (name, phone) in ["old", "new"].iter().zip(&phones) {
            write_key(&at(&format!("{name}.key")), &phone.key);
            write_chain(&at(&format!("{name}.pem")), &phone.chain);
        }
        std::fs::write(at("root.pem"), certificates(common::root().chain())[0].to_pem()).unwrap();
        let url = format!("http://{}/", log.address());
        let key = log.get("/tn/v1/log").success()["checkpoint_key"].as_str().unwrap().to_owned();
        std::fs::write(at("policy.txt"), format!("log {key}\nquorum none\n")).unwrap();
        std::fs::write(at("parameters"), log.get("/tn/v1/parameters").body).unwrap();
        let receipt = log.post("/tn/v1/receipt", &common::add_chain(&phones[0].chain)).body;
        std::fs::write(at("peer.tlog-proof"), receipt).unwrap();
        Desk { log, folder, url, key, phones }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn at_log<'a>(&'a self, command: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        [&[command, "--log", &self.url, "--key", &self.key], more].concat()
    }

    fn registering(&self) -> [&str; 10] {
        [
            "--number",
            NUMBER,
            "--service",
            SERVICE,
            "--contact",
            CONTACT,
            "--rs",
            RS,
            "--credential",
            "old.pem",
        ]
    }

    fn verify(&self, code: i32, registration: &str, service: &str) -> Value {
        let rs = format!("{RS}=rs.pem");
        let args = ["verify", "--certificate", "old.pem", "--receipt", "peer.tlog-proof", "--number", NUMBER];
        let trust = ["--policy", "policy.txt", "--parameters", "parameters", "--roots", "root.pem"];
        let asked = ["--registration", registration, "--service", service, "--rs", &rs];
        json(self.path(), code, &[&args[..], &trust, &asked].concat())
    }
}

#[test]
fn registering_and_withdrawing_on_one_machine_or_two() {
    let desk = Desk::new();
    let path = desk.path();
    let both = ["--credential-key", "old.key", "--service-key", "rs.key", "--out", "a.tlog-proof"];
    let args = desk.at_log("register", &[&desk.registering()[..], &both].concat());
    let registered = json(path, 0, &args);
    assert_eq!((&registered["what"], &registered["index"]), (&"Registered".into(), &3.into()));
    let verified = desk.verify(0, "a.tlog-proof", SERVICE);
    assert_eq!((&verified["contact"], &verified["registration_index"]), (&CONTACT.into(), &3.into()));
    assert_eq!(desk.verify(2, "a.tlog-proof", "other.example.com")["reason"], "other-service");

    // The phone signs, then the Resolution Service, by a file.
    let phone = ["--credential-key", "old.key", "--out", "draft.json"];
    let drafted = json(path, 0, &desk.at_log("register", &[&desk.registering()[..], &phone].concat()));
    assert_eq!((&drafted["what"], desk.log.size()), (&"Not signed by both yet".into(), 4));
    let shown = run(path, 0, &["inspect", "draft.json"]);
    assert!(shown.starts_with("A draft of a registration\n") && shown.contains(SERVICE), "{shown}");
    assert!(
        shown.contains("the key of the credential") && !shown.contains("the Resolution Service"),
        "{shown}"
    );
    assert!(!shown.contains(NUMBER.trim_start_matches('+')), "{shown}");
    let service = ["--draft", "draft.json", "--service-key", "rs.key", "--out", "b.tlog-proof"];
    let registered = json(path, 0, &desk.at_log("register", &service));
    assert_eq!((&registered["index"], &registered["replaces"]), (&4.into(), &3.into()));
    // Again: the same answer.
    let again = json(path, 0, &desk.at_log("register", &service));
    assert_eq!(again["index"], 4);
    assert!(again["what"].as_str().unwrap().starts_with("Registered before"), "{again}");
    let wrong =
        ["--draft", "draft.json", "--credential-key", "new.key", "--service-key", "rs.key", "--out", "x"];
    let said = run(path, 1, &desk.at_log("register", &wrong));
    assert!(said.contains("--credential-key"), "{said}");

    // The Resolution Service signs first.
    let service = ["--receipt", "b.tlog-proof", "--service-key", "rs.key", "--out", "w.json"];
    json(path, 0, &desk.at_log("withdraw", &service));
    let said = run(path, 1, &desk.at_log("register", &["--draft", "w.json", "--out", "x"]));
    assert!(said.contains("tnlog withdraw"), "{said}");
    let phone = ["--draft", "w.json", "--credential-key", "old.key", "--out", "w.tlog-proof"];
    let withdrawn = json(path, 0, &desk.at_log("withdraw", &phone));
    assert_eq!((&withdrawn["what"], &withdrawn["replaces"]), (&"Withdrawn".into(), &4.into()));
    let Entry::Registration(entry) = leaf(desk.log.address(), 5).entry else { panic!("no registration") };
    assert_eq!((entry.action, entry.replaces), (Action::Withdraw, Some(4)));
    assert_eq!(desk.verify(2, "w.tlog-proof", SERVICE)["reason"], "withdrawal");

    // The draft of what was withdrawn meanwhile does not register anything anew. Fails without the comparison of the sizes.
    let late = json(
        path,
        0,
        &desk.at_log("register", &["--draft", "draft.json", "--service-key", "rs.key", "--out", "l"]),
    );
    assert_eq!(late["index"], 4);
    assert!(
        late["what"].as_str().unwrap().contains("whether it still stands, `tnlog watch` shows"),
        "{late}"
    );

    let again =
        ["--receipt", "b.tlog-proof", "--credential-key", "old.key", "--service-key", "rs.key", "--out", "x"];
    let said = run(path, 1, &desk.at_log("withdraw", &again));
    assert!(said.contains("no registration to withdraw") && !said.contains(CONTACT), "{said}");
}

#[test]
fn approving_and_disputing() {
    let desk = Desk::new();
    let path = desk.path();
    let approve = ["--old", "old.pem", "--new", "new.pem", "--old-key", "old.key"];
    let approved = json(path, 0, &desk.at_log("approve", &approve));
    let indexes = ["earlier", "later", "index"].map(|field| approved[field].as_u64().unwrap());
    assert_eq!(indexes, [desk.phones[0].index, desk.phones[1].index, 3]);
    let dispute = ["--old", "1", "--new", "2", "--old-key", "old.key"];
    assert!(run(path, 0, &desk.at_log("dispute", &dispute)).starts_with("Disputed\n"));
    let Entry::KeyStatement(entry) = leaf(desk.log.address(), 4).entry else { panic!("no statement") };
    assert_eq!(entry.verb, Verb::Dispute);
    // The same key signs the same bytes: said once, answered again.
    assert_eq!(json(path, 0, &desk.at_log("dispute", &dispute))["index"], 4);
    secret_file::write_new(&path.join("public"), &std::fs::read(path.join("old.pem")).unwrap()).unwrap();
    for (args, why) in [
        (["--old", "1", "--new", "2", "--old-key", "new.key"], "not the key of the earlier credential"),
        (["--old", "2", "--new", "1", "--old-key", "new.key"], "only a later one can be"),
        (
            ["--old", "1", "--new", "0", "--old-key", "old.key"],
            "leaf 0 of the log is no credential of numbers",
        ),
        (["--old", "1", "--new", "2", "--old-key", "public"], "holds no private key"),
    ] {
        let said = run(path, 1, &desk.at_log("dispute", &args));
        assert!(said.contains(why), "{said}");
    }
    assert_eq!(desk.log.size(), 5);
}

/// Fails when `SigningKey::read` does not look at the mode.
#[test]
fn a_key_that_others_can_read_is_not_used() {
    let desk = Desk::new();
    let set = |name: &str, mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(desk.path().join(name), mode).unwrap();
    };
    let approve = ["--old", "old.pem", "--new", "new.pem", "--old-key", "old.key"];
    let both = ["--credential-key", "old.key", "--service-key", "rs.key", "--out", "a.tlog-proof"];
    let register = [&desk.registering()[..], &both].concat();
    let mut refused = Vec::new();
    set("old.key", 0o640);
    refused.push(run(desk.path(), 1, &desk.at_log("approve", &approve)));
    refused.push(run(desk.path(), 1, &desk.at_log("register", &register)));
    set("old.key", 0o600);
    set("rs.key", 0o604);
    refused.push(run(desk.path(), 1, &desk.at_log("register", &register)));
    assert!(refused.iter().all(|said| said.contains("chmod 600")), "{refused:?}");
    assert_eq!(desk.log.size(), 3, "something was signed and logged");
}
