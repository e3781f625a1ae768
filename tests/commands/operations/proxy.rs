//! `packaging/nginx.conf`, run by a real nginx before a real log: TLS, the served folder, what is proxied, and what is not.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{has, read, run, said, tnlog, write_pem};
use crate::common::{TestLog, add_chain, carrier, chain, issuing, number};

/// Nginx and a certificate for it, in a folder; it ends with the test.
struct Proxy {
    folder: TempDir,
    address: SocketAddr,
    nginx: Child,
    client: reqwest::Client,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // The master takes its worker along when it is told to stop.
        let _ = Command::new("kill").args(["-TERM", &self.nginx.id().to_string()]).status();
        let _ = self.nginx.wait();
    }
}

/// A CA, and a certificate of this machine below it: `ca.pem`, `fullchain.pem`, `key.pem`.
fn make_certificate(folder: &Path) {
    let openssl = |arguments: &str| {
        run(Command::new("openssl").args(arguments.split(' ')).current_dir(folder));
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(&format!("req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=CA"));
    openssl(&format!("req -new {key} -keyout key.pem -out request.pem -subj /CN=log"));
    fs::write(folder.join("san"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    openssl("x509 -req -in request.pem -CA ca.pem -CAkey ca.key -days 2 -extfile san -out fullchain.pem");
}

/// The configuration of the repository with the names of this test.
fn site(log: &TestLog, folder: &Path, address: SocketAddr) -> String {
    let mut site = read("packaging/nginx.conf");
    let public = log.folder.public().display().to_string();
    let here = folder.display().to_string();
    for (from, to) in [
        ("listen 443 ssl http2;", format!("listen {address} ssl http2;")),
        ("    listen [::]:443 ssl http2;\n", String::new()),
        ("server 127.0.0.1:8080;", format!("server {};", log.address())),
        ("/etc/ssl/log.example.com", here.clone()),
        ("/var/log/nginx", here),
        ("/var/lib/tnlog/2026/public", public),
    ] {
        assert!(site.contains(from), "{from} is not in packaging/nginx.conf");
        site = site.replace(from, &to);
    }
    site
}

impl Proxy {
    fn before(log: &TestLog) -> Self {
        let folder = tempfile::tempdir().unwrap();
        make_certificate(folder.path());
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        fs::write(folder.path().join("site.conf"), site(log, folder.path(), address)).unwrap();
        // A worker of another user could not enter the temporary folder; without root the line is ignored.
        let main = "user root;\ndaemon off;\npid nginx.pid;\nerror_log error.log;\nevents {}\nhttp {\n\
                    client_body_temp_path bodies;\nproxy_temp_path answers;\nfastcgi_temp_path a;\nuwsgi_temp_path b;\n\
                    scgi_temp_path c;\ninclude site.conf;\n}\n";
        fs::write(folder.path().join("nginx.conf"), main).unwrap();
        let arguments = ["-p", folder.path().to_str().unwrap(), "-c", "nginx.conf", "-e", "error.log"];
        let tested = Command::new("nginx").args(arguments).arg("-t").output().unwrap();
        assert!(tested.status.success(), "{}", said(&tested));
        let nginx = Command::new("nginx").args(arguments).spawn().unwrap();
        let ca = fs::read(folder.path().join("ca.pem")).unwrap();
        // Sets up the cryptography that the client needs.
        tnlog::client::http::Client::new("http://127.0.0.1/").unwrap();
        let ca = reqwest::Certificate::from_pem(&ca).unwrap();
        let client = reqwest::Client::builder().tls_certs_only([ca]).build().unwrap();
        let proxy = Proxy { folder, address, nginx, client };
        let up = (0..500).any(|_| {
            std::thread::sleep(Duration::from_millis(20));
            TcpStream::connect(address).is_ok()
        });
        assert!(up, "nginx does not listen: {}", proxy.errors());
        proxy
    }

    fn errors(&self) -> String {
        fs::read_to_string(self.folder.path().join("error.log")).unwrap_or_default()
    }

    fn base(&self) -> String {
        format!("https://{}/2026/", self.address)
    }

    /// Status, headers as text, body.
    async fn ask(&self, request: reqwest::RequestBuilder) -> (u16, String, Vec<u8>) {
        let response = request.send().await.unwrap();
        let headers = response.headers().iter();
        let headers: String =
            headers.map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap())).collect();
        (response.status().as_u16(), headers, response.bytes().await.unwrap().to_vec())
    }

    async fn get(&self, path: &str) -> (u16, String, Vec<u8>) {
        self.ask(self.client.get(format!("{}{path}", self.base()))).await
    }

    async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> (u16, String, Vec<u8>) {
        self.ask(self.client.post(format!("{}{path}", self.base())).body(body)).await
    }

    /// `tnlog`, which believes the CA of this test.
    fn tnlog(&self, arguments: &[&str]) -> String {
        run(tnlog(arguments).env("SSL_CERT_FILE", self.folder.path().join("ca.pem")))
    }
}

fn immutable(headers: &str, content_type: &str) -> bool {
    headers.contains("cache-control: public, max-age=31536000, immutable\n")
        && headers.contains("x-content-type-options: nosniff\n")
        && headers.contains(&format!("content-type: {content_type}\n"))
}

fn problem(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(body)))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().unwrap()
}

#[test]
fn a_log_is_submitted_to_and_audited_through_nginx() {
    if !has("nginx") || !has("openssl") {
        return;
    }
    let log = TestLog::start("trusted_proxies = [\"127.0.0.1\"]\n");
    let proxy = Proxy::before(&log);
    let folder = proxy.folder.path();
    write_pem(&folder.join("issuers.pem"), issuing().chain().iter().map(Vec::as_slice));
    let certificates = [carrier(1).chain().remove(0), number(1).chain().remove(0)];
    write_pem(&folder.join("bundle.pem"), certificates.iter().map(Vec::as_slice));
    let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (issuers, bundle) = (at("issuers.pem"), at("bundle.pem"));
    let said = proxy.tnlog(&["submit", "--log", &proxy.base(), "--issuers", &issuers, "--receipts", &bundle]);
    assert!(said.contains("2 logged"), "{said}");
    let key = log.running().log.keys.checkpoint.verifier_key().to_string();
    let said = proxy.tnlog(&["audit", &proxy.base(), "--key", &key]);
    assert!(said.contains("Nothing is wrong"), "{said}");

    runtime().block_on(async {
        let (status, headers, body) = proxy.get("tile/entries/000.p/3").await;
        assert_eq!(body, fs::read(log.folder.public().join("tile/entries/000.p/3")).unwrap());
        assert!(status == 200 && immutable(&headers, "application/octet-stream"), "{headers}");
        let issuer = fs::read_dir(log.folder.public().join("issuer")).unwrap().next().unwrap().unwrap();
        let issuer = issuer.file_name().into_string().unwrap();
        let (status, headers, _) = proxy.get(&format!("issuer/{issuer}")).await;
        assert!(status == 200 && immutable(&headers, "application/pkix-cert"), "{headers}");
        for path in ["checkpoint", "index/checkpoint"] {
            let (status, headers, body) = proxy.get(path).await;
            assert_eq!((status, body), (200, log.get(&format!("/{path}")).body), "{path}");
            let good = headers.contains("content-type: text/plain; charset=utf-8\n")
                && headers.contains("cache-control: no-store\n");
            assert!(good, "{headers}");
        }
        // A tile that is not in the folder comes from the log, as the log says it.
        let name = log.folder.public().join("tile/0/000.p/3");
        let tile = fs::read(&name).unwrap();
        fs::rename(&name, log.folder.public().join("tile/0/000.p/.3.tmp")).unwrap();
        assert_eq!(proxy.get("tile/0/000.p/3").await.0, 500, "the log is asked, and misses its tile");
        // What is being written is nobody's.
        assert_eq!(proxy.get("tile/0/000.p/.3.tmp").await.0, 404);
        fs::write(&name, tile).unwrap();
        assert_eq!(proxy.get("tile/0/000.p/3").await.0, 200);
    });
    let lines = fs::read_to_string(folder.join("tnlog.log")).unwrap();
    assert!(lines.contains("200 POST /2026/tn/v1/receipt"), "{lines}");
    assert!(!lines.contains("127.0.0.1") && !lines.contains('?'), "{lines}");
}

#[test]
fn nginx_hands_on_what_is_asked_for_and_nothing_else() {
    if !has("nginx") || !has("openssl") {
        return;
    }
    let mut log =
        TestLog::start("trusted_proxies = [\"127.0.0.1\"]\n[limits]\nevaluations_per_client_hour = 1\n");
    let proxy = Proxy::before(&log);
    let blinded = {
        use tnlog::{label::Blinded, number::Number};
        let blinded = Blinded::new(&[Number::new("17035550123").unwrap()], &mut rand_core::OsRng);
        json!({ "blinded": [crate::common::base64(&blinded.elements()[0])] }).to_string()
    };
    runtime().block_on(async {
        for path in
            ["metrics", "../keys/label.key", "..%2fkeys/label.key", "tile/../../keys/label.key", "lock"]
        {
            let (status, _, body) = proxy.get(path).await;
            assert!(matches!(status, 400 | 404), "{path}: {status} {}", String::from_utf8_lossy(&body));
        }
        // The longest bodies of the log's defaults reach it, longer ones do not; nginx says so in the words of the log.
        for (path, longest) in [("ct/v1/add-chain", 256 << 10), ("tn/v1/add-chains", 8 << 20)] {
            for (length, said) in [(longest, "malformed-json"), (longest + 1, "body-too-long")] {
                let (_, _, body) = proxy.post(path, vec![b' '; length]).await;
                let kind = format!("urn:tnlog:problem:{said}");
                assert_eq!(problem(&body)["type"], json!(kind), "{path}, {length} bytes");
            }
        }
        // The log counts the client that nginx saw, whatever the client says of itself.
        for (address, status) in [("198.51.100.1", 200), ("198.51.100.2", 429)] {
            let request = proxy.client.post(format!("{}tn/v1/evaluate", proxy.base()));
            let request = request.header("x-forwarded-for", address).body(blinded.clone());
            assert_eq!(proxy.ask(request).await.0, status, "{address}");
        }
    });

    // While the log is away its folder is read on, and who submits is told to come again.
    log.stop();
    runtime().block_on(async {
        for path in ["checkpoint", "tile/0/000.p/1"] {
            assert_eq!(proxy.get(path).await.0, 200, "{path}");
        }
        let (status, headers, body) =
            proxy.post("ct/v1/add-chain", add_chain(&chain("carrier-1").0).to_string()).await;
        assert!(
            headers.contains("retry-after: 5\n") && headers.contains("application/problem+json"),
            "{headers}"
        );
        assert_eq!((status, &problem(&body)["status"]), (503, &json!(503)));
    });
    assert!(!proxy.errors().contains("[emerg]"), "{}", proxy.errors());
}
