//! The examples of the page: each fenced block `hex file/case.field` or `text file/case.field` holds that field.

use serde_json::Value;

use crate::case::File;

/// The page with every example filled in.
pub fn filled(page: &str, files: &[File]) -> String {
    let mut out = String::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        out += &format!("{line}\n");
        let Some((kind, id)) = line.strip_prefix("```").and_then(|fence| fence.split_once(' ')) else {
            continue;
        };
        let value = lookup(files, id);
        out += &if kind == "hex" { wrapped(value) } else { value.to_owned() };
        lines.find(|line| *line == "```").expect("a fence is closed");
        out += "```\n";
    }
    out
}

fn lookup<'a>(files: &'a [File], id: &str) -> &'a str {
    let (file, path) = id.split_once('/').expect("an id is file/case.field");
    let mut path = path.split('.');
    let file = files.iter().find(|f| f.name == file).unwrap_or_else(|| panic!("no file {file}"));
    let case = file.case(path.next().expect("a case"));
    let value = path.fold(case, |value, step| match step.parse::<usize>() {
        Ok(index) => &value[index],
        Err(_) => &value[step],
    });
    value.as_str().unwrap_or_else(|| panic!("{id} is no string: {}", Value::to_string(value)))
}

fn wrapped(hex: &str) -> String {
    let digits: Vec<char> = hex.chars().collect();
    digits.chunks(64).map(|line| line.iter().collect::<String>() + "\n").collect()
}
