//! docs/security.md names tests that exist.

use std::fs;
use std::path::Path;

const PAGE: &str = include_str!("../../docs/security.md");

/// Whether a function of this name stands right below the attribute of a test, comments aside.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let is_it = |line: &str| {
        let line = line.strip_prefix("async ").unwrap_or(line);
        line.strip_prefix("fn ")
            .and_then(|line| line.strip_prefix(name))
            .is_some_and(|rest| rest.starts_with("()"))
    };
    let is_test = |line: &str| line == "#[test]" || line.starts_with("#[tokio::test");
    lines.windows(2).any(|pair| is_test(pair[0]) && is_it(pair[1]))
}

#[test]
fn every_test_that_the_page_names_exists() {
    let named: Vec<_> =
        PAGE.split('`').skip(1).step_by(2).filter_map(|span| span.split_once(".rs::")).collect();
    assert!(named.len() > 30, "{} tests are named", named.len());
    for (file, name) in named {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("{file}.rs"));
        let source = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}.rs: {error}"));
        assert!(has_test(&source, name), "{file}.rs has no test {name}");
    }
}

#[test]
fn every_attack_of_the_page_has_a_test() {
    let tables = PAGE.split("\n\n").filter(|part| part.starts_with("| "));
    let tested = tables.filter(|table| table.lines().next().unwrap().ends_with("| test |"));
    let rows: Vec<_> = tested.flat_map(|table| table.lines().skip(2)).collect();
    assert!(rows.len() > 90, "{} rows", rows.len());
    for row in rows {
        let last = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        assert!(last.contains(".rs::"), "{row}");
    }
    assert!(!has_test("fn helper() {}\n#[test]\nfn other() {}", "helper"));
    assert!(has_test("#[tokio::test]\nasync fn one() {}", "one"));
}
