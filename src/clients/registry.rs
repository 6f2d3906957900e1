//! Keeps registered clients in memory. A client that is not in memory is read from the database. A
//! client that was changed is removed from memory: at once in the process that changed it, and
//! within a second in the others.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use chrono::{DateTime, Duration, Utc};

use super::documents::{self, Documents, Found};
use super::fetches::NotFetched;
use super::key_sets::KeySets;
pub use super::registered::Registered;
use crate::domain::attribute::Attribute;
use crate::domain::client::{Client, ClientId, RefreshDelivery, RegisteredBy, TokenAlg};
use crate::domain::resource::{ResourceMetadata, default_audience, spelling};
use crate::domain::scope::Scope;
use crate::domain::scope_of_apps::harmless;
use crate::domain::sign_up_mode::SignUpMode;
use crate::domain::verdict::Fault;
use crate::keys::client_keys::ClientKeys;
use crate::runtime::attempts::Attempts;
use crate::store::{Reader, Store, Tx, attributes, clients, resources};

/// What holds for apps that no operator registered.
#[derive(Clone, Debug, Default)]
pub(crate) struct AppRules {
    /// Whether there may be new ones: they register themselves, or documents name them.
    pub(crate) may_come: bool,
    /// Whether they may ask for MCP servers.
    pub(crate) serve_mcp: bool,
    /// What those may have that register themselves.
    pub(crate) scopes: Scope,
    /// Whether those that register themselves come by a token of an operator alone. Then what one gets
    /// for itself is a use, too.
    pub(crate) come_by_token: bool,
}

/// The clients in memory.
#[derive(Debug)]
pub struct Registry {
    store: Arc<Store>,
    key_sets: KeySets,
    documents: Documents,
    of_apps: AppRules,
    known: RwLock<InMemory>,
    /// When it was last noted that a client was used.
    used: Mutex<HashMap<ClientId, DateTime<Utc>>>,
}

/// An origin that is registered for a client.
#[derive(Clone, Debug)]
pub struct ClientOrigin {
    /// The origin.
    pub origin: String,
    /// The client.
    pub client: ClientId,
    /// How that client gets its refresh tokens.
    pub delivery: RefreshDelivery,
}

#[derive(Debug, Default)]
struct InMemory {
    clients: HashMap<ClientId, Arc<Registered>>,
    every: Arc<Every>,
    /// It grows whenever something is removed from memory. A client that was read from the database
    /// before that is not kept.
    epoch: u64,
}

/// What everything that is registered says together, each after it was asked for once: one request reads
/// it, and the others wait for what it finds, or share its failure. When something changes, a new one takes
/// its place, so nobody who asks after that sees what was read before.
#[derive(Debug, Default)]
struct Every {
    /// The origins of all enabled clients.
    origins: Place<Arc<[ClientOrigin]>>,
    /// All scopes that clients are registered for.
    scope: Place<Arc<Scope>>,
    /// Whether people may make an account on the way to any enabled client.
    any_open: Place<bool>,
    /// The audiences whose resource servers want tokens with a place in a status list.
    with_status: Place<Arc<HashSet<String>>>,
    /// The clients that are the resource servers of each audience.
    resource_servers: Place<Arc<HashMap<String, Vec<ClientId>>>>,
    /// The attributes of people that operators declared.
    attributes: Place<Arc<[Attribute]>>,
    /// The algorithms for which clients and resources are registered.
    algorithms: Place<Arc<[TokenAlg]>>,
    /// What is registered of each resource.
    resources: Place<Resources>,
}

/// The place of what is read once.
#[derive(Debug)]
struct Place<T> {
    found: OnceLock<T>,
    attempts: Attempts,
}

impl<T> Default for Place<T> {
    fn default() -> Self {
        Self { found: OnceLock::new(), attempts: Attempts::default() }
    }
}

/// What is in memory, or else is read and kept there.
async fn kept<T: Clone>(
    place: &Place<T>,
    reading: impl AsyncFnOnce() -> Result<T, Fault>,
) -> Result<T, Fault> {
    let there = || place.found.get().cloned();
    if let Some(found) = there() {
        return Ok(found);
    }
    let attempt = async {
        let read = reading().await?;
        Ok(place.found.get_or_init(|| read).clone())
    };
    Box::pin(place.attempts.make(there, attempt)).await
}

/// The same inside a transaction, which must not wait for a second connection: `reading` reads through it.
/// What it reads is not kept, since it may be rolled back.
async fn kept_before<T: Clone>(
    place: &Place<T>,
    reading: impl AsyncFnOnce() -> Result<T, Fault>,
) -> Result<T, Fault> {
    match place.found.get() {
        Some(kept) => Ok(kept.clone()),
        None => reading().await,
    }
}

impl InMemory {
    /// Keeps a client in memory. If there are too many, any other one is removed, and read again
    /// when it is needed.
    fn keep(&mut self, id: &ClientId, client: &Arc<Registered>) {
        if self.clients.len() >= MOST && !self.clients.contains_key(id) {
            let gives_way = self.clients.keys().next().cloned();
            gives_way.and_then(|id| self.clients.remove(&id));
        }
        self.clients.insert(id.clone(), Arc::clone(client));
    }
}

/// What looking for a client comes to.
type Lookup = Result<Option<Arc<Registered>>, Fault>;

/// What is registered of each resource, by its identifier.
type Resources = Arc<HashMap<String, ResourceMetadata>>;

/// The most clients in memory.
const MOST: usize = 10_000;

impl Registry {
    /// No clients yet.
    pub(crate) fn new(
        store: Arc<Store>,
        key_sets: KeySets,
        documents: Documents,
        of_apps: AppRules,
    ) -> Self {
        let (known, used) = (RwLock::default(), Mutex::default());
        Self { store, key_sets, documents, of_apps, known, used }
    }

    /// The keys of a client that are to verify this token: those that were registered, or those at
    /// its `jwks_uri`. `alg` is the one algorithm by which it may be signed, if there is one.
    pub async fn keys_for(
        &self,
        registered: &Registered,
        token: &str,
        alg: Option<&'static str>,
    ) -> Result<Arc<ClientKeys>, NotFetched> {
        self.key_sets.for_token(registered, token, alg).await
    }

    /// Whether it is noted that a client gets tokens, of a person or for itself: only of those that no
    /// operator registered.
    #[must_use]
    pub fn notes_use(&self, client: &Client, has_person: bool) -> bool {
        client.registered_by != RegisteredBy::Operator && (has_person || self.of_apps.come_by_token)
    }

    /// Notes that a client got tokens. It is written once a day.
    pub async fn note_use(&self, client: &Client, now: DateTime<Utc>) -> Result<(), Fault> {
        {
            let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
            let noted = used.get(&client.id).is_some_and(|at| now - *at < Duration::days(1));
            // One that is not used yet may have been deleted since, and come again.
            if noted && client.is_used {
                return Ok(());
            }
        }
        let tx = self.store.begin(now).await?;
        clients::note_use(&tx, &client.id).await?;
        tx.commit().await?;
        // What was not written is written at the next use.
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() >= MOST {
            used.clear();
        }
        used.insert(client.id.clone(), now);
        Ok(())
    }

    /// The client of this id as it is in the database: for what was given to it before, and for pages
    /// that name it. No document is fetched.
    pub async fn stored(&self, id: &ClientId) -> Lookup {
        match self.as_registered(id, None).await? {
            Some(client) => self.completed(client, None).await,
            None => Ok(None),
        }
    }

    /// The client of this id for the answer to a request in its name, which has looked for it before: no
    /// document is fetched. One that is not in memory any more counts as a person allowed it.
    pub async fn as_known(&self, id: &ClientId) -> Lookup {
        let stored = self.as_registered(id, None).await?;
        if stored.as_deref().is_some_and(counts_as_stored) {
            return Ok(stored);
        }
        // The operator does not trust its host any more.
        if self.documents.url(id).is_none() {
            return Ok(None);
        }
        let allowed = stored.as_deref().map(|stored| &stored.client);
        Ok(match self.documents.in_memory(id, allowed) {
            Found::Client(client) => Some(client),
            Found::Nobody => None,
            Found::Unknown(_) => stored,
        })
    }

    /// Whether apps come that no operator registered.
    #[must_use]
    pub fn takes_apps(&self) -> bool {
        self.of_apps.may_come
    }

    async fn as_registered(&self, id: &ClientId, tx: Option<&Tx>) -> Lookup {
        match (self.remembered(id), tx) {
            (Some(client), _) => Ok(Some(client)),
            (None, Some(tx)) => Ok(clients::find(tx, id).await?.map(|it| Arc::new(read(it)))),
            (None, None) => self.look_up(id).await,
        }
    }

    /// A client with what it has beside its registration: an app that no operator registered may ask for
    /// every MCP server and its scopes. The person decides.
    async fn completed(&self, found: Arc<Registered>, tx: Option<&Tx>) -> Lookup {
        if found.client.registered_by == RegisteredBy::Operator || !self.of_apps.serve_mcp {
            return Ok(Some(found));
        }
        Ok(Some(with_mcp_servers(&found, &*self.resources_in(tx).await?)))
    }

    /// The scopes of the MCP servers that apps may have which no operator registered; none where they
    /// may not ask for any.
    pub async fn mcp_scope(&self) -> Result<Scope, Fault> {
        if !self.of_apps.serve_mcp {
            return Ok(Scope::default());
        }
        Ok(scope_of_mcp_servers(&*self.resources().await?))
    }

    /// The scope that a client gets when it asks for none: what it is registered for. What apps may ask
    /// for at MCP servers is for those that ask.
    pub async fn usual_scope(&self, client: &Client) -> Result<Scope, Fault> {
        Ok(match client.registered_by {
            RegisteredBy::Operator => client.metadata.scope.clone(),
            RegisteredBy::Document => documents::scope(),
            RegisteredBy::Itself => {
                let found = self.as_registered(&client.id, None).await?;
                found.map(|found| found.client.metadata.scope.clone()).unwrap_or_default()
            }
        })
    }

    /// The client of this id, for a request in its name. What an operator registered comes before any
    /// document.
    pub async fn find(&self, id: &ClientId) -> Lookup {
        self.found(id, None).await
    }

    /// The same inside a transaction, which must wait neither for a second connection nor for
    /// anybody's document: that in memory counts, fresh or not. Whoever begins the transaction has
    /// looked for it with [`find`](Self::find) before.
    pub async fn find_in(&self, tx: &Tx, id: &ClientId) -> Lookup {
        self.found(id, Some(tx)).await
    }

    async fn found(&self, id: &ClientId, tx: Option<&Tx>) -> Lookup {
        let found = match self.as_registered(id, tx).await? {
            Some(stored) if counts_as_stored(&stored) => stored,
            // The operator does not trust its host any more.
            _ if self.documents.url(id).is_none() => return Ok(None),
            stored => {
                let allowed = stored.as_deref().map(|stored| &stored.client);
                let described = match tx {
                    Some(_) => self.documents.in_memory(id, allowed),
                    None => self.documents.find(id, allowed).await,
                };
                match described {
                    Found::Client(client) => client,
                    // An app that a person allowed has to come again; a stranger is nobody.
                    Found::Unknown(failure) if tx.is_some() || stored.is_some() => {
                        return Err(documents::unavailable(failure));
                    }
                    Found::Nobody | Found::Unknown(_) => return Ok(None),
                }
            }
        };
        self.completed(found, tx).await
    }

    fn remembered(&self, id: &ClientId) -> Option<Arc<Registered>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clients.get(id).cloned()
    }

    /// The client of this id, as it is in the database now.
    pub async fn look_up(&self, id: &ClientId) -> Lookup {
        let epoch = self.known.read().unwrap_or_else(PoisonError::into_inner).epoch;
        let found = clients::find(&*self.store, id).await?.map(|client| Arc::new(read(client)));
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        match &found {
            Some(client) if known.epoch == epoch => {
                known.keep(id, client);
            }
            Some(_) => {}
            None => {
                known.clients.remove(id);
            }
        }
        Ok(found)
    }

    fn every(&self) -> Arc<Every> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner).every)
    }

    /// Every origin of every enabled client.
    pub async fn origins(&self) -> Result<Arc<[ClientOrigin]>, Fault> {
        let reading = async || {
            let every = clients::list_with_origins(&*self.store).await?;
            let enabled = every.into_iter().filter(Client::is_enabled);
            Ok(enabled.flat_map(origins_of).collect())
        };
        kept(&self.every().origins, reading).await
    }

    /// Removes these clients from memory, because they were changed.
    pub fn forget_some(&self, ids: &[ClientId]) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for id in ids {
            known.clients.remove(id);
        }
        known.epoch += 1;
    }

    /// Removes from memory what everything that is registered says together, because something was
    /// changed that has a part in it.
    pub fn forget_every(&self) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).every = Arc::default();
    }

    /// Every algorithm for which a client of an operator or a resource is registered. The key of another
    /// one is made when an app needs it.
    pub async fn algorithms(&self) -> Result<Arc<[TokenAlg]>, Fault> {
        let reading = async || {
            let mut found = HashSet::new();
            for Client { metadata, .. } in clients::list_of_operators(&*self.store).await? {
                found.insert(metadata.token_alg);
                found.extend(metadata.id_token_signed_response_alg);
                found.extend(metadata.authorization_signed_response_alg);
                found.extend(metadata.userinfo_signed_response_alg);
                found.extend(metadata.introspection_signed_response_alg);
            }
            let resources = resources::list_all(&*self.store).await?;
            found.extend(resources.into_iter().filter_map(|one| one.metadata.token_alg));
            Ok(found.into_iter().collect())
        };
        kept(&self.every().algorithms, reading).await
    }

    /// Every scope that a client of an operator is registered for, or that apps may have which no operator
    /// registered.
    pub async fn every_scope(&self) -> Result<Arc<Scope>, Fault> {
        let reading = async || {
            let every = clients::list_of_operators(&*self.store).await?;
            let of_apps = self.of_apps.scopes.joined_with(&documents::scope());
            let of_apps = of_apps.joined_with(&self.mcp_scope().await?);
            let joined = |scope: Scope, client: &Client| scope.joined_with(&client.metadata.scope);
            Ok(Arc::new(every.iter().fold(of_apps, joined)))
        };
        Box::pin(kept(&self.every().scope, reading)).await
    }

    /// Whether any enabled client says that people may make an account on the way to it.
    pub async fn any_open(&self) -> Result<bool, Fault> {
        let reading = async || {
            let every = clients::list_of_operators(&*self.store).await?;
            let is_open = |client: &Client| client.metadata.signup == Some(SignUpMode::Open);
            Ok(every.iter().any(|client| client.is_enabled() && is_open(client)))
        };
        kept(&self.every().any_open, reading).await
    }

    /// The audiences whose resource servers want tokens with a place in a status list. Whoever has a
    /// transaction names it.
    pub async fn with_status(&self, tx: Option<&Tx>) -> Result<Arc<HashSet<String>>, Fault> {
        let every = self.every();
        match tx {
            Some(tx) => kept_before(&every.with_status, async || read_with_status(tx).await).await,
            None => kept(&every.with_status, async || read_with_status(&*self.store).await).await,
        }
    }

    /// The clients that are the resource servers of each audience.
    pub async fn resource_servers(&self) -> Result<Arc<HashMap<String, Vec<ClientId>>>, Fault> {
        let reading = async || {
            let mut servers: HashMap<String, Vec<ClientId>> = HashMap::new();
            for client in clients::list_of_operators(&*self.store).await? {
                for audience in client.metadata.resource_servers {
                    servers.entry(audience).or_default().push(client.id.clone());
                }
            }
            Ok(Arc::new(servers))
        };
        kept(&self.every().resource_servers, reading).await
    }

    /// The attributes of people that operators declared.
    pub async fn attributes(&self) -> Result<Arc<[Attribute]>, Fault> {
        let reading = async || Ok(attributes::list_all(&*self.store).await?.into());
        kept(&self.every().attributes, reading).await
    }

    /// What is registered of each resource, by its identifier.
    pub async fn resources(&self) -> Result<Resources, Fault> {
        self.resources_in(None).await
    }

    async fn resources_in(&self, tx: Option<&Tx>) -> Result<Resources, Fault> {
        let every = self.every();
        match tx {
            Some(tx) => kept_before(&every.resources, async || read_resources(tx).await).await,
            None => kept(&every.resources, async || read_resources(&*self.store).await).await,
        }
    }

    /// Each of these resources in the spelling in which it is registered: one slash more or less at the
    /// end of its path makes no other resource.
    pub async fn spelled(&self, asked: Vec<String>, client: &Client) -> Result<Vec<String>, Fault> {
        if asked.is_empty() {
            return Ok(asked);
        }
        let registered = self.resources().await?;
        let mut spelled: Vec<String> = Vec::new();
        for one in asked {
            let one = spelling(&registered, &client.metadata.audiences, &one).to_owned();
            if !spelled.contains(&one) {
                spelled.push(one);
            }
        }
        Ok(spelled)
    }

    /// The audience of a token whose request names none, if it is not the first audience of the client:
    /// a token is for an MCP server only if that is asked for.
    pub async fn instead_of_mcp(
        &self,
        client: &Client,
        ours: &str,
    ) -> Result<Option<String>, Fault> {
        let registered = self.resources().await?;
        let audiences = &client.metadata.audiences;
        let default = default_audience(&registered, audiences);
        if default == audiences.first() {
            return Ok(None);
        }
        Ok(Some(default.map_or_else(|| ours.to_owned(), Clone::clone)))
    }

    /// Removes every client from memory, because something was changed.
    pub fn forget(&self) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.clients.clear();
        known.every = Arc::default();
        known.epoch += 1;
    }
}

fn origins_of(client: Client) -> impl Iterator<Item = ClientOrigin> {
    let (id, delivery) = (client.id, client.metadata.refresh_delivery);
    let of = move |origin| ClientOrigin { origin, client: id.clone(), delivery };
    client.metadata.allowed_origins.into_iter().map(of)
}

fn read(client: Client) -> Registered {
    let parsed = client.metadata.jwks.as_ref().map(|jwks| ClientKeys::parse(&jwks.to_string()));
    // Registration has checked the keys. If they cannot be read all the same, no signature is
    // accepted.
    let keys = Arc::new(parsed.and_then(Result::ok).unwrap_or_default());
    Registered { client, keys }
}

/// Whether the client is as the database has it, and no document is asked for.
fn counts_as_stored(stored: &Registered) -> bool {
    stored.client.registered_by != RegisteredBy::Document || !stored.client.is_enabled()
}

async fn read_resources(reader: &impl Reader) -> Result<Resources, Fault> {
    let every = resources::list_all(reader).await?;
    Ok(Arc::new(every.into_iter().map(|one| (one.id, one.metadata)).collect()))
}

fn scope_of_mcp_servers(registered: &HashMap<String, ResourceMetadata>) -> Scope {
    let servers = registered.values().filter(|resource| resource.mcp);
    let joined = |all: Scope, resource: &ResourceMetadata| all.joined_with(&resource.scope);
    harmless(&servers.fold(Scope::default(), joined))
}

/// The client with what apps that no operator registered may ask for at MCP servers.
fn with_mcp_servers(
    found: &Registered,
    registered: &HashMap<String, ResourceMetadata>,
) -> Arc<Registered> {
    let servers = registered.iter().filter(|(_, resource)| resource.mcp);
    let mut servers: Vec<&String> = servers.map(|(id, _)| id).collect();
    servers.sort_unstable();
    let mut client = found.client.clone();
    client.metadata.scope = client.metadata.scope.joined_with(&scope_of_mcp_servers(registered));
    for id in servers {
        if !client.metadata.audiences.contains(id) {
            client.metadata.audiences.push(id.clone());
        }
    }
    Arc::new(Registered { client, keys: Arc::clone(&found.keys) })
}

async fn read_with_status(reader: &impl Reader) -> Result<Arc<HashSet<String>>, Fault> {
    let every = clients::list_of_operators(reader).await?;
    let asking = every.into_iter().filter(|client| client.metadata.status_list.is_on());
    let mut with_status: HashSet<String> =
        asking.flat_map(|client| client.metadata.resource_servers).collect();
    let asking = resources::list_all(reader).await?;
    let asking = asking.into_iter().filter(|resource| resource.metadata.status_list);
    with_status.extend(asking.map(|resource| resource.id));
    Ok(Arc::new(with_status))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::client::ClientKind;

    #[test]
    fn many_clients_do_not_fill_the_memory() {
        let mut known = InMemory::default();
        for number in 0..MOST + 10 {
            let id = ClientId::parse(&format!("client-{number}")).unwrap();
            let client = Client::new(id.clone(), ClientKind::Public, DateTime::UNIX_EPOCH);
            known.keep(&id, &Arc::new(read(client)));
            assert!(known.clients.contains_key(&id));
        }
        assert_eq!(known.clients.len(), MOST);
    }
}
