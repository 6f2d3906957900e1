//! Providers of identities that stand in for real ones: each listens in this process, answers as its
//! vendor documents, records what it is asked, and misbehaves when it is told to.

mod bomb;
mod callback;
mod desk;
mod grant;
mod office;
mod openid;
mod signer;
mod stand_in;
mod talk;

mod canary;
mod evil;
mod lie;
mod node;
mod oidc;

mod apple;
mod facebook;
mod github;
mod google;
mod kakao;
mod line;
mod microsoft;
mod naver;

mod proofs;

use serde_json::Value;

pub(crate) use self::apple::{APPLE_TEAM_ID, Apple};
pub(crate) use self::callback::Callback;
pub(crate) use self::canary::Canary;
pub(crate) use self::desk::Desk;
pub(crate) use self::evil::Evil;
pub(crate) use self::facebook::Facebook;
pub(crate) use self::github::GitHub;
pub(crate) use self::google::Google;
pub(crate) use self::grant::{CLIENT_ID, CLIENT_SECRET, Grant, Person, Refused};
pub(crate) use self::kakao::{KAKAO_APP_ID, Kakao};
pub(crate) use self::lie::Lie;
pub(crate) use self::line::Line;
pub(crate) use self::microsoft::{MICROSOFT_TENANT, Microsoft};
pub(crate) use self::naver::Naver;
pub(crate) use self::node::OidcProvider;
pub(crate) use self::oidc::Oidc;
pub(crate) use self::signer::{Signer, keyed, mac, unsigned};
pub(crate) use self::stand_in::StandIn;
pub(crate) use self::talk::{Answer, Asked, Fields};

/// What a person answers at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    Yes,
    No,
}

/// What makes one provider different from the others.
pub(crate) trait Vendor: Send + Sync + Sized + 'static {
    /// Whether `code_challenge` means anything to it.
    const PKCE: bool = true;

    /// A key of the kind with which it signs.
    fn key() -> Signer {
        Signer::rsa()
    }

    /// Whether this is the path of its authorization endpoint.
    fn authorizes(&self, path: &str) -> bool;

    /// What is wrong with an authorization request, besides the client and the redirect URI.
    fn check(&self, asked: &Asked) -> Result<(), String>;

    /// How it says that the person said no.
    fn cancelled(&self) -> Fields;

    /// What it adds to the way back.
    fn back(&self, _desk: &Desk, _request: &Fields, _says: Says, callback: Callback) -> Callback {
        callback
    }

    /// The claims of an `id_token`.
    fn claims(&self, desk: &Desk, grant: &Grant) -> Value {
        openid::claims(desk, grant)
    }

    /// An `id_token` with these claims.
    fn id_token(&self, desk: &Desk, claims: &Value) -> String {
        desk.signer().token(claims)
    }

    /// Its answer at every other path.
    fn answer(&self, desk: &Desk, asked: &Asked) -> Answer;
}
