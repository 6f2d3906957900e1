//! What an operator who registers a client is told, besides the secret: what the app must do, and
//! what people will see.

use crate::domain::claim_names::by_scope;
use crate::domain::client::{AccessTokenTyp, Client, ClientKind, RequirePkce};
use crate::domain::grant_type::GrantType;
use crate::domain::redirect_uri::is_unclaimed;
use crate::domain::scope_of_apps::{READ_ALL_REVOCATIONS, READ_REVOCATIONS};

/// The advice, one sentence for each point.
pub(super) fn of(client: &Client) -> Vec<&'static str> {
    let mut told = Vec::new();
    if client.may_use(GrantType::AuthorizationCode) {
        told.push(pkce(client));
        // The rule is in `oauth::decide` (RFC 8252 §8.6).
        if client.kind == ClientKind::Public
            && client.metadata.redirect_uris.iter().any(|uri| is_unclaimed(uri))
        {
            told.push(
                "People are asked for consent at every sign-in that goes to a loopback address or a \
                 private-use scheme, because any program on the device could ask in the name of this app.",
            );
        }
    }
    if by_scope(&client.metadata.scope).next().is_some() && !client.metadata.id_token_claims {
        told.push(
            "The id token says who signed in (sub); name, e-mail and the like are at /userinfo. For an \
             app that reads the id token alone: --id-token-claims.",
        );
    }
    if client.may_use(GrantType::ClientCredentials)
        && client.metadata.audiences.is_empty()
        && !has_use_here(client)
    {
        told.push(
            "What it gets by client_credentials is for this server alone (aud is the issuer), so other APIs \
             refuse it. For an API: --audience, with the audience that the API is set up for.",
        );
    }
    if client.metadata.access_token_typ == AccessTokenTyp::Jwt {
        told.push(
            "Its access tokens have the type of id tokens (JWT): APIs must check that aud names them.",
        );
    }
    told
}

/// Whether a token for this server alone is what the client needs: to read revocations, or to say who
/// acts for a person (RFC 8693).
fn has_use_here(client: &Client) -> bool {
    client.may_use(GrantType::TokenExchange)
        || [READ_REVOCATIONS, READ_ALL_REVOCATIONS]
            .into_iter()
            .any(|token| client.metadata.scope.contains(token))
}

fn pkce(client: &Client) -> &'static str {
    match (client.kind, client.metadata.require_pkce) {
        (ClientKind::Public, _) | (_, RequirePkce::Always) => {
            "The app must send a PKCE challenge (code_challenge_method=S256) with every sign-in."
        }
        (_, RequirePkce::Auto) => {
            "The app must send a PKCE challenge (code_challenge_method=S256) or, with the scope openid, \
             a nonce with every sign-in. For one that can do neither: --require-pkce false."
        }
        (_, RequirePkce::Never) => {
            "The app needs neither PKCE nor a nonce; a stolen code is protected by its secret alone. \
             A challenge that it sends is enforced."
        }
    }
}
