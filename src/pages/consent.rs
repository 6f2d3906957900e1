//! The consent page.

use askama::Template;

use super::app_summary::App;
use super::frame::Frame;
use super::hidden_fields::HiddenFields;
use super::permission::Permission;
use super::person::Person;
use super::sample::Sample;
use super::samples::values::hidden;
use super::samples::{apps, names, people};

/// The page that asks for permission for an app.
#[derive(Clone, Debug, Template)]
#[template(path = "consent.html")]
pub struct ConsentPage<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
    /// The app that asks for permission.
    pub app: App<'a>,
    /// The hidden fields.
    pub hidden: HiddenFields<'a>,
    /// The person who is asked.
    pub person: Person<'a>,
    /// The permissions that the app asks for and does not have yet.
    pub permissions: Vec<Permission<'a>>,
    /// The permissions that the person allowed before.
    pub known: Vec<Permission<'a>>,
    /// Whether another account can be chosen.
    pub switch: bool,
    /// Where an app comes from for which nobody vouches.
    pub unvouched: Option<Unvouched<'a>>,
}

/// Where an app comes from that registered itself, or that its own document describes.
#[derive(Clone, Copy, Debug)]
pub struct Unvouched<'a> {
    /// The host of the document that describes it.
    pub document: Option<&'a str>,
    /// Where the answer goes: a host, or the scheme of an app.
    pub redirect: &'a str,
    /// Whether the answer goes to a program on the person's own device.
    pub is_local: bool,
}

/// Samples of apps for which nobody vouches.
pub(super) const OF_DOCUMENT: Unvouched<'static> = Unvouched {
    document: Some("client.example.com"),
    redirect: "app.example.com",
    is_local: false,
};
const ON_DEVICE: Unvouched<'static> =
    Unvouched { document: None, redirect: "127.0.0.1:8080", is_local: true };
pub(super) const UNVOUCHED_HOSTILE: Unvouched<'static> =
    Unvouched { document: Some(names::HOSTILE), redirect: names::HOSTILE, is_local: false };

impl<'a> Sample<'a> for ConsentPage<'a> {
    const NAME: &'static str = "consent";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let page = Self {
            frame,
            app: apps::SHOP,
            hidden: hidden(),
            person: people::HANA,
            permissions: vec![Permission::Identity, Permission::Profile, Permission::Email],
            known: vec![],
            switch: true,
            unvouched: None,
        };
        vec![
            ("first", page.clone()),
            (
                "least",
                Self {
                    app: apps::BARE,
                    person: people::NAMELESS,
                    permissions: vec![Permission::Identity],
                    switch: false,
                    ..page.clone()
                },
            ),
            (
                "more",
                Self {
                    permissions: vec![
                        Permission::Offline,
                        Permission::Described("See your orders"),
                        Permission::Other("orders:write"),
                        Permission::At("https://orders.example.com/api"),
                    ],
                    known: vec![Permission::Identity, Permission::Profile, Permission::Email],
                    ..page.clone()
                },
            ),
            (
                "again",
                Self {
                    permissions: vec![],
                    known: vec![Permission::Identity, Permission::Profile, Permission::Email],
                    ..page.clone()
                },
            ),
            ("unvouched", Self { unvouched: Some(OF_DOCUMENT), ..page.clone() }),
            ("unvouched-local", Self { unvouched: Some(ON_DEVICE), ..page.clone() }),
            (
                "everything",
                Self {
                    permissions: everything(),
                    person: people::LONG,
                    app: apps::LONG,
                    ..page.clone()
                },
            ),
            (
                "hostile",
                Self {
                    app: apps::HOSTILE,
                    person: people::HOSTILE,
                    unvouched: Some(UNVOUCHED_HOSTILE),
                    permissions: vec![
                        Permission::Described(names::HOSTILE),
                        Permission::Claim(names::HOSTILE),
                        Permission::Other(names::HOSTILE),
                        Permission::At(names::HOSTILE),
                    ],
                    ..page
                },
            ),
        ]
    }
}

/// Every permission that has a text of its own.
fn everything() -> Vec<Permission<'static>> {
    let claims = [
        "nickname",
        "preferred_username",
        "picture",
        "website",
        "gender",
        "birthdate",
        "zoneinfo",
        "locale",
        "updated_at",
        "name",
        "employee_number",
    ];
    let scopes = [
        Permission::Other("https://api.shop.example.com/auth/orders.read.and.write.everything"),
        Permission::At("https://api.shop.example.com/orders/of/every/branch/and/every/year"),
    ];
    [
        Permission::Identity,
        Permission::Profile,
        Permission::Email,
        Permission::Address,
        Permission::Phone,
        Permission::Groups,
        Permission::Roles,
        Permission::Offline,
    ]
    .into_iter()
    .chain(claims.map(Permission::Claim))
    .chain(scopes)
    .collect()
}
