//! Why a request is refused: the one list. `docs/errors.md` is made from it (`mapae explain`).

use std::fmt;

use super::error_code::ErrorCode;

/// The section of the reference in which a reason is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the reference has their headings")]
pub enum ReasonSection {
    ClientAuthentication,
    AnyRequest,
    Token,
    DpopProofs,
    Certificates,
    TokenOfProvider,
    Delegation,
    IdJag,
    AuthorizePage,
    PushedRequests,
    Registration,
    AuthorizeRedirect,
    Resources,
    Pages,
    AccessTokens,
    Administration,
}

/// Everything that is declared about a reason.
#[derive(Clone, Copy)]
struct ReasonDeclaration {
    section: ReasonSection,
    name: &'static str,
    code: ErrorCode,
    sentence: &'static str,
    advice: &'static str,
}

macro_rules! reasons {
    ($($section:ident { $($name:ident = $word:literal, $code:ident, $sentence:literal, $advice:literal;)+ })+) => {
        /// Why a request is refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "the sentence of each says it")]
        pub enum Reason { $($($name,)+)+ }

        impl Reason {
            /// Every reason.
            pub const ALL: &[Self] = &[$($(Self::$name,)+)+];

            const fn declared(self) -> ReasonDeclaration {
                match self { $($(
                    Self::$name => ReasonDeclaration {
                        section: ReasonSection::$section,
                        name: $word,
                        code: ErrorCode::$code,
                        sentence: $sentence,
                        advice: $advice,
                    },
                )+)+ }
            }
        }
    };
}

reasons! {
    ClientAuthentication {
        ClientUnknown = "client_unknown", InvalidClient, "the client is unknown",
            "compare `client_id` with `mapae client list`; one that is a URL counts where `cimd.trust` and `cimd.hosts` allow its host, and a line of the log before says what is wrong with its document";
        ClientDisabled = "client_disabled", InvalidClient, "the client is disabled",
            "`mapae client enable`";
        ClientIdMissing = "client_id_missing", InvalidClient, "no client is named",
            "send `client_id`, or authenticate";
        ClientIdMalformed = "client_id_malformed", InvalidClient, "the client_id is malformed",
            "compare it with `mapae client list`";
        ClientSecretWrong = "client_secret_wrong", InvalidClient, "the secret is wrong",
            "send the secret that `client create` showed, or `mapae client rotate-secret`";
        ClientSecretMissing = "client_secret_missing", InvalidClient,
            "the client is confidential and sends no secret and no assertion",
            "send the secret, or register the app as `public`";
        ClientIsPublic = "client_is_public", InvalidClient, "a public client cannot prove who it is",
            "`/introspect` is for confidential clients";
        ClientAuthMethodMismatch = "client_auth_method_mismatch", InvalidClient,
            "the client is registered for another way of authentication",
            "send it as it was registered, or change `--auth-method`";
        BasicCredentialsMalformed = "basic_credentials_malformed", InvalidClient,
            "the Authorization header does not hold Basic credentials",
            "form-encode id and secret, then base64";
        AssertionTypeUnknown = "assertion_type_unknown", InvalidClient,
            "the client_assertion_type is not JWT bearer",
            "`urn:ietf:params:oauth:client-assertion-type:jwt-bearer`";
        AssertionMalformed = "assertion_malformed", InvalidClient,
            "the assertion is not a JWT with iss, sub, aud, exp and jti",
            "all five have to be there";
        AssertionTypeMismatch = "assertion_type_mismatch", InvalidClient,
            "the typ of the assertion says that it is another kind of JWT",
            "`client-authentication+jwt`, `JWT` or none";
        AssertionSubMalformed = "assertion_sub_malformed", InvalidClient,
            "the sub of the assertion is not a client id",
            "`sub` is the client id";
        AssertionAlgRefused = "assertion_alg_refused", InvalidClient,
            "the profile of the client does not allow the algorithm of the assertion",
            "sign by PS256, ES256 or EdDSA";
        AssertionSignatureInvalid = "assertion_signature_invalid", InvalidClient,
            "no registered key of the client has signed the assertion",
            "register the public key: `mapae client update --jwks FILE`, or publish it at the registered `jwks_uri`";
        AssertionKeysUnavailable = "assertion_keys_unavailable", InvalidClient,
            "the keys at the jwks_uri of the client could not be fetched",
            "the log says why: `jwks_uri` has to be reachable from the server, and answer with a JWK Set within 5 seconds";
        AssertionReused = "assertion_reused", InvalidClient,
            "the jti of the assertion was used before",
            "a fresh assertion for each request";
        AssertionIssuerMismatch = "assertion_issuer_mismatch", InvalidClient,
            "iss and sub of the assertion are not both the client",
            "both are the client id";
        AssertionClientMismatch = "assertion_client_mismatch", InvalidClient,
            "the client_id is not the sub of the assertion",
            "name one client";
        OutsideAssertionMalformed = "outside_assertion_malformed", InvalidClient,
            "the assertion of another issuer is not a JWT with iss, sub, aud and exp",
            "all four have to be there";
        OutsideIssuerUntrusted = "outside_issuer_untrusted", InvalidClient,
            "the client does not trust the issuer of the assertion",
            "`mapae client trust`, with the issuer as its tokens write it";
        OutsideSubjectUntrusted = "outside_subject_untrusted", InvalidClient,
            "the client does not trust the subject of the assertion",
            "`mapae client trust`, with the subject as the tokens write it";
        OutsideAudienceMismatch = "outside_audience_mismatch", InvalidClient,
            "the aud of the assertion is not this issuer alone",
            "ask the platform for a token with this audience";
        OutsideAssertionExpired = "outside_assertion_expired", InvalidClient,
            "the assertion of another issuer has expired",
            "ask the platform for a fresh one";
        OutsideAssertionNotYetValid = "outside_assertion_not_yet_valid", InvalidClient,
            "iat or nbf of the assertion is in the future",
            "compare the clocks";
        OutsideLifetimeTooLong = "outside_lifetime_too_long", InvalidClient,
            "the exp of the assertion is more than 24 hours ahead",
            "ask the platform for a shorter life";
        OutsideSignatureInvalid = "outside_signature_invalid", InvalidClient,
            "no key of the trusted issuer has signed the assertion",
            "compare the keys: `mapae client trust --jwks FILE`, or those that the issuer publishes";
        OutsideIssuerWrong = "outside_issuer_wrong", InvalidClient,
            "the metadata of the trusted issuer cannot be used",
            "the log says why; a private address needs `--jwks FILE` or `outbound.allow_private`";
        OutsideIssuerUnavailable = "outside_issuer_unavailable", Overloaded,
            "the trusted issuer does not answer",
            "try again after `Retry-After`; the log says why";
        AssertionJtiMissing = "assertion_jti_missing", InvalidClient,
            "the jti of the assertion is empty",
            "a fresh one for each request";
        AssertionAudienceMismatch = "assertion_audience_mismatch", InvalidClient,
            "the aud of the assertion names something else than the issuer and the endpoints at which clients authenticate",
            "the issuer, as a string; no other server may stand beside it";
        AssertionAudienceNotStrict = "assertion_audience_not_strict", InvalidClient,
            "the aud of the assertion is not the issuer as one string",
            "so for a client with `--assertions strict`";
        AssertionLifetimeTooLong = "assertion_lifetime_too_long", InvalidClient,
            "the exp of the assertion is more than an hour ahead",
            "a shorter life";
        AssertionLifetimeNotStrict = "assertion_lifetime_not_strict", InvalidClient,
            "the exp of the assertion is more than ten minutes ahead",
            "so for a client with `--assertions strict`";
        AssertionExpired = "assertion_expired", InvalidClient, "the assertion has expired",
            "a fresh one; look at the clock";
        AssertionNotYetValid = "assertion_not_yet_valid", InvalidClient,
            "the nbf or iat of the assertion is in the future",
            "look at the clock";
        ClientAuthenticationFailed = "client_authentication_failed", InvalidClient,
            "client authentication failed",
            "what the client is told in place of all these";
        ClientIdMismatch = "client_id_mismatch", InvalidRequest, "two clients are named",
            "name one client";
        ClientAuthenticationRepeated = "client_authentication_repeated", InvalidRequest,
            "more than one way of client authentication",
            "by header, in the body, or by assertion";
    }
    Registration {
        RegistrationTokenMissing = "registration_token_missing", InvalidToken,
            "the Authorization header has no bearer token",
            "to register: a token of `mapae client registration-token`; to read or change: the `registration_access_token`";
        RegistrationTokenInvalid = "registration_token_invalid", InvalidToken,
            "the bearer token is unknown, used up or over, or not that of this client",
            "make a new one by `mapae client registration-token`, or send the latest `registration_access_token`";
        RegistrationBodyMalformed = "registration_body_malformed", InvalidClientMetadata,
            "the body is not a JSON object",
            "`Content-Type: application/json`, RFC 7591 §3.1";
        RegistrationMetadata = "registration_metadata", InvalidClientMetadata,
            "the metadata is not good",
            "the description says which member";
        RegistrationRedirectUri = "registration_redirect_uri", InvalidRedirectUri,
            "a redirect URI is not good",
            "https, http on loopback, or a private-use scheme of a public client; [the rules](registration.md)";
        RegistrationRedirectHost = "registration_redirect_host", InvalidRedirectUri,
            "apps may not send people there",
            "`registration.redirect_hosts` lists where";
        RegistrationSoftwareStatement = "registration_software_statement", InvalidSoftwareStatement,
            "software statements are not taken",
            "leave `software_statement` out";
        RegistrationGrant = "registration_grant", InvalidClientMetadata,
            "apps do not get this grant by registering themselves",
            "`registration.grants` lists those that they get";
        RegistrationScope = "registration_scope", InvalidClientMetadata,
            "apps do not get this scope by registering themselves",
            "`registration.scopes` lists those that they get";
        RegistrationsTooMany = "registrations_too_many", Overloaded,
            "as many apps have registered themselves as there may be",
            "those that nobody uses go after `registration.unused_lifetime`";
    }
    AnyRequest {
        ParameterRepeated = "parameter_repeated", InvalidRequest, "a parameter is repeated",
            "send each once; `resource` may repeat, and `audience` in a token exchange";
        ParametersTooMany = "parameters_too_many", InvalidRequest, "there are more than 100 parameters",
            "send fewer";
        BodyMalformed = "body_malformed", InvalidRequest, "the body is not a form in UTF-8",
            "encode it as a form";
        ContentTypeUnsupported = "content_type_unsupported", InvalidRequest,
            "the body must be application/x-www-form-urlencoded in UTF-8, or JSON where the path takes JSON",
            "set the content type; the administration API takes `application/json`, SCIM this or `application/scim+json`";
        BodyTooLarge = "body_too_large", InvalidRequest, "the body has more than 64 KB", "send less";
        RequestsTooMany = "requests_too_many", Throttled,
            "there are too many requests of one address, client or account",
            "wait for `Retry-After`; the operator sets the limits by `rate_limit.*`";
        BodyUnreadable = "body_unreadable", InvalidRequest, "the body could not be read", "send it again";
        BodyTimedOut = "body_timed_out", InvalidRequest, "the body took too long",
            "send it within 15 seconds";
        HostInvalid = "host_invalid", InvalidRequest, "the request must name one host",
            "one `Host`, the same as `:authority`";
        OriginUnregistered = "origin_unregistered", InvalidRequest,
            "the origin is not registered for this client",
            "`mapae client update --allowed-origin`";
        PathUnknown = "not_found", NotFound, "there is nothing at this path",
            "compare it with the discovery document, and with the path of the issuer";
        MethodNotAllowed = "method_not_allowed", MethodNotAllowed,
            "this path does not take this method",
            "`Allow` names those that it takes";
    }
    Token {
        GrantTypeMissing = "grant_type_missing", InvalidRequest, "grant_type is missing", "send it";
        GrantTypeUnsupported = "grant_type_unsupported", UnsupportedGrantType,
            "this server does not have this grant type",
            "see [Grants](apps.md#grants)";
        GrantTypeUnregistered = "grant_type_unregistered", UnauthorizedClient,
            "the client is not registered for this grant type",
            "`mapae client update --grant`";
        ScopeMalformed = "scope_malformed", InvalidScope, "the scope is malformed",
            "tokens of printable ASCII, with spaces between them";
        ScopeUnregistered = "scope_unregistered", InvalidScope,
            "a scope is not registered for this client",
            "`mapae client update --scope`, or ask for less";
        ResourceUnregistered = "resource_unregistered", InvalidTarget,
            "a resource is not registered for this client",
            "`mapae client update --id ID --audience URI`, again for each that it may ask for";
        ResourceNotGranted = "resource_not_granted", InvalidTarget,
            "a resource is not part of what was granted",
            "ask for it at `/authorize` or `/device_authorization`";
        CodeMissing = "code_missing", InvalidRequest, "code is missing", "send it";
        RedirectUriMissing = "redirect_uri_missing", InvalidGrant, "redirect_uri is missing",
            "send the one of the authorization request";
        RefreshTokenMissing = "refresh_token_missing", InvalidRequest, "refresh_token is missing",
            "send it";
        UsernameMissing = "username_missing", InvalidRequest, "username is missing", "send it";
        PasswordMissing = "password_missing", InvalidRequest, "password is missing", "send it";
        CodeUnknown = "code_unknown", InvalidGrant, "the code is unknown",
            "it was never issued to this client, or is long gone: begin again";
        RedirectUriMismatch = "redirect_uri_mismatch", InvalidGrant,
            "the redirect_uri is not that of the request",
            "send the same, byte for byte";
        CodeVerifierMismatch = "code_verifier_mismatch", InvalidGrant,
            "the code_verifier is not that of the request",
            "keep the verifier beside `state`";
        CodeExpired = "code_expired", InvalidGrant, "the code has expired",
            "redeem it within 60 seconds";
        CodeReused = "code_reused", InvalidGrant, "the code was used before",
            "once only; what came of it has ended";
        SessionEnded = "session_ended", InvalidGrant, "the session has ended", "sign in again";
        ConsentWithdrawn = "consent_withdrawn", InvalidGrant, "the consent was withdrawn",
            "sign in again";
        RefreshTokenUnknown = "refresh_token_unknown", InvalidGrant, "the refresh token is unknown",
            "it is not one of ours, or of another client: sign in again";
        RefreshTokenExpired = "refresh_token_expired", InvalidGrant,
            "the refresh token has expired",
            "sign in again";
        RefreshTokenSpent = "refresh_token_spent", InvalidGrant, "the refresh token is spent",
            "a later one was given: use that one";
        RefreshTokenReused = "refresh_token_reused", InvalidGrant,
            "the refresh token was used before",
            "it was taken for theft and the session has ended: [Refreshing](apps.md#refreshing)";
        AccessTokenProofMissing = "access_token_proof_missing", InvalidGrant,
            "the old access token is needed",
            "so for a client with `--require-access-token-proof`";
        AccessTokenProofMismatch = "access_token_proof_mismatch", InvalidGrant,
            "the access token is not one of this session",
            "send the last access token of this session";
        ScopeNotGranted = "scope_not_granted", InvalidScope,
            "the scope is wider than what was granted",
            "ask for less";
        DeviceUnregistered = "device_unregistered", UnauthorizedClient,
            "the client is not registered for devices",
            "`mapae client update --grant urn:ietf:params:oauth:grant-type:device_code`";
        DeviceCodeMissing = "device_code_missing", InvalidRequest, "device_code is missing", "send it";
        DeviceCodeUnknown = "device_code_unknown", InvalidGrant, "the device code is unknown",
            "it was never issued to this client, or is long gone: begin again";
        DeviceCodeUsed = "device_code_used", InvalidGrant, "the device code was used before",
            "once only: begin again";
        DeviceCodeExpired = "device_code_expired", ExpiredToken, "the device code has expired",
            "begin again: codes live 10 minutes";
        DevicePending = "device_pending", AuthorizationPending,
            "the person has not answered yet",
            "ask again after `interval` seconds";
        DevicePollsTooFast = "device_polls_too_fast", SlowDown,
            "the device asks too often",
            "wait 5 seconds longer from now on";
        DeviceDenied = "device_denied", AccessDenied, "the person did not allow the device",
            "nothing; they may begin again";
        DeviceGrantEnded = "device_grant_ended", InvalidGrant,
            "what the person allowed the device does not count any more",
            "their account changed meanwhile: begin again";
        FactorDue = "factor_due", InsufficientAuthorization,
            "the person has to prove a second factor",
            "go on at `/authorize-challenge` with the auth_session, if there is one; else send the person to `/authorize`: [Second factors](apps.md#second-factors)";
        FactorWrong = "factor_wrong", InvalidGrant,
            "the one-time code or the recovery code is wrong or was used before",
            "ask the person for another one";
        FactorOnlyOnPage = "factor_only_on_page", RedirectToWeb,
            "this person can go on only in a browser",
            "send them to `/authorize`";
        AuthSessionUnknown = "auth_session_unknown", InvalidSession,
            "the auth_session is unknown, has expired or was used",
            "begin again with user name and password; it lives 10 minutes, for one client";
        ChallengeUnregistered = "challenge_unregistered", UnauthorizedClient,
            "the client is not registered for the challenge endpoint",
            "`mapae client update --first-party --grant urn:mapae:params:oauth:first-party`, for your own apps";
        ClientCredentialsPublic = "client_credentials_public", UnauthorizedClient,
            "a public client gets nothing for itself",
            "`client_credentials` is for confidential clients";
        ClientCredentialsPersonalScope = "client_credentials_personal_scope", InvalidScope,
            "there is no person behind this grant",
            "leave out `openid` and `offline_access`";
        PasswordNotOffered = "password_not_offered", InvalidGrant,
            "people sign in to this client only by a provider",
            "the operator let in nobody by password here";
        UserIpMalformed = "user_ip_malformed", InvalidRequest, "user_ip is not an IP address",
            "IPv4 or IPv6";
        PasswordWrong = "password_wrong", InvalidGrant, "the user name or the password is wrong",
            "tell the person; which of them is not said";
        SignInsThrottled = "sign_ins_throttled", Throttled, "too many failed attempts",
            "wait for `Retry-After` seconds";
        SignInsOverloaded = "sign_ins_overloaded", Overloaded, "too many sign-ins at once",
            "wait for `Retry-After` seconds";
    }
    DpopProofs {
        DpopProofMissing = "dpop_proof_missing", InvalidDpopProof, "a proof of possession is needed",
            "send the header `DPoP`: the client is registered with `--dpop-bound-access-tokens`, or what it presents is bound to a key";
        DpopProofRepeated = "dpop_proof_repeated", InvalidDpopProof,
            "there is more than one header DPoP",
            "send one";
        DpopProofMalformed = "dpop_proof_malformed", InvalidDpopProof,
            "the proof of possession is not a JWT of the form that is expected",
            "three parts; `jti`, `htm`, `htu` are texts and `iat` is a number; no `crit`";
        DpopProofTypMismatch = "dpop_proof_typ_mismatch", InvalidDpopProof,
            "the typ of the proof of possession is not dpop+jwt",
            "set it in the header of the proof";
        DpopProofAlgUnsupported = "dpop_proof_alg_unsupported", InvalidDpopProof,
            "the alg of the proof of possession is not supported",
            "`ES256`, `EdDSA` or `PS256`";
        DpopProofKeyUnusable = "dpop_proof_key_unusable", InvalidDpopProof,
            "the jwk of the proof of possession is missing or does not fit its alg",
            "P-256 for `ES256`, Ed25519 for `EdDSA`, RSA of 2048 bits or more for `PS256`";
        DpopProofKeyPrivate = "dpop_proof_key_private", InvalidDpopProof,
            "the jwk of the proof of possession holds a private key",
            "send the public half alone, and make a new key: this one was shown";
        DpopProofSignatureInvalid = "dpop_proof_signature_invalid", InvalidDpopProof,
            "the jwk of the proof of possession has not signed it",
            "sign with the private half of the `jwk`";
        DpopProofClaimMissing = "dpop_proof_claim_missing", InvalidDpopProof,
            "the proof of possession lacks one of jti, htm, htu, iat",
            "all four have to be there";
        DpopProofMethodMismatch = "dpop_proof_method_mismatch", InvalidDpopProof,
            "the htm of the proof of possession is not the method of the request",
            "in capitals, as it is sent: `POST`";
        DpopProofUriMismatch = "dpop_proof_uri_mismatch", InvalidDpopProof,
            "the htu of the proof of possession is not the address of this endpoint",
            "the address as the discovery document names it; behind a proxy, compare `issuer` with the address that apps use";
        DpopProofUntimely = "dpop_proof_untimely", InvalidDpopProof,
            "the iat of the proof of possession is more than a minute away",
            "a fresh proof for each request; look at the clock";
        DpopProofTokenHashMissing = "dpop_proof_token_hash_missing", InvalidDpopProof,
            "the proof of possession lacks ath",
            "the SHA-256 of the access token in base64url";
        DpopProofTokenHashMismatch = "dpop_proof_token_hash_mismatch", InvalidDpopProof,
            "the ath of the proof of possession is that of another access token",
            "the SHA-256 of the access token in base64url";
        DpopProofReused = "dpop_proof_reused", InvalidDpopProof,
            "the proof of possession was used before",
            "a fresh `jti` for each request";
        DpopNonceNeeded = "dpop_nonce_needed", UseDpopNonce,
            "the proof of possession needs a fresh nonce",
            "put the value of `DPoP-Nonce` into `nonce`, and send the request again";
        CodeKeyMismatch = "code_key_mismatch", InvalidGrant, "the code is bound to another key",
            "prove the key whose thumbprint `dpop_jkt` was";
        AuthSessionKeyMismatch = "auth_session_key_mismatch", InvalidSession,
            "the auth_session is bound to another key",
            "prove the key that was proven before, or that `dpop_jkt` named; without it, begin again";
        RefreshTokenKeyMismatch = "refresh_token_key_mismatch", InvalidGrant,
            "the refresh token is bound to another key",
            "prove the key with which the person signed in; without it, sign in again";
        AccessTokenKeyMismatch = "access_token_key_mismatch", InvalidToken,
            "the access token is bound to another key",
            "prove the key for which the token was issued";
        AccessTokenBound = "access_token_bound", InvalidToken,
            "the access token is bound to a key and was sent without proof of it",
            "send it as `Authorization: DPoP`, with a proof in the header `DPoP`, where the endpoint takes one";
        AccessTokenUnbound = "access_token_unbound", InvalidToken,
            "the access token is not bound to a key and was sent as DPoP",
            "send it as `Authorization: Bearer`";
    }
    Certificates {
        CertificateMissing = "certificate_missing", InvalidClient,
            "the client authenticates by a certificate and showed none",
            "show it in the handshake with an address of `mtls_endpoint_aliases`; behind a proxy, see that it sends `Client-Cert` and is one of `trusted_proxies`";
        CertificateRepeated = "certificate_repeated", InvalidRequest,
            "there is more than one header Client-Cert",
            "let the proxy replace the header, not add one";
        CertificateMalformed = "certificate_malformed", InvalidRequest,
            "the client certificate cannot be read",
            "`Client-Cert` is the certificate in DER, in base64 between two colons (RFC 9440 §2.2); 8 KiB at most, and at most three certificates above it";
        CertificateUntrusted = "certificate_untrusted", InvalidClient,
            "the client certificate comes from no authority of mtls.ca_file",
            "look whether an intermediate certificate is missing, then at the authorities in the file";
        CertificateExpired = "certificate_expired", InvalidClient,
            "the client certificate has expired, or one above it",
            "a new certificate";
        CertificateNotYetValid = "certificate_not_yet_valid", InvalidClient,
            "the client certificate is not valid yet",
            "look at the clocks";
        CertificatePurposeMismatch = "certificate_purpose_mismatch", InvalidClient,
            "the client certificate is not for clients",
            "its extended key usage has to allow `clientAuth`, and its key usage `digitalSignature`, where it has them";
        CertificateSubjectMismatch = "certificate_subject_mismatch", InvalidClient,
            "the subject of the client certificate is not the registered one",
            "compare `--tls-client-auth-subject-dn` with `openssl x509 -noout -subject -nameopt RFC2253`";
        CertificateNameMismatch = "certificate_name_mismatch", InvalidClient,
            "the client certificate does not have the registered subject alternative name",
            "compare `--tls-client-auth-san-dns` with `openssl x509 -noout -ext subjectAltName`";
        CertificateUnregistered = "certificate_unregistered", InvalidClient,
            "the client certificate is not registered for the client",
            "register it, or its key: `mapae client update --jwks FILE`";
        CertificateNeeded = "certificate_needed", InvalidRequest, "a client certificate is needed",
            "show one: the client is registered with `--tls-client-certificate-bound-access-tokens`, or what it presents is bound to a certificate";
        RefreshTokenCertificateMismatch = "refresh_token_certificate_mismatch", InvalidGrant,
            "the refresh token is bound to another certificate",
            "show the certificate with which the person signed in; without it, sign in again";
        AccessTokenCertificateMissing = "access_token_certificate_missing", InvalidToken,
            "the access token is bound to a certificate and was sent without it",
            "send it to the address in `mtls_endpoint_aliases`, with the certificate for which it was issued";
        AccessTokenCertificateMismatch = "access_token_certificate_mismatch", InvalidToken,
            "the access token is bound to another certificate",
            "show the certificate for which the token was issued";
    }
    TokenOfProvider {
        SubjectTokenTypeMissing = "subject_token_type_missing", InvalidRequest,
            "subject_token_type is missing",
            "send it";
        SubjectTokenTypeUnsupported = "subject_token_type_unsupported", InvalidRequest,
            "the subject_token_type is not one of urn:ietf:params:oauth:token-type:id_token, urn:ietf:params:oauth:token-type:access_token, urn:mapae:params:oauth:token-type:authorization_code",
            "send one of them";
        SubjectTokenMissing = "subject_token_missing", InvalidRequest, "subject_token is missing",
            "send it";
        AssertionMissing = "assertion_missing", InvalidRequest, "assertion is missing", "send it";
        ActorTokenUnsupported = "actor_token_unsupported", InvalidRequest,
            "an actor_token goes with an access token of this server",
            "leave it out";
        RequestedTokenTypeUnsupported = "requested_token_type_unsupported", InvalidRequest,
            "the requested_token_type is an access token, or with id_jag.enabled an id-jag",
            "leave it out, or turn on `id_jag.enabled`";
        AudienceUnsupported = "audience_unsupported", InvalidTarget,
            "audience is not supported: name a resource",
            "send `resource`";
        SubjectIssuerMissing = "subject_issuer_missing", InvalidRequest, "subject_issuer is missing",
            "name the provider";
        SubjectIssuerUnknown = "subject_issuer_unknown", InvalidGrant,
            "the subject_issuer is not a provider that this client may use",
            "compare it with `mapae provider list`";
        ProviderRedirectUriMissing = "provider_redirect_uri_missing", InvalidRequest,
            "redirect_uri is missing: the one that the code was sent to",
            "send it";
        ProviderStateMissing = "provider_state_missing", InvalidRequest,
            "state is missing: the one that the code came with",
            "send it";
        ProviderCodeSentHere = "provider_code_sent_here", InvalidRequest,
            "a code that was sent to this server is redeemed by it",
            "get a code of your own";
        PersonNotAdmitted = "person_not_admitted", InvalidGrant, "the person cannot come in here",
            "they are disabled, or of a domain that is not let in";
        AccountLinkRequired = "account_link_required", InvalidGrant, "account_link_required",
            "the person signs in in a browser once, and proves the account that is there: [social/README.md](social/README.md#errors)";
        ProviderUnavailable = "provider_unavailable", Overloaded, "the provider cannot be reached",
            "try again after `Retry-After`";
        ProviderScopeMissing = "provider_scope_missing", InvalidGrant,
            "the person has not agreed to what is needed",
            "ask the provider for the scopes that are missing";
        SubjectTokenUnprovable = "subject_token_unprovable", InvalidGrant,
            "this provider cannot prove for whom such a token was issued: send an authorization code",
            "send a code";
        SubjectTokenAudienceMismatch = "subject_token_audience_mismatch", InvalidGrant,
            "the subject token was issued for another app",
            "name your client id under `[[social.audience]]`";
        SubjectTokenIssuerMismatch = "subject_token_issuer_mismatch", InvalidGrant,
            "the subject token is of another issuer",
            "compare the provider with the token";
        SubjectTokenNonceMismatch = "subject_token_nonce_mismatch", InvalidGrant,
            "the nonce is not that of the subject token",
            "send the one that you gave to the SDK";
        SubjectTokenExpired = "subject_token_expired", InvalidGrant, "the subject token has expired",
            "get a fresh one";
        SubjectTokenTooOld = "subject_token_too_old", InvalidGrant,
            "the subject token is older than an hour: name its nonce, or get a fresh one",
            "send `nonce`";
        SubjectTokenNotIdToken = "subject_token_not_id_token", InvalidGrant,
            "the subject token is not an id token",
            "send an id token";
        SubjectTokenSignatureInvalid = "subject_token_signature_invalid", InvalidGrant,
            "the subject token does not verify",
            "it was not signed by its issuer";
        ProviderCodeRefused = "provider_code_refused", InvalidGrant, "the provider refuses the code",
            "it was used, has expired, or is another app's";
        SubjectTokenMalformed = "subject_token_malformed", InvalidGrant,
            "the subject token cannot be read",
            "it is not a JWT";
        SubjectTokenReused = "subject_token_reused", InvalidGrant,
            "the subject token was used before",
            "each is good once";
        SubjectTokenInvalid = "subject_token_invalid", InvalidGrant, "the subject token is not good",
            "why stands in the log (`refused a token`)";
    }
    AuthorizePage {
        QueryMalformed = "query_malformed", InvalidRequest, "the request is not a form in UTF-8",
            "encode the query as a form";
        ClientIdUnreadable = "client_id_unreadable", UnknownClient,
            "the client_id is missing, repeated or malformed",
            "send it once";
        RedirectUriUnregistered = "redirect_uri_unregistered", InvalidRedirectUri,
            "the redirect_uri is not registered for this client, byte for byte",
            "`mapae client update --redirect-uri`";
        RedirectUriUnreadable = "redirect_uri_unreadable", InvalidRedirectUri,
            "the redirect_uri is missing or repeated",
            "send it once";
        RequestUriUnknown = "request_uri_unknown", InvalidRequestUri,
            "this client pushed no request with this request_uri",
            "push it, with the client id of the browser's request";
        RequestUriExpired = "request_uri_expired", InvalidRequestUri,
            "the request_uri has expired",
            "send the browser within 60 seconds of the push";
        RequestUriUsed = "request_uri_used", InvalidRequestUri,
            "the request_uri was answered before",
            "push the request again: each is good for one answer";
        StateTooLong = "state_too_long", InvalidRequest, "the state has more than 4096 bytes",
            "keep what is long on your side";
    }
    Delegation {
        ActorTokenMissing = "actor_token_missing", InvalidRequest,
            "actor_token is missing: nobody acts for a person without saying who they are",
            "send the access token that the client that acts got for itself";
        ActorTokenTypeUnsupported = "actor_token_type_unsupported", InvalidRequest,
            "the actor_token_type is not urn:ietf:params:oauth:token-type:access_token",
            "send it with every actor_token";
        ActorTokenInvalid = "actor_token_invalid", InvalidGrant,
            "the actor token is not a good token that a client got for itself here",
            "get one by `client_credentials`";
        ActorTokenOfAnother = "actor_token_of_another", InvalidGrant,
            "the actor token belongs to another client",
            "exchange your own tokens, or act yourself";
        ActorTokenForAnother = "actor_token_for_another", InvalidGrant,
            "the actor token of the other client is bound, or is not for this server alone",
            "send one that it got for this server: `client_credentials` without `resource` and DPoP";
        SubjectTokenOfNoPerson = "subject_token_of_no_person", InvalidGrant,
            "there is no person behind the subject token",
            "send the access token of a person";
        SubjectTokenForAnother = "subject_token_for_another", InvalidGrant,
            "the subject token was neither issued to this client nor sent to it",
            "register the audience: `mapae client update --resource-server`";
        MayNotAct = "may_not_act", InvalidTarget,
            "no rule lets the actor act with these tokens at this resource",
            "`mapae client may-act`";
        ExchangeResourceMissing = "exchange_resource_missing", InvalidTarget,
            "resource is missing, and no rule or several ones say where",
            "send `resource`";
        ExchangeScopeTooWide = "exchange_scope_too_wide", InvalidScope,
            "the rule or the subject token does not have this scope",
            "ask for less";
        ExchangeKeyMismatch = "exchange_key_mismatch", InvalidGrant,
            "the token is bound to another key",
            "prove the key of the token that you exchange";
        ActorChainTooLong = "actor_chain_too_long", InvalidGrant,
            "too many clients act one after the other",
            "exchange a token nearer to the person";
        ActorStopped = "actor_stopped", InvalidGrant,
            "the person does not want this client to act for them",
            "the person allows it again on their account page";
    }
    IdJag {
        IdJagPublicClient = "id_jag_public_client", UnauthorizedClient,
            "identity assertion grants are for confidential clients",
            "send the person to the other server, with an authorization request";
        IdJagAudienceMissing = "id_jag_audience_missing", InvalidRequest,
            "a grant is for one audience: the issuer of the other server",
            "send one `audience`";
        IdJagAudienceUnregistered = "id_jag_audience_unregistered", InvalidTarget,
            "the client has no entry for this audience",
            "`mapae client id-jag`, with the issuer as its metadata names it";
        IdJagResourceUnregistered = "id_jag_resource_unregistered", InvalidTarget,
            "the entry of the client for this audience does not have this resource",
            "`mapae client id-jag --resource`";
        IdJagScopeTooWide = "id_jag_scope_too_wide", InvalidScope,
            "the entry of the client for this audience does not have this scope",
            "ask for less, or `mapae client id-jag --scope`";
        IdJagDetailsUnsupported = "id_jag_details_unsupported", InvalidRequest,
            "authorization_details are not supported",
            "ask by `scope` and `resource`";
        IdJagSubjectTypeUnsupported = "id_jag_subject_type_unsupported", InvalidRequest,
            "the subject token of a grant is an id token or a refresh token of this server",
            "send the id token that the client got when the person signed in";
        IdJagSubjectOfAnother = "id_jag_subject_of_another", InvalidGrant,
            "the subject token was issued to another client",
            "send your own";
        IdJagSignInEnded = "id_jag_sign_in_ended", InvalidGrant,
            "the sign-in of the subject token has ended",
            "send the person to `/authorize`";
        IdJagSubjectOfNobody = "id_jag_subject_of_nobody", InvalidTarget,
            "the client by whose sub the grant names people is unknown or disabled",
            "`mapae client id-jag --sub-of`";
        IdJagOff = "id_jag_off", InvalidGrant,
            "identity assertion grants are not taken here",
            "`id_jag.enabled`";
        IdJagMalformed = "id_jag_malformed", InvalidGrant,
            "the grant is not a JWT with iss, sub, aud, client_id, jti, exp and iat",
            "all seven have to be there";
        IdJagIssuerUntrusted = "id_jag_issuer_untrusted", InvalidGrant,
            "the client may not show grants of this issuer",
            "`mapae client trust-id-jag`, with the issuer as its grants write it";
        IdJagClaimUnsupported = "id_jag_claim_unsupported", InvalidGrant,
            "the grant has a claim that is not supported",
            "the issuer leaves it out";
        IdJagAudienceMismatch = "id_jag_audience_mismatch", InvalidGrant,
            "the aud of the grant is not this issuer alone",
            "ask for a grant with this audience";
        IdJagClientMismatch = "id_jag_client_mismatch", InvalidGrant,
            "the client_id of the grant is another client",
            "tell the issuer the client id that you have here";
        IdJagExpired = "id_jag_expired", InvalidGrant, "the grant has expired",
            "ask for a fresh one";
        IdJagLifetimeTooLong = "id_jag_lifetime_too_long", InvalidGrant,
            "the exp of the grant is more than an hour ahead",
            "the issuer makes it shorter";
        IdJagNotYetValid = "id_jag_not_yet_valid", InvalidGrant,
            "iat or nbf of the grant is in the future",
            "compare the clocks";
        IdJagReused = "id_jag_reused", InvalidGrant, "the grant was used before",
            "ask for a fresh one: each is good once";
        IdJagSignatureInvalid = "id_jag_signature_invalid", InvalidGrant,
            "no key of the issuer has signed the grant",
            "compare the keys: `mapae client trust-id-jag --jwks FILE`, or those that the issuer publishes";
        IdJagIssuerWrong = "id_jag_issuer_wrong", InvalidGrant,
            "the metadata or the keys of the issuer of the grant cannot be used",
            "the log says why: or give the keys by `mapae client trust-id-jag --jwks FILE`";
        IdJagIssuerUnavailable = "id_jag_issuer_unavailable", Overloaded,
            "the keys of the issuer of the grant could not be fetched",
            "try again after `Retry-After`; the log says why";
        IdJagBindingUnsupported = "id_jag_binding_unsupported", InvalidGrant,
            "the grant is bound to something that cannot be proven here",
            "the issuer binds it to a key by `cnf.jkt` alone";
        IdJagKeyUnproven = "id_jag_key_unproven", InvalidGrant,
            "the grant is bound to a key, and the request has no proof of it",
            "send a proof ([DPoP](dpop.md)) of the key for which you got the grant";
        IdJagKeyMismatch = "id_jag_key_mismatch", InvalidGrant,
            "the grant is bound to another key",
            "prove the key for which you got the grant";
        IdJagPersonUnknown = "id_jag_person_unknown", InvalidGrant,
            "no account here is linked to the subject of the grant",
            "the person signs in here once by the issuer as their provider";
        IdJagScopeNotGranted = "id_jag_scope_not_granted", InvalidScope,
            "the grant, or the registration of the client, does not have this scope",
            "ask for less, or `mapae client update --scope`";
        IdJagResourceNotGranted = "id_jag_resource_not_granted", InvalidTarget,
            "the grant does not have this resource",
            "ask for another grant";
        IdJagResourceMissing = "id_jag_resource_missing", InvalidTarget,
            "no resource is named, or it is this server itself",
            "name the API, or register it: `mapae client update --audience`";
    }
    PushedRequests {
        PushedRequestUri = "pushed_request_uri", InvalidRequest,
            "a request that is pushed has no request_uri",
            "send the parameters themselves";
        PushedRedirectUriMissing = "pushed_redirect_uri_missing", InvalidRequest,
            "the pushed redirect_uri is missing",
            "send it";
        PushedRedirectUriUnregistered = "pushed_redirect_uri_unregistered", InvalidRequest,
            "the pushed redirect_uri is not registered for this client, byte for byte",
            "`mapae client update --redirect-uri`";
    }
    AuthorizeRedirect {
        ResponseTypeMissing = "response_type_missing", InvalidRequest, "response_type is missing",
            "send `code`";
        ResponseTypeUnsupported = "response_type_unsupported", UnsupportedResponseType,
            "the one response type is code",
            "send `code`";
        AuthorizationCodeUnregistered = "authorization_code_unregistered", UnauthorizedClient,
            "the client is not registered for authorization_code",
            "`mapae client update --grant`";
        ResponseModeUnknown = "response_mode_unknown", InvalidRequest,
            "the response_mode is unknown",
            "`query`, `fragment`, `form_post`, or one of them signed: `query.jwt`, `fragment.jwt`, `form_post.jwt`, `jwt`";
        RequestUriUnsupported = "request_uri_unsupported", RequestUriNotSupported,
            "a request_uri of another server is not supported",
            "push the request to `/par`, or send the parameters themselves";
        SignedRequestRequired = "signed_request_required", InvalidRequest,
            "the request has to be signed",
            "send a request object: [Signed requests](apps.md#signed-requests)";
        RequestObjectMalformed = "request_object_malformed", InvalidRequestObject,
            "the request object is not a JWT with parameters",
            "a JWS in its compact form; encrypted ones are not supported";
        RequestObjectUnsigned = "request_object_unsigned", InvalidRequestObject,
            "the request object is not signed",
            "`alg` is RS256, PS256, ES256 or EdDSA";
        RequestObjectTypeMismatch = "request_object_type_mismatch", InvalidRequestObject,
            "the typ of the request object is another one",
            "`oauth-authz-req+jwt`, `JWT` or none";
        RequestObjectKeysMissing = "request_object_keys_missing", InvalidRequestObject,
            "no keys are registered by which this client signs requests",
            "`mapae client update --request-object-signing-alg ES256 --jwks FILE`";
        RequestObjectAlgRefused = "request_object_alg_refused", InvalidRequestObject,
            "the profile of the client does not allow the algorithm of the request object",
            "sign by PS256, ES256 or EdDSA";
        RequestObjectKeysUnavailable = "request_object_keys_unavailable", InvalidRequestObject,
            "the keys of the request object could not be fetched at the jwks_uri of the client",
            "the log says why: `jwks_uri` has to be reachable from the server, and answer with a JWK Set within 5 seconds";
        RequestObjectSignatureInvalid = "request_object_signature_invalid", InvalidRequestObject,
            "no registered key of the client has signed the request object by its algorithm",
            "compare `kid` and `alg` with the registered JWK Set and with `--request-object-signing-alg`";
        RequestObjectClaimMissing = "request_object_claim_missing", InvalidRequestObject,
            "the request object lacks one of iss, aud, exp and nbf",
            "a client with `--require-signed-request-object` sends all four";
        RequestObjectClientMismatch = "request_object_client_mismatch", InvalidRequestObject,
            "neither iss nor client_id of the request object is the client, or one is another",
            "both are the client id; one of them may be left out";
        RequestObjectSubIsClient = "request_object_sub_is_client", InvalidRequestObject,
            "the sub of the request object is the client, so it could pass as a client assertion",
            "leave `sub` out of request objects (RFC 9101 §10.8)";
        RequestObjectAudienceMismatch = "request_object_audience_mismatch", InvalidRequestObject,
            "the aud of the request object does not name this server",
            "the issuer";
        RequestObjectExpired = "request_object_expired", InvalidRequestObject,
            "the request object has expired",
            "a fresh one; look at the clock";
        RequestObjectNotYetValid = "request_object_not_yet_valid", InvalidRequestObject,
            "the nbf or iat of the request object is in the future",
            "look at the clock";
        RequestObjectLifetimeTooLong = "request_object_lifetime_too_long", InvalidRequestObject,
            "exp and nbf of the request object are more than an hour apart",
            "a shorter life";
        RequestObjectNested = "request_object_nested", InvalidRequestObject,
            "a request object names another one",
            "leave `request` and `request_uri` out of it";
        PushRequired = "push_required", InvalidRequest,
            "the request has to be pushed first",
            "send it to `/par` and bring the `request_uri`: [Pushed requests](apps.md#pushed-requests)";
        PromptUnknown = "prompt_unknown", InvalidRequest, "a prompt is unknown",
            "`none`, `login`, `consent`, `select_account`, `create`";
        PromptNoneCombined = "prompt_none_combined", InvalidRequest,
            "prompt none goes with no other",
            "send it alone";
        NonceTooLong = "nonce_too_long", InvalidRequest, "the nonce has more than 512 bytes",
            "send a shorter one";
        MaxAgeMalformed = "max_age_malformed", InvalidRequest,
            "max_age is not a number of seconds",
            "a whole number";
        DpopJktMalformed = "dpop_jkt_malformed", InvalidRequest,
            "dpop_jkt is not a thumbprint",
            "the SHA-256 thumbprint of the key in base64url, RFC 7638";
        DpopJktMismatch = "dpop_jkt_mismatch", InvalidRequest,
            "dpop_jkt and the proof of possession name different keys",
            "leave `dpop_jkt` out, or prove the key that it names";
        CodeChallengeMethodUnsupported = "code_challenge_method_unsupported", InvalidRequest,
            "the one code_challenge_method is S256",
            "`plain` is refused";
        CodeChallengeMalformed = "code_challenge_malformed", InvalidRequest,
            "the code_challenge is not a SHA-256 hash in base64url",
            "43 characters of base64url";
        CodeChallengeMissing = "code_challenge_missing", InvalidRequest,
            "code_challenge is missing",
            "send both or neither";
        PkceRequired = "pkce_required", InvalidRequest,
            "PKCE is missing: send code_challenge with code_challenge_method=S256",
            "[who must send which](apps.md#pkce-and-nonce)";
        PkceRequiredByRegistration = "pkce_required_by_registration", InvalidRequest,
            "PKCE is missing: send code_challenge with code_challenge_method=S256, or have the client registered with --require-pkce auto or false",
            "the same";
        PkceOrNonceRequired = "pkce_or_nonce_required", InvalidRequest,
            "PKCE is missing: send code_challenge with code_challenge_method=S256, or a nonce with the scope openid; an app that can do neither is registered with --require-pkce false",
            "the same";
        ClaimsTooLong = "claims_too_long", InvalidRequest, "claims is too long", "ask for less";
        ClaimsMalformed = "claims_malformed", InvalidRequest,
            "claims is not a JSON object as in OpenID Connect Core 5.5",
            "repair it";
        IdTokenHintInvalid = "id_token_hint_invalid", InvalidRequest,
            "the id_token_hint is not ours",
            "leave it out";
        IdTokenHintSubMismatch = "id_token_hint_sub_mismatch", InvalidRequest,
            "the id_token_hint and the requested sub differ",
            "ask for one person";
        AcrUnmet = "acr_unmet", UnmetAuthenticationRequirements,
            "no such context class can be met",
            "ask for a value that the person can meet: `1`, `2`, `phr`";
        NobodySignedIn = "nobody_signed_in", LoginRequired,
            "nobody is signed in whom this request accepts",
            "ask again without `prompt=none`";
        SeveralSignedIn = "several_signed_in", AccountSelectionRequired,
            "more than one person is signed in",
            "ask again without `prompt=none`";
        ConsentMissing = "consent_missing", ConsentRequired, "the person has not allowed it",
            "ask again without `prompt=none`";
        FactorMissing = "factor_missing", InteractionRequired,
            "the person has to prove one more factor",
            "ask again without `prompt=none`";
        AccountBeingDeleted = "account_being_deleted", InteractionRequired,
            "the person is deleting their account",
            "ask again without `prompt=none`: they can keep it on the page";
        AnotherPersonSignedIn = "another_person_signed_in", LoginRequired,
            "another person signed in",
            "ask again, with the right hint";
        SignInCancelled = "sign_in_cancelled", AccessDenied, "the person turned back",
            "nothing; they may come again";
        ConsentDenied = "consent_denied", AccessDenied, "the person did not allow it",
            "nothing; they may come again";
        SignUpClosed = "sign_up_closed", InvalidRequest,
            "nobody may make an account here: prompt create is not supported",
            "`mapae client update --signup open`, or `signup.mode = open`";
        TermsUnaccepted = "terms_unaccepted", InteractionRequired,
            "the person has not accepted the current terms",
            "ask again without `prompt=none`";
    }
    Resources {
        AccessTokenMissing = "access_token_missing", InvalidToken, "an access token is needed",
            "send it in the `Authorization` header";
        AccessTokenMalformed = "access_token_malformed", InvalidToken,
            "the access token is malformed",
            "send it as it was given";
        AccessTokenInvalid = "access_token_invalid", InvalidToken, "the access token is not good",
            "refresh";
        AccessTokenScopeMissing = "access_token_scope_missing", InsufficientScope,
            "the access token does not have the scope openid",
            "ask for `openid`";
        FollowerScopeMissing = "follower_scope_missing", InsufficientScope,
            "the access token has no scope for the revocations",
            "register the resource server with `revocations:read` and ask for it by `client_credentials`";
        CursorMalformed = "cursor_malformed", InvalidRequest,
            "this is no place in the feed of revocations",
            "send the `next` of an earlier answer, or the id of an event";
        CursorExpired = "cursor_expired", CursorExpired,
            "what was revoked after this place is not kept any more",
            "fetch the status lists, and begin again without `after`";
        WaitMalformed = "wait_malformed", InvalidRequest,
            "wait is not a number of seconds from 0 to 30",
            "send fewer";
        StatusListUnknown = "status_list_unknown", NotFound, "there is no status list of this number",
            "a token that points there is refused; every list is named at `/status`";
        StatusAtTime = "status_at_time", NotImplemented,
            "status lists are not kept for earlier times",
            "ask without `time`";
        AccessTokenRepeated = "access_token_repeated", InvalidRequest, "the token comes twice",
            "by header or in the body";
        TokenMissing = "token_missing", InvalidRequest, "token is missing", "send it";
        LogoutRequestMalformed = "logout_request_malformed", InvalidRequest,
            "the request cannot be read",
            "encode it as a form";
        IdTokenHintClientMismatch = "id_token_hint_client_mismatch", InvalidRequest,
            "the id_token_hint was issued to another client",
            "send the client id to which it was issued, or none";
        PostLogoutRedirectUriUnregistered = "post_logout_redirect_uri_unregistered", InvalidRequest,
            "the post_logout_redirect_uri is not registered",
            "`mapae client update --post-logout-redirect-uri`";
    }
    Pages {
        UserCodeUnknown = "user_code_unknown", InvalidRequest,
            "no device shows this code",
            "look at the device: its code lives 10 minutes";
        UserCodesThrottled = "user_codes_throttled", Throttled, "too many wrong codes of devices",
            "wait for `Retry-After` seconds";
        DeviceSignInWeak = "device_sign_in_weak", InvalidRequest,
            "the app on the device needs a stronger sign-in",
            "the person signs in with a second factor or a passkey";
        DeviceNotAdmitted = "device_not_admitted", InvalidRequest,
            "this way to sign in does not lead to the app on the device",
            "the operator decided which providers lead there";
        InteractionUnknown = "unknown_interaction", UnknownInteraction,
            "the page belongs to no interaction",
            "begin again in the app";
        InteractionOfAnotherBrowser = "wrong_browser", WrongBrowser,
            "the page belongs to another browser, or there are no cookies",
            "begin again in one browser, with cookies";
        FormForged = "forbidden", Forbidden, "the form did not come from a page of ours",
            "open the page again; a proxy must leave `Origin` and `Host` as they are";
        InteractionExpired = "expired", Expired, "the interaction has expired",
            "begin again in the app";
        InteractionFinished = "already_done", AlreadyDone, "the interaction is done already",
            "nothing; begin again in the app if it is needed";
        ProviderUnknown = "unknown_provider", UnknownProvider,
            "there is no such provider, or this client may not use it",
            "compare the address with `mapae provider list`";
        MailLinkUnknown = "mail_link_unknown", UnknownLink,
            "the link of a mail is unknown, used or too old",
            "the person asks for another mail, or an operator invites them again";
        ShownOnPage = "shown_on_page", InvalidRequest, "the page that was shown says why",
            "the person can read it: a wrong or a weak password, too many attempts";
        NotNow = "not_now", Overloaded, "the server does not answer this now",
            "try again: it is not ready, or a browser fetched a page before somebody wanted it";
        MailLinkRefused = "mail_link_refused", UnknownInteraction,
            "the link of a mail is unknown, was used, has expired, or the account changed since",
            "ask for a new mail";
        AddressTaken = "address_taken", InvalidRequest, "another account has the address",
            "choose another address";
        AppsOfPersonFull = "apps_of_person_full", Conflict,
            "the person allowed as many apps of documents as one person may",
            "the person removes one on their account page, and allows this one again";
    }
    Administration {
        AdminScopeMissing = "admin_scope_missing", InsufficientScope,
            "neither the scopes of the token nor the roles of the person allow this",
            "ask for the scope that the answer names; a person also needs a role: `mapae user grant-role`";
        AdminProofWeak = "admin_proof_weak", InsufficientUserAuthentication,
            "the account has a second factor, and the token says that it was not proven",
            "send the person to `/authorize` with `acr_values=2`";
        AdminProofOld = "admin_proof_old", InsufficientUserAuthentication,
            "the person signed in too long ago for this change",
            "send the person to `/authorize` with the `max_age` that the answer names";
        AdminForbidden = "admin_forbidden", Forbidden,
            "whoever asks has fewer rights than the person, role or client that it concerns",
            "somebody with these rights can do it";
        AdminUnknown = "admin_unknown", NotFound, "what the request is about does not exist",
            "list what there is";
        AdminConflict = "admin_conflict", Conflict, "it does not fit what is there",
            "the detail says what is in the way";
        AdminChanged = "admin_changed", PreconditionFailed,
            "it is not any more what the If-Match of the request saw",
            "read it again, and repeat the change if it still makes sense";
        AdminVersionMissing = "admin_version_missing", PreconditionRequired,
            "a change needs the header If-Match",
            "send the `ETag` of the last answer";
        AdminInvalid = "admin_invalid", ContentInvalid, "a value is not valid",
            "the detail says which";
        AdminBodyMalformed = "admin_body_malformed", InvalidRequest,
            "the body is not the JSON that this expects",
            "the detail says where; `openapi.json` has the form";
        AdminQueryMalformed = "admin_query_malformed", InvalidRequest,
            "a parameter of the query is not valid",
            "the detail says which; `openapi.json` has them all";
        ScimRequestInvalid = "scim_request_invalid", InvalidRequest,
            "the SCIM request is not valid",
            "`scimType` and `detail` of the answer say what is wrong: [SCIM](scim.md)";
        IdempotencyKeyReused = "idempotency_key_reused", ContentInvalid,
            "the Idempotency-Key was used with another request",
            "a new key for each thing that is made";
        IdempotencyKeyInUse = "idempotency_key_in_use", Conflict,
            "the first request with this Idempotency-Key is not answered yet",
            "wait a moment and repeat it";
    }
    AccessTokens {
        TokenMalformed = "token_malformed", InvalidToken, "the token is not a JWT",
            "send the access token as it was given: one word with two dots, not cut, without quotes";
        TokenEncrypted = "token_encrypted", InvalidToken, "the token is encrypted",
            "it is of another server: send the access token that this server gave";
        TokenMemberRepeated = "token_member_repeated", InvalidToken,
            "a name is repeated in the header or in the claims of the token",
            "this server writes no such token: it was changed, or is of another server";
        TokenIsIdToken = "token_is_id_token", InvalidToken, "the token is an ID token",
            "send `access_token` of the token response, and keep `id_token` in the app";
        TokenIsRefreshToken = "token_is_refresh_token", InvalidToken, "the token is a refresh token",
            "send `access_token` of the token response; revoke this one if others saw it: `mapae token revoke`";
        TokenIsLogoutToken = "token_is_logout_token", InvalidToken, "the token is a logout token",
            "send `access_token` of the token response; a logout token ends a session of the app";
        TokenIsCode = "token_is_code", InvalidToken, "the token is an authorization code",
            "redeem it at `/token`, and send the `access_token` that comes back";
        TokenIsSecret = "token_is_secret", InvalidToken, "the token is a secret of another kind",
            "send `access_token` of the token response; change the secret if others saw it: `mapae client rotate-secret`";
        TokenUnsigned = "token_unsigned", InvalidToken, "the token is not signed",
            "this server signs every token: it was forged";
        TokenAlgUnsupported = "token_alg_unsupported", InvalidToken,
            "the alg of the token is not one by which this server signs",
            "let the verifier take RS256, ES256, PS256 and EdDSA alone; if this is another server's token, send the right one";
        TokenCritUnsupported = "token_crit_unsupported", InvalidToken,
            "the token has a critical extension that is not understood",
            "this server writes none: it is of another server";
        TokenKeyUnknown = "token_key_unknown", InvalidToken,
            "the key of the token is not one of the published keys",
            "compare `iss` with the server that you ask; let the verifier fetch the JWKS once more for a `kid` that it does not know";
        TokenKeyDropped = "token_key_dropped", InvalidToken, "the key of the token was dropped",
            "get a new token: what the key signed is refused for good";
        TokenKeyUnpublished = "token_key_unpublished", InvalidToken,
            "the key of the token is no longer published",
            "get a new token: this one is older than the longest token lives";
        TokenAlgMismatch = "token_alg_mismatch", InvalidToken,
            "the alg of the token is not that of its key",
            "it was changed on its way, or forged";
        TokenSignatureInvalid = "token_signature_invalid", InvalidToken,
            "the signature of the token is not that of its key",
            "it was cut, changed on its way, or forged: get a new one and send it as it was given";
        TokenIssuerMismatch = "token_issuer_mismatch", InvalidToken,
            "the iss of the token is not the issuer that is expected",
            "ask the server that issued it (`--issuer`), or set the issuer of the verifier to the one in the metadata, byte for byte";
        TokenAudienceMissing = "token_audience_missing", InvalidToken, "the token has no aud",
            "this server names one in every access token: it is of another server";
        TokenAudienceMismatch = "token_audience_mismatch", InvalidToken,
            "the aud of the token does not name this resource server",
            "let the app send `resource`: [Who is the audience?](resource-servers.md#who-is-the-audience)";
        TokenTimesMalformed = "token_times_malformed", InvalidToken,
            "the times of the token cannot be read",
            "this server writes whole seconds: it is of another server";
        TokenExpired = "token_expired", InvalidToken, "the token has expired",
            "let the app refresh; if it has expired just now, look at the clock of the verifier";
        TokenNotYetValid = "token_not_yet_valid", InvalidToken, "the token is not valid yet",
            "look at the clocks of the server and of the verifier; allow a minute";
        TokenScopeMalformed = "token_scope_malformed", InvalidToken,
            "the scope of the token is not a text of words",
            "this server writes one text with spaces: it is of another server";
        TokenProofMissing = "token_proof_missing", InvalidToken,
            "the token is bound to a key, and the proof of that key is missing",
            "send it as `DPoP`, with a proof for this request";
        TokenRevoked = "token_revoked", InvalidToken, "the token was revoked",
            "get a new one";
        TokenRevokedByStatus = "token_revoked_by_status", InvalidToken,
            "the status list says that the token was revoked",
            "let the app refresh: its next token has another place in the list, if its session is still open";
        TokenStatusUnknown = "token_status_unknown", InvalidToken,
            "the place of the token in the status lists does not exist",
            "get a new token; if this one was issued by another server, ask that one";
        TokenSessionEnded = "token_session_ended", InvalidToken,
            "the session of the token has ended",
            "let the person sign in again; `mapae audit list --user SUB` says what happened";
        TokenSessionUnknown = "token_session_unknown", InvalidToken,
            "the session of the token is not known",
            "let the person sign in again; if the database was restored, that is why";
        TokenClientUnknown = "token_client_unknown", InvalidToken,
            "the client of the token is not registered",
            "compare `client_id` with `mapae client list`";
        TokenClientDisabled = "token_client_disabled", InvalidToken,
            "the client of the token is disabled",
            "`mapae client enable`, then get a new token";
        TokenPersonUnknown = "token_person_unknown", InvalidToken,
            "the account of the token is gone",
            "nothing: the account was deleted";
        TokenPersonDisabled = "token_person_disabled", InvalidToken,
            "the account of the token is disabled",
            "`mapae user enable`, then let the person sign in again";
        TokenSignInRefused = "token_sign_in_refused", InvalidToken,
            "the way in which the person signed in is no longer open to them",
            "`mapae provider list` and `[[social]]` say who may come in by which; let the person sign in again";
        TokenTypMismatch = "token_typ_mismatch", InvalidToken,
            "the typ of the token is not that of an access token",
            "send the access token; for a verifier that refuses `at+jwt`: [three ways](resource-servers.md#verifiers-that-refuse-atjwt)";
        TokenClaimMissing = "token_claim_missing", InvalidToken,
            "a claim that every access token has is missing",
            "this server writes all of them: it is of another server";
    }
}

impl Reason {
    /// The stable name, in the log and in the metrics. Operators search for it, so it must not
    /// change.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.declared().name
    }

    /// The value of `error` that belongs to it, unless the endpoint uses one of its own. A missing
    /// bearer token has none (RFC 6750 §3.1).
    #[must_use]
    pub fn code(self) -> Option<ErrorCode> {
        (!self.is_missing_token()).then_some(self.declared().code)
    }

    fn is_missing_token(self) -> bool {
        matches!(self, Self::AccessTokenMissing | Self::RegistrationTokenMissing)
    }

    /// The HTTP status; `None` for what goes back to the app in a redirect.
    #[must_use]
    pub fn status(self) -> Option<u16> {
        match self {
            // RFC 9110 §15.5
            Self::BodyTimedOut => Some(408),
            Self::BodyTooLarge => Some(413),
            Self::ContentTypeUnsupported => Some(415),
            // RFC 6750 §3.1: without any token there is no `error`.
            _ if self.is_missing_token() => Some(401),
            _ if self.section() == ReasonSection::AuthorizeRedirect => None,
            _ => self.code().map(ErrorCode::status),
        }
    }

    /// Whether an endpoint of this server refuses for it. The other reasons are for resource
    /// servers, and `mapae token explain` names them.
    #[must_use]
    pub fn is_of_request(self) -> bool {
        self.section() != ReasonSection::AccessTokens
    }

    /// The reason in words: ASCII without quote and backslash (RFC 6749 §5.2).
    #[must_use]
    pub fn sentence(self) -> &'static str {
        self.declared().sentence
    }

    /// What an app or an operator can do about it, in Markdown.
    #[must_use]
    pub fn advice(self) -> &'static str {
        self.declared().advice
    }

    /// The same without Markdown links, for the command line: a page is named by its path.
    #[must_use]
    pub fn plain_advice(self) -> String {
        let mut plain = String::new();
        let mut rest = self.advice();
        while let Some((before, words, page, after)) = first_link(rest) {
            plain.push_str(before);
            plain.push_str(words);
            plain.push_str(" (docs/");
            plain.push_str(page);
            plain.push(')');
            rest = after;
        }
        plain.push_str(rest);
        plain
    }

    /// The section of the reference in which it is listed.
    #[must_use]
    pub fn section(self) -> ReasonSection {
        self.declared().section
    }

    /// The reason that the client is told. A client that fails to authenticate learns only that.
    #[must_use]
    pub fn told(self) -> Self {
        match self.code() {
            Some(ErrorCode::InvalidClient) => Self::ClientAuthenticationFailed,
            _ => self,
        }
    }
}

/// What stands before the first link of a text, its words, its target, and what stands behind it.
fn first_link(text: &str) -> Option<(&str, &str, &str, &str)> {
    let (head, tail) = text.split_once("](")?;
    let (before, words) = head.rsplit_once('[')?;
    let (page, after) = tail.split_once(')')?;
    Some((before, words, page, after))
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::domain::reason::Reason;

    #[test]
    fn no_two_reasons_share_a_name_and_each_can_be_searched_for() {
        let names: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(names.len(), Reason::ALL.len());
        for name in names {
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
        }
    }

    #[test]
    fn each_reason_has_one_description_of_its_own_advice_and_a_status() {
        let mut seen = BTreeSet::new();
        for reason in Reason::ALL {
            assert!(seen.insert(reason.sentence()), "{reason}");
            assert!(!reason.sentence().is_empty() && !reason.advice().is_empty(), "{reason}");
            let plain = reason.plain_advice();
            assert!(!plain.contains("]("), "{reason}: {plain}");
            let status = reason.status();
            assert!(status.is_none_or(|status| (400..=503).contains(&status)), "{reason}");
        }
        assert_eq!(
            Reason::TokenAudienceMismatch.plain_advice(),
            "let the app send `resource`: Who is the audience? (docs/resource-servers.md#who-is-the-audience)"
        );
    }

    #[test]
    fn rfc6749_5_2_a_description_is_ascii_without_quote_and_backslash() {
        for reason in Reason::ALL {
            let legal = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E);
            assert!(reason.sentence().bytes().all(legal), "{reason}");
        }
    }
}
