//! `[[attribute]]`: the attributes of people, without their values.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::kind::{AfterCommit, Context, Current, Kind, Object, Wrong};
use crate::admin::attributes::{self, AttributeChange, NewAttribute, Target, changed};
use crate::domain::attribute::{Attribute, AttributeType};
use crate::domain::verdict::{Fault, OrRejected, reject};
use crate::store::{Tx, attributes as table};

pub(super) struct Attributes;

const TYPE: &str = "type";
const SCOPE: &str = "scope";
const EDITABLE: &str = "editable";
const TEXTS: &str = "texts";
const KEYS: [&str; 4] = [TYPE, SCOPE, EDITABLE, TEXTS];

impl Kind for Attributes {
    const WORD: &'static str = "attribute";
    const NAME: &'static str = "name";
    const SECRETS: &'static [&'static str] = &[];

    async fn every(tx: &Tx, _: &Context<'_>) -> Result<BTreeMap<String, Current>, Fault> {
        // There are a hundred at most.
        let every = table::list_all(tx).await?;
        Ok(every.iter().map(|one| (one.name.clone(), current(one))).collect())
    }

    async fn changed(
        tx: &Tx,
        _: &Context<'_>,
        object: Object<'_>,
    ) -> Result<Result<Current, Wrong>, Fault> {
        Ok(declared(tx, object).await?.map(|attribute| current(&attribute)))
    }

    async fn write(tx: &Tx, _: &Context<'_>, object: Object<'_>) -> OrRejected {
        let attribute = match declared(tx, object).await? {
            Ok(attribute) => attribute,
            Err(Wrong(_, why)) => return reject(why),
        };
        let Attribute { name, kind, scope, editable, texts, .. } = attribute;
        if object.before.is_some() {
            let (scope, editable) = (Some(scope), Some(editable));
            // The words that the file takes back are not among these.
            let mut said = taken_back(object);
            said.extend(texts);
            let change = AttributeChange { scope, editable, texts: said };
            attributes::update_in(tx, Target::from(object.name), change).await?;
        } else {
            let new = NewAttribute { name, kind, scope, editable, texts };
            attributes::create_in(tx, new).await?;
        }
        Ok(())
    }

    async fn delete(_: &Tx, name: &str) -> OrRejected<AfterCommit> {
        Ok(AfterCommit::DeleteAttribute(name.to_owned()))
    }
}

/// The languages whose words the file takes back by an empty text.
fn taken_back(object: Object<'_>) -> BTreeMap<String, String> {
    let said = object.members.get(TEXTS).and_then(Value::as_object).into_iter().flatten();
    said.filter(|(_, text)| *text == "").map(|(tag, _)| (tag.clone(), String::new())).collect()
}

fn current(one: &Attribute) -> Current {
    let members = [
        ("name", json!(one.name)),
        (TYPE, json!(one.kind)),
        (SCOPE, json!(one.scope)),
        (EDITABLE, json!(one.editable)),
        (TEXTS, json!(one.texts)),
    ];
    let members = members.map(|(name, value)| (name.to_owned(), value));
    Current { members: Map::from_iter(members), secret: None }
}

/// The attribute after the change. What the file says of a language replaces what there is.
async fn declared(tx: &Tx, object: Object<'_>) -> Result<Result<Attribute, Wrong>, Fault> {
    let every = table::list_all(tx).await?;
    let was = every.into_iter().find(|one| one.name == object.name);
    Ok(read(tx, was, object))
}

fn read(tx: &Tx, was: Option<Attribute>, object: Object<'_>) -> Result<Attribute, Wrong> {
    let members = object.members;
    if let Some(other) = members.keys().find(|key| !KEYS.contains(&key.as_str())) {
        let every = KEYS.join(", ");
        return Err(Wrong::of(other, format!("is not a key of an attribute: name, {every}")));
    }
    let text = |key: &str| match members.get(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Wrong::of(key, "is a text")),
    };
    let kind = text(TYPE)?.map(|word| word.parse::<AttributeType>()).transpose();
    let kind = kind.map_err(|why| Wrong::of(TYPE, why))?;
    let scope = text(SCOPE)?;
    let editable = match members.get(EDITABLE) {
        None => None,
        Some(Value::Bool(editable)) => Some(*editable),
        Some(_) => return Err(Wrong::of(EDITABLE, "is true or false")),
    };
    let texts = members.get(TEXTS).cloned().unwrap_or_else(|| json!({}));
    let texts =
        serde_json::from_value(texts).map_err(|error| Wrong::of(TEXTS, error.to_string()))?;
    let was = match (was, kind) {
        (Some(was), Some(kind)) if was.kind != kind => {
            let was = was.kind.as_str();
            return Err(Wrong::of(TYPE, format!("is {was} and cannot change: people have values")));
        }
        (Some(was), _) => was,
        (None, None) => return Err(Wrong::whole("type is missing")),
        (None, Some(kind)) => {
            let Some(scope) = &scope else { return Err(Wrong::whole("scope is missing")) };
            Attribute::new(object.name, kind, scope, tx.now()).map_err(Wrong::whole)?
        }
    };
    changed(&was, AttributeChange { scope, editable, texts }).map_err(Wrong::whole)
}
