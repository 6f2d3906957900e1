//! Registering clients, RFC 7591 §2: what an operator does with them.

use crate::domain::audit::{Event, Kind};
use crate::domain::claim_names::{RESERVED, SCOPE_CLAIMS, is_claim};
use crate::domain::client::{
    AuthMethod, Client, ClientId, ClientKind, RefreshDelivery, RefreshPolicy, RequirePkce,
};
use crate::domain::clock::Clock;
use crate::domain::grant_type::GrantType;
use crate::domain::secret::{ClientSecret, Plain};
use crate::domain::user::UserId;
use crate::domain::verdict::{OrRejected, Rejected, reject};
use crate::domain::{redirect_uri, urls};
use crate::keys::foreign::ForeignKeys;
use crate::store::families::{self, Owner};
use crate::store::{Reader, Store, Tx, audit_events, clients, consents, users};

/// Registers a client and makes its secret, where its method has one. The secret is in the answer
/// and nowhere else.
pub async fn create(
    store: &Store,
    clock: &Clock,
    issuer: &urls::Issuer,
    mut client: Client,
) -> OrRejected<Option<Plain<ClientSecret>>> {
    check(issuer, &client)?;
    let secret = client.auth_method.has_secret().then(Plain::generate);
    client.secret = secret.as_ref().map(Plain::hashed);
    let tx = store.begin(clock.now()).await?;
    // The subject of a client's own token is its id: it must never be a person's.
    let is_person = users::find(&tx, &UserId(client.id.as_str().to_owned())).await?.is_some();
    if is_person || !clients::insert(&tx, &client).await? {
        tx.abandon().await;
        return reject(format!("the client id {:?} is taken", client.id.as_str()));
    }
    done(tx, Kind::ClientCreated, &client.id).await?;
    Ok(secret)
}

/// Changes a client. Its secret stays.
pub async fn update(
    store: &Store,
    clock: &Clock,
    issuer: &urls::Issuer,
    id: &str,
    change: impl FnOnce(&mut Client) -> OrRejected<()>,
) -> OrRejected<Client> {
    let (tx, mut client) = lock(store, clock, id).await?;
    change(&mut client)?;
    check(issuer, &client)?;
    if client.auth_method.has_secret() && client.secret.is_none() {
        return reject(
            "this client was registered without a secret, so it cannot authenticate with one: register it again",
        );
    }
    clients::update(&tx, &client).await?;
    done(tx, Kind::ClientUpdated, &client.id).await?;
    Ok(client)
}

/// The client as it is now, kept from everybody else: what is written back undoes nothing.
async fn lock(store: &Store, clock: &Clock, id: &str) -> OrRejected<(Tx, Client)> {
    let found = find(store, id).await?;
    let tx = store.begin(clock.now()).await?;
    match clients::lock(&tx, &found.id).await? {
        Some(client) => Ok((tx, client)),
        None => reject(format!("there is no client {id:?}")),
    }
}

/// The client of this id.
pub async fn find(reader: &impl Reader, id: &str) -> OrRejected<Client> {
    let found = match ClientId::parse(id) {
        Some(id) => clients::find(reader, &id).await?,
        None => None,
    };
    match found {
        Some(client) => Ok(client),
        None => reject(format!("there is no client {id:?}")),
    }
}

/// Makes a new secret; the old one stops working.
pub async fn rotate_secret(
    store: &Store,
    clock: &Clock,
    id: &str,
) -> OrRejected<Plain<ClientSecret>> {
    let (tx, mut client) = lock(store, clock, id).await?;
    if !client.auth_method.has_secret() {
        return reject("a client of this authentication method has no secret");
    }
    let secret = Plain::generate();
    client.secret = Some(secret.hashed());
    clients::update(&tx, &client).await?;
    done(tx, Kind::ClientSecretRotated, &client.id).await?;
    Ok(secret)
}

/// Disables or enables a client.
pub async fn set_enabled(store: &Store, clock: &Clock, id: &str, enabled: bool) -> OrRejected<()> {
    let client = find(store, id).await?;
    let tx = store.begin(clock.now()).await?;
    let disabled_at = (!enabled).then(|| tx.now());
    clients::set_disabled(&tx, &client.id, disabled_at).await?;
    let kind = if enabled { Kind::ClientEnabled } else { Kind::ClientDisabled };
    done(tx, kind, &client.id).await
}

/// The rows of a client that one transaction deletes.
const STEP: u64 = 2000;

/// Deletes a client with every family at it. It is disabled at once; what people have open there goes
/// in steps, however much it is.
pub async fn delete(store: &Store, clock: &Clock, id: &str) -> OrRejected<()> {
    let client = find(store, id).await?;
    let tx = store.begin(clock.now()).await?;
    clients::set_disabled(&tx, &client.id, Some(tx.now())).await?;
    tx.commit().await?;
    loop {
        let tx = store.begin(clock.now()).await?;
        let families = families::delete_some(&tx, Owner::Client(&client.id), STEP).await?;
        let consents = consents::delete_some(&tx, &client.id, STEP).await?;
        tx.commit().await?;
        if families < STEP && consents < STEP {
            break;
        }
    }
    let tx = store.begin(clock.now()).await?;
    clients::delete(&tx, &client.id).await?;
    done(tx, Kind::ClientDeleted, &client.id).await
}

async fn done(tx: Tx, kind: Kind, id: &ClientId) -> OrRejected<()> {
    audit_events::insert(&tx, &[Event::new(kind).client(id)]).await?;
    Ok(tx.commit().await?)
}

/// Whether a client makes sense.
pub fn check(issuer: &urls::Issuer, client: &Client) -> OrRejected<()> {
    for grant in &client.grants {
        grant.parse::<GrantType>().map_err(Rejected)?;
    }
    match (client.kind, client.auth_method) {
        (ClientKind::Public, AuthMethod::None) => {}
        (ClientKind::Public, _) => return reject("a public client authenticates by none"),
        (ClientKind::Confidential, AuthMethod::None) => {
            return reject("a confidential client authenticates");
        }
        (ClientKind::Confidential, _) => {}
    }
    if client.kind == ClientKind::Public && client.may_use(GrantType::ClientCredentials) {
        return reject("client_credentials is for confidential clients (RFC 6749 §4.4)");
    }
    if client.kind == ClientKind::Public && !client.resource_servers.is_empty() {
        return reject("a resource server is a confidential client");
    }
    if client.trust_user_ip
        && (client.kind == ClientKind::Public || !client.may_use(GrantType::Password))
    {
        return reject("trust_user_ip goes with the grant password of a confidential client");
    }
    if client.kind == ClientKind::Public && client.refresh == RefreshPolicy::Static {
        return reject(
            "a refresh token of a public client must change with every use (RFC 9700 §4.14.2): \
             the policy static is for confidential clients",
        );
    }
    if client.require_access_token_proof && !client.may_use(GrantType::RefreshToken) {
        return reject("an access token proof goes with the grant refresh_token");
    }
    if client.resource_servers.iter().any(|audience| audience == issuer.as_str()) {
        return reject("the default audience belongs to this server alone");
    }
    for name in &client.access_token_claims {
        check_claim(name)?;
    }
    check_keys(client)?;
    check_browser(client)
}

/// A claim of the person that an access token may carry.
fn check_claim(name: &str) -> OrRejected<()> {
    if RESERVED.contains(&name) {
        return reject(format!("{name:?} is a claim of the token itself"));
    }
    if !is_claim(name) {
        let known: Vec<_> = SCOPE_CLAIMS.iter().flat_map(|(_, claims)| *claims).copied().collect();
        return reject(format!("the claim {name:?} is none of {}", known.join(", ")));
    }
    Ok(())
}

/// What a client needs that sends people here in a browser.
fn check_browser(client: &Client) -> OrRejected<()> {
    for uri in client.redirect_uris.iter().chain(&client.post_logout_redirect_uris) {
        let checked = redirect_uri::check(uri, client.kind);
        checked.or_else(|why| reject(format!("the redirect URI {uri:?} {why}")))?;
    }
    if client.may_use(GrantType::AuthorizationCode) && client.redirect_uris.is_empty() {
        return reject("authorization_code needs a redirect URI");
    }
    if client.kind == ClientKind::Public && client.require_pkce == RequirePkce::Never {
        return reject("a public client always needs PKCE (RFC 9700 §2.1.1)");
    }
    let links = [&client.logo_uri, &client.policy_uri, &client.tos_uri];
    for uri in links.into_iter().chain([&client.backchannel_logout_uri]).flatten() {
        check_link(uri)?;
    }
    client.allowed_origins.iter().try_for_each(|origin| check_origin(origin))?;
    if client.refresh_delivery == RefreshDelivery::Cookie {
        if client.allowed_origins.is_empty() {
            return reject("a refresh token in a cookie needs an allowed origin");
        }
        if !client.may_use(GrantType::RefreshToken) {
            return reject("a refresh token in a cookie goes with the grant refresh_token");
        }
    }
    Ok(())
}

/// A link for people, or an address that we call: like a redirect URI of a web app.
fn check_link(uri: &str) -> OrRejected<()> {
    let checked = redirect_uri::check(uri, ClientKind::Confidential);
    checked.or_else(|why| reject(format!("{uri:?} {why}")))
}

/// An origin as browsers write it: scheme, host, and a port that is not the usual one.
fn check_origin(origin: &str) -> OrRejected<()> {
    check_link(origin)?;
    let written = url::Url::parse(origin).map(|url| url.origin().ascii_serialization());
    if written.as_deref() == Ok(origin) {
        return Ok(());
    }
    reject(format!("{origin:?} is no origin: like https://app.example.com, without path"))
}

fn check_keys(client: &Client) -> OrRejected<()> {
    match (&client.jwks, client.auth_method) {
        (None, AuthMethod::PrivateKeyJwt) => reject("private_key_jwt needs the client's JWK Set"),
        (Some(_), method) if method != AuthMethod::PrivateKeyJwt => {
            reject("a JWK Set goes with private_key_jwt")
        }
        (None, _) => Ok(()),
        (Some(jwks), _) => ForeignKeys::parse(jwks).map(drop).or_else(reject),
    }
}
