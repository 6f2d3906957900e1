//! What happens to tokens after they were issued: userinfo, introspection, revocation.

pub mod bearer;
pub mod context;
pub mod introspect;
pub mod liveness;
pub mod people;
pub mod revoke;
pub mod userinfo;
pub mod verified;
