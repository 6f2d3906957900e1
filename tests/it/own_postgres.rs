//! Postgres servers of a test's own: with TLS, and with a standby.

use crate::support::certificates::Authority;
use crate::support::{
    Browser, CALLBACK, Cli, ClientArguments, Database, Evidence, OwnPostgres, PASSWORD, eventually,
    http,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_is_reached_over_tls_only_as_whom_its_certificate_names() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let pair = ours.issue(&["localhost"]);
    let Some(postgres) = OwnPostgres::start_with_tls(&pair) else { return };
    let Some(plain) = OwnPostgres::start(&["fsync=off"]) else { return };
    let mut cli = Cli::new(&Database::Sqlite).await;
    let folder = cli.folder.path().to_owned();
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (right, wrong) = (file("ours.pem", ours.pem()), file("theirs.pem", theirs.pem()));
    let at = |host: &str, port: u16| format!("postgres://mapae@{host}:{port}/postgres");
    let (named, numbered) = (at("localhost", postgres.port), at("127.0.0.1", postgres.port));
    let full = "sslmode=verify-full";
    // What is refused, first: nothing is written to this server before it is known.
    for (url, ca, expected) in [
        (
            format!("{named}?{full}&sslrootcert={wrong}"),
            "",
            "TLS: its certificate is from an authority that is not trusted",
        ),
        (
            format!("{named}?{full}"),
            "",
            "TLS: its certificate is from an authority that is not trusted",
        ),
        (
            named.clone(),
            wrong.as_str(),
            "TLS: its certificate is from an authority that is not trusted",
        ),
        (numbered.clone(), right.as_str(), "TLS: its certificate is for another host"),
        (at("localhost", plain.port), right.as_str(), "TLS: server does not support TLS"),
        (
            format!("{}?sslmode=require", at("localhost", plain.port)),
            "",
            "TLS: server does not support TLS",
        ),
        (format!("{named}?{full}&sslrootcert=/nowhere/ca.pem"), "", "/nowhere/ca.pem"),
    ] {
        cli.set("MAPAE_DATABASE_URL", &url);
        cli.set("MAPAE_DATABASE_CA_FILE", ca);
        let said = cli.run(&["migrate", "up"], None).await;
        assert!(said.code == 1 && said.err.contains(expected), "{url} {ca}: {said:?}");
    }
    for (url, ca) in [
        (named.clone(), right.as_str()),
        (format!("{named}?{full}&sslrootcert={right}"), ""),
        // The name of the host is not asked for.
        (format!("{numbered}?sslmode=verify-ca&sslrootcert={right}"), ""),
    ] {
        cli.set("MAPAE_DATABASE_URL", &url);
        cli.set("MAPAE_DATABASE_CA_FILE", ca);
        cli.json(&["migrate", "up"], None).await;
    }
    cli.set("MAPAE_DATABASE_URL", &named);
    cli.set("MAPAE_DATABASE_CA_FILE", &right);
    let binary = cli.serve().await;
    let evidence = Evidence::at(&postgres.url()).await;
    let others = "FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                  WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
    // The server may open another connection between the questions.
    let plain = evidence.count(&format!("SELECT count(*) AS n {others} AND NOT ssl")).await;
    let safe = evidence.count(&format!("SELECT count(*) AS n {others} AND ssl")).await;
    assert!(safe > 0 && plain == 0, "{safe} connections over TLS, {plain} without");
    drop(binary);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_are_read_from_a_standby_as_long_as_it_follows() {
    let Some(primary) = OwnPostgres::start(&["fsync=off"]) else { return };
    let standby = primary.standby();
    let mut cli = Cli::new(&Database::Sqlite).await;
    cli.set("MAPAE_DATABASE_URL", primary.url());
    cli.set("MAPAE_DATABASE_READ_URL", standby.url());
    cli.set("MAPAE_ADMIN_LISTEN", format!("127.0.0.1:{}", crate::support::free_port()));
    let metrics = format!("http://{}/metrics", cli.get("MAPAE_ADMIN_LISTEN"));
    let binary = cli.serve().await;
    let reads = async |line: &str| {
        let answer = http().get(&metrics).send().await.unwrap().text().await.unwrap();
        answer.lines().any(|one| one == line)
    };
    let (used, unused) = ("mapae_database_standby 1", "mapae_database_standby 0");
    eventually("the standby is good", async || reads(used).await).await;
    binary.user("alice", PASSWORD).await;
    let arguments = ClientArguments::confidential(&["authorization_code", "refresh_token"]);
    let arguments = arguments.with("--redirect-uri", CALLBACK).with("--scope", "openid");
    let app = binary.register("app", &arguments).await;
    let mut browser = Browser::new(&app.base, &app.http);
    let code = browser.code(&app).await;
    let (access, refresh) = app.exchange(&code).await.pair();
    let follows = Evidence::at(&standby.url()).await;
    let shows = async |browser: &mut Browser| {
        browser.open("/account/apps").await.reply.text.contains("value=\"app\"")
    };
    eventually("the standby shows it", async || shows(&mut browser).await).await;
    // The standby stands still: what counts is read from the primary, and the list is an old one, if
    // this machine is not so slow that the standby is too far behind already.
    follows.run("SELECT pg_wal_replay_pause()").await;
    app.revoke(&refresh).await.ok();
    assert!(!app.is_active(&access).await);
    app.refresh(&refresh).await.refused(400, "invalid_grant");
    let account = browser.open("/account/apps").await;
    let removed =
        browser.send_account(&account, "/account/apps/remove", &[("client", "app")]).await;
    let page = browser.follow(removed).await;
    assert!(!page.reply.text.contains("value=\"app\""), "after a change the list is a new one");
    let is_old = shows(&mut browser).await;
    assert!(is_old || reads(unused).await);
    follows.run("SELECT pg_wal_replay_resume()").await;
    eventually("the standby shows it", async || !shows(&mut browser).await).await;
    // It stands still again, at an instant fifteen seconds ago: it is too far behind.
    let there = Evidence::at(&primary.url()).await;
    there.run("UPDATE leader SET ends_at = ends_at - 15000").await;
    let place = there.texts("SELECT pg_current_wal_lsn()::text AS text").await.remove(0);
    let replayed = format!("SELECT count(*) AS n WHERE pg_last_wal_replay_lsn() >= '{place}'");
    eventually("it has that", async || follows.count(&replayed).await == 1).await;
    follows.run("SELECT pg_wal_replay_pause()").await;
    eventually("it is not read any more", async || reads(unused).await).await;
    follows.run("SELECT pg_wal_replay_resume()").await;
    eventually("it has caught up", async || reads(used).await).await;
    drop(follows);
    // It is gone: nobody notices.
    standby.stop("immediate");
    assert!(!shows(&mut browser).await);
    eventually("it is gone", async || reads(unused).await).await;
    drop(binary);
}
