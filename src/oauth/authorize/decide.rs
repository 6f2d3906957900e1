//! The decision about an authorization request. It is a pure function of the request, of who is
//! signed in, of what they allowed and of the time. It is called for each request, and again after
//! each step: after a sign-in, after an account was chosen, and after consent.

use std::borrow::Cow;

use chrono::{DateTime, Duration, Utc};
use sha2::{Digest, Sha256};

use crate::domain::authentication::Acr;
use crate::domain::authorization::AuthorizationRequest;
use crate::domain::client::{Client, RegisteredBy};
use crate::domain::consent::Consent;
use crate::domain::hex;
use crate::domain::reason::Reason;
use crate::domain::session::{Session, SessionId};
use crate::oauth::error::Refusal;

/// A person who is signed in in the browser.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "none of them follows from another")]
pub struct Candidate<'a> {
    /// The person's session.
    pub session: &'a Session,
    /// The `sub` by which the client knows this person.
    pub sub: Cow<'a, str>,
    /// Whether `login_hint` names this person.
    pub is_hinted: bool,
    /// Whether this person deletes their account.
    pub is_leaving: bool,
    /// What this person allowed the client before.
    pub consent: Option<Consent>,
    /// The greatest strength that the person could prove: what their account has.
    pub reach: Acr,
    /// Whether a second factor is due for this person in this browser.
    pub is_factor_due: bool,
    /// Whether the person proved so recently who they are that they may set up a factor.
    pub is_fresh: bool,
    /// Whether this person has to accept a document of the operator first.
    pub owes_terms: bool,
}

/// What the decision is made from.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "none of them follows from another")]
pub struct Facts<'a> {
    /// The people who are signed in in the browser.
    pub people: Vec<Candidate<'a>>,
    /// The session that was chosen or opened while this request was worked on.
    pub chosen: Option<&'a SessionId>,
    /// Whether somebody proved a first factor while this request was worked on, and still has to
    /// prove the second.
    pub is_unfinished: bool,
    /// When the request arrived. A sign-in after this instant satisfies `prompt=login` and
    /// `max_age`.
    pub received_at: DateTime<Utc>,
    /// The `acr` values that are asked for, in the order of preference.
    pub wanted: Vec<Acr>,
    /// Whether the client is the operator's own, so that people are not asked for consent.
    pub first_party: bool,
    /// Whether earlier consent does not count, because any program on the machine could send a
    /// request in the name of this client (RFC 8252 §8.6).
    pub asks_always: bool,
    /// What the person is to see of an app for which no operator vouches. Earlier consent to something
    /// else does not count.
    pub seen: Option<String>,
    /// Whether the person has just consented.
    pub allowed_now: bool,
    /// Whether people may make an account on the way to this client.
    pub may_sign_up: bool,
}

/// The next step of an authorization request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthorizationStep<'a> {
    /// Ask for a sign-in. If a session is named, its person has to sign in again.
    SignIn(Option<&'a SessionId>),
    /// Ask for the second factor of a sign-in that has begun.
    Finish,
    /// Ask the person of this session for a proof of this strength.
    StepUp(&'a SessionId, Acr),
    /// Offer the person of this session to set up a second factor. They may go on without one.
    SetUp(&'a SessionId),
    /// Ask the person of this session whether to keep the account, which they are deleting.
    KeepAccount(&'a SessionId),
    /// Let the person make an account.
    SignUp,
    /// Let the person choose an account.
    Choose,
    /// Ask the person of this session to accept the operator's documents.
    Terms(&'a SessionId),
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
    // OpenID Connect Core §5.5.1.1: an essential `acr` that this server does not know is an error.
    if request.acr_is_essential() && facts.wanted.is_empty() {
        return refuse(Reason::AcrUnmet);
    }
    let step = lead(request, facts);
    if !request.prompt.none {
        return step;
    }
    // OpenID Connect Core §3.1.2.6: with `prompt=none` no page may be shown.
    match step {
        AuthorizationStep::SignIn(_) | AuthorizationStep::Finish => refuse(Reason::NobodySignedIn),
        AuthorizationStep::Choose => refuse(Reason::SeveralSignedIn),
        AuthorizationStep::StepUp(..) | AuthorizationStep::SetUp(_) => {
            refuse(Reason::FactorMissing)
        }
        AuthorizationStep::KeepAccount(_) => refuse(Reason::AccountBeingDeleted),
        AuthorizationStep::Terms(_) => refuse(Reason::TermsUnaccepted),
        AuthorizationStep::Consent(_) => refuse(Reason::ConsentMissing),
        done => done,
    }
}

fn refuse<'a>(reason: Reason) -> AuthorizationStep<'a> {
    AuthorizationStep::Refuse(reason.into())
}

fn lead<'a>(request: &AuthorizationRequest, facts: &'a Facts<'a>) -> AuthorizationStep<'a> {
    if facts.is_unfinished {
        return AuthorizationStep::Finish;
    }
    // Initiating User Registration via OpenID Connect 1.0 §4.1. Whoever signed up, signed in or
    // chose an account instead gets on.
    if request.prompt.create && facts.may_sign_up && facts.chosen.is_none() {
        return AuthorizationStep::SignUp;
    }
    let candidate = match choose(request, facts) {
        Ok(candidate) => candidate,
        Err(step) => return step,
    };
    let session = candidate.session;
    if must_prove_again(request, session, facts) {
        return AuthorizationStep::SignIn(Some(&session.id));
    }
    if let Some(step) = strengthen(request, candidate, facts) {
        return step;
    }
    if candidate.is_leaving {
        return AuthorizationStep::KeepAccount(&session.id);
    }
    if candidate.owes_terms {
        return AuthorizationStep::Terms(&session.id);
    }
    if must_allow(request, candidate, facts) {
        return AuthorizationStep::Consent(&session.id);
    }
    AuthorizationStep::Issue(&session.id)
}

/// What the person has to prove in addition, so that a due second factor and the requested `acr`
/// are met.
fn strengthen<'a>(
    request: &AuthorizationRequest,
    candidate: &Candidate<'a>,
    facts: &Facts<'_>,
) -> Option<AuthorizationStep<'a>> {
    let (session, reached) = (&candidate.session.id, candidate.session.authentication.acr());
    let is_due = candidate.is_factor_due && reached < Acr::Two;
    let is_unmet = !facts.wanted.is_empty() && facts.wanted.iter().all(|acr| *acr > reached);
    let is_essential = is_unmet && request.acr_is_essential();
    if request.prompt.none && (is_due || is_unmet) {
        return Some(refuse(if is_essential { Reason::AcrUnmet } else { Reason::FactorMissing }));
    }
    let possible = facts.wanted.iter().find(|acr| is_unmet && **acr <= candidate.reach);
    if is_due {
        // Who has no second factor sets one up when they sign in: an old session is not enough.
        return Some(if candidate.reach < Acr::Two {
            AuthorizationStep::SignIn(Some(session))
        } else {
            // One proof for both, where one does.
            AuthorizationStep::StepUp(session, *possible.unwrap_or(&Acr::Two))
        });
    }
    if !is_unmet {
        return None;
    }
    match possible {
        // Who has a factor that meets the wish is asked for it, and cannot go on without it.
        Some(acr) => Some(AuthorizationStep::StepUp(session, *acr)),
        None if is_essential => Some(refuse(Reason::AcrUnmet)),
        None if request.acr_skipped_in.as_ref() == Some(session) => None,
        // One-time codes can be set up on the way, and give `2`.
        None if candidate.is_fresh && facts.wanted.contains(&Acr::Two) => {
            Some(AuthorizationStep::SetUp(session))
        }
        None => None,
    }
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
        if chosen.is_some_and(|one| one.sub != *named) {
            return Err(refuse(Reason::AnotherPersonSignedIn));
        }
        let signed_in_user = people.iter().find(|one| one.sub == *named);
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
fn must_prove_again(request: &AuthorizationRequest, session: &Session, facts: &Facts<'_>) -> bool {
    let (authentication, received_at) = (&session.authentication, facts.received_at);
    let auth_time = authentication.auth_time(authentication.acr_among(&facts.wanted));
    if auth_time >= received_at {
        return false;
    }
    let age = received_at - auth_time;
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
        || !candidate
            .consent
            .as_ref()
            .is_some_and(|consent| covers(consent, request) && saw(consent, facts))
}

/// Whether the person saw the same of the app.
fn saw(consent: &Consent, facts: &Facts<'_>) -> bool {
    facts.seen.is_none() || consent.seen == facts.seen
}

/// What people see of an app for which no operator vouches, as a hash: how it authenticates, and where
/// the answer goes. Such an app changes both by itself.
#[must_use]
pub fn seen(client: &Client, redirect_uri: &str) -> Option<String> {
    if client.registered_by == RegisteredBy::Operator {
        return None;
    }
    let mut hash = Sha256::new();
    hash.update(client.metadata.token_endpoint_auth_method.as_str());
    hash.update(b" ");
    hash.update(redirect_uri);
    Some(hex::lower(&hash.finalize()))
}

/// Whether the earlier consent covers everything that is asked for.
fn covers(consent: &Consent, request: &AuthorizationRequest) -> bool {
    consent.covers(&request.scope, &request.resources)
        && request.claims.names().all(|name| consent.claims.iter().any(|known| known == name))
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
    Consent {
        scope: before.scope.joined_with(&request.scope),
        claims,
        resources,
        seen: before.seen.clone(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::authentication::{Authentication, Method};
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
            authentication: Authentication::by(Method::Password, t(auth_time)),
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
            acr_values: vec![],
            acr_skipped_in: None,
            pushed: None,
            claims: RequestedClaims::default(),
            challenge: None,
            dpop_jkt: None,
        };
        change(&mut request);
        request
    }

    #[expect(clippy::unnecessary_wraps, reason = "the shape in which it is used")]
    fn allowed(scope: &str) -> Option<Consent> {
        let scope = Scope::parse(scope).unwrap();
        Some(Consent {
            scope,
            claims: vec![],
            resources: vec!["https://known.example".to_owned()],
            seen: None,
        })
    }

    #[test]
    fn a_consent_grows_by_what_is_new_and_names_nothing_twice() {
        let [known, new] = ["https://known.example", "https://new.example"].map(str::to_owned);
        let mut before = allowed("openid").unwrap();
        before.claims = vec!["email".to_owned()];
        let asked = request(|request| {
            let claims = r#"{"id_token": {"email": null, "name": null}}"#;
            request.claims = RequestedClaims::parse(claims, |_| true).unwrap();
            request.resources = vec![known.clone(), new.clone()];
        });
        let both = joined(Some(&before), &asked);
        assert_eq!(both.claims, ["email", "name"]);
        assert_eq!(both.resources, [known, new]);
        assert_eq!(both.scope, asked.scope);
        let first = joined(None, &asked);
        assert_eq!((first.claims, first.resources), (both.claims, both.resources));
    }

    type Change<'a> = &'a dyn Fn(&mut AuthorizationRequest);

    fn facts<'a>(people: &'a [(Session, Option<Consent>)], received_at: i64) -> Facts<'a> {
        let candidate = |(session, consent): &'a (Session, Option<Consent>)| Candidate {
            session,
            sub: session.user.as_str().into(),
            is_hinted: false,
            is_leaving: false,
            consent: consent.clone(),
            reach: Acr::One,
            is_factor_due: false,
            is_fresh: false,
            owes_terms: false,
        };
        Facts {
            people: people.iter().map(candidate).collect(),
            chosen: None,
            is_unfinished: false,
            received_at: t(received_at),
            wanted: vec![],
            first_party: false,
            asks_always: false,
            seen: None,
            allowed_now: false,
            may_sign_up: false,
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

    /// A session that proved these things, one after the other, beginning at second 50.
    fn proven(methods: &[Method]) -> Session {
        let mut methods = methods.iter().cloned();
        let first = Authentication::by(methods.next().unwrap(), t(50));
        let authentication = methods.fold(first, |all, method| all.with(method, t(60)));
        Session { authentication, ..session("a", 50) }
    }

    /// What is decided about a person of this session and reach, of whom this is asked.
    fn strengthened(
        session: &Session,
        (reach, due): (Acr, bool),
        wanted: &[Acr],
        change: impl FnOnce(&mut AuthorizationRequest),
    ) -> String {
        let people = [(session.clone(), allowed("openid email"))];
        let mut facts = facts(&people, 100);
        facts.wanted = wanted.to_vec();
        facts.people[0].reach = reach;
        facts.people[0].is_factor_due = due;
        facts.people[0].is_fresh = true;
        let request = request(|request| {
            request.claims.acr = wanted.iter().map(|acr| acr.as_str().to_owned()).collect();
            change(request);
        });
        match decide(&request, &facts) {
            AuthorizationStep::Issue(_) => "issue".to_owned(),
            AuthorizationStep::SignIn(Some(_)) => "sign in".to_owned(),
            AuthorizationStep::SetUp(_) => "set up".to_owned(),
            AuthorizationStep::StepUp(_, acr) => acr.as_str().to_owned(),
            AuthorizationStep::Refuse(refusal) => refusal.reason.as_str().to_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_page_comes_only_when_no_requested_value_is_met_and_for_the_first_that_can_be() {
        use Acr::{One, PhishingResistant as Phr, Two};
        let one = proven(&[Method::Password]);
        let two = proven(&[Method::Password, Method::Totp]);
        let phr = proven(&[Method::Password, Method::Passkey { backed_up: true }]);
        for (session, reach, due, wanted, expected) in [
            (&one, One, false, vec![], "issue"),
            (&one, One, false, vec![Two, One], "issue"),
            (&one, Two, false, vec![One, Two], "issue"),
            (&one, Two, false, vec![Two], "2"),
            (&one, Two, false, vec![Phr, Two], "2"),
            (&one, Phr, false, vec![Phr, Two], "phr"),
            (&one, Phr, false, vec![Two, Phr], "2"),
            (&one, One, false, vec![Two], "set up"),
            (&one, One, false, vec![Phr, Two], "set up"),
            (&one, One, false, vec![Phr], "issue"),
            (&one, One, true, vec![], "sign in"),
            (&one, Two, true, vec![], "2"),
            (&one, Two, true, vec![One], "2"),
            (&one, Phr, true, vec![Phr], "phr"),
            (&two, Two, true, vec![], "issue"),
            (&two, Two, true, vec![Phr, Two], "issue"),
            (&two, Two, true, vec![Phr], "issue"),
            (&two, Phr, true, vec![Phr], "phr"),
            (&phr, Phr, true, vec![Phr], "issue"),
            (&phr, Phr, true, vec![Two], "issue"),
        ] {
            let said = strengthened(session, (reach, due), &wanted, |_| ());
            assert_eq!(said, expected, "{reach:?} {due} {wanted:?}");
            // Only what is offered for the first time can be left out, and by its person alone.
            let skipped = strengthened(session, (reach, due), &wanted, |request| {
                request.acr_skipped_in = Some(session.id.clone());
            });
            let left = if expected == "set up" { "issue" } else { expected };
            assert_eq!(skipped, left, "skipped {reach:?} {due} {wanted:?}");
            let by_another = strengthened(session, (reach, due), &wanted, |request| {
                request.acr_skipped_in = Some(SessionId::from_stored("another".to_owned()));
            });
            assert_eq!(by_another, expected, "{reach:?} {due} {wanted:?}");
        }
    }

    #[test]
    fn core_5_5_1_1_an_essential_acr_is_met_or_refused() {
        use Acr::{One, PhishingResistant as Phr, Two};
        let one = proven(&[Method::Password]);
        for (reach, due, wanted, expected, silent) in [
            (One, false, vec![Two, One], "issue", "issue"),
            (One, false, vec![Two], "acr_unmet", "acr_unmet"),
            (Two, false, vec![Two], "2", "acr_unmet"),
            (Two, false, vec![Phr], "acr_unmet", "acr_unmet"),
            (Phr, false, vec![Phr], "phr", "acr_unmet"),
            // What is essential is met, and something else is missing.
            (Two, true, vec![One], "2", "factor_missing"),
            (One, true, vec![One], "sign in", "factor_missing"),
            (Two, true, vec![Two], "2", "acr_unmet"),
        ] {
            let essential = |request: &mut AuthorizationRequest| {
                request.claims.acr_is_essential = true;
                request.acr_skipped_in = Some(one.id.clone());
            };
            let said = strengthened(&one, (reach, due), &wanted, essential);
            assert_eq!(said, expected, "{reach:?} {wanted:?}");
            let said = strengthened(&one, (reach, due), &wanted, |request| {
                essential(request);
                request.prompt = prompt("none");
            });
            assert_eq!(said, silent, "{reach:?} {wanted:?}");
        }
        // A value that nobody can meet is refused before anybody signs in.
        let nobody = facts(&[], 100);
        let unknown = request(|request| {
            request.claims.acr = vec!["3".to_owned()];
            request.claims.acr_is_essential = true;
        });
        let unmet = ErrorCode::UnmetAuthenticationRequirements;
        assert!(is_refused(&decide(&unknown, &nobody), unmet));
    }

    #[test]
    fn core_3_1_2_6_without_pages_a_missing_factor_is_an_error() {
        use Acr::{One, PhishingResistant as Phr, Two};
        let one = proven(&[Method::Password]);
        for (reach, due, wanted, expected) in [
            (Two, true, vec![], "factor_missing"),
            (One, true, vec![], "factor_missing"),
            (One, true, vec![One], "factor_missing"),
            (Two, false, vec![Two], "factor_missing"),
            (One, false, vec![Two], "factor_missing"),
            (One, false, vec![Phr], "factor_missing"),
            (One, false, vec![Two, One], "issue"),
        ] {
            let said = strengthened(&one, (reach, due), &wanted, |request| {
                request.prompt = prompt("none");
            });
            assert_eq!(said, expected, "{reach:?} {due} {wanted:?}");
        }
    }

    #[test]
    fn core_3_1_2_1_max_age_asks_for_the_older_of_the_proofs_that_are_needed() {
        let two = proven(&[Method::Password, Method::Totp]);
        let later = proven(&[Method::Password, Method::Passkey { backed_up: false }]);
        for (session, most, expected) in [
            (&two, 50, "issue"),
            (&two, 45, "sign in"),
            (&later, 40, "issue"),
            (&later, 39, "sign in"),
        ] {
            let said = strengthened(session, (Acr::PhishingResistant, false), &[], |request| {
                request.max_age = Some(most);
            });
            assert_eq!(said, expected, "{most}");
        }
    }

    #[test]
    fn nobody_goes_past_a_sign_in_that_is_not_finished() {
        let people = [(session("a", 150), allowed("openid email"))];
        let unfinished = Facts { is_unfinished: true, ..facts(&people, 100) };
        assert_eq!(decide(&request(|_| ()), &unfinished), AuthorizationStep::Finish);
        let silent = request(|request| request.prompt = prompt("none"));
        assert!(is_refused(&decide(&silent, &unfinished), ErrorCode::LoginRequired));
    }

    fn any_acr() -> impl Strategy<Value = Acr> {
        prop::sample::select(Acr::ALL)
    }

    fn any_session() -> impl Strategy<Value = Session> {
        let second = prop_oneof![
            Just(None),
            Just(Some(Method::Totp)),
            Just(Some(Method::RecoveryCode)),
            Just(Some(Method::Passkey { backed_up: true })),
        ];
        let first = prop_oneof![
            Just(Method::Password),
            Just(Method::MailCode),
            Just(Method::Passkey { backed_up: false }),
        ];
        (first, 0_i64..200, second, 0_i64..200).prop_map(|(first, at, second, later)| {
            let begun = Authentication::by(first, t(at));
            let authentication = match second {
                Some(second) => begun.with(second, t(at + later)),
                None => begun,
            };
            Session { authentication, ..session("a", 0) }
        })
    }

    proptest! {
        #[test]
        fn no_code_is_issued_below_what_is_due_or_essential(
            session in any_session(),
            reach in any_acr(),
            (is_factor_due, is_fresh, is_unfinished) in any::<(bool, bool, bool)>(),
            (is_essential, is_skipped, none, login) in any::<(bool, bool, bool, bool)>(),
            max_age in prop::option::of(0_u32..300),
            wanted in prop::collection::vec(any_acr(), 0..4),
        ) {
            let people = [(session.clone(), allowed("openid email"))];
            let mut facts = facts(&people, 100);
            facts.wanted.clone_from(&wanted);
            facts.is_unfinished = is_unfinished;
            facts.people[0].reach = reach;
            facts.people[0].is_factor_due = is_factor_due;
            facts.people[0].is_fresh = is_fresh;
            let request = request(|request| {
                request.claims.acr = wanted.iter().map(|acr| acr.as_str().to_owned()).collect();
                request.claims.acr_is_essential = is_essential;
                request.acr_skipped_in = is_skipped.then(|| session.id.clone());
                request.max_age = max_age;
                request.prompt = Prompt { none, login: login && !none, ..Prompt::default() };
            });
            let reached = session.authentication.acr();
            let step = decide(&request, &facts);
            match &step {
                AuthorizationStep::Issue(_) => {
                    prop_assert!(!is_unfinished);
                    prop_assert!(!is_factor_due || reached >= Acr::Two);
                    let is_met = wanted.is_empty() || wanted.iter().any(|acr| *acr <= reached);
                    prop_assert!(is_met || !is_essential);
                    prop_assert!(is_met || wanted.iter().all(|acr| *acr > reach));
                    let said = session.authentication.acr_among(&wanted);
                    prop_assert!(said <= reached);
                    let auth_time = session.authentication.auth_time(said);
                    if let Some(most) = max_age {
                        prop_assert!(auth_time >= t(100 - i64::from(most)));
                    }
                    prop_assert!(!request.prompt.login || auth_time >= t(100));
                }
                AuthorizationStep::StepUp(_, acr) => {
                    prop_assert!(!none);
                    prop_assert!(*acr > reached);
                    prop_assert!(*acr <= reach || is_factor_due);
                }
                AuthorizationStep::SetUp(_) => {
                    prop_assert!(!none && is_fresh && !is_essential && !is_skipped);
                    // Who can prove what is asked for does so, and cannot leave it out.
                    prop_assert!(wanted.iter().all(|acr| *acr > reach));
                }
                _ => {}
            }
            // Who proves what is asked for gets on: the same step does not come again.
            if let AuthorizationStep::StepUp(_, acr) = step {
                let proof = match acr {
                    Acr::PhishingResistant => Method::Passkey { backed_up: false },
                    Acr::One | Acr::Two => Method::Totp,
                };
                let authentication = session.authentication.clone().with(proof, t(400));
                let stronger = Session { authentication, ..session.clone() };
                let mut facts = facts.clone();
                facts.people[0].session = &stronger;
                let asks_again =
                    matches!(decide(&request, &facts), AuthorizationStep::StepUp(..));
                prop_assert!(!asks_again);
            }
        }
    }
}
