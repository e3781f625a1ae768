//! The story, chapter by chapter.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{bail, ensure};
use tnlog::client::check::{Position, Target, check_log};
use tnlog::client::evaluate::labels;
use tnlog::client::evidence::{Evidence, Proved};
use tnlog::client::read::LogReader;
use tnlog::client::registrations::register;
use tnlog::client::source::AnySource;
use tnlog::client::statements::{cover, say as submit_statement};
use tnlog::client::submit::Outcome;
use tnlog::entry::Verb;
use tnlog::number::{Number, ServiceProviderCode};
use tnlog::receipt::Claim;
use tnlog::registration_receipt::RegistrationReceipt;
use tnlog::standing::Verdict;
use tnlog::synthetic::Issued;
use tnlog_monitor::folder::Folder;
use tnlog_monitor::notice::Notice;

use crate::app::{App, tampered};
use crate::people::{ALICE, BOB, People, chain, statement};
use crate::stage::{Connection, Log, Trusted, Witness};
use crate::{chapter, say};

/// What a story needs once its machines run.
struct Scene {
    people: People,
    log: Log,
    trusted: Trusted,
    connection: Connection,
    monitors: Vec<Witness>,
}

/// Tells all of it, below `folder`.
pub async fn tell(folder: &Path, listen: SocketAddr, keep: bool) -> anyhow::Result<()> {
    let mut scene = start(folder, listen).await?;
    let receipts = scene.certificates().await?;
    scene.public_side().await?;
    let registration = scene.registration(receipts.alice.index).await?;
    let app = scene.app()?;
    scene.peers(&app, &receipts, &registration)?;
    scene.refusals(&app, &receipts).await?;
    scene.renewal(&app, &receipts).await?;
    scene.reroute(&app, &receipts).await?;
    scene.audit().await?;
    scene.fork(folder).await?;
    if keep {
        chapter("Log and monitors go on. Interrupt to end.")?;
        say(format_args!("the log      {}", scene.log.url()))?;
        for (place, monitor) in (1..).zip(&scene.monitors) {
            say(format_args!("monitor {place}    {}   its page, for people", monitor.page()))?;
        }
        tokio::signal::ctrl_c().await?;
    }
    for monitor in scene.monitors {
        monitor.stop().await;
    }
    scene.log.stop().await;
    Ok(())
}

async fn start(folder: &Path, listen: SocketAddr) -> anyhow::Result<Scene> {
    chapter("1. A log starts: its own keys, its own folder, nothing configured")?;
    let people = People::new();
    let log = Log::start(&folder.join("log"), listen).await?;
    say(format_args!("{}  in {}", log.url(), log.path().display()))?;

    chapter(
        "2. Three monitors follow it, and are its witnesses: two of them must cosign what the log shows",
    )?;
    let folders = [1, 2, 3].map(|place| Folder::new(folder.join(Witness::name(place))));
    let trusted = Trusted::new(&log, &folders)?;
    let mut monitors = Vec::new();
    for (place, folder) in (1..).zip(folders) {
        monitors.push(Witness::start(folder, &log, &trusted, &people).await?);
        say(format_args!("{} pins the log's keys, and watches Alice's telephone", Witness::name(place)))?;
    }
    let log = log.with_witnesses(&trusted, &monitors).await?;
    say("they cosign a checkpoint only if it continues all that they have seen, and a head of the")?;
    say("number index only when they have computed it themselves")?;
    log.accept(&people)?;
    let connection = trusted.connect(&log).await?;
    Ok(Scene { people, log, trusted, connection, monitors })
}

/// A certificate that was logged.
struct Logged {
    index: u64,
    receipt: String,
}

/// Receipts of the first certificates.
struct Receipts {
    alice: Logged,
    bob: Logged,
    carrier: Logged,
    range: Logged,
}

impl Scene {
    async fn certificates(&self) -> anyhow::Result<Receipts> {
        chapter(
            "3. A CA issues and submits. Each certificate is durable and in the tree before the log answers",
        )?;
        let people = &self.people;
        let alice = self.submit("a phone's certificate", &people.alice).await?;
        let bob = self.submit("another phone's", &people.bob).await?;
        let carrier =
            self.submit("that of the carrier with service provider code 867J", &people.carrier).await?;
        let range = self.submit("one for a range of 10,000 numbers", &people.range).await?;
        let again = self.submit("the first again", &people.alice).await?;
        ensure!(again.index == alice.index, "the log took a certificate twice");
        Ok(Receipts { alice, bob, carrier, range })
    }

    /// With the receipt that two of the three monitors vouch for.
    async fn submit(&self, name: &str, issued: &Issued) -> anyhow::Result<Logged> {
        let (submitter, chain) = (&self.connection.submitter, chain(issued)?);
        match submitter.add(&chain).await {
            Outcome::Logged(_) => {}
            Outcome::Refused(problem) => bail!("the log refused: {}", problem.detail),
            Outcome::Failed(error) => return Err(anyhow::Error::new(error)),
        }
        let (receipt, logged) = submitter.receipt(&chain, &self.trusted.policy).await?;
        say(format_args!("entry {}  {name}: a receipt of {} bytes, cosigned", logged.index, receipt.len()))?;
        Ok(Logged { index: logged.index, receipt })
    }

    async fn public_side(&self) -> anyhow::Result<()> {
        chapter("4. What everybody sees of a number")?;
        let Connection { client, known, .. } = &self.connection;
        let label = labels(client, &[Number::new(ALICE)?], &known.label_key, &mut rand_core::OsRng).await?;
        let hex: String = label[0].as_bytes()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        say(format_args!("its label, {hex}..., which nobody can compute without asking the log's key;"))?;
        say("issuer, validity, key: enough to see what was issued, when and by whom. Not the number.")?;
        let leaves = self.log.leaves()?;
        let holds =
            leaves.iter().any(|leaf| leaf.windows(ALICE.len()).any(|window| window == ALICE.as_bytes()));
        ensure!(!holds, "the number stands in the log");
        say(format_args!("looked for {ALICE} in every byte of the {} leaves: not there", leaves.len()))?;
        Ok(())
    }

    async fn registration(&self, credential: u64) -> anyhow::Result<RegistrationReceipt> {
        chapter(
            "5. Alice registers with a service. Her key signs, and the Resolution Service that asked her",
        )?;
        let Connection { client, known, .. } = &self.connection;
        let signed = self.people.registration(self.connection.log_id(), credential)?;
        let (receipt, logged) = register(client, &signed, known, &self.trusted.policy).await?;
        say(format_args!(
            "entry {}  shows neither number nor service; the receipt shows both, to who is to reach her",
            logged.index
        ))?;
        Ok(receipt)
    }

    /// Whose user trusts both CAs.
    fn app(&self) -> anyhow::Result<App> {
        App::new(&self.trusted.policy, &self.connection.known, &[&self.people.careful, &self.people.quick])
    }

    fn peers(
        &self,
        app: &App,
        receipts: &Receipts,
        registration: &RegistrationReceipt,
    ) -> anyhow::Result<()> {
        chapter("6. An app checks its peers, offline: certificate, receipt, two cosignatures, nothing else")?;
        let people = &self.people;
        let number = |digits: &str| Ok::<_, anyhow::Error>(Claim::Number(Number::new(digits)?));
        let carrier = Claim::ServiceProviderCode(ServiceProviderCode::new("867J")?);
        app.trusts(&[
            (format!("+{ALICE}"), &people.alice, number(ALICE)?, &receipts.alice.receipt),
            (format!("+{BOB}"), &people.bob, number(BOB)?, &receipts.bob.receipt),
            ("carrier 867J".into(), &people.carrier, carrier, &receipts.carrier.receipt),
            (
                "+17035561234, of the range".into(),
                &people.range,
                number("17035561234")?,
                &receipts.range.receipt,
            ),
        ])?;
        app.reaches(people, &receipts.alice.receipt, registration)
    }

    async fn refusals(&self, app: &App, receipts: &Receipts) -> anyhow::Result<()> {
        chapter("7. What it refuses, and what it says")?;
        let (people, good) = (&self.people, &receipts.alice.receipt);
        let unlogged = people.another_for_alice(&people.careful, 10);
        app.refuses("a receipt that was tampered with", &people.alice, &tampered(good)?)?;
        app.refuses("the receipt of another number", &people.alice, &receipts.bob.receipt)?;
        app.refuses("another number's certificate", &people.bob, &receipts.bob.receipt)?;
        app.refuses("a certificate for the same number that was never logged", &unlogged, good)?;
        app.refuses_unknown_cas(&people.alice, good)
    }

    async fn renewal(&mut self, app: &App, receipts: &Receipts) -> anyhow::Result<()> {
        chapter("8. Alice has a new telephone. The old one approves it")?;
        let new = self.people.another_for_alice(&self.people.careful, 20);
        let logged = self.submit("her new certificate", &new).await?;
        let approved = self.state(Verb::Approve, receipts.alice.index, logged.index).await?;
        say("an app asks a monitor, which proves that this is all there is of the number:")?;
        let verdict = self.ask(app, &new, &logged.receipt, approved + 1).await?;
        ensure!(verdict == Verdict::Newest, "an approved credential does not stand");
        Ok(())
    }

    async fn reroute(&mut self, app: &App, receipts: &Receipts) -> anyhow::Result<()> {
        chapter(
            "9. Somebody reroutes Alice's text messages, and gets a certificate for her number from another CA",
        )?;
        let stolen = self.people.another_for_alice(&self.people.quick, 30);
        let logged = self.submit("the attacker's: a good certificate, properly logged", &stolen).await?;
        say("so the receipt alone is good. But an app that asks:")?;
        let verdict = self.ask(app, &stolen, &logged.receipt, logged.index + 1).await?;
        ensure!(matches!(verdict, Verdict::DoesNotStand(_)), "a stolen credential stands");
        let is_it = |notice: &Notice| notice.severity == "high" && notice.entries.contains(&logged.index);
        let found = self.monitors[0].finding(is_it).await?;
        say("and Alice, who watches her number, is told by the monitor:")?;
        show(&found)?;
        self.state(Verb::Dispute, receipts.alice.index, logged.index).await?;
        say("she has disputed it with her key, for everybody to see").map_err(anyhow::Error::from)
    }

    /// Says something with Alice's first key; the index of the statement.
    async fn state(&mut self, verb: Verb, old: u64, new: u64) -> anyhow::Result<u64> {
        let log_id = self.connection.log_id();
        let Connection { reader, client, known, .. } = &mut self.connection;
        reader.update().await?;
        let (old, new) = (reader.leaf(old).await?, reader.leaf(new).await?);
        let said = statement(log_id, verb, self.people.alice.key(), (&old, &new))?;
        let answer = submit_statement(client, reader, known, &said, (&old, &new)).await?;
        let what = if verb == Verb::Approve { "approves" } else { "disputes" };
        say(format_args!(
            "entry {}  the key of entry {} {what} entry {}",
            answer.leaf_index, old.index, new.index
        ))?;
        Ok(answer.leaf_index)
    }

    /// Asks the second monitor, once it covers so many entries.
    async fn ask(&self, app: &App, peer: &Issued, receipt: &str, at_least: u64) -> anyhow::Result<Verdict> {
        app.standing(peer, receipt, &mut self.trusted.lookups(&self.monitors[1])?, at_least).await
    }

    async fn audit(&self) -> anyhow::Result<()> {
        chapter("10. An auditor recomputes the whole log")?;
        let source = Arc::new(AnySource::new(&self.log.url())?);
        let mut reader = LogReader::new(source.clone(), self.trusted.policy.clone());
        let last = self.log.leaves()?.len() as u64 - 1;
        let seen = cover(&mut reader, last).await?.clone();
        let target = Target { note: &seen.note, checkpoint: seen.checkpoint() };
        let position = check_log(&source, target, Position::default(), &mut |_| {}).await?;
        let size = position.edge.size();
        say(format_args!("every leaf, hash, tile and signature of its {size} entries is as it must be"))?;
        Ok(())
    }

    async fn fork(&self, folder: &Path) -> anyhow::Result<()> {
        chapter("11. The log is taken over, and shows another history, signed with its own key")?;
        self.log.fork(&folder.join("forked")).await?;
        let found = self.monitors[0].finding(|notice| notice.detector == "fork").await?;
        show(&found)?;
        let path = self.monitors[0].folder.path().join(found.evidence.as_deref().unwrap_or_default());
        let evidence = Evidence::parse(&std::fs::read(&path)?)?;
        let proved = evidence.verify(&[self.trusted.key.clone(), self.trusted.index_key.clone()])?;
        ensure!(proved == Proved::Fork, "the evidence proves nothing");
        say(format_args!("{}: proves it to anybody who has the log's key, offline", path.display()))?;
        for monitor in &self.monitors[1..] {
            monitor.finding(|notice| notice.detector == "fork").await?;
        }
        say("all three have seen it, and none cosigns the log any more: no app accepts anything new of it")?;
        Ok(())
    }
}

/// As `tnlog-monitor findings` does.
fn show(notice: &Notice) -> std::io::Result<()> {
    say(format_args!("  {}  {}", notice.severity.to_uppercase(), notice.detector))?;
    say(format_args!("  {}", notice.what))?;
    say(format_args!("  It matters to {}.", notice.whom))?;
    say(format_args!("  Now: {}.", notice.now.trim_end_matches('.')))
}
