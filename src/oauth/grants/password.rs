//! `password`: the resource owner's credentials, RFC 6749 §4.3. For clients that were registered
//! for it, and never for a person without a password.

use zeroize::Zeroizing;

use super::{Cx, Grant, registered_resources, registered_scope, required, resources, scope};
use crate::accounts::sign_in::{Knock, PASSWORD_AMR, Refused, SignedIn};
use crate::domain::form::Form;
use crate::domain::scope::Scope;
use crate::domain::verdict;
use crate::oauth::error::{Error, ErrorCode, Refusal, Result, invalid_grant};
use crate::oauth::families::{self, Granted};
use crate::oauth::mint::Entitlement;
use crate::store::{Tx, audit_events};

/// RFC 6749 §4.3.2.
pub struct Password {
    username: String,
    password: Zeroizing<String>,
    scope: Option<Scope>,
    resources: Vec<String>,
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Password").finish_non_exhaustive()
    }
}

impl Grant for Password {
    const TYPE: &'static str = "password";

    fn parse(form: &Form) -> Result<Self, Refusal> {
        Ok(Self {
            username: required(form, "username", "username is missing")?.to_owned(),
            password: required(form, "password", "password is missing")?.to_owned().into(),
            scope: scope(form)?,
            resources: resources(form),
        })
    }

    async fn redeem(self, cx: &Cx<'_>) -> Result<Entitlement> {
        let client = cx.client.client();
        let scope = registered_scope(cx.issuer, self.scope, client).await?;
        registered_resources(&self.resources, client)?;
        if cx.issuer.providers.are_the_only_way(Some(&client.id)) {
            return Err(invalid_grant("people come in to this client by a provider alone").into());
        }
        let knock = Knock {
            username: &self.username,
            password: &self.password,
            address: cx.address,
            client: Some(&client.id),
            origin: cx.origin,
        };
        let signed_in = cx.issuer.door().by_password(knock).await.map_err(refused)?;
        let tx = cx.issuer.store.begin(cx.issuer.clock.now()).await?;
        let entitlement = open(&tx, cx, &signed_in, scope, self.resources).await;
        tx.settle(entitlement).await
    }
}

async fn open(
    tx: &Tx,
    cx: &Cx<'_>,
    signed_in: &SignedIn,
    scope: Scope,
    resources: Vec<String>,
) -> Result<Entitlement> {
    let client = cx.client.client();
    let event = signed_in.record(tx, Some(&client.id), cx.origin).await.map_err(refused)?;
    let granted = Granted {
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
    Ok(families::start(tx, cx.issuer, client, granted, cx.origin).await?)
}

fn refused(error: verdict::Error<Refused>) -> Error {
    Error::Refused(match error {
        verdict::Error::Fault(fault) => return Error::Fault(fault),
        verdict::Error::Refused(Refused::Wrong) => {
            invalid_grant("the user name or the password is wrong")
        }
        verdict::Error::Refused(Refused::Throttled(seconds)) => {
            Refusal::new(ErrorCode::Throttled, "too many failed attempts").retry_after(seconds)
        }
        verdict::Error::Refused(Refused::Busy) => {
            Refusal::new(ErrorCode::Overloaded, "too many sign-ins at once").retry_after(2)
        }
    })
}
