//! Who does something in the administration.

use super::audit::{Event, Origin};
use super::client::ClientId;
use super::user::UserId;

/// Who does something in the administration: the audit says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Whoever may run commands on the machine of the server.
    Operator,
    /// A person with a role.
    Person(UserId),
    /// A client with a token of its own.
    Client(ClientId),
    /// An app that registered itself, about its own registration: anybody may be one.
    App(ClientId),
    /// A SCIM connector, by the id of its token.
    Connector(String),
}

impl Actor {
    /// The text in the audit events.
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Self::Operator => "operator".to_owned(),
            Self::Person(id) => format!("person:{}", id.as_str()),
            Self::Client(id) => format!("client:{}", id.as_str()),
            Self::App(id) => format!("app:{}", id.as_str()),
            Self::Connector(id) => format!("scim:{id}"),
        }
    }
}

/// Who acts, and where the request came from. It is written into every audit event of a transaction.
#[derive(Clone, Debug)]
pub struct Acting {
    /// Who acts.
    pub actor: Actor,
    /// Where the request came from.
    pub origin: Origin,
}

impl From<Actor> for Acting {
    fn from(actor: Actor) -> Self {
        Self { actor, origin: Origin::default() }
    }
}

/// Where the request came from: what the event says, or else what is known of who acts.
#[must_use]
pub fn origin_of<'a>(event: &'a Event, acting: Option<&'a Acting>) -> &'a Origin {
    match acting {
        Some(acting) if event.origin == Origin::default() => &acting.origin,
        _ => &event.origin,
    }
}
