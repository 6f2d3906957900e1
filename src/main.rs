//! mapae.
fn main() {}
