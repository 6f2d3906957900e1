//! The declarative file: what an installation has, as one TOML. `export` writes it, `plan` compares it
//! with the database, `apply` makes the database like it, in one transaction.
//!
//! A kind of object is one file here that implements the trait `Kind`, and its line in `kinds!`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use self::file::Declared;
use self::kind::{AfterCommit, Current, Kind, Object, Outdated, Wrong};
pub use self::kind::{Context, MayDeclare};
use super::client_roles::RoleTarget;
use super::clients::Target;
use super::refused::Refused;
use super::replacing::OBJECTS;
use crate::accounts::{provider_groups, session_endings};
use crate::clients::{registration, sector};
use crate::domain::family::FamilyFilter;
use crate::domain::hex;
use crate::domain::secret::Secret;
use crate::domain::verdict::{Error, Fault, OrRejected, Rejected, reject};
use crate::outbound::Outbound;
use crate::store::Tx;

mod attributes;
mod clients;
mod file;
mod groups;
mod kind;
mod providers;
mod resources;
mod roles;
mod scopes;

/// What happens to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is made.
    Create,
    /// It is changed.
    Update,
    /// It is deleted: the file does not name it, and `--prune` was given.
    Delete,
}

/// A difference between the file and the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The kind of the object.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What happens to it.
    pub action: Action,
    /// The members that change, each with what it was and what it will be. Secrets never.
    pub members: BTreeMap<String, (Value, Value)>,
    /// Whether its secret changes.
    pub secret: bool,
}

/// What `apply` would do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    mapae_plan: u32,
    /// A checksum of what the database had when the plan was made.
    base: String,
    prune: bool,
    source: String,
    /// What changes.
    pub changes: Vec<Change>,
    /// References that name nothing, so what is stored is kept.
    pub notes: Vec<String>,
}

impl Plan {
    /// Reads a plan that was written with `--out`; `None` if the text is no plan.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().filter(|plan: &Self| plan.mapae_plan == 1)
    }

    /// The plan as [`Plan::read`] takes it. It begins with its version, by which it is known again.
    pub fn written(&self) -> Result<String, Fault> {
        serde_json::to_string(self).map_err(|error| Fault::internal("writing the plan", error))
    }

    /// The file of which it is the plan.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether the database is as the file says.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

/// Does this for every kind, in the order in which they are made: clients may name resources, and
/// providers may name clients.
macro_rules! kinds {
    ($each:ident) => {
        $each!(groups::Groups);
        $each!(scopes::Scopes);
        $each!(attributes::Attributes);
        $each!(resources::Resources);
        $each!(clients::Clients);
        $each!(roles::Roles);
        $each!(providers::Providers);
    };
}

/// Everything that can be declared, as one TOML. Secrets are references.
pub async fn export(cx: &Context<'_>) -> OrRejected<String> {
    let tx = cx.may.clients.acting(cx.store).begin(cx.clock.now()).await?;
    let mut text = format!("{OBJECTS}\n\n");
    macro_rules! add {
        ($kind:ty) => {
            for (_, current) in <$kind>::every(&tx, cx).await? {
                let table = file::written(<$kind>::WORD, &current.members)
                    .map_err(|error| Fault::internal("writing the file", error))?;
                text.push_str(&table);
                text.push('\n');
            }
        };
    }
    kinds!(add);
    tx.abandon().await;
    Ok(text)
}

/// Reads the documents of the sectors that clients of the file name, before anything is done: nobody
/// waits for another server in a transaction.
pub async fn check_sectors(
    cx: &Context<'_>,
    source: &str,
    outbound: impl FnOnce() -> OrRejected<Outbound>,
) -> OrRejected {
    let mut concerned = Vec::new();
    for client in file::read(source)?.remove(clients::Clients::WORD).unwrap_or_default() {
        let changed = clients::of_sector(cx, &client).await?;
        concerned.extend(changed.map(|changed| (client.line, changed)));
    }
    if concerned.is_empty() {
        return Ok(());
    }
    let outbound = outbound()?;
    for (line, client) in concerned {
        if let Err(why) = sector::check(&outbound, &client).await {
            return reject(format!("line {line}: {why}"));
        }
    }
    Ok(())
}

/// What `apply` would change. It does it, and takes it back: what is made may refer to each other.
pub async fn plan(cx: &Context<'_>, source: &str, prune: bool) -> OrRejected<Plan> {
    let tx = cx.may.clients.acting(cx.store).begin(cx.clock.now()).await?;
    let work = work(&tx, cx, source, prune).await;
    tx.abandon().await;
    work.map(|work| work.plan)
}

/// Makes the database as the file says. Everything is written in one transaction: either all of it
/// happens, or nothing. Only what a client may not keep of very many people ends before, in steps.
pub async fn apply(cx: &Context<'_>, source: &str, prune: bool) -> OrRejected<Plan> {
    apply_if(cx, source, prune, None).await
}

/// Does what a plan says, if the database is as it was when the plan was made.
pub async fn apply_plan(cx: &Context<'_>, plan: &Plan) -> OrRejected<Plan> {
    apply_if(cx, &plan.source, plan.prune, Some(plan)).await
}

async fn apply_if(
    cx: &Context<'_>,
    source: &str,
    prune: bool,
    planned: Option<&Plan>,
) -> OrRejected<Plan> {
    let work = written(cx, source, prune, planned).await?;
    for one in work.after {
        match one {
            AfterCommit::Nothing => {}
            AfterCommit::DeleteClient(id) => {
                super::clients::delete(
                    &cx.may.clients,
                    cx.store,
                    cx.clock,
                    Target::of(id.as_str()),
                )
                .await?;
            }
            AfterCommit::DeleteGroup(name) => {
                super::groups::delete(&cx.may.people, cx.store, cx.clock, &name).await?;
            }
            AfterCommit::DeleteAttribute(name) => {
                let target = name.as_str().into();
                super::attributes::delete(&cx.may.clients, cx.store, cx.clock, target).await?;
            }
            AfterCommit::DeleteRole(client, name) => {
                let target = RoleTarget::of(client.as_str(), name.as_str());
                let deleted =
                    super::client_roles::delete(&cx.may.clients, cx.store, cx.clock, target).await;
                match deleted {
                    // It went with its client.
                    Ok(()) | Err(Error::Refused(Refused::NotFound(_))) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            AfterCommit::EndFamilies(slug) => {
                session_endings::end_every(
                    &cx.may.providers.acting(cx.store),
                    cx.clock,
                    FamilyFilter::Provider(&slug),
                )
                .await?;
                let store = cx.may.providers.acting(cx.store);
                provider_groups::take_from_everybody(&store, || cx.clock.now(), &slug).await?;
            }
        }
    }
    Ok(work.plan)
}

/// Writes it, and returns what is left to do.
async fn written(
    cx: &Context<'_>,
    source: &str,
    prune: bool,
    planned: Option<&Plan>,
) -> OrRejected<Work> {
    loop {
        let store = cx.may.clients.acting(cx.store);
        let tx = store.begin(cx.clock.now()).await?;
        let work = work(&tx, cx, source, prune).await.and_then(|work| match planned {
            Some(planned) if planned.base != work.plan.base => {
                reject("the database has changed since the plan was made: make a new one")
            }
            Some(planned) if planned.changes != work.plan.changes => {
                reject("the plan would do something else now, for example because a secret changed: make a new one")
            }
            _ => Ok(work),
        });
        match work {
            Ok(work) if work.outdated.is_empty() => {
                tx.commit().await?;
                return Ok(work);
            }
            // Nothing is wrong with the file. What people open meanwhile ends with the next try.
            Ok(work) => {
                tx.abandon().await;
                for Outdated { before, after } in &work.outdated {
                    registration::end_outdated(&store, cx.clock, before, after).await?;
                }
            }
            // A refusal commits elsewhere. Here nothing of a file with a mistake may stay.
            Err(error) => {
                tx.abandon().await;
                return Err(error);
            }
        }
    }
}

/// What is to be done, and what is left to do after the commit.
struct Work {
    plan: Plan,
    after: Vec<AfterCommit>,
    /// Clients of which too much would have to end in the transaction.
    outdated: Vec<Outdated>,
}

async fn work(tx: &Tx, cx: &Context<'_>, source: &str, prune: bool) -> OrRejected<Work> {
    let mut declared = file::read(source)?;
    let (mut changes, mut notes) = (Vec::new(), Vec::new());
    let (mut after, mut outdated) = (Vec::new(), Vec::new());
    let mut base = Sha256::new();
    macro_rules! add {
        ($kind:ty) => {
            let objects = declared.remove(<$kind>::WORD).unwrap_or_default();
            let (notes, after, outdated) = (&mut notes, &mut after, &mut outdated);
            let mut work = KindWork { tx, cx, prune, notes, after, outdated };
            changes.extend(work.of::<$kind>(objects, &mut base).await?);
        };
    }
    kinds!(add);
    if let Some((word, objects)) = declared.into_iter().next() {
        let line = objects.first().map_or(1, |one| one.line);
        return reject(format!("line {line}: [[{word}]] is not something that can be declared"));
    }
    let base = hex::lower(base.finalize().as_ref());
    let source = source.to_owned();
    let plan = Plan { mapae_plan: 1, base, prune, source, changes, notes };
    Ok(Work { plan, after, outdated })
}

struct KindWork<'a> {
    tx: &'a Tx,
    cx: &'a Context<'a>,
    prune: bool,
    notes: &'a mut Vec<String>,
    after: &'a mut Vec<AfterCommit>,
    outdated: &'a mut Vec<Outdated>,
}

impl KindWork<'_> {
    async fn of<K: Kind>(
        &mut self,
        objects: Vec<Declared>,
        base: &mut Sha256,
    ) -> OrRejected<Vec<Change>> {
        let (tx, cx) = (self.tx, self.cx);
        let every = K::every(tx, cx).await?;
        for (name, current) in &every {
            let secret = current.secret.map(|secret| hex::lower(&secret));
            base.update(json!([K::WORD, name, current.members, secret]).to_string());
        }
        let (mut changes, mut named) = (Vec::new(), BTreeSet::new());
        for mut declared in objects {
            let at = |declared: &Declared, Wrong(key, why): Wrong| {
                let line = key.as_ref().and_then(|key| declared.lines.get(key)).copied();
                let line = line.unwrap_or(declared.line);
                let key = key.map(|key| format!("{key}: ")).unwrap_or_default();
                let (word, name) = (K::WORD, &declared.name);
                Error::Refused(Rejected(format!("line {line}: {word} {name}: {key}{why}")))
            };
            let name = declared.members.remove(K::NAME);
            let Some(name) = name.as_ref().and_then(Value::as_str) else {
                return Err(at(&declared, Wrong::whole(format!("{} is missing", K::NAME))));
            };
            name.clone_into(&mut declared.name);
            if !named.insert(declared.name.clone()) {
                return Err(at(&declared, Wrong::of(K::NAME, "is declared twice")));
            }
            let before = every.get(&declared.name);
            let secret = self.secret_of::<K>(&mut declared, before);
            let secret = secret.map_err(|wrong| at(&declared, wrong))?;
            let object = Object {
                name: &declared.name,
                before,
                members: &declared.members,
                secret: secret.as_ref(),
            };
            let after = K::changed(tx, cx, object).await?.map_err(|wrong| at(&declared, wrong))?;
            let Some(change) = difference::<K>(&declared.name, before, &after) else { continue };
            changes.push(change);
            self.outdated.extend(K::end_outdated(tx, cx, object).await?);
            K::write(tx, cx, object).await?;
        }
        if self.prune {
            for (name, current) in every.into_iter().filter(|(name, _)| !named.contains(name)) {
                let gone = |(key, value): (String, Value)| (key, (value, Value::from("")));
                let members = current.members.into_iter().map(gone).collect();
                let kind = K::WORD.to_owned();
                let (action, secret) = (Action::Delete, current.secret.is_some());
                self.after.push(K::delete(tx, &name).await?);
                changes.push(Change { kind, name, action, members, secret });
            }
        }
        Ok(changes)
    }

    /// Takes the reference to a secret out of the members, and follows it.
    fn secret_of<K: Kind>(
        &mut self,
        declared: &mut Declared,
        before: Option<&Current>,
    ) -> Result<Option<Secret>, Wrong> {
        for key in K::SECRETS {
            let Some(reference) = declared.members.remove(*key) else { continue };
            let text = |name: &str| reference.get(name).and_then(Value::as_str);
            return match (text("env"), text("file")) {
                (Some(name), None) => match self.cx.environment.get(name) {
                    Some(secret) => Ok(Some(Secret::text(secret.trim()))),
                    None if before.is_some_and(|before| before.secret.is_some()) => {
                        let (word, of) = (K::WORD, &declared.name);
                        self.notes
                            .push(format!("{word} {of}: {name} is not set: the secret is kept"));
                        Ok(None)
                    }
                    None => Err(Wrong::of(key, format!("the variable {name} is not set"))),
                },
                (None, Some(file)) => match std::fs::read_to_string(file) {
                    Ok(secret) => Ok(Some(Secret::text(secret.trim()))),
                    Err(error) => Err(Wrong::of(key, format!("{file}: {error}"))),
                },
                _ => Err(Wrong::of(
                    key,
                    "a secret is a reference: { env = \"NAME\" } or { file = \"PATH\" }",
                )),
            };
        }
        Ok(None)
    }
}

/// What changes; `None` if nothing does.
fn difference<K: Kind>(name: &str, before: Option<&Current>, after: &Current) -> Option<Change> {
    let empty = Current::default();
    let was = before.unwrap_or(&empty);
    let mut members = BTreeMap::new();
    for (key, value) in after.members.iter().filter(|(key, _)| !K::SECRETS.contains(&key.as_str()))
    {
        let old = was.members.get(key).cloned().unwrap_or_else(|| Value::from(""));
        if old != *value {
            members.insert(key.clone(), (old, value.clone()));
        }
    }
    let secret = was.secret != after.secret;
    let action = if before.is_some() { Action::Update } else { Action::Create };
    if before.is_some() && members.is_empty() && !secret {
        return None;
    }
    Some(Change { kind: K::WORD.to_owned(), name: name.to_owned(), action, members, secret })
}
