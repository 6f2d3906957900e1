//! The reference and the schema of the settings agree with the declarations, and the documents name
//! only settings that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mapae::app::config;
use mapae::domain::audit::EventKind;
use mapae::settings::declared::Declared;
use mapae::settings::value_type::ValueType;
use serde_json::Value;

/// Makes both files again.
const REWRITE: &str = "cargo run -q -- config reference > docs/settings.md && cargo run -q -- config schema > docs/settings.schema.json";

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// README and everything in `docs`.
fn pages() -> Vec<PathBuf> {
    let mut found = vec![folder().join("README.md")];
    let mut folders = vec![folder().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn the_reference_and_the_schema_in_docs_are_those_of_the_code() {
    let again = format!("is not what the code says. Make it again:\n  {REWRITE}");
    assert!(page("docs/settings.md") == config::reference(), "docs/settings.md {again}");
    // The order of keys depends on how serde_json was built.
    let schema: Value = serde_json::from_str(&page("docs/settings.schema.json")).expect("JSON");
    assert!(schema == config::schema(), "docs/settings.schema.json {again}");
}

/// The schema of a setting, found by its path.
fn at<'a>(schema: &'a Value, path: &str) -> &'a Value {
    let mut found = schema;
    for name in path.split('.') {
        assert_eq!(found["additionalProperties"], false, "{path}");
        found = &found["properties"][name];
    }
    assert!(found.is_object(), "{path}");
    found
}

/// The paths of everything in a schema that is no table.
fn leaves(schema: &Value, prefix: &str, found: &mut BTreeSet<String>) {
    for (name, inner) in schema["properties"].as_object().expect("properties") {
        let path = format!("{prefix}{name}");
        if inner["properties"].is_object() {
            leaves(inner, &format!("{path}."), found);
        } else {
            found.insert(path);
        }
    }
}

#[test]
fn the_schema_has_every_setting_with_its_default_and_nothing_else() {
    let (schema, declared) = (config::schema(), config::declared());
    let mut found = BTreeSet::new();
    leaves(&schema, "", &mut found);
    let mut expected: BTreeSet<String> = declared.iter().map(|one| one.path.to_owned()).collect();
    expected.extend(["social", "terms"].map(str::to_owned));
    let aliases = declared.iter().flat_map(|one| one.aliases);
    expected.extend(aliases.map(|alias| (*alias).to_owned()));
    assert_eq!(found, expected);
    for Declared { path, form, default, .. } in &declared {
        let of = at(&schema, path);
        assert!(of["description"].as_str().is_some_and(|words| !words.is_empty()), "{path}");
        match (form, &of["default"]) {
            (ValueType::Whole(..) | ValueType::OneOfNumbers(_), Value::Number(_))
            | (ValueType::Flag, Value::Bool(_)) => {}
            // It depends on the machine.
            (ValueType::Whole(..), Value::Null) => assert_eq!(*path, "hashing.threads"),
            (_, Value::Null) => assert_eq!(*default, None, "{path}"),
            (_, text) => assert_eq!(text.as_str(), default.as_deref(), "{path}"),
        }
    }
}

#[test]
fn every_default_is_a_value_that_the_parser_takes() {
    for Declared { path, default, .. } in config::declared() {
        let Some(default) = default.filter(|default| !default.contains(' ')) else { continue };
        let loaded = config::load(None, [], &[(path, default.clone())]);
        assert!(loaded.settings.is_ok(), "{path} = {default}: {:?}", loaded.settings);
    }
}

#[test]
fn every_setting_says_what_it_is_and_no_two_share_a_name() {
    let declared = config::declared();
    let mut names = BTreeSet::new();
    for Declared { path, aliases, env, words, section, .. } in &declared {
        assert!(words.len() > 10 && words.ends_with('.') && !section.is_empty(), "{path}: {words}");
        assert!(names.insert(env.clone()), "{path}: another setting has {env}");
        // An alias may have the same name in the environment as its own setting.
        for alias in aliases.iter().map(|alias| mapae::settings::declared::env(alias)) {
            assert!(alias == *env || names.insert(alias.clone()), "{alias}");
        }
    }
}

/// What a page says in code: between backticks, outside of blocks.
fn code(page: &str) -> Vec<&str> {
    let text = page.split("```").step_by(2);
    text.flat_map(|text| text.split('`').skip(1).step_by(2)).collect()
}

/// The blocks of a page in TOML.
fn toml_blocks(page: &str) -> impl Iterator<Item = &str> {
    let blocks = page.split("```").skip(1).step_by(2);
    blocks.filter_map(|block| block.strip_prefix("toml\n"))
}

/// What a page names that is no setting. A kind of audit event looks like one.
fn unknown(page: &str, declared: &[Declared]) -> Vec<String> {
    let paths: Vec<&str> = declared.iter().map(|one| one.path).collect();
    let tables: BTreeSet<&str> =
        paths.iter().filter_map(|path| path.split_once('.')).map(|(table, _)| table).collect();
    let is_known = |path: &str| {
        let inner = format!("{path}.");
        paths.iter().any(|known| *known == path || known.starts_with(&inner))
    };
    let is_event = |path: &str| EventKind::ALL.iter().any(|kind| kind.as_str() == path);
    let mut found = Vec::new();
    for code in code(page) {
        let path = code.split([' ', '=']).next().unwrap_or_default();
        let is_path = path.split('.').count() > 1
            && path.chars().all(|c| c.is_ascii_lowercase() || "._".contains(c))
            && path.split('.').next().is_some_and(|table| tables.contains(table));
        if is_path && !is_known(path) && !is_event(path) {
            found.push(path.to_owned());
        }
    }
    let of_env = |c: char| !(c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit());
    for name in page.split(of_env).filter(|word| word.starts_with("MAPAE_")) {
        let is_ours = declared.iter().any(|one| one.env == name);
        let is_other = ["MAPAE_", "MAPAE_CONFIG"].contains(&name)
            || ["MAPAE_TEST_", "MAPAE_BENCH_"].iter().any(|start| name.starts_with(start));
        if !is_ours && !is_other {
            found.push(name.to_owned());
        }
    }
    for block in toml_blocks(page) {
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), block).expect("written");
        let problems = config::load(Some(file.path()), [], &[]).settings.err().unwrap_or_default();
        let unknown = problems.iter().filter(|one| {
            // A key of a table is told by serde.
            one.problem.starts_with("is not a setting") || one.problem.contains("unknown field")
        });
        found.extend(unknown.map(|one| format!("{} {}", one.key, one.problem)));
    }
    found
}

#[test]
fn every_setting_that_the_pages_name_exists() {
    let declared = config::declared();
    let mut named = 0;
    for path in pages() {
        let page = fs::read_to_string(&path).expect("a page");
        named += toml_blocks(&page).count();
        assert_eq!(unknown(&page, &declared), [""; 0], "{}", path.display());
    }
    assert!(named > 5, "the pages have settings in TOML");
}

#[test]
fn a_setting_that_a_page_names_and_nobody_declared_is_found() {
    let declared = config::declared();
    for (page, wrong) in [
        ("see `token.acces_lifetime`", "token.acces_lifetime"),
        ("see `database.wait = 1`, `database.weight = 1`", "database.weight"),
        ("set MAPAE_ISUER", "MAPAE_ISUER"),
        (
            "```toml\n[token]\nacces_lifetime = 1\n```",
            "token.acces_lifetime is not a setting: did you mean token.access_lifetime?",
        ),
    ] {
        assert_eq!(unknown(page, &declared), [wrong], "{page}");
    }
    let social = "```toml\n[[social]]\nslugg = \"x\"\n```";
    assert!(unknown(social, &declared)[0].contains("unknown field"));
    let good = "`token.access_lifetime`, `throttle.account`, `session.kept`, `logout_notice.given_up`, `MAPAE_ISSUER`";
    assert_eq!(unknown(good, &declared), [""; 0]);
}
