//! `mapae restore --drill`: what a restore would be like. A server works on a copy of the backup, in a
//! folder that is removed again, and sends nothing to anybody.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::admin::authority::May;
use crate::admin::backups::{self, Destination};
use crate::admin::installation_checks;
use crate::app::config::Settings;
use crate::app::{self, Server};
use crate::cli::installation::Installation;
use crate::clients::registration;
use crate::domain::client::{Client, ClientId, ClientKind};
use crate::domain::grant_type::GrantType;
use crate::domain::verdict::{Fault, OrRejected, Rejected, reject};
use crate::domain::{random, urls};
use crate::keys::seal::Sealer;
use crate::net::mutual_tls::MutualTlsSettings;
use crate::store::Store;
use crate::store::revisions::Epoch;

/// A folder that is removed again.
struct Folder(PathBuf);

impl Folder {
    fn make() -> OrRejected<Self> {
        let path = std::env::temp_dir().join(format!("mapae-drill-{}", random::identifier()));
        let mut folder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
        match folder.create(&path) {
            Ok(()) => Ok(Self(path)),
            Err(error) => reject(format!("{}: {error}", path.display())),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // If it cannot be removed, the operating system cleans it up later.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(super) async fn run(at: &Installation, settings: &Settings, file: &Path) -> OrRejected {
    let folder = Folder::make()?;
    let url = format!("sqlite://{}", folder.0.join("mapae.db").display());
    let options = settings.database.patient();
    let header = backups::verify(&May::operator(), file).await?;
    let (last, master_key) = (Epoch::default(), &settings.master_key);
    let into = Destination { url: &url, options: &options, last, master_key };
    let restored = backups::restore(&May::operator(), file, into, false, &at.clock).await?;
    let store = Arc::new(Store::open(&url, &options).await?);
    let opened = looked_at(at, settings, &store).await;
    store.close().await;
    let (keys, settings) = opened?;
    let settings = Settings { database_url: url, ..settings };
    let listener = TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.map_err(|error| Fault::internal("listening for the drill", error))?;
    let server = Server::start_on(listener, settings, at.clock.clone()).await?;
    let signed = sign(at, &server).await;
    server.stop().await;
    let kid = signed?;
    let shown = json!({
        "made_at": header.made_at, "made_by": header.made_by, "database": header.database,
        "rows": restored.rows, "signing_keys": keys, "signed_with": kid, "verified": true,
    });
    at.print(
        &shown,
        &format!(
            "the backup of {} ({}) is good: {} rows of {} tables; the master key of these settings opens it ({keys}); a server started on it, signed a token with {kid} and verified it\n\nThe master key is not in the backup. Prove as well that you have a copy of it: run this with that copy (keys_dir, master_key_file or master_key).",
            header.made_at,
            header.database,
            restored.rows,
            restored.tables.len(),
        ),
    );
    drop(folder);
    Ok(())
}

/// Looks whether the master key opens the keys, and makes the settings of a server that calls nobody.
async fn looked_at(
    at: &Installation,
    settings: &Settings,
    store: &Arc<Store>,
) -> OrRejected<(String, Settings)> {
    let master = app::find_master_key(settings, store).await?.0;
    let lead = settings.key_policy().lead;
    let keys =
        installation_checks::signing_keys(store, &Sealer::new(&master)?, at.clock.now(), lead)
            .await;
    let keys =
        keys.map_err(|why| Rejected(format!("the backup does not go with these settings: {why}")))?;
    backups::silence(&May::operator(), store, &at.clock).await?;
    let mut settings = settings.clone();
    // As text it has no folder, so the epoch file of the server is beside its database.
    settings.master_key = master.as_source();
    settings.epoch_file = None;
    settings.database_read_url = None;
    settings.admin_listen = None;
    settings.tls = None;
    settings.mtls = MutualTlsSettings::default();
    settings.mail.server = None;
    settings.redis.server = None;
    settings.otlp.endpoint = None;
    settings.social = Vec::new();
    settings.shutdown.delay = Duration::ZERO;
    Ok((keys, settings))
}

/// Lets the server sign a token for a client of the drill, and verifies it. Returns the key.
async fn sign(at: &Installation, server: &Server) -> OrRejected<String> {
    let services = server.services();
    let id = format!("drill-{}", random::identifier());
    let Some(client_id) = ClientId::parse(&id) else { return reject("a client id of the drill") };
    let mut client = Client::new(client_id, ClientKind::Confidential, at.clock.now());
    client.metadata.grant_types = vec![GrantType::ClientCredentials];
    let made = registration::create(&services.store, &at.clock, &services.url, client).await;
    let Some(secret) = made? else { return reject("the client of the drill has no secret") };
    let said = |why: reqwest::Error| Rejected(format!("the server of the drill: {why}"));
    let http = reqwest::Client::builder().no_proxy().build().map_err(said)?;
    let path = url::Url::parse(services.url.as_str())
        .map(|url| url.path().trim_end_matches('/').to_owned())
        .unwrap_or_default();
    let base = format!("http://{}{path}", server.address());
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", &id)
        .append_pair("client_secret", secret.expose())
        .finish();
    let answer = http
        .post(format!("{base}{}", urls::TOKEN))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .map_err(said)?;
    let status = answer.status();
    let answer: Value = serde_json::from_slice(&answer.bytes().await.map_err(said)?)
        .map_err(|error| Rejected(format!("the server of the drill: {error}")))?;
    let Some(token) = answer.get("access_token").and_then(Value::as_str) else {
        return reject(format!("the server of the drill gave no token: {status} {answer}"));
    };
    if services.resources.access_tokens.verify(token).await?.is_none() {
        return reject("the server of the drill does not verify its own token");
    }
    let published = http.get(format!("{base}{}", urls::JWKS)).send().await.map_err(said)?;
    let published = published.text().await.map_err(said)?;
    let kid = kid_of(token).unwrap_or_default();
    if kid.is_empty() || !published.contains(&kid) {
        return reject(format!("the key {kid:?} that signed is not among the published ones"));
    }
    Ok(kid)
}

/// The `kid` in the header of a token.
fn kid_of(token: &str) -> Option<String> {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next()?).ok()?;
    let header: Value = serde_json::from_slice(&header).ok()?;
    header.get("kid").and_then(Value::as_str).map(str::to_owned)
}
