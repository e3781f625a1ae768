//! The machines of the story: a log, what the world sees of it, and three monitors that follow, cosign and answer look-ups.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tnlog::anchors::Anchor;
use tnlog::client::http::Client;
use tnlog::client::lookup::{Lookups, Trust};
use tnlog::client::read::{LogReader, policy_of_key};
use tnlog::client::secret_file;
use tnlog::client::submit::Submitter;
use tnlog::note::{KeyType, Signer, VerifierKey};
use tnlog::policy::Policy;
use tnlog::receipt::KnownLog;
use tnlog::server::config::{Config, Folder};
use tnlog::server::roots;
use tnlog::server::run::{Running, start};
use tnlog::server::services::{self, ServiceKey};
use tnlog::simulate::{Front, Lie};
use tnlog_monitor::config::Config as MonitorConfig;
use tnlog_monitor::findings;
use tnlog_monitor::folder::{Folder as MonitorFolder, private_folder};
use tnlog_monitor::notice::Notice;
use tnlog_monitor::run::{Monitor, Running as RunningMonitor};

use crate::people::{ALICE, CAREFUL, People, RESOLUTION_SERVICE, key_hash, root};

const ORIGIN: &str = "demo.tnlog.invalid/log";
/// How long anything may take before the story is given up.
const PATIENCE: Duration = Duration::from_secs(30);
const GLANCE: Duration = Duration::from_millis(50);

/// The log, and the address at which the world sees it. It is honest until it is told to lie.
pub struct Log {
    folder: Folder,
    running: Running,
    front: Front,
}

/// A monitor.
pub struct Witness {
    pub folder: MonitorFolder,
    running: RunningMonitor,
}

/// The keys of a log, and of the three who cosign what it shows.
pub struct Trusted {
    pub key: VerifierKey,
    pub index_key: VerifierKey,
    /// For the entries: two of three witnesses.
    pub policy: Policy,
    /// For the number index: two of three who have recomputed it.
    pub verifiers: Policy,
    cosigners: [Vec<VerifierKey>; 2],
}

/// A client of the log that has verified its parameters.
pub struct Connection {
    pub client: Client,
    pub known: KnownLog,
    pub submitter: Submitter,
    pub reader: LogReader<Client>,
}

impl Log {
    /// Starts one in an empty folder, without witnesses.
    pub async fn start(folder: &Path, listen: SocketAddr) -> anyhow::Result<Self> {
        Self::start_with(Folder::new(folder), listen, "").await
    }

    async fn start_with(folder: Folder, listen: SocketAddr, more: &str) -> anyhow::Result<Self> {
        let text =
            format!("origin = \"{ORIGIN}\"\nlisten = \"127.0.0.1:0\"\ncosign_milliseconds = 100\n{more}");
        let running = start(&folder, Config::parse(&text)?, |_, _| {}).await?;
        let front = Front::start(running.log.clone(), listen).await.with_context(|| listen.to_string())?;
        Ok(Log { folder, running, front })
    }

    /// Where the world sees it.
    pub fn url(&self) -> String {
        format!("http://{}/", self.front.address)
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The same log again, that asks these monitors to cosign.
    pub async fn with_witnesses(self, trusted: &Trusted, monitors: &[Witness]) -> anyhow::Result<Self> {
        let (folder, listen) = (self.folder.clone(), self.front.address);
        self.stop().await;
        let urls: Vec<String> = monitors.iter().map(Witness::url).collect();
        let mut more = String::new();
        for (setting, text) in ["witnesses", "verifiers"].iter().zip(trusted.policies(&urls)) {
            let path = folder.path().join(format!("{setting}.txt"));
            std::fs::write(&path, text)?;
            more += &format!("{setting} = {:?}\n", path.display().to_string());
        }
        Self::start_with(folder, listen, &more).await
    }

    /// Takes certificates below these CAs, and registrations of the Resolution Service.
    pub fn accept(&self, people: &People) -> anyhow::Result<()> {
        for authority in [&people.careful, &people.quick] {
            let anchor = Anchor { certificate: root(authority)?, calling_codes: Some(vec![1]) };
            roots::add(&self.folder.roots(), &anchor)?;
        }
        let key = ServiceKey::new(RESOLUTION_SERVICE, people.resolution_service.spki().to_vec())?;
        services::add(&self.folder.services(), &key)?;
        self.running.log.roots.refresh()?;
        self.running.log.services.refresh()?;
        Ok(())
    }

    /// Everything that the public sees of its entries, as bytes.
    pub fn leaves(&self) -> anyhow::Result<Vec<Vec<u8>>> {
        let log = &self.running.log;
        let size = log.published().tree.size;
        Ok((0..size).map(|index| log.reader.leaf(index, size)).collect::<Result<_, _>>()?)
    }

    /// Shows the world another tree from now on, signed with the log's own key; `to` is an empty folder for it.
    pub async fn fork(&self, to: &Path) -> anyhow::Result<()> {
        self.front.lie(Lie::Fork, &self.folder, to).await?;
        Ok(())
    }

    /// Ends.
    pub async fn stop(self) {
        self.front.stop().await;
        self.running.stop().await;
    }
}

impl Witness {
    /// The name of the monitor at this place, from 1: its URL, if it had one.
    pub fn name(place: usize) -> String {
        format!("monitor-{place}.example")
    }

    /// Starts one that pins these keys, follows the log, and watches Alice's number.
    pub async fn start(
        folder: MonitorFolder,
        log: &Log,
        trusted: &Trusted,
        people: &People,
    ) -> anyhow::Result<Self> {
        let name = folder.path().file_name().context("its folder has its name")?.display().to_string();
        let [policy, verifiers] = trusted.policies(&[]);
        let policy = format!("log {}\n{policy}", trusted.index_key);
        let config = format!(
            "listen = \"127.0.0.1:0\"\npage = \"127.0.0.1:0\"\npoll_milliseconds = 200\n\
             witness = \"{name}/witness\"\nverifier = \"{name}/verifier\"\n\
             [[log]]\nname = \"log\"\nurl = \"{}\"\npolicy = \"log.policy\"\nverifiers = \"log.verifiers\"\n\
             [[watch]]\nname = \"Alice's telephone\"\nnumber = \"{ALICE}\"\nkeys = [\"{}\"]\nissuers = [\"{CAREFUL}\"]\n",
            log.url(),
            key_hash(people.alice.key()),
        );
        secret_file::write_new(&folder.path().join("log.policy"), policy.as_bytes())?;
        secret_file::write_new(&folder.path().join("log.verifiers"), verifiers.as_bytes())?;
        secret_file::write_new(&folder.config(), config.as_bytes())?;
        let running = Monitor::open(&folder, MonitorConfig::parse(&config)?)?.start().await?;
        Ok(Witness { folder, running })
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        let address = self.running.address.expect("the configuration has it listen");
        format!("http://{address}/")
    }

    /// Where people look.
    pub fn page(&self) -> String {
        let address = self.running.page_address.expect("the configuration has it show a page");
        format!("http://{address}/")
    }

    /// Waits for a finding, in its newest version.
    pub async fn finding(&self, is_it: impl Fn(&Notice) -> bool) -> anyhow::Result<Notice> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(found) = findings::all(&self.folder)?.into_values().find(&is_it) {
                return Ok(found);
            }
            tokio::time::sleep(GLANCE).await;
        }
        bail!("the monitor in {} has not found what it must", self.folder.path().display())
    }

    /// Ends.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}

impl Trusted {
    /// The keys that a log shows, and those of the monitors in these folders, which are made now.
    pub fn new(log: &Log, monitors: &[MonitorFolder]) -> anyhow::Result<Self> {
        let log = &log.running.log;
        let (key, index_key) = (log.keys.checkpoint.verifier_key().clone(), log.index.key().clone());
        let make = |role| {
            let made =
                (1..).zip(monitors).map(|(place, folder)| make_key(folder, role, &Witness::name(place)));
            made.collect::<anyhow::Result<Vec<_>>>()
        };
        let cosigners = [make("witness")?, make("verifier")?];
        let [policy, verifiers] = policies([&key, &index_key], &cosigners, &[]);
        Ok(Trusted { policy: policy.parse()?, verifiers: verifiers.parse()?, key, index_key, cosigners })
    }

    /// C2SP policy files for the log and for its index log, with the monitors' URLs for who asks them.
    fn policies(&self, urls: &[String]) -> [String; 2] {
        policies([&self.key, &self.index_key], &self.cosigners, urls)
    }

    /// A client of the log, once its parameters are cosigned.
    pub async fn connect(&self, log: &Log) -> anyhow::Result<Connection> {
        let client = Client::new(&log.url())?;
        let submitter = |known: &KnownLog| Submitter::new(client.clone(), known.clone());
        let own = policy_of_key(self.key.clone())?;
        let mut reader = LogReader::new(Arc::new(client.clone()), own);
        reader.update().await?;
        let known = reader.parameters().await?;
        Ok(Connection { submitter: submitter(&known), client, known, reader })
    }

    /// Look-ups that this monitor answers, about the log.
    pub fn lookups(&self, monitor: &Witness) -> anyhow::Result<Lookups> {
        let trust = Trust {
            key: self.key.clone(),
            policy: self.policy.clone(),
            index_key: self.index_key.clone(),
            index_policy: self.verifiers.clone(),
        };
        Ok(Lookups::new(Client::new(&format!("{}log/log/", monitor.url()))?, trust))
    }
}

impl Connection {
    /// The id of the log, which everything names that people sign.
    pub fn log_id(&self) -> [u8; 32] {
        *self.known.sct_key.log_id()
    }
}

fn policies(logs: [&VerifierKey; 2], cosigners: &[Vec<VerifierKey>; 2], urls: &[String]) -> [String; 2] {
    [0, 1].map(|role| {
        let mut text = format!("log {}\n", logs[role]);
        for (place, key) in cosigners[role].iter().enumerate() {
            let url = urls.get(place).map_or("", String::as_str);
            text += &format!("witness monitor-{} {key} {url}\n", place + 1);
        }
        text + "group two 2 monitor-1 monitor-2 monitor-3\nquorum two\n"
    })
}

/// As a monitor makes it at its first start.
fn make_key(folder: &MonitorFolder, role: &str, name: &str) -> anyhow::Result<VerifierKey> {
    let path = folder.key(role);
    private_folder(&folder.path().join("keys"))?;
    let mut seed = [0; 32];
    rand_core::RngCore::fill_bytes(&mut rand_core::OsRng, &mut seed);
    let signer = Signer::new(format!("{name}/{role}"), KeyType::Cosignature, &seed)?;
    secret_file::write_new(&path, signer.to_private_key().as_bytes())?;
    Ok(signer.verifier_key().clone())
}
