//! `mapae provider add`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;

use super::slug::slug;
use crate::admin::providers::{self, Addition, Unfit};
use crate::app;
use crate::app::config::Settings;
use crate::cli::installation::Installation;
use crate::cli::output::{note, secret_from_file, secret_from_stdin};
use crate::cli::usage::usage;
use crate::domain::client::ClientId;
use crate::domain::provider::{
    Audience, Credential, Domain, NoDomain, Preset, ProviderMetadata, Registration,
};
use crate::domain::secret::Secret;
use crate::domain::verdict::{Error, OrRejected, Rejected, reject};
use crate::keys::seal::Sealer;
use crate::social::Problems;
use crate::social::registry::redirect_uri;
use crate::store::Store;

/// What stands below the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  printf %s \"$SECRET\" | mapae provider add --slug kakao --preset kakao --client-id REST_API_KEY \\
      --client-secret-stdin --audience NATIVE_APP_KEY=my-app
  mapae provider add --slug apple --preset apple --client-id SERVICES_ID --team-id TEAM \\
      --key-id KEY --private-key-file AuthKey_KEY.p8";

#[derive(Debug, Args)]
#[group(multiple = false)]
struct SecretArgs {
    /// Read the client secret from standard input; every preset but apple has one
    #[arg(long)]
    client_secret_stdin: bool,
    /// Read the client secret from a file
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// Its name here: in the redirect URI, in `amr`
    #[arg(long)]
    slug: String,
    /// What it is
    #[arg(long, value_parser = presets())]
    preset: Preset,
    /// What people read on the button, instead of the preset's name
    #[arg(long)]
    name: Option<String>,
    /// oidc: the issuer; github and gitlab: a server of your own
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// Your client id there; at Apple the Services ID
    #[arg(long)]
    client_id: String,
    #[command(flatten)]
    secret: SecretArgs,
    /// apple: the team
    #[arg(long)]
    team_id: Option<String>,
    /// apple: the name of the key
    #[arg(long)]
    key_id: Option<String>,
    /// apple: the key, PKCS#8 in PEM
    #[arg(long, value_name = "FILE")]
    private_key_file: Option<PathBuf>,
    /// microsoft: common, organizations, consumers, or a tenant id
    #[arg(long)]
    tenant: Option<String>,
    /// What is asked for there, instead of the usual
    #[arg(long)]
    scopes: Option<String>,
    /// A further client id there whose tokens are accepted at /token, and for which of your clients;
    /// for none of them (ID=), it may only stand beside the client id in an id token
    #[arg(long = "audience", value_name = "ID=CLIENT,…")]
    audiences: Vec<String>,
    /// A client that it serves; all without any
    #[arg(long = "allowed-client", value_name = "CLIENT")]
    allowed_clients: Vec<String>,
    /// google, apple, kakao, github, gitlab, oidc: a domain of verified addresses that it lets in;
    /// all without any
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
    names.try_map(|name| Preset::parse(&name).ok_or("is not a preset"))
}

impl Add {
    pub(super) async fn run(
        self,
        at: &Installation,
        settings: &Settings,
        store: &Store,
    ) -> OrRejected {
        let registration = self.registration()?;
        let slug = registration.slug.clone();
        let allow_private = settings.outbound.allow_private;
        let addition = Addition::new(registration, &settings.social, allow_private);
        let addition = addition.or_else(|unfit| match unfit {
            Unfit::Registration(why, registration) => Err(by_flag(why, &registration)),
            Unfit::InFile(slug) => reject(format!("{slug} stands in the settings file")),
        })?;
        if addition.ends_passwords() {
            note("--only without --allowed-client: no client takes a password from now on");
        }
        let sealer = Sealer::new(&app::master_key(settings, store).await?)?;
        providers::add(store, &at.clock, &sealer, addition).await?;
        let uri = redirect_uri(&settings.issuer, &slug);
        let shown = json!({ "slug": slug, "redirect_uri": uri });
        at.print(&shown, &format!("added {slug}; register this redirect URI there:\n{uri}"));
        Ok(())
    }

    fn registration(self) -> OrRejected<Registration> {
        let credential = self.credential()?;
        let client = |id: &String| match ClientId::parse(id) {
            Some(client) => Ok(client),
            None => reject(format!("{id:?} is not a client id")),
        };
        let domains = self.allowed_domains.iter().map(|name| Domain::parse(name));
        let domains: Result<_, NoDomain> = domains.collect();
        let metadata = ProviderMetadata {
            preset: self.preset,
            name: self.name,
            issuer: self.issuer,
            client_id: self.client_id,
            tenant: self.tenant,
            scopes: self.scopes,
            audiences: self
                .audiences
                .iter()
                .map(|text| audience(text))
                .collect::<OrRejected<_>>()?,
            allowed_clients: self.allowed_clients.iter().map(client).collect::<OrRejected<_>>()?,
            allowed_domains: domains.map_err(|problem| Rejected(problem.to_string()))?,
            only: self.only,
            follow_profile: self.follow_profile,
        };
        Ok(Registration { slug: slug(&self.slug)?, metadata, credential, disabled: false })
    }

    fn credential(&self) -> OrRejected<Credential> {
        let has_secret =
            self.secret.client_secret_stdin || self.secret.client_secret_file.is_some();
        let has_key =
            self.team_id.is_some() || self.key_id.is_some() || self.private_key_file.is_some();
        match self.preset {
            Preset::Apple if has_secret => {
                return usage(
                    "a client secret is not for apple: --team-id, --key-id, --private-key-file",
                );
            }
            Preset::Apple => {}
            _ if has_key => {
                return usage("--team-id, --key-id and --private-key-file are for apple alone");
            }
            _ => {}
        }
        match (&self.team_id, &self.key_id, &self.private_key_file) {
            (Some(team), Some(id), Some(file)) => {
                let private = Secret::text(secret_from_file(file)?.as_str());
                return Ok(Credential::Key { team: team.clone(), id: id.clone(), private });
            }
            (None, None, None) => {}
            _ => return usage("--team-id, --key-id and --private-key-file go together"),
        }
        let secret = match &self.secret.client_secret_file {
            Some(file) => Some(secret_from_file(file)?),
            None if self.secret.client_secret_stdin => Some(secret_from_stdin()?),
            None => None,
        };
        Ok(secret
            .map_or(Credential::None, |secret| Credential::Secret(Secret::text(secret.trim()))))
    }
}

/// `ID=CLIENT,CLIENT`, or `ID=`. An id may hold an equals sign, a client id here hardly does.
fn audience(text: &str) -> OrRejected<Audience> {
    let halves = text.rsplit_once('=').filter(|(id, _)| !id.is_empty());
    let Some((id, clients)) = halves else {
        return usage(format!("--audience {text}: is not like ID=CLIENT,CLIENT"));
    };
    let clients = clients.split(',').filter(|_| !clients.is_empty());
    let clients: Option<Vec<_>> = clients.map(ClientId::parse).collect();
    match clients {
        Some(clients) => Ok(Audience { id: id.to_owned(), clients }),
        None => usage(format!("--audience {text}: holds something that is not a client id")),
    }
}

/// The problems of a registration in the words of the command line.
fn by_flag(problems: Problems, registration: &Registration) -> Error<Rejected> {
    let lines = problems.into_iter().map(|(key, problem)| match key {
        "client_secret" => format!(
            "give the client secret: --client-secret-stdin or --client-secret-file (it {problem})"
        ),
        "team_id" if registration.credential == Credential::None => {
            "apple needs --team-id, --key-id and --private-key-file".to_owned()
        }
        "allowed_domains" | "allowed_clients" => {
            format!("--{} {problem}", key.trim_end_matches('s').replace('_', "-"))
        }
        _ => format!("--{} {problem}", key.replace('_', "-")),
    });
    Error::Refused(Rejected(lines.collect::<Vec<_>>().join("; ")))
}
