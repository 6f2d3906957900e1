//! Every refused request writes a line to the log at the default level.

use mapae::domain::reason::Reason;
use serde_json::Value;

use crate::support::{App, Binary, CALLBACK, ClientArguments, Database, Reply, form};

/// The lines of refusals so far.
async fn lines(server: &Binary) -> Vec<Value> {
    let log = server.whole_log().await;
    let lines = log.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    lines.filter(|line: &Value| line["message"] == "refused a request").collect()
}

/// The last line, which must be the only one since.
async fn only_new(server: &Binary, before: &mut usize) -> Value {
    let mut every = lines(server).await;
    assert_eq!(every.len(), *before + 1, "{every:#?}");
    *before += 1;
    every.pop().expect("a line")
}

async fn get(server: &Binary, path: &str) -> Reply {
    let http = crate::support::http();
    Reply::of(http.get(format!("{}{path}", server.issuer())).send().await.unwrap()).await
}

#[tokio::test]
async fn every_refusal_leaves_one_line_with_request_id_client_route_reason_and_value() {
    let server = Binary::start(&Database::Sqlite).await;
    server.user("alice", "correct horse battery staple").await;
    let arguments = ClientArguments::confidential(&["authorization_code", "client_credentials"]);
    let arguments = arguments.with("--scope", "openid email").with("--redirect-uri", CALLBACK);
    let app = server.register("app", &arguments).await;
    let wrong = App { secret: Some("mapae_cs_canary".to_owned()), ..app.clone() };
    let unknown = App { id: "nobody".to_owned(), ..app.clone() };
    let mut seen = 0;
    let own = ("grant_type", "client_credentials");
    let long = format!("https://other.example/{}", "x".repeat(300));
    let expected = |line: &Value, reply: &Reply, fields: [&str; 4]| {
        assert_eq!(line["request_id"], reply.header("x-request-id"), "{line}");
        assert_eq!((&line["level"], &line["address"]), (&"INFO".into(), &"127.0.0.1".into()));
        let said =
            ["client_id", "route", "error", "reason"].map(|name| line[name].as_str().unwrap_or(""));
        assert_eq!(said, fields, "{line}");
    };

    let reply = wrong.token(&[own]).await;
    let line = only_new(&server, &mut seen).await;
    expected(&line, &reply, ["app", "/token", "invalid_client", "client_secret_wrong"]);
    let reply = unknown.token(&[own]).await;
    let line = only_new(&server, &mut seen).await;
    expected(&line, &reply, ["nobody", "/token", "invalid_client", "client_unknown"]);
    let reply = app.token(&[own, ("resource", &long)]).await;
    let line = only_new(&server, &mut seen).await;
    expected(&line, &reply, ["app", "/token", "invalid_target", "resource_unregistered"]);
    assert_eq!(line["description"], "a resource is not registered for this client");
    // The log shows where a value was cut, and the description does so in ASCII (RFC 6749 §5.2).
    assert_eq!(line["value"], format!("{}…", &long[..100]));
    let told = format!("a resource is not registered for this client: {}...", &long[..100]);
    assert_eq!(reply.text("error_description"), told);
    let reply = app.token(&[("grant_type", "password")]).await;
    let line = only_new(&server, &mut seen).await;
    let reason = "grant_type_unregistered";
    expected(&line, &reply, ["app", "/token", "unauthorized_client", reason]);
    assert_eq!(line["value"], "password");
    let reply = app.post("/introspect", &[]).await;
    let line = only_new(&server, &mut seen).await;
    expected(&line, &reply, ["app", "/introspect", "invalid_request", "token_missing"]);
    let reply = wrong.revoke("x").await;
    let line = only_new(&server, &mut seen).await;
    expected(&line, &reply, ["app", "/revoke", "invalid_client", "client_secret_wrong"]);

    let query = app.authorization_request(&[("scope", "openid phone"), ("state", "canary-state")]);
    let reply = get(&server, &format!("/authorize?{query}")).await;
    let line = only_new(&server, &mut seen).await;
    let reason = "scope_unregistered";
    expected(&line, &reply, ["app", "/authorize", "invalid_scope", reason]);
    assert_eq!(line["value"], "phone");
    assert_eq!(line["redirect_uri"], CALLBACK);
    let query = app.authorization_request(&[("prompt", "none")]);
    let reply = get(&server, &format!("/authorize?{query}")).await;
    let line = only_new(&server, &mut seen).await;
    assert_eq!((&line["error"], &line["client_id"]), (&"login_required".into(), &"app".into()));
    assert_eq!(line["request_id"], reply.header("x-request-id"));
    let uri = ("redirect_uri", "https://app.example.com/other?canary=1");
    let reply = get(&server, &format!("/authorize?{}", app.authorization_request(&[uri]))).await;
    let line = only_new(&server, &mut seen).await;
    let reason = "redirect_uri_unregistered";
    expected(&line, &reply, ["app", "/authorize", "invalid_redirect_uri", reason]);
    assert_eq!(line["value"], "https://app.example.com/other");
    assert_eq!(line["redirect_uri"], "https://app.example.com/other");
    let reply = get(&server, "/authorize?client_id=nobody").await;
    let line = only_new(&server, &mut seen).await;
    expected(&line, &reply, ["nobody", "/authorize", "unknown_client", "client_unknown"]);

    let bye =
        form(&[("client_id", "app"), ("post_logout_redirect_uri", "https://evil.example/?canary")]);
    let reply = get(&server, &format!("/logout?{bye}")).await;
    let line = only_new(&server, &mut seen).await;
    let reason = "post_logout_redirect_uri_unregistered";
    expected(&line, &reply, ["app", "/logout", "invalid_request", reason]);
    assert_eq!(line["value"], "https://evil.example/");

    let reply = app.userinfo("canary").await;
    let line = only_new(&server, &mut seen).await;
    expected(&line, &reply, ["", "/userinfo", "invalid_token", line["reason"].as_str().unwrap()]);
    // What is granted is none.
    app.token(&[own]).await.ok();
    assert_eq!(lines(&server).await.len(), seen);
    assert!(!server.whole_log().await.contains("canary"), "no secret and no query");
}

#[tokio::test]
async fn the_log_tells_the_wrong_way_of_authentication_from_a_wrong_secret() {
    let server = Binary::start(&Database::Sqlite).await;
    let arguments = ClientArguments::confidential(&["client_credentials"]);
    let arguments = arguments.with("--auth-method", "client_secret_post");
    let by_header = server.register("app", &arguments).await;
    let secret = by_header.secret.clone().expect("a secret");
    let by_form = App { secret: None, ..by_header.clone() };
    let own = ("grant_type", "client_credentials");
    by_form.token(&[own, ("client_secret", &secret)]).await.ok();
    let mut seen = 0;
    let wrong_way = by_header.token(&[own]).await;
    let line = only_new(&server, &mut seen).await;
    assert_eq!(line["reason"], "client_auth_method_mismatch", "{line}");
    let wrong_secret = by_form.token(&[own, ("client_secret", "wrong")]).await;
    let line = only_new(&server, &mut seen).await;
    assert_eq!(line["reason"], "client_secret_wrong", "{line}");
    // Whoever asks does not learn which of the two it was.
    wrong_way.refused(401, "invalid_client");
    wrong_secret.refused(401, "invalid_client");
    assert_eq!(wrong_way.text, wrong_secret.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_path_that_refuses_leaves_exactly_one_line_and_no_secret_in_it() {
    const CANARY: &str = "canary-5f1c";
    let server = Binary::start(&Database::Sqlite).await;
    let arguments = ClientArguments::confidential(&["authorization_code"]);
    server.register("app", &arguments.with("--redirect-uri", CALLBACK)).await;
    let http = crate::support::http();
    let secrets = [
        "code",
        "state",
        "token",
        "refresh_token",
        "access_token",
        "client_secret",
        "password",
        "i",
        "csrf",
        "id_token_hint",
        "code_verifier",
        "assertion",
        "client_assertion",
        "t",
    ];
    let mut sent = vec![("client_id", "app"), ("grant_type", "authorization_code")];
    sent.push(("redirect_uri", "https://app.example.com/callback?q=canary-5f1c"));
    sent.extend(secrets.map(|name| (name, CANARY)));
    let sent = form(&sent);
    let mut refused = Vec::new();
    for path in mapae::domain::urls::ALL {
        let path = path.replace("{provider}", "x").replace("{name}", "x").replace("{client}", "x");
        let url = format!("{}{path}", server.issuer());
        let requests = [
            http.get(format!("{url}?{sent}")),
            http.get(&url).header("authorization", format!("Bearer {CANARY}")),
            http.post(&url).body(sent.clone()),
            http.post(&url).body(sent.clone()).basic_auth("app", Some(CANARY)),
            http.post(&url).body(format!("{sent}&{sent}")),
            http.delete(&url),
        ];
        for request in requests {
            let form = ("content-type", "application/x-www-form-urlencoded");
            let request =
                request.header(form.0, form.1).header("cookie", format!("mapae={CANARY}"));
            let reply = Reply::of(request.send().await.unwrap()).await;
            if reply.status.is_client_error() {
                refused.push((path.clone(), reply));
            }
        }
    }
    assert!(refused.len() > 150, "{}", refused.len());
    let log = server.whole_log().await;
    assert!(!log.contains(CANARY), "{log}");
    let lines: Vec<Value> =
        log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for (path, reply) in refused {
        let id = reply.header("x-request-id");
        let mut of_it = lines.iter().filter(|line| line["request_id"] == id);
        let (Some(line), None) = (of_it.next(), of_it.next()) else {
            panic!("{path} {}: not one line of {id}", reply.status)
        };
        assert_eq!(
            (&line["message"], &line["level"]),
            (&"refused a request".into(), &"INFO".into())
        );
        for name in ["method", "error", "reason", "description", "address"] {
            assert!(line[name].is_string(), "{name} in {line}");
        }
        as_in_the_reference(line, &reply);
    }
}

/// The status and the description of an answer are those of the reference of reasons.
fn as_in_the_reference(line: &Value, reply: &Reply) {
    let mut all = Reason::ALL.iter();
    let reason = all.find(|reason| line["reason"] == reason.as_str());
    let reason = reason.unwrap_or_else(|| panic!("a reason of the list: {line}"));
    assert_eq!(line["description"], reason.sentence(), "{line}");
    assert!(reason.is_of_request(), "{line}");
    // A page has a code of its own for some reasons.
    if reason.code().is_some_and(|code| line["error"] == code.as_str())
        && let Some(status) = reason.status()
    {
        assert_eq!(reply.status.as_u16(), status, "{line}");
    }
    if reply.header("content-type") == "application/json" {
        let told = reply.text("error_description");
        assert!(told.starts_with(reason.told().sentence()), "{told}: {line}");
    }
}

#[tokio::test]
async fn every_answer_that_says_no_has_a_line_with_its_request_id_method_and_route() {
    let server = Binary::start(&Database::Sqlite).await;
    let arguments = ClientArguments::confidential(&["client_credentials"]);
    let app = server.register("app", &arguments).await;
    let token = app.token(&[("grant_type", "client_credentials")]).await.ok().text("access_token");
    let http = crate::support::http();
    let url = |path: &str| format!("{}{path}", server.issuer());
    let large = format!("a={}", "x".repeat(70_000));
    let form = |path: &str| {
        let kind = ("content-type", "application/x-www-form-urlencoded");
        http.post(url(path)).header(kind.0, kind.1).body(large.clone())
    };
    let (page, provider) = ("/no/such/page", "/login/with/{provider}");
    for (request, status, method, route, reason) in [
        (http.get(url("/no/such/path?canary=1")), 404, "GET", None, "not_found"),
        (http.get(url(page)).header("accept", "text/html"), 404, "GET", None, "not_found"),
        (http.delete(url("/token")), 405, "DELETE", Some("/token"), "method_not_allowed"),
        (http.put(url("/account")), 405, "PUT", Some("/account"), "method_not_allowed"),
        (form("/token"), 413, "POST", Some("/token"), "body_too_large"),
        (form("/authorize"), 413, "POST", Some("/authorize"), "body_too_large"),
        (form("/login"), 413, "POST", Some("/login"), "body_too_large"),
        (http.get(url("/login?i=x")), 400, "GET", Some("/login"), "unknown_interaction"),
        (http.get(url("/login/with/x")), 400, "GET", Some(provider), "unknown_interaction"),
        (http.get(url("/assets/none")), 404, "GET", Some("/assets/{name}"), "not_found"),
    ] {
        let reply = Reply::of(request.send().await.unwrap()).await;
        assert_eq!(reply.status, status, "{method} {route:?}");
        let of_it = of_request(&server, &reply).await;
        assert_eq!(of_it.len(), 1, "{method} {route:?}: {of_it:#?}");
        let said = (&of_it[0]["message"], &of_it[0]["method"], of_it[0]["route"].as_str());
        assert_eq!(said, (&"refused a request".into(), &method.into(), route));
        assert_eq!(of_it[0]["reason"], reason, "{method} {route:?}");
        as_in_the_reference(&of_it[0], &reply);
    }
    // A failure of ours, in the batch that is asked whether tokens stand.
    let database = rusqlite::Connection::open(server.cli.folder.path().join("mapae.db")).unwrap();
    database.execute_batch("ALTER TABLE revoked_access_token RENAME TO gone").unwrap();
    let reply = app.post("/introspect", &[("token", &token)]).await;
    assert_eq!(reply.status, 500);
    let of_it = of_request(&server, &reply).await;
    assert_eq!(of_it.len(), 1, "{of_it:#?}");
    assert_eq!((&of_it[0]["level"], &of_it[0]["route"]), (&"ERROR".into(), &"/introspect".into()));
    assert!(of_it[0]["fault"].as_str().unwrap().contains("revoked_access_token"), "{of_it:#?}");
    assert!(!server.whole_log().await.contains("canary"));
}

/// The lines about the request of this answer.
async fn of_request(server: &Binary, reply: &Reply) -> Vec<Value> {
    let log = server.whole_log().await;
    let lines = log.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    lines.filter(|line: &Value| line["request_id"] == reply.header("x-request-id")).collect()
}
