//! `mapae client`.

use std::path::{Path, PathBuf};

use chrono::Duration;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Value, json};

use super::client_id_jag::{IdJagArgs, Limits, TrustIdJagArgs};
use super::client_rules::{MayActArgs, TrustArgs};
use super::installation::{DatabaseUse, Installation};
use super::output::{note, table, text_of, words};
use super::registration_advice;
use super::registration_token::{self, OneRegistrationToken, RegistrationTokenArguments};
use super::usage::usage;
use crate::admin::authority::May;
use crate::admin::clients::{self, NewClient, Target};
use crate::app::outbound;
use crate::clients::registration::ClientRejected;
use crate::clients::sector::{self, CheckedChange};
use crate::domain::authentication::Acr;
use crate::domain::claim_rule::ClaimRule;
use crate::domain::client::{
    AccessTokenTyp, Assertions, AuthMethod, Client, ClientKind, ClientProfile, RefreshDelivery,
    RequestObjectAlg, RequirePkce, SubjectType, TokenAlg,
};
use crate::domain::client_document;
use crate::domain::client_metadata::ClientChange;
use crate::domain::client_secret::HeldSecret;
use crate::domain::grant_type::GrantType;
use crate::domain::scope::{BadScope, Scope};
use crate::domain::secret::{ClientSecret, Plain};
use crate::domain::sign_up_mode::SignUpMode;
use crate::domain::status_list::StatusListMode;
use crate::domain::time_span;
use crate::domain::verdict::{Error, OrRejected, Rejected};
use crate::settings::time;
use crate::store::Store;

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
    /// Make a new secret. The old one stops working at once, or after the overlap
    RotateSecret(RotateSecret),
    /// Make a token with which apps register themselves; it is shown once
    RegistrationToken(RegistrationTokenArguments),
    /// The tokens with which apps register themselves, without what they are
    RegistrationTokens,
    /// End a token with which apps register themselves; those that were registered with it stay
    RevokeRegistrationToken(OneRegistrationToken),
    /// The secrets that a client has, without what they are
    Secrets(One),
    /// End a secret at once
    DropSecret(DropSecret),
    /// Let a client act for people with the tokens of another one (RFC 8693), or list its rules
    MayAct(MayActArgs),
    /// Let assertions of another issuer authenticate a client, so that it needs no secret, or list whom
    /// it trusts
    Trust(TrustArgs),
    /// Let a client act for people at another authorization server with grants of this one (ID-JAG), or
    /// list where it does
    IdJag(IdJagArgs),
    /// Let a client show grants of another issuer here (ID-JAG), or list whose
    TrustIdJag(TrustIdJagArgs),
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
pub(super) struct RotateSecret {
    /// The `client_id`
    #[arg(long)]
    id: String,
    /// The secrets that there are go on counting for so long, like `24h`
    #[arg(long, value_name = "DURATION", value_parser = time::parse)]
    overlap: Option<Duration>,
}

#[derive(Debug, Args)]
pub(super) struct DropSecret {
    /// The `client_id`
    #[arg(long)]
    id: String,
    /// The id of the secret, as `client secrets` shows it
    #[arg(long, value_name = "ID")]
    secret: String,
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// The `client_id`
    #[arg(long)]
    id: String,
    /// confidential keeps a secret, public cannot; with `--metadata` the file says it (`kind`), or it
    /// follows from `token_endpoint_auth_method`
    #[arg(long, required_unless_present = "metadata")]
    kind: Option<ClientKind>,
    /// A JSON object with the metadata in the words of RFC 7591 §2 and our own, like that of
    /// `client show --json`; flags win over it
    #[arg(long, value_name = "FILE")]
    metadata: Option<PathBuf>,
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

/// What is given of a client. Each flag has the name of its attribute in
/// [`ClientMetadata`](crate::domain::client::ClientMetadata).
#[derive(Debug, Args, Serialize)]
struct Given {
    /// What people see
    #[arg(long = "name", value_parser = NonEmptyStringValueParser::new())]
    client_name: Option<String>,
    /// A grant type that it may use, like `authorization_code` (again for each);
    /// `urn:mapae:params:oauth:first-party` is the right of your own client to ask people for password
    /// and codes itself
    #[arg(long = "grant", value_name = "GRANT", value_parser = grant)]
    grant_types: Option<Vec<String>>,
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
    /// Its authorization requests have to be pushed to `/par` first; `false` takes it back
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false")]
    require_pushed_authorization_requests: Option<bool>,
    /// The one algorithm of its request objects: RS256, PS256, ES256 or `EdDSA`, by a key of `--jwks`; an
    /// empty one takes it back
    #[arg(long, value_name = "ALG", value_parser = request_object_alg)]
    request_object_signing_alg: Option<String>,
    /// Its authorization requests have to be signed (`request`); `false` takes it back
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false")]
    require_signed_request_object: Option<bool>,
    /// What signs its authorization responses with `response_mode=jwt`: RS256, ES256, PS256 or `EdDSA`,
    /// in place of RS256; an empty one takes it back
    #[arg(long, value_name = "ALG", value_parser = signing_alg)]
    authorization_signed_response_alg: Option<String>,
    /// It is your own: nobody is asked for consent; `false` takes it back
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false")]
    first_party: Option<bool>,
    /// With the grant password or `urn:mapae:params:oauth:first-party`: it is believed where a person
    /// is (`user_ip`); `false` takes it back
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
    #[arg(long, value_name = "SCOPE", value_parser = scope)]
    scope: Option<String>,
    /// An audience that it may ask for; the first one is the default (again for each)
    #[arg(long = "audience", value_name = "AUDIENCE")]
    audiences: Option<Vec<String>>,
    /// An audience that it is: it may introspect its tokens (again for each)
    #[arg(long = "resource-server", value_name = "AUDIENCE")]
    resource_servers: Option<Vec<String>>,
    /// What signs its access and id tokens: RS256, ES256, PS256 or `EdDSA`
    #[arg(long)]
    token_alg: Option<TokenAlg>,
    /// What signs its answers of userinfo, which are then JWTs; an empty one takes it back
    #[arg(long, value_name = "ALG", value_parser = signing_alg)]
    userinfo_signed_response_alg: Option<String>,
    /// What signs the answers of introspection that it asks for as JWTs (RFC 9701), in place of RS256;
    /// an empty one takes it back
    #[arg(long, value_name = "ALG", value_parser = signing_alg)]
    introspection_signed_response_alg: Option<String>,
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
    /// What its tokens, and userinfo for it, say besides: groups (if the scope groups is asked),
    /// NAME for an attribute of people (if its scope is asked), NAME=VALUE for a constant, or a JSON object: `{"claim": "teams", "from": "groups", "only":
    /// ["team-*"], "audience": "https://api.example.com"}` (again for each; what is given replaces the
    /// rules, an empty one takes them back)
    #[arg(long = "claim", value_name = "RULE", value_parser = claim_rule)]
    claims: Option<Vec<String>>,
    /// The `acr` of its requests that name none: 1, 2 or phr (again for each, in the order of
    /// preference; an empty one takes them back). If all need two factors, everybody proves a second
    /// one, and who has none sets it up
    #[arg(long = "default-acr-values", value_name = "ACR", value_delimiter = ' ', value_parser = acr)]
    default_acr_values: Option<Vec<String>>,
    /// What its assertions (`private_key_jwt`) must be. tolerant: `aud` is the issuer or
    /// endpoints of this server, `exp` at most an hour ahead; strict: the issuer as one string, ten
    /// minutes
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
    /// Its access tokens are bound to a key, whose proof it sends with every request (`DPoP`, RFC
    /// 9449); `false` takes it back
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false")]
    dpop_bound_access_tokens: Option<bool>,
    /// Its access tokens are bound to the certificate that it shows, with every grant (RFC 8705);
    /// `false` takes it back
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false")]
    tls_client_certificate_bound_access_tokens: Option<bool>,
    /// The subject of its certificate, like `CN=client,O=Example,C=KR` (RFC 4514), for the
    /// authentication method `tls_client_auth`, which needs exactly one of these five; an empty one
    /// takes it back
    #[arg(long, value_name = "NAME")]
    tls_client_auth_subject_dn: Option<String>,
    /// A name of a host in its certificate
    #[arg(long, value_name = "HOST")]
    tls_client_auth_san_dns: Option<String>,
    /// A URI in its certificate, like that of a workload (SPIFFE)
    #[arg(long, value_name = "URI")]
    tls_client_auth_san_uri: Option<String>,
    /// An IP address in its certificate
    #[arg(long, value_name = "ADDRESS")]
    tls_client_auth_san_ip: Option<String>,
    /// A mail address in its certificate
    #[arg(long, value_name = "ADDRESS")]
    tls_client_auth_san_email: Option<String>,
    /// Who may make an account on the way to it, in place of the setting `signup.mode`: open, invite
    /// or closed; an empty one takes it back
    #[arg(long, value_name = "open|invite|closed", value_parser = sign_up)]
    signup: Option<String>,
    /// Its access tokens name their place in a status list, so that APIs that verify alone learn of
    /// revocations; each: also every token that it gets for itself. On the client of a resource server:
    /// tokens for it do so, whichever app they are for; `false` takes it back
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false|each")]
    status_list: Option<StatusListMode>,
    /// How long its access tokens are good, like `5m`, at most as the setting `token.access_lifetime`
    /// says; an empty one takes it back
    #[arg(long, value_name = "DURATION", value_parser = lifetime)]
    access_lifetime: Option<Value>,
    /// How long its id tokens are good, at most as `token.id_lifetime` says
    #[arg(long, value_name = "DURATION", value_parser = lifetime)]
    id_lifetime: Option<Value>,
    /// Its refresh tokens end when they were not used for so long, at most
    /// `token.refresh_idle_lifetime`
    #[arg(long, value_name = "DURATION", value_parser = lifetime)]
    refresh_idle: Option<Value>,
    /// Its refresh tokens end so long after the sign-in, at most `token.refresh_absolute_lifetime`
    #[arg(long, value_name = "DURATION", value_parser = lifetime)]
    refresh_absolute: Option<Value>,
    /// A sign-in counts at it for so long; whoever comes later proves again who they are, as with
    /// `max_age`
    #[arg(long, value_name = "DURATION", value_parser = lifetime)]
    session_lifetime: Option<Value>,
    /// The algorithm of its id tokens and logout tokens, if it is not that of `--token-alg`; an empty
    /// one takes it back
    #[arg(long, value_name = "ALG", value_parser = signing_alg)]
    id_token_signed_response_alg: Option<String>,
    /// public: people have the same `sub` at every client; pairwise: another one for each sector, so
    /// that clients of two sectors cannot compare people
    #[arg(long, value_name = "public|pairwise")]
    subject_type: Option<SubjectType>,
    /// Where a document lists the redirect URIs of all clients of its sector, for pairwise subjects of
    /// several hosts; an empty one takes it back
    #[arg(long, value_name = "URI")]
    sector_identifier_uri: Option<String>,
    /// A security profile, which sets and enforces what it prescribes: fapi2 (FAPI 2.0: pushed
    /// requests, bound tokens, `private_key_jwt`, no RS256); an empty one takes it back and leaves
    /// everything as it is
    #[arg(long, value_name = "fapi2", value_parser = profile)]
    profile: Option<String>,
    /// How much older than the code of a device the sign-in of the person may be who allows it, like
    /// `5m`; `0` asks for a sign-in after the code was made; an empty one takes it back
    #[arg(long, value_name = "DURATION", value_parser = lifetime)]
    device_max_age: Option<Value>,
    /// `client_secret_basic`, `client_secret_post`, `private_key_jwt`, `tls_client_auth`,
    /// `self_signed_tls_client_auth` or none; without it a confidential client may use its secret in the header or in the body
    #[arg(long = "auth-method")]
    token_endpoint_auth_method: Option<AuthMethod>,
    /// Where the client publishes its public keys itself, in place of `--jwks`; an empty one takes it back
    #[arg(long, value_name = "URI")]
    jwks_uri: Option<String>,
    /// The client's public keys (a JWK Set) for `private_key_jwt`, request
    /// objects and `self_signed_tls_client_auth`
    #[arg(long = "jwks", value_name = "FILE")]
    #[serde(skip)]
    jwks_file: Option<PathBuf>,
}

impl Verbs {
    fn database_use(&self) -> DatabaseUse {
        match self {
            Self::Create(_) => DatabaseUse::Adds,
            Self::List | Self::Show(_) | Self::Secrets(_) => DatabaseUse::Reads,
            Self::Trust(trust) if trust.reads() => DatabaseUse::Reads,
            Self::MayAct(rule) if rule.reads() => DatabaseUse::Reads,
            Self::IdJag(entry) if entry.reads() => DatabaseUse::Reads,
            Self::TrustIdJag(trust) if trust.reads() => DatabaseUse::Reads,
            _ => DatabaseUse::Changes,
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each verb")]
    pub(super) async fn run(self, at: &Installation) -> OrRejected {
        let settings = at.quiet_settings()?;
        let (issuer, lifetimes) = (&settings.issuer, &settings.lifetimes);
        let database_use = self.database_use();
        match self {
            Self::Create(create) => {
                // Invalid attributes are reported before the database is opened.
                let new = create.registration()?;
                let client = new
                    .checked(issuer, lifetimes, at.clock.now())
                    .or_else(|why| said(why.into()))?;
                if client.metadata.sector_identifier_uri.is_some() {
                    let checked = sector::check(&outbound(&settings)?, &client.metadata).await;
                    checked.map_err(unlisted)?;
                }
                let store = at.store(&settings, database_use).await?;
                let (id, told) = (client.id.to_string(), registration_advice::of(&client));
                let secret =
                    clients::create(&May::operator(), &store, &at.clock, issuer, client).await;
                secret_shown(at, &id, secret.or_else(said)?.as_ref(), &told);
            }
            Self::List => {
                let store = at.store(&settings, database_use).await?;
                list(at, &clients::list(&May::operator(), &store).await?);
            }
            Self::Show(one) => {
                let store = at.store(&settings, database_use).await?;
                show(at, &clients::find(&May::operator(), &*store, &one.id).await?);
            }
            Self::Update(update) => {
                let change = update.given.attributes()?;
                let store = at.store(&settings, database_use).await?;
                let may = May::operator();
                let (rules, target) = ((issuer, lifetimes), Target::of(&update.id));
                let sector = clients::of_sector(&may, &*store, target, &change).await;
                let sector = sector.or_else(said)?;
                if let Some(changed) = &sector {
                    let checked = sector::check(&outbound(&settings)?, changed).await;
                    checked.map_err(unlisted)?;
                }
                let checked = CheckedChange { change: &change, seen: sector.as_ref() };
                let changed =
                    clients::update(&may, &store, &at.clock, rules, target, checked).await;
                show(at, &changed.or_else(said)?);
            }
            Self::RotateSecret(rotate) => {
                let store = at.store(&settings, database_use).await?;
                let RotateSecret { id, overlap } = rotate;
                let (may, target) = (May::operator(), Target::of(&id));
                let secret = clients::rotate_secret(&may, &store, &at.clock, target, overlap);
                secret_shown(at, &id, Some(&secret.await?), &[]);
            }
            Self::RegistrationToken(new) => new.run(at, &settings).await?,
            Self::RegistrationTokens => registration_token::list(at, &settings).await?,
            Self::RevokeRegistrationToken(one) => one.run(at, &settings).await?,
            Self::Secrets(one) => {
                let store = at.store(&settings, database_use).await?;
                let may = May::operator();
                show_secrets(at, &clients::secrets(&may, &*store, &at.clock, &one.id).await?);
            }
            Self::DropSecret(DropSecret { id, secret }) => {
                let store = at.store(&settings, database_use).await?;
                let (may, target) = (May::operator(), Target::of(&id));
                clients::drop_secret(&may, &store, &at.clock, target, &secret).await?;
                at.done(&format!("dropped the secret {secret}"));
            }
            Self::MayAct(rule) => {
                let store = at.store(&settings, database_use).await?;
                rule.run(at, &store, (issuer, lifetimes)).await?;
            }
            Self::Trust(trust) => {
                let store = at.store(&settings, database_use).await?;
                trust.run(at, &store, (issuer, lifetimes)).await?;
            }
            Self::IdJag(entry) => {
                let store = at.store(&settings, database_use).await?;
                let id_jag = settings.id_jag;
                Box::pin(entry.run(at, &store, Limits { issuer, lifetimes, id_jag })).await?;
            }
            Self::TrustIdJag(trust) => {
                let store = at.store(&settings, database_use).await?;
                let id_jag = settings.id_jag;
                trust.run(at, &store, Limits { issuer, lifetimes, id_jag }).await?;
            }
            Self::Disable(one) => {
                let store = at.store(&settings, database_use).await?;
                one.set_enabled(at, &store, false).await?;
            }
            Self::Enable(one) => {
                let store = at.store(&settings, database_use).await?;
                one.set_enabled(at, &store, true).await?;
            }
            Self::Delete(one) => {
                let store = at.store(&settings, database_use).await?;
                clients::delete(&May::operator(), &store, &at.clock, Target::of(&one.id)).await?;
                at.done(&format!("deleted {}", one.id));
            }
        }
        Ok(())
    }
}

impl One {
    async fn set_enabled(&self, at: &Installation, store: &Store, enabled: bool) -> OrRejected {
        let (may, target) = (May::operator(), Target::of(&self.id));
        clients::set_enabled(&may, store, &at.clock, target, enabled).await?;
        let now = if enabled { "enabled" } else { "disabled" };
        at.done(&format!("{now} {}", self.id));
        Ok(())
    }
}

/// Turns attributes that contradict each other into a usage error.
fn said<T>(error: Error<ClientRejected>) -> OrRejected<T> {
    match error {
        Error::Refused(ClientRejected::InvalidMetadata(why)) => usage(why),
        other => Err(other.into()),
    }
}

/// What a document says, or that nobody answers, is no fault of the arguments.
fn unlisted(why: ClientRejected) -> Error<Rejected> {
    Error::<ClientRejected>::Refused(why).into()
}

/// Checks a mode of sign-up, and keeps it as it was written. An empty text removes it.
fn sign_up(text: &str) -> Result<String, String> {
    if text.is_empty() {
        Ok(String::new())
    } else {
        text.parse().map(|mode: SignUpMode| mode.as_str().to_owned())
    }
}

/// Checks a security profile, and keeps it as it was written. An empty text removes it.
fn profile(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    text.parse::<ClientProfile>().map(|profile| profile.as_str().to_owned())
}

/// Checks a signing algorithm, and keeps it as it was written. An empty text removes it.
pub(super) fn signing_alg(text: &str) -> Result<String, String> {
    if text.is_empty() {
        Ok(String::new())
    } else {
        text.parse().map(|alg: TokenAlg| alg.as_str().to_owned())
    }
}

/// Checks a scope, and keeps it as it was written.
fn scope(text: &str) -> Result<String, BadScope> {
    Scope::parse(text).map(|_| text.to_owned())
}

/// The right to ask people for password and codes itself, at the challenge endpoint.
const FIRST_PARTY_CHALLENGE: &str = "urn:mapae:params:oauth:first-party";

/// Checks a grant type, or the right that stands among them.
fn grant(text: &str) -> Result<String, String> {
    if text == FIRST_PARTY_CHALLENGE {
        return Ok(text.to_owned());
    }
    text.parse::<GrantType>()
        .map(|grant| grant.as_str().to_owned())
        .map_err(|why| format!("{why}, {FIRST_PARTY_CHALLENGE}"))
}

/// Checks a claim rule, and keeps it as it was written. An empty one stays, to empty the list.
fn claim_rule(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    text.parse::<ClaimRule>().map(|_| text.to_owned())
}

/// Reads a lifetime in seconds. An empty one stays, to take the client's own away.
pub(super) fn lifetime(text: &str) -> Result<Value, String> {
    if text.is_empty() {
        return Ok(json!(""));
    }
    time::parse(text).map(|lifetime| json!(lifetime.num_seconds()))
}

/// Checks an algorithm of request objects, and keeps it as it was written. An empty text removes it.
fn request_object_alg(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    text.parse::<RequestObjectAlg>().map(|alg| alg.as_str().to_owned())
}

/// Checks an `acr` value; an empty one stays, to empty the list.
fn acr(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    text.parse::<Acr>().map(|acr| acr.as_str().to_owned())
}

/// What `client show` prints of a client, and a registration (RFC 7591 §3.2.1) answers, that nobody
/// chooses.
const READ_ONLY: [&str; 8] = [
    "client_id",
    "client_id_issued_at",
    "client_secret_expires_at",
    "created_at",
    "disabled_at",
    "registered_by",
    "registration_client_uri",
    "registration_token",
];

/// The attributes in a file with metadata, and the kind of the client if it says one.
fn of_file(file: &Path) -> OrRejected<(ClientChange, Option<ClientKind>)> {
    let document = serde_json::from_str(&text_of(file)?);
    let document = document.or_else(|error| usage(format!("--metadata: not JSON: {error}")))?;
    let Value::Object(mut document) = document else {
        return usage("--metadata: this is not a JSON object");
    };
    document.retain(|_, value| !value.is_null());
    let mut ignored = READ_ONLY.to_vec();
    ignored.retain(|name| document.remove(*name).is_some());
    let kind = match document.remove("kind") {
        None => None,
        Some(kind) => match kind.as_str().unwrap_or_default().parse::<ClientKind>() {
            Ok(kind) => Some(kind),
            Err(why) => return usage(format!("--metadata: kind: {why}")),
        },
    };
    let attributes = client_document::of_operator(&document);
    let attributes = attributes.or_else(|why| usage(format!("--metadata: {why}")))?;
    if !ignored.is_empty() {
        note(&format!("--metadata: not taken over: {}", ignored.join(", ")));
    }
    Ok((attributes, kind))
}

impl Create {
    fn registration(self) -> OrRejected<NewClient> {
        let Self { id, kind, metadata, given } = self;
        let (mut attributes, kind_of_file) = match &metadata {
            None => (ClientChange::default(), None),
            Some(file) => of_file(file)?,
        };
        attributes.0.extend(given.attributes()?.0);
        let method = attributes.0.get("token_endpoint_auth_method").and_then(Value::as_str);
        let kind = kind.or(kind_of_file).unwrap_or(match method {
            Some("none") => ClientKind::Public,
            _ => ClientKind::Confidential,
        });
        Ok(NewClient { id, kind, attributes })
    }
}

impl Given {
    /// The attributes that were given. An empty value removes an attribute, and an empty item
    /// empties a list.
    fn attributes(&self) -> OrRejected<ClientChange> {
        let Ok(Value::Object(mut given)) = serde_json::to_value(self) else {
            return usage("the arguments cannot be read");
        };
        given.retain(|_, value| !value.is_null());
        for value in given.values_mut() {
            match value {
                Value::String(text) if text.is_empty() => *value = Value::Null,
                Value::Array(items) => items.retain(|item| item != ""),
                _ => {}
            }
        }
        // The right to the challenge endpoint stands among the grants, and is no grant type.
        if let Some(Value::Array(grants)) = given.get_mut("grant_types") {
            let every = grants.len();
            grants.retain(|grant| grant != FIRST_PARTY_CHALLENGE);
            let may = json!(grants.len() < every);
            given.insert("first_party_challenge".to_owned(), may);
        }
        // A grace belongs to the policy `rotate`; another policy removes it.
        if self.refresh_policy.as_deref().is_some_and(|policy| policy != "rotate") {
            given.entry("refresh_grace").or_insert(Value::Null);
        }
        if let Some(file) = &self.jwks_file {
            let jwks = serde_json::from_str(&text_of(file)?);
            let jwks = jwks.or_else(|error| usage(format!("--jwks: this is not JSON: {error}")))?;
            given.insert("jwks".to_owned(), jwks);
        }
        Ok(ClientChange(given))
    }
}

fn show(at: &Installation, client: &Client) {
    let shown = described(client);
    at.print(&shown, &words(&shown));
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

fn show_secrets(at: &Installation, held: &[HeldSecret]) {
    let described: Vec<Value> = held
        .iter()
        .map(|one| {
            json!({ "id": one.id(), "created_at": one.created_at, "expires_at": one.expires_at })
        })
        .collect();
    let rows: Vec<_> = held
        .iter()
        .map(|one| {
            let text = |at: Option<_>| at.map(time_span::written);
            let made = text(one.created_at).unwrap_or_else(|| "unknown".to_owned());
            vec![one.id(), made, text(one.expires_at).unwrap_or_else(|| "never".to_owned())]
        })
        .collect();
    let words = table(&["SECRET", "MADE", "ENDS"], &rows);
    at.print(&json!({ "secrets": described }), &words);
}

fn list(at: &Installation, every: &[Client]) {
    let rows: Vec<_> = every
        .iter()
        .map(|client| {
            let grants = client.metadata.grant_types.iter().map(|grant| grant.as_str());
            let grants: Vec<_> = grants.collect();
            vec![
                client.id.to_string(),
                client.metadata.client_name.clone(),
                client.kind.as_str().to_owned(),
                grants.join(" "),
                if client.is_enabled() { "enabled" } else { "disabled" }.to_owned(),
                client.registered_by.as_str().to_owned(),
            ]
        })
        .collect();
    let described: Vec<Value> = every.iter().map(described).collect();
    let head = ["CLIENT ID", "NAME", "KIND", "GRANTS", "STATE", "REGISTERED BY"];
    at.print(&json!({ "clients": described }), &table(&head, &rows));
}

/// The registered attributes of a client, and what else is known about it.
fn described(client: &Client) -> Value {
    let mut described = client.metadata.to_json();
    described.extend([
        ("client_id".to_owned(), json!(client.id)),
        ("kind".to_owned(), json!(client.kind)),
        ("registered_by".to_owned(), json!(client.registered_by)),
        ("disabled_at".to_owned(), json!(client.disabled_at)),
        ("created_at".to_owned(), json!(client.created_at)),
    ]);
    if let Some(token) = &client.came_by {
        described.insert("registration_token".to_owned(), json!(token));
    }
    Value::Object(described)
}
