//! The schemas of the resources, RFC 7643 §7: what is kept of a person and of a group. A connector
//! may send more; standard attributes that are not kept are ignored.

use serde_json::{Map, Value, json};

/// The schema of people, RFC 7643 §4.1.
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The schema of groups, RFC 7643 §4.2.
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// The enterprise extension, RFC 7643 §4.3. Nothing of it is kept.
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// The type of an attribute, RFC 7643 §2.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the RFC")]
pub enum Type {
    String,
    Boolean,
    DateTime,
    Reference,
    Complex,
}

/// Whether an attribute can be changed, RFC 7643 §7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the RFC")]
pub enum Mutability {
    ReadOnly,
    ReadWrite,
    Immutable,
    WriteOnly,
}

/// An attribute.
#[derive(Clone, Copy, Debug)]
pub struct Attribute {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub of: Type,
    /// Whether it has many values.
    pub many: bool,
    /// Whether every resource has it.
    pub required: bool,
    /// Whether its values are compared with case.
    pub case_exact: bool,
    /// Whether it can be changed.
    pub mutability: Mutability,
    /// What it is for.
    pub description: &'static str,
    /// The values that it may have.
    pub canonical: &'static [&'static str],
    /// What a reference refers to.
    pub refers_to: &'static [&'static str],
    /// Its sub-attributes.
    pub subs: &'static [Self],
}

const TEXT: Attribute = Attribute {
    name: "",
    of: Type::String,
    many: false,
    required: false,
    case_exact: false,
    mutability: Mutability::ReadWrite,
    description: "",
    canonical: &[],
    refers_to: &[],
    subs: &[],
};

const fn text(name: &'static str, description: &'static str) -> Attribute {
    Attribute { name, description, ..TEXT }
}

const fn read_only(attribute: Attribute) -> Attribute {
    Attribute { mutability: Mutability::ReadOnly, ..attribute }
}

const fn exact(attribute: Attribute) -> Attribute {
    Attribute { case_exact: true, ..attribute }
}

const fn reference(
    name: &'static str,
    to: &'static [&'static str],
    description: &'static str,
) -> Attribute {
    Attribute { name, of: Type::Reference, refers_to: to, description, case_exact: true, ..TEXT }
}

const META: Attribute = read_only(Attribute {
    name: "meta",
    of: Type::Complex,
    description: "What is known about the resource itself",
    subs: &[
        read_only(exact(text("resourceType", "User or Group"))),
        read_only(Attribute {
            name: "created",
            of: Type::DateTime,
            description: "When it was made",
            ..TEXT
        }),
        read_only(Attribute {
            name: "lastModified",
            of: Type::DateTime,
            description: "When it was changed last",
            ..TEXT
        }),
        read_only(reference("location", &["uri"], "Its address")),
        read_only(exact(text("version", "Its version, as in ETag"))),
    ],
    ..TEXT
});

/// The attributes that every resource has, RFC 7643 §3.1. They stand in no schema.
pub const COMMON: &[Attribute] = &[
    read_only(exact(text("id", "The identifier that this server gave"))),
    exact(text("externalId", "The identifier that the connector gave")),
    META,
];

/// The attributes of people.
pub const USER_ATTRIBUTES: &[Attribute] = &[
    Attribute {
        required: true,
        ..text("userName", "The name by which the person signs in; unique without regard to case")
    },
    Attribute {
        name: "name",
        of: Type::Complex,
        description: "The parts of the name",
        subs: &[
            text("familyName", "The family name"),
            text("givenName", "The given name"),
            text("middleName", "The middle name"),
        ],
        ..TEXT
    },
    text("displayName", "The name to show: the claim `name`"),
    text("nickName", "The casual name: the claim `nickname`"),
    reference("profileUrl", &["external"], "A page about the person: the claim `profile`"),
    text("locale", "The language of the person: the claim `locale`"),
    text("timezone", "The time zone of the person: the claim `zoneinfo`"),
    Attribute {
        name: "active",
        of: Type::Boolean,
        required: true,
        description: "Whether the person may sign in; `false` ends everything that is open",
        ..TEXT
    },
    Attribute {
        mutability: Mutability::WriteOnly,
        ..exact(text("password", "The password; it is never returned"))
    },
    Attribute {
        name: "emails",
        of: Type::Complex,
        many: true,
        description: "The e-mail address. One is kept: the primary one, or else that of work",
        subs: &[
            text("value", "The address; the connector vouches that it is the person's"),
            Attribute { canonical: &["work", "home", "other"], ..text("type", "What it is for") },
            Attribute {
                name: "primary",
                of: Type::Boolean,
                description: "Whether it is the one that is kept",
                ..TEXT
            },
        ],
        ..TEXT
    },
    read_only(Attribute {
        name: "groups",
        of: Type::Complex,
        many: true,
        description: "The groups of the person; they are changed at the groups",
        subs: &[
            read_only(exact(text("value", "The id of the group"))),
            read_only(reference("$ref", &["Group"], "The address of the group")),
            read_only(text("display", "The name of the group")),
        ],
        ..TEXT
    }),
];

/// The attributes of groups.
pub const GROUP_ATTRIBUTES: &[Attribute] = &[
    Attribute {
        required: true,
        ..exact(text("displayName", "The name, which tokens have in the claim `groups`; unique"))
    },
    Attribute {
        name: "members",
        of: Type::Complex,
        many: true,
        description: "The people in the group",
        subs: &[
            Attribute {
                mutability: Mutability::Immutable,
                ..exact(text("value", "The id of the person"))
            },
            Attribute {
                mutability: Mutability::Immutable,
                ..reference("$ref", &["User"], "The address of the person")
            },
            Attribute {
                mutability: Mutability::Immutable,
                canonical: &["User"],
                ..text("type", "Always User")
            },
        ],
        ..TEXT
    },
];

/// Standard attributes of people that are not kept, RFC 7643 §4.1.
const NOT_KEPT: &[&str] = &[
    "title",
    "userType",
    "preferredLanguage",
    "phoneNumbers",
    "ims",
    "photos",
    "addresses",
    "entitlements",
    "roles",
    "x509Certificates",
];

/// A type of resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceType {
    /// People.
    User,
    /// Groups.
    Group,
}

/// What a name in a path or a filter means.
#[derive(Clone, Copy, Debug)]
pub enum Meant {
    /// An attribute that is kept.
    Kept(&'static Attribute),
    /// A standard attribute that is not kept.
    NotKept,
    /// Nothing.
    Nothing,
}

impl ResourceType {
    /// Every type.
    pub const ALL: &'static [Self] = &[Self::User, Self::Group];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
        }
    }

    /// The last part of its endpoint.
    #[must_use]
    pub const fn endpoint(self) -> &'static str {
        match self {
            Self::User => "Users",
            Self::Group => "Groups",
        }
    }

    /// Its schema.
    #[must_use]
    pub const fn schema(self) -> &'static str {
        match self {
            Self::User => USER,
            Self::Group => GROUP,
        }
    }

    /// The attributes of its schema.
    #[must_use]
    pub const fn attributes(self) -> &'static [Attribute] {
        match self {
            Self::User => USER_ATTRIBUTES,
            Self::Group => GROUP_ATTRIBUTES,
        }
    }

    /// The attribute of this name, RFC 7643 §2.1: without regard to case.
    #[must_use]
    pub fn meant(self, name: &str) -> Meant {
        let named = |one: &&Attribute| one.name.eq_ignore_ascii_case(name);
        if let Some(kept) = self.attributes().iter().chain(COMMON).find(named) {
            return Meant::Kept(kept);
        }
        let is_known = |known: &&str| known.eq_ignore_ascii_case(name);
        if self == Self::User && NOT_KEPT.iter().any(is_known) {
            Meant::NotKept
        } else {
            Meant::Nothing
        }
    }

    /// The definition of its schema, RFC 7643 §7.
    #[must_use]
    pub fn definition(self) -> Value {
        let (description, attributes) = match self {
            Self::User => ("People", USER_ATTRIBUTES),
            Self::Group => ("Groups of people", GROUP_ATTRIBUTES),
        };
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
            "id": self.schema(),
            "name": self.name(),
            "description": description,
            "attributes": attributes.iter().map(Attribute::definition).collect::<Vec<_>>(),
        })
    }
}

impl Attribute {
    /// The sub-attribute of this name.
    #[must_use]
    pub fn sub(&self, name: &str) -> Option<&'static Self> {
        self.subs.iter().find(|one| one.name.eq_ignore_ascii_case(name))
    }

    fn definition(&self) -> Value {
        let of = match self.of {
            Type::String => "string",
            Type::Boolean => "boolean",
            Type::DateTime => "dateTime",
            Type::Reference => "reference",
            Type::Complex => "complex",
        };
        let mutability = match self.mutability {
            Mutability::ReadOnly => "readOnly",
            Mutability::ReadWrite => "readWrite",
            Mutability::Immutable => "immutable",
            Mutability::WriteOnly => "writeOnly",
        };
        let is_unique = self.required && self.of == Type::String;
        let mut definition = Map::new();
        let mut put = |name: &str, value: Value| definition.insert(name.to_owned(), value);
        put("name", self.name.into());
        put("type", of.into());
        put("multiValued", self.many.into());
        put("description", self.description.into());
        put("required", self.required.into());
        put("mutability", mutability.into());
        let is_hidden = self.mutability == Mutability::WriteOnly;
        put("returned", if is_hidden { "never" } else { "default" }.into());
        if self.of == Type::Complex {
            put("subAttributes", self.subs.iter().map(Self::definition).collect());
        } else {
            put("caseExact", self.case_exact.into());
            put("uniqueness", if is_unique { "server" } else { "none" }.into());
        }
        if !self.canonical.is_empty() {
            put("canonicalValues", self.canonical.into());
        }
        if self.of == Type::Reference {
            put("referenceTypes", self.refers_to.into());
        }
        Value::Object(definition)
    }
}
