//! The samples of the profile.

use super::{done, hostile, shell};
use crate::domain::account_page::AccountPage;
use crate::domain::profile_edit::{FieldProblem, ProfileField};
use crate::pages::account::notice::AccountNotice;
use crate::pages::account::profile::{ProfileInput, ProfilePage};
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
            others: vec![],
        };
        let of = |person| Shell { person, ..shell(PAGE) };
        let others = vec![Account { person: people::HOSTILE, session: "a&b=c" }];
        let changed = done(PAGE, AccountNotice::ProfileChanged);
        let kept = done(PAGE, AccountNotice::AccountKept);
        vec![
            ("full", Self { others: accounts(), ..page.clone() }),
            ("bare", Self { shell: of(people::NAMELESS), fields: fields(|_| ""), ..page.clone() }),
            ("unverified", Self { email_verified: false, ..page.clone() }),
            ("changed", Self { shell: changed, ..page.clone() }),
            ("kept", Self { shell: kept, ..page.clone() }),
            ("not-taken", Self { fields: not_taken(), ..page.clone() }),
            ("long-names", Self { shell: of(people::LONG), ..page.clone() }),
            (
                "hostile",
                Self { shell: hostile(PAGE), fields: fields(|_| names::HOSTILE), others, ..page },
            ),
        ]
    }
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
