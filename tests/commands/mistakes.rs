//! The likeliest mistakes at each command: what it says, which must tell what to do instead, and its exit code.

#![cfg(feature = "server")]

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::common;
use crate::common::{TestLog, chain};
use p256::pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding};

/// A folder with one file of each kind, and what runs beside it.
struct Desk {
    folder: tempfile::TempDir,
    log: TestLog,
    other: TestLog,
    /// Answers every request with a page.
    web: SocketAddr,
    /// Nobody listens there.
    dead: SocketAddr,
}

impl Desk {
    fn new() -> Self {
        let (log, other) = (TestLog::start(""), TestLog::start(""));
        let folder = tempfile::tempdir().unwrap();
        let (carrier, _) = chain("carrier-1");
        log.submit(&carrier, false);
        let desk = Desk { folder, log, other, web: web(), dead: dead() };
        let pem = |chain: &[Vec<u8>]| -> String {
            common::certificates(chain).iter().map(|certificate| certificate.to_pem()).collect()
        };
        desk.write("chain.pem", pem(&carrier));
        desk.write("alone.pem", pem(&carrier[..1]));
        desk.write("root.pem", pem(common::root().chain()));
        desk.write("empty", "");
        desk.write("page.html", "<!doctype html>\n<html><body>404</body></html>\n");
        let key = p256::SecretKey::from_slice(&[7; 32]).unwrap();
        desk.write("private.pem", key.to_pkcs8_pem(LineEnding::LF).unwrap().as_bytes());
        desk.write("private.der", key.to_pkcs8_der().unwrap().as_bytes());
        desk.write("public.pem", key.public_key().to_public_key_pem(LineEnding::LF).unwrap());
        desk.write("vkey", desk.key());
        let none = format!("log {} {}\nquorum none\n", desk.key(), desk.url());
        desk.write("policy.txt", none);
        desk.write("nowhere.txt", format!("log {}\nlog {}\nquorum none\n", desk.key(), desk.index_key()));
        let sct = desk.log.submit(&carrier, false);
        desk.write("sct.json", sct.to_string());
        desk.write("checkpoint", desk.log.get("/checkpoint").body);
        desk.write("parameters", desk.log.get("/tn/v1/parameters").body);
        desk
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        if name.starts_with("private") {
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }

    fn key(&self) -> String {
        self.log.running().log.keys.checkpoint.verifier_key().to_string()
    }

    fn index_key(&self) -> String {
        self.log.running().log.index.key().to_string()
    }

    fn url(&self) -> String {
        format!("http://{}/", self.log.address())
    }

    /// A line of the table with its names filled in.
    fn fill(&self, line: &str) -> Vec<String> {
        let names = [
            ("{log}", self.url()),
            ("{plain}", self.log.address().to_string()),
            ("{dead}", format!("http://{}/", self.dead)),
            ("{web}", format!("http://{}/", self.web)),
            ("{https}", format!("https://{}/", self.log.address())),
            ("{key}", self.key()),
            ("{data}", self.log.folder.path().display().to_string()),
            ("{other-public}", self.other.folder.public().display().to_string()),
            ("{port}", self.log.address().to_string()),
        ];
        let word =
            |word: &str| names.iter().fold(word.to_owned(), |word, (name, value)| word.replace(name, value));
        line.split_whitespace().map(word).collect()
    }

    fn run(&self, args: &[String]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tnlog"));
        command.current_dir(self.folder.path()).args(args).stdin(Stdio::null()).output().unwrap()
    }
}

fn dead() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// What is at the port of another program.
fn web() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let page = "<!doctype html><title>It works</title>";
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close";
            let _ = write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{page}", page.len());
        }
    });
    address
}

/// Command, exit code, and what it must say.
const MISTAKES: &[(&str, i32, &[&str])] = &[
    // The log: not running, another program's port, no scheme, the wrong scheme, a part of the API.
    ("submit --log {dead} chain.pem", 1, &["could not be reached", "does it run there, at this port?"]),
    ("audit {dead} --key {key}", 1, &["could not be reached", "does it run there"]),
    ("label --log {dead} +17035550123", 1, &["could not be reached", "does it run there"]),
    ("policy init {dead} --out new.txt", 1, &["could not be reached", "does it run there"]),
    ("submit --log {web} chain.pem", 1, &["is this the address of a log?"]),
    ("policy init {web} --out new.txt", 1, &["is this the address of a log?"]),
    ("submit --log {plain} chain.pem", 64, &["has no scheme; try http://"]),
    ("submit --log {https} chain.pem", 1, &["seems to speak http there"]),
    ("submit --log {log}ct/v1/ chain.pem", 64, &["take the base of the log"]),
    ("audit {log}checkpoint --key {key}", 64, &["take the base of the log"]),
    // Files: not there, empty, something else than is wanted.
    ("submit --log {log} missing.pem", 1, &["missing.pem cannot be read", "No such file"]),
    ("submit --log {log} empty", 1, &["empty holds no certificate: it is empty"]),
    (
        "submit --log {log} private.pem",
        1,
        &["holds no certificate: it is a private key", "PEM, DER and gzipped PEM"],
    ),
    ("submit --log {log} page.html", 1, &["it is a web page, as a download that failed leaves it"]),
    ("submit --log {log} --policy vkey chain.pem", 1, &["vkey is a verifier key", "tnlog policy init"]),
    ("submit --log {log} --policy page.html chain.pem", 1, &["a web page", "tnlog policy init"]),
    ("submit --log {log} alone.pem", 1, &["--issuers"]),
    ("inspect page.html", 1, &["a web page"]),
    ("inspect empty", 1, &["empty"]),
    (
        "verify --certificate chain.pem --receipt sct.json --policy policy.txt --parameters parameters --roots root.pem --spc 706J",
        1,
        &["sct.json is a signed certificate timestamp", "tnlog submit --receipts"],
    ),
    (
        "verify --certificate chain.pem --receipt chain.pem --policy policy.txt --parameters parameters --roots root.pem --spc 706J",
        1,
        &["chain.pem is a certificate", "receipt"],
    ),
    (
        "verify --certificate chain.pem --receipt sct.json --policy policy.txt --parameters checkpoint --roots root.pem --spc 706J",
        1,
        &["checkpoint is a checkpoint", "/tn/v1/parameters"],
    ),
    (
        "verify --certificate chain.pem --receipt sct.json --policy policy.txt --parameters parameters --roots root.pem",
        64,
        &["--number <NUMBER>|--spc <CODE>"],
    ),
    // Numbers, at each command that takes one.
    ("watch --policy policy.txt --trust-log 7035550123", 64, &["write +1 before"]),
    ("watch --policy policy.txt --trust-log 07035550123", 64, &["country code"]),
    ("label --log {log} 7035550123", 64, &["write +1 before"]),
    ("label +17035550123", 64, &["give --log URL"]),
    ("watch --policy policy.txt --trust-log", 64, &["give a number such as"]),
    (
        "verify --certificate chain.pem --receipt sct.json --policy policy.txt --parameters parameters --roots root.pem --number 7035550123",
        64,
        &["write +1 before"],
    ),
    (
        "register --log {log} --key {key} --number 7035550123 --service a --contact sip:a@b --rs c --credential 1 --out o",
        64,
        &["write +1 before"],
    ),
    // Keys: private for public, public for private, DER for PEM, somebody else's.
    (
        "audit {log} --key PRIVATE+KEY+log.example/test+00000000+AAAA",
        64,
        &["a private key was given", "tnlog inspect"],
    ),
    ("audit {log}", 64, &["--key VKEY", "--policy FILE"]),
    ("audit {other-public} --key {key}", 2, &["not signed by any known key"]),
    (
        "services add --data {data} rs.example.com private.pem",
        1,
        &["a private key", "openssl pkey -in FILE -pubout"],
    ),
    ("services add --data {data} rs.example.com chain.pem", 1, &["a certificate", "openssl x509"]),
    (
        "approve --log {log} --key {key} --old 1 --new 2 --old-key public.pem",
        1,
        &["no private key", "a public key"],
    ),
    (
        "dispute --log {log} --key {key} --old 1 --new 2 --old-key private.der",
        1,
        &["it is DER", "openssl pkey"],
    ),
    (
        "approve --log {log} --key {key} --old 1 --new 2 --old-key private.pem",
        1,
        &["no credential of numbers"],
    ),
    (
        "withdraw --log {log} --key {key} --receipt sct.json --out o",
        1,
        &["signed certificate timestamp", "tnlog register"],
    ),
    ("register --log {log} --key {key} --draft chain.pem --out o", 1, &["is a certificate", "draft"]),
    ("keygen https://log.example.com", 64, &["leave https:// out"]),
    ("keygen vkey --out vkey", 1, &["a key is never overwritten"]),
    // Policies that do not say enough.
    ("watch --policy policy.txt +17035550123", 1, &["name witnesses", "--trust-log"]),
    (
        "watch --policy nowhere.txt --trust-log +17035550123",
        1,
        &["does not say where the log", "add its URL"],
    ),
    (
        "watch --policy policy.txt --trust-log --known mine +17035550123",
        64,
        &["64 hexadecimal digits", "`none`"],
    ),
    ("policy init {log} --quorum 2 --out new.txt", 64, &["give --witness"]),
    ("policy init {log} --witness {key} --out new.txt", 1, &["were the two exchanged?"]),
    ("policy init {log} --out policy.txt", 1, &["policy.txt exists, and is not overwritten", "--out FILE"]),
    (
        "watch --policy policy.txt --trust-log --ask {dead} +17035550123",
        1,
        &["does not answer yet", "does it run there"],
    ),
    // Operators.
    ("roots add --data {data} chain.pem", 1, &["is no root; nothing was added"]),
    ("roots add --data {data} page.html", 1, &["a web page"]),
    ("roots add --data {data} --calling-codes 999 root.pem", 64, &["country calling codes"]),
    ("roots add --data elsewhere root.pem", 0, &["There is no log in elsewhere yet", "--data DIR"]),
    ("audit {data} --key {key}", 1, &["is the data folder of a log", "take that"]),
    ("audit nothing-there --key {key}", 1, &["there is no folder nothing-there", "http://nothing-there"]),
    (
        "serve --data {data} --origin log.example/other",
        1,
        &["is called log.example/test, for ever", "--data DIR"],
    ),
    ("serve --data {data} --listen 127.0.0.1:0", 1, &["stop it first"]),
    ("serve --data new --listen {port}", 1, &["Choose another with --listen"]),
    ("serve --data old", 1, &["unknown field `batch_milliseconds`", "Every setting is explained"]),
    ("serve --data chain.pem", 64, &["is a file", "--data DIR"]),
    ("index-successor --data nothing-there", 1, &["there is no log in nothing-there"]),
    ("index-successor --data {data}", 1, &["is not over"]),
    ("mirror new-mirror", 64, &["--log URL", "--policy FILE"]),
    ("mirror new-mirror --log {log} --policy policy.txt", 1, &["index log", "/tn/v1/log"]),
    ("mirror new-mirror --log {plain} --policy policy.txt", 64, &["has no scheme"]),
    ("load --log {log}", 64, &["--accept-root <DATA_DIR>|--root-file <FILE>"]),
    ("load --log {plain} --accept-root {data}", 64, &["has no scheme"]),
    ("simulate --data chain.pem", 64, &["is a file", "--data DIR"]),
    ("simulate --data new --lie frok", 64, &["there is no such misbehaviour; there are fork"]),
    ("completions tcsh", 64, &["bash", "zsh", "fish"]),
];

/// Every mistake is answered with what to do instead, and none with a digit of a number or of a private key.
#[test]
fn each_mistake_is_told_the_right_way() {
    let desk = Desk::new();
    fs::create_dir(desk.folder.path().join("old")).unwrap();
    desk.write("old/tnlog.toml", common::config("batch_milliseconds = 5\n"));
    let mut wrong = Vec::new();
    for (line, code, expected) in MISTAKES {
        let args = desk.fill(line);
        let begun = std::time::Instant::now();
        let output = desk.run(&args);
        let text =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let mut missing: Vec<_> = expected.iter().filter(|said| !text.contains(**said)).collect();
        if text.replace("such as +17035550123", "").contains("5550123")
            || text.contains("PRIVATE+KEY+log")
            || text.contains("panicked")
        {
            missing.push(&"(it shows what it must not)");
        }
        if output.status.code() != Some(*code) || !missing.is_empty() || begun.elapsed().as_secs() > 8 {
            let took = begun.elapsed();
            wrong.push(format!(
                "tnlog {line}\n  exit {:?} after {took:?}, missing {missing:?}:\n{text}",
                output.status.code()
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), MISTAKES.len(), wrong.join("\n"));
    assert!(
        !desk.folder.path().join("new-mirror").exists(),
        "a first start that failed left a mirror behind"
    );
    assert!(
        !desk.folder.path().join("new").exists(),
        "a first start that could not listen left a log behind"
    );
}

/// Fails without `undo`: the second start would go on with the made-up name of the first.
#[test]
fn a_mirror_whose_first_start_fails_is_not_there() {
    let desk = Desk::new();
    let policy = format!("log {}\nlog {}\nquorum none\n", desk.key(), desk.index_key());
    desk.write("both.txt", policy);
    let line = "mirror m --log {log} --policy both.txt --listen {port}";
    let output = desk.run(&desk.fill(line));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && said.contains("Choose another with --listen"), "{said}");
    let mirror = desk.folder.path().join("m");
    let left: Vec<PathBuf> = if mirror.exists() { common::files_below(&mirror) } else { Vec::new() };
    assert!(left.iter().all(|path| !is_of_a_mirror(path)), "{left:?}");
}

fn is_of_a_mirror(path: &Path) -> bool {
    path.ends_with("mirror.toml") || path.ends_with("verifier.key")
}
