//! The sign-in methods that a sign-in page offers.

use std::sync::Arc;

use crate::accounts::browsers::SignedInUser;
use crate::domain::embedded_browser::EmbeddedBrowser;
use crate::domain::language::Language;
use crate::domain::provider::Slug;
use crate::domain::urls;
use crate::flows::connected_providers::{self, LinkedIdentity};
use crate::flows::interaction::{PendingAccount, View};
use crate::flows::start;
use crate::pages::{AccountToProve, Brand, ExternalBrowser, ProviderButton};
use crate::social::registry::ConfiguredProvider;
use crate::web::cookies::SignInMethod;
use crate::web::page_request::PageRequest;
use crate::web::shared::Shared;

/// The sign-in methods.
#[derive(Debug)]
pub(super) struct SignInOptions<'a> {
    /// All providers that this client may use.
    every: Vec<Arc<ConfiguredProvider>>,
    /// The providers that are offered on this page, in this order.
    pub(super) offered: Vec<Arc<ConfiguredProvider>>,
    /// Whether a password is asked for.
    pub(super) password: bool,
    /// How to leave the browser that is part of another app.
    out: Option<Out>,
    proof: Option<&'a PendingAccount>,
}

/// How to leave the browser that is part of another app.
#[derive(Debug)]
struct Out {
    in_app: EmbeddedBrowser,
    href: Option<String>,
    address: String,
    without: Vec<Arc<ConfiguredProvider>>,
}

impl<'a> SignInOptions<'a> {
    /// The sign-in methods for this interaction. The method that this browser used last comes
    /// first, a provider that is down comes last. If a person must sign in again, only the
    /// providers connected with their account are offered.
    pub(super) fn of(
        shared: &Shared,
        page_request: &PageRequest,
        view: &'a View,
        again: Option<(&SignedInUser, &[LinkedIdentity])>,
        down: Option<&Slug>,
    ) -> Self {
        let providers = &shared.flows.providers;
        let client = view.interaction.purpose.client();
        let every = providers.usable(client);
        let proof = view.proof.as_ref();
        let mut offered = match (proof, client) {
            (Some(proof), _) => {
                let has = |configured: &&Arc<ConfiguredProvider>| {
                    proof.linked.contains(&configured.registration.slug)
                };
                every.iter().filter(has).cloned().collect()
            }
            (None, Some(_)) => every.clone(),
            (None, None) => connected_providers::offered(
                &shared.flows,
                again.map(|(signed_in_user, _)| signed_in_user),
            ),
        };
        if let Some((_, linked)) = again {
            offered.retain(|configured| connected_providers::vouches(configured, linked));
        }
        let in_app = page_request.in_app();
        let mut without = Vec::new();
        if let Some(in_app) = in_app {
            // Providers that refuse an app's browser are not offered. The provider of that app
            // comes first, since it knows the person already.
            (without, offered) =
                offered.into_iter().partition(|configured| configured.blocks_embedded_browsers());
            offered.sort_by_key(|configured| {
                Some(configured.registration.metadata.preset) != in_app.at_home()
            });
        }
        if let Some(SignInMethod::Provider(last)) = page_request.last_sign_in_method(shared) {
            offered.sort_by_key(|configured| configured.registration.slug != last);
        }
        offered.sort_by_key(|configured| Some(&configured.registration.slug) == down);
        let password = match proof {
            Some(proof) => proof.has_password,
            None if providers.are_the_only_way(client) => false,
            // A person who signs in only with providers has no password; the others may have one.
            None => {
                again.is_none_or(|(signed_in_user, _)| signed_in_user.user.password_hash.is_some())
            }
        };
        let out = in_app.map(|in_app| Out::of(shared, page_request, in_app, view, without));
        Self { every, offered, password, out, proof }
    }

    /// The name of a provider for people, if it may be used here.
    pub(super) fn name(&self, slug: &Slug, language: &str) -> Option<&str> {
        let configured = self.every.iter().find(|configured| configured.registration.slug == *slug);
        configured.map(|configured| configured.name(language))
    }

    /// The account that the person must prove.
    pub(super) fn prove(&self, language: &str) -> Option<AccountToProve<'_>> {
        let proof = self.proof?;
        let provider = self.name(&proof.provider, language)?;
        Some(AccountToProve { provider, email: &proof.email })
    }

    /// How to leave the browser that is part of another app, as the page shows it.
    pub(super) fn out(&self, language: &str) -> Option<ExternalBrowser<'_>> {
        self.out.as_ref().map(|out| out.shown(language))
    }
}

/// The buttons of providers.
pub(super) fn buttons<'a>(
    providers: &'a [Arc<ConfiguredProvider>],
    language: &str,
) -> Vec<ProviderButton<'a>> {
    let button = |configured: &'a Arc<ConfiguredProvider>| ProviderButton {
        slug: configured.registration.slug.as_str(),
        name: configured.name(language),
        brand: Brand::of_preset(configured.registration.metadata.preset),
        renamed: configured.registration.metadata.name.is_some(),
    };
    providers.iter().map(button).collect()
}

impl Out {
    fn of(
        shared: &Shared,
        page_request: &PageRequest,
        in_app: EmbeddedBrowser,
        view: &View,
        without: Vec<Arc<ConfiguredProvider>>,
    ) -> Self {
        let address = shared.flows.url.url(urls::LOGIN_ELSEWHERE);
        let elsewhere_token = start::elsewhere_token(&shared.flows, &view.interaction);
        let address =
            format!("{address}?interaction={}&pass={elsewhere_token}", view.handle.as_str());
        let href = in_app.way_out(page_request.user_agent(), &address);
        Self { in_app, href, address, without }
    }

    fn shown(&self, language: &str) -> ExternalBrowser<'_> {
        ExternalBrowser {
            app: Language::of_tag(language).unwrap_or_default().app_name(self.in_app),
            href: self.href.as_deref(),
            address: &self.address,
            without: self.without.iter().map(|configured| configured.name(language)).collect(),
        }
    }
}
