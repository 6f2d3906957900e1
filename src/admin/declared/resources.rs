//! `[[resource]]`: the registered resources.

use std::collections::BTreeMap;

use serde_json::{Map, json};

use super::kind::{AfterCommit, Context, Current, Kind, Object, Wrong, with_nulls, without_nulls};
use crate::admin::resources;
use crate::domain::resource::{self, Resource, ResourceMetadata};
use crate::domain::verdict::{Error, Fault, OrRejected, reject};
use crate::store::{Tx, resources as table};

pub(super) struct Resources;

impl Kind for Resources {
    const WORD: &'static str = "resource";
    const NAME: &'static str = "id";
    const SECRETS: &'static [&'static str] = &[];

    async fn every(tx: &Tx, _: &Context<'_>) -> Result<BTreeMap<String, Current>, Fault> {
        let every = table::list_all(tx).await?;
        Ok(every.iter().map(|one| (one.id.clone(), current(one))).collect())
    }

    async fn changed(
        tx: &Tx,
        cx: &Context<'_>,
        object: Object<'_>,
    ) -> Result<Result<Current, Wrong>, Fault> {
        Ok(declared(tx, cx, object).await?.map(|(_, now)| current(&now)))
    }

    async fn write(tx: &Tx, cx: &Context<'_>, object: Object<'_>) -> OrRejected {
        match declared(tx, cx, object).await? {
            Ok((Some(was), now)) => Ok(resources::write(tx, &was, &now).await?),
            Ok((None, now)) => Ok(resources::insert(tx, &now).await?),
            Err(Wrong(_, why)) => reject(why),
        }
    }

    async fn delete(tx: &Tx, name: &str) -> OrRejected<AfterCommit> {
        resources::remove(tx, name).await?;
        Ok(AfterCommit::Nothing)
    }
}

fn current(resource: &Resource) -> Current {
    let mut members = without_nulls(resource.metadata.to_json());
    members.insert("id".to_owned(), json!(resource.id));
    Current { members, secret: None }
}

/// The resource as it is, if there is one, and as it is after the change.
async fn declared(
    tx: &Tx,
    cx: &Context<'_>,
    object: Object<'_>,
) -> Result<Result<(Option<Resource>, Resource), Wrong>, Fault> {
    if let Err(why) = resource::check_id(object.name) {
        return Ok(Err(Wrong::of("id", why)));
    }
    let was = table::lock(tx, object.name).await?;
    let before = was.as_ref().map(|was| was.metadata.clone()).unwrap_or_default();
    let members = with_nulls(object.members, &ResourceMetadata::default().to_json());
    // Names the one key that is wrong, where one alone is.
    for (key, value) in &members {
        let alone = Map::from_iter([(key.clone(), value.clone())]);
        if let Err(why) = before.changed(&alone) {
            return Ok(Err(Wrong::of(key, why)));
        }
    }
    let metadata = match resources::changed(&before, &members, cx.lifetimes) {
        Ok(metadata) => metadata,
        Err(Error::Refused(why)) => return Ok(Err(Wrong::whole(why.to_string()))),
        Err(Error::Fault(fault)) => return Err(fault),
    };
    if metadata.mcp
        && let Err(why) = resource::check_mcp(object.name)
    {
        return Ok(Err(Wrong::of("id", why)));
    }
    let created_at = was.as_ref().map_or(tx.now(), |was| was.created_at);
    let id = object.name.to_owned();
    Ok(Ok((was, Resource { id, metadata, created_at, updated_at: tx.now() })))
}
