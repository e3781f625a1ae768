//! What people see, and what they can do, in a browser.

use super::browser::Browser;
use super::*;

const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";
const LOOKS: [(&str, u32); 4] = [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)];

/// The accessibility engine, as .ci/run fetches it.
fn axe() -> Option<String> {
    let file = std::env::var_os("TNLOG_AXE").map_or("../target/axe/axe.min.js".into(), PathBuf::from);
    let read = std::fs::read_to_string(&file).ok();
    if read.is_none() {
        assert!(std::env::var_os("TNLOG_NO_SKIP").is_none(), "{} is missing: see .ci/run", file.display());
        println!("not checked for accessibility: {} is missing", file.display());
    }
    read
}

/// Every page, light and dark, on a desk and on a telephone: nothing sticks out, nothing is asked for elsewhere, the console is
/// silent, and axe has no serious finding.
#[test]
fn every_page_is_well_in_every_look() {
    let Some(browser) = Browser::start() else { return };
    let (story, axe) = (Story::new("127.0.0.1:0"), axe());
    for (scheme, width) in LOOKS {
        browser.set_look(scheme, width);
        for path in story.pages() {
            browser.open(story.page, &path);
            let at = format!("{path}, {scheme}, {width}");
            browser.picture(&at.replace(|c: char| !c.is_ascii_alphanumeric(), "-"));
            let background = browser.script("return getComputedStyle(document.body).backgroundColor");
            assert_eq!(background == "rgb(19, 21, 25)", scheme == "dark", "{at}: {background}");
            let wide = browser.script("return document.documentElement.scrollWidth - window.innerWidth");
            assert!(wide.as_i64().unwrap() <= 0, "{at} is {wide} pixels too wide");
            assert_eq!(browser.console(), Vec::<Value>::new(), "{at}");
            if let Some(axe) = &axe {
                let grave = check(&browser, axe);
                assert!(grave.is_empty(), "{at}: {grave:#?}");
            }
        }
    }
    let own = format!("http://{}/", story.page);
    let foreign: Vec<String> = browser
        .requests()
        .into_iter()
        .filter(|url| !["data:", "chrome:", &own].iter().any(|known| url.starts_with(known)))
        .collect();
    assert_eq!(foreign, Vec::<String>::new());
}

/// What axe finds that is serious or critical.
fn check(browser: &Browser, axe: &str) -> Vec<Value> {
    browser.script(axe);
    let found = browser.script_later(
        "const done = arguments[arguments.length - 1]; axe.run().then(found => done(found.violations.map(violation => \
         ({id: violation.id, impact: violation.impact, nodes: violation.nodes.map(node => node.html)}))))",
    );
    let grave =
        |violation: &&Value| ["serious", "critical"].contains(&violation["impact"].as_str().unwrap_or(""));
    found.as_array().unwrap().iter().filter(grave).cloned().collect()
}

/// The chart of the watched number has what happened, and the list below says the same.
#[test]
fn the_chart_of_a_watch_shows_what_happened() {
    let Some(browser) = Browser::start() else { return };
    let story = Story::new("127.0.0.1:0");
    browser.set_look("light", 1280);
    browser.open(story.page, "/watch?name=telephone+1");
    let chart = "figure .chart";
    let counts = [
        ("rect.life", 3),
        ("rect.fallen", 1),
        (".mark.approve", 1),
        (".mark.dispute", 1),
        (".mark.register", 1),
    ];
    for (shape, count) in counts {
        assert_eq!(browser.count(&format!("{chart} {shape}")), count, "{shape}");
    }
    assert!(browser.count(&format!("{chart} .mark.finding")) >= 1);
    let issuer = browser.script("return document.querySelector('.chart .issuer').textContent");
    assert_eq!(issuer, "Synthetic Certification Authority");
    assert_eq!(browser.count("section.card tbody tr"), 3);
    let bars = browser.script(
        "return [...document.querySelectorAll('.chart rect.life')].map(bar => bar.getBoundingClientRect()).map(box => \
         [Math.round(box.x), Math.round(box.width)])",
    );
    let widths = bars.as_array().unwrap();
    assert!(
        widths.iter().all(|bar| bar == &widths[0] && bar[1].as_u64() > Some(100)),
        "equal validities: {bars}"
    );
    assert!(!browser.text("main").contains(&fictional_number(1)));
    browser.click("a[href*='number=whole']");
    wait_for("the whole number", || browser.text("main").contains(&fictional_number(1)));
}

/// Filters stand in the address; a finding is acknowledged with a reason; what is searched for is found.
#[test]
fn findings_are_filtered_searched_and_acknowledged() {
    let Some(browser) = Browser::start() else { return };
    let story = Story::new("127.0.0.1:0");
    let page = story.page;
    browser.open(page, "/findings");
    let all = browser.count(".finding");
    assert!(all > 3);
    browser.click(".tabs a.high");
    browser.arrive("/findings?severity=high");
    let high = browser.count(".finding");
    assert!(high > 0 && high < all && browser.count(".finding:not(.high)") == 0);
    browser.script("document.querySelector('#watch').value = 'telephone 1'");
    browser.click(".filters button");
    wait_for("the filters", || browser.path().contains("watch=telephone+1"));
    assert!(browser.path().contains("severity=high"));
    browser.type_into("#q", "nothingofthiskind");
    browser.click(".filters button");
    wait_for("the search", || browser.text("main").contains("Nothing matches"));
    let id = story.finding()["id"].as_str().unwrap().to_owned();
    browser.open(page, "/findings");
    browser.type_into("#q", &id[..12]);
    browser.click(".filters button");
    wait_for("the finding by its id", || browser.count(".finding") == 1);
    browser.click(".finding h2 a");
    browser.arrive(&format!("/findings/{id}"));
    browser.click("article form button");
    browser.arrive(&format!("/findings/{id}"));
    browser.type_into("#reason", "That was me <b>.");
    browser.click("article form button");
    browser.arrive(&format!("/findings/{id}?acknowledged=1"));
    let said = browser.text("main");
    assert!(said.contains("Acknowledged") && said.contains("That was me <b>."), "{said}");
    assert_eq!(browser.count("article b"), 0);
    browser.open(page, "/findings?severity=high");
    assert_eq!(browser.count(".finding"), high - 1);
    browser.open(page, "/findings?severity=high&state=acknowledged");
    assert_eq!(browser.count(".finding"), 1);
    assert_eq!(browser.console(), Vec::<Value>::new());
}

/// From the address bar to a finding and its reason, without a mouse.
#[test]
fn everything_can_be_done_with_the_keyboard() {
    let Some(browser) = Browser::start() else { return };
    let story = Story::new("127.0.0.1:0");
    browser.open(story.page, "/findings?severity=high&watch=telephone+1");
    browser.press(&[TAB]);
    assert_eq!(browser.script("return document.activeElement.className"), "skip");
    assert!(
        browser.script("return document.activeElement.getBoundingClientRect().left >= 0").as_bool().unwrap()
    );
    browser.press(&[ENTER]);
    let is_on = |selector: &str| {
        browser.script(&format!("return document.activeElement.matches({selector:?})")).as_bool().unwrap()
    };
    let go_to = |selector: &str| {
        for _ in 0..40 {
            if is_on(selector) {
                let outline = browser.script("return getComputedStyle(document.activeElement).outlineStyle");
                assert_ne!(outline, "none", "the focus on {selector} is not seen");
                return;
            }
            browser.press(&[TAB]);
        }
        panic!("{selector} is not reached");
    };
    go_to(".finding h2 a");
    browser.press(&[ENTER]);
    wait_for("the finding", || browser.count("#reason") == 1);
    go_to("#reason");
    browser.press(&["i", "t", " ", "i", "s", " ", "m", "e"]);
    go_to("article form button");
    browser.press(&[ENTER]);
    wait_for("the finding is acknowledged", || browser.path().ends_with("acknowledged=1"));
    assert!(browser.text("q").contains("it is me"));
}

/// Who comes without the token is asked for it, and is in once it was shown.
#[test]
fn the_token_is_asked_for_once() {
    let Some(browser) = Browser::start() else { return };
    let story = Story::new("0.0.0.0:0");
    let page: SocketAddr = ([127, 0, 0, 1], story.page.port()).into();
    browser.set_look("light", 390);
    browser.open(page, "/findings");
    browser.arrive("/login");
    browser.type_into("#token", "wrong");
    browser.click("main button");
    wait_for("the refusal", || browser.text("main").contains("not the token"));
    let token = std::fs::read_to_string(story.monitor.folder.join("page.token")).unwrap();
    browser.type_into("#token", token.trim());
    browser.click("main button");
    browser.arrive("/");
    browser.open(page, "/findings");
    assert!(browser.count(".finding") > 0);
    browser.click("header button");
    browser.arrive("/login");
    browser.open(page, "/findings");
    browser.arrive("/login");
}
