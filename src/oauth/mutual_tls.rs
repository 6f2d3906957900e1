//! Where this server takes client certificates, RFC 8705.

use std::sync::Arc;

use crate::domain::urls::Issuer;
use crate::keys::authorities::Authorities;

/// Where and whose client certificates are taken.
#[derive(Clone, Debug)]
pub struct MutualTls {
    /// Where clients find the endpoints that ask for certificates, if that is not the issuer.
    pub url: Option<Issuer>,
    /// The authorities whose certificates count for `tls_client_auth`.
    pub authorities: Option<Arc<Authorities>>,
}
