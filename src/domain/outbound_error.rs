//! Why a call to another server failed.

use std::fmt;

macro_rules! errors {
    ($($(#[$meta:meta])* $name:ident => $words:literal,)+) => {
        /// Why a call to another server failed. It contains no URL, because a URL can contain a
        /// secret.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum OutboundError { $($(#[$meta])* $name,)+ }

        impl OutboundError {
            /// Every one of them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// What it says. The words are stored, so they must not change.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $words,)+ }
            }
        }
    };
}

errors! {
    /// The URL may not be called; nothing was sent.
    NotAllowed => "the URL is at an address that this server never calls",
    /// The call took too long.
    TimedOut => "it took too long",
    /// DNS does not know the name.
    UnknownName => "the name is not known (DNS)",
    /// No server listens at the address.
    NobodyThere => "connection refused",
    /// The server there does not speak TLS, or only an insecure version.
    NoTls => "no TLS there",
    /// The operator's proxy did not make a connection.
    Proxy => "the outbound proxy does not answer, or does not let it through",
    /// The connection broke.
    Unreachable => "the connection broke",
    /// The certificate is not valid for the name, or its authority is not trusted.
    Untrusted => "its certificate is not trusted",
    /// The body is longer than the caller accepts.
    TooLarge => "the answer is too large",
    /// The answer is not HTTP.
    Malformed => "the answer cannot be read",
}

impl OutboundError {
    /// The one that says these words.
    #[must_use]
    pub fn parse(words: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|one| one.as_str() == words)
    }
}

impl fmt::Display for OutboundError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::error::Error for OutboundError {}

#[cfg(test)]
mod tests {
    use super::OutboundError;

    #[test]
    fn every_failure_can_be_looked_up_and_is_read_as_it_was_stored() {
        let page = include_str!("../../docs/webhooks.md");
        for error in OutboundError::ALL {
            assert!(page.contains(&format!("| `{error}` |")), "{error} is not explained");
            assert_eq!(OutboundError::parse(error.as_str()), Some(*error));
        }
        assert_eq!(OutboundError::parse("another"), None);
    }
}
