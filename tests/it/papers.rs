//! The documents of the repository agree with the repository: links lead somewhere, and lists are
//! complete. The settings, the tour of the README and the clauses have tests of their own.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mapae::oauth::error::ErrorCode;

use crate::architecture::sources;
use crate::clauses::root;

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every page in Markdown that people read.
fn pages() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> =
        [".", ".github", "docs", "examples", "keys", "tests"].map(|name| root().join(name)).into();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let is_ours = folder != root().join(".") && !path.ends_with("node_modules");
            if path.is_dir() && is_ours {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found
}

/// The name by which a heading is linked to.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The lines of a page that are no code.
fn prose(page: &str) -> impl Iterator<Item = &str> {
    page.split("```").step_by(2).flat_map(str::lines)
}

fn anchors(page: &str) -> BTreeSet<String> {
    let headings = prose(page).filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#'))).collect()
}

/// The targets of the links of a page.
fn links(page: &str) -> Vec<&str> {
    let after = prose(page).flat_map(|line| line.split("](").skip(1));
    after.filter_map(|rest| rest.split_once(')')).map(|(target, _)| target).collect()
}

#[test]
fn every_link_between_the_papers_leads_somewhere() {
    let mut broken = Vec::new();
    let mut followed = 0;
    for path in pages() {
        let page = fs::read_to_string(&path).expect("a page");
        for link in links(&page) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, name) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => path.clone(),
                file => path.parent().expect("a folder").join(file),
            };
            let leads = name.is_empty()
                || fs::read_to_string(&target).is_ok_and(|page| anchors(&page).contains(name));
            if !target.exists() || !leads {
                broken.push(format!("{}: {link}", path.display()));
            }
            followed += 1;
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(followed > 50, "{followed} links were found");
}

/// The first cells of the rows of all tables below a heading, without the marks of code.
fn first_cells<'a>(page: &'a str, heading: &str) -> Vec<&'a str> {
    let (_, rest) = page.split_once(heading).expect("the heading");
    let rows = rest.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" |"));
    rows.map(|(cell, _)| cell.trim_matches('`')).collect()
}

#[test]
fn every_dependency_has_its_reason() {
    let mut used = BTreeSet::new();
    for manifest in ["Cargo.toml", "migrations/Cargo.toml"] {
        let text = read(manifest);
        let mut is_list = false;
        for line in text.lines() {
            if line.starts_with('[') {
                is_list = line.ends_with("dependencies]");
            }
            let name = line.split_once(['=', '.']).map(|(name, _)| name.trim());
            let is_entry = is_list && !line.starts_with(['#', '[']);
            used.extend(name.filter(|_| is_entry).map(str::to_owned));
        }
    }
    used.remove("mapae-migrations");
    let page = read("docs/dependencies.md");
    let cells = first_cells(&page, "## What each is for");
    let explained: BTreeSet<String> =
        cells.iter().filter(|cell| **cell != "crate").map(|cell| (*cell).to_owned()).collect();
    assert_eq!(explained, used, "docs/dependencies.md and Cargo.toml");
}

#[test]
fn every_error_code_stands_in_the_list_with_its_status() {
    let page = read("docs/errors.md");
    let (_, table) = page.split_once("## Codes").expect("the table");
    let (table, _) = table.split_once("\n## ").expect("its end");
    for code in ErrorCode::ALL {
        let (error, status) = (code.as_str(), code.status().to_string());
        let start = format!("| `{error}` | ");
        let row = table.lines().find(|line| line.starts_with(&start));
        let row = row.unwrap_or_else(|| panic!("docs/errors.md has no row for {error}"));
        let said = row.split(" | ").nth(1).expect("a status");
        assert!(said.split(" or ").any(|one| one == status), "{error}: {status}, not {said}");
    }
    let known: BTreeSet<&str> = ErrorCode::ALL.map(ErrorCode::as_str).into();
    let listed = first_cells(table, "");
    for error in listed.iter().filter(|cell| !["error", "---"].contains(cell)) {
        assert!(known.contains(error), "there is no error `{error}`");
    }
}

/// What stands before the reason of a refusal in the sources, and where it ends.
const REFUSING: &[(&str, char)] = &[
    ("invalid_request(", ')'),
    ("invalid_grant(", ')'),
    ("invalid_scope(", ')'),
    ("required(", ')'),
    ("because(", ')'),
    ("Refusal::new(", ')'),
    ("refuse(", ')'),
    ("no_client(", ')'),
    ("BadLogout(", ')'),
    ("let description = ", ';'),
    ("let why = ", ';'),
];

/// The reasons in a source, but for its unit tests.
fn reasons(source: &str) -> BTreeSet<String> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let mut found = BTreeSet::new();
    for (opening, end) in REFUSING {
        for rest in code.split(opening).skip(1) {
            let whole = |text: &String| text.contains(' ') && !text.contains('{');
            found.extend(texts(rest, *end).filter(whole));
        }
    }
    found
}

/// The texts up to this end, outside of texts and brackets that were opened since.
fn texts(rest: &str, end: char) -> impl Iterator<Item = String> {
    let mut found = Vec::new();
    let mut depth = 0;
    for (at, part) in rest.split('"').enumerate() {
        if at % 2 == 1 {
            found.push(part);
            continue;
        }
        for c in part.chars() {
            if c == end && depth == 0 {
                return found.into_iter().map(in_one_line).collect::<Vec<_>>().into_iter();
            }
            match c {
                '(' | '{' | '[' => depth += 1,
                ')' | '}' | ']' => depth -= 1,
                _ => {}
            }
        }
    }
    panic!("a refusal has no end");
}

/// A text that goes over several lines.
fn in_one_line(text: &str) -> String {
    let mut lines = text.split("\\\n");
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |text, line| text + line.trim_start())
}

#[test]
fn every_reason_of_a_refusal_stands_in_the_list_and_no_other_does() {
    let page = read("docs/errors.md");
    let listed: BTreeSet<&str> = first_cells(&page, "\n## Client authentication")
        .into_iter()
        .filter(|cell| !["reason", "---"].contains(cell))
        .collect();
    let mut all = String::new();
    let mut given = BTreeSet::new();
    for folder in ["src/domain", "src/oauth", "src/flows", "src/web"] {
        for path in sources(&root().join(folder)) {
            let source = fs::read_to_string(path).expect("a source");
            if folder != "src/domain" {
                given.extend(reasons(&source));
            }
            all.push_str(&source.split('"').map(in_one_line).collect::<Vec<_>>().join("\""));
        }
    }
    let missing: Vec<_> = given.iter().filter(|one| !listed.contains(one.as_str())).collect();
    assert!(missing.is_empty(), "docs/errors.md does not say what to do about {missing:#?}");
    let gone: Vec<_> =
        listed.iter().filter(|reason| !all.contains(&format!("\"{reason}\""))).collect();
    assert!(gone.is_empty(), "nothing in src refuses for {gone:#?}");
    assert!(given.len() > 60, "{} reasons were found", given.len());
}

#[test]
fn reasons_are_found_however_they_are_written() {
    for (source, found) in [
        (r#"Err(invalid_grant("it has ended").into())"#, vec!["it has ended"]),
        (r#"x.because(reason).with("no reason")"#, vec![]),
        (r#"Refusal::new(E::X, match x { Some(_) => "a b", None => "c d" })"#, vec!["a b", "c d"]),
        ("let why = \"one (of \\\n   two\";", vec!["one (of two"]),
        ("fn f() {} #[cfg(test)] mod t { invalid_grant(\"a b\") }", vec![]),
        (r#"required(form, "code", "code is missing")?"#, vec!["code is missing"]),
    ] {
        let found: BTreeSet<String> = found.into_iter().map(str::to_owned).collect();
        assert_eq!(reasons(source), found, "{source}");
    }
}

#[test]
fn every_decision_stands_in_the_index_and_has_its_parts() {
    let index = read("docs/decisions/README.md");
    let mut count = 0;
    for entry in fs::read_dir(root().join("docs/decisions")).expect("the folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        if name == "README.md" {
            continue;
        }
        count += 1;
        assert!(index.contains(&format!("]({name})")), "{name} is not in the index");
        let page = fs::read_to_string(&path).expect("a decision");
        for part in ["Date: ", "## Context", "## Alternatives", "## Decision", "## Consequences"] {
            assert!(page.lines().any(|line| line.starts_with(part)), "{name} has no `{part}`");
        }
    }
    assert_eq!(links(&index).iter().filter(|link| link.starts_with("00")).count(), count);
}
