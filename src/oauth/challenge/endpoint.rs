//! `POST /authorize-challenge`: OAuth 2.0 for First-Party Applications §5.

use std::net::IpAddr;

use serde::Serialize;

use super::onward::{self, is_factor_due};
use crate::accounts::second_factor::TypedFactor;
use crate::accounts::sign_in::SignInRefused;
use crate::domain::audit::{Event, EventKind, Origin};
use crate::domain::auth_session::{AuthSession, BoundKey, LIFE};
use crate::domain::authentication::{Authentication, Method};
use crate::domain::authorization::{Granted, IssuedCode};
use crate::domain::client::{Client, ClientKind, RequirePkce};
use crate::domain::clock::SKEW;
use crate::domain::form::Form;
use crate::domain::language::Language;
use crate::domain::pkce::{self, Challenge};
use crate::domain::reason::Reason;
use crate::domain::requested_claims::RequestedClaims;
use crate::domain::secret::{AuthSessionToken, Plain, Secret};
use crate::domain::user::User;
use crate::domain::verdict::Error as Refusable;
use crate::oauth::authorize::codes;
use crate::oauth::authorize::request::dpop_jkt;
use crate::oauth::client_auth::Credentials;
use crate::oauth::error::{Refusal, Result};
use crate::oauth::possession::{Presented, key_of_code};
use crate::oauth::token::context::GrantContext;
use crate::oauth::token::endpoint::TokenEndpoint;
use crate::oauth::token::grant::{
    registered_resources, registered_scope, required, resources, scope,
};
use crate::oauth::token::grants::password::{AttemptFrom, refused};
use crate::store::{Tx, audit_events, authorization_codes, recovery_codes, used_assertions, users};

/// A request to the challenge endpoint.
#[derive(Debug)]
pub struct ChallengeRequest<'a> {
    /// The client's credentials, or why they cannot be read.
    pub credentials: std::result::Result<Credentials, Refusal>,
    /// The body.
    pub form: Form,
    /// The proof of possession.
    pub proof: Presented<'a>,
    /// The client address.
    pub address: IpAddr,
    /// What audit events say about where the request came from.
    pub origin: &'a Origin,
}

/// The answer when everything was proven.
#[derive(Serialize)]
pub struct ChallengeResponse {
    /// The code, which the client redeems at the token endpoint.
    pub authorization_code: String,
}

impl std::fmt::Debug for ChallengeResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ChallengeResponse(…)")
    }
}

/// Answers a request to the challenge endpoint.
pub async fn challenge(
    endpoint: &TokenEndpoint,
    request: ChallengeRequest<'_>,
) -> Result<ChallengeResponse> {
    let ChallengeRequest { credentials, form, proof, address, origin } = request;
    let proof = endpoint.possession.check_at_challenge(proof)?;
    let client = endpoint.clients.verify(&credentials?).await?;
    let client = endpoint.clients.use_up(client, proof.as_ref()).await?;
    let client = client.client();
    if !client.metadata.first_party_challenge {
        return Err(Reason::ChallengeUnregistered.into());
    }
    if form.get("response_type").is_some_and(|named| named != "code") {
        return Err(Reason::ResponseTypeUnsupported.into());
    }
    // A request that cannot be answered uses nothing up.
    let key = key_of_code(dpop_jkt(&form)?, proof.as_ref())?;
    let key = key.map(|thumbprint| BoundKey { thumbprint, is_proven: proof.is_some() });
    let from = AttemptFrom::of(client, form.get("user_ip"), address, origin)?;
    if let Some(username) = form.get("username") {
        endpoint.clients.count_account(&from.typed(username)).await?;
    }
    if let Some(proof) = &proof {
        endpoint.possession.use_up(proof).await?;
    }
    let at = At { server: &endpoint.grants, client, form: &form, from: &from, key: key.as_ref() };
    match form.get("auth_session") {
        Some(token) => at.go_on(token).await,
        None => at.begin().await,
    }
}

/// A sign-in whose password was right.
enum Begun {
    /// No second factor is due.
    Issued(ChallengeResponse),
    /// A one-time code is due.
    Unfinished(Box<(AuthSession, Refusal)>),
}

/// A request of a client that may use the endpoint.
#[derive(Clone, Copy)]
struct At<'a> {
    server: &'a GrantContext,
    client: &'a Client,
    form: &'a Form,
    from: &'a AttemptFrom<'a>,
    /// The key that it proves or names.
    key: Option<&'a BoundKey>,
}

impl At<'_> {
    /// Begins with user name and password. A code may come with them.
    async fn begin(self) -> Result<ChallengeResponse> {
        let Self { server, client, form, from, .. } = self;
        let username = required(form, "username", Reason::UsernameMissing)?;
        let password = required(form, "password", Reason::PasswordMissing)?;
        let challenge = self.challenge()?;
        needs_pkce(client, challenge.as_ref())?;
        let scope = registered_scope(&server.clients, scope(form)?, client).await?;
        let resources = registered_resources(&server.clients, resources(form), client).await?;
        if server.providers.are_the_only_way(Some(&client.id)) {
            return Err(Reason::FactorOnlyOnPage.into());
        }
        let signed_in = server.password.by_password(from.attempt(username, password)).await;
        let signed_in = signed_in.map_err(refused)?;
        let found = match self.typed().filter(|_| signed_in.user.totp_since.is_some()) {
            Some(typed) => server.factors.found_with_password(&signed_in, typed).await?,
            None => None,
        };
        let tx = server.store.begin(server.clock.now()).await?;
        let begun = async {
            let recorded = signed_in.record(&tx, Some(&client.id), &from.origin).await;
            let (user, event) = recorded.map_err(refused)?;
            let session = AuthSession {
                client: client.id.clone(),
                user: user.id.clone(),
                version: users::version(&tx, &user.id).await?,
                authentication: Authentication::by(Method::Password, tx.now()),
                scope,
                resources,
                challenge,
                bound_to: self.key.cloned(),
                first: None,
                expires_at: tx.now() + LIFE,
            };
            if !is_factor_due(&server.factors, &user, client, session.authentication.acr()) {
                return Ok(Begun::Issued(self.issue(&tx, &session, event).await?));
            }
            if let Some(found) = &found {
                // An app asks, and says nothing of the language of its person.
                let saying = (&event, Language::default());
                let spent = server.factors.spend_with_password(&tx, &signed_in, found, saying);
                if let Some(method) = spent.await? {
                    let authentication = session.authentication.clone().with(method, tx.now());
                    let session = AuthSession { authentication, ..session };
                    return Ok(Begun::Issued(self.issue(&tx, &session, event).await?));
                }
            }
            let key = &server.auth_sessions;
            let refusal = onward::refuse(&tx, key, client, &user, (&session, &event)).await?;
            if user.totp_since.is_none() {
                // Nothing that the app can send would be enough.
                return Err(Reason::FactorOnlyOnPage.into());
            }
            Ok(Begun::Unfinished(Box::new((session, refusal))))
        };
        let begun = begun.await;
        let (session, refusal) = match tx.settle(begun).await? {
            Begun::Issued(response) => return Ok(response),
            Begun::Unfinished(unfinished) => *unfinished,
        };
        if self.typed().is_none() {
            return Err(refusal.into());
        }
        // A code came with the password and is wrong, or was used by another request: it counts as a
        // guess of its own.
        let token = refusal.onward.map(|onward| onward.auth_session);
        self.prove(session, token.unwrap_or_default()).await
    }

    /// Goes on with a sign-in that has begun.
    async fn go_on(self, token: &str) -> Result<ChallengeResponse> {
        let Self { server, client, .. } = self;
        let token = Plain::<AuthSessionToken>::presented(token);
        let session = server.auth_sessions.open(&token);
        let now = server.clock.now();
        let session = session
            .filter(|session| session.client == client.id && now < session.expires_at)
            .ok_or(Reason::AuthSessionUnknown)?;
        let (session, token) = self.bound(session, token)?;
        // The grant `password` knows no challenge, so it may come with the code.
        let challenge = session.challenge.clone().or(self.challenge()?);
        needs_pkce(client, challenge.as_ref())?;
        self.prove(AuthSession { challenge, ..session }, Secret::text(token.expose())).await
    }

    /// Binds a sign-in to the key of this request, and says by which `auth_session` the app goes on:
    /// by another one if the key is new to it.
    fn bound(
        self,
        session: AuthSession,
        token: Plain<AuthSessionToken>,
    ) -> Result<(AuthSession, Plain<AuthSessionToken>)> {
        let bound_to = session.bound_by(self.key)?;
        if bound_to == session.bound_to {
            return Ok((session, token));
        }
        let first = session.first.unwrap_or_else(|| token.hashed());
        let session = AuthSession { bound_to, first: Some(first), ..session };
        let token = self.server.auth_sessions.seal(&session)?;
        Ok((session, token))
    }

    /// Checks the second factor, and issues a code.
    async fn prove(self, session: AuthSession, token: Secret) -> Result<ChallengeResponse> {
        let Self { server, client, from, .. } = self;
        let gone = || Reason::AuthSessionUnknown;
        let user = users::find(&*server.store, &session.user).await?;
        let user = user.filter(User::is_enabled).ok_or_else(gone)?;
        if user.totp_since.is_none() {
            return Err(Reason::FactorOnlyOnPage.into());
        }
        let left = recovery_codes::left(&*server.store, &user.id).await?;
        let onward = onward::of(&user, token.clone(), left);
        let Some(typed) = self.typed() else {
            return Err(Refusal::new(Reason::FactorDue).going_on(Some(onward)).into());
        };
        let attempt = from.attempt(&user.username, "");
        let wrong = |error: Refusable<SignInRefused>| match error {
            Refusable::Refused(SignInRefused::Wrong) => {
                Refusal::new(Reason::FactorWrong).going_on(Some(onward.clone())).into()
            }
            other => refused(other),
        };
        let proven = server.factors.check(&user, typed, attempt).await.map_err(wrong)?;
        let tx = server.store.begin(server.clock.now()).await?;
        let issued = async {
            let own = || Plain::<AuthSessionToken>::presented(token.expose()).hashed();
            let once = session.first.unwrap_or_else(own).to_stored();
            if !used_assertions::remember(&tx, once.clone(), session.expires_at + SKEW).await? {
                return Err(gone().into());
            }
            // An app asks, and says nothing of the language of its person.
            let method = match proven.spend(&tx, Language::default()).await {
                Ok(method) => method,
                Err(error) => {
                    used_assertions::take_back(&tx, once).await?;
                    return Err(wrong(error));
                }
            };
            let user = users::hold(&tx, &user.id).await?.filter(User::is_enabled);
            let user = user.ok_or_else(gone)?;
            // The password or a factor was changed since the password was proven.
            if users::version(&tx, &user.id).await? != session.version {
                return Err(gone().into());
            }
            let authentication = session.authentication.clone().with(method, tx.now());
            let session = AuthSession { authentication, ..session.clone() };
            let mut event = Event::new(EventKind::SignInSucceeded).user(&user.id);
            event.client = Some(client.id.clone());
            self.issue(&tx, &session, event.from(&from.origin)).await
        };
        let issued = issued.await;
        tx.settle(issued).await
    }

    /// Issues the code of a sign-in that has proven everything that is due.
    async fn issue(
        self,
        tx: &Tx,
        session: &AuthSession,
        event: Event,
    ) -> Result<ChallengeResponse> {
        let authentication = &session.authentication;
        let acr = authentication.acr();
        let code = Plain::generate();
        let issued = IssuedCode {
            hash: code.hashed(),
            client: session.client.clone(),
            redirect_uri: String::new(),
            challenge: session.challenge.clone(),
            granted: Granted {
                user: session.user.clone(),
                session: None,
                scope: session.scope.clone(),
                resources: session.resources.clone(),
                nonce: None,
                claims: RequestedClaims::default(),
                auth_time: authentication.auth_time(acr),
                acr,
                amr: authentication.amr(),
                provider_issuer: authentication.provider_issuer().map(str::to_owned),
                version: session.version,
                dpop_jkt: session.bound_to.as_ref().map(|key| key.thumbprint.clone()),
            },
            expires_at: tx.now() + codes::LIFE,
            spent_at: None,
            family: None,
        };
        authorization_codes::insert(tx, &issued).await?;
        audit_events::insert(tx, &[event]).await?;
        Ok(ChallengeResponse { authorization_code: code.expose().to_owned() })
    }

    /// The second factor in the request.
    fn typed(&self) -> Option<TypedFactor<'_>> {
        let code = self.form.get("otp").map(TypedFactor::OneTimeCode);
        code.or(self.form.get("recovery_code").map(TypedFactor::RecoveryCode))
    }

    /// The PKCE challenge, RFC 7636 §4.3.
    fn challenge(&self) -> Result<Option<Challenge>, Refusal> {
        let Some(text) = self.form.get("code_challenge") else { return Ok(None) };
        if self.form.get("code_challenge_method") != Some(pkce::METHOD) {
            return Err(Reason::CodeChallengeMethodUnsupported.into());
        }
        Challenge::parse(text).map(Some).ok_or_else(|| Reason::CodeChallengeMalformed.into())
    }
}

/// A public client binds its code by PKCE: the endpoint has no redirect URI that would do it.
fn needs_pkce(client: &Client, challenge: Option<&Challenge>) -> Result<(), Refusal> {
    match (challenge, client.kind, client.metadata.require_pkce) {
        (None, ClientKind::Public, _) => Err(Reason::PkceRequired.into()),
        (None, _, RequirePkce::Always) => Err(Reason::PkceRequiredByRegistration.into()),
        _ => Ok(()),
    }
}
