//! The settings of a server of the demo.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use serde_json::json;

use super::tls::Secure;
use crate::admin::draft::Draft;
use crate::app::config::{self, Settings};
use crate::domain::provider::{Credential, Registration};
use crate::domain::verdict::{Error, OrRejected, Rejected, reject};

/// The name of the settings file in the folder of a server.
pub(super) const FILE: &str = "mapae.toml";

/// Writes the settings of a demo server to a file, so that the command line can use it too. The
/// environment of a real installation must not change them.
pub(super) fn write(
    issuer: &str,
    listen: &str,
    folder: &Path,
    secure: Option<&Secure>,
    more: &[(&'static str, String)],
) -> OrRejected<Settings> {
    let path = |path: &Path| path.display().to_string();
    let mut given = vec![
        ("issuer", issuer.to_owned()),
        ("listen", listen.to_owned()),
        ("admin_listen", "off".to_owned()),
        // The demo has no load balancer that must notice a stop.
        ("shutdown.delay", "0s".to_owned()),
        ("database_url", format!("sqlite://{}", folder.join("mapae.db").display())),
        ("keys_dir", path(&folder.join("keys"))),
        // The provider of social login runs on this machine.
        ("outbound.allow_private", true.to_string()),
        ("signup.mode", "open".to_owned()),
    ];
    if let Some(Secure { ca_file, files }) = secure {
        given.extend([
            ("outbound.ca_file", path(ca_file)),
            ("tls.cert_file", path(&files.certificate)),
            ("tls.key_file", path(&files.key)),
        ]);
    }
    given.extend(more.iter().cloned());
    // A JSON string is also a valid TOML string.
    let lines = given.iter().map(|(key, value)| format!("{key} = {}\n", json!(value)));
    let file = folder.join(FILE);
    let written = std::fs::write(&file, lines.collect::<String>());
    written.or_else(|error| reject(format!("{}: {error}", file.display())))?;
    load(&file)
}

/// Adds a provider to the settings file in this folder and reads it again: the command line knows the
/// same providers as the server.
pub(super) fn add_provider(folder: &Path, provider: &Registration) -> OrRejected<Settings> {
    let Registration { slug, metadata, credential, .. } = provider;
    let Credential::Secret(secret) = credential else {
        return reject(format!("{slug} has no secret"));
    };
    let secret_file = folder.join("provider.secret");
    let kept = Draft::begin(&secret_file).and_then(|(draft, mut to)| {
        to.write_all(secret.expose().as_bytes())?;
        to.sync_all()?;
        draft.keep()
    });
    kept.or_else(|error| reject(format!("{}: {error}", secret_file.display())))?;
    let given = [
        ("slug", json!(slug)),
        ("preset", json!(metadata.preset)),
        ("name", json!(metadata.name)),
        ("issuer", json!(metadata.issuer)),
        ("client_id", json!(metadata.client_id)),
        ("client_secret_file", json!(secret_file.display().to_string())),
    ];
    let given = given.iter().filter(|(_, value)| !value.is_null());
    let lines: Vec<String> = given.map(|(key, value)| format!("{key} = {value}\n")).collect();
    let file = folder.join(FILE);
    let written = OpenOptions::new()
        .append(true)
        .open(&file)
        .and_then(|mut to| to.write_all(format!("\n[[social]]\n{}", lines.concat()).as_bytes()));
    written.or_else(|error| reject(format!("{}: {error}", file.display())))?;
    load(&file)
}

fn load(file: &Path) -> OrRejected<Settings> {
    config::load(Some(file), [], &[]).settings.map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        Error::Refused(Rejected(lines.join("\n")))
    })
}
