//! What the page answers, to whom.

use super::*;

/// Every page also as JSON, with its headers, and without a number.
#[test]
fn every_page_has_its_json_and_no_number_and_is_closed_to_others() {
    let story = Story::new("127.0.0.1:0");
    let number = fictional_number(1);
    for path in story.pages() {
        let page = story.get(&path);
        assert_eq!(
            (page.status, page.header("content-type")),
            (200, Some("text/html; charset=utf-8")),
            "{path}"
        );
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
        assert!(!policy.contains("unsafe") && !policy.contains("script"), "{policy}");
        let fixed = [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
        ];
        for (name, value) in fixed {
            assert_eq!(page.header(name), Some(value), "{path}");
        }
        assert!(!page.body.contains(&number) && !page.body.contains("<script"), "{path}");
        let json = ask(story.page, &path, &["accept: application/json".into()], None);
        assert_eq!(json.header("content-type"), Some("application/json"), "{path}");
        assert!(json.json().is_object() && !json.body.contains(&number), "{path}");
    }
    let whole = story.get("/watch?name=telephone+1&number=whole");
    assert!(whole.body.contains(&format!("+{number}")), "who asks for it sees it");
    let metrics = story.get("/metrics").body;
    assert!(metrics.contains(&format!("tnlog_monitor_log_checked{{log=\"log\"}} {}\n", story.disputed + 2)));
    assert!(metrics.contains("tnlog_monitor_findings{log=\"log\",state=\"open\",severity=\"high\"}"));
    assert!(!metrics.contains("telephone"), "names of watches are the operator's own");
    for (path, status) in
        [("/nothing", 404), ("/findings/00", 404), ("/watch?name=no", 404), ("/findings?state=x", 400)]
    {
        assert_eq!(story.get(path).status, status, "{path}");
    }
    // A name of somebody else that was made to point here. Fails without the check of the host.
    let foreign = ask(story.page, "/", &["host: evil.example".into()], None);
    assert_eq!((foreign.status, foreign.body.contains("telephone")), (403, false));
    let listen = story.process.address();
    assert_eq!(get(listen, "/findings").status, 404, "what strangers use has no page");
    assert_holds_no_number(&story.monitor.folder, &[1]);
}

/// With a token nothing is shown without it, and a form must come from the page.
#[test]
fn who_has_no_token_sees_nothing_and_who_has_no_form_changes_nothing() {
    let story = Story::new("0.0.0.0:0");
    let page: SocketAddr = ([127, 0, 0, 1], story.page.port()).into();
    let token = std::fs::read_to_string(story.monitor.folder.join("page.token")).unwrap();
    let id = story.finding()["id"].as_str().unwrap().to_owned();
    for path in story.pages() {
        let denied = ask(page, &path, &[], None);
        assert_eq!((denied.status, denied.header("location")), (303, Some("/login")), "{path}");
        assert_eq!(denied.body, "");
    }
    for path in ["/metrics", "/findings.json", "/logs.json"] {
        assert_eq!(ask(page, path, &[], None).status, 401, "{path}");
        assert_eq!(ask(page, path, &["authorization: Bearer x".into()], None).status, 401, "{path}");
        assert_eq!(ask(page, path, &story.bearer(), None).status, 200, "{path}");
    }
    let wrong = ask(page, "/login", &[], Some("token=wrong"));
    assert_eq!((wrong.status, wrong.header("set-cookie")), (403, None));
    let right = ask(page, "/login", &[], Some(&format!("token={}", token.trim())));
    let cookie = right.header("set-cookie").unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"));
    let cookie = vec![format!("cookie: {}", cookie.split(';').next().unwrap())];
    let shown = ask(page, &format!("/findings/{id}"), &cookie, None);
    let form = shown.body.split_once("name=\"form\" value=\"").unwrap().1.split('"').next().unwrap();
    let path = format!("/findings/{id}/acknowledge");
    assert_eq!(ask(page, &path, &[], Some("reason=me")).status, 401, "nobody");
    assert_eq!(ask(page, &path, &cookie, Some("reason=me")).status, 403, "no form");
    assert_eq!(ask(page, &path, &cookie, Some("reason=me&form=00")).status, 403, "a made up form");
    let elsewhere = [cookie.clone(), vec!["sec-fetch-site: cross-site".into()]].concat();
    assert_eq!(ask(page, &path, &elsewhere, Some(&format!("reason=me&form={form}"))).status, 403);
    assert_eq!(ask(page, &path, &cookie, Some(&format!("reason=+&form={form}"))).status, 400, "no reason");
    assert_eq!(story.finding()["id"], *id, "it is open yet");
    assert_eq!(ask(page, &path, &cookie, Some(&format!("reason=it+is+me&form={form}"))).status, 303);
    assert_ne!(story.finding()["id"], *id);
    let known = story.get(&format!("/findings/{id}.json")).json();
    assert_eq!(known["status"], "acknowledged");
    assert_eq!(known["acknowledged"]["reason"], "it is me");
    let told = story.monitor.findings(&["--watch", "telephone 1"]);
    assert!(told.iter().all(|finding| finding["id"] != *id), "the command says the same");
    // With the token itself no form is needed, as for a script.
    let next = story.finding()["id"].as_str().map(str::to_owned);
    if let Some(next) = next {
        let path = format!("/findings/{next}/acknowledge");
        assert_eq!(ask(page, &path, &story.bearer(), Some("reason=script")).status, 303);
    }
}

/// The evidence that a finding names, and no other file.
#[test]
fn evidence_is_sent_and_nothing_that_is_none() {
    let story = Story::new("127.0.0.1:0");
    let folder = &story.monitor.folder;
    std::fs::create_dir_all(folder.join("evidence/sealed")).unwrap();
    std::fs::write(folder.join("evidence/sealed/bad-leaf-1.json"), "sealed evidence").unwrap();
    let finding = |id: &str, evidence: &str| {
        format!(
            "{{\"id\":\"{id}\",\"version\":1,\"detector\":\"bad-leaf\",\"severity\":\"high\",\"cleared\":false,\"misbehaviour\":true,\
             \"log\":\"other.example\",\"time\":1,\"what\":\"It\",\"whom\":\"you\",\"now\":\"ask\",\"evidence\":\"{evidence}\"}}\n"
        )
    };
    let files = [
        ("aa", "evidence/sealed/bad-leaf-1.json", 200),
        ("ab", "evidence/none.json", 404),
        ("ac", "evidence/../tnlog-monitor.toml", 404),
        ("ad", "tnlog-monitor.toml", 404),
        ("ae", "/etc/passwd", 404),
    ];
    let mut lines = std::fs::OpenOptions::new().append(true).open(folder.join("findings.jsonl")).unwrap();
    files.iter().for_each(|(id, evidence, _)| lines.write_all(finding(id, evidence).as_bytes()).unwrap());
    wait_for("the findings are not shown", || story.get("/findings/ae").status == 200);
    for (id, evidence, status) in files {
        let answer = story.get(&format!("/findings/{id}/evidence"));
        assert_eq!(answer.status, status, "{evidence}");
        if status == 200 {
            assert_eq!(answer.body, "sealed evidence");
            let disposition = answer.header("content-disposition").unwrap();
            assert!(disposition.starts_with("attachment") && disposition.contains("bad-leaf-1.json"));
        }
    }
    assert!(story.get("/findings/aa").body.contains("It is sealed"));
    assert_eq!(
        story.get(&format!("/findings/{}/evidence", story.finding()["id"].as_str().unwrap())).status,
        404
    );
}

/// The proof on the page of an entry is one.
#[test]
fn an_entry_is_shown_with_a_proof_that_holds() {
    use tnlog::merkle::{Hash, check_inclusion};
    let story = Story::new("127.0.0.1:0");
    let bytes = |value: &Value| crate::common::from_base64(value);
    for index in 0..=story.disputed {
        let entry = story.get(&format!("/logs/log/entries/{index}.json")).json();
        let proof: Vec<Hash> = entry["audit_path"]
            .as_array()
            .unwrap()
            .iter()
            .map(|hash| Hash(bytes(hash).try_into().unwrap()))
            .collect();
        let checkpoint = entry["checkpoint"].as_str().unwrap();
        let root = Hash(bytes(&checkpoint.lines().nth(2).unwrap().into()).try_into().unwrap());
        let leaf = Hash::of_leaf(&bytes(&entry["leaf"]));
        assert_eq!(entry["leaf_hash"], leaf.to_string());
        let size = entry["tree_size"].as_u64().unwrap();
        check_inclusion(&proof, size, index, &leaf, &root).unwrap();
    }
    assert_eq!(story.get("/logs/log/entries/999999").status, 404);
    let found = story.get("/entry?log=log&index=1,0");
    assert_eq!((found.status, found.header("location")), (303, Some("/logs/log/entries/10")));
}

/// What is in the pages is what was logged.
#[test]
fn watches_and_the_world_show_what_was_logged() {
    let story = Story::new("127.0.0.1:0");
    let watch = story.get("/watch.json?name=telephone+1").json();
    let lives = watch["logs"][0]["lives"].as_array().unwrap();
    let of = |index: u64| lives.iter().find(|life| life["entries"][0] == index).unwrap();
    assert_eq!(lives.len(), 3);
    assert_eq!([story.own, story.approved].map(|index| of(index)["stands"] == true), [true; 2]);
    assert_eq!(of(story.disputed)["stands"], false);
    let kinds = |index| -> Vec<String> {
        let events = of(index)["events"].as_array().unwrap();
        events.iter().map(|event| event["kind"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(kinds(story.own), ["register"]);
    assert_eq!(kinds(story.approved), ["approve"]);
    assert_eq!(kinds(story.disputed), ["dispute"]);
    assert!(watch["what"].as_str().unwrap().contains('…'));
    let carrier = story.get("/watch.json?name=our+code").json();
    assert_eq!(carrier["logs"][0]["lives"].as_array().unwrap().len(), 2);
    let block = story.get("/watch.json?name=our+block").json();
    assert_eq!(block["logs"][0]["lives"].as_array().unwrap().len(), 1);
    let world = story.get("/world.json?days=30").json();
    // Two carriers, a range and three of the telephone, all of one CA; two renewals, one of which was approved.
    let issuer = &world["issuers"][0];
    let figures = ["issued", "renewals", "unapproved"].map(|name| issuer[name].as_u64().unwrap());
    assert_eq!((world["issuers"].as_array().unwrap().len(), figures), (1, [6, 2, 1]));
    let country = &world["countries"][0];
    let figures = ["issued", "renewals", "unapproved"].map(|name| country[name].as_u64().unwrap());
    assert_eq!((country["name"].as_str(), figures), (Some("+1"), [4, 2, 1]));
    let days = |series: &Value| -> u64 {
        series["columns"].as_array().unwrap().iter().map(|column| column[0].as_u64().unwrap()).sum()
    };
    assert_eq!((days(issuer), world["columns"].as_array().unwrap().len()), (6, 14));
}
