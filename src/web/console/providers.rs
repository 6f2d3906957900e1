//! The providers of social login.

#![expect(clippy::result_large_err, reason = "a page is the answer of a handler either way")]

use axum::http::StatusCode;
use serde_json::{Map, json};

use super::apps::lines;
use super::keys::conflict;
use super::visit::Visit;
use crate::admin::authority::{ChangeProviders, May, ReadProviders, Right};
use crate::admin::overview;
use crate::admin::provider_check::ProviderCheck;
use crate::admin::providers::{self, Addition, Listed, Target, Unfit};
use crate::admin::refused::{AdminResult, Refused};
use crate::domain::console_notice::ConsoleNotice;
use crate::domain::console_section::ConsoleSection;
use crate::domain::console_urls as urls;
use crate::domain::provider::{
    Credential, GroupMapping, Preset, ProviderMetadata, Registration, Slug,
};
use crate::domain::provider_metadata::ProviderChange;
use crate::domain::secret::Secret;
use crate::domain::verdict::Fault;
use crate::domain::version::Version;
use crate::pages::console::providers::{
    self as pages, CheckResult, GroupsOfProvider, NewProviderInput, ProviderEnding, ProviderLine,
};
use crate::social::{profiles, registry};
use crate::web::page::Answered;

const SECTION: ConsoleSection = ConsoleSection::Providers;

/// Groups there and here, a pair a line.
fn as_lines(map: &[GroupMapping]) -> String {
    let lines: Vec<_> = map.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

impl<R: Right> Visit<R> {
    fn provider_page(&self) -> String {
        urls::of(urls::PROVIDER, self.name())
    }

    fn provider_line(&self, one: &Listed) -> ProviderLine {
        let metadata = &one.metadata;
        let title = profiles::of(metadata.preset).title;
        ProviderLine {
            slug: one.slug.as_str().to_owned(),
            name: metadata.name.clone().unwrap_or_else(|| title.to_owned()),
            preset: metadata.preset,
            client_id: metadata.client_id.clone(),
            redirect_uri: registry::redirect_uri(&self.shared.flows.url, &one.slug),
            disabled: one.disabled,
            is_of_file: one.is_of_file,
            groups: metadata.preset.may_list_groups().then(|| GroupsOfProvider {
                claim: metadata.group_claim.clone().unwrap_or_default(),
                map: as_lines(&metadata.group_map),
            }),
            version: providers::version(one).etag(),
        }
    }

    fn unknown_provider(&self) -> Refused {
        Refused::NotFound(format!("there is no provider {:?}", self.name()))
    }

    async fn provider(&self, may: &May<ReadProviders>) -> AdminResult<Listed> {
        let of_file = &self.shared.providers_of_file;
        let every = providers::list(may, &self.shared.flows.store, of_file).await?;
        let found = every.into_iter().find(|one| one.slug.as_str() == self.name());
        found.ok_or_else(|| self.unknown_provider().into())
    }

    fn slug(&self) -> AdminResult<Slug> {
        Slug::parse(self.name()).ok_or_else(|| self.unknown_provider().into())
    }

    /// Back to the page of the provider, which says what was done; or why nothing was.
    async fn provider_changed(&self, made: AdminResult<ConsoleNotice>) -> Answered {
        // This process shows what was changed at once; others look for themselves.
        if let Err(fault) = self.shared.flows.providers.reload().await {
            return Err(self.fault(fault));
        }
        match made {
            Ok(ConsoleNotice::Deleted) => self.done(urls::PROVIDERS, ConsoleNotice::Deleted),
            Ok(notice) => self.done(&self.provider_page(), notice),
            Err(error) => Err(self.refused(SECTION, &self.provider_page(), error)),
        }
    }
}

/// `GET /admin/providers`
pub(super) async fn list(visit: Visit<ReadProviders>) -> Answered {
    let of_file = &visit.shared.providers_of_file;
    let every = providers::list(&visit.may, &visit.shared.flows.store, of_file).await;
    let every = every.map_err(|fault| visit.fault(fault))?;
    let lines: Vec<_> = every.iter().map(|one| visit.provider_line(one)).collect();
    visit.show(&pages::list(visit.frame(), visit.shell(SECTION), &lines))
}

/// `GET /admin/providers/{slug}`
pub(super) async fn show(visit: Visit<ReadProviders>) -> Answered {
    let found = visit.provider(&visit.may).await;
    let found = found.map_err(|error| visit.refused(SECTION, urls::PROVIDERS, error))?;
    let line = visit.provider_line(&found);
    visit.show(&pages::show(visit.frame(), visit.shell(SECTION), &line, None))
}

/// `POST /admin/providers/{slug}/check`
pub(super) async fn check(visit: Visit<ChangeProviders>) -> Answered {
    let refused = |error| visit.refused(SECTION, urls::PROVIDERS, error);
    let flows = &visit.shared.flows;
    let slug = visit.slug().map_err(refused)?;
    let every = flows.providers.list();
    let Some(one) = every.iter().find(|one| one.registration.slug == slug) else {
        return Err(refused(visit.unknown_provider().into()));
    };
    let outbound = flows.providers.outbound();
    let checking = ProviderCheck {
        issuer: &flows.url,
        store: Some(&flows.store),
        outbound,
        clock: &flows.clock,
        allow_private: outbound.allows_private(),
    };
    let finding = checking.check(&one.registration).await;
    let finding = finding.map_err(|error| refused(conflict(error)))?;
    let (good, problem) = match finding.said {
        Ok(good) => (good, None),
        Err(problem) => (Vec::new(), Some(problem)),
    };
    let result = CheckResult { good, problem, notes: finding.notes };
    let listed = Listed {
        slug,
        metadata: one.registration.metadata.clone(),
        disabled: one.registration.disabled,
        is_of_file: visit
            .shared
            .providers_of_file
            .iter()
            .any(|of_file| of_file.slug == one.registration.slug),
    };
    let line = visit.provider_line(&listed);
    visit.show(&pages::show(visit.frame(), visit.shell(SECTION), &line, Some(&result)))
}

/// `POST /admin/providers/{slug}`: the groups that it gives.
pub(super) async fn change(visit: Visit<ChangeProviders>) -> Answered {
    let changed = change_groups(&visit).await;
    visit.provider_changed(changed.map(|()| ConsoleNotice::Saved)).await
}

async fn change_groups(visit: &Visit<ChangeProviders>) -> AdminResult {
    let (slug, flows) = (visit.slug()?, &visit.shared.flows);
    let mut change = Map::new();
    change.insert("group_claim".to_owned(), json!(visit.given("group_claim")));
    change.insert("group_map".to_owned(), json!(lines(visit.field("group_map"))));
    let version = Version::from_etag(visit.field("version"));
    let target = Target { slug: &slug, version: version.as_ref() };
    let (change, sealer) = (ProviderChange(change), flows.providers.sealer());
    let rules = (&visit.shared.providers_of_file[..], flows.providers.outbound().allows_private());
    let asked = (target, &change, None);
    providers::update(&visit.may, &flows.store, &flows.clock, sealer, rules, asked).await?;
    Ok(())
}

async fn ask(visit: Visit<ChangeProviders>, ending: ProviderEnding) -> Answered {
    let refused = |error| visit.refused(SECTION, urls::PROVIDERS, error);
    let Some(may) = visit.may_also::<ReadProviders>() else {
        return Err(refused(visit.unknown_provider().into()));
    };
    let found = visit.provider(&may).await.map_err(refused)?;
    let store = &*visit.shared.flows.store;
    let people = overview::connected(&may, store, &found.slug).await;
    let people = people.map_err(|fault| visit.fault(fault))?;
    let line = visit.provider_line(&found);
    visit.show(&pages::confirm(visit.frame(), visit.shell(SECTION), &line, people, ending))
}

/// `GET /admin/providers/{slug}/disable`
pub(super) async fn ask_disable(visit: Visit<ChangeProviders>) -> Answered {
    ask(visit, ProviderEnding::Disable).await
}

/// `GET /admin/providers/{slug}/delete`
pub(super) async fn ask_delete(visit: Visit<ChangeProviders>) -> Answered {
    ask(visit, ProviderEnding::Delete).await
}

async fn set_enabled(visit: &Visit<ChangeProviders>, enabled: bool) -> AdminResult {
    let (flows, of_file) = (&visit.shared.flows, &visit.shared.providers_of_file);
    let (may, store, clock, slug) = (&visit.may, &flows.store, &flows.clock, visit.slug()?);
    providers::set_enabled(may, store, clock, of_file, &slug, enabled).await
}

/// `POST /admin/providers/{slug}/disable`
pub(super) async fn disable(visit: Visit<ChangeProviders>) -> Answered {
    let done = set_enabled(&visit, false).await;
    visit.provider_changed(done.map(|()| ConsoleNotice::Disabled)).await
}

/// `POST /admin/providers/{slug}/enable`
pub(super) async fn enable(visit: Visit<ChangeProviders>) -> Answered {
    let done = set_enabled(&visit, true).await;
    visit.provider_changed(done.map(|()| ConsoleNotice::Enabled)).await
}

/// `POST /admin/providers/{slug}/delete`
pub(super) async fn delete(visit: Visit<ChangeProviders>) -> Answered {
    let flows = &visit.shared.flows;
    let done = match visit.slug() {
        Ok(slug) => providers::delete(&visit.may, &flows.store, &flows.clock, &slug).await,
        Err(error) => Err(error),
    };
    visit.provider_changed(done.map(|()| ConsoleNotice::Deleted)).await
}

/// `GET /admin/new-provider`
pub(super) async fn choose(visit: Visit<ChangeProviders>) -> Answered {
    let presets = Preset::ALL.map(|preset| (preset, profiles::of(preset).title));
    visit.show(&pages::choose(visit.frame(), visit.shell(SECTION), &presets))
}

impl<R: Right> Visit<R> {
    fn preset(&self) -> AdminResult<Preset> {
        let why = || Refused::NotFound(format!("there is no preset {:?}", self.name()));
        Preset::parse(self.name()).ok_or_else(|| why().into())
    }

    fn typed_provider<'a>(
        &'a self,
        preset: Preset,
        uri: &'a str,
        slug: &'a str,
    ) -> NewProviderInput<'a> {
        NewProviderInput {
            preset,
            title: profiles::of(preset).title,
            redirect_uri: uri,
            slug,
            client_id: self.field("client_id"),
            issuer: self.field("issuer"),
            team_id: self.field("team_id"),
            key_id: self.field("key_id"),
        }
    }

    fn show_form(&self, status: StatusCode, preset: Preset, problem: Option<String>) -> Answered {
        let slug = self.given("slug").unwrap_or(preset.as_str());
        let known = Slug::parse(slug).or_else(|| Slug::parse(preset.as_str()));
        let uri = known.map(|slug| registry::redirect_uri(&self.shared.flows.url, &slug));
        let uri = uri.unwrap_or_default();
        let typed = self.typed_provider(preset, &uri, slug);
        let shell = self.shell(SECTION);
        self.show_as(status, &pages::new(self.frame(), shell, &typed, problem))
    }
}

/// `GET /admin/new-provider/{preset}`
pub(super) async fn form(visit: Visit<ChangeProviders>) -> Answered {
    let preset = visit.preset();
    let preset = preset.map_err(|error| visit.refused(SECTION, urls::PROVIDER_NEW, error))?;
    visit.show_form(StatusCode::OK, preset, None)
}

/// `POST /admin/new-provider/{preset}`
pub(super) async fn create(visit: Visit<ChangeProviders>) -> Answered {
    let preset = visit.preset();
    let preset = preset.map_err(|error| visit.refused(SECTION, urls::PROVIDER_NEW, error))?;
    let flows = &visit.shared.flows;
    let addition = match addition(&visit, preset) {
        Ok(addition) => addition,
        Err(why) => {
            let (status, problem) = visit.problem(Refused::Invalid(why))?;
            return visit.show_form(status, preset, Some(problem));
        }
    };
    let sealer = flows.providers.sealer();
    let added = providers::add(&visit.may, &flows.store, &flows.clock, sealer, addition).await;
    match added {
        Ok(()) => {
            flows.providers.reload().await.map_err(|fault: Fault| visit.fault(fault))?;
            visit.done(&urls::of(urls::PROVIDER, visit.field("slug")), ConsoleNotice::Created)
        }
        Err(error) => {
            let (status, problem) = visit.problem(error)?;
            visit.show_form(status, preset, Some(problem))
        }
    }
}

fn addition(visit: &Visit<ChangeProviders>, preset: Preset) -> Result<Addition, String> {
    let Some(slug) = Slug::parse(visit.field("slug")) else {
        return Err("a name here has 1 to 32 lower-case letters, digits, - and _".to_owned());
    };
    let mut members = Map::new();
    members.insert("preset".to_owned(), json!(preset.as_str()));
    members.insert("client_id".to_owned(), json!(visit.field("client_id")));
    if let Some(issuer) = visit.given("issuer") {
        members.insert("issuer".to_owned(), json!(issuer));
    }
    let metadata = ProviderMetadata::from_json(members).map_err(|why| why.to_string())?;
    let credential = if preset == Preset::Apple {
        Credential::Key {
            team: visit.field("team_id").to_owned(),
            id: visit.field("key_id").to_owned(),
            private: Secret::text(visit.field("private_key")),
        }
    } else {
        match visit.given("client_secret") {
            Some(secret) => Credential::Secret(Secret::text(secret)),
            None => Credential::None,
        }
    };
    let registration = Registration { slug, metadata, credential, disabled: false };
    let allow_private = visit.shared.flows.providers.outbound().allows_private();
    let addition = Addition::new(registration, &visit.shared.providers_of_file, allow_private);
    addition.map_err(|unfit| match unfit {
        Unfit::Registration(problems, _) => problems.to_string(),
        Unfit::InFile(slug) => format!("{slug} stands in the settings file"),
        Unfit::Attributes(problems) => problems.to_string(),
        Unfit::NoClient(client) => format!("there is no client {:?}", client.as_str()),
        _ => "it cannot be added".to_owned(),
    })
}
