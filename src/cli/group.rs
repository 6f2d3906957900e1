//! `mapae group`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::installation::{DatabaseUse, Installation};
use super::output::table;
use super::paged::Paged;
use crate::admin::authority::May;
use crate::admin::groups;
use crate::domain::group::Group;
use crate::domain::verdict::OrRejected;

/// Groups of people: apps get their names as the claim `groups`.
#[derive(Debug, Subcommand)]
pub(super) enum Verbs {
    /// Make a group; `user add-group` adds people
    Create(One),
    /// Every group, a page at a time
    List(Paged),
    /// Delete a group; nobody is in it any more
    Delete(One),
}

#[derive(Debug, Args)]
pub(super) struct One {
    /// The name, compared byte for byte
    #[arg(long)]
    name: String,
}

impl Verbs {
    pub(super) async fn run(self, at: &Installation) -> OrRejected {
        let settings = at.quiet_settings()?;
        let database_use = match &self {
            Self::Create(_) => DatabaseUse::Adds,
            Self::List(_) => DatabaseUse::Reads,
            Self::Delete(_) => DatabaseUse::Changes,
        };
        let opened = at.store(&settings, database_use).await?;
        let (store, clock) = (&*opened, &at.clock);
        match self {
            Self::Create(one) => {
                let group = groups::create(&May::operator(), store, clock, &one.name).await?;
                let name = group.name.as_str();
                let shown = json!({ "id": group.id.as_str(), "name": name });
                at.print(&shown, &format!("made the group {name}"));
            }
            Self::List(list) => {
                let page = groups::list(&May::operator(), store, list.after.as_deref(), list.limit)
                    .await?;
                let shown = |group: &Group| {
                    json!({
                        "id": group.id.as_str(),
                        "name": group.name.as_str(),
                        "created_at": group.created_at,
                    })
                };
                let every: Vec<Value> = page.groups.iter().map(shown).collect();
                let rows: Vec<_> =
                    page.groups.iter().map(|group| vec![group.name.to_string()]).collect();
                at.print(&json!({ "groups": every, "next": page.next }), &table(&["NAME"], &rows));
                at.more(page.next.map(|next| format!("{next:?}")));
            }
            Self::Delete(one) => {
                groups::delete(&May::operator(), store, clock, &one.name).await?;
                at.done(&format!("deleted the group {}", one.name));
            }
        }
        Ok(())
    }
}
