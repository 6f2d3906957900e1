//! The documents of the repository agree with the repository: links lead somewhere, and lists are
//! complete. The settings, the tour of the README and the clauses have tests of their own.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mapae::domain::audit::EventKind;
use mapae::domain::reason::Reason;
use mapae::domain::{audit_reference, error_reference};

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
        [".", ".github", "crates", "docs", "examples", "keys", "kit", "tests"]
            .map(|name| root().join(name))
            .into();
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
    for manifest in ["Cargo.toml", "migrations/Cargo.toml", "crates/mapae-verify/Cargo.toml"] {
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
    for ours in ["mapae-migrations", "mapae-verify"] {
        used.remove(ours);
    }
    let page = read("docs/dependencies.md");
    let cells = first_cells(&page, "## What each is for");
    let explained: BTreeSet<String> =
        cells.iter().filter(|cell| **cell != "crate").map(|cell| (*cell).to_owned()).collect();
    assert_eq!(explained, used, "docs/dependencies.md and Cargo.toml");
}

#[test]
fn the_reference_of_errors_in_docs_is_that_of_the_code() {
    let again = "cargo run -q -- explain > docs/errors.md";
    let page = read("docs/errors.md");
    assert!(
        page == error_reference::markdown(),
        "docs/errors.md is not what the code says. Make it again:\n  {again}"
    );
}

#[test]
fn the_kinds_of_audit_events_in_docs_are_those_of_the_code() {
    let again = "cargo run -q -- audit kinds > docs/audit.md";
    let page = read("docs/audit.md");
    assert!(
        page == audit_reference::markdown(),
        "docs/audit.md is not what the code says. Make it again:\n  {again}"
    );
}

#[test]
fn every_kind_of_audit_event_is_written_somewhere_in_the_source() {
    let mut all = String::new();
    for path in sources(&root().join("src")) {
        if !path.ends_with("domain/audit_reference.rs") {
            let source = fs::read_to_string(path).expect("a source");
            all.push_str(source.split("#[cfg(test)]").next().unwrap_or_default());
        }
    }
    let named = all.split("EventKind::").skip(1);
    let named: BTreeSet<&str> =
        named.filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric()).next()).collect();
    for kind in EventKind::ALL {
        assert!(named.contains(&*format!("{kind:?}")), "nothing writes {}", kind.as_str());
    }
}

#[test]
fn every_reason_of_a_refusal_is_given_somewhere_in_the_source() {
    let declared = read("src/domain/reason.rs");
    let mut all = String::new();
    for path in sources(&root().join("src")) {
        if !path.ends_with("domain/reason.rs") {
            let source = fs::read_to_string(path).expect("a source");
            all.push_str(source.split("#[cfg(test)]").next().unwrap_or_default());
        }
    }
    let words: BTreeSet<&str> = all.split(|c: char| !c.is_alphanumeric()).collect();
    // This one stands for all that a client is not told.
    let stand_in = Reason::ClientAuthenticationFailed;
    for reason in Reason::ALL.iter().filter(|reason| **reason != stand_in) {
        let variant = format!("{reason:?}");
        assert!(declared.contains(&format!("{variant} = \"{reason}\"")), "{reason}");
        assert!(
            all.contains(&format!("Reason::{variant}")) || words.contains(&*variant),
            "nothing refuses for {reason}"
        );
    }
}

#[test]
fn no_refusal_is_written_to_the_log_without_a_reason() {
    for path in sources(&root().join("src")) {
        let source = fs::read_to_string(&path).expect("a source");
        for (at, _) in source.match_indices("\"refused a ") {
            let (_, line) = source[..at].rsplit_once("tracing::").expect("a line of the log");
            assert!(line.contains("%reason") || line.contains("%error"), "{line}");
        }
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

#[test]
fn every_proof_that_the_threat_model_names_exists() {
    let page = read("docs/threat-model.md");
    let cases = read("docs/cases.md");
    let mut all = String::new();
    for folder in ["src", "tests/it"] {
        for path in sources(&root().join(folder)) {
            all.push_str(&fs::read_to_string(path).expect("a source"));
        }
    }
    let of_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let words = page.split('`').skip(1).step_by(2).filter(|word| word.chars().all(of_name));
    let (mut tests, mut numbers) = (0, 0);
    for word in words {
        if word.len() > 20 {
            assert!(all.contains(&format!("fn {word}")), "there is no test {word}");
            tests += 1;
        } else if word.len() == 4 && word.chars().skip(1).all(|c| c.is_ascii_digit()) {
            assert!(cases.contains(&format!("| {word} |")), "there is no case {word}");
            numbers += 1;
        }
    }
    assert!(tests > 5 && numbers > 20, "{tests} tests and {numbers} cases were found");
}

#[test]
fn every_fault_that_can_be_made_stands_on_the_page_of_results() {
    let (page, source) = (read("docs/reliability.md"), read("tests/faults/main.rs"));
    let (_, list) = source.split_once("\nfaults! {").expect("the list");
    let (list, _) = list.split_once("\n}").expect("its end");
    let names = list.lines().filter_map(|line| line.strip_prefix("    \"")?.split('"').next());
    let names: BTreeSet<&str> = names.collect();
    assert!(names.len() > 10, "{names:?}");
    let commands =
        page.split("`cargo xtask faults ").skip(1).filter_map(|rest| rest.split('`').next());
    let commands: BTreeSet<&str> = commands.filter_map(|all| all.split(' ').next()).collect();
    let unknown: Vec<_> = commands.difference(&names).filter(|name| **name != "NAME").collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let missing: Vec<_> = names.difference(&commands).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_mutant_stands_where_the_page_says_and_is_found_by_a_test_that_exists() {
    let page = read("docs/mutations.md");
    let mut all = String::new();
    for folder in ["src", "tests/it"] {
        for path in sources(&root().join(folder)) {
            all.push_str(&fs::read_to_string(path).expect("a source"));
        }
    }
    let mut found = 0;
    for row in page.lines().filter(|line| line.starts_with("| `src/")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [place, _, outcome] = cells[..] else { panic!("three cells: {row}") };
        let named: Vec<&str> = place.split('`').skip(1).step_by(2).collect();
        let [file, function] = named[..] else { panic!("a file and a function: {row}") };
        let name = function.rsplit("::").next().unwrap_or(function);
        assert!(read(file).contains(&format!("fn {name}")), "{file} has no {name}");
        if outcome.starts_with('`') {
            for test in outcome.split('`').skip(1).step_by(2) {
                assert!(all.contains(&format!("fn {test}(")), "there is no test {test}");
            }
            found += 1;
        } else {
            assert!(outcome.starts_with("None: "), "no test, and no reason: {row}");
        }
    }
    assert!(found > 100, "{found} mutants");
    let settings = read(".cargo/mutants.toml");
    let files =
        settings.lines().filter_map(|line| line.strip_prefix("    \"src/")?.split('"').next());
    let files: Vec<&str> = files.collect();
    assert!(files.len() > 5 && files.iter().all(|file| root().join("src").join(file).exists()));
}
