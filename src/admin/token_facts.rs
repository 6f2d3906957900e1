//! Gathers what is known about a token that was refused: from the database of this server, or from
//! what its issuer publishes.

use chrono::{DateTime, Duration, Utc};
use http::header::{ACCEPT, USER_AGENT};
use serde::Deserialize;
use serde_json::Value;

use crate::domain::audit::EventKind;
use crate::domain::client::{Client, ClientId};
use crate::domain::clock::Clock;
use crate::domain::excerpt::excerpt;
use crate::domain::family::FamilyId;
use crate::domain::revocation::{Revocation, RevokedKind};
use crate::domain::token_explanation::facts::{
    ClientFact, Facts, FamilyFact, KeyDates, KeyFact, KeyState, KnownKey, PersonFact, Registered,
    RegisteredAudience, RegisteredClient, StatusFact, ToldRevocation,
};
use crate::domain::token_explanation::presented::{PastedObject, Presented};
use crate::domain::urls;
use crate::domain::user::UserId;
use crate::domain::verdict::{Fault, OrRejected, reject};
use crate::keys::client_keys::ClientKeys;
use crate::keys::fetchers::LOOKING;
use crate::keys::jwt::{self, Typ};
use crate::keys::ring::Phase;
use crate::oauth::resource::context::ResourceContext;
use crate::oauth::status::lists::status_in;
use crate::outbound::{Outbound, OutboundError};
use crate::store::audit_events::{EventSearch, RecordedEvent};
use crate::store::status_lists::{self, StoredPlace};
use crate::store::{
    Store, audit_events, clients, families, revocations, revoked_access_tokens, users,
};

/// How many events are read to find the one that tells of a token.
const EVENTS: u64 = 500;
/// An ending is carried out in steps, so its event may be older than the end of a session.
const BEFORE: Duration = Duration::hours(1);

/// What the database of this server says about a token, for the instant of its clock.
pub async fn from_database(
    server: &ResourceContext,
    presented: &Presented,
    resource: Option<String>,
) -> Result<Facts, Fault> {
    let now = server.clock.now();
    let registered = match presented.claims() {
        Some(claims) => Some(registered(server, presented, claims, resource.as_deref()).await?),
        None => None,
    };
    Ok(Facts {
        now,
        issuer: server.url.as_str().to_owned(),
        published_issuer: None,
        resource,
        key: key(server, presented).await?,
        status: status(server, presented).await?,
        registered,
    })
}

/// The place in a status list that a token names.
struct NamedPlace<'a> {
    uri: &'a str,
    index: u64,
}

/// The place that a token names. `Err`: what is wrong with it.
fn named_place(presented: &Presented) -> Result<Option<NamedPlace<'_>>, StatusFact> {
    let Some(claims) = presented.claims() else { return Ok(None) };
    let Some(status) = claims.members.get("status") else { return Ok(None) };
    let place = status.get("status_list");
    let uri = place.and_then(|place| place.get("uri")?.as_str());
    let index = place.and_then(|place| place.get("idx")?.as_u64());
    match (uri, index) {
        (Some(uri), Some(index)) => Ok(Some(NamedPlace { uri, index })),
        _ => {
            Err(StatusFact::Nowhere("its claim status names no place in a status list".to_owned()))
        }
    }
}

async fn status(server: &ResourceContext, presented: &Presented) -> Result<StatusFact, Fault> {
    let NamedPlace { uri, index } = match named_place(presented) {
        Ok(Some(place)) => place,
        Ok(None) => return Ok(StatusFact::NotNamed),
        Err(wrong) => return Ok(wrong),
    };
    let number = uri.rsplit('/').next().and_then(|number| number.parse::<i64>().ok());
    let number = number.filter(|number| server.url.status_list(*number) == uri);
    let Some(number) = number else {
        let says = format!("its status list {} is none of this server", excerpt(uri));
        return Ok(StatusFact::Nowhere(says));
    };
    let as_of = server.clock.now();
    Ok(match status_lists::look(&*server.store, number, index).await? {
        None => StatusFact::Nowhere(format!("{uri} has no place {index}, or is gone")),
        Some(StoredPlace { revoked_at, is_closed }) => {
            let revoked = revoked_at.map(Some).or_else(|| is_closed.then_some(None));
            StatusFact::Listed { list: uri.to_owned(), index, revoked, as_of }
        }
    })
}

/// The most revocations that are looked at.
const TOLD: u64 = 100;

/// What the feed of revocations tells that concerns this token, of this person.
async fn told(
    store: &Store,
    presented: &Presented,
    person: Option<&UserId>,
) -> Result<Vec<ToldRevocation>, Fault> {
    let Some(claims) = presented.claims() else { return Ok(Vec::new()) };
    let named = [
        (RevokedKind::Token, claims.text("jti")),
        (RevokedKind::Family, claims.text("sid")),
        (RevokedKind::Person, person.map(UserId::as_str)),
        (RevokedKind::Client, claims.text("client_id")),
        (RevokedKind::Key, presented.jwt().and_then(|jwt| jwt.header.text("kid"))),
    ];
    let named: Vec<_> =
        named.into_iter().filter_map(|(kind, value)| Some((kind, value?))).collect();
    let issued_at = claims.members.get("iat").and_then(Value::as_i64);
    let concerns = |found: &Revocation| match (found.before(), issued_at) {
        (Some(before), Some(issued_at)) => issued_at < before,
        (Some(_), None) | (None, _) => true,
    };
    let found = revocations::naming(store, &named, TOLD).await?;
    let found = found.into_iter().filter(concerns);
    Ok(found.map(|one| ToldRevocation { kind: one.kind.as_str(), at: one.revoked_at }).collect())
}

async fn key(server: &ResourceContext, presented: &Presented) -> Result<KeyFact, Fault> {
    let Some(jwt) = presented.jwt() else { return Ok(KeyFact::NotNamed) };
    let Some(kid) = jwt.header.text("kid") else { return Ok(KeyFact::NotNamed) };
    let keyring = &server.access_tokens.keyring;
    let keys = keyring.snapshot()?;
    let Some((key, phase)) = keys.list().find(|(key, _)| key.kid == kid) else {
        let published = keys.list().filter(|(_, phase)| phase.is_published());
        let published = published.map(|(key, _)| key.kid.clone()).collect();
        let dropped_at = when(&server.store, EventKind::KeyDropped, kid).await?;
        let made_at = match when(&server.store, EventKind::KeyCreated, kid).await? {
            None => when(&server.store, EventKind::KeyImported, kid).await?,
            made_at => made_at,
        };
        return Ok(KeyFact::Unknown { published, dropped_at, made_at });
    };
    let state = match phase {
        Phase::Pending => KeyState::Pending,
        Phase::Signing => KeyState::Signing,
        Phase::Retiring => KeyState::Retiring,
        Phase::Remembered | Phase::Forgotten => KeyState::Remembered,
    };
    Ok(KeyFact::Known(KnownKey {
        alg: Some(key.alg.as_str().to_owned()),
        state,
        has_signed: keys.has_signed(kid, jwt.compact.expose()),
        dates: Some(KeyDates {
            published_at: key.created_at,
            signs_from: key.signs_from,
            published_until: keys.published_until(kid, keyring.policy().memory),
        }),
    }))
}

/// When an event of this kind happened to the thing that is its detail.
async fn when(
    store: &Store,
    kind: EventKind,
    detail: &str,
) -> Result<Option<DateTime<Utc>>, Fault> {
    let search = EventSearch {
        kind: Some(kind.as_str().to_owned()),
        detail: Some(detail.to_owned()),
        ..EventSearch::default()
    };
    let found = audit_events::list(store, &search, None, 1).await?;
    Ok(found.first().map(|event| event.at))
}

async fn registered(
    server: &ResourceContext,
    presented: &Presented,
    claims: &PastedObject,
    resource: Option<&str>,
) -> Result<Registered, Fault> {
    let store = &*server.store;
    let every = clients::list_all(store).await?;
    let mut audiences: Vec<RegisteredAudience> = Vec::new();
    for client in &every {
        for (names, serves) in
            [(&client.metadata.audiences, false), (&client.metadata.resource_servers, true)]
        {
            for name in names {
                let known = audiences.iter().position(|one| one.audience == *name);
                let at = known.unwrap_or_else(|| {
                    let audience = name.clone();
                    let (clients, resource_servers) = (Vec::new(), Vec::new());
                    audiences.push(RegisteredAudience { audience, clients, resource_servers });
                    audiences.len() - 1
                });
                if let Some(one) = audiences.get_mut(at) {
                    let list = if serves { &mut one.resource_servers } else { &mut one.clients };
                    list.push(client.id.as_str().to_owned());
                }
            }
        }
    }
    let is_audience = |name: &str| audiences.iter().any(|one| one.audience == name);
    let resource_server = resource.filter(|name| !is_audience(name)).and_then(|name| {
        let client = every.iter().find(|client| client.id.as_str() == name)?;
        Some(client.metadata.resource_servers.clone())
    });
    let client = client_fact(store, &every, claims).await?;
    let sid = claims.text("sid").map(|sid| FamilyId::from_stored(sid.to_owned()));
    let found = match &sid {
        Some(sid) => families::find(store, sid).await?,
        None => None,
    };
    let providers = &server.access_tokens.providers;
    let is_admitted = found.as_ref().is_none_or(|family| providers.admit_family(family));
    // A pairwise `sub` names the person for the client alone; the session says who it is.
    let of_family = found.as_ref().map(|family| family.user.clone());
    let named = claims.text("sub").map(|sub| UserId::from_stored(sub.to_owned()));
    let subject = of_family.or(named);
    let person = match (&sid, &subject) {
        (Some(_), Some(user)) => person(store, user).await?,
        _ => PersonFact::Nobody,
    };
    let family = match (sid, found) {
        (None, _) => FamilyFact::None,
        (Some(_), None) => FamilyFact::Unknown,
        (Some(_), Some(family)) => {
            let by = match family.revoked_at {
                Some(at) => ended_by(store, &family.id, &family.user, at).await?,
                None => None,
            };
            FamilyFact::Known { revoked_at: family.revoked_at, by }
        }
    };
    let revoked = match claims.text("jti") {
        Some(jti) if revoked_access_tokens::has(store, jti).await? => {
            Some(when(store, EventKind::AccessTokenRevoked, jti).await?)
        }
        _ => None,
    };
    let told = told(store, presented, subject.as_ref()).await?;
    Ok(Registered {
        audiences,
        resource_server,
        client,
        person,
        family,
        revoked,
        told,
        is_admitted,
    })
}

/// What is registered for the client that a token names.
async fn client_fact(
    store: &Store,
    every: &[Client],
    claims: &PastedObject,
) -> Result<ClientFact, Fault> {
    let client_id = claims.text("client_id");
    Ok(match client_id {
        None => ClientFact::NotNamed,
        Some(id) => match every.iter().find(|client| client.id.as_str() == id) {
            Some(client) => ClientFact::Known(RegisteredClient {
                id: id.to_owned(),
                disabled_at: client.disabled_at,
                audiences: client.metadata.audiences.clone(),
                scope: client.metadata.scope.clone(),
                typ: client.metadata.access_token_typ.as_str().to_owned(),
            }),
            None => ClientFact::Unknown { deleted_at: client_deleted_at(store, id).await? },
        },
    })
}

async fn client_deleted_at(store: &Store, id: &str) -> Result<Option<DateTime<Utc>>, Fault> {
    if ClientId::parse(id).is_none() {
        return Ok(None);
    }
    let search = EventSearch {
        kind: Some(EventKind::ClientDeleted.as_str().to_owned()),
        client: Some(id.to_owned()),
        ..EventSearch::default()
    };
    let found = audit_events::list(store, &search, None, 1).await?;
    Ok(found.first().map(|event| event.at))
}

async fn person(store: &Store, user: &UserId) -> Result<PersonFact, Fault> {
    let found = users::find(store, user).await?;
    Ok(match found {
        None => PersonFact::Unknown,
        Some(user) => {
            PersonFact::Known { disabled_at: user.disabled_at, deletion_at: user.deletion_at }
        }
    })
}

/// The kinds of events after which sessions of a person end.
const ENDS_SESSIONS: &[EventKind] = &[
    EventKind::SessionEnded,
    EventKind::ConsentWithdrawn,
    EventKind::FamilyOverLimit,
    EventKind::UserDisabled,
    EventKind::UserLoggedOut,
    EventKind::UserPasswordSet,
    EventKind::UserPasswordChanged,
    EventKind::RecoveryCompleted,
    EventKind::IdentityUnlinked,
    EventKind::AccountDisplaced,
    EventKind::FactorRemoved,
    EventKind::FactorReset,
    EventKind::PasskeyRemoved,
    EventKind::DeletionPlanned,
    EventKind::AddressGivenBack,
];

/// The event that tells why a family ended: one of the family itself, or else the last one before
/// it after which sessions of its person end.
async fn ended_by(
    store: &Store,
    family: &FamilyId,
    user: &UserId,
    at: DateTime<Utc>,
) -> Result<Option<String>, Fault> {
    let search = EventSearch {
        since: Some(at - BEFORE),
        user: Some(user.as_str().to_owned()),
        ..EventSearch::default()
    };
    let events = audit_events::list(store, &search, None, EVENTS).await?;
    let of_family = [EventKind::FamilyRevoked, EventKind::RefreshReused, EventKind::CodeReplayed];
    let is_one = |event: &&RecordedEvent, kinds: &[EventKind]| {
        event.at <= at && kinds.iter().any(|kind| kind.as_str() == event.event)
    };
    let own = events.iter().find(|event| {
        event.family_id.as_deref() == Some(family.as_str()) && is_one(event, &of_family)
    });
    let event = own.or_else(|| events.iter().find(|event| is_one(event, ENDS_SESSIONS)));
    Ok(event.map(|event| {
        let request = event.request_id.as_deref();
        let request = request.map(|id| format!(", request {id}")).unwrap_or_default();
        format!("{}{request}", event.event)
    }))
}

/// The most bytes that are read of a document of the issuer.
const MOST: usize = 256 * 1024;

/// What an issuer publishes about a token, at this instant.
pub async fn from_issuer(
    outbound: &Outbound,
    issuer: &str,
    presented: &Presented,
    resource: Option<String>,
    now: DateTime<Utc>,
) -> OrRejected<Facts> {
    // OpenID Connect Discovery §4.1
    let url = format!("{}{}", issuer.trim_end_matches('/'), urls::OPENID_CONFIGURATION);
    let metadata = document(outbound, &url).await?;
    let text = |name: &str| metadata.get(name).and_then(Value::as_str).map(str::to_owned);
    let Some(jwks_uri) = text("jwks_uri") else {
        return reject(format!("{url} names no jwks_uri"));
    };
    let jwks = document(outbound, &jwks_uri).await?;
    Ok(Facts {
        now,
        issuer: issuer.to_owned(),
        published_issuer: text("issuer"),
        resource,
        key: published_key(&jwks, presented),
        status: published_status(outbound, issuer, &jwks, presented).await,
        registered: None,
    })
}

/// A status list, as far as it is read here.
#[derive(Deserialize)]
struct PublishedList {
    sub: String,
    iat: i64,
    exp: Option<i64>,
    status_list: Packed,
}

#[derive(Deserialize)]
struct Packed {
    bits: u8,
    lst: String,
}

/// What the status list says that the token names, if the issuer serves it. Token Status List §8.3.
async fn published_status(
    outbound: &Outbound,
    issuer: &str,
    jwks: &Value,
    presented: &Presented,
) -> StatusFact {
    let NamedPlace { uri, index } = match named_place(presented) {
        Ok(Some(place)) => place,
        Ok(None) => return StatusFact::NotNamed,
        Err(wrong) => return wrong,
    };
    // A token may be forged: nothing that it names elsewhere is called.
    if !uri.starts_with(&format!("{}/", issuer.trim_end_matches('/'))) {
        return StatusFact::NotAsked(format!("{} is not below the issuer", excerpt(uri)));
    }
    let list = match fetched(outbound, uri, "application/statuslist+jwt").await {
        Ok(list) => String::from_utf8(list).unwrap_or_default(),
        Err(Unfetched::Status(http::StatusCode::NOT_FOUND)) => {
            return StatusFact::Nowhere(format!("there is no status list {}", excerpt(uri)));
        }
        Err(why) => return StatusFact::NotAsked(why.in_words(uri)),
    };
    let is_list = jwt::header(&list).is_ok_and(|header| jwt::is_typ(&header, Typ::StatusList));
    let keys = ClientKeys::parse(&jwks.to_string());
    let read = keys.ok().and_then(|keys| keys.verify::<PublishedList>(&list).ok());
    let Some(list) = read.filter(|list| is_list && list.sub == uri) else {
        let why = format!("{} is no status list that a key of the issuer signed", excerpt(uri));
        return StatusFact::NotAsked(why);
    };
    let PublishedList { iat, exp, status_list: Packed { bits, lst }, .. } = list;
    if exp.is_some_and(|exp| exp <= Clock::system().now().timestamp()) {
        return StatusFact::NotAsked(format!("{} has expired", excerpt(uri)));
    }
    let Some(status) = status_in(bits, &lst, index) else {
        return StatusFact::Nowhere(format!("{} has no place {index}", excerpt(uri)));
    };
    let as_of = DateTime::from_timestamp(iat, 0).unwrap_or_default();
    let revoked = (status != 0).then_some(None);
    StatusFact::Listed { list: uri.to_owned(), index, revoked, as_of }
}

fn published_key(jwks: &Value, presented: &Presented) -> KeyFact {
    let Some(jwt) = presented.jwt() else { return KeyFact::NotNamed };
    let Some(kid) = jwt.header.text("kid") else { return KeyFact::NotNamed };
    let keys = || jwks.get("keys").and_then(Value::as_array).into_iter().flatten();
    let name = |key: &Value, name: &str| key.get(name).and_then(Value::as_str).map(str::to_owned);
    let Some(key) = keys().find(|key| name(key, "kid").as_deref() == Some(kid)) else {
        let published = keys().filter_map(|key| name(key, "kid")).collect();
        return KeyFact::Unknown { published, dropped_at: None, made_at: None };
    };
    let parsed = ClientKeys::parse(&jwks.to_string());
    let has_signed = parsed.is_ok_and(|keys| keys.verify::<Value>(jwt.compact.expose()).is_ok());
    let (alg, state) = (name(key, "alg"), KeyState::Published);
    KeyFact::Known(KnownKey { alg, state, has_signed, dates: None })
}

/// Why a document of the issuer could not be fetched.
enum Unfetched {
    NotAUrl,
    Outbound(OutboundError),
    Status(http::StatusCode),
}

impl Unfetched {
    fn in_words(&self, url: &str) -> String {
        match self {
            Self::NotAUrl => format!("{url} is not a URL"),
            Self::Outbound(OutboundError::NotAllowed) => format!(
                "{url}: {}: `outbound.allow_private = true` allows addresses of the own network and plain http on this machine",
                OutboundError::NotAllowed
            ),
            Self::Outbound(error) => format!("{url}: {error}"),
            Self::Status(status) => format!("{url} answers {status}"),
        }
    }
}

/// Fetches a document. What the request says about itself keeps it from being counted as a verifier.
async fn fetched(outbound: &Outbound, url: &str, accept: &str) -> Result<Vec<u8>, Unfetched> {
    let request = http::Request::get(url).header(USER_AGENT, LOOKING).header(ACCEPT, accept);
    let request = request.body(Vec::new()).map_err(|_| Unfetched::NotAUrl)?;
    let answer = outbound.send(request).await.map_err(Unfetched::Outbound)?;
    match answer.status() {
        http::StatusCode::OK => Ok(answer.into_body()),
        status => Err(Unfetched::Status(status)),
    }
}

/// Fetches a JSON document.
async fn document(outbound: &Outbound, url: &str) -> OrRejected<Value> {
    let body = match fetched(outbound, url, "application/json").await {
        Ok(body) => body,
        Err(why) => return reject(why.in_words(url)),
    };
    if body.len() > MOST {
        return reject(format!("{url}: {}", OutboundError::TooLarge));
    }
    serde_json::from_slice(&body).or_else(|_| reject(format!("{url} is not JSON")))
}
