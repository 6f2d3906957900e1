//! `[[social]]` in the settings file: the providers of social login.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::domain::client::ClientId;
use crate::domain::nearest::nearest;
use crate::domain::provider::{
    Audience, Credential, Domain, NoDomain, Preset, ProviderMetadata, Registration, Slug,
};
use crate::domain::secret::Secret;
use crate::keys::secret_file;
use crate::settings::Collector;
use crate::settings::table::{Field, KeyType, table};
use crate::social::{self, Problems};

table! {
    /// One table as it is written.
    struct Raw {
        /// Its name in URLs, forms and `amr`: 1 to 32 of `a-z`, `0-9`, `-`, `_`. The button is
        /// `login-with-<slug>`.
        slug: String,
        /// The kind of provider.
        preset: String,
        /// What people read on the button, instead of the preset's name: up to 60 characters.
        name: Option<String>,
        /// Needed for `oidc`; for `github` and `gitlab` a server of your own; for the others only to
        /// point at a stand-in in tests.
        issuer: Option<String>,
        /// What the provider calls this server.
        client_id: String,
        /// The secret that the provider gave.
        client_secret: Option<String>,
        /// The file that holds the secret, instead of the secret itself.
        client_secret_file: Option<PathBuf>,
        /// Apple: the team that the key belongs to.
        team_id: Option<String>,
        /// Apple: the name of the key.
        key_id: Option<String>,
        /// Apple: the file that holds the private key, instead of a secret.
        private_key_file: Option<PathBuf>,
        /// Microsoft: `common`, `organizations`, `consumers` or a tenant id.
        tenant: Option<String>,
        /// What is asked for there, instead of the preset's scopes, separated by spaces. At an OpenID
        /// provider `openid` is one of them.
        scopes: Option<String>,
        /// Further client ids there whose tokens are accepted at `/token`.
        #[serde(default)]
        audience: Vec<RawAudience>,
        /// The clients that may use it; all, if none is named. Whoever came by it is signed in at these
        /// and at no other.
        #[serde(default)]
        allowed_clients: Vec<String>,
        /// Only people with a verified address in one of these domains come in; subdomains are other
        /// domains.
        #[serde(default)]
        allowed_domains: Vec<String>,
        /// Whether it is the only way in for the clients that it serves.
        #[serde(default)]
        only: bool,
        /// Whether name, picture and so on follow the provider at every sign-in. Otherwise it fills
        /// what is empty.
        #[serde(default)]
        follow_profile: bool,
        /// Whether nobody can use it for now. What people opened by it stands still until then.
        #[serde(default)]
        disabled: bool,
    }
}

table! {
    struct RawAudience {
        /// A further client id there; for Kakao's access tokens the numeric app id.
        id: String,
        /// The clients here that may present its tokens. Without any it may only stand beside
        /// `client_id` in a token.
        #[serde(default)]
        clients: Vec<String>,
    }
}

impl Field for Vec<RawAudience> {
    fn form() -> KeyType {
        KeyType::Tables(RawAudience::keys())
    }
}

/// The name of the tables in the file.
pub(super) const NAME: &str = "social";

/// Declares the tables and reads each; what is wrong becomes a problem.
pub(super) fn read(from: &mut Collector) -> Vec<Registration> {
    from.begin("Social login");
    let mut keys = Raw::keys();
    if let Some(preset) = keys.iter_mut().find(|key| key.name == "preset") {
        preset.form = KeyType::OneOf(Preset::ALL.map(Preset::as_str).to_vec());
    }
    let words = "Each `[[social]]` is a provider of social login: see [social/README.md](social/README.md). It has no name in the environment.";
    let Some(value) = from.take_table(NAME, words, keys) else { return Vec::new() };
    let toml::Value::Array(tables) = value else {
        from.problem(NAME, "is a list of tables: [[social]]");
        return Vec::new();
    };
    let mut read: Vec<Registration> = Vec::new();
    let mut slugs = BTreeSet::new();
    for (at, table) in tables.iter().enumerate() {
        let raw: Raw = match table.clone().try_into() {
            Ok(raw) => raw,
            Err(error) => {
                from.problem(&format!("{NAME}[{at}]"), error.message());
                continue;
            }
        };
        let name = if raw.slug.is_empty() { at.to_string() } else { raw.slug.clone() };
        let registration = match registration(raw) {
            Ok(registration) => registration,
            Err(problems) => {
                for (key, problem) in problems {
                    from.problem(&keyed(&name, key), problem);
                }
                continue;
            }
        };
        if !slugs.insert(registration.slug.clone()) {
            from.problem(&keyed(&name, "slug"), "is taken by another [[social]]");
        }
        for (key, value) in shown(&registration) {
            from.show_of_table(key, value);
        }
        read.push(registration);
    }
    read
}

/// Compares them with whether private addresses may be called.
pub(super) fn check(registrations: &[Registration], allow_private: bool, from: &mut Collector) {
    for one in registrations {
        for (key, problem) in social::check(one, allow_private).err().into_iter().flatten() {
            from.problem(&keyed(one.slug.as_str(), key), problem);
        }
    }
}

/// What is in force of a provider, by its keys: all but the secret.
fn shown(one: &Registration) -> Vec<(String, String)> {
    let Registration { slug, metadata, credential, disabled } = one;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let names =
        |clients: &[ClientId]| clients.iter().map(ClientId::as_str).collect::<Vec<_>>().join(",");
    let domains: Vec<_> = metadata.allowed_domains.iter().map(Domain::as_str).collect();
    let audiences =
        metadata.audiences.iter().map(|one| format!("{}={}", one.id, names(&one.clients)));
    let (secret, team, key) = match credential {
        Credential::None => ("", "", ""),
        Credential::Secret(_) => ("(secret)", "", ""),
        Credential::Key { team, id, .. } => ("", team.as_str(), id.as_str()),
    };
    let private = if key.is_empty() { "" } else { "(secret)" };
    let pairs = [
        ("preset", metadata.preset.to_string()),
        ("name", text(&metadata.name)),
        ("issuer", text(&metadata.issuer)),
        ("client_id", metadata.client_id.clone()),
        ("client_secret", secret.to_owned()),
        ("team_id", team.to_owned()),
        ("key_id", key.to_owned()),
        ("private_key_file", private.to_owned()),
        ("tenant", text(&metadata.tenant)),
        ("scopes", text(&metadata.scopes)),
        ("audience", audiences.collect::<Vec<_>>().join(" ")),
        ("allowed_clients", names(&metadata.allowed_clients)),
        ("allowed_domains", domains.join(",")),
        ("only", metadata.only.to_string()),
        ("follow_profile", metadata.follow_profile.to_string()),
        ("disabled", disabled.to_string()),
    ];
    // What says nothing was not given.
    let given = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    given.map(|(key, value)| (keyed(slug.as_str(), key), value)).collect()
}

fn keyed(name: &str, key: &str) -> String {
    format!("social.{name}.{key}")
}

fn registration(raw: Raw) -> Result<Registration, Problems> {
    let mut problems = Problems::default();
    let slug = Slug::parse(&raw.slug);
    if slug.is_none() {
        let shape = "must be 1 to 32 lower-case letters, digits, - and _";
        problems.add("slug", shape);
    }
    let credential = credential(&raw).unwrap_or_else(|(key, problem)| {
        problems.add(key, problem);
        Credential::None
    });
    let preset = Preset::parse(&raw.preset);
    if preset.is_none() {
        let known = Preset::ALL.map(Preset::as_str);
        let meant = nearest(&raw.preset, known).map(|meant| format!(": did you mean {meant}?"));
        let problem = format!("is not one of {}{}", known.join(", "), meant.unwrap_or_default());
        problems.add("preset", problem);
    }
    let domains = raw.allowed_domains.iter().map(|name| Domain::parse(name));
    let allowed_domains = domains.collect::<Result<_, NoDomain>>().unwrap_or_else(|problem| {
        problems.add("allowed_domains", problem.to_string());
        Vec::new()
    });
    let mut ids = |key, names: &[String]| {
        let parsed: Option<Vec<_>> = names.iter().map(|name| ClientId::parse(name)).collect();
        parsed.unwrap_or_else(|| {
            problems.add(key, "holds something that is not a client id".to_owned());
            Vec::new()
        })
    };
    let allowed_clients = ids("allowed_clients", &raw.allowed_clients);
    let audiences = raw.audience.into_iter().map(|audience| Audience {
        clients: ids("audience.clients", &audience.clients),
        id: audience.id,
    });
    let audiences = audiences.collect();
    let (Some(slug), Some(preset), true) = (slug, preset, problems.is_empty()) else {
        return Err(problems);
    };
    let metadata = ProviderMetadata {
        preset,
        name: raw.name,
        issuer: raw.issuer,
        client_id: raw.client_id,
        tenant: raw.tenant,
        scopes: raw.scopes,
        audiences,
        allowed_clients,
        allowed_domains,
        only: raw.only,
        follow_profile: raw.follow_profile,
    };
    Ok(Registration { slug, metadata, credential, disabled: raw.disabled })
}

/// A key of the table that is for presets of another kind.
fn stray(raw: &Raw) -> Option<(&'static str, String)> {
    let is_apple = raw.preset == Preset::Apple.as_str();
    let why = if is_apple {
        "is not for apple: it has team_id, key_id and private_key_file"
    } else {
        "is for the preset apple alone"
    };
    let given = [
        ("client_secret", is_apple && raw.client_secret.is_some()),
        ("client_secret_file", is_apple && raw.client_secret_file.is_some()),
        ("team_id", !is_apple && raw.team_id.is_some()),
        ("key_id", !is_apple && raw.key_id.is_some()),
        ("private_key_file", !is_apple && raw.private_key_file.is_some()),
    ];
    let stray = given.into_iter().find(|(_, is_stray)| *is_stray);
    stray.map(|(key, _)| (key, why.to_owned()))
}

fn credential(raw: &Raw) -> Result<Credential, (&'static str, String)> {
    if let Some(stray) = stray(raw) {
        return Err(stray);
    }
    match (&raw.client_secret, &raw.client_secret_file) {
        (Some(_), Some(_)) => {
            let both = "is given together with client_secret_file: choose one";
            return Err(("client_secret", both.to_owned()));
        }
        (Some(secret), None) => return Ok(Credential::Secret(Secret::text(secret))),
        (None, Some(file)) => {
            let secret = text_of(file).map_err(|problem| ("client_secret_file", problem))?;
            return Ok(Credential::Secret(secret));
        }
        (None, None) => {}
    }
    match (&raw.team_id, &raw.key_id, &raw.private_key_file) {
        (None, None, None) => Ok(Credential::None),
        (Some(team), Some(id), Some(file)) => {
            let private = text_of(file).map_err(|problem| ("private_key_file", problem))?;
            Ok(Credential::Key { team: team.clone(), id: id.clone(), private })
        }
        (None, ..) => Err(("team_id", "is missing".to_owned())),
        (_, None, _) => Err(("key_id", "is missing".to_owned())),
        (.., None) => Err(("private_key_file", "is missing".to_owned())),
    }
}

fn text_of(file: &Path) -> Result<Secret, String> {
    match secret_file::read_text(file) {
        Ok(text) => Ok(Secret::text(text.trim_end_matches(['\r', '\n']))),
        Err(unreadable) => Err(unreadable.to_string()),
    }
}
