//! `mapae audit list`: what happened, for people and for scripts.

use serde_json::Value;

use crate::support::{Cli, Evidence, both};

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

/// The kinds of the events that are found.
async fn found(cli: &Cli, options: &[&str]) -> Vec<String> {
    let arguments = [&["audit", "list"], options].concat();
    let document = cli.json(&arguments, None).await;
    let events = document["events"].as_array().expect("a list").iter();
    events.map(|event| event["event"].as_str().expect("a kind").to_owned()).collect()
}

both! {
    async fn events_are_found_newest_first_by_what_they_concern(database) {
        let cli = Cli::migrated(&database).await;
        for name in ["alice", "bob"] {
            let create = ["user", "create", "--username", name, "--password-stdin"];
            cli.json(&create, Some("correct horse battery staple")).await;
        }
        let client = ["client", "create", "--id", "app", "--name", "A", "--kind", "confidential", "--grant", "client_credentials"];
        cli.json(&client, None).await;
        cli.json(&["user", "disable", "--username", "bob"], None).await;
        assert_eq!(found(&cli, &["--limit", "2"]).await, ["user.disabled", "client.created"]);
        let made = found(&cli, &["--kind", "user.created"]).await;
        assert_eq!(made, ["user.created", "user.created"]);
        assert_eq!(found(&cli, &["--client", "app"]).await, ["client.created"]);
        assert_eq!(found(&cli, &["--user", "bob"]).await, ["user.disabled", "user.created"]);
        assert_eq!(found(&cli, &["--user", "bob", "--kind", "user.created", "--limit", "1"]).await.len(), 1);
        // By `sub` as well: somebody may be gone.
        let bob = cli.json(&["user", "show", "--username", "bob"], None).await;
        cli.json(&["user", "delete", "--username", "bob"], None).await;
        let of_bob = found(&cli, &["--user", bob["sub"].as_str().expect("a sub")]).await;
        assert_eq!(of_bob, ["user.deleted", "user.disabled", "user.created"]);
        for nothing in [["--user", NOBODY], ["--client", "other"], ["--kind", "refresh.reused"], ["--since", "2999-01-01T00:00:00Z"]] {
            assert!(found(&cli, &nothing).await.is_empty(), "{nothing:?}");
        }
        let every = found(&cli, &[]).await;
        assert_eq!(found(&cli, &["--since", "1h"]).await, every);
        assert_eq!(found(&cli, &["--since", "2020-01-01T00:00:00+09:00"]).await, every);
    }

    async fn more_events_than_a_page_holds_come_each_once(database) {
        let cli = Cli::migrated(&database).await;
        let evidence = Evidence::at(cli.get("MAPAE_DATABASE_URL")).await;
        // Many at one instant: what tells them apart is their id.
        for chunk in 0..13 {
            let rows: Vec<String> = (0..100)
                .map(|number| format!("('id-{chunk:02}-{number:03}', {}, 'sign_in.failed')", 1_001 + chunk / 5))
                .collect();
            evidence.run(&format!("INSERT INTO audit_event (id, at, kind) VALUES {}", rows.join(", "))).await;
        }
        let document = cli.json(&["audit", "list", "--limit", "5000"], None).await;
        let instants: Vec<&Value> = document["events"].as_array().expect("a list").iter().map(|event| &event["at"]).collect();
        assert_eq!(instants.len(), 1300);
        assert!(instants.windows(2).all(|pair| pair[0].as_str() >= pair[1].as_str()));
        assert_eq!(found(&cli, &["--limit", "501"]).await.len(), 501);
        assert!(found(&cli, &["--limit", "0"]).await.is_empty());
    }

    async fn people_read_a_table_and_a_wrong_time_is_a_usage_error(database) {
        let cli = Cli::migrated(&database).await;
        let said = cli.run(&["audit", "list"], None).await;
        assert!(said.code == 0 && said.out.contains("no event fits"), "{said:?}");
        cli.json(&["user", "create", "--username", "alice", "--password-stdin"], Some("correct horse battery staple")).await;
        let said = cli.run(&["audit", "list"], None).await;
        let lines: Vec<&str> = said.out.lines().collect();
        assert!(lines[0].starts_with("at ") && lines[1].contains("user.created"), "{said:?}");
        for wrong in ["yesterday", "2026-11-21", "-1h"] {
            let said = cli.run(&["audit", "list", &format!("--since={wrong}")], None).await;
            assert!(said.code == 2 && said.err.contains("--since") && said.out.is_empty(), "{said:?}");
        }
    }

    async fn a_kind_that_does_not_exist_is_a_usage_error_which_names_the_nearest(database) {
        let cli = Cli::migrated(&database).await;
        for verb in ["list", "export", "tail"] {
            for (wrong, meant) in [("refresh.reusd", "did you mean refresh.reused?"), ("no.such", "mapae audit kinds")] {
                let said = cli.run(&["audit", verb, "--kind", wrong], None).await;
                assert!(said.code == 2 && said.err.contains(meant) && said.out.is_empty(), "{said:?}");
            }
        }
    }
}
