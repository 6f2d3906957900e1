//! Audit events: what an operator must be able to look up afterwards.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::client::ClientId;
use super::family::FamilyId;
use super::user::UserId;
use super::wire::wire_enum;

wire_enum! {
    /// What happened.
    #[expect(missing_docs, reason = "the names on the wire say what each is")]
    EventKind {
        SignInSucceeded = "sign_in.succeeded",
        SignInFailed = "sign_in.failed",
        SignInThrottled = "sign_in.throttled",
        SessionStarted = "session.started",
        SessionEnded = "session.ended",
        ConsentGiven = "consent.given",
        ConsentDenied = "consent.denied",
        ConsentWithdrawn = "consent.withdrawn",
        CodeReplayed = "code.replayed",
        FamilyStarted = "family.started",
        FamilyRevoked = "family.revoked",
        FamilyOverLimit = "family.over_limit",
        RefreshReused = "refresh.reused",
        RefreshRepeated = "refresh.repeated_elsewhere",
        DelegationStarted = "delegation.started",
        DelegationWidened = "delegation.widened",
        DelegationStopped = "delegation.stopped",
        DelegationAllowed = "delegation.allowed",
        AssertionGrantIssued = "assertion_grant.issued",
        AssertionGrantRedeemed = "assertion_grant.redeemed",
        AssertionGrantRefused = "assertion_grant.refused",
        AccessTokenRevoked = "access_token.revoked",
        ClientCreated = "client.created",
        ClientUpdated = "client.updated",
        ClientSecretRotated = "client.secret_rotated",
        ClientSecretDropped = "client.secret_dropped",
        ClientDisabled = "client.disabled",
        ClientEnabled = "client.enabled",
        ClientDeleted = "client.deleted",
        RegistrationTokenCreated = "registration_token.created",
        RegistrationTokenRevoked = "registration_token.revoked",
        UserCreated = "user.created",
        UserUpdated = "user.updated",
        UserPasswordSet = "user.password_set",
        UserPasswordChanged = "user.password_changed",
        UserDisabled = "user.disabled",
        UserEnabled = "user.enabled",
        UserDeleted = "user.deleted",
        UserLoggedOut = "user.logged_out",
        UserDataExported = "user.data_exported",
        DeletionPlanned = "deletion.planned",
        DeletionTakenBack = "deletion.taken_back",
        LogoutNoticeGivenUp = "logout_notice.given_up",
        IdentityLinked = "identity.linked",
        IdentityUnlinked = "identity.unlinked",
        AccountDisplaced = "account.displaced",
        FederationRefused = "federation.refused",
        GroupCreated = "group.created",
        GroupUpdated = "group.updated",
        GroupDeleted = "group.deleted",
        GroupMemberAdded = "group.member_added",
        GroupMemberRemoved = "group.member_removed",
        ClientRoleCreated = "client_role.created",
        ClientRoleDeleted = "client_role.deleted",
        ClientRoleGranted = "client_role.granted",
        ClientRoleRevoked = "client_role.revoked",
        AttributeCreated = "attribute.created",
        AttributeUpdated = "attribute.updated",
        AttributeDeleted = "attribute.deleted",
        ResourceCreated = "resource.created",
        ResourceUpdated = "resource.updated",
        ResourceDeleted = "resource.deleted",
        ScopeCreated = "scope.created",
        ScopeUpdated = "scope.updated",
        ScopeDeleted = "scope.deleted",
        ProviderAdded = "provider.added",
        ProviderDisabled = "provider.disabled",
        ProviderUpdated = "provider.updated",
        ProviderEnabled = "provider.enabled",
        ProviderDeleted = "provider.deleted",
        KeyCreated = "key.created",
        KeyImported = "key.imported",
        KeyDropped = "key.dropped",
        MasterKeyChanged = "master_key.changed",
        SessionStrengthened = "session.strengthened",
        FactorAsked = "factor.asked",
        FactorFailed = "factor.failed",
        FactorAdded = "factor.added",
        FactorRemoved = "factor.removed",
        FactorReset = "factor.reset",
        RecoveryCodeUsed = "recovery_code.used",
        RecoveryCodeRenewed = "recovery_code.renewed",
        RecoveryCodeRemoved = "recovery_code.removed",
        PasskeyAdded = "passkey.added",
        PasskeyRenamed = "passkey.renamed",
        PasskeyRemoved = "passkey.removed",
        PasskeyCounterWentBack = "passkey.counter_went_back",
        MailGivenUp = "mail.given_up",
        SignInCodeSent = "sign_in.code_sent",
        RecoveryRequested = "recovery.requested",
        RecoveryLinkMade = "recovery.link_made",
        RecoveryLinkUsed = "recovery.link_used",
        RecoveryCompleted = "recovery.completed",
        AddressRequested = "address.requested",
        AddressChanged = "address.changed",
        AddressGivenBack = "address.given_back",
        SignUpAsked = "sign_up.asked",
        SignUpCompleted = "sign_up.completed",
        InvitationMade = "invitation.made",
        InvitationAccepted = "invitation.accepted",
        TermsAccepted = "terms.accepted",
        StatusListsClosed = "status_lists.closed",
        RoleGranted = "role.granted",
        RoleRevoked = "role.revoked",
        EverythingRevoked = "everything.revoked",
        ScimTokenCreated = "scim_token.created",
        ScimTokenRevoked = "scim_token.revoked",
        WebhookCreated = "webhook.created",
        WebhookSecretRotated = "webhook.secret_rotated",
        WebhookDeleted = "webhook.deleted",
        WebhookReplayed = "webhook.replayed",
        WebhookGivenUp = "webhook.given_up",
        DatabaseRestored = "backup.restored",
    }
}

/// Where a request came from. All audit events of one request share it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The client address, as text.
    pub address: Option<String>,
    /// The request id that the response and the log carry.
    pub request_id: Option<String>,
}

/// The same, written only once it is needed: a token that a client gets for itself leaves no event.
pub type LazyOrigin = LazyLock<Origin, Box<dyn FnOnce() -> Origin + Send>>;

/// One event. It never holds a secret.
#[derive(Clone, Debug)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The client concerned.
    pub client: Option<ClientId>,
    /// The user concerned.
    pub user: Option<UserId>,
    /// The family concerned.
    pub family: Option<FamilyId>,
    /// Where the request came from.
    pub origin: Origin,
    /// One more word about the event, for example a reason or a key id.
    pub detail: Option<String>,
    /// What changed.
    pub change: Option<Change>,
}

/// What a change in the administration replaced, and by what: the members that differ. They are
/// stored apart from the event, so that they can go with the person whom they concern.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The members before; a new thing had none.
    pub before: Map<String, Value>,
    /// The members afterwards; a deleted thing has none.
    pub after: Map<String, Value>,
}

impl Change {
    /// The difference between two JSON objects. `None` if there is none.
    #[must_use]
    pub fn between(before: &Value, after: &Value) -> Option<Self> {
        let members = |of: &Value, other: &Value| -> Map<String, Value> {
            let all = of.as_object().into_iter().flatten();
            let differs = |(name, value): &(&String, &Value)| {
                !value.is_null() && other.get(name.as_str()) != Some(*value)
            };
            all.filter(differs).map(|(name, value)| (name.clone(), value.clone())).collect()
        };
        let change = Self { before: members(before, after), after: members(after, before) };
        (!change.before.is_empty() || !change.after.is_empty()).then_some(change)
    }
}

impl Event {
    /// An event of this kind without any other information.
    #[must_use]
    pub fn new(kind: EventKind) -> Self {
        Self {
            kind,
            client: None,
            user: None,
            family: None,
            origin: Origin::default(),
            detail: None,
            change: None,
        }
    }

    /// Names the client concerned.
    #[must_use]
    pub fn client(mut self, client: &ClientId) -> Self {
        self.client = Some(client.clone());
        self
    }

    /// Names the user concerned.
    #[must_use]
    pub fn user(mut self, user: &UserId) -> Self {
        self.user = Some(user.clone());
        self
    }

    /// Names the family concerned.
    #[must_use]
    pub fn family(mut self, family: &FamilyId) -> Self {
        self.family = Some(family.clone());
        self
    }

    /// Says where the request came from.
    #[must_use]
    pub fn from(mut self, origin: &Origin) -> Self {
        self.origin = origin.clone();
        self
    }

    /// Adds the detail: one more word about the event.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds the names of the members that changed, without what they are.
    #[must_use]
    pub fn naming_changes(mut self, before: &Value, after: &Value) -> Self {
        let change = Change::between(before, after);
        self.detail = change.map(|Change { before, mut after }| {
            after.extend(before);
            let mut names: Vec<_> = after.keys().map(String::as_str).collect();
            names.sort_unstable();
            names.join(" ")
        });
        self
    }

    /// Adds what changed. No secret may be among it.
    #[must_use]
    pub fn changing(mut self, before: &Value, after: &Value) -> Self {
        self.change = Change::between(before, after);
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_has_only_the_members_that_differ() {
        let before = json!({ "name": "A", "email": "a@x.org", "locale": null });
        let after = json!({ "name": "B", "email": "a@x.org", "locale": "ko" });
        let change = Change::between(&before, &after).expect("a change");
        assert_eq!(Value::Object(change.before), json!({ "name": "A" }));
        assert_eq!(Value::Object(change.after), json!({ "name": "B", "locale": "ko" }));
        assert_eq!(Change::between(&before, &before), None);
        let named = Event::new(EventKind::ClientUpdated).naming_changes(&before, &after);
        assert_eq!((named.detail.as_deref(), named.change), (Some("locale name"), None));
        let new = Change::between(&Value::Null, &after).expect("a change");
        assert!(new.before.is_empty());
        assert_eq!(Value::Object(new.after), after);
    }
}
