//! The paths of SCIM, RFC 7644 §3.2.

/// The SCIM service: its address below the issuer is the audience of tokens for it.
pub const BASE: &str = "/scim/v2";

/// Every route.
pub const ROUTES: &[&str] = &[
    "/scim/v2/Users",
    "/scim/v2/Users/{id}",
    "/scim/v2/Users/.search",
    "/scim/v2/Groups",
    "/scim/v2/Groups/{id}",
    "/scim/v2/Groups/.search",
    "/scim/v2/Bulk",
    "/scim/v2/Me",
    "/scim/v2/.search",
    "/scim/v2/ServiceProviderConfig",
    "/scim/v2/ResourceTypes",
    "/scim/v2/ResourceTypes/{id}",
    "/scim/v2/Schemas",
    "/scim/v2/Schemas/{id}",
    "/scim/v2/{*rest}",
];
