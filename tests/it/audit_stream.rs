//! `mapae audit export` and `mapae audit tail`: events as lines, and as they happen. `mapae audit
//! kinds`: which there are.

use std::process::Stdio;

use mapae::domain::audit::EventKind;
use mapae::domain::audit_reference;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::support::{Cli, Database, Evidence, both};

async fn make(cli: &Cli, name: &str) {
    cli.json(&["user", "create", "--username", name], None).await;
}

/// The lines that a verb prints, each read as JSON.
async fn exported(cli: &Cli, options: &[&str]) -> Vec<Value> {
    let said = cli.run(&[&["audit", "export"], options].concat(), None).await;
    assert_eq!(said.code, 0, "{said:?}");
    said.out.lines().map(|line| serde_json::from_str(line).expect("a JSON object")).collect()
}

fn text<'a>(event: &'a Value, member: &str) -> &'a str {
    event[member].as_str().unwrap_or_else(|| panic!("{member} in {event}"))
}

/// A tail that runs, and what it prints.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(cli: &Cli, options: &[&str]) -> Self {
        let mut command = cli.command(&[&["audit", "tail", "--json"], options].concat());
        let mut child = command.stdin(Stdio::null()).spawn().expect("the binary");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        Self { child, lines }
    }

    async fn next(&mut self) -> Value {
        let line = self.lines.next_line().await.expect("a line").expect("no end");
        serde_json::from_str(&line).expect("a JSON object")
    }

    /// Interrupts it, and returns what it printed last and how it ended.
    async fn interrupted(mut self) -> (Vec<Value>, Option<i32>) {
        let id = self.child.id().expect("it runs").to_string();
        Command::new("kill").args(["-INT", &id]).status().await.expect("kill");
        let mut rest = Vec::new();
        while let Some(line) = self.lines.next_line().await.expect("a line") {
            rest.push(serde_json::from_str(&line).expect("a JSON object"));
        }
        (rest, self.child.wait().await.expect("an end").code())
    }
}

both! {
    async fn an_export_is_one_object_a_line_and_goes_on_behind_a_place(database) {
        let cli = Cli::migrated(&database).await;
        assert!(exported(&cli, &[]).await.is_empty());
        let evidence = Evidence::at(cli.get("MAPAE_DATABASE_URL")).await;
        for chunk in 0..13 {
            let rows: Vec<String> = (0..100)
                .map(|number| format!("('id-{chunk:02}-{number:03}', {}, 'sign_in.failed')", 1_001 + chunk / 5))
                .collect();
            evidence.run(&format!("INSERT INTO audit_event (id, at, kind) VALUES {}", rows.join(", "))).await;
        }
        make(&cli, "alice").await;
        let every = exported(&cli, &[]).await;
        assert_eq!(every.len(), 1301);
        assert_eq!((text(&every[0], "event"), text(&every[0], "actor")), ("user.created", "operator"));
        assert!(every.windows(2).all(|pair| pair[0]["at"].as_str() >= pair[1]["at"].as_str()));
        // It goes on behind any line, and says on standard error where it stopped.
        let first = cli.run(&["audit", "export", "--limit", "700"], None).await;
        let head: Vec<Value> = first.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let place = text(&head[699], "place");
        assert!(first.err.contains(&format!("--after {place}")), "{}", first.err);
        let rest = exported(&cli, &["--after", place]).await;
        assert_eq!([head, rest].concat(), every);
        let listed = cli.json(&["audit", "list", "--limit", "1"], None).await;
        let next = cli.json(&["audit", "list", "--limit", "2", "--after", text(&listed, "next")], None).await;
        assert_eq!(next["events"][0]["at"], every[1]["at"]);
        // The filters are those of the list.
        assert_eq!(exported(&cli, &["--kind", "user.created"]).await.len(), 1);
        assert_eq!(exported(&cli, &["--user", "alice"]).await.len(), 1);
        assert!(exported(&cli, &["--client", "none"]).await.is_empty());
        assert_eq!(exported(&cli, &["--since", "1h"]).await.len(), 1);
        let wrong = cli.run(&["audit", "export", "--after", "nonsense"], None).await;
        assert_eq!((wrong.code, wrong.out.as_str()), (1, ""), "{wrong:?}");
    }

    async fn a_tail_shows_the_last_events_and_then_each_new_one_once(database) {
        let cli = Cli::migrated(&database).await;
        for name in ["ant", "bee", "cat"] {
            make(&cli, name).await;
        }
        let mut tail = Running::start(&cli, &["--limit", "2", "--kind", "user.created"]);
        let [bee, cat] = [tail.next().await, tail.next().await];
        let named = |event: &Value| text(&event["change"]["after"], "username").to_owned();
        assert_eq!([named(&bee), named(&cat)], ["bee", "cat"]);
        make(&cli, "dog").await;
        assert_eq!(named(&tail.next().await), "dog");
        cli.json(&["user", "disable", "--username", "dog"], None).await;
        make(&cli, "eel").await;
        assert_eq!(named(&tail.next().await), "eel");
        assert_eq!(tail.interrupted().await, (Vec::new(), Some(0)));
        // Another one goes on behind a place, without what was before it.
        let mut tail = Running::start(&cli, &["--after", text(&cat, "place")]);
        let kinds = [tail.next().await, tail.next().await, tail.next().await];
        assert_eq!(kinds.each_ref().map(|event| text(event, "event")), ["user.created", "user.disabled", "user.created"]);
        assert_eq!(tail.interrupted().await.1, Some(0));
    }
}

#[tokio::test]
async fn the_kinds_are_printed_without_settings_and_without_a_database() {
    let mut cli = Cli::new(&Database::Sqlite).await;
    for (_, value) in &mut cli.environment {
        "nonsense".clone_into(value);
    }
    let said = cli.run(&["audit", "kinds"], None).await;
    assert_eq!((said.code, said.out), (0, audit_reference::markdown()), "{}", said.err);
    let every = cli.json(&["audit", "kinds"], None).await;
    let every = every["kinds"].as_array().expect("a list");
    assert_eq!(every.len(), EventKind::ALL.len());
    for kind in every {
        for member in ["kind", "when", "names"] {
            assert!(!text(kind, member).is_empty(), "{kind}");
        }
    }
}
