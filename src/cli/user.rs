//! `mapae user`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::installation::{DatabaseUse, Installation};
use super::output::{note, secret_from_file, secret_from_stdin, table, text_of, words};
use super::usage::usage;
use crate::accounts::breached_passwords::BreachedPasswords;
use crate::accounts::hashing::Hasher;
use crate::admin::authority::May;
use crate::admin::invitations::{self, Guest};
use crate::admin::person_overview::{self, PersonOverview};
use crate::admin::recovery::{self, RecoveryLink};
use crate::admin::roles;
use crate::admin::users::{self, ClaimsChange, NewEmail, NewUser, Target, UserPage, Who};
use crate::admin::{attributes, client_roles, groups};
use crate::app::config::Settings;
use crate::app::{mailer, outbound};
use crate::domain::admin_role::AdminRole;
use crate::domain::client::ClientId;
use crate::domain::client_role::{self, RoleName};
use crate::domain::clock::Clock;
use crate::domain::family::Family;
use crate::domain::person;
use crate::domain::secret::Secret;
use crate::domain::session::Session;
use crate::domain::user::{Profile, User};
use crate::domain::verdict::{OrRejected, reject};
use crate::store::Store;

/// People.
#[derive(Debug, Subcommand)]
pub(super) enum Verbs {
    /// Make an account
    Create(Create),
    /// Accounts by the beginning of their name or address, a page at a time
    List(List),
    /// One account, with the ways to sign in to it
    Show(One),
    /// Change the claims of an account
    Update(Update),
    /// Set a password and end every session
    SetPassword(SetPassword),
    /// Remove the one-time codes and recovery codes of a person who has lost them
    ResetMfa(One),
    /// Turn a person away and end every session
    Disable(One),
    /// Let them in again
    Enable(One),
    /// Delete an account with everything that it opened
    Delete(One),
    /// End every session
    Logout(One),
    /// Add a person to a group
    AddGroup(Group),
    /// Remove a person from a group
    RemoveGroup(Group),
    /// Mail or print a link to a new password, which works once
    Recover(Recover),
    /// Give a person a role in the administration or at a client
    GrantRole(Role),
    /// Take a role from a person
    RevokeRole(RevokeRole),
    /// Let a person make an account: by mail, or by a link that is printed
    Invite(Invite),
}

/// The account that a verb is about.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Whom {
    /// The user name
    #[arg(long)]
    username: Option<String>,
    /// The user name, the address, the id, or an identity as PROVIDER:SUBJECT
    #[arg(long, value_name = "NAME|ADDRESS|ID|IDENTITY")]
    user: Option<String>,
}

impl Whom {
    /// The user name of the account.
    async fn username(self, store: &Store, clock: &Clock) -> OrRejected<String> {
        match (self.username, self.user) {
            (_, Some(named)) => {
                let may = May::operator();
                Ok(users::find_any(&may, store, &named, clock.now()).await?.username)
            }
            (username, None) => Ok(username.unwrap_or_default()),
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct One {
    #[command(flatten)]
    whom: Whom,
}

#[derive(Debug, Args)]
pub(super) struct Group {
    #[command(flatten)]
    whom: Whom,
    /// The name of the group
    #[arg(long)]
    group: String,
}

#[derive(Debug, Args)]
pub(super) struct Role {
    #[command(flatten)]
    whom: Whom,
    /// A role in the administration (owner, admin, support or auditor), or one at a client: its
    /// `client_id`, a colon and the name of the role
    #[arg(long, value_name = "ROLE|CLIENT:ROLE", value_parser = role_word)]
    role: RoleWord,
}

/// A role of either kind.
#[derive(Clone, Debug)]
enum RoleWord {
    Admin(AdminRole),
    AtClient(ClientId, RoleName),
}

impl RoleWord {
    fn words(&self) -> String {
        match self {
            Self::Admin(role) => role.as_str().to_owned(),
            Self::AtClient(client, name) => format!("{client}:{name}"),
        }
    }
}

fn role_word(text: &str) -> Result<RoleWord, String> {
    if let Some((client, name)) = client_role::split(text) {
        return Ok(RoleWord::AtClient(client, name));
    }
    text.parse::<AdminRole>().map(RoleWord::Admin)
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Only accounts whose user name or e-mail address begins so, in any spelling
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// So many at most
    #[arg(long, default_value_t = 100, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..=1000))]
    limit: u64,
    /// The page after an earlier one: what that one said as `next`
    #[arg(long, value_name = "NEXT")]
    after: Option<String>,
}

#[derive(Debug, Args)]
struct Claims {
    /// The e-mail address
    #[arg(long)]
    email: Option<String>,
    /// The address is the person's own
    #[arg(long, requires = "email")]
    email_verified: bool,
    /// The name to show
    #[arg(long)]
    name: Option<String>,
    /// Further standard claims (OpenID Connect Core §5.1) as a JSON object
    #[arg(long, value_name = "FILE")]
    claims: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
struct Password {
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
    /// Read the password from a file
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// The user name
    #[arg(long)]
    username: String,
    #[command(flatten)]
    claims: Claims,
    #[command(flatten)]
    password: Password,
}

#[derive(Debug, Args)]
pub(super) struct Update {
    #[command(flatten)]
    whom: Whom,
    #[command(flatten)]
    claims: Claims,
    /// The value of a declared attribute (again for each); an empty value removes it
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = attribute)]
    attributes: Vec<(String, String)>,
}

#[derive(Debug, Args)]
pub(super) struct SetPassword {
    #[command(flatten)]
    whom: Whom,
    #[command(flatten)]
    password: Password,
    /// The person has to change it when they sign in
    #[arg(long)]
    temporary: bool,
}

#[derive(Debug, Args)]
pub(super) struct Recover {
    #[command(flatten)]
    whom: Whom,
    /// Print the link, and mail nothing
    #[arg(long)]
    print: bool,
}

#[derive(Debug, Args)]
pub(super) struct RevokeRole {
    #[command(flatten)]
    role: Role,
    /// Also from the last owner
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
pub(super) struct Invite {
    /// The e-mail address
    #[arg(long)]
    email: String,
    /// The client to which the person is invited
    #[arg(long)]
    client: Option<String>,
    /// Print the link instead of mailing it
    #[arg(long)]
    print: bool,
}

/// An operator may set a password with fewer characters, but gets a warning.
const SHORT: usize = 8;

impl Verbs {
    fn database_use(&self) -> DatabaseUse {
        match self {
            Self::Create(_) | Self::Invite(_) => DatabaseUse::Adds,
            Self::List(_) | Self::Show(_) => DatabaseUse::Reads,
            _ => DatabaseUse::Changes,
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each verb")]
    pub(super) async fn run(self, at: &Installation) -> OrRejected {
        let settings = at.quiet_settings()?;
        // Missing flags are reported before the database is opened.
        if let Self::SetPassword(SetPassword { password, .. }) = &self
            && !password.is_given()
        {
            return usage("give the password by --password-stdin or --password-file");
        }
        let store = at.store(&settings, self.database_use()).await?;
        let (opened, clock) = (store, &at.clock);
        let store = &*opened;
        match self {
            Self::Create(create) => {
                let password = create.password.read()?;
                warn_if_breached(&settings, password.as_ref()).await?;
                let new = NewUser {
                    profile: create.claims.new_profile()?,
                    username: create.username,
                    email: create.claims.email,
                    email_verified: create.claims.email_verified,
                    password,
                };
                let user =
                    users::create(&May::operator(), store, clock, &hasher(&settings)?, new).await?;
                let shown = json!({ "sub": user.id, "username": user.username });
                at.print(&shown, &words(&shown));
            }
            Self::List(list) => {
                let (search, after) = (list.search.as_deref(), list.after.as_deref());
                show_list(
                    at,
                    &users::list(&May::operator(), store, search, after, list.limit).await?,
                );
            }
            Self::Show(one) => {
                let username = one.whom.username(store, clock).await?;
                let user = users::find(&May::operator(), store, Who::Name(&username)).await?;
                let mut shown = described(&user);
                let factors = json!(users::factors(&May::operator(), store, &user).await?);
                let roles = roles::of_user(&May::operator(), store, &user).await?;
                let now = clock.now();
                let open = person_overview::of(&May::operator(), store, &user, now).await?;
                if let Some(members) = shown.as_object_mut() {
                    members.insert("factors".to_owned(), factors);
                    let may = May::operator();
                    let attributes = attributes::of_user(&may, store, &user.id).await?;
                    members.insert("attributes".to_owned(), json!(attributes));
                    let groups = groups::of_user(&may, store, &user.id).await?;
                    members.insert("groups".to_owned(), json!(groups));
                    let mut roles: Vec<String> =
                        roles.iter().map(|role| role.as_str().to_owned()).collect();
                    roles.extend(client_roles::of_user(&may, store, &user.id).await?);
                    members.insert("roles".to_owned(), json!(roles));
                    members.extend(open_shown(&open));
                }
                at.print(&shown, &words(&shown));
            }
            Self::Update(update) => {
                let attributes = update.attributes.into_iter().collect();
                let change = ClaimsChange { attributes, ..update.claims.change()? };
                let mailer = mailer(&settings, &opened, clock).await?;
                let username = update.whom.username(store, clock).await?;
                let (mailer, target) = (mailer.as_ref(), Target::named(&username));
                let may = May::operator();
                let changed = users::update(&may, store, clock, mailer, target, change).await?;
                let shown = described(&changed);
                at.print(&shown, &words(&shown));
            }
            Self::SetPassword(set) => set.run(at, &settings, &opened).await?,
            Self::ResetMfa(one) => {
                let username = one.whom.username(store, clock).await?;
                let mailer = mailer(&settings, &opened, clock).await?;
                let mailer = mailer.as_ref();
                let removed = users::reset_mfa(
                    &May::operator(),
                    store,
                    clock,
                    mailer,
                    Target::named(&username),
                )
                .await?;
                let said = if removed { "the second factor is removed" } else { "there was none" };
                at.print(&json!({ "done": true, "removed": removed }), said);
            }
            Self::Disable(one) => {
                let username = one.whom.username(store, clock).await?;
                ended_shown(
                    at,
                    "disabled",
                    users::disable(&May::operator(), store, clock, Target::named(&username))
                        .await?,
                );
            }
            Self::Enable(one) => {
                let username = one.whom.username(store, clock).await?;
                users::enable(&May::operator(), store, clock, Target::named(&username)).await?;
                at.done(&format!("enabled {username}"));
            }
            Self::Delete(one) => {
                let username = one.whom.username(store, clock).await?;
                users::delete(&May::operator(), store, clock, Target::named(&username)).await?;
                at.done(&format!("deleted {username}"));
            }
            Self::AddGroup(group) => group.add(at, store).await?,
            Self::RemoveGroup(group) => group.remove(at, store).await?,
            Self::GrantRole(role) => role.grant(at, store).await?,
            Self::RevokeRole(revoke) => revoke.run(at, store).await?,
            Self::Invite(invite) => invite.run(at, &settings, &opened).await?,
            Self::Logout(one) => {
                let username = one.whom.username(store, clock).await?;
                ended_shown(
                    at,
                    "logged out",
                    users::logout(&May::operator(), store, clock, Target::named(&username)).await?,
                );
            }
            Self::Recover(recover) => recover.run(at, &settings, &opened).await?,
        }
        Ok(())
    }
}

impl Group {
    async fn add(self, at: &Installation, store: &Store) -> OrRejected {
        let (username, group) = (&self.whom.username(store, &at.clock).await?, &self.group);
        let (may, target) = (May::operator(), Target::named(username));
        let added = groups::add_member(&may, store, &at.clock, target, group).await?;
        let words = if added { "is in" } else { "was already in" };
        let shown = json!({ "done": true, "changed": added });
        at.print(&shown, &format!("{username} {words} the group {group}"));
        Ok(())
    }

    async fn remove(self, at: &Installation, store: &Store) -> OrRejected {
        let (username, group) = (&self.whom.username(store, &at.clock).await?, &self.group);
        let (may, target) = (May::operator(), Target::named(username));
        let removed = groups::remove_member(&may, store, &at.clock, target, group).await?;
        let words = if removed { "is no longer in" } else { "was not in" };
        let shown = json!({ "done": true, "changed": removed });
        at.print(&shown, &format!("{username} {words} the group {group}"));
        Ok(())
    }
}

impl Role {
    async fn grant(self, at: &Installation, store: &Store) -> OrRejected {
        let Self { whom, role } = self;
        let username = &whom.username(store, &at.clock).await?;
        let granted = match &role {
            RoleWord::Admin(role) => {
                let (may, who) = (May::operator(), Who::Name(username));
                roles::grant(&may, store, &at.clock, who, *role).await?
            }
            RoleWord::AtClient(client, name) => {
                let (may, target) = (May::operator(), Target::named(username));
                client_roles::grant(&may, store, &at.clock, target, (client, name)).await?
            }
        };
        let said = if granted { "has the role" } else { "has the role already:" };
        let shown = json!({ "done": true, "granted": granted });
        at.print(&shown, &format!("{username} {said} {}", role.words()));
        Ok(())
    }
}

impl RevokeRole {
    async fn run(self, at: &Installation, store: &Store) -> OrRejected {
        let Self { role: Role { whom, role }, force } = self;
        let username = &whom.username(store, &at.clock).await?;
        let revoked = match &role {
            RoleWord::Admin(role) => {
                let (may, who) = (May::operator(), Who::Name(username));
                roles::revoke(&may, store, &at.clock, who, (*role, force)).await?
            }
            RoleWord::AtClient(client, name) => {
                let (may, target) = (May::operator(), Target::named(username));
                client_roles::revoke(&may, store, &at.clock, target, (client, name)).await?
            }
        };
        let said = if revoked { "no longer has" } else { "did not have" };
        let shown = json!({ "done": true, "revoked": revoked });
        at.print(&shown, &format!("{username} {said} the role {}", role.words()));
        Ok(())
    }
}

impl SetPassword {
    async fn run(self, at: &Installation, settings: &Settings, store: &Arc<Store>) -> OrRejected {
        let password = self.password.read()?.unwrap_or_default();
        warn_if_breached(settings, Some(&password)).await?;
        let (clock, hasher) = (&at.clock, hasher(settings)?);
        let mailer = mailer(settings, store, clock).await?;
        let username = self.whom.username(store, clock).await?;
        let (mailer, target) = (mailer.as_ref(), Target::named(&username));
        let set = users::SetPassword { password: &password, temporary: self.temporary };
        let may = May::operator();
        let ended = users::set_password(&may, store, clock, mailer, &hasher, target, set);
        let ended = ended.await?;
        ended_shown(at, "the password is set", ended);
        Ok(())
    }
}

impl Invite {
    async fn run(&self, at: &Installation, settings: &Settings, store: &Arc<Store>) -> OrRejected {
        let mailer = if self.print { None } else { mailer(settings, store, &at.clock).await? };
        let (issuer, mailer) = (&settings.issuer, mailer.as_ref());
        let guest = Guest { email: &self.email, client: self.client.as_deref() };
        if let Some(link) =
            invitations::invite(&May::operator(), store, &at.clock, issuer, mailer, guest).await?
        {
            at.print(&json!({ "link": link.expose() }), link.expose());
        } else {
            let (json, words) = (json!({ "mailed_to": self.email }), &self.email);
            at.print(&json, &format!("mailed to {words}"));
        }
        Ok(())
    }
}

impl Recover {
    async fn run(self, at: &Installation, settings: &Settings, store: &Arc<Store>) -> OrRejected {
        let mailer = if self.print { None } else { mailer(settings, store, &at.clock).await? };
        let (issuer, mailer) = (&settings.issuer, mailer.as_ref());
        let username = self.whom.username(store, &at.clock).await?;
        let made = recovery::make(
            &May::operator(),
            store,
            &at.clock,
            issuer,
            mailer,
            Target::named(&username),
        )
        .await?;
        match made {
            RecoveryLink::Shown(link) => {
                at.print(&json!({ "link": link.expose() }), link.expose());
            }
            RecoveryLink::Mailed(address) => {
                at.print(&json!({ "mailed_to": address }), &format!("mailed to {address}"));
            }
        }
        Ok(())
    }
}

impl Claims {
    fn new_profile(&self) -> OrRejected<Profile> {
        let mut profile = self.profile()?.unwrap_or_default();
        profile.name = self.name.clone().or(profile.name);
        Ok(profile)
    }

    fn change(self) -> OrRejected<ClaimsChange> {
        let profile = self.profile()?;
        let verified = self.email_verified;
        let email = self.email.map(|address| NewEmail { address, verified });
        Ok(ClaimsChange { email, profile, name: self.name, ..ClaimsChange::default() })
    }

    /// Reads the claims from the file.
    fn profile(&self) -> OrRejected<Option<Profile>> {
        let Some(file) = &self.claims else { return Ok(None) };
        serde_json::from_str(&text_of(file)?)
            .map(Some)
            .or_else(|error| reject(format!("{}: {error}", file.display())))
    }
}

/// Reads `NAME=VALUE`.
fn attribute(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Password {
    fn is_given(&self) -> bool {
        self.password_stdin || self.password_file.is_some()
    }

    fn read(&self) -> OrRejected<Option<Secret<String>>> {
        let password = match &self.password_file {
            Some(file) => Some(secret_from_file(file)?),
            None if self.password_stdin => Some(secret_from_stdin()?),
            None => None,
        };
        if password.as_ref().is_some_and(|password| password.expose().chars().count() < SHORT) {
            note("this password is short; 15 characters are recommended");
        }
        Ok(password)
    }
}

/// Tells the operator when a password is known from a breach. It is theirs to decide: the account
/// may be for a test.
async fn warn_if_breached(settings: &Settings, password: Option<&Secret<String>>) -> OrRejected {
    let bytes = password.and_then(|password| person::password_bytes(password.expose()));
    let Some(bytes) = bytes else { return Ok(()) };
    let breached = match &settings.passwords.range_url {
        Some(_) => BreachedPasswords::of(&settings.passwords, &outbound(settings)?),
        None => BreachedPasswords::default(),
    };
    if breached.have(&bytes).await {
        note("this password is known from a data breach, so attackers try it first");
    }
    Ok(())
}

fn hasher(settings: &Settings) -> OrRejected<Hasher> {
    Ok(Hasher::new(settings.hashing.cost, 1)?)
}

fn ended_shown(at: &Installation, what: &str, families: u64) {
    let shown = json!({ "done": true, "families_ended": families });
    at.print(&shown, &format!("{what}; {families} sessions ended"));
}

fn show_list(at: &Installation, page: &UserPage) {
    let rows: Vec<_> = page
        .users
        .iter()
        .map(|user| {
            vec![
                user.id.as_str().to_owned(),
                user.username.clone(),
                user.email.clone().unwrap_or_default(),
                state(user).to_owned(),
            ]
        })
        .collect();
    let described: Vec<Value> = page.users.iter().map(described).collect();
    let shown = json!({ "users": described, "next": page.next });
    at.print(&shown, &table(&["SUB", "NAME", "E-MAIL", "STATE"], &rows));
    at.more(page.next.as_ref());
}

fn state(user: &User) -> &'static str {
    match (user.disabled_at, user.deletion_at) {
        (Some(_), _) => "disabled",
        (None, Some(_)) => "deletes it",
        (None, None) => "enabled",
    }
}

/// What is open for a person, at most the first hundred of each.
fn open_shown(open: &PersonOverview) -> Map<String, Value> {
    let browser = |session: &Session| json!({ "address": session.address, "browser": session.user_agent, "ends_at": session.ends_at() });
    let app = |family: &Family| json!({ "client": family.client, "sid": family.id, "since": family.auth_time });
    let browsers: Vec<Value> = open.browsers.items.iter().map(browser).collect();
    let apps: Vec<Value> = open.families.items.iter().map(app).collect();
    let shown = [
        ("sessions", json!(browsers)),
        ("apps", json!(apps)),
        ("last_sign_in", json!(open.last_sign_in)),
    ];
    shown.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
}

fn described(user: &User) -> Value {
    json!({
        "sub": user.id,
        "username": user.username,
        "email": user.email,
        "email_verified": user.email_verified,
        "has_password": user.password_hash.is_some(),
        "password_temporary": user.password_temporary,
        "claims": user.profile,
        "disabled_at": user.disabled_at,
        "deletion_at": user.deletion_at,
        "created_at": user.created_at,
        "updated_at": user.updated_at,
    })
}
