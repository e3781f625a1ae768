//! A score as tables in Markdown.

use std::fmt;

use super::{Recall, SEVERITIES, Said, Score};

const HOUR: f64 = 3_600_000.0;

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Score { worlds, calm, entries, false_waves, .. } = self;
        writeln!(f, "{worlds} worlds, {calm} of them without attacks, with {entries} entries.")?;
        if !self.victims.is_empty() {
            victims(self, f)?;
        }
        waves(self, f)?;
        writeln!(f, "\nFindings of a wave where there is none: {false_waves}.")?;
        findings(self, f)?;
        false_alarms(self, f)?;
        if !self.lies.is_empty() {
            lies(self, f)?;
        }
        Ok(())
    }
}

fn victims(score: &Score, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(
        f,
        "\n| attack | victims | found | low or worse | medium or worse | high | hours until low | until high |"
    )?;
    writeln!(f, "|---|---|---|---|---|---|---|---|")?;
    for (whom, recall) in &score.victims {
        let share = |rank: usize| recall.found[rank] as f64 / recall.victims.max(1) as f64;
        write!(f, "| `{}`, {} ", whom.attack, if whom.watched { "watched" } else { "not watched" })?;
        write!(f, "| {} ", recall.victims)?;
        (0..4).try_for_each(|rank| write!(f, "| {:.3} ", share(rank)))?;
        writeln!(f, "| {} | {} |", median(recall, 1), median(recall, 3))?;
    }
    Ok(())
}

fn median(recall: &Recall, rank: usize) -> String {
    let mut delays = recall.delays[rank].clone();
    delays.sort_unstable();
    delays.get(delays.len() / 2).map_or(String::new(), |delay| format!("{:.0}", *delay as f64 / HOUR))
}

fn waves(score: &Score, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut kinds: Vec<&str> = score.waves.iter().map(|wave| &*wave.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n| together | attacks | found | within an hour of the 20th victim | latest, in hours |")?;
    writeln!(f, "|---|---|---|---|---|")?;
    for kind in kinds {
        let of_kind: Vec<_> = score.waves.iter().filter(|wave| wave.kind == kind).collect();
        let delays: Vec<f64> =
            of_kind.iter().filter_map(|wave| wave.delay).map(|it| it as f64 / HOUR).collect();
        let soon = delays.iter().filter(|hours| **hours <= 1.0).count();
        let latest = delays.iter().copied().fold(f64::MIN, f64::max);
        let latest = if delays.is_empty() { String::new() } else { format!("{latest:.1}") };
        writeln!(f, "| `{kind}` | {} | {} | {soon} | {latest} |", of_kind.len(), delays.len())?;
    }
    Ok(())
}

fn findings(score: &Score, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "\n| detector | high | medium | low | info |\n|---|---|---|---|---|")?;
    let cell = |said: &Said| match (said.all(), said.cleared) {
        (0, 0) => String::new(),
        (all, 0) => format!("{} of {all}", said.right),
        (all, cleared) => format!("{} of {all}, {cleared} cleared", said.right),
    };
    let row = |said: &[Said; 4]| said.iter().rev().map(cell).collect::<Vec<_>>().join(" | ");
    for (detector, said) in &score.detectors {
        writeln!(f, "| `{detector}` | {} |", row(said))?;
    }
    writeln!(f, "| all | {} |", row(&score.severities()))?;
    let precision = |severity| score.precision(severity).map_or(String::new(), |it| format!("{it:.3}"));
    let all: Vec<String> = SEVERITIES.into_iter().rev().map(precision).collect();
    writeln!(f, "| precision | {} |", all.join(" | "))
}

fn false_alarms(score: &Score, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for severity in ["high", "medium"] {
        let Some(kinds) = score.false_alarms.get(severity) else { continue };
        let kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        writeln!(f, "\nFalse alarms, {severity}: {}.", kinds.join("; "))?;
    }
    Ok(())
}

fn lies(score: &Score, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "\n| lie | told | found | evidence verifies | and proves |\n|---|---|---|---|---|")?;
    for (kind, lies) in &score.lies {
        writeln!(f, "| `{kind}` | {} | {} | {} | {} |", lies.told, lies.found, lies.verified, lies.proved)?;
    }
    Ok(())
}
