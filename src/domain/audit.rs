//! Audit events: what an operator must be able to look up afterwards.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::client::ClientId;
use super::family::FamilyId;
use super::user::UserId;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the wire names below say what each is")]
pub enum EventKind {
    SignInSucceeded,
    SignInFailed,
    SignInThrottled,
    SessionStarted,
    SessionEnded,
    ConsentGiven,
    ConsentDenied,
    ConsentWithdrawn,
    CodeReplayed,
    FamilyStarted,
    FamilyRevoked,
    FamilyOverLimit,
    RefreshReused,
    RefreshRepeated,
    AccessTokenRevoked,
    ClientCreated,
    ClientUpdated,
    ClientSecretRotated,
    ClientSecretDropped,
    ClientDisabled,
    ClientEnabled,
    ClientDeleted,
    UserCreated,
    UserUpdated,
    UserPasswordSet,
    UserPasswordChanged,
    UserDisabled,
    UserEnabled,
    UserDeleted,
    UserLoggedOut,
    UserDataExported,
    DeletionPlanned,
    DeletionTakenBack,
    LogoutNoticeGivenUp,
    IdentityLinked,
    IdentityUnlinked,
    AccountDisplaced,
    FederationRefused,
    GroupCreated,
    GroupDeleted,
    GroupMemberAdded,
    GroupMemberRemoved,
    ClientRoleCreated,
    ClientRoleDeleted,
    ClientRoleGranted,
    ClientRoleRevoked,
    AttributeCreated,
    AttributeDeleted,
    ResourceCreated,
    ResourceUpdated,
    ResourceDeleted,
    ScopeCreated,
    ScopeUpdated,
    ScopeDeleted,
    ProviderAdded,
    ProviderDisabled,
    ProviderUpdated,
    ProviderEnabled,
    ProviderDeleted,
    KeyCreated,
    KeyImported,
    KeyDropped,
    MasterKeyChanged,
    SessionStrengthened,
    FactorAsked,
    FactorFailed,
    FactorAdded,
    FactorRemoved,
    FactorReset,
    RecoveryCodeUsed,
    RecoveryCodeRenewed,
    RecoveryCodeRemoved,
    PasskeyAdded,
    PasskeyRenamed,
    PasskeyRemoved,
    PasskeyCounterWentBack,
    MailGivenUp,
    SignInCodeSent,
    RecoveryRequested,
    RecoveryLinkMade,
    RecoveryLinkUsed,
    RecoveryCompleted,
    AddressRequested,
    AddressChanged,
    AddressGivenBack,
    SignUpAsked,
    SignUpCompleted,
    InvitationMade,
    InvitationAccepted,
    TermsAccepted,
    StatusListsClosed,
    RoleGranted,
    RoleRevoked,
    EverythingRevoked,
    DatabaseRestored,
}

impl EventKind {
    /// The name in the database and in the log.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "one line for each kind")]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignInSucceeded => "sign_in.succeeded",
            Self::SignInFailed => "sign_in.failed",
            Self::SignInThrottled => "sign_in.throttled",
            Self::SessionStarted => "session.started",
            Self::SessionEnded => "session.ended",
            Self::ConsentGiven => "consent.given",
            Self::ConsentDenied => "consent.denied",
            Self::ConsentWithdrawn => "consent.withdrawn",
            Self::CodeReplayed => "code.replayed",
            Self::FamilyStarted => "family.started",
            Self::FamilyRevoked => "family.revoked",
            Self::FamilyOverLimit => "family.over_limit",
            Self::RefreshReused => "refresh.reused",
            Self::RefreshRepeated => "refresh.repeated_elsewhere",
            Self::AccessTokenRevoked => "access_token.revoked",
            Self::ClientCreated => "client.created",
            Self::ClientUpdated => "client.updated",
            Self::ClientSecretRotated => "client.secret_rotated",
            Self::ClientSecretDropped => "client.secret_dropped",
            Self::ClientDisabled => "client.disabled",
            Self::ClientEnabled => "client.enabled",
            Self::ClientDeleted => "client.deleted",
            Self::UserCreated => "user.created",
            Self::UserUpdated => "user.updated",
            Self::UserPasswordSet => "user.password_set",
            Self::UserPasswordChanged => "user.password_changed",
            Self::UserDisabled => "user.disabled",
            Self::UserEnabled => "user.enabled",
            Self::UserDeleted => "user.deleted",
            Self::UserLoggedOut => "user.logged_out",
            Self::UserDataExported => "user.data_exported",
            Self::DeletionPlanned => "deletion.planned",
            Self::DeletionTakenBack => "deletion.taken_back",
            Self::LogoutNoticeGivenUp => "logout_notice.given_up",
            Self::IdentityLinked => "identity.linked",
            Self::IdentityUnlinked => "identity.unlinked",
            Self::AccountDisplaced => "account.displaced",
            Self::FederationRefused => "federation.refused",
            Self::GroupCreated => "group.created",
            Self::GroupDeleted => "group.deleted",
            Self::GroupMemberAdded => "group.member_added",
            Self::GroupMemberRemoved => "group.member_removed",
            Self::ClientRoleCreated => "client_role.created",
            Self::ClientRoleDeleted => "client_role.deleted",
            Self::ClientRoleGranted => "client_role.granted",
            Self::ClientRoleRevoked => "client_role.revoked",
            Self::AttributeCreated => "attribute.created",
            Self::AttributeDeleted => "attribute.deleted",
            Self::ResourceCreated => "resource.created",
            Self::ResourceUpdated => "resource.updated",
            Self::ResourceDeleted => "resource.deleted",
            Self::ScopeCreated => "scope.created",
            Self::ScopeUpdated => "scope.updated",
            Self::ScopeDeleted => "scope.deleted",
            Self::ProviderAdded => "provider.added",
            Self::ProviderDisabled => "provider.disabled",
            Self::ProviderUpdated => "provider.updated",
            Self::ProviderEnabled => "provider.enabled",
            Self::ProviderDeleted => "provider.deleted",
            Self::KeyCreated => "key.created",
            Self::KeyImported => "key.imported",
            Self::KeyDropped => "key.dropped",
            Self::MasterKeyChanged => "master_key.changed",
            Self::SessionStrengthened => "session.strengthened",
            Self::FactorAsked => "factor.asked",
            Self::FactorFailed => "factor.failed",
            Self::FactorAdded => "factor.added",
            Self::FactorRemoved => "factor.removed",
            Self::FactorReset => "factor.reset",
            Self::RecoveryCodeUsed => "recovery_code.used",
            Self::RecoveryCodeRenewed => "recovery_code.renewed",
            Self::RecoveryCodeRemoved => "recovery_code.removed",
            Self::PasskeyAdded => "passkey.added",
            Self::PasskeyRenamed => "passkey.renamed",
            Self::PasskeyRemoved => "passkey.removed",
            Self::PasskeyCounterWentBack => "passkey.counter_went_back",
            Self::MailGivenUp => "mail.given_up",
            Self::SignInCodeSent => "sign_in.code_sent",
            Self::RecoveryRequested => "recovery.requested",
            Self::RecoveryLinkMade => "recovery.link_made",
            Self::RecoveryLinkUsed => "recovery.link_used",
            Self::RecoveryCompleted => "recovery.completed",
            Self::AddressRequested => "address.requested",
            Self::AddressChanged => "address.changed",
            Self::AddressGivenBack => "address.given_back",
            Self::SignUpAsked => "sign_up.asked",
            Self::SignUpCompleted => "sign_up.completed",
            Self::InvitationMade => "invitation.made",
            Self::InvitationAccepted => "invitation.accepted",
            Self::TermsAccepted => "terms.accepted",
            Self::StatusListsClosed => "status_lists.closed",
            Self::RoleGranted => "role.granted",
            Self::RoleRevoked => "role.revoked",
            Self::EverythingRevoked => "everything.revoked",
            Self::DatabaseRestored => "backup.restored",
        }
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
        let new = Change::between(&Value::Null, &after).expect("a change");
        assert!(new.before.is_empty());
        assert_eq!(Value::Object(new.after), after);
    }
}
