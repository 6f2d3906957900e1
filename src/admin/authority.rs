//! Who may do what in the administration. Every use case takes a [`May`] of the right that it
//! needs, and only this file makes one, so no use case runs for somebody who has not the right.

use std::marker::PhantomData;

use chrono::{DateTime, Duration, Utc};

use super::refused::Refused;
use crate::domain::acr::Acr;
use crate::domain::actor::{Acting, Actor};
use crate::domain::admin_right::{AdminRight, Rights};
use crate::domain::admin_role::AdminRole;
use crate::domain::audit::Origin;
use crate::domain::client::ClientId;
use crate::domain::user::{User, UserId};
use crate::domain::verdict::{Error, Fault};
use crate::store::{Reader, Store, admin_roles, passkeys, users};

/// A right as a type.
pub trait Right {
    /// The same right as a value.
    const RIGHT: AdminRight;
}

macro_rules! rights {
    ($($name:ident),+ $(,)?) => {
        $(
            #[doc = concat!("[`AdminRight::", stringify!($name), "`] as a type.")]
            #[derive(Clone, Copy, Debug)]
            pub struct $name;

            impl Right for $name {
                const RIGHT: AdminRight = AdminRight::$name;
            }
        )+
    };
}

rights!(
    ReadPeople,
    ChangePeople,
    GrantRoles,
    ReadClients,
    ChangeClients,
    ChangeSecrets,
    ReadProviders,
    ChangeProviders,
    ReadKeys,
    ChangeKeys,
    ReadAudit,
    ReadSettings,
);

/// A right with which people are seen.
pub trait SeesPeople: Right {}

impl SeesPeople for ReadPeople {}
impl SeesPeople for ChangePeople {}

/// What a person has proven about who they are.
#[derive(Clone, Copy, Debug)]
pub struct Proven {
    /// How strongly: `acr`.
    pub acr: Acr,
    /// When: `auth_time`.
    pub at: DateTime<Utc>,
    /// Whether the account has a second factor or a passkey, so that it can prove more than one
    /// factor.
    pub has_second_factor: bool,
}

/// Somebody who wants to do something in the administration, with their rights.
#[derive(Clone, Debug)]
pub struct Authority {
    acting: Acting,
    rights: Rights,
    proven: Option<Proven>,
    is_connector: bool,
}

/// Why somebody may not do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAllowed {
    /// They have not this right.
    Right(AdminRight),
    /// Their account has a second factor, and they did not prove it.
    Strength,
    /// Their proof is older than this.
    Age(Duration),
}

impl Authority {
    /// The operator at the command line: whoever may run commands on the machine of the server may
    /// do everything.
    #[must_use]
    pub fn operator() -> Self {
        let (acting, rights) = (Actor::Operator.into(), Rights::all());
        Self { acting, rights, proven: None, is_connector: false }
    }

    /// A person with these roles. If they act with a token, `scope` has the rights of its scopes,
    /// and both must allow what they do.
    #[must_use]
    pub fn person(id: &UserId, roles: &[AdminRole], scope: Option<Rights>, proven: Proven) -> Self {
        let of_roles = Rights::every_of(roles.iter().map(|role| role.rights()));
        let rights = scope.map_or(of_roles, |scope| scope.and(of_roles));
        let acting = Actor::Person(id.clone()).into();
        Self { acting, rights, proven: Some(proven), is_connector: false }
    }

    /// A client with a token of its own, whose scopes give these rights.
    #[must_use]
    pub fn client(id: &ClientId, scope: Rights) -> Self {
        let (acting, rights) = (Actor::Client(id.clone()).into(), scope.of_machine());
        Self { acting, rights, proven: None, is_connector: false }
    }

    /// A connector that provisions people and groups, and nothing else: the bearer of a SCIM token,
    /// or a client with the scope `scim`. It does nothing to people who have a role.
    #[must_use]
    pub fn connector(actor: Actor) -> Self {
        let rights = Rights::of_connector();
        Self { acting: actor.into(), rights, proven: None, is_connector: true }
    }

    /// The same, for a request that came from here.
    #[must_use]
    pub fn from(mut self, origin: Origin) -> Self {
        self.acting.origin = origin;
        self
    }

    /// The proof that this may be done now. A person whose account has a second factor must have
    /// proven it for a change, and for a dangerous one not longer ago than `proof_age`.
    pub fn may<R: Right>(
        &self,
        now: DateTime<Utc>,
        proof_age: Duration,
    ) -> Result<May<R>, NotAllowed> {
        self.check(R::RIGHT, now, proof_age)?;
        let Self { acting, rights, is_connector, proven } = self.clone();
        let stale = proven.filter(|proven| now - proven.at > proof_age).map(|_| proof_age);
        Ok(May { acting, rights, is_connector, stale, right: PhantomData })
    }

    /// Whether this right may be used now.
    pub fn check(
        &self,
        right: AdminRight,
        now: DateTime<Utc>,
        proof_age: Duration,
    ) -> Result<(), NotAllowed> {
        if !self.rights.contains(right) {
            return Err(NotAllowed::Right(right));
        }
        let Some(proven) = self.proven else { return Ok(()) };
        if right.changes() && proven.has_second_factor && proven.acr < Acr::Two {
            return Err(NotAllowed::Strength);
        }
        if right.is_dangerous() && now - proven.at > proof_age {
            return Err(NotAllowed::Age(proof_age));
        }
        Ok(())
    }
}

/// The proof that somebody may do something.
#[derive(Debug)]
pub struct May<R> {
    acting: Acting,
    rights: Rights,
    is_connector: bool,
    /// How old a proof of who they are may be, if theirs is older.
    stale: Option<Duration>,
    right: PhantomData<fn() -> R>,
}

impl<R: Right> May<R> {
    /// The proof of the operator at the command line.
    #[must_use]
    pub fn operator() -> Self {
        let Authority { acting, rights, is_connector, .. } = Authority::operator();
        Self { acting, rights, is_connector, stale: None, right: PhantomData }
    }

    /// Who it is.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        &self.acting.actor
    }

    /// Whether it is the operator at the command line.
    pub(super) fn is_operator(&self) -> bool {
        self.acting.actor == Actor::Operator
    }

    /// Whether they have all of these rights.
    pub(super) fn includes(&self, rights: Rights) -> bool {
        self.rights.includes(rights)
    }

    /// The database, whose audit events name who acts.
    pub(super) fn acting(&self, store: &Store) -> Store {
        store.acting_as(&self.acting)
    }

    /// Refuses what would be done to a person who has more rights: who may set a password of an
    /// owner could sign in as that owner.
    pub(super) async fn over(
        &self,
        reader: &impl Reader,
        user: &User,
    ) -> Result<(), Error<Refused>> {
        let roles = admin_roles::of_user(reader, &user.id).await?;
        if self.is_connector && !roles.is_empty() {
            let why =
                format!("{:?} has a role: a connector leaves such people alone", user.username);
            return Err(Refused::Forbidden(why).into());
        }
        if self.rights.includes(Rights::every_of(roles.iter().map(|role| role.rights()))) {
            // Who can set the password of somebody with a role can do what that role may.
            return if roles.is_empty() { Ok(()) } else { Ok(self.fresh()?) };
        }
        let why = format!("{:?} has a role with more rights than yours", user.username);
        Err(Refused::Forbidden(why).into())
    }

    /// Refuses what is dangerous only in this case, if the person proved who they are too long ago.
    pub(super) fn fresh(&self) -> Result<(), Refused> {
        self.stale().map_or(Ok(()), |age| Err(Refused::ProofOld(age)))
    }

    /// How old a proof may be, if the person's is older.
    pub(super) fn stale(&self) -> Option<Duration> {
        self.stale
    }

    /// Refuses to give a role that has more rights than they have themselves.
    pub(super) fn within(&self, role: AdminRole) -> Result<(), Error<Refused>> {
        if self.rights.includes(role.rights()) {
            return Ok(());
        }
        let why = format!("the role {} has more rights than you have", role.as_str());
        Err(Refused::Forbidden(why).into())
    }
}

/// The roles of a person and whether they have a second factor or a passkey; `None` if there is no
/// such account.
pub async fn standing(
    reader: &impl Reader,
    user: &UserId,
) -> Result<Option<(Vec<AdminRole>, bool)>, Fault> {
    let Some(account) = users::find(reader, user).await? else { return Ok(None) };
    let roles = admin_roles::of_user(reader, user).await?;
    let has_second_factor =
        account.totp_since.is_some() || !passkeys::of_user(reader, user).await?.is_empty();
    Ok(Some((roles, has_second_factor)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock;

    const FRESH: Duration = Duration::minutes(15);

    fn person(role: AdminRole, proven: Proven) -> Authority {
        Authority::person(&UserId::generate(), &[role], None, proven)
    }

    fn proven(acr: Acr, has_second_factor: bool) -> Proven {
        Proven { acr, at: clock::from_millis(0), has_second_factor }
    }

    #[test]
    fn a_change_wants_the_second_factor_of_who_has_one() {
        let now = clock::from_millis(0);
        let may = |acr, has| {
            person(AdminRole::Admin, proven(acr, has)).check(AdminRight::ChangePeople, now, FRESH)
        };
        assert_eq!(may(Acr::One, false), Ok(()));
        assert_eq!(may(Acr::One, true), Err(NotAllowed::Strength));
        assert_eq!(may(Acr::Two, true), Ok(()));
        assert_eq!(may(Acr::PhishingResistant, true), Ok(()));
        let reads = person(AdminRole::Admin, proven(Acr::One, true));
        assert_eq!(reads.check(AdminRight::ReadPeople, now, FRESH), Ok(()));
    }

    #[test]
    fn a_dangerous_change_wants_a_proof_that_is_not_old() {
        let owner = person(AdminRole::Owner, proven(Acr::Two, true));
        for right in AdminRight::ALL {
            let at =
                |minutes: i64| owner.check(*right, clock::from_millis(minutes * 60_000), FRESH);
            assert_eq!(at(15), Ok(()), "{right:?}");
            let expected = if right.is_dangerous() { Err(NotAllowed::Age(FRESH)) } else { Ok(()) };
            assert_eq!(at(16), expected, "{right:?}");
        }
    }

    #[test]
    fn scopes_and_roles_must_both_allow_it() {
        let now = clock::from_millis(0);
        let with = |role: AdminRole, scope: &str| {
            let scope = crate::domain::admin_right::AdminScope::rights_of(scope);
            let person = UserId::generate();
            Authority::person(&person, &[role], Some(scope), proven(Acr::Two, true))
        };
        let check = |authority: &Authority, right| authority.check(right, now, FRESH).is_ok();
        let support = with(AdminRole::Support, "admin:users admin:keys");
        assert!(check(&support, AdminRight::ChangePeople));
        assert!(!check(&support, AdminRight::ReadKeys));
        let owner = with(AdminRole::Owner, "admin:users:read");
        assert!(check(&owner, AdminRight::ReadPeople));
        assert!(!check(&owner, AdminRight::ChangePeople));
    }

    #[test]
    fn no_client_makes_owners() {
        let client = ClientId::parse("robot").expect("a client id");
        let robot = Authority::client(&client, Rights::all());
        let check = robot.check(AdminRight::MakeOwners, clock::from_millis(0), FRESH);
        assert_eq!(check, Err(NotAllowed::Right(AdminRight::MakeOwners)));
    }
}
