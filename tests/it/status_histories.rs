//! Histories of sign-ins, refreshes, revocations, restarts and restores, drawn at random, beside a model
//! of what a verifier must see: no place is given twice, no dead token lives again, no living one is
//! refused, and no list goes while a token that points there can be alive.

use std::collections::BTreeMap;

use mapae::domain::status_list::StatusListMode;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::status_lists::{Verifier, place};
use crate::support::{App, Database, Server, both, eventually};

/// How many histories there are, and how many steps each has.
const HISTORIES: usize = 5;
const STEPS: usize = 36;
/// How long an access token is good, in seconds.
const ACCESS: i64 = 300;

#[derive(Clone, Debug)]
enum Step {
    SignIn,
    /// The session is chosen among those that are open.
    Refresh(prop::sample::Index),
    Revoke(prop::sample::Index),
    /// So many seconds pass.
    Pass(i64),
    Restart,
    /// The database is replaced by a copy from before the last revocation.
    Restore,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => Just(Step::SignIn),
        4 => any::<prop::sample::Index>().prop_map(Step::Refresh),
        4 => any::<prop::sample::Index>().prop_map(Step::Revoke),
        3 => (1_i64..200).prop_map(Step::Pass),
        // Everything expires, families and lists too.
        1 => Just(Step::Pass(60 * 60 * 24 * 92)),
        1 => Just(Step::Restart),
        1 => Just(Step::Restore),
    ];
    prop::collection::vec(step, STEPS)
}

/// A session: its refresh token, and where it is in the lists.
struct Session {
    refresh: String,
    place: (String, u64),
}

/// An access token, as the model knows it.
struct Token {
    text: String,
    /// When it expires, in seconds of the history.
    expires: i64,
    is_dead: bool,
}

struct History {
    server: Server,
    app: App,
    now: i64,
    open: Vec<Session>,
    tokens: Vec<Token>,
    /// The session to which each place was given.
    given: BTreeMap<(String, u64), usize>,
    sessions: usize,
    /// Whether anything was revoked that a copy of the database does not know.
    has_revoked: bool,
}

impl History {
    async fn start(database: &Database) -> Self {
        let settings = [("status_list.entries", "16"), ("token.families_per_client", "1000")];
        let server = Server::start_with(database, &settings).await;
        server.alice().await;
        let app = server
            .client("app", |client| client.metadata.status_list = StatusListMode::Families)
            .await;
        let (open, tokens, given) = (Vec::new(), Vec::new(), BTreeMap::new());
        Self { server, app, now: 0, open, tokens, given, sessions: 0, has_revoked: false }
    }

    fn issued(&mut self, text: String) {
        self.tokens.push(Token { text, expires: self.now + ACCESS, is_dead: false });
    }

    /// The path of a list and an index: the address of the server changes at each start.
    fn place_of(text: &str) -> (String, u64) {
        let (uri, index) = place(text);
        (uri.rsplit_once('/').expect("a number").1.to_owned(), index)
    }

    async fn take(mut self, step: &Step) -> Self {
        match step {
            Step::SignIn => {
                let (access, refresh) = self.app.password("openid").await.pair();
                let place = Self::place_of(&access);
                self.sessions += 1;
                let before = self.given.insert(place.clone(), self.sessions);
                assert_eq!(before, None, "{place:?} was given twice");
                self.open.push(Session { refresh, place });
                self.issued(access);
            }
            Step::Refresh(which) if !self.open.is_empty() => {
                let which = which.index(self.open.len());
                let (access, refresh) = self.app.refresh(&self.open[which].refresh).await.pair();
                let place = Self::place_of(&access);
                if place != self.open[which].place {
                    // After a restore a session takes a place that nobody had.
                    self.sessions += 1;
                    let before = self.given.insert(place.clone(), self.sessions);
                    assert_eq!(before, None, "{place:?} was given twice");
                }
                self.open[which] = Session { refresh, place };
                self.issued(access);
            }
            Step::Revoke(which) if !self.open.is_empty() => {
                let session = self.open.swap_remove(which.index(self.open.len()));
                self.app.revoke(&session.refresh).await.ok();
                let at = |token: &&mut Token| Self::place_of(&token.text) == session.place;
                self.tokens.iter_mut().filter(at).for_each(|token| token.is_dead = true);
                self.has_revoked = true;
            }
            Step::Pass(seconds) => {
                self.server.advance(*seconds);
                self.now += seconds;
                if *seconds > 60 * 60 * 24 {
                    self.open.clear();
                    // The clean-up runs at a start.
                    self = self.restarted().await;
                }
            }
            Step::Restart => self = self.restarted().await,
            Step::Restore if self.has_revoked => {
                let evidence = self.server.evidence().await;
                evidence
                    .run("UPDATE revision SET value = value - 1 WHERE name = 'revocations'")
                    .await;
                evidence.run("DELETE FROM status_bit").await;
                evidence.run("DELETE FROM revocation").await;
                self = self.restarted().await;
                // Nothing that the copy holds can be told from what died since.
                self.tokens.iter_mut().for_each(|token| token.is_dead = true);
                self.has_revoked = false;
            }
            Step::Refresh(_) | Step::Revoke(_) | Step::Restore => {}
        }
        self
    }

    async fn restarted(self) -> Self {
        let server = self.server.restart().await;
        let app = self.app.at(server.issuer());
        Self { server, app, ..self }
    }

    /// Compares what a verifier sees with the model.
    async fn check(&mut self) {
        self.tokens.retain(|token| token.expires > self.now);
        let verifier = Verifier::at(self.server.issuer());
        for token in &self.tokens {
            if token.is_dead {
                verifier.learns(&token.text).await;
            } else {
                assert!(!verifier.refuses(&token.text).await, "a good token is refused");
            }
        }
    }

    /// When everything has expired, the lists go that are full.
    async fn ends_clean(mut self) {
        self = self.take(&Step::Pass(60 * 60 * 24 * 92)).await;
        let evidence = self.server.evidence().await;
        let left = "SELECT count(*) AS n FROM status_list";
        eventually("all lists but the open one go", async || evidence.count(left).await <= 1).await;
        let bits = "SELECT count(*) AS n FROM status_bit WHERE list NOT IN (SELECT number FROM status_list)";
        assert_eq!(evidence.count(bits).await, 0, "bits of lists that are gone");
    }
}

both! {
    async fn no_history_of_revocations_restarts_and_restores_deceives_a_verifier(database) {
        let mut runner = TestRunner::deterministic();
        for _ in 0..HISTORIES {
            let steps = steps().new_tree(&mut runner).expect("a history").current();
            let mut history = Box::pin(History::start(&database)).await;
            for (number, step) in steps.iter().enumerate() {
                eprintln!("{number}: {step:?}");
                history = Box::pin(history.take(step)).await;
                history.check().await;
            }
            Box::pin(history.ends_clean()).await;
        }
    }
}
