//! `docs/recipes`: the command line takes every line that registers an app, and the index has every
//! page and says the same as it.

use std::fs;
use std::process::Stdio;

use crate::clauses::root;
use crate::support::{Cli, Database};

/// The recipes by the names of their files, without the index.
fn recipes() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join("docs/recipes")).expect("the folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        if name != "README.md" {
            found.push((name, fs::read_to_string(path).expect("a recipe")));
        }
    }
    found
}

/// The blocks of a page that register clients.
fn registrations(page: &str) -> impl Iterator<Item = &str> {
    let blocks = page.split("```").skip(1).step_by(2);
    let scripts = blocks.filter_map(|block| block.strip_prefix("sh\n"));
    scripts.filter(|script| script.starts_with("mapae client create "))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_takes_every_line_of_the_recipes() {
    let cli = Cli::new(&Database::Sqlite).await;
    let mut lines = 0;
    for (name, page) in recipes() {
        let before = lines;
        for block in registrations(&page) {
            // As it is pasted, with a function in place of an installed binary, whose path is `$0`.
            let script = format!("mapae() {{ \"$0\" \"$@\"; }}\n{block}");
            let mut command = cli.command_under("sh", &["-e", "-c", &script], &[]);
            let said = command.stdin(Stdio::null()).output().await.expect("sh");
            assert!(said.status.success(), "{name}: {said:?}");
            lines += block.matches("mapae client create ").count();
        }
        assert!(lines > before, "{name} registers nothing");
    }
    let listed = cli.json(&["client", "list"], None).await;
    assert_eq!(listed["clients"].as_array().expect("clients").len(), lines);
    assert!(lines >= 30, "{lines} lines were found");
}

#[test]
fn the_index_of_the_recipes_has_every_one_and_says_which_were_run() {
    let index = fs::read_to_string(root().join("docs/recipes/README.md")).expect("the index");
    for (name, page) in recipes() {
        let link = format!("]({name})");
        let row = index.lines().find(|line| line.starts_with("| [") && line.contains(&link));
        let row = row.unwrap_or_else(|| panic!("{name} is not in the index"));
        let was_run = row.contains("in every test run") || row.contains("by hand");
        assert_eq!(was_run, page.contains("\n**Run "), "{name}: {row}");
        assert!(was_run || page.contains("not run in a test"), "{name} does not say it");
    }
}
