//! The claims about the person in the tokens of a client.

use crate::domain::claim_names::by_scope;
use crate::domain::client::Client;
use crate::domain::scope::OPENID;
use crate::domain::verdict::Fault;
use crate::oauth::resource::people::People;
use crate::oauth::resource::userinfo::named;
use crate::oauth::token::mint::{AboutPerson, Entitlement};

/// Reads these claims: those that the scope shows at userinfo, and only if the client is registered
/// to get them in tokens.
pub async fn about(
    people: &People,
    client: &Client,
    entitlement: &Entitlement,
) -> Result<AboutPerson, Fault> {
    let scope = &entitlement.scope;
    let tells = client.metadata.id_token_claims && scope.contains(OPENID);
    let nothing = !tells && client.metadata.access_token_claims.is_empty();
    let Some(family) = entitlement.family.as_ref().filter(|_| !nothing) else {
        return Ok(AboutPerson::default());
    };
    let Some(user) = people.ask(family.user.clone()).await?? else {
        return Ok(AboutPerson::default());
    };
    let mut about = AboutPerson::default();
    if tells {
        about.id_token = named(&user, by_scope(scope))?;
    }
    let registered =
        |name: &&str| client.metadata.access_token_claims.iter().any(|one| one == name);
    about.access_token = named(&user, by_scope(scope).filter(registered))?;
    Ok(about)
}
