//! Backups, restores, copies from one database to another, and what all of them keep.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use chrono::Duration;
use mapae::admin::authority::May;
use mapae::admin::tokens;
use mapae::domain::status_list::StatusListMode;
use mapae::domain::verdict::Error;
use serde_json::Value;
use tokio::process::Command;

use crate::status_lists::Verifier;
use crate::support::{
    App, Binary, Cli, Database, Evidence, PASSWORD, Said, Server, USERNAME, both, eventually,
    postgres_or_skip, write_secret,
};

/// A server with a person, an app whose tokens have places in status lists, and some history.
struct Lived {
    binary: Binary,
    app: App,
    alive: String,
    kept: String,
    revoked: String,
    spent: String,
}

async fn lived(database: &Database) -> Lived {
    lived_at(Binary::start(database).await).await
}

async fn lived_at(binary: Binary) -> Lived {
    binary.user(USERNAME, PASSWORD).await;
    let arguments = [
        "--kind",
        "confidential",
        "--grant",
        "password",
        "--grant",
        "refresh_token",
        "--scope",
        "openid profile email offline_access",
        "--status-list",
    ];
    let app = binary.client("shop", &arguments).await;
    binary.cli(&["client", "update", "--id", "shop", "--name", "가게 \"A\"\n"], None).await;
    let (alive, kept) = app.password("openid").await.pair();
    let (revoked, spent) = app.password("openid").await.pair();
    app.revoke(&spent).await.ok();
    Lived { binary, app, alive, kept, revoked, spent }
}

impl Lived {
    fn file(&self) -> String {
        self.binary.cli.folder.path().join("copy.backup").display().to_string()
    }

    async fn backed_up(&self) -> Value {
        self.binary.cli.json(&["backup", &self.file()], None).await
    }

    async fn stopped(mut self) -> (Cli, App) {
        self.binary.terminate().await;
        assert_eq!(self.binary.ended().await, Some(0));
        (self.binary.cli, self.app)
    }
}

/// The other kind of database, if there is one; else a second one of the same kind.
async fn other(database: &Database, folder: &tempfile::TempDir) -> (Database, String) {
    let other = match database {
        Database::Sqlite => postgres_or_skip().unwrap_or(Database::Sqlite),
        Database::Postgres { .. } => Database::Sqlite,
    };
    let url = other.fresh(folder).await;
    (other, url)
}

const TABLES: &[&str] = &[
    "account",
    "account_key",
    "audit_event",
    "client",
    "client_change",
    "family",
    "revision",
    "revocation",
    "sealed_key",
    "signing_key",
    "status_bit",
    "status_list",
];

async fn counts(url: &str) -> Vec<i64> {
    let evidence = Evidence::at(url).await;
    let mut counts = Vec::new();
    for table in TABLES {
        counts.push(evidence.count(&format!("SELECT count(*) AS n FROM {table}")).await);
    }
    counts
}

async fn keys(url: &str) -> Vec<String> {
    Evidence::at(url).await.texts("SELECT kid AS text FROM signing_key ORDER BY kid").await
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

both! {
    async fn what_is_restored_in_another_database_goes_on(database) {
        let lived = lived(&database).await;
        let told = lived.backed_up().await;
        let file = lived.file();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(told["tables"]["family"] == 2 && told["tables"]["account"] == 1, "{told}");
        // What happens now is not in the backup.
        let (_, later) = lived.app.password("openid").await.pair();
        let Lived { alive, kept, revoked, spent, .. } = &lived;
        let (alive, kept) = (alive.clone(), kept.clone());
        let (revoked, spent) = (revoked.clone(), spent.clone());
        let (mut cli, app) = lived.stopped().await;
        let old = cli.get("MAPAE_DATABASE_URL").to_owned();
        let folder = tempfile::tempdir().unwrap();
        let (_other, url) = other(&database, &folder).await;
        cli.set("MAPAE_DATABASE_URL", &url);
        let restored = cli.json(&["restore", &file], None).await;
        assert_eq!(restored["tables"], told["tables"]);
        assert_eq!(restored["closed_status_lists"], 1);
        assert_eq!(keys(&url).await, keys(&old).await);
        let binary = cli.serve().await;
        assert!(app.is_active(&alive).await && !app.is_active(&revoked).await);
        let verifier = Verifier::at(&app.base);
        assert!(verifier.refuses(&alive).await, "the lists of the copy are closed");
        let (next, _) = app.refresh(&kept).await.pair();
        assert!(!verifier.refuses(&next).await, "it has a fresh place");
        app.refresh(&spent).await.refused(400, "invalid_grant");
        app.refresh(&later).await.refused(400, "invalid_grant");
        app.password("openid").await.ok();
        let evidence = binary.evidence().await;
        assert_eq!(evidence.events_of("backup.restored").await.len(), 1);
    }

    async fn a_backup_replaces_nothing_but_a_backup(database) {
        let mut lived = lived(&database).await;
        let folder = lived.binary.cli.folder.path().to_owned();
        let at = |name: &str| folder.join(name);
        fs::write(at("mapae.toml"), "log = \"info\"\n").unwrap();
        fs::write(at("notes"), "mine\n").unwrap();
        fs::create_dir(at("folder")).unwrap();
        symlink(at("notes"), at("to-notes")).unwrap();
        symlink("/dev/stdout", at("to-output")).unwrap();
        symlink(at("nowhere"), at("to-nothing")).unwrap();
        lived.binary.cli.set("MAPAE_CONFIG", at("mapae.toml").display().to_string());
        let mut refused = vec!["mapae.toml", "notes", "folder", "to-notes", "to-output", "to-nothing"];
        // No next key is there: what has its name would count as one.
        refused.extend(["keys/master.key", "keys/master.key.next"]);
        if matches!(database, Database::Sqlite) {
            refused.extend(["mapae.db", "mapae.db-wal", "mapae.db-shm", "mapae.db-journal"]);
            // It is empty.
            refused.push("mapae.db.serve-lock");
        }
        let file = |name: &str| fs::symlink_metadata(at(name)).ok().map(|found| found.ino());
        for name in refused {
            let was = file(name);
            let path = at(name).display().to_string();
            let said = lived.binary.cli.run(&["backup", &path], None).await;
            assert!(said.code == 1 && said.err.contains(&path), "{name}: {said:?}");
            assert_eq!(file(name), was, "{name}");
        }
        assert_eq!(fs::read_to_string(at("notes")).unwrap(), "mine\n");
        assert!(names(&folder).iter().all(|name| !name.contains(".draft-")), "nothing is left");
        lived.app.password("openid").await.ok();
    }

    async fn a_backup_goes_over_a_backup_through_a_link_and_into_a_fifo(database) {
        let lived = lived(&database).await;
        let cli = &lived.binary.cli;
        let [link, empty, fifo] =
            ["link", "empty", "fifo"].map(|name| cli.folder.path().join(name).display().to_string());
        let first = lived.backed_up().await;
        symlink(lived.file(), &link).unwrap();
        lived.app.password("openid").await.ok();
        let second = cli.json(&["backup", &link], None).await;
        assert_ne!(first["sha256"], second["sha256"]);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let written = fs::read_to_string(lived.file()).unwrap();
        assert!(written.contains(second["sha256"].as_str().unwrap()), "where the link leads to");
        fs::write(&empty, "").unwrap();
        cli.json(&["backup", &empty], None).await;
        assert!(Command::new("mkfifo").arg(&fifo).status().await.unwrap().success());
        let reading = Command::new("timeout").args(["60", "cat", fifo.as_str()]).output();
        let backup = ["backup", fifo.as_str()];
        let (read, told) = tokio::join!(reading, cli.json(&backup, None));
        let read = String::from_utf8(read.unwrap().stdout).unwrap();
        assert!(read.starts_with("{\"mapae_backup\":"), "{read}");
        assert!(read.contains(told["sha256"].as_str().unwrap()), "{told}");
        assert!(fs::symlink_metadata(&fifo).unwrap().file_type().is_fifo());
    }

    async fn a_copy_to_the_other_database_and_back_has_every_row(database) {
        let lived = lived(&database).await;
        let (alive, kept) = (lived.alive.clone(), lived.kept.clone());
        let (mut cli, app) = lived.stopped().await;
        let first = cli.get("MAPAE_DATABASE_URL").to_owned();
        let before = counts(&first).await;
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (_other, second) = other(&database, &one).await;
        let third = database.fresh(&two).await;
        for (from, to) in [(&first, &second), (&second, &third)] {
            cli.set("MAPAE_DATABASE_URL", from);
            let copied = copied(&cli, to).await;
            assert!(copied["rows"].as_i64().unwrap() > 20, "{copied}");
            assert_eq!(counts(to).await, before, "{to}");
            let again = cli.run(&["migrate", "copy", "--to", to], None).await;
            assert!(again.code == 1 && again.err.contains("not empty"), "{again:?}");
        }
        assert_eq!(keys(&third).await, keys(&first).await);
        cli.set("MAPAE_DATABASE_URL", &third);
        let _binary = cli.serve().await;
        assert!(app.is_active(&alive).await);
        assert!(!Verifier::at(&app.base).refuses(&alive).await, "a copy is not older");
        app.refresh(&kept).await.ok();
    }

    async fn a_database_that_is_served_or_not_empty_is_left_alone(database) {
        let lived = lived(&database).await;
        lived.backed_up().await;
        let file = lived.file();
        for force in [&["restore", &file][..], &["restore", &file, "--force"]] {
            let said = lived.binary.cli.run(force, None).await;
            assert!(said.code == 1 && said.err.contains("server"), "{said:?}");
        }
        lived.app.password("openid").await.ok();
        let (cli, _) = lived.stopped().await;
        let url = cli.get("MAPAE_DATABASE_URL").to_owned();
        let before = counts(&url).await;
        let mut said = cli.run(&["restore", &file], None).await;
        eventually("no lease is left", async || {
            said = cli.run(&["restore", &file], None).await;
            !said.err.contains("server")
        })
        .await;
        assert!(said.code == 1 && said.err.contains("--force"), "{said:?}");
        assert_eq!(counts(&url).await, before);
        cli.json(&["restore", &file, "--force"], None).await;
        assert!(counts(&url).await != before, "the password of later is gone");
    }

    async fn a_backup_that_is_cut_damaged_or_newer_changes_nothing(database) {
        let lived = lived(&database).await;
        lived.backed_up().await;
        let file = lived.file();
        let (mut cli, _) = lived.stopped().await;
        let whole = fs::read(&file).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (_other, url) = other(&database, &folder).await;
        cli.set("MAPAE_DATABASE_URL", &url);
        let text = String::from_utf8(whole.clone()).unwrap();
        let mut flipped = whole.clone();
        let middle = text.find("shop").unwrap();
        flipped[middle] = b'x';
        let last = text.trim_end().rfind('\n').unwrap();
        let cases: Vec<(&str, Vec<u8>)> = vec![
            ("no backup", Vec::new()),
            ("no backup", b"SQLite format 3\0".to_vec()),
            ("cut off", whole[..whole.len() / 2].to_vec()),
            ("cut off", whole[..=last].to_vec()),
            ("damaged", flipped),
            ("damaged", [whole.as_slice(), b"[]\n"].concat()),
            ("newer", text.replacen("\"mapae_backup\":1", "\"mapae_backup\":2", 1).into_bytes()),
            ("newer", text.replacen("m0001_core", "m9999_later", 1).into_bytes()),
        ];
        for (word, bytes) in cases {
            fs::write(&file, bytes).unwrap();
            let said = cli.run(&["restore", &file, "--force"], None).await;
            assert!(said.code == 1 && said.err.contains(word), "{word}: {said:?}");
            let drill = cli.run(&["restore", &file, "--drill"], None).await;
            assert!(drill.code == 1 && drill.err.contains(word), "{word}: {drill:?}");
        }
        assert_eq!(names(folder.path()), Vec::<String>::new());
        fs::write(&file, whole).unwrap();
        cli.json(&["restore", &file], None).await;
    }

    async fn a_backup_that_the_master_key_does_not_open_changes_nothing(database) {
        let lived = lived(&database).await;
        lived.backed_up().await;
        let file = lived.file();
        let (mut cli, app) = lived.stopped().await;
        let folder = cli.folder.path().to_owned();
        write_secret(folder.join("old.key"), fs::read(folder.join("keys/master.key")).unwrap());
        cli.json(&["key", "rewrap"], None).await;
        let (url, keys_dir) = (cli.get("MAPAE_DATABASE_URL").to_owned(), cli.get("MAPAE_KEYS_DIR").to_owned());
        let before = counts(&url).await;
        let said = forced(&cli, &file).await;
        assert!(said.code == 1 && said.err.contains("keys/master.key does not open"), "{said:?}");
        cli.set("MAPAE_KEYS_DIR", folder.join("none").display().to_string());
        let said = forced(&cli, &file).await;
        assert!(said.code == 1 && said.err.contains("no master key"), "{said:?}");
        cli.set("MAPAE_KEYS_DIR", keys_dir);
        assert_eq!(counts(&url).await, before);
        assert!(names(&folder).iter().all(|name| !name.contains(".restore-")), "nothing is left");
        // What was there is still good.
        let mut binary = cli.serve().await;
        app.password("openid").await.ok();
        binary.terminate().await;
        assert_eq!(binary.ended().await, Some(0));
        let mut cli = binary.cli;
        cli.set("MAPAE_MASTER_KEY_FILE", folder.join("old.key").display().to_string());
        let said = forced(&cli, &file).await;
        assert_eq!(said.code, 0, "{said:?}");
        let _binary = cli.serve().await;
        app.password("openid").await.ok();
    }

    async fn a_drill_signs_and_verifies_and_touches_nothing(database) {
        let lived = lived(&database).await;
        lived.backed_up().await;
        let file = lived.file();
        let epoch = lived.binary.cli.folder.path().join("keys/revocations.epoch");
        let (cli, _) = lived.stopped().await;
        let url = cli.get("MAPAE_DATABASE_URL").to_owned();
        let (before, was) = (counts(&url).await, fs::read_to_string(&epoch).unwrap());
        let told = cli.json(&["restore", &file, "--drill"], None).await;
        assert_eq!(told["verified"], true, "{told}");
        assert!(keys(&url).await.contains(&told["signed_with"].as_str().unwrap().to_owned()));
        assert_eq!(counts(&url).await, before);
        assert_eq!(fs::read_to_string(&epoch).unwrap(), was);
        // With another master key a restore would be worth nothing.
        let mut wrong = cli;
        wrong.set("MAPAE_MASTER_KEY", "7".repeat(64));
        let said = wrong.run(&["restore", &file, "--drill"], None).await;
        assert!(said.code == 1 && said.err.contains("master key"), "{said:?}");
    }

    async fn an_older_database_is_noticed_by_an_epoch_file_in_a_place_of_its_own(database) {
        let mut cli = Cli::new(&database).await;
        let file = cli.folder.path().join("state/revocations.epoch");
        fs::create_dir(cli.folder.path().join("state")).unwrap();
        // A key that is given as text has no folder.
        cli.set("MAPAE_MASTER_KEY", "7".repeat(64));
        cli.set("MAPAE_STATUS_LIST_EPOCH_FILE", file.display().to_string());
        let mut binary = an_older_database_is_noticed(cli, &file).await;
        let refused = binary.cli.run(&["backup", file.to_str().unwrap()], None).await;
        assert_eq!(refused.code, 1, "{refused:?}");
        binary.terminate().await;
        assert_eq!(binary.ended().await, Some(0));
        // A drill leaves it alone.
        let cli = binary.cli;
        let copy = cli.folder.path().join("copy.backup").display().to_string();
        cli.json(&["backup", &copy], None).await;
        let was = fs::read_to_string(&file).unwrap();
        cli.json(&["restore", "--drill", &copy], None).await;
        assert_eq!(fs::read_to_string(&file).unwrap(), was);
        assert_eq!(names(file.parent().unwrap()), ["revocations.epoch"]);
    }

    async fn everything_that_was_issued_before_ends_and_the_rest_goes_on(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server
            .client("app", |client| {
                client.metadata.status_list = StatusListMode::Each;
                client.metadata.backchannel_logout_uri =
                    Some("https://app.example.com/logout".to_owned());
            })
            .await;
        let own = [("grant_type", "client_credentials")];
        let (old, old_refresh) = app.password("openid").await.pair();
        let old_own = app.token(&own).await.ok().text("access_token");
        server.advance(100);
        let between = server.now().now();
        server.advance(100);
        let (new, new_refresh) = app.password("openid").await.pair();
        let new_own = app.token(&own).await.ok().text("access_token");
        let services = server.inner.services();
        let lifetime = services.lifetimes.access_token;
        let may = May::operator();
        let revoke = || {
            tokens::revoke_issued_before(&may, &services.store, server.now(), between, lifetime)
        };
        let told = revoke().await.unwrap();
        assert_eq!((told.ended.families, told.clients), (1, 1), "{told:?}");
        server.forget_clients();
        assert!(!app.is_active(&old).await && !app.is_active(&old_own).await);
        app.refresh(&old_refresh).await.refused(400, "invalid_grant");
        assert!(app.is_active(&new).await && app.is_active(&new_own).await);
        app.refresh(&new_refresh).await.ok();
        let verifier = Verifier::at(server.issuer());
        verifier.learns(&old).await;
        verifier.learns(&old_own).await;
        assert!(!verifier.refuses(&new).await);
        let evidence = server.evidence().await;
        let notices = "SELECT count(*) AS n FROM outbox WHERE kind = 'logout'";
        let events = "SELECT count(*) AS n FROM revocation WHERE kind = 'sid'";
        assert_eq!((evidence.count(notices).await, evidence.count(events).await), (1, 1));
        // It is done once.
        let again = revoke().await.unwrap();
        assert_eq!((again.ended.families, again.clients), (0, 0), "{again:?}");
        let future = server.now().now() + Duration::minutes(1);
        let refused =
            tokens::revoke_issued_before(&May::operator(), &services.store, server.now(), future, lifetime).await;
        assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
    }
}

/// A server makes this epoch file, and closes its status lists at its next start, since the database
/// is an older one by then.
async fn an_older_database_is_noticed(cli: Cli, file: &Path) -> Binary {
    let Lived { mut binary, app, revoked, .. } = lived_at(cli.serve().await).await;
    Verifier::at(&app.base).learns(&revoked).await;
    let evidence = binary.evidence().await;
    let last = "SELECT value AS n FROM revision WHERE name = 'revocations'";
    let last = evidence.count(last).await.to_string();
    drop(evidence);
    eventually("it is written", async || {
        let text = fs::read_to_string(file).unwrap_or_default();
        text.split(' ').next() == Some(last.as_str())
    })
    .await;
    binary.terminate().await;
    assert_eq!(binary.ended().await, Some(0));
    let evidence = binary.evidence().await;
    evidence.run("UPDATE revision SET value = value - 1 WHERE name = 'revocations'").await;
    evidence.run("DELETE FROM status_bit").await;
    evidence.run("DELETE FROM revocation").await;
    drop(evidence);
    binary.restart().await;
    assert!(Verifier::at(&app.base).refuses(&revoked).await, "all bits are set");
    let closed = binary.evidence().await.events_of("status_lists.closed").await;
    assert_eq!(closed.len(), 1);
    binary
}

#[tokio::test]
async fn without_a_folder_of_keys_the_epoch_file_is_beside_an_sqlite_database() {
    let mut cli = Cli::new(&Database::Sqlite).await;
    cli.set("MAPAE_MASTER_KEY", "7".repeat(64));
    let file = cli.folder.path().join("revocations.epoch");
    an_older_database_is_noticed(cli, &file).await;
}

async fn forced(cli: &Cli, file: &str) -> Said {
    let mut said = cli.run(&["restore", file, "--force"], None).await;
    eventually("no lease is left", async || {
        if said.err.contains("a server") {
            said = cli.run(&["restore", file, "--force"], None).await;
        }
        !said.err.contains("a server")
    })
    .await;
    said
}

async fn copied(cli: &Cli, to: &str) -> Value {
    let mut said = cli.run(&["migrate", "copy", "--to", to, "--json"], None).await;
    eventually("no lease is left", async || {
        if said.err.contains("server works") {
            said = cli.run(&["migrate", "copy", "--to", to, "--json"], None).await;
        }
        !said.err.contains("server works")
    })
    .await;
    said.json()
}

/// The old file stays whole until the new one is.
#[tokio::test]
async fn a_restore_that_is_killed_half_way_leaves_the_old_file() {
    let lived = lived(&Database::Sqlite).await;
    let evidence = lived.binary.evidence().await;
    evidence
        .run(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) \
             INSERT INTO audit_event (id, at, kind) SELECT 'x' || i, 0, 'test' FROM n",
        )
        .await;
    drop(evidence);
    lived.backed_up().await;
    let file = lived.file();
    let (cli, _) = lived.stopped().await;
    let url = cli.get("MAPAE_DATABASE_URL").to_owned();
    Evidence::at(&url).await.run("DELETE FROM audit_event WHERE kind = 'test'").await;
    let before = counts(&url).await;
    let folder = cli.folder.path().to_owned();
    let mut child = cli.command(&["restore", &file, "--force"]).spawn().unwrap();
    eventually("it has begun", async || {
        names(&folder).iter().any(|name| name.contains(".restore-"))
    })
    .await;
    child.kill().await.unwrap();
    assert_eq!(counts(&url).await, before);
    cli.json(&["restore", &file, "--force"], None).await;
    assert!(counts(&url).await != before);
    assert!(names(&folder).iter().all(|name| !name.contains(".restore-")), "nothing is left");
}

#[tokio::test]
async fn the_command_line_says_what_it_wants_of_an_instant() {
    let cli = Cli::installed(&Database::Sqlite).await;
    let said = cli.run(&["token", "revoke", "--issued-before", "yesterday"], None).await;
    assert!(said.code == 2 && said.err.contains("--issued-before yesterday"), "{said:?}");
    let said = cli.run(&["token", "revoke", "--issued-before", "2999-01-01T00:00:00Z"], None).await;
    assert!(said.code == 1 && said.err.contains("future"), "{said:?}");
    let told = cli.json(&["token", "revoke", "--issued-before", "1700000000"], None).await;
    assert_eq!(told["families"], 0);
}
