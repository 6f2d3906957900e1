//! The accounts at providers that an account here is connected with.

use chrono::{DateTime, Utc};

use super::provider::Brand;

/// An account at a provider that can be signed in with.
#[derive(Clone, Copy, Debug)]
pub struct LinkedIdentity<'a> {
    /// What names it in the form.
    pub id: &'a str,
    /// What people call the provider.
    pub name: &'a str,
    /// Whose mark it bears.
    pub brand: Brand,
    /// The address of their mail there.
    pub email: Option<&'a str>,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Whether there is another way to sign in.
    pub removable: bool,
}
