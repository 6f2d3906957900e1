//! People as SCIM shows and changes them.

use serde_json::{Map, Value, json};

use super::refusal::{ScimRefusal, ScimResult};
use super::schema::{ResourceType, USER};
use crate::domain::group::Group;
use crate::domain::secret::Secret;
use crate::domain::user::{Profile, User};
use crate::domain::version::Version;

/// The longest text of an attribute, in characters.
const LONGEST: usize = 1024;

/// How a connector described an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EmailForm {
    /// `type`.
    pub kind: Option<String>,
    /// `primary`.
    pub is_primary: Option<bool>,
}

/// What is kept of a person for connectors alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForConnector {
    /// The identifier that the connector gave.
    pub external_id: Option<String>,
    /// How it described the address; `None` if the address came from elsewhere.
    pub email: Option<EmailForm>,
}

/// A person with everything that SCIM shows.
#[derive(Clone, Debug)]
pub struct Provisioned {
    /// The account.
    pub user: User,
    /// What is kept for connectors alone.
    pub for_connector: ForConnector,
    /// The groups, in the order of their names.
    pub groups: Vec<Group>,
}

/// What a person is to be.
#[derive(Clone, Debug)]
pub struct WantedPerson {
    /// `userName`.
    pub username: String,
    /// The address that is kept.
    pub email: Option<String>,
    /// The names and the other claims that SCIM reaches.
    names: Names,
    /// Whether the person may sign in; `None`: as it is.
    pub active: Option<bool>,
    /// What is kept for connectors alone.
    pub for_connector: ForConnector,
    /// A new password.
    pub password: Option<Secret<String>>,
}

#[derive(Clone, Debug)]
struct Names {
    name: Option<String>,
    given: Option<String>,
    family: Option<String>,
    middle: Option<String>,
    nick: Option<String>,
    page: Option<String>,
    locale: Option<String>,
    zone: Option<String>,
}

impl WantedPerson {
    /// Reads it from the attributes of a resource.
    pub fn read(resource: &Map<String, Value>) -> ScimResult<Self> {
        let text = |name: &str| kept_text(resource.get(name), name);
        let name = resource.get("name");
        let part = |part: &str| kept_text(name.and_then(|name| name.get(part)), part);
        let Some(username) = text("userName")? else {
            return Err(ScimRefusal::value("userName is missing"));
        };
        let external_id = text("externalId")?;
        external_id.as_deref().map_or(Ok(()), check_external_id)?;
        let password = text("password")?.map(Secret::new);
        let email = chosen_email(resource.get("emails"));
        let form = match email {
            Some(email) => Some(EmailForm {
                kind: kept_text(email.get("type"), "type")?,
                is_primary: email.get("primary").and_then(Value::as_bool),
            }),
            None => None,
        };
        Ok(Self {
            username,
            email: kept_text(email.and_then(|email| email.get("value")), "emails")?,
            names: Names {
                name: text("displayName")?,
                given: part("givenName")?,
                family: part("familyName")?,
                middle: part("middleName")?,
                nick: text("nickName")?,
                page: text("profileUrl")?,
                locale: text("locale")?,
                zone: text("timezone")?,
            },
            active: resource.get("active").and_then(Value::as_bool),
            for_connector: ForConnector { external_id, email: form },
            password,
        })
    }

    /// The claims of an account when it is this.
    #[must_use]
    pub fn profile(&self, before: Profile) -> Profile {
        let names = self.names.clone();
        Profile {
            name: names.name,
            given_name: names.given,
            family_name: names.family,
            middle_name: names.middle,
            nickname: names.nick,
            profile: names.page,
            locale: names.locale,
            zoneinfo: names.zone,
            ..before
        }
    }
}

fn kept_text(value: Option<&Value>, name: &str) -> ScimResult<Option<String>> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
        Some(Value::String(text)) => {
            if text.chars().count() > LONGEST || text.chars().any(char::is_control) {
                let why = format!("{name} has at most {LONGEST} characters, none of control");
                return Err(ScimRefusal::value(why));
            }
            Ok(Some(text.clone()))
        }
        Some(_) => Err(ScimRefusal::value(format!("{name} is a text"))),
    }
}

/// An index finds the identifier that a connector gave, so it is short.
pub(super) fn check_external_id(id: &str) -> ScimResult<()> {
    if id.len() > 1024 || id.chars().any(char::is_control) {
        let why = "externalId has at most 1024 bytes, none of control";
        return Err(ScimRefusal::value(why));
    }
    Ok(())
}

/// The address that is kept: the primary one, that of work, or the first one.
fn chosen_email(emails: Option<&Value>) -> Option<&Value> {
    let all = emails?.as_array()?;
    let with_address = || all.iter().filter(|one| one.get("value").is_some_and(Value::is_string));
    let is_primary = |one: &&Value| one.get("primary") == Some(&Value::Bool(true));
    let is_of_work = |one: &&Value| {
        let of = one.get("type").and_then(Value::as_str);
        of.is_some_and(|of| of.eq_ignore_ascii_case("work"))
    };
    let primary = with_address().find(is_primary).or_else(|| with_address().find(is_of_work));
    primary.or_else(|| with_address().next())
}

impl Provisioned {
    /// The attributes that changes are made to.
    #[must_use]
    pub fn attributes(&self) -> Map<String, Value> {
        let User { username, profile, .. } = &self.user;
        let mut all = Map::new();
        let mut put = |name: &str, value: Value| drop(all.insert(name.to_owned(), value));
        put("userName", username.clone().into());
        if let Some(id) = &self.for_connector.external_id {
            put("externalId", id.clone().into());
        }
        let mut name = Map::new();
        let parts = [
            ("familyName", profile.family_name.clone()),
            ("givenName", profile.given_name.clone()),
            ("middleName", profile.middle_name.clone()),
        ];
        for (part, value) in parts {
            name.extend(value.map(|value| (part.to_owned(), value.into())));
        }
        if !name.is_empty() {
            put("name", name.into());
        }
        let texts = [
            ("displayName", &profile.name),
            ("nickName", &profile.nickname),
            ("profileUrl", &profile.profile),
            ("locale", &profile.locale),
            ("timezone", &profile.zoneinfo),
        ];
        for (name, value) in texts {
            if let Some(value) = value {
                put(name, value.clone().into());
            }
        }
        put("active", self.user.disabled_at.is_none().into());
        // A connector vouches for what it says. It did not say an address that nobody has proven.
        if let Some(email) = self.user.verified_email() {
            put("emails", json!([self.email(email)]));
        }
        all
    }

    /// The address as the connector described it, or as that of work.
    fn email(&self, address: &str) -> Map<String, Value> {
        let form = self
            .for_connector
            .email
            .clone()
            .unwrap_or_else(|| EmailForm { kind: Some("work".to_owned()), is_primary: Some(true) });
        let mut email = Map::new();
        email.insert("value".to_owned(), address.into());
        email.extend(form.kind.map(|kind| ("type".to_owned(), kind.into())));
        email.extend(form.is_primary.map(|primary| ("primary".to_owned(), primary.into())));
        email
    }

    /// The version of what SCIM shows of the person.
    #[must_use]
    pub fn version(&self) -> Version {
        let groups: Vec<_> =
            self.groups.iter().map(|group| (group.id.as_str(), group.name.as_str())).collect();
        let User { id, updated_at, disabled_at, password_hash, .. } = &self.user;
        Version::of(&json!([id, self.attributes(), groups, updated_at, disabled_at, password_hash]))
    }

    /// The person as it is shown. `base` is the address of this SCIM service.
    #[must_use]
    pub fn shown(&self, base: &str) -> Value {
        let mut shown = self.attributes();
        let groups = self.groups.iter().map(|group| {
            let (id, name) = (group.id.as_str(), group.name.as_str());
            json!({ "value": id, "$ref": format!("{base}/Groups/{id}"), "display": name })
        });
        let groups: Vec<_> = groups.collect();
        if !groups.is_empty() {
            shown.insert("groups".to_owned(), groups.into());
        }
        let id = self.user.id.as_str();
        shown.insert("schemas".to_owned(), json!([USER]));
        shown.insert("id".to_owned(), id.into());
        let meta = json!({
            "resourceType": ResourceType::User.name(),
            "created": self.user.created_at,
            "lastModified": self.user.updated_at,
            "location": format!("{base}/Users/{id}"),
            "version": weak(&self.version()),
        });
        shown.insert("meta".to_owned(), meta);
        Value::Object(shown)
    }
}

/// The entity tag of a version. It is weak: members stand in any order.
#[must_use]
pub fn weak(version: &Version) -> String {
    format!("W/{}", version.etag())
}
