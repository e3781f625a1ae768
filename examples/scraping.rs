//! What scraping takes at the default limits: prints the table of `docs/privacy.md`.
//!
//! `cargo run --example scraping` prints it; `cargo run --example scraping measure` says how long a label takes
//! on this machine, from which the last column is computed.

use std::hint::black_box;
use std::time::{Duration, Instant};

use tnlog::label::LabelKey;
use tnlog::number::Number;
use tnlog::server::config::Limits;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);
/// The Julian year.
const YEAR: Duration = Duration::from_secs(31_557_600);

/// One label with the secret key, by this code, on one core of the machine of `docs/performance.md`: 46 to 48 us were measured.
const LABEL: Duration = Duration::from_micros(47);

/// Candidates that somebody may try, and how many there are.
const TARGETS: [(&str, u64); 7] = [
    ("one number", 1),
    // 47 CFR 52.20: what North American carriers get numbers in.
    ("1,000 candidates of one issuer, or one block of a carrier", 1_000),
    ("1,000 such blocks of a carrier", 1_000_000),
    // Institut Luxembourgeois de Régulation: 621, 651, 661, 671 and 691, and six digits.
    ("every mobile number of Luxembourg", 5_000_000),
    // North American Numbering Plan, NPA-NXX-XXXX: an office code begins with 2 to 9.
    ("one area code of North America", 8_000_000),
    // Bundesnetzagentur, numbers for mobile services: 15, and nine digits. There are others: 16 and 17.
    ("the German mobile numbers that begin with 015", 1_000_000_000),
    // The same plan as above: an area code begins with 2 to 9, too.
    ("every number of +1, North America", 6_400_000_000),
];

fn main() {
    if std::env::args().any(|argument| argument == "measure") {
        println!("a label takes {:?} here", measured());
    } else {
        print!("{}", table(&Limits::default()));
    }
}

fn table(limits: &Limits) -> String {
    let ways = [
        (limits.evaluations_per_client_hour, HOUR),
        (limits.evaluations_per_hour, HOUR),
        (limits.labels_per_root_day, DAY),
    ];
    let mut table = String::from(
        "| who is looked for | numbers | one address asks | all addresses together | certificates below one root | one core, with the stolen label key |\n\
         |---|---|---|---|---|---|\n",
    );
    for (name, count) in TARGETS {
        let times = ways.map(|(amount, period)| text(budgeted(count, amount, period)));
        let offline = text(LABEL.mul_f64(count as f64));
        table += &format!("| {name} | {} | {} | {offline} |\n", grouped(count), times.join(" | "));
    }
    table
}

/// How long a `tnlog::server::budget::Budget` takes to give so much: `amount` at once, and then as much in each period.
fn budgeted(count: u64, amount: u32, period: Duration) -> Duration {
    period.mul_f64(count.saturating_sub(amount.into()) as f64 / f64::from(amount))
}

fn text(time: Duration) -> String {
    let (unit, name) = match time {
        time if time < Duration::from_secs(1) => return "at once".to_owned(),
        time if time < 2 * Duration::from_secs(60) => (Duration::from_secs(1), "seconds"),
        time if time < 2 * HOUR => (Duration::from_secs(60), "minutes"),
        time if time < 2 * DAY => (HOUR, "hours"),
        time if time < 2 * YEAR => (DAY, "days"),
        _ => (YEAR, "years"),
    };
    let count = time.div_duration_f64(unit);
    let rounded = if count < 10.0 { format!("{count:.1}") } else { grouped(count.round() as u64) };
    format!("{rounded} {name}")
}

fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    groups.map(|group| String::from_utf8_lossy(group)).collect::<Vec<_>>().join(",")
}

fn measured() -> Duration {
    const COUNT: u32 = 20_000;
    let key = LabelKey::from_seed(&[7; 32]);
    let begun = Instant::now();
    for number in 0..COUNT {
        let number = Number::new(&format!("1703555{number:05}")).expect("these are numbers");
        black_box(key.label(&number));
    }
    begun.elapsed() / COUNT
}

#[cfg(test)]
mod tests {
    use super::*;
    use tnlog::server::budget::Budget;

    const PAGE: &str = include_str!("../docs/privacy.md");

    #[test]
    fn the_page_shows_this_table() {
        let table = table(&Limits::default());
        assert!(PAGE.contains(&table), "put this into docs/privacy.md:\n{table}");
    }

    /// The formula against the budget that the server runs, spent one by one as soon as there is something.
    #[test]
    fn a_budget_takes_as_long_as_the_table_says() {
        let (amount, period) = (100, HOUR);
        for count in [1, 100, 101, 1000] {
            let (budget, start) = (Budget::new(amount, period), Instant::now());
            let mut elapsed = Duration::ZERO;
            for _ in 0..count {
                while budget.spend((), 1, start + elapsed).is_err() {
                    elapsed += Duration::from_secs(1);
                }
            }
            let said = budgeted(count, amount, period);
            assert!(elapsed.abs_diff(said) < Duration::from_secs(2), "{count}: {elapsed:?}, not {said:?}");
        }
    }

    #[test]
    fn times_are_rounded_for_people() {
        for (seconds, said) in [
            (0, "at once"),
            (70, "70 seconds"),
            (7199, "120 minutes"),
            (7200, "2.0 hours"),
            (86_400 * 700, "700 days"),
        ] {
            assert_eq!(text(Duration::from_secs(seconds)), said);
        }
        assert_eq!(text(YEAR * 1234), "1,234 years");
    }
}
