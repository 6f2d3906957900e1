//! `/Users`.

use axum::http::StatusCode;
use serde_json::Value;

use super::answer::{Answer, Failed};
use super::query;
use super::service::{Call, Service};
use crate::admin::provisioned_people::{self as people, ListQuery};
use crate::domain::scim::patch;
use crate::domain::scim::person::{Provisioned, WantedPerson};
use crate::domain::scim::schema::ResourceType;

impl Service<'_> {
    pub(super) async fn people(&self, query: &ListQuery) -> Result<(u64, Vec<Value>), Failed> {
        let found = people::list(&self.reads, self.parts(), query).await?;
        Ok((found.total, found.some.iter().map(|one| one.shown(&self.base)).collect()))
    }

    fn person(&self, call: &Call, person: &Provisioned) -> Answer {
        let shown = query::projection(&call.query).of(person.shown(&self.base));
        let location = format!("{}/Users/{}", self.base, person.user.id.as_str());
        Answer::of(shown).version(&person.version(), location)
    }

    pub(super) async fn create_person(&self, call: &Call) -> Result<Answer, Failed> {
        let wanted = WantedPerson::read(&patch::resource(ResourceType::User, &call.body)?)?;
        let made = people::create(&self.changes, self.parts(), wanted).await?;
        Ok(self.person(call, &made).status(StatusCode::CREATED))
    }

    pub(super) async fn show_person(&self, call: &Call, id: &str) -> Result<Answer, Failed> {
        let found = people::find(&self.reads, self.parts(), id).await?;
        if call.has(&found.version()) {
            let mut unchanged = self.person(call, &found).status(StatusCode::NOT_MODIFIED);
            unchanged.body = None;
            return Ok(unchanged);
        }
        Ok(self.person(call, &found))
    }

    pub(super) async fn replace_person(&self, call: &Call, id: &str) -> Result<Answer, Failed> {
        let wanted = WantedPerson::read(&patch::resource(ResourceType::User, &call.body)?)?;
        let (seen, parts) = (call.seen()?, self.parts());
        let decide = |_: &Provisioned| Ok(wanted.clone());
        let changed = people::change(&self.changes, parts, id, seen.as_ref(), decide).await?;
        Ok(self.person(call, &changed))
    }

    pub(super) async fn patch_person(&self, call: &Call, id: &str) -> Result<Answer, Failed> {
        let operations = patch::operations(&call.body)?;
        let (seen, parts) = (call.seen()?, self.parts());
        let decide = |before: &Provisioned| {
            let mut resource = before.attributes();
            patch::apply(ResourceType::User, &mut resource, &operations)?;
            WantedPerson::read(&resource)
        };
        let changed = people::change(&self.changes, parts, id, seen.as_ref(), decide).await?;
        Ok(self.person(call, &changed))
    }

    pub(super) async fn delete_person(&self, call: &Call, id: &str) -> Result<Answer, Failed> {
        let seen = call.seen()?;
        people::delete(&self.changes, self.parts(), id, seen.as_ref()).await?;
        Ok(Answer::nothing())
    }
}
