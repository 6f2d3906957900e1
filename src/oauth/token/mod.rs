//! The token endpoint, RFC 6749 §3.2: a grant decides which tokens are owed to whom, and the mint
//! issues them.

pub mod client_resources;
pub mod context;
pub mod delegation;
pub mod endpoint;
pub mod families;
pub mod grant;
pub mod grants;
pub mod id_jag;
pub mod mint;
pub mod person_claims;
pub mod refresh_count;
pub mod rotation;
pub mod upstream_tokens;
