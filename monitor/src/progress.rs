//! How far following has come, while there is much to do: a bar on a terminal, otherwise a line every few seconds.

use std::io::{IsTerminal, Write, stderr};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tnlog::client::follow::Progress;
use tokio::sync::watch;

/// How often a line is written, and a bar drawn.
const SAY_EVERY: Duration = Duration::from_secs(5);
const DRAW_EVERY: Duration = Duration::from_millis(250);
/// How many entries are much.
const MUCH: u64 = 10_000;
const STYLE: &str = "{prefix} [{bar:30}] {human_pos} of {human_len} entries, {per_sec}, {eta} left";

/// All bars, one below the other.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Shows how far a log is until it is stopped.
pub async fn show(name: String, progress: watch::Receiver<Progress>, stopped: watch::Receiver<bool>) {
    if stderr().is_terminal() {
        draw(name, progress, stopped).await;
    } else {
        say(name, progress, stopped).await;
    }
}

/// Entries that are checked and indexed, and those that are not.
fn done_and_left(progress: &Progress) -> (u64, u64) {
    let done = progress.checked.min(progress.indexed);
    (done, progress.size.saturating_sub(done))
}

/// Whether it was stopped before the time was over.
async fn stops_within(time: Duration, stopped: &mut watch::Receiver<bool>) -> bool {
    tokio::time::timeout(time, stopped.wait_for(|stopped| *stopped)).await.is_ok()
}

async fn draw(name: String, progress: watch::Receiver<Progress>, mut stopped: watch::Receiver<bool>) {
    let mut bar: Option<ProgressBar> = None;
    while !stops_within(DRAW_EVERY, &mut stopped).await {
        let now = *progress.borrow();
        let (done, left) = done_and_left(&now);
        match &bar {
            None if left > MUCH => {
                let style = ProgressStyle::with_template(STYLE).expect("the template is right");
                let new = ProgressBar::new(now.size).with_style(style).with_prefix(name.clone());
                new.set_position(done);
                new.reset_eta();
                bar = Some(BARS.add(new));
            }
            Some(shown) if left > 0 => {
                shown.set_length(now.size);
                shown.set_position(done);
            }
            _ => bar = bar.and_then(clear),
        }
    }
    bar.and_then(clear);
}

fn clear(bar: ProgressBar) -> Option<ProgressBar> {
    bar.finish_and_clear();
    BARS.remove(&bar);
    None
}

async fn say(name: String, progress: watch::Receiver<Progress>, mut stopped: watch::Receiver<bool>) {
    let (mut before, mut then) = (done_and_left(&progress.borrow()).0, Instant::now());
    while !stops_within(SAY_EVERY, &mut stopped).await {
        let now = *progress.borrow();
        let (done, left) = done_and_left(&now);
        if left > MUCH && done > before {
            let rate = (done - before) as f64 / then.elapsed().as_secs_f64();
            let percent = 100 * done / now.size.max(1);
            let minutes = (left as f64 / rate / 60.0).ceil();
            tracing::info!(
                log = name,
                checked = now.checked,
                indexed = now.indexed,
                entries = now.size,
                "following: {percent} %, {rate:.0} entries/s, {minutes} min left"
            );
        }
        (before, then) = (done, Instant::now());
    }
}

/// Writes messages to standard error, above the bars.
pub struct Messages;

impl Write for Messages {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        BARS.suspend(|| stderr().write(bytes))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        stderr().flush()
    }
}
