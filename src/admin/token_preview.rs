//! Shows an operator what the tokens of a person at a client would say, before any is issued.

use std::sync::Arc;

use chrono::Duration;
use serde::Serialize;
use serde_json::{Map, Value};

use super::authority::{May, ReadClients, ReadPeople};
use super::refused::{AdminResult, invalid};
use super::users::{self, Who};
use crate::clients::registration;
use crate::domain::authentication::Acr;
use crate::domain::claim_names::{GROUPS, ROLES};
use crate::domain::claim_rule::ClaimSource;
use crate::domain::client::Client;
use crate::domain::dpop::Confirmation;
use crate::domain::family::{Family, FamilyId};
use crate::domain::scope::{OPENID, Scope};
use crate::domain::user::User;
use crate::domain::verdict::Fault;
use crate::keys::jwt;
use crate::oauth::resource::userinfo;
use crate::oauth::token::mint::{self, Entitlement, LARGE, Mint, audiences};
use crate::oauth::token::person_claims::PersonClaims;
use crate::store::Store;

/// Whose tokens are shown.
#[derive(Clone, Debug)]
pub struct PreviewRequest<'a> {
    /// The client.
    pub client: &'a str,
    /// The person.
    pub username: &'a str,
    /// The scope that the app asks for. `None`: everything that it is registered for.
    pub scope: Option<Scope>,
    /// The resource that the app names, RFC 8707.
    pub audience: Option<String>,
}

/// What the tokens would say.
#[derive(Clone, Debug, Serialize)]
pub struct Preview {
    /// The claims of the access token.
    pub access_token: Map<String, Value>,
    /// The claims of the id token; `None` without the scope `openid`.
    pub id_token: Option<Map<String, Value>>,
    /// The answer of userinfo; `None` without the scope `openid`.
    pub userinfo: Option<Map<String, Value>>,
    /// How long the tokens are.
    pub bytes: Lengths,
    /// What the operator may have overlooked.
    pub warnings: Vec<String>,
}

/// The bytes of the signed tokens.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Lengths {
    /// Those of the access token.
    pub access_token: usize,
    /// Those of the id token.
    pub id_token: Option<usize>,
}

/// Shows the tokens. They are made, to have their claims and their length, and thrown away.
pub async fn preview(
    _may: (&May<ReadPeople>, &May<ReadClients>),
    store: &Store,
    mint: &Mint,
    person_claims: &PersonClaims,
    asked: PreviewRequest<'_>,
) -> AdminResult<Preview> {
    let client = registration::find(store, asked.client).await?;
    let user = users::found(store, Who::Name(asked.username)).await?;
    if let Some(audience) = &asked.audience
        && !client.metadata.audiences.contains(audience)
    {
        return invalid(format!(
            "the client {:?} is not registered for the audience {audience:?}",
            client.id.as_str()
        ));
    }
    let wish = asked.scope.unwrap_or_else(|| client.metadata.scope.clone());
    let entitlement = entitlement(mint, &client, &user, &wish, asked.audience);
    let scope = &entitlement.scope;
    let about = person_claims.about(&client, &entitlement).await?;
    mint::prepare(mint, &client, &about.terms).await?;
    let made = mint::make(mint, &client, &entitlement, about)?;
    let userinfo = if scope.contains(OPENID) {
        let sub = mint.subjects.of(&client, &user.id);
        Some(userinfo::tell(&person_claims.added, &client, (&user, &sub), scope, &[]).await?)
    } else {
        None
    };
    let bytes = Lengths {
        access_token: made.access_token.len(),
        id_token: made.id_token.as_ref().map(String::len),
    };
    let mut warnings = warnings(&client, &user, &wish);
    let declared = person_claims.added.clients.attributes().await?;
    for rule in &client.metadata.claims {
        if let ClaimSource::Attribute(name) = &rule.source
            && !declared.iter().any(|one| one.name == *name)
        {
            warnings.push(format!(
                "the client has a rule for {name:?}, but there is no such attribute"
            ));
        }
    }
    let resources = audiences(&mint.url, &client, &entitlement);
    if scope.contains(ROLES)
        && person_claims.added.role_owners(&client, &resources).await?.is_none()
    {
        warnings
            .push("the access token is for several APIs with roles, so it names none".to_owned());
    }
    for (name, length) in [("access token", Some(bytes.access_token)), ("id token", bytes.id_token)]
    {
        if let Some(length) = length.filter(|length| *length > LARGE) {
            warnings.push(format!("token.large: the {name} has {length} bytes, more than {LARGE}"));
        }
    }
    Ok(Preview {
        access_token: claims(&made.access_token)?,
        id_token: made.id_token.as_deref().map(claims).transpose()?,
        userinfo,
        bytes,
        warnings,
    })
}

/// What a sign-in with a password would bring.
fn entitlement(
    mint: &Mint,
    client: &Client,
    user: &User,
    wish: &Scope,
    audience: Option<String>,
) -> Entitlement {
    let now = mint.clock.now();
    let scope = wish.shared_with(&client.metadata.scope);
    let resources: Vec<String> = audience.into_iter().collect();
    let family = Family {
        id: FamilyId::generate(),
        user: user.id.clone(),
        client: client.id.clone(),
        scope: scope.clone(),
        resources: resources.clone(),
        auth_time: now,
        acr: Acr::One,
        amr: vec!["pwd".to_owned()],
        provider_issuer: None,
        session: None,
        claims: Vec::new(),
        expires_at: now + Duration::days(1),
        revoked_at: None,
        status: None,
        parent: None,
        by_id_jag: false,
        binding: Confirmation::default(),
    };
    Entitlement {
        family: Some(Arc::new(family)),
        scope,
        resources,
        refresh_token: None,
        nonce: None,
        claims: Map::new(),
        status: None,
        issued_token_type: None,
        delegation: None,
        id_jag: None,
    }
}

/// The claims of a token, without those that are made anew for each.
fn claims(token: &str) -> Result<Map<String, Value>, Fault> {
    let claims = jwt::unverified::<Map<String, Value>>(token);
    let mut claims = claims.map_err(|error| Fault::internal("reading our own token", error))?;
    claims.retain(|name, _| !["jti", "sid", "at_hash"].contains(&name.as_str()));
    Ok(claims)
}

fn warnings(client: &Client, user: &User, wish: &Scope) -> Vec<String> {
    let mut warnings = Vec::new();
    if !client.is_enabled() {
        warnings.push("the client is disabled, so it gets no token".to_owned());
    }
    if !user.is_enabled() {
        warnings.push("the account is disabled, so nobody gets a token for it".to_owned());
    }
    for token in wish.beyond(&client.metadata.scope) {
        warnings.push(format!("the client is not registered for the scope {token:?}"));
    }
    let has_rule =
        client.metadata.claims.iter().any(|rule| matches!(rule.source, ClaimSource::Groups(_)));
    match (has_rule, wish.contains(GROUPS)) {
        (true, false) => warnings.push(
            "the client has a rule for groups, but the scope does not ask for them".to_owned(),
        ),
        (false, true) => warnings.push(
            "the scope asks for groups, but the client has no rule for them: --claim groups"
                .to_owned(),
        ),
        _ => {}
    }
    warnings
}
