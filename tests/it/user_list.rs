//! `mapae user list`: accounts by the beginning of their name or address, a page at a time.

use serde_json::Value;

use crate::support::{Cli, Database, Evidence, Server, both};

/// What `--search` finds, page by page.
async fn found(cli: &Cli, search: &str, limit: &str) -> Vec<String> {
    let (mut names, mut after): (Vec<String>, Option<String>) = (Vec::new(), None);
    loop {
        let mut verb = vec!["user", "list", "--limit", limit];
        if !search.is_empty() {
            verb.extend(["--search", search]);
        }
        if let Some(after) = &after {
            verb.extend(["--after", after]);
        }
        let page = cli.json(&verb, None).await;
        let users = page["users"].as_array().expect("users");
        assert!(users.len() <= limit.parse().expect("a number"), "{page}");
        names.extend(users.iter().map(|user| user["username"].as_str().unwrap().to_owned()));
        match &page["next"] {
            Value::String(next) => after = Some(next.clone()),
            end => {
                assert!(end.is_null(), "{page}");
                return names;
            }
        }
    }
}

async fn make(cli: &Cli, username: &str, email: Option<&str>) {
    let mut verb = vec!["user", "create", "--username", username];
    if let Some(email) = email {
        verb.extend(["--email", email]);
    }
    cli.json(&verb, None).await;
}

both! {
    async fn accounts_are_found_by_the_beginning_of_name_or_address_in_any_spelling(database) {
        let cli = Cli::migrated(&database).await;
        make(&cli, "Alice", Some("alice@example.com")).await;
        make(&cli, "albert", Some("x@bücher.example")).await;
        make(&cli, "zoe", Some("alina@example.com")).await;
        make(&cli, "yuna", Some("ALINA@example.com")).await;
        make(&cli, "홍길동", None).await;
        make(&cli, "al-100%_x", None).await;
        let every = ["al-100%_x", "albert", "Alice", "yuna", "zoe", "홍길동"];
        for limit in ["1", "2", "3", "100"] {
            assert_eq!(found(&cli, "", limit).await, every, "{limit}");
            // First who has such a name, then who has such an address; each once.
            let mut all = found(&cli, "AL", limit).await;
            let addressed = all.split_off(3);
            assert_eq!(all, ["al-100%_x", "albert", "Alice"], "{limit}");
            let mut addressed = addressed;
            addressed.sort();
            assert_eq!(addressed, ["yuna", "zoe"], "{limit}");
        }
        for (search, names) in [
            ("ａｌｉ", &["Alice", "yuna", "zoe"][..]),
            ("홍", &["홍길동"]),
            ("x@BÜCHER.ex", &["albert"]),
            ("alice@example.com", &["Alice"]),
            ("al%", &[]),
            ("al-100%", &["al-100%_x"]),
            ("al_", &[]),
            ("nobody", &[]),
        ] {
            let mut all = found(&cli, search, "100").await;
            all.sort();
            let mut names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            names.sort();
            assert_eq!(all, names, "{search}");
        }
        let wrong = cli.run(&["user", "list", "--after", "x"], None).await;
        assert!(wrong.code == 1 && wrong.err.contains("--after takes"), "{wrong:?}");
        let wrong = cli.run(&["user", "list", "--limit", "0"], None).await;
        assert_eq!(wrong.code, 2, "{wrong:?}");
        let shown = cli.json(&["user", "show", "--username", "albert"], None).await;
        assert_eq!(shown["factors"]["password"], false);
        assert_eq!(shown["factors"]["providers"], serde_json::json!([]));
    }

    /// Where names are addresses, the accounts that only their address finds are few among many. A page
    /// looks at a limited number of them, and the next one goes on.
    async fn a_page_behind_the_last_name_looks_at_a_limited_number_of_accounts(database) {
        let cli = Cli::migrated(&database).await;
        let evidence = Evidence::at(cli.get("MAPAE_DATABASE_URL")).await;
        let named = "'mail' || n || '@a', 'mail' || n || '@a'";
        evidence.run(&many(&database, 2500, "account (id, username, username_key, email, email_key, email_verified, profile, created_at, updated_at)",
            &format!("'id' || n, {named}, {named}, FALSE, '{{}}', 0, 0"))).await;
        make(&cli, "zoe", Some("mail9999@a.example")).await;
        let search = ["user", "list", "--search", "mail"];
        let mut pages = vec![cli.json(&[&search[..], &["--limit", "1000"]].concat(), None).await];
        while let Some(next) = pages.last().unwrap()["next"].as_str().map(str::to_owned) {
            pages.push(cli.json(&[&search[..], &["--limit", "1000", "--after", &next]].concat(), None).await);
        }
        let names: Vec<Vec<&str>> = pages.iter().map(|page| page["users"].as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap()).collect()).collect();
        assert_eq!(names.concat().len(), 2501);
        assert_eq!(*names.concat().last().unwrap(), "zoe");
        // Two full pages of names, the rest of the names, and then a thousand addresses at a time.
        let counts: Vec<usize> = names.iter().map(Vec::len).collect();
        assert_eq!(counts, [1000, 1000, 500, 0, 1]);
    }

    /// With 10 million rows no statement may read them all. These are the statements of
    /// `store/users.rs` and `store/audit_events.rs`; a unit test holds the first and the third to these
    /// words.
    async fn an_index_answers_for_every_page(database) {
        let server = Server::start(&database).await;
        let evidence = server.evidence().await;
        let insert = |into: &str, values: &str| many(&database, 20_000, into, values);
        evidence.run(&insert(
            "account (id, username, username_key, email, email_key, email_verified, profile, created_at, updated_at)",
            "'id' || n, 'user' || n, 'user' || n, 'mail' || n || '@a', 'mail' || n || '@a', FALSE, '{}', 0, 0",
        ))
        .await;
        evidence.run(&insert(
            "audit_event (id, at, kind, user_id, times)",
            "'event' || n, n, 'sign_in.succeeded', 'id' || (n % 100), 1",
        ))
        .await;
        evidence.run("ANALYZE").await;
        let columns = "id, username, username_key";
        let named = "username_key >= 'user19' AND username_key < 'user19\u{10ffff}'";
        for (what, statement) in [
            ("by name", format!("SELECT {columns} FROM account WHERE {named} AND username_key > 'user191' ORDER BY username_key ASC LIMIT 100")),
            ("every one", format!("SELECT {columns} FROM account WHERE username_key > 'user191' ORDER BY username_key ASC LIMIT 100")),
            ("by address", format!(
                "SELECT {columns} FROM account WHERE email_key >= 'mail' AND email_key < 'mail\u{10ffff}' \
                 AND email_key >= 'mail191@a' AND (email_key > 'mail191@a' OR id > 'id191') \
                 ORDER BY email_key ASC, id ASC LIMIT 1001")),
            ("activity", "SELECT id, at, kind FROM audit_event WHERE user_id = 'id7' AND (at <= 15000 AND (at < 15000 OR id < 'x')) \
                          ORDER BY at DESC, id DESC LIMIT 60".to_owned()),
        ] {
            let plan = plan(&database, &evidence, &statement).await;
            assert!(plan.to_lowercase().contains("index"), "{what}: {plan}");
            for bad in ["Seq Scan", "Sort", "SCAN account", "SCAN audit_event", "TEMP B-TREE"] {
                let is_ordered_scan = plan.contains("USING INDEX") && bad.starts_with("SCAN") && what == "every one";
                assert!(is_ordered_scan || !plan.contains(bad), "{what}: {plan}");
            }
        }
    }
}

/// Inserts many rows at once; `n` counts them.
pub(crate) fn many(database: &Database, number: u32, into: &str, values: &str) -> String {
    match database {
        Database::Sqlite => format!(
            "INSERT INTO {into} WITH RECURSIVE many (n) AS \
             (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < {number}) SELECT {values} FROM many"
        ),
        Database::Postgres { .. } => format!(
            "WITH many (n) AS (SELECT generate_series(1, {number})) \
             INSERT INTO {into} SELECT {values} FROM many"
        ),
    }
}

pub(crate) async fn plan(database: &Database, evidence: &Evidence, statement: &str) -> String {
    let (explain, column) = match database {
        Database::Sqlite => ("EXPLAIN QUERY PLAN", "detail"),
        Database::Postgres { .. } => ("EXPLAIN", "QUERY PLAN"),
    };
    evidence.column(&format!("{explain} {statement}"), column).await.join("\n")
}
