//! What the detectors mean, in a few words.

use askama::Template;
use axum::extract::Extension;
use axum::response::Response;
use serde::Serialize;

use super::TheAsked;
use super::reply::{self, Shell};

/// A detector, as people are told of it.
#[derive(Clone, Copy, Serialize)]
pub struct About {
    /// Its id.
    pub detector: &'static str,
    /// What it is called here.
    pub title: &'static str,
    /// What it means, and how sure that is.
    pub text: &'static str,
}

const fn about(detector: &'static str, title: &'static str, text: &'static str) -> About {
    About { detector, title, text }
}

/// All that there can be findings of.
pub const ALL: [About; 23] = [
    about(
        "unexpected-issuer",
        "An issuer that you have not allowed",
        "Somebody who is not on the list of your watch has issued a certificate for what you watch. Either the list is too short, or \
         the certificate was not asked for by you.",
    ),
    about(
        "unexpected-key",
        "A key that you do not know",
        "There is a certificate for what you watch with a key that is not known as yours, and that none of yours has approved. After \
         a new telephone or app that is you; else it is somebody in your place.",
    ),
    about(
        "unexpected-scope",
        "A certificate that reaches over what you watch",
        "A certificate for a whole block of numbers holds what you watch, or a CA that you watch issues for other countries than it \
         should.",
    ),
    about(
        "reroute-suspected",
        "A certificate that may have been obtained by a reroute",
        "A number had a valid certificate, and got another one that the holder’s key has not approved. A lost telephone looks the same \
         at first. What the old key does next tells them apart: a lost telephone stays silent.",
    ),
    about(
        "reroute-wave",
        "Many reroutes at once",
        "Far more certificates than chance makes took the place of valid ones without approval, by one issuer or in one country. That \
         is what a takeover of a telephone network looks like. By the statistics it is wrong once in a million years.",
    ),
    about(
        "conflicting-credentials",
        "Two certificates that contradict each other",
        "Two issuers vouch for two keys of one number at once, or two companies hold overlapping blocks. Moves between companies look \
         like that for some days.",
    ),
    about(
        "registration-takeover",
        "A number answers under another key",
        "A number is registered with a service under a key that was not approved, while its registration under another one runs: whoever \
         calls reaches somebody else.",
    ),
    about(
        "profile",
        "A certificate that should not be as it is",
        "It is valid for too long, has a weak key, names what its CA may not, cannot be read, or the like. Most of these are \
         carelessness.",
    ),
    about(
        "repeated-id",
        "One serial number, two certificates",
        "A CA has given one serial number to two certificates, or the log has given one id to two. Honest software does not.",
    ),
    about(
        "fork",
        "The log shows different people different things",
        "The log has signed two contents of which neither continues the other. That is proved by its own signatures, for ever. Trust \
         nothing of this log any more.",
    ),
    about(
        "bad-index-head",
        "The log’s index is false",
        "The log has signed an index that does not follow from its entries: look-ups in it may have hidden something.",
    ),
    about(
        "rollback",
        "The log shows an older state",
        "It shows fewer entries than before. A restored backup or a lagging server looks like that, too.",
    ),
    about(
        "bad-leaf",
        "An entry that no log may take",
        "The log has signed an entry that breaks the rules of its format.",
    ),
    about(
        "bad-parameters",
        "The log has changed its parameters",
        "Its first entry is not what it was, or there are two.",
    ),
    about(
        "bad-statement",
        "A statement that does not hold",
        "The log took an approval or a dispute whose signature is wrong.",
    ),
    about(
        "orphan-registration",
        "A registration of nothing",
        "The log took a registration that belongs to no certificate in it.",
    ),
    about(
        "bad-tree",
        "The log’s files do not fit",
        "What it serves is not what it signed: damage, or worse.",
    ),
    about(
        "bad-signature",
        "A signature that does not hold",
        "The log shows a checkpoint or tree head that its key has not signed.",
    ),
    about(
        "missing-tile",
        "A part of the log is missing",
        "The log does not serve what its signed state needs.",
    ),
    about(
        "bad-label",
        "The log mislabels a number",
        "It labelled a number that you watch under another key than its own.",
    ),
    about(
        "stale",
        "The log stands still, or cannot be followed",
        "For too long there was no answer that could be verified, or nothing newly signed.",
    ),
    about(
        "sct-not-included",
        "A promise that the log has not kept",
        "The log has signed that it takes a certificate, and the certificate is not in it.",
    ),
    about(
        "no-quorum",
        "Too few witnesses",
        "The newest state of the log is not cosigned by as many witnesses as your policy asks for.",
    ),
];

/// What is said of a detector that is not among them.
const OTHER: About = about("", "Something that needs a look", "");

/// What a detector means.
pub fn of(detector: &str) -> About {
    ALL.into_iter().find(|about| about.detector == detector).unwrap_or(OTHER)
}

#[derive(Template, Serialize)]
#[template(path = "help.html")]
struct Help {
    #[serde(skip)]
    shell: Shell,
    detectors: &'static [About],
}

pub async fn show(Extension(asked): TheAsked) -> Response {
    reply::page(&asked, Ok(Help { shell: asked.shell("help", "Help"), detectors: &ALL }))
}
