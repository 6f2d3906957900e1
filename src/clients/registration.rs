//! Registers clients, RFC 7591 §2, and changes their registration.

use chrono::Duration;
use serde_json::{Value, json};

use crate::clients::{acting, id_jag};
use crate::domain::actor::Actor;
use crate::domain::admin_right::{AdminScope, Rights};
use crate::domain::audit::{Event, EventKind, Origin};
use crate::domain::claim_names::{RESERVED, SCOPE_CLAIMS, is_claim};
use crate::domain::client::{
    AuthMethod, Client, ClientId, ClientKind, ClientMetadata, ClientProfile, RefreshDelivery,
    RefreshPolicy, RegisteredBy, RequirePkce, SubjectType,
};
use crate::domain::client_secret::{HeldSecret, MOST};
use crate::domain::clock::Clock;
use crate::domain::family::FamilyFilter;
use crate::domain::grant_type::GrantType;
use crate::domain::id_jag::IdJagIssuer;
use crate::domain::secret::{ClientSecret, Plain};
use crate::domain::user::UserId;
use crate::domain::verdict::{Error, Fault, Rejected};
use crate::domain::{claim_rule, redirect_uri, trusted_issuer, urls};
use crate::keys::certificates;
use crate::keys::client_keys::ClientKeys;
use crate::keys::provider_keys::ProviderKeys;
use crate::store::clients::KeptDocument;
use crate::store::{
    Reader, Store, Tx, audit_events, clients, device_grants, families, logout_notices, users,
};

/// Why a client cannot be registered or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientRejected {
    /// A value is not allowed, alone or together with the others.
    #[error("{0}")]
    InvalidMetadata(String),
    /// Another client has this id, or a person has it as their `sub`.
    #[error("the client id {0:?} is taken")]
    Taken(String),
    /// No client has this id.
    #[error("there is no client {0:?}")]
    Unknown(String),
    /// It would authenticate with a secret, but it was registered without one.
    #[error(
        "this client was registered without a secret, so it cannot authenticate with one: register it again"
    )]
    WithoutSecret,
    /// Whoever asked lacks a right that the scopes of the client give.
    #[error("the client {0:?} has scopes of the administration API that you lack")]
    BeyondRights(String),
    /// Whoever asked proved who they are longer ago than this.
    #[error("this needs a proof of who you are that is not older than {} minutes", .0.num_minutes())]
    ProofOld(Duration),
    /// It is not any more what the caller saw.
    #[error("it was changed meanwhile: read it again")]
    Changed,
    /// Its authentication method has no secret.
    #[error("a client of this authentication method has no secret")]
    NoSecretToRotate,
    /// It has as many secrets as a client may have.
    #[error("a client has at most {MOST} secrets: drop one first")]
    TooManySecrets,
    /// It has no secret of this id.
    #[error("the client has no secret {0:?}")]
    NoSuchSecret(String),
    /// Without this secret it could not authenticate.
    #[error("this is the only secret that still counts: make another one first")]
    OnlySecret,
}

impl From<ClientRejected> for Error<ClientRejected> {
    fn from(rejected: ClientRejected) -> Self {
        Self::Refused(rejected)
    }
}

impl From<Error<ClientRejected>> for Error<Rejected> {
    fn from(error: Error<ClientRejected>) -> Self {
        error.map(|rejected| Rejected(rejected.to_string()))
    }
}

/// The result of an action on a client.
pub type ClientResult<T = ()> = Result<T, Error<ClientRejected>>;

/// Registers a client, and makes its secret if its authentication method has one. The secret is
/// only in the answer; the database keeps its hash.
pub async fn create(
    store: &Store,
    clock: &Clock,
    issuer: &urls::Issuer,
    mut client: Client,
) -> ClientResult<Option<Plain<ClientSecret>>> {
    check(issuer, &client)?;
    let tx = store.begin(clock.now()).await?;
    match create_in(&tx, &mut client).await {
        Ok(secret) => {
            tx.commit().await?;
            Ok(secret)
        }
        Err(error) => {
            tx.abandon().await;
            Err(error)
        }
    }
}

/// Writes a client that was checked, with its new secret if it has one.
pub(crate) async fn create_in(
    tx: &Tx,
    client: &mut Client,
) -> ClientResult<Option<Plain<ClientSecret>>> {
    let secret = client.metadata.token_endpoint_auth_method.has_secret().then(Plain::generate);
    let held = secret.as_ref().map(|secret| HeldSecret::new(secret.hashed(), tx.now()));
    client.secrets = held.into_iter().collect();
    // The subject of a client's own token is its id, so the id must not be the `sub` of a person.
    let is_person =
        users::find(tx, &UserId::from_stored(client.id.as_str().to_owned())).await?.is_some();
    if is_person || !clients::insert(tx, client).await? {
        return Err(ClientRejected::Taken(client.id.as_str().to_owned()).into());
    }
    let event = Event::new(EventKind::ClientCreated).client(&client.id);
    let event = if is_by_app(tx) {
        // Of what the app says of itself the name alone; by which token it came is no word of its own.
        let came_by = json!({ "registration_token": client.came_by });
        event.detail(client.metadata.client_name.clone()).changing(&Value::Null, &came_by)
    } else {
        event.changing(&Value::Null, &facts(client))
    };
    audit_events::insert(tx, &[event]).await?;
    Ok(secret)
}

/// A person allowed as many clients of documents as one person may, which is this number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooManyOfPerson(pub(crate) u64);

/// Keeps a client that its document describes, because a person allows it. The audit has when that
/// happened first, and when the document said something else. After a refusal the transaction is to be
/// undone.
pub(crate) async fn keep_document(
    tx: &Tx,
    user: &UserId,
    client: &Client,
    origin: &Origin,
) -> Result<(), Error<TooManyOfPerson>> {
    let kind = match clients::keep_document(tx, user, client).await? {
        KeptDocument::New => EventKind::ClientCreated,
        KeptDocument::Changed => EventKind::ClientUpdated,
        KeptDocument::Known => return Ok(()),
        KeptDocument::TooManyOfPerson(most) => {
            return Err(Error::Refused(TooManyOfPerson(most)));
        }
    };
    let event = Event::new(kind).client(&client.id).from(origin);
    Ok(audit_events::insert(tx, &[event.detail(RegisteredBy::Document.as_str())]).await?)
}

/// Whether an app changes its own registration. Anybody may do that, so what it says of itself is not
/// kept in the audit and not sent to webhooks.
fn is_by_app(tx: &Tx) -> bool {
    tx.acting().is_some_and(|acting| matches!(acting.actor, Actor::App(_)))
}

/// Changes a client. Its secret stays.
pub async fn update(
    store: &Store,
    clock: &Clock,
    issuer: &urls::Issuer,
    id: &str,
    change: impl FnOnce(&mut Client) -> Result<(), ClientRejected>,
) -> ClientResult<Client> {
    let (tx, client) = lock(store, clock, id).await?;
    update_locked(tx, issuer, &client, change).await
}

/// Changes a client whose row this transaction has locked. What may not live on ends in it, however
/// much that is.
pub(crate) async fn update_locked(
    tx: Tx,
    issuer: &urls::Issuer,
    client: &Client,
    change: impl FnOnce(&mut Client) -> Result<(), ClientRejected>,
) -> ClientResult<Client> {
    let changed = match changed(issuer, client, change) {
        Ok(changed) => changed,
        Err(why) => {
            tx.abandon().await;
            return Err(why.into());
        }
    };
    while !end_outdated_step(&tx, &client.metadata, &changed).await? {}
    write_changed(tx, client, changed).await
}

/// The same, but a transaction ends only so much. If that is not all, nothing is changed yet, and the
/// caller tries again: `None`. So what ends in one step ends with the change or not at all. Of more than
/// that, the first steps stay if the change is refused later, because somebody else changed the client
/// meanwhile: until the last one, its families are those of the registration that is in force.
pub(crate) async fn update_or_end_some(
    tx: Tx,
    issuer: &urls::Issuer,
    client: &Client,
    change: impl FnOnce(&mut Client) -> Result<(), ClientRejected>,
) -> ClientResult<Option<Client>> {
    let changed = match changed(issuer, client, change) {
        Ok(changed) => changed,
        Err(why) => {
            tx.abandon().await;
            return Err(why.into());
        }
    };
    if !end_outdated_step(&tx, &client.metadata, &changed).await? {
        tx.commit().await?;
        return Ok(None);
    }
    write_changed(tx, client, changed).await.map(Some)
}

/// The client after a change, checked.
fn changed(
    issuer: &urls::Issuer,
    client: &Client,
    change: impl FnOnce(&mut Client) -> Result<(), ClientRejected>,
) -> Result<Client, ClientRejected> {
    let mut changed = client.clone();
    change(&mut changed)?;
    check_changed(issuer, &changed)?;
    Ok(changed)
}

async fn write_changed(tx: Tx, before: &Client, client: Client) -> ClientResult<Client> {
    clients::update(&tx, &client).await?;
    let event = Event::new(EventKind::ClientUpdated).client(&client.id);
    let event = if is_by_app(&tx) {
        event.naming_changes(&facts(before), &facts(&client))
    } else {
        event.changing(&facts(before), &facts(&client))
    };
    audit_events::insert(&tx, &[event]).await?;
    tx.commit().await?;
    Ok(client)
}

/// How many families of a client one statement ends.
const STEP: u64 = 2000;

/// Ends a step of what people gave a client that was registered like this before, if it may not live
/// on. Returns whether that was all of it: then the transaction also writes the change, so that no token
/// is refreshed between the two. The app is not told; others are that acted with its families. The
/// revision of the clients, for which every other change waits, is not held meanwhile: the row is
/// written afterwards.
pub(crate) async fn end_outdated_step(
    tx: &Tx,
    before: &ClientMetadata,
    client: &Client,
) -> Result<bool, Fault> {
    let id = &client.id;
    if client.metadata.outdates(before) {
        device_grants::delete_of_client(tx, id).await?;
        return end_step(tx, id, FamilyFilter::Client(id)).await;
    }
    // ID-JAG: what a client opened with grants of an issuer ends with the trust in it.
    let is_trusted = |issuer: &str| {
        client.metadata.id_jag_issuers.iter().any(|trusted| trusted.issuer == issuer)
    };
    for IdJagIssuer { issuer, .. } in &before.id_jag_issuers {
        if !is_trusted(issuer) && !end_step(tx, id, FamilyFilter::ByIdJagOf(id, issuer)).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn end_step(tx: &Tx, client: &ClientId, of: FamilyFilter<'_>) -> Result<bool, Fault> {
    let mut left = STEP;
    while left > 0 {
        let ended = families::revoke_some(tx, of, None, None, left).await?;
        // Fewer rows than asked for say nothing: somebody else may have ended some of them meanwhile.
        if ended.is_empty() {
            return Ok(true);
        }
        left = left.saturating_sub(ended.len() as u64);
        logout_notices::insert_but_of(tx, client, ended).await?;
    }
    Ok(false)
}

/// Ends all of it, in steps, each a transaction of its own. What is opened meanwhile ends with the
/// change.
pub(crate) async fn end_outdated(
    store: &Store,
    clock: &Clock,
    before: &ClientMetadata,
    client: &Client,
) -> Result<(), Fault> {
    loop {
        let tx = store.begin(clock.now()).await?;
        let is_all = end_outdated_step(&tx, before, client).await?;
        tx.commit().await?;
        if is_all {
            return Ok(());
        }
        tokio::task::yield_now().await;
    }
}

/// What the audit says about a client that is changed: its metadata, in which no secret is.
fn facts(client: &Client) -> Value {
    Value::Object(client.metadata.to_json())
}

/// Reads the client and locks its row, so that the changed client can be written back without
/// undoing the change of another request.
pub(crate) async fn lock(store: &Store, clock: &Clock, id: &str) -> ClientResult<(Tx, Client)> {
    let found = find(store, id).await?;
    let tx = store.begin(clock.now()).await?;
    match clients::lock(&tx, &found.id).await? {
        Some(client) => Ok((tx, client)),
        None => Err(ClientRejected::Unknown(id.to_owned()).into()),
    }
}

/// The client of this id.
pub async fn find(reader: &impl Reader, id: &str) -> ClientResult<Client> {
    let found = match ClientId::parse(id) {
        Some(id) => clients::find(reader, &id).await?,
        None => None,
    };
    match found {
        Some(client) => Ok(client),
        None => Err(ClientRejected::Unknown(id.to_owned()).into()),
    }
}

pub(crate) async fn done(tx: Tx, kind: EventKind, id: &ClientId) -> ClientResult {
    audit_events::insert(&tx, &[Event::new(kind).client(id)]).await?;
    Ok(tx.commit().await?)
}

/// Checks whether the registration of a client that was changed is valid.
pub fn check_changed(issuer: &urls::Issuer, client: &Client) -> Result<(), ClientRejected> {
    check(issuer, client)?;
    let has_secret = client.metadata.token_endpoint_auth_method.has_secret();
    if has_secret && client.secrets.is_empty() {
        return Err(ClientRejected::WithoutSecret);
    }
    Ok(())
}

/// Checks whether the registration of a client is valid.
pub fn check(issuer: &urls::Issuer, client: &Client) -> Result<(), ClientRejected> {
    match (client.kind, client.metadata.token_endpoint_auth_method) {
        (ClientKind::Public, AuthMethod::None) => {}
        (ClientKind::Public, _) => {
            return invalid("a public client has the authentication method none");
        }
        (ClientKind::Confidential, AuthMethod::None) => {
            return invalid("a confidential client authenticates");
        }
        (ClientKind::Confidential, _) => {}
    }
    if client.registered_by != RegisteredBy::Operator {
        check_unvouched(client)?;
    }
    if client.kind == ClientKind::Public && client.may_use(GrantType::ClientCredentials) {
        return invalid("client_credentials is for confidential clients (RFC 6749 §4.4)");
    }
    if client.kind == ClientKind::Public && !client.metadata.resource_servers.is_empty() {
        return invalid("a resource server is a confidential client");
    }
    if client.metadata.first_party_challenge && !client.metadata.first_party {
        return invalid(
            "the grant urn:mapae:params:oauth:first-party is for the operator's own clients: \
             register it with --first-party",
        );
    }
    let takes_passwords =
        client.may_use(GrantType::Password) || client.metadata.first_party_challenge;
    if client.metadata.trust_user_ip && (client.kind == ClientKind::Public || !takes_passwords) {
        return invalid(
            "trust_user_ip goes with the grant password or urn:mapae:params:oauth:first-party of a \
             confidential client",
        );
    }
    if client.kind == ClientKind::Public && client.metadata.refresh == RefreshPolicy::Static {
        return invalid(
            "a refresh token of a public client must change with every use (RFC 9700 §4.14.2): \
             the policy static is for confidential clients",
        );
    }
    if client.metadata.require_access_token_proof && !client.may_use(GrantType::RefreshToken) {
        return invalid("an access token proof goes with the grant refresh_token");
    }
    if client.metadata.resource_servers.iter().any(|audience| audience == issuer.as_str()) {
        return invalid("the default audience belongs to this server alone");
    }
    for name in &client.metadata.access_token_claims {
        check_claim(name)?;
    }
    claim_rule::check(&client.metadata.claims, client.id.as_str(), &client.metadata.audiences)
        .or_else(invalid)?;
    check_acting(issuer, client)?;
    check_trust(issuer, client)?;
    check_id_jag(issuer, client)?;
    check_lifetimes(client)?;
    check_sector(client)?;
    if let Some(profile) = client.metadata.profile {
        profile.check(&client.metadata).or_else(invalid)?;
    }
    check_keys(client)?;
    certificates::check_registration(&client.metadata).or_else(invalid)?;
    check_browser(client)
}

/// Checks that it is clear to which sector a client belongs, OpenID Connect Core §8.1. What stands in
/// the document of the sector is checked by whoever can fetch it (`clients::sector`).
fn check_sector(client: &Client) -> Result<(), ClientRejected> {
    let own = &client.metadata;
    if let Some(uri) = &own.sector_identifier_uri {
        check_link(uri)?;
    }
    if own.subject_type != SubjectType::Pairwise {
        return Ok(());
    }
    if own.redirect_uris.is_empty() {
        return invalid(
            "pairwise subjects need a redirect URI: its host is the sector, or the document at the \
             sector_identifier_uri lists it (OpenID Connect Core §8.1)",
        );
    }
    // Nobody sends an answer to a redirect URI that is not used, so it proves nothing.
    let proves_host = client.may_use(GrantType::AuthorizationCode) && own.sector().is_some();
    if own.sector_identifier_uri.is_none() && !proves_host {
        return invalid(
            "pairwise subjects need the grant authorization_code and https redirect URIs of one \
             host, or a sector_identifier_uri (OpenID Connect Core §8.1)",
        );
    }
    Ok(())
}

/// Checks with whose tokens a client may act for people. It proves who it is by a token of its own.
fn check_acting(issuer: &urls::Issuer, client: &Client) -> Result<(), ClientRejected> {
    if client.metadata.may_act.is_empty() {
        return Ok(());
    }
    if client.kind == ClientKind::Public {
        return invalid("only a confidential client may act for people");
    }
    acting::check(&client.metadata.may_act, issuer.as_str()).or_else(invalid)
}

/// Checks whose assertions are the client, RFC 7523 §2.2.
fn check_trust(issuer: &urls::Issuer, client: &Client) -> Result<(), ClientRejected> {
    let trusted = &client.metadata.trusted_issuers;
    if client.kind == ClientKind::Public && !trusted.is_empty() {
        return invalid("a public client does not authenticate, so it trusts no issuer");
    }
    trusted_issuer::check(trusted, issuer.as_str()).or_else(invalid)?;
    if trusted.iter().filter_map(|one| one.jwks.as_ref()).any(is_unusable) {
        return invalid("the JWK Set of an issuer has a key that verifies (RSA or P-256)");
    }
    Ok(())
}

/// Checks where a client acts with grants of this server, and whose grants it shows here. A public client
/// does neither: ID-JAG §8.1.
fn check_id_jag(issuer: &urls::Issuer, client: &Client) -> Result<(), ClientRejected> {
    let ClientMetadata { id_jag_audiences, id_jag_issuers, .. } = &client.metadata;
    if client.kind == ClientKind::Public
        && !(id_jag_audiences.is_empty() && id_jag_issuers.is_empty())
    {
        return invalid("identity assertion grants (ID-JAG) are for confidential clients");
    }
    id_jag::check_audiences(id_jag_audiences, issuer.as_str()).or_else(invalid)?;
    id_jag::check_issuers(id_jag_issuers, issuer.as_str()).or_else(invalid)?;
    if id_jag_issuers.iter().filter_map(|one| one.jwks.as_ref()).any(is_unusable) {
        return invalid("the JWK Set of an issuer has a key that verifies (RSA or P-256)");
    }
    Ok(())
}

/// Whether a JWK Set has no key that verifies what an issuer of others signs.
fn is_unusable(jwks: &Value) -> bool {
    ProviderKeys::parse(jwks).is_none_or(|keys| keys.count() == 0)
}

/// Refuses what no app gets for which no operator vouches, whoever asks for it later: otherwise a
/// stranger's app could become an app of the operator by a mistake.
fn check_unvouched(client: &Client) -> Result<(), ClientRejected> {
    let own = &client.metadata;
    let possible = GrantType::OF_UNVOUCHED;
    if let Some(grant) = own.grant_types.iter().find(|grant| !possible.contains(grant)) {
        return invalid(format!(
            "the grant {} is for apps that an operator registered",
            grant.as_str()
        ));
    }
    for (name, is_set) in [
        ("first_party", own.first_party),
        ("first_party_challenge", own.first_party_challenge),
        ("trust_user_ip", own.trust_user_ip),
        ("resource_servers", !own.resource_servers.is_empty()),
        ("claims", !own.claims.is_empty()),
        ("signup", own.signup.is_some()),
    ] {
        if is_set {
            return invalid(format!("{name} is for apps that an operator registered"));
        }
    }
    if AdminScope::rights_to_give(&own.scope.to_string()) != Rights::default() {
        return invalid("scopes of the administration are for apps that an operator registered");
    }
    Ok(())
}

/// The shortest session of a client, in seconds.
const LEAST_SESSION: i64 = 60;

/// Checks how long the client's own tokens live. That they live no longer than the settings say is
/// checked where the settings are known.
fn check_lifetimes(client: &Client) -> Result<(), ClientRejected> {
    let own = &client.metadata;
    for (name, seconds) in [
        ("access_lifetime", own.access_lifetime),
        ("id_lifetime", own.id_lifetime),
        ("refresh_idle", own.refresh_idle),
        ("refresh_absolute", own.refresh_absolute),
    ] {
        if seconds.is_some_and(|seconds| seconds < 1) {
            return invalid(format!("{name} is at least a second"));
        }
    }
    // In less time nobody comes back from a sign-in with a second factor or a provider.
    if own.session_lifetime.is_some_and(|seconds| seconds < LEAST_SESSION) {
        return invalid(format!("session_lifetime is at least {LEAST_SESSION} seconds"));
    }
    if own.device_max_age.is_some_and(|seconds| seconds < 0) {
        return invalid("device_max_age is not less than 0");
    }
    match (own.refresh_idle, own.refresh_absolute) {
        (Some(idle), Some(absolute)) if idle > absolute => {
            invalid("refresh_idle is not longer than refresh_absolute")
        }
        _ => Ok(()),
    }
}

/// Checks a claim about the person that access tokens are to contain.
fn check_claim(name: &str) -> Result<(), ClientRejected> {
    if RESERVED.contains(&name) {
        return invalid(format!("{name:?} is a claim of the token itself"));
    }
    if !is_claim(name) {
        let known: Vec<_> = SCOPE_CLAIMS.iter().flat_map(|(_, claims)| *claims).copied().collect();
        return invalid(format!("the claim {name:?} is not one of {}", known.join(", ")));
    }
    Ok(())
}

/// Checks what a client needs if it sends people to this server in a browser.
fn check_browser(client: &Client) -> Result<(), ClientRejected> {
    for uri in
        client.metadata.redirect_uris.iter().chain(&client.metadata.post_logout_redirect_uris)
    {
        let checked = redirect_uri::check(uri, client.kind);
        checked.or_else(|why| invalid(format!("the redirect URI {uri:?} {why}")))?;
    }
    if client.may_use(GrantType::AuthorizationCode) && client.metadata.redirect_uris.is_empty() {
        return invalid("authorization_code needs a redirect URI");
    }
    if client.kind == ClientKind::Public && client.metadata.require_pkce == RequirePkce::Never {
        return invalid("a public client always needs PKCE (RFC 9700 §2.1.1)");
    }
    let own = &client.metadata;
    let links = [&own.logo_uri, &own.policy_uri, &own.tos_uri, &own.client_uri];
    for uri in links.into_iter().chain([&own.backchannel_logout_uri]).flatten() {
        check_link(uri)?;
    }
    client.metadata.allowed_origins.iter().try_for_each(|origin| check_origin(origin))?;
    if client.metadata.refresh_delivery == RefreshDelivery::Cookie {
        if client.metadata.allowed_origins.is_empty() {
            return invalid("a refresh token in a cookie needs an allowed origin");
        }
        if !client.may_use(GrantType::RefreshToken) {
            return invalid("a refresh token in a cookie goes with the grant refresh_token");
        }
    }
    Ok(())
}

/// Checks a link for people or a URL that this server calls. The rules are those for the redirect
/// URI of a web app.
fn check_link(uri: &str) -> Result<(), ClientRejected> {
    let checked = redirect_uri::check(uri, ClientKind::Confidential);
    checked.or_else(|why| invalid(format!("{uri:?} {why}")))
}

/// Checks an origin. It has to be written as browsers write it: scheme, host, and the port if it is
/// not the default one.
fn check_origin(origin: &str) -> Result<(), ClientRejected> {
    check_link(origin)?;
    let written = url::Url::parse(origin).map(|url| url.origin().ascii_serialization());
    if written.as_deref() == Ok(origin) {
        return Ok(());
    }
    invalid(format!(
        "{origin:?} is not an origin: write it like https://app.example.com, without a path"
    ))
}

fn invalid(why: impl Into<String>) -> Result<(), ClientRejected> {
    Err(ClientRejected::InvalidMetadata(why.into()))
}

fn check_keys(client: &Client) -> Result<(), ClientRejected> {
    let own = &client.metadata;
    let signs_requests =
        own.request_object_signing_alg.is_some() || own.require_signed_request_object;
    let has_keys = own.jwks.is_some() || own.jwks_uri.is_some();
    if let Some(uri) = &own.jwks_uri {
        // RFC 7591 §2
        if own.jwks.is_some() {
            return invalid("a client has jwks or jwks_uri, not both");
        }
        check_link(uri)?;
    }
    match (&own.jwks, own.token_endpoint_auth_method) {
        // The assertions of issuers that it trusts authenticate it as well.
        (_, AuthMethod::PrivateKeyJwt) if !has_keys && own.trusted_issuers.is_empty() => {
            invalid("private_key_jwt needs jwks, jwks_uri or an issuer that the client trusts")
        }
        (_, _) if signs_requests && !has_keys => {
            invalid("request objects need the client's JWK Set: jwks or jwks_uri")
        }
        // Its keys need not verify signatures: they are compared with that of its certificate.
        (_, AuthMethod::SelfSignedTlsClientAuth) if !signs_requests => Ok(()),
        // RFC 7591 §2: an app names its keys whether it authenticates by them or not. They verify the
        // requests that it signs, and nothing else; it may need them elsewhere, so they are of any kind.
        // With an operator, keys without a purpose are a mistake.
        (jwks, method)
            if client.registered_by == RegisteredBy::Itself
                && method != AuthMethod::PrivateKeyJwt
                && !signs_requests =>
        {
            jwks.as_ref()
                .map_or(Ok(()), |jwks| ClientKeys::check_form(jwks).map(drop))
                .or_else(invalid)
        }
        (_, method)
            if has_keys
                && !signs_requests
                && !matches!(
                    method,
                    AuthMethod::PrivateKeyJwt | AuthMethod::SelfSignedTlsClientAuth
                ) =>
        {
            invalid(
                "a JWK Set goes with private_key_jwt, self_signed_tls_client_auth or request objects",
            )
        }
        (None, _) => Ok(()),
        (Some(jwks), _) => match ClientKeys::parse(&jwks.to_string()) {
            Err(why) => invalid(why),
            Ok(keys) if own.profile.is_some() && !keys.can_sign_by(ClientProfile::ALGORITHMS) => {
                // FAPI 2.0 §5.4.1
                invalid("the profile needs keys for PS256, ES256 or EdDSA, and none for RS256")
            }
            Ok(keys) => match own.request_object_signing_alg {
                Some(alg) if !keys.can_verify(alg.as_str()) => {
                    invalid(format!("no key of the JWK Set can sign requests by {}", alg.as_str()))
                }
                _ => Ok(()),
            },
        },
    }
}
