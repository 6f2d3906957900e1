//! The settings of a server of the demo.

use std::path::Path;

use serde_json::json;

use super::tls::Secure;
use crate::app::config::{self, Settings};
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
    config::load(Some(&file), [], &[]).settings.map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        Error::Refused(Rejected(lines.join("\n")))
    })
}
