//! `urn:ietf:params:oauth:grant-type:device_code`: a device asks whether its person has allowed it,
//! RFC 8628 §3.4.

use chrono::Duration;

use crate::domain::device_grant::DeviceGrant;
use crate::domain::form::Form;
use crate::domain::grant_type::GrantType;
use crate::domain::reason::Reason;
use crate::domain::secret::{self, Plain};
use crate::domain::user::User;
use crate::oauth::error::{Refusal, Result};
use crate::oauth::token::client_resources::ClientResources;
use crate::oauth::token::families::{self, SignInGrant};
use crate::oauth::token::grant::{Cx, Grant, registered_resources, required, resources};
use crate::oauth::token::mint::Entitlement;
use crate::rate_limits::CountedAccount;
use crate::store::{Repeats, Tx, consents, device_grants, users};

/// By how much a device that polls too fast waits longer, for good: RFC 8628 §3.5.
const SLOWER: Duration = Duration::seconds(5);

/// The parameters of the request, RFC 8628 §3.4.
#[derive(Debug)]
pub struct DeviceCode {
    code: Plain<secret::DeviceCode>,
    resources: Vec<String>,
}

impl Grant for DeviceCode {
    const TYPE: GrantType = GrantType::DeviceCode;

    fn parse(form: &Form) -> Result<Self, Refusal> {
        let code = required(form, "device_code", Reason::DeviceCodeMissing)?;
        Ok(Self { code: Plain::presented(code), resources: resources(form) })
    }

    async fn account(&self, cx: &Cx<'_>) -> Result<Option<CountedAccount>> {
        let grant = device_grants::find(&*cx.server.store, self.code.hashed()).await?;
        let client = cx.client.client().id.clone();
        let granted = grant.filter(|grant| grant.client == client).and_then(|one| one.granted);
        Ok(granted.map(|granted| CountedAccount::Known { user: granted.user, client }))
    }

    async fn redeem(mut self, cx: &Cx<'_>) -> Result<Entitlement> {
        let (clients, client) = (&cx.server.clients, cx.client.client());
        self.resources = registered_resources(clients, self.resources, client).await?;
        let of_client = ClientResources::new(client, clients.resources().await?);
        let mut repeats = Repeats::default();
        loop {
            let tx = cx.server.store.begin(cx.server.clock.now()).await?;
            let entitlement = self.redeem_in(&tx, cx, &of_client).await;
            let settled = tx.settle(entitlement).await;
            if !repeats.wants(&settled) {
                return settled;
            }
        }
    }
}

impl DeviceCode {
    async fn redeem_in(
        &self,
        tx: &Tx,
        cx: &Cx<'_>,
        of_client: &ClientResources,
    ) -> Result<Entitlement> {
        let found = device_grants::find(tx, self.code.hashed()).await?;
        let client = cx.client.client();
        // A client that did not get this code learns nothing about it.
        let grant = found.filter(|grant| grant.client == client.id);
        let grant = grant.ok_or(Reason::DeviceCodeUnknown)?;
        if grant.spent_at.is_some() {
            return Err(Reason::DeviceCodeUsed.into());
        }
        if grant.expires_at <= tx.now() {
            return Err(Reason::DeviceCodeExpired.into());
        }
        cx.use_proof(tx).await?;
        let Some(granted) = grant.granted.clone() else {
            return Err(waits(tx, &grant).await?.into());
        };
        let resources = of_client.among(&granted.resources, &self.resources)?;
        let user = still_there(tx, cx, &grant).await?;
        if !device_grants::spend(tx, &grant).await? {
            return Err(Reason::DeviceCodeUsed.into());
        }
        let granting = SignInGrant {
            family: families::new_id(),
            user: &user.id,
            auth_time: granted.auth_time,
            acr: granted.acr,
            amr: granted.amr,
            provider_issuer: granted.provider_issuer,
            // A scope that was taken from the client meanwhile is not granted.
            scope: granted.scope.shared_with(&client.metadata.scope),
            resources,
            // The device stays signed in when the browser that allowed it is signed out.
            session: None,
            claims: Vec::new(),
            binding: cx.binding(),
            by_id_jag: false,
        };
        Ok(families::start(tx, &cx.server.families, client, granting, cx.origin).await?)
    }
}

/// The answer while nobody has allowed it: RFC 8628 §3.5.
async fn waits(tx: &Tx, grant: &DeviceGrant) -> Result<Reason> {
    if grant.decided_at.is_some() {
        return Ok(Reason::DeviceDenied);
    }
    let is_early = grant.polled_at.is_some_and(|last| tx.now() < last + grant.pause);
    let pause = if is_early { grant.pause + SLOWER } else { grant.pause };
    device_grants::polled(tx, grant, pause).await?;
    Ok(if is_early { Reason::DevicePollsTooFast } else { Reason::DevicePending })
}

/// The person who allowed it, if they may still be signed in at this client.
async fn still_there(tx: &Tx, cx: &Cx<'_>, grant: &DeviceGrant) -> Result<User> {
    let gone = || Reason::DeviceGrantEnded;
    let granted = grant.granted.as_ref().ok_or_else(gone)?;
    let client = cx.client.client();
    let user = users::hold(tx, &granted.user).await?.filter(User::is_enabled).ok_or_else(gone)?;
    // A change of the password or a factor ends what was allowed before.
    if users::version(tx, &user.id).await? != granted.version {
        return Err(gone().into());
    }
    let by = granted.provider_issuer.as_deref();
    if !cx.server.providers.admit(&client.id, &granted.amr, by) {
        return Err(gone().into());
    }
    if !client.metadata.first_party {
        let consent = consents::find(tx, &user.id, &client.id).await?;
        if !consent.is_some_and(|consent| consent.covers(&granted.scope, &granted.resources)) {
            return Err(Reason::ConsentWithdrawn.into());
        }
    }
    Ok(user)
}
