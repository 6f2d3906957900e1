//! What an app is, for whoever registers one.

use super::wire::wire_enum;

wire_enum! {
    /// What a new app is.
    AppKind {
        /// An app with a server of its own.
        Web = "web",
        /// An app that runs in the browser alone.
        SinglePage = "single-page",
        /// An app on a phone or a computer.
        Native = "native",
        /// A program that acts for itself.
        Service = "service",
        /// An API that takes tokens.
        Resource = "resource",
        /// A server of the Model Context Protocol: an API for assistants.
        Mcp = "mcp",
    }
}

impl AppKind {
    /// Whether people sign in to it.
    #[must_use]
    pub fn signs_people_in(self) -> bool {
        matches!(self, Self::Web | Self::SinglePage | Self::Native)
    }
}
