//! The programs of `tests/clients`: apps as their frameworks' own pages tell people to write them.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::{Child, Command};

use super::program::Program;
use super::{PASSWORD, USERNAME, toolchain};
use crate::support::{App, Binary, Browser, Database, free_port, http, required_or_skip};

pub(crate) const EMAIL: &str = "alice@example.com";
const API: &str = "https://api.example.com";

/// A server that knows Alice with name and e-mail.
pub(crate) async fn knows_alice() -> Binary {
    let server = Binary::start(&Database::Sqlite).await;
    alice(&server).await;
    server
}

/// Makes Alice, with name and e-mail; her `sub`.
pub(super) async fn alice(server: &Binary) -> String {
    let known = ["--email", EMAIL, "--email-verified", "--name", "Alice", "--password-stdin"];
    let arguments = [&["user", "create", "--username", USERNAME][..], &known].concat();
    let created = server.cli(&arguments, Some(PASSWORD)).await;
    created["sub"].as_str().expect("a sub").to_owned()
}

/// A confidential client as it is registered without any choice.
pub(super) async fn web_app(server: &Binary, id: &str, callback: &str, more: &[&str]) -> App {
    let start = ["--kind", "confidential", "--scope", "openid profile email"];
    let code = ["--grant", "authorization_code", "--redirect-uri", callback];
    server.client(id, &[&start[..], &code, more].concat()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auth_js_reads_name_and_e_mail_from_the_id_token() {
    let server = knows_alice().await;
    for (id, more, known) in [
        ("told", &["--id-token-claims"][..], json!({ "name": "Alice", "email": EMAIL })),
        ("plain", &[][..], json!({})),
    ] {
        let command = match toolchain::auth_js().await {
            Ok(command) => command,
            Err(why) => return required_or_skip(&why),
        };
        let origin = "http://127.0.0.1:3000";
        let callback = format!("{origin}/auth/callback/mapae");
        let client = web_app(&server, id, &callback, more).await;
        let told = [
            ("ISSUER", server.issuer()),
            ("CLIENT_ID", client.id.clone()),
            ("CLIENT_SECRET", client.secret.clone().expect("a secret")),
            ("APP", origin.to_owned()),
        ];
        let mut app = Program::start(command, &told);
        let mut person = Browser::new(&server.issuer(), &client.http);
        let url = app.succeeds("leave").await;
        let back = person.arrive(&url).await.location().expect("back").to_owned();
        let user: Value =
            serde_json::from_str(&app.succeeds(&format!("back {back}")).await).expect("JSON");
        for name in ["name", "email"] {
            assert_eq!(user.get(name), known.get(name), "{id}: {user}");
        }
        app.quit().await;
    }
}

/// Maven fetches some sixty megabytes for each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes where nothing was fetched before: tests/clients/README.md"]
async fn spring_boot_3_5_signs_people_in_and_takes_tokens() {
    spring_boot("3.5").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes where nothing was fetched before: tests/clients/README.md"]
async fn spring_boot_4_0_signs_people_in_and_takes_tokens() {
    spring_boot("4.0").await;
}

async fn spring_boot(version: &str) {
    let server = knows_alice().await;
    let port = free_port();
    let base = format!("http://127.0.0.1:{port}");
    let callback = format!("{base}/login/oauth2/code/mapae");
    let app = web_app(&server, "app", &callback, &[]).await;
    let kind = ["--kind", "confidential", "--grant", "client_credentials"];
    let api = server.client("api", &[&kind[..], &["--resource-server", API]].concat()).await;
    let caller = [&kind[..], &["--audience", API]].concat();
    let of_rfc9068 = server.client("rfc9068", &caller).await;
    let plain = [&caller[..], &["--access-token-typ", "JWT"]].concat();
    let plain = server.client("plain", &plain).await;
    let elsewhere = [&kind[..], &["--audience", "https://elsewhere.example.com"]].concat();
    let elsewhere = server.client("elsewhere", &elsewhere).await;
    let secret = |app: &App| app.secret.clone().expect("a secret");
    for (decoder, taken, refused) in
        [("rfc9068", &of_rfc9068, &plain), ("default", &plain, &of_rfc9068)]
    {
        let mut command = toolchain::spring_boot(version).await.expect("it is built");
        command.env_clear().envs([
            ("ISSUER", server.issuer()),
            ("PORT", port.to_string()),
            ("AUDIENCE", API.to_owned()),
            ("DECODER", decoder.to_owned()),
            ("CLIENT_ID", app.id.clone()),
            ("CLIENT_SECRET", secret(&app)),
            ("API_CLIENT_ID", api.id.clone()),
            ("API_CLIENT_SECRET", secret(&api)),
        ]);
        let mut running = started(command, &format!("{base}/api/me")).await;

        let mut person = Browser::new(&server.issuer(), &http());
        let mut at_app = Browser::new(&base, &http());
        let leaves = at_app.get("/oauth2/authorization/mapae").await;
        let back = person.arrive(leaves.location().expect("to us")).await;
        let greeted = at_app.get(back.location().expect("back")).await;
        assert_eq!(greeted.reply.status, 302, "{greeted:?}");
        let me = at_app.get("/me").await.reply;
        assert_eq!(
            (me.status.as_u16(), me.json()),
            (200, json!({ "name": USERNAME, "email": EMAIL }))
        );

        let good = token(taken).await;
        assert_eq!(call(&base, "/api/me", &good).await, (200, taken.id.clone()));
        for bad in [token(refused).await, token(&elsewhere).await, format!("{good}x")] {
            assert_eq!(call(&base, "/api/me", &bad).await.0, 401, "{decoder}");
        }
        // By introspection every type is taken, and an end shows at once.
        for client in [&of_rfc9068, &plain] {
            let token = token(client).await;
            assert_eq!(call(&base, "/opaque/me", &token).await, (200, client.id.clone()));
            client.revoke(&token).await.ok();
            assert_eq!(call(&base, "/opaque/me", &token).await.0, 401);
        }
        running.kill().await.expect("killed");
    }
}

/// Starts a server and waits until it answers at this URL.
pub(super) async fn started(mut command: Command, url: &str) -> Child {
    let child = command.spawn().expect("it starts");
    let answers = async {
        let mut looks = tokio::time::interval(Duration::from_millis(100));
        loop {
            looks.tick().await;
            if http().get(url).send().await.is_ok() {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_mins(2), answers).await.expect("it answers in time");
    child
}

async fn token(client: &App) -> String {
    client.token(&[("grant_type", "client_credentials")]).await.ok().text("access_token")
}

/// The status and the name that an API answers with.
async fn call(base: &str, path: &str, token: &str) -> (u16, String) {
    let answer =
        http().get(format!("{base}{path}")).bearer_auth(token).send().await.expect("an answer");
    let status = answer.status().as_u16();
    let told: Value = answer.json().await.unwrap_or_default();
    (status, told["name"].as_str().unwrap_or_default().to_owned())
}
