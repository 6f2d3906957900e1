//! Checks a registration, as far as that is possible without asking the provider.

use std::fmt;

use url::Url;

use super::profiles::{self, ProviderProfile, RequiredCredential};
use super::{apple, microsoft};
use crate::domain::provider::{Audience, Credential, Preset, ProviderMetadata, Registration};
use crate::outbound;

/// The problems of a registration, each with its key in the settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<(&'static str, String)>);

impl Problems {
    /// Adds a problem of this key.
    pub fn add(&mut self, key: &'static str, problem: impl Into<String>) {
        self.0.push((key, problem.into()));
    }

    /// Whether there is no problem.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl IntoIterator for Problems {
    type Item = (&'static str, String);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> =
            self.0.iter().map(|(key, problem)| format!("{key} {problem}")).collect();
        f.write_str(&lines.join("; "))
    }
}

/// Finds every problem of a new or changed registration.
pub fn check(registration: &Registration, allow_private: bool) -> Result<(), Problems> {
    let mut problems = grave(registration, allow_private);
    careless(registration, &mut problems);
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Finds the problems with which a provider cannot work at all.
pub(super) fn check_grave(
    registration: &Registration,
    allow_private: bool,
) -> Result<(), Problems> {
    let problems = grave(registration, allow_private);
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn grave(registration: &Registration, allow_private: bool) -> Problems {
    let (metadata, row) = (&registration.metadata, profiles::of(registration.metadata.preset));
    let mut problems = Problems::default();
    if let Err(problem) = check_issuer(metadata.issuer.as_deref(), row, allow_private) {
        problems.add("issuer", problem);
    }
    if metadata.client_id.trim().is_empty() {
        problems.add("client_id", "is missing");
    }
    if let Err((key, problem)) = check_credential(&registration.credential, row.credential) {
        problems.add(key, problem);
    }
    if metadata.preset == Preset::Apple
        && let Some(client) = apple::has_two_bundles(metadata)
    {
        let problem = format!(
            "names two bundle ids for the client {:?}: Apple's native codes belong to one, so give \
             each a client of its own",
            client.as_str()
        );
        problems.add("audience", problem);
    }
    if let Err(problem) = check_tenant(metadata) {
        problems.add("tenant", problem);
    }
    problems
}

/// Adds problems that are probably mistakes. A provider that was registered with them earlier
/// continues to work.
fn careless(registration: &Registration, problems: &mut Problems) {
    let (metadata, row) = (&registration.metadata, profiles::of(registration.metadata.preset));
    if metadata.client_id.trim() != metadata.client_id && !metadata.client_id.trim().is_empty() {
        problems.add("client_id", "has spaces around it");
    }
    if let Credential::Secret(secret) = &registration.credential
        && secret.expose().trim().is_empty()
        && row.credential != RequiredCredential::Key
    {
        problems.add("client_secret", "is empty");
    }
    if metadata.name.as_deref().is_some_and(|name| !is_name(name)) {
        problems.add("name", "must be 1 to 60 characters on one line");
    }
    if !metadata.allowed_domains.is_empty() && !row.vouches_for_addresses() {
        let never =
            "lets nobody in: this server never relies on the e-mail addresses of this provider";
        problems.add("allowed_domains", never);
    }
    // OpenID Connect Core §3.1.2.1: the scope `openid` is required.
    if metadata.scopes.as_deref().is_some_and(|scopes| row.is_openid() && !has_openid(scopes, row))
    {
        problems.add("scopes", "must name openid: without it there is no id_token");
    }
    // An audience without clients may be next to this server's client ids in an id token. It is not
    // accepted alone.
    let is_idle = |one: &Audience| one.clients.is_empty() && !row.is_openid();
    if metadata.audiences.iter().any(|one| one.id.trim().is_empty() || is_idle(one)) {
        problems.add("audience", "needs an id, and clients that it is for");
    }
    if metadata.group_claim.is_some() && !metadata.preset.may_list_groups() {
        problems.add("group_claim", "is for oidc, microsoft and gitlab");
    }
    if metadata.group_claim.as_deref().is_some_and(|claim| !is_name(claim)) {
        problems.add("group_claim", "is the name of a claim");
    }
    if metadata.group_claim.is_none() && !metadata.group_map.is_empty() {
        problems.add("group_map", "needs group_claim: the claim that lists their groups");
    }
    if metadata.group_map.len() > MOST_GROUPS {
        problems.add("group_map", "has at most 200 items");
    }
    // The issuer of an OpenID provider is compared byte for byte; for the others, paths are
    // appended to it.
    let ends_in_slash = metadata.issuer.as_deref().is_some_and(|issuer| issuer.ends_with('/'));
    if ends_in_slash && metadata.preset != Preset::Oidc {
        problems.add("issuer", "must not end in a slash");
    }
}

/// The most groups of a provider that are mapped.
const MOST_GROUPS: usize = 200;

/// The longest name that fits on a button.
const LONGEST_NAME: usize = 60;

fn is_name(name: &str) -> bool {
    let fits = name.chars().count() <= LONGEST_NAME && !name.chars().any(char::is_control);
    fits && !name.trim().is_empty()
}

fn has_openid(scopes: &str, row: &ProviderProfile) -> bool {
    scopes.trim() == row.scopes || scopes.split_ascii_whitespace().any(|scope| scope == "openid")
}

/// The problem of a credential, with its key.
type Bad = (&'static str, &'static str);

fn check_credential(credential: &Credential, needs: RequiredCredential) -> Result<(), Bad> {
    match (needs, credential) {
        (RequiredCredential::Key, Credential::Key { private, .. }) if apple::is_key(private) => {
            Ok(())
        }
        (RequiredCredential::Key, Credential::Key { .. }) => {
            Err(("private_key_file", "holds no P-256 key in PKCS#8 PEM, as Apple hands it out"))
        }
        (RequiredCredential::Key, _) => {
            Err(("team_id", "is missing: Apple needs team_id, key_id and private_key_file"))
        }
        (_, Credential::Key { .. }) => Err(("team_id", "is for the preset apple alone")),
        (RequiredCredential::Secret, Credential::None) => {
            Err(("client_secret", "is missing: this provider needs one"))
        }
        (_, Credential::Secret(_)) | (RequiredCredential::Nothing, Credential::None) => Ok(()),
    }
}

fn check_tenant(metadata: &ProviderMetadata) -> Result<(), &'static str> {
    match &metadata.tenant {
        Some(_) if metadata.preset != Preset::Microsoft => Err("is for the preset microsoft alone"),
        Some(tenant) if !microsoft::is_tenant(tenant) => {
            Err("is not one of common, organizations, consumers, a tenant id")
        }
        _ => Ok(()),
    }
}

fn check_issuer(
    issuer: Option<&str>,
    row: &ProviderProfile,
    allow_private: bool,
) -> Result<(), &'static str> {
    let Some(issuer) = issuer else {
        let is_known = !row.issuer.is_empty();
        return is_known.then_some(()).ok_or("is missing: the preset oidc needs it");
    };
    let url = Url::parse(issuer).map_err(|_| "is not a URL")?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must have no query and no fragment");
    }
    match url.scheme() {
        "https" | "http" if outbound::may_call(issuer, allow_private) => Ok(()),
        "http" => Err("must be https (plain http is for loopback, with outbound.allow_private)"),
        "https" if outbound::may_call(issuer, true) => {
            Err("is a private address: outbound.allow_private opens the own network")
        }
        _ => Err("is at an address that this server never calls"),
    }
}
