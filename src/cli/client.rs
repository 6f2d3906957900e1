//! `mapae client`.

use std::path::PathBuf;

use chrono::Duration;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::duties;
use super::installation::{Installation, Kind};
use super::output::{table, text_of, words};
use super::usage::usage;
use crate::app::config::Settings;
use crate::clients::registration;
use crate::domain::client::{
    AccessTokenTyp, Assertions, AuthMethod, Client, ClientId, ClientKind, RefreshDelivery,
    RefreshPolicy, RequirePkce, TokenAlg,
};
use crate::domain::scope::Scope;
use crate::domain::secret::{ClientSecret, Plain};
use crate::domain::verdict::OrRejected;
use crate::store::clients;

/// Registered clients.
#[derive(Debug, Subcommand)]
pub(super) enum Verbs {
    /// Register a client; its secret is shown once
    Create(Box<Create>),
    /// Every client
    List,
    /// One client
    Show(One),
    /// Change a client: what is given replaces what was registered
    Update(Box<Update>),
    /// Make a new secret; the old one stops working at once
    RotateSecret(One),
    /// Turn a client away
    Disable(One),
    /// Let it in again
    Enable(One),
    /// Delete a client with everything that it was given
    Delete(One),
}

#[derive(Debug, Args)]
pub(super) struct One {
    /// The `client_id`
    #[arg(long)]
    id: String,
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// The `client_id`
    #[arg(long)]
    id: String,
    /// confidential keeps a secret, public cannot
    #[arg(long)]
    kind: ClientKind,
    #[command(flatten)]
    given: Given,
}

#[derive(Debug, Args)]
pub(super) struct Update {
    /// The `client_id`
    #[arg(long)]
    id: String,
    #[command(flatten)]
    given: Given,
}

#[derive(Debug, Args)]
struct Given {
    /// What people see
    #[arg(long)]
    name: Option<String>,
    /// A grant type that it may use, like `authorization_code` (again for each)
    #[arg(long = "grant", value_name = "GRANT")]
    grants: Option<Vec<String>>,
    /// Where an authorization response may go (again for each)
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Option<Vec<String>>,
    /// Where a browser may go after signing out (again for each)
    #[arg(long = "post-logout-redirect-uri", value_name = "URI")]
    post_logout_redirect_uris: Option<Vec<String>>,
    /// Where it is told of sign-outs; an empty one takes it back
    #[arg(long, value_name = "URI")]
    backchannel_logout_uri: Option<String>,
    /// An origin whose scripts may read answers, like `https://app.example.com` (again for each)
    #[arg(long = "allowed-origin", value_name = "ORIGIN")]
    allowed_origins: Option<Vec<String>>,
    /// body, or cookie for a single-page app of the same site
    #[arg(long)]
    refresh_delivery: Option<RefreshDelivery>,
    /// What an authorization request of a confidential client needs. auto: PKCE, or a nonce with the
    /// scope openid; true: PKCE; false: neither. A public client always needs PKCE
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false|auto")]
    require_pkce: Option<RequirePkce>,
    /// It is your own: nobody is asked for consent; `false` takes it back
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false")]
    first_party: Option<bool>,
    /// With the grant password: it is believed where a person is (`user_ip`); `false` takes it back
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false")]
    trust_user_ip: Option<bool>,
    /// Its logo; an empty one takes it back
    #[arg(long, value_name = "URI")]
    logo_uri: Option<String>,
    /// Its privacy policy; an empty one takes it back
    #[arg(long, value_name = "URI")]
    policy_uri: Option<String>,
    /// Its terms of service; an empty one takes it back
    #[arg(long, value_name = "URI")]
    tos_uri: Option<String>,
    /// The scope that it may ask for
    #[arg(long, value_name = "SCOPE")]
    scope: Option<String>,
    /// An audience that it may ask for; the first one is the default (again for each)
    #[arg(long = "audience", value_name = "AUDIENCE")]
    audiences: Option<Vec<String>>,
    /// An audience that it is: it may introspect its tokens (again for each)
    #[arg(long = "resource-server", value_name = "AUDIENCE")]
    resource_servers: Option<Vec<String>>,
    /// What signs its access and id tokens: RS256 or ES256
    #[arg(long)]
    token_alg: Option<TokenAlg>,
    /// The `typ` of its access tokens: at+jwt (RFC 9068), or JWT for APIs that refuse that
    #[arg(long, value_name = "at+jwt|JWT")]
    access_token_typ: Option<AccessTokenTyp>,
    /// Its id tokens carry what its scope shows at userinfo; `false` takes it back
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false")]
    id_token_claims: Option<bool>,
    /// A claim of the person that its access tokens carry, if their scope shows it, like `email`
    /// (again for each; an empty one takes them back)
    #[arg(long = "access-token-claim", value_name = "CLAIM")]
    access_token_claims: Option<Vec<String>>,
    /// What its assertions (`private_key_jwt`) must be. tolerant: `aud` is the issuer or the token
    /// endpoint, `exp` at most an hour ahead; strict: the issuer as one string, ten minutes
    #[arg(long, value_name = "tolerant|strict")]
    assertions: Option<Assertions>,
    /// rotate, strict or static
    #[arg(long)]
    refresh_policy: Option<String>,
    /// With rotate: seconds in which a spent refresh token brings its successor again
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(0..=300))]
    refresh_grace: Option<i64>,
    /// A refresh needs the old access token; `false` takes it back
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false")]
    require_access_token_proof: Option<bool>,
    /// `client_secret_basic`, `client_secret_post`, `private_key_jwt` or none; without it a
    /// confidential client may use its secret in the header or in the body
    #[arg(long)]
    auth_method: Option<AuthMethod>,
    /// The client's public keys (a JWK Set) for `private_key_jwt`
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
}

impl Verbs {
    fn kind(&self) -> Kind {
        match self {
            Self::Create(_) => Kind::Adds,
            Self::List | Self::Show(_) => Kind::Reads,
            _ => Kind::Changes,
        }
    }

    pub(super) async fn run(self, at: &Installation) -> OrRejected {
        let settings = at.quiet_settings()?;
        let client = match &self {
            Self::Create(create) => Some(create.client(at)?),
            _ => None,
        };
        if let Some(client) = &client {
            sensible(&settings, client)?;
        }
        let store = at.store(&settings, self.kind()).await?;
        let (store, clock) = (&*store, &at.clock);
        match self {
            Self::Create(create) => {
                let Some(client) = client else { return usage("--id is missing") };
                let told = duties::of(&client);
                let secret = registration::create(store, clock, &settings.issuer, client).await?;
                secret_shown(at, &create.id, secret.as_ref(), &told);
            }
            Self::List => list(at, &clients::list_all(store).await?),
            Self::Show(one) => {
                let client = registration::find(store, &one.id).await?;
                let shown = described(&client);
                at.print(&shown, &words(&shown));
            }
            Self::Update(update) => {
                let mut wanted = registration::find(store, &update.id).await?;
                update.given.apply(&mut wanted)?;
                sensible(&settings, &wanted)?;
                let changed =
                    registration::update(store, clock, &settings.issuer, &update.id, |client| {
                        // What others changed meanwhile stays: only what was given changes.
                        update.given.apply(client)
                    });
                let shown = described(&changed.await?);
                at.print(&shown, &words(&shown));
            }
            Self::RotateSecret(one) => {
                let secret = registration::rotate_secret(store, clock, &one.id).await?;
                secret_shown(at, &one.id, Some(&secret), &[]);
            }
            Self::Disable(one) => {
                registration::set_enabled(store, clock, &one.id, false).await?;
                at.done(&format!("disabled {}", one.id));
            }
            Self::Enable(one) => {
                registration::set_enabled(store, clock, &one.id, true).await?;
                at.done(&format!("enabled {}", one.id));
            }
            Self::Delete(one) => {
                registration::delete(store, clock, &one.id).await?;
                at.done(&format!("deleted {}", one.id));
            }
        }
        Ok(())
    }
}

impl Create {
    fn client(&self, at: &Installation) -> OrRejected<Client> {
        let Some(id) = ClientId::parse(&self.id) else {
            return usage("--id has 1 to 255 characters of printable ASCII");
        };
        let mut client = Client::new(id, self.kind, at.clock.now());
        if self.kind == ClientKind::Confidential && self.given.jwks.is_some() {
            client.auth_method = AuthMethod::PrivateKeyJwt;
        }
        self.given.apply(&mut client)?;
        Ok(client)
    }
}

impl Given {
    fn apply(&self, client: &mut Client) -> OrRejected {
        client.refresh = self.refresh(client.refresh)?;
        if let Some(scope) = &self.scope {
            client.scope =
                Scope::parse(scope).or_else(|error| usage(format!("--scope: {error}")))?;
        }
        if let Some(file) = &self.jwks {
            client.jwks = Some(text_of(file)?);
        }
        replace(&mut client.name, self.name.as_ref());
        replace(&mut client.grants, self.grants.as_ref());
        replace_list(&mut client.redirect_uris, self.redirect_uris.as_ref());
        let given = self.post_logout_redirect_uris.as_ref();
        replace_list(&mut client.post_logout_redirect_uris, given);
        replace_list(&mut client.allowed_origins, self.allowed_origins.as_ref());
        replace(&mut client.refresh_delivery, self.refresh_delivery.as_ref());
        replace(&mut client.require_pkce, self.require_pkce.as_ref());
        replace(&mut client.first_party, self.first_party.as_ref());
        replace(&mut client.trust_user_ip, self.trust_user_ip.as_ref());
        for (registered, given) in [
            (&mut client.backchannel_logout_uri, &self.backchannel_logout_uri),
            (&mut client.logo_uri, &self.logo_uri),
            (&mut client.policy_uri, &self.policy_uri),
            (&mut client.tos_uri, &self.tos_uri),
        ] {
            if let Some(given) = given {
                *registered = Some(given.clone()).filter(|given| !given.is_empty());
            }
        }
        replace(&mut client.audiences, self.audiences.as_ref());
        replace(&mut client.resource_servers, self.resource_servers.as_ref());
        replace(&mut client.token_alg, self.token_alg.as_ref());
        replace(&mut client.access_token_typ, self.access_token_typ.as_ref());
        replace(&mut client.id_token_claims, self.id_token_claims.as_ref());
        replace_list(&mut client.access_token_claims, self.access_token_claims.as_ref());
        replace(&mut client.assertions, self.assertions.as_ref());
        replace(&mut client.auth_method, self.auth_method.as_ref());
        replace(&mut client.require_access_token_proof, self.require_access_token_proof.as_ref());
        Ok(())
    }

    fn refresh(&self, registered: RefreshPolicy) -> OrRejected<RefreshPolicy> {
        let grace = self.refresh_grace.map(Duration::seconds);
        let name = self.refresh_policy.as_deref().unwrap_or(registered.as_str());
        let keeps = grace.is_none() && name == registered.as_str();
        if keeps {
            return Ok(registered);
        }
        RefreshPolicy::from_parts(name, grace).or_else(usage)
    }
}

fn replace<T: Clone>(registered: &mut T, given: Option<&T>) {
    if let Some(given) = given {
        *registered = given.clone();
    }
}

/// An empty item takes the list back.
fn replace_list(registered: &mut Vec<String>, given: Option<&Vec<String>>) {
    if let Some(given) = given {
        *registered = given.iter().filter(|item| !item.is_empty()).cloned().collect();
    }
}

/// What makes no sense together is a mistake on the command line.
fn sensible(settings: &Settings, client: &Client) -> OrRejected {
    registration::check(&settings.issuer, client).or_else(usage)
}

fn secret_shown(at: &Installation, id: &str, secret: Option<&Plain<ClientSecret>>, told: &[&str]) {
    let secret = secret.map(Plain::expose);
    let mut words = match secret {
        Some(secret) => {
            format!(
                "client_id:     {id}\nclient_secret: {secret}\n\nThe secret is shown this once."
            )
        }
        None => format!("client_id: {id}"),
    };
    for sentence in told {
        words.push_str("\n\n");
        words.push_str(sentence);
    }
    at.print(&json!({ "client_id": id, "client_secret": secret }), &words);
}

fn list(at: &Installation, every: &[Client]) {
    let rows: Vec<_> = every
        .iter()
        .map(|client| {
            vec![
                client.id.to_string(),
                client.name.clone(),
                client.kind.as_str().to_owned(),
                client.grants.join(" "),
                if client.is_enabled() { "enabled" } else { "disabled" }.to_owned(),
            ]
        })
        .collect();
    let described: Vec<Value> = every.iter().map(described).collect();
    let head = ["CLIENT ID", "NAME", "KIND", "GRANTS", "STATE"];
    at.print(&json!({ "clients": described }), &table(&head, &rows));
}

fn described(client: &Client) -> Value {
    json!({
        "client_id": client.id.as_str(),
        "name": client.name,
        "kind": client.kind.as_str(),
        "auth_method": client.auth_method.as_str(),
        "grants": client.grants,
        "scope": client.scope.to_string(),
        "audiences": client.audiences,
        "resource_servers": client.resource_servers,
        "redirect_uris": client.redirect_uris,
        "post_logout_redirect_uris": client.post_logout_redirect_uris,
        "backchannel_logout_uri": client.backchannel_logout_uri,
        "allowed_origins": client.allowed_origins,
        "refresh_delivery": client.refresh_delivery.as_str(),
        "require_pkce": client.require_pkce.as_str(),
        "first_party": client.first_party,
        "trust_user_ip": client.trust_user_ip,
        "logo_uri": client.logo_uri,
        "policy_uri": client.policy_uri,
        "tos_uri": client.tos_uri,
        "token_alg": client.token_alg.as_str(),
        "access_token_typ": client.access_token_typ.as_str(),
        "id_token_claims": client.id_token_claims,
        "access_token_claims": client.access_token_claims,
        "assertions": client.assertions.as_str(),
        "refresh_policy": client.refresh.as_str(),
        "refresh_grace": client.refresh.own_grace().map(|grace| grace.num_seconds()),
        "require_access_token_proof": client.require_access_token_proof,
        "disabled_at": client.disabled_at,
        "created_at": client.created_at,
    })
}
