//! The table of stories: what an app hears of each credential of a number.

use super::*;

struct Row {
    story: &'static str,
    plot: fn(&mut Story),
    /// The day on which is asked.
    day: i64,
    /// What is heard of each credential for the number.
    verdicts: &'static [&'static str],
}

#[test]
fn stories() {
    for Row { story, plot, day, verdicts: expected } in TABLE {
        let mut told = Story::default();
        plot(&mut told);
        assert_eq!(verdicts(&told, NUMBER, *day), *expected, "{story}");
    }
}

const TABLE: &[Row] = &[
    Row {
        story: "one phone",
        plot: |s| {
            s.logs(0, of(ANNA));
        },
        day: 1,
        verdicts: &["newest"],
    },
    Row {
        story: "renewal with approval",
        plot: |s| {
            let old = s.logs(0, of(ANNA));
            let new = s.logs(90, of(ANNAS_NEW_PHONE).until(190));
            s.approves(91, old, new);
        },
        day: 92,
        verdicts: &["superseded", "newest"],
    },
    Row {
        story: "renewal without approval, which is what a reroute looks like",
        plot: |s| {
            s.logs(0, of(ANNA));
            s.logs(90, of(ANNAS_NEW_PHONE).until(190));
        },
        day: 92,
        verdicts: &["newest", "does not stand"],
    },
    Row {
        story: "a reroute that waits for the victim's credential to expire",
        plot: |s| {
            s.logs(0, of(ANNA));
            s.logs(90, of(MALLORY).until(190));
        },
        day: 150,
        verdicts: &["expired", "does not stand"],
    },
    Row {
        story: "a reroute that waits, and then the holder comes back",
        plot: |s| {
            s.logs(0, of(ANNA));
            s.logs(90, of(MALLORY).until(190));
            s.logs(101, of(ANNAS_NEW_PHONE).until(200));
        },
        day: 150,
        verdicts: &["expired", "does not stand", "newest"],
    },
    Row {
        story: "lost phone: the new key stands when the old credential has expired",
        plot: |s| {
            s.logs(0, of(ANNA).until(30));
            s.logs(31, of(ANNAS_NEW_PHONE));
        },
        day: 40,
        verdicts: &["expired", "newest"],
    },
    Row {
        story: "lost phone, in a hurry: it does not, and the one after the expiry does",
        plot: |s| {
            s.logs(0, of(ANNA).until(30));
            s.logs(29, of(ANNAS_NEW_PHONE));
            s.logs(31, of(ANNAS_THIRD_PHONE));
        },
        day: 40,
        verdicts: &["expired", "does not stand", "newest"],
    },
    Row {
        story: "theft of an old key: it approves nothing any more",
        plot: |s| {
            let old = s.logs(0, of(ANNA));
            let new = s.logs(10, of(ANNAS_NEW_PHONE));
            s.approves(11, old, new);
            let forged = s.logs(20, of(MALLORY));
            s.approves(21, old, forged);
        },
        day: 30,
        verdicts: &["superseded", "newest", "does not stand"],
    },
    Row {
        story: "theft of an old key, used on a credential that is older than the handover",
        plot: |s| {
            let old = s.logs(0, of(ANNA));
            let forged = s.logs(5, of(MALLORY));
            let new = s.logs(10, of(ANNAS_NEW_PHONE));
            s.approves(11, old, new);
            s.approves(21, old, forged);
        },
        day: 30,
        verdicts: &["superseded", "does not stand", "newest"],
    },
    Row {
        story: "theft of an old key that outlives the newest: leading does not go back",
        plot: |s| {
            let old = s.logs(0, of(ANNA));
            let new = s.logs(10, of(ANNAS_NEW_PHONE).until(40));
            s.approves(11, old, new);
            let forged = s.logs(50, of(MALLORY));
            s.approves(51, old, forged);
        },
        day: 60,
        verdicts: &["superseded", "expired", "does not stand"],
    },
    Row {
        story: "two attackers in a row: the first has no power over the second",
        plot: |s| {
            s.logs(0, of(ANNA));
            let first = s.logs(10, of(MALLORY).ca());
            let second = s.logs(20, of(MALLORY_AGAIN));
            s.approves(21, first, second);
            s.logs(22, of(6).by(MALLORY));
        },
        day: 30,
        verdicts: &["newest", "does not stand", "does not stand", "does not stand"],
    },
    Row {
        story: "a credential for the victim's and the attacker's number",
        plot: |s| {
            s.logs(0, of(ANNA));
            let own = s.logs(1, of(MALLORY).for_other());
            let both = s.logs(10, of(MALLORY_AGAIN).for_both());
            s.approves(11, own, both);
        },
        day: 20,
        verdicts: &["newest", "does not stand"],
    },
    Row {
        story: "dispute of a reroute",
        plot: |s| {
            let old = s.logs(0, of(ANNA));
            let forged = s.logs(10, of(MALLORY));
            s.disputes(11, old, forged);
        },
        day: 20,
        verdicts: &["newest", "does not stand"],
    },
    Row {
        story: "dispute after approval: it still stands, and everybody sees the objection",
        plot: |s| {
            let old = s.logs(0, of(ANNA));
            let new = s.logs(10, of(ANNAS_NEW_PHONE));
            s.approves(11, old, new);
            s.disputes(12, old, new);
        },
        day: 20,
        verdicts: &["superseded", "disputed"],
    },
    Row {
        story: "an attacker's dispute has no weight",
        plot: |s| {
            let old = s.logs(0, of(ANNA));
            let forged = s.logs(5, of(MALLORY));
            let new = s.logs(10, of(ANNAS_NEW_PHONE));
            s.approves(11, old, new);
            s.disputes(12, forged, new);
        },
        day: 20,
        verdicts: &["superseded", "does not stand", "newest"],
    },
    Row {
        story: "a dispute by an expired key has no weight",
        plot: |s| {
            let old = s.logs(0, of(ANNA).until(15));
            let new = s.logs(10, of(ANNAS_NEW_PHONE));
            s.approves(11, old, new);
            s.disputes(16, old, new);
        },
        day: 20,
        verdicts: &["expired", "newest"],
    },
    Row {
        story: "an approval by a key that has expired by then",
        plot: |s| {
            let old = s.logs(0, of(ANNA).until(15));
            let new = s.logs(10, of(ANNAS_NEW_PHONE));
            s.approves(16, old, new);
        },
        day: 20,
        verdicts: &["expired", "does not stand"],
    },
    Row {
        story: "an approval by the old leaf of a key that was expired there and leads elsewhere",
        plot: |s| {
            let first = s.logs(0, of(ANNA).until(15));
            let again = s.logs(10, of(ANNA));
            s.approves(11, first, again);
            let new = s.logs(20, of(ANNAS_NEW_PHONE));
            s.approves(21, first, new);
        },
        day: 30,
        verdicts: &["expired", "superseded", "newest"],
    },
    Row {
        story: "a withheld approval cannot bring back a credential from before the key led again",
        plot: |s| {
            let first = s.logs(0, of(ANNA));
            let forged = s.logs(5, of(MALLORY));
            let again = s.logs(10, of(ANNA));
            s.approves(11, first, again);
            s.approves(12, first, forged);
        },
        day: 20,
        verdicts: &["superseded", "does not stand", "newest"],
    },
    Row {
        story: "the same key again, which its holder did not ask for: not by itself",
        plot: |s| {
            s.logs(0, of(ANNA));
            s.logs(10, of(ANNA));
        },
        day: 20,
        verdicts: &["newest", "does not stand"],
    },
    Row {
        story: "a delegate stands below the one who issued it, and a second one too",
        plot: |s| {
            s.logs(0, of(ANNA).ca());
            s.logs(10, of(ANNAS_NEW_PHONE).by(ANNA));
            s.logs(11, of(ANNAS_THIRD_PHONE).by(ANNA));
        },
        day: 20,
        verdicts: &["newest", "newest", "newest"],
    },
    Row {
        story: "a delegate CA issues in its turn",
        plot: |s| {
            s.logs(0, of(ANNA).ca());
            s.logs(10, of(ANNAS_NEW_PHONE).by(ANNA).ca());
            s.logs(11, of(ANNAS_THIRD_PHONE).by(ANNAS_NEW_PHONE));
        },
        day: 20,
        verdicts: &["newest", "newest", "newest"],
    },
    Row {
        story: "a delegate approves nothing",
        plot: |s| {
            s.logs(0, of(ANNA).ca());
            let delegate = s.logs(10, of(MALLORY).by(ANNA));
            let next = s.logs(11, of(MALLORY_AGAIN));
            s.approves(12, delegate, next);
        },
        day: 20,
        verdicts: &["newest", "newest", "does not stand"],
    },
    Row {
        story: "a delegate that is approved leads, and what was issued beside it is superseded",
        plot: |s| {
            let anna = s.logs(0, of(ANNA).ca());
            s.logs(10, of(ANNAS_NEW_PHONE).by(ANNA));
            let heir = s.logs(11, of(ANNAS_THIRD_PHONE).by(ANNA));
            s.approves(12, anna, heir);
        },
        day: 20,
        verdicts: &["superseded", "superseded", "newest"],
    },
    Row {
        story: "a superseded CA issues nothing any more",
        plot: |s| {
            let old = s.logs(0, of(ANNA).ca());
            let new = s.logs(10, of(ANNAS_NEW_PHONE));
            s.approves(11, old, new);
            s.logs(12, of(MALLORY).by(ANNA));
        },
        day: 20,
        verdicts: &["superseded", "newest", "does not stand"],
    },
    Row {
        story: "an issuer that is no CA by its leaf",
        plot: |s| {
            s.logs(0, of(ANNA));
            s.logs(10, of(MALLORY).by(ANNA));
        },
        day: 20,
        verdicts: &["newest", "does not stand"],
    },
    Row {
        story: "an expired CA that leads issues nothing, while an older credential still covers the number",
        plot: |s| {
            let old = s.logs(0, of(ANNA));
            let new = s.logs(10, of(ANNAS_NEW_PHONE).ca().until(20));
            s.approves(11, old, new);
            s.logs(30, of(MALLORY).by(ANNAS_NEW_PHONE));
        },
        day: 40,
        verdicts: &["superseded", "expired", "does not stand"],
    },
    Row {
        story: "nor does an expired delegate CA",
        plot: |s| {
            s.logs(0, of(ANNA).ca());
            s.logs(10, of(ANNAS_NEW_PHONE).by(ANNA).ca().until(20));
            s.logs(30, of(MALLORY).by(ANNAS_NEW_PHONE));
        },
        day: 40,
        verdicts: &["newest", "expired", "does not stand"],
    },
    Row {
        story: "logged after it expired",
        plot: |s| {
            s.logs(20, of(MALLORY).until(10));
            s.logs(21, of(ANNA));
        },
        day: 22,
        verdicts: &["expired", "newest"],
    },
    Row {
        story: "the approval of what has expired hands nothing over",
        plot: |s| {
            let old = s.logs(0, of(ANNA));
            let new = s.logs(10, of(ANNAS_NEW_PHONE).until(15));
            s.approves(16, old, new);
            let next = s.logs(20, of(ANNAS_THIRD_PHONE));
            s.approves(21, old, next);
        },
        day: 30,
        verdicts: &["superseded", "expired", "newest"],
    },
    Row {
        story: "precertificate and certificate are one, approved by either leaf",
        plot: |s| {
            let old = s.logs(0, of(ANNA).id(1).precertificate());
            s.logs(0, of(ANNA).id(1));
            s.logs(10, of(ANNAS_NEW_PHONE).id(2));
            let pre = s.logs(11, of(ANNAS_NEW_PHONE).id(2).precertificate());
            s.approves(12, old, pre);
        },
        day: 20,
        verdicts: &["superseded", "newest"],
    },
    Row {
        story: "another key under the id of a precertificate that stands",
        plot: |s| {
            s.logs(0, of(ANNA).id(1).precertificate());
            s.logs(1, of(MALLORY).id(1));
        },
        day: 20,
        verdicts: &["newest", "does not stand"],
    },
    Row {
        story: "CAs below one another: nine steps down, and no further",
        plot: |s| {
            s.logs(0, of(1).ca());
            for key in 2..=12 {
                s.logs(1, of(key).ca().by(key - 1));
            }
        },
        day: 2,
        verdicts: &[
            "newest",
            "newest",
            "newest",
            "newest",
            "newest",
            "newest",
            "newest",
            "newest",
            "newest",
            "newest",
            "does not stand",
            "does not stand",
        ],
    },
];
