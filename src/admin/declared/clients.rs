//! `[[client]]`: the registered clients, with the keys of RFC 7591.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::file::Declared;
use super::kind::{
    AfterCommit, Context, Current, Kind, Object, Outdated, Wrong, variable, with_nulls,
    without_nulls,
};
use crate::admin::clients::NewClient;
use crate::clients::registration;
use crate::clients::sector::has_same_uris;
use crate::domain::admin_right::AdminScope;
use crate::domain::audit::{Event, EventKind};
use crate::domain::client::{Client, ClientId, ClientKind, ClientMetadata};
use crate::domain::client_metadata::ClientChange;
use crate::domain::client_secret;
use crate::domain::secret::{ClientSecret, Plain};
use crate::domain::user::UserId;
use crate::domain::verdict::{Fault, OrRejected, reject};
use crate::store::{Tx, audit_events, clients, users};

pub(super) struct Clients;

const SECRET: &str = "client_secret";

impl Kind for Clients {
    const WORD: &'static str = "client";
    const NAME: &'static str = "client_id";
    const SECRETS: &'static [&'static str] = &[SECRET];

    async fn every(tx: &Tx, _: &Context<'_>) -> Result<BTreeMap<String, Current>, Fault> {
        let every = clients::list_all(tx).await?;
        Ok(every.iter().map(|client| (client.id.to_string(), current(client))).collect())
    }

    async fn changed(
        tx: &Tx,
        cx: &Context<'_>,
        object: Object<'_>,
    ) -> Result<Result<Current, Wrong>, Fault> {
        Ok(client(tx, cx, object).await?.map(|client| current(&client)))
    }

    async fn end_outdated(
        tx: &Tx,
        cx: &Context<'_>,
        object: Object<'_>,
    ) -> OrRejected<Option<Outdated>> {
        let before = match ClientId::parse(object.name) {
            Some(id) => clients::find(tx, &id).await?,
            None => None,
        };
        let (Some(before), Ok(after)) = (before, client(tx, cx, object).await?) else {
            // It is new, or it is said where it is written what is wrong.
            return Ok(None);
        };
        let is_all = registration::end_outdated_step(tx, &before.metadata, &after).await?;
        Ok((!is_all).then(|| Outdated { before: before.metadata, after }))
    }

    async fn write(tx: &Tx, cx: &Context<'_>, object: Object<'_>) -> OrRejected {
        let before = match ClientId::parse(object.name) {
            Some(id) => clients::find(tx, &id).await?,
            None => None,
        };
        let client = match client(tx, cx, object).await? {
            Ok(client) => client,
            Err(Wrong(_, why)) => return reject(why),
        };
        let kind = if before.is_some() {
            clients::update(tx, &client).await?;
            EventKind::ClientUpdated
        } else if clients::insert(tx, &client).await? {
            EventKind::ClientCreated
        } else {
            return reject(format!("the client id {:?} is taken", object.name));
        };
        audit_events::insert(tx, &[Event::new(kind).client(&client.id)]).await?;
        Ok(())
    }

    async fn delete(tx: &Tx, name: &str) -> OrRejected<AfterCommit> {
        let Some(id) = ClientId::parse(name) else { return reject("a bad client id") };
        clients::set_disabled(tx, &id, Some(tx.now())).await?;
        let event = Event::new(EventKind::ClientDisabled).client(&id);
        audit_events::insert(tx, &[event]).await?;
        Ok(AfterCommit::DeleteClient(id))
    }
}

fn current(client: &Client) -> Current {
    let mut members = without_nulls(client.metadata.to_json());
    members.insert("client_id".to_owned(), json!(client.id));
    members.insert("kind".to_owned(), json!(client.kind));
    if !client.secrets.is_empty() {
        members.insert(SECRET.to_owned(), variable(client.id.as_str(), "CLIENT_SECRET"));
    }
    let newest = client.secrets.first();
    let secret = newest.and_then(|one| one.hash.to_stored().try_into().ok());
    Current { members, secret }
}

/// The metadata that a client of the file would have, if the document of its sector has to be read
/// before. What else is wrong with it is said later.
pub(super) async fn of_sector(
    cx: &Context<'_>,
    declared: &Declared,
) -> Result<Option<ClientMetadata>, Fault> {
    let named = declared.members.get("client_id").and_then(Value::as_str);
    let Some(id) = named.and_then(ClientId::parse) else { return Ok(None) };
    let before = clients::find(cx.store, &id).await?.map(|client| client.metadata);
    let mut members = with_nulls(&declared.members, &ClientMetadata::default().to_json());
    members.retain(|name, _| ["sector_identifier_uri", "redirect_uris"].contains(&name.as_str()));
    let after = before.clone().unwrap_or_default().changed(&ClientChange(members)).ok();
    let is_same =
        |after: &ClientMetadata| before.as_ref().is_some_and(|before| has_same_uris(before, after));
    Ok(after.filter(|after| after.sector_identifier_uri.is_some() && !is_same(after)))
}

/// The client as it is after the change.
async fn client(
    tx: &Tx,
    cx: &Context<'_>,
    object: Object<'_>,
) -> Result<Result<Client, Wrong>, Fault> {
    let mut members = with_nulls(object.members, &ClientMetadata::default().to_json());
    let kind = match members.remove("kind").map(serde_json::from_value::<ClientKind>).transpose() {
        Ok(kind) => kind,
        Err(error) => return Ok(Err(Wrong::of("kind", error.to_string()))),
    };
    let Some(id) = ClientId::parse(object.name) else {
        let why = "a client id has 1 to 255 characters of printable ASCII";
        return Ok(Err(Wrong::of("client_id", why)));
    };
    let mut client = match clients::lock(tx, &id).await? {
        Some(client) if kind.is_some_and(|kind| kind != client.kind) => {
            return Ok(Err(Wrong::of(
                "kind",
                "a client keeps its kind: delete it and make another",
            )));
        }
        Some(client) => {
            if let Err(wrong) = fits(&client, &members) {
                return Ok(Err(wrong));
            }
            match client.metadata.changed(&ClientChange(members)) {
                Ok(metadata) => Client { metadata, ..client },
                Err(why) => return Ok(Err(Wrong::whole(why))),
            }
        }
        None => {
            let Some(kind) = kind else {
                return Ok(Err(Wrong::whole("kind is missing: confidential or public")));
            };
            if users::find(tx, &UserId::from_stored(object.name.to_owned())).await?.is_some() {
                return Ok(Err(Wrong::of("client_id", "is the sub of a person")));
            }
            if let Err(wrong) = fits(&Client::new(id, kind, tx.now()), &members) {
                return Ok(Err(wrong));
            }
            let attributes = ClientChange(members);
            let new = NewClient { id: object.name.to_owned(), kind, attributes };
            match new.checked(cx.issuer, cx.lifetimes, tx.now()) {
                Ok(client) => client,
                Err(why) => return Ok(Err(Wrong::whole(why.to_string()))),
            }
        }
    };
    let needs = client.metadata.token_endpoint_auth_method.has_secret();
    match object.secret {
        Some(_) if !needs => {
            return Ok(Err(Wrong::of(SECRET, "a client of this authentication method has none")));
        }
        Some(secret) if secret.expose().len() < SHORTEST => {
            let why = format!("a secret has at least {SHORTEST} characters");
            return Ok(Err(Wrong::of(SECRET, why)));
        }
        Some(secret) => {
            let hash = Plain::<ClientSecret>::presented(secret.expose()).hashed();
            if client.secrets.first().is_none_or(|newest| newest.hash != hash) {
                client.secrets = client_secret::rotated(&client.secrets, hash, tx.now(), None);
            }
        }
        None if needs && client.secrets.is_empty() => {
            let why = "client_secret is missing: { env = \"NAME\" } or { file = \"PATH\" }";
            return Ok(Err(Wrong::whole(why)));
        }
        None => {}
    }
    // Nobody gives a scope of the administration that they have not.
    if !cx.may.clients.includes(AdminScope::rights_to_give(&client.metadata.scope.to_string())) {
        return Ok(Err(Wrong::of("scope", "has more rights than you have")));
    }
    if let Err(why) = cx.lifetimes.check_client(&client.metadata) {
        return Ok(Err(Wrong::whole(why)));
    }
    Ok(match registration::check(cx.issuer, &client) {
        Ok(()) => Ok(client),
        Err(why) => Err(Wrong::whole(why.to_string())),
    })
}

/// The least length of a secret: it is kept as a plain hash, so it must not be guessable.
const SHORTEST: usize = 32;

/// Names the one key that is wrong, where one alone is.
fn fits(client: &Client, members: &Map<String, Value>) -> Result<(), Wrong> {
    for (key, value) in members.iter().filter(|(key, _)| !key.starts_with("refresh_")) {
        let alone = Map::from_iter([(key.clone(), value.clone())]);
        client.metadata.changed(&ClientChange(alone)).map_err(|why| Wrong::of(key, why))?;
    }
    Ok(())
}
