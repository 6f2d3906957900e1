//! What every stub of a provider keeps: a person, codes, tokens, keys, and the requests that it
//! got.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use mapae::domain::clock::Clock;
use mapae::domain::random;

use super::grant::{Grant, Person, Refused};
use super::messages::{Answer, RecordedRequest};
use super::signer::Signer;

/// The state of a provider.
pub(crate) struct ProviderRecords {
    pub(super) base: String,
    pub(super) make_key: fn() -> Signer,
    clock: Mutex<Clock>,
    person: Mutex<Person>,
    asked: Mutex<Vec<RecordedRequest>>,
    /// The faults by path: the code that gets the answer (`None`: every request), and the answer.
    faults: Mutex<HashMap<String, (Option<String>, Answer)>>,
    redirect_uris: Mutex<Option<Vec<String>>>,
    codes: Mutex<HashMap<String, Grant>>,
    tokens: Mutex<HashMap<String, Grant>>,
    keys: Mutex<Vec<Arc<Signer>>>,
}

impl ProviderRecords {
    pub(super) fn new(base: String, make_key: fn() -> Signer) -> Self {
        Self {
            base,
            make_key,
            clock: Mutex::new(Clock::system()),
            person: Mutex::default(),
            asked: Mutex::default(),
            faults: Mutex::default(),
            redirect_uris: Mutex::default(),
            codes: Mutex::default(),
            tokens: Mutex::default(),
            keys: Mutex::default(),
        }
    }

    /// `http://127.0.0.1:port`.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Uses this clock for its tokens from now on: that of the server under test.
    pub(crate) fn follows(&self, clock: &Clock) {
        *self.clock.lock().unwrap() = clock.clone();
    }

    /// Seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        self.clock.lock().unwrap().now().timestamp()
    }

    /// The person who signs in.
    pub(crate) fn person(&self) -> Person {
        self.person.lock().unwrap().clone()
    }

    /// Changes the person who signs in from now on.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Person)) {
        change(&mut self.person.lock().unwrap());
    }

    /// Registers these redirect URIs; until then every URI is accepted.
    pub(crate) fn redirects_only_to(&self, uris: &[&str]) {
        let uris = uris.iter().map(|uri| (*uri).to_owned()).collect();
        *self.redirect_uris.lock().unwrap() = Some(uris);
    }

    pub(super) fn may_redirect_to(&self, uri: &str) -> bool {
        let known = self.redirect_uris.lock().unwrap();
        !uri.is_empty() && known.as_ref().is_none_or(|known| known.iter().any(|one| one == uri))
    }

    /// Gives this answer at this path from now on, to every request.
    pub(crate) fn answers_with(&self, path: &str, answer: Answer) {
        self.faults.lock().unwrap().insert(path.to_owned(), (None, answer));
    }

    /// Gives this answer at this path to requests with this code, and answers all others normally.
    pub(crate) fn misbehaves_to(&self, code: &str, path: &str, answer: Answer) {
        let fault = (Some(code.to_owned()), answer);
        self.faults.lock().unwrap().insert(path.to_owned(), fault);
    }

    /// Answers normally again.
    pub(crate) fn answers_normally(&self) {
        self.faults.lock().unwrap().clear();
    }

    pub(super) fn fault(&self, asked: &RecordedRequest) -> Option<Answer> {
        let (code, answer) = self.faults.lock().unwrap().get(&asked.path).cloned()?;
        code.is_none_or(|code| asked.get("code") == code).then_some(answer)
    }

    /// Every request, in the order in which they came.
    pub(crate) fn asked(&self) -> Vec<RecordedRequest> {
        self.asked.lock().unwrap().clone()
    }

    /// The requests to this path.
    pub(crate) fn asked_at(&self, path: &str) -> Vec<RecordedRequest> {
        self.asked().into_iter().filter(|asked| asked.path == path).collect()
    }

    /// How many requests came to this path.
    pub(crate) fn count(&self, path: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| asked.path == path).count()
    }

    pub(super) fn record(&self, asked: RecordedRequest) {
        self.asked.lock().unwrap().push(asked);
    }

    /// Makes a code for this grant.
    pub(crate) fn code(&self, grant: Grant) -> String {
        let code = random::identifier();
        self.codes.lock().unwrap().insert(code.clone(), grant);
        code
    }

    /// Takes the grant of a code; the code cannot be used again.
    pub(crate) fn spend(&self, code: &str) -> Option<Grant> {
        self.codes.lock().unwrap().remove(code)
    }

    /// Makes an access token for this grant.
    pub(crate) fn token(&self, grant: Grant) -> String {
        let token = random::identifier();
        self.tokens.lock().unwrap().insert(token.clone(), grant);
        token
    }

    /// The grant of an access token.
    pub(crate) fn granted(&self, token: &str) -> Option<Grant> {
        self.tokens.lock().unwrap().get(token).cloned()
    }

    /// Removes an access token, as if it had expired or been revoked.
    pub(crate) fn revoke(&self, token: &str) -> bool {
        self.tokens.lock().unwrap().remove(token).is_some()
    }

    /// Redeems a code, with all checks of RFC 6749 and RFC 7636.
    pub(super) fn redeem(&self, asked: &RecordedRequest) -> Result<Grant, Refused> {
        if asked.get("grant_type") != "authorization_code" {
            return Err(Refused::GrantType);
        }
        let grant = self.spend(asked.get("code")).ok_or(Refused::Code)?;
        if asked.get("redirect_uri") != grant.redirect_uri {
            return Err(Refused::RedirectUri);
        }
        if !grant.is_proven_by(asked.get("code_verifier")) {
            return Err(Refused::Verifier);
        }
        Ok(grant)
    }

    /// The key that signs.
    pub(crate) fn signer(&self) -> Arc<Signer> {
        let mut keys = self.keys.lock().unwrap();
        if keys.is_empty() {
            keys.push(Arc::new((self.make_key)()));
        }
        Arc::clone(keys.last().expect("a key"))
    }

    /// Every published key, oldest first.
    pub(crate) fn keys(&self) -> Vec<Arc<Signer>> {
        self.signer();
        self.keys.lock().unwrap().clone()
    }

    /// Signs with a new key from now on; the earlier keys stay published.
    pub(crate) fn rotate(&self) {
        self.signer();
        self.keys.lock().unwrap().push(Arc::new((self.make_key)()));
    }

    /// Publishes nothing but the key that signs.
    pub(crate) fn forget_old_keys(&self) {
        let signer = self.signer();
        *self.keys.lock().unwrap() = vec![signer];
    }
}
