//! The samples of the page with the apps.

use super::{done, hostile, shell};
use crate::domain::account_page::AccountPage;
use crate::pages::account::apps::{AppAccess, AppsPage};
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
        let page = Self { frame, shell: shell(PAGE), apps: access(), more: None };
        let long = vec![AppAccess { app: apps::LONG, ..shop() }];
        let by_hostile = vec![AppAccess { client: names::HOSTILE, app: apps::HOSTILE, ..shop() }];
        let removed = done(PAGE, AccountNotice::AppRemoved);
        vec![
            ("full", page.clone()),
            ("none", Self { apps: vec![], ..page.clone() }),
            ("more", Self { more: Some("shop"), ..page.clone() }),
            ("removed", Self { shell: removed, ..page.clone() }),
            ("long-names", Self { apps: long, ..page.clone() }),
            ("hostile", Self { shell: hostile(PAGE), apps: by_hostile, ..page }),
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
