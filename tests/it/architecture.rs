//! The import law: which room may import which other rooms, and which rooms may use a crate. It is
//! checked in the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Which rooms a room may import. `None`: every room.
const ROOMS: &[(&str, Option<&[&str]>)] = &[
    ("domain", Some(&[])),
    ("runtime", Some(&["domain"])),
    ("settings", Some(&["domain"])),
    ("outbound", Some(&["domain", "settings", "runtime"])),
    ("store", Some(&["domain", "settings", "runtime"])),
    ("redis_client", Some(&["domain", "settings"])),
    ("rate_limits", Some(&["domain", "settings", "store", "runtime", "redis_client"])),
    ("outbox", Some(&["domain", "store", "runtime"])),
    ("keys", Some(&["domain", "settings", "store", "runtime"])),
    ("mail", Some(&["domain", "settings", "store", "outbox", "keys"])),
    ("webhooks", Some(&["domain", "store", "keys", "outbound", "outbox"])),
    ("net", Some(&["domain", "settings", "keys", "runtime"])),
    ("social", Some(&["domain", "outbound", "keys", "settings", "store"])),
    ("pages", Some(&["domain", "settings"])),
    (
        "accounts",
        Some(&["domain", "settings", "store", "outbox", "keys", "mail", "outbound", "runtime"]),
    ),
    ("clients", Some(&["domain", "store", "keys", "outbound", "runtime"])),
    (
        "oauth",
        Some(&[
            "domain",
            "settings",
            "store",
            "keys",
            "accounts",
            "clients",
            "outbound",
            "outbox",
            "social",
            "runtime",
            "rate_limits",
        ]),
    ),
    (
        "flows",
        Some(&[
            "domain", "store", "outbox", "keys", "mail", "accounts", "clients", "oauth", "social",
        ]),
    ),
    (
        "admin",
        Some(&[
            "domain", "settings", "store", "keys", "mail", "accounts", "clients", "oauth",
            "outbound", "social",
        ]),
    ),
    (
        "web",
        Some(&[
            "domain", "settings", "keys", "accounts", "clients", "social", "oauth", "flows",
            "admin", "pages", "outbound", "runtime",
        ]),
    ),
    (
        "app",
        Some(&[
            "domain",
            "settings",
            "store",
            "keys",
            "mail",
            "pages",
            "accounts",
            "clients",
            "oauth",
            "flows",
            "web",
            "outbound",
            "outbox",
            "social",
            "runtime",
            "net",
            "rate_limits",
            "redis_client",
            "webhooks",
        ]),
    ),
    ("cli", None),
];

/// The homes of crates. A crate that is not listed is common vocabulary.
const HOMES: &[(&str, &[&str])] = &[
    ("sea_orm", &["store"]),
    ("sea_orm_migration", &["store"]),
    ("mapae_migrations", &["store"]),
    ("sqlx", &["store"]),
    ("sea_query_sqlx", &["store"]),
    ("deadpool", &["store"]),
    ("jsonwebtoken", &["keys"]),
    ("rsa", &["keys"]),
    ("aws_lc_rs", &["accounts", "domain", "keys"]),
    ("argon2", &["accounts"]),
    ("csv", &["admin"]),
    ("bcrypt", &["accounts"]),
    ("scrypt", &["accounts"]),
    ("md5", &["accounts"]),
    ("askama", &["pages", "web", "cli"]),
    ("axum", &["web", "app", "net", "cli"]),
    ("utoipa", &["web"]),
    ("utoipa_axum", &["web"]),
    ("hyper", &["web", "app", "net", "outbound"]),
    ("hyper_util", &["web", "net", "outbound"]),
    ("tower", &["web", "app", "net"]),
    ("http_body_util", &["web", "app"]),
    ("quick_cache", &["clients", "keys", "oauth"]),
    ("redis", &["redis_client"]),
    ("reqwest", &["outbound", "cli"]),
    ("rustls", &["app", "keys", "net", "outbound"]),
    ("x509_parser", &["keys"]),
    ("tokio_rustls", &["net", "cli"]),
    ("rlimit", &["net"]),
    ("rustix", &["keys"]),
    ("tracing_subscriber", &["app"]),
    ("metrics_exporter_prometheus", &["app"]),
    ("metrics_process", &["app"]),
    ("opentelemetry_proto", &["app"]),
    ("prost", &["app"]),
    ("toml", &["admin", "app", "pages", "settings"]),
    ("lettre", &["mail"]),
    ("mail_parser", &["cli"]),
    ("percent_encoding", &["mail", "web"]),
    ("fluent_bundle", &["pages"]),
    ("fluent_syntax", &["pages"]),
    ("miniz_oxide", &["cli", "oauth"]),
    ("jiff", &["pages"]),
    ("clap", &["cli"]),
    ("rcgen", &["keys", "net", "cli"]),
    ("oauth2", &["social", "cli"]),
    ("openidconnect", &["cli"]),
    ("zxcvbn", &["accounts"]),
    ("webauthn_rs", &["accounts"]),
    ("sha1", &["accounts"]),
    ("totp_rs", &["accounts"]),
    ("qrcodegen", &["pages"]),
];

/// What a source of this room imports against the law.
fn violations(room: &str, source: &str) -> Vec<String> {
    let code = without_text(source);
    let words = words(&code);
    let allowed = ROOMS.iter().find(|(name, _)| *name == room).and_then(|(_, allowed)| *allowed);
    let is_room = |name: &str| ROOMS.iter().any(|(room, _)| *room == name);
    let may = |name: &str| allowed.is_none_or(|allowed| name == room || allowed.contains(&name));
    let imported = rooms_named(&words);
    let mut found: Vec<String> = imported
        .iter()
        .filter(|name| is_room(name) && !may(name))
        .map(|name| format!("crate::{name}"))
        .collect();
    for (name, homes) in HOMES {
        if !homes.contains(&room) && names_crate(&words, name) {
            found.push((*name).to_owned());
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The first segments behind `crate::` and behind chains of `super::`, of groups too.
fn rooms_named<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let mut named = Vec::new();
    for (at, word) in words.iter().enumerate() {
        if !["crate", "super"].contains(word) || words.get(at + 1) != Some(&"::") {
            continue;
        }
        match words.get(at + 2) {
            Some(&"{") => named.extend(group(&words[at + 3..])),
            Some(name) => named.push(name),
            None => {}
        }
    }
    named
}

/// The first segments of the paths in a group that was opened before.
fn group<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let (mut depth, mut starts, mut found) = (1, true, Vec::new());
    for word in words {
        match *word {
            "{" => depth += 1,
            "}" => depth -= 1,
            "," if depth == 1 => starts = true,
            name if starts => {
                found.push(name);
                starts = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    found
}

/// Whether a path begins with this crate: not behind another `::`, and before one or in a `use`.
fn names_crate(words: &[&str], name: &str) -> bool {
    words.iter().enumerate().any(|(at, word)| {
        let before = at.checked_sub(1).and_then(|at| words.get(at));
        // `::name` is a crate as well, behind what no path can end in.
        let behind = at.checked_sub(2).and_then(|at| words.get(at));
        let inner = before == Some(&"::")
            && behind.is_some_and(|word| word.ends_with(|c: char| c.is_alphanumeric() || c == '_'))
            && !behind.is_some_and(|word| ["use", "in", "dyn", "impl", "mut", "as"].contains(word));
        let leads = words.get(at + 1) == Some(&"::");
        let used = matches!(before, Some(&"use" | &"extern")) || before == Some(&"crate");
        *word == name && !inner && (leads || used)
    })
}

/// Identifiers, `::`, and single characters.
fn words(code: &str) -> Vec<&str> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut words = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if is_name(first) {
            rest.find(|c| !is_name(c)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        let (word, after) = rest.split_at(length);
        words.push(word);
        rest = after.trim_start();
    }
    words
}

/// The source without comments and without the text of strings.
fn without_text(source: &str) -> String {
    let mut code = String::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if rest.starts_with("r\"")
            || rest.starts_with("r#")
                && rest.trim_start_matches('r').trim_start_matches('#').starts_with('"')
        {
            raw_string(rest)
        } else if first == '"' {
            string(rest)
        } else if ["'\"'", "'\\''"].iter().any(|quote| rest.starts_with(quote)) {
            if rest.starts_with("'\\''") { 4 } else { 3 }
        } else {
            0
        };
        code.push(if skipped == 0 { first } else { ' ' });
        rest = &rest[if skipped == 0 { first.len_utf8() } else { skipped }..];
    }
    code
}

fn string(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn raw_string(rest: &str) -> usize {
    let hashes = rest[1..].chars().take_while(|c| *c == '#').count();
    let end = format!("\"{}", "#".repeat(hashes));
    let text = 2 + hashes;
    rest[text..].find(&end).map_or(rest.len(), |at| text + at + end.len())
}

/// Every source below a folder.
pub(crate) fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file").path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let mut found: Vec<PathBuf> =
        files.into_iter().filter(|path| path.extension().is_some_and(|e| e == "rs")).collect();
    found.extend(folders.iter().flat_map(|folder| sources(folder)));
    found
}

#[test]
fn every_source_keeps_the_import_law() {
    let source_folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut broken = Vec::new();
    let mut rooms = Vec::new();
    for path in sources(&source_folder) {
        let inside = path.strip_prefix(&source_folder).expect("inside");
        let mut parts = inside.components().map(|part| part.as_os_str().to_str().expect("UTF-8"));
        let (first, more) = (parts.next().expect("a part"), parts.next().is_some());
        let room = first.trim_end_matches(".rs");
        if ["main", "lib"].contains(&room) && !more {
            continue;
        }
        assert!(ROOMS.iter().any(|(name, _)| *name == room), "{room} stands in no table");
        rooms.push(room.to_owned());
        let source = fs::read_to_string(&path).expect("a source");
        let found = violations(room, &source);
        broken.extend(found.iter().map(|one| format!("{}: {one}", inside.display())));
    }
    assert!(broken.is_empty(), "{broken:#?}");
    for (room, _) in ROOMS {
        assert!(rooms.iter().any(|found| found == room), "{room} has no source");
    }
}

#[test]
fn a_violation_is_found_however_it_is_written() {
    for (room, source, found) in [
        ("domain", "use crate::store::Store;", "crate::store"),
        ("domain", "fn f() { crate::keys::make::generate(); }", "crate::keys"),
        ("store", "use crate::{domain::clock, oauth::Issuer};", "crate::oauth"),
        ("store", "use crate::{domain::{clock, user}, app};", "crate::app"),
        ("oauth", "pub use crate::web;", "crate::web"),
        ("keys", "use super::super::accounts::hashing;", "crate::accounts"),
        ("keys", "use super::{super::cli};", "crate::cli"),
        ("web", "use crate\n    ::store;", "crate::store"),
        ("app", "use crate::cli::run;", "crate::cli"),
        ("oauth", "use sea_orm::entity::prelude::*;", "sea_orm"),
        ("oauth", "fn f() -> ::axum::Router { todo!() }", "axum"),
        ("web", "use sqlx;", "sqlx"),
        ("accounts", "extern crate rsa;", "rsa"),
        ("web", "use {axum::Router, jsonwebtoken::Header};", "jsonwebtoken"),
        ("pages", "#[derive(clap::Args)] struct S;", "clap"),
        ("oauth", "const Q: char = '\"'; use argon2::Params; // \"", "argon2"),
        ("oauth", "const A: &str = r#\"x\"y\"#; use argon2::Params;", "argon2"),
        ("oauth", "const A: &str = \"\\\\\"; use argon2::Params;", "argon2"),
    ] {
        assert_eq!(violations(room, source), [found], "{room}: {source}");
    }
}

#[test]
fn what_is_lawful_is_no_violation() {
    for (room, source) in [
        ("oauth", "use crate::domain::clock::Clock; use crate::oauth::error::Result;"),
        ("store", "use sea_orm::{ExprTrait}; use super::users; use crate::domain::{user::User};"),
        ("oauth", "// use axum::Router;\n/* crate::web */ /// [`crate::cli`]\nfn f() {}"),
        ("oauth", "const A: &str = \"crate::web::x and axum::y\"; const B: &str = r#\"sqlx::\"#;"),
        ("oauth", "use crate::keys::jwt; use sha2::Sha256; fn axum() {} struct clap;"),
        ("domain", "mod rsa {} fn f(store: u8) { self::rsa::go(); super::secret::go(); }"),
        ("cli", "use crate::web; use crate::domain; use clap::Args;"),
    ] {
        assert_eq!(violations(room, source), [""; 0], "{room}: {source}");
    }
}

/// What each file of `sources` needs: files are named by their module, `web::page`.
fn needs(sources: &BTreeMap<String, String>) -> BTreeMap<&str, BTreeSet<&str>> {
    let needed = |(module, source): (&'_ String, &String)| {
        let code = without_text(source);
        let code = code.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned();
        let words = words(&code);
        let here: Vec<&str> = module.split("::").collect();
        let mut found = BTreeSet::new();
        for path in paths(&words, &here, sources) {
            let mut path = path;
            while !path.is_empty() && !sources.contains_key(&path.join("::")) {
                path.pop();
            }
            let target = path.join("::");
            if let Some((name, _)) = sources.get_key_value(&target)
                && target != *module
            {
                found.insert(name.as_str());
            }
        }
        found
    };
    sources.iter().map(|entry| (entry.0.as_str(), needed(entry))).collect()
}

/// Every path of this file that leads into the crate, from its root.
fn paths(words: &[&str], here: &[&str], sources: &BTreeMap<String, String>) -> Vec<Vec<String>> {
    let is_child = |name: &str| {
        let mut child = here.to_vec();
        child.push(name);
        sources.contains_key(&child.join("::"))
    };
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| words.get(at));
        let leads = words.get(at + 1) == Some(&"::");
        // `pub(in crate::x)` says who may see, and needs nothing.
        if before == Some(&"::") || before == Some(&"in") || !leads {
            continue;
        }
        if ["crate", "super", "self"].contains(word) || is_child(word) {
            tree(words, at, &[], &mut found);
        }
    }
    let root = |path: Vec<&str>| -> Vec<String> {
        let up = path.iter().take_while(|word| **word == "super").count();
        let (start, rest) = match path.first() {
            Some(&"crate") => (0, 1),
            Some(&"self") => (here.len(), 1),
            _ => (here.len().saturating_sub(up), up),
        };
        here[..start].iter().chain(&path[rest..]).map(|word| (*word).to_owned()).collect()
    };
    found.into_iter().map(root).collect()
}

/// Reads the path that begins here, with every branch of its groups; where it ends.
fn tree<'a>(
    words: &[&'a str],
    mut at: usize,
    prefix: &[&'a str],
    found: &mut Vec<Vec<&'a str>>,
) -> usize {
    let mut path = prefix.to_vec();
    loop {
        match words.get(at) {
            Some(&"{") => {
                at += 1;
                while let Some(word) = words.get(at) {
                    match *word {
                        "}" => return at + 1,
                        "," => at += 1,
                        _ => at = tree(words, at, &path, found),
                    }
                }
                return at;
            }
            Some(word) => path.push(word),
            None => return at,
        }
        at += 1;
        if words.get(at) == Some(&"as") {
            at += 2;
        }
        if words.get(at) != Some(&"::") {
            found.push(path);
            return at;
        }
        at += 1;
    }
}

/// The files that stand in a circle, or between two.
fn circles(sources: &BTreeMap<String, String>) -> Vec<String> {
    let mut needs = needs(sources);
    loop {
        let open: BTreeSet<&str> = needs.keys().copied().collect();
        let needed: BTreeSet<&str> = needs.values().flatten().copied().collect();
        let before = needs.len();
        // Whoever needs nobody who is left, or is needed by nobody who is left, is in no circle.
        needs.retain(|name, of| needed.contains(name) && of.iter().any(|one| open.contains(one)));
        if needs.len() == before {
            break;
        }
    }
    let left: BTreeSet<&str> = needs.keys().copied().collect();
    let line = |(name, of): (&&str, &BTreeSet<&str>)| {
        let of: Vec<_> = of.iter().copied().filter(|one| left.contains(one)).collect();
        format!("{name} needs {}", of.join(", "))
    };
    needs.iter().map(line).collect()
}

#[test]
fn no_two_files_need_each_other() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = BTreeMap::new();
    for path in sources(&folder) {
        let inside = path.strip_prefix(&folder).expect("inside").with_extension("");
        let module = inside.to_str().expect("UTF-8").replace('/', "::");
        let module = module.strip_suffix("::mod").unwrap_or(&module).to_owned();
        if !["lib", "main"].contains(&module.as_str()) {
            all.insert(module, fs::read_to_string(&path).expect("a source"));
        }
    }
    let found = circles(&all);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_circle_is_found_however_it_is_written() {
    let file = |(name, source): &(&str, &str)| ((*name).to_owned(), (*source).to_owned());
    for (files, is_circle) in [
        (&[("a", "use crate::b::f;"), ("b", "use crate::a::g;")][..], true),
        (&[("a", "use crate::{b::f, c};"), ("b", "fn f() { crate::a::g() }"), ("c", "")], true),
        (&[("a", "mod b; pub use b::f;"), ("a::b", "use super::g;")], true),
        (&[("a", "fn f() { b::f() }"), ("a::b", "use crate::a::{self as other};")], true),
        (&[("a", "mod b; pub use b::f;"), ("a::b", "use super::c::g;"), ("a::c", "")], false),
        (&[("a", "use crate::b::f;"), ("b", "// crate::a::g\npub(in crate::a) fn f() {}")], false),
        (&[("a", "use crate::b;"), ("b", "#[cfg(test)]\nmod tests { use crate::a::f; }")], false),
        (&[("a", "use crate::b::c::f;"), ("b", "pub mod c;"), ("b::c", "use super::d;")], false),
    ] {
        let sources: BTreeMap<_, _> = files.iter().map(file).collect();
        assert_eq!(!circles(&sources).is_empty(), is_circle, "{files:?}");
    }
}
