//! Stubs of identity providers. Each listens in this process, answers as its vendor documents it,
//! records its requests, and misbehaves when a test tells it to.

mod bomb;
mod callback;
mod endpoints;
mod grant;
mod messages;
mod openid;
mod provider_stub;
mod records;
mod signer;

mod canary;
mod defect;
mod faulty;
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

mod self_tests;

use serde_json::Value;

pub(crate) use self::apple::{APPLE_TEAM_ID, Apple};
pub(crate) use self::callback::Callback;
pub(crate) use self::canary::Canary;
pub(crate) use self::defect::Defect;
pub(crate) use self::facebook::Facebook;
pub(crate) use self::faulty::FaultyProvider;
pub(crate) use self::github::GitHub;
pub(crate) use self::google::Google;
pub(crate) use self::grant::{CLIENT_ID, CLIENT_SECRET, Grant, Person, Refused};
pub(crate) use self::kakao::{KAKAO_APP_ID, Kakao};
pub(crate) use self::line::Line;
pub(crate) use self::messages::{Answer, Fields, RecordedRequest};
pub(crate) use self::microsoft::{MICROSOFT_TENANT, Microsoft};
pub(crate) use self::naver::Naver;
pub(crate) use self::node::OidcProvider;
pub(crate) use self::oidc::Oidc;
pub(crate) use self::provider_stub::ProviderStub;
pub(crate) use self::records::ProviderRecords;
pub(crate) use self::signer::{Signer, keyed, mac, unsigned};

/// What a person answers at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PersonAnswer {
    Yes,
    No,
}

/// The differences between one provider and the others.
pub(crate) trait Vendor: Send + Sync + Sized + 'static {
    /// Whether it supports `code_challenge`.
    const PKCE: bool = true;

    /// A key of the kind with which it signs.
    fn key() -> Signer {
        Signer::rsa()
    }

    /// Whether this is the path of its authorization endpoint.
    fn authorizes(&self, path: &str) -> bool;

    /// Finds what is wrong with an authorization request, apart from the client and the redirect
    /// URI.
    fn check(&self, asked: &RecordedRequest) -> Result<(), String>;

    /// The fields by which it reports that the person refused.
    fn cancelled(&self) -> Fields;

    /// Adds the provider's own fields to the callback.
    fn back(
        &self,
        _desk: &ProviderRecords,
        _request: &Fields,
        _says: PersonAnswer,
        callback: Callback,
    ) -> Callback {
        callback
    }

    /// The claims of an `id_token`.
    fn claims(&self, records: &ProviderRecords, grant: &Grant) -> Value {
        openid::claims(records, grant)
    }

    /// An `id_token` with these claims.
    fn id_token(&self, records: &ProviderRecords, claims: &Value) -> String {
        records.signer().token(claims)
    }

    /// The provider's answer at every other path.
    fn answer(&self, records: &ProviderRecords, asked: &RecordedRequest) -> Answer;
}
