//! The paths of the console of the administration.

/// Redirects to the overview.
pub const ROOT: &str = "/admin";
/// The overview: the first page of the console.
pub const OVERVIEW: &str = "/admin/";
/// People: a list to search, and the form that makes one.
pub const PEOPLE: &str = "/admin/people";
/// The forms for a new person and for an invitation.
pub const PEOPLE_NEW: &str = "/admin/people/new";
/// Invites a person.
pub const PEOPLE_INVITE: &str = "/admin/people/invite";
/// One person.
pub const PERSON: &str = "/admin/people/{id}";
/// Disables a person, after a page that says what ends.
pub const PERSON_DISABLE: &str = "/admin/people/{id}/disable";
/// Enables a person.
pub const PERSON_ENABLE: &str = "/admin/people/{id}/enable";
/// Ends every session of a person.
pub const PERSON_LOGOUT: &str = "/admin/people/{id}/logout";
/// Ends one session of a person at an app.
pub const PERSON_END: &str = "/admin/people/{id}/end";
/// Removes the one-time codes of a person.
pub const PERSON_FACTORS: &str = "/admin/people/{id}/reset-factors";
/// Makes a link to a new password.
pub const PERSON_RECOVER: &str = "/admin/people/{id}/recover";
/// Gives a person a role, or takes it away.
pub const PERSON_ROLES: &str = "/admin/people/{id}/roles";
/// Puts a person into a group, or takes them out.
pub const PERSON_GROUPS: &str = "/admin/people/{id}/groups";
/// Changes the attributes of a person.
pub const PERSON_ATTRIBUTES: &str = "/admin/people/{id}/attributes";
/// Deletes a person, after a page that says what ends.
pub const PERSON_DELETE: &str = "/admin/people/{id}/delete";
/// Groups, and the form that makes one.
pub const GROUPS: &str = "/admin/groups";
/// The members of a group.
pub const GROUP: &str = "/admin/groups/members";
/// Deletes a group, after a page that says what ends.
pub const GROUP_DELETE: &str = "/admin/groups/delete";
/// Apps.
pub const APPS: &str = "/admin/apps";
/// The choice of what a new app is.
pub const APP_NEW: &str = "/admin/new-app";
/// The form for a new app, and its snippets when it is made.
pub const APP_NEW_KIND: &str = "/admin/new-app/{kind}";
/// One app, and the form that changes it.
pub const APP: &str = "/admin/apps/{id}";
/// Code for this app.
pub const APP_SNIPPETS: &str = "/admin/apps/{id}/snippets";
/// What a token of this app would say.
pub const APP_PREVIEW: &str = "/admin/apps/{id}/preview";
/// Makes a new secret.
pub const APP_SECRET: &str = "/admin/apps/{id}/secret";
/// Ends a secret at once.
pub const APP_SECRET_DROP: &str = "/admin/apps/{id}/secret/drop";
/// Makes a role at an app, or deletes one.
pub const APP_ROLES: &str = "/admin/apps/{id}/roles";
/// Disables an app, after a page that says what ends.
pub const APP_DISABLE: &str = "/admin/apps/{id}/disable";
/// Enables an app.
pub const APP_ENABLE: &str = "/admin/apps/{id}/enable";
/// Deletes an app, after a page that says what ends.
pub const APP_DELETE: &str = "/admin/apps/{id}/delete";
/// Resources: the APIs that access tokens are for.
pub const RESOURCES: &str = "/admin/resources";
/// The form for a new resource.
pub const RESOURCE_NEW: &str = "/admin/new-resource";
/// One resource, and the form that changes it.
pub const RESOURCE: &str = "/admin/resources/{id}";
/// Deletes a resource, after a page that says what ends.
pub const RESOURCE_DELETE: &str = "/admin/resources/{id}/delete";
/// The tokens with which apps register themselves, and the form that makes one.
pub const REGISTRATION_TOKENS: &str = "/admin/registration-tokens";
/// Ends such a token at once.
pub const REGISTRATION_TOKEN_REVOKE: &str = "/admin/registration-tokens/revoke";
/// The providers of social login.
pub const PROVIDERS: &str = "/admin/providers";
/// The choice of a provider to add.
pub const PROVIDER_NEW: &str = "/admin/new-provider";
/// The form for a new provider.
pub const PROVIDER_NEW_KIND: &str = "/admin/new-provider/{preset}";
/// One provider.
pub const PROVIDER: &str = "/admin/providers/{slug}";
/// Asks a provider whether its registration is right.
pub const PROVIDER_CHECK: &str = "/admin/providers/{slug}/check";
/// Turns a provider off, after a page that says what ends.
pub const PROVIDER_DISABLE: &str = "/admin/providers/{slug}/disable";
/// Turns a provider on.
pub const PROVIDER_ENABLE: &str = "/admin/providers/{slug}/enable";
/// Deletes a provider, after a page that says what ends.
pub const PROVIDER_DELETE: &str = "/admin/providers/{slug}/delete";
/// The signing keys.
pub const KEYS: &str = "/admin/keys";
/// Makes new signing keys, after a page that says what happens.
pub const KEYS_ROTATE: &str = "/admin/keys/rotate";
/// Deletes a signing key, after a page that says what ends.
pub const KEY_DROP: &str = "/admin/keys/{kid}/drop";
/// The audit events.
pub const AUDIT: &str = "/admin/audit";
/// Audit events as a file.
pub const AUDIT_EXPORT: &str = "/admin/audit/export";
/// The settings that are in force.
pub const SETTINGS: &str = "/admin/settings";
/// Explains why a resource server refuses a token.
pub const DEBUG_TOKEN: &str = "/debug/token";
/// Webhooks: programs that are told of audit events.
pub const WEBHOOKS: &str = "/admin/webhooks";
/// The form for a new webhook.
pub const WEBHOOK_NEW: &str = "/admin/new-webhook";
/// One webhook.
pub const WEBHOOK: &str = "/admin/webhooks/{id}";
/// Makes a new secret for a webhook.
pub const WEBHOOK_SECRET: &str = "/admin/webhooks/{id}/secret";
/// Sends messages to a webhook again.
pub const WEBHOOK_REPLAY: &str = "/admin/webhooks/{id}/replay";
/// Deletes a webhook, after a page that says what ends.
pub const WEBHOOK_DELETE: &str = "/admin/webhooks/{id}/delete";
/// The tokens of connectors, and the form that makes one.
pub const SCIM_TOKENS: &str = "/admin/scim-tokens";
/// Ends such a token, after a page that asks.
pub const SCIM_TOKEN_REVOKE: &str = "/admin/scim-tokens/{id}/revoke";
/// Scopes with words.
pub const SCOPES: &str = "/admin/scopes";
/// The form that gives a scope words.
pub const SCOPE_NEW: &str = "/admin/new-scope";
/// One scope with words, and the form that changes them.
pub const SCOPE: &str = "/admin/scopes/{name}";
/// Takes the words of a scope away, after a page that asks.
pub const SCOPE_DELETE: &str = "/admin/scopes/{name}/delete";
/// The attributes of people that are declared.
pub const ATTRIBUTES: &str = "/admin/attributes";
/// The form that declares an attribute.
pub const ATTRIBUTE_NEW: &str = "/admin/new-attribute";
/// One attribute, and the form that changes it.
pub const ATTRIBUTE: &str = "/admin/attributes/{name}";
/// Deletes an attribute, after a page that says what ends.
pub const ATTRIBUTE_DELETE: &str = "/admin/attributes/{name}/delete";

/// What every path of the console begins with.
pub const ROOTS: [&str; 2] = ["/admin/", DEBUG_TOKEN];

/// Every path.
pub const ROUTES: &[&str] = &[
    ROOT,
    OVERVIEW,
    PEOPLE,
    PEOPLE_NEW,
    PEOPLE_INVITE,
    PERSON,
    PERSON_DISABLE,
    PERSON_ENABLE,
    PERSON_LOGOUT,
    PERSON_END,
    PERSON_FACTORS,
    PERSON_RECOVER,
    PERSON_ROLES,
    PERSON_GROUPS,
    PERSON_ATTRIBUTES,
    PERSON_DELETE,
    GROUPS,
    GROUP,
    GROUP_DELETE,
    APPS,
    APP_NEW,
    APP_NEW_KIND,
    APP,
    APP_SNIPPETS,
    APP_PREVIEW,
    APP_SECRET,
    APP_SECRET_DROP,
    APP_ROLES,
    APP_DISABLE,
    APP_ENABLE,
    APP_DELETE,
    RESOURCES,
    RESOURCE_NEW,
    RESOURCE,
    RESOURCE_DELETE,
    REGISTRATION_TOKENS,
    REGISTRATION_TOKEN_REVOKE,
    PROVIDERS,
    PROVIDER_NEW,
    PROVIDER_NEW_KIND,
    PROVIDER,
    PROVIDER_CHECK,
    PROVIDER_DISABLE,
    PROVIDER_ENABLE,
    PROVIDER_DELETE,
    KEYS,
    KEYS_ROTATE,
    KEY_DROP,
    AUDIT,
    AUDIT_EXPORT,
    SETTINGS,
    DEBUG_TOKEN,
    WEBHOOKS,
    WEBHOOK_NEW,
    WEBHOOK,
    WEBHOOK_SECRET,
    WEBHOOK_REPLAY,
    WEBHOOK_DELETE,
    SCIM_TOKENS,
    SCIM_TOKEN_REVOKE,
    SCOPES,
    SCOPE_NEW,
    SCOPE,
    SCOPE_DELETE,
    ATTRIBUTES,
    ATTRIBUTE_NEW,
    ATTRIBUTE,
    ATTRIBUTE_DELETE,
];

/// A path with this value in the place of its parameter.
#[must_use]
pub fn of(path: &str, value: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    let encoded = encoded.replace('+', "%20").replace('*', "%2A");
    match path.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?.1))) {
        Some((before, after)) => format!("{before}{encoded}{after}"),
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_in_a_path_stays_one_segment() {
        assert_eq!(of(APP_DELETE, "a b/c?d*"), "/admin/apps/a%20b%2Fc%3Fd%2A/delete");
        assert_eq!(of(KEYS, "x"), KEYS);
    }
}
