//! The registration endpoint, RFC 7591 §3, and the client configuration endpoint, RFC 7592 §2.

use std::net::IpAddr;

use chrono::{DateTime, Duration, Utc};
use serde_json::{Map, Value, json};

use super::policy::{Policy, kind_of};
use super::removal;
use super::settings::RegistrationSettings;
use crate::clients::registration::{self, ClientRejected};
use crate::clients::sector::{self, CheckedChange};
use crate::domain::actor::{Acting, Actor};
use crate::domain::audit::Origin;
use crate::domain::client::{Client, ClientId, RegisteredBy};
use crate::domain::client_document::{self, UnknownGrants};
use crate::domain::client_metadata::{ClientChange, ClientMetadata};
use crate::domain::client_secret::{self, HeldSecret, MOST};
use crate::domain::random;
use crate::domain::reason::Reason;
use crate::domain::registration_mode::RegistrationMode;
use crate::domain::scope::Scope;
use crate::domain::secret::{
    ClientSecret, Plain, RegistrationAccessToken, RegistrationToken, Secret,
};
use crate::oauth::client_auth::ClientAuthentication;
use crate::oauth::error::{Error, Refusal, Result};
use crate::oauth::lifetimes::Lifetimes;
use crate::outbound::Outbound;
use crate::store::{Store, Tx, clients, registration_tokens};

/// How many apps that registered themselves there may be.
const MOST_APPS: u64 = 10_000;

/// For how long the secret before the last one is good, after an app replaced its registration.
const SECRET_OVERLAP: Duration = Duration::hours(24);

/// For how long the registration access token before the last one is good: for an app that did not
/// get the answer.
const TOKEN_OVERLAP: Duration = Duration::hours(1);

/// The registration endpoint.
#[derive(Debug)]
pub struct RegistrationEndpoint {
    /// The database, the clock, the clients and the limits of requests.
    pub clients: ClientAuthentication,
    /// What an operator decided.
    pub settings: RegistrationSettings,
    /// The longest lifetimes.
    pub lifetimes: Lifetimes,
    /// Whether addresses in the operator's network may be named.
    pub allows_private: bool,
    /// Fetches the documents of sectors.
    pub outbound: Outbound,
}

/// A request to register.
#[derive(Debug)]
pub struct Registering<'a> {
    /// The `Authorization` headers.
    pub authorization: &'a [&'a [u8]],
    /// What the app says of itself.
    pub document: &'a Map<String, Value>,
    /// The client address.
    pub address: IpAddr,
    /// Where the request came from, for the audit.
    pub origin: &'a Origin,
}

/// A request about one registration.
#[derive(Debug)]
pub struct Managing<'a> {
    /// The client that the path names.
    pub id: &'a str,
    /// The `Authorization` headers.
    pub authorization: &'a [&'a [u8]],
    /// Where the request came from, for the audit.
    pub origin: &'a Origin,
}

/// The bearer token of a request, RFC 6750 §2.1. `None`: there is none.
fn bearer(authorization: &[&[u8]]) -> Result<Option<Secret>, Refusal> {
    let [header] = authorization else {
        return match authorization {
            [] => Ok(None),
            _ => Err(Reason::RegistrationTokenInvalid.into()),
        };
    };
    let text = std::str::from_utf8(header).map_err(|_| Reason::RegistrationTokenInvalid)?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            Ok(Some(Secret::text(token.trim())))
        }
        // RFC 6750 §3.1: another method of authentication is no token.
        _ => Err(Reason::RegistrationTokenMissing.into()),
    }
}

/// A client, and the token by which it was found.
struct Managed {
    client: Client,
    presented: Plain<ClientSecret>,
}

/// Whether this token is the registration access token of the client.
fn manages(client: &Client, presented: &Plain<ClientSecret>, now: DateTime<Utc>) -> bool {
    client.registered_by == RegisteredBy::Itself
        && client_secret::knows(&client.registration_tokens, presented, now)
}

/// The form in which a registration access token is kept.
fn kept(token: &Plain<RegistrationAccessToken>) -> Plain<ClientSecret> {
    Plain::presented(token.expose())
}

impl RegistrationEndpoint {
    /// Whether apps register themselves at all.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.settings.mode != RegistrationMode::Off
    }

    fn policy<'a>(&'a self, mcp_scope: &'a Scope) -> Policy<'a> {
        Policy {
            issuer: &self.clients.url,
            settings: &self.settings,
            mcp_scope,
            lifetimes: &self.lifetimes,
            allows_private: self.allows_private,
        }
    }

    /// The database, for changes by this client.
    fn acting(&self, id: &ClientId, origin: &Origin) -> Store {
        let acting = Acting { actor: Actor::App(id.clone()), origin: origin.clone() };
        self.clients.store.acting_as(&acting)
    }

    /// Registers an app, RFC 7591 §3.1.
    pub async fn register(&self, asked: Registering<'_>) -> Result<Value> {
        let now = self.clients.clock.now();
        let token = bearer(asked.authorization)?;
        let token =
            token.map(|token| Plain::<RegistrationToken>::presented(token.expose()).hashed());
        let is_good = match token {
            Some(hash) => registration_tokens::is_good(&*self.clients.store, hash, now).await?,
            None => true,
        };
        if !is_good {
            return Err(Reason::RegistrationTokenInvalid.into());
        }
        if token.is_none() && self.settings.mode != RegistrationMode::Open {
            return Err(Reason::RegistrationTokenMissing.into());
        }
        let read = client_document::of_app(asked.document, UnknownGrants::Refused);
        let metadata = read.map_err(Refusal::from)?;
        let Some(id) = ClientId::parse(&random::identifier()) else {
            return Err(Reason::RegistrationMetadata.into());
        };
        let mut client = Client::new(id, kind_of(&metadata), now);
        client.metadata = metadata;
        client.registered_by = RegisteredBy::Itself;
        if client.metadata.scope.is_empty() {
            // RFC 7591 §2: a default set of scopes.
            client.metadata.scope = self.settings.scopes.clone();
        }
        let mcp_scope = self.clients.clients.mcp_scope().await?;
        self.policy(&mcp_scope).check(&client)?;
        if token.is_none() {
            let counted =
                self.clients.limiter.registration(asked.address, self.settings.per_address);
            counted.await.map_err(|error| error.map(Refusal::from))?;
        }
        let access = Plain::<RegistrationAccessToken>::generate();
        client.registration_tokens = vec![HeldSecret::new(kept(&access).hashed(), now)];
        let tx = self.acting(&client.id, asked.origin).begin(now).await?;
        let registered = async {
            // Whoever has a token was let in by an operator: strangers take nobody's place.
            if token.is_none() && clients::are_many(&tx, RegisteredBy::Itself, MOST_APPS).await? {
                return Err(Error::from(Reason::RegistrationsTooMany));
            }
            // The last use of a token is spent by one registration, whichever replica takes it.
            if let Some(hash) = token {
                if !registration_tokens::spend(&tx, hash).await? {
                    return Err(Reason::RegistrationTokenInvalid.into());
                }
                client.came_by = registration_tokens::id_of(&tx, hash).await?;
            }
            registration::create_in(&tx, &mut client).await.map_err(refused)
        };
        let registered = registered.await;
        match registered {
            Ok(secret) => {
                tx.commit().await?;
                Ok(self.answer(&client, secret.as_ref(), Some(&access)))
            }
            Err(error) => {
                tx.abandon().await;
                Err(error)
            }
        }
    }

    /// What is registered, RFC 7592 §2.1. The secret is not known any more.
    pub async fn read(&self, asked: &Managing<'_>) -> Result<Value> {
        let found = self.find(asked, Client::is_enabled).await?;
        Ok(self.answer(&found.client, None, None))
    }

    /// Replaces what is registered, RFC 7592 §2.2. The secret and the registration access token are
    /// replaced, too; the ones before are good for a while, since the answer may be lost.
    pub async fn replace(
        &self,
        asked: &Managing<'_>,
        document: &Map<String, Value>,
    ) -> Result<Value> {
        let mcp_scope = self.clients.clients.mcp_scope().await?;
        let found = self.find(asked, Client::is_enabled).await?;
        self.count_change(&found.client).await?;
        // Nothing is fetched while the row is locked.
        let seen = self.described(&found.client, document, &mcp_scope)?;
        let is_fetched = !sector::has_same_uris(&found.client.metadata, &seen);
        if is_fetched {
            let checked = sector::check(&self.outbound, &seen).await;
            checked.map_err(|why| refused(why.into()))?;
        }
        let seen = is_fetched.then_some(&seen);
        let (tx, client) = self.lock(asked, &found).await?;
        if !client.is_enabled() {
            tx.abandon().await;
            return Err(Reason::RegistrationTokenInvalid.into());
        }
        let now = tx.now();
        let access = Plain::<RegistrationAccessToken>::generate();
        let changed = self.replaced(client.clone(), (document, seen), now, &mcp_scope);
        let (mut changed, secret) = match changed {
            Ok(changed) => changed,
            Err(refusal) => {
                tx.abandon().await;
                return Err(refusal.into());
            }
        };
        let until = Some(now + TOKEN_OVERLAP);
        let hash = kept(&access).hashed();
        changed.registration_tokens =
            client_secret::rotated(&client.registration_tokens, hash, now, until);
        changed.registration_tokens.truncate(MOST);
        let into = |client: &mut Client| {
            *client = changed;
            Ok(())
        };
        let updated = registration::update_locked(tx, &self.clients.url, &client, into).await;
        let updated = updated.map_err(refused)?;
        Ok(self.answer(&updated, secret.as_ref(), Some(&access)))
    }

    /// What is registered after an app replaced what it says of itself. `seen` is what was held against
    /// the document of its sector.
    fn replaced(
        &self,
        mut client: Client,
        (document, seen): (&Map<String, Value>, Option<&ClientMetadata>),
        now: DateTime<Utc>,
        mcp_scope: &Scope,
    ) -> Result<(Client, Option<Plain<ClientSecret>>), Refusal> {
        let bad = |why: &str| Err(Refusal::new(Reason::RegistrationMetadata).naming(why));
        // RFC 7592 §2.2: the request names the client that it is about.
        if document.get("client_id").and_then(Value::as_str) != Some(client.id.as_str()) {
            return bad("client_id is not that of the registration");
        }
        if let Some(secret) = document.get("client_secret").filter(|secret| !secret.is_null()) {
            let secret = Plain::presented(secret.as_str().unwrap_or_default());
            if !client_secret::knows(&client.secrets, &secret, now) {
                return bad("client_secret is not that of the registration");
            }
        }
        let metadata = self.described(&client, document, mcp_scope)?;
        let change = ClientChange::default();
        let compared = CheckedChange { change: &change, seen }.check(&client.metadata, &metadata);
        if let Err(why) = compared {
            return bad(&why.to_string());
        }
        client.metadata = metadata;
        self.policy(mcp_scope).check(&client)?;
        let has_secret = client.metadata.token_endpoint_auth_method.has_secret();
        let secret = has_secret.then(Plain::<ClientSecret>::generate);
        client.secrets = match &secret {
            Some(secret) => {
                let until = Some(now + SECRET_OVERLAP);
                client_secret::rotated(&client.secrets, secret.hashed(), now, until)
            }
            None => Vec::new(),
        };
        client.secrets.truncate(MOST);
        Ok((client, secret))
    }

    /// The metadata of an app after it replaced what it says of itself.
    fn described(
        &self,
        client: &Client,
        document: &Map<String, Value>,
        mcp_scope: &Scope,
    ) -> Result<ClientMetadata, Refusal> {
        let bad = |why: &str| Err(Refusal::new(Reason::RegistrationMetadata).naming(why));
        let read = client_document::of_app(document, UnknownGrants::Refused)?;
        if kind_of(&read) != client.kind {
            return bad("an app stays public or confidential");
        }
        let mut metadata = client_document::replaced(&client.metadata, &read)?;
        // OpenID Connect Core §8.1: only an operator says by which `sub` an app knows people.
        if metadata.outdates(&client.metadata) {
            return bad("the host of the redirect_uris is the sector of the app");
        }
        // An operator may have taken scopes from it. Nothing that it says brings them back.
        let possible = self.settings.scopes.joined_with(mcp_scope);
        let most = client.metadata.scope.shared_with(&possible);
        if metadata.scope.is_empty() {
            metadata.scope = most.clone();
        }
        if let Some(token) = metadata.scope.beyond(&most).next() {
            return Err(Refusal::new(Reason::RegistrationScope).naming(token));
        }
        Ok(metadata)
    }

    /// Deletes a registration with everything that it was given, RFC 7592 §2.3.
    pub async fn delete(&self, asked: &Managing<'_>) -> Result<()> {
        // Not counted with the changes: there is no second one, and it is always possible.
        let found = self.find(asked, |_| true).await?;
        let (tx, client) = self.lock(asked, &found).await?;
        // One that was ended and not deleted yet is deleted now. One that an operator turned away stays.
        if !client.is_enabled() && !clients::is_swept(&tx, &client.id).await? {
            tx.abandon().await;
            return Err(Reason::RegistrationTokenInvalid.into());
        }
        let store = self.acting(&client.id, asked.origin);
        removal::end(tx, &store, &self.clients.clock, &client.id).await?;
        Ok(removal::delete(&store, &self.clients.clock, &client.id).await?)
    }

    /// Counts a request about a registration, before anything else is done for it.
    pub async fn admit(&self, address: IpAddr) -> Result<()> {
        self.clients.admit(address).await?;
        let counted = self.clients.limiter.unproven(address, "registration").await;
        counted.map_err(|error| error.map(Refusal::from))
    }

    async fn count_change(&self, client: &Client) -> Result<()> {
        let counted = self.clients.limiter.registration_change(&client.id).await;
        counted.map_err(|error| error.map(Refusal::from))
    }

    /// The client of a registration access token. RFC 7592 §2: whoever asks with a wrong one does not
    /// learn whether the client exists. Nothing is locked for them.
    async fn find(&self, asked: &Managing<'_>, may: fn(&Client) -> bool) -> Result<Managed> {
        let token = bearer(asked.authorization)?.ok_or(Reason::RegistrationTokenMissing)?;
        let id = ClientId::parse(asked.id).ok_or(Reason::RegistrationTokenInvalid)?;
        let client = clients::find(&*self.clients.store, &id).await?;
        let presented = Plain::presented(token.expose());
        let now = self.clients.clock.now();
        match client.filter(|client| may(client) && manages(client, &presented, now)) {
            Some(client) => Ok(Managed { client, presented }),
            None => Err(Reason::RegistrationTokenInvalid.into()),
        }
    }

    /// Locks a client that was found. It may have been changed meanwhile.
    async fn lock(&self, asked: &Managing<'_>, found: &Managed) -> Result<(Tx, Client)> {
        let id = &found.client.id;
        let tx = self.acting(id, asked.origin).begin(self.clients.clock.now()).await?;
        let locked = clients::lock(&tx, id).await?;
        let locked = locked.filter(|client| manages(client, &found.presented, tx.now()));
        if let Some(client) = locked {
            return Ok((tx, client));
        }
        tx.abandon().await;
        Err(Reason::RegistrationTokenInvalid.into())
    }

    /// The answer of RFC 7591 §3.2.1.
    fn answer(
        &self,
        client: &Client,
        secret: Option<&Plain<ClientSecret>>,
        access: Option<&Plain<RegistrationAccessToken>>,
    ) -> Value {
        let mut members = client_document::shown(&client.metadata);
        let uri = self.clients.url.registration(client.id.as_str());
        members.extend([
            ("client_id".to_owned(), json!(client.id)),
            ("client_id_issued_at".to_owned(), json!(client.created_at.timestamp())),
            ("registration_client_uri".to_owned(), json!(uri)),
        ]);
        if let Some(secret) = secret {
            members.insert("client_secret".to_owned(), json!(secret.expose()));
        }
        if !client.secrets.is_empty() {
            // It ends by itself only when a later one takes its place.
            members.insert("client_secret_expires_at".to_owned(), json!(0));
        }
        if let Some(access) = access {
            members.insert("registration_access_token".to_owned(), json!(access.expose()));
        }
        Value::Object(members)
    }
}

/// What registration itself refuses.
fn refused(error: crate::domain::verdict::Error<ClientRejected>) -> Error {
    error.map(|rejected| {
        let why = rejected.to_string().replace(['"', '\\'], "'");
        Refusal::new(Reason::RegistrationMetadata).naming(&why)
    })
}
