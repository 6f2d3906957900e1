//! The commands `client`, `user`, `token` and `migrate`: their arguments, their JSON, their exit
//! codes.

use serde_json::{Value, json};

use crate::support::{Binary, CHALLENGE, Cli, ClientArguments, Database, PASSWORD, eventually};

/// That a verb is refused as a usage error and says nothing on standard output.
async fn usage(cli: &Cli, arguments: &[&str]) {
    let said = cli.run(arguments, None).await;
    assert_eq!((said.code, said.out.as_str()), (2, ""), "{arguments:?} {said:?}");
    assert!(!said.err.is_empty());
}

/// That a verb refuses what makes no sense on a command line, and says why.
async fn makes_no_sense(cli: &Cli, arguments: &[&str], why: &str) {
    ends(cli, arguments, 2, why).await;
}

/// That a verb fails and says why.
async fn fails(cli: &Cli, arguments: &[&str], why: &str) {
    ends(cli, arguments, 1, why).await;
}

/// That a verb ends like this, says why on standard error and nothing on standard output.
async fn ends(cli: &Cli, arguments: &[&str], code: i32, why: &str) {
    for json in [false, true] {
        let mut arguments = arguments.to_vec();
        arguments.extend(json.then_some("--json"));
        let said = cli.run(&arguments, None).await;
        assert_eq!((said.code, said.out.as_str()), (code, ""), "{arguments:?} {said:?}");
        assert!(said.err.contains(why), "{arguments:?} {said:?}");
    }
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one list of forms")]
async fn client_create_takes_every_form_that_scripts_rely_on() {
    let cli = Cli::new(&Database::Sqlite).await;
    let created = cli
        .json(
            &[
                "client",
                "create",
                "--id",
                "app",
                "--name",
                "An app",
                "--kind",
                "confidential",
                "--grant",
                "password",
                "--grant",
                "refresh_token",
                "--grant",
                "client_credentials",
                "--redirect-uri",
                "https://app.test/cb",
                "--redirect-uri",
                "http://127.0.0.1/cb",
                "--post-logout-redirect-uri",
                "https://app.test/bye",
                "--backchannel-logout-uri",
                "https://app.test/logout",
                "--allowed-origin",
                "https://app.test",
                "--allowed-origin",
                "http://localhost:3000",
                "--refresh-delivery",
                "cookie",
                "--require-pkce",
                "false",
                "--first-party",
                "--trust-user-ip",
                "--logo-uri",
                "https://app.test/logo.svg",
                "--policy-uri",
                "https://app.test/privacy",
                "--tos-uri",
                "https://app.test/terms",
                "--scope",
                "openid profile email",
                "--audience",
                "https://a",
                "--audience",
                "https://b",
                "--resource-server",
                "https://c",
                "--token-alg",
                "ES256",
                "--access-token-typ",
                "JWT",
                "--id-token-claims",
                "--access-token-claim",
                "email",
                "--access-token-claim",
                "name",
                "--assertions",
                "strict",
                "--refresh-policy",
                "rotate",
                "--refresh-grace",
                "5",
                "--require-access-token-proof",
                "--require-pushed-authorization-requests",
                "--authorization-signed-response-alg",
                "RS256",
                "--auth-method",
                "client_secret_post",
                "--json",
            ],
            None,
        )
        .await;
    assert_eq!(keys(&created), ["client_id", "client_secret"]);
    assert!(created["client_secret"].as_str().unwrap().starts_with("mapae_cs_"));
    let mut shown = cli.json(&["client", "show", "--id", "app"], None).await;
    assert!(shown.as_object_mut().unwrap().remove("created_at").unwrap().is_string());
    for (name, unless_given) in [
        ("dpop_bound_access_tokens", json!(false)),
        ("tls_client_certificate_bound_access_tokens", json!(false)),
        ("tls_client_auth_subject_dn", json!(null)),
        ("tls_client_auth_san_dns", json!(null)),
        ("tls_client_auth_san_uri", json!(null)),
        ("tls_client_auth_san_ip", json!(null)),
        ("tls_client_auth_san_email", json!(null)),
        ("userinfo_signed_response_alg", json!(null)),
        ("introspection_signed_response_alg", json!(null)),
        ("jwks_uri", json!(null)),
        ("client_uri", json!(null)),
        ("contacts", json!([])),
        ("software_id", json!(null)),
        ("software_version", json!(null)),
        ("application_type", json!(null)),
        ("may_act", json!([])),
        ("trusted_issuers", json!([])),
        ("id_jag_audiences", json!([])),
        ("id_jag_issuers", json!([])),
        ("registered_by", json!("operator")),
        ("subject_type", json!("public")),
        ("sector_identifier_uri", json!(null)),
        ("profile", json!(null)),
    ] {
        assert_eq!(shown.as_object_mut().unwrap().remove(name), Some(unless_given), "{name}");
    }
    assert_eq!(
        shown,
        json!({
            "client_id": "app", "client_name": "An app", "kind": "confidential",
            "token_endpoint_auth_method": "client_secret_post",
            "jwks": null, "grant_types": ["password", "refresh_token", "client_credentials"],
            "scope": "email openid profile", "audiences": ["https://a", "https://b"],
            "resource_servers": ["https://c"],
            "redirect_uris": ["https://app.test/cb", "http://127.0.0.1/cb"],
            "post_logout_redirect_uris": ["https://app.test/bye"],
            "backchannel_logout_uri": "https://app.test/logout",
            "allowed_origins": ["https://app.test", "http://localhost:3000"],
            "refresh_delivery": "cookie", "require_pkce": "false", "first_party": true,
            "trust_user_ip": true, "require_pushed_authorization_requests": true,
            "authorization_signed_response_alg": "RS256", "request_object_signing_alg": null, "require_signed_request_object": false,
            "logo_uri": "https://app.test/logo.svg", "policy_uri": "https://app.test/privacy",
            "tos_uri": "https://app.test/terms",
            "access_token_typ": "JWT", "id_token_claims": true,
            "access_token_claims": ["email", "name"], "claims": [], "assertions": "strict",
            "token_alg": "ES256", "refresh_policy": "rotate", "refresh_grace": 5,
            "require_access_token_proof": true, "first_party_challenge": false,
            "default_acr_values": null, "signup": null,
            "status_list": "false", "access_lifetime": null, "device_max_age": null, "id_lifetime": null,
            "refresh_idle": null, "refresh_absolute": null, "session_lifetime": null, "id_token_signed_response_alg": null, "disabled_at": null,
        })
    );
    let public = cli
        .json(
            &[
                "client",
                "create",
                "--id",
                "spa",
                "--name",
                "spa",
                "--kind",
                "public",
                "--auth-method",
                "none",
                "--grant",
                "refresh_token",
                "--refresh-policy",
                "strict",
                "--token-alg",
                "RS256",
            ],
            None,
        )
        .await;
    assert_eq!(public, json!({ "client_id": "spa", "client_secret": null }));
    // RFC 9700 §4.14.2
    let fixed = ["client", "update", "--id", "spa", "--refresh-policy", "static"];
    makes_no_sense(&cli, &fixed, "confidential").await;
    for (id, policy) in [("spa", "strict"), ("app", "static"), ("spa", "rotate")] {
        let arguments = ["client", "update", "--id", id, "--refresh-policy", policy];
        assert_eq!(cli.json(&arguments, None).await["refresh_policy"], policy);
    }
    // What RFC 6749 calls a scope token may be registered, whatever it means to others.
    let scope = "!#[]~ urn:x:y api/read a+b";
    let arguments = ["client", "update", "--id", "spa", "--scope", scope];
    assert_eq!(cli.json(&arguments, None).await["scope"], "!#[]~ a+b api/read urn:x:y");
    let list = cli.json(&["client", "list"], None).await;
    let ids: Vec<_> =
        list["clients"].as_array().unwrap().iter().map(|one| &one["client_id"]).collect();
    assert_eq!(ids, ["app", "spa"]);
    let words = cli.run(&["client", "list"], None).await;
    assert!(words.code == 0 && words.out.starts_with("CLIENT ID") && words.err.is_empty());
}

#[tokio::test]
async fn a_private_key_jwt_client_brings_its_public_keys() {
    let cli = Cli::new(&Database::Sqlite).await;
    let file = cli.folder.path().join("jwks.json");
    let path = file.to_str().unwrap();
    let ec = json!({ "kty": "EC", "crv": "P-256",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM" });
    std::fs::write(&file, json!({ "keys": [ec] }).to_string()).unwrap();
    let create = [
        "client",
        "create",
        "--id",
        "app",
        "--name",
        "app",
        "--kind",
        "confidential",
        "--auth-method",
        "private_key_jwt",
        "--jwks",
        path,
    ];
    let created = cli.json(&create, None).await;
    assert_eq!(created, json!({ "client_id": "app", "client_secret": null }));
    fails(&cli, &["client", "rotate-secret", "--id", "app"], "no secret").await;
    let other = |id| [&create[..3], &[id], &create[4..10]].concat();
    makes_no_sense(&cli, &other("b"), "jwks, jwks_uri or an issuer").await;
    let mut private = ec.clone();
    private["d"] = "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE".into();
    for (content, why) in [
        (json!({ "keys": [private] }).to_string(), "private key"),
        ("[]".to_owned(), "not a JWK Set"),
        ("nonsense".to_owned(), "not JSON"),
        (json!({ "keys": [] }).to_string(), "no key"),
    ] {
        std::fs::write(&file, content).unwrap();
        makes_no_sense(&cli, &[&other("b")[..], &["--jwks", path]].concat(), why).await;
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one list of mistakes")]
async fn usage_errors_end_with_2_and_refusals_with_1() {
    let cli = Cli::new(&Database::Sqlite).await;
    let create = ["client", "create", "--id", "a", "--name", "a", "--kind", "confidential"];
    let with = |more: &[&'static str]| [&create[..], more].concat();
    for wrong in [
        with(&["--unknown"]),
        with(&["--refresh-policy", "strict", "--refresh-grace", "5"]),
        with(&["--refresh-policy", "static", "--refresh-grace", "0"]),
        with(&["--refresh-grace", "301"]),
        with(&["--refresh-grace", "-1"]),
        with(&["--refresh-policy", "sometimes"]),
        with(&["--scope", "a  b"]),
        with(&["--scope", "a\"b"]),
        with(&["--scope", "마패"]),
        with(&["--token-alg", "HS256"]),
        with(&["--auth-method", "secret"]),
        with(&["--id", "b"]),
        vec!["client", "create", "--name", "a", "--kind", "confidential"],
        vec!["client", "create", "--id", "a", "--name", "a", "--kind", "secret"],
        vec!["client", "create", "--id", "", "--name", "a", "--kind", "public"],
        vec!["client", "create", "--id", "마패", "--name", "a", "--kind", "public"],
        vec!["client"],
        vec!["client", "show"],
        vec!["unknown"],
        vec![],
        vec!["user", "create", "--username", "a", "--password", "x"],
        vec!["user", "create", "--username", "a", "--email-verified"],
        vec!["user", "create", "--username", "a", "--password-stdin", "--password-file", "x"],
        vec!["user", "set-password", "--username", "a"],
        vec!["key", "rotate", "--alg", "none"],
        vec!["token", "inspect", "a-token-on-the-command-line"],
        vec!["token", "explain", "a-token-on-the-command-line"],
        vec!["demo", "--port", "70000"],
    ] {
        usage(&cli, &wrong).await;
    }
    for (wrong, why) in [
        (with(&["--grant", "implicit"]), "implicit"),
        (with(&["--redirect-uri", "/relative"]), "redirect"),
        (with(&["--redirect-uri", "https://app.test/cb#x"]), "redirect"),
        (with(&["--redirect-uri", "javascript:alert(1)"]), "redirect"),
        (with(&["--redirect-uri", "http://app.test/cb"]), "https"),
        (with(&["--redirect-uri", "com.example.app:/cb"]), "public clients"),
        (with(&["--grant", "authorization_code"]), "redirect URI"),
        (with(&["--post-logout-redirect-uri", "https://app.test/#x"]), "fragment"),
        (with(&["--backchannel-logout-uri", "http://app.test/logout"]), "https"),
        (with(&["--allowed-origin", "https://app.test/"]), "origin"),
        (with(&["--allowed-origin", "*"]), "asterisk"),
        (with(&["--refresh-delivery", "cookie"]), "allowed origin"),
        (with(&["--policy-uri", "javascript:alert(1)"]), "https"),
        (with(&["--auth-method", "none"]), "authenticates"),
        (with(&["--require-access-token-proof"]), "refresh_token"),
    ] {
        makes_no_sense(&cli, &wrong, why).await;
    }
    cli.json(&["migrate", "up"], None).await;
    for (wrong, why) in [
        (vec!["client", "show", "--id", "nobody"], "nobody"),
        (vec!["client", "delete", "--id", "nobody"], "nobody"),
        (vec!["user", "show", "--username", "nobody"], "nobody"),
        (vec!["user", "disable", "--username", "nobody"], "nobody"),
        (vec!["user", "create", "--username", "a b"], "8265"),
        (vec!["user", "create", "--username", "a", "--email", "nonsense"], "e-mail"),
        (vec!["user", "create", "--username", "a", "--password-file", "nowhere"], "nowhere"),
    ] {
        fails(&cli, &wrong, why).await;
    }
    let public = ["client", "create", "--id", "p", "--name", "p", "--kind", "public"];
    for more in [["--grant", "client_credentials"], ["--resource-server", "https://a"]] {
        makes_no_sense(&cli, &[&public[..], &more].concat(), "confidential").await;
    }
    cli.json(&create, None).await;
    fails(&cli, &create, "taken").await;
    let issuer = cli.get("MAPAE_ISSUER");
    makes_no_sense(
        &cli,
        &["client", "update", "--id", "a", "--resource-server", issuer],
        "default audience",
    )
    .await;
    for asked in ["--help", "--version"] {
        let said = cli.run(&[asked], None).await;
        assert!(said.code == 0 && said.out.contains("mapae") && said.err.is_empty());
    }
}

/// The right to ask people for password and codes itself.
const FIRST_PARTY: &str = "urn:mapae:params:oauth:first-party";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_client_of_your_own_gets_the_right_to_ask_for_codes_itself() {
    let binary = Binary::start(&Database::Sqlite).await;
    binary.user("alice", PASSWORD).await;
    let create = ["client", "create", "--id", "a", "--name", "a", "--grant", FIRST_PARTY];
    for kind in ["public", "confidential"] {
        let create = [&create[..], &["--kind", kind]].concat();
        makes_no_sense(&binary.cli, &create, "--first-party").await;
    }
    let public = [&create[..], &["--kind", "public", "--first-party", "--trust-user-ip"]].concat();
    makes_no_sense(&binary.cli, &public, "trust_user_ip").await;
    let confidential = [
        &create[..],
        &["--kind", "confidential", "--first-party", "--trust-user-ip"],
        &["--default-acr-values", "2"],
    ];
    binary.cli(&confidential.concat(), None).await;
    let shown = async |id| binary.cli(&["client", "show", "--id", id], None).await;
    let created = shown("a").await;
    assert_eq!((&created["first_party"], &created["trust_user_ip"]), (&json!(true), &json!(true)));
    assert_eq!(created["default_acr_values"], json!(["2"]));
    let update = ["client", "update", "--id", "a", "--first-party", "false"];
    makes_no_sense(&binary.cli, &update, "--first-party").await;
    // The right works, and a client whose default asks for two factors gets nothing for one.
    let app = binary.register("app", &ClientArguments::public(&[FIRST_PARTY]).first_party()).await;
    let fields = [
        ("username", "alice"),
        ("password", PASSWORD),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    app.post("/authorize-challenge", &fields).await.ok();
    let strict = ClientArguments::public(&[FIRST_PARTY]).first_party();
    let strict = binary.register("strict", &strict.with("--default-acr-values", "2")).await;
    strict.post("/authorize-challenge", &fields).await.refused(400, "redirect_to_web");
    let update = ["client", "update", "--id", "strict", "--default-acr-values", ""];
    assert_eq!(shown("strict").await["default_acr_values"], json!(["2"]));
    binary.cli(&update, None).await;
    assert_eq!(shown("strict").await["default_acr_values"], json!([]));
    eventually("no second factor is due", async || {
        strict.post("/authorize-challenge", &fields).await.status == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn user_verbs_and_secrets_from_standard_input() {
    let binary = Binary::start(&Database::Sqlite).await;
    let arguments = ClientArguments::public(&["password"]).with("--scope", "openid email profile");
    let app = binary.register("app", &arguments).await;
    let created = binary
        .cli(
            &[
                "user",
                "create",
                "--username",
                "alice",
                "--email",
                "alice@example.com",
                "--email-verified",
                "--name",
                "Alice",
                "--password-stdin",
                "--json",
            ],
            Some("two lines\nand one newline\n\n"),
        )
        .await;
    assert_eq!(keys(&created), ["sub", "username"]);
    // One final newline is stripped, and nothing else.
    app.password_as("alice", "two lines\nand one newline\n", "openid").await.ok();
    for wrong in ["two lines\nand one newline", "two lines\nand one newline\n\n"] {
        app.password_as("alice", wrong, "openid").await.refused(400, "invalid_grant");
    }
    let set = ["user", "set-password", "--username", "alice", "--password-stdin"];
    let done = binary.cli(&set, Some(" spaces stay \r\n")).await;
    assert_eq!(done, json!({ "done": true, "families_ended": 1 }));
    app.password_as("alice", " spaces stay ", "openid").await.ok();
    let file = binary.cli.folder.path().join("password");
    std::fs::write(&file, "from a file\n").unwrap();
    let set =
        ["user", "set-password", "--username", "ALICE", "--password-file", file.to_str().unwrap()];
    binary.cli(&set, None).await;
    app.password_as("alice", "from a file", "openid").await.ok();
    let said = binary
        .cli
        .run(&["user", "create", "--username", "bob", "--password-stdin", "--json"], Some(""))
        .await;
    assert!(said.code == 1 && said.out.is_empty(), "an empty password is none: {said:?}");
    let said = binary
        .cli
        .run(&["user", "create", "--username", "bob", "--password-stdin", "--json"], Some("short"))
        .await;
    assert!(said.err.contains("short") && said.json()["username"] == "bob");

    let shown = binary.cli(&["user", "show", "--username", "alice"], None).await;
    assert_eq!(shown["has_password"], true);
    assert!(!shown.to_string().contains("argon2"));
    assert_eq!(shown["sub"], created["sub"]);
    let update = ["user", "update", "--username", "alice", "--name", "A. Lice"];
    assert_eq!(binary.cli(&update, None).await["claims"]["name"], "A. Lice");
    let list = binary.cli(&["user", "list"], None).await;
    assert_eq!(list["users"].as_array().unwrap().len(), 2);
    for (verb, good) in [("disable", false), ("enable", true), ("logout", true), ("delete", false)]
    {
        binary.cli(&["user", verb, "--username", "alice"], None).await;
        let reply = app.password_as("alice", "from a file", "openid").await;
        assert_eq!(reply.status == 200, good, "{verb} {}", reply.text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn token_verbs_see_and_end_tokens_beside_a_running_server() {
    let binary = Binary::start(&Database::Sqlite).await;
    binary.user("alice", PASSWORD).await;
    let arguments = ClientArguments::confidential(&["password", "refresh_token"]);
    let app = binary.register("app", &arguments.with("--scope", "openid read")).await;
    let (access, refresh) = app.password("read").await.pair();
    let inspect =
        async |token: &str| binary.cli(&["token", "inspect"], Some(&format!("{token}\n"))).await;
    let seen = inspect(&access).await;
    assert_eq!(
        (&seen["kind"], &seen["ours"], &seen["active"]),
        (&"access_token".into(), &true.into(), &true.into())
    );
    assert_eq!(seen["claims"]["client_id"], "app");
    let seen = inspect(&refresh).await;
    assert_eq!(
        (&seen["kind"], &seen["active"], &seen["generation"]),
        (&"refresh_token".into(), &true.into(), &0.into())
    );
    assert_eq!(inspect("nonsense").await["ours"], false);
    assert_eq!(inspect("mapae_rt_nonsense").await["ours"], false);
    let (other, next) = app.refresh(&refresh).await.pair();
    assert_eq!(inspect(&refresh).await["active"], false);
    let revoke =
        async |token: &str| binary.cli(&["token", "revoke"], Some(token)).await["revoked"].clone();
    assert_eq!(revoke(&other).await, true);
    assert!(!app.is_active(&other).await && app.is_active(&access).await, "at once, and alone");
    assert_eq!(inspect(&other).await["active"], false);
    assert_eq!(revoke(&other).await, false);
    assert_eq!(revoke(&next).await, true);
    assert!(!app.is_active(&access).await && !app.is_active(&next).await);
    app.refresh(&next).await.refused(400, "invalid_grant");
    assert_eq!(revoke("nonsense").await, false);
    let said = binary.cli.run(&["token", "inspect"], Some(&access)).await;
    assert!(said.code == 0 && said.out.contains("kind: access_token"), "{said:?}");
}

#[tokio::test]
async fn migrate_status_writes_nothing_and_up_applies() {
    let cli = Cli::new(&Database::Sqlite).await;
    let file = cli.folder.path().join("mapae.db");
    let said = cli.run(&["migrate", "status", "--json"], None).await;
    assert!(said.code == 1 && said.err.contains("there is no database"), "{said:?}");
    let status: Value = serde_json::from_str(&said.out).unwrap();
    let first = &status["migrations"][0];
    assert_eq!((&first["name"], &first["applied"]), (&"m0001_core".into(), &false.into()));
    assert!(!file.exists());
    let doctor = cli.run(&["doctor", "--json"], None).await;
    assert_eq!(doctor.code, 1);
    let report: Value = serde_json::from_str(&doctor.out).unwrap();
    assert_eq!(report["good"], false, "{report}");
    assert!(!file.exists(), "the doctor changes nothing");
    for _ in 0..2 {
        let applied = cli.json(&["migrate", "up"], None).await;
        assert_eq!(applied["migrations"][0]["applied"], true);
    }
    assert_eq!(cli.json(&["migrate", "status"], None).await["migrations"][0]["applied"], true);
    cli.json(&["key", "rotate"], None).await;
    assert_eq!(cli.json(&["doctor"], None).await["good"], true);
    let words = cli.run(&["doctor"], None).await;
    assert!(words.code == 0 && words.out.starts_with("CHECK"), "{words:?}");
}

#[tokio::test]
async fn explain_takes_an_error_a_line_of_the_log_and_an_answer() {
    let cli = Cli::new(&Database::Sqlite).await;
    let listed = cli.json(&["explain", "invalid_grant"], None).await;
    assert_eq!(listed["error"], "invalid_grant");
    let reasons = listed["reasons"].as_array().unwrap();
    assert!(reasons.len() > 1 && reasons.iter().all(|one| one["error"] == "invalid_grant"));
    let words = cli.run(&["explain", "invalid_grant"], None).await;
    assert_eq!(words.code, 0, "{words:?}");
    for reason in reasons {
        let name = reason["reason"].as_str().unwrap();
        assert!(words.out.contains(name), "{name} {words:?}");
    }
    let line = json!({ "error": "invalid_client", "reason": "client_secret_wrong" }).to_string();
    // What a shell leaves of the line without quotes around it.
    let bare = ["explain", "INFO", "{error:invalid_client,", "reason:client_secret_wrong}"];
    for arguments in [&["explain", &line][..], &bare] {
        let one = cli.json(arguments, None).await;
        assert_eq!(one["reason"], "client_secret_wrong", "{arguments:?}");
    }
    let said = "a resource is not registered for this client: https://api.example.com";
    let answer = json!({ "error": "invalid_target", "error_description": said }).to_string();
    let one = cli.json(&["explain", &answer], None).await;
    assert_eq!(one["reason"], "resource_unregistered");
    // Of a client that fails to authenticate the answer tells no reason.
    let said = "client authentication failed";
    let answer = json!({ "error": "invalid_client", "error_description": said }).to_string();
    let listed = cli.json(&["explain", &answer], None).await;
    assert_eq!(listed["error"], "invalid_client");
    assert!(listed["reasons"].as_array().unwrap().len() > 1, "{listed}");
    fails(&cli, &["explain", "invalid_grnt"], "did you mean `invalid_grant`?").await;
    fails(&cli, &["explain", "server_error"], "its log has the cause").await;
}

#[tokio::test]
async fn a_client_is_turned_away_and_let_in_again() {
    let cli = Cli::new(&Database::Sqlite).await;
    let create = ["client", "create", "--id", "app", "--name", "An app", "--kind", "public"];
    cli.json(&create, None).await;
    for (verb, said, is_disabled) in
        [("disable", "disabled app\n", true), ("enable", "enabled app\n", false)]
    {
        let done = cli.run(&["client", verb, "--id", "app"], None).await;
        assert_eq!((done.code, done.out.as_str()), (0, said), "{done:?}");
        let shown = cli.json(&["client", "show", "--id", "app"], None).await;
        assert_eq!(shown["disabled_at"].is_string(), is_disabled, "{verb} {shown}");
    }
    fails(&cli, &["client", "enable", "--id", "nobody"], "there is no client").await;
}
