//! The built command: what it prints, what it writes, and its exit codes.

#![cfg(feature = "server")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support;
use crate::support::server::{add_chains, der, evaluate, json, reply, sct_for, serve};
use crate::support::{NOW, TestLog, VALIDITY, parse, vkey};
use tnlog::client::api::{GetRoots, LogInfo};
use tnlog::entry::SignedEntry;
use tnlog::label::LabelKey;
use tnlog::synthetic::{Authority, Malformation, Profile, TnEntry};

fn tnlog(folder: &Path, args: &[&str]) -> Output {
    let command = Command::new(env!("CARGO_BIN_EXE_tnlog"))
        .current_dir(folder)
        .args(args)
        .stdin(Stdio::null())
        .output();
    command.unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Runs, demands the exit code, and gives standard output.
fn run(folder: &Path, code: i32, args: &[&str]) -> String {
    let output = tnlog(folder, args);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {}{}", out(&output), err(&output));
    out(&output)
}

fn pem(chain: &[Vec<u8>]) -> String {
    parse(chain).iter().map(|certificate| certificate.to_pem()).collect()
}

#[test]
fn every_command_has_help_with_an_example_and_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    for command in [
        "approve", "audit", "dispute", "inspect", "keygen", "label", "policy", "register", "submit",
        "verify", "watch", "withdraw",
    ] {
        let help = run(folder.path(), 0, &[command, "--help"]);
        assert!(help.contains("Example") && help.contains("Exit codes") && help.contains("--json"), "{help}");
    }
    assert!(run(folder.path(), 0, &["--help"]).contains("Exit codes"));
    for wrong in [&["verify"][..], &["nonsense"], &["audit", "--key", "nonsense", "x"], &[]] {
        let output = tnlog(folder.path(), wrong);
        assert_eq!(output.status.code(), Some(64), "{wrong:?}");
        assert!(out(&output).is_empty());
    }
}

#[test]
fn keygen_makes_a_key_that_only_its_owner_reads_and_never_overwrites() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let public = run(folder.path(), 0, &["keygen", "example.com/log"]);
    let file = folder.path().join("example.com_log.key");
    let private = fs::read_to_string(&file).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let signer = tnlog::note::Signer::parse(private.trim()).unwrap();
    assert_eq!(signer.verifier_key().to_string(), public.trim());
    run(folder.path(), 1, &["keygen", "example.com/log"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), private);
    run(folder.path(), 1, &["keygen", "a name", "--out", "other"]);
    assert!(!folder.path().join("other").exists());
    let json = run(folder.path(), 0, &["keygen", "witness", "--cosigner", "--json"]);
    assert!(json.starts_with("{\"file\":\"witness.key\"") && json.contains("witness+"), "{json}");
}

struct Peer {
    folder: tempfile::TempDir,
    log: TestLog,
}

/// A log with a number and a carrier, and all files that an app needs for both.
fn peer() -> Peer {
    let mut log = TestLog::with(10);
    let number = log.number_certificate("17035550123").chain();
    let carrier = log.issuing.issue(&Profile::carrier("867J", VALIDITY, 9)).chain();
    let first = log.add(&[number.clone(), carrier.clone()]);
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
    write("number.pem", pem(&number));
    write("carrier.pem", pem(&carrier[..2]));
    write("number.tlog-proof", log.receipt(&number, first).to_string());
    write("carrier.tlog-proof", log.receipt(&carrier, first + 1).to_string());
    write("policy.txt", format!("log {}\nquorum none\n", vkey()));
    write("parameters.tlog-proof", log.parameters_proof().to_string());
    write("roots.pem", pem(log.root.chain()));
    write("stranger.pem", pem(Authority::root("Stranger", 5, VALIDITY).chain()));
    write("checkpoint", log.note().to_string());
    fs::write(folder.path().join("leaf"), &log.leaves[first as usize]).unwrap();
    fs::write(folder.path().join("leaf-0"), &log.leaves[0]).unwrap();
    fs::write(folder.path().join("carrier.der"), &carrier[0]).unwrap();
    Peer { folder, log }
}

fn verify(peer: &Peer, code: i32, who: &str, receipt: &str, more: &[&str]) -> String {
    let (certificate, receipt) = (format!("{who}.pem"), format!("{receipt}.tlog-proof"));
    let at = NOW.to_string();
    let mut args =
        vec!["verify", "--certificate", &certificate, "--receipt", &receipt, "--policy", "policy.txt"];
    args.extend(["--parameters", "parameters.tlog-proof"]);
    args.extend(more);
    if !more.contains(&"--at") {
        args.extend(["--at", &at]);
    }
    if !more.contains(&"--roots") {
        args.extend(["--roots", "roots.pem"]);
    }
    run(peer.folder.path(), code, &args)
}

#[test]
fn verify_trusts_what_is_right_and_says_what_is_not() {
    let peer = peer();
    assert!(verify(&peer, 0, "number", "number", &["--number", "+17035550123"]).starts_with("Trusted\n"));
    assert!(verify(&peer, 0, "number", "number", &["--number", "17035550123"]).contains(support::ORIGIN));
    assert!(verify(&peer, 0, "carrier", "carrier", &["--spc", "867j"]).contains("Trusted"));
    let date = ["--number", "+17035550123", "--at", "2025-06-16T00:00:00Z", "--json"];
    let json: serde_json::Value = serde_json::from_str(&verify(&peer, 0, "number", "number", &date)).unwrap();
    assert_eq!((&json["what"], &json["log"]), (&"Trusted".into(), &support::ORIGIN.into()));

    let mut args =
        vec!["verify", "--certificate", "number.pem", "--receipt", "number.tlog-proof", "--policy"];
    args.extend(["policy.txt", "--parameters", "parameters.tlog-proof", "--number", "+1 703 555 0123"]);
    args.extend(["--roots", "number.pem", "--at", "2025-06-16T00:00:00Z"]);
    assert!(err(&tnlog(peer.folder.path(), &args)).contains("1 of the"));

    let refused = |who, receipt, more: &[&str], reason: &str| {
        let json = verify(&peer, 2, who, receipt, &[more, &["--json"]].concat());
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["reason"], reason, "{json}");
        assert!(!json.to_string().contains("0123"), "{json}");
    };
    refused("number", "number", &["--number", "+17035550124"], "not-covered");
    refused("carrier", "carrier", &["--number", "+17035550123"], "not-covered");
    refused("number", "carrier", &["--number", "+17035550123"], "kind");
    refused("carrier", "number", &["--spc", "867J"], "kind");
    refused("number", "number", &["--number", "+17035550123", "--at", "1"], "not-yet-valid");
    refused("number", "number", &["--number", "+17035550123", "--roots", "stranger.pem"], "unknown-root");
    verify(&peer, 1, "missing", "number", &["--number", "+17035550123"]);
    verify(&peer, 64, "number", "number", &[]);
    let args = ["verify", "--certificate", "a", "--receipt", "b", "--policy", "c", "--parameters", "d"];
    let output =
        tnlog(peer.folder.path(), &[&args[..], &["--roots", "e", "--number", "+07035550123"]].concat());
    assert_eq!(output.status.code(), Some(64));
    assert!(err(&output).contains("country code") && !err(&output).contains("0123"), "{}", err(&output));
}

#[test]
fn inspect_says_what_things_are_and_hides_numbers() {
    let peer = peer();
    let inspect = |file: &str| run(peer.folder.path(), 0, &["inspect", file]);
    for (file, what) in [
        ("number.pem", "A certificate\n"),
        ("carrier.der", "A certificate\n"),
        ("roots.pem", "A CA certificate\n"),
        ("number.tlog-proof", "A receipt\n"),
        ("parameters.tlog-proof", "A proof of a leaf"),
        ("leaf", "A leaf\n"),
        ("leaf-0", "A leaf\n"),
        ("checkpoint", "A checkpoint\n"),
        ("policy.txt", "A policy\n"),
    ] {
        let shown = inspect(file);
        assert!(shown.starts_with(what), "{file}: {shown}");
        assert!(!shown.contains("703555"), "{file}: {shown}");
    }
    assert!(inspect("number.pem").contains("*********23"));
    assert!(inspect("leaf").contains("number_entry") && inspect("leaf-0").contains("parameters_entry"));
    assert!(run(peer.folder.path(), 0, &["inspect", "--show-numbers", "number.pem"]).contains("17035550123"));
    let lines = run(peer.folder.path(), 0, &["inspect", "--json", "number.pem", "checkpoint"]);
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[3]["size"], peer.log.size());
    fs::write(peer.folder.path().join("junk"), "junk").unwrap();
    run(peer.folder.path(), 1, &["inspect", "junk"]);
    run(peer.folder.path(), 1, &["inspect", "nothing-there"]);
}

/// Fails without the test for `BrokenPipe` in `output::fail`, or with `println!`.
#[test]
fn a_closed_pipe_is_no_error() {
    let peer = peer();
    let bundle = fs::read_to_string(peer.folder.path().join("number.pem")).unwrap().repeat(2000);
    fs::write(peer.folder.path().join("many.pem"), bundle).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_tnlog"))
        .args(["inspect", "many.pem"])
        .current_dir(peer.folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(err(&output), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn audit_of_a_folder() {
    let log = TestLog::with(300);
    let (public, key) = (log.public(), vkey().to_string());
    let folder = tempfile::tempdir().unwrap();
    let place = public.to_str().unwrap();
    let good = run(folder.path(), 0, &["audit", place, "--key", &key, "--seen", "seen"]);
    assert!(good.starts_with("Nothing is wrong\n") && good.contains("307"), "{good}");
    let json = run(folder.path(), 0, &["audit", place, "--key", &key, "--seen", "seen", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["key_statements"], &json["registrations"]), (&0.into(), &0.into()));
    run(folder.path(), 64, &["audit", place]);
    run(folder.path(), 1, &["audit", "nothing-there", "--key", &key]);
    let other = tnlog::note::Signer::new(support::ORIGIN, tnlog::note::KeyType::Ed25519, &[9; 32]).unwrap();
    let wrong_key = other.verifier_key().to_string();
    let found = run(folder.path(), 2, &["audit", place, "--key", &wrong_key]);
    assert!(found.contains("not signed by any known key"), "{found}");

    let tile = public.join("tile/0/000");
    let mut bytes = fs::read(&tile).unwrap();
    bytes[32 * 9] ^= 1;
    fs::write(&tile, &bytes).unwrap();
    let found = run(folder.path(), 2, &["audit", place, "--key", &key]);
    assert!(found.starts_with("WRONG: tile/0/000, leaf 9:"), "{found}");
    let json = run(folder.path(), 2, &["audit", place, "--key", &key, "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["place"], &json["index"]), (&"tile/0/000".into(), &9.into()));

    let mut fork = TestLog::new();
    let chains: Vec<_> =
        (0..400).map(|n| fork.issuing.issue(&Profile::carrier("9J", VALIDITY, n)).chain()).collect();
    fork.add(&chains);
    let found =
        run(folder.path(), 2, &["audit", fork.public().to_str().unwrap(), "--key", &key, "--seen", "seen"]);
    assert!(found.contains("FORKED") && found.contains(&log.note().to_string()), "{found}");
}

#[test]
fn labels_of_blocks_and_codes_need_no_log() {
    let folder = tempfile::tempdir().unwrap();
    let labels = run(folder.path(), 0, &["label", "1703555xxxx", "--spc", "867j"]);
    assert!(labels.starts_with("801703555f4000"), "{labels}");
    assert_eq!(labels.lines().count(), 2);
    run(folder.path(), 64, &["label", "+17035550123"]);
    run(folder.path(), 64, &["label"]);
    let spaced = run(folder.path(), 0, &["label", "+1 (703) 555-xxxx"]);
    assert!(spaced.starts_with("801703555f4000"), "{spaced}");
}

/// Fails when `label::parse` puts the name in place of its position into an error.
#[test]
fn a_number_without_its_country_is_told_by_its_position_alone() {
    let folder = tempfile::tempdir().unwrap();
    for (wrong, why) in [
        ("703 555 0123", "country code"),
        ("0703 555 0123", "country code"),
        ("+999 555 0123", "country code"),
        ("555-o123", "digits"),
        ("703 555xx0123", "block"),
    ] {
        let said = refusal(folder.path(), 64, &["label", "+1 703 555 0199", wrong]);
        assert!(said.starts_with("tnlog: argument 2: ") && said.contains(why), "{said}");
        assert!(!said.contains("0123") && !said.contains("o123"), "{said}");
    }
    let said = refusal(folder.path(), 64, &["label", "+1 703 555 0199", "1-703-555-0123"]);
    assert!(said.contains("--log"), "{said}");
}

/// What is said when a command fails.
fn refusal(folder: &Path, code: i32, args: &[&str]) -> String {
    let output = tnlog(folder, args);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {}{}", out(&output), err(&output));
    err(&output)
}

#[test]
fn an_error_is_said_once_and_a_place_that_is_nearly_right_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let key = vkey().to_string();
    let said = refusal(folder.path(), 1, &["serve", "--data", "log", "--config", "nothing.toml"]);
    assert_eq!(said.matches("No such file").count(), 1, "{said}");

    fs::create_dir_all(folder.path().join("data/public")).unwrap();
    for (code, place, hint) in [
        (1, "data", "data/public"),
        (1, "127.0.0.1:1", "http://127.0.0.1:1"),
        (64, "http://127.0.0.1:1/a/ct/v1/", "http://127.0.0.1:1/a/"),
    ] {
        let said = refusal(folder.path(), code, &["audit", place, "--key", &key]);
        assert!(said.contains(hint) && (said.contains("take") || said.contains("named")), "{said}");
    }
    fs::write(folder.path().join("a.pem"), "").unwrap();
    let said = refusal(folder.path(), 64, &["submit", "--log", "127.0.0.1:1", "a.pem"]);
    assert!(said.contains("http://127.0.0.1:1"), "{said}");
    let said = refusal(folder.path(), 64, &["keygen", "https://example.com/log"]);
    assert!(said.contains("https://"), "{said}");
}

#[test]
fn load_needs_a_root_and_a_log() {
    let folder = tempfile::tempdir().unwrap();
    let load = ["load", "--log", "http://127.0.0.1:1"];
    let output = tnlog(folder.path(), &load);
    assert_eq!(output.status.code(), Some(64));
    assert!(err(&output).contains("--accept-root"), "{}", err(&output));
    let said = refusal(folder.path(), 1, &[&load[..], &["--accept-root", "nowhere"]].concat());
    assert!(said.contains("no log in nowhere"), "{said}");
    assert!(!folder.path().join("nowhere").exists());
}

#[test]
fn roots_are_read_in_every_form_and_show_no_number() {
    let folder = tempfile::tempdir().unwrap();
    let root = Authority::root("Example Root", 5, VALIDITY);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(pem(root.chain()).as_bytes()).unwrap();
    fs::write(folder.path().join("root.pem.gz"), gzip.finish().unwrap()).unwrap();
    fs::write(folder.path().join("root.der"), root.certificate()).unwrap();
    for file in ["root.pem.gz", "root.der"] {
        let output = tnlog(folder.path(), &["roots", "add", "--data", "data", file]);
        assert!(output.status.success(), "{}", err(&output));
        assert!(err(&output).contains("no log in data"), "{}", err(&output));
    }
    let add = |chain: &[Vec<u8>]| {
        fs::write(folder.path().join("other.pem"), pem(root.chain()) + &pem(chain)).unwrap();
        refusal(folder.path(), 1, &["roots", "add", "--data", "other", "other.pem"])
    };
    let profile = Profile::authority("Example", None, VALIDITY, 6);
    let number = profile.entries(&[TnEntry::one("17035550123")]);
    let said = add(Authority::self_signed(number).chain());
    assert!(said.contains("certificate 1") && said.contains("single telephone numbers"), "{said}");
    let said = add(&root.issue(&Profile::carrier("867J", VALIDITY, 3)).chain()[..1]);
    assert!(said.contains("not a CA"), "{said}");
    assert!(!folder.path().join("other").exists());
}

#[test]
fn a_log_has_the_name_that_it_is_given_or_that_its_key_has() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    let configure = |origin| {
        let folder = tnlog::server::config::Folder::new(&path);
        tnlog::server::open::configure_as(&folder, None, origin).map(|config| config.origin)
    };
    assert!(configure(Some("https://example.com/log")).is_err());
    assert!(!path.join("tnlog.toml").exists());
    assert_eq!(configure(Some("example.com/log")).unwrap(), "example.com/log");
    assert_eq!(configure(None).unwrap(), "example.com/log");
    let said = refusal(folder.path(), 1, &["serve", "--data", "data", "--origin", "example.com/other"]);
    assert!(said.contains("example.com/log, for ever"), "{said}");

    let other = tempfile::tempdir().unwrap();
    fs::create_dir(other.path().join("keys")).unwrap();
    run(other.path(), 0, &["keygen", "example.com/lost", "--out", "keys/checkpoint.key"]);
    let lost = tnlog::server::config::Folder::new(other.path());
    assert_eq!(tnlog::server::open::configure(&lost, None).unwrap().origin, "example.com/lost");
}

#[test]
fn private_keys_are_told_and_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    tnlog::server::keys::Keys::create(folder.path(), "example.com/log").unwrap();
    for (name, what) in [
        ("checkpoint.key", "signs notes"),
        ("sct.key", "sct.key"),
        ("label.key", "label.key"),
        ("opening.key", "opening.key"),
    ] {
        let shown = run(folder.path(), 0, &["inspect", name]);
        let secret = fs::read_to_string(folder.path().join(name)).unwrap();
        let secret = secret.trim().lines().nth(usize::from(name == "sct.key")).unwrap();
        assert!(shown.contains(what) && shown.contains("not shown"), "{shown}");
        // The base64 may have more plus signs.
        let secret = if name == "checkpoint.key" { secret.splitn(5, '+').nth(4).unwrap() } else { secret };
        assert!(!shown.contains(secret), "{name}");
    }
}

/// A log that serves its folder, and takes carriers.
async fn log_over_http(log: &TestLog) -> std::sync::Arc<support::server::Server> {
    let public = log.public();
    let root = base64(log.root.certificate());
    serve(move |_, path, body| match path.strip_prefix("/log/").unwrap() {
        "tn/v1/add-chains" => json(&add_chains(&body)),
        "ct/v1/get-roots" => json(&GetRoots { certificates: vec![root.clone()] }),
        "tn/v1/log" => json(&info()),
        path => fs::read(public.join(path)).map_or_else(|_| reply(404, ""), |bytes| reply(200, bytes)),
    })
    .await
}

fn base64(der: &[u8]) -> String {
    <base64ct::Base64 as base64ct::Encoding>::encode_string(der)
}

fn info() -> LogInfo {
    LogInfo {
        index_key: String::new(),
        origin: support::ORIGIN.into(),
        checkpoint_key: vkey().to_string(),
        sct_key: String::new(),
        log_id: String::new(),
        label_key: String::new(),
        tree_size: 0,
        read_only: false,
        max_chain: 10,
        max_certificate: 65_000,
        max_names: 512,
        max_chains: 1000,
        round_milliseconds: 200,
        mirror_of: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn submit_completes_chains_writes_scts_counts_refusals_and_goes_on_where_it_stopped() {
    let log = TestLog::with(10);
    let server = log_over_http(&log).await;
    let folder = tempfile::tempdir().unwrap();
    let leaf = |code: &str, n| log.issuing.issue(&Profile::carrier(code, VALIDITY, n)).certificate().to_vec();
    let mut bundle: Vec<_> = (0..250).map(|n| leaf("706J", n)).collect();
    bundle.extend((0..3).map(|n| leaf("806J", n)));
    let mut text = pem(&bundle);
    let broken = log.issuing.issue_malformed(Malformation::LongLength, 1).remove(0);
    let base64 = base64(&broken);
    text.push_str(&format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n"));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    fs::write(folder.path().join("bundle.pem.gz"), gzip.finish().unwrap()).unwrap();
    fs::write(folder.path().join("issuers.pem"), pem(&log.issuing.chain()[..1])).unwrap();
    fs::write(folder.path().join("one.der"), leaf("707J", 1)).unwrap();

    let path = folder.path().to_owned();
    let base = server.base.clone();
    let submit = async move |code, more: &'static [&'static str]| {
        let (path, base) = (path.clone(), base.clone());
        let task = move || {
            let start = ["submit", "--log", &base, "--issuers", "issuers.pem", "--together", "60"];
            run(&path, code, &[&start, more].concat())
        };
        tokio::task::spawn_blocking(task).await.unwrap()
    };
    let first = submit(1, &["--with-cas", "--", "bundle.pem.gz", "one.der"]).await;
    assert!(first.starts_with("251 logged, 0 already, 4 refused, 0 failed\n"), "{first}");
    assert!(first.contains("3 refused  unknown-root") && first.contains("malformed-certificate"), "{first}");
    assert_eq!(fs::read_dir(folder.path().join("bundle.pem.gz.scts")).unwrap().count(), 250);
    assert!(run(folder.path(), 0, &["inspect", "one.der.sct"]).starts_with("A signed certificate timestamp"));

    let before = server.paths().len();
    let second = submit(1, &["--", "bundle.pem.gz", "one.der"]).await;
    assert!(second.starts_with("0 logged, 251 already, 4 refused"), "{second}");
    let asked = server.paths().split_off(before);
    assert_eq!(asked.iter().filter(|path| path.ends_with("add-chains")).count(), 1);

    let (path, base) = (folder.path().to_owned(), server.base.clone());
    let only_cas = move || refusal(&path, 1, &["submit", "--log", &base, "issuers.pem"]);
    let said = tokio::task::spawn_blocking(only_cas).await.unwrap();
    assert!(said.contains("1 CA certificates were not submitted; --with-cas"), "{said}");
    let lines = submit(0, &["--issuers", "issuers.pem", "--json", "one.der"]).await;
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["outcome"], &lines[1]["outcome"]), (&"already".into(), &"sum".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_are_written_beside_the_certificates_and_wrong_ones_are_a_finding() {
    let mut log = TestLog::with(10);
    let chain = log.issuing.issue(&Profile::carrier("706J", VALIDITY, 999)).chain();
    let other = log.issuing.issue(&Profile::carrier("707J", VALIDITY, 999)).chain();
    let index = log.add(std::slice::from_ref(&chain));
    let receipt = log.receipt(&chain, index).to_string();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("good.pem"), pem(&chain)).unwrap();
    fs::write(folder.path().join("other.pem"), pem(&other)).unwrap();
    fs::write(folder.path().join("policy"), format!("log {}\nquorum none\n", vkey())).unwrap();
    let (public, text) = (log.public(), receipt.clone());
    let server = serve(move |_, path, body| match path.strip_prefix("/log/").unwrap() {
        "ct/v1/add-chain" => {
            let request: tnlog::client::api::AddChain = serde_json::from_slice(&body).unwrap();
            json(&sct_for(&SignedEntry::X509(der(&request.chain[0])), index))
        }
        "tn/v1/receipt" => reply(200, text.clone()),
        path => fs::read(public.join(path)).map_or_else(|_| reply(404, ""), |bytes| reply(200, bytes)),
    })
    .await;
    let (path, base) = (folder.path().to_owned(), server.base.clone());
    let submit = async |file: &'static str, code| {
        let (path, base) = (path.clone(), base.clone());
        let args =
            move || run(&path, code, &["submit", "--log", &base, "--policy", "policy", "--receipts", file]);
        tokio::task::spawn_blocking(args).await.unwrap()
    };
    let good = submit("good.pem", 0).await;
    assert!(good.contains("1 logged") && good.contains("1 receipts"), "{good}");
    assert_eq!(fs::read_to_string(folder.path().join("good.pem.tlog-proof")).unwrap(), receipt);
    let wrong = submit("other.pem", 2).await;
    assert!(wrong.contains("wrong receipt"), "{wrong}");
    assert!(!folder.path().join("other.pem.tlog-proof").exists());
    let asked = server.paths().len();
    submit("good.pem", 0).await;
    assert!(server.paths()[asked..].iter().all(|path| !path.ends_with("receipt")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_label_of_a_number_is_asked_for_blindly_and_a_lie_is_a_finding() {
    let log = TestLog::with(1);
    let number = tnlog::number::Number::new("17035550123").unwrap();
    let label = LabelKey::from_seed(&[2; 32]).label(&number);
    for (seed, code) in [(2, 0), (3, 2)] {
        let public = log.public();
        let server = serve(move |_, path, body| match path.strip_prefix("/log/").unwrap() {
            "tn/v1/evaluate" => json(&evaluate(&body, seed)),
            "tn/v1/log" => json(&info()),
            path => fs::read(public.join(path)).map_or_else(|_| reply(404, ""), |bytes| reply(200, bytes)),
        })
        .await;
        let (base, path) = (server.base.clone(), log.public());
        let ask = move || tnlog(&path, &["label", "--log", &base, "+17035550123"]);
        let output = tokio::task::spawn_blocking(ask).await.unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", err(&output));
        assert!(err(&output).contains("--key") && !err(&output).contains("0123"));
        let found = out(&output).contains(&tnlog::merkle::Hash(*label.as_bytes()).to_string());
        assert_eq!(found, code == 0);
    }
}

/// A new log is named once; its configuration can be lost, its name cannot.
#[test]
fn a_log_keeps_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("log");
    let serve = |origin: Option<&str>| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tnlog"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&data);
        command.args(origin.iter().flat_map(|origin| ["--origin", origin]));
        command.stderr(std::process::Stdio::piped()).spawn().unwrap()
    };
    let first_message = |mut serving: std::process::Child| {
        use std::io::BufRead;
        let messages = std::io::BufReader::new(serving.stderr.take().unwrap()).lines();
        let message =
            messages.map(Result::unwrap).find(|m| m.contains("serving on") || m.contains("tnlog: "));
        let _ = serving.kill();
        serving.wait().unwrap();
        message.expect("it says something")
    };
    assert!(first_message(serve(Some("log.example.com/2026"))).contains("log.example.com/2026"));
    assert!(first_message(serve(Some("log.example.com/2027"))).contains("needs a folder of its own"));
    std::fs::remove_file(data.join("tnlog.toml")).unwrap();
    assert!(first_message(serve(None)).contains("log.example.com/2026"));
}
