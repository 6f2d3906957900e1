//! My account: the attributes that operators declared. The person sees their values, and changes
//! those that the operator lets people edit.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::attribute::Attribute;
use crate::domain::audit::{Event, EventKind};
use crate::domain::profile_edit::FieldProblem;
use crate::domain::user::{User, UserId};
use crate::domain::verdict::Fault;
use crate::flows::context::Flows;
use crate::flows::interaction::Caller;
use crate::flows::submitted::AccountForm;
use crate::store::{attribute_values, attributes, audit_events, users};

/// An attribute with the value of a person.
#[derive(Clone, Debug)]
pub struct MyAttribute {
    /// The attribute.
    pub attribute: Attribute,
    /// The value; `None` if the person has none.
    pub value: Option<Value>,
}

/// The attributes of a person: those that they may edit, and those of the others of which they have
/// a value.
pub async fn of(flows: &Flows, user: &UserId) -> Result<Vec<MyAttribute>, Fault> {
    // They are in memory, together with the clients.
    let every = flows.clients.attributes().await?;
    if every.is_empty() {
        return Ok(Vec::new());
    }
    let values = attribute_values::of_each(&*flows.store, &[user]).await?.into_iter();
    let mut values: BTreeMap<_, _> = values.map(|(_, name, value)| (name, value)).collect();
    let mine = every
        .iter()
        .map(|one| MyAttribute { value: values.remove(&one.name), attribute: one.clone() });
    Ok(mine.filter(|one| one.attribute.editable || one.value.is_some()).collect())
}

/// What became of a change.
#[derive(Debug)]
pub enum Changed {
    /// The values are written.
    Yes,
    /// There was nothing to change.
    No,
    /// Nothing is written, because these values were not taken.
    NotTaken(BTreeMap<String, FieldProblem>),
}

/// Writes what a person typed, by the names of attributes. What they may not edit at this moment is
/// left alone.
pub async fn change(
    flows: &Flows,
    caller: Caller<'_>,
    form: &AccountForm,
    typed: &BTreeMap<String, String>,
) -> Result<Changed, Fault> {
    let tx = flows.store.begin(flows.clock.now()).await?;
    let found = users::lock(&tx, &form.person().user.id).await?;
    // An account that was disabled or deleted meanwhile is left alone.
    let Some(mut user) = found.filter(User::is_enabled) else {
        tx.abandon().await;
        return Ok(Changed::No);
    };
    let editable = attributes::hold_editable(&tx).await?;
    let values = attribute_values::of_each(&tx, &[&user.id]).await?.into_iter();
    let values: BTreeMap<_, _> = values.map(|(_, name, value)| (name, value)).collect();
    let (mut changes, mut not_taken) = (Vec::new(), BTreeMap::new());
    for one in &editable {
        let Some(typed) = typed.get(&one.name) else { continue };
        match one.check(typed) {
            Ok(value) if value.as_ref() == values.get(&one.name) => {}
            Ok(value) => changes.push((&one.name, value)),
            Err(problem) => {
                not_taken.insert(one.name.clone(), problem);
            }
        }
    }
    if changes.is_empty() || !not_taken.is_empty() {
        tx.abandon().await;
        let nothing = not_taken.is_empty();
        return Ok(if nothing { Changed::No } else { Changed::NotTaken(not_taken) });
    }
    for (name, value) in changes {
        match &value {
            Some(value) => attribute_values::put(&tx, &user.id, name, value).await?,
            None => attribute_values::delete(&tx, &user.id, name).await?,
        }
    }
    user.updated_at = tx.now();
    users::update(&tx, &user).await?;
    let event = Event::new(EventKind::UserUpdated).user(&user.id).from(caller.origin);
    audit_events::insert(&tx, &[event]).await?;
    tx.commit().await?;
    Ok(Changed::Yes)
}
