//! The registered metadata of a provider of social login. This is the only place where an attribute
//! is declared.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::client::ClientId;
use super::group::GroupName;
use super::nearest::nearest;

/// An attribute of a provider, for the settings, for the command line and for the reference of
/// both.
#[derive(Clone, Copy, Debug)]
pub struct Attribute {
    /// Its name in the settings, in the database and in the output of commands.
    pub name: &'static str,
    /// The name of its command-line flag, which is repeated for each item of a list.
    pub flag: &'static str,
    /// The placeholder behind the flag in the help.
    pub placeholder: &'static str,
    /// The form of its value.
    pub form: AttributeForm,
    /// Whether every provider must have it.
    pub is_required: bool,
    /// Its description, for operators.
    pub words: &'static str,
}

impl Attribute {
    /// Its key in the settings. Audiences are written one table each, so their key is the singular.
    #[must_use]
    pub fn key(&self) -> &'static str {
        if matches!(self.form, AttributeForm::Audiences) { self.flag } else { self.name }
    }
}

/// The form of the value of an attribute.
#[derive(Clone, Copy, Debug)]
pub enum AttributeForm {
    /// A text.
    Text,
    /// The name of a preset.
    Preset,
    /// A list of texts.
    Texts,
    /// `true` or `false`.
    Flag,
    /// Client ids at the provider, each with clients of ours.
    Audiences,
}

/// A type that an attribute may have.
trait AttributeValue: Sized {
    const FORM: AttributeForm;
    const IS_REQUIRED: bool = false;

    /// Reads a value, or says what is wrong with it.
    fn read(value: Value) -> Result<Self, String>;
}

fn text(value: Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text),
        Value::Null => Err("is missing".to_owned()),
        _ => Err("must be a text".to_owned()),
    }
}

fn texts(value: Value) -> Result<Vec<String>, String> {
    match value {
        Value::Null => Ok(Vec::new()),
        value => serde_json::from_value(value).map_err(|_| "must be a list of texts".to_owned()),
    }
}

impl AttributeValue for String {
    const FORM: AttributeForm = AttributeForm::Text;
    const IS_REQUIRED: bool = true;

    fn read(value: Value) -> Result<Self, String> {
        text(value)
    }
}

impl AttributeValue for Option<String> {
    const FORM: AttributeForm = AttributeForm::Text;

    fn read(value: Value) -> Result<Self, String> {
        if value.is_null() { Ok(None) } else { text(value).map(Some) }
    }
}

impl AttributeValue for Preset {
    const FORM: AttributeForm = AttributeForm::Preset;
    const IS_REQUIRED: bool = true;

    fn read(value: Value) -> Result<Self, String> {
        let name = text(value)?;
        Self::parse(&name).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str);
            let meant = nearest(&name, known).map(|meant| format!(": did you mean {meant}?"));
            format!("is not one of {}{}", known.join(", "), meant.unwrap_or_default())
        })
    }
}

impl AttributeValue for bool {
    const FORM: AttributeForm = AttributeForm::Flag;

    fn read(value: Value) -> Result<Self, String> {
        match value {
            Value::Bool(is_so) => Ok(is_so),
            Value::Null => Ok(false),
            _ => Err("must be true or false".to_owned()),
        }
    }
}

const NO_CLIENT_ID: &str = "holds something that is not a client id";

impl AttributeValue for Vec<ClientId> {
    const FORM: AttributeForm = AttributeForm::Texts;

    fn read(value: Value) -> Result<Self, String> {
        let clients: Option<_> = texts(value)?.iter().map(|id| ClientId::parse(id)).collect();
        clients.ok_or_else(|| NO_CLIENT_ID.to_owned())
    }
}

impl AttributeValue for Vec<Domain> {
    const FORM: AttributeForm = AttributeForm::Texts;

    fn read(value: Value) -> Result<Self, String> {
        let domains: Result<_, NoDomain> =
            texts(value)?.iter().map(|name| Domain::parse(name)).collect();
        domains.map_err(|problem| problem.to_string())
    }
}

impl AttributeValue for Vec<GroupMapping> {
    const FORM: AttributeForm = AttributeForm::Texts;

    fn read(value: Value) -> Result<Self, String> {
        texts(value)?.iter().map(|text| GroupMapping::parse(text)).collect()
    }
}

impl AttributeValue for Vec<Audience> {
    const FORM: AttributeForm = AttributeForm::Audiences;

    fn read(value: Value) -> Result<Self, String> {
        if value.is_null() {
            return Ok(Vec::new());
        }
        let audiences: Self = serde_json::from_value(value)
            .map_err(|_| "must be tables with an id and clients".to_owned())?;
        let is_id = |id: &ClientId| ClientId::parse(id.as_str()).is_some();
        if audiences.iter().all(|one| one.clients.iter().all(is_id)) {
            Ok(audiences)
        } else {
            Err(NO_CLIENT_ID.to_owned())
        }
    }
}

macro_rules! provider_metadata {
    ($($(#[doc = $words:literal])+ $name:ident, $flag:literal, $placeholder:literal: $type:ty;)+) => {
        /// How this server is registered with a provider, and the operator's rules for it. It holds
        /// no secret. Its JSON is stored in databases, so an attribute keeps its name, and a new
        /// one has a default.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        pub struct ProviderMetadata {
            $($(#[doc = $words])+ pub $name: $type,)+
        }

        impl ProviderMetadata {
            /// Every attribute.
            pub const ATTRIBUTES: &[Attribute] = &[$(Attribute {
                name: stringify!($name),
                flag: $flag,
                placeholder: $placeholder,
                form: <$type as AttributeValue>::FORM,
                is_required: <$type as AttributeValue>::IS_REQUIRED,
                words: concat!($($words),+).trim_ascii(),
            },)+];

            /// Reads a JSON object and reports each attribute that is wrong. A member that is not
            /// an attribute is ignored: an older version may have written it.
            pub fn from_json(mut members: Map<String, Value>) -> Result<Self, AttributeProblems> {
                let mut problems = Vec::new();
                $(
                    let value = members.remove(stringify!($name)).unwrap_or(Value::Null);
                    let $name = <$type as AttributeValue>::read(value)
                        .map_err(|problem| problems.push((stringify!($name), problem)));
                )+
                match ($($name,)+) {
                    ($(Ok($name),)+) => Ok(Self { $($name,)+ }),
                    _ => Err(AttributeProblems(problems)),
                }
            }
        }
    };
}

/// The attributes that are wrong, each with what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeProblems(pub Vec<(&'static str, String)>);

impl fmt::Display for AttributeProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> =
            self.0.iter().map(|(name, problem)| format!("{name} {problem}")).collect();
        f.write_str(&lines.join("; "))
    }
}

provider_metadata! {
    /// The kind of provider.
    preset, "preset", "PRESET": Preset;
    /// What people read on the button, instead of the preset's name: up to 60 characters.
    name, "name", "NAME": Option<String>;
    /// Needed for `oidc`; for `github` and `gitlab` a server of your own; for the others only to
    /// point at a stand-in in tests.
    issuer, "issuer", "URL": Option<String>;
    /// What the provider calls this server; at Apple the Services ID.
    client_id, "client-id", "CLIENT_ID": String;
    /// Microsoft: `common`, `organizations`, `consumers` or a tenant id.
    tenant, "tenant", "TENANT": Option<String>;
    /// What is asked for there, instead of the preset's scopes, separated by spaces. At an OpenID
    /// provider `openid` is one of them.
    scopes, "scopes", "SCOPES": Option<String>;
    /// Further client ids there whose tokens are accepted at `/token`, and the clients here that may
    /// present them.
    audiences, "audience", "ID=CLIENT,…": Vec<Audience>;
    /// The clients that may use it; all, if none is named. Whoever came by it is signed in at these
    /// and at no other.
    allowed_clients, "allowed-client", "CLIENT": Vec<ClientId>;
    /// Only people with a verified address in one of these domains come in; subdomains are other
    /// domains. For `google`, `apple`, `kakao`, `github`, `gitlab` and `oidc`.
    allowed_domains, "allowed-domain", "DOMAIN": Vec<Domain>;
    /// Whether it is the only way in for the clients that it serves.
    only, "only", "true|false": bool;
    /// Whether name, picture and so on follow the provider at every sign-in. Otherwise it fills
    /// what is empty.
    follow_profile, "follow-profile", "true|false": bool;
    /// The claim that lists a person's groups there, like `groups`. For `oidc`, `microsoft` and
    /// `gitlab`.
    group_claim, "group-claim", "CLAIM": Option<String>;
    /// A group there and the group here that its people are in: at each sign-in by this provider they
    /// get it, or lose it. What was given by hand stays.
    group_map, "group-map", "THEIRS=OURS": Vec<GroupMapping>;
}

impl ProviderMetadata {
    /// The metadata as a JSON object.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(members)) => members,
            // Not reachable: every attribute has a name that is text, and serializing one cannot
            // fail.
            _ => Map::new(),
        }
    }

    /// The same metadata with some attributes replaced. `null` removes an attribute that is
    /// optional.
    pub fn changed(&self, change: &ProviderChange) -> Result<Self, AttributeProblems> {
        let mut members = self.to_json();
        members.extend(change.0.clone());
        Self::from_json(members)
    }
}

/// Changes to some attributes of a provider, by their names.
#[derive(Clone, Debug, Default)]
pub struct ProviderChange(pub Map<String, Value>);

/// A kind of provider. `social::profiles` describes each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "each is the vendor of that name")]
pub enum Preset {
    /// Any OpenID provider.
    Oidc,
    Google,
    Apple,
    Microsoft,
    Kakao,
    Naver,
    Line,
    Facebook,
    GitHub,
    GitLab,
}

impl Preset {
    /// Whether its tokens can list the groups of a person there.
    #[must_use]
    pub fn may_list_groups(self) -> bool {
        matches!(self, Self::Oidc | Self::Microsoft | Self::GitLab)
    }

    /// Every preset.
    pub const ALL: [Self; 10] = [
        Self::Oidc,
        Self::Google,
        Self::Apple,
        Self::Microsoft,
        Self::Kakao,
        Self::Naver,
        Self::Line,
        Self::Facebook,
        Self::GitHub,
        Self::GitLab,
    ];

    /// Its name in settings, in commands and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Oidc => "oidc",
            Self::Google => "google",
            Self::Apple => "apple",
            Self::Microsoft => "microsoft",
            Self::Kakao => "kakao",
            Self::Naver => "naver",
            Self::Line => "line",
            Self::Facebook => "facebook",
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
        }
    }

    /// The preset of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.as_str() == name)
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A client id at a provider that belongs to one of the operator's apps and not to this server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredAudience")]
pub struct Audience {
    /// The client id at the provider.
    pub id: String,
    /// The clients of ours for which a token with this audience is accepted.
    pub clients: Vec<ClientId>,
}

/// An audience as it is stored in JSON. In older rows it is a pair.
#[derive(Deserialize)]
#[serde(untagged)]
enum StoredAudience {
    Members {
        id: String,
        #[serde(default)]
        clients: Vec<ClientId>,
    },
    Pair(String, Vec<ClientId>),
}

impl From<StoredAudience> for Audience {
    fn from(stored: StoredAudience) -> Self {
        match stored {
            StoredAudience::Members { id, clients } | StoredAudience::Pair(id, clients) => {
                Self { id, clients }
            }
        }
    }
}

/// A group at a provider, and the group here that its people are in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMapping {
    /// Its name there.
    pub theirs: String,
    /// The group here.
    pub ours: GroupName,
}

impl GroupMapping {
    /// Reads `THEIRS=OURS`. It splits at the last equals sign: names in a directory have some, like
    /// `cn=staff,ou=groups`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is not like THEIRS=OURS");
        let (theirs, ours) = text.rsplit_once('=').ok_or_else(bad)?;
        if theirs.is_empty() || theirs.len() > 255 || theirs.contains(char::is_control) {
            return Err(bad());
        }
        let ours = GroupName::parse(ours).map_err(|why| format!("{text:?}: {why}"))?;
        Ok(Self { theirs: theirs.to_owned(), ours })
    }
}

impl fmt::Display for GroupMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.theirs, self.ours)
    }
}

impl Serialize for GroupMapping {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// A domain of e-mail addresses, in lower case, as it is compared. Its subdomains are other
/// domains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Domain(String);

/// The error for a text that is not a domain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a domain, like example.com")]
pub struct NoDomain(String);

impl Domain {
    /// Reads a domain in upper or lower case.
    pub fn parse(text: &str) -> Result<Self, NoDomain> {
        let domain = text.trim().to_lowercase();
        let alien = |c: char| matches!(c, '@' | '/' | '*') || c.is_whitespace();
        let shaped = !domain.is_empty() && !domain.contains(alien);
        if shaped { Ok(Self(domain)) } else { Err(NoDomain(text.to_owned())) }
    }

    /// The domain as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ProviderMetadata {
    /// Metadata with only a preset and a client id.
    #[must_use]
    pub fn new(preset: Preset, client_id: impl Into<String>) -> Self {
        Self {
            preset,
            name: None,
            issuer: None,
            client_id: client_id.into(),
            tenant: None,
            scopes: None,
            audiences: Vec::new(),
            allowed_clients: Vec::new(),
            allowed_domains: Vec::new(),
            only: false,
            follow_profile: false,
            group_claim: None,
            group_map: Vec::new(),
        }
    }

    /// The clients of ours that the metadata names.
    pub fn clients(&self) -> impl Iterator<Item = &ClientId> {
        self.audiences.iter().flat_map(|audience| &audience.clients).chain(&self.allowed_clients)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Result<ProviderMetadata, AttributeProblems> {
        ProviderMetadata::from_json(serde_json::from_str(text).unwrap())
    }

    #[test]
    fn a_domain_is_compared_in_lower_case() {
        assert_eq!(Domain::parse(" Example.COM ").unwrap().as_str(), "example.com");
        for bad in ["", " ", "a@b", "a/b", "*.example.com", "a b"] {
            assert_eq!(Domain::parse(bad), Err(NoDomain(bad.to_owned())));
        }
    }

    #[test]
    fn a_preset_is_written_as_it_is_named() {
        for preset in Preset::ALL {
            assert_eq!(Preset::parse(preset.as_str()), Some(preset));
            assert_eq!(serde_json::json!(preset), preset.as_str());
        }
        assert_eq!(Preset::parse("Google"), None);
    }

    /// This JSON is stored in databases.
    #[test]
    fn the_json_of_the_metadata_stays() {
        let stored = r#"{"preset":"microsoft","name":"Ours","issuer":null,"client_id":"x","tenant":"common","scopes":null,"audiences":[["android",["app"]]],"allowed_clients":["app"],"allowed_domains":["example.com"],"only":true,"follow_profile":false,"group_claim":"groups","group_map":["cn=staff,ou=x=Staff"]}"#;
        let metadata = read(stored).unwrap();
        assert_eq!(metadata.audiences[0].id, "android");
        assert_eq!(metadata.audiences[0].clients[0].as_str(), "app");
        let mapping = &metadata.group_map[0];
        assert_eq!((mapping.theirs.as_str(), mapping.ours.as_str()), ("cn=staff,ou=x", "Staff"));
        for bad in ["staff", "=Staff", "staff=", "a\nb=c"] {
            assert!(GroupMapping::parse(bad).is_err(), "{bad:?}");
        }
        let written =
            stored.replace(r#"["android",["app"]]"#, r#"{"id":"android","clients":["app"]}"#);
        assert_eq!(serde_json::to_string(&metadata).unwrap(), written);
        assert_eq!(read(&written).unwrap(), metadata);
        // A member that older versions wrote is ignored.
        let older =
            stored.replace(r#""audiences""#, r#""origins":["https://a.example"],"audiences""#);
        assert_eq!(read(&older).unwrap(), metadata);
        let bare = r#"{"preset":"oidc","client_id":"ours"}"#;
        assert_eq!(read(bare).unwrap(), ProviderMetadata::new(Preset::Oidc, "ours"));
    }

    #[test]
    fn every_problem_is_told_by_its_attribute() {
        let wrong = json!({
            "preset": "kakoa", "name": 5, "audiences": ["x"], "allowed_clients": ["마패"],
            "allowed_domains": ["a@b"], "only": "yes",
        });
        let AttributeProblems(problems) = read(&wrong.to_string()).unwrap_err();
        let names: Vec<_> = problems.iter().map(|(name, _)| *name).collect();
        let expected = ["preset", "name", "client_id", "audiences", "allowed_clients"];
        assert_eq!(names, [&expected[..], &["allowed_domains", "only"]].concat());
    }

    #[test]
    fn an_attribute_is_replaced_by_its_name_and_taken_back_by_null() {
        let before = read(r#"{"preset":"oidc","client_id":"x","name":"A","only":true}"#).unwrap();
        let change = json!({ "name": null, "client_id": "y", "allowed_domains": ["A.example"] });
        let change = ProviderChange(change.as_object().cloned().unwrap());
        let after = before.changed(&change).unwrap();
        assert_eq!((after.name, after.client_id.as_str(), after.only), (None, "y", true));
        assert_eq!(after.allowed_domains[0].as_str(), "a.example");
        let taken = ProviderChange(json!({ "client_id": null }).as_object().cloned().unwrap());
        assert!(before.changed(&taken).is_err());
    }
}
