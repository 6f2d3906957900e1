//! `docs/clauses.md` and `docs/cases.md` agree with the clauses that the code and the names of the
//! tests cite. It is checked in the sources.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::architecture::sources;

/// How a standard is cited beside `RFC 1234`, and its name in the list. The longer one first.
const NAMES: &[(&str, &str)] = &[
    ("Core", "Core"),
    ("Discovery", "Discovery"),
    ("RP-Initiated Logout", "RP-Initiated Logout"),
    ("Back-Channel Logout", "Back-Channel Logout"),
    ("Multiple Response Types", "Multiple Response Types"),
    ("JARM", "JARM"),
    ("Form Post Response Mode", "Form Post Response Mode"),
    ("Form Post", "Form Post Response Mode"),
    ("Web Authentication", "Web Authentication"),
    ("OAuth 2.0 for First-Party Applications", "First-Party Applications"),
    ("Initiating User Registration via OpenID Connect 1.0", "Initiating User Registration"),
    ("FAPI 2.0 Message Signing", "FAPI 2.0 Message Signing"),
    ("FAPI 2.0", "FAPI 2.0"),
    ("ID-JAG", "ID-JAG"),
    ("Token Status List", "Token Status List"),
];

/// How the name of a test cites one.
const PREFIXES: &[(&str, &str)] = &[
    ("core_", "Core"),
    ("discovery_", "Discovery"),
    ("rp_initiated_logout_", "RP-Initiated Logout"),
    ("back_channel_logout_", "Back-Channel Logout"),
    ("multiple_response_types_", "Multiple Response Types"),
    ("jarm_", "JARM"),
    ("webauthn_", "Web Authentication"),
    ("registration_", "Initiating User Registration"),
    ("fapi2_ms_", "FAPI 2.0 Message Signing"),
    ("fapi2_", "FAPI 2.0"),
    ("id_jag_", "ID-JAG"),
    ("status_list_", "Token Status List"),
];

/// The folder of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A standard and a section of it: `("RFC 6749", "4.1.2")`.
type Clause = (String, String);

/// A row of the list.
struct Row {
    clause: Clause,
    tests: Vec<String>,
    is_exception: bool,
    is_cited: bool,
}

fn rows() -> Vec<Row> {
    let page = fs::read_to_string(root().join("docs/clauses.md")).expect("the list");
    let mut standard = "";
    let mut rows = Vec::new();
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            standard = heading;
        }
        let Some(row) = line.strip_prefix("| §") else { continue };
        let cells: Vec<&str> = row.trim_end_matches(" |").split(" | ").collect();
        let [section, _, proof] = cells[..] else { panic!("a row has three cells: {line}") };
        let is_exception = proof.starts_with("exception: ");
        // In the words of an exception are names of parameters and errors, too.
        let is_test = |name: &&str| !is_exception || name.matches('_').count() > 3;
        let tests = proof.split('`').skip(1).step_by(2).filter(is_test);
        rows.push(Row {
            clause: (standard.to_owned(), section.to_owned()),
            tests: tests.map(str::to_owned).collect(),
            is_exception,
            is_cited: proof == "cited in the code",
        });
    }
    rows
}

/// The text of a source in one line, without the marks of comments: a citation may go over two lines.
fn in_one_line(source: &str) -> String {
    let lines = source.lines().map(|line| {
        let line = line.trim_start();
        let comment = ["///", "//!", "//"].iter().find_map(|mark| line.strip_prefix(mark));
        comment.unwrap_or(line).trim()
    });
    lines.collect::<Vec<_>>().join(" ")
}

/// The clauses that a source cites: `RFC 6749 §4.1.2.1 and §5.2` are two.
fn cited(source: &str) -> BTreeSet<Clause> {
    let text = in_one_line(source);
    let mut found = BTreeSet::new();
    let mut last: Option<(String, usize)> = None;
    for (at, mark) in text.match_indices('§') {
        let rest = &text[at + mark.len()..];
        let length = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let section = rest[..length].trim_end_matches('.');
        let again = last.as_ref().filter(|(_, end)| {
            [", ", " and ", ", and "].contains(&text.get(*end..at).unwrap_or_default())
        });
        let standard = standard(text[..at].trim_end()).or_else(|| Some(again?.0.clone()));
        let Some(standard) = standard.filter(|_| !section.is_empty()) else { continue };
        last = Some((standard.clone(), at + mark.len() + section.len()));
        found.insert((standard, section.to_owned()));
    }
    found
}

/// The standard at the end of a text.
fn standard(before: &str) -> Option<String> {
    let digits = before.len().checked_sub(4).and_then(|at| before.get(at..));
    if let Some(digits) = digits.filter(|four| four.bytes().all(|byte| byte.is_ascii_digit())) {
        return before.ends_with(&format!("RFC {digits}")).then(|| format!("RFC {digits}"));
    }
    let (_, name) = NAMES.iter().find(|(written, _)| before.ends_with(written))?;
    Some((*name).to_owned())
}

/// The names of the functions of a source.
fn functions(source: &str) -> impl Iterator<Item = &str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    source.split("fn ").skip(1).filter_map(move |rest| {
        let length = rest.find(|c: char| !is_name(c))?;
        rest[length..].starts_with('(').then_some(&rest[..length])
    })
}

/// The numbers at the beginning of a name, and what follows: `s116_s117_x` has two.
fn numbers(name: &str) -> (Vec<&str>, &str) {
    let mut found = Vec::new();
    let mut rest = name;
    while let Some((first, more)) = rest.split_once('_') {
        let digits = first.strip_prefix(['s', 'r']).unwrap_or_default();
        if !(2..=3).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            break;
        }
        found.push(first);
        rest = more;
    }
    (found, rest)
}

/// The clauses in the name of a test: `rfc7636_4_5_rfc6749_2_3_1_a_code` has two.
fn named(name: &str) -> Vec<Clause> {
    let mut found = Vec::new();
    let mut rest = numbers(name).1;
    loop {
        let rfc = rest.strip_prefix("rfc").and_then(|rest| rest.split_once('_'));
        let (standard, sections) = match rfc {
            Some((number, after)) => (format!("RFC {number}"), after),
            None => match PREFIXES
                .iter()
                .find_map(|(prefix, name)| Some(((*name).to_owned(), rest.strip_prefix(prefix)?)))
            {
                Some(named) => named,
                None => return found,
            },
        };
        let is_number = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
        let section: Vec<&str> = sections.split('_').take_while(is_number).collect();
        if section.is_empty() {
            return found;
        }
        let section = section.join("_");
        rest = sections[section.len()..].trim_start_matches('_');
        found.push((standard, section.replace('_', ".")));
    }
}

struct Code {
    tests: BTreeSet<String>,
    cited: BTreeSet<Clause>,
}

fn code() -> Code {
    let mut code = Code { tests: BTreeSet::new(), cited: BTreeSet::new() };
    for folder in ["src", "migrations/src", "tests/it"] {
        for path in sources(&root().join(folder)) {
            let source = fs::read_to_string(path).expect("a source");
            code.tests.extend(functions(&source).map(str::to_owned));
            if folder != "tests/it" {
                code.cited.extend(cited(&source));
            }
        }
    }
    code
}

#[test]
fn every_clause_that_is_cited_stands_in_the_list() {
    let code = code();
    let listed: BTreeSet<Clause> = rows().into_iter().map(|row| row.clause).collect();
    let of_names = code.tests.iter().flat_map(|name| named(name));
    let cited: BTreeSet<Clause> = code.cited.iter().cloned().chain(of_names).collect();
    let missing: Vec<_> = cited.difference(&listed).collect();
    assert!(missing.is_empty(), "docs/clauses.md has no row for {missing:#?}");
}

#[test]
fn every_clause_of_the_list_has_a_proof_or_an_exception() {
    let code = code();
    let mut seen = BTreeSet::new();
    for row in rows() {
        let clause = format!("{} §{}", row.clause.0, row.clause.1);
        for name in &row.tests {
            assert!(code.tests.contains(name), "{clause}: there is no test `{name}`");
        }
        let cited = code.cited.contains(&row.clause);
        assert!(!row.is_cited || cited, "{clause} is not cited in src");
        assert!(row.is_exception || row.is_cited || !row.tests.is_empty(), "{clause}: no proof");
        assert!(seen.insert(row.clause), "{clause} stands there twice");
    }
    assert!(seen.len() > 150, "{} rows were read", seen.len());
}

#[test]
fn every_number_in_the_name_of_a_test_is_a_case() {
    let page = fs::read_to_string(root().join("docs/cases.md")).expect("the list");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    let listed: BTreeSet<&str> =
        rows.map(|(number, _)| number).filter(|word| word.len() < 5).collect();
    let tests = code().tests;
    let used: BTreeSet<&str> = tests.iter().flat_map(|name| numbers(name).0).collect();
    assert_eq!(listed, used, "docs/cases.md and the names of the tests");
}

#[test]
fn citations_are_found_however_they_are_written() {
    let clause = |standard: &str, section: &str| (standard.to_owned(), section.to_owned());
    for (source, found) in [
        ("// RFC 6749 §5.2.", vec![clause("RFC 6749", "5.2")]),
        ("/// It is so (RFC\n    /// 7523 §2.1).", vec![clause("RFC 7523", "2.1")]),
        ("//! OpenID Connect Core\n//! §2, §12", vec![clause("Core", "12"), clause("Core", "2")]),
        ("// RFC 6749 §5.2 and\n// §3", vec![clause("RFC 6749", "3"), clause("RFC 6749", "5.2")]),
        ("// Form Post §2", vec![clause("Form Post Response Mode", "2")]),
        ("// RFC 7009, and §3.1 of it", vec![]),
        ("// FAPI 2.0 §5.3.2.1", vec![clause("FAPI 2.0", "5.3.2.1")]),
        ("// Draft 2.0 §5.3.2.1", vec![]),
        ("/// Token Status List §8.3: so", vec![clause("Token Status List", "8.3")]),
    ] {
        assert_eq!(cited(source), BTreeSet::from_iter(found), "{source}");
    }
    for (name, found) in [
        ("rfc9068_2_an_access_token", vec![clause("RFC 9068", "2")]),
        ("s119_rfc9207_2_4_the_code", vec![clause("RFC 9207", "2.4")]),
        ("rfc7636_4_3_core_3_1_2_1_x", vec![clause("RFC 7636", "4.3"), clause("Core", "3.1.2.1")]),
        ("status_list_4_1_the_bits", vec![clause("Token Status List", "4.1")]),
        ("status_list_reader", vec![]),
        ("rfc7636_appendix_b", vec![]),
        ("core_concepts", vec![]),
    ] {
        assert_eq!(named(name), found, "{name}");
    }
    assert_eq!(numbers("s116_s117_lies").0, ["s116", "s117"]);
    assert!(numbers("s1_is_short").0.is_empty() && numbers("static_is_never_spent").0.is_empty());
}
