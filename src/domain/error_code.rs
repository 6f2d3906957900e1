//! The values of `error`: RFC 6749 §4.1.2.1 and §5.2, OpenID Connect Core §3.1.2.6, RFC 6750 §3.1, RFC
//! 8707 §2, and those of our own pages and paths.

macro_rules! codes {
    ($($name:ident = $wire:literal, $status:literal, $place:literal;)+) => {
        /// The kind of a refusal, for programs. Programs compare these words, so they must not
        /// change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "the wire name of each says it")]
        pub enum ErrorCode { $($name,)+ }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            const fn declared(self) -> (&'static str, u16, &'static str) {
                match self { $(Self::$name => ($wire, $status, $place),)+ }
            }
        }
    };
}

impl ErrorCode {
    /// The value of `error`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.declared().0
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(self) -> u16 {
        self.declared().1
    }

    /// The endpoints that answer with it, for the reference.
    #[must_use]
    pub fn place(self) -> &'static str {
        self.declared().2
    }
}

codes! {
    InvalidRequest = "invalid_request", 400, "everywhere";
    // RFC 6749 §5.2
    InvalidClient = "invalid_client", 401, "`/token`, `/par`, `/device_authorization`, `/authorize-challenge`, `/introspect`, `/revoke`";
    InvalidGrant = "invalid_grant", 400, "`/token`, `/authorize-challenge`";
    UnauthorizedClient = "unauthorized_client", 400, "`/token`, `/par`, `/device_authorization`, `/authorize-challenge`; `/authorize`, in the redirect";
    // OAuth 2.0 for First-Party Applications §5.2.2. The status is that of RFC 6749 §5.2.
    InsufficientAuthorization = "insufficient_authorization", 400, "`/token`, `/authorize-challenge`";
    InvalidSession = "invalid_session", 400, "`/authorize-challenge`";
    RedirectToWeb = "redirect_to_web", 400, "`/authorize-challenge`";
    UnsupportedGrantType = "unsupported_grant_type", 400, "`/token`";
    InvalidScope = "invalid_scope", 400, "`/token`, `/par`, `/device_authorization`, `/authorize-challenge`; `/authorize`, in the redirect";
    InvalidTarget = "invalid_target", 400, "`/token`, `/par`, `/device_authorization`, `/authorize-challenge`; `/authorize`, in the redirect";
    // RFC 7591 §3.2.2
    InvalidClientMetadata = "invalid_client_metadata", 400, "`/register`, `/register/{client_id}`";
    InvalidSoftwareStatement = "invalid_software_statement", 400, "`/register`, `/register/{client_id}`";
    // RFC 9449 §5 and §8. A resource answers with 401, §7.1.
    InvalidDpopProof = "invalid_dpop_proof", 400, "`/token`, `/par`, `/authorize-challenge`; `/userinfo`, with 401";
    UseDpopNonce = "use_dpop_nonce", 400, "`/token`, `/par`, `/authorize-challenge`; `/userinfo`, with 401; with `DPoP-Nonce`";
    // RFC 6750 §3.1
    InvalidToken = "invalid_token", 401, "`/userinfo`, `/revocations`, `/register`, `/register/{client_id}`; what a resource server answers";
    InsufficientScope = "insufficient_scope", 403, "`/userinfo`, `/revocations`";
    UnsupportedResponseType = "unsupported_response_type", 400, "`/par`; `/authorize`, in the redirect";
    AccessDenied = "access_denied", 400, "`/token`, for a device; `/authorize`, in the redirect";
    // RFC 8628 §3.5
    AuthorizationPending = "authorization_pending", 400, "`/token`, for a device";
    SlowDown = "slow_down", 400, "`/token`, for a device";
    ExpiredToken = "expired_token", 400, "`/token`, for a device";
    LoginRequired = "login_required", 400, "`/authorize`, in the redirect";
    ConsentRequired = "consent_required", 400, "`/authorize`, in the redirect";
    InteractionRequired = "interaction_required", 400, "`/authorize`, in the redirect";
    AccountSelectionRequired = "account_selection_required", 400, "`/authorize`, in the redirect";
    UnmetAuthenticationRequirements = "unmet_authentication_requirements", 400, "`/authorize`, in the redirect";
    // RFC 9101 §7
    InvalidRequestObject = "invalid_request_object", 400, "`/par`; `/authorize`, in the redirect or on a page";
    // OpenID Connect Core §3.1.2.6
    InvalidRequestUri = "invalid_request_uri", 400, "`/authorize`, on a page or in the redirect";
    RequestUriNotSupported = "request_uri_not_supported", 400, "`/authorize`, in the redirect";
    Throttled = "temporarily_unavailable", 429, "`/token`, `/authorize-challenge`, with `Retry-After`: too many failed sign-ins of one person; `/device`: too many wrong codes; `/authorize`, on a page: too many refusals that are to be signed; there and at `/par`, `/device_authorization`, `/introspect`, `/revoke`, `/register`, `/register/{client_id}`: too many requests";
    Overloaded = "temporarily_unavailable", 503, "everywhere, with `Retry-After`: too much work, or no database";
    NotFound = "not_found", 404, "everywhere";
    // RFC 9470 §3
    InsufficientUserAuthentication = "insufficient_user_authentication", 401, "`/admin/api`: the person proves more, or again";
    Conflict = "conflict", 409, "a page, in small print; `/admin/api`";
    PreconditionFailed = "precondition_failed", 412, "`/admin/api`";
    ContentInvalid = "content_invalid", 422, "`/admin/api`";
    PreconditionRequired = "precondition_required", 428, "`/admin/api`";
    MethodNotAllowed = "method_not_allowed", 405, "everywhere";
    CursorExpired = "cursor_expired", 410, "`/revocations`";
    NotImplemented = "not_implemented", 501, "`/status/{number}`";
    UnknownClient = "unknown_client", 400, "a page, in small print";
    InvalidRedirectUri = "invalid_redirect_uri", 400, "`/register`, `/register/{client_id}`; a page, in small print";
    UnknownInteraction = "unknown_interaction", 400, "a page, in small print";
    WrongBrowser = "wrong_browser", 400, "a page, in small print";
    Forbidden = "forbidden", 403, "a page, in small print; `/admin/api`";
    Expired = "expired", 410, "a page, in small print";
    AlreadyDone = "already_done", 409, "a page, in small print";
    UnknownProvider = "unknown_provider", 404, "a page, in small print";
    UnknownLink = "unknown_link", 410, "a page, in small print";
}
