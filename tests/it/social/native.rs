//! Apps that present at the token endpoint what they received from a provider.

use mapae::domain::client::{AuthMethod, Client, ClientKind};
use mapae::domain::grant_type::GrantType;

use crate::support::upstream::{CLIENT_ID, Naver};
use crate::support::{App, Reply, Server, form};

/// RFC 8693 §2.1.
pub(super) const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// RFC 7523 §2.1.
pub(super) const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
pub(super) const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
pub(super) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
pub(super) const CODE: &str = "urn:mapae:params:oauth:token-type:authorization_code";

/// What they ask for, in the order of the answer.
pub(super) const SCOPE: &str = "email offline_access openid profile";

/// A public app with the grants of those who use the kits of vendors.
pub(super) async fn native_app(server: &Server, id: &str) -> App {
    server.client(id, public).await
}

fn public(client: &mut Client) {
    client.kind = ClientKind::Public;
    client.metadata.token_endpoint_auth_method = AuthMethod::None;
    client.metadata.grant_types =
        [GrantType::TokenExchange, GrantType::JwtBearer, GrantType::RefreshToken].to_vec();
}

/// Presents a token of this type, with more parameters or others.
pub(super) async fn present(app: &App, kind: &str, token: &str, changes: &[(&str, &str)]) -> Reply {
    let usual = [
        ("grant_type", EXCHANGE),
        ("subject_token_type", kind),
        ("subject_token", token),
        ("scope", SCOPE),
    ];
    send(app, &usual, changes).await
}

/// Presents an assertion, with more parameters or others.
pub(super) async fn assert_by(app: &App, assertion: &str, changes: &[(&str, &str)]) -> Reply {
    let usual = [("grant_type", BEARER), ("assertion", assertion), ("scope", SCOPE)];
    send(app, &usual, changes).await
}

async fn send(app: &App, usual: &[(&str, &str)], changes: &[(&str, &str)]) -> Reply {
    let kept = usual.iter().filter(|(name, _)| !changes.iter().any(|(other, _)| other == name));
    let all: Vec<_> = kept.chain(changes).filter(|(_, value)| !value.is_empty()).copied().collect();
    app.token(&all).await
}

/// A code of Naver that an app got with this state.
pub(super) fn code_of_naver(naver: &Naver, landing: &str, state: &str) -> String {
    let request = form(&[
        ("response_type", "code"),
        ("client_id", CLIENT_ID),
        ("redirect_uri", landing),
        ("state", state),
    ]);
    let url = naver.url(&format!("/oauth2.0/authorize?{request}"));
    naver.approve(&url).get("code").to_owned()
}
