//! The flags for the credential with which this server authenticates at a provider.

use std::path::PathBuf;

use clap::Args;

use crate::cli::output::{secret_from_file, secret_from_stdin};
use crate::cli::usage::usage;
use crate::domain::provider::{Credential, Preset};
use crate::domain::secret::Secret;
use crate::domain::verdict::OrRejected;

#[derive(Debug, Args)]
#[group(multiple = false)]
struct SecretArgs {
    /// Read the client secret from standard input; every preset but apple has one
    #[arg(long)]
    client_secret_stdin: bool,
    /// Read the client secret from a file
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct CredentialArgs {
    #[command(flatten)]
    secret: SecretArgs,
    /// apple: the team
    #[arg(long)]
    team_id: Option<String>,
    /// apple: the name of the key
    #[arg(long)]
    key_id: Option<String>,
    /// apple: the key, PKCS#8 in PEM
    #[arg(long, value_name = "FILE")]
    private_key_file: Option<PathBuf>,
}

impl CredentialArgs {
    /// Reads the given credential, if there is one. It checks which flags the preset takes before
    /// it reads a secret.
    pub(super) fn read(&self, preset: Option<Preset>) -> OrRejected<Option<Credential>> {
        let has_secret =
            self.secret.client_secret_stdin || self.secret.client_secret_file.is_some();
        let has_key =
            self.team_id.is_some() || self.key_id.is_some() || self.private_key_file.is_some();
        match preset {
            Some(Preset::Apple) if has_secret => {
                return usage(
                    "a client secret is not for apple: --team-id, --key-id, --private-key-file",
                );
            }
            Some(Preset::Apple) | None => {}
            Some(_) if has_key => {
                return usage("--team-id, --key-id and --private-key-file are for apple alone");
            }
            Some(_) => {}
        }
        match (&self.team_id, &self.key_id, &self.private_key_file) {
            (Some(team), Some(id), Some(file)) => {
                let private = secret_from_file(file)?;
                return Ok(Some(Credential::Key { team: team.clone(), id: id.clone(), private }));
            }
            (None, None, None) => {}
            _ => return usage("--team-id, --key-id and --private-key-file go together"),
        }
        let secret = match &self.secret.client_secret_file {
            Some(file) => Some(secret_from_file(file)?),
            None if self.secret.client_secret_stdin => Some(secret_from_stdin()?),
            None => None,
        };
        Ok(secret.map(|secret| Credential::Secret(Secret::text(secret.expose().trim()))))
    }
}
