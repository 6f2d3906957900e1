//! `[[group]]`: the groups of people, without their members.

use std::collections::BTreeMap;

use serde_json::{Map, json};

use super::kind::{AfterCommit, Context, Current, Kind, Object, Wrong};
use crate::admin::groups;
use crate::domain::group::GroupName;
use crate::domain::verdict::{Fault, OrRejected, reject};
use crate::store::{Tx, groups as table};

pub(super) struct Groups;

/// How many are read at once.
const PAGE: u64 = 1000;

impl Kind for Groups {
    const WORD: &'static str = "group";
    const NAME: &'static str = "name";
    const SECRETS: &'static [&'static str] = &[];

    async fn every(tx: &Tx, _: &Context<'_>) -> Result<BTreeMap<String, Current>, Fault> {
        let (mut every, mut behind) = (BTreeMap::new(), None::<String>);
        loop {
            let some = table::page(tx, None, behind.as_deref(), PAGE).await?;
            let Some(last) = some.last() else { return Ok(every) };
            behind = Some(last.name.as_str().to_owned());
            every.extend(some.iter().map(|one| (one.name.as_str().to_owned(), current(&one.name))));
        }
    }

    async fn changed(
        _: &Tx,
        _: &Context<'_>,
        object: Object<'_>,
    ) -> Result<Result<Current, Wrong>, Fault> {
        Ok(declared(object).map(|name| current(&name)))
    }

    async fn write(tx: &Tx, _: &Context<'_>, object: Object<'_>) -> OrRejected {
        match declared(object) {
            Ok(name) => Ok(groups::create_in(tx, name).await.map(drop)?),
            Err(Wrong(_, why)) => reject(why),
        }
    }

    async fn delete(_: &Tx, name: &str) -> OrRejected<AfterCommit> {
        Ok(AfterCommit::DeleteGroup(name.to_owned()))
    }
}

fn current(name: &GroupName) -> Current {
    let members = Map::from_iter([("name".to_owned(), json!(name.as_str()))]);
    Current { members, secret: None }
}

fn declared(object: Object<'_>) -> Result<GroupName, Wrong> {
    if let Some(other) = object.members.keys().next() {
        return Err(Wrong::of(other, "is not a key of a group: name"));
    }
    GroupName::parse(object.name).map_err(|why| Wrong::of("name", why.to_string()))
}
