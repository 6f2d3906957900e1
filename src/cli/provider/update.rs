//! `mapae provider update`.

use clap::Args;

use super::attributes::Changed;
use super::credential::CredentialArgs;
use super::slug::slug;
use super::{list, unfit};
use crate::admin::authority::May;
use crate::admin::providers;
use crate::app;
use crate::app::config::Settings;
use crate::cli::installation::Installation;
use crate::domain::verdict::{Error, OrRejected};
use crate::keys::seal::Sealer;
use crate::store::Store;

#[derive(Debug, Args)]
pub(crate) struct Update {
    /// Its name here
    #[arg(long)]
    slug: String,
    #[command(flatten)]
    attributes: Changed,
    #[command(flatten)]
    credential: CredentialArgs,
}

impl Update {
    pub(super) async fn run(
        self,
        at: &Installation,
        settings: &Settings,
        store: &Store,
    ) -> OrRejected {
        let slug = slug(&self.slug)?;
        let change = self.attributes.attributes()?;
        let credential = self.credential.read(None)?;
        let sealer = Sealer::new(&app::existing_master_key(settings, store).await?)?;
        let rules = (&settings.social[..], settings.outbound.allow_private);
        let changed = providers::update(
            &May::operator(),
            store,
            &at.clock,
            &sealer,
            rules,
            (&slug, &change, credential),
        )
        .await;
        let changed = changed.map_err(|error| match error {
            Error::Refused(why) => unfit::by_flag(why),
            Error::Fault(fault) => Error::Fault(fault),
        })?;
        list::show(at, &settings.issuer, &changed);
        Ok(())
    }
}
