//! A server in this process, on port 0, with a clock that tests move.

use std::fs;
use std::path::Path;

use mapae::admin::authority::May;
use mapae::admin::users::{self, NewUser};
use mapae::app::config;
use mapae::clients::registration;
use mapae::domain::audit::{Event, EventKind};
use mapae::domain::client::{AuthMethod, Client, ClientId, ClientKind, TokenAlg};
use mapae::domain::clock::{Clock, ManualClock};
use mapae::domain::grant_type::GrantType;
use mapae::domain::scope::Scope;
use mapae::domain::secret::Secret;
use mapae::domain::user::Profile;
use mapae::keys::make;
use mapae::keys::seal::{MasterKey, Sealer};
use mapae::store::signing_keys::StoredKey;
use mapae::store::{Options, ServeLock, Store, audit_events, signing_keys};
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::{App, Browser, CALLBACK, Cli, Database, Evidence, LentKey, eventually};

/// A server in this process.
pub(crate) struct Server {
    pub(crate) inner: mapae::app::Server,
    pub(crate) clock: ManualClock,
    pub(crate) http: reqwest::Client,
    now: Clock,
    base: String,
    database_url: String,
    settings: Vec<(&'static str, String)>,
    folder: TempDir,
    key: LentKey,
}

/// The settings file in the folder of a server.
const FILE: &str = "mapae.toml";

/// The issuer at `localhost`, whatever its port: for browsers another site than `127.0.0.1`.
pub(crate) const LOCALHOST: &str = "http://localhost";
pub(crate) const USERNAME: &str = "alice";
pub(crate) const PASSWORD: &str = "correct horse battery staple";

impl Server {
    /// Starts a server with the default settings.
    pub(crate) async fn start(database: &Database) -> Self {
        Self::start_with(database, &[]).await
    }

    /// Starts a server with these settings, by key path.
    pub(crate) async fn start_with(database: &Database, settings: &[(&'static str, &str)]) -> Self {
        Self::start_of(database, settings, "").await
    }

    /// Starts a server with these providers of social login (`[[social]]` in TOML), which may run
    /// on this machine.
    pub(crate) async fn start_social(database: &Database, social: &str) -> Self {
        Self::start_of(database, &[("outbound.allow_private", "true")], social).await
    }

    /// Starts a server with these settings by key path, and with this text in the settings file.
    pub(crate) async fn start_of(
        database: &Database,
        settings: &[(&'static str, &str)],
        file: &str,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(FILE), file).expect("written");
        let database_url = database.migrated(&folder).await;
        let (now, clock) = Clock::manual();
        let (key, keys_dir) = (LentKey::take(), folder.path().join("keys"));
        put_key(&key, &keys_dir, &database_url, &now).await;
        let mut given: Vec<(&'static str, String)> =
            settings.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        given.extend([
            ("shutdown.delay", "0s".to_owned()),
            ("admin_listen", "127.0.0.1:0".to_owned()),
            ("keys_dir", keys_dir.display().to_string()),
            ("log", "off".to_owned()),
        ]);
        for (key, value) in LIGHT.into_iter().chain(PATIENT) {
            if given.iter().all(|(known, _)| *known != key) {
                given.push((key, value.to_owned()));
            }
        }
        let (inner, mut base) = serve(&given, &database_url, &now, folder.path()).await;
        match given.iter_mut().find(|(key, _)| *key == "issuer") {
            Some((_, issuer)) if issuer == LOCALHOST => {
                base = base.replace("127.0.0.1", "localhost");
                issuer.clone_from(&base);
            }
            Some(_) => {}
            // Replicas share the issuer, whatever their address is.
            None => given.push(("issuer", base.clone())),
        }
        let http = http();
        Self { inner, clock, http, now, base, database_url, settings: given, folder, key }
    }

    /// Another server on the same database, with the same clock: a replica. Not for SQLite.
    pub(crate) async fn another(&self) -> mapae::app::Server {
        serve(&self.settings, &self.database_url, &self.now, self.folder.path()).await.0
    }

    /// The command line of this installation. Its clock is that of the machine.
    pub(crate) async fn cli(&self) -> Cli {
        let mut cli = Cli::new(&Database::Sqlite).await;
        cli.set("MAPAE_DATABASE_URL", &self.database_url);
        let names = [
            ("MAPAE_KEYS_DIR", "keys_dir"),
            ("MAPAE_ISSUER", "issuer"),
            ("MAPAE_MAIL_URL", "mail.url"),
        ];
        for (name, key) in names {
            if let Some((_, value)) = self.settings.iter().find(|(known, _)| *known == key) {
                cli.set(name, value);
            }
        }
        cli
    }

    /// Stops and starts again on the same data, at another address.
    pub(crate) async fn restart(self) -> Self {
        let Self { inner, settings, database_url, now, folder, clock, http, key, .. } = self;
        inner.stop().await;
        // A child that another test is just starting has this process's locks for a moment.
        eventually("the file is free", async || {
            ServeLock::take(&database_url).is_ok_and(|lock| lock.is_some())
        })
        .await;
        let served = serve(&settings, &database_url, &now, folder.path());
        let (inner, base) = Box::pin(served).await;
        Self { inner, clock, http, now, base, database_url, settings, folder, key }
    }

    /// Writes another settings file, for the next start.
    pub(crate) fn rewrite(&self, file: &str) {
        fs::write(self.folder.path().join(FILE), file).expect("written");
    }

    /// Opens the database to look at its rows.
    pub(crate) async fn evidence(&self) -> Evidence {
        Evidence::at(&self.database_url).await
    }

    /// Changes a registered client.
    pub(crate) async fn change(&self, id: &str, change: impl FnOnce(&mut Client)) {
        let issuer = self.inner.services();
        let change = |client: &mut Client| {
            change(client);
            Ok(())
        };
        let changed = registration::update(&issuer.store, &self.now, &issuer.url, id, change);
        changed.await.unwrap_or_else(|error| panic!("changed: {error}"));
        self.forget_clients();
    }

    /// The issuer URL.
    pub(crate) fn issuer(&self) -> &str {
        &self.base
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The URL of the database.
    pub(crate) fn database_url(&self) -> &str {
        &self.database_url
    }

    /// Moves the clock.
    pub(crate) fn advance(&self, seconds: i64) {
        self.clock.advance(chrono::Duration::seconds(seconds));
    }

    /// Registers a confidential client with every grant; `change` edits it first.
    pub(crate) async fn client(&self, name: &str, change: impl FnOnce(&mut Client)) -> App {
        let id = ClientId::parse(name).expect("an id");
        let mut client = Client::new(id, ClientKind::Confidential, self.now.now());
        client.metadata.grant_types =
            [GrantType::Password, GrantType::RefreshToken, GrantType::ClientCredentials].to_vec();
        let scope = Scope::parse("openid profile email offline_access read write");
        client.metadata.scope = scope.expect("a scope");
        change(&mut client);
        let issuer = self.inner.services();
        let secret = registration::create(&issuer.store, &self.now, &issuer.url, client)
            .await
            .unwrap_or_else(|error| panic!("registered: {error}"));
        App {
            id: name.to_owned(),
            secret: secret.map(|secret| secret.expose().to_owned()),
            base: self.base.clone(),
            http: self.http.clone(),
        }
    }

    /// Registers a confidential client that redirects browsers here; `change` edits it first.
    pub(crate) async fn web_app(&self, id: &str, change: impl FnOnce(&mut Client)) -> App {
        self.client(id, |client| {
            client.metadata.grant_types =
                [GrantType::AuthorizationCode, GrantType::RefreshToken].to_vec();
            client.metadata.redirect_uris = vec![CALLBACK.to_owned()];
            change(client);
        })
        .await
    }

    /// A fresh browser.
    pub(crate) fn browser(&self) -> Browser {
        Browser::new(&self.base, &self.http)
    }

    /// Registers a public client with all grants that it can have.
    pub(crate) async fn public_client(&self, id: &str) -> App {
        self.client(id, |client| {
            client.kind = ClientKind::Public;
            client.metadata.token_endpoint_auth_method = AuthMethod::None;
            client.metadata.grant_types = vec![GrantType::Password, GrantType::RefreshToken];
        })
        .await
    }

    /// Creates the person of the constants above, and returns their `sub`.
    pub(crate) async fn alice(&self) -> String {
        self.user(USERNAME, Some(PASSWORD)).await
    }

    /// Creates a person and returns their `sub`.
    pub(crate) async fn user(&self, username: &str, password: Option<&str>) -> String {
        let issuer = self.inner.services();
        let new = NewUser {
            username: username.to_owned(),
            email: Some(format!("{}@example.com", uuid::Uuid::new_v4().simple())),
            email_verified: true,
            profile: Profile { name: Some("Alice".to_owned()), ..Profile::default() },
            password: password.map(|password| password.to_owned().into()),
        };
        let user = users::create(&May::operator(), &issuer.store, &self.now, &issuer.hasher, new)
            .await
            .unwrap_or_else(|error| panic!("made: {error}"));
        user.id.as_str().to_owned()
    }

    /// Makes the server read clients again at once, after the test changed them in the database.
    pub(crate) fn forget_clients(&self) {
        self.inner.services().clients.forget();
    }

    /// The clock of the server.
    pub(crate) fn now(&self) -> &Clock {
        &self.now
    }
}

/// Puts the master key and the first RSA key where a server makes them at its first start.
pub(super) async fn put_key(key: &LentKey, keys_dir: &Path, database_url: &str, clock: &Clock) {
    let master = MasterKey::make(keys_dir).expect("a master key");
    let sealer = Sealer::new(&master).expect("a sealer");
    let pkcs8 = Secret::new(key.pkcs8().to_vec());
    let made = make::describe(TokenAlg::Rs256, pkcs8).expect("an RSA key");
    let stored = StoredKey {
        kid: made.kid.clone(),
        alg: made.alg,
        generation: 0,
        created_at: clock.now(),
        signs_from: clock.now(),
        public_jwk: serde_json::to_string(&made.public_jwk).expect("a JWK"),
        sealed_private: sealer.seal(&made.kid, made.private.expose()).expect("sealed"),
    };
    let store = Store::open(database_url, &Options::default()).await.expect("a database");
    let tx = store.begin(clock.now()).await.expect("a transaction");
    assert!(signing_keys::insert(&tx, &stored).await.expect("written"), "the first key");
    let event = Event::new(EventKind::KeyCreated).detail(&*stored.kid);
    audit_events::insert(&tx, &[event]).await.expect("written");
    tx.commit().await.expect("written");
    store.close().await;
}

/// The least that may be set: hashing passwords is most of the work of many tests.
const LIGHT: [(&str, &str); 2] = [("hashing.memory_kib", "7168"), ("hashing.passes", "1")];

/// A machine that is busy with other tests may stand still for seconds, and this must not turn a
/// test red. Tests of deadlines and of a database that does not answer set their own.
const PATIENT: [(&str, &str); 4] = [
    ("http.request_timeout", "1m"),
    ("database.pool_wait", "30s"),
    ("database.statement_timeout", "30s"),
    ("database.lock_timeout", "30s"),
];

async fn serve(
    settings: &[(&'static str, String)],
    database_url: &str,
    clock: &Clock,
    folder: &Path,
) -> (mapae::app::Server, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let mut flags = settings.to_vec();
    match flags.iter_mut().find(|(key, _)| *key == "issuer") {
        Some((_, issuer)) if issuer == LOCALHOST => {
            *issuer = base.replace("127.0.0.1", "localhost");
        }
        Some(_) => {}
        None => flags.push(("issuer", base.clone())),
    }
    flags.push(("database_url", database_url.to_owned()));
    let file = folder.join(FILE);
    let settings = config::load(Some(&file), [], &flags).settings.expect("good settings");
    let server = mapae::app::Server::start_on(listener, settings, clock.clone())
        .await
        .unwrap_or_else(|error| panic!("started: {error}"));
    (server, base)
}

/// A client that follows no redirect, for servers that speak plain HTTP.
pub(crate) fn http() -> reqwest::Client {
    plain_http().build().expect("a client")
}

/// The same, to be given more. It trusts no authority: to read those of the machine takes longer than
/// most requests do, and no test calls a server that has a certificate of theirs.
pub(crate) fn plain_http() -> reqwest::ClientBuilder {
    let follows_none = reqwest::redirect::Policy::none();
    reqwest::Client::builder().tls_certs_only([]).redirect(follows_none)
}
