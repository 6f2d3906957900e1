//! `mapae doctor`: the form of its report, what is a warning and what an error, and how the server
//! looks from outside.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::support::certificates::Authority;
use crate::support::{
    Binary, Cli, Database, RedisServer, Said, both, eventually, free_port, http, postgres_or_skip,
    write_secret,
};

/// The report, whose form is checked.
fn report(said: &Said) -> Value {
    let report: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
    let keys = |of: &Value| -> Vec<String> {
        let mut keys: Vec<_> = of.as_object().expect("an object").keys().cloned().collect();
        keys.sort();
        keys
    };
    assert_eq!(keys(&report), ["checks", "good"], "{report}");
    let checks = report["checks"].as_array().expect("checks");
    for check in checks {
        assert_eq!(keys(check), ["check", "detail", "level", "mend"], "{check}");
        let text = |name: &str| check[name].as_str().expect("text");
        assert!(!text("check").is_empty() && !text("detail").is_empty(), "{check}");
        match text("level") {
            "ok" => assert_eq!(text("mend"), "", "{check}"),
            "warning" | "error" => assert!(!text("mend").is_empty(), "{check}"),
            _ => panic!("{check}"),
        }
    }
    let has_error = checks.iter().any(|check| check["level"] == "error");
    assert_eq!((&report["good"], said.code), (&Value::from(!has_error), i32::from(has_error)));
    report
}

async fn examine(cli: &Cli, arguments: &[&str]) -> Value {
    report(&cli.run(&[&["doctor", "--json"], arguments].concat(), None).await)
}

/// Level and detail of the only finding of a check.
fn found<'r>(report: &'r Value, check: &str) -> (&'r str, &'r str) {
    let of_it = report["checks"].as_array().expect("checks").iter();
    let mut of_it = of_it.filter(|one| one["check"] == check);
    let (Some(one), None) = (of_it.next(), of_it.next()) else { panic!("{check} in {report}") };
    (one["level"].as_str().expect("text"), one["detail"].as_str().expect("text"))
}

both! {
    async fn a_good_installation_has_no_error_and_is_seen_from_outside_as_it_is(database) {
        let binary = Binary::start(&database).await;
        let report = examine(&binary.cli, &["--through"]).await;
        for check in [
            "settings", "branding", "outbound", "mail", "files", "migrations", "master key",
            "signing keys", "providers", "user names", "issuer", "forged address", "epoch file",
        ] {
            assert_eq!(found(&report, check).0, "ok", "{report}");
        }
        let (name, has_clock) = match database {
            Database::Sqlite => ("SQLite 3.", false),
            Database::Postgres { .. } => ("Postgres ", true),
        };
        let (_, version) = found(&report, "database");
        assert!(version.starts_with(name) && version.contains(" ms"), "{version}");
        let checks = report["checks"].as_array().unwrap();
        assert_eq!(checks.iter().any(|one| one["check"] == "clock"), has_clock, "{report}");
        let (_, believed) = found(&report, "forged address");
        assert!(believed.starts_with("127.0.0.1 was believed"), "{believed}");
    }
}

/// As docs/emergency.md says: the right one is put back, and no key is dropped for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_key_that_is_not_that_of_the_database_is_an_error_and_no_key_is_to_be_dropped() {
    let cli = Cli::installed(&Database::Sqlite).await;
    let file = cli.folder.path().join("keys/master.key");
    let right = fs::read(&file).unwrap();
    let report = examine(&cli, &[]).await;
    let (level, detail) = found(&report, "master key");
    assert!(level == "ok" && detail.starts_with("it opens "), "{report}");
    for wrong in [Some("ab".repeat(32)), Some("junk".to_owned()), None] {
        match &wrong {
            Some(text) => write_secret(&file, text),
            None => fs::remove_file(&file).unwrap(),
        }
        let report = examine(&cli, &[]).await;
        let (level, detail) = found(&report, "master key");
        assert!(level == "error" && detail.contains("was sealed under a master key"), "{report}");
        assert!(detail.contains(&file.display().to_string()), "{report}");
        assert_eq!(found(&report, "signing keys").0, "error", "{report}");
        let words = report.to_string();
        assert!(words.contains("make no new one"), "{report}");
        assert!(!words.contains("key drop") && !words.contains("first start makes"), "{report}");
    }
    write_secret(&file, right);
    assert_eq!(found(&examine(&cli, &[]).await, "master key").0, "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_that_others_see_differently_is_an_error_and_a_server_that_is_off_a_warning() {
    let mut binary = Binary::start(&Database::Sqlite).await;
    let issuer = binary.issuer();
    // The same server by another name, as behind a proxy with another host.
    binary.cli.set("MAPAE_ISSUER", issuer.replace("127.0.0.1", "localhost"));
    let report = examine(&binary.cli, &[]).await;
    let (level, detail) = found(&report, "issuer");
    assert_eq!(level, "error", "{report}");
    assert!(detail.contains(&issuer) && detail.contains("localhost"), "{detail}");
    // A path that nothing answers.
    binary.cli.set("MAPAE_ISSUER", format!("{issuer}/path"));
    let report = examine(&binary.cli, &[]).await;
    let (level, detail) = found(&report, "issuer");
    assert!(level == "error" && detail.contains("404"), "{detail}");
    // Another installation answers at this address.
    let mut other = Cli::installed(&Database::Sqlite).await;
    other.set("MAPAE_ISSUER", &*issuer);
    let report = examine(&other, &[]).await;
    let (level, detail) = found(&report, "issuer");
    assert!(level == "error" && detail.contains("not in this database"), "{detail}");
    // Nobody ever listens at this port.
    binary.cli.set("MAPAE_ISSUER", "http://127.0.0.1:1");
    let report = examine(&binary.cli, &[]).await;
    let (level, detail) = found(&report, "issuer");
    assert!(level == "warning" && detail.contains("nobody listens"), "{detail}");
    assert_eq!(report["good"], true, "{report}");
}

both! {
    async fn an_epoch_file_that_nobody_writes_is_a_warning(database) {
        let mut cli = Cli::prepared(&database).await;
        let folder = cli.folder.path().join("state");
        let file = folder.join("revocations.epoch").display().to_string();
        cli.set("MAPAE_STATUS_LIST_EPOCH_FILE", &*file);
        let binary = cli.serve().await;
        let app = ["--kind", "confidential", "--grant", "client_credentials", "--status-list", "each"];
        let app = binary.client("shop", &app).await;
        app.token(&[("grant_type", "client_credentials")]).await.ok();
        let report = examine(&binary.cli, &[]).await;
        let (level, detail) = found(&report, "epoch file");
        assert!(level == "warning" && detail.contains(&file), "{report}");
        assert_eq!(report["good"], true, "{report}");
        // A server that runs goes on trying.
        fs::create_dir(&folder).unwrap();
        eventually("it is written", async || fs::exists(&file).unwrap()).await;
        assert_eq!(found(&examine(&binary.cli, &[]).await, "epoch file").0, "ok");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "the doctor leaves nothing");
        // The server writes elsewhere than this installation says.
        fs::create_dir(folder.join("other")).unwrap();
        let mut cli = binary.cli;
        let other = folder.join("other/revocations.epoch").display().to_string();
        cli.set("MAPAE_STATUS_LIST_EPOCH_FILE", &*other);
        let report = examine(&cli, &[]).await;
        let (level, detail) = found(&report, "epoch file");
        assert!(level == "warning" && detail.contains("no server has written"), "{report}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_address_that_is_believed_is_an_error_and_only_the_doctor_may_ask() {
    let mut cli = Cli::prepared(&Database::Sqlite).await;
    cli.set("MAPAE_TRUSTED_PROXIES", "127.0.0.0/8");
    let binary = cli.serve().await;
    let report = examine(&binary.cli, &["--through"]).await;
    let (level, detail) = found(&report, "forged address");
    assert!(level == "error" && detail.contains("203.0.113.77"), "{detail}");
    let url = format!("{}/doctor", binary.issuer());
    for proof in ["", "1.x", "1795800000.AAAA"] {
        let answer = http().get(&url).header("mapae-doctor", proof).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{proof}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn weak_settings_and_open_files_are_told_with_their_mending() {
    let mut cli = Cli::installed(&Database::Sqlite).await;
    let weak = |report: &Value| -> Vec<(String, String)> {
        let checks = report["checks"].as_array().expect("checks").iter();
        let weak = checks.filter(|one| one["check"] == "weak settings");
        let text = |one: &Value, name: &str| one[name].as_str().expect("text").to_owned();
        weak.map(|one| (text(one, "level"), text(one, "detail"))).collect()
    };
    for (name, value, level, word) in [
        ("MAPAE_TRUSTED_PROXIES", "10.0.0.0/8,::/0", "error", "trusted_proxies"),
        ("MAPAE_ADMIN_LISTEN", "0.0.0.0:9090", "warning", "metrics"),
        ("MAPAE_TOKEN_ACCESS_LIFETIME", "2h", "warning", "token.access_lifetime"),
        ("MAPAE_LOG", "error", "warning", "log"),
        ("MAPAE_HASHING_MEMORY_KIB", "7168", "warning", "hashing"),
    ] {
        let before = cli.get(name).to_owned();
        cli.set(name, value);
        let report = examine(&cli, &[]).await;
        let found = weak(&report);
        let is_told = found.iter().any(|(of, detail)| of == level && detail.contains(word));
        assert!(is_told, "{name}: {found:?}");
        cli.set(name, before);
        if cli.get(name).is_empty() {
            cli.environment.retain(|(known, _)| known != name);
        }
    }
    let issuer = cli.get("MAPAE_ISSUER").to_owned();
    cli.set("MAPAE_ISSUER", "https://127.0.0.1:1");
    assert_eq!(weak(&examine(&cli, &[]).await), [("ok".to_owned(), "none".to_owned())]);
    cli.set("MAPAE_ISSUER", issuer);
    let authorities = cli.folder.path().join("clients.pem");
    fs::write(&authorities, Authority::new().pem()).unwrap();
    cli.set("MAPAE_MTLS_CA_FILE", authorities.display().to_string());
    for (proxies, is_told) in [("", false), ("10.0.0.0/8", true)] {
        cli.set("MAPAE_TRUSTED_PROXIES", proxies);
        let found = weak(&examine(&cli, &[]).await);
        let told = found.iter().any(|(_, detail)| detail.contains("Client-Cert"));
        assert_eq!(told, is_told, "{proxies:?}: {found:?}");
    }
    let file = cli.folder.path().join("mapae.db");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o602)).unwrap();
    let report = examine(&cli, &[]).await;
    let (level, detail) = found(&report, "files");
    assert!(level == "error" && detail.contains("mapae.db"), "{detail}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_does_not_answer_is_a_warning() {
    let mut cli = Cli::installed(&Database::Sqlite).await;
    let named = examine(&cli, &[]).await.to_string();
    assert!(!named.contains("\"redis\"") && !named.contains("\"standby\""), "{named}");
    cli.set("MAPAE_REDIS_URL", format!("redis://127.0.0.1:{}", free_port()));
    assert_eq!(found(&examine(&cli, &[]).await, "redis").0, "warning");
    let Some(redis) = RedisServer::start().await else { return };
    cli.set("MAPAE_REDIS_URL", redis.url());
    assert_eq!(found(&examine(&cli, &[]).await, "redis"), ("ok", "it answers"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_does_not_answer_is_a_warning() {
    let Some(database) = postgres_or_skip() else { return };
    let mut cli = Cli::installed(&database).await;
    cli.set("MAPAE_DATABASE_READ_URL", cli.get("MAPAE_DATABASE_URL").to_owned());
    assert_eq!(found(&examine(&cli, &[]).await, "standby").0, "ok");
    let nobody = format!("postgres://mapae@127.0.0.1:{}/none", free_port());
    cli.set("MAPAE_DATABASE_READ_URL", nobody);
    assert_eq!(found(&examine(&cli, &[]).await, "standby").0, "warning");
}
