//! `mapae demo`: a running server, a person, an app to click through and a tour of curl lines that
//! work when pasted.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use tokio::net::TcpListener;
use tracing::level_filters::LevelFilter;

use self::furnishing::{API, CLIENT, PASSWORD, PERSON, WEB_CLIENT};
use self::mails::Mails;
use self::relying_party::RelyingParty;
use self::tls::{Secure, SecureListener};
use self::tour::Tour;
use super::installation::Installation;
use super::serve::Signals;
use crate::app::{Server, telemetry};
use crate::domain::random;
use crate::domain::verdict::{OrRejected, reject};
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
mod furnishing;
mod idp;
mod mails;
mod relying_party;
mod settings;
mod tls;
mod tour;

const APP_PORT: u16 = 8081;
const IDP_PORT: u16 = 8082;

/// Removes a throw-away folder.
struct Folder {
    path: PathBuf,
    keep: bool,
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.keep {
            // If the folder cannot be removed, the operating system cleans it up later.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

impl Demo {
    pub(super) async fn run(self, at: &Installation) -> OrRejected {
        telemetry::log_in_background(LevelFilter::WARN);
        telemetry::count();
        let signals = Signals::listen()?;
        let (scheme, usual) = if self.tls { ("https", 8443) } else { ("http", 8080) };
        // All ports are taken first, so that a taken one is the only thing that is said.
        let port = self.port.unwrap_or(usual);
        let (main, listen) = bind("--port", Some(port), port).await?;
        let (app, app_place) = bind("--app-port", self.app_port, APP_PORT).await?;
        let (listener, place) = bind("--idp-port", self.idp_port, IDP_PORT).await?;
        let folder = self.folder()?;
        let make = || Secure::make(&folder.path, at.clock.now());
        let secure = self.tls.then(make).transpose()?;
        let idp_url = format!("{scheme}://{place}");
        let idp_folder = folder.path.join("idp");
        let idp =
            Box::pin(idp::start(at, listener, &idp_url, &idp_folder, secure.as_ref())).await?;
        let port = listen.rsplit_once(':').map_or("", |(_, port)| port);
        let url = format!("{scheme}://localhost:{port}");
        let file = folder.path.join(settings::FILE);
        let mails = Mails::below(&folder.path);
        let more = [("mail.url", mails.url()?)];
        let settings = settings::write(&url, &listen, &folder.path, secure.as_ref(), &more)?;
        let provider = Box::pin(idp::register_with(at, &idp, &settings.issuer)).await?;
        let settings = settings::add_provider(&folder.path, &provider)?;
        let server = Box::pin(Server::start_on(main, settings, at.clock.clone())).await?;
        let app_url = format!("{scheme}://{app_place}");
        let secret = Box::pin(furnishing::furnish(at, &server)).await?;
        let web_secret = Box::pin(furnishing::register_web_app(at, &server, &app_url)).await?;
        let ca_file = secure.as_ref().map(|secure| secure.ca_file.as_path());
        let party =
            RelyingParty::discover(&url, WEB_CLIENT, &web_secret, &app_url, ca_file).await?;
        let pages = mails.clone().router();
        let app = match &secure {
            None => tokio::spawn(app::serve(app, party, pages)),
            Some(Secure { files, .. }) => {
                let tls = Tls::load(files.clone()).await.or_else(reject)?;
                tokio::spawn(app::serve(SecureListener { listener: app, tls }, party, pages))
            }
        };
        let telling = tokio::spawn(mails.tell(app_url.clone()));
        at.print(
            &json!({
                "issuer": url, "client_id": CLIENT, "client_secret": secret,
                "username": PERSON, "password": PASSWORD, "audience": API, "app": app_url,
                "mails": format!("{app_url}/mails"),
                "config": file, "ca_file": ca_file,
                "idp": {
                    "issuer": idp_url, "username": idp::PERSON, "password": idp::PASSWORD,
                },
            }),
            &Tour {
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
        telling.abort();
        idp.stop().await;
        drop(folder);
        Ok(())
    }

    fn folder(&self) -> OrRejected<Folder> {
        let path = if self.keep {
            // The path is absolute, because the printed commands must work in any folder.
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

/// Listens on the chosen port, else on the usual one, else on any. It uses 127.0.0.1 and not
/// localhost: cookies ignore ports, so the app must have another host name than the server.
async fn bind(flag: &str, chosen: Option<u16>, usual: u16) -> OrRejected<(TcpListener, String)> {
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
