//! `mapae demo`: a running server, a person, an app to click through and a tour of curl lines that
//! work when pasted.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use tokio::net::TcpListener;
use tracing::level_filters::LevelFilter;

use self::relying_party::RelyingParty;
use self::tls::{Secure, SecureListener};
use super::serve::Signals;
use super::{Installation, Outcome};
use crate::admin::users::{self, NewUser};
use crate::app::config::{self, Settings};
use crate::app::{Server, telemetry};
use crate::clients::registration;
use crate::domain::client::{Client, ClientId, ClientKind};
use crate::domain::grant_type::GrantType;
use crate::domain::random;
use crate::domain::scope::Scope;
use crate::domain::user::Profile;
use crate::domain::verdict::{Error, Rejected, reject};
use crate::net::tls::Tls;

/// Run a throw-away server with a client, a user and a tour.
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Keep database and keys in the folder mapae-demo
    #[arg(long)]
    keep: bool,
    /// Everything over https, with a certificate authority of its own
    #[arg(long)]
    tls: bool,
    /// The port of the server on loopback; 8080, or 8443 with --tls
    #[arg(long)]
    port: Option<u16>,
    /// The port of the app on loopback; 8081, or any other where that is taken
    #[arg(long)]
    app_port: Option<u16>,
    /// The port of the provider of social login on loopback; 8082, or any other where that is taken
    #[arg(long)]
    idp_port: Option<u16>,
}

mod app;
mod idp;
mod relying_party;
mod tls;

const API: &str = "https://api.example.com";
const CLIENT: &str = "demo-app";
const WEB_CLIENT: &str = "demo-web";
const APP_PORT: u16 = 8081;
const IDP_PORT: u16 = 8082;
const PERSON: &str = "hong";
const PASSWORD: &str = "hong-gil-dong";
/// The settings in the folder of a server.
const SETTINGS: &str = "mapae.toml";

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
        telemetry::log_in_background(LevelFilter::WARN);
        telemetry::count();
        let signals = Signals::listen()?;
        let folder = self.folder()?;
        let make = || Secure::make(&folder.path, at.clock.now());
        let secure = self.tls.then(make).transpose()?;
        let (scheme, usual) = if self.tls { ("https", 8443) } else { ("http", 8080) };
        let (listener, place) = bind("--idp-port", self.idp_port, IDP_PORT).await?;
        let idp_url = format!("{scheme}://{place}");
        let idp_folder = folder.path.join("idp");
        let idp = idp::start(at, listener, &idp_url, &idp_folder, secure.as_ref()).await?;
        let port = self.port.unwrap_or(usual);
        let (url, listen) = (format!("{scheme}://localhost:{port}"), format!("127.0.0.1:{port}"));
        let file = folder.path.join(SETTINGS);
        let mut settings = settings(&url, &listen, &folder.path, secure.as_ref())?;
        settings.social = vec![idp::register_with(at, &idp, &settings.issuer).await?];
        let server = Server::start(settings, at.clock.clone()).await?;
        let (app, place) = bind("--app-port", self.app_port, APP_PORT).await?;
        let app_url = format!("{scheme}://{place}");
        let secret = furnish(at, &server).await?;
        let web_secret = register(at, &server, web_client(at, &app_url)?).await?;
        let ca_file = secure.as_ref().map(|secure| secure.ca_file.as_path());
        let party =
            RelyingParty::discover(&url, WEB_CLIENT, &web_secret, &app_url, ca_file).await?;
        let app = match &secure {
            None => tokio::spawn(app::serve(app, party)),
            Some(Secure { files, .. }) => {
                let tls = Tls::load(files.clone()).await.or_else(reject)?;
                tokio::spawn(app::serve(SecureListener { listener: app, tls }, party))
            }
        };
        at.print(
            &json!({
                "issuer": url, "client_id": CLIENT, "client_secret": secret,
                "username": PERSON, "password": PASSWORD, "audience": API, "app": app_url,
                "config": file, "ca_file": ca_file,
                "idp": {
                    "issuer": idp_url, "username": idp::PERSON, "password": idp::PASSWORD,
                },
            }),
            &Told {
                url: &url,
                secret: &secret,
                app: &app_url,
                idp: &idp_url,
                file: &file,
                ca_file,
            }
            .words(self.keep),
        );
        signals.stop(server).await;
        app.abort();
        idp.stop().await;
        drop(folder);
        Ok(())
    }

    fn folder(&self) -> Outcome<Folder> {
        let path = if self.keep {
            // Whole, since it is printed for other folders.
            std::path::absolute("mapae-demo").unwrap_or_else(|_| PathBuf::from("mapae-demo"))
        } else {
            std::env::temp_dir().join(format!("mapae-demo-{}", random::identifier()))
        };
        match std::fs::create_dir_all(&path) {
            Ok(()) => Ok(Folder { path, keep: self.keep }),
            Err(error) => reject(format!("{}: {error}", path.display())),
        }
    }
}

/// A listener on the port that was chosen, or on the usual one, or on any. Cookies ignore ports, so
/// what listens here is another host than the server's: 127.0.0.1, and not localhost.
async fn bind(flag: &str, chosen: Option<u16>, usual: u16) -> Outcome<(TcpListener, String)> {
    let bind = |port| TcpListener::bind(("127.0.0.1", port));
    let bound = match chosen {
        Some(port) => bind(port).await,
        None => match bind(usual).await {
            Err(_) => bind(0).await,
            bound => bound,
        },
    };
    match bound.and_then(|listener| listener.local_addr().map(|address| (listener, address))) {
        Ok((listener, address)) => Ok((listener, address.to_string())),
        Err(error) => {
            let port = chosen.unwrap_or(usual);
            reject(format!("{flag}: cannot listen on 127.0.0.1:{port}: {error}"))
        }
    }
}

/// The settings of a server of the demo, in a file that the command line can be pointed at. The
/// environment of a real installation must not reach into it.
fn settings(
    issuer: &str,
    listen: &str,
    folder: &Path,
    secure: Option<&Secure>,
) -> Outcome<Settings> {
    let path = |path: &Path| path.display().to_string();
    let mut given = vec![
        ("issuer", issuer.to_owned()),
        ("listen", listen.to_owned()),
        ("admin_listen", "off".to_owned()),
        // No balancer has to see it first.
        ("shutdown.delay", "0s".to_owned()),
        ("database_url", format!("sqlite://{}", folder.join("mapae.db").display())),
        ("keys_dir", path(&folder.join("keys"))),
        // The provider of social login lives on this machine.
        ("outbound.allow_private", true.to_string()),
    ];
    if let Some(Secure { ca_file, files }) = secure {
        given.extend([
            ("outbound.ca_file", path(ca_file)),
            ("tls.cert_file", path(&files.certificate)),
            ("tls.key_file", path(&files.key)),
        ]);
    }
    // A string of JSON is one of TOML.
    let lines = given.iter().map(|(key, value)| format!("{key} = {}\n", json!(value)));
    let file = folder.join(SETTINGS);
    let written = std::fs::write(&file, lines.collect::<String>());
    written.or_else(|error| reject(format!("{}: {error}", file.display())))?;
    config::load(Some(&file), [], &[]).settings.map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        Error::Refused(Rejected(lines.join("\n")))
    })
}

/// Makes the person, where a kept demo does not have them yet, and registers the client.
async fn furnish(at: &Installation, server: &Server) -> Outcome<String> {
    let issuer = server.issuer();
    let store = &*issuer.store;
    if users::find(store, PERSON).await.is_err() {
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
    }
    register(at, server, client(at)?).await
}

/// Registers a client; one that a kept demo has is brought up to date and gets a new secret.
async fn register(at: &Installation, server: &Server, client: Client) -> Outcome<String> {
    let issuer = server.issuer();
    let (store, url) = (&*issuer.store, &issuer.url);
    let id = client.id.as_str().to_owned();
    let secret = if registration::find(store, &id).await.is_ok() {
        let renew = |known: &mut Client| {
            *known = Client { secret: known.secret, ..client };
            Ok(())
        };
        registration::update(store, &at.clock, url, &id, renew).await?;
        Some(registration::rotate_secret(store, &at.clock, &id).await?)
    } else {
        registration::create(store, &at.clock, url, client).await?
    };
    issuer.clients.forget();
    Ok(secret.map(|secret| secret.expose().to_owned()).unwrap_or_default())
}

/// The third-party app.
fn web_client(at: &Installation, app_url: &str) -> Outcome<Client> {
    let mut client = client(at)?;
    client.id = ClientId::parse(WEB_CLIENT).unwrap_or(client.id);
    "Post station".clone_into(&mut client.name);
    client.grants = [GrantType::AuthorizationCode, GrantType::RefreshToken]
        .map(|grant| grant.as_str().to_owned())
        .to_vec();
    client.resource_servers = Vec::new();
    client.redirect_uris = vec![format!("{app_url}/callback")];
    client.post_logout_redirect_uris = vec![format!("{app_url}/")];
    Ok(client)
}

fn client(at: &Installation) -> Outcome<Client> {
    let scope = Scope::parse("openid profile email offline_access api:read");
    let (Some(id), Ok(scope)) = (ClientId::parse(CLIENT), scope) else {
        return reject("the demo client is malformed");
    };
    let mut client = Client::new(id, ClientKind::Confidential, at.clock.now());
    "Demo app".clone_into(&mut client.name);
    let by_hand = [GrantType::Password, GrantType::RefreshToken, GrantType::ClientCredentials];
    client.grants = by_hand.map(|grant| grant.as_str().to_owned()).to_vec();
    client.scope = scope;
    client.audiences = vec![API.to_owned()];
    client.resource_servers = vec![API.to_owned()];
    Ok(client)
}

/// What the demo tells.
struct Told<'a> {
    url: &'a str,
    secret: &'a str,
    app: &'a str,
    idp: &'a str,
    file: &'a Path,
    ca_file: Option<&'a Path>,
}

/// The lines of the tour. README has the same; they work in every shell, pasted or as a script: no
/// comments, since zsh takes them for commands, and nothing unquoted that a shell may expand.
const TOUR: &str = r#"
echo '# what every client and every resource server needs to know'
curl -s "$MAPAE/.well-known/openid-configuration"; echo
curl -s "$MAPAE/.well-known/jwks.json"; echo

echo '# a person signs in through the app and gets tokens'
TOKENS=$(curl -s -u "$APP" "$MAPAE/token" -d grant_type=password -d username=hong -d password=hong-gil-dong --data-urlencode 'scope=openid profile email offline_access api:read'); printf '%s\n' "$TOKENS"
ACCESS=$(printf '%s' "$TOKENS" | sed 's/.*"access_token":"\([^"]*\)".*/\1/'); REFRESH=$(printf '%s' "$TOKENS" | sed 's/.*"refresh_token":"\([^"]*\)".*/\1/')

echo '# who is it?'
curl -s "$MAPAE/userinfo" -H "Authorization: Bearer $ACCESS"; echo

echo '# a new access token; the refresh token changes with every use'
TOKENS=$(curl -s -u "$APP" "$MAPAE/token" -d grant_type=refresh_token -d "refresh_token=$REFRESH"); printf '%s\n' "$TOKENS"
ACCESS=$(printf '%s' "$TOKENS" | sed 's/.*"access_token":"\([^"]*\)".*/\1/'); REFRESH=$(printf '%s' "$TOKENS" | sed 's/.*"refresh_token":"\([^"]*\)".*/\1/')

echo '# the app for itself'
curl -s -u "$APP" "$MAPAE/token" -d grant_type=client_credentials -d scope=api:read; echo

echo '# a resource server verifies tokens alone; it may still ask'
curl -s -u "$APP" "$MAPAE/introspect" -d "token=$ACCESS"; echo

echo '# the end: no new tokens, and this server takes none of the old ones; who verifies alone takes an access token until it expires'
curl -s -u "$APP" "$MAPAE/revoke" -d "token=$REFRESH"
curl -s -u "$APP" "$MAPAE/introspect" -d "token=$ACCESS"; echo
"#;

impl Told<'_> {
    fn words(&self, keep: bool) -> String {
        let Self { url, secret, app, idp, file, ca_file } = self;
        let left = if keep { "./mapae-demo stays" } else { "it leaves nothing behind" };
        let (idp_person, idp_password) = (idp::PERSON, idp::PASSWORD);
        let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("mapae"));
        let (program, file) = (quoted(&program), quoted(file));
        let (trust, curl, ca) = match ca_file {
            None => (String::new(), "curl -s", String::new()),
            Some(ca_file) => (
                format!(
                    "Its certificates are signed by an authority that was made for this run: {}\n\
                     Browsers warn of it until you import that file.\n",
                    ca_file.display()
                ),
                "curl -s --cacert \"$CA\"",
                format!("CA={}\n", quoted(ca_file)),
            ),
        };
        let tour = TOUR.replace("curl -s", curl);
        format!(
            "mapae is running at {url}    (Ctrl-C stops it; {left})\n{trust}\n\
             Open {app} in a browser: an app that knows nothing but the issuer.\n\
             Sign in as {PERSON} with {PASSWORD}. Your own page is {url}/account.\n\
             Or continue with Demo IdP, a provider at {idp}: {idp_person} with {idp_password}.\n\n\
             The command line works beside it, from any folder, with its settings:\n\
             {program} --config {file} client list\n\n\
             Or paste these lines into another terminal.\n\n\
             MAPAE='{url}'\nAPP='{CLIENT}:{secret}'\n{ca}{tour}"
        )
    }
}

/// A path as a word of a shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}
