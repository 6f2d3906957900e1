//! The paths of the administration.

/// The audience of tokens for the administration API, below the issuer.
pub const API: &str = "/admin/api";
/// The administration API.
pub const API_V1: &str = "/admin/api/v1";
/// The description of the administration API.
pub const OPENAPI: &str = "/admin/api/v1/openapi.json";

/// Every route of the administration API.
pub const ROUTES: &[&str] = &[
    OPENAPI,
    "/admin/api/v1/attributes",
    "/admin/api/v1/attributes/{name}",
    "/admin/api/v1/audit",
    "/admin/api/v1/clients",
    "/admin/api/v1/clients/{id}",
    "/admin/api/v1/clients/{id}/disable",
    "/admin/api/v1/clients/{id}/enable",
    "/admin/api/v1/clients/{id}/roles",
    "/admin/api/v1/clients/{id}/roles/{role}",
    "/admin/api/v1/clients/{id}/roles/{role}/holders",
    "/admin/api/v1/clients/{id}/roles/{role}/holders/{user}",
    "/admin/api/v1/clients/{id}/secrets",
    "/admin/api/v1/clients/{id}/secrets/{secret}",
    "/admin/api/v1/clients/{id}/token-preview",
    "/admin/api/v1/groups",
    "/admin/api/v1/groups/{id}",
    "/admin/api/v1/groups/{id}/members",
    "/admin/api/v1/groups/{id}/members/{user}",
    "/admin/api/v1/keys",
    "/admin/api/v1/keys/rotate",
    "/admin/api/v1/keys/{kid}",
    "/admin/api/v1/providers",
    "/admin/api/v1/providers/{slug}",
    "/admin/api/v1/providers/{slug}/check",
    "/admin/api/v1/providers/{slug}/disable",
    "/admin/api/v1/providers/{slug}/enable",
    "/admin/api/v1/resources",
    "/admin/api/v1/resources/{id}",
    "/admin/api/v1/roles",
    "/admin/api/v1/scim-tokens",
    "/admin/api/v1/scim-tokens/{id}",
    "/admin/api/v1/scopes",
    "/admin/api/v1/scopes/{name}",
    "/admin/api/v1/sessions",
    "/admin/api/v1/sessions/{sid}",
    "/admin/api/v1/settings",
    "/admin/api/v1/tokens/explain",
    "/admin/api/v1/users",
    "/admin/api/v1/users/{id}",
    "/admin/api/v1/users/{id}/disable",
    "/admin/api/v1/users/{id}/enable",
    "/admin/api/v1/users/{id}/logout",
    "/admin/api/v1/users/{id}/password",
    "/admin/api/v1/users/{id}/recover",
    "/admin/api/v1/users/{id}/reset-mfa",
    "/admin/api/v1/users/{id}/roles",
    "/admin/api/v1/users/{id}/roles/{role}",
    "/admin/api/v1/webhooks",
    "/admin/api/v1/webhooks/{id}",
    "/admin/api/v1/webhooks/{id}/replay",
    "/admin/api/v1/webhooks/{id}/secret",
];
