//! No number, label, opening or secret where anybody but its holder can read it: not in messages at trace level, not in
//! metrics, not in an error, not in a public byte. Looked for as digits, base64, hexadecimal, percent-encoding and
//! DER.

#![cfg(feature = "server")]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;

use crate::common;
use crate::common::people::{self, Phone};
use crate::common::{
    Process, add_chain, chain, from_base64, get, issuing, number_profile, post, precertificate,
};
use base64ct::{Base64Unpadded, Base64UrlUnpadded, Encoding};
use p256::pkcs8::DecodePrivateKey;
use rand_core::OsRng;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tnlog::certificate::Certificate;
use tnlog::commitment::OpeningSecret;
use tnlog::entry::{Action, SignedEntry, Verb};
use tnlog::label::{Blinded, LabelKey};
use tnlog::number::Number;
use tnlog::registration::{Registration, SignedRegistration};
use tnlog::server::config::Folder;
use tnlog::synthetic::{Extension, Malformation, TnEntry, fictional_number};

/// What is looked for, in every form, found by the first eight bytes of each.
#[derive(Default)]
struct Needles(HashMap<[u8; 8], Vec<(String, Vec<u8>)>>);

impl Needles {
    /// Looks for these bytes as they are, in hexadecimal, and in both alphabets of base64 at each of three alignments.
    fn add(&mut self, name: &str, bytes: &[u8]) {
        self.raw(name, bytes);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        self.raw(&format!("{name}, in hexadecimal"), hex.as_bytes());
        self.raw(&format!("{name}, in capital hexadecimal"), hex.to_uppercase().as_bytes());
        for percent in ["%", "%25"] {
            let encoded: String = bytes.iter().map(|byte| format!("{percent}{byte:02X}")).collect();
            self.raw(&format!("{name}, in percent-encoding"), encoded.as_bytes());
        }
        for before in 0..3 {
            let shifted = [&[0; 2][..before], bytes].concat();
            // Characters at the ends also depend on the bytes around.
            let (first, end) = ([0, 2, 3][before], shifted.len() * 8 / 6);
            for text in [Base64Unpadded::encode_string(&shifted), Base64UrlUnpadded::encode_string(&shifted)]
            {
                self.raw(&format!("{name}, in base64 after {before}"), &text.as_bytes()[first..end]);
            }
        }
    }

    fn raw(&mut self, name: &str, bytes: &[u8]) {
        let key = *bytes.first_chunk().expect("a needle has eight bytes");
        let same = self.0.entry(key).or_default();
        if same.iter().all(|(_, known)| known != bytes) {
            same.push((name.to_owned(), bytes.to_vec()));
        }
    }

    /// What is found first.
    fn find(&self, haystack: &[u8]) -> Option<String> {
        haystack.windows(8).enumerate().find_map(|(at, window)| {
            let candidates = self.0.get(window)?;
            let found = candidates.iter().find(|(_, needle)| haystack[at..].starts_with(needle));
            found.map(|(name, _)| format!("{name}, at byte {at}"))
        })
    }

    fn assert_absent(&self, place: &str, haystack: &[u8]) {
        if let Some(found) = self.find(haystack) {
            panic!("{place} shows {found}");
        }
    }
}

/// The search finds what it is for: each form of a number, planted into bytes of another kind.
#[test]
fn the_search_finds_what_is_planted() {
    let mut needles = Needles::default();
    needles.add("number", b"12005550101");
    let plant = |text: &[u8]| [b"INFO tnlog: answered ", text, b" endpoint=/"].concat();
    let base64 = |bytes: &[u8]| Base64Unpadded::encode_string(bytes).into_bytes();
    let in_der = |prefix: &[u8]| base64(&[prefix, b"12005550101", b"\x05\x00rest"].concat());
    assert_eq!(needles.find(&plant(b"12005550909")), None);
    assert_eq!(needles.find(&plant(&base64(b"12005550909"))), None);
    for planted in [
        plant(b"12005550101"),
        plant(b"3132303035353530313031"),
        plant(b"/%31%32%30%30%35%35%35%30%31%30%31"),
        plant(&in_der(b"")),
        plant(&in_der(b"\x16")),
        plant(&in_der(b"\xa2\x0d")),
        plant(&in_der(b"\xa2\x0d\x16\x0b")),
    ] {
        assert!(needles.find(&planted).is_some(), "{}", String::from_utf8_lossy(&planted));
    }
}

/// The submissions of numbers in this test: name, chain, whether it is a precertificate.
fn submissions() -> Vec<(String, Vec<Vec<u8>>, bool)> {
    let names =
        ["number-1", "number-2", "number-precert-3", "number-4", "delegate", "below-delegate", "number-60"];
    let submission = |name: &str| {
        let (chain, precertificate) = chain(name);
        (name.to_owned(), chain, precertificate)
    };
    names.into_iter().map(submission).collect()
}

fn numbers() -> Vec<String> {
    let fictional = [1, 2, 3, 4, 5, 60, 61, 900].map(fictional_number);
    // What the malformed certificates name.
    fictional.into_iter().chain(["17035550123".to_owned()]).collect()
}

/// What nobody may see who is not shown a certificate. `labels` are apart: leaves show them.
fn needles(folder: &Folder, said: &[SignedRegistration]) -> (Needles, Needles) {
    let (mut secret, mut labels) = (Needles::default(), Needles::default());
    let seed = |name: &str| {
        let text = std::fs::read_to_string(folder.keys().join(name)).unwrap();
        let bytes = text.trim().as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
        <[u8; 32]>::try_from(bytes.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect::<Vec<_>>())
            .unwrap()
    };
    let (label_seed, opening_seed) = (seed("label.key"), seed("opening.key"));
    secret.add("the label key", &label_seed);
    secret.add("the opening secret", &opening_seed);
    let checkpoint = std::fs::read_to_string(folder.keys().join("checkpoint.key")).unwrap();
    let checkpoint = checkpoint.trim().splitn(5, '+').nth(4).unwrap();
    secret.add("the checkpoint key", &base64ct::Base64::decode_vec(checkpoint).unwrap()[1..]);
    let sct = std::fs::read_to_string(folder.keys().join("sct.key")).unwrap();
    secret.add("the SCT key", &p256::ecdsa::SigningKey::from_pkcs8_pem(&sct).unwrap().to_bytes());
    for line in sct.lines().filter(|line| !line.starts_with('-')).take(2) {
        secret.raw("the file of the SCT key", line.as_bytes());
    }

    let key = LabelKey::from_seed(&label_seed);
    for number in numbers() {
        secret.add("a number", number.as_bytes());
        secret.add("a number in national format", &number.as_bytes()[1..]);
        secret.add("a TNAuthList", &Extension::tn_auth_list(&[TnEntry::one(&number)]).value);
        labels.add("a label", key.label(&Number::new(&number).unwrap()).as_bytes());
    }
    let openings = OpeningSecret::new(opening_seed);
    for (name, chain, precertificate) in submissions() {
        let certificate = Certificate::from_der(chain[0].clone()).unwrap();
        secret.add(&format!("the hash of {name}"), certificate.fingerprint());
        secret.add(&format!("the hash of what {name} signs"), &Sha256::digest(certificate.tbs()));
        secret.add(&format!("the serial number of {name}"), certificate.serial());
        secret.add(&format!("the signature of {name}"), certificate.signature());
        secret.add(&format!("the bytes of {name}"), &chain[0]);
        secret.add(&format!("the subject of {name}"), certificate.subject());
        if !precertificate {
            let opening = openings.opening(&SignedEntry::X509(chain[0].clone()));
            secret.add(&format!("the opening of {name}"), opening.expose());
        }
    }
    for (name, text) in
        [("a service", people::SERVICE), ("a contact", people::CONTACT), ("an RS", people::RS)]
    {
        secret.add(name, text.as_bytes());
    }
    for submitted in said {
        let SignedRegistration { statement, credential_signature, service_signature } = submitted;
        secret.add("a registration", &statement.encode());
        secret.add("the identity of a registration", &Sha256::digest(statement.identity()));
        secret.add("the opening of a registration", statement.opening(&openings).expose());
        secret.add("the signature of a registration", credential_signature);
        secret.add("the signature of a Resolution Service", service_signature);
    }
    (secret, labels)
}

/// Every problem that was answered, to be searched.
#[derive(Default)]
struct Problems(Vec<Vec<u8>>);

impl Problems {
    fn post(&mut self, address: SocketAddr, path: &str, body: &Value) -> common::Response {
        let response = post(address, path, body);
        if response.status != 200 || path == "/tn/v1/add-chains" {
            self.0.push(response.body.clone());
        }
        response
    }

    fn refused(&mut self, address: SocketAddr, path: &str, body: &[u8], status: u16) {
        let response = common::exchange(address, &common::request("POST", path, &[], body)).unwrap();
        assert_eq!(response.status, status, "{}", response.text());
        self.0.push(response.body);
    }
}

/// What is taken, asked again, and asked for.
/// Registrations and key statements, taken and refused. Gives the registrations that were sent.
fn say_everything(address: SocketAddr, problems: &mut Problems) -> Vec<SignedRegistration> {
    let phones = [70, 71].map(|seed| Phone::new(address, 4, seed));
    let withdrawal = |s: &mut Registration| s.action = Action::Withdraw;
    let sent = vec![
        phones[0].register(),
        phones[0].changed(withdrawal),
        phones[0].changed(|s| s.log_id = [0; 32]),
        phones[0].changed(|s| s.service = format!("{}/{}", people::SERVICE, "a".repeat(300))),
        phones[0].changed(|s| s.contact = s.number.digits().to_owned()),
        phones[0].changed(|s| s.credential = phones[1].index),
        phones[0].changed(|s| s.number = Number::new(&fictional_number(1)).unwrap()),
        phones[0].changed(|s| s.resolution_service = format!("x.{}", people::RS)),
        phones[0].changed(|s| s.sequence += 3_600_000),
        SignedRegistration { credential_signature: vec![0xa7; 64], ..phones[1].register() },
    ];
    for (position, submitted) in sent.iter().enumerate() {
        let body = people::registration_body(submitted);
        let taken = position < 2;
        for _ in 0..2 {
            let answer = problems.post(address, "/tn/v1/add-registration", &body);
            assert_eq!(answer.status == 200, taken, "{}", answer.text());
        }
        let receipt = problems.post(address, "/tn/v1/registration-receipt", &body);
        assert_eq!(receipt.status == 200, taken, "{}", receipt.text());
    }
    for (verb, old, new, status) in
        [(Verb::Approve, 0, 1, 200), (Verb::Dispute, 0, 1, 200), (Verb::Approve, 1, 0, 400)]
    {
        let statement = phones[old].say(verb, address, &phones[new]);
        let body = people::statement_body(&statement);
        assert_eq!(problems.post(address, "/tn/v1/add-key-statement", &body).status, status);
    }
    sent
}

fn take_everything(address: SocketAddr, problems: &mut Problems) {
    for (name, chain, precertificate) in submissions().iter().filter(|(name, ..)| name != "number-60") {
        let (right, wrong) = match precertificate {
            true => ("/ct/v1/add-pre-chain", "/ct/v1/add-chain"),
            false => ("/ct/v1/add-chain", "/stict/v1/add-pre-chain"),
        };
        assert_eq!(problems.post(address, "/tn/v1/receipt", &add_chain(chain)).status / 100, 4);
        for _ in 0..2 {
            let answer = problems.post(address, right, &add_chain(chain));
            assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        }
        assert_eq!(problems.post(address, wrong, &add_chain(chain)).status, 400);
        assert_eq!(problems.post(address, "/tn/v1/receipt", &add_chain(chain)).status, 200);
    }
    let precertificate = precertificate(&number_profile(5));
    let answer = problems.post(address, "/ct/v1/add-pre-chain", &add_chain(&precertificate.issued().chain()));
    let answer = answer.success();
    let mut sct = vec![0];
    sct.extend(from_base64(&answer["id"]));
    sct.extend(answer["timestamp"].as_u64().unwrap().to_be_bytes());
    let extensions = from_base64(&answer["extensions"]);
    sct.extend((extensions.len() as u16).to_be_bytes());
    sct.extend(extensions);
    sct.extend(from_base64(&answer["signature"]));
    let certificate = issuing().finalize(&precertificate, &[sct]).unwrap().chain();
    for path in ["/tn/v1/receipt", "/ct/v1/add-chain", "/tn/v1/receipt"] {
        assert_eq!(problems.post(address, path, &add_chain(&certificate)).status, 200);
    }
    // Seeds of their own: serial numbers and subjects follow from seeds.
    let carriers = ["carrier-1", "precert-2", "range-300", "ca-4"].map(|name| {
        let (chain, precertificate) = chain(name);
        let mut value = add_chain(&chain);
        value["precertificate"] = json!(precertificate);
        value
    });
    problems.post(address, "/tn/v1/add-chains", &json!({ "chains": carriers })).success();
}

/// Everything that is refused, with numbers wherever a client can put one.
fn refuse_everything(address: SocketAddr, problems: &mut Problems) {
    for malformation in Malformation::ALL {
        let chain = issuing().issue_malformed(*malformation, 7);
        for path in ["/ct/v1/add-chain", "/ct/v1/add-pre-chain", "/tn/v1/receipt"] {
            problems.post(address, path, &add_chain(&chain));
        }
        problems.post(address, "/tn/v1/add-chains", &json!({ "chains": [add_chain(&chain)] }));
    }
    let number = fictional_number(1);
    let whole = add_chain(&chain("number-1").0);
    for body in [
        number.clone(),
        format!("{{\"chain\":[\"{number}\"]}}"),
        format!("{{\"chain\":[\"{number}\",\"!\"]}}"),
        format!("{{\"chain\":{number}}}"),
        format!("{{\"{number}\":[]}}"),
        format!("{{\"chains\":[{{\"chain\":[\"{number}\"],\"precertificate\":{number}}}]}}"),
        format!("{{\"blinded\":[\"{number}\"]}}"),
        whole.to_string() + &number,
        whole.to_string()[..600].to_owned(),
        whole.to_string().replace("{\"chain\"", &format!("{{\"{number}\":1,\"chain\"")),
    ] {
        for path in [
            "/ct/v1/add-chain",
            "/ct/v1/add-pre-chain",
            "/tn/v1/add-chains",
            "/tn/v1/receipt",
            "/tn/v1/evaluate",
            "/tn/v1/add-key-statement",
            "/tn/v1/add-registration",
            "/tn/v1/registration-receipt",
        ] {
            let too_long = path == "/tn/v1/evaluate" && body.len() > 2048;
            problems.refused(address, path, body.as_bytes(), if too_long { 413 } else { 400 });
        }
    }
    problems.refused(address, "/ct/v1/add-chain", number.repeat(30_000).as_bytes(), 413);
    for path in [
        format!("/{number}"),
        format!("/tile/{number}"),
        format!("/issuer/{number}"),
        format!("/ct/v1/get-entries?start={number}&end={number}"),
        format!("/ct/v1/get-entries?start=0{number}x&end=1"),
        format!("/ct/v1/get-proof-by-hash?hash={number}&tree_size=1"),
        format!("/ct/v1/get-sth-consistency?first={number}&second=1"),
        format!("/{}", percent(&number)),
        format!("/tile/{}/000", percent(&number)),
        format!("/issuer/{}", percent(&number)),
        format!("/index/{number}/checkpoint"),
        format!("/ct/v1/get-entries?start={}&end=1", percent(&number)),
    ] {
        let response = get(address, &path);
        assert!(response.status >= 400, "{path}");
        problems.0.push(response.body);
    }
    // Twenty labels a day are few: here they are spent.
    let over = problems.post(
        address,
        "/ct/v1/add-chain",
        &add_chain(&issuing().issue(&common::numbers(30, 1)).chain()),
    );
    assert_eq!(over.status, 429);
    let blinded = Blinded::new(&[Number::new(&number).unwrap()], &mut OsRng);
    let body = json!({ "blinded": [common::base64(&blinded.elements()[0])] });
    assert_eq!(problems.post(address, "/tn/v1/evaluate", &body).status, 200);
    assert_eq!(problems.post(address, "/tn/v1/evaluate", &body).status, 429);
}

/// Each byte in percent-encoding.
fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// A disk on which no round can be staged: the submission is not answered, and is when the disk is well again.
fn fill_the_disk(address: SocketAddr, folder: &Folder, problems: &mut Problems) {
    let staging = folder.private().join("staging");
    std::thread::sleep(std::time::Duration::from_millis(2500));
    let _ = std::fs::remove_dir_all(&staging);
    std::fs::write(&staging, b"").unwrap();
    let chain = chain("number-60").0;
    let response = problems.post(address, "/ct/v1/add-chain", &add_chain(&chain));
    assert_eq!(response.status, 503, "{}", response.text());
    assert_eq!(get(address, "/healthz").status, 503);
    std::fs::remove_file(&staging).unwrap();
    let begun = std::time::Instant::now();
    while problems.post(address, "/ct/v1/add-chain", &add_chain(&chain)).status != 200 {
        assert!(begun.elapsed() < std::time::Duration::from_secs(20), "the log did not recover");
    }
    assert_eq!(get(address, "/healthz").status, 200);
}

/// All that is answered to GET, but for leaves, which show labels.
fn public_answers(address: SocketAddr, secret: &Needles, labels: &Needles) {
    let size = get(address, "/ct/v1/get-sth").success()["tree_size"].as_u64().unwrap();
    let mut paths: Vec<String> = ["/", "/checkpoint", "/healthz", "/metrics", "/tn/v1/log", "/tn/v1/issuers"]
        .into_iter()
        .chain(["/tn/v1/parameters", "/ct/v1/get-sth", "/ct/v1/get-roots"])
        .map(str::to_owned)
        .collect();
    paths.push(format!("/tile/0/000.p/{size}"));
    paths.push(format!("/tile/chains/000.p/{size}"));
    paths.extend((1..size).map(|first| format!("/ct/v1/get-sth-consistency?first={first}&second={size}")));
    let issuers = get(address, "/tn/v1/issuers").success();
    for issuer in issuers["issuers"].as_array().unwrap() {
        let hashes = issuer["certificates"].as_array().unwrap().iter();
        paths.extend(hashes.map(|hash| format!("/issuer/{}", hash.as_str().unwrap())));
    }
    for path in paths {
        let response = get(address, &path);
        assert_eq!(response.status, 200, "{path}");
        secret.assert_absent(&path, &response.body);
        labels.assert_absent(&path, &response.body);
    }
    let mut leaves =
        vec![format!("/tile/entries/000.p/{size}"), format!("/ct/v1/get-entries?start=0&end={size}")];
    leaves.extend((0..size).map(|n| format!("/ct/v1/get-entry-and-proof?leaf_index={n}&tree_size={size}")));
    let mut labelled = false;
    for path in leaves {
        let response = get(address, &path);
        assert_eq!(response.status, 200, "{path}");
        secret.assert_absent(&path, &response.body);
        labelled |= labels.find(&response.body).is_some();
    }
    assert!(labelled, "the labels that are looked for are not those of this log");
}

fn public_files(folder: &Folder, secret: &Needles, labels: &Needles) {
    for path in common::files_below(&folder.public()) {
        let (name, bytes) = (path.display().to_string(), std::fs::read(&path).unwrap());
        secret.assert_absent(&name, &bytes);
        if !name.contains("/tile/entries/") {
            labels.assert_absent(&name, &bytes);
        }
    }
    // Not served, and easily copied somewhere.
    let derived = [folder.derived(), folder.derived_slots()].map(|derived| common::files_below(&derived));
    for path in derived.concat().into_iter().chain([folder.lock(), folder.config()]) {
        let bytes = std::fs::read(&path).unwrap();
        secret.assert_absent(&path.display().to_string(), &bytes);
        labels.assert_absent(&path.display().to_string(), &bytes);
    }
}

#[test]
fn nothing_of_a_number_is_shown_to_others() {
    let temporary = tempfile::tempdir().unwrap();
    let messages = temporary.path().join("messages");
    let folder = Folder::new(temporary.path().join("log"));
    std::fs::create_dir(folder.path()).unwrap();
    common::add_roots(&folder);
    people::accept_rs(&folder);
    let limits =
        "[limits]\nrequest_seconds = 1\nlabels_per_issuer_day = 20\nevaluations_per_client_hour = 1\n";
    std::fs::write(folder.config(), common::config(limits)).unwrap();

    let start = || Process::start(folder.path(), "trace", &messages);
    let mut problems = Problems::default();
    let process = start();
    take_everything(process.address, &mut problems);
    let said = say_everything(process.address, &mut problems);
    refuse_everything(process.address, &mut problems);
    fill_the_disk(process.address, &folder, &mut problems);
    process.kill();
    let process = start();
    take_again(process.address);
    process.terminate();
    std::fs::remove_dir_all(folder.derived()).unwrap();
    std::fs::remove_dir_all(folder.derived_slots()).unwrap();
    let process = start();
    take_again(process.address);

    let (secret, labels) = needles(&folder, &said);
    public_answers(process.address, &secret, &labels);
    process.terminate();
    public_files(&folder, &secret, &labels);
    for body in &problems.0 {
        let text = String::from_utf8_lossy(body).into_owned();
        // In a batch that was taken are SCTs, for who submitted.
        if !text.contains("sct_version") {
            secret.assert_absent(&text, body);
            labels.assert_absent(&text, body);
        }
    }
    assert!(problems.0.len() > 4 * Malformation::ALL.len());
    assert_messages(&messages, &secret, &labels);
    // Each number is where it should be: in the evidence, which is private, or nothing was looked for.
    let private = common::files_below(&folder.private());
    assert!(private.iter().any(|path| secret.find(&std::fs::read(path).unwrap()).is_some()));
}

fn take_again(address: SocketAddr) {
    for (name, chain, precertificate) in submissions() {
        let path = if precertificate { "/ct/v1/add-pre-chain" } else { "/ct/v1/add-chain" };
        let response = post(address, path, &add_chain(&chain));
        assert_eq!(response.status, 200, "{name}: {}", response.text());
    }
}

fn assert_messages(path: &Path, secret: &Needles, labels: &Needles) {
    let messages = std::fs::read(path).unwrap();
    let text = String::from_utf8_lossy(&messages);
    assert!(text.contains(" DEBUG ") && text.contains(" TRACE "), "messages are not at trace level");
    assert!(!text.contains("panicked"), "the log panicked");
    for line in messages.split(|byte| *byte == b'\n') {
        let name = format!("the message {:?}", String::from_utf8_lossy(line));
        secret.assert_absent(&name, line);
        labels.assert_absent(&name, line);
    }
}
