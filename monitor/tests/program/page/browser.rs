//! A real Chromium, driven as the WebDriver standard says.

use std::io::{BufRead, BufReader};

use serde_json::json;

use super::*;

/// What is given back for an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// What stops it from doing anything but showing pages.
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
];

/// A browser with one empty profile, closed when it is dropped.
pub struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// None, with a printed reason, where there is no Chromium.
    pub fn start() -> Option<Self> {
        let started = Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).spawn();
        let Ok(mut driver) = started else {
            assert!(std::env::var_os("TNLOG_NO_SKIP").is_none(), "chromedriver is missing: see .ci/run");
            println!("skipped: there is no chromedriver");
            return None;
        };
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.find_map(|line| {
            let line = line.unwrap();
            let (_, port) = line.rsplit_once("successfully on port ")?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        std::thread::spawn(move || lines.for_each(drop));
        let profile = tempfile::tempdir().unwrap();
        let flags = FLAGS.iter().map(|flag| (*flag).to_owned());
        let arguments: Vec<String> =
            flags.chain([format!("--user-data-dir={}", profile.path().display())]).collect();
        let mut browser = Browser {
            driver,
            address: ([127, 0, 0, 1], port.unwrap()).into(),
            session: String::new(),
            _profile: profile,
        };
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        } } });
        let value = browser.post("/session", &capabilities);
        browser.session = value["sessionId"].as_str().unwrap().to_owned();
        Some(browser)
    }

    fn send(&self, method: &str, path: &str, body: &str) -> Value {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost:{}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            self.address.port(),
            body.len()
        );
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let answer: Value = serde_json::from_slice(&body).unwrap();
        let value = answer["value"].clone();
        assert!(value["error"].is_null(), "{method} {path}: {}", value["message"]);
        value
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.send("POST", path, &body.to_string())
    }

    fn command(&self, name: &str, body: &Value) -> Value {
        self.post(&format!("/session/{}/{name}", self.session), body)
    }

    /// Something of the DevTools protocol.
    fn tool(&self, name: &str, parameters: &Value) -> Value {
        self.command("goog/cdp/execute", &json!({ "cmd": name, "params": parameters }))
    }

    /// Light or dark, and so many pixels wide.
    pub fn set_look(&self, scheme: &str, width: u32) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.tool("Emulation.setEmulatedMedia", &json!({ "features": features }));
        let metrics = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.tool("Emulation.setDeviceMetricsOverride", &metrics);
    }

    pub fn open(&self, page: SocketAddr, path: &str) {
        self.command("url", &json!({ "url": format!("http://{page}{path}") }));
    }

    /// What a function with this body gives.
    pub fn script(&self, body: &str) -> Value {
        self.command("execute/sync", &json!({ "script": body, "args": [] }))
    }

    /// What a function with this body gives to its last argument.
    pub fn script_later(&self, body: &str) -> Value {
        self.command("execute/async", &json!({ "script": body, "args": [] }))
    }

    pub fn text(&self, selector: &str) -> String {
        let script = format!("return document.querySelector({selector:?}).innerText");
        self.script(&script).as_str().unwrap().to_owned()
    }

    pub fn count(&self, selector: &str) -> u64 {
        self.script(&format!("return document.querySelectorAll({selector:?}).length")).as_u64().unwrap()
    }

    fn element(&self, selector: &str) -> String {
        let found = self.command("element", &json!({ "using": "css selector", "value": selector }));
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    pub fn click(&self, selector: &str) {
        let element = self.element(selector);
        self.command(&format!("element/{element}/click"), &json!({}));
    }

    pub fn type_into(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.command(&format!("element/{element}/value"), &json!({ "text": text }));
    }

    /// Presses keys one after the other, wherever the focus is.
    pub fn press(&self, keys: &[&str]) {
        let actions: Vec<Value> = keys
            .iter()
            .flat_map(|key| {
                [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })]
            })
            .collect();
        self.command("actions", &json!({ "actions": [{ "type": "key", "id": "keys", "actions": actions }] }));
    }

    pub fn path(&self) -> String {
        self.script("return location.pathname + location.search").as_str().unwrap().to_owned()
    }

    /// Waits until the address is this one.
    #[track_caller]
    pub fn arrive(&self, path: &str) {
        wait_for(&format!("{path} is not reached"), || self.path() == path);
    }

    /// What the console said since the last time.
    pub fn console(&self) -> Vec<Value> {
        self.log("browser")
    }

    /// The addresses that were asked for since the last time.
    pub fn requests(&self) -> Vec<String> {
        let sent = |entry: &Value| {
            let message: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let message = &message["message"];
            let is_request = message["method"] == "Network.requestWillBeSent";
            is_request.then(|| message["params"]["request"]["url"].as_str().map(str::to_owned))?
        };
        self.log("performance").iter().filter_map(sent).collect()
    }

    fn log(&self, kind: &str) -> Vec<Value> {
        self.command("se/log", &json!({ "type": kind })).as_array().unwrap().clone()
    }

    /// A picture of the whole page, where TNLOG_PICTURES names a folder.
    pub fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("TNLOG_PICTURES") else { return };
        let shot =
            self.tool("Page.captureScreenshot", &json!({ "format": "png", "captureBeyondViewport": true }));
        std::fs::create_dir_all(&folder).unwrap();
        let file = PathBuf::from(folder).join(format!("{name}.png"));
        std::fs::write(file, crate::common::from_base64(&shot["data"])).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.send("DELETE", &format!("/session/{}", self.session), "");
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
