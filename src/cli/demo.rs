//! `mapae demo`: a running server, a client, a person and a tour of curl lines that work when
//! pasted.

use std::path::{Path, PathBuf};

use chrono::Duration;
use clap::Args;
use serde_json::json;
use tracing::level_filters::LevelFilter;

use super::serve::until_stopped;
use super::{Installation, Outcome};
use crate::accounts::users::{self, NewUser};
use crate::app::config::{self, Settings};
use crate::app::{Server, telemetry};
use crate::domain::client::{AuthMethod, Client, ClientId, ClientKind, RefreshPolicy, TokenAlg};
use crate::domain::random;
use crate::domain::scope::Scope;
use crate::domain::user::Profile;
use crate::domain::verdict::{Error, Rejected, reject};
use crate::oauth::grants::GRANT_TYPES;
use crate::oauth::registration;

/// Run a throw-away server with a client, a user and a tour.
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Keep database and keys in the folder mapae-demo
    #[arg(long)]
    keep: bool,
    /// The port on loopback
    #[arg(long, default_value_t = 8080)]
    port: u16,
}

const API: &str = "https://api.example.com";
const CLIENT: &str = "demo-app";
const PERSON: &str = "hong";
const PASSWORD: &str = "hong-gil-dong";

/// Removes a throw-away folder.
struct Folder {
    path: PathBuf,
    keep: bool,
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.keep {
            // A folder that cannot be removed is the operating system's to clean.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

impl Demo {
    pub(super) async fn run(self, at: &Installation) -> Outcome {
        telemetry::log(LevelFilter::WARN);
        telemetry::count();
        let folder = self.folder()?;
        let settings = self.settings(&folder.path)?;
        let server = Server::start(settings, at.clock.clone()).await?;
        let secret = furnish(at, &server).await?;
        let issuer = server.issuer().url.as_str().to_owned();
        at.print(
            &json!({
                "issuer": issuer, "client_id": CLIENT, "client_secret": secret,
                "username": PERSON, "password": PASSWORD, "audience": API,
            }),
            &tour(&issuer, &secret),
        );
        let stopped = until_stopped(server).await;
        drop(folder);
        stopped
    }

    fn folder(&self) -> Outcome<Folder> {
        let path = if self.keep {
            PathBuf::from("mapae-demo")
        } else {
            std::env::temp_dir().join(format!("mapae-demo-{}", random::identifier()))
        };
        match std::fs::create_dir_all(&path) {
            Ok(()) => Ok(Folder { path, keep: self.keep }),
            Err(error) => reject(format!("{}: {error}", path.display())),
        }
    }

    fn settings(&self, folder: &Path) -> Outcome<Settings> {
        let flags = [
            ("issuer", format!("http://localhost:{}", self.port)),
            ("listen", format!("127.0.0.1:{}", self.port)),
            ("admin_listen", "off".to_owned()),
            ("database_url", format!("sqlite://{}", folder.join("mapae.db").display())),
            ("keys_dir", folder.join("keys").display().to_string()),
        ];
        // The environment of a real installation must not reach into a demo.
        config::load(None, [], &flags).settings.map_err(|problems| {
            let lines: Vec<_> =
                problems.iter().map(|one| format!("{} {}", one.key, one.problem)).collect();
            Error::Refused(Rejected(lines.join("\n")))
        })
    }
}

/// Registers the client, or renews its secret where a kept demo has it, and makes the person.
async fn furnish(at: &Installation, server: &Server) -> Outcome<String> {
    let issuer = server.issuer();
    let store = &*issuer.store;
    if registration::find(store, CLIENT).await.is_ok() {
        let secret = registration::rotate_secret(store, &at.clock, CLIENT).await?;
        issuer.clients.forget();
        return Ok(secret.expose().to_owned());
    }
    let new = NewUser {
        username: PERSON.to_owned(),
        email: Some("hong@example.com".to_owned()),
        email_verified: true,
        profile: Profile {
            name: Some("홍길동".to_owned()),
            locale: Some("ko-KR".to_owned()),
            ..Profile::default()
        },
        password: Some(PASSWORD.to_owned().into()),
    };
    users::create(store, &at.clock, &issuer.hasher, new).await?;
    let secret = registration::create(store, &at.clock, &issuer.url, client(at)?).await?;
    Ok(secret.map(|secret| secret.expose().to_owned()).unwrap_or_default())
}

fn client(at: &Installation) -> Outcome<Client> {
    let scope = Scope::parse("openid profile email offline_access api:read");
    let (Some(id), Ok(scope)) = (ClientId::parse(CLIENT), scope) else {
        return reject("the demo client is malformed");
    };
    Ok(Client {
        id,
        name: "Demo app".to_owned(),
        kind: ClientKind::Confidential,
        auth_method: AuthMethod::ClientSecret,
        secret: None,
        jwks: None,
        grants: GRANT_TYPES.iter().map(|grant| (*grant).to_owned()).collect(),
        scope,
        audiences: vec![API.to_owned()],
        resource_servers: vec![API.to_owned()],
        redirect_uris: Vec::new(),
        token_alg: TokenAlg::Rs256,
        refresh: RefreshPolicy::Rotate { grace: Some(Duration::seconds(10)) },
        require_access_token_proof: false,
        disabled_at: None,
        created_at: at.clock.now(),
    })
}

fn tour(issuer: &str, secret: &str) -> String {
    format!(
        r#"
mapae is running at {issuer}    (Ctrl-C stops it and leaves nothing behind)

Paste these lines into another terminal.

# what every client and every resource server needs to know
curl -s {issuer}/.well-known/openid-configuration
curl -s {issuer}/.well-known/jwks.json

# {PERSON} signs in through the app and gets tokens
TOKENS=$(curl -s -u {CLIENT}:{secret} {issuer}/token -d grant_type=password -d username={PERSON} -d password={PASSWORD} --data-urlencode "scope=openid profile email offline_access api:read"); echo "$TOKENS"
ACCESS=$(echo "$TOKENS" | sed 's/.*"access_token":"\([^"]*\)".*/\1/'); REFRESH=$(echo "$TOKENS" | sed 's/.*"refresh_token":"\([^"]*\)".*/\1/')

# who is it?
curl -s {issuer}/userinfo -H "Authorization: Bearer $ACCESS"

# a new access token; the refresh token changes with every use
TOKENS=$(curl -s -u {CLIENT}:{secret} {issuer}/token -d grant_type=refresh_token -d "refresh_token=$REFRESH"); echo "$TOKENS"
ACCESS=$(echo "$TOKENS" | sed 's/.*"access_token":"\([^"]*\)".*/\1/'); REFRESH=$(echo "$TOKENS" | sed 's/.*"refresh_token":"\([^"]*\)".*/\1/')

# the app for itself
curl -s -u {CLIENT}:{secret} {issuer}/token -d grant_type=client_credentials -d scope=api:read

# a resource server verifies tokens alone; it may still ask
curl -s -u {CLIENT}:{secret} {issuer}/introspect -d "token=$ACCESS"

# the end of the session: every token of it is dead at once
curl -s -u {CLIENT}:{secret} {issuer}/revoke -d "token=$REFRESH"
curl -s -u {CLIENT}:{secret} {issuer}/introspect -d "token=$ACCESS"
"#
    )
    .trim_start()
    .to_owned()
}
