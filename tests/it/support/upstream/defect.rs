//! The defects that a provider can have.

macro_rules! defects {
    ($($(#[$meta:meta])* $name:ident,)+) => {
        /// The one thing that is not as it should be.
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
    /// Ours and another, without `azp`.
    AudOfMany,
    /// `aud` is ours, and `azp` somebody else.
    AzpOfAnother,
    NonceWrong,
    NonceMissing,
    /// An hour ago.
    Expired,
    /// `iat` in ten minutes.
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
    /// By a key that is not published, in the name of the one that is.
    SignedByAnother,
    /// The same with the public half in `jwk`.
    JwkEmbedded,
    /// The same with `jku` at the canary.
    Jku,
    /// The same with `x5u` at the canary.
    X5u,
    /// `none`, without a signature, as in the next two.
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
    /// Two published keys have the name; the second has signed.
    KidDuplicate,
    /// An extension that nobody knows is critical.
    Crit,
    IdTokenMissing,
    TokenNever,
    /// 10 MB of a right answer.
    TokenHuge,
    /// 307 to the canary.
    TokenRedirect,
    TokenNoJson,
    TokenFault,
    /// An error page with the status 200.
    TokenHtml,
    /// 16 MB of a right answer, packed by gzip to less than a hundredth.
    TokenBomb,
    JwksNever,
    /// 50 MB of a right answer.
    JwksHuge,
    /// 307 to the canary.
    JwksRedirect,
    /// The issuer is another one.
    DiscoveryIssuer,
    DiscoveryWithoutJwks,
    DiscoveryNoJson,
    DiscoveryFault,
    CallbackIssWrong,
    CallbackIssMissing,
    /// Userinfo is about another `sub`.
    UserinfoOfAnother,
}
