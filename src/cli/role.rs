//! `mapae role`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::installation::{DatabaseUse, Installation};
use super::output::table;
use super::paged::Paged;
use crate::admin::authority::May;
use crate::admin::client_roles::{self, RoleTarget};
use crate::domain::client_role::ClientRole;
use crate::domain::verdict::OrRejected;

/// Roles at a client: its tokens, and those for the API that it is, name them as the claim `roles`.
#[derive(Debug, Subcommand)]
pub(super) enum Verbs {
    /// Make a role; `user grant-role --role CLIENT:ROLE` gives it to people
    Create(One),
    /// The roles of a client, a page at a time
    List(List),
    /// Delete a role; nobody has it any more
    Delete(One),
}

#[derive(Debug, Args)]
pub(super) struct One {
    /// The `client_id`
    #[arg(long)]
    client: String,
    /// The name, compared byte for byte; without a colon
    #[arg(long)]
    name: String,
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// The `client_id`
    #[arg(long)]
    client: String,
    #[command(flatten)]
    page: Paged,
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
                let role =
                    client_roles::create(&May::operator(), store, clock, &one.client, &one.name)
                        .await?;
                let shown = json!({
                    "id": role.id.as_str(),
                    "client": role.client,
                    "name": role.name.as_str(),
                    "role": format!("{}:{}", role.client, role.name),
                });
                at.print(&shown, &format!("made the role {}:{}", role.client, role.name));
            }
            Self::List(list) => {
                let (may, Paged { limit, after }) = (May::operator(), &list.page);
                let page = client_roles::list(&may, store, &list.client, after.as_deref(), *limit);
                let page = page.await?;
                let shown = |role: &ClientRole| {
                    json!({
                        "id": role.id.as_str(),
                        "name": role.name.as_str(),
                        "created_at": role.created_at,
                    })
                };
                let every: Vec<Value> = page.roles.iter().map(shown).collect();
                let rows: Vec<_> =
                    page.roles.iter().map(|role| vec![role.name.to_string()]).collect();
                at.print(&json!({ "roles": every, "next": page.next }), &table(&["NAME"], &rows));
                at.more(page.next.map(|next| format!("{next:?}")));
            }
            Self::Delete(one) => {
                let target = RoleTarget::of(&one.client, &one.name);
                client_roles::delete(&May::operator(), store, clock, target).await?;
                at.done(&format!("deleted the role {}:{}", one.client, one.name));
            }
        }
        Ok(())
    }
}
