//! What the tests of the server share: a log in this process or in another, chains by name, and an HTTP client that sends
//! exactly the bytes that it is told, such as paths that any library would tidy up.

// Each test program uses its part of this file.
#![allow(dead_code)]

pub mod answered;
pub mod heads;
pub mod people;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64ct::{Base64, Encoding};
use serde_json::{Value, json};
use tnlog::anchors::Anchor;
use tnlog::certificate::Certificate;
use tnlog::server::config::{Config, Folder};
use tnlog::server::{roots, run};
use tnlog::synthetic::{Authority, Issued, Malformation, Precertificate, Profile, TnEntry, Validity};
use tnlog::synthetic::{Extension, fictional_number};

pub const VALIDITY: Validity = Validity { not_before: 1_700_000_000, not_after: 2_000_000_000 };
pub const ORIGIN: &str = "log.example/test";

/// The root that every test log accepts.
pub fn root() -> Authority {
    Authority::root("Test Root", 1, VALIDITY)
}

/// A root that test logs accept for numbers of the calling code 1.
pub fn limited_root() -> Authority {
    Authority::root("Limited Root", 2, VALIDITY)
}

/// The CA below [`root`] that issues nearly everything.
pub fn issuing() -> Authority {
    root().subordinate("Issuing CA", None, 2)
}

pub fn carrier(seed: u64) -> Issued {
    issuing().issue(&Profile::carrier("706J", VALIDITY, seed))
}

/// The certificate of one number, the `n`th fictional one.
pub fn number(n: u32) -> Issued {
    issuing().issue(&number_profile(n))
}

pub fn number_profile(n: u32) -> Profile {
    Profile::numbers(&[&fictional_number(n)], VALIDITY, n.into())
}

pub fn numbers(count: u32, seed: u64) -> Profile {
    let numbers: Vec<String> = (0..count).map(fictional_number).collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    Profile::numbers(&numbers, VALIDITY, seed)
}

pub fn range_profile(seed: u64) -> Profile {
    Profile::ranges(&[("17035550100", 100)], VALIDITY, seed)
}

/// A CA that names one number.
pub fn delegate() -> Authority {
    issuing().delegate("Delegate CA", &[TnEntry::one(&fictional_number(900))], 9)
}

pub fn precertificate(profile: &Profile) -> Precertificate {
    issuing().issue_precertificate(profile)
}

/// A chain by its name, and whether it is to be submitted as a precertificate.
pub fn chain(name: &str) -> (Vec<Vec<u8>>, bool) {
    let (kind, seed) = name.rsplit_once('-').map_or((name, None), |(kind, n)| (kind, n.parse::<u32>().ok()));
    let (kind, seed) = if seed.is_some() { (kind, seed.unwrap_or(1)) } else { (name, 1) };
    if let Some(malformation) = Malformation::ALL.iter().find(|m| m.name() == name) {
        return (issuing().issue_malformed(*malformation, 7), malformation.is_precertificate());
    }
    let precertificate = |profile| precertificate(&profile).issued().chain();
    let chain = match kind {
        "carrier" => carrier(seed.into()).chain(),
        "number" => number(seed).chain(),
        "numbers" => issuing().issue(&numbers(seed, 77)).chain(),
        "range" => issuing().issue(&range_profile(seed.into())).chain(),
        "root" => root().chain().to_vec(),
        "ca" => root().subordinate("Another CA", Some(0), seed.into()).chain().to_vec(),
        "deep" => deep(seed.into()),
        "delegate" => delegate().chain().to_vec(),
        "below-delegate" => delegate().issue(&number_below_delegate()).chain(),
        "carrier-below-delegate" => delegate().issue(&Profile::carrier("706J", VALIDITY, 3)).chain(),
        "foreign-number" => limited_root().issue(&Profile::numbers(&["442079460123"], VALIDITY, 3)).chain(),
        "long-leaf" => issuing().issue(&numbers(512, 78).extension(padding(45_000))).chain(),
        "long-key" => long_key(),
        "long-precert" => return (long_precertificate(), true),
        "precert" => return (precertificate(Profile::carrier("706J", VALIDITY, seed.into())), true),
        "number-precert" => return (precertificate(number_profile(seed)), true),
        _ => panic!("no chain is named {name:?}"),
    };
    (chain, false)
}

pub fn number_below_delegate() -> Profile {
    Profile::numbers(&[&fictional_number(900)], VALIDITY, 10)
}

/// A leaf below as many CAs.
fn deep(depth: u64) -> Vec<Vec<u8>> {
    let issuing = (1..depth).fold(root(), |ca, depth| ca.subordinate(&format!("CA {depth}"), None, depth));
    issuing.issue(&Profile::carrier("706J", VALIDITY, depth)).chain()
}

/// An extension of so many bytes that nobody knows.
pub fn padding(length: usize) -> Extension {
    Extension::new(const_oid::ObjectIdentifier::new_unwrap("1.3.6.1.4.1.99999.1"), vec![0; length])
}

/// A certificate of 512 numbers whose subject key is so long that a leaf with key and labels has more than 65,535 bytes.
fn long_key() -> Vec<Vec<u8>> {
    use tnlog::synthetic::der;
    let mut draft = issuing().draft(&numbers(512, 79));
    let algorithm =
        der::sequence(&[der::oid(const_oid::ObjectIdentifier::new_unwrap("1.3.6.1.4.1.99999.2"))]);
    draft.spki = der::sequence(&[algorithm, der::bit_string(0, &[1; 50_000])]);
    [vec![draft.sign(issuing().key())], issuing().chain().to_vec()].concat()
}

/// A precertificate and its signing certificate, whose key identifier goes into the leaf: each fits, both together do not.
fn long_precertificate() -> Vec<Vec<u8>> {
    let signer = Profile::authority("Signer", Some(0), VALIDITY, 31)
        .extension(Extension::precertificate_signing())
        .extension(Extension::authority_key_identifier(&[1; 40_000]));
    let signer = issuing().issue(&signer).into_authority();
    signer
        .issue_precertificate(&Profile::carrier("706J", VALIDITY, 32).extension(padding(40_000)))
        .issued()
        .chain()
}

pub fn base64(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

pub fn from_base64(text: &Value) -> Vec<u8> {
    Base64::decode_vec(text.as_str().expect("a string")).expect("base64")
}

pub fn add_chain(chain: &[Vec<u8>]) -> Value {
    json!({ "chain": chain.iter().map(|der| base64(der)).collect::<Vec<_>>() })
}

pub fn certificates(chain: &[Vec<u8>]) -> Vec<Arc<Certificate>> {
    chain.iter().map(|der| Arc::new(Certificate::from_der(der.clone()).unwrap())).collect()
}

/// An answer.
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The JSON of a success.
    pub fn success(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        self.json()
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let header = |line: &str| line.split_once(": ").map(|(k, v)| (k.to_owned(), v.to_owned()));
        let headers = lines.filter_map(header).collect();
        let mut response = Response { status, headers, body: bytes[end + 4..].to_vec() };
        if response.header("transfer-encoding") == Some("chunked") {
            response.body = unchunk(&response.body)?;
        }
        Some(response)
    }
}

fn unchunk(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = bytes.windows(2).position(|window| window == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&bytes[..line]).ok()?, 16).ok()?;
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(bytes.get(line + 2..line + 2 + length)?);
        bytes = bytes.get(line + 4 + length..)?;
    }
}

/// Sends bytes on a connection of their own and reads to its end. A server may answer and close before it has read all.
pub fn exchange(address: SocketAddr, request: &[u8]) -> Option<Response> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
    let _ = stream.write_all(request);
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    Response::parse(&bytes)
}

/// The bytes of a request with a body of known length.
pub fn request(method: &str, path: &str, headers: &[String], body: &[u8]) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: log\r\nconnection: close\r\n");
    headers.iter().for_each(|header| text += &format!("{header}\r\n"));
    if method == "POST" || !body.is_empty() {
        text += &format!("content-length: {}\r\n", body.len());
    }
    [format!("{text}\r\n").as_bytes(), body].concat()
}

pub fn get(address: SocketAddr, path: &str) -> Response {
    exchange(address, &request("GET", path, &[], &[])).expect("an answer")
}

/// None when the server is gone.
pub fn try_post(address: SocketAddr, path: &str, body: &Value) -> Option<Response> {
    exchange(address, &request("POST", path, &[], body.to_string().as_bytes()))
}

pub fn post(address: SocketAddr, path: &str, body: &Value) -> Response {
    try_post(address, path, body).expect("an answer")
}

/// Accepts both roots of these tests.
pub fn add_roots(folder: &Folder) {
    for (root, calling_codes) in [(root(), None), (limited_root(), Some(vec![1]))] {
        let certificate = Arc::new(Certificate::from_der(root.certificate().to_vec()).unwrap());
        roots::add(&folder.roots(), &Anchor { certificate, calling_codes }).unwrap();
    }
}

pub fn config(more: &str) -> String {
    format!("origin = \"{ORIGIN}\"\nlisten = \"127.0.0.1:0\"\n{more}")
}

/// A log in this process.
pub struct TestLog {
    pub folder: Folder,
    config: Config,
    pub runtime: tokio::runtime::Runtime,
    running: Option<run::Running>,
    _temporary: Arc<tempfile::TempDir>,
}

impl TestLog {
    /// A new log with rounds of 20 ms, unless `more` lines of configuration say otherwise.
    pub fn start(more: &str) -> Self {
        let more = if more.contains("round_milliseconds") {
            more.into()
        } else {
            format!("round_milliseconds = 20\n{more}")
        };
        let temporary = Arc::new(tempfile::tempdir().unwrap());
        let folder = Folder::new(temporary.path().join("log"));
        std::fs::create_dir_all(folder.path()).unwrap();
        add_roots(&folder);
        let config = Config::parse(&config(&more)).unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let mut log = TestLog { folder, config, runtime, running: None, _temporary: temporary };
        log.resume().unwrap();
        log
    }

    /// Starts again after [`stop`](Self::stop).
    pub fn resume(&mut self) -> Result<(), tnlog::server::open::OpenError> {
        let started = run::start(&self.folder, self.config.clone(), |_, _| {});
        self.running = Some(self.runtime.block_on(started)?);
        Ok(())
    }

    pub fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop());
        }
    }

    pub fn restart(&mut self) {
        self.stop();
        self.resume().unwrap();
    }

    /// Starts again with other lines of configuration.
    pub fn reconfigure(&mut self, more: &str) {
        self.stop();
        let listen = more.contains("listen");
        let text = config(&format!("round_milliseconds = 20\n{more}"));
        let text = if listen { text.replace("listen = \"127.0.0.1:0\"\n", "") } else { text };
        self.config = Config::parse(&text).unwrap();
        self.resume().unwrap();
    }

    pub fn running(&self) -> &run::Running {
        self.running.as_ref().expect("the log runs")
    }

    pub fn address(&self) -> SocketAddr {
        self.running().address
    }

    pub fn size(&self) -> u64 {
        self.running().log.published().tree.size
    }

    pub fn get(&self, path: &str) -> Response {
        get(self.address(), path)
    }

    pub fn post(&self, path: &str, body: &Value) -> Response {
        post(self.address(), path, body)
    }

    /// The SCT for a chain, which must be taken.
    pub fn submit(&self, chain: &[Vec<u8>], precertificate: bool) -> Value {
        let endpoint = if precertificate { "/ct/v1/add-pre-chain" } else { "/ct/v1/add-chain" };
        self.post(endpoint, &add_chain(chain)).success()
    }
}

impl Drop for TestLog {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The program `tnlog serve`, its messages in a file.
pub struct Process {
    child: Child,
    pub address: SocketAddr,
}

impl Process {
    /// Starts it on a folder that may hold a log already. `TNLOG_LOG` is set to `level`; messages are appended to `messages`.
    pub fn start(folder: &Path, level: &str, messages: &Path) -> Self {
        let mut command = Process::command(folder);
        command.env("TNLOG_LOG", level);
        Process::try_start(&mut command, messages)
            .unwrap_or_else(|said| panic!("tnlog does not start: {said}"))
    }

    /// What starts it, at a free port.
    pub fn command(folder: &Path) -> Command {
        Process::command_at(folder, "127.0.0.1:0")
    }

    /// What starts it.
    pub fn command_at(folder: &Path, listen: &str) -> Command {
        let mut command = Command::new(option_env!("CARGO_BIN_EXE_tnlog").unwrap_or("tnlog"));
        command.args(["serve", "--listen", listen, "--data"]).arg(folder);
        command
    }

    /// Starts it.
    ///
    /// # Errors
    /// What it said, when it ends instead of serving, or does not serve in half a minute.
    pub fn try_start(command: &mut Command, messages: &Path) -> Result<Self, String> {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(messages).unwrap();
        let before = file.metadata().unwrap().len() as usize;
        let said = || String::from_utf8_lossy(&std::fs::read(messages).unwrap()[before..]).into_owned();
        let command = command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        let unknown = ([0, 0, 0, 0], 0).into();
        let mut process = Process { child: command.spawn().unwrap(), address: unknown };
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(30) {
            let ended = process.child.try_wait().unwrap().is_some();
            let text = said();
            let line = text.split_once("serving on http://").map(|(_, rest)| rest);
            let address = line.and_then(|rest| rest.split_once(char::is_whitespace));
            if let Some(address) = address.and_then(|(address, _)| address.parse().ok()) {
                process.address = address;
                return Ok(process);
            }
            if ended {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Err(said())
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: nothing of it runs on.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and waits for an orderly end.
    pub fn terminate(self) {
        assert!(self.stop().success(), "tnlog ended with an error");
    }

    /// SIGTERM, and how it ended, which may have been before.
    pub fn stop(mut self) -> std::process::ExitStatus {
        if self.is_alive() {
            let status = Command::new("kill").args(["-TERM", &self.id().to_string()]).status().unwrap();
            assert!(status.success());
        }
        self.child.wait().unwrap()
    }

    /// Whether it has not ended.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Every file below a folder.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}
