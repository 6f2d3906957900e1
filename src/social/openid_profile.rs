//! How an OpenID provider differs from OpenID Connect Core.

use serde_json::Value;

use crate::domain::identity::Identity;
use crate::social::claims::EmailTrust;
use crate::social::id_tokens::NonceRule;
use crate::social::provider::Answer;
use crate::social::upstream::Upstream;

/// Whose access token it is, if it was issued for one of these client ids.
type Prove = for<'a> fn(&'a Upstream, &'a str, &'a [&'a str]) -> Answer<'a, Identity>;
/// Asks with an access token for more about a person, who must be this one.
type Ask = for<'a> fn(&'a Upstream, &'a str, &'a mut Identity) -> Answer<'a, ()>;
/// Whether an operator who names domains lets in whom these claims speak of.
type Admits = fn(&Upstream, &Value) -> bool;
/// Takes what the browser brings besides a code, which nobody signed.
type TakeUser = fn(&mut Identity, &str);
/// What the nonce of an id token must be where this one was sent.
type Nonce = for<'a> fn(&'a str) -> NonceRule<'a>;

/// How an OpenID provider differs: data where data will do, and functions of its own file otherwise.
#[derive(Debug)]
pub(super) struct OpenIdProfile {
    /// By what it is believed about addresses.
    pub(super) email_trust: EmailTrust,
    /// The claim that names a person.
    pub(super) subject: &'static str,
    /// Whether each of its tenants is an issuer.
    pub(super) tenants: bool,
    /// Whether the client secret stands in the body, whatever its metadata says.
    pub(super) secret_in_body: bool,
    /// Whether it may sign by the client secret (HS256) what it hands out on the web.
    pub(super) signs_by_secret: bool,
    /// How the nonce comes back.
    pub(super) nonce: Nonce,
    /// Holds people to the domains that the operator names, where an address is no proof of
    /// belonging to one.
    pub(super) admits: Option<Admits>,
    /// Its answers are posted by a form, and this takes the `user` of one.
    pub(super) form_post: Option<TakeUser>,
    /// Asks about a person in place of userinfo.
    pub(super) ask: Option<Ask>,
    /// Proves access tokens; without it nothing does.
    pub(super) prove: Option<Prove>,
}

impl OpenIdProfile {
    /// None: what OpenID Connect Core says.
    pub(super) const CORE: Self = Self {
        email_trust: EmailTrust::Claim,
        subject: "sub",
        tenants: false,
        secret_in_body: false,
        signs_by_secret: false,
        nonce: |sent| NonceRule::This(sent),
        admits: None,
        form_post: None,
        ask: None,
        prove: None,
    };
}
