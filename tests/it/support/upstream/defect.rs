//! The defects that a provider can have.

macro_rules! defects {
    ($($(#[$meta:meta])* $name:ident,)+) => {
        /// The one thing that is wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Defect { $($(#[$meta])* $name,)+ }

        impl Defect {
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)+];
        }
    };
}

defects! {
    IssOfAnother,
    AudOfAnother,
    /// `aud` is our client and another one, without `azp`.
    AudOfMany,
    /// `aud` is our client, and `azp` another one.
    AzpOfAnother,
    NonceWrong,
    NonceMissing,
    /// The token expired an hour ago.
    Expired,
    /// `iat` is ten minutes in the future.
    IatAhead,
    SubEmpty,
    SubMissing,
    AtHashWrong,
    /// This and the next three: in the `id_token` and in userinfo.
    EmailVerifiedMissing,
    EmailVerifiedFalse,
    /// `"true"`
    EmailVerifiedText,
    /// `1`
    EmailVerifiedNumber,
    SignatureBroken,
    SignatureEmpty,
    /// Signed by a key that is not published, under the `kid` of the one that is.
    SignedByAnother,
    /// The same, with the public half of that key in `jwk`.
    JwkEmbedded,
    /// The same, with a `jku` that names the canary.
    Jku,
    /// The same, with an `x5u` that names the canary.
    X5u,
    /// `alg` is `none`, without a signature; so are the next two.
    AlgNone,
    /// `None`
    AlgNoneCapital,
    /// `nOnE`
    AlgNoneMixed,
    /// HS256 with the published key in PEM as the secret.
    KeyedByPem,
    /// HS256 with the published key as JWK as the secret.
    KeyedByJwk,
    /// HS256 with the secret of the client.
    KeyedByClientSecret,
    KidUnknown,
    /// Signed by a published key whose `use` is `enc`.
    KidToEncrypt,
    /// Two published keys have the same `kid`; the second one signed.
    KidDuplicate,
    /// An unknown extension is marked as critical.
    Crit,
    IdTokenMissing,
    TokenNever,
    /// A correct answer of 10 MB.
    TokenHuge,
    /// A redirect (307) to the canary.
    TokenRedirect,
    TokenNoJson,
    TokenFault,
    /// An error page with the status 200.
    TokenHtml,
    /// A correct answer of 16 MB, compressed by gzip to less than a hundredth of its size.
    TokenBomb,
    JwksNever,
    /// A correct answer of 50 MB.
    JwksHuge,
    /// A redirect (307) to the canary.
    JwksRedirect,
    /// The document names another issuer.
    DiscoveryIssuer,
    DiscoveryWithoutJwks,
    DiscoveryNoJson,
    DiscoveryFault,
    CallbackIssWrong,
    CallbackIssMissing,
    /// Userinfo is about another `sub`.
    UserinfoOfAnother,
}
