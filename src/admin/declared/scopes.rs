//! `[[scope]]`: the words of scopes.

use std::collections::BTreeMap;

use serde_json::{Map, json};

use super::kind::{AfterCommit, Context, Current, Kind, Object, Wrong};
use crate::admin::scopes::{self, Target};
use crate::domain::scope_words::ScopeWords;
use crate::domain::verdict::{Fault, OrRejected, reject};
use crate::store::{Tx, scope_words};

pub(super) struct Scopes;

/// How many are read at once.
const PAGE: u64 = 1000;
const TEXTS: &str = "texts";

impl Kind for Scopes {
    const WORD: &'static str = "scope";
    const NAME: &'static str = "name";
    const SECRETS: &'static [&'static str] = &[];

    async fn every(tx: &Tx, _: &Context<'_>) -> Result<BTreeMap<String, Current>, Fault> {
        let (mut every, mut behind) = (BTreeMap::new(), None::<String>);
        loop {
            let some = scope_words::page(tx, behind.as_deref(), PAGE).await?;
            let Some(last) = some.last() else { return Ok(every) };
            behind = Some(last.name.clone());
            every.extend(some.iter().map(|one| (one.name.clone(), current(one))));
        }
    }

    async fn changed(
        tx: &Tx,
        _: &Context<'_>,
        object: Object<'_>,
    ) -> Result<Result<Current, Wrong>, Fault> {
        Ok(declared(tx, object).await?.map(|words| current(&words)))
    }

    async fn write(tx: &Tx, _: &Context<'_>, object: Object<'_>) -> OrRejected {
        let words = match declared(tx, object).await? {
            Ok(words) => words,
            Err(Wrong(_, why)) => return reject(why),
        };
        if object.before.is_some() {
            scopes::update_in(tx, object.name.into(), words.texts).await?;
        } else {
            scopes::create_in(tx, &words).await?;
        }
        Ok(())
    }

    async fn delete(tx: &Tx, name: &str) -> OrRejected<AfterCommit> {
        scopes::delete_in(tx, Target::from(name)).await?;
        Ok(AfterCommit::Nothing)
    }
}

fn current(words: &ScopeWords) -> Current {
    let members = [("name", json!(words.name)), (TEXTS, json!(words.texts))];
    let members = members.map(|(name, value)| (name.to_owned(), value));
    Current { members: Map::from_iter(members), secret: None }
}

/// The words after the change. What the file says of a language replaces what there is.
async fn declared(tx: &Tx, object: Object<'_>) -> Result<Result<ScopeWords, Wrong>, Fault> {
    let was = scope_words::of(tx, &[object.name]).await?.pop();
    if let Some(other) = object.members.keys().find(|key| *key != TEXTS) {
        return Ok(Err(Wrong::of(other, "is not a key of a scope: name, texts")));
    }
    let said = object.members.get(TEXTS).cloned().unwrap_or_else(|| json!({}));
    let said: BTreeMap<String, String> = match serde_json::from_value(said) {
        Ok(said) => said,
        Err(error) => return Ok(Err(Wrong::of(TEXTS, error.to_string()))),
    };
    let created_at = was.as_ref().map_or(tx.now(), |was| was.created_at);
    let mut texts = was.map(|was| was.texts).unwrap_or_default();
    texts.extend(said);
    if texts.is_empty() {
        return Ok(Err(Wrong::whole("texts is missing: { en = \"…\", ko = \"…\" }")));
    }
    Ok(ScopeWords::new(object.name, texts, created_at).map_err(Wrong::whole))
}
