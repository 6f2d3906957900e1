//! The samples of the profile.

use super::{done, hostile, shell};
use crate::domain::account_page::AccountPage;
use crate::domain::attribute::AttributeType;
use crate::domain::profile_edit::{FieldProblem, ProfileField};
use crate::pages::account::notice::AccountNotice;
use crate::pages::account::profile::{AttributeInput, ProfileInput, ProfilePage};
use crate::pages::account::shell::Shell;
use crate::pages::frame::Frame;
use crate::pages::person::Account;
use crate::pages::sample::Sample;
use crate::pages::samples::names;
use crate::pages::samples::people::{self, accounts};

const PAGE: AccountPage = AccountPage::Profile;

impl<'a> Sample<'a> for ProfilePage<'a> {
    const NAME: &'static str = "account";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let page = Self {
            frame,
            shell: shell(PAGE),
            email_verified: true,
            fields: fields(value),
            attributes: vec![],
            others: vec![],
        };
        let of = |person| Shell { person, ..shell(PAGE) };
        let others = vec![Account { person: people::HOSTILE, session: "a&b=c" }];
        let changed = done(PAGE, AccountNotice::ProfileChanged);
        let kept = done(PAGE, AccountNotice::AccountKept);
        vec![
            ("full", Self { others: accounts(), attributes: attributes(None), ..page.clone() }),
            ("bare", Self { shell: of(people::NAMELESS), fields: fields(|_| ""), ..page.clone() }),
            ("unverified", Self { email_verified: false, ..page.clone() }),
            ("changed", Self { shell: changed, ..page.clone() }),
            ("kept", Self { shell: kept, ..page.clone() }),
            ("not-taken", Self { fields: not_taken(), ..page.clone() }),
            (
                "attribute-not-taken",
                Self { attributes: attributes(Some(FieldProblem::NotNumber)), ..page.clone() },
            ),
            ("long-names", Self { shell: of(people::LONG), ..page.clone() }),
            (
                "hostile",
                Self {
                    shell: hostile(PAGE),
                    fields: fields(|_| names::HOSTILE),
                    attributes: hostile_attributes(),
                    others,
                    ..page
                },
            ),
        ]
    }
}

/// One attribute of each type that the person may edit, and one that they may not.
fn attributes(problem: Option<FieldProblem>) -> Vec<AttributeInput<'static>> {
    let of = |name, label, kind, value: &str| AttributeInput {
        name,
        label,
        kind,
        is_editable: true,
        value: value.to_owned(),
        problem: problem.filter(|_| kind == AttributeType::Integer),
    };
    vec![
        AttributeInput {
            is_editable: false,
            ..of("department", "Department", AttributeType::String, "Design")
        },
        of("desk", "Desk", AttributeType::String, "4F-12"),
        of("floor", "Floor", AttributeType::Integer, if problem.is_some() { "x" } else { "4" }),
        of("newsletter", "Newsletter", AttributeType::Boolean, "true"),
        of("since", "Here since", AttributeType::Date, "2024-02-29"),
    ]
}

fn hostile_attributes() -> Vec<AttributeInput<'static>> {
    let hostile = |name, is_editable| AttributeInput {
        name,
        label: names::HOSTILE,
        kind: AttributeType::String,
        is_editable,
        value: names::HOSTILE.to_owned(),
        problem: None,
    };
    vec![hostile("a", true), hostile("b", false)]
}

fn fields(value: fn(ProfileField) -> &'static str) -> Vec<ProfileInput<'static>> {
    let input = |field| ProfileInput { field, value: value(field), problem: None };
    ProfileField::ALL.into_iter().map(input).collect()
}

fn value(field: ProfileField) -> &'static str {
    match field {
        ProfileField::Name => "Hana Seo",
        ProfileField::Nickname => "hana",
        ProfileField::Locale => "ko-KR",
        ProfileField::Zoneinfo => "Asia/Seoul",
        _ => "",
    }
}

/// Every field with an error, each of them in turn.
fn not_taken() -> Vec<ProfileInput<'static>> {
    let problems = [
        FieldProblem::TooLong,
        FieldProblem::Unreadable,
        FieldProblem::NotHttps,
        FieldProblem::UnknownLocale,
        FieldProblem::UnknownZone,
        FieldProblem::NotDate,
    ];
    let with = |(input, problem)| ProfileInput { value: "x", problem: Some(problem), ..input };
    fields(value).into_iter().zip(problems.into_iter().cycle()).map(with).collect()
}
