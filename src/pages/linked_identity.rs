//! The identities at providers that are connected to an account.

use chrono::{DateTime, Utc};

use super::provider::Brand;

/// An identity at a provider, with which the person can sign in.
#[derive(Clone, Copy, Debug)]
pub struct ConnectedProvider<'a> {
    /// Its value in the form.
    pub id: &'a str,
    /// The name of the provider.
    pub name: &'a str,
    /// Which logo it shows.
    pub brand: Brand,
    /// The person's e-mail address at the provider.
    pub email: Option<&'a str>,
    /// When the identity was connected.
    pub since: DateTime<Utc>,
    /// Whether it can be removed: the person has another way to sign in.
    pub removable: bool,
}
