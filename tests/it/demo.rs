//! `mapae demo`: the commands that it prints work when they are pasted, and it leaves nothing
//! behind.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

use crate::sign_up::{self, fill, form_for};
use crate::support::{
    Browser, Cli, Database, Page, eventually, free_port, http, required_or_skip, terminate,
};

/// Reads what the demo prints until its tour is over.
async fn tour(child: &mut Child) -> String {
    let mut lines = BufReader::new(child.stdout.take().expect("standard output")).lines();
    let mut said = String::new();
    while let Some(line) = lines.next_line().await.expect("a line") {
        said.push_str(&line);
        said.push('\n');
        // The last lines ask about a token that the tour revoked.
        if said.contains("/revoke") && line.contains("/introspect") {
            return said;
        }
    }
    panic!("the demo ended: {said}");
}

fn demo_folders(folder: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries
        .filter(|entry| {
            entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("mapae-demo")
        })
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tour_works_when_pasted_and_nothing_is_left() {
    if Command::new("curl").arg("--version").output().await.is_err() {
        return required_or_skip("there is no curl");
    }
    let mut cli = Cli::new(&Database::Sqlite).await;
    let folder = cli.folder.path().to_owned();
    cli.set("TMPDIR", folder.to_str().unwrap());
    // What a real installation sets must not reach into the demo.
    cli.set("MAPAE_LISTEN", "0.0.0.0:1");
    let [port, app_port, idp_port] = [(); 3].map(|()| free_port().to_string());
    let arguments = ["demo", "--port", &port, "--app-port", &app_port, "--idp-port", &idp_port];
    let mut child = cli.command(&arguments).stdin(Stdio::null()).spawn().unwrap();
    let said = tour(&mut child).await;
    let issuer = format!("http://localhost:{port}");
    assert!(said.starts_with(&format!("mapae is running at {issuer} ")), "{said}");
    assert_eq!(demo_folders(&folder), 1);
    let script = script(&said);
    assert_eq!(lines_of(script), lines_of(&of_readme()), "README has the same lines");
    for shell in ["sh", "bash"] {
        let pasted = Command::new(shell).args(["-e", "-c", script]).output().await.expect(shell);
        assert!(pasted.status.success() && pasted.stderr.is_empty(), "{shell} {pasted:?}");
        toured(&issuer, &String::from_utf8(pasted.stdout).unwrap());
    }
    // As people paste it: an interactive shell has other rules for `#`, `!` and `?`.
    for (shell, arguments) in [("bash", ["--norc", "-i"]), ("zsh", ["-f", "-i"])] {
        if Command::new(shell).arg("--version").output().await.is_err() {
            required_or_skip(&format!("there is no {shell}"));
            continue;
        }
        let out = typed(shell, &arguments, script).await;
        toured(&issuer, &out);
    }
    let app = format!("http://127.0.0.1:{app_port}");
    clicks_through(&issuer, &app).await;
    comes_by_the_provider(&issuer, &app, &format!("http://127.0.0.1:{idp_port}")).await;
    command_line(&cli, &said).await;
    shows_mails(&mut child, &said, &app).await;
    signs_up(&issuer, &app).await;
    terminate(&child).await;
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
    assert_eq!(demo_folders(&folder), 0);
}

/// The lines to paste.
fn script(said: &str) -> &str {
    let (_, script) =
        said.split_once("paste these lines into another terminal.\n").expect("a tour");
    script
}

/// The lines, but for those that say where and who.
fn lines_of(script: &str) -> Vec<String> {
    let lines =
        script.lines().filter(|line| !["MAPAE=", "APP="].iter().any(|n| line.starts_with(n)));
    lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// The lines of the tour in README.
fn of_readme() -> String {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(readme).expect("README.md");
    let (_, tour) = readme.split_once("## The tour\n").expect("a tour");
    let (_, lines) = tour.split_once("```sh\n").expect("lines");
    lines.split_once("```").expect("an end").0.to_owned()
}

/// What an interactive shell prints when these lines are pasted.
async fn typed(shell: &str, arguments: &[&str], script: &str) -> String {
    let mut child = Command::new(shell)
        .args(arguments)
        .env("PS1", "")
        .env("HISTFILE", "")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect(shell);
    let mut input = child.stdin.take().expect("standard input");
    input.write_all(script.as_bytes()).await.expect("typed");
    drop(input);
    let ended = tokio::time::timeout(Duration::from_mins(1), child.wait_with_output());
    let output = ended.await.expect("an end in time").expect("an end");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    for error in ["not found", "no matches", "parse error", "bad pattern", "curl:"] {
        assert!(!said.contains(error), "{shell}: {said}");
    }
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// What the tour prints: every answer a line of its own.
fn toured(issuer: &str, out: &str) {
    let answers: Vec<Value> = out
        .lines()
        .filter(|line| line.contains('{'))
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("JSON: {line}")))
        .collect();
    let [discovery, jwks, signed_in, person, refreshed, own, asked, after] = &answers[..] else {
        panic!("eight answers: {out}");
    };
    assert_eq!(discovery["issuer"], issuer);
    assert_eq!(jwks["keys"].as_array().unwrap().len(), 2);
    for tokens in [signed_in, refreshed] {
        assert!(tokens["access_token"].is_string() && tokens["id_token"].is_string());
    }
    assert_ne!(signed_in["refresh_token"], refreshed["refresh_token"]);
    assert_eq!(person["name"], "홍길동");
    assert_eq!(person["email"], "hong@example.com");
    assert!(own["access_token"].is_string() && own.get("refresh_token").is_none());
    assert_eq!((&asked["active"], &asked["client_id"]), (&true.into(), &"demo-app".into()));
    assert_eq!(*after, serde_json::json!({ "active": false }));
}

/// The line that the demo prints for its command line works from any folder.
async fn command_line(cli: &Cli, said: &str) {
    let line = said.lines().find(|line| line.ends_with(" client list")).expect("a line");
    let elsewhere = tempfile::tempdir().unwrap();
    let listed = Command::new("sh")
        .args(["-c", line])
        .current_dir(elsewhere.path())
        .env_clear()
        .output()
        .await
        .expect("sh");
    let out = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.status.success() && out.contains("demo-app"), "{line}: {out}");
    // The doctor and the server know the same providers.
    let line = line.replace("client list", "doctor --json");
    let seen = Command::new("sh").args(["-c", &line]).env_clear().output().await.expect("sh");
    let report: Value = serde_json::from_slice(&seen.stdout).expect("a report");
    let mut checks = report["checks"].as_array().unwrap().iter();
    let providers = checks.find(|check| check["check"] == "providers").expect("providers");
    assert_eq!(providers["detail"], "1 in the settings, 0 in the database", "{report}");
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    assert!(!cli.folder.path().join("data").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_works_over_https_with_an_authority_that_the_demo_prints() {
    let cli = Cli::new(&Database::Sqlite).await;
    let [port, app_port, idp_port] = [(); 3].map(|()| free_port().to_string());
    let ports = ["--port", &port, "--app-port", &app_port, "--idp-port", &idp_port];
    let arguments = [&["demo", "--tls", "--keep"][..], &ports].concat();
    let mut child = cli.command(&arguments).stdin(Stdio::null()).spawn().unwrap();
    let said = tour(&mut child).await;
    let issuer = format!("https://localhost:{port}");
    assert!(said.starts_with(&format!("mapae is running at {issuer} ")), "{said}");
    let ca_file = cli.folder.path().join("mapae-demo/ca.pem");
    assert!(said.contains(ca_file.to_str().unwrap()), "{said}");
    let pasted = Command::new("bash").args(["-e", "-c", script(&said)]).output().await.unwrap();
    assert!(pasted.status.success() && pasted.stderr.is_empty(), "{pasted:?}");
    toured(&issuer, &String::from_utf8(pasted.stdout).unwrap());
    // The app, the provider and the server, for whoever trusts the authority, and for nobody else.
    let ca = reqwest::Certificate::from_pem(&std::fs::read(&ca_file).unwrap()).unwrap();
    let trusting = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .tls_certs_only([ca])
        .build()
        .unwrap();
    let others = reqwest::Client::new();
    for place in [
        format!("https://127.0.0.1:{app_port}/"),
        format!("https://127.0.0.1:{idp_port}/.well-known/openid-configuration"),
        format!("{issuer}/.well-known/openid-configuration"),
    ] {
        assert_eq!(trusting.get(&place).send().await.unwrap().status(), 200, "{place}");
        assert!(others.get(&place).send().await.is_err(), "{place}");
    }
    let app = format!("https://127.0.0.1:{app_port}");
    let mut at_app = Browser::new(&app, &trusting);
    let mut at_issuer = Browser::new(&issuer, &trusting);
    let mut at_idp = Browser::new(&format!("https://127.0.0.1:{idp_port}"), &trusting);
    let url = at_app.post("/sign-in", &[]).await.location().expect("sent away").to_owned();
    let login = at_issuer.open(&url).await;
    let away = at_issuer
        .start_upstream_login(&login, "demo-idp")
        .await
        .location()
        .expect("away")
        .to_owned();
    let there = at_idp.open(&away).await;
    let asked = at_idp.sign_in_as(&there, "chunhyang", "seong-chun-hyang").await;
    let back = at_idp.consent(&asked, "allow").await.location().expect("sent back").to_owned();
    let consent = at_issuer.open(&back).await;
    let back = at_issuer.consent(&consent, "allow").await.location().expect("back").to_owned();
    let signed_in = at_app.open(&back).await;
    assert!(signed_in.reply.text.contains("성춘향"), "{signed_in:?}");
    command_line(&cli, &said).await;
    terminate(&child).await;
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
}

/// A mail is shown at a URL of its own, and in the terminal.
async fn shows_mails(child: &mut Child, said: &str, app: &str) {
    let line = said.lines().find(|line| line.ends_with(" client list")).expect("a line");
    let to = "mail test --to hana@example.com --language ko";
    let line = line.replace("client list", to);
    let sent = Command::new("sh").args(["-c", &line]).env_clear().output().await.expect("sh");
    assert!(sent.status.success(), "{sent:?}");
    let list = http().get(format!("{app}/mails")).send().await.unwrap().text().await.unwrap();
    let (_, rest) = list.split_once("href=\"/mails/").expect("a mail");
    let url = format!("{app}/mails/{}", rest.split('"').next().expect("a name"));
    for (path, word) in [("", "hana@example.com"), ("", "도착해요"), ("/html", "도착해요")]
    {
        let page = http().get(format!("{url}{path}")).send().await.unwrap().text().await.unwrap();
        assert!(page.contains(word), "{page}");
    }
    for nothing in ["/mails/x", "/mails/..%2fmapae.db", "/mails/x/html"] {
        let page = http().get(format!("{app}{nothing}")).send().await.unwrap();
        assert_eq!(page.status(), 404, "{nothing}");
    }
    let mut lines = BufReader::new(child.stderr.take().expect("standard error")).lines();
    for shown in ["mail to hana@example.com: mapae 시험 메일", &*url, "도착해요"] {
        while !lines.next_line().await.unwrap().expect("a line").contains(shown) {}
    }
}

/// What a newcomer does with the app of the demo.
async fn clicks_through(issuer: &str, app: &str) {
    // Cookies ignore ports, so the two live on two hosts; here each has a browser of its own.
    let (mut at_app, mut at_issuer) = (Browser::new(app, &http()), Browser::new(issuer, &http()));
    let home = at_app.get("/").await;
    assert!(home.has("sign-in") && !home.has("person"));
    let url = at_app.post("/sign-in", &[]).await.location().expect("sent away").to_owned();
    assert!(url.starts_with(&format!("{issuer}/authorize?")), "{url}");
    let login = at_issuer.open(&url).await;
    let consent = at_issuer.sign_in_as(&login, "hong", "hong-gil-dong").await;
    let back = at_issuer.consent(&consent, "allow").await.location().expect("sent back").to_owned();
    assert!(back.starts_with(&format!("{app}/callback?")), "{back}");
    let signed_in = at_app.open(&back).await;
    assert!(signed_in.reply.text.contains("홍길동") && signed_in.reply.text.contains("at+jwt"));
    let token =
        |page: &Page| page.reply.text.split("mapae_rt_").nth(1).map(|rest| rest[..43].to_owned());
    let refreshed = at_app.post("/refresh", &[]).await;
    let refreshed = at_app.follow(refreshed).await;
    assert!(token(&signed_in).is_some() && token(&refreshed).is_some());
    assert_ne!(token(&signed_in), token(&refreshed));
    // An answer that was used already, or belongs to nobody, changes nothing.
    for stale in [back.as_str(), "/callback?code=x&state=y", "/callback"] {
        let page = at_app.open(stale).await;
        assert!(page.has("refused") && !page.has("person"), "{page:?}");
    }
    let url = at_app.post("/sign-in", &[]).await.location().expect("sent away").to_owned();
    let back = at_issuer.open(&url).await.location().expect("signed in already").to_owned();
    assert!(at_app.open(&back).await.has("person"));
    let out = at_app.post("/sign-out", &[]).await.location().expect("sent away").to_owned();
    let home = at_issuer.open(&out).await;
    assert_eq!(home.location(), Some(format!("{app}/").as_str()));
    assert!(at_app.get("/").await.has("sign-in"));
    assert!(at_issuer.open("/account").await.has("login-submit"), "signed out there, too");
    // Who turns back is told so kindly.
    let url = at_app.post("/sign-in", &[]).await.location().expect("sent away").to_owned();
    let login = at_issuer.open(&url).await;
    let (interaction, csrf) = (login.hidden("interaction"), login.hidden("csrf"));
    let fields = [("interaction", interaction.as_str()), ("csrf", &csrf)];
    let back = at_issuer.post("/login/cancel", &fields).await.location().expect("back").to_owned();
    assert!(at_app.open(&back).await.reply.text.contains("access_denied"));
}

/// Signing in with the demo's provider: a second mapae, which asks on its own pages.
async fn comes_by_the_provider(issuer: &str, app: &str, idp: &str) {
    let [mut at_app, mut at_issuer, mut at_idp] =
        [app, issuer, idp].map(|base| Browser::new(base, &http()));
    let url = at_app.post("/sign-in", &[]).await.location().expect("sent away").to_owned();
    let login = at_issuer.open(&url).await;
    let away = at_issuer
        .start_upstream_login(&login, "demo-idp")
        .await
        .location()
        .expect("away")
        .to_owned();
    assert!(away.starts_with(&format!("{idp}/authorize?")), "{away}");
    let there = at_idp.open(&away).await;
    assert!(there.reply.text.contains("Demo IdP"));
    let asked = at_idp.sign_in_as(&there, "chunhyang", "seong-chun-hyang").await;
    let back = at_idp.consent(&asked, "allow").await.location().expect("sent back").to_owned();
    assert!(back.starts_with(&format!("{issuer}/login/callback/demo-idp?")), "{back}");
    let consent = at_issuer.open(&back).await;
    let back = at_issuer.consent(&consent, "allow").await.location().expect("back").to_owned();
    let signed_in = at_app.open(&back).await;
    assert!(signed_in.reply.text.contains("성춘향"), "{signed_in:?}");
}

/// Sign-up is open: somebody makes an account with the code of a mail that the demo shows, and comes
/// to the app with it.
async fn signs_up(issuer: &str, app: &str) {
    let [mut at_app, mut at_issuer] = [app, issuer].map(|base| Browser::new(base, &http()));
    let url = at_app.post("/sign-in", &[]).await.location().expect("sent away").to_owned();
    let form = form_for(&mut at_issuer, &url).await;
    let email = "newcomer@example.com";
    let page = sign_up::send(&mut at_issuer, &form, "/sign-up", &[("email", email)]).await;
    let mut shown = String::new();
    eventually("the mail is shown", async || {
        let list = http().get(format!("{app}/mails")).send().await.unwrap().text().await.unwrap();
        let mut mails = list.split("<section>");
        let mail = mails.find(|mail| mail.contains(email)).and_then(|mail| mail.split('"').nth(1));
        mail.unwrap_or_default().clone_into(&mut shown);
        !shown.is_empty()
    })
    .await;
    let mail = http().get(format!("{app}{shown}")).send().await.unwrap().text().await.unwrap();
    let is_code = |line: &&str| line.len() == 9 && line.as_bytes()[4] == b'-';
    let code = mail.lines().find(is_code).unwrap_or_else(|| panic!("a code in {mail}"));
    let account = sign_up::send(&mut at_issuer, &page, "/sign-up/code", &[("code", code)]).await;
    let consent = fill(&mut at_issuer, &account, &[]).await;
    let back = at_issuer.consent(&consent, "allow").await.location().expect("sent back").to_owned();
    let signed_in = at_app.open(&back).await;
    assert!(signed_in.has("person") && signed_in.reply.text.contains("Hana Seo"), "{signed_in:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_demo_is_there_again() {
    let cli = Cli::new(&Database::Sqlite).await;
    let [port, app_port, idp_port] = [(); 3].map(|()| free_port().to_string());
    let arguments = [
        "demo",
        "--keep",
        "--port",
        &port,
        "--app-port",
        &app_port,
        "--idp-port",
        &idp_port,
        "--json",
    ];
    let mut subjects = Vec::new();
    for _ in 0..2 {
        let mut child = cli.command(&arguments).stdin(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        lines.read_line(&mut line).await.unwrap();
        let told: Value = serde_json::from_str(&line).expect("one JSON document");
        let text = |member: &str| told[member].as_str().expect("text").to_owned();
        let app = crate::support::App {
            id: text("client_id"),
            secret: Some(text("client_secret")),
            base: format!("http://127.0.0.1:{port}"),
            http: http(),
        };
        let (access, _) =
            app.password_as(&text("username"), &text("password"), "openid").await.pair();
        subjects.push(app.introspect(&access).await["sub"].clone());
        let ready = format!("{}/readyz", app.base);
        terminate(&child).await;
        assert_eq!(child.wait().await.unwrap().code(), Some(0));
        let mut rest = String::new();
        lines.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "", "nothing but the document");
        eventually("it is gone", async || http().get(&ready).send().await.is_err()).await;
        assert!(cli.folder.path().join("mapae-demo/mapae.db").exists());
    }
    assert_eq!(subjects[0], subjects[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_is_taken_is_named() {
    let cli = Cli::new(&Database::Sqlite).await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let app_port = taken.local_addr().unwrap().port().to_string();
    let port = free_port().to_string();
    let said = cli.run(&["demo", "--port", &port, "--app-port", &app_port], None).await;
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    assert!(said.err.contains("--app-port") && said.err.contains(&app_port), "{said:?}");
    // One that nobody chose gives way: two demos run beside each other.
    let mut demos = Vec::new();
    for _ in 0..2 {
        let port = free_port().to_string();
        let arguments = ["demo", "--port", &port, "--json"];
        let mut child = cli.command(&arguments).stdin(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).await.unwrap();
        let told: Value = serde_json::from_str(&line).expect("one JSON document");
        let app = told["app"].as_str().expect("a URL").to_owned();
        assert_eq!(http().get(&app).send().await.unwrap().status(), 200);
        demos.push((child, app));
    }
    assert_ne!(demos[0].1, demos[1].1);
    for (mut child, _) in demos {
        terminate(&child).await;
        assert_eq!(child.wait().await.unwrap().code(), Some(0));
    }
}
