//! How long tokens live, and how many of them one person may have.

use chrono::Duration;

use crate::settings::kinds::{duration, duration_in, whole};
use crate::settings::{Collector, settings};

settings! {
    /// How long things live.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Lifetimes in "Tokens", checked by Lifetimes::check {
        /// An access token is good for so long.
        pub access_token: Duration = duration("token.access_lifetime", Duration::minutes(10)),
        /// An id token is good for so long.
        pub id_token: Duration = duration("token.id_lifetime", Duration::minutes(10)),
        /// A refresh token ends when it was not used for so long.
        pub refresh_idle: Duration = duration("token.refresh_idle_lifetime", Duration::days(30)),
        /// What an app was granted by one sign-in ends after so long, however often it is refreshed.
        pub refresh_absolute: Duration = duration("token.refresh_absolute_lifetime", Duration::days(90)),
        /// For so long after a refresh token was handed out, the one before it brings the same one
        /// again. Later it brings a new one, which replaces it.
        pub refresh_grace: Duration = duration_in("token.refresh_grace", 0..=300, Duration::seconds(30)),
    }
}

impl Lifetimes {
    fn check(&self, from: &mut Collector) {
        if self.refresh_idle > self.refresh_absolute {
            let problem = "must not be longer than token.refresh_absolute_lifetime";
            from.problem("token.refresh_idle_lifetime", problem);
        }
    }
}

/// Declares and reads how many families one person may have at one client.
pub fn families_per_client(from: &mut Collector) -> u32 {
    from.begin("Tokens");
    from.take(whole("token.families_per_client", 1..=u32::MAX, 100).words(
        "So many sign-ins of one person at one app may have tokens at the same time. One more ends the one that was not used for longest: its app is told as of any other end, and the audit event `family.over_limit` is written.",
    ))
}
