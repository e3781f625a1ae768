//! numbers.json, blocks.json, tnauthlist.json.

use serde_json::{Value, json};
use tnlog::calling_code::is_assigned;
use tnlog::synthetic::{TnEntry, der};

use crate::case::{File, bad, good, hex};

pub fn numbers() -> File {
    let mut cases = Vec::new();
    for code in (0..1000).filter(|code| is_assigned(*code)) {
        let digits = format!("{code}5550100");
        cases.push(number(&format!("code-{code}"), "a calling code", &digits, Some(code)));
    }
    for (name, comment, digits) in [
        ("spare-210", "210 is not assigned", "2105550100"),
        ("spare-999", "999 is not assigned", "9995550100"),
        ("shortest", "four digits", "1555"),
        ("longest", "fifteen digits", "120255501001234"),
    ] {
        let code = digits.starts_with('1').then_some(1);
        cases.push(number(name, comment, digits, code));
    }
    for (name, digits, comment) in [
        ("short", "120", "three digits"),
        ("long", "1202555010012345", "sixteen digits"),
        ("empty", "", "no digits"),
        ("plus", "+12025550100", "with its plus sign"),
        ("national", "02025550100", "a leading zero"),
        ("hash", "1202555010#", "a hash"),
        ("star", "*2025550100", "a star"),
        ("space", "1 2025550100", "a space"),
        ("arabic", "١٢٠٢٥٥٥٠١٠٠", "digits that are not ASCII"),
    ] {
        cases.push(bad(name, "bad-number", comment, json!({"kind": "number", "digits": digits})));
    }
    for (name, code, canonical) in [
        ("spc", "706J", "706J"),
        ("spc-small", "706j", "706J"),
        ("spc-one", "a", "A"),
        ("spc-six", "ABC123", "ABC123"),
    ] {
        cases.push(good(
            name,
            "a service provider code",
            json!({"kind": "spc", "code": code, "canonical": canonical}),
        ));
    }
    for (name, code) in [
        ("spc-empty", ""),
        ("spc-seven", "ABCDEFG"),
        ("spc-hyphen", "70-6J"),
        ("spc-space", "706 J"),
        ("spc-umlaut", "70Ä"),
        ("spc-long-s", "70ſ"),
    ] {
        cases.push(bad(name, "bad-service-provider-code", "no code", json!({"kind": "spc", "code": code})));
    }
    File::new(
        "numbers",
        "Numbers with their calling codes, and service provider codes (formats.md §8, §16).",
        cases,
    )
}

fn number(name: &str, comment: &str, digits: &str, code: Option<u16>) -> Value {
    good(name, comment, json!({"kind": "number", "digits": digits, "calling_code": code}))
}

pub fn blocks() -> File {
    let mut cases = Vec::new();
    let mut cover = |name: &str, comment: &str, ranges: &[(&str, u64)], blocks: &[&str]| {
        cases.push(good(name, comment, json!({"kind": "cover", "ranges": ranges, "blocks": blocks})));
    };
    cover("one", "a whole block", &[("17035550000", 10_000)], &["1703555xxxx"]);
    cover(
        "page",
        "the example of the page",
        &[("17035550108", 12)],
        &["17035550108", "17035550109", "1703555011x"],
    );
    cover("ten", "the smallest range", &[("17035550100", 10)], &["1703555010x"]);
    cover(
        "unaligned",
        "ten numbers, no two of which share a block",
        &[("17035550105", 10)],
        &[
            "17035550105",
            "17035550106",
            "17035550107",
            "17035550108",
            "17035550109",
            "17035550110",
            "17035550111",
            "17035550112",
            "17035550113",
            "17035550114",
        ],
    );
    cover(
        "touching",
        "two ranges that touch",
        &[("17035555000", 5_000), ("17035550000", 5_000)],
        &["1703555xxxx"],
    );
    cover(
        "overlapping",
        "two ranges that overlap",
        &[("17035550000", 6_000), ("17035554000", 6_000)],
        &["1703555xxxx"],
    );
    cover("inside", "a range in another", &[("17035550000", 10_000), ("17035550100", 100)], &["1703555xxxx"]);
    cover("same", "a range twice", &[("17035550100", 10), ("17035550100", 10)], &["1703555010x"]);
    cover(
        "apart",
        "a gap of one",
        &[("17035550100", 10), ("17035550111", 10)],
        &[
            "1703555010x",
            "17035550111",
            "17035550112",
            "17035550113",
            "17035550114",
            "17035550115",
            "17035550116",
            "17035550117",
            "17035550118",
            "17035550119",
            "17035550120",
        ],
    );
    cover(
        "lengths",
        "ranges of two lengths are never joined",
        &[("10000", 10_000), ("1000", 1_000)],
        &["1xxx", "1xxxx"],
    );
    cover(
        "last-of-length",
        "the last ten numbers of eleven digits",
        &[("99999999990", 10)],
        &["9999999999x"],
    );
    cover(
        "all-of-four",
        "a prefix has a digit at least",
        &[("1000", 9_000)],
        &["1xxx", "2xxx", "3xxx", "4xxx", "5xxx", "6xxx", "7xxx", "8xxx", "9xxx"],
    );
    cover(
        "order",
        "ordered by prefix, not by size",
        &[("17035550090", 110)],
        &["1703555009x", "170355501xx"],
    );
    let refused = |name: &str, error: &str, comment: &str, ranges: &[(String, u64)]| {
        bad(name, error, comment, json!({"kind": "cover", "ranges": ranges}))
    };
    let many: Vec<_> = (0..513u64).map(|i| ((17_030_000_000 + 1000 * i).to_string(), 10)).collect();
    let one = |first: &str, count: u64| [(first.to_owned(), count)];
    cases.push(refused("under-ten", "range-under-ten", "nine numbers", &one("17035550100", 9)));
    cases.push(refused("zero", "range-under-ten", "no number", &one("17035550100", 0)));
    cases.push(refused(
        "longer",
        "range-lengths-differ",
        "the last number has a digit more",
        &one("99999999990", 11),
    ));
    cases.push(refused(
        "huge",
        "range-lengths-differ",
        "2^53 - 1 numbers",
        &one("17035550100", (1 << 53) - 1),
    ));
    cases.push(refused("number", "bad-number", "the first number has a plus sign", &one("+17035550100", 10)));
    cases.push(refused("number-before-count", "bad-number", "the number is looked at first", &one("0", 9)));
    cases.push(refused("many", "too-many-blocks", "513 blocks", &many));
    cases.extend(block_texts());
    File::new(
        "blocks",
        "Ranges and the blocks that cover them (formats.md §8). Ranges are pairs of first number and count.",
        cases,
    )
}

fn block_texts() -> Vec<Value> {
    let covers = |name: &str, number: &str, yes: bool| {
        good(
            name,
            "does the block cover the number?",
            json!({"kind": "covers", "block": "1703555xxxx", "number": number, "covers": yes}),
        )
    };
    vec![
        covers("covers", "17035550123", true),
        covers("covers-not-prefix", "17035560123", false),
        covers("covers-not-short", "1703555012", false),
        covers("covers-not-long", "170355501234", false),
    ]
}

fn list(entries: &[TnEntry]) -> Vec<u8> {
    der::sequence(&entries.iter().map(TnEntry::to_der).collect::<Vec<_>>())
}

fn scope(name: &str, comment: &str, entries: &[TnEntry], kind: &str, names: &[&str]) -> Value {
    good(name, comment, json!({"kind": "scope", "der": hex(&list(entries)), "class": kind, "names": names}))
}

pub fn tnauthlist() -> File {
    let (spc, one) = (TnEntry::spc, TnEntry::one);
    let range = |count: i128| TnEntry::range("17035550100", count);
    let refused = |name: &str, error: &str, comment: &str, entries: &[TnEntry]| {
        bad(name, error, comment, json!({"kind": "scope", "der": hex(&list(entries))}))
    };
    let many_numbers: Vec<_> = (0..513).map(|n| one(&tnlog::synthetic::fictional_number(n))).collect();
    let many_codes: Vec<_> = (0..513).map(|n| spc(&format!("A{n}"))).collect();
    let mut cases = vec![
        scope("spc", "a service provider code", &[spc("706J")], "spcs", &["706J"]),
        scope(
            "spcs",
            "ordered by capitals, kept as written, one of equal ones",
            &[spc("b2"), spc("A1"), spc("a1"), spc("B1")],
            "spcs",
            &["A1", "B1", "b2"],
        ),
        scope("range", "a range", &[range(100)], "blocks", &["170355501xx"]),
        scope("number", "a number", &[one("17035550123")], "numbers", &["17035550123"]),
        scope(
            "numbers",
            "sorted, each once",
            &[one("17035550124"), one("12025550100"), one("17035550124")],
            "numbers",
            &["12025550100", "17035550124"],
        ),
        refused("mixed-spc-number", "mixed-kinds", "a code and a number", &[spc("706J"), one("17035550123")]),
        refused("mixed-spc-range", "mixed-kinds", "a code and a range", &[spc("706J"), range(10)]),
        refused(
            "mixed-range-number",
            "mixed-kinds",
            "a range and a number",
            &[range(10), one("17035550123")],
        ),
        refused("mixed-first", "mixed-kinds", "kinds are looked at first", &[spc("70-6J"), one("0")]),
        refused("spc-hyphen", "bad-service-provider-code", "a hyphen", &[spc("70-6J")]),
        refused("spc-empty", "bad-service-provider-code", "no character", &[spc("")]),
        refused("number-plus", "bad-number", "a plus sign", &[one("+17035550123")]),
        refused("number-hash", "bad-number", "a hash, which RFC 8226 allows", &[one("1703555012#")]),
        refused("number-empty", "bad-number", "no digit", &[one("")]),
        refused("range-nine", "range-under-ten", "nine numbers", &[range(9)]),
        refused(
            "range-longer",
            "range-lengths-differ",
            "the last number is longer",
            &[TnEntry::range("99999999990", 11)],
        ),
        refused("range-2-64", "range-lengths-differ", "2^64 - 1 numbers", &[range((1 << 64) - 1)]),
        refused("range-2-64-more", "range-lengths-differ", "2^64 numbers", &[range(1 << 64)]),
        refused("range-2-100", "range-lengths-differ", "2^100 numbers", &[range(1 << 100)]),
        refused("range-negative", "range-under-ten", "a negative count", &[range(-10)]),
        refused("range-zero", "range-under-ten", "no number", &[range(0)]),
        refused("many-numbers", "too-many-entries", "513 numbers", &many_numbers),
        refused("many-codes", "too-many-entries", "513 codes", &many_codes),
    ];
    cases.extend(unreadable());
    cases.extend(encompassing());
    File::new(
        "tnauthlist",
        "The content of the TNAuthList extension, and RFC 9060 encompassing (formats.md §10, §12).",
        cases,
    )
}

fn unreadable() -> Vec<Value> {
    let good = list(&[TnEntry::spc("706J")]);
    let entry = TnEntry::spc("706J").to_der();
    let range = |fields: &[Vec<u8>]| der::sequence(&[der::explicit(1, &der::sequence(fields))]);
    let start = der::ia5_string("17035550100");
    [
        ("empty-bytes", vec![], "no bytes"),
        ("no-entry", der::sequence(&[]), "no entry"),
        ("trailing", [&good[..], &[0]].concat(), "a byte follows"),
        ("cut", good[..good.len() - 1].to_vec(), "the last byte is missing"),
        ("long-length", [&[0x30, 0x81, good[1]], &good[2..]].concat(), "a length in two bytes"),
        ("set", [&[0x31], &good[1..]].concat(), "a SET"),
        ("implicit", der::sequence(&[der::implicit(0, b"706J")]), "an implicit tag"),
        ("untagged", der::sequence(&[der::ia5_string("706J")]), "no tag"),
        (
            "printable",
            der::sequence(&[der::explicit(0, &der::printable_string("706J"))]),
            "another string type",
        ),
        (
            "two-in-one",
            der::sequence(&[der::explicit(0, &[der::ia5_string("706J"), der::ia5_string("706J")].concat())]),
            "two strings in one entry",
        ),
        (
            "tag-3",
            der::sequence(&[der::explicit(3, &der::ia5_string("706J"))]),
            "a tag that RFC 8226 does not have",
        ),
        ("eighth-bit", der::sequence(&[der::explicit(0, &[0x16, 1, 0xc4])]), "a byte above 0x7f"),
        ("bare-entry", entry, "an entry without its list"),
        ("long-count", range(&[start.clone(), vec![2, 2, 0, 10]]), "a count with a zero byte before it"),
        ("no-count", range(std::slice::from_ref(&start)), "a range without a count"),
        ("third-field", range(&[start, der::integer(10), der::integer(1)]), "a third field"),
    ]
    .into_iter()
    .map(|(name, der, comment)| bad(name, "unreadable", comment, json!({"kind": "scope", "der": hex(&der)})))
    .collect()
}

fn encompassing() -> Vec<Value> {
    let spcs = |codes: &[&str]| list(&codes.iter().map(|code| TnEntry::spc(code)).collect::<Vec<_>>());
    let numbers =
        |digits: &[&str]| list(&digits.iter().map(|digits| TnEntry::one(digits)).collect::<Vec<_>>());
    let range = |start: &str, count| list(&[TnEntry::range(start, count)]);
    let hundred = range("17035550100", 100);
    [
        ("spcs-spc", spcs(&["706J", "A1"]), spcs(&["a1"]), true, "letters small or not"),
        ("spcs-other-spc", spcs(&["706J"]), spcs(&["706J", "A1"]), false, "one code more"),
        (
            "spcs-number",
            spcs(&["706J"]),
            numbers(&["17035550123"]),
            true,
            "a provider's numbers are not known",
        ),
        ("spcs-range", spcs(&["706J"]), hundred.clone(), true, "a provider's ranges are not known"),
        ("blocks-block", hundred.clone(), range("17035550120", 30), true, "within"),
        ("blocks-same", hundred.clone(), hundred.clone(), true, "the same"),
        ("blocks-larger", hundred.clone(), range("17035550100", 1000), false, "more"),
        (
            "blocks-shorter-block",
            range("17035550000", 10_000),
            range("1703555000", 1_000),
            false,
            "a block of numbers that are a digit shorter",
        ),
        (
            "blocks-longer-block",
            range("1703555000", 1_000),
            range("17035550000", 10_000),
            false,
            "a block of numbers that are a digit longer",
        ),
        ("blocks-number", hundred.clone(), numbers(&["17035550123"]), true, "within"),
        ("blocks-other-number", hundred.clone(), numbers(&["17035550200"]), false, "outside"),
        ("blocks-longer-number", hundred.clone(), numbers(&["170355501230"]), false, "a digit more"),
        ("blocks-spc", hundred.clone(), spcs(&["706J"]), false, "a code below blocks"),
        (
            "numbers-number",
            numbers(&["12025550100", "17035550123"]),
            numbers(&["17035550123"]),
            true,
            "one of them",
        ),
        ("numbers-other", numbers(&["12025550100"]), numbers(&["17035550123"]), false, "another"),
        ("numbers-block", numbers(&["17035550123"]), hundred, false, "a block below numbers"),
        ("numbers-spc", numbers(&["17035550123"]), spcs(&["706J"]), false, "a code below numbers"),
    ]
    .into_iter()
    .map(|(name, parent, child, yes, comment)| {
        let fields =
            json!({"kind": "encompasses", "parent": hex(&parent), "child": hex(&child), "encompasses": yes});
        good(&format!("encompasses-{name}"), comment, fields)
    })
    .collect()
}
