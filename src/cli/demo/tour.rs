//! What the demo prints, and a tour of curl lines that work when pasted.

use std::path::{Path, PathBuf};

use super::furnishing::{CLIENT, PASSWORD, PERSON};
use super::idp;

/// The values that the demo prints.
pub(super) struct Tour<'a> {
    pub(super) url: &'a str,
    pub(super) secret: &'a str,
    pub(super) app: &'a str,
    pub(super) idp: &'a str,
    pub(super) file: &'a Path,
    pub(super) ca_file: Option<&'a Path>,
}

/// The lines of the tour; README has the same ones. They must work in every shell, pasted or as a
/// script: no comments, since zsh runs them as commands, and no unquoted text that a shell may
/// expand.
const TOUR: &str = r#"
echo '# what every client and every resource server needs to know'
curl -s "$MAPAE/.well-known/openid-configuration"; echo
curl -s "$MAPAE/.well-known/jwks.json"; echo

echo '# a person signs in through the app and gets tokens'
TOKENS=$(curl -s -u "$APP" "$MAPAE/token" -d grant_type=password -d username=hong -d password=hong-gil-dong --data-urlencode 'scope=openid profile email offline_access api:read'); printf '%s\n' "$TOKENS"
ACCESS=$(printf '%s' "$TOKENS" | sed 's/.*"access_token":"\([^"]*\)".*/\1/'); REFRESH=$(printf '%s' "$TOKENS" | sed 's/.*"refresh_token":"\([^"]*\)".*/\1/')

echo '# who is it?'
curl -s "$MAPAE/userinfo" -H "Authorization: Bearer $ACCESS"; echo

echo '# a new access token; the refresh token changes with every use'
TOKENS=$(curl -s -u "$APP" "$MAPAE/token" -d grant_type=refresh_token -d "refresh_token=$REFRESH"); printf '%s\n' "$TOKENS"
ACCESS=$(printf '%s' "$TOKENS" | sed 's/.*"access_token":"\([^"]*\)".*/\1/'); REFRESH=$(printf '%s' "$TOKENS" | sed 's/.*"refresh_token":"\([^"]*\)".*/\1/')

echo '# the app for itself'
curl -s -u "$APP" "$MAPAE/token" -d grant_type=client_credentials -d scope=api:read; echo

echo '# a resource server verifies tokens alone; it may still ask'
curl -s -u "$APP" "$MAPAE/introspect" -d "token=$ACCESS"; echo

echo '# the end: no new tokens, and this server takes none of the old ones; who verifies alone takes an access token until it expires'
curl -s -u "$APP" "$MAPAE/revoke" -d "token=$REFRESH"
curl -s -u "$APP" "$MAPAE/introspect" -d "token=$ACCESS"; echo
"#;

impl Tour<'_> {
    /// The text that the demo prints.
    pub(super) fn words(&self, keep: bool) -> String {
        let Self { url, secret, app, idp, file, ca_file } = self;
        let left = if keep { "./mapae-demo stays" } else { "it leaves nothing behind" };
        let (idp_person, idp_password) = (idp::PERSON, idp::PASSWORD);
        let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("mapae"));
        let (program, file) = (quoted(&program), quoted(file));
        let (trust, curl, ca) = match ca_file {
            None => (String::new(), "curl -s", String::new()),
            Some(ca_file) => (
                format!(
                    "Its certificates are signed by an authority that was made for this run: {}\n\
                     Browsers warn of it until you import that file.\n",
                    ca_file.display()
                ),
                "curl -s --cacert \"$CA\"",
                format!("CA={}\n", quoted(ca_file)),
            ),
        };
        let tour = TOUR.replace("curl -s", curl);
        format!(
            "mapae is running at {url}    (Ctrl-C stops it; {left})\n{trust}\n\
             Open {app} in a browser: an app that knows nothing but the issuer.\n\
             Sign in as {PERSON} with {PASSWORD}. Your own page is {url}/account.\n\
             Or continue with Demo IdP, a provider at {idp}: {idp_person} with {idp_password}.\n\
             Mails go to nobody: they are shown at {app}/mails, and here.\n\n\
             The command line works beside it, from any folder, with its settings:\n\
             {program} --config {file} client list\n\n\
             Or paste these lines into another terminal.\n\n\
             MAPAE='{url}'\nAPP='{CLIENT}:{secret}'\n{ca}{tour}"
        )
    }
}

/// Quotes a path for a shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}
