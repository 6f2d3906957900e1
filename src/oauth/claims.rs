//! The claims of the tokens that this server issues: RFC 9068 §2.2, OpenID Connect Core §2.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::authentication::Acr;
use crate::domain::dpop::Confirmation;
use crate::domain::status_list::StatusIndex;
use crate::domain::urls::Issuer;
use crate::domain::user::UserId;

/// `aud`: a string, or an array of strings (RFC 7519 §4.1.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AudienceClaim {
    /// One audience.
    One(String),
    /// Several audiences.
    Several(Vec<String>),
}

impl AudienceClaim {
    /// Writes one audience as a string, and any other number as an array.
    #[must_use]
    pub fn new(mut audiences: Vec<String>) -> Self {
        match audiences.pop() {
            Some(only) if audiences.is_empty() => Self::One(only),
            last => {
                audiences.extend(last);
                Self::Several(audiences)
            }
        }
    }

    /// Every audience.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(several) => several.as_slice(),
        }
        .iter()
        .map(String::as_str)
    }

    /// Whether this audience is among them.
    #[must_use]
    pub fn contains(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => one == audience,
            Self::Several(several) => several.iter().any(|one| one == audience),
        }
    }
}

impl fmt::Display for AudienceClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iter().collect::<Vec<_>>().join(" "))
    }
}

/// An access token, RFC 9068 §2.2.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "every field is the claim of that name")]
pub struct AccessToken {
    pub iss: String,
    pub sub: String,
    pub aud: AudienceClaim,
    pub exp: i64,
    pub nbf: i64,
    pub iat: i64,
    pub jti: String,
    pub client_id: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// The id of the family.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<Acr>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusClaim>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Act>,
    /// The person behind a token that was found to be valid. `sub` names them as the client knows them.
    #[serde(skip)]
    pub user: Option<UserId>,
}

/// `act`, RFC 8693 §4.1: the client that acts for the person, and the one before it, if it acts with the
/// token of another one that acts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// The `client_id`.
    pub sub: String,
    /// Who acted before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<Act>>,
}

impl Act {
    /// How many clients act, one after the other.
    #[must_use]
    pub fn length(&self) -> usize {
        std::iter::successors(Some(self), |act| act.act.as_deref()).count()
    }
}

/// `status`, Token Status List §6.1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusClaim {
    /// The place of the token.
    pub status_list: StatusReference,
}

/// The place of a token in a status list, Token Status List §6.2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReference {
    /// The index in the list.
    pub idx: u32,
    /// The URL of the list.
    pub uri: String,
}

impl StatusClaim {
    /// The claim for this place.
    #[must_use]
    pub fn new(issuer: &Issuer, place: StatusIndex) -> Self {
        let uri = issuer.status_list(place.list);
        Self { status_list: StatusReference { idx: place.index, uri } }
    }

    /// The place, if it is in a list of this issuer.
    #[must_use]
    pub fn place(&self, issuer: &Issuer) -> Option<StatusIndex> {
        let StatusReference { idx, uri } = &self.status_list;
        let number = uri.rsplit('/').next()?.parse().ok()?;
        (issuer.status_list(number) == *uri).then_some(StatusIndex { list: number, index: *idx })
    }
}

/// An access token that also contains claims about the person.
#[derive(Clone, Debug, Serialize)]
pub struct TellingAccessToken<'a> {
    /// The token.
    #[serde(flatten)]
    pub token: &'a AccessToken,
    /// The claims about the person. None of them has the name of a claim of the token itself.
    #[serde(flatten)]
    pub person: &'a Map<String, Value>,
}

/// An id token, OpenID Connect Core §2.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "every field is the claim of that name")]
pub struct IdToken<'a> {
    pub iss: &'a str,
    pub sub: &'a str,
    pub aud: &'a str,
    pub exp: i64,
    pub iat: i64,
    pub auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<&'a str>,
    pub acr: Acr,
    pub amr: &'a [String],
    /// The slug of the provider with which the person signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idp: Option<&'a str>,
    pub sid: &'a str,
    pub at_hash: String,
    /// Single claims about the person that were requested, Core §5.5. None of them has one of the
    /// names above.
    #[serde(flatten)]
    pub asked_for: &'a Map<String, Value>,
}

/// The claims that are read from an id token that is sent as a hint.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "every field is the claim of that name")]
pub struct IdTokenHint {
    pub iss: String,
    pub sub: String,
    pub aud: String,
    /// What an answer of userinfo and an answer to an authorization request, which are signed with the
    /// same `typ`, do not have.
    pub sid: String,
    pub exp: i64,
    pub iat: i64,
    pub at_hash: String,
    /// A claim that only access tokens have. It tells them apart, because the `typ` of both may be
    /// the same.
    pub client_id: Option<String>,
}

/// A grant for another authorization server, ID-JAG §3.1.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "every field is the claim of that name")]
pub struct IdJag {
    pub iss: String,
    pub sub: String,
    /// The other authorization server.
    pub aud: String,
    /// The client, as the other server knows it.
    pub client_id: String,
    pub jti: String,
    pub iat: i64,
    pub exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<AudienceClaim>,
    pub scope: String,
    pub auth_time: i64,
    pub acr: Acr,
    pub amr: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
}

/// A logout token, Back-Channel Logout §2.4.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "every field is the claim of that name")]
pub struct LogoutToken<'a> {
    pub iss: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<&'a str>,
    pub aud: &'a str,
    pub iat: i64,
    pub exp: i64,
    pub jti: &'a str,
    pub sid: &'a str,
    pub events: Value,
}
