//! The decision about an authorization request. It is a pure function of the request, of who is
//! signed in, of what they allowed and of the time. It is called for each request, and again after
//! each step: after a sign-in, after an account was chosen, and after consent.

use chrono::{DateTime, Duration, Utc};

use crate::domain::authorization::AuthorizationRequest;
use crate::domain::consent::Consent;
use crate::domain::reason::Reason;
use crate::domain::session::{Session, SessionId};
use crate::oauth::claims::ACR;
use crate::oauth::error::Refusal;

/// A person who is signed in in the browser.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    /// The person's session.
    pub session: &'a Session,
    /// Whether `login_hint` names this person.
    pub is_hinted: bool,
    /// What this person allowed the client before.
    pub consent: Option<Consent>,
}

/// What the decision is made from.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The people who are signed in in the browser.
    pub people: Vec<Candidate<'a>>,
    /// The session that was chosen or opened while this request was worked on.
    pub chosen: Option<&'a SessionId>,
    /// When the request arrived. A sign-in after this instant satisfies `prompt=login` and
    /// `max_age`.
    pub received_at: DateTime<Utc>,
    /// Whether the client is the operator's own, so that people are not asked for consent.
    pub first_party: bool,
    /// Whether earlier consent does not count, because any program on the machine could send a
    /// request in the name of this client (RFC 8252 §8.6).
    pub asks_always: bool,
    /// Whether the person has just consented.
    pub allowed_now: bool,
}

/// The next step of an authorization request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthorizationStep<'a> {
    /// Ask for a sign-in. If a session is named, its person has to sign in again.
    SignIn(Option<&'a SessionId>),
    /// Let the person choose an account.
    Choose,
    /// Ask the person of this session for consent.
    Consent(&'a SessionId),
    /// Answer the client with an error.
    Refuse(Refusal),
    /// Issue a code for the person of this session.
    Issue(&'a SessionId),
}

/// Decides the next step of an authorization request.
#[must_use]
pub fn decide<'a>(request: &AuthorizationRequest, facts: &'a Facts<'a>) -> AuthorizationStep<'a> {
    // OpenID Connect Core §5.5.1.1: an essential `acr` that this server cannot meet is an error.
    let acr = &request.claims.acr;
    if request.claims.acr_is_essential && !acr.is_empty() && !acr.iter().any(|acr| acr == ACR) {
        return refuse(Reason::AcrUnmet);
    }
    let step = lead(request, facts);
    if !request.prompt.none {
        return step;
    }
    // OpenID Connect Core §3.1.2.6: with `prompt=none` no page may be shown.
    match step {
        AuthorizationStep::SignIn(_) => refuse(Reason::NobodySignedIn),
        AuthorizationStep::Choose => refuse(Reason::SeveralSignedIn),
        AuthorizationStep::Consent(_) => refuse(Reason::ConsentMissing),
        done => done,
    }
}

fn refuse<'a>(reason: Reason) -> AuthorizationStep<'a> {
    AuthorizationStep::Refuse(reason.into())
}

fn lead<'a>(request: &AuthorizationRequest, facts: &'a Facts<'a>) -> AuthorizationStep<'a> {
    let candidate = match choose(request, facts) {
        Ok(candidate) => candidate,
        Err(step) => return step,
    };
    let session = candidate.session;
    if must_prove_again(request, session, facts.received_at) {
        return AuthorizationStep::SignIn(Some(&session.id));
    }
    if must_allow(request, candidate, facts) {
        return AuthorizationStep::Consent(&session.id);
    }
    AuthorizationStep::Issue(&session.id)
}

fn choose<'a>(
    request: &AuthorizationRequest,
    facts: &'a Facts<'a>,
) -> Result<&'a Candidate<'a>, AuthorizationStep<'a>> {
    let people = &facts.people;
    let chosen = facts.chosen.and_then(|id| people.iter().find(|one| one.session.id == *id));
    if let Some(named) = &request.user {
        // The request names a person: OpenID Connect Core §3.1.2.1, `id_token_hint`, and §5.5.1,
        // `sub`.
        if chosen.is_some_and(|one| one.session.user.as_str() != *named) {
            return Err(refuse(Reason::AnotherPersonSignedIn));
        }
        let signed_in_user = people.iter().find(|one| one.session.user.as_str() == *named);
        return signed_in_user.ok_or(AuthorizationStep::SignIn(None));
    }
    if let Some(chosen) = chosen {
        return Ok(chosen);
    }
    // The chosen session has ended. Another person's session is not used without asking.
    let is_gone = facts.chosen.is_some();
    if (request.prompt.select_account || is_gone) && !people.is_empty() {
        return Err(AuthorizationStep::Choose);
    }
    let mut hinted = people.iter().filter(|one| one.is_hinted);
    match (hinted.next(), people.as_slice()) {
        (Some(hinted), _) => Ok(hinted),
        (None, []) => Err(AuthorizationStep::SignIn(None)),
        (None, [only]) => Ok(only),
        (None, _) => Err(AuthorizationStep::Choose),
    }
}

/// `prompt=login` and `max_age`, OpenID Connect Core §3.1.2.1. A sign-in after the request arrived
/// satisfies both; without that comparison `prompt=login` would ask again and again.
fn must_prove_again(
    request: &AuthorizationRequest,
    session: &Session,
    received_at: DateTime<Utc>,
) -> bool {
    if session.auth_time >= received_at {
        return false;
    }
    let age = received_at - session.auth_time;
    request.prompt.login
        || request.max_age.is_some_and(|most| age > Duration::seconds(i64::from(most)))
}

fn must_allow(
    request: &AuthorizationRequest,
    candidate: &Candidate<'_>,
    facts: &Facts<'_>,
) -> bool {
    if facts.allowed_now {
        return false;
    }
    if facts.first_party {
        // RFC 8252 §8.6: a client that cannot be told from an impostor gets nothing unless the
        // person did something for this request. Signing in for it or choosing an account is
        // enough.
        return facts.asks_always && facts.chosen != Some(&candidate.session.id);
    }
    request.prompt.consent
        || facts.asks_always
        || !candidate.consent.as_ref().is_some_and(|consent| covers(consent, request))
}

/// Whether the earlier consent covers everything that is asked for.
fn covers(consent: &Consent, request: &AuthorizationRequest) -> bool {
    request.scope.is_within(&consent.scope)
        && request.claims.names().all(|name| consent.claims.iter().any(|known| known == name))
        && request.resources.iter().all(|resource| consent.resources.contains(resource))
}

/// The earlier consent together with what this request adds.
#[must_use]
pub fn joined(before: Option<&Consent>, request: &AuthorizationRequest) -> Consent {
    let nothing = Consent::default();
    let before = before.unwrap_or(&nothing);
    let mut claims = before.claims.clone();
    let new = request.claims.names().filter(|name| !before.claims.iter().any(|one| one == name));
    claims.extend(new.map(str::to_owned));
    let mut resources = before.resources.clone();
    for resource in &request.resources {
        if !resources.contains(resource) {
            resources.push(resource.clone());
        }
    }
    Consent { scope: before.scope.joined_with(&request.scope), claims, resources }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::authorization::{Prompt, ResponseMode};
    use crate::domain::client::ClientId;
    use crate::domain::clock::from_millis;
    use crate::domain::error_code::ErrorCode;
    use crate::domain::requested_claims::RequestedClaims;
    use crate::domain::scope::Scope;
    use crate::domain::session::BrowserId;
    use crate::domain::user::UserId;

    fn t(seconds: i64) -> DateTime<Utc> {
        from_millis(seconds * 1000)
    }

    fn session(user: &str, auth_time: i64) -> Session {
        Session {
            id: SessionId::from_stored(format!("session of {user}")),
            browser: BrowserId::from_stored("browser".to_owned()),
            user: UserId::from_stored(user.to_owned()),
            auth_time: t(auth_time),
            amr: vec![],
            provider_issuer: None,
            kept: false,
            user_agent: None,
            address: None,
            idle: Duration::hours(1),
            idle_ends_at: t(10_000),
            expires_at: t(10_000),
        }
    }

    fn request(change: impl FnOnce(&mut AuthorizationRequest)) -> AuthorizationRequest {
        let mut request = AuthorizationRequest {
            client: ClientId::parse("app").unwrap(),
            redirect_uri: "https://rp/cb".to_owned(),
            response_mode: ResponseMode::Query,
            state: None,
            scope: Scope::parse("openid email").unwrap(),
            resources: vec![],
            nonce: None,
            prompt: Prompt::default(),
            max_age: None,
            user: None,
            login_hint: None,
            ui_locales: None,
            idp_hint: None,
            claims: RequestedClaims::default(),
            challenge: None,
        };
        change(&mut request);
        request
    }

    #[expect(clippy::unnecessary_wraps, reason = "the shape in which it is used")]
    fn allowed(scope: &str) -> Option<Consent> {
        let scope = Scope::parse(scope).unwrap();
        Some(Consent { scope, claims: vec![], resources: vec!["https://known.example".to_owned()] })
    }

    type Change<'a> = &'a dyn Fn(&mut AuthorizationRequest);

    fn facts<'a>(people: &'a [(Session, Option<Consent>)], received_at: i64) -> Facts<'a> {
        let candidate = |(session, consent): &'a (Session, Option<Consent>)| Candidate {
            session,
            is_hinted: false,
            consent: consent.clone(),
        };
        Facts {
            people: people.iter().map(candidate).collect(),
            chosen: None,
            received_at: t(received_at),
            first_party: false,
            asks_always: false,
            allowed_now: false,
        }
    }

    fn is_refused(step: &AuthorizationStep<'_>, code: ErrorCode) -> bool {
        matches!(step, AuthorizationStep::Refuse(refusal) if refusal.code() == Some(code))
    }

    fn prompt(prompt: &str) -> Prompt {
        Prompt::parse(prompt).unwrap()
    }

    #[test]
    fn core_3_1_2_3_somebody_must_be_signed_in() {
        let nobody = facts(&[], 100);
        assert_eq!(decide(&request(|_| ()), &nobody), AuthorizationStep::SignIn(None));
        let silent = request(|request| request.prompt = prompt("none"));
        assert!(is_refused(&decide(&silent, &nobody), ErrorCode::LoginRequired));
        let choosing = request(|request| request.prompt = prompt("select_account"));
        assert_eq!(decide(&choosing, &nobody), AuthorizationStep::SignIn(None));
    }

    #[test]
    fn core_3_1_2_1_login_and_max_age_are_answered_by_what_was_proven_since() {
        let id = SessionId::from_stored("session of a".to_owned());
        for (auth_time, prompted, max_age, again) in [
            (50, "", None, false),
            (50, "login", None, true),
            (100, "login", None, false),
            (150, "login", None, false),
            (50, "", Some(50), false),
            (50, "", Some(49), true),
            (50, "", Some(0), true),
            (100, "", Some(0), false),
        ] {
            let people = [(session("a", auth_time), allowed("openid email"))];
            let facts = facts(&people, 100);
            let request = request(|request| {
                request.prompt = prompt(prompted);
                request.max_age = max_age;
            });
            let expected = if again {
                AuthorizationStep::SignIn(Some(&id))
            } else {
                AuthorizationStep::Issue(&id)
            };
            assert_eq!(decide(&request, &facts), expected, "{auth_time} {prompted} {max_age:?}");
        }
    }

    #[test]
    fn core_3_1_2_4_consent_covers_what_was_allowed_and_nothing_new() {
        let id = SessionId::from_stored("session of a".to_owned());
        let ask = AuthorizationStep::Consent(&id);
        let issue = AuthorizationStep::Issue(&id);
        let by_name = |request: &mut AuthorizationRequest| {
            request.claims.userinfo = vec!["phone_number".to_owned()];
        };
        let consenting = |request: &mut AuthorizationRequest| request.prompt = prompt("consent");
        let plain = |_: &mut AuthorizationRequest| ();
        // RFC 8707 §2: a token for another resource needs consent of its own.
        let at = |resource: &'static str| {
            move |request: &mut AuthorizationRequest| {
                request.resources = vec![resource.to_owned()];
            }
        };
        let (known, new) = (at("https://known.example"), at("https://new.example"));
        let cases: [(Option<Consent>, Change<'_>, &AuthorizationStep<'_>); 8] = [
            (None, &plain, &ask),
            (allowed("openid"), &plain, &ask),
            (allowed("openid email"), &plain, &issue),
            (allowed("openid email profile"), &plain, &issue),
            (allowed("openid email"), &by_name, &ask),
            (allowed("openid email"), &consenting, &ask),
            (allowed("openid email"), &known, &issue),
            (allowed("openid email"), &new, &ask),
        ];
        for (consent, change, expected) in cases {
            let people = [(session("a", 50), consent.clone())];
            let facts = facts(&people, 100);
            assert_eq!(&decide(&request(change), &facts), expected, "{consent:?}");
            let first_party = Facts { first_party: true, ..facts.clone() };
            assert_eq!(decide(&request(change), &first_party), issue);
            let allowed_now = Facts { allowed_now: true, ..facts.clone() };
            assert_eq!(decide(&request(change), &allowed_now), issue);
            let asks_always = Facts { asks_always: true, ..facts };
            assert_eq!(decide(&request(change), &asks_always), ask);
        }
        let people = [(session("a", 50), None)];
        let facts = facts(&people, 100);
        let silent = request(|request| request.prompt = prompt("none"));
        assert!(is_refused(&decide(&silent, &facts), ErrorCode::ConsentRequired));
    }

    #[test]
    fn rfc8252_8_6_nothing_goes_to_an_unclaimed_address_without_the_person() {
        let people = [(session("a", 50), allowed("openid email"))];
        let id = people[0].0.id.clone();
        let unclaimed = Facts { asks_always: true, first_party: true, ..facts(&people, 100) };
        assert_eq!(decide(&request(|_| ()), &unclaimed), AuthorizationStep::Consent(&id));
        let silent = request(|request| request.prompt = prompt("none"));
        assert!(is_refused(&decide(&silent, &unclaimed), ErrorCode::ConsentRequired));
        // The person acts when they sign in for this very request, choose an account, or consent.
        let entered = Facts { chosen: Some(&id), ..unclaimed.clone() };
        assert_eq!(decide(&request(|_| ()), &entered), AuthorizationStep::Issue(&id));
        let third_party = Facts { first_party: false, ..entered };
        assert_eq!(decide(&request(|_| ()), &third_party), AuthorizationStep::Consent(&id));
        let said_yes = Facts { allowed_now: true, ..unclaimed };
        assert_eq!(decide(&request(|_| ()), &said_yes), AuthorizationStep::Issue(&id));
    }

    #[test]
    fn core_3_1_2_1_a_hint_names_the_person() {
        let people = [
            (session("a", 60), allowed("openid email")),
            (session("b", 50), allowed("openid email")),
        ];
        let two = facts(&people, 100);
        let (a, b) = (&people[0].0.id, &people[1].0.id);
        assert_eq!(decide(&request(|_| ()), &two), AuthorizationStep::Choose);
        let silent = request(|request| request.prompt = prompt("none"));
        assert!(is_refused(&decide(&silent, &two), ErrorCode::AccountSelectionRequired));
        let of = |user: &str| {
            let user = Some(user.to_owned());
            request(|request| request.user = user)
        };
        assert_eq!(decide(&of("b"), &two), AuthorizationStep::Issue(b));
        assert_eq!(decide(&of("c"), &two), AuthorizationStep::SignIn(None));
        let chose_a = Facts { chosen: Some(a), ..two.clone() };
        assert_eq!(decide(&request(|_| ()), &chose_a), AuthorizationStep::Issue(a));
        assert!(is_refused(&decide(&of("b"), &chose_a), ErrorCode::LoginRequired));
        let mut hinted = two;
        hinted.people[1].is_hinted = true;
        assert_eq!(decide(&request(|_| ()), &hinted), AuthorizationStep::Issue(b));
        let choosing = request(|request| request.prompt = prompt("select_account"));
        assert_eq!(decide(&choosing, &hinted), AuthorizationStep::Choose);
    }

    #[test]
    fn nobody_answers_for_whoever_was_chosen_and_left() {
        let gone = SessionId::from_stored("session of c".to_owned());
        let people = [(session("b", 50), allowed("openid email"))];
        let one = Facts { chosen: Some(&gone), ..facts(&people, 100) };
        assert_eq!(decide(&request(|_| ()), &one), AuthorizationStep::Choose);
        let nobody = Facts { chosen: Some(&gone), ..facts(&[], 100) };
        assert_eq!(decide(&request(|_| ()), &nobody), AuthorizationStep::SignIn(None));
    }

    #[test]
    fn core_5_5_1_1_an_essential_acr_that_cannot_be_met_fails() {
        let people = [(session("a", 50), allowed("openid email"))];
        let facts = facts(&people, 100);
        let asking = |values: &[&str], essential| {
            request(|request| {
                request.claims.acr = values.iter().map(|acr| (*acr).to_owned()).collect();
                request.claims.acr_is_essential = essential;
            })
        };
        assert_eq!(
            decide(&asking(&["2"], false), &facts),
            AuthorizationStep::Issue(&people[0].0.id)
        );
        assert_eq!(
            decide(&asking(&["2", "1"], true), &facts),
            AuthorizationStep::Issue(&people[0].0.id)
        );
        let unmet = ErrorCode::UnmetAuthenticationRequirements;
        assert!(is_refused(&decide(&asking(&["2"], true), &facts), unmet));
    }
}
