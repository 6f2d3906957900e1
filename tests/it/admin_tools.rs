//! Tools of others that read the description of the administration API: one makes requests from it,
//! one makes a client.

use std::fs;

use crate::admin_api::{Api, EVERY_SCOPE};
use crate::interop::toolchain;
use crate::support::{Database, Server, http, required_or_skip};

/// The description as a server tells it, in a file.
async fn description(server: &Server) -> tempfile::NamedTempFile {
    let url = server.url("/admin/api/v1/openapi.json");
    let text = http().get(url).send().await.expect("an answer").text().await.expect("a text");
    let file = tempfile::Builder::new().suffix(".json").tempfile().expect("a file");
    fs::write(file.path(), text).expect("written");
    file
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_that_is_made_from_the_description_makes_the_server_fail() {
    let mut command = match toolchain::schemathesis().await {
        Ok(command) => command,
        Err(why) => return required_or_skip(&why),
    };
    let server = Server::start(&Database::Sqlite).await;
    let api = Api::machine(&server, "robot", EVERY_SCOPE).await;
    let description = description(&server).await;
    command.arg(description.path()).args(["--url", server.issuer(), "--seed", "7"]);
    command.args(["--phases", "examples,fuzzing", "--max-examples", "2", "--no-color"]);
    let checks = "not_a_server_error,status_code_conformance,content_type_conformance,\
                  response_schema_conformance";
    command.args(["--checks", checks, "--generation-database", "none"]);
    // Keys of RSA take seconds to make, and it makes no rows of people.
    command.args(["--exclude-path-regex", "keys/rotate|users/import"]);
    command.args(["-H", &format!("Authorization: Bearer {}", api.token)]);
    let ran = command.output().await.expect("schemathesis");
    let said =
        format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_generated_from_the_description_lists_people() {
    let server = Server::start(&Database::Sqlite).await;
    let description = description(&server).await;
    let mut command = match toolchain::generated_client(description.path()).await {
        Ok(command) => command,
        Err(why) => return required_or_skip(&why),
    };
    for name in ["ant", "bee", "cat"] {
        server.user(name, None).await;
    }
    let api = Api::machine(&server, "robot", "admin:users").await;
    command.env("BASE", server.issuer()).env("TOKEN", &api.token);
    let ran = command.output().await.expect("the program");
    let said = String::from_utf8_lossy(&ran.stdout);
    let lines: Vec<&str> = said.lines().collect();
    let expected = ["people: ant bee cat", "group: staff", "refused: 404 admin_unknown"];
    assert_eq!(lines, expected, "{}", String::from_utf8_lossy(&ran.stderr));
}
