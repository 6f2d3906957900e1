//! The list in docs/architecture.md names every table of the database and every queue in memory,
//! and says what bounds it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Cli, Database};

/// The tables of the list: the names in the first column of the table below the heading.
fn listed() -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md");
    let page = fs::read_to_string(path).expect("the page");
    let section = page.split("### Tables").nth(1).expect("the section");
    let section = section.split("\n### ").next().expect("its text");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.flat_map(|row| row.split('|').next().expect("a column").split('`'))
        .map(|name| name.trim_matches([' ', ',']).to_owned())
        .filter(|name| !name.is_empty())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_table_of_the_database_has_an_answer_to_what_bounds_it() {
    let cli = Cli::new(&Database::Sqlite).await;
    cli.json(&["migrate", "up"], None).await;
    let database = rusqlite::Connection::open(cli.folder.path().join("mapae.db")).unwrap();
    let every = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let mut every = database.prepare(every).unwrap();
    let names = every.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let tables: BTreeSet<String> = names.map(Result::unwrap).collect();
    assert!(tables.contains("family"), "{tables:?}");
    assert_eq!(listed(), tables, "docs/architecture.md and the schema");
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn no_queue_between_tasks_is_without_a_bound() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    assert!(!files.is_empty());
    for file in files {
        let text = fs::read_to_string(&file).expect("text");
        assert!(!text.contains("unbounded_channel"), "{}", file.display());
    }
}

/// What runs beside the one who began it, and is not kept going by the supervisor: why.
const SPAWNED: &[(&str, &str)] = &[
    ("accounts/hashing.rs", "the threads are kept going by the supervisor"),
    ("admin/import/mod.rs", "reads the file: the import waits for it"),
    ("app/listening.rs", "waits for what is supervised, and for the last connections at the end"),
    ("app/log_queue.rs", "the thread begins again by itself: the supervisor speaks by it"),
    ("app/server.rs", "waits for what is supervised"),
    ("cli/demo/mod.rs", "the app of the demo, beside the server"),
    ("cli/serve.rs", "a thread that ends the process when a stop takes too long"),
    ("cli/verify/serve.rs", "the keys of the vectors, as long as the command runs"),
    ("keys/keyring.rs", "whoever wants the new key waits for it"),
    ("net/listener.rs", "one connection: a panic ends it alone, is logged and counted"),
    ("net/tls.rs", "whoever wants the file waits for it"),
    ("runtime/batch.rs", "one batch: a panic ends it alone, is logged and counted"),
    ("runtime/supervisor.rs", "the supervisor"),
    ("outbound/document_cache.rs", "one document: whoever wants it waits for it"),
    ("store/connection.rs", "one ROLLBACK, which has a deadline"),
    ("store/migrating.rs", "whoever migrates waits for the lock"),
    ("web/detached.rs", "one sign-in: whoever asked waits for it"),
];

#[test]
fn what_runs_beside_others_is_kept_going_or_has_a_reason_why_not() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&folder, &mut files);
    let mut spawning = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("text");
        let code = text.split("#[cfg(test)]\nmod tests").next().expect("a part");
        if ["spawn(", "spawn_blocking(", "spawn_local("].iter().any(|call| code.contains(call)) {
            let name = file.strip_prefix(&folder).expect("inside").display().to_string();
            spawning.insert(name);
        }
    }
    let known: BTreeSet<_> = SPAWNED.iter().map(|(file, _)| (*file).to_owned()).collect();
    assert_eq!(spawning, known);
}
