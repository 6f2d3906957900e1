//! `mapae provider`.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use self::slug::slug;
use super::installation::{Installation, Kind};
use super::outcome::Outcome;
use crate::admin::providers;
use crate::app::config::Settings;
use crate::domain::provider::Slug;
use crate::domain::verdict::reject;

mod add;
mod check;
mod list;
mod slug;

/// Providers of social login.
#[derive(Debug, Subcommand)]
pub(super) enum Verbs {
    /// Add a provider to the database
    #[command(after_help = add::EXAMPLES)]
    Add(Box<add::Add>),
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
    fn kind(&self) -> Kind {
        match self {
            Self::Add(_) => Kind::Adds,
            Self::List | Self::Show(_) | Self::Check(_) => Kind::Reads,
            Self::Disable(_) | Self::Enable(_) | Self::Delete(_) => Kind::Changes,
        }
    }

    pub(super) async fn run(self, at: &Installation) -> Outcome<ExitCode> {
        let settings = at.quiet_settings()?;
        if let Self::Check(check) = self {
            return check.run(at, &settings).await;
        }
        let store = at.store(&settings, self.kind()).await?;
        match self {
            Self::Add(add) => add.run(at, &settings, &store).await?,
            Self::List => list::list(at, &settings, &store).await?,
            Self::Show(one) => list::show(at, &settings, &store, &one.slug()?).await?,
            Self::Disable(one) => {
                let slug = one.of_database(&settings)?;
                providers::set_enabled(&store, &at.clock, &slug, false).await?;
                at.done(&format!("disabled {slug}; nobody can sign in with it"));
            }
            Self::Enable(one) => {
                let slug = one.of_database(&settings)?;
                providers::set_enabled(&store, &at.clock, &slug, true).await?;
                at.done(&format!("enabled {slug}"));
            }
            Self::Delete(one) => {
                // One that stands in the file too can be deleted here: that is the way out of it.
                let slug = one.slug()?;
                providers::delete(&store, &at.clock, &slug).await?;
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
    fn slug(&self) -> Outcome<Slug> {
        slug(self.slug.as_ref().or(self.named.as_ref()).map(String::as_str).unwrap_or_default())
    }

    /// What the settings file says is changed there.
    fn of_database(&self, settings: &Settings) -> Outcome<Slug> {
        let slug = self.slug()?;
        if settings.social.iter().any(|one| one.slug == slug) {
            return reject(format!(
                "{slug} stands in the settings file: write disabled = true there and restart"
            ));
        }
        Ok(slug)
    }
}
