//! The ways in that a sign-in page offers to whoever stands before it.

use std::sync::Arc;

use super::Shared;
use super::guest::Guest;
use crate::accounts::browsers::Present;
use crate::domain::in_app::InApp;
use crate::domain::interaction::{Interaction, Pending};
use crate::domain::urls;
use crate::oauth::interactions::{self, View};
use crate::oauth::providers::Known;
use crate::pages::{Brand, ProviderButton, SocialNote, WayOut};

/// The ways in.
#[derive(Debug)]
pub(super) struct Ways<'a> {
    /// The providers that may be used.
    pub(super) every: Vec<Arc<Known>>,
    /// Those that are offered here, in this order.
    pub(super) offered: Vec<Arc<Known>>,
    /// Whether a password is asked for.
    pub(super) password: bool,
    /// Whether the first of them knows the person here, in the browser of its app.
    at_home: bool,
    /// The way out of the browser of an app.
    pub(super) out: Option<Out>,
    pending: Option<&'a Pending>,
}

/// The way out of the browser of an app.
#[derive(Debug)]
pub(super) struct Out {
    app: Option<&'static str>,
    href: Option<String>,
    address: String,
}

impl<'a> Ways<'a> {
    /// The ways in for somebody in the middle of this; again, if they are named.
    pub(super) fn of(
        shared: &Shared,
        guest: &Guest,
        view: &'a View,
        again: Option<&Present>,
    ) -> Self {
        let providers = &shared.issuer.providers;
        let client = view.interaction.errand.client();
        let every = providers.usable(client);
        let now = shared.issuer.clock.now();
        let pending =
            view.interaction.pending.as_deref().filter(|pending| now < pending.expires_at);
        let proves = |known: &&Arc<Known>| {
            pending.is_none_or(|pending| pending.provider != known.registration.slug)
        };
        let in_app = guest.in_app();
        let mut offered: Vec<_> = every.iter().filter(proves).cloned().collect();
        if let Some(in_app) = in_app {
            // What cannot work here is not offered, and what knows the person already comes first.
            offered.retain(|known| !known.shuns_in_apps());
            offered.sort_by_key(|known| Some(known.registration.terms.preset) != in_app.at_home());
        }
        // Whoever comes by providers alone has none; the others may have.
        let has_password = again.is_none_or(|present| present.user.password_hash.is_some());
        let only = providers.are_the_only_way(client) && pending.is_none();
        let password = !only && (has_password || offered.is_empty());
        let preset = offered.first().map(|known| known.registration.terms.preset);
        let at_home = preset.is_some() && in_app.and_then(InApp::at_home) == preset;
        let out = in_app.map(|in_app| Out::of(shared, guest, in_app, &view.interaction));
        Self { every, offered, password, at_home: at_home && password, out, pending }
    }

    /// The address of an account that is to be proven.
    pub(super) fn proving(&self) -> Option<&'a str> {
        self.pending.and_then(|pending| pending.identity.verified_email())
    }

    /// What the page says of that.
    pub(super) fn prove<'b>(&'b self, language: &str) -> Option<SocialNote<'b>> {
        let pending = self.pending?;
        let slug = &pending.provider;
        let known = self.every.iter().find(|known| known.registration.slug == *slug)?;
        Some(SocialNote::Prove { provider: known.name(language), email: self.proving()? })
    }

    /// The button before everything else.
    pub(super) fn first(&self, language: &str) -> Option<ProviderButton<'_>> {
        buttons(&self.offered, language).into_iter().next().filter(|_| self.at_home)
    }

    /// The other buttons.
    pub(super) fn others(&self, language: &str) -> Vec<ProviderButton<'_>> {
        buttons(&self.offered, language).into_iter().skip(usize::from(self.at_home)).collect()
    }
}

/// The buttons of providers.
pub(super) fn buttons<'a>(providers: &'a [Arc<Known>], language: &str) -> Vec<ProviderButton<'a>> {
    let button = |known: &'a Arc<Known>| ProviderButton {
        slug: known.registration.slug.as_str(),
        name: known.name(language),
        brand: Brand::of_preset(known.registration.terms.preset),
    };
    providers.iter().map(button).collect()
}

impl Out {
    fn of(shared: &Shared, guest: &Guest, in_app: InApp, interaction: &Interaction) -> Self {
        let address = shared.issuer.url.url(urls::LOGIN_ELSEWHERE);
        let pass = interactions::pass(&shared.issuer, interaction);
        let address = format!("{address}?interaction={}&pass={pass}", interaction.id.0);
        let href = in_app.way_out(guest.user_agent(), &address);
        Self { app: in_app.name(), href, address }
    }

    pub(super) fn shown(&self) -> WayOut<'_> {
        WayOut { app: self.app, href: self.href.as_deref(), address: &self.address }
    }
}
