//! `mapae provider`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::output::{secret_from_file, secret_from_stdin, table};
use super::{Installation, Outcome};
use crate::app;
use crate::app::config::Settings;
use crate::domain::client::ClientId;
use crate::domain::provider::{
    Audience, Credential, Domain, NoDomain, Preset, Registration, Slug, Terms,
};
use crate::domain::sensitive::Sensitive;
use crate::domain::verdict::{Rejected, reject};
use crate::keys::seal::Sealer;
use crate::oauth::providers::{administration, redirect_uri};
use crate::store::Store;

mod check;

/// Providers of social login.
#[derive(Debug, Subcommand)]
pub(super) enum Verbs {
    /// Add a provider to the database
    Add(Box<Add>),
    /// Every provider, of the settings file and of the database
    List,
    /// The redirect URI to paste there, and what is wrong with the registration
    Check(check::Check),
    /// Turn a provider of the database off
    Disable(One),
    /// Turn it on again
    Enable(One),
    /// Delete a provider of the database; who came by it keeps their account
    Delete(One),
}

#[derive(Debug, Args)]
pub(super) struct One {
    /// Its name here
    #[arg(long)]
    slug: String,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
struct Secret {
    /// Read the client secret from standard input
    #[arg(long)]
    client_secret_stdin: bool,
    /// Read the client secret from a file
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// Its name here: in the redirect URI, in `amr`
    #[arg(long)]
    slug: String,
    /// What it is
    #[arg(long, value_parser = presets())]
    preset: Preset,
    /// What people see
    #[arg(long)]
    name: Option<String>,
    /// The issuer of an OpenID provider, or where a self-hosted server is
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// Your client id there
    #[arg(long)]
    client_id: String,
    #[command(flatten)]
    secret: Secret,
    /// Apple: the team
    #[arg(long)]
    team_id: Option<String>,
    /// Apple: the name of the key
    #[arg(long)]
    key_id: Option<String>,
    /// Apple: the key, PKCS#8 in PEM
    #[arg(long, value_name = "FILE")]
    private_key_file: Option<PathBuf>,
    /// Microsoft: common, organizations, consumers, or a tenant id
    #[arg(long)]
    tenant: Option<String>,
    /// What is asked for there, instead of the usual
    #[arg(long)]
    scopes: Option<String>,
    /// A further origin that it sends browsers through
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,
    /// A further client id there whose tokens are accepted at /token, and for which of your clients
    #[arg(long = "audience", value_name = "ID=CLIENT,…")]
    audiences: Vec<String>,
    /// A client that it serves; all without any
    #[arg(long = "allowed-client", value_name = "CLIENT")]
    allowed_clients: Vec<String>,
    /// A domain of verified addresses that it lets in; all without any
    #[arg(long = "allowed-domain", value_name = "DOMAIN")]
    allowed_domains: Vec<String>,
    /// The only way in for the clients that it serves
    #[arg(long)]
    only: bool,
    /// Profiles here follow those there
    #[arg(long)]
    follow_profile: bool,
}

fn presets() -> impl TypedValueParser<Value = Preset> {
    let names = PossibleValuesParser::new(Preset::ALL.map(Preset::as_str));
    names.try_map(|name| Preset::parse(&name).ok_or("is no preset"))
}

impl Verbs {
    pub(super) async fn run(self, at: &Installation) -> Outcome<ExitCode> {
        let settings = at.quiet_settings()?;
        if let Self::Check(check) = self {
            return check.run(at, &settings).await;
        }
        let store = at.store(&settings).await?;
        match self {
            Self::Add(add) => add.run(at, &settings, &store).await?,
            Self::List => list(at, &settings, &store).await?,
            Self::Disable(one) => {
                let slug = one.of_database(&settings)?;
                administration::set_enabled(&store, &at.clock, &slug, false).await?;
                at.done(&format!("disabled {slug}; nobody comes in by it"));
            }
            Self::Enable(one) => {
                let slug = one.of_database(&settings)?;
                administration::set_enabled(&store, &at.clock, &slug, true).await?;
                at.done(&format!("enabled {slug}"));
            }
            Self::Delete(one) => {
                // One that stands in the file too can be deleted here: that is the way out of it.
                let slug = slug(&one.slug)?;
                administration::delete(&store, &at.clock, &slug).await?;
                at.done(&format!("deleted {slug}; who came by it keeps their account"));
            }
            Self::Check(_) => {}
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl One {
    /// What the settings file says is changed there.
    fn of_database(&self, settings: &Settings) -> Outcome<Slug> {
        let slug = slug(&self.slug)?;
        if settings.social.iter().any(|one| one.slug == slug) {
            return reject(format!(
                "{slug} stands in the settings file: write disabled = true there and restart"
            ));
        }
        Ok(slug)
    }
}

impl Add {
    async fn run(self, at: &Installation, settings: &Settings, store: &Store) -> Outcome {
        let registration = self.registration()?;
        let slug = registration.slug.clone();
        if settings.social.iter().any(|one| one.slug == slug) {
            return reject(format!("{slug} stands in the settings file"));
        }
        let sealer = Sealer::new(&app::master_key(settings, store).await?)?;
        let allow_private = settings.outbound.allow_private;
        administration::add(store, &at.clock, &sealer, registration, allow_private).await?;
        let uri = redirect_uri(&settings.issuer, &slug);
        let shown = json!({ "slug": slug, "redirect_uri": uri });
        at.print(&shown, &format!("added {slug}; register this redirect URI there:\n{uri}"));
        Ok(())
    }

    fn registration(self) -> Outcome<Registration> {
        let credential = self.credential()?;
        let client = |id: &String| match ClientId::parse(id) {
            Some(client) => Ok(client),
            None => reject(format!("{id:?} is no client id")),
        };
        let domains = self.allowed_domains.iter().map(|name| Domain::parse(name));
        let domains: Result<_, NoDomain> = domains.collect();
        let terms = Terms {
            preset: self.preset,
            name: self.name,
            issuer: self.issuer,
            client_id: self.client_id,
            tenant: self.tenant,
            scopes: self.scopes,
            origins: self.origins,
            audiences: self.audiences.iter().map(|text| audience(text)).collect::<Outcome<_>>()?,
            allowed_clients: self.allowed_clients.iter().map(client).collect::<Outcome<_>>()?,
            allowed_domains: domains.map_err(|problem| Rejected(problem.to_string()))?,
            only: self.only,
            follow_profile: self.follow_profile,
        };
        Ok(Registration { slug: slug(&self.slug)?, terms, credential, disabled: false })
    }

    fn credential(&self) -> Outcome<Credential> {
        match (&self.team_id, &self.key_id, &self.private_key_file) {
            (Some(team), Some(id), Some(file)) => {
                let private = Sensitive::new(secret_from_file(file)?.as_str());
                return Ok(Credential::Key { team: team.clone(), id: id.clone(), private });
            }
            (None, None, None) => {}
            _ => return super::usage("--team-id, --key-id and --private-key-file go together"),
        }
        let secret = match &self.secret.client_secret_file {
            Some(file) => Some(secret_from_file(file)?),
            None if self.secret.client_secret_stdin => Some(secret_from_stdin()?),
            None => None,
        };
        Ok(secret
            .map_or(Credential::None, |secret| Credential::Secret(Sensitive::new(secret.trim()))))
    }
}

/// `ID=CLIENT,CLIENT`. An id may hold an equals sign, a client id here hardly does.
fn audience(text: &str) -> Outcome<Audience> {
    let halves =
        text.rsplit_once('=').filter(|(id, clients)| !id.is_empty() && !clients.is_empty());
    let Some((id, clients)) = halves else {
        return super::usage(format!("--audience {text}: is not like ID=CLIENT,CLIENT"));
    };
    let clients: Option<Vec<_>> = clients.split(',').map(ClientId::parse).collect();
    match clients {
        Some(clients) => Ok(Audience { id: id.to_owned(), clients }),
        None => super::usage(format!("--audience {text}: holds what is no client id")),
    }
}

fn slug(text: &str) -> Outcome<Slug> {
    match Slug::parse(text) {
        Some(slug) => Ok(slug),
        None => reject(format!("{text:?} is no slug: 1 to 32 lower-case letters, digits, - and _")),
    }
}

/// A provider as the list shows it.
struct Listed {
    slug: Slug,
    terms: Terms,
    disabled: bool,
    /// Where it stands.
    from: &'static str,
}

impl Listed {
    fn of_file(one: &Registration) -> Self {
        let (slug, terms) = (one.slug.clone(), one.terms.clone());
        Self { slug, terms, disabled: one.disabled, from: "file" }
    }

    fn row(&self) -> Vec<String> {
        let state = if self.disabled { "disabled" } else { "enabled" };
        let terms = &self.terms;
        let preset = terms.preset.to_string();
        let (slug, client_id) = (self.slug.to_string(), terms.client_id.clone());
        vec![slug, preset, client_id, state.to_owned(), self.from.to_owned()]
    }

    fn described(&self, settings: &Settings) -> Value {
        let Self { slug, terms, disabled, from } = self;
        json!({
            "slug": slug, "preset": terms.preset, "name": terms.name, "issuer": terms.issuer,
            "client_id": terms.client_id, "allowed_clients": terms.allowed_clients,
            "allowed_domains": terms.allowed_domains, "only": terms.only,
            "follow_profile": terms.follow_profile, "enabled": !disabled, "from": from,
            "redirect_uri": redirect_uri(&settings.issuer, slug),
        })
    }
}

/// No credential is shown, so none is opened.
async fn list(at: &Installation, settings: &Settings, store: &Store) -> Outcome {
    let mut every: Vec<_> = settings.social.iter().map(Listed::of_file).collect();
    for stored in crate::store::providers::list_all(store).await? {
        let (terms, disabled) = (stored.terms()?, stored.disabled);
        every.push(Listed { slug: stored.slug, terms, disabled, from: "database" });
    }
    let rows: Vec<_> = every.iter().map(Listed::row).collect();
    let described: Vec<_> = every.iter().map(|one| one.described(settings)).collect();
    let head = ["SLUG", "PRESET", "CLIENT ID", "STATE", "FROM"];
    at.print(&json!({ "providers": described }), &table(&head, &rows));
    Ok(())
}
