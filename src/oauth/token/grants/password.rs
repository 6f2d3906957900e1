//! `password`: the resource owner's credentials, RFC 6749 §4.3. Only clients that are registered
//! for this grant may use it, and a person without a password is always refused.

use std::net::IpAddr;

use crate::accounts::sign_in::{AttemptPlace, PasswordAttempt, ProvenPassword, SignInRefused};
use crate::domain::audit::{LazyOrigin, Origin};
use crate::domain::auth_session::{AuthSession, BoundKey, LIFE};
use crate::domain::authentication::{Authentication, Method};
use crate::domain::client::{Client, ClientId, ClientKind};
use crate::domain::form::Form;
use crate::domain::grant_type::GrantType;
use crate::domain::reason::Reason;
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::domain::{address, verdict};
use crate::oauth::challenge::onward::{self, is_factor_due};
use crate::oauth::error::{Error, Refusal, Result};
use crate::oauth::token::families::{self, SignInGrant};
use crate::oauth::token::grant::{
    Cx, Grant, registered_resources, registered_scope, required, resources, scope,
};
use crate::oauth::token::mint::Entitlement;
use crate::rate_limits::CountedAccount;
use crate::store::{Repeats, Tx, audit_events, users};

/// The parameters of the request, RFC 6749 §4.3.2.
#[derive(Debug)]
pub struct Password {
    username: String,
    password: Secret,
    scope: Option<Scope>,
    resources: Vec<String>,
    user_ip: Option<String>,
}

impl Grant for Password {
    const TYPE: GrantType = GrantType::Password;

    fn parse(form: &Form) -> Result<Self, Refusal> {
        Ok(Self {
            username: required(form, "username", Reason::UsernameMissing)?.to_owned(),
            password: required(form, "password", Reason::PasswordMissing)?.to_owned().into(),
            scope: scope(form)?,
            resources: resources(form),
            user_ip: form.get(USER_IP).map(str::to_owned),
        })
    }

    async fn account(&self, cx: &Cx<'_>) -> Result<Option<CountedAccount>> {
        let user_ip = self.user_ip.as_deref();
        let from = AttemptFrom::of(cx.client.client(), user_ip, cx.address, cx.origin)?;
        Ok(Some(from.typed(&self.username)))
    }

    async fn redeem(self, cx: &Cx<'_>) -> Result<Entitlement> {
        let client = cx.client.client();
        let scope = registered_scope(&cx.server.clients, self.scope, client).await?;
        let resources = registered_resources(&cx.server.clients, self.resources, client).await?;
        if cx.server.providers.are_the_only_way(Some(&client.id)) {
            return Err(Reason::PasswordNotOffered.into());
        }
        let from = AttemptFrom::of(client, self.user_ip.as_deref(), cx.address, cx.origin)?;
        let attempt = from.attempt(&self.username, self.password.expose());
        let signed_in = cx.server.password.by_password(attempt).await.map_err(refused)?;
        let origin = LazyOrigin::new(Box::new(move || from.origin));
        let cx = &Cx { origin: &origin, ..*cx };
        let mut repeats = Repeats::default();
        loop {
            let tx = cx.server.store.begin(cx.server.clock.now()).await?;
            let (scope, resources) = (scope.clone(), resources.clone());
            let entitlement = open(&tx, cx, &signed_in, scope, resources).await;
            let settled = tx.settle(entitlement).await;
            if !repeats.wants(&settled) {
                return settled;
            }
        }
    }
}

/// The parameter in which an app that signs people in on its own server sends the person's address.
const USER_IP: &str = "user_ip";

/// Where an app sends a password or a code from.
#[derive(Debug)]
pub struct AttemptFrom<'a> {
    client: &'a ClientId,
    place: AttemptPlace<'a>,
    /// What audit events say about where the request came from.
    pub origin: Origin,
}

impl<'a> AttemptFrom<'a> {
    /// This name as it is counted when it comes from here.
    #[must_use]
    pub fn typed(&self, name: &str) -> CountedAccount {
        CountedAccount::Typed { name: name.to_owned(), place: self.place.name() }
    }

    /// Reads where a request of this client comes from. `user_ip` is the address of the person, as
    /// the app says it.
    pub fn of(
        client: &'a Client,
        user_ip: Option<&str>,
        address: IpAddr,
        origin: &Origin,
    ) -> Result<Self, Refusal> {
        let user_ip = trusted(client, user_ip)?;
        let place = match (user_ip, client.kind) {
            (Some(address), _) => AttemptPlace::Address(address),
            (None, ClientKind::Public) => AttemptPlace::Address(address),
            // All requests of a confidential app come from the address of its server, so they are
            // counted for the app.
            (None, ClientKind::Confidential) => AttemptPlace::App(&client.id),
        };
        let address = user_ip.map(|address| address.to_string()).or(origin.address.clone());
        Ok(Self { client: &client.id, place, origin: Origin { address, ..origin.clone() } })
    }

    /// An attempt with this name and password.
    #[must_use]
    pub fn attempt<'b>(&'b self, username: &'b str, password: &'b str) -> PasswordAttempt<'b> {
        PasswordAttempt {
            username,
            password,
            place: self.place,
            browser: None,
            asked_for: None,
            takes_temporary: false,
            client: Some(self.client),
            origin: &self.origin,
        }
    }
}

/// The address of the person. It decides whose failed sign-ins are counted together, so it is only
/// taken from apps that are registered as trusted for it.
fn trusted(client: &Client, said: Option<&str>) -> Result<Option<IpAddr>, Refusal> {
    match said.filter(|_| client.metadata.trust_user_ip) {
        None => Ok(None),
        Some(said) => match address::read(said) {
            Some(address) => Ok(Some(address)),
            None => Err(Reason::UserIpMalformed.into()),
        },
    }
}

async fn open(
    tx: &Tx,
    cx: &Cx<'_>,
    signed_in: &ProvenPassword,
    scope: Scope,
    resources: Vec<String>,
) -> Result<Entitlement> {
    let client = cx.client.client();
    let recorded = signed_in.record(tx, Some(&client.id), cx.origin).await;
    let (user, event) = recorded.map_err(refused)?;
    let user = &user;
    let authentication = Authentication::by(Method::Password, tx.now());
    if is_factor_due(&cx.server.factors, user, client, authentication.acr()) {
        let session = AuthSession {
            client: client.id.clone(),
            user: user.id.clone(),
            version: users::version(tx, &user.id).await?,
            authentication,
            scope,
            resources,
            challenge: None,
            bound_to: cx.key().map(BoundKey::proven),
            first: None,
            expires_at: tx.now() + LIFE,
        };
        let key = &cx.server.auth_sessions;
        return Err(onward::refuse(tx, key, client, user, (&session, &event)).await?.into());
    }
    let granted = SignInGrant {
        family: families::new_id(),
        user: &user.id,
        auth_time: authentication.signed_in_at(),
        acr: authentication.acr(),
        amr: authentication.amr(),
        provider_issuer: None,
        scope,
        resources,
        session: None,
        claims: Vec::new(),
        binding: cx.binding(),
        by_id_jag: false,
    };
    audit_events::insert(tx, &[event]).await?;
    Ok(families::start(tx, &cx.server.families, client, granted, cx.origin).await?)
}

/// The error for a password that was refused.
#[must_use]
pub fn refused(error: verdict::Error<SignInRefused>) -> Error {
    Error::Refused(match error {
        verdict::Error::Fault(fault) => return Error::Fault(fault),
        verdict::Error::Refused(SignInRefused::Wrong) => Reason::PasswordWrong.into(),
        verdict::Error::Refused(SignInRefused::Throttled(seconds)) => {
            Refusal::new(Reason::SignInsThrottled).retry_after(seconds)
        }
        verdict::Error::Refused(SignInRefused::Busy) => {
            Refusal::new(Reason::SignInsOverloaded).retry_after(2)
        }
    })
}
