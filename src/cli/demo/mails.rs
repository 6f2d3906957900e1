//! The mails of the demo: they are written into a folder, told in the terminal, and each is shown
//! at a URL of its own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::Router;
use axum::extract::{Path as Named, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use mail_parser::{Addr, Address, MessageParser};
use tokio::time::MissedTickBehavior;
use url::Url;
use uuid::Uuid;

use crate::app::telemetry;
use crate::domain::verdict::{OrRejected, reject};

/// How often the folder is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// The most mails that the list shows.
const MANY: usize = 100;

/// The folder of the mails.
#[derive(Clone, Debug)]
pub(super) struct Mails(PathBuf);

/// A mail of the demo.
struct Mail {
    name: String,
    to: String,
    subject: String,
    text: String,
    html: String,
}

impl Mails {
    /// The mails in the folder of the demo.
    pub(super) fn below(folder: &Path) -> Self {
        Self(folder.join("mails"))
    }

    /// The setting `mail.url`.
    pub(super) fn url(&self) -> OrRejected<String> {
        Url::from_file_path(&self.0)
            .map(String::from)
            .or_else(|()| reject(format!("{} is no absolute path", self.0.display())))
    }

    /// The names of the mails, the oldest first: they begin with the time.
    fn names(&self) -> BTreeSet<String> {
        let entries = std::fs::read_dir(&self.0).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        names.filter_map(|name| name.strip_suffix(".eml").map(str::to_owned)).collect()
    }

    fn read(&self, name: &str) -> Option<Mail> {
        // Nothing else is read than a file that the server named.
        let name = Uuid::parse_str(name).ok()?.to_string();
        let bytes = std::fs::read(self.0.join(format!("{name}.eml"))).ok()?;
        let message = MessageParser::default().parse(&bytes)?;
        let to = message.to().and_then(Address::first).and_then(Addr::address);
        Some(Mail {
            name,
            to: to.unwrap_or_default().to_owned(),
            subject: message.subject().unwrap_or_default().to_owned(),
            text: message.body_text(0)?.into_owned(),
            html: message.body_html(0)?.into_owned(),
        })
    }

    /// Tells each new mail in the terminal, until it is aborted.
    pub(super) async fn tell(self, app: String) {
        let mut told = self.names();
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let names = self.names();
            for name in names.difference(&told) {
                if let Some(mail) = self.read(name) {
                    telemetry::say(&mail.told(&app));
                }
            }
            told = names;
        }
    }

    /// The pages that show the mails.
    pub(super) fn router(self) -> Router {
        Router::new()
            .route("/mails", get(list))
            .route("/mails/{name}", get(one))
            .route("/mails/{name}/html", get(html))
            .with_state(Arc::new(self))
    }
}

impl Mail {
    /// The mail as the terminal shows it. Its lines contain no control characters.
    fn told(&self, app: &str) -> String {
        let Self { name, to, subject, text, .. } = self;
        let lines = format!("mail to {to}: {subject}\n{app}/mails/{name}\n\n{}", text.trim_end());
        let lines = lines.lines().map(|line| {
            let plain: String = line.chars().filter(|c| !c.is_control()).collect();
            format!("  {plain}").trim_end().to_owned()
        });
        let lines: Vec<_> = lines.collect();
        format!("\n{}\n", lines.join("\n"))
    }
}

#[derive(Template)]
#[template(path = "demo/mails.html")]
struct List {
    mails: Vec<Mail>,
}

#[derive(Template)]
#[template(path = "demo/mail.html")]
struct One {
    mail: Mail,
}

async fn list(State(mails): State<Arc<Mails>>) -> Response {
    let names = mails.names();
    let mails = names.iter().rev().take(MANY).filter_map(|name| mails.read(name)).collect();
    page(&List { mails })
}

async fn one(State(mails): State<Arc<Mails>>, Named(name): Named<String>) -> Response {
    match mails.read(&name) {
        Some(mail) => page(&One { mail }),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The HTML of a mail. It may do less than in the program of a reader.
async fn html(State(mails): State<Arc<Mails>>, Named(name): Named<String>) -> Response {
    let Some(mail) = mails.read(&name) else { return StatusCode::NOT_FOUND.into_response() };
    let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
                  frame-ancestors 'none'; sandbox allow-top-navigation";
    ([(CACHE_CONTROL, "no-store"), (CONTENT_SECURITY_POLICY, policy)], Html(mail.html))
        .into_response()
}

fn page(page: &impl Template) -> Response {
    let Ok(html) = page.render() else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let policy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; \
                  frame-ancestors 'none'";
    ([(CACHE_CONTROL, "no-store"), (CONTENT_SECURITY_POLICY, policy)], Html(html)).into_response()
}
