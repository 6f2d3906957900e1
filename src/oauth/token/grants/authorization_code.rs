//! `authorization_code`: RFC 6749 §4.1.3 with PKCE, RFC 7636 §4.5.

use crate::domain::audit::{Event, EventKind};
use crate::domain::authorization::IssuedCode;
use crate::domain::dpop::Thumbprint;
use crate::domain::form::Form;
use crate::domain::grant_type::GrantType;
use crate::domain::reason::Reason;
use crate::domain::secret::{self, Plain, Secret};
use crate::domain::session::Session;
use crate::domain::user::User;
use crate::oauth::error::{Refusal, Result};
use crate::oauth::refused;
use crate::oauth::resource::userinfo;
use crate::oauth::token::client_resources::ClientResources;
use crate::oauth::token::families::{self, SignInGrant};
use crate::oauth::token::grant::{Cx, Grant, registered_resources, required, resources};
use crate::oauth::token::mint::Entitlement;
use crate::rate_limits::CountedAccount;
use crate::store::{Repeats, Tx, audit_events, authorization_codes, consents, sessions, users};

/// The parameters of the request, RFC 6749 §4.1.3.
#[derive(Debug)]
pub struct AuthorizationCode {
    code: Plain<secret::AuthorizationCode>,
    redirect_uri: Option<String>,
    verifier: Option<Secret>,
    resources: Vec<String>,
}

impl Grant for AuthorizationCode {
    const TYPE: GrantType = GrantType::AuthorizationCode;

    fn parse(form: &Form) -> Result<Self, Refusal> {
        Ok(Self {
            code: Plain::presented(required(form, "code", Reason::CodeMissing)?),
            redirect_uri: form.get("redirect_uri").map(str::to_owned),
            verifier: form.get("code_verifier").map(Secret::text),
            resources: resources(form),
        })
    }

    async fn account(&self, cx: &Cx<'_>) -> Result<Option<CountedAccount>> {
        let code = authorization_codes::find(&*cx.server.store, self.code.hashed()).await?;
        let client = cx.client.client().id.clone();
        let theirs = code.filter(|code| code.client == client);
        Ok(theirs.map(|code| CountedAccount::Known { user: code.granted.user, client }))
    }

    async fn redeem(mut self, cx: &Cx<'_>) -> Result<Entitlement> {
        // RFC 6749 §4.1.3: required, because the authorization request had one. A code of the
        // challenge endpoint has none.
        if self.redirect_uri.is_none() && !cx.client.client().metadata.first_party_challenge {
            return Err(Reason::RedirectUriMissing.into());
        }
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

impl AuthorizationCode {
    async fn redeem_in(
        &self,
        tx: &Tx,
        cx: &Cx<'_>,
        of_client: &ClientResources,
    ) -> Result<Entitlement> {
        let unknown = || Reason::CodeUnknown;
        let code = authorization_codes::find(tx, self.code.hashed()).await?;
        let code = code.ok_or_else(unknown)?;
        // A client that did not get this code learns nothing about it and cannot use it up.
        if code.client != cx.client.client().id {
            return Err(unknown().into());
        }
        match self.redirect_uri.as_deref() {
            Some(uri) if uri != code.redirect_uri => {
                let mismatch = Refusal::new(Reason::RedirectUriMismatch);
                return Err(mismatch.with_value(refused::without_query(uri)).into());
            }
            None if !code.redirect_uri.is_empty() => return Err(Reason::RedirectUriMissing.into()),
            _ => {}
        }
        if !self.proves(&code) {
            return Err(Reason::CodeVerifierMismatch.into());
        }
        if code.spent_at.is_some() {
            return Err(replayed(tx, cx, &code).await?);
        }
        if code.expires_at <= tx.now() {
            return Err(Reason::CodeExpired.into());
        }
        let resources = of_client.among(&code.granted.resources, &self.resources)?;
        fits_key(cx, code.granted.dpop_jkt.as_ref())?;
        cx.use_proof(tx).await?;
        let (user, session) = still_there(tx, cx, &code).await?;
        let family = families::new_id();
        if !authorization_codes::spend(tx, &code, &family).await? {
            // Another request used the code first and has committed, so its family is known now.
            let spent = authorization_codes::find(tx, code.hash).await?.unwrap_or(code);
            return Err(replayed(tx, cx, &spent).await?);
        }
        let granted = code.granted;
        let claims = userinfo::named(&user, granted.claims.id_token.iter().map(String::as_str))?;
        let client = cx.client.client();
        let granting = SignInGrant {
            family,
            user: &user.id,
            auth_time: granted.auth_time,
            acr: granted.acr,
            amr: granted.amr,
            provider_issuer: granted.provider_issuer,
            // A scope that was taken from the client after the code was issued is not granted.
            scope: granted.scope.shared_with(&client.metadata.scope),
            resources,
            session: session.as_ref(),
            claims: granted.claims.userinfo,
            binding: cx.binding(),
            by_id_jag: false,
        };
        let entitlement =
            families::start(tx, &cx.server.families, client, granting, cx.origin).await?;
        Ok(Entitlement { nonce: granted.nonce, claims, ..entitlement })
    }

    /// RFC 7636 §4.6; RFC 9700 §4.8.2: a verifier for a code without a challenge is refused, too.
    fn proves(&self, code: &IssuedCode) -> bool {
        match (&code.challenge, &self.verifier) {
            (Some(challenge), Some(verifier)) => challenge.is_met_by(verifier.expose()),
            (None, None) => true,
            _ => false,
        }
    }
}

/// RFC 6749 §4.1.2: the second use of a code ends the family that the first use started.
async fn replayed(tx: &Tx, cx: &Cx<'_>, code: &IssuedCode) -> Result<crate::oauth::error::Error> {
    if let Some(family) = &code.family {
        let ended = crate::store::families::revoke(tx, family).await?;
        let mut event = Event::new(EventKind::CodeReplayed).user(&code.granted.user).family(family);
        event = event.client(&code.client).from(cx.origin);
        if ended {
            audit_events::insert(tx, &[event]).await?;
        }
    }
    Ok(Reason::CodeReused.into())
}

/// RFC 9449 §10: a code that was asked for with `dpop_jkt` needs a proof of that key.
fn fits_key(cx: &Cx<'_>, bound_to: Option<&Thumbprint>) -> Result<(), Refusal> {
    match (bound_to, cx.key()) {
        (Some(_), None) => Err(Reason::DpopProofMissing.into()),
        (Some(bound_to), Some(key)) if key != bound_to => Err(Reason::CodeKeyMismatch.into()),
        _ => Ok(()),
    }
}

/// The person and the session that granted the code, if they are still valid.
async fn still_there(tx: &Tx, cx: &Cx<'_>, code: &IssuedCode) -> Result<(User, Option<Session>)> {
    let granted = &code.granted;
    let gone = || Reason::SessionEnded;
    let user = users::hold(tx, &granted.user).await?.filter(User::is_enabled).ok_or_else(gone)?;
    // Without a session, a change of the password or a factor ends the code.
    if granted.version.is_some() && users::version(tx, &user.id).await? != granted.version {
        return Err(gone().into());
    }
    let session = match &granted.session {
        Some(id) => {
            let found = sessions::hold(tx, id).await?;
            Some(found.filter(|session| session.is_live(tx.now())).ok_or_else(gone)?)
        }
        None => None,
    };
    let client = cx.client.client();
    let by = granted.provider_issuer.as_deref();
    if !cx.server.providers.admit(&client.id, &granted.amr, by) {
        return Err(gone().into());
    }
    // Only the operator's own apps have the challenge endpoint, where nobody is asked for consent.
    if !client.metadata.first_party && session.is_some() {
        let consent = consents::find(tx, &user.id, &client.id).await?;
        if !consent.is_some_and(|consent| consent.covers(&granted.scope, &granted.resources)) {
            return Err(Reason::ConsentWithdrawn.into());
        }
    }
    Ok((user, session))
}
