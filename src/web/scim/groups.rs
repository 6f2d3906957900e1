//! `/Groups`.

use axum::http::StatusCode;
use serde_json::Value;

use super::answer::{Answer, Failed};
use super::query;
use super::service::{Call, Service};
use crate::admin::provisioned_groups as groups;
use crate::admin::provisioned_people::ListQuery;
use crate::domain::scim::patch;
use crate::domain::scim::people_group::{GroupChange, ProvisionedGroup};

impl Service<'_> {
    pub(super) async fn groups(
        &self,
        query: &ListQuery,
        with_members: bool,
    ) -> Result<(u64, Vec<Value>), Failed> {
        let found = groups::list(&self.reads, self.parts(), query, with_members).await?;
        Ok((found.total, found.some.iter().map(|one| one.shown(&self.base)).collect()))
    }

    fn group(&self, call: &Call, group: &ProvisionedGroup) -> Answer {
        let shown = query::projection(&call.query).of(group.shown(&self.base));
        let location = format!("{}/Groups/{}", self.base, group.group.id.as_str());
        if group.members.is_some() {
            return Answer::of(shown).version(&group.version(), location);
        }
        Answer { location: Some(location), ..Answer::of(shown) }
    }

    /// A group as it is now. Its members are read only if they are shown.
    async fn read(&self, call: &Call, id: &str) -> Result<ProvisionedGroup, Failed> {
        let with_members = query::projection(&call.query).shows("members");
        Ok(groups::find(&self.reads, self.parts(), id, with_members).await?)
    }

    pub(super) async fn create_group(&self, call: &Call) -> Result<Answer, Failed> {
        let new = GroupChange::whole(&call.body)?;
        let made = groups::create(&self.changes, self.parts(), &new).await?;
        Ok(self.group(call, &made).status(StatusCode::CREATED))
    }

    pub(super) async fn show_group(&self, call: &Call, id: &str) -> Result<Answer, Failed> {
        let found = self.read(call, id).await?;
        if found.members.is_some() && call.has(&found.version()) {
            let mut unchanged = self.group(call, &found).status(StatusCode::NOT_MODIFIED);
            unchanged.body = None;
            return Ok(unchanged);
        }
        Ok(self.group(call, &found))
    }

    pub(super) async fn replace_group(&self, call: &Call, id: &str) -> Result<Answer, Failed> {
        let (change, seen) = (GroupChange::whole(&call.body)?, call.seen()?);
        groups::change(&self.changes, self.parts(), id, seen.as_ref(), &change).await?;
        Ok(self.group(call, &self.read(call, id).await?))
    }

    /// RFC 7644 §3.5.2: without `attributes` there is nothing to show. A large group would be read
    /// whole for each new member.
    pub(super) async fn patch_group(&self, call: &Call, id: &str) -> Result<Answer, Failed> {
        let change = GroupChange::of(&patch::operations(&call.body)?)?;
        let seen = call.seen()?;
        groups::change(&self.changes, self.parts(), id, seen.as_ref(), &change).await?;
        if query::projection(&call.query).attributes.is_empty() {
            return Ok(Answer::nothing());
        }
        Ok(self.group(call, &self.read(call, id).await?))
    }

    pub(super) async fn delete_group(&self, call: &Call, id: &str) -> Result<Answer, Failed> {
        let seen = call.seen()?;
        groups::delete(&self.changes, self.parts(), id, seen.as_ref()).await?;
        Ok(Answer::nothing())
    }
}
