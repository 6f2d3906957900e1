//! A server with clients and people, and the requests they make.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mapae::domain::clock::Clock;
use mapae::domain::user::{User, UserId};
use mapae::store::{Options, Store, users};
use serde_json::Value;

use crate::load::{Ask, Connection, Cycle, Fixed, Refresh};
use crate::server::{Home, Server, get, post, post_head};

/// Only `client_credentials`.
pub(crate) const SERVICE_RS256: &str = "service-rs256";
pub(crate) const SERVICE_ES256: &str = "service-es256";
/// Only password: no family is started.
pub(crate) const DESK: &str = "desk";
/// Password and `refresh_token`.
pub(crate) const APP_RS256: &str = "app-rs256";
pub(crate) const APP_ES256: &str = "app-es256";
/// The same, whose tokens name the groups of the person.
pub(crate) const APP_GROUPS: &str = "app-groups";
/// The challenge endpoint.
pub(crate) const NATIVE: &str = "native";

pub(crate) const JWKS: &str = "/.well-known/jwks.json";
pub(crate) const DISCOVERY: &str = "/.well-known/openid-configuration";

const SERVICE: [&str; 4] = ["--grant", "client_credentials", "--scope", "read"];
const PERSON: [&str; 4] = ["--grant", "password", "--scope", "openid profile"];
const GROUPS: [&str; 6] =
    ["--grant", "password", "--scope", "openid profile groups", "--claim", "groups"];
const REFRESH: [&str; 2] = ["--grant", "refresh_token"];
const ES256: [&str; 2] = ["--token-alg", "ES256"];
const CHALLENGE: [&str; 5] =
    ["--first-party", "--grant", "urn:mapae:params:oauth:first-party", "--scope", "openid"];
const CLIENTS: [(&str, &[&[&str]]); 7] = [
    (SERVICE_RS256, &[&SERVICE]),
    (SERVICE_ES256, &[&SERVICE, &ES256]),
    (DESK, &[&PERSON]),
    (APP_RS256, &[&PERSON, &REFRESH]),
    (APP_ES256, &[&PERSON, &REFRESH, &ES256]),
    (APP_GROUPS, &[&GROUPS, &REFRESH]),
    (NATIVE, &[&CHALLENGE]),
];

/// The clients of the operations that are measured beside an earlier version.
const EARLY_CLIENTS: [&str; 4] = [SERVICE_RS256, SERVICE_ES256, DESK, APP_RS256];

pub(crate) const USERS: usize = 200;
/// How many people there are where each is made by a command.
const FEW_USERS: usize = 64;
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A running server with everything registered.
pub(crate) struct Site {
    pub(crate) home: Home,
    pub(crate) server: Server,
    authorizations: BTreeMap<&'static str, String>,
    users: usize,
}

impl Site {
    pub(crate) async fn set_up(home: Home) -> Self {
        let (server, _) = home.start().await;
        let authorizations = register(&home, |_| true);
        write_people(&home).await;
        Self { home, server, authorizations, users: USERS }
    }

    /// The same with fewer clients and people, and all of it by the command line of this
    /// installation: what is compiled in here does not know the tables of another version.
    pub(crate) async fn set_up_by_commands(home: Home) -> Self {
        let (server, _) = home.start().await;
        let authorizations = register(&home, |client| EARLY_CLIENTS.contains(&client));
        for user in 0..FEW_USERS {
            create_person(&home, &name(user));
        }
        Self { home, server, authorizations, users: FEW_USERS }
    }

    /// Stops the server without notice and starts it again.
    pub(crate) async fn restart(self) -> Self {
        let Self { home, server, authorizations, users } = self;
        drop(server);
        let (server, _) = home.start().await;
        Self { home, server, authorizations, users }
    }

    pub(crate) fn authorization(&self, client: &str) -> &str {
        &self.authorizations[client]
    }

    pub(crate) fn get(&self, path: &str) -> Vec<u8> {
        get(self.server.target.address, path)
    }

    pub(crate) fn post(&self, path: &str, client: &str, form: &str) -> Vec<u8> {
        post(self.server.target.address, path, &self.authorizations[client], form)
    }

    pub(crate) fn client_credentials(&self, client: &str) -> Vec<u8> {
        self.post("/token", client, "grant_type=client_credentials")
    }

    pub(crate) fn sign_in(&self, client: &str, user: usize, scope: &str) -> Vec<u8> {
        let (name, password) = (name(user), PASSWORD.replace(' ', "+"));
        let form = format!("grant_type=password&username={name}&password={password}&scope={scope}");
        self.post("/token", client, &form)
    }

    /// Sign-ins of all people in turn, each worth one signature and no refresh token.
    pub(crate) fn sign_ins(&self) -> Cycle {
        self.sign_ins_to(DESK)
    }

    /// Sign-ins of all people in turn to this client.
    pub(crate) fn sign_ins_to(&self, client: &str) -> Cycle {
        let sign_in = |user| Fixed { request: self.sign_in(client, user, "profile"), body: None };
        Cycle::new((0..self.users).map(sign_in).collect())
    }

    /// Asks once, for JSON.
    pub(crate) async fn json(&self, request: &[u8]) -> Value {
        let mut connection = Connection::open(self.server.target.address).await.unwrap();
        let answer = connection.send(request).await.unwrap();
        let text = String::from_utf8_lossy(answer.body);
        let asked = String::from_utf8_lossy(request);
        assert_eq!(answer.status, 200, "{text}, in answer to {asked}");
        serde_json::from_slice(answer.body).unwrap()
    }

    /// A request whose answer is always that of now.
    pub(crate) async fn fixed(&self, request: Vec<u8>) -> Fixed {
        let mut connection = Connection::open(self.server.target.address).await.unwrap();
        let answer = connection.send(&request).await.unwrap();
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(answer.body));
        let body = Some(answer.body.to_vec());
        Fixed { request, body }
    }

    /// Introspections of tokens that are good, each by the client it was issued to.
    pub(crate) async fn introspections(&self) -> Cycle {
        let mut all = Vec::new();
        for _ in 0..64 {
            let made = self.json(&self.client_credentials(SERVICE_RS256)).await;
            let request = self.introspect(made["access_token"].as_str().unwrap());
            assert_eq!(self.json(&request).await["active"], true);
            all.push(self.fixed(request).await);
        }
        Cycle::new(all)
    }

    fn introspect(&self, token: &str) -> Vec<u8> {
        self.post("/introspect", SERVICE_RS256, &format!("token={token}"))
    }

    /// Families, each of another person.
    pub(crate) async fn families(
        &self,
        client: &str,
        scope: &str,
        count: usize,
    ) -> Vec<Box<dyn Ask>> {
        let families = self.refreshes(client, scope, count).await;
        families.into_iter().map(|refresh| Box::new(refresh) as Box<dyn Ask>).collect()
    }

    /// The same, each as it is.
    pub(crate) async fn refreshes(&self, client: &str, scope: &str, count: usize) -> Vec<Refresh> {
        let address = self.server.target.address;
        let head = post_head(address, "/token", &self.authorizations[client]);
        let id_token = scope.contains("openid");
        let mut families = Vec::new();
        for user in 0..count {
            let made = self.json(&self.sign_in(client, user, scope)).await;
            assert_eq!(made.get("id_token").is_some(), id_token);
            let token = made["refresh_token"].as_str().unwrap().to_owned();
            let head = head.as_str().into();
            families.push(Refresh { head, token, id_token });
        }
        families
    }

    /// Puts so many people into so many groups each.
    pub(crate) fn put_in_groups(&self, people: usize, groups: usize) {
        for group in 0..groups {
            let group = format!("group{group}");
            self.home.cli(&["group", "create", "--name", &group], "");
            for user in 0..people {
                let add = ["user", "add-group", "--username", &name(user), "--group", &group];
                self.home.cli(&add, "");
            }
        }
    }

    /// One request of each kind.
    pub(crate) async fn first_requests(&self) {
        self.requests_of_programs().await;
        self.json(&self.sign_in(DESK, 0, "profile")).await;
        for client in [APP_RS256, APP_ES256] {
            let made = self.json(&self.sign_in(client, 0, "openid+profile")).await;
            let token = made["refresh_token"].as_str().unwrap();
            let form = format!("grant_type=refresh_token&refresh_token={token}");
            self.json(&self.post("/token", client, &form)).await;
        }
    }

    /// One request of each kind that is about no person: nothing is hashed.
    pub(crate) async fn requests_of_programs(&self) {
        self.json(&self.get(JWKS)).await;
        self.json(&self.get(DISCOVERY)).await;
        self.json(&self.client_credentials(SERVICE_ES256)).await;
        let service = self.json(&self.client_credentials(SERVICE_RS256)).await;
        self.json(&self.introspect(service["access_token"].as_str().unwrap())).await;
    }
}

/// Registers these clients; says how each of them authenticates.
fn register(home: &Home, wanted: impl Fn(&str) -> bool) -> BTreeMap<&'static str, String> {
    let register = |(id, options): &(&'static str, &[&[&str]])| {
        let command = ["client", "create", "--kind", "confidential", "--name", id, "--id", id];
        let made = home.cli(&[&command, options.concat().as_slice()].concat(), "");
        let secret = made["client_secret"].as_str().unwrap();
        (*id, format!("Basic {}", STANDARD.encode(format!("{id}:{secret}"))))
    };
    CLIENTS.iter().filter(|(id, _)| wanted(id)).map(register).collect()
}

fn create_person(home: &Home, name: &str) {
    home.cli(&["user", "create", "--username", name, "--password-stdin"], PASSWORD);
}

/// Writes all people with the password of the first: each has an account of their own, and its hash
/// takes as long to check.
async fn write_people(home: &Home) {
    let first = name(0);
    create_person(home, &first);
    let store = Store::open(&home.database_url(), &Options::default()).await.unwrap();
    let somebody = users::find_by_name(&store, &first, None).await.unwrap().unwrap();
    // In several transactions: each may take some seconds, on a busy machine too.
    let others: Vec<usize> = (1..USERS).collect();
    for some in others.chunks(20) {
        let tx = store.begin(Clock::system().now()).await.unwrap();
        for &user in some {
            let (id, username) = (UserId::generate(), name(user));
            let user = User { id, username, ..somebody.clone() };
            assert!(users::insert(&tx, &user).await.unwrap());
        }
        tx.commit().await.unwrap();
    }
    store.close().await;
}

fn name(user: usize) -> String {
    format!("person{user}")
}
