//! `run`, `check` and `test-alert`.

use anyhow::ensure;
use tnlog_monitor::folder::Folder;
use tnlog_monitor::run::{Checked, Monitor, configure};
use tokio::signal::unix::{SignalKind, signal};

use super::{FINDINGS, FINE, MISBEHAVIOUR, TROUBLE};

/// Follow the logs, tell of what is found, look into the inbox, cosign and answer look-ups, until it is stopped
#[derive(clap::Args)]
pub struct RunArgs {
    /// Where to listen, instead of what the configuration says. Port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<std::net::SocketAddr>,
    /// The same for the page
    #[arg(long, value_name = "ADDRESS:PORT")]
    page: Option<std::net::SocketAddr>,
}

pub async fn run(folder: &Folder, args: RunArgs) -> anyhow::Result<u8> {
    let mut config = configure(folder)?;
    if let Some(listen) = args.listen {
        config.listen = listen.to_string();
    }
    if let Some(page) = args.page {
        config.page = Some(page.to_string());
    }
    let running = Monitor::open(folder, config)?.start().await?;
    match running.address {
        Some(address) => tracing::info!("serving on http://{address}"),
        None => tracing::info!("following"),
    }
    if let Some(address) = running.page_address {
        tracing::info!("the page is at http://{address}/");
    }
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    running.stop().await;
    Ok(FINE)
}

pub async fn check(folder: &Folder) -> anyhow::Result<u8> {
    Ok(match Monitor::open(folder, configure(folder)?)?.check(folder).await? {
        Checked::Nothing => FINE,
        Checked::Trouble => TROUBLE,
        Checked::Findings => FINDINGS,
        Checked::Misbehaviour => MISBEHAVIOUR,
    })
}

pub async fn test_alert(folder: &Folder) -> anyhow::Result<u8> {
    let told = Monitor::test_alert(folder, &configure(folder)?).await?;
    ensure!(told > 0, "{} names no [[alert]]: nobody would be told", folder.config().display());
    println!("{told} alerts took the test");
    Ok(FINE)
}
