//! Synapse, which reads who signed in from the id token, and ends its sessions when it is told to.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::process::Command;

use super::clients::{EMAIL, alice, started, web_app};
use super::{USERNAME, toolchain};
use crate::support::{
    AuthorizationResponse, Browser, Cli, Database, eventually, free_port, http, required_or_skip,
};

const ELEMENT: &str = "https://element.example.com/";

/// What the homeserver answers to its app.
async fn api(home: &str, path: &str, token: &str) -> (u16, Value) {
    let url = format!("{home}/_matrix/client/v3/{path}");
    let answer = http().get(url).bearer_auth(token).send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn synapse_knows_people_by_name_and_e_mail_and_hears_of_their_end() {
    let program = match toolchain::synapse().await {
        Ok(program) => program,
        Err(why) => return required_or_skip(&why),
    };
    let mut cli = Cli::prepared(&Database::Sqlite).await;
    cli.set("MAPAE_OUTBOUND_ALLOW_PRIVATE", "true");
    let server = cli.serve().await;
    alice(&server).await;
    let port = free_port();
    let home = format!("http://127.0.0.1:{port}");
    let callback = format!("{home}/_synapse/client/oidc/callback");
    let ends = format!("{home}/_synapse/client/oidc/backchannel_logout");
    let more = ["--id-token-claims", "--backchannel-logout-uri", &ends];
    let client = web_app(&server, "synapse", &callback, &more).await;
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().display().to_string();
    let mut settings = include_str!("../../clients/synapse/homeserver.yaml").to_owned();
    for (name, value) in [
        ("HOME", home.as_str()),
        ("PORT", &port.to_string()),
        ("FOLDER", &place),
        ("ISSUER", &server.issuer()),
        ("CLIENT_ID", &client.id),
        ("CLIENT_SECRET", client.secret.as_deref().expect("a secret")),
    ] {
        settings = settings.replace(name, value);
    }
    let file = folder.path().join("homeserver.yaml");
    std::fs::write(&file, settings).expect("written");
    let log = std::fs::File::create(folder.path().join("log")).expect("a log");
    let mut keys = Command::new(&program);
    keys.arg("--generate-keys").arg("--config-path").arg(&file);
    assert!(keys.output().await.expect("it starts").status.success());
    let mut command = Command::new(&program);
    command.arg("--config-path").arg(&file).stderr(log).stdout(Stdio::null()).kill_on_drop(true);
    let mut running = started(command, &format!("{home}/_matrix/client/versions")).await;

    let mut person = Browser::new(&server.issuer(), &client.http);
    let mut at_home = Browser::new(&home, &http());
    let start = format!("/_matrix/client/v3/login/sso/redirect/oidc-mapae?redirectUrl={ELEMENT}");
    let leaves = at_home.get(&start).await;
    let back = person.arrive(leaves.location().expect("to us")).await;
    let mut page = at_home.get(back.location().expect("back")).await;
    while let Some(next) = page.location().filter(|next| !next.starts_with(ELEMENT)) {
        let next = next.to_owned();
        page = at_home.get(&next).await;
    }
    let token = AuthorizationResponse::at(page.location().unwrap_or_else(|| panic!("{page:?}")));
    let login = json!({ "type": "m.login.token", "token": token.get("loginToken") });
    let login = http().post(format!("{home}/_matrix/client/v3/login")).json(&login);
    let session: Value = login.send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(session["user_id"], "@alice:matrix.example.com", "{session}");
    let token = session["access_token"].as_str().expect("a token");
    let (_, profile) = api(&home, "profile/@alice:matrix.example.com", token).await;
    assert_eq!(profile["displayname"], "Alice", "{profile}");
    let (_, addresses) = api(&home, "account/3pid", token).await;
    assert_eq!(addresses["threepids"][0]["address"], EMAIL, "{addresses}");
    assert_eq!(api(&home, "account/whoami", token).await.0, 200);
    // Signed out at the issuer is signed out here.
    server.cli(&["user", "logout", "--username", USERNAME], None).await;
    eventually("the session has ended", async || {
        api(&home, "account/whoami", token).await.0 == 401
    })
    .await;
    running.kill().await.expect("killed");
}
