//! People of the samples.

use super::names::{HOSTILE as HOSTILE_TEXT, LONG as LONG_TEXT};
use crate::pages::person::{Account, Person};

pub(crate) const HANA: Person<'static> =
    Person { name: Some("Hana Seo"), username: "hana", email: Some("hana@example.com") };
pub(crate) const KIM: Person<'static> =
    Person { name: Some("김서연"), username: "seoyeon.kim", email: None };
pub(crate) const NAMELESS: Person<'static> =
    Person { name: None, username: "wanderer", email: None };
pub(crate) const LONG: Person<'static> = Person {
    name: Some("Bartholomew Hippopotomonstrosesquippedaliophobia von und zu Hohenberg"),
    username: LONG_TEXT,
    email: Some(LONG_TEXT),
};
pub(crate) const HOSTILE: Person<'static> =
    Person { name: Some(HOSTILE_TEXT), username: HOSTILE_TEXT, email: Some("\"<b>@example.com") };

/// The accounts of a shared browser.
pub(crate) fn accounts() -> Vec<Account<'static>> {
    let people = [HANA, KIM, NAMELESS, LONG];
    let sessions = ["s1", "s2", "s3", "s4"];
    people.into_iter().zip(sessions).map(|(person, session)| Account { person, session }).collect()
}
