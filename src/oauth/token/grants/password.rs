//! `password`: the resource owner's credentials, RFC 6749 §4.3. Only clients that are registered
//! for this grant may use it, and a person without a password is always refused.

use std::net::IpAddr;

use crate::accounts::sign_in::{
    AttemptPlace, PASSWORD_AMR, PasswordAttempt, ProvenPassword, SignInRefused,
};
use crate::domain::audit::Origin;
use crate::domain::client::{Client, ClientKind};
use crate::domain::form::Form;
use crate::domain::grant_type::GrantType;
use crate::domain::reason::Reason;
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::domain::{address, verdict};
use crate::oauth::error::{Error, Refusal, Result};
use crate::oauth::token::families::{self, SignInGrant};
use crate::oauth::token::grant::{
    Cx, Grant, registered_resources, registered_scope, required, resources, scope,
};
use crate::oauth::token::mint::Entitlement;
use crate::store::{Tx, audit_events};

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

    async fn redeem(self, cx: &Cx<'_>) -> Result<Entitlement> {
        let client = cx.client.client();
        let scope = registered_scope(&cx.server.clients, self.scope, client).await?;
        registered_resources(&self.resources, client)?;
        if cx.server.providers.are_the_only_way(Some(&client.id)) {
            return Err(Reason::PasswordNotOffered.into());
        }
        let user_ip = user_ip(client, self.user_ip.as_deref())?;
        let address = user_ip.map(|address| address.to_string()).or(cx.origin.address.clone());
        let origin = &Origin { address, ..cx.origin.clone() };
        let attempt = PasswordAttempt {
            username: &self.username,
            password: self.password.expose(),
            place: match (user_ip, client.kind) {
                (Some(address), _) => AttemptPlace::Address(address),
                (None, ClientKind::Public) => AttemptPlace::Address(cx.address),
                // All requests of a confidential app come from the address of its server, so they
                // are counted for the app.
                (None, ClientKind::Confidential) => AttemptPlace::App(&client.id),
            },
            browser: None,
            asked_for: None,
            client: Some(&client.id),
            origin,
        };
        let signed_in = cx.server.password.by_password(attempt).await.map_err(refused)?;
        let tx = cx.server.store.begin(cx.server.clock.now()).await?;
        let cx = &Cx { origin, ..*cx };
        let entitlement = open(&tx, cx, &signed_in, scope, self.resources).await;
        tx.settle(entitlement).await
    }
}

/// The parameter in which an app that signs people in on its own server sends the person's address.
const USER_IP: &str = "user_ip";

/// The address of the person. It decides whose failed sign-ins are counted together, so it is only
/// taken from apps that are registered as trusted for it.
fn user_ip(client: &Client, said: Option<&str>) -> Result<Option<IpAddr>, Refusal> {
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
    let event = signed_in.record(tx, Some(&client.id), cx.origin).await.map_err(refused)?;
    let granted = SignInGrant {
        provider_issuer: None,
        family: families::new_id(),
        user: &signed_in.user.id,
        auth_time: tx.now(),
        amr: PASSWORD_AMR.iter().map(|method| (*method).to_owned()).collect(),
        scope,
        resources,
        session: None,
        claims: Vec::new(),
    };
    audit_events::insert(tx, &[event]).await?;
    Ok(families::start(tx, &cx.server.families, client, granted, cx.origin).await?)
}

fn refused(error: verdict::Error<SignInRefused>) -> Error {
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
