//! Why a sign-in with a provider failed.

use std::fmt;

macro_rules! reasons {
    ($($(#[$meta:meta])* $name:ident => $word:literal,)+) => {
        /// Why a sign-in with a provider failed: one word for the audit and for operators, who look
        /// it up in `docs/social/README.md`. Pages and apps see less detail.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum FailureReason { $($(#[$meta])* $name,)+ }

        impl FailureReason {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The word. It is stored in audit events, so it must not change.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }
        }
    };
}

reasons! {
    /// The provider does not answer, or rests.
    Unavailable => "unavailable",
    /// The provider does not know us as we are registered.
    Misconfigured => "misconfigured",
    /// Nothing proves for whom a token of this kind was issued.
    Unprovable => "unprovable",
    /// The provider does not take the code, RFC 6749 §5.2.
    CodeRefused => "code_refused",
    /// The token was issued for another app.
    WrongAudience => "wrong_audience",
    /// Another app got the token, OpenID Connect Core §3.1.3.7.
    WrongAzp => "wrong_azp",
    /// The token, or the authorization response (RFC 9207 §2.4), is another provider's.
    WrongIssuer => "wrong_issuer",
    /// The nonce is another one.
    WrongNonce => "wrong_nonce",
    /// The access token is not the one that the id token speaks of, Core §3.1.3.6.
    WrongAtHash => "wrong_at_hash",
    /// What was asked besides speaks of another person, Core §5.3.2.
    WrongSubject => "wrong_subject",
    /// The person did not prove anew who they are, Core §3.1.2.1.
    NotFresh => "not_fresh",
    /// No key of the provider has signed that.
    BadSignature => "bad_signature",
    /// The token has expired.
    Expired => "expired",
    /// The token was issued too long ago for one without a nonce.
    TooOld => "too_old",
    /// The token is of another kind: a logout token, an access token.
    NotAnIdToken => "not_an_id_token",
    /// The token was issued in the future.
    IssuedAhead => "issued_ahead",
    /// It is no token.
    MalformedToken => "malformed_token",
    /// The answer cannot be read.
    MalformedAnswer => "malformed_answer",
    /// The keys cannot be read.
    MalformedKeys => "malformed_keys",
    /// An endpoint is no URL.
    MalformedMetadata => "malformed_metadata",
    /// The redirect URI is no URL.
    MalformedRedirectUri => "malformed_redirect_uri",
    /// The provider does not know the access token.
    TokenRefused => "token_refused",
    /// The provider does not tell about the person.
    PersonRefused => "person_refused",
    /// The provider does not tell about somebody so young.
    UnderAge => "under_age",
    /// A code comes without the state that it belongs to.
    StateMissing => "state_missing",
    /// An answer at the address of another provider, RFC 9700 §4.4.2.
    MixedUp => "mixed_up",
    /// An answer in another browser than the one that left.
    WrongBrowser => "wrong_browser",
    /// A code whose redirect URI is ours, presented by an app.
    SentToUs => "sent_to_us",
    /// A provider that the client may not use, or that is disabled.
    NotForThisClient => "not_for_this_client",
    /// The identity is connected to another account.
    BelongsToAnotherAccount => "belongs_to_another_account",
    /// The token was accepted before.
    UsedBefore => "used_before",
    /// An account has the address: its person has to prove it.
    AccountLinkRequired => "account_link_required",
    /// The address is in no domain that the operator lets in.
    DomainNotAllowed => "domain_not_allowed",
    /// The account is disabled.
    Disabled => "disabled",
}

impl fmt::Display for FailureReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::failure_reason::FailureReason;

    #[test]
    fn every_reason_can_be_looked_up() {
        let page = include_str!("../../docs/social/README.md");
        let (_, table) = page.split_once("| reason | what to look at |").expect("a table");
        let (table, _) = table.split_once("\n\n").expect("its end");
        let explained: Vec<&str> = table
            .lines()
            .filter_map(|line| line.strip_prefix("| ")?.split_once(" |"))
            .flat_map(|(words, _)| words.split(", "))
            .map(|word| word.trim_matches('`'))
            .collect();
        for reason in FailureReason::ALL {
            assert!(explained.contains(&reason.as_str()), "{reason} is not explained");
        }
        assert_eq!(explained.len(), FailureReason::ALL.len(), "{explained:?}");
    }
}
