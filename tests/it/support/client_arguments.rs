//! The arguments of `mapae client create`.

/// The arguments that a client is registered with.
#[derive(Clone, Debug)]
pub(crate) struct ClientArguments(Vec<String>);

impl ClientArguments {
    /// A client with a secret, for these grants.
    pub(crate) fn confidential(grants: &[&str]) -> Self {
        Self::of("confidential", grants)
    }

    /// A client without a secret, for these grants.
    pub(crate) fn public(grants: &[&str]) -> Self {
        Self::of("public", grants)
    }

    /// The client of most tests: a person signs in by password, and tokens are refreshed.
    pub(crate) fn by_password() -> Self {
        Self::confidential(&["password", "refresh_token"]).with("--scope", "openid")
    }

    fn of(kind: &str, grants: &[&str]) -> Self {
        let kind = Self(vec!["--kind".to_owned(), kind.to_owned()]);
        grants.iter().fold(kind, |all, grant| all.with("--grant", grant))
    }

    /// Adds this option.
    pub(crate) fn with(mut self, option: &str, value: &str) -> Self {
        self.0.extend([option.to_owned(), value.to_owned()]);
        self
    }

    /// Makes it an app of the operator: people are not asked for consent.
    pub(crate) fn first_party(mut self) -> Self {
        self.0.push("--first-party".to_owned());
        self
    }

    /// The arguments of the command line.
    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}
