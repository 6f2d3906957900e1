//! The grants: a closed set, one file each. A grant parses its request and returns the entitlement;
//! the mint issues the tokens.

use super::grant::{Cx, Grant};
use super::mint::Entitlement;
use crate::domain::form::Form;
use crate::domain::grant_type::GrantType;
use crate::oauth::error::{Refusal, Result};
use crate::rate_limits::CountedAccount;

pub mod authorization_code;
pub mod client_credentials;
pub mod device_code;
pub mod jwt_bearer;
pub mod password;
pub mod refresh_token;
pub mod token_exchange;

/// Defines the list of grants in one place. Parsing and dispatch are generated from it, and each
/// grant type has its file.
macro_rules! grants {
    ($($module:ident::$grant:ident),+ $(,)?) => {
        /// A request of any grant type.
        #[derive(Debug)]
        #[expect(missing_docs, reason = "each is the grant of its file")]
        pub enum AnyGrant { $($grant($module::$grant)),+ }

        impl AnyGrant {
            /// Reads the request of this grant type.
            pub fn parse(grant_type: GrantType, form: &Form) -> Result<Self, Refusal> {
                match grant_type {
                    $(GrantType::$grant => $module::$grant::parse(form).map(Self::$grant),)+
                }
            }

            /// The account that the request is about, if it can be known.
            pub async fn account(&self, cx: &Cx<'_>) -> Result<Option<CountedAccount>> {
                match self { $(Self::$grant(grant) => grant.account(cx).await),+ }
            }

            /// Redeems the grant and returns the entitlement.
            pub async fn redeem(self, cx: &Cx<'_>) -> Result<Entitlement> {
                match self { $(Self::$grant(grant) => grant.redeem(cx).await),+ }
            }
        }
    };
}

grants! {
    authorization_code::AuthorizationCode,
    password::Password,
    refresh_token::RefreshToken,
    client_credentials::ClientCredentials,
    token_exchange::TokenExchange,
    device_code::DeviceCode,
    jwt_bearer::JwtBearer,
}
