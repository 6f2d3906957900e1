//! The challenge endpoint: sign-in by an app of the operator, without a browser. OAuth 2.0 for
//! First-Party Applications.

pub mod endpoint;
pub mod onward;
