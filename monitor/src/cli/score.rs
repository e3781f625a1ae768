//! `score`.

use std::path::PathBuf;

use anyhow::Context;
use tnlog_monitor::score::{Score, follow};

use super::FINE;

/// Judge the detectors by worlds of `tnlog simulate`: how much of what goes wrong there is found, and how often it is nothing
///
/// Each folder of a world gets a folder `monitor`, with what was found; several are summed up. `docs/monitoring.md` says what
/// counts as found.
#[derive(clap::Args)]
pub struct Args {
    /// Folders that `tnlog simulate --data DIR` has written
    #[arg(required = true, value_name = "DIR")]
    worlds: Vec<PathBuf>,
    /// Where the log of the world is served: follows it first, as `check` does, with what its people watch
    #[arg(long, value_name = "URL")]
    log: Option<String>,
}

pub async fn run(args: &Args, json: bool) -> anyhow::Result<u8> {
    let mut sum = Score::default();
    for world in &args.worlds {
        let judged = async {
            if let Some(url) = &args.log {
                follow(world, url).await?;
            }
            Score::of(world)
        };
        sum.add(judged.await.with_context(|| world.display().to_string())?);
    }
    if json {
        println!("{}", serde_json::to_string(&sum)?);
    } else {
        print!("{sum}");
    }
    Ok(FINE)
}
