//! A resource server that is asked whether a token is good: the crate, or a program of `kit`.

use std::process::Stdio;
use std::time::Duration;

use mapae_verify::{Presented, Refusal, Verifier};
use tokio::process::{Child, Command};

use crate::support::{free_port, http};

/// Whoever has not answered by then has no answer.
const LONGEST: Duration = Duration::from_secs(10);

pub(crate) enum ResourceServer {
    Crate(Verifier),
    Program { url: String, client: reqwest::Client, _running: Box<Child> },
}

impl ResourceServer {
    pub(crate) fn of_the_crate(issuer: &str, audience: &str) -> Self {
        let verifier = Verifier::builder(issuer, audience).build().expect("a verifier");
        verifier.follow();
        Self::Crate(verifier)
    }

    pub(crate) fn start(mut program: Command, issuer: &str, audience: &str) -> Self {
        let listen = format!("127.0.0.1:{}", free_port());
        program.env("ISSUER", issuer).env("AUDIENCE", audience).env("LISTEN", &listen);
        program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let running = program.kill_on_drop(true).spawn().expect("it starts");
        let (url, client) = (format!("http://{listen}/"), http());
        Self::Program { url, client, _running: Box::new(running) }
    }

    /// Whether it accepts a token. `None`: the fault is not the token's.
    pub(crate) async fn accepts(&self, token: &str) -> Option<bool> {
        match self {
            Self::Crate(verifier) => match verifier.verify(Presented::bearer(token)).await {
                Ok(_) => Some(true),
                Err(Refusal::Unavailable) => None,
                Err(_) => Some(false),
            },
            Self::Program { url, client, .. } => {
                let request = client.get(url).bearer_auth(token).timeout(LONGEST);
                match request.send().await.ok()?.status().as_u16() {
                    200 => Some(true),
                    401 => Some(false),
                    _ => None,
                }
            }
        }
    }
}
