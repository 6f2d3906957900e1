//! Stubs of identity providers: each listens in this process, answers as its
//! vendor documents, records what it is asked, and misbehaves when it is told to.

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
    fn check(&self, asked: &RecordedRequest) -> Result<(), String>;

    /// How it says that the person said no.
    fn cancelled(&self) -> Fields;

    /// What it adds to the way back.
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

    /// Its answer at every other path.
    fn answer(&self, records: &ProviderRecords, asked: &RecordedRequest) -> Answer;
}
