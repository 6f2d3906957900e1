//! The reference of all kinds of audit events, for `docs/audit.md`.

use std::fmt::Write;

use super::audit::EventKind;

const TOP: &str = "\
<!-- Made from the declarations in the source by `mapae audit kinds`: change it there. -->

# Audit events

What is written into the audit, kind by kind. `mapae audit list --kind sign_in.failed` shows the events of a kind ([the audit](operators.md#audit)), `/admin/api/v1/audit` does the same, and a
[webhook](webhooks.md) is told of the kinds that it subscribed to. `mapae_audit_events_total` counts by kind. `mapae audit kinds` prints this page, and a list with `--json`. A kind keeps its name.

An event has a kind, a time, and as far as it is about them: the *person* (`user_id`, their `sub`), the *app* (`client_id`), the *family* (`family_id`, which is the `sid` of tokens), the address and
the request id that the response and the log carry. What a row says after the semicolon, or without any of these words, is the `detail`. Acts of administration also have who did it: `actor` is
`operator` (the command line), `person:SUB`, `client:ID`, `scim:ID` (a connector) or `app:ID` (an app about its own registration). *Change* means that the members that were replaced are stored apart
from the event (`change`), go with the person whom they concern, and are told to no webhook. No event has a secret, a password or a token. `times` says how often it happened where one event stands for
several.

Events are kept for `audit.retention`; `sign_in.failed`, `sign_in.throttled` and what apps did with their own registration, which anybody can cause, for `audit.failures_retention`.
";

/// A part of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    SignIns,
    Accounts,
    WaysIn,
    Grants,
    Registrations,
    Installation,
    GivenUp,
}

impl Part {
    const EVERY: [Self; 7] = [
        Self::SignIns,
        Self::Accounts,
        Self::WaysIn,
        Self::Grants,
        Self::Registrations,
        Self::Installation,
        Self::GivenUp,
    ];

    fn heading(self) -> &'static str {
        match self {
            Self::SignIns => "Signing in",
            Self::Accounts => "Accounts",
            Self::WaysIn => "Ways to sign in, and addresses",
            Self::Grants => "What apps are given",
            Self::Registrations => "Apps, groups, roles and words",
            Self::Installation => "Providers, keys, connectors and the installation",
            Self::GivenUp => "What did not arrive",
        }
    }
}

/// When an event of this kind is written.
#[must_use]
pub fn when(kind: EventKind) -> &'static str {
    described(kind).1
}

/// What an event of this kind names.
#[must_use]
pub fn names(kind: EventKind) -> &'static str {
    described(kind).2
}

/// The whole page.
#[must_use]
pub fn markdown() -> String {
    let mut page = TOP.to_owned();
    for part in Part::EVERY {
        // Writing to a `String` cannot fail.
        let _ = write!(page, "\n## {}\n\n", part.heading());
        page.push_str("| kind | when | names |\n|---|---|---|\n");
        for kind in EventKind::ALL {
            let (of, when, names) = described(*kind);
            if of == part {
                let _ = writeln!(page, "| `{}` | {when} | {names} |", kind.as_str());
            }
        }
    }
    page
}

/// Where on the page a kind stands, when such an event is written, and what it names.
#[expect(clippy::too_many_lines, reason = "one arm for each kind")]
const fn described(kind: EventKind) -> (Part, &'static str, &'static str) {
    match kind {
        EventKind::SignInSucceeded => (
            Part::SignIns,
            "Somebody has proven everything that was due",
            "person, app; `passkey` and its handle, or the slug of the provider",
        ),
        EventKind::SignInFailed => (
            Part::SignIns,
            "A password, a mailed code or a passkey was wrong: one event a minute for each account and place",
            "person, app; `unknown name`, `mailed code`, `unknown passkey`, or `passkey` and its handle",
        ),
        EventKind::SignInThrottled => (
            Part::SignIns,
            "An attempt was refused before it was checked, after too many wrong ones: one event for each limit and its time",
            "person, app; `unknown name`, `unknown passkey`, or `passkey` and its handle",
        ),
        EventKind::SessionStarted => {
            (Part::SignIns, "A session began in a browser", "person; the id of the session")
        }
        EventKind::SessionEnded => (
            Part::SignIns,
            "A session was ended before its time, by whatever ends it. One that is over by itself has no event",
            "person; the id of the session",
        ),
        EventKind::ConsentGiven => (
            Part::Grants,
            "Somebody allowed an app, or a device",
            "person, app; the scope, after `device` for a device",
        ),
        EventKind::ConsentDenied => (
            Part::Grants,
            "Somebody refused an app, or a device",
            "person, app; `device` for a device",
        ),
        EventKind::ConsentWithdrawn => {
            (Part::Grants, "Somebody removed an app from their account", "person, app")
        }
        EventKind::CodeReplayed => (
            Part::Grants,
            "An authorization code came a second time, and what came of it ended",
            "person, app, family",
        ),
        EventKind::FamilyStarted => {
            (Part::Grants, "An app got its first tokens from a sign-in", "person, app, family")
        }
        EventKind::FamilyRevoked => (
            Part::Grants,
            "The app, or the administration, revoked what came of a sign-in",
            "person, app, family",
        ),
        EventKind::FamilyOverLimit => (
            Part::Grants,
            "The family that was not used for the longest time ended, because of `token.families_per_client`",
            "person, app, family",
        ),
        EventKind::RefreshReused => (
            Part::Grants,
            "An old refresh token came again, and the family ended: it may be stolen",
            "person, app, family",
        ),
        EventKind::RefreshRepeated => (
            Part::Grants,
            "A refresh token was repeated within its grace, from another address",
            "person, app, family",
        ),
        EventKind::DelegationStarted => (
            Part::Grants,
            "A service began to act for somebody with the token of an app",
            "person, app that acts, family; the app whose token it was",
        ),
        EventKind::DelegationWidened => (
            Part::Grants,
            "Such a service got more scope or resources",
            "person, app that acts, family; change",
        ),
        EventKind::DelegationStopped => (
            Part::Grants,
            "Somebody stopped a service from acting for them",
            "person, app that acts; how many families ended",
        ),
        EventKind::DelegationAllowed => {
            (Part::Grants, "Somebody lets such a service act again", "person, app that acts")
        }
        EventKind::AssertionGrantIssued => (
            Part::Grants,
            "An app got a grant for another authorization server (ID-JAG)",
            "person, app, family; the client there, the server and the scope",
        ),
        EventKind::AssertionGrantRedeemed => (
            Part::Grants,
            "An app got a token by a grant of another issuer",
            "person, app; the issuer",
        ),
        EventKind::AssertionGrantRefused => (
            Part::Grants,
            "Such a grant was refused: one event a minute for each app, issuer and reason",
            "app; the issuer and [the reason](errors.md)",
        ),
        EventKind::AccessTokenRevoked => {
            (Part::Grants, "One access token was revoked alone", "app; its `jti`")
        }
        EventKind::ClientCreated => (
            Part::Registrations,
            "A client was registered, or somebody allowed an app of a document for the first time",
            "app; change. Its name if it registered itself, `document` for one of a document",
        ),
        EventKind::ClientUpdated => (
            Part::Registrations,
            "The registration, or the document, says something else",
            "app; change. The names of what changed if the app did it itself",
        ),
        EventKind::ClientSecretRotated => (Part::Registrations, "A client got a new secret", "app"),
        EventKind::ClientSecretDropped => {
            (Part::Registrations, "A secret of a client was ended", "app")
        }
        EventKind::ClientDisabled => {
            (Part::Registrations, "A client was turned away, and what it had ended", "app")
        }
        EventKind::ClientEnabled => (Part::Registrations, "A client may come again", "app"),
        EventKind::ClientDeleted => (
            Part::Registrations,
            "A client was deleted, by the administration, by itself, or because nobody used it",
            "app",
        ),
        EventKind::RegistrationTokenCreated => (
            Part::Registrations,
            "A token with which apps register themselves was made",
            "the id of the token",
        ),
        EventKind::RegistrationTokenRevoked => {
            (Part::Registrations, "Such a token was ended", "the id of the token")
        }
        EventKind::UserCreated => (
            Part::Accounts,
            "An account was made",
            "person; `sign-up`, `import`, the slug of the provider, or nothing where the administration or a connector made it; change",
        ),
        EventKind::UserUpdated => (
            Part::Accounts,
            "Profile, address, user name or attributes were changed",
            "person; change, if the administration or a connector did it",
        ),
        EventKind::UserPasswordSet => {
            (Part::Accounts, "The administration or a connector set a password", "person")
        }
        EventKind::UserPasswordChanged => {
            (Part::Accounts, "Somebody chose another password, or their first one", "person")
        }
        EventKind::UserDisabled => {
            (Part::Accounts, "An account was disabled, and what it had open ended", "person")
        }
        EventKind::UserEnabled => {
            (Part::Accounts, "A disabled account was enabled again", "person")
        }
        EventKind::UserDeleted => (
            Part::Accounts,
            "An account is gone. Its other events have lost all but person, kind and time",
            "person",
        ),
        EventKind::UserLoggedOut => (
            Part::Accounts,
            "All sessions and tokens of somebody were ended by themselves or by the administration",
            "person; how many families ended, if they did it themselves",
        ),
        EventKind::UserDataExported => {
            (Part::Accounts, "Somebody downloaded what is stored about them", "person")
        }
        EventKind::DeletionPlanned => (
            Part::Accounts,
            "Somebody deleted their account, which ends after `account.deletion_grace`",
            "person",
        ),
        EventKind::DeletionTakenBack => {
            (Part::Accounts, "Somebody took the deletion of their account back", "person")
        }
        EventKind::LogoutNoticeGivenUp => (
            Part::GivenUp,
            "An app did not take the notice that somebody signed out",
            "person, app, family",
        ),
        EventKind::IdentityLinked => (
            Part::WaysIn,
            "An identity at a provider was connected",
            "person; the slug of the provider",
        ),
        EventKind::IdentityUnlinked => (
            Part::WaysIn,
            "An identity at a provider was disconnected",
            "person; the slug of the provider",
        ),
        EventKind::AccountDisplaced => (
            Part::Accounts,
            "Somebody proved an address that this account only claimed: it lost the address, and what was open",
            "person who lost it",
        ),
        EventKind::FederationRefused => (
            Part::SignIns,
            "Somebody who came by a provider was refused: one event a minute for each reason and place",
            "person (if known), app; the slug of the provider and [the reason](social/README.md#when-it-does-not-work)",
        ),
        EventKind::GroupCreated => {
            (Part::Registrations, "A group was made", "the name of the group")
        }
        EventKind::GroupUpdated => (
            Part::Registrations,
            "A connector gave a group another name",
            "the new name of the group",
        ),
        EventKind::GroupDeleted => (
            Part::Registrations,
            "A group was deleted, and nobody is in it any more",
            "the name of the group",
        ),
        EventKind::GroupMemberAdded => (
            Part::Registrations,
            "Somebody came into a group, by the administration, a connector, an import or their provider",
            "person; the name of the group",
        ),
        EventKind::GroupMemberRemoved => {
            (Part::Registrations, "Somebody left a group", "person; the name of the group")
        }
        EventKind::ClientRoleCreated => {
            (Part::Registrations, "A role at a client was made", "app; the role")
        }
        EventKind::ClientRoleDeleted => (
            Part::Registrations,
            "A role at a client was deleted, and nobody has it any more",
            "app; the role",
        ),
        EventKind::ClientRoleGranted => {
            (Part::Registrations, "Somebody got a role at a client", "person, app; the role")
        }
        EventKind::ClientRoleRevoked => {
            (Part::Registrations, "Somebody lost a role at a client", "person, app; the role")
        }
        EventKind::AttributeCreated => (
            Part::Registrations,
            "An attribute of people was declared",
            "the name of the attribute",
        ),
        EventKind::AttributeUpdated => {
            (Part::Registrations, "An attribute was changed", "the name of the attribute; change")
        }
        EventKind::AttributeDeleted => (
            Part::Registrations,
            "An attribute was deleted with the values of everybody",
            "the name of the attribute",
        ),
        EventKind::ResourceCreated => {
            (Part::Registrations, "A resource was registered", "its identifier")
        }
        EventKind::ResourceUpdated => {
            (Part::Registrations, "A resource was changed", "its identifier; change")
        }
        EventKind::ResourceDeleted => {
            (Part::Registrations, "A resource was deleted", "its identifier")
        }
        EventKind::ScopeCreated => (Part::Registrations, "A scope got words", "the scope"),
        EventKind::ScopeUpdated => {
            (Part::Registrations, "The words of a scope were changed", "the scope; change")
        }
        EventKind::ScopeDeleted => {
            (Part::Registrations, "The words of a scope were deleted", "the scope")
        }
        EventKind::ProviderAdded => (Part::Installation, "A provider was added", "its slug"),
        EventKind::ProviderDisabled => (
            Part::Installation,
            "A provider was turned off, and what was opened by it ended",
            "its slug",
        ),
        EventKind::ProviderUpdated => (Part::Installation, "A provider was changed", "its slug"),
        EventKind::ProviderEnabled => {
            (Part::Installation, "A provider was turned on again", "its slug")
        }
        EventKind::ProviderDeleted => (
            Part::Installation,
            "A provider was deleted, and what was opened by it ended",
            "its slug",
        ),
        EventKind::KeyCreated => (
            Part::Installation,
            "A signing key was made, by a rotation or at the first start",
            "its `kid`",
        ),
        EventKind::KeyImported => {
            (Part::Installation, "A signing key that was made elsewhere was stored", "its `kid`")
        }
        EventKind::KeyDropped => (
            Part::Installation,
            "A signing key was deleted: nothing that it signed counts any more",
            "its `kid`",
        ),
        EventKind::MasterKeyChanged => {
            (Part::Installation, "Everything was sealed under another master key", "nothing")
        }
        EventKind::SessionStrengthened => {
            (Part::SignIns, "A session got a second factor", "person, app; the id of the session")
        }
        EventKind::FactorAsked => (
            Part::SignIns,
            "The first proof was right, and a second factor is due",
            "person, app; as `sign_in.succeeded`",
        ),
        EventKind::FactorFailed => (
            Part::SignIns,
            "A one-time code or a recovery code was wrong: one event a minute for each account and place",
            "person, app",
        ),
        EventKind::FactorAdded => {
            (Part::WaysIn, "One-time codes were set up", "person; `import`, if they were moved in")
        }
        EventKind::FactorRemoved => (
            Part::WaysIn,
            "One-time codes were removed by their person, or by the way back to an old address",
            "person",
        ),
        EventKind::FactorReset => {
            (Part::WaysIn, "The administration removed one-time codes and recovery codes", "person")
        }
        EventKind::RecoveryCodeUsed => (
            Part::SignIns,
            "A recovery code stood in for the second factor",
            "person, app; how many are left",
        ),
        EventKind::RecoveryCodeRenewed => {
            (Part::WaysIn, "Somebody made new recovery codes", "person")
        }
        EventKind::RecoveryCodeRemoved => (
            Part::WaysIn,
            "Recovery codes were removed by the way back to an old address",
            "person",
        ),
        EventKind::PasskeyAdded => (Part::WaysIn, "A passkey was added", "person; its handle"),
        EventKind::PasskeyRenamed => {
            (Part::WaysIn, "A passkey got another name", "person; its handle")
        }
        EventKind::PasskeyRemoved => (Part::WaysIn, "A passkey was removed", "person; its handle"),
        EventKind::PasskeyCounterWentBack => (
            Part::SignIns,
            "A passkey was refused because its counter went back: two authenticators may have its key. One event a minute for each account and place",
            "person, app; `passkey` and its handle",
        ),
        EventKind::MailGivenUp => (
            Part::GivenUp,
            "A mail was not taken, and is not tried again",
            "person and app, if it is about them; what kind of mail, and why if the mail server said so",
        ),
        EventKind::SignInCodeSent => (Part::SignIns, "A code for a sign-in was mailed", "person"),
        EventKind::RecoveryRequested => (
            Part::WaysIn,
            "A link to a new password was mailed, because somebody asked for it on the page",
            "person",
        ),
        EventKind::RecoveryLinkMade => (
            Part::WaysIn,
            "The administration mailed or printed a link to a new password",
            "person",
        ),
        EventKind::RecoveryLinkUsed => (Part::WaysIn, "Such a link was used", "person"),
        EventKind::RecoveryCompleted => {
            (Part::WaysIn, "A new password or passkey was set after such a link", "person")
        }
        EventKind::AddressRequested => (
            Part::WaysIn,
            "Somebody asked for another address, and a code was mailed to it",
            "person",
        ),
        EventKind::AddressChanged => {
            (Part::WaysIn, "Somebody proved a new address, which is theirs from now on", "person")
        }
        EventKind::AddressGivenBack => (
            Part::WaysIn,
            "The link in the mail to the old address was used: it counts again, and what was added since is removed",
            "person",
        ),
        EventKind::SignUpAsked => (
            Part::Accounts,
            "Somebody asked for an account, and a mail was sent to the address",
            "app; person, if the address has an account already",
        ),
        EventKind::SignUpCompleted => (
            Part::Accounts,
            "Somebody made an account, after the address was proven",
            "person, app",
        ),
        EventKind::InvitationMade => {
            (Part::Accounts, "An invitation was mailed or printed", "app, if it is to one")
        }
        EventKind::InvitationAccepted => {
            (Part::Accounts, "Somebody made an account by an invitation", "person, app")
        }
        EventKind::TermsAccepted => (
            Part::SignIns,
            "Somebody accepted a version of a document",
            "person; the document and its version",
        ),
        EventKind::StatusListsClosed => (
            Part::Installation,
            "All status lists were closed, because the database is older than it was",
            "how many lists",
        ),
        EventKind::RoleGranted => {
            (Part::Installation, "Somebody got a role in the administration", "person; the role")
        }
        EventKind::RoleRevoked => {
            (Part::Installation, "Somebody lost a role in the administration", "person; the role")
        }
        EventKind::EverythingRevoked => (
            Part::Grants,
            "`mapae token revoke --issued-before` ended everything that is older, for everybody",
            "the instant",
        ),
        EventKind::ScimTokenCreated => {
            (Part::Installation, "A token for a connector was made", "the id of the token")
        }
        EventKind::ScimTokenRevoked => {
            (Part::Installation, "A token of a connector was ended", "the id of the token")
        }
        EventKind::WebhookCreated => {
            (Part::Installation, "A webhook was made", "the id of the webhook")
        }
        EventKind::WebhookSecretRotated => {
            (Part::Installation, "A webhook got a new secret", "the id of the webhook")
        }
        EventKind::WebhookDeleted => {
            (Part::Installation, "A webhook was deleted", "the id of the webhook")
        }
        EventKind::WebhookReplayed => (
            Part::Installation,
            "A message was sent again, or what waits for a webhook was sent at once",
            "the id of the event, or of the webhook",
        ),
        EventKind::WebhookGivenUp => (
            Part::GivenUp,
            "A receiver did not take a message. No webhook is told of this one",
            "the id of the event and of the webhook",
        ),
        EventKind::DatabaseRestored => (
            Part::Installation,
            "The database was filled from a backup",
            "when the backup was made",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_has_a_row_of_its_own() {
        let page = markdown();
        for kind in EventKind::ALL {
            assert_eq!(page.matches(&format!("\n| `{}` |", kind.as_str())).count(), 1, "{kind:?}");
            assert!(!when(*kind).contains('|') && !names(*kind).contains('|'), "{kind:?}");
        }
        let sentences: BTreeSet<_> = EventKind::ALL.iter().map(|kind| when(*kind)).collect();
        assert_eq!(
            sentences.len(),
            EventKind::ALL.len(),
            "no two kinds are written at the same time"
        );
    }
}
