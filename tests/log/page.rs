//! The pages for people, of a log and of its mirror, over a real socket.

#![cfg(feature = "server")]

use crate::common;
use crate::common::{Response, TestLog, base64, chain, from_base64};
use serde_json::json;

fn submit(log: &TestLog, names: &[&str]) {
    for name in names {
        let (chain, precertificate) = chain(name);
        log.submit(&chain, precertificate);
    }
}

/// What no page may do without.
fn check_page(page: &Response, status: u16) -> String {
    let text = page.text();
    assert_eq!(page.status, status, "{text}");
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    assert!(!text.contains("<script") && !text.contains("style="), "a script or a style");
    for needed in ["<html lang=\"en\">", "<main>", "<h1>", "name=\"viewport\"", "<title>"] {
        assert!(text.contains(needed), "{needed} is missing: {text}");
    }
    let allowed = |link: &str| {
        link.starts_with("data:") || link.starts_with("https://log.example/") || !link.contains("//")
    };
    for attribute in ["href=\"", "src=\"", "action=\""] {
        for link in text.split(attribute).skip(1) {
            let link = link.split('"').next().unwrap();
            assert!(allowed(link) || link.starts_with("http://127.0.0.1:"), "{link}");
        }
    }
    text
}

/// The style sheet is the one that the policy allows: a browser would drop another.
#[test]
fn the_policy_allows_the_style_sheet() {
    use sha2::{Digest, Sha256};
    let log = TestLog::start("");
    let page = log.get("/");
    let text = page.text();
    let style = text.split("<style>").nth(1).and_then(|rest| rest.split("</style>").next()).unwrap();
    let hash = base64(&Sha256::digest(style));
    assert!(page.header("content-security-policy").unwrap().contains(&format!("'sha256-{hash}'")));
}

#[test]
fn the_front_page_says_what_the_log_is() {
    let log = TestLog::start("");
    submit(&log, &["carrier-1", "number-1"]);
    let text = check_page(&log.get("/"), 200);
    let info = log.get("/tn/v1/log").success();
    for key in ["checkpoint_key", "index_key", "sct_key", "log_id", "label_key"] {
        let key = info[key].as_str().unwrap();
        assert!(text.contains(key), "{key}");
    }
    for said in [
        "log.example/test",
        "<dd>3<span",
        "Test Root",
        "all countries",
        "+1</td>",
        "tnlog submit --log https://log.example/test/",
        "tnlog audit https://log.example/test/ --key log.example/test+",
        "nobody",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let root = tnlog::checkpoint::Checkpoint::parse(
        tnlog::note::Note::parse(&log.get("/checkpoint").body).unwrap().text(),
    );
    assert!(text.contains(&root.unwrap().root.to_string()));
    // The page that is kept is not that of a smaller log.
    submit(&log, &["carrier-2"]);
    assert!(check_page(&log.get("/"), 200).contains("<dd>4<span"));
}

#[test]
fn an_entry_is_found_by_index_and_by_hash_and_decoded() {
    let log = TestLog::start("");
    submit(&log, &["carrier-1", "number-1", "range", "precert-1"]);
    let page = |of: &str| check_page(&log.get(&format!("/entry?of={of}")), 200);
    let (parameters, carrier, number, range) = (page("0"), page("1"), page("2"), page("3"));
    assert!(parameters.contains("The parameters of the log"));
    assert!(carrier.contains("706J") && carrier.contains("issuer/"), "{carrier}");
    assert!(
        number.contains("A credential for telephone numbers") && number.contains("Issuing CA"),
        "{number}"
    );
    assert!(range.contains("170355501xx"), "{range}");
    assert!(page("4").contains("A precertificate"));
    assert!(carrier.contains("href=\"entry?of=0\"") && carrier.contains("href=\"entry?of=2\""));

    let entry = log.get("/ct/v1/get-entry-and-proof?leaf_index=2&tree_size=5").success();
    let leaf = from_base64(&entry["leaf_input"]);
    let hash = tnlog::merkle::Hash::of_leaf(&leaf);
    assert!(number.contains(&hash.to_string()));
    for hash in entry["audit_path"].as_array().unwrap() {
        let hash: [u8; 32] = from_base64(hash).try_into().unwrap();
        assert!(number.contains(&tnlog::merkle::Hash(hash).to_string()), "the proof is not there");
    }
    let written = base64(&hash.0).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    for of in [hash.to_string(), hash.to_string().to_uppercase(), written] {
        assert!(page(&of).contains("<h1>Entry 2</h1>"), "{of}");
    }
}

/// What a credential of a number must not show: neither the number nor anything of the certificate.
#[test]
fn the_page_of_a_number_shows_no_number() {
    let log = TestLog::start("");
    let (chain, precertificate) = chain("number-7");
    let sct = log.submit(&chain, precertificate);
    let text = check_page(&log.get("/entry?of=1"), 200);
    let number = tnlog::synthetic::fictional_number(7);
    assert!(!text.contains(&number) && !text.contains(&number[number.len() - 7..]), "{text}");
    let extensions: String =
        from_base64(&sct["extensions"]).iter().map(|byte| format!("{byte:02x}")).collect();
    let opening = &extensions[extensions.len() - 64..];
    assert!(!text.contains(opening), "the opening");
}

#[test]
fn what_is_not_there_is_said_in_a_page() {
    let log = TestLog::start("");
    for (of, status, said) in [
        ("1", 404, "the first one has index 0"),
        ("99999999999999999999", 400, "give the index"),
        ("", 400, "give the index"),
        ("nonsense", 400, "give the index"),
        (&"0".repeat(64), 404, "no leaf of that tree has this hash"),
        ("%3Cscript%3E", 400, "give the index"),
        ("'onclick=x", 400, "give the index"),
    ] {
        let text = check_page(&log.get(&format!("/entry?of={of}")), status);
        assert!(text.contains(said), "{of}: {text}");
    }
    check_page(&log.get("/entry"), 400);
}

/// Names in certificates are anybody's: markup, and characters that turn the writing around, do nothing.
#[test]
fn names_do_no_harm() {
    use tnlog::synthetic::{Name, Profile};
    let log = TestLog::start("");
    let name = Name::new("<script>alert(1)</script>\u{202e}evil", "\"><img src=x onerror=alert(1)>");
    let issued = common::issuing().issue(&Profile::carrier("706J", common::VALIDITY, 3).subject(name));
    log.submit(&issued.chain(), false);
    let text = check_page(&log.get("/entry?of=1"), 200);
    assert!(text.contains("alert(1)") && !text.contains("<script>") && !text.contains("<img"), "{text}");
    assert!(!text.contains('\u{202e}'));
}

#[test]
fn a_mirror_has_the_same_pages_and_says_that_it_is_one() {
    use tnlog::mirror::{Config, Folder, start};
    let log = TestLog::start("");
    submit(&log, &["carrier-1", "number-1"]);
    let running = &log.running().log;
    let keys = (running.keys.checkpoint.verifier_key().clone(), running.index.key().clone());
    let policy = format!("log {}\nlog {}\nquorum none\n", keys.0, keys.1);
    let temporary = tempfile::tempdir().unwrap();
    let folder = Folder::new(temporary.path());
    let path = temporary.path().join("policy.txt");
    std::fs::write(&path, &policy).unwrap();
    let url = format!("http://{}/", log.address());
    let text = Config::template(&url, "mirror.example/x", &path, None);
    let mut config =
        Config::parse(&text.replace("#= poll_milliseconds = 1000", "poll_milliseconds = 20")).unwrap();
    config.listen = "127.0.0.1:0".parse().unwrap();
    tnlog::server::keys::create_verifier_key(&folder.keys(), &config.name).unwrap();
    let mirror = log.runtime.block_on(start(&folder, &config, policy.parse().unwrap(), None)).unwrap();
    let begun = std::time::Instant::now();
    let get = |path: &str| common::get(mirror.address, path);
    while get("/").status != 200 || !get("/").text().contains("<dd>3<span class=\"more\">entries are indexed")
    {
        assert!(begun.elapsed().as_secs() < 30, "{}", get("/").text());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let text = check_page(&get("/"), 200);
    for said in [
        "Mirror of a transparency log",
        "log.example/test",
        &url,
        "mirror.example/x+",
        "--ask https://mirror.example/x/",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(!text.contains("Whose certificates it takes"));
    let ours = check_page(&get("/entry?of=1"), 200);
    assert!(ours.contains("706J") && ours.contains("<h1>Entry 1</h1>"));
    let hash = "0".repeat(64);
    assert!(check_page(&get(&format!("/entry?of={hash}")), 403).contains("mirror"));
    assert_eq!(get("/tn/v1/log").success()["mirror_of"], json!(url));
    log.runtime.block_on(mirror.stop());
}
