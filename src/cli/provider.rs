//! `mapae provider`.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use self::slug::slug;
use super::installation::{DatabaseUse, Installation};
use crate::admin::authority::May;
use crate::admin::providers;
use crate::app::config::Settings;
use crate::domain::provider::Slug;
use crate::domain::verdict::OrRejected;
use crate::store::Store;

mod add;
mod attributes;
mod check;
mod credential;
mod list;
mod slug;
mod unfit;
mod update;

/// Providers of social login.
#[derive(Debug, Subcommand)]
pub(super) enum Verbs {
    /// Add a provider to the database
    #[command(after_help = add::EXAMPLES)]
    Add(Box<add::Add>),
    /// Change a provider of the database: what is given replaces what was registered, and an empty one
    /// takes it back
    Update(Box<update::Update>),
    /// Every provider, of the settings file and of the database
    List,
    /// One of them
    Show(One),
    /// The redirect URI to paste there, and what is wrong with the registration
    Check(check::Check),
    /// Turn a provider of the database off
    Disable(One),
    /// Turn it on again
    Enable(One),
    /// Delete a provider of the database; people who signed in with it keep their accounts
    Delete(One),
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct One {
    /// Its name here
    slug: Option<String>,
    /// The same
    #[arg(long = "slug", value_name = "SLUG")]
    named: Option<String>,
}

impl Verbs {
    fn database_use(&self) -> DatabaseUse {
        match self {
            Self::Add(_) => DatabaseUse::Adds,
            Self::List | Self::Show(_) | Self::Check(_) => DatabaseUse::Reads,
            Self::Update(_) | Self::Disable(_) | Self::Enable(_) | Self::Delete(_) => {
                DatabaseUse::Changes
            }
        }
    }

    pub(super) async fn run(self, at: &Installation) -> OrRejected<ExitCode> {
        let settings = at.quiet_settings()?;
        if let Self::Check(check) = self {
            return check.run(at, &settings).await;
        }
        let store = at.store(&settings, self.database_use()).await?;
        match self {
            Self::Add(add) => add.run(at, &settings, &store).await?,
            Self::Update(update) => update.run(at, &settings, &store).await?,
            Self::List => {
                let every = providers::list(&May::operator(), &store, &settings.social).await?;
                list::list(at, &settings.issuer, &every);
            }
            Self::Show(one) => {
                let found =
                    providers::find(&May::operator(), &store, &settings.social, &one.slug()?)
                        .await?;
                list::show(at, &settings.issuer, &found);
            }
            Self::Disable(one) => one.set_enabled(at, &settings, &store, false).await?,
            Self::Enable(one) => one.set_enabled(at, &settings, &store, true).await?,
            Self::Delete(one) => {
                let slug = one.slug()?;
                providers::delete(&May::operator(), &store, &at.clock, &slug).await?;
                at.done(&format!(
                    "deleted {slug}; people who signed in with it keep their accounts"
                ));
            }
            Self::Check(_) => {}
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl One {
    async fn set_enabled(
        &self,
        at: &Installation,
        settings: &Settings,
        store: &Store,
        enabled: bool,
    ) -> OrRejected {
        let (may, slug) = (May::operator(), self.slug()?);
        providers::set_enabled(&may, store, &at.clock, &settings.social, &slug, enabled).await?;
        at.done(&if enabled {
            format!("enabled {slug}")
        } else {
            format!("disabled {slug}; nobody can sign in with it")
        });
        Ok(())
    }

    fn slug(&self) -> OrRejected<Slug> {
        slug(self.slug.as_ref().or(self.named.as_ref()).map(String::as_str).unwrap_or_default())
    }
}
