//! `[[role]]`: the roles that clients have for people, without their holders. An object is named like
//! in `user grant-role`: `CLIENT:ROLE`.

use std::collections::BTreeMap;

use serde_json::{Map, json};

use super::kind::{AfterCommit, Context, Current, Kind, Object, Wrong};
use crate::admin::client_roles;
use crate::domain::client::ClientId;
use crate::domain::client_role::{RoleName, split};
use crate::domain::verdict::{Fault, OrRejected, reject};
use crate::store::{Tx, client_roles as table, clients};

pub(super) struct Roles;

/// How many are read at once.
const PAGE: u64 = 1000;

impl Kind for Roles {
    const WORD: &'static str = "role";
    const NAME: &'static str = "name";
    const SECRETS: &'static [&'static str] = &[];

    async fn every(tx: &Tx, _: &Context<'_>) -> Result<BTreeMap<String, Current>, Fault> {
        let (mut every, mut behind) = (BTreeMap::new(), None);
        loop {
            let some = table::page_of_all(tx, behind.as_ref(), PAGE).await?;
            let Some(last) = some.last() else { return Ok(every) };
            behind = Some((last.client.clone(), last.name.clone()));
            every.extend(some.iter().map(|one| current(&one.client, &one.name)));
        }
    }

    async fn changed(
        tx: &Tx,
        _: &Context<'_>,
        object: Object<'_>,
    ) -> Result<Result<Current, Wrong>, Fault> {
        let (client, name) = match declared(object) {
            Ok(declared) => declared,
            Err(wrong) => return Ok(Err(wrong)),
        };
        if clients::find(tx, &client).await?.is_none() {
            let why = format!("there is no client {:?}", client.as_str());
            return Ok(Err(Wrong::of(Self::NAME, why)));
        }
        Ok(Ok(current(&client, &name).1))
    }

    async fn write(tx: &Tx, _: &Context<'_>, object: Object<'_>) -> OrRejected {
        match declared(object) {
            Ok((client, name)) => Ok(client_roles::create_in(tx, &client, name).await.map(drop)?),
            Err(Wrong(_, why)) => reject(why),
        }
    }

    async fn delete(_: &Tx, name: &str) -> OrRejected<AfterCommit> {
        match split(name) {
            Some((client, role)) => Ok(AfterCommit::DeleteRole(client, role)),
            None => reject("a bad name of a role"),
        }
    }
}

fn current(client: &ClientId, name: &RoleName) -> (String, Current) {
    let name = format!("{client}:{name}");
    let members = Map::from_iter([("name".to_owned(), json!(name))]);
    (name, Current { members, secret: None })
}

fn declared(object: Object<'_>) -> Result<(ClientId, RoleName), Wrong> {
    if let Some(other) = object.members.keys().next() {
        return Err(Wrong::of(other, "is not a key of a role: name"));
    }
    split(object.name).ok_or_else(|| Wrong::of("name", "is not like CLIENT:ROLE"))
}
