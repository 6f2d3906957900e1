//! The parts of an installation: a database, a master key, files with secrets. Commands that only
//! read create none of them, and a missing part is never replaced silently.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use serde_json::Value;

use crate::support::certificates::Authority;
use crate::support::{Binary, Cli, Database, Evidence, both, eventually, http, write_secret};

const READING: &[&[&str]] = &[
    &["client", "list"],
    &["client", "show", "--id", "x"],
    &["user", "list"],
    &["user", "show", "--username", "x"],
    &["provider", "list"],
    &["provider", "show", "x"],
    &["key", "list"],
    &["key", "fetchers"],
    &["key", "export-jwks"],
    &["token", "inspect"],
    &["token", "explain"],
    &["audit", "list"],
    &["migrate", "status"],
];

const CHANGING: &[&[&str]] = &[
    &["client", "disable", "--id", "x"],
    &["client", "update", "--id", "x", "--name", "y"],
    &["user", "logout", "--username", "x"],
    &["provider", "disable", "x"],
    &["key", "rotate"],
    &["key", "rewrap"],
    &["token", "revoke"],
];

fn entries(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verb_that_looks_or_changes_makes_no_database_no_folder_and_no_key() {
    let cli = Cli::new(&Database::Sqlite).await;
    for verb in READING.iter().chain(CHANGING) {
        let said = cli.run(verb, Some("mapae_rt_x")).await;
        assert_eq!(said.code, 1, "{verb:?} {said:?}");
        assert!(said.err.contains("there is no database"), "{verb:?} {said:?}");
        assert!(said.err.contains("mapae.db"), "{verb:?} {said:?}");
        assert_eq!(entries(cli.folder.path()), [""; 0], "{verb:?}");
    }
    assert_eq!(cli.run(&["doctor"], None).await.code, 1);
    cli.run(&["provider", "check", "kakao"], None).await;
    cli.json(&["config", "check"], None).await;
    assert_eq!(entries(cli.folder.path()), [""; 0]);
    // The first verb that adds something may be the first of an installation, and says so.
    let create = ["client", "create", "--id", "x", "--name", "x", "--kind", "public"];
    let said = cli.run(&create, None).await;
    assert!(said.code == 0 && said.err.contains("made a new database at /"), "{said:?}");
    let said = cli.run(&["client", "list"], None).await;
    assert!(said.code == 0 && !said.err.contains("database"), "{said:?}");
    // No key is made by looking for one.
    let said = cli.run(&["key", "list"], None).await;
    assert!(said.code == 1 && said.err.contains("there is no master key"), "{said:?}");
    assert!(!cli.folder.path().join("keys").exists());
}

const APPLIED: &str = "SELECT count(*) AS n FROM seaql_migrations";
const FORGET_ONE: &str = "DELETE FROM seaql_migrations WHERE version = 'm0011_endings'";

const NEWER: &str = "m9999_of_a_newer_version";
const CHANGE_BY_NEWER: &str = "INSERT INTO seaql_migrations (version, applied_at) \
                               VALUES ('m9999_of_a_newer_version', 0)";

both! {
    /// The steps of the newer version are not all: one of ours is missing besides, and is not applied.
    async fn a_database_that_a_newer_version_changed_is_refused_and_left_alone(database) {
        let cli = Cli::installed(&database).await;
        let evidence = Evidence::at(cli.get("MAPAE_DATABASE_URL")).await;
        evidence.run(CHANGE_BY_NEWER).await;
        evidence.run(FORGET_ONE).await;
        let rows = async || {
            let mut rows = vec![evidence.count(APPLIED).await];
            for table in ["client", "signing_key", "audit_event"] {
                rows.push(evidence.count(&format!("SELECT count(*) AS n FROM {table}")).await);
            }
            rows
        };
        let before = rows().await;
        let copy = cli.folder.path().join("copy.backup");
        let verbs: [&[&str]; 7] = [
            &["serve"],
            &["migrate", "up"],
            &["migrate", "status"],
            &["client", "list"],
            &["client", "create", "--id", "x", "--name", "x", "--kind", "public"],
            &["key", "rotate"],
            &["backup", copy.to_str().unwrap()],
        ];
        for verb in verbs {
            let said = cli.run(verb, None).await;
            assert_eq!((said.code, said.out.as_str()), (1, ""), "{verb:?} {said:?}");
            for words in ["changed by a newer version of mapae", NEWER, "Start that version", "restore a backup"] {
                assert!(said.err.contains(words), "{words}: {verb:?} {said:?}");
            }
        }
        let said = cli.run(&["doctor"], None).await;
        assert!(said.code == 1 && said.out.contains("changed by a newer version") && said.out.contains(NEWER), "{said:?}");
        assert_eq!(rows().await, before, "nothing was written");
        assert!(!copy.exists());
    }

    async fn a_verb_that_looks_migrates_nothing_and_says_what_is_pending(database) {
        let cli = Cli::installed(&database).await;
        let evidence = Evidence::at(cli.get("MAPAE_DATABASE_URL")).await;
        evidence.run(FORGET_ONE).await;
        let applied = evidence.count(APPLIED).await;
        for verb in READING {
            let said = cli.run(verb, Some("mapae_rt_x")).await;
            assert_eq!(said.code, 1, "{verb:?} {said:?}");
            assert!(said.err.contains("1 migrations are pending"), "{verb:?} {said:?}");
        }
        let said = cli.run(&["doctor"], None).await;
        assert!(said.code == 1 && said.out.contains("1 pending"), "{said:?}");
        cli.json(&["config", "show"], None).await;
        assert_eq!(evidence.count(APPLIED).await, applied, "nothing was migrated");
    }

    /// Somebody put the copy of an older version in place of the database. That a newer version takes
    /// the place of this one server by server, and migrated the database, stops no server that runs.
    async fn a_server_is_not_ready_while_a_migration_is_pending(database) {
        let binary = Binary::start(&database).await;
        let url = format!("{}/readyz", binary.issuer());
        let status = async || http().get(&url).send().await.unwrap().status().as_u16();
        assert_eq!(status().await, 200);
        let evidence = binary.evidence().await;
        evidence.run(CHANGE_BY_NEWER).await;
        evidence.run(FORGET_ONE).await;
        eventually("not ready", async || status().await == 503).await;
        eventually("the log says why", async || {
            binary.whole_log().await.contains("1 pending: m0011_endings")
        })
        .await;
        evidence.run("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m0011_endings', 0)").await;
        eventually("ready by itself", async || status().await == 200).await;
    }
}

#[tokio::test]
async fn a_database_that_cannot_be_made_is_named_with_its_setting() {
    let mut cli = Cli::new(&Database::Sqlite).await;
    let file = cli.folder.path().join("file");
    fs::write(&file, "").unwrap();
    let database = file.join("mapae.db").display().to_string();
    cli.set("MAPAE_DATABASE_URL", format!("sqlite://{database}"));
    for verb in [&["serve"][..], &["user", "create", "--username", "alice", "--password-stdin"]] {
        let said = cli.run(verb, Some("correct horse battery staple")).await;
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{said:?}");
        assert!(said.err.contains(&database) && said.err.contains("database.url"), "{said:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_database_was_sealed_elsewhere_makes_no_key_in_its_place() {
    let cli = Cli::installed(&Database::Sqlite).await;
    let (keys, elsewhere) = (cli.folder.path().join("keys"), cli.folder.path().join("elsewhere"));
    fs::rename(&keys, &elsewhere).unwrap();
    for verb in [&["serve"][..], &["key", "rotate"], &["key", "rewrap"]] {
        let said = cli.run(verb, None).await;
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{said:?}");
        for word in ["was sealed under a master key", "mapae.db", "keys_dir"] {
            assert!(said.err.contains(word), "{word}: {said:?}");
        }
        assert!(!keys.exists(), "{verb:?}");
    }
    fs::rename(&elsewhere, &keys).unwrap();
    let mut binary = cli.serve().await;
    binary.terminate().await;
    assert_eq!(binary.ended().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_key_that_did_not_seal_the_database_is_named_by_its_file_or_setting() {
    let mut cli = Cli::installed(&Database::Sqlite).await;
    let refused = async |cli: &Cli, place: &str| {
        for verb in [&["serve"][..], &["key", "list"]] {
            let said = cli.run(verb, None).await;
            assert_eq!((said.code, said.out.as_str()), (1, ""), "{said:?}");
            for word in ["was sealed under a master key", "mapae.db", place, "key rewrap"] {
                assert!(said.err.contains(word), "{word}: {said:?}");
            }
        }
    };
    let file = cli.folder.path().join("keys/master.key");
    for wrong in ["ab".repeat(32), "junk\n".to_owned(), String::new()] {
        write_secret(&file, wrong);
        refused(&cli, &file.display().to_string()).await;
    }
    let file = cli.folder.path().join("elsewhere").display().to_string();
    cli.set("MAPAE_MASTER_KEY_FILE", &file);
    refused(&cli, &format!("{file} does not exist")).await;
    write_secret(&file, "ab".repeat(32));
    refused(&cli, &format!("{file} holds another one")).await;
    cli.set("MAPAE_MASTER_KEY_FILE", "");
    cli.set("MAPAE_MASTER_KEY", "cd".repeat(32));
    refused(&cli, "master_key holds another one").await;
}

fn line(log: &str, message: &str) -> Option<Value> {
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines.into_iter().find(|line| line["message"] == message)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_names_the_database_and_says_that_it_is_new() {
    let mut binary = Cli::new(&Database::Sqlite).await.serve().await;
    let path = binary.cli.folder.path().join("mapae.db").display().to_string();
    let ready = async |binary: &Binary| {
        eventually("logged", async || line(&binary.log(), "ready").is_some()).await;
        line(&binary.log(), "ready").expect("logged")
    };
    assert_eq!(ready(&binary).await["database"], path.as_str());
    let new = line(&binary.log(), "made a new database").expect("logged");
    assert_eq!(new["database"], path.as_str());
    binary.terminate().await;
    assert_eq!(binary.ended().await, Some(0));
    fs::remove_file(binary.cli.folder.path().join("server.log")).unwrap();
    binary.restart().await;
    ready(&binary).await;
    assert_eq!(line(&binary.whole_log().await, "made a new database"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_rule_says_who_else_may_read_a_file_with_a_secret() {
    let mut cli = Cli::on_disk(&Database::Sqlite).await;
    let folder = cli.folder.path().to_owned();
    let file = |name: &str| folder.join(name).display().to_string();
    let pair = Authority::new().issue(&["localhost"]);
    write_secret(file("url"), cli.get("MAPAE_DATABASE_URL"));
    write_secret(file("master"), "ab".repeat(32));
    write_secret(file("secret"), "of a client");
    write_secret(file("cert"), &pair.certificate);
    write_secret(file("key"), &pair.key);
    let social = format!(
        "[[social]]\nslug = \"google\"\npreset = \"google\"\nclient_id = \"x\"\n\
         client_secret_file = \"{}\"\n",
        file("secret")
    );
    fs::write(file("mapae.toml"), social).unwrap();
    cli.set("MAPAE_CONFIG", file("mapae.toml"));
    cli.set("MAPAE_DATABASE_URL", "");
    cli.set("MAPAE_DATABASE_URL_FILE", file("url"));
    cli.set("MAPAE_MASTER_KEY_FILE", file("master"));
    cli.set("MAPAE_ISSUER", "https://localhost");
    cli.set("MAPAE_TLS_CERT_FILE", file("cert"));
    cli.set("MAPAE_TLS_KEY_FILE", file("key"));
    let mode = |name: &str, mode| fs::set_permissions(file(name), Permissions::from_mode(mode));
    for name in ["url", "master", "secret", "key"] {
        for (bits, word) in [(0o644, "chmod o-r"), (0o606, "chmod o-rw")] {
            mode(name, bits).unwrap();
            let said = cli.run(&["serve"], None).await;
            assert_eq!(said.code, 1, "{name} {bits:o} {said:?}");
            assert!(said.err.contains(&file(name)) && said.err.contains(word), "{said:?}");
        }
        mode(name, 0o440).unwrap();
    }
    // As Kubernetes mounts them: by links, in memory, readable by all.
    let Ok(memory) = tempfile::tempdir_in("/dev/shm") else {
        return crate::support::required_or_skip("there is no /dev/shm");
    };
    for name in ["url", "master", "secret", "key"] {
        let there = memory.path().join(name);
        fs::copy(file(name), &there).unwrap();
        fs::set_permissions(&there, Permissions::from_mode(0o444)).unwrap();
        fs::remove_file(file(name)).unwrap();
        symlink(&there, file(name)).unwrap();
    }
    let mut child = cli.command(&["serve"]).spawn().unwrap();
    let address = cli.get("MAPAE_LISTEN").to_owned();
    eventually("it serves", async || tokio::net::TcpStream::connect(&address).await.is_ok()).await;
    crate::support::terminate(&child).await;
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
}

async fn published(base: &str) -> Value {
    let reply = http().get(format!("{base}/.well-known/jwks.json")).send().await.unwrap();
    reply.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_public_key_that_was_put_into_the_database_is_not_published() {
    let mut binary = Binary::start(&Database::Sqlite).await;
    let before = published(&binary.issuer()).await;
    binary.terminate().await;
    assert_eq!(binary.ended().await, Some(0));
    let database = rusqlite::Connection::open(binary.cli.folder.path().join("mapae.db")).unwrap();
    let kid = before["keys"].as_array().unwrap().iter().find(|key| key["kty"] == "RSA").unwrap();
    let n = kid["n"].as_str().unwrap();
    let another = format!("{}{}", if n.starts_with('A') { 'B' } else { 'A' }, &n[1..]);
    let replace = "UPDATE signing_key SET public_jwk = replace(public_jwk, ?1, ?2)";
    assert_eq!(database.execute(replace, [n, &another]).unwrap(), 2);
    drop(database);
    let said = binary.cli.run(&["doctor"], None).await;
    assert!(said.code == 1 && said.out.contains("public half"), "{said:?}");
    binary.restart().await;
    assert_eq!(published(&binary.issuer()).await, before);
    let log = binary.whole_log().await;
    assert!(log.contains("the public half of a signing key was changed"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_a_wrong_clock_is_told_by_the_doctor() {
    let cli = Cli::installed(&Database::Sqlite).await;
    assert_eq!(cli.json(&["doctor"], None).await["good"], true);
    let made = cli.json(&["key", "rotate", "--alg", "ES256"], None).await;
    let kid = made["keys"][0]["kid"].as_str().unwrap();
    let database = rusqlite::Connection::open(cli.folder.path().join("mapae.db")).unwrap();
    let year = "UPDATE signing_key SET signs_from = signs_from + 34560000000 WHERE kid = ?1";
    assert_eq!(database.execute(year, [kid]).unwrap(), 1);
    let said = cli.run(&["doctor"], None).await;
    assert!(said.code == 1 && said.out.contains("a clock that was far ahead"), "{said:?}");
    cli.json(&["key", "drop", kid], None).await;
    assert_eq!(cli.json(&["doctor"], None).await["good"], true);
}
