//! People as rows that `import --from mapae` takes: the way out.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::authority::{May, ReadPeople};
use super::refused::{AdminResult, Refused};
use super::users::{self, UserPage};
use crate::domain::user::{User, UserId};
use crate::domain::verdict::Fault;
use crate::store::{Reader, attribute_values, group_members, identities};

/// How many people are read at once.
const ROWS: u64 = 200;

/// Some people as rows, and what the next ones begin after, if there are more.
#[derive(Debug)]
pub struct Rows {
    /// The rows.
    pub rows: Vec<Value>,
    /// What the next call begins after.
    pub next: Option<String>,
}

/// Some people after this place. The hashes of passwords leave the server only for the operator at
/// the command line. Second factors and passkeys never do: they are bound to this server.
pub async fn some(
    may: &May<ReadPeople>,
    reader: &impl Reader,
    after: Option<&str>,
    with_hashes: bool,
) -> AdminResult<Rows> {
    if with_hashes && !may.is_operator() {
        let why = "the hashes of passwords are for the command line alone";
        return Err(Refused::Forbidden(why.to_owned()).into());
    }
    let UserPage { users, next } = users::list(may, reader, None, after, ROWS).await?;
    let ids: Vec<&UserId> = users.iter().map(|user| &user.id).collect();
    let mut belonging = Belongings::of(reader, &ids).await?;
    let rows = users.iter().map(|user| row(user, &mut belonging, with_hashes)).collect();
    Ok(Rows { rows, next })
}

/// What belongs to some people, by person.
struct Belongings {
    groups: HashMap<UserId, Vec<String>>,
    attributes: HashMap<UserId, BTreeMap<String, Value>>,
    identities: HashMap<UserId, Vec<Value>>,
}

impl Belongings {
    async fn of(reader: &impl Reader, ids: &[&UserId]) -> Result<Self, Fault> {
        let mut groups: HashMap<_, Vec<_>> = HashMap::new();
        for (user, name) in group_members::of_each(reader, ids).await? {
            groups.entry(user).or_default().push(name);
        }
        let mut attributes: HashMap<_, BTreeMap<_, _>> = HashMap::new();
        for (user, name, value) in attribute_values::of_each(reader, ids).await? {
            attributes.entry(user).or_default().insert(name, value);
        }
        let mut linked: HashMap<_, Vec<_>> = HashMap::new();
        for one in identities::of_each(reader, ids).await? {
            let row = json!({ "provider": one.provider.as_str(), "subject": one.subject });
            linked.entry(one.user).or_default().push(row);
        }
        Ok(Self { groups, attributes, identities: linked })
    }
}

fn row(user: &User, belonging: &mut Belongings, with_hashes: bool) -> Value {
    let mut row = json!({
        "sub": user.id,
        "username": user.username,
        "email": user.email,
        "email_verified": user.email_verified,
        "claims": user.profile,
        "disabled": user.disabled_at.is_some(),
        "created_at": user.created_at,
        "groups": belonging.groups.remove(&user.id).unwrap_or_default(),
        "attributes": belonging.attributes.remove(&user.id).unwrap_or_default(),
        "identities": belonging.identities.remove(&user.id).unwrap_or_default(),
    });
    if with_hashes && let Some(members) = row.as_object_mut() {
        members.insert("password_hash".to_owned(), json!(user.password_hash));
        members.insert("password_temporary".to_owned(), json!(user.password_temporary));
    }
    row
}
