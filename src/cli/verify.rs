//! `mapae verify`: test vectors for resource servers, and how one of them answers to these.

mod play;
mod serve;
mod vectors;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;
use url::Url;

use self::play::Verdict;
use self::vectors::{Subject, Vectors};
use super::installation::Installation;
use super::output::{table, text_of};
use super::usage::usage;
use crate::domain::verdict::{OrRejected, reject};
use crate::settings::time;

/// Test vectors for resource servers. They need no database and no server.
#[derive(Debug, Subcommand)]
pub(super) enum Verbs {
    /// Make tokens that a resource server must refuse, some that it must accept, and the documents
    /// of their issuer
    Vectors(Make),
    /// Send the tokens to a running resource server and say how it answers
    Run(Run),
}

#[derive(Debug, Args)]
pub(super) struct Make {
    /// The folder to write to, new or empty
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The issuer that the resource server is set up for; `run --serve` plays it
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9400")]
    issuer: String,
    /// The audience that the resource server is set up for
    #[arg(long, value_name = "AUDIENCE", default_value = "https://api.example.com")]
    audience: String,
    /// The scope that the resource server asks for; without it nothing is told about scopes
    #[arg(long, value_name = "SCOPE")]
    scope: Option<String>,
    /// How long the good tokens are valid
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    valid_for: String,
}

#[derive(Debug, Args)]
pub(super) struct Run {
    /// The address of the resource server that asks for a token
    #[arg(long, value_name = "URL")]
    url: String,
    /// The folder that `vectors` wrote
    #[arg(long, value_name = "DIR")]
    vectors: PathBuf,
    /// Serve the documents of the issuer here meanwhile
    #[arg(long, value_name = "ADDRESS")]
    serve: Option<SocketAddr>,
    /// The method of the requests
    #[arg(long, default_value = "GET")]
    method: String,
}

impl Verbs {
    pub(super) async fn run(self, at: &Installation) -> OrRejected<ExitCode> {
        match self {
            Self::Vectors(verb) => verb.run(at).map(|()| ExitCode::SUCCESS),
            Self::Run(verb) => verb.run(at).await,
        }
    }
}

impl Make {
    fn run(self, at: &Installation) -> OrRejected {
        let valid_for = match time::parse(&self.valid_for) {
            Ok(valid_for) if valid_for.num_seconds() > 0 => valid_for.num_seconds(),
            Ok(_) => return usage("--valid-for: is nothing"),
            Err(why) => return usage(format!("--valid-for: {} {why}", self.valid_for)),
        };
        // RFC 8414 §2: neither a query nor a fragment.
        let issuer = Url::parse(&self.issuer).ok().filter(|url| {
            let is_web = ["http", "https"].contains(&url.scheme()) && url.has_host();
            is_web && url.query().is_none() && url.fragment().is_none()
        });
        if issuer.is_none() || self.issuer.ends_with('/') {
            return usage("--issuer: is not an http or https URL without a slash at its end");
        }
        if self.scope.as_deref().is_some_and(|scope| scope.is_empty() || scope.contains(' ')) {
            return usage("--scope: is not one scope");
        }
        let subject = Subject {
            issuer: self.issuer,
            audience: self.audience,
            scope: self.scope,
            now: at.clock.now().timestamp(),
            valid_for,
        };
        let made = vectors::make(&subject)?;
        let out = &self.out;
        let fails = |error| reject(format!("{}: {error}", out.display()));
        if fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some()) {
            return reject(format!("{}: is not empty", out.display()));
        }
        let write = || {
            fs::create_dir_all(out.join("status"))?;
            fs::write(out.join("jwks.json"), made.jwks.to_string())?;
            fs::write(out.join("openid-configuration"), made.metadata.to_string())?;
            fs::write(out.join("status/1.jwt"), &made.status)?;
            fs::write(out.join("vectors.json"), format!("{:#}\n", json!(made.vectors)))
        };
        write().or_else(fails)?;
        let count = made.vectors.vectors.len();
        let good = made.vectors.vectors.iter().filter(|vector| vector.accept).count();
        at.print(
            &json!({ "out": out, "vectors": count, "accept": good }),
            &format!("{count} tokens in {}, {good} of them good", out.display()),
        );
        Ok(())
    }
}

impl Run {
    async fn run(self, at: &Installation) -> OrRejected<ExitCode> {
        let Ok(method) = self.method.to_uppercase().parse::<http::Method>() else {
            return usage(format!("--method: {} is not a method", self.method));
        };
        let url = match self.url.parse::<http::Uri>() {
            Ok(url) if url.scheme().is_some() && url.host().is_some() => url,
            _ => return usage(format!("--url: {} is not a URL", self.url)),
        };
        let told = read(&self.vectors)?;
        if let Some(address) = self.serve {
            serve::start(address, &self.vectors, &told.issuer).await?;
        }
        let played = play::play(&url, &method, &told.vectors).await?;
        let wrong = |verdict| {
            let those = played.iter().filter(move |one| one.verdict == verdict);
            those.map(|one| one.vector.name.as_str()).collect::<Vec<_>>()
        };
        let (accepted, refused) = (wrong(Verdict::WronglyAccepted), wrong(Verdict::WronglyRefused));
        let unclear = wrong(Verdict::Unclear);
        let results: Vec<_> = played.iter().map(play::Played::json).collect();
        let rows: Vec<_> = played.iter().map(play::Played::row).collect();
        let as_expected = played.iter().filter(|one| one.verdict == Verdict::AsExpected).count();
        let lines = [
            table(&["TOKEN", "REASON", "ANSWER", "VERDICT"], &rows),
            String::new(),
            format!("{as_expected} of {} as they should be", played.len()),
        ];
        let shown = json!({
            "url": self.url,
            "good": as_expected == played.len(),
            "wrongly_accepted": accepted,
            "wrongly_refused": refused,
            "unclear": unclear,
            "results": results,
        });
        at.print(&shown, &lines.join("\n"));
        Ok(ExitCode::from(u8::from(as_expected != played.len())))
    }
}

fn read(folder: &Path) -> OrRejected<Vectors> {
    let file = folder.join("vectors.json");
    let read = serde_json::from_str::<Vectors>(&text_of(&file)?);
    match read {
        Ok(vectors) if !vectors.vectors.is_empty() => Ok(vectors),
        Ok(_) => reject(format!("{}: has no vectors", file.display())),
        Err(error) => reject(format!("{}: {error}", file.display())),
    }
}
