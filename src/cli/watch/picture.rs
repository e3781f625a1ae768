//! A time line for people.

use std::io::{self, IsTerminal};

use super::bars::Axis;
use super::look::Seen;
use super::time_line::{Credential, Registration, Said, Standing, TimeLine};
use crate::output::{line, printable, time, time_of_millis};

/// How it is shown.
#[derive(Clone, Copy)]
pub struct Style {
    /// Whether keys of mine were named, so that what is not mine is marked.
    pub marks: bool,
    /// Whether something was known before, so that what is new is marked.
    pub again: bool,
    /// Seconds of Unix time.
    pub now: i64,
}

#[derive(Clone, Copy)]
enum Colour {
    Good,
    Bad,
    Faint,
}

/// Shows everything of a subject: its bars, and then what is to be said of each credential.
///
/// # Errors
/// When standard output is closed.
pub fn show(seen: &Seen, all: &TimeLine, style: Style) -> io::Result<()> {
    line(format_args!("{} in {}", seen.name, printable(&seen.origin)))?;
    line(format_args!("  {}: {}", counts(all), complete(seen, style.now)))?;
    if !all.credentials.is_empty() {
        line("")?;
        bars(all, style)?;
    }
    details(all, style)
}

/// Shows what is new of a subject.
///
/// # Errors
/// When standard output is closed.
pub fn show_news(seen: &Seen, news: &TimeLine, style: Style) -> io::Result<()> {
    line(format_args!("{}  NEW for {} in {}", time(style.now), seen.name, printable(&seen.origin)))?;
    details(news, style)?;
    line(format_args!("  {}", complete(seen, style.now)))
}

fn counts(all: &TimeLine) -> String {
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let registrations = match all.registrations.len() {
        0 => String::new(),
        n => format!(", {}", count(n, "registration")),
    };
    format!("{}{registrations}", count(all.credentials.len(), "credential"))
}

/// Up to where it is all, and as of when.
fn complete(seen: &Seen, now: i64) -> String {
    let all = format!("all of the first {} entries of the log", seen.covers);
    match &seen.as_of {
        Ok(as_of) => {
            let seconds = i64::try_from(as_of.time).unwrap_or(i64::MAX);
            let lie = match as_of.bad {
                0 => "while none of its witnesses lies".to_owned(),
                1 => "even if 1 of its witnesses lies".to_owned(),
                bad => format!("even if {bad} of its witnesses lie"),
            };
            let ago = now.saturating_sub(seconds).max(0);
            format!("{all}, complete as of {} ({}), {lie}", time(seconds), ago_text(ago))
        }
        Err(None) if seen.is_verified => {
            format!(
                "{all}, as those say who recompute its index; HOW RECENT THAT IS, BY THE WORD OF THE LOG ALONE"
            )
        }
        Err(None) => format!("{all}, BY THE WORD OF THE LOG ALONE"),
        Err(Some(why)) => format!("{all}; HOW RECENT THAT IS CANNOT BE KNOWN: {why}"),
    }
}

fn ago_text(seconds: i64) -> String {
    match seconds {
        0..120 => format!("{seconds} s ago"),
        120..7200 => format!("{} min ago", seconds / 60),
        7200..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

fn bars(all: &TimeLine, style: Style) -> io::Result<()> {
    let axis = Axis::of(all, style.now);
    let width = all.credentials.iter().map(|c| c.entries[0].to_string().len()).max().unwrap_or(0).max(5);
    let (years, ruler) = axis.heading();
    let length = ruler.chars().count();
    line(format_args!("  {:width$}  {years}", ""))?;
    line(format_args!("  {:width$}  {ruler}", "entry"))?;
    for credential in &all.credentials {
        let (state, colour) = state(credential, style);
        let bar = format!("{:length$}", axis.bar(credential, &all.registrations));
        let entry = credential.entries[0];
        line(format_args!("  {entry:>width$}  {}  {}", paint(&bar, colour), paint(&state, colour)))?;
    }
    let happened = all.credentials.iter().any(|c| !c.said.is_empty()) || !all.registrations.is_empty();
    if happened {
        line(format_args!("  {:width$}  a approved  d disputed  r registered  w withdrawn", ""))?;
    }
    Ok(())
}

/// In a few words.
fn state(credential: &Credential, style: Style) -> (String, Colour) {
    let (mut words, mut colour) = match &credential.standing {
        None => (Vec::new(), Colour::Good),
        Some(Standing { stands: false, why: "logged-expired", .. }) => {
            (vec!["does not stand".to_owned()], Colour::Faint)
        }
        Some(Standing { stands: false, .. }) => (vec!["DOES NOT STAND".to_owned()], Colour::Bad),
        Some(Standing { superseded_by: Some(by), .. }) => (vec![format!("followed by {by}")], Colour::Faint),
        Some(Standing { leads: true, .. }) => (vec!["stands, newest".to_owned()], Colour::Good),
        Some(_) => (vec!["stands".to_owned()], Colour::Good),
    };
    match life(credential, style.now) {
        Some("valid") | None => {}
        Some(life) => {
            words.push(life.to_owned());
            if matches!(colour, Colour::Good) {
                colour = Colour::Faint;
            }
        }
    }
    if credential.standing.as_ref().is_some_and(|standing| standing.disputed) {
        words.push("DISPUTED".to_owned());
        colour = Colour::Bad;
    }
    if credential.repeated_id {
        words.push("REPEATED CERTIFICATE ID".to_owned());
        colour = Colour::Bad;
    }
    if style.marks {
        words.push(if credential.mine { "mine" } else { "NOT MINE" }.to_owned());
        if !credential.mine {
            colour = Colour::Bad;
        }
    }
    if style.again && credential.new {
        words.push("NEW".to_owned());
    }
    (words.join(", "), colour)
}

fn life(credential: &Credential, now: i64) -> Option<&'static str> {
    credential.validity.map(|(from, until)| match now {
        now if now < from => "not valid yet",
        now if now > until => "expired",
        _ => "valid",
    })
}

fn details(all: &TimeLine, style: Style) -> io::Result<()> {
    for credential in &all.credentials {
        let registrations = all.registrations.iter();
        let of_it = registrations.filter(|r| r.credential == credential.entries.first().copied());
        detail(credential, style)?;
        of_it
            .map(|registration| registered(registration, style))
            .try_for_each(|text| line(format_args!("    {text}")))?;
    }
    for registration in all.registrations.iter().filter(|registration| registration.credential.is_none()) {
        line("")?;
        line(format_args!("  {}", registered(registration, style)))?;
    }
    for fault in &all.faults {
        line("")?;
        line(format_args!("  entry {}: A STATEMENT THAT DOES NOT HOLD: {}", fault.entry, fault.why))?;
    }
    Ok(())
}

fn detail(credential: &Credential, style: Style) -> io::Result<()> {
    let entries = credential.entries.iter().map(u64::to_string).collect::<Vec<_>>().join(" and ");
    let word = if credential.entries.len() == 1 { "entry" } else { "entries" };
    let (state, colour) = state(credential, style);
    line("")?;
    line(format_args!("  {word} {entries}, under {}: {}", credential.under, paint(&state, colour)))?;
    let issuer = match (&credential.issuer, &credential.issuer_key_hash) {
        (Some(name), _) => name.clone(),
        (None, Some(hash)) => format!("the key {hash}"),
        (None, None) => "nobody knows whom".to_owned(),
    };
    line(format_args!("    {} by {issuer}", credential.kind))?;
    if let Some(key) = &credential.key_hash {
        line(format_args!("    key {key}"))?;
    }
    let logged = time_of_millis(credential.logged);
    let validity =
        credential.validity.map(|(from, until)| format!("valid {} to {}, ", time(from), time(until)));
    line(format_args!("    {}logged {logged}", validity.unwrap_or_default()))?;
    if let Some(standing) = &credential.standing {
        line(format_args!("    {}", why(standing)))?;
    }
    credential.said.iter().map(|text| said(text, style)).try_for_each(|text| line(format_args!("    {text}")))
}

fn why(standing: &Standing) -> String {
    let by = standing.by.unwrap_or_default();
    let why = match standing.why {
        "nothing-covered" => "stands: nothing that stands covered the number when it was logged".to_owned(),
        "issued" => format!("stands: issued by the credential in entry {by}"),
        "approved" => format!("stands: approved by the key of entry {by}, the newest that stood"),
        "logged-expired" => "does not stand: it had expired when it was logged".to_owned(),
        _ => format!(
            "does not stand: entry {by} led when it was logged, and its key has not approved this one. A reroute looks like \
             that, and so does a lost telephone"
        ),
    };
    match standing.superseded_by {
        Some(newest) => format!("{why}; entry {newest} is the newest that stands"),
        None => why,
    }
}

fn said(said: &Said, style: Style) -> String {
    let verb = if said.verb == "approve" { "approved" } else { "disputed" };
    let weight = said.weightless.as_ref().map(|why| format!(", WITHOUT WEIGHT: {why}")).unwrap_or_default();
    let when = time_of_millis(said.logged);
    let marks = marks(said.mine, said.new, style);
    format!("{verb} by the key of entry {} on {when}, entry {}{weight}{marks}", said.by, said.entry)
}

fn registered(registration: &Registration, style: Style) -> String {
    let Registration { entry, action, validity, .. } = registration;
    let what = if *action == "register" { "registered" } else { "registration withdrawn" };
    let replaces = match registration.replaces {
        Some(earlier) if *action == "register" => format!(", instead of entry {earlier}"),
        Some(earlier) => format!(" (entry {earlier})"),
        None => String::new(),
    };
    let state = match (registration.state, registration.ended_by) {
        ("replaced", Some(by)) => format!(": replaced by entry {by}"),
        ("withdrawn", Some(by)) => format!(": withdrawn by entry {by}"),
        ("withdrawal", _) => String::new(),
        ("faulty", _) => format!(": COUNTS FOR NOTHING: {}", registration.fault.as_deref().unwrap_or("")),
        (state, _) => format!(" until {}: {}", time(validity.1), state.replace('-', " ")),
    };
    let marks = marks(registration.mine, registration.new, style);
    format!("{what} on {}, entry {entry}{replaces}{state}{marks}", time_of_millis(registration.logged))
}

fn marks(mine: bool, new: bool, style: Style) -> String {
    let not_mine = if style.marks && !mine { ", NOT MINE" } else { "" };
    let new = if style.again && new { ", NEW" } else { "" };
    format!("{not_mine}{new}")
}

/// In colour on a terminal whose user has not said `NO_COLOR`.
fn paint(text: &str, colour: Colour) -> String {
    if text.is_empty() || !io::stdout().is_terminal() || std::env::var_os("NO_COLOR").is_some() {
        return text.to_owned();
    }
    let code = match colour {
        Colour::Good => 32,
        Colour::Bad => 31,
        Colour::Faint => 2,
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::look::Cost;

    /// With verifiers the log's word is taken for how recent it is, and for nothing else.
    #[test]
    fn for_what_the_word_of_the_log_is_taken() {
        let mut seen = Seen {
            name: String::new(),
            origin: String::new(),
            line: TimeLine::default(),
            covers: 7,
            as_of: Err(None),
            is_verified: false,
            shown_prefix: None,
            asked: String::new(),
            cost: Cost::default(),
            has_news: false,
            not_mine: 0,
        };
        assert_eq!(complete(&seen, 0), "all of the first 7 entries of the log, BY THE WORD OF THE LOG ALONE");
        seen.is_verified = true;
        assert!(complete(&seen, 0).contains("as those say who recompute its index; HOW RECENT THAT IS"));
    }
}
