//! `mapae provider add`.

use clap::Args;
use serde_json::json;

use super::attributes::New;
use super::credential::CredentialArgs;
use super::slug::slug;
use super::unfit::by_flag;
use crate::admin::authority::May;
use crate::admin::providers::{self, Addition, Unfit};
use crate::app;
use crate::app::config::Settings;
use crate::cli::installation::Installation;
use crate::cli::output::note;
use crate::domain::provider::{Credential, ProviderMetadata, Registration};
use crate::domain::verdict::OrRejected;
use crate::keys::seal::Sealer;
use crate::social::registry::redirect_uri;
use crate::store::Store;

/// The examples below the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  printf %s \"$SECRET\" | mapae provider add --slug kakao --preset kakao --client-id REST_API_KEY \\
      --client-secret-stdin --audience NATIVE_APP_KEY=my-app
  mapae provider add --slug apple --preset apple --client-id SERVICES_ID --team-id TEAM \\
      --key-id KEY --private-key-file AuthKey_KEY.p8";

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// Its name here: in the redirect URI, in `amr`
    #[arg(long)]
    slug: String,
    #[command(flatten)]
    attributes: New,
    #[command(flatten)]
    credential: CredentialArgs,
}

impl Add {
    pub(super) async fn run(
        self,
        at: &Installation,
        settings: &Settings,
        store: &Store,
    ) -> OrRejected {
        let registration = self.registration()?;
        let slug = registration.slug.clone();
        let allow_private = settings.outbound.allow_private;
        let addition = Addition::new(registration, &settings.social, allow_private);
        let addition = addition.map_err(by_flag)?;
        if addition.ends_passwords() {
            note("--only without --allowed-client: no client takes a password from now on");
        }
        let sealer = Sealer::new(&app::master_key(settings, store).await?)?;
        providers::add(&May::operator(), store, &at.clock, &sealer, addition).await?;
        let uri = redirect_uri(&settings.issuer, &slug);
        let shown = json!({ "slug": slug, "redirect_uri": uri });
        at.print(&shown, &format!("added {slug}; register this redirect URI there:\n{uri}"));
        Ok(())
    }

    fn registration(self) -> OrRejected<Registration> {
        let metadata = ProviderMetadata::from_json(self.attributes.attributes()?.0);
        let metadata = metadata.map_err(|problems| by_flag(Unfit::Attributes(problems)))?;
        let credential = self.credential.read(Some(metadata.preset))?.unwrap_or(Credential::None);
        Ok(Registration { slug: slug(&self.slug)?, metadata, credential, disabled: false })
    }
}
