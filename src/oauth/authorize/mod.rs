//! The authorization endpoint, RFC 6749 §3.1: reading a request, deciding what its person sees next,
//! and answering it.

pub mod codes;
pub mod context;
pub mod decide;
pub mod request;
pub mod response;
