//! How long tokens live, and how many of them one person may have.

use chrono::Duration;

use crate::domain::client::ClientMetadata;
use crate::settings::kinds::{duration, duration_in, whole};
use crate::settings::{Collector, settings, time};

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
    /// How long the things of a client live: as it was registered, and at most as the settings say.
    #[must_use]
    pub fn of(&self, client: &ClientMetadata) -> Self {
        let least = |own: Option<i64>, most: Duration| {
            own.and_then(Duration::try_seconds).map_or(most, |own| own.min(most))
        };
        Self {
            access_token: least(client.access_lifetime, self.access_token),
            id_token: least(client.id_lifetime, self.id_token),
            refresh_idle: least(client.refresh_idle, self.refresh_idle),
            refresh_absolute: least(client.refresh_absolute, self.refresh_absolute),
            refresh_grace: self.refresh_grace,
        }
    }

    /// Checks that a client asks for no more than the settings say. Keys are kept, and what is revoked
    /// is remembered, for as long as the settings say.
    pub fn check_client(&self, client: &ClientMetadata) -> Result<(), String> {
        for (name, own, most, setting) in [
            ("access_lifetime", client.access_lifetime, self.access_token, "access_lifetime"),
            ("id_lifetime", client.id_lifetime, self.id_token, "id_lifetime"),
            ("refresh_idle", client.refresh_idle, self.refresh_idle, "refresh_idle_lifetime"),
            (
                "refresh_absolute",
                client.refresh_absolute,
                self.refresh_absolute,
                "refresh_absolute_lifetime",
            ),
        ] {
            if own.is_some_and(|own| own > most.num_seconds()) {
                return Err(format!(
                    "{name} is at most what token.{setting} says: {}",
                    time::show(most)
                ));
            }
        }
        Ok(())
    }

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
