//! The samples of the page with the apps.

use super::{done, hostile, shell};
use crate::domain::account_page::AccountPage;
use crate::pages::account::apps::{ActsForYou, AppAccess, AppsPage, StoppedActor};
use crate::pages::account::notice::AccountNotice;
use crate::pages::frame::Frame;
use crate::pages::permission::Permission;
use crate::pages::sample::Sample;
use crate::pages::samples::values::instant;
use crate::pages::samples::{apps, names};

const PAGE: AccountPage = AccountPage::Apps;

impl<'a> Sample<'a> for AppsPage<'a> {
    const NAME: &'static str = "account-apps";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let page = Self {
            frame,
            shell: shell(PAGE),
            apps: access(),
            more: None,
            actors: actors(),
            stopped: stopped(),
        };
        let long = vec![AppAccess { app: apps::LONG, ..shop() }];
        let by_hostile = vec![AppAccess { client: names::HOSTILE, app: apps::HOSTILE, ..shop() }];
        let removed = done(PAGE, AccountNotice::AppRemoved);
        let stopped_now = done(PAGE, AccountNotice::ActorStopped);
        let allowed = done(PAGE, AccountNotice::ActorAllowed);
        let hostile_access = AppAccess { client: names::HOSTILE, app: apps::HOSTILE, ..shop() };
        let hostile_actor = ActsForYou { access: hostile_access, by_way_of: &[] };
        let hostile_stopped = StoppedActor { client: names::HOSTILE, name: names::HOSTILE };
        vec![
            ("full", page.clone()),
            ("none", Self { apps: vec![], actors: vec![], stopped: vec![], ..page.clone() }),
            ("acts", Self { apps: vec![], stopped: vec![], ..page.clone() }),
            ("actor-stopped", Self { shell: stopped_now, actors: vec![], ..page.clone() }),
            ("actor-allowed", Self { shell: allowed, stopped: vec![], ..page.clone() }),
            ("more", Self { more: Some("shop"), ..page.clone() }),
            ("removed", Self { shell: removed, ..page.clone() }),
            ("long-names", Self { apps: long, ..page.clone() }),
            (
                "hostile",
                Self {
                    shell: hostile(PAGE),
                    apps: by_hostile,
                    actors: vec![hostile_actor],
                    stopped: vec![hostile_stopped],
                    ..page
                },
            ),
        ]
    }
}

fn shop() -> AppAccess<'static> {
    AppAccess {
        client: "shop",
        app: apps::SHOP,
        permissions: vec![Permission::Identity, Permission::Profile, Permission::Email],
        since: instant(0),
    }
}

fn access() -> Vec<AppAccess<'static>> {
    let permissions =
        vec![Permission::Identity, Permission::Offline, Permission::Other("orders:read")];
    vec![shop(), AppAccess { client: "bare", app: apps::BARE, permissions, since: instant(50_000) }]
}

fn actors() -> Vec<ActsForYou<'static>> {
    let permissions =
        vec![Permission::Other("orders:read"), Permission::At("https://orders.example.com")];
    let access =
        AppAccess { client: "agent", app: apps::BARE, permissions, since: instant(60_000) };
    vec![ActsForYou { access, by_way_of: &[] }]
}

fn stopped() -> Vec<StoppedActor<'static>> {
    vec![StoppedActor { client: "old", name: "달빛 비서" }]
}
