//! `docs/recipes`: the command line takes every line of mapae, what it registers is told what the page
//! says, and the index has every page and says the same as it.

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

/// The blocks of a page that are lines of mapae.
fn blocks_of_mapae(page: &str) -> impl Iterator<Item = &str> {
    let blocks = page.split("```").skip(1).step_by(2);
    let scripts = blocks.filter_map(|block| block.strip_prefix("sh\n"));
    scripts.filter(|script| script.starts_with("mapae "))
}

/// The person of the recipes.
const PERSON: &str = "hong";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_takes_every_line_of_the_recipes() {
    let cli = Cli::installed(&Database::Sqlite).await;
    cli.json(&["user", "create", "--username", PERSON], None).await;
    let mut lines = 0;
    for (name, page) in recipes() {
        let before = lines;
        for block in blocks_of_mapae(&page) {
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
    let clients = listed["clients"].as_array().expect("clients");
    assert_eq!(clients.len(), lines);
    assert!(lines >= 30, "{lines} lines were found");

    // Whoever is registered for groups or roles is told them.
    let mut told = 0;
    for client in clients {
        let scope: Vec<&str> = client["scope"].as_str().unwrap_or_default().split(' ').collect();
        let rules = client["claims"].as_array().expect("rules");
        let of_groups = rules.iter().filter(|rule| rule["from"] == "groups");
        let mut claims: Vec<&str> = of_groups.filter_map(|rule| rule["claim"].as_str()).collect();
        assert_eq!(scope.contains(&"groups"), !claims.is_empty(), "scope and rule: {client}");
        claims.extend(scope.iter().filter(|one| **one == "roles"));
        if claims.is_empty() {
            continue;
        }
        let id = client["client_id"].as_str().expect("an id");
        let asked = ["token", "preview", "--client", id, "--username", PERSON];
        let shown = cli.json(&asked, None).await;
        for claim in claims {
            for part in ["id_token", "userinfo"] {
                let names = shown[part][claim].as_array();
                assert!(
                    names.is_some_and(|names| !names.is_empty()),
                    "{id}: {part} {claim} {shown}"
                );
            }
            told += 1;
        }
    }
    assert!(told >= 15, "{told} clients are told groups or roles");
}

#[test]
fn a_recipe_with_groups_or_roles_makes_them_and_none_denies_them() {
    let mut pages = recipes();
    for (name, page) in &pages {
        let blocks: Vec<&str> = blocks_of_mapae(page).collect();
        let has = |word: &str| blocks.iter().any(|block| block.contains(word));
        let is_told_groups = has(" groups\"");
        assert_eq!(is_told_groups, has("mapae group create "), "{name}: groups");
        assert_eq!(is_told_groups, has("mapae user add-group "), "{name}: who is in them");
        let is_told_roles = has(" roles\"");
        assert_eq!(is_told_roles, has("mapae role create "), "{name}: roles");
        assert_eq!(is_told_roles, has("mapae user grant-role "), "{name}: who has them");
    }
    let index = fs::read_to_string(root().join("docs/recipes/README.md")).expect("the index");
    pages.push(("README.md".to_owned(), index));
    for (name, page) in pages {
        let page = page.to_lowercase();
        for denial in ["no claim ", "no such claim", "mapae does not have", "without a claim"] {
            assert!(!page.contains(denial), "{name} says {denial:?}");
        }
    }
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
