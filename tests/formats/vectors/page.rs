//! The examples of `docs/formats.md` are the bytes of the vectors, and its words are those of the code.

use std::collections::BTreeSet;

use super::file::{path, read, text};

fn page() -> String {
    std::fs::read_to_string(path("docs/formats.md")).unwrap()
}

#[test]
fn every_example_is_in_the_vectors() {
    let page = page();
    let mut examples = 0;
    for block in page.split("\n```").filter(|block| block.starts_with("hex ") || block.starts_with("text ")) {
        let (head, body) = block.split_once('\n').unwrap();
        let (kind, id) = head.split_once(' ').unwrap();
        let (name, rest) = id.split_once('/').unwrap();
        let mut steps = rest.split('.');
        let (file, case) = (read(name), steps.next().unwrap());
        let case = file["cases"]
            .as_array()
            .unwrap()
            .iter()
            .find(|c| c["name"] == case)
            .unwrap_or_else(|| panic!("{id}"));
        let value = steps.fold(case, |value, step| match step.parse::<usize>() {
            Ok(index) => &value[index],
            Err(_) => &value[step],
        });
        let shown = if kind == "hex" { body.replace('\n', "") } else { format!("{body}\n") };
        assert_eq!(shown, text(value), "{id}");
        examples += 1;
    }
    assert!(examples >= 25, "{examples} examples");
}

#[test]
fn every_error_of_the_vectors_is_explained() {
    let page = page();
    let mut words = BTreeSet::new();
    for file in std::fs::read_dir(path("testvectors")).unwrap() {
        let file = file.unwrap().path();
        if file.extension().is_some_and(|extension| extension == "json") {
            let file = read(file.file_stem().unwrap().to_str().unwrap());
            let errors = file["cases"].as_array().unwrap().iter().filter_map(|case| case["error"].as_str());
            words.extend(errors.map(str::to_owned));
        }
    }
    assert!(words.len() > 60, "{words:?}");
    for word in words {
        assert!(page.contains(&format!("`{word}`")), "{word} is not in the page");
    }
}

#[test]
fn every_slug_is_in_the_list_of_the_page() {
    let page = page();
    let rule = std::fs::read_to_string(path("src/rule.rs")).unwrap();
    let list = page.split("```text\nbad-number").nth(1).unwrap().split("```").next().unwrap();
    let listed: BTreeSet<_> = list.split_whitespace().chain(["bad-number"]).collect();
    let slug =
        |line: &str| line.split_once("=> \"").map(|(_, rest)| rest.split('"').next().unwrap().to_owned());
    let slugs: BTreeSet<_> = rule.lines().filter_map(slug).collect();
    assert_eq!(listed, slugs.iter().map(String::as_str).collect());
}

/// The table of §16 against `is_assigned`, and the vectors against both.
#[test]
fn the_calling_codes_of_the_page_are_those_of_the_code() {
    let page = page();
    let table = page.split("| digits | codes |").nth(1).unwrap().split("\n\n").next().unwrap();
    let mut codes = BTreeSet::new();
    for row in table.lines().filter(|row| row.starts_with("| one") || row.starts_with("| t")) {
        let cell = row.split('|').nth(2).unwrap().replace(',', " ").replace("all", "");
        for item in cell.split_whitespace() {
            let (first, last) = item.split_once('-').unwrap_or((item, item));
            codes.extend(first.parse::<u16>().unwrap()..=last.parse().unwrap());
        }
    }
    let assigned: BTreeSet<_> = (0..=999).filter(|code| tnlog::calling_code::is_assigned(*code)).collect();
    assert_eq!(codes, assigned);
    let file = read("numbers");
    let vectors = file["cases"].as_array().unwrap().iter().filter_map(|case| case["calling_code"].as_u64());
    assert_eq!(vectors.map(|code| code as u16).collect::<BTreeSet<_>>(), assigned);
}
