//! The authorization endpoint, RFC 6749 §3.1: reads a request, decides what the person sees next,
//! and answers the client.

pub mod codes;
pub mod context;
pub mod decide;
pub mod object;
pub mod push;
pub mod pushed;
pub mod request;
pub mod response;
pub mod settings;
pub mod signed_refusals;
