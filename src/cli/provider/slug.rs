//! The name of a provider on the command line.

use crate::domain::provider::Slug;
use crate::domain::verdict::{OrRejected, reject};

pub(super) fn slug(text: &str) -> OrRejected<Slug> {
    match Slug::parse(text) {
        Some(slug) => Ok(slug),
        None => {
            reject(format!("{text:?} is not a slug: 1 to 32 lower-case letters, digits, - and _"))
        }
    }
}
