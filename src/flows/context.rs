//! The parts that the flows work with.

use std::sync::Arc;

use crate::accounts::browsers::SessionLifetimes;
use crate::accounts::deletion::DeletionPolicy;
use crate::accounts::mail_limits::MailLimits;
use crate::accounts::passkeys::relying_party::RelyingParty;
use crate::accounts::password_rules::PasswordRules;
use crate::accounts::reachable::SignInMethods;
use crate::accounts::second_factor::SecondFactors;
use crate::accounts::sign_in::PasswordSignIn;
use crate::accounts::sign_up::SignUpSettings;
use crate::clients::registry::Registry;
use crate::domain::clock::Clock;
use crate::domain::terms::Terms;
use crate::domain::urls::Issuer;
use crate::keys::seal::{BrowserKey, FormsKey, UpstreamLoginKey};
use crate::keys::subjects::Subjects;
use crate::mail::Mailer;
use crate::outbox::Wake;
use crate::social::registry::Providers;
use crate::store::Store;

/// The parts that the flows work with: settings, stores, keys and registries.
#[derive(Clone, Debug)]
pub struct Flows {
    /// The issuer URL of this server.
    pub url: Issuer,
    /// The clock.
    pub clock: Clock,
    /// The database.
    pub store: Arc<Store>,
    /// The registered clients.
    pub clients: Arc<Registry>,
    /// The providers of social login.
    pub providers: Arc<Providers>,
    /// Signs people in with a password.
    pub password: Arc<PasswordSignIn>,
    /// Second factors.
    pub factors: SecondFactors,
    /// Makes and verifies passkeys; `None` where browsers have none for the host of the issuer.
    pub passkeys: Option<Arc<RelyingParty>>,
    /// Which sign-in methods people have beside passwords and providers.
    pub sign_in_methods: SignInMethods,
    /// Checks the passwords that people choose.
    pub password_rules: PasswordRules,
    /// How long browser sessions live.
    pub sessions: SessionLifetimes,
    /// How people make accounts themselves.
    pub sign_up: SignUpSettings,
    /// The documents that people are asked to accept.
    pub terms: Arc<Terms>,
    /// The limits of mails that people ask for.
    pub mail_limits: MailLimits,
    /// How people delete their accounts.
    pub deletion: DeletionPolicy,
    /// Makes and checks the tokens that bind forms to the browser and the page that they belong to.
    pub forms: Arc<FormsKey>,
    /// Seals what browsers keep for this server, and makes browser tokens.
    pub browsers: Arc<BrowserKey>,
    /// Seals the `state` that browsers take to providers.
    pub upstream_logins: Arc<UpstreamLoginKey>,
    /// Wakes the tasks that send what waits in the outbox: logout notices and mails.
    pub notices: Arc<Wake>,
    /// Says by which `sub` clients know people.
    pub subjects: Subjects,
    /// Writes mails into the outbox; `None` if nothing is mailed.
    pub mailer: Option<Mailer>,
}
