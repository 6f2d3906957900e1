//! Allowing an app what it wishes.

use askama::Template;

use super::frame::{App, Frame, Person, Ticket};
use super::gallery::{Sample, apps, names, people, ticket};
use super::wish::Wish;

/// The page that asks whether an app may have what it wishes.
#[derive(Clone, Debug, Template)]
#[template(path = "consent.html")]
pub struct ConsentPage<'a> {
    /// The frame.
    pub frame: Frame<'a>,
    /// Who wishes.
    pub app: App<'a>,
    /// The hidden fields.
    pub ticket: Ticket<'a>,
    /// Who is asked.
    pub person: Person<'a>,
    /// What it wishes and does not have.
    pub wishes: Vec<Wish<'a>>,
    /// What was allowed before.
    pub known: Vec<Wish<'a>>,
    /// Whether another account can be chosen.
    pub switch: bool,
}

impl<'a> Sample<'a> for ConsentPage<'a> {
    const NAME: &'static str = "consent";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let page = Self {
            frame,
            app: apps::SHOP,
            ticket: ticket(),
            person: people::HANA,
            wishes: vec![Wish::Identity, Wish::Profile, Wish::Email],
            known: vec![],
            switch: true,
        };
        vec![
            ("first", page.clone()),
            (
                "least",
                Self {
                    app: apps::BARE,
                    person: people::NAMELESS,
                    wishes: vec![Wish::Identity],
                    switch: false,
                    ..page.clone()
                },
            ),
            (
                "more",
                Self {
                    wishes: vec![
                        Wish::Offline,
                        Wish::Other("orders:read"),
                        Wish::At("https://orders.example.com/api"),
                    ],
                    known: vec![Wish::Identity, Wish::Profile, Wish::Email],
                    ..page.clone()
                },
            ),
            (
                "again",
                Self {
                    wishes: vec![],
                    known: vec![Wish::Identity, Wish::Profile, Wish::Email],
                    ..page.clone()
                },
            ),
            (
                "everything",
                Self {
                    wishes: everything(),
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
                    wishes: vec![
                        Wish::Claim(names::HOSTILE),
                        Wish::Other(names::HOSTILE),
                        Wish::At(names::HOSTILE),
                    ],
                    ..page
                },
            ),
        ]
    }
}

/// Every wish that has words of its own.
fn everything() -> Vec<Wish<'static>> {
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
        Wish::Other("https://api.shop.example.com/auth/orders.read.and.write.everything"),
        Wish::At("https://api.shop.example.com/orders/of/every/branch/and/every/year"),
    ];
    [Wish::Identity, Wish::Profile, Wish::Email, Wish::Address, Wish::Phone, Wish::Offline]
        .into_iter()
        .chain(claims.map(Wish::Claim))
        .chain(scopes)
        .collect()
}
