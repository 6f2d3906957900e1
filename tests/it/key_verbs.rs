//! `mapae key` beside a running server, and the master key.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use aws_lc_rs::encoding::AsBigEndian;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::support::{
    App, Binary, Cli, ClientArguments, Database, Evidence, decode_header, eventually, http,
};

async fn kids(binary: &Binary) -> Vec<String> {
    let url = format!("{}/.well-known/jwks.json", binary.issuer());
    let jwks: Value = http().get(url).send().await.unwrap().json().await.unwrap();
    listed(&jwks)
}

fn listed(jwks: &Value) -> Vec<String> {
    let keys = jwks["keys"].as_array().expect("keys").iter();
    keys.map(|key| key["kid"].as_str().expect("a kid").to_owned()).collect()
}

fn kid(token: &str) -> String {
    decode_header(token)["kid"].as_str().expect("a kid").to_owned()
}

fn every_grant() -> ClientArguments {
    let grants = ["password", "refresh_token", "client_credentials"];
    ClientArguments::confidential(&grants).with("--scope", "openid read")
}

async fn token(app: &App) -> String {
    let reply = app.token(&[("grant_type", "client_credentials"), ("scope", "read")]).await;
    reply.ok().text("access_token")
}

/// A private key as PEM, and the bytes that nobody may find.
fn pem() -> (String, Vec<u8>) {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let pkcs8 = key.to_pkcs8v1().expect("PKCS#8");
    let body = STANDARD.encode(pkcs8.as_ref());
    let lines: Vec<_> = body.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    let body = lines.join("\n");
    let secret = key.private_key().as_be_bytes().expect("d").as_ref().to_vec();
    (format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n"), secret)
}

/// Everything in the folder of the database.
fn database_bytes(cli: &Cli) -> Vec<u8> {
    let names = ["mapae.db", "mapae.db-wal"];
    names
        .iter()
        .flat_map(|name| fs::read(cli.folder.path().join(name)).unwrap_or_default())
        .collect()
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotate_now_signs_soon_and_keeps_the_old_key_published() {
    let binary = Binary::start(&Database::Sqlite).await;
    binary.user("alice", "correct horse battery staple").await;
    let app = binary.register("app", &every_grant()).await;
    let (old, refresh) = app.password("openid read").await.pair();
    let before = kids(&binary).await;
    let made = binary.cli(&["key", "rotate", "--now"], None).await;
    let new = listed(&made);
    assert_eq!(new.len(), 2, "{made}");
    let shown = async || {
        let published = kids(&binary).await;
        new.iter().chain(&before).all(|kid| published.contains(kid))
    };
    eventually("the new keys show beside the old ones", shown).await;
    eventually("the new key signs", async || new.contains(&kid(&token(&app).await))).await;
    assert!(app.is_active(&old).await && app.userinfo(&old).await.status == 200);
    let succeeded = async || {
        let list = binary.cli(&["key", "list"], None).await;
        let keys = list["keys"].as_array().expect("keys");
        keys.iter().all(|key| {
            let is_new = new.iter().any(|kid| key["kid"] == kid.as_str());
            key["phase"] == if is_new { "signing" } else { "retiring" }
        })
    };
    eventually("each key has its successor", succeeded).await;
    let exported = binary.cli(&["key", "export-jwks"], None).await;
    assert_eq!(listed(&exported), kids(&binary).await);

    // The emergency: nothing that the old key signed is good any more, not even as a proof.
    binary.cli(&["key", "drop", &kid(&old)], None).await;
    eventually("the dropped key is gone", async || !kids(&binary).await.contains(&kid(&old))).await;
    eventually("its tokens are refused", async || !app.is_active(&old).await).await;
    assert_eq!(app.userinfo(&old).await.status, 401);
    let proof = [("access_token", old.as_str())];
    app.refresh_with(&refresh, &proof).await.refused(400, "invalid_grant");
    let (access, _) = app.refresh(&refresh).await.pair();
    assert!(app.is_active(&access).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotate_publishes_first_and_signs_after_the_lead() {
    let binary = Binary::start(&Database::Sqlite).await;
    let app = binary.register("app", &every_grant()).await;
    let before = kid(&token(&app).await);
    let made = binary.cli(&["key", "rotate", "--alg", "RS256"], None).await;
    let [new] = &listed(&made)[..] else { panic!("one key: {made}") };
    eventually("it shows", async || kids(&binary).await.contains(new)).await;
    assert_eq!(kid(&token(&app).await), before);
    let list = binary.cli(&["key", "list"], None).await;
    let keys = list["keys"].as_array().expect("keys");
    let found = keys.iter().find(|key| key["kid"] == new.as_str()).expect("listed");
    assert_eq!((&found["phase"], &found["published"]), (&"pending".into(), &true.into()));
    // Verifiers have hours to see it.
    let signs_from = found["signs_from"].as_str().expect("an instant").parse();
    let signs_from: chrono::DateTime<chrono::Utc> = signs_from.expect("an instant");
    let now = mapae::domain::clock::Clock::system().now();
    assert!(signs_from > now + chrono::Duration::hours(1), "{signs_from}");
    let words = binary.cli.run(&["key", "list"], None).await;
    assert!(words.code == 0 && words.out.contains(new) && words.out.starts_with("KID"));
}

#[tokio::test]
async fn the_only_key_of_an_algorithm_cannot_be_dropped() {
    let cli = Cli::installed(&Database::Sqlite).await;
    let list = cli.json(&["key", "list"], None).await;
    assert_eq!(list["keys"].as_array().expect("keys").len(), 2);
    for kid in listed(&list) {
        let said = cli.run(&["key", "drop", &kid, "--json"], None).await;
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{said:?}");
        assert!(said.err.contains("none is to follow it"), "{said:?}");
    }
    let said = cli.run(&["key", "drop", "unknown"], None).await;
    assert_eq!(said.code, 1);
    assert_eq!(cli.json(&["key", "list"], None).await, list);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_imported_key_signs_and_private_halves_are_sealed() {
    let binary = Binary::start(&Database::Sqlite).await;
    let arguments = every_grant().with("--token-alg", "ES256");
    let app = binary.register("app", &arguments).await;
    let (pem, secret) = pem();
    let file = binary.cli.folder.path().join("key.pem");
    fs::write(&file, &pem).unwrap();
    let import = ["key", "import", file.to_str().unwrap(), "--now"];
    let imported = binary.cli(&import, None).await;
    let new = imported["kid"].as_str().expect("a kid");
    assert_eq!(imported["alg"], "ES256");
    eventually("it signs", async || kid(&token(&app).await) == new).await;
    let said = binary.cli.run(&import, None).await;
    assert!(said.code == 1 && said.err.contains("already"), "{said:?}");
    fs::write(&file, "nonsense").unwrap();
    assert_eq!(binary.cli.run(&import, None).await.code, 1);
    assert_eq!(binary.cli.run(&["key", "import", "nowhere.pem"], None).await.code, 1);

    let found = database_bytes(&binary.cli);
    assert!(holds(&found, new.as_bytes()), "this is where keys are");
    // The object identifiers of PKCS#8: rsaEncryption and id-ecPublicKey.
    for sign in [
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01][..],
        &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01][..],
        b"PRIVATE KEY",
        b"\"d\"",
        b"\"p\"",
        b"\"q\"",
        &secret,
        URL_SAFE_NO_PAD.encode(&secret).as_bytes(),
        &STANDARD.encode(&secret).as_bytes()[..40],
        pem.lines().nth(1).unwrap().as_bytes(),
    ] {
        assert!(!holds(&found, sign), "{}", String::from_utf8_lossy(sign));
    }
    let jwks = binary.cli(&["key", "export-jwks"], None).await.to_string();
    for member in ["d", "p", "q", "dp", "dq", "qi", "k"] {
        assert!(!jwks.contains(&format!("\"{member}\":")), "{member}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rewrap_changes_the_master_key_and_an_interrupted_one_is_healed() {
    let mut binary = Binary::start(&Database::Sqlite).await;
    binary.user("alice", "correct horse battery staple").await;
    let app = binary.register("app", &every_grant()).await;
    let (access, refresh) = app.password("openid").await.pair();
    let (_, lost) = app.refresh(&refresh).await.pair();
    let folder = binary.cli.folder.path().join("keys");
    let (key, next) = (folder.join("master.key"), folder.join("master.key.next"));
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let old = fs::read_to_string(&key).unwrap();
    binary.cli(&["key", "rewrap"], None).await;
    let new = fs::read_to_string(&key).unwrap();
    assert!(new != old && !next.exists() && mode(&key) == 0o600);
    assert!(app.is_active(&access).await, "the server that runs goes on");
    token(&app).await;
    binary.kill().await;
    binary.restart().await;
    let published = kids(&binary).await;
    assert!(app.is_active(&access).await);
    let (_, again) = app.refresh(&refresh).await.pair();
    assert_eq!(again, lost, "the lost answer is found again under the new master key");
    let (_, refresh) = app.refresh(&again).await.pair();
    binary.kill().await;

    // It stopped after sealing, before the file was put in its place.
    fs::rename(&key, &next).unwrap();
    fs::write(&key, &old).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    binary.restart().await;
    assert_eq!(fs::read_to_string(&key).unwrap(), new);
    assert!(!next.exists());
    assert_eq!(kids(&binary).await, published);
    let (_, refresh) = app.refresh(&refresh).await.pair();
    binary.kill().await;

    // It stopped before sealing: the next key is nobody's yet, and the next change replaces it.
    fs::write(&next, URL_SAFE_NO_PAD.encode([7; 32])).unwrap();
    fs::set_permissions(&next, fs::Permissions::from_mode(0o600)).unwrap();
    binary.restart().await;
    assert_eq!(fs::read_to_string(&key).unwrap(), new);
    let (_, refresh) = app.refresh(&refresh).await.pair();
    binary.cli(&["key", "rewrap"], None).await;
    assert!(!next.exists() && fs::read_to_string(&key).unwrap() != new);
    binary.cli(&["key", "rewrap", "--end-refresh-tokens"], None).await;
    binary.kill().await;
    binary.restart().await;
    app.refresh(&refresh).await.refused(400, "invalid_grant");
    assert!(app.is_active(&access).await, "access tokens are not ended by it");
    let (_, refresh) = app.password("openid").await.pair();
    app.refresh(&refresh).await.ok();
    assert_eq!(binary.cli(&["doctor"], None).await["good"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_key_by_file_is_changed_by_another_file() {
    let mut cli = Cli::new(&Database::Sqlite).await;
    let write = |name: &str, byte: u8| {
        let path = cli.folder.path().join(name);
        fs::write(&path, URL_SAFE_NO_PAD.encode([byte; 32])).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (one, same, two) = (write("one", 1), write("same", 1), write("two", 2));
    cli.set("MAPAE_MASTER_KEY_FILE", &one);
    cli.json(&["migrate", "up"], None).await;
    cli.json(&["key", "rotate"], None).await;
    let list = cli.json(&["key", "list"], None).await;
    let said = cli.run(&["key", "rewrap"], None).await;
    assert_eq!(said.code, 2, "{said:?}");
    // The key that is in force is no other one, whatever its file is called.
    for same in [&one, &same] {
        let said = cli.run(&["key", "rewrap", "--new-master-key-file", same], None).await;
        assert!(said.code == 1 && said.err.contains(same) && said.out.is_empty(), "{said:?}");
    }
    let events = Evidence::at(cli.get("MAPAE_DATABASE_URL")).await;
    assert!(events.events_of("master_key.changed").await.is_empty());
    cli.json(&["key", "rewrap", "--new-master-key-file", &two], None).await;
    let said = cli.run(&["key", "list"], None).await;
    assert!(said.code == 1 && said.err.contains("master key"), "{said:?}");
    cli.set("MAPAE_MASTER_KEY_FILE", &two);
    assert_eq!(listed(&cli.json(&["key", "list"], None).await), listed(&list));
    // The same key as text, for a cluster.
    cli.set("MAPAE_MASTER_KEY_FILE", "");
    cli.set("MAPAE_MASTER_KEY", URL_SAFE_NO_PAD.encode([2; 32]));
    assert_eq!(listed(&cli.json(&["key", "list"], None).await), listed(&list));
    assert!(!cli.folder.path().join("keys").exists());
    cli.set("MAPAE_MASTER_KEY", "too short");
    let said = cli.run(&["key", "list"], None).await;
    assert!(said.code == 1 && said.err.contains("32 bytes"), "{said:?}");
    assert!(!said.err.contains("too short"), "what is given as a key is not shown");
}

#[tokio::test]
async fn a_master_key_that_everybody_can_read_is_refused_and_one_of_the_group_is_taken() {
    let cli = Cli::on_disk(&Database::Sqlite).await.ran_once().await;
    let path = cli.folder.path().join("keys/master.key");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let database = fs::metadata(cli.folder.path().join("mapae.db")).unwrap();
    assert_eq!(database.permissions().mode() & 0o077, 0, "the database is its owner's alone");
    for mode in [0o604, 0o644, 0o602] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        for verb in [&["serve"][..], &["key", "list"]] {
            let said = cli.run(verb, None).await;
            assert_eq!(said.code, 1, "{said:?}");
            assert!(said.err.contains("master.key") && said.err.contains("chmod o-r"), "{said:?}");
        }
        let said = cli.run(&["doctor", "--json"], None).await;
        assert!(said.code == 1 && said.out.contains("\"good\":false"), "{said:?}");
    }
    // As Kubernetes gives it to the group of a pod.
    for mode in [0o440, 0o640, 0o660] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(cli.json(&["doctor"], None).await["good"], true, "{mode:o}");
        cli.json(&["key", "list"], None).await;
    }
}

#[tokio::test]
async fn rotate_says_by_which_settings_it_made_the_keys() {
    let mut cli = Cli::installed(&Database::Sqlite).await;
    cli.set("MAPAE_KEYS_PUBLISH_LEAD", "3h");
    let made = cli.json(&["key", "rotate", "--alg", "ES256"], None).await;
    assert_eq!(made["settings"]["file"], Value::Null);
    let mut used = made["settings"]["in_force"].as_array().unwrap().iter();
    let lead = used.find(|one| one["key"] == "keys.publish_lead").unwrap();
    assert_eq!((&lead["value"], &lead["source"]), (&"3h".into(), &"environment".into()));
    let file = cli.folder.path().join("mapae.toml");
    fs::write(&file, "[keys]\nrsa_bits = 3072\n").unwrap();
    let file = file.display().to_string();
    cli.set("MAPAE_CONFIG", &file);
    let said = cli.run(&["key", "rotate", "--alg", "ES256", "--now"], None).await;
    assert_eq!(said.code, 0, "{said:?}");
    for word in ["keys.publish_lead = 3h (environment)", "keys.rsa_bits = 3072 (file)", &file] {
        assert!(said.out.contains(word), "{word} {said:?}");
    }
}
